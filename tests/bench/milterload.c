/*
 * milterload.c - load on a milter, as many MTA processes make it
 *
 * Every connection is a thread that holds SMTP sessions one after another
 * and says to the filter what Postfix would say. Prints how many messages a
 * second passed, how long the answers took, and what was refused with which
 * words. Nothing is delivered anywhere.
 *
 * --log writes one line a recipient, when its message is over: when RCPT was
 * sent and when its answer had come (us, CLOCK_MONOTONIC), the sender, the
 * recipient, the code that was told ("-": none came), and what became of the
 * message (accepted, refused, aborted, dropped or lost).
 */
#include "mta.h"
#include "numbers.h"
#include "times.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#define ADDRESSES_MAX 8
#define TEXTS_MAX 32	/* different replies that are told apart */
#define TEXT_SIZE 160
#define NAME_SIZE 64

struct options {
	struct mta_address addresses[ADDRESSES_MAX];
	size_t address_count;
	long connections, sessions, messages, recipients;
	long clients, users, mailboxes, listeners, names;
	long rate, duration_ms, size, body, pause_ms;
	long abort_percent, drop_percent;
	long deadline_ms, timeout_ms;
	long seed;
	const char *domain, *user, *sender;	/* NULL: by number */
	bool reuse, json, show;
	FILE *log;		/* NULL: none */
};

/* How often a reply came; the text without its reference and addresses. */
struct text_count {
	char text[TEXT_SIZE];
	long count;
};

struct tally {
	long sessions, messages, accepted, refused, aborted, dropped, lost;
	long recipients, recipients_refused, unconnected, late, commands;
	struct times mail, rcpt, all;	/* answers, in us */
	struct times whole;	/* sessions, from connect to QUIT, in us */
	struct text_count texts[TEXTS_MAX];
	size_t text_count;
};

/* What the client was told of a recipient. */
struct told {
	int64_t begin_us, end_us;
	char path[NAME_SIZE];
	char code[4];
};

struct worker {
	pthread_t thread;
	uint64_t random;
	struct mta *mta;
	int64_t waited_us;	/* in this session, for a message's turn */
	struct tally tally;
	struct told *told;	/* of this message; NULL without a log */
	long told_count;
};

static struct options options = {
	.connections = 20, .sessions = 1000, .messages = 1, .recipients = 1,
	.clients = 1000, .users = 0, .mailboxes = 10000, .listeners = 1,
	.body = 500, .deadline_ms = 2000, .timeout_ms = 30000,
	.domain = "example.org",
};
static atomic_long next_session, next_message;
static int64_t start_us;

/* --- keeping count */

/* "<a@b>: no (ref ABC234)" becomes "<>: no". */
static void
plain_text(const char *text, char *plain, size_t size)
{
	const char *ref = strstr(text, " (ref ");
	bool inside = false;
	size_t used = 0;

	for (; *text != '\0' && text != ref && used + 1 < size; text++) {
		inside = inside && *text != '>';
		if (!inside)
			plain[used++] = *text;
		inside = inside || *text == '<';
	}
	plain[used] = '\0';
}

static void
texts_add(struct tally *tally, const char *plain, long count)
{
	size_t i = 0;

	while (i < tally->text_count &&
	    strcmp(tally->texts[i].text, plain) != 0)
		i++;
	if (i == TEXTS_MAX)
		i--;
	else if (i == tally->text_count) {
		snprintf(tally->texts[i].text, TEXT_SIZE, "%s",
		    i == TEXTS_MAX - 1 ? "others" : plain);
		tally->text_count++;
	}
	tally->texts[i].count += count;
}

/* With --show: the command and its reply, as an SMTP client sees them. */
static void
show(const char *command, const char *argument,
    const struct mta_answer *answer)
{
	if (!options.show)
		return;
	printf("  C: %s%s\n", command, argument);
	printf("  S: %s\n", answer->text[0] != '\0' ? answer->text :
	    strcmp(command, "EHLO ") == 0 ? "250 mx.example.org" : "250 Ok");
}

/* True when the command passed. */
static bool
record(struct tally *tally, const struct mta_answer *answer,
    struct times *times)
{
	char plain[TEXT_SIZE];

