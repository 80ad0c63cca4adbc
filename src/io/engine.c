/*
 * engine.c - from an event to an answer
 *
 * engine_event() is the heart; around it stand the life of configurations
 * (held by conversations, so that a reload never pulls one away) and the
 * settling of what a message was charged.
 */
#include "io/engine.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/conffile.h"
#include "io/idn.h"
#include "io/ledger.h"
#include "io/log.h"
#include "io/lookup.h"
#include "io/metrics.h"
#include "io/record.h"
#include "io/utc.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A configuration and how many hold it. */
struct held {
	struct held *next;
	struct config *config;
	size_t holders;		/* the engine itself is one while it runs */
};

struct engine {
	struct store *store;	/* borrowed */
	struct dns *dns;	/* borrowed; may be NULL */
	struct list_cache *lists;
	atomic_uint_fast64_t references;
	pthread_mutex_t lock;	/* of the rest */
	struct held *current;
	struct held *all;
	struct conversation *conversations;
	int64_t sessions;	/* of these: connected and not sent away */
};

struct conversation {
	struct conversation *next, *previous;	/* under the engine's lock */
	struct engine *engine;
	struct held *held;
	unsigned int steps;	/* what the MTA was asked to send */
	bool is_session;	/* one of engine->sessions */
	struct session session;
	struct facts facts;
	struct ledger message;		/* until the end of the transaction */
	struct ledger connection;	/* until the connection closes */
	struct ledger once;	/* likewise: what is counted once in it, and
				 * never given back */
	int64_t connection_ms;		/* when that was charged last */
	unsigned int unmarked;		/* keys, 1u << KEY_x, whose subjects
					 * this message was found without */
	struct trace *trace;
	int64_t until_ms;	/* the present event, on the steady clock */
};

/* --- configurations ---------------------------------------------------- */

static struct held *
held_open(struct config *config)
{
	struct held *held = calloc(1, sizeof(*held));

	if (held == NULL)
		abort();
	held->config = config;
	held->holders = 1;
	return held;
}

/* With the lock held: what is no longer held is unlinked and returned. */
static struct held *
release_locked(struct engine *engine, struct held *held)
{
	struct held **link = &engine->all;

	if (--held->holders > 0)
		return NULL;
	while (*link != held)
		link = &(*link)->next;
	*link = held->next;
	return held;
}

static void
held_close(struct held *held)
{
	if (held == NULL)
		return;
	config_close(&held->config);
	free(held);
}

static void
release(struct engine *engine, struct held *held)
{
	struct held *ended;

	pthread_mutex_lock(&engine->lock);
	ended = release_locked(engine, held);
	pthread_mutex_unlock(&engine->lock);
	held_close(ended);
}

static struct held *
hold_current(struct engine *engine)
{
	struct held *held;

	pthread_mutex_lock(&engine->lock);
	held = engine->current;
	held->holders++;
	pthread_mutex_unlock(&engine->lock);
	return held;
}

struct engine *
engine_open(struct config *config, struct store *store, uint64_t seed)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (engine == NULL)
		abort();
	engine->store = store;
	engine->lists = list_cache_open();
	if (engine->lists == NULL)
		abort();
	atomic_init(&engine->references, seed);
	pthread_mutex_init(&engine->lock, NULL);
	engine->current = held_open(config);
	engine->all = engine->current;
	return engine;
}

void
engine_use_dns(struct engine *engine, struct dns *dns)
{
	engine->dns = dns;
}

struct dns *
engine_dns(const struct engine *engine)
{
	return engine->dns;
}

/* Conversations that the end of the program cuts off give back, too. */
static void
close_conversations(struct engine *engine, int64_t now_ms)
{
	while (engine->conversations != NULL) {
		struct conversation *c = engine->conversations;

		conversation_close(&c, now_ms);
	}
}

void
engine_close(struct engine **engine, int64_t now_ms)
{
	if (*engine == NULL)
		return;
	close_conversations(*engine, now_ms);
	release(*engine, (*engine)->current);
	pthread_mutex_destroy(&(*engine)->lock);
	list_cache_close(&(*engine)->lists);
	free(*engine);
	*engine = NULL;
}

