/*
 * redis_lab.c - private Redis servers for a test: single, Cluster, Sentinel
 */
#include "redis_lab.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

#define CLUSTER_NODES 3
#define SLOTS 16384

struct lab_server lab_servers[LAB_SERVERS_MAX];
static char folder[64];

static void
sleep_ms(int ms)
{
	poll(NULL, 0, ms);
}

bool
lab_open(void)
{
	if (system("redis-server --version >/dev/null 2>&1") != 0)
		return false;
	snprintf(folder, sizeof(folder), "/tmp/floodgate-test-XXXXXX");
	if (mkdtemp(folder) == NULL) {
		perror(folder);
		exit(EXIT_FAILURE);
	}
	return true;
}

static int
remove_entry(const char *path, const struct stat *state, int kind,
    struct FTW *place)
{
	(void)state;
	(void)kind;
	(void)place;
	return remove(path);
}

void
lab_end_servers(void)
{
	for (size_t i = 0; i < LAB_SERVERS_MAX; i++)
		if (lab_servers[i].pid > 0)
			lab_kill(i);
	memset(lab_servers, 0, sizeof(lab_servers));
}

void
lab_close(void)
{
	lab_end_servers();
	nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Is the port of the cluster's bus, 10000 above, free as well? */
static bool
is_free(unsigned int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool is;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)port);
	is = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return is;
}

/* What another test's server on this port has left behind. */
static void
forget_server(unsigned int port)
{
	char name[128];

	snprintf(name, sizeof(name), "%s/%u.conf", folder, port);
	unlink(name);
	snprintf(name, sizeof(name), "%s/nodes-%u.conf", folder, port);
	unlink(name);
	snprintf(name, sizeof(name), "%s/%u.rdb", folder, port);
	unlink(name);
}

static void
find_port(struct lab_server *server)
{
	static unsigned int next;
	unsigned int port;

	if (next == 0)
		next = (unsigned int)getpid() % 10000;
	do
		port = 20000 + next++ % 10000;
	while (!is_free(port) || !is_free(port + 10000));
	snprintf(server->port, sizeof(server->port), "%u", port);
	snprintf(server->where, sizeof(server->where), "127.0.0.1:%u", port);
	forget_server(port);
}

static redisContext *
connect_to(size_t i)
{
	struct timeval patience = {.tv_sec = 2};
	redisContext *context;

	for (int tries = 0; tries < 300; tries++) {
		context = redisConnectWithTimeout("127.0.0.1",
		    atoi(lab_servers[i].port), patience);
		if (context != NULL && context->err == 0)
			return context;
		if (context != NULL)
			redisFree(context);
		sleep_ms(10);
	}
	ck_abort_msg("server %zu does not answer", i);
}

static void
run_server(const struct lab_server *server)
{
	static const char *const kinds[] = {
		[LAB_SINGLE] = "no", [LAB_NODE] = "yes", [LAB_SENTINEL] = "no"
	};
	char name[128], data[32];
	int fd;

	/* A sentinel writes what it learns into its configuration. */
	snprintf(name, sizeof(name), "%s/%s.conf", folder, server->port);
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	if (server->kind == LAB_SENTINEL)
		execlp("redis-server", "redis-server", name, "--sentinel",
		    "--port", server->port, "--bind", "127.0.0.1", "--dir",
		    folder, "--logfile", "/dev/null", (char *)NULL);
	snprintf(name, sizeof(name), "nodes-%s.conf", server->port);
	snprintf(data, sizeof(data), "%s.rdb", server->port);
	execlp("redis-server", "redis-server", "--port", server->port,
	    "--bind", "127.0.0.1", "--dir", folder, "--save", "",
	    "--dbfilename", data, "--appendonly", "no", "--logfile", "/dev/null",
	    "--cluster-enabled", kinds[server->kind], "--cluster-config-file",
	    name, "--cluster-node-timeout", "1000",
	    "--cluster-require-full-coverage", "no",
	    "--repl-diskless-sync-delay", "0", (char *)NULL);
	_exit(127);
}

