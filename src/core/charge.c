/*
 * charge.c - from a limit and a session to a counter's name
 */
#include "core/charge.h"

#include "base/ip.h"
#include "base/siphash.h"
#include "base/text.h"

#include <assert.h>
#include <string.h>

#include <sys/types.h>
#include <sha2.h>

const char *const mark_names[MARK_COUNT] = {
#define MARK(name, refuses, help) #name,
#include "core/mark.def"
};

bool
mark_refuses(enum mark_kind kind)
{
	static const bool refuses[MARK_COUNT] = {
#define MARK(name, refuses, help) refuses,
#include "core/mark.def"
	};

	return refuses[kind];
}

int64_t
charge_max(const struct charges *charges, const struct charge_answer *answer,
    size_t index)
{
	return (answer->overridden >> index & 1) != 0 ? answer->max[index] :
	    charges->at[index].max;
}

#define SUBJECT_HEAD_OCTETS 100	/* of one that is too long, before '~' */
#define SUBJECT_ESCAPES "{},~"	/* beside '%', blanks, control, 8-bit */

/*
 * The hash of all parts, unambiguous because the length of each value
 * stands before it.
 */
static void
put_hash(struct text *out, const struct subject_part parts[], size_t count)
{
	char hex[SHA256_DIGEST_STRING_LENGTH];
	SHA2_CTX context;

	SHA256Init(&context);
	for (size_t i = 0; i < count; i++) {
		uint64_t length = parts[i].value_length;

		SHA256Update(&context, (const uint8_t *)parts[i].kind,
		    strlen(parts[i].kind) + 1);
		SHA256Update(&context, (const uint8_t *)&length,
		    sizeof(length));
		SHA256Update(&context, (const uint8_t *)parts[i].value,
		    parts[i].value_length);
	}
	(void)SHA256End(&context, hex);
	text_put_char(out, '~');
	text_put(out, hex);
}

static void
put_parts(struct text *out, const struct subject_part parts[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			text_put_char(out, ',');
		text_put(out, parts[i].kind);
		text_put_char(out, ':');
		text_put_escaped(out, parts[i].value, parts[i].value_length,
		    SUBJECT_ESCAPES);
	}
}

void
subject_build(const struct subject_part parts[], size_t count, char *buffer)
{
	struct text out;

	text_init(&out, buffer, SUBJECT_OCTETS_MAX + 1);
	put_parts(&out, parts, count);
	if (!out.cut)
		return;
	text_init(&out, buffer, SUBJECT_HEAD_OCTETS + 1);
	put_parts(&out, parts, count);
	text_init(&out, buffer + out.length,
	    SUBJECT_OCTETS_MAX + 1 - out.length);
	put_hash(&out, parts, count);
}

/* Room for the longest value of a key with its NUL. */
#define VALUE_SIZE (2 * PATH_OCTETS_MAX + 2)

static void
put_client(struct text *out, const struct ip *client, int64_t ipv4_prefix,
    int64_t ipv6_prefix)
{
	char buffer[IP_NET_TEXT_SIZE];
	unsigned int bits = (unsigned int)(client->family == IP_V4 ?
	    ipv4_prefix : ipv6_prefix);
	struct ip_net net = ip_net_of(client, bits);

	if (client->family == IP_NONE)
		return;
	if (bits == 8 * ip_size(client->family))
		text_put(out, ip_format(client, buffer));
	else
		text_put(out, ip_net_format(&net, buffer));
}

static void
put_lower(struct text *out, const char *string)
{
	for (; *string != '\0'; string++)
		text_put_char(out, text_lower_char(*string));
}

static void
put_mailbox(struct text *out, const struct path *path,
    const struct folding *folding)
{
	if (path == NULL || path->is_null)
		return;
	out->length = path_mailbox(path, folding->fold_case,
	    folding->separator, out->at, out->size);
}

/* {daemon_name}/{daemon_port}: Postfix names every port alike. */
static void
put_listener(struct text *out, const struct session *session)
{
	text_put(out, session->listener);
	if (session->listener[0] != '\0' && session->port[0] != '\0')
		text_put_char(out, '/');
	text_put(out, session->port);
}

/* The leading bits that make a client one client. */
struct prefixes {
	int64_t ipv4, ipv6;
};