	tally->commands++;
	if (answer->waited) {
		times_add(&tally->all, answer->wait_us);
		if (times != NULL)
			times_add(times, answer->wait_us);
		if (answer->wait_us > options.deadline_ms * 1000)
			tally->late++;
	}
	switch (answer->verdict) {
	case MTA_PASS:
	case MTA_ACCEPT:
	case MTA_DISCARD:
		return true;
	case MTA_LOST:
		tally->lost++;
		break;
	case MTA_TEMPORARY:
	case MTA_PERMANENT:
	case MTA_CLOSE:
		break;
	}
	plain_text(answer->text, plain, sizeof plain);
	texts_add(tally, plain, 1);
	return false;
}

/* --- the log */

static void
note_told(struct worker *worker, int64_t begin_us, const char *path,
    const struct mta_answer *answer)
{
	struct told *told;

	if (options.log == NULL)
		return;
	told = &worker->told[worker->told_count++];
	told->begin_us = begin_us;
	told->end_us = mta_now_us();
	snprintf(told->path, sizeof told->path, "%s", path);
	snprintf(told->code, sizeof told->code, "%.3s",
	    answer->verdict == MTA_LOST ? "-" :
	    answer->text[0] == '\0' ? "250" : answer->text);
}

/* The message is over. */
static void
log_told(struct worker *worker, const char *who, const char *outcome)
{
	for (long i = 0; i < worker->told_count; i++) {
		const struct told *told = &worker->told[i];

		fprintf(options.log, "%" PRId64 " %" PRId64 " %s %s %s %s\n",
		    told->begin_us, told->end_us, who, told->path,
		    told->code, outcome);
	}
	worker->told_count = 0;
}

/* --- sessions */

/* xorshift64: only has to be different for each worker. */
static long
percent(struct worker *worker)
{
	uint64_t x = worker->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	worker->random = x;
	return (long)(x % 100);
}

/* With --rate: wait until this message's turn. False: the time is over. */
static bool
wait_turn(struct worker *worker)
{
	long turn = atomic_fetch_add(&next_message, 1);
	int64_t end_us = start_us + (int64_t)options.duration_ms * 1000;
	int64_t before_us = mta_now_us(), due_us = before_us;
	struct timespec pause;

	if (options.rate > 0)
		due_us = start_us + (int64_t)turn * 1000000 / options.rate;
	if (options.duration_ms > 0 && due_us > end_us)
		return false;
	if (due_us > before_us) {
		pause.tv_sec = (due_us - before_us) / 1000000;
		pause.tv_nsec = (due_us - before_us) % 1000000 * 1000;
		nanosleep(&pause, NULL);
		worker->waited_us += mta_now_us() - before_us;
	}
	return options.duration_ms == 0 || mta_now_us() < end_us;
}

/*
 * libmilter's worker looks for the next command for a millisecond: what
 * comes later is a new event to it.
 */
static void
take_breath(void)
{
	const struct timespec pause = {
		.tv_sec = options.pause_ms / 1000,
		.tv_nsec = options.pause_ms % 1000 * 1000000
	};

	if (options.pause_ms > 0)
		nanosleep(&pause, NULL);
}

/* False when nothing more can be said in this session. */
static bool
lasts(const struct worker *worker, const struct mta_answer *answer)
{
	return worker->mta->fd >= 0 && answer->verdict != MTA_CLOSE;
}

/* The recipients of one message: how many were accepted; -1 session over. */
static long
hold_recipients(struct worker *worker, long message)
{
	struct tally *tally = &worker->tally;
	char path[NAME_SIZE];
	struct mta_answer answer;
	int64_t begin_us;
	long accepted = 0, mailbox;

	for (long i = 0; i < options.recipients; i++) {
		mailbox = (message * options.recipients + i) %
		    options.mailboxes;
		if (options.names > 0)
			snprintf(path, sizeof path, "<r@m%ld.example.net>",
			    (message * options.recipients + i) %
			    options.names);
		else
			snprintf(path, sizeof path, "<r%ld@example.net>",
			    mailbox);
		take_breath();
		begin_us = mta_now_us();
		mta_rcpt(worker->mta, path, &answer);
		note_told(worker, begin_us, path, &answer);
		show("RCPT TO:", path, &answer);
		if (record(tally, &answer, &tally->rcpt)) {
			tally->recipients++;
			accepted++;
		} else
			tally->recipients_refused++;
		if (!lasts(worker, &answer))
			return -1;
	}
	return accepted;
}