void
engine_reload(struct engine *engine, struct config *config)
{
	struct held *held = held_open(config), *ended;

	pthread_mutex_lock(&engine->lock);
	held->next = engine->all;
	engine->all = held;
	ended = release_locked(engine, engine->current);
	engine->current = held;
	pthread_mutex_unlock(&engine->lock);
	held_close(ended);
	metric_add(METRIC_reloads);
}

const struct config *
engine_hold_config(struct engine *engine)
{
	return hold_current(engine)->config;
}

void
engine_unhold_config(struct engine *engine, const struct config *config)
{
	struct held *held;

	pthread_mutex_lock(&engine->lock);
	for (held = engine->all; held != NULL; held = held->next)
		if (held->config == config)
			break;
	if (held != NULL)
		held = release_locked(engine, held);
	pthread_mutex_unlock(&engine->lock);
	held_close(held);
}

/* --- conversations ----------------------------------------------------- */

struct conversation *
conversation_open(struct engine *engine)
{
	struct conversation *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->engine = engine;
	c->held = hold_current(engine);
	c->steps = c->held->config->steps;
	session_init(&c->session);
	pthread_mutex_lock(&engine->lock);
	c->next = engine->conversations;
	if (c->next != NULL)
		c->next->previous = c;
	engine->conversations = c;
	pthread_mutex_unlock(&engine->lock);
	return c;
}

const struct config *
conversation_config(const struct conversation *c)
{
	return c->held->config;
}

const struct session *
conversation_session(const struct conversation *c)
{
	return &c->session;
}

const struct facts *
conversation_facts(const struct conversation *c)
{
	return &c->facts;
}

void
conversation_trace(struct conversation *c, struct trace *trace)
{
	c->trace = trace;
}

void
conversation_received(struct conversation *c, int64_t octets)
{
	c->session.received_bytes += octets;
}

/*
 * Unfolded (RFC 5322 2.2.3), without blanks at its ends, and cut: what a
 * filter says of a message is short, so the rest of a hostile one is not
 * looked at.
 */
static void
unfold(const char *value, char *to, size_t size)
{
	struct text text;

	text_init(&text, to, size);
	value += strspn(value, " \t\r\n");
	for (; *value != '\0'; value++)
		if (*value != '\r' && *value != '\n')
			text_put_char(&text, *value);
	while (text.length > 0 && (to[text.length - 1] == ' ' ||
	    to[text.length - 1] == '\t'))
		to[--text.length] = '\0';
}

void
conversation_header(struct conversation *c, const char *name,
    const char *value)
{
	char unfolded[HEADER_VALUE_MAX + 1];

	if ((c->held->config->steps & STEP_HEADERS) == 0)
		return;
	unfold(value, unfolded, sizeof(unfolded));
	session_apply_header(&c->session, c->held->config, name, unfolded);
}

static int64_t
timeout_of(const struct conversation *c)
{
	return c->held->config->global.event_timeout_ms;
}

/* Of the time for this event; the store always gets a quarter of it. */
static int64_t
time_left(const struct conversation *c)
{
	int64_t left_ms = c->until_ms - clock_steady_ms();

	return left_ms > timeout_of(c) / 4 ? left_ms : timeout_of(c) / 4;
}

/* And DNS at most what leaves the store that. */
static int64_t
time_for_dns(const struct conversation *c)
{
	int64_t left_ms = c->until_ms - timeout_of(c) / 4 -
	    clock_steady_ms();

	return left_ms > 0 ? left_ms : 0;
}

/* Nothing of the message stays counted. */
static void
give_back(struct conversation *c, int64_t now_ms)
{
	ledger_refund(&c->message, c->engine->store, now_ms, timeout_of(c));
}

void
conversation_abort(struct conversation *c, int64_t now_ms)
{
	give_back(c, now_ms);
	session_end_transaction(&c->session);
}