/* The value of one key; left empty when it has none. */
static void
put_key(struct text *out, enum key key, struct prefixes prefixes,
    const struct config *config, const struct session *session,
    const struct path *recipient)
{
	switch (key) {
	case KEY_client:
	case KEY_client_net:
		put_client(out, &session->client, prefixes.ipv4,
		    prefixes.ipv6);
		break;
	case KEY_listener:
		put_listener(out, session);
		break;
	case KEY_everyone:
		text_put(out, "all");
		break;
	case KEY_helo:
		put_lower(out, session->helo);
		break;
	case KEY_user:
		if (config->folding.fold_case)
			put_lower(out, session->user);
		else
			text_put(out, session->user);
		break;
	case KEY_user_domain:
		put_lower(out, session_user_domain(session));
		break;
	case KEY_sender:
		put_mailbox(out, &session->sender, &config->folding);
		break;
	case KEY_sender_domain:
		text_put(out, session->sender.domain);
		break;
	case KEY_recipient:
		put_mailbox(out, recipient, &config->folding);
		break;
	case KEY_recipient_domain:
		text_put(out, recipient != NULL ? recipient->domain : "");
		break;
	case KEY_COUNT:
		break;
	}
}

/* False when a key has no value: the limit is not asked. */
static bool
build_subject(char *buffer, const struct limit_options *limit,
    const struct config *config, const struct session *session,
    const struct path *recipient)
{
	struct subject_part parts[KEY_COUNT];
	const struct prefixes prefixes = {
		limit->ipv4_prefix, limit->ipv6_prefix
	};
	char values[KEY_COUNT * VALUE_SIZE];
	struct text out;
	size_t used = 0;

	for (size_t i = 0; i < limit->per.count; i++) {
		text_init(&out, values + used, VALUE_SIZE);
		put_key(&out, limit->per.at[i], prefixes, config, session,
		    recipient);
		if (out.length == 0)
			return false;
		parts[i].kind = key_name(limit->per.at[i]);
		parts[i].value = out.at;
		parts[i].value_length = out.length;
		used += out.length + 1;
	}
	subject_build(parts, limit->per.count, buffer);
	return true;
}

/*
 * The prefix of the store stands before the text, so that no table of hashes
 * serves for every site. It is no secret, and needs to be none: who can read
 * the counters may also try an address, whatever it is hashed with; and to
 * be counted as somebody else costs 2^64 attempts.
 */
bool
charge_element(const struct rule *rule, const struct config *config,
    const struct session *session, const struct path *recipient,
    uint64_t *element)
{
	static const uint8_t key[SIPHASH_KEY_SIZE] = "floodgate diff1";
	const struct prefixes prefixes = {
		config->global.ipv4_prefix, config->global.ipv6_prefix
	};
	const char *prefix = config->redis.prefix;
	char buffer[2 * VALUE_SIZE];
	struct text out;
	size_t head;

	text_init(&out, buffer, VALUE_SIZE);
	text_put(&out, prefix != NULL ? prefix : "");
	text_put_char(&out, '\n');
	head = out.length;
	text_init(&out, buffer + head, VALUE_SIZE);
	put_key(&out, count_row(rule->limits.count)->different, prefixes,
	    config, session, recipient);
	*element = siphash(key, buffer, head + out.length);
	return out.length > 0;
}

bool
charge_is_counted(const struct charge *charge,
    const struct charge_answer *answer)
{
	switch (charge->when) {
	case WHEN_ALLOWED:
		return answer->status == CHARGE_ALLOWED;
	case WHEN_ALWAYS:
		return true;
	case WHEN_REFUSED:
		return answer->status == CHARGE_REFUSED && !answer->by_refusals;
	case WHEN_NEVER:
		break;
	}
	return false;
}

int64_t
charge_awaited(const struct charge *charge, int64_t weight)
{
	if (charge->when != WHEN_ALWAYS)
		return weight;
	return charge->weight > INT64_MAX - weight ? INT64_MAX :
	    weight + charge->weight;
}

#define LEASE_PART 60	/* of a window */

int64_t
limit_lease_ms(const struct limit_options *limit)
{
	int64_t lease_ms = LEASE_MS_MAX;

	if (limit->lease_units <= 0)
		return 0;
	for (size_t i = 0; i < limit->allow.count; i++) {
		int64_t part_ms = limit->allow.at[i].rate.window_ms /
		    LEASE_PART;

		if (part_ms < lease_ms)
			lease_ms = part_ms;
	}
	return lease_ms;
}

