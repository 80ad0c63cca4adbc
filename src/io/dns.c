/*
 * dns.c - answers from DNS: in the background, kept, and by a deadline
 */
#include "io/dns.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/dns_cache.h"
#include "io/dns_link.h"
#include "io/dns_message.h"
#include "io/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PORT 53
#define GIVEN_MAX 100000

/* Somebody who waits, and each question that is waited for. */
struct waiter {
	pthread_cond_t all_here;
	size_t missing;
};

struct dns_waiting {
	struct dns_waiting *next;
	struct waiter *waiter;
	struct dns_entry *entry;
	struct dns_held **held;		/* where the answer goes */
};

struct dns {
	struct dns_options options;
	struct dns_link *link;		/* NULL: given answers only */
	struct dns_held *failed;	/* the answer that none is */
	pthread_condattr_t steady;
	pthread_mutex_t lock;		/* of the rest */
	struct dns_cache cache;
	struct dns_entry *first, *last;	/* to be sent */
};

/* --- answers that are held --------------------------------------------- */

static struct dns_held *
hold(struct dns_held *held)
{
	atomic_fetch_add(&held->holders, 1);
	return held;
}

void
dns_release(struct dns_held *held)
{
	if (held != NULL && atomic_fetch_sub(&held->holders, 1) == 1)
		free(held);
}

const struct dns_answer *
dns_answer_of(const struct dns_held *held)
{
	return &held->answer;
}

/* --- the thread's side ------------------------------------------------- */

static int64_t
clamp(int64_t value, int64_t low, int64_t high)
{
	if (value > high)
		value = high;
	return value < low ? low : value;
}

static int64_t
time_to_keep_ms(const struct dns *dns, const struct dns_held *held)
{
	const struct dns_options *options = &dns->options;
	int64_t ttl_ms = (int64_t)held->ttl_s * 1000;

	switch (held->answer.status) {
	case DNS_FOUND:
		return clamp(ttl_ms, options->min_ttl_ms, options->max_ttl_ms);
	case DNS_NONE:
		return clamp(ttl_ms, options->min_ttl_ms,
		    options->max_ttl_ms / 10);
	case DNS_FAILED:
		break;
	}
	return DNS_FAILED_TTL_MS;
}

/* With the lock held: whoever waits has it, and it is kept. */
static void
land(struct dns *dns, struct dns_entry *entry, struct dns_held *held)
{
	while (entry->waiting != NULL) {
		struct dns_waiting *waiting = entry->waiting;

		entry->waiting = waiting->next;
		*waiting->held = hold(held);
		waiting->entry = NULL;
		if (--waiting->waiter->missing == 0)
			(void)pthread_cond_signal(&waiting->waiter->all_here);
	}
	dns_cache_keep(&dns->cache, entry, held, clock_steady_ms() +
	    time_to_keep_ms(dns, held));
}

static struct dns_entry *
on_take(void *context)
{
	struct dns *dns = context;
	struct dns_entry *entry;

	pthread_mutex_lock(&dns->lock);
	entry = dns->first;
	if (entry != NULL)
		dns->first = entry->next;
	if (dns->first == NULL)
		dns->last = NULL;
	pthread_mutex_unlock(&dns->lock);
	return entry;
}

static void
on_answer(void *context, struct dns_entry *entry, const uint8_t *octets,
    size_t size, bool is_none)
{
	static const struct dns_answer none = { .status = DNS_NONE };
	const struct dns_question question = { entry->type, entry->name };
	struct dns *dns = context;
	struct dns_held *held = NULL;

	if (octets != NULL)
		held = dns_message_read(octets, size, &question);
	else if (is_none)
		held = dns_held_make(&none, 0);
	pthread_mutex_lock(&dns->lock);
	if (held == NULL)
		held = hold(dns->failed);
	if (held->answer.status == DNS_FAILED)
		metric_add(METRIC_dns_failures);
	land(dns, entry, held);
	pthread_mutex_unlock(&dns->lock);
}

/* --- asking ------------------------------------------------------------ */

/* With the lock held; NULL: it cannot be asked, and has failed. */
static struct dns_entry *
launch(struct dns *dns, const struct dns_question *question, bool *launched)
{
	struct dns_entry *entry;

	if (dns->link == NULL || dns->cache.in_flight >= DNS_FLIGHTS_MAX)
		return NULL;
	entry = dns_cache_add(&dns->cache, question);
	if (entry == NULL)
		return NULL;
	*(dns->last != NULL ? &dns->last->next : &dns->first) = entry;
	dns->last = entry;
	*launched = true;
	metric_add(METRIC_dns_questions);
	return entry;
}

/* With the lock held: the answer, or NULL and the flight to wait for. */
static struct dns_held *
know(struct dns *dns, const struct dns_question *question, int64_t now_ms,
    bool *launched, struct dns_entry **flight)
{
	struct dns_entry *entry = dns_cache_find(&dns->cache, question,
	    now_ms);

	if (entry == NULL)
		entry = launch(dns, question, launched);
	if (entry == NULL)
		return hold(dns->failed);
	if (entry->held != NULL)
		return hold(entry->held);
	*flight = entry;
	return NULL;
}

size_t
dns_prefetch(struct dns *dns, const struct dns_question questions[],
    size_t count, struct dns_held *held[])
{
	int64_t now_ms = clock_steady_ms();
	struct dns_entry *flight;
	bool launched = false;
	size_t known = 0;

	pthread_mutex_lock(&dns->lock);
	for (size_t i = 0; i < count; i++) {
		held[i] = know(dns, &questions[i], now_ms, &launched, &flight);
		known += held[i] != NULL;
	}
	pthread_mutex_unlock(&dns->lock);
	if (launched)
		dns_link_wake(dns->link);
	return known;
}

