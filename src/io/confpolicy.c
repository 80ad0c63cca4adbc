/*
 * confpolicy.c - from sections to policies: match, checks, limits
 *
 * Which options a check takes, what a limit counts by, and whether an event
 * can charge all that its limits ask for.
 */
#include "io/confread.h"

#include "base/arena.h"
#include "base/text.h"
#include "core/charge.h"
#include "core/check.h"
#include "core/codelint.h"
#include "core/policy.h"
#include "io/confsay.h"
#include "io/maps.h"

#include <string.h>

/* --- what every rule has */

#define FIELD_BIT(name) (UINT32_C(1) << FIELD_##name)
#define FIELDS_OF_LIMITS						\
	(FIELD_BIT(limit) | FIELD_BIT(used) | FIELD_BIT(max) |		\
	    FIELD_BIT(window) | FIELD_BIT(retry))
#define FIELDS_OF_LOOKUPS						\
	(FIELD_BIT(zone) | FIELD_BIT(txt) | FIELD_BIT(server) |		\
	    FIELD_BIT(subject))

/* Fields that would be empty whenever this rule refuses. */
static void
check_reply_fields(const struct section_reader *in, const struct rule *rule)
{
	uint32_t fields = reply_fields(rule->with.reply);
	uint32_t unknown = 0;

	if (!section_gives(in, "reply"))
		return;
	if (rule->check != NULL)
		unknown |= FIELDS_OF_LIMITS;
	if (rule->check == NULL || rule->check->cost != COST_DNS)
		unknown |= FIELDS_OF_LOOKUPS;
	for (unsigned int i = 0; i < FIELD_COUNT; i++)
		if ((fields & unknown & (UINT32_C(1) << i)) != 0)
			section_refuse(in, "reply", 0, rule->check != NULL ?
			    "a check like this one has no such field" :
			    "a limit has no such field",
			    field_name((enum field)i));
}

static void
read_rule_options(struct section_reader *in, struct rule *rule,
    enum reply_id usual)
{
	in->reading.usual = reply_of(usual);
	section_read(in, &rule_table, &rule->with);
	check_reply_fields(in, rule);
}

/* --- is its reply usual? (codelint.h) */

static void
note_finding(const struct section_reader *in, const struct rule *rule,
    const struct code_finding *finding)
{
	bool is_given = section_gives(in, "reply");
	struct problems *notes = in->reading.problems->notes;

	if (finding->is_error) {
		problems_add(in->reading.problems, in->file->name,
		    section_line(in, "reply", 0), "reply: %s",
		    finding->text);
		return;
	}
	if (notes == NULL || rule->with.mode == MODE_OFF ||
	    (rule->with.ignore_notes & (1u << finding->note)) != 0 ||
	    (!is_given && !in->reading.problems->notes_on_usual))
		return;
	problems_add(notes, in->file->name, section_line(in, "reply", 0),
	    "note: %s of %s %s: %s [%s]", is_given ? "reply" : "usual reply",
	    rule->check != NULL ? "check" : "limit", rule->name,
	    finding->text, code_note_names[finding->note]);
}

/* What could not be read has no reply to look at. */
static void
lint_reply(const struct section_reader *in, const struct policy *policy,
    const struct rule *rule)
{
	struct code_findings findings;
	struct code_use use;

	if (rule->with.reply == NULL || (rule->check == NULL &&
	    rule->limits.count == COUNT_COUNT))
		return;
	use = (struct code_use){
		.reply = rule->with.reply,
		.stages = rule_spoken_at(policy, rule),
		.fits = reply_help_of(reply_find(rule->with.reply->name))->fits,
		.is_limit = rule->check == NULL
	};
	code_lint(&use, &findings);
	for (size_t i = 0; i < findings.count; i++)
		note_finding(in, rule, &findings.at[i]);
}

/* --- checks */

