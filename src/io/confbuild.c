/*
 * confbuild.c - from sections to a configuration: global, store, DNS
 *
 * What several options must agree on, beyond the type of each, is checked
 * here; each problem stands at the line of the option that it is about.
 */
#include "io/confread.h"

#include "base/arena.h"
#include "base/text.h"
#include "core/domain.h"
#include "io/confsay.h"
#include "io/dns.h"
#include "io/listen.h"
#include "io/maps.h"
#include "io/redis_key.h"
#include "io/store.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

/* --- a section, option by option */

/* The section in what libconfuse has read. */
static cfg_t *
section_cfg(const struct conf_file *file, const struct scan_section *section)
{
	if (section->parent == NULL)
		return file->cfg;
	return cfg_getnsec(section_cfg(file, section->parent),
	    section_of(section->kind)->name, section->index);
}

void
section_begin(struct section_reader *in, struct conf_reader *conf,
    const struct conf_file *file, const struct scan_section *section)
{
	memset(in, 0, sizeof(*in));
	in->file = file;
	in->section = section;
	in->cfg = section_cfg(file, section);
	in->scratch = conf->scratch;
	in->reading.arena = conf->config->arena;
	in->reading.problems = conf->problems;
	in->reading.maps = &conf->maps;
	in->reading.config = conf->config;
	in->reading.file = file->name;
	in->reading.directory = file->directory;
	in->reading.counts = COUNT_COUNT;
	in->reading.name = section->title;
}

static void
take_values(struct section_reader *in, const struct scan_option *option)
{
	cfg_opt_t *found = cfg_getopt(in->cfg, option->row->name);
	struct reading *r = &in->reading;
	const char **values;

	r->count = cfg_opt_size(found);
	values = arena_get_array(in->scratch, r->count + 1, sizeof(*values));
	for (unsigned int i = 0; i < r->count; i++)
		values[i] = cfg_opt_getnstr(found, i);
	r->values = values;
	r->lines = option->lines;
	r->line = option->line;
}

static void
take_default(struct section_reader *in, const struct option_row *row)
{
	struct reading *r = &in->reading;

	r->values = &row->dflt;
	r->lines = NULL;
	r->line = in->section->line;
	r->count = option_takes_many(row) && row->dflt[0] == '\0' ? 0 : 1;
}

bool
section_read_option(struct section_reader *in, const struct option_row *row,
    void *fields)
{
	const struct scan_option *option = scan_find(in->section, row->name);
	bool is_given = option != NULL && option->is_sound;

	in->reading.row = row;
	if (is_given)
		take_values(in, option);
	else
		take_default(in, row);
	return option_parse(&in->reading, (char *)fields + row->offset) &&
	    (option == NULL || is_given);
}

void
section_default(struct section_reader *in, const struct option_row *row,
    void *fields)
{
	in->reading.row = row;
	take_default(in, row);
	option_parse(&in->reading, (char *)fields + row->offset);
}

void
section_read(struct section_reader *in, const struct option_table *table,
    void *fields)
{
	for (size_t i = 0; i < table->count; i++)
		section_read_option(in, &table->rows[i], fields);
}

bool
section_gives(const struct section_reader *in, const char *name)
{
	return scan_find(in->section, name) != NULL;
}

bool
section_is_empty(const struct section_reader *in, const char *name)
{
	const struct scan_option *option = scan_find(in->section, name);

	return option != NULL && option->is_sound && option->count == 0;
}

int
section_line(const struct section_reader *in, const char *name, size_t i)
{
	const struct scan_option *option = scan_find(in->section, name);

	if (option == NULL)
		return in->section->line;
	return i < option->count ? option->lines[i] : option->line;
}

void
section_refuse(const struct section_reader *in, const char *name, size_t i,
    const char *expected, const char *value)
{
	char seen[SAY_SIZE];

	problems_add(in->reading.problems, in->file->name,
	    section_line(in, name, i), "%s: %s, saw %s", name, expected,
	    value == NULL ? "nothing" :
	    say_seen(value, strlen(value), seen));
}