void
conversation_close(struct conversation **conversation, int64_t now_ms)
{
	struct conversation *c = *conversation;

	if (c == NULL)
		return;
	pthread_mutex_lock(&c->engine->lock);
	if (c->next != NULL)
		c->next->previous = c->previous;
	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		c->engine->conversations = c->next;
	c->engine->sessions -= c->is_session;
	pthread_mutex_unlock(&c->engine->lock);
	conversation_abort(c, now_ms);
	ledger_refund(&c->connection, c->engine->store, now_ms,
	    timeout_of(c));
	ledger_clear(&c->message);
	ledger_clear(&c->connection);
	ledger_clear(&c->once);
	release(c->engine, c->held);
	free(c);
	*conversation = NULL;
}

/*
 * Between messages a conversation moves to the running configuration, if
 * the MTA was asked for all that it needs.
 */
static void
move_to_current(struct conversation *c)
{
	struct held *held = hold_current(c->engine);

	if (held == c->held || (held->config->steps & ~c->steps) != 0) {
		release(c->engine, held);
		return;
	}
	release(c->engine, c->held);
	c->held = held;
}

void
conversation_ask_lists(struct conversation *c, struct list_lookup *lookup,
    int64_t now_ms)
{
	list_lookup_fetch(lookup, c->engine->lists, c->engine->store,
	    &c->held->config->folding, now_ms, timeout_of(c));
}

/* --- the store --------------------------------------------------------- */

/*
 * A message is counted once in each counter, with the first recipient that
 * touches it, and a login once in a session: what was charged before is left
 * out.
 */
static bool
is_charged_before(const struct conversation *c, const struct charge *charge)
{
	const struct ledger *ledger = NULL;

	switch (count_row(charge->rule->limits.count)->once) {
	case ONCE_EVENT:
		break;
	case ONCE_MESSAGE:
		ledger = &c->message;
		break;
	case ONCE_SESSION:
		ledger = &c->once;
		break;
	}
	return ledger != NULL && ledger_find(ledger, charge->subject,
	    charge->field) != NULL;
}

static void
drop_charged_before(struct conversation *c)
{
	struct charges *charges = &c->facts.charges;
	size_t kept = 0;

	for (size_t i = 0; i < charges->count; i++) {
		if (is_charged_before(c, &charges->at[i]))
			continue;
		if (kept != i)
			charges->at[kept] = charges->at[i];
		kept++;
	}
	charges->count = kept;
}

/*
 * What was found unmarked is not asked about again in the same message, when
 * that is all that the store would be asked.
 */
static void
drop_unmarked_before(struct conversation *c)
{
	struct charges *charges = &c->facts.charges;
	bool all_known = true;

	for (size_t i = 0; i < charges->mark_count; i++) {
		struct mark_question *question = &charges->marks[i];

		question->known = (c->unmarked >> question->key & 1) != 0;
		all_known = all_known && question->known;
	}
	if (all_known && charges->count == 0)
		charges->mark_count = 0;
}

/* Keys that later recipients of the message share. */
static void
note_unmarked(struct conversation *c)
{
	const struct charges *charges = &c->facts.charges;
	const struct charge_answer *answer = &c->facts.counters;

	if (answer->status != CHARGE_ALLOWED)
		return;
	for (size_t i = 0; i < charges->mark_count; i++)
		if ((answer->marks_found >> i & 1) == 0 &&
		    key_stage(charges->marks[i].key) < STAGE_RCPT)
			c->unmarked |= 1u << charges->marks[i].key;
}

/*
 * The counter's name as the configuration has it, which stays where it is
 * when the ledger grows.
 */
static const char *
field_of(const struct ledger_entry *entry)
{
	const struct rates *allow = &entry->rule->limits.allow;
	size_t i = 0;

	while (i + 1 < allow->count &&
	    strcmp(allow->at[i].field, entry->field) != 0)
		i++;
	return allow->at[i].field;
}

/*
 * At the end of data: charge what the content weighs beyond what MAIL
 * declared, and give back what it weighs less. A limit by recipient may need
 * more charges than one question takes: *next is the ledger's entry to go on
 * with, `end` is where it ended before the first of them.
 */