/* Bits of `takes` and `must` in the order of the table of options. */
static const struct {
	const char *name;
	unsigned int bit;
} takes_rows[] = {
	{ "lists", TAKES_LISTS },
	{ "marks", TAKES_MARKS },
	{ "listeners", TAKES_LISTENERS },
	{ "map", TAKES_MAP },
	{ "self", TAKES_SELF },
	{ "max", TAKES_MAX },
	{ "max_size", TAKES_MAX_SIZE },
	{ "zones", TAKES_ZONES },
	{ "mailboxes", TAKES_MAILBOXES },
	{ "senders", TAKES_SENDERS },
	{ "authenticated", TAKES_AUTHENTICATED },
	{ "header", TAKES_HEADER },
	{ "pattern", TAKES_PATTERN },
};

static unsigned int
takes_bit(const char *name)
{
	for (size_t i = 0; i < sizeof(takes_rows) / sizeof(takes_rows[0]); i++)
		if (strcmp(takes_rows[i].name, name) == 0)
			return takes_rows[i].bit;
	return 0;
}

bool
check_takes_option(const struct check_row *check, const char *name)
{
	return (check->takes & takes_bit(name)) != 0;
}

static void
refuse_option(const struct section_reader *in, const struct check_row *check,
    const char *name)
{
	const char *names[16];
	char all[200];
	size_t count = 0;

	for (size_t i = 0; i < rule_table.count; i++)
		names[count++] = rule_table.rows[i].name;
	for (size_t i = 0; i < check_table.count; i++)
		if (check_takes_option(check, check_table.rows[i].name))
			names[count++] = check_table.rows[i].name;
	problems_add(in->reading.problems, in->file->name,
	    section_line(in, name, 0), "check %s takes no option %s; it "
	    "takes %s", check->name, name,
	    say_names(names, count, all, sizeof(all)));
}

static void
read_check_option(struct section_reader *in, const struct option_row *row,
    struct rule *rule)
{
	const struct check_row *check = rule->check;
	bool is_given = section_gives(in, row->name);

	if (!check_takes_option(check, row->name)) {
		section_default(in, row, &rule->checks);
		if (is_given)
			refuse_option(in, check, row->name);
		return;
	}
	section_read_option(in, row, &rule->checks);
	if ((check->must & takes_bit(row->name)) == 0)
		return;
	if (!is_given)
		problems_add(in->reading.problems, in->file->name,
		    in->section->line, "check %s needs the option %s: %s",
		    check->name, row->name, row->help);
	else if (section_is_empty(in, row->name))
		section_refuse(in, row->name, 0, "expected at least one",
		    NULL);
}

/* A name that is none of the table's, but perhaps nearly, or of the other. */
static void
refuse_check_name(const struct section_reader *in, const char *name)
{
	const char *names[CHECK_COUNT];
	char seen[SAY_SIZE], hint[SAY_SIZE];

	if (name[0] == '\0')
		return;		/* has no name, reported */
	for (int i = 0; i < CHECK_COUNT; i++)
		names[i] = check_of((enum check_id)i)->name;
	say_nearest(name, names, CHECK_COUNT, hint);
	problems_add(in->reading.problems, in->file->name, in->section->line,
	    "there is no check %s%s", say_seen(name, strlen(name), seen),
	    limit_find(name) != NULL ? ": it is a limit" : hint);
}

static bool
gives_some(const struct section_reader *in, const char *name)
{
	return section_gives(in, name) && !section_is_empty(in, name);
}

/* Without either nobody would exist. */
static void
check_mailboxes(const struct section_reader *in, const struct check_row *check)
{
	if ((check->takes & TAKES_MAILBOXES) == 0 ||
	    gives_some(in, "mailboxes") || section_gives(in, "map"))
		return;
	problems_add(in->reading.problems, in->file->name, in->section->line,
	    "check %s needs mailboxes or map, to know which mailboxes exist",
	    check->name);
}

/* Does it look at marks? It has to look at something. */
static void
resolve_marks(const struct section_reader *in, struct rule *rule)
{
	const struct marked_row *row = marked_find(rule->check->name);
	enum tristate marks = rule->checks.marks;

	if (row == NULL)
		return;
	rule->looks_at_marks = row->when == MARKS_ALWAYS ||
	    marks == TRISTATE_TRUE ||
	    (row->when == MARKS_USUALLY && marks == TRISTATE_ANY);
	if (rule->looks_at_marks)
		return;
	if (section_gives(in, "lists") && section_is_empty(in, "lists"))
		section_refuse(in, "lists", 0, "expected at least one", NULL);
	else if (!section_gives(in, "lists"))
		problems_add(in->reading.problems, in->file->name,
		    in->section->line, "check %s needs the option lists, or "
		    "marks = true", rule->check->name);
}