/* --- the top level, which may be spread over files */

/* The file that gives the option; further ones are a problem. */
static const struct conf_file *
file_giving(struct conf_reader *conf, const char *name)
{
	const struct conf_file *found = NULL;

	for (const struct conf_file *file = conf->files; file != NULL;
	    file = file->next) {
		const struct scan_option *option =
		    scan_find(file->scan.root, name);

		if (option == NULL || file->cfg == NULL)
			continue;
		if (found == NULL) {
			found = file;
			continue;
		}
		problems_add(conf->problems, file->name, option->line,
		    "%s stands in %s, line %d already", name, found->name,
		    scan_find(found->scan.root, name)->line);
	}
	return found != NULL ? found : conf->files;
}

static void
check_user(const struct section_reader *in, const char *name,
    const char *value)
{
	if (value[0] != '\0' && getpwnam(value) == NULL)
		section_refuse(in, name, 0, "expected a user of this system",
		    value);
}

static void
check_group(const struct section_reader *in, const char *name,
    const char *value)
{
	if (value[0] != '\0' && getgrnam(value) == NULL)
		section_refuse(in, name, 0, "expected a group of this system",
		    value);
}

static void
check_listen(const struct section_reader *in, const char *name,
    const char *value)
{
	struct listen_address address;
	const char *why = "";

	if (!listen_parse(value, &address, &why))
		section_refuse(in, name, 0, why, value);
}

static void
check_control(const struct section_reader *in, const char *name,
    const char *value)
{
	if (value[0] != '\0' && value[0] != '/')
		section_refuse(in, name, 0, "expected a path that begins "
		    "with /, or \"\" for none", value);
	else if (strlen(value) > LISTEN_PATH_MAX)
		section_refuse(in, name, 0, "the path of a socket has at most "
		    "107 octets", value);
}

static void
check_hostname(const struct section_reader *in, const char *name,
    const char *value)
{
	if (value[0] != '\0' && !domain_is_fqdn(value))
		section_refuse(in, name, 0, "expected a name such as "
		    "mail.example.com", value);
}

#define SEPARATOR_OCTETS_MAX 4

static void
check_separator(const struct section_reader *in, const char *name,
    const char *value)
{
	if (strlen(value) > SEPARATOR_OCTETS_MAX ||
	    strpbrk(value, "@ \t\"<>") != NULL)
		section_refuse(in, name, 0, "expected what parts user and "
		    "tag, such as \"+\"", value);
}

/* Options of the top level whose text has a form of its own. */
static const struct {
	const char *name;
	void (*check)(const struct section_reader *in, const char *name,
	    const char *value);
} global_checks[] = {
	{ "listen", check_listen },
	{ "listen_group", check_group },
	{ "user", check_user },
	{ "group", check_group },
	{ "control", check_control },
	{ "control_group", check_group },
	{ "hostname", check_hostname },
	{ "tag_separator", check_separator },
};
#define GLOBAL_CHECKS (sizeof(global_checks) / sizeof(global_checks[0]))

static void
check_global(const struct section_reader *in, const struct option_row *row,
    const struct global_options *global)
{
	const void *field = (const char *)global + row->offset;

	for (size_t i = 0; i < GLOBAL_CHECKS; i++)
		if (strcmp(global_checks[i].name, row->name) == 0)
			global_checks[i].check(in, row->name,
			    *(const char *const *)field);
}

static void
build_global(struct conf_reader *conf)
{
	struct config *config = conf->config;

	for (size_t i = 0; i < global_table.count; i++) {
		const struct option_row *row = &global_table.rows[i];
		const struct conf_file *file;
		struct section_reader in;

		if (strcmp(row->name, "include") == 0)
			continue;	/* each file has its own, done */
		file = file_giving(conf, row->name);
		section_begin(&in, conf, file, file->scan.root);
		if (section_read_option(&in, row, &config->global))
			check_global(&in, row, &config->global);
	}
	config->folding.fold_case = config->global.fold_local_part;
	config->folding.separator = config->global.tag_separator;
}