/* Its content. False when the session is over. */
static bool
finish_message(struct worker *worker, const char *who)
{
	struct tally *tally = &worker->tally;
	struct mta_answer answer;

	mta_message(worker->mta, (size_t)options.body, &answer);
	show("DATA", "", &answer);
	if (record(tally, &answer, NULL)) {
		tally->accepted++;
		log_told(worker, who, "accepted");
	} else {
		tally->refused++;
		log_told(worker, who, answer.verdict == MTA_LOST ? "lost" :
		    "refused");
	}
	return lasts(worker, &answer);
}

/* False when the session is over. */
static bool
hold_message(struct worker *worker, long session, long number)
{
	struct tally *tally = &worker->tally;
	struct mta *mta = worker->mta;
	char user[NAME_SIZE + 24], from[NAME_SIZE + 2], size[NAME_SIZE], id[24];
	struct mta_answer answer;
	long accepted;

	snprintf(user, sizeof user, "u%ld@%s", options.users > 0 ?
	    session % options.users : session, options.domain);
	if (options.names > 0)
		snprintf(user, sizeof user, "u@d%ld.%.40s", session %
		    options.names, options.domain);
	snprintf(from, sizeof from, "<%.60s>", options.sender != NULL ?
	    options.sender : options.user != NULL ? options.user : user);
	snprintf(size, sizeof size, "SIZE=%ld", options.size);
	snprintf(id, sizeof id, "4Q%lX", session * options.messages + number);
	if (options.users > 0 || options.user != NULL) {
		mta_macro_set(mta, "{auth_type}", "PLAIN");
		mta_macro_set(mta, "{auth_authen}", options.user != NULL ?
		    options.user : user);
	}
	mta_macro_set(mta, "i", id);
	tally->messages++;
	take_breath();
	mta_mail(mta, from, options.size > 0 ? size : NULL, &answer);
	show("MAIL FROM:", from, &answer);
	if (!record(tally, &answer, &tally->mail)) {
		tally->refused++;
		return lasts(worker, &answer);
	}
	from[strlen(from) - 1] = '\0';	/* from here on for the log */
	accepted = hold_recipients(worker,
	    session * options.messages + number);
	if (accepted <= 0) {
		tally->refused++;
		log_told(worker, from + 1, mta->fd >= 0 ? "refused" : "lost");
		if (accepted == 0)
			mta_abort(mta);
		return accepted == 0 && mta->fd >= 0;
	}
	if (percent(worker) < options.abort_percent) {
		tally->aborted++;
		log_told(worker, from + 1, "aborted");
		mta_abort(mta);
		return mta->fd >= 0;
	}
	if (percent(worker) < options.drop_percent) {
		tally->dropped++;
		log_told(worker, from + 1, "dropped");
		mta_drop(mta);
		return false;
	}
	return finish_message(worker, from + 1);
}

/* CONNECT and HELO. False when nothing more can be said. */
static bool
greet(struct worker *worker, long session)
{
	struct tally *tally = &worker->tally;
	struct mta *mta = worker->mta;
	char ip[24], listener[NAME_SIZE], helo[NAME_SIZE];
	long client = session % options.clients;
	struct mta_answer answer;

	snprintf(ip, sizeof ip, "10.%ld.%ld.%ld", client / 62500 % 250,
	    client / 250 % 250, client % 250 + 1);
	snprintf(listener, sizeof listener, "port%ld",
	    session % options.listeners);
	mta_macro_clear(mta);
	mta_macro_set(mta, "j", "mx.example.org");
	mta_macro_set(mta, "{daemon_name}", listener);
	mta_macro_set(mta, "{client_addr}", ip);
	mta_connect(mta, "client.example.net", ip, 40000, &answer);
	if (!record(tally, &answer, NULL) && !lasts(worker, &answer))
		return false;
	take_breath();
	if (options.names > 0)
		snprintf(helo, sizeof helo, "h%ld.example.net",
		    session % options.names);
	else
		snprintf(helo, sizeof helo, "client.example.net");
	mta_helo(mta, helo, &answer);
	(void)record(tally, &answer, NULL);
	return lasts(worker, &answer);
}

