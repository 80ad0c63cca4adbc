/*
 * lists.c - lists and maps of a million entries: how long they take to load,
 * what memory they need, how many lookups a second they answer
 *
 *	lists [ENTRIES]
 *
 * Each in a process of its own, so that memory is its own, too. Names are
 * looked up in another order than they were written in, by one thread.
 */
#include "io/maps.h"

#include "base/arena.h"
#include "core/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES 1000000
#define LOOKUPS 1000000
#define STRIDE 7368787		/* prime: every entry once */
#define TEXT_SIZE 128

static const struct folding folding = { .fold_case = true,
    .separator = "+" };

static struct list list;
static struct map map;

/* --- what stands in the files, by number; and what is looked up */

static void
put_recipient(char *to, int64_t i)
{
	snprintf(to, TEXT_SIZE, "user%07" PRId64 "@d%04" PRId64
	    ".example.com", i, i % 5000);
}

/* Of ten: six mailboxes, three aliases with several users, one domain. */
static void
put_owned(char *to, int64_t i)
{
	if (i % 10 < 6)
		snprintf(to, TEXT_SIZE, "user%07" PRId64 "@d%04" PRId64
		    ".example.com user%07" PRId64, i, i % 5000, i);
	else if (i % 10 < 9)
		snprintf(to, TEXT_SIZE, "alias%07" PRId64 "@d%04" PRId64
		    ".example.com user%07" PRId64 ", user%07" PRId64, i,
		    i % 5000, i / 2, i / 3);
	else
		snprintf(to, TEXT_SIZE, "@d%07" PRId64
		    ".example.org user%07" PRId64, i, i);
}

/* Addresses and /24 of IPv4, /64 of IPv6. */
static void
put_network(char *to, int64_t i)
{
	unsigned int n = (unsigned int)i;

	if (i % 4 < 2)
		snprintf(to, TEXT_SIZE, "11.%u.%u.%u", n >> 16 & 255,
		    n >> 8 & 255, n & 255);
	else if (i % 4 == 2)
		snprintf(to, TEXT_SIZE, "%u.%u.%u.0/24", 64 + (n >> 16),
		    n >> 8 & 255, n & 255);
	else
		snprintf(to, TEXT_SIZE, "2001:db8:%x:%x::/64", n >> 16,
		    (n & 0xffff) | 1);
}

static void
put_user(char *to, int64_t i)
{
	snprintf(to, TEXT_SIZE, "user%07" PRId64, i);
}

static bool
find_path(const char *entry, bool in_map, int64_t miss)
{
	char argument[TEXT_SIZE + 2];
	struct path path;

	snprintf(argument, sizeof(argument), "<%s%.*s%s>",
	    miss ? "x" : entry[0] == '@' ? "any" : "",
	    (int)strcspn(entry, " "), entry, miss ? ".net" : "");
	path_parse(argument, &path);
	return in_map ? map_find_path(&map, &path, &folding) != NULL :
	    list_has_path(&list, &path, &folding);
}

static bool
find_recipient(const char *entry, bool miss)
{
	return find_path(entry, false, miss);
}

static bool
find_owner(const char *entry, bool miss)
{
	return find_path(entry, true, miss);
}

static bool
find_address(const char *entry, bool miss)
{
	struct ip_net net;
	const char *why;

	if (!ip_net_parse(entry, &net, &why))
		return false;
	if (miss)
		net.address.octets[0] ^= 0x80;
	return list_has_ip(&list, &net.address);
}

static bool
find_user(const char *entry, bool miss)
{
	char user[TEXT_SIZE + 1];

	snprintf(user, sizeof(user), "%s%s", entry, miss ? "x" : "");
	return list_has_user(&list, user, &folding);
}

static const struct kind {
	const char *name;
	bool is_map;
	void (*put)(char *to, int64_t i);
	bool (*find)(const char *entry, bool miss);
} kinds[] = {
	{ "recipients", false, put_recipient, find_recipient },
	{ "owners", true, put_owned, find_owner },
	{ "networks", false, put_network, find_address },
	{ "suspended", false, put_user, find_user },
};

/* --- measuring */