static void
gather_content(struct conversation *c, const struct event *event,
    size_t *next, size_t end)
{
	struct charges *charges = &c->facts.charges;

	charges->count = 0;
	for (; *next < end && charges->count < CHARGES_MAX; (*next)++) {
		struct ledger_entry *entry = &c->message.at[*next];
		int64_t more = c->session.received_bytes - entry->weight;
		struct charge *charge;

		if (entry->count != COUNT_bytes || more == 0)
			continue;
		if (more < 0) {
			const struct refund less =
			    ledger_refund_of(entry, -more);

			store_refund(c->engine->store, &less, 1,
			    event->now_ms, timeout_of(c));
			entry->weight += more;
			continue;
		}
		charge = &charges->at[charges->count++];
		*charge = (struct charge){ .rule = entry->rule };
		memcpy(charge->subject, entry->subject,
		    sizeof(charge->subject));
		charge->field = field_of(entry);
		charge->max = entry->max;
		charge->window_ms = entry->window_ms;
		charge->weight = more;
		charge->observe = entry->observe;
		charge_set_lease(charge, &entry->rule->limits,
		    c->held->config);
	}
}

static void
fetch_counters(struct conversation *c, const struct event *event)
{
	struct charge_answer *answer = &c->facts.counters;
	const struct charges *charges = &c->facts.charges;

	answer->status = CHARGE_ALLOWED;
	answer->misset = false;
	answer->overridden = 0;
	answer->marks_found = 0;
	if (charges->count + charges->mark_count > 0) {
		metric_add(METRIC_store_calls);
		store_charge(c->engine->store, charges, STORE_CHARGE,
		    event->now_ms, time_left(c), answer);
		if (answer->status == CHARGE_UNAVAILABLE)
			metric_add(METRIC_store_failures);
		note_unmarked(c);
	}
	c->facts.have |= 1u << FACT_counters;
}

/* What is counted whoever refuses: nobody waits for that. */
static void
tell_store(struct conversation *c, const struct event *event)
{
	struct charge_answer nothing;

	metric_add(METRIC_store_calls);
	store_charge(c->engine->store, &c->facts.charges, STORE_TELL,
	    event->now_ms, time_left(c), &nothing);
	c->facts.have |= 1u << FACT_told;
}

/* The store did not answer: the embedded one, for who wants that. */
static void
fetch_local_counters(struct conversation *c, const struct event *event)
{
	struct charges *charges = &c->facts.charges;
	size_t all = charges->count;

	charges->count = c->facts.local_count;
	store_charge_local(c->engine->store, charges, STORE_CHARGE,
	    event->now_ms, &c->facts.counters);
	charges->count = all;
	c->facts.have |= 1u << FACT_local_counters;
}

/* Where a charge that was counted is written down; NULL: nowhere. */
static struct ledger *
ledger_of(struct conversation *c, size_t i)
{
	const struct charge *charge = &c->facts.charges.at[i];
	const struct count_row *row = count_row(charge->rule->limits.count);

	/* Somebody else was sent mail to it, too: it stays seen. */
	if (charge->distinct && !c->facts.counters.fresh[i])
		return NULL;
	switch (row->back) {
	case BACK_MESSAGE:
		return &c->message;
	case BACK_CLOSE:
		return &c->connection;
	case BACK_NEVER:
		break;
	}
	return row->once == ONCE_SESSION ? &c->once : NULL;
}

/* What the store has charged is written down before anything can fail. */
static void
note_charged(struct conversation *c, const struct event *event)
{
	const struct charge_answer *answer = &c->facts.counters;
	const struct charge *charges = c->facts.charges.at;
	size_t count = facts_counted(&c->facts);
	bool local = (c->facts.have & (1u << FACT_local_counters)) != 0;

	if ((c->facts.have & (1u << FACT_counters)) == 0 ||
	    (c->facts.have & (1u << FACT_told)) != 0 ||
	    answer->status != CHARGE_ALLOWED)
		return;
	for (size_t i = 0; i < count; i++) {
		struct ledger *ledger = ledger_of(c, i);

		if (ledger != NULL)
			ledger_add(ledger, &charges[i], 1,
			    answer->now_ms + answer->skew_ms[i], local);
	}
	if (event->stage == STAGE_CONNECT)
		c->connection_ms = event->now_ms;
}

