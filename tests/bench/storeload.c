/*
 * storeload.c - load on a store, without libmilter: what counting costs
 *
 * Every thread asks one question after another through io/store.h, as the
 * daemon's callbacks do, of the store that a configuration names. Each
 * question charges the limits of one of so many users: one that is drawn
 * anew each time, or with --each every one of them once. Prints how many
 * questions a second were answered, how long that took, and what it cost.
 *
 * A user's number has 12 digits, as redis-benchmark writes __rand_int__.
 */
#include "numbers.h"
#include "times.h"

#include "core/config.h"
#include "io/clock.h"
#include "io/conffile.h"
#include "io/scheduling.h"
#include "io/store.h"

#include <getopt.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define WINDOW_MS 3600000
#define MAX 1000000000	/* nobody comes near */
#define ASK_TIMEOUT_MS 5000
#define UPS_MAX 500	/* looks whether the store is up, 10 ms apart */

/* Limits of one user, in turn: the counter and its subject's text. */
static const struct {
	const char *field, *before, *after;	/* before the number, after */
} limits[] = {
	{ "quota_user/1h",             "user:u",             "@example.org" },
	{ "rate_client_recipients/1h", "client:h",           "" },
	{ "quota_domain/1h",           "user_domain:d",      ".example.org" },
	{ "sender/1h",                 "sender:s",           "@example.org" },
	{ "quota_recipient/1h",        "recipient:r",        "@example.net" },
	{ "recipient_domain/1h",       "recipient_domain:d", ".example.net" },
};
#define LIMITS_MAX ((long)(sizeof limits / sizeof limits[0]))

struct tally {
	long refused, unavailable;
	struct times calls;	/* in ns */
};

struct worker {
	pthread_t thread;
	uint64_t random;	/* never 0 */
	struct tally tally;
};

static struct {
	long threads, calls, duration_ms, subjects, limits;
	const char *config;
	bool each, json;
} options = {
	.threads = 16, .calls = 100000, .subjects = 1000, .limits = 1,
};
static struct store *store;
static pthread_barrier_t ready;
static atomic_long next_call;
static int64_t start_ns;

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- asking --- */

/* xorshift64: only has to be different for each worker. */
static long
draw(struct worker *worker)
{
	uint64_t x = worker->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	worker->random = x;
	return (long)(x % (uint64_t)options.subjects);
}

static void
charges_set(struct charges *charges, long number)
{
	charges->count = (size_t)options.limits;
	for (size_t i = 0; i < charges->count; i++) {
		struct charge *charge = &charges->at[i];

		snprintf(charge->subject, sizeof charge->subject,
		    "%s%012ld%s", limits[i].before, number, limits[i].after);
		charge->field = limits[i].field;
		charge->max = MAX;
		charge->window_ms = WINDOW_MS;
		charge->weight = 1;
	}
}

static void
ask(const struct charges *charges, struct tally *tally)
{
	struct charge_answer answer;
	int64_t before_ns = now_ns();

	store_charge(store, charges, STORE_CHARGE, clock_now_ms(),
	    ASK_TIMEOUT_MS, &answer);
	times_add(&tally->calls, now_ns() - before_ns);
	tally->refused += answer.status == CHARGE_REFUSED;
	tally->unavailable += answer.status == CHARGE_UNAVAILABLE;
}

/* The number of the next question; -1: enough. */
static long
next(void)
{
	long number;

	if (options.duration_ms > 0)
		return now_ns() - start_ns < options.duration_ms * 1000000 ?
		    0 : -1;
	number = atomic_fetch_add(&next_call, 1);
	return number < (options.each ? options.subjects : options.calls) ?
	    number : -1;
}

static void *
work(void *argument)
{
	struct worker *worker = argument;
	struct charges *charges = calloc(1, sizeof *charges);
	long number;

	if (charges == NULL)
		abort();
	pthread_barrier_wait(&ready);	/* all are there ... */
	pthread_barrier_wait(&ready);	/* ... and the clock runs */
	while ((number = next()) >= 0) {
		charges_set(charges, options.each ? number : draw(worker));
		ask(charges, &worker->tally);
	}
	free(charges);
	return NULL;
}

/* --- the report --- */

struct cost {
	double seconds, cpu_us;
};

