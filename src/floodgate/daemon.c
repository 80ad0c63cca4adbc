/*
 * daemon.c - the life of the daemon, from sockets to the last snapshot
 *
 * Sockets are opened first, as root if we are; then privileges go, for
 * good; then the store, the engine and the control thread come up; then
 * libmilter serves until a signal ends it.
 */
#include "floodgate/daemon.h"

#include "base/text.h"
#include "floodgate/notify.h"
#include "floodgate/privileges.h"
#include "floodgate/signals.h"
#include "io/clock.h"
#include "io/conffile.h"
#include "io/control.h"
#include "io/engine.h"
#include "io/listen.h"
#include "io/log.h"
#include "io/metrics.h"
#include "io/milter.h"
#include "io/scheduling.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#define WHY_SIZE 256
#define FILES_WANTED 65536	/* descriptors, if we may */
#define STOP_LINGER_MS 100	/* for libmilter to end by itself */
#define STOP_TIMEOUT_MS 700	/* for callbacks that run when we stop */

struct daemon {
	const char *file;
	char listen[256];	/* as it was at the start */
	struct engine *engine;
	struct store *store;
	struct dns *dns;
	struct control *control;
	int64_t started_ms;
	pthread_mutex_t reload_lock;	/* one reload at a time; of the rest */
	int64_t reloaded_ms;
	bool reload_failed;
	int64_t stop_ms;	/* clock_steady_ms() of SIGTERM, or 0; of the
				 * thread that waits for signals */
	atomic_flag ending;
};

/* --- reload ------------------------------------------------------------ */

static bool
strings_differ(const char *a, const char *b)
{
	return strcmp(a, b) != 0;
}

/* What only a restart changes is said, and the rest is put in force. */
static void
warn_of_restart(const struct global_options *was,
    const struct global_options *is)
{
	if (strings_differ(was->listen, is->listen) ||
	    was->listen_mode != is->listen_mode ||
	    strings_differ(was->listen_group, is->listen_group))
		log_warning("listen has changed: it needs a restart");
	if (strings_differ(was->control, is->control) ||
	    was->control_mode != is->control_mode ||
	    strings_differ(was->control_group, is->control_group))
		log_warning("control has changed: it needs a restart");
	if (strings_differ(was->user, is->user) ||
	    strings_differ(was->group, is->group))
		log_warning("user or group has changed: it needs a restart");
}

static bool
dns_differs(const struct dns_options *was, const struct dns_options *is)
{
	if (was->servers.count != is->servers.count ||
	    was->timeout_ms != is->timeout_ms ||
	    was->cache_size != is->cache_size ||
	    was->min_ttl_ms != is->min_ttl_ms ||
	    was->max_ttl_ms != is->max_ttl_ms)
		return true;
	for (size_t i = 0; i < was->servers.count; i++)
		if (strings_differ(was->servers.at[i], is->servers.at[i]))
			return true;
	return false;
}

static void
put_in_force(struct daemon *daemon, struct config *config)
{
	const struct config *old = engine_hold_config(daemon->engine);

	warn_of_restart(&old->global, &config->global);
	if (dns_differs(&old->dns, &config->dns))
		log_warning("dns has changed: it needs a restart");
	engine_unhold_config(daemon->engine, old);
	if (!store_reconfigure(daemon->store, config))
		log_warning("store has changed: it needs a restart");
	log_set_level(config->global.log_level);
	log_notice("reloaded %s: %zu policies, %zu lists", daemon->file,
	    config->policy_count, config->list_count);
	engine_reload(daemon->engine, config);
}

/* A broken file never replaces a good policy. */
static bool
reload(void *context, struct problems *problems)
{
	struct daemon *daemon = context;
	struct config *config;

	pthread_mutex_lock(&daemon->reload_lock);
	notify("RELOADING=1");
	config = conffile_read(daemon->file, problems);
	if (config != NULL)
		put_in_force(daemon, config);
	else
		metric_add(METRIC_reload_failures);
	daemon->reloaded_ms = clock_now_ms();
	daemon->reload_failed = config == NULL;
	notify("READY=1");
	pthread_mutex_unlock(&daemon->reload_lock);
	return config != NULL;
}

