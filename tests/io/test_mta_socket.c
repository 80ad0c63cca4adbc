/*
 * test_mta_socket.c - what libmilter is told of its connections
 *
 * The functions of the libc are counted, and called. What libmilter does is
 * in libmilter/engine.c, comm.c and worker.c.
 */
#include "io/mta_socket.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../suite.h"
#include "io/clock.h"

static struct {
	int polls, reads, writes;
	int timeout_ms;		/* of the last poll() */
} calls;

static int
count_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	calls.polls++;
	calls.timeout_ms = timeout_ms;
	return poll(fds, count, timeout_ms > 10 ? 10 : timeout_ms);
}

static ssize_t
count_read(int fd, void *buffer, size_t size)
{
	calls.reads++;
	return read(fd, buffer, size);
}

static ssize_t
count_writev(int fd, const struct iovec *pieces, int count)
{
	calls.writes++;
	return writev(fd, pieces, count);
}

static const struct socket_calls libc = {
	.poll = count_poll, .read = count_read, .writev = count_writev
};

static int mta, ours;	/* the ends of a connection */

static void
connect_both(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	mta = ends[0];
	ours = ends[1];
	mta_socket_listens();
	mta_socket_accepted(ours);
	memset(&calls, 0, sizeof(calls));
}

static void
close_ours(void)
{
	mta_socket_closes(ours);
	ck_assert_int_eq(close(ours), 0);
}

static void
close_both(void)
{
	close_ours();
	ck_assert_int_eq(close(mta), 0);
}

static void
send_text(const char *text)
{
	ck_assert_int_eq(send(mta, text, strlen(text), 0),
	    (ssize_t)strlen(text));
}

static int
ask(int fd, short events, int timeout_ms)
{
	struct pollfd asked = { .fd = fd, .events = events };
	int ready = mta_socket_poll(&libc, &asked, 1, timeout_ms);

	ck_assert_int_eq(ready, asked.revents != 0);
	return asked.revents;
}

/* As mi_rd_socket_ready() does, before each command. */
static bool
has_command(void)
{
	return ask(ours, POLLIN, 1) != 0;
}

/* As mi_rd_cmd() does, for the length and for what follows. */
static void
expect(const char *text)
{
	char buffer[64];
	size_t length = strlen(text), got = 0;

	while (got < length) {
		ssize_t more;

		ck_assert_int_eq(ask(ours, POLLIN | POLLPRI, 7210000), POLLIN);
		more = mta_socket_read(&libc, ours, buffer + got,
		    length - got);
		ck_assert_int_gt(more, 0);
		got += (size_t)more;
	}
	ck_assert_mem_eq(buffer, text, length);
}

static ssize_t
reply(const char *text, size_t length)
{
	const struct iovec piece = { .iov_base = (char *)(uintptr_t)text,
	    .iov_len = length };

	return mta_socket_writev(&libc, ours, &piece, 1);
}

START_TEST(two_packets_are_read_at_once)
{
	connect_both();
	send_text("5hello4body");
	ck_assert(has_command());
	expect("5");
	expect("hello");
	ck_assert(has_command());
	expect("4");
	expect("body");
	ck_assert_int_eq(calls.polls, 1);
	ck_assert_int_eq(calls.reads, 0);
	ck_assert(!has_command());
	close_both();
}
END_TEST

START_TEST(what_comes_in_pieces_is_waited_for)
{
	connect_both();
	send_text("he");
	ck_assert(has_command());
	expect("h");
	expect("e");
	send_text("llo");
	expect("llo");
	ck_assert_int_eq(calls.reads, 1);
	close_both();
}
END_TEST

START_TEST(more_than_fits_is_read_whole)
{
	char sent[10000], got[10000];
	size_t length = 0;

	connect_both();
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)('a' + i % 23);
	ck_assert_int_eq(send(mta, sent, sizeof(sent), 0), sizeof(sent));
	ck_assert(has_command());
	while (length < sizeof(got)) {
		ssize_t more;

		ck_assert_int_eq(ask(ours, POLLIN | POLLPRI, 1000), POLLIN);
		more = mta_socket_read(&libc, ours, got + length,
		    sizeof(got) - length);
		ck_assert_int_gt(more, 0);
		length += (size_t)more;
	}
	ck_assert_mem_eq(sent, got, sizeof(sent));
	close_both();
}
END_TEST