static double
cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* In KB, now; 0 when it cannot be told. */
static long
resident_kb(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (file != NULL) {
		if (fscanf(file, "%*s %ld", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static double
call_us(const struct tally *total, double part)
{
	return times_at(&total->calls, part) / 1000.0;
}

static void
print_report(const struct tally *total, const struct cost *cost, long kb)
{
	double calls = (double)total->calls.count;
	json_t *report = json_pack("{s:I, s:f, s:f, s:f, s:I, s:I, s:I, "
	    "s:{s:f, s:f, s:f}}",
	    "calls", (json_int_t)total->calls.count,
	    "seconds", cost->seconds,
	    "calls_per_second", calls / cost->seconds,
	    "cpu_us", calls > 0 ? cost->cpu_us / calls : 0,
	    "refused", (json_int_t)total->refused,
	    "unavailable", (json_int_t)total->unavailable,
	    "rss_kb", (json_int_t)kb,
	    "call_us",
	    "p50", call_us(total, 0.5),
	    "p99", call_us(total, 0.99),
	    "max", call_us(total, 1));

	if (options.json) {
		json_dumpf(report, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		printf("%zu calls in %.2f s: %.0f calls/s, %.1f us of CPU "
		    "each; %ld KB resident\n", total->calls.count,
		    cost->seconds, calls / cost->seconds,
		    calls > 0 ? cost->cpu_us / calls : 0, kb);
		printf("p50 %.1f us   p99 %.1f us   max %.1f us\n",
		    call_us(total, 0.5), call_us(total, 0.99),
		    call_us(total, 1));
		printf("%ld refused, %ld unavailable\n", total->refused,
		    total->unavailable);
	}
	json_decref(report);
}

/* --- the command line --- */

static const struct number numbers[] = {
	{ "threads", &options.threads, 1, 10000, 1,
	    "questions in flight at once" },
	{ "calls", &options.calls, 1, 1000000000, 1, "questions in all" },
	{ "duration", &options.duration_ms, 0, 86400000, 1000,
	    "seconds, instead of so many questions" },
	{ "subjects", &options.subjects, 1, 1000000000, 1,
	    "different users" },
	{ "limits", &options.limits, 1, LIMITS_MAX, 1,
	    "that a question charges, each of another subject" },
};
#define NUMBER_COUNT (sizeof numbers / sizeof numbers[0])

static void
print_usage(FILE *to)
{
	fprintf(to, "usage: storeload --config FILE [options]\n"
	    "  --config FILE      floodgate.conf, whose store is asked\n"
	    "  --each             each user once, in order\n"
	    "  --json             print the report as JSON\n");
	numbers_print(numbers, NUMBER_COUNT, to);
}

static void
parse_options(int argc, char **argv)
{
	enum { CONFIG = 1000, EACH, JSON, HELP, WORDS = 4 };
	struct option table[NUMBER_COUNT + WORDS + 1] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "each", no_argument, NULL, EACH },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, HELP },
	};
	int seen;

	numbers_add(numbers, NUMBER_COUNT, table + WORDS);
	while ((seen = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (seen == CONFIG)
			options.config = optarg;
		else if (seen == EACH)
			options.each = true;
		else if (seen == JSON)
			options.json = true;
		else if (seen < 1 || seen > (int)NUMBER_COUNT ||
		    !number_take(&numbers[seen - 1], optarg)) {
			print_usage(seen == HELP ? stdout : stderr);
			exit(seen == HELP ? EX_OK : EX_USAGE);
		}
	}
	if (optind < argc || options.config == NULL) {
		print_usage(stderr);
		exit(EX_USAGE);
	}
}

/* As the daemon opens it; ends the program when there is none. */
static void
open_store(void)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct store_state state = { .up = false };
	struct problems problems;
	struct config *config;
	char why[256] = "";

	problems_init(&problems);
	config = conffile_read(options.config, &problems);
	if (config == NULL) {
		problems_print(&problems, stderr);
		exit(EX_CONFIG);
	}
	store = store_open(config, why, sizeof why);
	config_close(&config);
	problems_clear(&problems);
	for (int i = 0; store != NULL && i < UPS_MAX && !state.up; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		store_get_state(store, &state);
	}
	if (!state.up) {
		fprintf(stderr, "storeload: %s: no store: %s%s\n",
		    options.config, why, state.reason);
		exit(EX_UNAVAILABLE);
	}
}

/* All workers, from the first question to the last answer. */
static struct cost
run(struct worker *workers)
{
	struct cost cost;

	pthread_barrier_init(&ready, NULL, (unsigned int)options.threads + 1);
	for (long i = 0; i < options.threads; i++) {
		workers[i].random = ((uint64_t)i + 1) * 0x9E3779B97F4A7C15u;
		if (pthread_create(&workers[i].thread, NULL, work,
		    &workers[i]) != 0) {
			fprintf(stderr, "storeload: cannot make %ld threads\n",
			    options.threads);
			exit(EX_OSERR);
		}
	}
	pthread_barrier_wait(&ready);
	cost.cpu_us = cpu_us();
	start_ns = now_ns();
	pthread_barrier_wait(&ready);
	for (long i = 0; i < options.threads; i++)
		pthread_join(workers[i].thread, NULL);
	cost.seconds = (double)(now_ns() - start_ns) / 1e9;
	cost.cpu_us = cpu_us() - cost.cpu_us;
	pthread_barrier_destroy(&ready);
	return cost;
}

int
main(int argc, char **argv)
{
	static struct tally total;
	struct worker *workers;
	struct cost cost;
	long kb;

	parse_options(argc, argv);
	workers = calloc((size_t)options.threads, sizeof workers[0]);
	if (workers == NULL)
		return EX_OSERR;
	scheduling_wait_politely();	/* as the daemon does */
	open_store();
	cost = run(workers);
	for (long i = 0; i < options.threads; i++) {
		total.refused += workers[i].tally.refused;
		total.unavailable += workers[i].tally.unavailable;
		times_take(&total.calls, &workers[i].tally.calls);
	}
	kb = resident_kb() -
	    (long)(total.calls.room * sizeof total.calls.at[0] / 1024);
	times_sort(&total.calls);
	print_report(&total, &cost, kb);
	store_close(&store);
	times_clear(&total.calls);
	free(workers);
	return EX_OK;
}