/* Is one of them kept elsewhere? */
static bool
have_source(const struct lists *lists)
{
	for (size_t i = 0; i < lists->count; i++)
		if (lists->at[i]->source != NULL)
			return true;
	return false;
}

/* Who cannot ask which domains are ours must not let everybody relay. */
static void
check_relay_failure(const struct section_reader *in, const struct rule *rule)
{
	if (rule->check != check_of(CHECK_recipient_relay_denied) ||
	    rule->with.on_failure == ON_FAILURE_DEFER ||
	    !have_source(&rule->checks.lists))
		return;
	problems_add(in->reading.problems, in->file->name, in->section->line,
	    "check %s with a list in Redis needs on_failure = \"defer\": while "
	    "Redis is away anybody could relay", rule->check->name);
}

/* ftext of RFC 5322 3.6.8: printable ASCII, no colon. */
static bool
is_field_name(const char *name)
{
	for (const char *at = name; *at != '\0'; at++)
		if (*at < 33 || *at > 126 || *at == ':')
			return false;
	return name[0] != '\0';
}

/* What the check looks for while the header passes by. */
static void
add_header_rule(struct section_reader *in, struct rule *rule,
    struct conf_reader *conf)
{
	const struct check_options *options = &rule->checks;
	size_t at = conf->config->header_rule_count;

	if ((rule->check->takes & TAKES_PATTERN) == 0 ||
	    options->pattern == NULL || !section_gives(in, "header"))
		return;		/* not its business, or reported */
	if (!is_field_name(options->header)) {
		section_refuse(in, "header", 0, "expected the name of a "
		    "header field such as X-Spam-Flag", options->header);
		return;
	}
	if (at == HEADER_RULES_MAX) {
		problems_add(in->reading.problems, in->file->name,
		    in->section->line, "expected at most %d checks that look "
		    "into the header", HEADER_RULES_MAX);
		return;
	}
	conf->header_rules[at].header = options->header;
	conf->header_rules[at].pattern = options->pattern;
	conf->config->header_rule_count++;
	rule->header_bit = UINT64_C(1) << at;
}

static void
read_check(struct section_reader *in, struct rule *rule,
    struct conf_reader *conf)
{
	const char *title = in->section->title;

	rule->check = check_find(title);
	if (rule->check == NULL) {
		refuse_check_name(in, title);
		return;
	}
	read_rule_options(in, rule, rule->check->reply);
	for (size_t i = 0; i < check_table.count; i++)
		read_check_option(in, &check_table.rows[i], rule);
	check_mailboxes(in, rule->check);
	resolve_marks(in, rule);
	check_relay_failure(in, rule);
	add_header_rule(in, rule, conf);
}

/* --- limits */

static bool
keys_have(const struct keys *keys, enum key key)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keys->at[i] == key)
			return true;
	return false;
}

/* `per` and `count` from the name's row of limit.def, or from the section. */
static void
resolve_named(const struct section_reader *in, const struct limit_row *row,
    struct limit_options *limit)
{
	char expected[SAY_SIZE];
	struct text text;

	if (!section_gives(in, "per")) {
		limit->per.at[0] = row->per;
		limit->per.count = 1;
	} else if (limit->per.count > 0 && !keys_have(&limit->per, row->per)) {
		TEXT_INIT(&text, expected);
		text_printf(&text, "%s counts per %s: expected it among the "
		    "keys", row->name, key_name(row->per));
		section_refuse(in, "per", 0, expected,
		    key_name(limit->per.at[0]));
	}
	if (!section_gives(in, "count")) {
		limit->count = row->count;
	} else if (limit->count != COUNT_COUNT && limit->count != row->count) {
		TEXT_INIT(&text, expected);
		text_printf(&text, "%s counts %s: give the limit another "
		    "name", row->name, count_name(row->count));
		section_refuse(in, "count", 0, expected,
		    count_name(limit->count));
	}
}