/* --- sections */

/* Is there one of its kind and title before item `at`? */
void
conf_check_title_once(struct conf_reader *conf, size_t at)
{
	const struct conf_item *item = &conf->items[at];
	const struct scan_section *section = item->section;
	char seen[SAY_SIZE];

	for (size_t i = 0; i < at; i++) {
		const struct scan_section *other = conf->items[i].section;

		if (other->kind != section->kind ||
		    section->title[0] == '\0' ||
		    strcmp(other->title, section->title) != 0)
			continue;
		problems_add(conf->problems, item->file->name, section->line,
		    "%s %s stands in %s, line %d already",
		    section_of(section->kind)->name,
		    say_seen(section->title, strlen(section->title), seen),
		    conf->items[i].file->name, other->line);
		return;
	}
}

/* --- the store */

static void
build_memory(struct section_reader *in, struct store_memory_options *memory)
{
	section_read(in, &store_memory_table, memory);
	if (memory->file[0] != '\0' && memory->file[0] != '/')
		section_refuse(in, "file", 0, "expected a path that begins "
		    "with /", memory->file);
}

#define SERVERS_MAX 16	/* as REDIS_SERVERS_MAX */

/* "HOST:PORT", "[ADDRESS]:PORT", "/path". */
static bool
is_server(const char *value)
{
	const char *colon = strrchr(value, ':');
	int64_t port;

	if (value[0] == '/')
		return strlen(value) <= LISTEN_PATH_MAX;
	if (colon == NULL || colon == value ||
	    !text_parse_number(colon + 1, 65535, &port) || port == 0)
		return false;
	if (value[0] == '[')
		return colon[-1] == ']' && colon - value > 3;
	return memchr(value, ':', (size_t)(colon - value)) == NULL &&
	    memchr(value, '/', (size_t)(colon - value)) == NULL;
}

static void
check_servers(const struct section_reader *in,
    const struct store_redis_options *redis)
{
	const struct strings *servers = &redis->server;

	for (size_t i = 0; i < servers->count; i++) {
		if (!is_server(servers->at[i]))
			section_refuse(in, "server", i, "expected HOST:PORT, "
			    "[ADDRESS]:PORT or the path of a socket",
			    servers->at[i]);
		else if (redis->cluster && servers->at[i][0] == '/')
			section_refuse(in, "server", i, "expected HOST:PORT "
			    "or [ADDRESS]:PORT of a node of the cluster",
			    servers->at[i]);
	}
	if (servers->count > SERVERS_MAX)
		section_refuse(in, "server", SERVERS_MAX, "expected at most "
		    "16 servers", servers->at[SERVERS_MAX]);
	if (section_is_empty(in, "server"))
		section_refuse(in, "server", 0, "expected a server", NULL);
}

/* What goes with Sentinel and with a Cluster, and what does not. */
static void
check_routes(const struct section_reader *in,
    const struct store_redis_options *redis)
{
	if (redis->cluster && redis->sentinel[0] != '\0')
		section_refuse(in, "sentinel", 0, "a cluster has none: "
		    "expected either sentinel or cluster = true",
		    redis->sentinel);
	if (redis->cluster && redis->database != 0)
		section_refuse(in, "database", 0, "a cluster has only "
		    "database 0", NULL);
	if (redis->sentinel[0] != '\0')
		return;
	if (redis->sentinel_user[0] != '\0')
		section_refuse(in, "sentinel_user", 0, "there is no sentinel: "
		    "expected the name of the master as sentinel",
		    redis->sentinel_user);
	if (redis->sentinel_password_file[0] != '\0')
		section_refuse(in, "sentinel_password_file", 0, "there is no "
		    "sentinel: expected the name of the master as sentinel",
		    redis->sentinel_password_file);
}