/* Who observes wants to know how it is, not how it would be with a lease. */
void
charge_set_lease(struct charge *charge, const struct limit_options *limit,
    const struct config *config)
{
	charge->lease_ms = config->store == STORE_KIND_REDIS ?
	    limit_lease_ms(limit) : 0;
	charge->lease_units = charge->lease_ms > 0 && !charge->observe &&
	    !charge->distinct && charge->when == WHEN_ALLOWED ?
	    limit->lease_units : 0;
}

int64_t
charge_span_ms(const struct charge *charge)
{
	return charge->window_ms - charge->lease_ms;
}

void
charges_add(struct charges *charges, const struct rule *rule,
    const struct config *config, const struct session *session,
    const struct path *recipient, int64_t weight, enum charge_when when)
{
	const struct limit_options *limit = &rule->limits;
	char subject[SUBJECT_OCTETS_MAX + 1];
	bool distinct = count_is_distinct(limit->count);
	uint64_t element = 0;

	if (!build_subject(subject, limit, config, session, recipient))
		return;
	if (distinct && !charge_element(rule, config, session, recipient,
	    &element) && weight > 0)
		return;
	for (size_t i = 0; i < limit->allow.count; i++) {
		const struct window_rule *window = &limit->allow.at[i];
		struct charge *charge = &charges->at[charges->count++];

		assert(charges->count <= CHARGES_MAX);
		memcpy(charge->subject, subject, sizeof(subject));
		charge->rule = rule;
		charge->field = window->field;
		charge->max = window->rate.max;
		charge->window_ms = window->rate.window_ms > 0 ?
		    window->rate.window_ms : limit->lease_ms;
		charge->weight = weight;
		charge->observe = rule->with.mode == MODE_OBSERVE;
		charge->when = when;
		charge->distinct = distinct;
		charge->element = element;
		charge_set_lease(charge, limit, config);
		charge->window_ms += charge->lease_ms;
	}
}

/* --- marks --- */

/* Of client_net, as key.def says. */
#define NET_IPV4_BITS 24
#define NET_IPV6_BITS 48

int64_t
key_ipv4_prefix(enum key key, const struct config *config)
{
	return key == KEY_client_net ? NET_IPV4_BITS :
	    config->global.ipv4_prefix;
}

int64_t
key_ipv6_prefix(enum key key, const struct config *config)
{
	return key == KEY_client_net ? NET_IPV6_BITS :
	    config->global.ipv6_prefix;
}

bool
subject_of_key(char buffer[SUBJECT_OCTETS_MAX + 1], enum key key,
    const struct config *config, const struct session *session,
    const struct path *recipient)
{
	const struct limit_options like = {
		.per = { .at = { key }, .count = 1 },
		.ipv4_prefix = key_ipv4_prefix(key, config),
		.ipv6_prefix = key_ipv6_prefix(key, config),
	};

	return build_subject(buffer, &like, config, session, recipient);
}

static const struct marked_row marked_rows[] = {
#define MARKED(check, key, wider, when) { #check, { key, wider }, when },
#include "core/marked.def"
};
#define MARKED_ROWS (sizeof(marked_rows) / sizeof(marked_rows[0]))

const struct marked_row *
marked_find(const char *check)
{
	for (size_t i = 0; i < MARKED_ROWS; i++)
		if (strcmp(marked_rows[i].check, check) == 0)
			return &marked_rows[i];
	return NULL;
}

const struct marked_row *
marked_by(enum key key)
{
	for (size_t i = 0; i < MARKED_ROWS; i++)
		if (marked_rows[i].keys[0] == key ||
		    marked_rows[i].keys[1] == key)
			return &marked_rows[i];
	return NULL;
}

void
marks_add(struct charges *charges, const struct rule *rule,
    const struct config *config, const struct session *session,
    const struct path *recipient)
{
	const struct marked_row *row = marked_find(rule->name);

	for (size_t i = 0; row != NULL && i < 2; i++) {
		struct mark_question *question =
		    &charges->marks[charges->mark_count];

		assert(charges->mark_count < MARK_QUESTIONS_MAX);
		if (!subject_of_key(question->subject, row->keys[i], config,
		    session, recipient))
			continue;
		question->rule = rule;
		question->key = row->keys[i];
		question->observe = rule->with.mode == MODE_OBSERVE;
		question->known = false;
		charges->mark_count++;
	}
}