/* From connect to QUIT. False when the time is over. */
static bool
hold_session(struct worker *worker, long session)
{
	const struct timespec again = { .tv_nsec = 20000000 };
	struct mta *mta = worker->mta;
	bool goes_on, in_time = true;
	int64_t began_us;

	if (!wait_turn(worker))
		return false;
	began_us = mta_now_us();
	worker->waited_us = 0;
	if (mta->fd < 0 && !mta_open(mta, &options.addresses[
	    (size_t)session % options.address_count],
	    (int)options.timeout_ms)) {
		worker->tally.unconnected++;
		nanosleep(&again, NULL);
		return true;
	}
	worker->tally.sessions++;
	goes_on = greet(worker, session);
	for (long i = 0; goes_on && i < options.messages; i++) {
		in_time = i == 0 || wait_turn(worker);
		goes_on = in_time && hold_message(worker, session, i);
	}
	if (!options.reuse || mta->fd < 0 || !goes_on || !mta_quit_nc(mta))
		mta_quit(mta);
	times_add(&worker->tally.whole,
	    mta_now_us() - began_us - worker->waited_us);
	return in_time;
}

static void *
work(void *argument)
{
	struct worker *worker = argument;
	bool goes_on = true;
	long session;

	while (goes_on) {
		session = atomic_fetch_add(&next_session, 1);
		if (options.duration_ms == 0 && session >= options.sessions)
			break;
		goes_on = hold_session(worker, session);
		if (options.duration_ms > 0 && mta_now_us() - start_us >=
		    (int64_t)options.duration_ms * 1000)
			break;
	}
	mta_quit(worker->mta);
	return NULL;
}

/* --- the report */

static void
tally_take(struct tally *to, struct tally *from)
{
	to->sessions += from->sessions;
	to->messages += from->messages;
	to->accepted += from->accepted;
	to->refused += from->refused;
	to->aborted += from->aborted;
	to->dropped += from->dropped;
	to->lost += from->lost;
	to->recipients += from->recipients;
	to->recipients_refused += from->recipients_refused;
	to->unconnected += from->unconnected;
	to->late += from->late;
	to->commands += from->commands;
	times_take(&to->mail, &from->mail);
	times_take(&to->rcpt, &from->rcpt);
	times_take(&to->all, &from->all);
	times_take(&to->whole, &from->whole);
	for (size_t i = 0; i < from->text_count; i++)
		texts_add(to, from->texts[i].text, from->texts[i].count);
}

static json_t *
json_times(const struct times *times)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}",
	    "count", (json_int_t)times->count,
	    "p50", (json_int_t)times_at(times, 0.5),
	    "p95", (json_int_t)times_at(times, 0.95),
	    "p99", (json_int_t)times_at(times, 0.99),
	    "max", (json_int_t)times_at(times, 1));
}