/* With the lock held: nobody waits there any more. */
static void
leave(struct dns_waiting *waiting)
{
	struct dns_waiting **link = &waiting->entry->waiting;

	while (*link != waiting)
		link = &(*link)->next;
	*link = waiting->next;
}

/* With the lock held, which the wait gives up. */
static void
await(struct dns *dns, struct waiter *waiter, int64_t until_ms)
{
	struct timespec until = {
		.tv_sec = (time_t)(until_ms / 1000),
		.tv_nsec = (long)(until_ms % 1000) * 1000000
	};

	while (waiter->missing > 0 && pthread_cond_timedwait(
	    &waiter->all_here, &dns->lock, &until) == 0)
		continue;
}

void
dns_fetch(struct dns *dns, const struct dns_question questions[],
    size_t count, int64_t timeout_ms, struct dns_held *held[])
{
	struct dns_waiting waiting[DNS_FACTS_MAX];
	struct waiter waiter = { .missing = 0 };
	int64_t now_ms = clock_steady_ms();
	bool launched = false;
	size_t waits = 0;

	(void)pthread_cond_init(&waiter.all_here, &dns->steady);
	pthread_mutex_lock(&dns->lock);
	for (size_t i = 0; i < count; i++) {
		struct dns_entry *flight = NULL;

		held[i] = know(dns, &questions[i], now_ms, &launched, &flight);
		if (held[i] != NULL)
			continue;
		if (waits == DNS_FACTS_MAX) {
			held[i] = hold(dns->failed);
			continue;
		}
		waiting[waits] = (struct dns_waiting){ flight->waiting,
		    &waiter, flight, &held[i] };
		flight->waiting = &waiting[waits++];
	}
	waiter.missing = waits;
	if (launched)
		dns_link_wake(dns->link);
	if (waits > 0)
		await(dns, &waiter, now_ms + timeout_ms);
	for (size_t i = 0; i < waits; i++) {
		if (waiting[i].entry == NULL)
			continue;
		leave(&waiting[i]);
		*waiting[i].held = hold(dns->failed);
		metric_add(METRIC_dns_late);
	}
	pthread_mutex_unlock(&dns->lock);
	(void)pthread_cond_destroy(&waiter.all_here);
}

/* --- open and close ---------------------------------------------------- */

bool
dns_server_parse(const char *string, struct dns_server *server)
{
	char address[IP_TEXT_SIZE];
	const char *port = NULL;
	int64_t number = PORT;
	size_t length;

	if (string[0] == '[') {
		length = strcspn(++string, "]");
		if (string[length] == '\0')
			return false;
		if (string[length + 1] == ':')
			port = string + length + 2;
		else if (string[length + 1] != '\0')
			return false;
	} else {
		const char *colon = strchr(string, ':');

		length = strlen(string);
		if (colon != NULL && strchr(colon + 1, ':') == NULL) {
			length = (size_t)(colon - string);
			port = colon + 1;
		}
	}
	if (!text_copy_n(address, sizeof(address), string, length) ||
	    !ip_parse(address, &server->ip))
		return false;
	if (port != NULL &&
	    (!text_parse_number(port, 65535, &number) || number == 0))
		return false;
	server->port = (int)number;
	return true;
}

static struct dns *
open_empty(size_t kept_max)
{
	static const struct dns_answer failed = { .status = DNS_FAILED };
	struct dns *dns = calloc(1, sizeof(*dns));

	if (dns == NULL)
		return NULL;
	dns->failed = dns_held_make(&failed, 0);
	if (dns->failed == NULL || !dns_cache_init(&dns->cache, kept_max)) {
		dns_release(dns->failed);
		free(dns);
		return NULL;
	}
	(void)pthread_mutex_init(&dns->lock, NULL);
	(void)pthread_condattr_init(&dns->steady);
	(void)pthread_condattr_setclock(&dns->steady, CLOCK_MONOTONIC);
	return dns;
}

struct dns *
dns_open(const struct dns_options *options, char *why, size_t size)
{
	static const struct dns_link_handlers handlers = {
		on_take, on_answer
	};
	struct dns *dns = open_empty((size_t)options->cache_size);

	if (dns == NULL) {
		(void)text_copy(why, size, "no memory");
		return NULL;
	}
	dns->options = *options;
	memset(&dns->options.servers, 0, sizeof(dns->options.servers));
	dns->link = dns_link_open(options, &handlers, dns, why, size);
	if (dns->link == NULL)
		dns_close(&dns);
	return dns;
}

struct dns *
dns_open_given(void)
{
	return open_empty(GIVEN_MAX);
}

void
dns_give(struct dns *dns, const struct dns_question *question,
    const struct dns_answer *answer)
{
	struct dns_held *held = dns_held_make(answer, 0);
	struct dns_entry *entry;

	pthread_mutex_lock(&dns->lock);
	entry = dns_cache_find(&dns->cache, question, 0);
	if (entry != NULL)
		dns_cache_drop(&dns->cache, entry);
	entry = held != NULL ? dns_cache_add(&dns->cache, question) : NULL;
	if (entry != NULL)
		dns_cache_keep(&dns->cache, entry, held, INT64_MAX);
	else
		dns_release(held);
	pthread_mutex_unlock(&dns->lock);
}

void
dns_close(struct dns **dns)
{
	struct dns *d = *dns;

	if (d == NULL)
		return;
	dns_link_close(&d->link);
	dns_cache_clear(&d->cache);
	dns_release(d->failed);
	(void)pthread_condattr_destroy(&d->steady);
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
	*dns = NULL;
}