START_TEST(the_last_command_comes_before_the_end)
{
	char octet;

	connect_both();
	send_text("Q");
	ck_assert_int_eq(close(mta), 0);
	ck_assert(has_command());
	expect("Q");
	ck_assert(has_command());	/* its end */
	ck_assert_int_ne(ask(ours, POLLIN | POLLPRI, 1000), 0);
	ck_assert_int_eq(mta_socket_read(&libc, ours, &octet, 1), 0);
	close_ours();
}
END_TEST

START_TEST(nothing_is_left_for_the_next_connection)
{
	int before;

	connect_both();
	send_text("left");
	ck_assert(has_command());
	before = ours;
	close_both();
	connect_both();
	ck_assert(mta == before || ours == before);
	ck_assert(!has_command());
	send_text("new");
	ck_assert(has_command());
	expect("new");
	close_both();
}
END_TEST

START_TEST(a_quick_mta_is_waited_for_longer)
{
	static const int waits[] = { 1, 10, 10, 1 };

	connect_both();
	for (size_t i = 0; i < 4; i++) {
		if (i < 2)
			send_text("c");
		ck_assert(has_command() == (i < 2));
		ck_assert_int_eq(calls.timeout_ms, waits[i]);
		if (i < 2)
			expect("c");
	}
	close_both();
}
END_TEST

START_TEST(replies_are_sent_without_a_question)
{
	char got[16];

	connect_both();
	send_text("c");
	ck_assert(has_command());
	expect("c");
	calls.polls = 0;
	ck_assert_int_eq(ask(ours, POLLOUT, 7210000), POLLOUT);
	ck_assert_int_eq(reply("continue", 8), 8);
	ck_assert_int_eq(calls.polls + calls.writes, 0);
	ck_assert_int_eq(read(mta, got, sizeof(got)), 8);
	close_both();
}
END_TEST

START_TEST(a_full_socket_is_waited_for)
{
	static char much[4096];

	connect_both();
	send_text("c");
	ck_assert(has_command());
	expect("c");
	while (reply(much, sizeof(much)) > 0)
		continue;
	ck_assert_int_eq(errno, EAGAIN);
	calls.polls = 0;
	ck_assert_int_eq(ask(ours, POLLOUT, 7210000), 0);
	ck_assert_int_eq(calls.polls, 1);
	ck_assert_int_eq(calls.timeout_ms, 7210000);
	close_both();
}
END_TEST

START_TEST(a_closed_connection_is_an_error_not_a_signal)
{
	connect_both();
	send_text("c");
	ck_assert(has_command());
	expect("c");
	ck_assert_int_eq(close(mta), 0);
	ck_assert_int_eq(reply("continue", 8), -1);
	ck_assert_int_eq(errno, EPIPE);
	close_ours();
}
END_TEST

START_TEST(others_get_what_they_ask_for)
{
	const struct iovec piece = { .iov_base = (char[]){ "x" },
	    .iov_len = 1 };
	int ends[2];
	char octet;

	connect_both();
	memset(&calls, 0, sizeof(calls));
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(ask(ends[0], POLLIN, 1), 0);
	ck_assert_int_eq(ask(ends[1], POLLOUT, 1), POLLOUT);
	ck_assert_int_eq(mta_socket_writev(&libc, ends[1], &piece, 1), 1);
	ck_assert_int_eq(mta_socket_read(&libc, ends[0], &octet, 1), 1);
	ck_assert_int_eq(calls.polls, 2);
	ck_assert_int_eq(calls.reads, 1);
	ck_assert_int_eq(calls.writes, 1);
	close(ends[0]);
	close(ends[1]);
	close_both();
}
END_TEST

/* --- the controller of the pool, which polls its pipe and all connections */

#define MANY 5

static int all_mta[MANY], all_ours[MANY];

static void
connect_many(void)
{
	for (size_t i = 0; i < MANY; i++) {
		connect_both();
		all_mta[i] = mta;
		all_ours[i] = ours;
	}
	memset(&calls, 0, sizeof(calls));
}

static void
close_many(void)
{
	for (size_t i = 0; i < MANY; i++) {
		mta = all_mta[i];
		ours = all_ours[i];
		close_both();
	}
}