static void
print_json(const struct tally *tally, double seconds)
{
	json_t *replies = json_object();
	json_t *report = json_pack("{s:f, s:f}", "seconds", seconds,
	    "messages_per_second", (double)tally->messages / seconds);
	const struct {
		const char *name;
		long value;
	} counts[] = {
		{ "sessions", tally->sessions },
		{ "messages", tally->messages },
		{ "accepted", tally->accepted },
		{ "refused", tally->refused },
		{ "aborted", tally->aborted },
		{ "dropped", tally->dropped },
		{ "recipients", tally->recipients },
		{ "recipients_refused", tally->recipients_refused },
		{ "commands", tally->commands },
		{ "unconnected", tally->unconnected },
		{ "lost", tally->lost },
		{ "late", tally->late },
	};

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		json_object_set_new(report, counts[i].name,
		    json_integer(counts[i].value));
	json_object_set_new(report, "mail_us", json_times(&tally->mail));
	json_object_set_new(report, "rcpt_us", json_times(&tally->rcpt));
	json_object_set_new(report, "all_us", json_times(&tally->all));
	json_object_set_new(report, "session_us", json_times(&tally->whole));
	for (size_t i = 0; i < tally->text_count; i++)
		json_object_set_new(replies, tally->texts[i].text,
		    json_integer(tally->texts[i].count));
	json_object_set_new(report, "replies", replies);
	json_dumpf(report, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(report);
}

static void
print_times(const char *name, const struct times *times)
{
	if (times->count == 0)
		return;
	printf("%-13s %8zu   p50 %6u us   p95 %6u us   p99 %6u us   "
	    "max %6u us\n", name, times->count, times_at(times, 0.5),
	    times_at(times, 0.95), times_at(times, 0.99), times_at(times, 1));
}

static void
print_text(const struct tally *tally, double seconds)
{
	printf("%ld sessions, %ld messages in %.2f s: %.0f messages/s\n",
	    tally->sessions, tally->messages, seconds,
	    (double)tally->messages / seconds);
	printf("messages: %ld accepted, %ld refused, %ld given up, "
	    "%ld broken off\n", tally->accepted, tally->refused,
	    tally->aborted, tally->dropped);
	printf("recipients: %ld accepted, %ld refused\n", tally->recipients,
	    tally->recipients_refused);
	printf("filter: %ld connections failed, %ld commands lost, "
	    "%ld answers later than %ld ms\n", tally->unconnected,
	    tally->lost, tally->late, options.deadline_ms);
	print_times("MAIL answers", &tally->mail);
	print_times("RCPT answers", &tally->rcpt);
	print_times("all answers", &tally->all);
	print_times("sessions", &tally->whole);
	for (size_t i = 0; i < tally->text_count; i++)
		printf("%8ld  %s\n", tally->texts[i].count,
		    tally->texts[i].text);
}

/* --- the command line */

#define NUMBER(name, member, low, high, help) \
	{ name, &options.member, low, high, 1, help }
static const struct number numbers[] = {
	NUMBER("connections", connections, 1, 10000, "held at the same time"),
	NUMBER("sessions", sessions, 1, 1000000000, "SMTP sessions in all"),
	NUMBER("messages", messages, 1, 1000000000, "in a session"),
	NUMBER("recipients", recipients, 1, 1000000, "of a message"),
	NUMBER("clients", clients, 1, 15000000, "different addresses"),
	NUMBER("users", users, 0, 1000000000,
	    "different users that are logged in; 0 none"),
	NUMBER("mailboxes", mailboxes, 1, 1000000000, "different recipients"),
	NUMBER("listeners", listeners, 1, 1000, "different {daemon_name}"),
	NUMBER("names", names, 0, 1000000000,
	    "different HELO names and domains; 0 one of each"),
	NUMBER("rate", rate, 0, 1000000, "messages a second; 0 all it can"),
	{ "duration", &options.duration_ms, 0, 86400000, 1000,
	    "seconds, instead of sessions" },
	NUMBER("pause", pause_ms, 0, 60000,
	    "ms before each command, as a network has"),
	NUMBER("size", size, 0, 1000000000, "declared with SIZE="),
	NUMBER("body", body, 0, 65000, "octets, if the filter wants them"),
	NUMBER("abort", abort_percent, 0, 100,
	    "percent of messages given up after the recipients"),
	NUMBER("drop", drop_percent, 0, 100,
	    "percent of messages where the session breaks off there"),
	NUMBER("deadline", deadline_ms, 1, 1000000,
	    "ms; later answers are counted as late"),
	NUMBER("timeout", timeout_ms, 1, 1000000,
	    "ms; an answer later than this is lost"),
	NUMBER("seed", seed, 0, 1000000000,
	    "first number of users, clients and mailboxes"),
};
#define NUMBER_COUNT (sizeof numbers / sizeof numbers[0])

static void
print_usage(FILE *to)
{
	fprintf(to, "usage: milterload --address ADDRESS... [options]\n"
	    "  --address ADDRESS  unix:PATH or inet:PORT@HOST; several take "
	    "turns\n"
	    "  --domain NAME      of the users and senders (%s)\n"
	    "  --user NAME        who is logged in, instead of users by number\n"
	    "  --sender ADDRESS   instead of the user's\n"
	    "  --reuse            one milter session for many SMTP sessions\n"
	    "  --json             print the report as JSON\n"
	    "  --show             print what is said, and no report\n"
	    "  --log FILE         write what was told of each recipient\n",
	    options.domain);
	numbers_print(numbers, NUMBER_COUNT, to);
}

static void
fail(const char *what, const char *argument)
{
	fprintf(stderr, "milterload: %s: %s\n", what, argument);
	exit(EX_USAGE);
}

static void
take_address(const char *text)
{
	if (options.address_count == ADDRESSES_MAX ||
	    !mta_address_parse(text,
	    &options.addresses[options.address_count]))
		fail("no address of a milter", text);
	options.address_count++;
}

static void
open_log(const char *path)
{
	options.log = fopen(path, "w");
	if (options.log == NULL)
		fail(strerror(errno), path);
}

static void
parse_options(int argc, char **argv)
{
	enum { ADDRESS = 1000, DOMAIN, USER, SENDER, REUSE, JSON, SHOW, LOG,
	    HELP, WORDS = 9 };
	struct option table[NUMBER_COUNT + WORDS + 1] = {
		{ "address", required_argument, NULL, ADDRESS },
		{ "domain", required_argument, NULL, DOMAIN },
		{ "user", required_argument, NULL, USER },
		{ "sender", required_argument, NULL, SENDER },
		{ "reuse", no_argument, NULL, REUSE },
		{ "json", no_argument, NULL, JSON },
		{ "show", no_argument, NULL, SHOW },
		{ "log", required_argument, NULL, LOG },
		{ "help", no_argument, NULL, HELP },
	};
	int seen;

	numbers_add(numbers, NUMBER_COUNT, table + WORDS);
	while ((seen = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (seen >= 1 && seen <= (int)NUMBER_COUNT) {
			if (!number_take(&numbers[seen - 1], optarg))
				fail("no number that this option takes",
				    optarg);
		} else if (seen == ADDRESS)
			take_address(optarg);
		else if (seen == DOMAIN)
			options.domain = optarg;
		else if (seen == USER)
			options.user = optarg;
		else if (seen == SENDER)
			options.sender = optarg;
		else if (seen == SHOW)
			options.show = true;
		else if (seen == LOG)
			open_log(optarg);
		else if (seen == REUSE)
			options.reuse = true;
		else if (seen == JSON)
			options.json = true;
		else {
			print_usage(seen == HELP ? stdout : stderr);
			exit(seen == HELP ? EX_OK : EX_USAGE);
		}
	}
	if (optind < argc)
		fail("no such argument", argv[optind]);
	if (options.address_count == 0)
		fail("missing", "--address");
}

int
main(int argc, char **argv)
{
	static struct tally total;
	struct worker *workers;
	double seconds;

	parse_options(argc, argv);
	workers = calloc((size_t)options.connections, sizeof workers[0]);
	if (workers == NULL)
		return EX_OSERR;
	atomic_store(&next_session, options.seed);
	options.sessions += options.seed;
	start_us = mta_now_us();
	for (long i = 0; i < options.connections; i++) {
		workers[i].random = 88172645463325252u + (uint64_t)i;
		workers[i].mta = calloc(1, sizeof *workers[i].mta);
		if (workers[i].mta == NULL)
			return EX_OSERR;
		workers[i].mta->fd = -1;
		if (options.log != NULL) {
			workers[i].told = calloc((size_t)options.recipients,
			    sizeof workers[i].told[0]);
			if (workers[i].told == NULL)
				return EX_OSERR;
		}
		if (pthread_create(&workers[i].thread, NULL, work,
		    &workers[i]) != 0)
			return EX_OSERR;
	}
	for (long i = 0; i < options.connections; i++)
		pthread_join(workers[i].thread, NULL);
	seconds = (double)(mta_now_us() - start_us) / 1e6;
	for (long i = 0; i < options.connections; i++) {
		tally_take(&total, &workers[i].tally);
		free(workers[i].mta);
		free(workers[i].told);
	}
	if (options.log != NULL && fclose(options.log) != 0)
		fail(strerror(errno), "--log");
	free(workers);
	times_sort(&total.mail);
	times_sort(&total.rcpt);
	times_sort(&total.all);
	times_sort(&total.whole);
	if (options.json)
		print_json(&total, seconds);
	else if (!options.show)
		print_text(&total, seconds);
	times_clear(&total.mail);
	times_clear(&total.rcpt);
	times_clear(&total.all);
	times_clear(&total.whole);
	return EX_OK;
}