static double
seconds(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Of this process, whatever else the machine does. */
static double
cpu(void)
{
	return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static double
resident_bytes(void)
{
	long pages = 0;
	FILE *from = fopen("/proc/self/statm", "r");

	if (from == NULL || fscanf(from, "%*s %ld", &pages) != 1)
		pages = 0;
	if (from != NULL)
		fclose(from);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void
write_file(const char *file, const struct kind *kind, int64_t entries)
{
	FILE *to = fopen(file, "w");
	char text[TEXT_SIZE];

	if (to == NULL) {
		perror(file);
		exit(EXIT_FAILURE);
	}
	for (int64_t i = 0; i < entries; i++) {
		kind->put(text, i);
		fprintf(to, "%s\n", text);
	}
	fclose(to);
}

static void
load(const char *file, const struct kind *kind)
{
	struct arena *arena = arena_open();	/* for as long as we live */
	struct problems problems;

	problems_init(&problems);
	if (kind->is_map) {
		struct map_builder *builder = map_builder_open(arena,
		    &folding);

		map_builder_add_file(builder, file, &problems);
		map_builder_finish(&builder, &map);
	} else {
		struct list_builder *builder = list_builder_open(arena,
		    &folding);

		list_builder_add_file(builder, file, &problems);
		list_builder_finish(&builder, &list);
	}
	if (problems.count > 0) {
		problems_print(&problems, stderr);
		exit(EXIT_FAILURE);
	}
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* CPU time of all lookups, or only of making what is looked up. */
static double
take_turns(const struct kind *kind, int64_t entries, bool miss, bool finds)
{
	char text[TEXT_SIZE];
	double before = cpu();

	for (int64_t i = 0; i < LOOKUPS; i++) {
		kind->put(text, i * STRIDE % entries);
		if (!finds || kind->find(text, miss) != miss)
			continue;
		fprintf(stderr, "%s: wrong answer for %s\n", kind->name,
		    text);
		exit(EXIT_FAILURE);
	}
	return cpu() - before;
}

/* Of one lookup, as the clock has it. */
static double
p99_us(const struct kind *kind, int64_t entries, bool miss)
{
	static double each[LOOKUPS / 10];
	size_t count = sizeof(each) / sizeof(each[0]);
	char text[TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		double before;

		kind->put(text, (int64_t)i * STRIDE % entries);
		before = seconds(CLOCK_MONOTONIC);
		(void)kind->find(text, miss);
		each[i] = seconds(CLOCK_MONOTONIC) - before;
	}
	qsort(each, count, sizeof(each[0]), compare);
	return each[count / 100 * 99] * 1e6;
}

static void
put_lookups(const struct kind *kind, int64_t entries, bool miss)
{
	double took = take_turns(kind, entries, miss, true) -
	    take_turns(kind, entries, miss, false);

	printf("  %9.0f  %5.2f us", LOOKUPS / took,
	    p99_us(kind, entries, miss));
}

static void
measure(const char *file, const struct kind *kind, int64_t entries)
{
	double before, used, bytes = resident_bytes();

	write_file(file, kind, entries);
	before = seconds(CLOCK_MONOTONIC);
	used = cpu();
	load(file, kind);
	bytes = resident_bytes() - bytes;
	printf("%-10s  %8" PRId64 "  %5.2f s  %5.2f s  %5.1f MB  %4.0f B",
	    kind->name, entries, seconds(CLOCK_MONOTONIC) - before,
	    cpu() - used, bytes / 1e6, bytes / (double)entries);
	put_lookups(kind, entries, false);
	put_lookups(kind, entries, true);
	putchar('\n');
}

int
main(int count, char *arguments[])
{
	int64_t entries = count > 1 ? atoll(arguments[1]) : ENTRIES;
	char file[] = "/tmp/floodgate-lists-XXXXXX";
	int descriptor = mkstemp(file), failed = 0;

	if (descriptor < 0 || entries < 1) {
		fprintf(stderr, "usage: lists [ENTRIES]\n");
		return EXIT_FAILURE;
	}
	close(descriptor);
	printf("what         entries     load      CPU    memory    each"
	    "     hits/s       p99   misses/s       p99\n");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int status = 0;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			measure(file, &kinds[i], entries);
			exit(EXIT_SUCCESS);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			failed = 1;
	}
	unlink(file);
	return failed;
}