/* A secret that everybody can read is none. */
static void
check_secret_file(const struct section_reader *in, const char *option,
    const char *path)
{
	struct stat status;

	if (!file_is_readable(in->reading.problems, path, option,
	    in->file->name, section_line(in, option, 0)))
		return;
	if (stat(path, &status) == 0 && (status.st_mode & S_IROTH) != 0)
		section_refuse(in, option, 0, "everybody may read "
		    "it: expected mode 0640 or 0600", path);
}

/* The file of an option, beside the configuration. */
static void
find_file(struct section_reader *in, const char **file)
{
	if ((*file)[0] != '\0')
		*file = path_within(in->reading.arena, in->file->directory,
		    *file);
}

static void
check_secret_option(struct section_reader *in, const char *option,
    const char **path)
{
	find_file(in, path);
	if ((*path)[0] != '\0')
		check_secret_file(in, option, *path);
}

/* An option of TLS without TLS: somebody believes to be safe. */
static bool
is_tls_meant(const struct section_reader *in,
    const struct store_redis_options *redis)
{
	const struct {
		const char *name, *value;
	} given[] = {
		{"tls_ca_file", redis->tls_ca_file},
		{"tls_ca_directory", redis->tls_ca_directory},
		{"tls_certificate_file", redis->tls_certificate_file},
		{"tls_key_file", redis->tls_key_file},
		{"tls_server_name", redis->tls_server_name}
	};

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (!redis->tls && given[i].value[0] != '\0')
			section_refuse(in, given[i].name, 0,
			    "expected tls = true with it", given[i].value);
	return redis->tls;
}

/* What the files hold is tried when nothing else is wrong. */
static void
check_tls_files(const struct section_reader *in,
    const struct store_redis_options *redis)
{
	struct tls_options options = store_redis_tls_options(redis);
	size_t before = in->reading.problems->count;
	struct tls_settings *settings;
	char why[256];

	if (redis->tls_key_file[0] != '\0')
		check_secret_file(in, "tls_key_file", redis->tls_key_file);
	if (in->reading.problems->count != before)
		return;
	settings = tls_settings_open(&options, why, sizeof(why));
	if (settings == NULL)
		problems_add(in->reading.problems, in->file->name,
		    section_line(in, "tls", 0), "%s", why);
	tls_settings_close(&settings);
}

static void
build_tls(struct section_reader *in, struct store_redis_options *redis)
{
	find_file(in, &redis->tls_ca_file);
	find_file(in, &redis->tls_ca_directory);
	find_file(in, &redis->tls_certificate_file);
	find_file(in, &redis->tls_key_file);
	if (!is_tls_meant(in, redis))
		return;
	if (redis->server.count > 0 && redis->server.at[0][0] == '/' &&
	    redis->tls_server_name[0] == '\0')
		section_refuse(in, "tls", 0, "expected tls_server_name, as "
		    "server is a path", NULL);
	if ((redis->tls_certificate_file[0] == '\0') !=
	    (redis->tls_key_file[0] == '\0'))
		section_refuse(in, redis->tls_key_file[0] == '\0' ?
		    "tls_certificate_file" : "tls_key_file", 0,
		    "expected both tls_certificate_file and tls_key_file",
		    NULL);
	else
		check_tls_files(in, redis);
}

static void
build_redis(struct section_reader *in, struct store_redis_options *redis)
{
	section_read(in, &store_redis_table, redis);
	check_servers(in, redis);
	check_routes(in, redis);
	if (strpbrk(redis->prefix, " {}\t%") != NULL ||
	    strlen(redis->prefix) > REDIS_PREFIX_OCTETS_MAX)
		section_refuse(in, "prefix", 0, "expected at most 40 octets "
		    "without blanks, braces and %", redis->prefix);
	check_secret_option(in, "password_file", &redis->password_file);
	check_secret_option(in, "sentinel_password_file",
	    &redis->sentinel_password_file);
	build_tls(in, redis);
}