static void
refuse_missing(const struct section_reader *in, const char *option,
    const char *example)
{
	const char *names[LIMIT_COUNT], *title = in->section->title;
	char seen[SAY_SIZE], hint[SAY_SIZE] = "";

	for (int i = 0; i < LIMIT_COUNT; i++)
		names[i] = limit_of((enum limit_id)i)->name;
	if (limit_find(title) == NULL)
		say_nearest(title, names, LIMIT_COUNT, hint);
	problems_add(in->reading.problems, in->file->name, in->section->line,
	    "limit %s needs the option %s, such as %s = %s%s",
	    say_seen(title, strlen(title), seen), option, option, example,
	    hint);
}

/* Before HELO nobody knows who sends. */
static void
check_keys_known(const struct section_reader *in,
    const struct limit_options *limit)
{
	char expected[SAY_SIZE];
	struct text text;

	if (limit->count == COUNT_COUNT ||
	    count_row(limit->count)->asked != 1u << STAGE_CONNECT)
		return;
	for (size_t i = 0; i < limit->per.count; i++) {
		if (key_stage(limit->per.at[i]) == STAGE_CONNECT)
			continue;
		TEXT_INIT(&text, expected);
		text_printf(&text, "%s are counted when the client connects: "
		    "expected a key known by then", count_name(limit->count));
		section_refuse(in, "per", 0, expected,
		    key_name(limit->per.at[i]));
	}
}

/* Of one recipient there is never more than one. */
static void
check_keys_differ(const struct section_reader *in,
    const struct limit_options *limit)
{
	char expected[SAY_SIZE];
	struct text text;

	if (limit->count == COUNT_COUNT || !count_is_distinct(limit->count) ||
	    !keys_have(&limit->per, count_row(limit->count)->different))
		return;
	TEXT_INIT(&text, expected);
	text_printf(&text, "%s of one %s are never more than one: expected "
	    "other keys", count_name(limit->count),
	    key_name(count_row(limit->count)->different));
	section_refuse(in, "per", 0, expected, NULL);
}

static void
resolve_counting(struct section_reader *in, const struct limit_row *row,
    struct limit_options *limit)
{
	if (row != NULL)
		resolve_named(in, row, limit);
	if (limit->per.count == 0 && !section_gives(in, "per"))
		refuse_missing(in, "per", "{\"client\"}");
	else if (section_is_empty(in, "per"))
		section_refuse(in, "per", 0, "expected at least one key",
		    NULL);
	if (limit->count == COUNT_COUNT && !section_gives(in, "count"))
		refuse_missing(in, "count", "\"messages\"");
	check_keys_known(in, limit);
	check_keys_differ(in, limit);
}

/*
 * The prefix lengths of clients: as given, else those of the program, and
 * /24 and /48 for networks (key.def). A client with its network is the
 * client alone, so then the program's say which clients differ.
 */
static void
resolve_prefixes(const struct config *config, struct limit_options *limit)
{
	bool is_net = keys_have(&limit->per, KEY_client_net) &&
	    !keys_have(&limit->per, KEY_client);
	enum key key = is_net ? KEY_client_net : KEY_client;

	if (limit->ipv4_prefix < 0)
		limit->ipv4_prefix = key_ipv4_prefix(key, config);
	if (limit->ipv6_prefix < 0)
		limit->ipv6_prefix = key_ipv6_prefix(key, config);
}

static void
read_allow(struct section_reader *in, const struct option_row *row,
    struct limit_options *limit)
{
	if (!section_gives(in, "allow")) {
		refuse_missing(in, "allow", "{\"100/1h\"}");
		return;
	}
	if (limit->count == COUNT_COUNT)
		return;		/* reported; no telling how to read it */
	if (!section_read_option(in, row, limit))
		return;
	if (section_is_empty(in, "allow"))
		section_refuse(in, "allow", 0, "expected at least one rate",
		    NULL);
	if (limit->count == COUNT_open_connections && limit->allow.count > 1)
		section_refuse(in, "allow", 1, "expected one number of open "
		    "connections", in->reading.values[1]);
}

