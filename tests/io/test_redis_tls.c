/*
 * test_redis_tls.c - Redis over TLS: who is trusted, and what goes wrong
 *
 * Starts private servers on loopback, with certificates of a temporary
 * directory; skipped where redis-server (with TLS) or openssl is not
 * installed.
 */
#include "io/store.h"

#include <check.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "io/clock.h"
#include "redis_store.h"
#include "../suite.h"

static char directory[64];	/* of all tests */

/* --- a server of our own --- */

static struct {
	char tls[8], plain[8];	/* ports */
	pid_t pid;
} server;

static int
open_port(char port[8])
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address,
	    &length), 0);
	snprintf(port, 8, "%u", (unsigned int)ntohs(address.sin_port));
	return fd;
}

/* "directory/name", in one of a few buffers. */
static const char *
file_of(const char *name)
{
	static char files[8][128];
	static int next;
	char *file = files[next++ % 8];

	if (name[0] == '\0')
		return "";
	snprintf(file, sizeof(files[0]), "%s/%s", directory, name);
	return file;
}

static bool
is_listening(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool listening;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)atoi(port));
	listening = connect(fd, (struct sockaddr *)&address,
	    sizeof(address)) == 0;
	close(fd);
	return listening;
}

/* `name` is of its certificate and key; clients need one, or not. */
static void
server_start(const char *name, bool wants_certificate)
{
	char certificate[32], key[32];

	close(open_port(server.tls));
	close(open_port(server.plain));
	snprintf(certificate, sizeof(certificate), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	server.pid = fork();
	ck_assert_int_ge(server.pid, 0);
	if (server.pid == 0) {
		execlp("redis-server", "redis-server", "--port", server.plain,
		    "--tls-port", server.tls, "--bind", "127.0.0.1", "-::1",
		    "--tls-cert-file", file_of(certificate),
		    "--tls-key-file", file_of(key),
		    "--tls-ca-cert-file", file_of("ca.pem"),
		    "--tls-auth-clients", wants_certificate ? "yes" : "no",
		    "--dir", directory, "--save", "", "--appendonly", "no",
		    "--daemonize", "no", "--logfile", "redis.log",
		    (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && !is_listening(server.tls); i++)
		sleep_ms(10);
}

static void
teardown(void)
{
	if (server.pid <= 0)
		return;
	kill(server.pid, SIGCONT);
	kill(server.pid, SIGKILL);
	waitpid(server.pid, NULL, 0);
	server.pid = 0;
}

/* --- a store --- */

static char where[64];
static const char *one_server[1] = {where};

static struct store_redis_options
options_of(const char *host, const char *port)
{
	struct store_redis_options options = redis_options(PATIENT_MS);

	options.server = (struct strings){one_server, 1};
	options.connect_timeout_ms = PATIENT_MS;
	options.tls = true;
	options.tls_ca_file = file_of("ca.pem");
	snprintf(where, sizeof(where), "%s:%s", host, port);
	return options;
}

/* It is up, or down with a reason, within a while. */
static struct store_state
wait_for(struct store *store, bool up)
{
	for (int i = 0; i < 1500 && (state_of(store).up != up ||
	    (!up && state_of(store).reason[0] == '\0')); i++)
		sleep_ms(2);
	return state_of(store);
}

/* --- who is trusted --- */

static const struct {
	const char *name, *host, *certificate, *ca, *server_name, *client;
	bool wants_certificate;
	const char *reason;	/* NULL: it works */
} trusts[] = {
	{"an address, v4",     "127.0.0.1", "server",  "ca.pem", "", "", 0, NULL},
	{"an address, v6",     "[::1]",     "server",  "ca.pem", "", "", 0, NULL},
	{"a name",             "localhost", "server",  "ca.pem", "", "", 0, NULL},
	{"a name that is given", "127.0.0.1", "other", "ca.pem", "redis.example.com", "", 0, NULL},
	{"an address that is given", "127.0.0.1", "other", "ca.pem", "192.0.2.1", "", 0, NULL},
	{"our certificate",    "127.0.0.1", "server",  "ca.pem", "", "client", 1, NULL},
	{"ours is not asked for", "127.0.0.1", "server", "ca.pem", "", "client", 0, NULL},
	{"another address",    "127.0.0.1", "other",   "ca.pem", "", "", 0,
	    "certificate verify failed: IP address mismatch (server 127.0.0.1)"},
	{"another name",       "localhost", "other",   "ca.pem", "", "", 0,
	    "certificate verify failed: hostname mismatch (server localhost)"},
	{"not the given name", "127.0.0.1", "server",  "ca.pem", "redis.example.com", "", 0,
	    "certificate verify failed: hostname mismatch"},
	{"a name is not its end", "127.0.0.1", "other", "ca.pem", "example.com", "", 0,
	    "hostname mismatch"},
	{"expired",            "127.0.0.1", "expired", "ca.pem", "", "", 0,
	    "certificate verify failed: certificate has expired"},
	{"unknown authority",  "127.0.0.1", "server",  "stranger.pem", "", "", 0,
	    "certificate verify failed: "},
	{"the system's authorities", "127.0.0.1", "server", "", "", "", 0,
	    "certificate verify failed:"},
	{"ours is wanted",     "127.0.0.1", "server",  "ca.pem", "", "", 1,
	    "certificate"},
	{"ours is of others",  "127.0.0.1", "server",  "ca.pem", "", "foreign", 1,
	    "no TLS connection"},
};

static bool
contains_anycase(const char *text, const char *part)
{
	for (; *text != '\0'; text++)
		if (strncasecmp(text, part, strlen(part)) == 0)
			return true;
	return false;
}

START_TEST(only_the_right_server_is_trusted)
{
	struct store_redis_options options;
	struct charge_answer answer;
	struct store_state state;
	struct store *store;
	char file[32];

	server_start(trusts[_i].certificate, trusts[_i].wants_certificate);
	options = options_of(trusts[_i].host, server.tls);
	options.tls_ca_file = file_of(trusts[_i].ca);
	options.tls_server_name = trusts[_i].server_name;
	if (trusts[_i].client[0] != '\0') {
		snprintf(file, sizeof(file), "%s.pem", trusts[_i].client);
		options.tls_certificate_file = file_of(file);
		snprintf(file, sizeof(file), "%s.key", trusts[_i].client);
		options.tls_key_file = file_of(file);
	}
	store = open_with(&options);
	answer = charge_one(store, "user:a", 5);
	ck_assert_msg(answer.status == (trusts[_i].reason == NULL ?
	    CHARGE_ALLOWED : CHARGE_UNAVAILABLE), "%s: %s", trusts[_i].name,
	    state_of(store).reason);
	if (trusts[_i].reason != NULL) {
		state = wait_for(store, false);
		ck_assert_msg(contains_anycase(state.reason,
		    trusts[_i].reason), "%s: %s", trusts[_i].name,
		    state.reason);
		ck_assert(charge_one(store, "user:a", 5).misset);
	}
	store_close(&store);
}
END_TEST

/* --- files --- */

static const struct {
	const char *name, *ca, *certificate, *key, *why;
} files[] = {
	{"no such authority",  "none.pem",   "",           "", "tls_ca_file"},
	{"no certificate in it", "ca.key",   "",           "", "tls_ca_file"},
	{"no such certificate", "ca.pem", "none.pem", "client.key",
	    "tls_certificate_file"},
	{"no such key",        "ca.pem", "client.pem", "none.key",
	    "No such file"},
	{"key of another",     "ca.pem", "client.pem", "server.key",
	    "mismatch"},
	{"key for all to read", "ca.pem", "client.pem", "open.key",
	    "mode 0640"},
	{"key with a passphrase", "ca.pem", "client.pem", "locked.key",
	    "passphrase"},
	{"no key in it",       "ca.pem", "client.pem", "openssl.log", ""},
};

START_TEST(file_of_no_use_is_an_error_at_the_start)
{
	struct store_redis_options options = options_of("127.0.0.1", "1");
	char why[256] = "";

	options.tls_ca_file = file_of(files[_i].ca);
	options.tls_certificate_file = file_of(files[_i].certificate);
	options.tls_key_file = file_of(files[_i].key);
	ck_assert_ptr_null(store_redis_open(&options, why, sizeof(why)));
	ck_assert_msg(strstr(why, files[_i].why) != NULL, "%s: %s",
	    files[_i].name, why);
}
END_TEST

static void
copy_file(const char *from, const char *to)
{
	char command[300];

	snprintf(command, sizeof(command), "cp %s %s.new && mv %s.new %s",
	    file_of(from), file_of(to), file_of(to), file_of(to));
	ck_assert_int_eq(system(command), 0);
}

static void
kill_connections(void)
{
	char command[200];

	snprintf(command, sizeof(command), "redis-cli -p %s CLIENT KILL TYPE "
	    "normal >/dev/null", server.plain);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(files_are_read_again_at_reconnect)
{
	struct store_redis_options options;
	struct store *store;

	server_start("server", true);
	copy_file("client.pem", "mine.pem");
	copy_file("client.key", "mine.key");
	options = options_of("127.0.0.1", server.tls);
	options.tls_certificate_file = file_of("mine.pem");
	options.tls_key_file = file_of("mine.key");
	store = open_with(&options);
	ck_assert(wait_for(store, true).up);
	copy_file("server.key", "mine.key");
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_ALLOWED);
	kill_connections();
	ck_assert_msg(!wait_for(store, false).up, "still up");
	for (int i = 0; i < 500 &&
	    strstr(state_of(store).reason, "mismatch") == NULL; i++)
		sleep_ms(5);
	ck_assert_msg(strstr(state_of(store).reason, "mismatch") != NULL,
	    "%s", state_of(store).reason);
	copy_file("client.key", "mine.key");
	ck_assert(wait_for(store, true).up);
	store_close(&store);
}
END_TEST

START_TEST(reload_keeps_the_store_unless_tls_is_another)
{
	struct config config;
	struct store *store;

	server_start("server", false);
	memset(&config, 0, sizeof(config));
	config.store = STORE_KIND_REDIS;
	config.redis = options_of("127.0.0.1", server.tls);
	store = open_with(&config.redis);
	ck_assert(store_reconfigure(store, &config));
	config.redis.tls_server_name = "localhost";
	ck_assert(!store_reconfigure(store, &config));
	config.redis.tls_server_name = "";
	config.redis.tls = false;
	ck_assert(!store_reconfigure(store, &config));
	config.redis.tls = true;
	config.redis.script = SCRIPT_FUNCTION;
	ck_assert(!store_reconfigure(store, &config));
	store_close(&store);
}
END_TEST

/* --- servers that are none --- */

enum conduct { SILENT, HANGS_UP, BABBLES, HANGS_UP_AT_ONCE };

struct impostor {
	int fd;
	enum conduct conduct;
	pthread_t thread;
	atomic_bool end;
};

static void *
impostor_run(void *argument)
{
	struct impostor *impostor = argument;
	struct pollfd polled = {.fd = impostor->fd, .events = POLLIN};
	char octets[4096];

	while (!impostor->end) {
		int fd;

		if (poll(&polled, 1, 10) <= 0)
			continue;
		fd = accept(impostor->fd, NULL, NULL);
		if (impostor->conduct != HANGS_UP_AT_ONCE &&
		    recv(fd, octets, sizeof(octets), 0) < 0)
			perror("recv");
		if (impostor->conduct == BABBLES)
			send(fd, "220 mail.example.org ESMTP\r\n", 28,
			    MSG_NOSIGNAL);
		while (impostor->conduct == SILENT && !impostor->end)
			sleep_ms(5);
		close(fd);
	}
	return NULL;
}

static const struct {
	enum conduct conduct;
	const char *reason;
	bool misset;
} conducts[] = {
	{SILENT, "no answer in time: in the TLS handshake", false},
	{HANGS_UP, "closed by server in the TLS handshake", false},
	{HANGS_UP_AT_ONCE, "in the TLS handshake", false},
	{BABBLES, "no TLS connection: ", true},
};

START_TEST(handshake_of_no_use_is_told_in_time)
{
	struct impostor impostor = {.conduct = conducts[_i].conduct};
	int64_t start_ms = clock_steady_ms();
	struct store_redis_options options;
	struct store_state state;
	struct store *store;
	char port[8];

	impostor.fd = open_port(port);
	ck_assert_int_eq(pthread_create(&impostor.thread, NULL, impostor_run,
	    &impostor), 0);
	options = options_of("127.0.0.1", port);
	options.connect_timeout_ms = 300;
	store = open_with(&options);
	state = wait_for(store, false);
	ck_assert_int_le(clock_steady_ms() - start_ms, 1500);
	ck_assert_msg(strstr(state.reason, conducts[_i].reason) != NULL,
	    "%s", state.reason);
	ck_assert_int_eq(charge_one(store, "user:a", 5).misset,
	    conducts[_i].misset);
	start_ms = clock_steady_ms();
	store_close(&store);	/* does not wait for the handshake */
	ck_assert_int_le(clock_steady_ms() - start_ms, 250);
	impostor.end = true;
	pthread_join(impostor.thread, NULL);
	close(impostor.fd);
}
END_TEST

START_TEST(tls_to_a_plain_port_and_the_reverse)
{
	struct store_redis_options options;
	struct store_state state;
	struct store *store;

	server_start("server", false);
	options = options_of("127.0.0.1", _i == 0 ? server.plain :
	    server.tls);
	options.tls = _i == 0;
	if (!options.tls)
		options.tls_ca_file = "";
	options.connect_timeout_ms = options.timeout_ms = 500;
	store = open_with(&options);
	state = wait_for(store, false);
	ck_assert_msg(strstr(state.reason, "TLS") != NULL ||
	    strstr(state.reason, "tls = true") != NULL, "%s", state.reason);
	store_close(&store);
}
END_TEST

/* --- under load --- */

#define CROWD 8

static void *
charge_many(void *argument)
{
	struct store *store = argument;
	intptr_t allowed = 0;

	for (int i = 0; i < 200; i++)
		allowed += charge_one(store, "user:crowd", 1000).status ==
		    CHARGE_ALLOWED;
	return (void *)allowed;
}

START_TEST(crowd_is_let_in_up_to_the_limit)
{
	struct store_redis_options options;
	pthread_t threads[CROWD];
	struct store *store;
	intptr_t total = 0;

	server_start("server", false);
	options = options_of("127.0.0.1", server.tls);
	options.script = _i == 0 ? SCRIPT_EVAL : SCRIPT_FUNCTION;
	store = open_with(&options);
	for (int i = 0; i < CROWD; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
		    charge_many, store), 0);
	for (int i = 0; i < CROWD; i++) {
		void *allowed;

		pthread_join(threads[i], &allowed);
		total += (intptr_t)allowed;
	}
	ck_assert_int_eq(total, 1000);
	store_close(&store);
}
END_TEST

/* More than the socket takes waits, and arrives in the end. */
START_TEST(full_socket_is_waited_for)
{
	struct store_redis_options options;
	struct charge_answer answer;
	struct refund refunds[CHARGES_MAX];
	struct store *store;

	server_start("server", false);
	options = options_of("127.0.0.1", server.tls);
	options.timeout_ms = 10000;
	store = open_with(&options);
	answer = charge_one(store, "user:a", 1);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	for (int i = 0; i < CHARGES_MAX; i++)
		refunds[i] = (struct refund){"user:a", "quota_user/1h",
		    HOUR_MS, 1, answer.now_ms, .local = false};
	kill(server.pid, SIGSTOP);
	for (int i = 0; i < 10000; i++) {
		store_refund(store, refunds, CHARGES_MAX, 0, 1000);
		if (i % 1000 == 999)
			sleep_ms(50);
	}
	kill(server.pid, SIGCONT);
	for (int i = 0; i < 1000 && charge_one(store, "user:a", 1).status !=
	    CHARGE_ALLOWED; i++)
		sleep_ms(5);
	ck_assert(state_of(store).up);
	ck_assert_int_eq(charge_one(store, "user:a", 1).status,
	    CHARGE_REFUSED);
	store_close(&store);
}
END_TEST

START_TEST(killed_server_is_found_again)
{
	struct store_redis_options options;
	struct store *store;
	char port[8];

	server_start("server", false);
	text_copy(port, sizeof(port), server.tls);
	options = options_of("127.0.0.1", port);
	store = open_with(&options);
	ck_assert_int_eq(charge_one(store, "user:a", 5).status,
	    CHARGE_ALLOWED);
	kill_connections();
	sleep_ms(5);
	for (int i = 0; i < 400 && charge_one(store, "user:a", 5).status !=
	    CHARGE_ALLOWED; i++)
		sleep_ms(5);
	ck_assert(state_of(store).up);
	teardown();
	ck_assert(!wait_for(store, false).up);
	store_close(&store);
}
END_TEST

/* --- all of it --- */

static int
remove_entry(const char *path, const struct stat *state, int kind,
    struct FTW *place)
{
	(void)state;
	(void)kind;
	(void)place;
	return remove(path);
}

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("redis_tls");
	TCase *tcase = tcase_create("tls");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_loop_test(tcase, only_the_right_server_is_trusted, 0,
	    ROWS(trusts));
	tcase_add_loop_test(tcase, file_of_no_use_is_an_error_at_the_start, 0,
	    ROWS(files));
	tcase_add_test(tcase, files_are_read_again_at_reconnect);
	tcase_add_test(tcase, reload_keeps_the_store_unless_tls_is_another);
	tcase_add_loop_test(tcase, handshake_of_no_use_is_told_in_time, 0,
	    ROWS(conducts));
	tcase_add_loop_test(tcase, tls_to_a_plain_port_and_the_reverse, 0, 2);
	tcase_add_loop_test(tcase, crowd_is_let_in_up_to_the_limit, 0, 2);
	tcase_add_test(tcase, full_socket_is_waited_for);
	tcase_add_test(tcase, killed_server_is_found_again);
	suite_add_tcase(suite, tcase);
	return suite;
}

static bool
can_run(void)
{
	return system("openssl version >/dev/null 2>&1") == 0 &&
	    system("redis-cli --help 2>&1 | grep -q -e --tls") == 0 &&
	    system("redis-server --version >/dev/null 2>&1") == 0;
}

int
main(void)
{
	char command[300];
	int status = EXIT_FAILURE;

	if (!can_run()) {
		puts("redis-server with TLS or openssl is not installed");
		return SKIPPED;
	}
	snprintf(directory, sizeof(directory), "/tmp/floodgate-test-XXXXXX");
	if (mkdtemp(directory) == NULL) {
		perror(directory);
		return EXIT_FAILURE;
	}
	snprintf(command, sizeof(command), "%s %s", MAKE_CERTIFICATES,
	    directory);
	if (system(command) == 0)
		status = run_suite(make_suite());
	nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return status;
}