/* Which one it is told of, or -1; never more than one. */
static int
control(int pipe_end)
{
	struct pollfd fds[1 + MANY] = {{ .fd = pipe_end, .events = POLLIN }};
	int told = -1, events;

	for (size_t i = 0; i < MANY; i++)
		fds[1 + i] = (struct pollfd){ .fd = all_ours[i],
		    .events = POLLIN | POLLPRI };
	events = mta_socket_poll(&libc, fds, 1 + MANY, 10000);
	for (int i = 0; i < MANY; i++)
		if (fds[1 + i].revents != 0) {
			ck_assert_int_eq(told, -1);
			told = i;
		}
	ck_assert_int_eq(events, (fds[0].revents != 0) + (told >= 0));
	return told;
}

/* As a worker does first of all. */
static void
take(int fd)
{
	(void)ask(fd, POLLIN, 1);
}

START_TEST(events_are_handed_over_one_by_one)
{
	bool seen[MANY] = { false };
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	connect_many();
	take(all_ours[0]);	/* there are workers */
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(write(all_mta[i], "c", 1), 1);
	calls.polls = 0;
	for (size_t i = 0; i < MANY; i++) {
		int told = control(ends[0]);

		ck_assert_int_ge(told, 0);
		ck_assert(!seen[told]);
		seen[told] = true;
		ck_assert_int_eq(calls.polls, 1 + (int)i);
		take(all_ours[told]);
	}
	close(ends[0]);
	close(ends[1]);
	close_many();
}
END_TEST

static void *
take_late(void *fd)
{
	static const struct timespec rest = { .tv_nsec = 5000000 };

	nanosleep(&rest, NULL);
	take(*(int *)fd);
	return NULL;
}

/* The next is not handed over before a worker has the last, or 20 ms. */
START_TEST(the_next_waits_until_the_last_is_taken)
{
	int64_t began_ms;
	pthread_t worker;
	int ends[2], told;

	ck_assert_int_eq(pipe(ends), 0);
	connect_many();
	take(all_ours[MANY - 1]);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(write(all_mta[i], "c", 1), 1);
	told = control(ends[0]);
	ck_assert_int_eq(pthread_create(&worker, NULL, take_late,
	    &all_ours[told]), 0);
	began_ms = clock_steady_ms();
	ck_assert_int_ge(control(ends[0]), 0);
	ck_assert_int_ge(clock_steady_ms() - began_ms, 3);
	ck_assert_int_eq(pthread_join(worker, NULL), 0);
	began_ms = clock_steady_ms();
	ck_assert_int_ge(control(ends[0]), 0);	/* nobody took it */
	ck_assert_int_ge(clock_steady_ms() - began_ms, 18);
	close(ends[0]);
	close(ends[1]);
	close_many();
}
END_TEST

START_TEST(the_pipe_is_told_of_as_ever)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	connect_many();
	ck_assert_int_eq(write(ends[1], "e", 1), 1);
	ck_assert_int_eq(control(ends[0]), -1);
	ck_assert_int_eq(write(all_mta[2], "c", 1), 1);
	ck_assert_int_eq(control(ends[0]), 2);
	close(ends[0]);
	close(ends[1]);
	close_many();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mta_socket");
	TCase *worker = tcase_create("worker"), *pool = tcase_create("pool");

	tcase_add_test(worker, two_packets_are_read_at_once);
	tcase_add_test(worker, what_comes_in_pieces_is_waited_for);
	tcase_add_test(worker, more_than_fits_is_read_whole);
	tcase_add_test(worker, the_last_command_comes_before_the_end);
	tcase_add_test(worker, nothing_is_left_for_the_next_connection);
	tcase_add_test(worker, a_quick_mta_is_waited_for_longer);
	tcase_add_test(worker, replies_are_sent_without_a_question);
	tcase_add_test(worker, a_full_socket_is_waited_for);
	tcase_add_test(worker, a_closed_connection_is_an_error_not_a_signal);
	tcase_add_test(worker, others_get_what_they_ask_for);
	suite_add_tcase(suite, worker);
	tcase_add_test(pool, events_are_handed_over_one_by_one);
	tcase_add_test(pool, the_next_waits_until_the_last_is_taken);
	tcase_add_test(pool, the_pipe_is_told_of_as_ever);
	suite_add_tcase(suite, pool);
	return run_suite(suite);
}