#define PROBLEMS_LOGGED_MAX 20

static void
log_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count && i < PROBLEMS_LOGGED_MAX; i++)
		log_error("%s:%d: %s", problems->at[i].file,
		    problems->at[i].line, problems->at[i].text);
	log_error("not reloaded: the policy stays as it was");
}

static void
on_reload_signal(void *context)
{
	struct problems problems;

	problems_init(&problems);
	if (!reload(context, &problems))
		log_problems(&problems);
	problems_clear(&problems);
}

static bool
on_control_reload(void *context, struct problems *problems)
{
	if (reload(context, problems))
		return true;
	log_problems(problems);
	return false;
}

static void
on_control_describe(void *context, struct control_daemon *is)
{
	struct daemon *daemon = context;

	pthread_mutex_lock(&daemon->reload_lock);
	*is = (struct control_daemon){
		.engine = daemon->engine,
		.store = daemon->store,
		.config_file = daemon->file,
		.started_ms = daemon->started_ms,
		.reloaded_ms = daemon->reloaded_ms,
		.reload_failed = daemon->reload_failed,
	};
	pthread_mutex_unlock(&daemon->reload_lock);
}

/* --- the end ----------------------------------------------------------- */

/*
 * Sessions that are open get "try again later" from now on. When a callback
 * is still inside (a store that hangs), what can be saved is saved and the
 * rest ends with the process. Whichever thread comes first does it.
 */
static void
end(struct daemon *daemon)
{
	char why[WHY_SIZE];

	while (atomic_flag_test_and_set(&daemon->ending))
		(void)pause();
	notify("STOPPING=1");
	listen_remove(daemon->listen);
	control_close(&daemon->control);
	if (!milter_stop(STOP_TIMEOUT_MS)) {
		if (!store_save(daemon->store, why, sizeof(why)))
			log_error("store: %s", why);
		_exit(EX_OK);
	}
	/* Signals may still come: the engine stays until the very end. */
	pthread_mutex_lock(&daemon->reload_lock);
	engine_close(&daemon->engine, clock_now_ms());
	store_close(&daemon->store);
	dns_close(&daemon->dns);
	log_notice("stopped");
	_exit(EX_OK);
}

/*
 * Called again and again from SIGTERM on. libmilter leaves smfi_main() at
 * once, or sleeps for a whole second on its way out when a session has just
 * ended (measured): that is not waited for.
 */
static void
on_stop_signal(void *context)
{
	struct daemon *daemon = context;
	int64_t now_ms = clock_steady_ms();

	if (daemon->stop_ms == 0)
		daemon->stop_ms = now_ms;
	if (now_ms - daemon->stop_ms >= STOP_LINGER_MS)
		end(daemon);
	else
		milter_wake(daemon->listen);
}

/* --- start ------------------------------------------------------------- */

/*
 * libmilter's listener spins when descriptors run out (measured), so we
 * take as many as we may: one per MTA process, and a few.
 */
static void
raise_file_limit(void)
{
	struct rlimit limit;
	rlim_t before;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	before = limit.rlim_cur;
	if (geteuid() == 0 && limit.rlim_max < FILES_WANTED)
		limit.rlim_max = FILES_WANTED;
	limit.rlim_cur = limit.rlim_max;
	if (before < limit.rlim_cur &&
	    setrlimit(RLIMIT_NOFILE, &limit) != 0)
		limit.rlim_cur = before;
	if (limit.rlim_cur < 1024)
		log_warning("only %llu file descriptors: sessions beyond that "
		    "will hang", (unsigned long long)limit.rlim_cur);
}