static void
refuse_lease_units(const struct section_reader *in, const char *expected,
    int64_t units)
{
	char value[QUANTITY_TEXT_SIZE];
	struct text text;

	TEXT_INIT(&text, value);
	text_put_number(&text, units);
	section_refuse(in, "lease_units", 0, expected, value);
}

static void
refuse_lease_of_count(const struct section_reader *in,
    const struct limit_options *limit)
{
	char expected[SAY_SIZE];
	struct text text;
	const char *between = "";

	TEXT_INIT(&text, expected);
	text_printf(&text, "expected none with %s, only with ",
	    count_name(limit->count));
	for (int i = 0; i < COUNT_COUNT; i++)
		if (count_is_leasable((enum count)i)) {
			text_printf(&text, "%s%s", between,
			    count_name((enum count)i));
			between = ", ";
		}
	refuse_lease_units(in, expected, limit->lease_units);
}

/* A lease for which the limit has no room would lock others out. */
static void
check_lease_of_rate(const struct section_reader *in,
    const struct limit_options *limit, const struct rate *rate)
{
	char expected[SAY_SIZE], value[QUANTITY_TEXT_SIZE];
	struct text text;

	if (rate->window_ms < LEASE_WINDOW_MS_MIN) {
		section_refuse(in, "allow", 0, "expected spans of 1m or more "
		    "beside lease_units", rate_format(rate, false, value));
		return;
	}
	if (limit->lease_units <= rate->max)
		return;
	TEXT_INIT(&text, expected);
	text_printf(&text, "expected no more than the %lld that the limit "
	    "allows", (long long)rate->max);
	refuse_lease_units(in, expected, limit->lease_units);
}

static void
check_lease(const struct section_reader *in,
    const struct limit_options *limit)
{
	if (limit->lease_units < 0 || limit->count == COUNT_COUNT)
		return;
	if (!count_is_leasable(limit->count)) {
		refuse_lease_of_count(in, limit);
		return;
	}
	for (size_t i = 0; i < limit->allow.count; i++)
		check_lease_of_rate(in, limit, &limit->allow.at[i].rate);
}

static void
read_limit(struct section_reader *in, struct rule *rule)
{
	const struct limit_row *row = limit_find(in->section->title);
	struct limit_options *limit = &rule->limits;
	const struct option_row *allow = section_option(SECTION_LIMIT,
	    "allow");

	if (check_find(rule->name) != NULL)
		problems_add(in->reading.problems, in->file->name,
		    in->section->line, "%s is a check: expected check \"%s\"",
		    rule->name, rule->name);
	if (check_find(rule->name) != NULL || rule->name[0] == '\0')
		return;
	in->reading.name = rule->name;
	for (size_t i = 0; i < limit_table.count; i++)
		if (&limit_table.rows[i] != allow)
			section_read_option(in, &limit_table.rows[i], limit);
	resolve_counting(in, row, limit);
	in->reading.counts = limit->count;
	read_allow(in, allow, limit);
	check_lease(in, limit);
	resolve_prefixes(in->reading.config, limit);
	read_rule_options(in, rule, row != NULL ? row->reply :
	    limit_default_reply(&limit->per, limit->count));
}

/* --- policies */

/* Counters that the limits of this policy ask for at a stage. */
static size_t
charges_at(const struct policy *policy, enum stage stage)
{
	size_t count = 0;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->check == NULL && rule->with.mode != MODE_OFF &&
		    rule->limits.count != COUNT_COUNT &&
		    (rule_spoken_at(policy, rule) & (1u << stage)) != 0)
			count += rule->limits.allow.count;
	}
	return count;
}

/* Counters that one event of this policy touches, at most. */
static void
check_charges(const struct section_reader *in, const struct policy *policy)
{
	size_t most = 0;

	for (int stage = STAGE_CONNECT; stage <= STAGE_RCPT; stage++) {
		size_t count = charges_at(policy, (enum stage)stage);

		if (count > most)
			most = count;
	}
	if (most > CHARGES_MAX)
		problems_add(in->reading.problems, in->file->name,
		    in->section->line, "the limits of one policy may have %d "
		    "rates together, these have %zu", CHARGES_MAX, most);
}