/*
 * An open connection is charged for the limit's lease and renewed when half
 * of it has passed, so that a crash frees it by itself.
 */
static void
renew_lease(struct conversation *c, const struct event *event)
{
	struct charges charges = { .count = 0 };
	struct charge_answer answer = { .now_ms = 0 };
	int64_t age = event->now_ms - c->connection_ms;
	bool local = false;

	for (size_t i = 0; i < c->connection.count; i++) {
		const struct ledger_entry *entry = &c->connection.at[i];
		struct charge *charge;

		if (age < entry->window_ms / 2 ||
		    charges.count == CHARGES_MAX)
			continue;
		charge = &charges.at[charges.count++];
		*charge = (struct charge){ .rule = NULL };
		memcpy(charge->subject, entry->subject,
		    sizeof(charge->subject));
		charge->field = entry->field;
		charge->max = entry->max;
		charge->window_ms = entry->window_ms;
		charge->weight = entry->weight;
		charge->observe = true;
	}
	if (charges.count == 0)
		return;
	store_charge(c->engine->store, &charges, STORE_FORCE, event->now_ms,
	    timeout_of(c), &answer);
	/* What began here, without the store, goes on here. */
	if (answer.status == CHARGE_UNAVAILABLE && c->connection.at[0].local) {
		local = true;
		store_charge_local(c->engine->store, &charges, STORE_FORCE,
		    event->now_ms, &answer);
	}
	if (answer.status != CHARGE_ALLOWED)
		return;
	for (size_t i = 0, k = 0; i < c->connection.count; i++) {
		struct ledger_entry *entry = &c->connection.at[i];
		const struct refund old =
		    ledger_refund_of(entry, entry->weight);

		if (k == charges.count || charges.at[k].field != entry->field)
			continue;
		store_refund(c->engine->store, &old, 1, event->now_ms,
		    timeout_of(c));
		entry->at_ms = answer.now_ms + answer.skew_ms[k];
		entry->local = local;
		k++;
	}
	c->connection_ms = event->now_ms;
}

/* --- the answer -------------------------------------------------------- */

/* Six letters that people can read out: no I, L, O, U (Crockford). */
static void
make_reference(struct engine *engine, char ref[REPLY_REF_SIZE])
{
	static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	/* splitmix64: neighbours look nothing alike */
	uint64_t x = atomic_fetch_add(&engine->references, 1) *
	    UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	for (size_t i = 0; i + 1 < REPLY_REF_SIZE; i++)
		ref[i] = letters[(x >> (5 * i)) & 31];
	ref[REPLY_REF_SIZE - 1] = '\0';
}

static enum answer_kind
kind_of(const struct reply *reply)
{
	if (reply_closes(reply))
		return ANSWER_CLOSE;
	return reply_is_permanent(reply) ? ANSWER_REJECT : ANSWER_TEMPFAIL;
}

static void
make_answer(struct conversation *c, const struct event *event,
    struct answer *answer)
{
	const struct verdict *verdict = &answer->verdict;
	struct field_values values;

	answer->kind = ANSWER_CONTINUE;
	answer->ref[0] = '\0';
	if (!verdict->refused)
		return;
	answer->kind = kind_of(verdict->reply);
	make_reference(c->engine, answer->ref);
	field_values_fill(&values, c->held->config, &c->session, event,
	    verdict);
	reply_render(verdict->reply, values.at, answer->ref, &answer->reply);
}