static bool
open_control(struct daemon *daemon, const struct config *config, char *why,
    size_t size)
{
	static const struct control_handlers handlers = {
		.reload = on_control_reload,
		.describe = on_control_describe,
	};
	const struct control_options options = {
		.path = config->global.control,
		.mode = config->global.control_mode,
		.group = config->global.control_group,
	};

	if (config->global.control[0] == '\0')
		return true;
	daemon->control = control_open(&options, &handlers, daemon, why, size);
	return daemon->control != NULL;
}

/* With the rights of the user, and of the group that the socket is for. */
static bool
open_control_as(struct daemon *daemon, const struct identity *identity,
    const struct config *config, char *why, size_t size)
{
	bool opened;

	if (!identity_borrow(identity, config->global.control_group, why,
	    size))
		return false;
	opened = open_control(daemon, config, why, size);
	return identity_return(identity, why, size) && opened;
}

/* Sockets, then nobody is root any more. */
static bool
open_and_drop(struct daemon *daemon, const struct config *config, char *why,
    size_t size)
{
	const struct global_options *global = &config->global;
	struct identity identity;

	if (!identity_find(global->user, global->group, &identity, why, size))
		return false;
	if (!identity_make_room(&identity, global->control, why, size))
		return false;
	if (config->store == STORE_KIND_MEMORY &&
	    !identity_make_room(&identity, config->memory.file, why, size))
		return false;
	if (!milter_listen(config, why, size))
		return false;
	/* To connect to it ourselves: see milter_wake(). */
	if (identity.wanted &&
	    !listen_set_owner(global->listen, identity.uid))
		log_warning("cannot give %s to %s", global->listen,
		    identity.user);
	if (!open_control_as(daemon, &identity, config, why, size))
		return false;
	return identity_become(&identity, why, size);
}

static uint64_t
random_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = (uint64_t)clock_now_ms() << 16 ^ (uint64_t)getpid();
	return seed;
}

/* Everything that is needed, up and running; false when it was logged. */
static bool
start(struct daemon *daemon, struct config *config)
{
	const struct signal_actions actions = {
		.reload = on_reload_signal,
		.stop = on_stop_signal,
		.context = daemon,
	};
	char why[WHY_SIZE];

	if (!open_and_drop(daemon, config, why, sizeof(why))) {
		log_error("%s", why);
		config_close(&config);
		return false;
	}
	daemon->store = store_open(config, why, sizeof(why));
	if (daemon->store == NULL) {
		log_error("store: %s", why);
		config_close(&config);
		return false;
	}
	daemon->dns = dns_open(&config->dns, why, sizeof(why));
	if (daemon->dns == NULL) {
		log_error("dns: %s", why);
		config_close(&config);
		return false;
	}
	log_notice("floodgate %s listens on %s: %zu policies, %zu lists",
	    PACKAGE_VERSION, daemon->listen, config->policy_count,
	    config->list_count);
	daemon->engine = engine_open(config, daemon->store, random_seed());
	engine_use_dns(daemon->engine, daemon->dns);
	if (daemon->control != NULL &&
	    !control_start(daemon->control, why, sizeof(why))) {
		log_error("control: %s", why);
		return false;
	}
	if (!signals_start(&actions)) {
		log_error("cannot start a thread");
		return false;
	}
	return true;
}

int
daemon_run(struct config *config, const char *file)
{
	static struct daemon daemon = { .ending = ATOMIC_FLAG_INIT };

	daemon.file = file;
	(void)text_copy(daemon.listen, sizeof(daemon.listen),
	    config->global.listen);
	daemon.started_ms = clock_now_ms();
	pthread_mutex_init(&daemon.reload_lock, NULL);
	log_set_level(config->global.log_level);
	raise_file_limit();
	scheduling_wait_politely();
	signals_block();
	if (!start(&daemon, config)) {
		control_close(&daemon.control);
		return EX_UNAVAILABLE;
	}
	notify("READY=1");
	if (!milter_run(daemon.engine)) {
		log_error("libmilter has given up");
		return EX_OSERR;
	}
	end(&daemon);
	return EX_OK;
}