/* Without a store section: memory, which is lost at a restart. */
static void
build_default_store(struct conf_reader *conf)
{
	static const struct scan_section none = {
		.kind = SECTION_STORE_MEMORY, .title = ""
	};
	struct section_reader in;

	section_begin(&in, conf, conf->files, conf->files->scan.root);
	in.section = &none;
	section_read(&in, &store_memory_table, &conf->config->memory);
	section_read(&in, &store_redis_table, &conf->config->redis);
}

static void
build_store(struct conf_reader *conf)
{
	const struct conf_item *first = NULL;

	build_default_store(conf);
	for (size_t i = 0; i < conf->item_count; i++) {
		const struct conf_item *item = &conf->items[i];
		bool is_redis = item->section->kind == SECTION_STORE_REDIS;
		struct section_reader in;

		if (!is_redis && item->section->kind != SECTION_STORE_MEMORY)
			continue;
		if (first != NULL)
			problems_add(conf->problems, item->file->name,
			    item->section->line, "a store stands in %s, line "
			    "%d already: expected one", first->file->name,
			    first->section->line);
		else
			first = item;
		section_begin(&in, conf, item->file, item->section);
		if (is_redis)
			build_redis(&in, &conf->config->redis);
		else
			build_memory(&in, &conf->config->memory);
		conf->config->store = is_redis ? STORE_KIND_REDIS :
		    STORE_KIND_MEMORY;
	}
}

/* --- DNS */

/* "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]:53". */
static bool
is_name_server(const char *value)
{
	struct dns_server server;

	return dns_server_parse(value, &server);
}

static void
build_dns(struct conf_reader *conf)
{
	static const struct scan_section none = {
		.kind = SECTION_DNS, .title = ""
	};
	struct dns_options *dns = &conf->config->dns;
	const struct conf_item *found = NULL;
	struct section_reader in;

	section_begin(&in, conf, conf->files, conf->files->scan.root);
	in.section = &none;
	for (size_t i = 0; i < conf->item_count; i++) {
		const struct conf_item *item = &conf->items[i];

		if (item->section->kind != SECTION_DNS)
			continue;
		if (found != NULL)
			problems_add(conf->problems, item->file->name,
			    item->section->line, "dns stands in %s, line %d "
			    "already: expected one", found->file->name,
			    found->section->line);
		found = item;
		section_begin(&in, conf, item->file, item->section);
	}
	section_read(&in, &dns_table, dns);
	for (size_t i = 0; i < dns->servers.count; i++)
		if (!is_name_server(dns->servers.at[i]))
			section_refuse(&in, "servers", i, "expected ADDRESS, "
			    "ADDRESS:PORT or [ADDRESS]:PORT",
			    dns->servers.at[i]);
	if (dns->servers.count > DNS_SERVERS_MAX)
		section_refuse(&in, "servers", DNS_SERVERS_MAX,
		    "expected 4 servers at most",
		    dns->servers.at[DNS_SERVERS_MAX]);
	if (dns->min_ttl_ms > dns->max_ttl_ms)
		section_refuse(&in, "min_ttl", 0, "expected no more than "
		    "max_ttl", "more");
}
_Static_assert(DNS_SERVERS_MAX == 4, "build_dns() says so");

/* --- all */

void
conf_build(struct conf_reader *conf)
{
	build_global(conf);
	conf_build_lists(conf);
	build_store(conf);
	build_dns(conf);
	for (size_t i = 0; i < conf->item_count; i++)
		if (conf->items[i].section->kind == SECTION_POLICY)
			conf_check_title_once(conf, i);
	conf_build_policies(conf);
}
