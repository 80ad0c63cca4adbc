/*
 * redis_inside.h - a link from inside; only for its own files
 *
 * redis_link.c holds what the askers do, redis_thread.c what the I/O thread
 * does while it is connected, redis_replicas.c what it does when answers wait
 * for replicas, redis_connect.c how it comes to be, and redis_health.c what
 * the state and the log say of it.
 *
 * One mutex guards the queue and the state; members that only the I/O
 * thread uses are not guarded.
 */
#ifndef FLOODGATE_IO_REDIS_INSIDE_H
#define FLOODGATE_IO_REDIS_INSIDE_H

#include "io/redis_link.h"
#include "io/redis_question.h"
#include "io/redis_reply.h"
#include "io/redis_script.h"
#include "io/redis_socket.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReader;

#define WHERE_SIZE 128	/* as in struct store_state */

/* One of the servers that the link may connect to. */
struct redis_target {
	struct redis_server server;
	char where[WHERE_SIZE];	/* for the log */
	struct redis_lookup *lookup;	/* of its name, begun; or NULL */
};

struct redis_link {
	enum redis_kind kind;
	struct redis_watcher watcher;	/* no functions: nobody */
	char *user, *password;
	int64_t database;
	struct redis_script script;
	const struct tls_settings *tls_settings;	/* NULL: no TLS */
	int wake[2];		/* a pipe that wakes the I/O thread */
	pthread_t thread;
	pthread_condattr_t steady;	/* conditions by clock_steady_ms() */
	atomic_bool up;		/* written under the mutex */
	atomic_bool misset;	/* the last trouble was one of the set-up */
	atomic_llong calls, failures;	/* of those who wait for answers */

	pthread_mutex_t mutex;	/* guards from here ... */
	pthread_cond_t tried_first;
	struct questions queue;
	size_t told;		/* of them, with nobody waiting */
	bool sleeping;		/* in poll(), or nearly: wake it */
	bool closing, tried;
	enum redis_trouble drop;	/* why; COUNT: do not */
	bool has_next;
	struct redis_target next;	/* from now on, instead of the others */
	char where[WHERE_SIZE];	/* the server in use, or tried last */
	int64_t timeout_ms, connect_timeout_ms;
	int64_t wait_replicas;
	bool doubted;		/* too few replicas: nothing lasting is asked */
	int64_t since_ms;
	bool ailing;		/* down, or the server answers with errors */
	char reason[160];	/* ... to here */

	/* Of the I/O thread. */
	struct redis_target targets[REDIS_SERVERS_MAX];
	size_t target_count;
	size_t target;		/* the one in use, or tried last */
	int fd;			/* -1: none */
	struct tls *tls;	/* over it; NULL: none */
	struct redisReader *reader;
	size_t unparsed;	/* octets since the last whole reply */
	struct buffer out;
	struct questions sent;	/* in the order of their answers to come */
	struct questions finished;	/* to be handed over */
	int64_t asked_us;	/* an idle server, last; 0: it answered */
	int64_t nearest_us;	/* until their first answer, at best of late */
	struct questions held;	/* lasting ones, until the WAIT is answered */
	struct questions awaiting;	/* answered, but for their WAIT */
	bool uncovered;		/* one was sent without a WAIT behind it */
	size_t waits;		/* WAITs that are not answered */
	int64_t replicas;	/* that are to confirm; 0: nobody waits */
	int64_t wait_ms;	/* how long a WAIT waits for them; > 0 */
	int64_t give_up_ms;	/* and we for its answer */
	int64_t waiting_ms;	/* since when, if there are WAITs */
	int64_t waited_ms;	/* when the last one was answered */
	int64_t look_ms;	/* when the next look for replicas is due */
	int64_t active_ms;	/* when something arrived, or a PING left */
	int64_t retry_ms;	/* how long to wait before the next attempt */
	unsigned int dice;
	int64_t logged_ms[TROUBLE_COUNT];
	enum redis_trouble noted;	/* the last trouble */
	bool silent;		/* which was not logged */
	bool loading;		/* a FUNCTION LOAD is under way */
	int64_t load_failed_ms;	/* when one did last; 0: it did not */
};

/* The I/O thread: connect, serve, connect again, until the link closes. */
void *link_run(void *link);

/* --- redis_connect.c, for the I/O thread --- */

enum waited { WAITED_READY, WAITED_LATE, WAITED_CLOSING };

/*
 * Wait for a descriptor, or for the end. With -1 only for the time, or
 * until there is another server to connect to (LATE).
 */
enum waited link_wait_for(struct redis_link *link, int fd, short events,
    int64_t deadline_ms);
/* Take the octets that woke the thread. */
void link_drain_wake(const struct redis_link *link);

/*
 * Try each address of each server once. On false the fault says what is
 * wrong, TROUBLE_COUNT that the link is being closed.
 */
bool link_connect(struct redis_link *link, struct fault *fault);
/* Forget all servers, and their lookups. */
void link_forget_targets(struct redis_link *link);
/* Close the socket; what was to be sent or parsed is gone. */
void link_let_go(struct redis_link *link);

/*
 * Send as much as goes without waiting. False when the connection is of no
 * use any more.
 */
bool link_send_out(struct redis_link *link, struct fault *fault);
/* What the connection waits for, and whether revents call for receiving. */
short link_events(const struct redis_link *link);
bool link_is_readable(const struct redis_link *link, short revents);
/*
 * Feed the parser with what has arrived; `more` may be there. False when
 * the connection is of no use any more.
 */
bool link_receive(struct redis_link *link, bool *more, struct fault *fault);
/* The next whole reply, or NULL; false when it is none of Redis'. */
bool link_next_reply(struct redis_link *link, struct redisReply **reply);

/* --- redis_replicas.c, for the I/O thread --- */

/*
 * A connection is there; the next WAIT is to be sent before anything else, so
 * that nothing is counted before the replicas are known to be there, too.
 */
void link_replicas_begin(struct redis_link *link);
/* What is configured, into what the I/O thread goes by. With the lock. */
void link_replicas_read(struct redis_link *link);
/* It is gone: what was held or awaited has failed. With the lock. */
void link_replicas_end(struct redis_link *link);
/* Is it to be held until the WAIT on its way is answered? */
bool link_is_held(const struct redis_link *link,
    const struct question *question);
/*
 * The WAIT that is to be sent now; NULL: none is, or *fits is false, there
 * is no memory for it.
 */
struct question *link_next_wait(struct redis_link *link, bool *fits);
/* Until when a question that was sent is to be answered. */
int64_t link_question_due(const struct redis_link *link,
    const struct question *question, int64_t timeout_ms);
/* A WAIT that takes too long has said no. */
void link_give_up_wait(struct redis_link *link);
/* When something of these is due, at the latest `due_ms`. */
int64_t link_wait_due(const struct redis_link *link, int64_t due_ms);
bool link_is_wait(const struct question *question);
/*
 * What WAIT has answered. False when the connection is of no use any more.
 */
bool link_settle_wait(struct redis_link *link, struct question *wait,
    const struct redisReply *reply, struct fault *fault);

/* --- redis_health.c, for the I/O thread --- */

/* From now on the store is of no use; `detail` may be "". */
void link_note_trouble(struct redis_link *link, enum redis_trouble trouble,
    const char *detail);
/* One question cannot be answered; the store is well. */
void link_note_failure(struct redis_link *link, enum redis_trouble trouble,
    const char *detail);
/* The store is up, and answers; but for replicas, where they are missed. */
void link_note_well(struct redis_link *link);
/* The first attempt has ended, one way or the other. */
void link_note_tried(struct redis_link *link);

#endif