void
lab_start(size_t i, enum lab_kind kind)
{
	struct lab_server *server = &lab_servers[i];

	server->kind = kind;
	if (server->port[0] == '\0')
		find_port(server);
	server->pid = fork();
	ck_assert_int_ge(server->pid, 0);
	if (server->pid == 0)
		run_server(server);
	redisFree(connect_to(i));
}

void
lab_kill(size_t i)
{
	kill(lab_servers[i].pid, SIGKILL);
	waitpid(lab_servers[i].pid, NULL, 0);
	lab_servers[i].pid = 0;
}

void
lab_freeze(size_t i)
{
	kill(lab_servers[i].pid, SIGSTOP);
	sleep_ms(20);
}

void
lab_thaw(size_t i)
{
	kill(lab_servers[i].pid, SIGCONT);
}

static void
take_text(const redisReply *reply, char *answer, size_t size)
{
	answer[0] = '\0';
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0)
		take_text(reply->element[0], answer, size);
	else if (reply->type == REDIS_REPLY_INTEGER)
		snprintf(answer, size, "%lld", reply->integer);
	else if (reply->str != NULL)
		snprintf(answer, size, "%s%s",
		    reply->type == REDIS_REPLY_ERROR ? "-" : "", reply->str);
}

const char *
lab_ask(size_t i, const char *format, ...)
{
	static char answer[16384];
	char line[512], *rest = line;
	const char *words[64];
	redisContext *context = connect_to(i);
	redisReply *reply;
	va_list list;
	int count = 0;

	va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	while ((words[count] = strtok_r(rest, " ", &rest)) != NULL)
		count++;
	reply = redisCommandArgv(context, count, words, NULL);
	ck_assert_msg(reply != NULL, "server %zu, %s: %s", i, line,
	    context->errstr);
	take_text(reply, answer, sizeof(answer));
	freeReplyObject(reply);
	redisFree(context);
	return answer;
}

/* --- a Cluster --- */

static unsigned int
first_slot(size_t i)
{
	static const unsigned int first[] = {0, 5461, 10923, SLOTS};

	return first[i];
}

size_t
lab_owner(unsigned int slot)
{
	return slot < first_slot(1) ? 0 : slot < first_slot(2) ? 1 : 2;
}

static bool
knows_all(size_t i)
{
	const char *info = lab_ask(i, "CLUSTER INFO");

	return strstr(info, "cluster_state:ok") != NULL &&
	    strstr(info, "cluster_slots_ok:16384") != NULL &&
	    strstr(info, "cluster_known_nodes:3") != NULL;
}

void
lab_make_replica(size_t i, size_t of)
{
	ck_assert_str_eq(lab_ask(i, "REPLICAOF 127.0.0.1 %s",
	    lab_servers[of].port), "OK");
	for (int tries = 0; strstr(lab_ask(i, "INFO replication"),
	    "master_link_status:up") == NULL; tries++) {
		ck_assert_int_lt(tries, 500);
		sleep_ms(10);
	}
}

void
lab_start_cluster(void)
{
	for (size_t i = 0; i < CLUSTER_NODES; i++) {
		lab_start(i, LAB_NODE);
		text_copy(lab_servers[i].id, sizeof(lab_servers[i].id),
		    lab_ask(i, "CLUSTER MYID"));
		ck_assert_str_eq(lab_ask(i, "CLUSTER ADDSLOTSRANGE %u %u",
		    first_slot(i), first_slot(i + 1) - 1), "OK");
		lab_ask(i, "CLUSTER SET-CONFIG-EPOCH %zu", i + 1);
	}
	for (size_t i = 1; i < CLUSTER_NODES; i++)
		lab_ask(0, "CLUSTER MEET 127.0.0.1 %s", lab_servers[i].port);
	for (size_t i = 0; i < CLUSTER_NODES; i++)
		for (int tries = 0; !knows_all(i); tries++) {
			ck_assert_int_lt(tries, 1000);
			sleep_ms(10);
		}
}