static void
count_answer(const struct event *event, const struct answer *answer)
{
	for (size_t i = 0; i < answer->verdict.observed_count; i++)
		metric_add(METRIC_observed);
	if (event->stage == STAGE_CONNECT)
		metric_add(METRIC_connections);
	switch (answer->kind) {
	case ANSWER_CONTINUE:
		if (event->stage == STAGE_RCPT)
			metric_add(event->rejected ?
			    METRIC_recipients_rejected : METRIC_recipients);
		if (event->stage == STAGE_EOM)
			metric_add(METRIC_messages);
		break;
	case ANSWER_TEMPFAIL:
	case ANSWER_CLOSE:
		metric_add(METRIC_refused_temporary);
		break;
	case ANSWER_REJECT:
		metric_add(METRIC_refused_permanent);
		break;
	}
}

static void
end_message(struct conversation *c, const struct event *event, bool refused)
{
	if (refused)
		give_back(c, event->now_ms);
	ledger_keep(&c->message);
	session_end_transaction(&c->session);
}

/* How many sessions there are now, with this one. */
static int64_t
join_sessions(struct conversation *c)
{
	int64_t sessions;

	pthread_mutex_lock(&c->engine->lock);
	if (!c->is_session)
		c->engine->sessions++;
	c->is_session = true;
	sessions = c->engine->sessions;
	pthread_mutex_unlock(&c->engine->lock);
	return sessions;
}

/* One that is sent away must not keep others out until the MTA is done. */
static void
leave_sessions(struct conversation *c)
{
	pthread_mutex_lock(&c->engine->lock);
	c->engine->sessions -= c->is_session;
	c->is_session = false;
	pthread_mutex_unlock(&c->engine->lock);
}

/*
 * Settle what is over. libmilter calls no abort after our own refusal of
 * MAIL or of the message (facts measured): it is given back here.
 */
static void
settle(struct conversation *c, const struct event *event,
    const struct answer *answer)
{
	bool refused = answer->kind != ANSWER_CONTINUE;

	switch (event->stage) {
	case STAGE_MAIL:
		if (refused)
			session_end_transaction(&c->session);
		break;
	case STAGE_RCPT:
		/* What frees a recipient of a policy frees it to the end. */
		if (!refused && !event->rejected)
			session_accept_recipient(&c->session,
			    answer->verdict.always_accepted ? NULL :
			    answer->verdict.policy);
		break;
	case STAGE_EOH:
		if (refused)
			end_message(c, event, refused);
		break;
	case STAGE_EOM:
		end_message(c, event, refused);
		break;
	case STAGE_CONNECT:
		if (answer->kind == ANSWER_CLOSE)
			leave_sessions(c);
		break;
	case STAGE_HELO:
	case STAGE_ANY:
		break;
	}
}

/* A new MAIL or HELO ends a message that was never finished. */
static void
begin(struct conversation *c, const struct event *event)
{
	if (event->stage != STAGE_MAIL && event->stage != STAGE_HELO)
		return;
	give_back(c, event->now_ms);
	c->unmarked = 0;
	if (event->stage == STAGE_HELO)
		return;
	move_to_current(c);
	renew_lease(c, event);
}

/*
 * Until there is a verdict, whatever is wanted for it is fetched: answers
 * from lists elsewhere and from DNS, all that are known to be wanted at once;
 * then one charge by the store at most, which is written down.
 */
static void
judge(struct conversation *c, const struct event *event,
    struct verdict *verdict)
{
	const struct config *config = c->held->config;
	struct list_lookup lists;
	struct lookup lookup;
	unsigned int want;

	list_lookup_begin(&lists);
	lookup_begin(&lookup);
	c->facts.lists = &lists.facts;
	c->facts.dns = c->engine->dns != NULL ? &lookup.facts : NULL;
	c->facts.have = 0;
	while ((want = policy_judge(config, &c->session, event, &c->facts,
	    verdict, c->trace)) != 0) {
		if (want == 1u << FACT_local_counters) {
			fetch_local_counters(c, event);
			continue;
		}
		if (want == 1u << FACT_lists) {
			list_lookup_fetch(&lists, c->engine->lists,
			    c->engine->store, &config->folding, event->now_ms,
			    time_left(c));
			continue;
		}
		if (want == 1u << FACT_told) {
			tell_store(c, event);
			continue;
		}
		if (want == 1u << FACT_dns) {
			lookup_fetch(&lookup, c->engine->dns,
			    time_for_dns(c));
			continue;
		}
		assert(want == 1u << FACT_counters);
		if (event->stage < STAGE_EOH)
			drop_charged_before(c);
		drop_unmarked_before(c);
		fetch_counters(c, event);
	}
	note_charged(c, event);
	c->facts.dns = NULL;
	c->facts.lists = NULL;
	lookup_end(&lookup);
	list_lookup_end(&lists);
}