/* Checks of one policy that may look at marks; each asks about two subjects. */
#define MARK_CHECKS_MAX (MARK_QUESTIONS_MAX / 2)

static void
check_mark_questions(const struct section_reader *in,
    const struct policy *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < policy->rule_count; i++)
		count += policy->rules[i].looks_at_marks;
	if (count > MARK_CHECKS_MAX)
		problems_add(in->reading.problems, in->file->name,
		    in->section->line, "at most %d checks of one policy may "
		    "look at marks, these are %zu", MARK_CHECKS_MAX, count);
}

/* At MAIL nobody knows yet who the recipients are. */
static void
check_always_accept(const struct section_reader *in,
    const struct policy *policy)
{
	if (policy->with.speak == SPEAK_EARLY &&
	    policy->with.always_accept.written.count > 0)
		section_refuse(in, "always_accept", 0, "expected none where "
		    "speak is early, which refuses before the recipient is "
		    "known", policy->with.always_accept.written.at[0]);
}

static size_t
count_rules(const struct scan_section *policy)
{
	size_t count = 0;

	for (const struct scan_section *section = policy->sections;
	    section != NULL; section = section->next)
		count += section->kind != SECTION_MATCH;
	return count;
}

/* Does the rule look at a list or map that is kept elsewhere? */
static bool
has_source(const struct rule *rule)
{
	const struct check_options *options = &rule->checks;

	for (size_t i = 0; i < rule->with.except.count; i++)
		if (rule->with.except.at[i].list->source != NULL)
			return true;
	return have_source(&options->lists) ||
	    have_source(&options->mailboxes) ||
	    have_source(&options->senders) ||
	    (options->map != NULL && options->map->source != NULL);
}

static enum check_cost
rule_cost(const struct rule *rule)
{
	if (rule->check == NULL)
		return COST_COUNTER;
	return rule->check->cost < COST_SOURCE && has_source(rule) ?
	    COST_SOURCE : rule->check->cost;
}

/* By cost, otherwise as written; and where each written one has gone. */
static void
order_rules(struct arena *arena, const struct rule *written, size_t count,
    struct policy *policy)
{
	struct rule *rules = arena_get_array(arena, count + 1,
	    sizeof(*rules));
	size_t *places = arena_get_array(arena, count + 1, sizeof(*places));
	size_t at = 0;

	for (int cost = COST_SYNTAX; cost <= COST_COUNTER; cost++) {
		for (size_t i = 0; i < count; i++) {
			if ((int)rule_cost(&written[i]) != cost)
				continue;
			places[i] = at;
			rules[at++] = written[i];
		}
	}
	policy->rules = rules;
	policy->written = places;
	policy->rule_count = count;
}

static struct origin
origin_of(struct arena *arena, const struct scan_section *section)
{
	return (struct origin){ arena_copy(arena, section->file),
	    section->line };
}

static void
build_rules(struct conf_reader *conf, const struct conf_item *item,
    struct policy *policy)
{
	struct arena *arena = conf->config->arena;
	size_t count = count_rules(item->section), at = 0;
	struct rule *written = arena_get_array(conf->scratch, count + 1,
	    sizeof(*written));

	if (count > TRACE_STEPS_MAX)
		problems_add(conf->problems, item->file->name,
		    item->section->line, "expected at most %d checks and "
		    "limits in a policy, saw %zu", TRACE_STEPS_MAX, count);
	for (const struct scan_section *section = item->section->sections;
	    section != NULL; section = section->next) {
		struct section_reader in;
		struct rule *rule = &written[at];

		if (section->kind == SECTION_MATCH)
			continue;
		rule->name = arena_copy(arena, section->title);
		rule->origin = origin_of(arena, section);
		section_begin(&in, conf, item->file, section);
		if (section->kind == SECTION_CHECK)
			read_check(&in, rule, conf);
		else
			read_limit(&in, rule);
		lint_reply(&in, policy, rule);
		at++;
	}
	order_rules(arena, written, count, policy);
}