static void
log_block(const char *subject, const struct store_mark *mark,
    const struct rule *rule)
{
	char until[UTC_TEXT_SIZE], buffer[64];
	struct text name;

	TEXT_INIT(&name, buffer);
	text_put_escaped(&name, rule->name, strlen(rule->name), "");
	log_notice("mark=%s subject=%s until=%s by=limit:%s",
	    mark_names[mark->kind], subject,
	    utc_format(mark->until_ms, until), buffer);
}

/*
 * A limit that refused has its client blocked, unless it is marked already:
 * the time runs from the first refusal, and ends when it ends. The embedded
 * store, which grants a share only, has nobody blocked.
 */
static void
block_client(struct conversation *c, const struct event *event,
    const struct verdict *verdict)
{
	struct store_mark mark = { .kind = MARK_blocked };
	char subject[SUBJECT_OCTETS_MAX + 1];
	const struct rule *rule = verdict->rule;
	struct text reason;

	if (verdict->charge == NULL || rule->limits.block_ms == 0 ||
	    (c->facts.have & (1u << FACT_local_counters)) != 0 ||
	    !subject_of_key(subject, KEY_client, c->held->config, &c->session,
	    NULL))
		return;
	TEXT_INIT(&reason, mark.reason);
	text_printf(&reason, "limit %s", rule->name);
	mark.until_ms = event->now_ms + rule->limits.block_ms;
	if (store_set_mark(c->engine->store, subject, &mark,
	    STORE_SET_UNLESS_MARKED, event->now_ms, time_left(c)) !=
	    STORE_CHANGED)
		return;
	metric_add(METRIC_blocked);
	log_block(subject, &mark, rule);
}

/* What the session will ask DNS begins now, in the background. */
static void
look_ahead(struct conversation *c, const struct event *event)
{
	const struct config *config = c->held->config;

	if (event->stage < STAGE_RCPT && c->engine->dns != NULL &&
	    (config->steps & STEP_DNS) != 0)
		lookup_prefetch(c->engine->dns, config, &c->session,
		    event->stage);
}

static void
judge_content(struct conversation *c, const struct event *event,
    struct verdict *verdict)
{
	size_t next = 0, end = c->message.count;

	do {
		gather_content(c, event, &next, end);
		judge(c, event, verdict);
	} while (next < end && !verdict->refused);
}

void
engine_event(struct conversation *c, struct event *event,
    struct answer *answer)
{
	struct path recipient;

	c->until_ms = clock_steady_ms() + timeout_of(c);
	begin(c, event);
	session_apply(&c->session, event);
	event->recipient = NULL;
	if (event->stage == STAGE_CONNECT)
		event->sessions = join_sessions(c);
	if (event->stage == STAGE_MAIL)
		idn_fold_path(&c->session.sender);
	if (event->stage == STAGE_RCPT) {
		path_parse(event->path != NULL ? event->path : "", &recipient);
		idn_fold_path(&recipient);
		event->recipient = &recipient;
	}
	c->facts.charges.count = 0;
	if (event->stage == STAGE_EOM)
		judge_content(c, event, &answer->verdict);
	else
		judge(c, event, &answer->verdict);
	look_ahead(c, event);
	make_answer(c, event, answer);
	block_client(c, event, &answer->verdict);
	record_answer(&c->session, event, answer);
	count_answer(event, answer);
	settle(c, event, answer);
	event->recipient = NULL;
}