static void
build_match(struct conf_reader *conf, const struct conf_item *item,
    struct policy *policy)
{
	for (const struct scan_section *section = item->section->sections;
	    section != NULL; section = section->next) {
		struct section_reader in;

		if (section->kind != SECTION_MATCH || policy->has_match)
			continue;
		section_begin(&in, conf, item->file, section);
		section_read(&in, &match_table, &policy->match);
		policy->has_match = true;
	}
}

static bool
looks_at_blocks(const struct config *config)
{
	for (size_t i = 0; i < config->policy_count; i++)
		for (size_t j = 0; j < config->policies[i].rule_count; j++) {
			const struct rule *rule =
			    &config->policies[i].rules[j];

			if (rule->check == check_of(CHECK_client_blocked) &&
			    rule->with.mode != MODE_OFF)
				return true;
		}
	return false;
}

/* A client that is blocked and let in all the same is not what was meant. */
static void
check_blocks(struct conf_reader *conf)
{
	const struct config *config = conf->config;

	if (looks_at_blocks(config))
		return;
	for (size_t i = 0; i < config->policy_count; i++)
		for (size_t j = 0; j < config->policies[i].rule_count; j++) {
			const struct rule *rule =
			    &config->policies[i].rules[j];

			if (rule->check == NULL && rule->limits.block_ms > 0)
				problems_add(conf->problems,
				    rule->origin.file, rule->origin.line,
				    "block of limit %s does nothing: no "
				    "policy has check \"client_blocked\"",
				    rule->name);
		}
}

/* Limits of one name and the same keys share their counters. */
static bool
share_counters(const struct rule *one, const struct rule *other)
{
	const struct keys *keys = &one->limits.per;
	const struct keys *others = &other->limits.per;

	if (one->check != NULL || other->check != NULL ||
	    strcmp(one->name, other->name) != 0 ||
	    keys->count != others->count)
		return false;
	for (size_t i = 0; i < keys->count; i++)
		if (keys->at[i] != others->at[i])
			return false;
	return true;
}

/* What one would let go too early is held for the other. */
static void
check_lease_beside(struct conf_reader *conf, const struct policy *policy,
    const struct rule *rule, const struct policy *others)
{
	for (size_t i = 0; i < others->rule_count; i++) {
		const struct rule *other = &others->rules[i];

		if (!share_counters(rule, other) || limit_lease_ms(
		    &rule->limits) == limit_lease_ms(&other->limits))
			continue;
		problems_add(conf->problems, rule->origin.file,
		    rule->origin.line, "limit %s shares its counters with "
		    "that of policy %s in line %d: expected lease_units in "
		    "both or none, and the same shortest span in policy %s",
		    rule->name, others->name, other->origin.line,
		    policy->name);
	}
}

static void
check_leases(struct conf_reader *conf)
{
	const struct config *config = conf->config;

	for (size_t i = 0; i < config->policy_count; i++)
		for (size_t j = 0; j < config->policies[i].rule_count; j++)
			for (size_t k = 0; k < i; k++)
				check_lease_beside(conf, &config->policies[i],
				    &config->policies[i].rules[j],
				    &config->policies[k]);
}

void
conf_build_policies(struct conf_reader *conf)
{
	struct config *config = conf->config;
	struct policy *policies = arena_get_array(config->arena,
	    conf->item_count + 1, sizeof(*policies));
	size_t count = 0;

	conf->header_rules = arena_get_array(config->arena, HEADER_RULES_MAX,
	    sizeof(*conf->header_rules));
	config->header_rules = conf->header_rules;
	for (size_t i = 0; i < conf->item_count; i++) {
		const struct conf_item *item = &conf->items[i];
		struct policy *policy = &policies[count];
		struct section_reader in;

		if (item->section->kind != SECTION_POLICY)
			continue;
		count++;
		policy->name = arena_copy(config->arena,
		    item->section->title);
		policy->origin = origin_of(config->arena, item->section);
		section_begin(&in, conf, item->file, item->section);
		section_read(&in, &policy_table, &policy->with);
		check_always_accept(&in, policy);
		build_match(conf, item, policy);
		build_rules(conf, item, policy);
		check_charges(&in, policy);
		check_mark_questions(&in, policy);
	}
	config->policies = policies;
	config->policy_count = count;
	check_blocks(conf);
	check_leases(conf);
}
