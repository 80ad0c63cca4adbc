/*
 * checkup.c - is all that the daemon depends on well?
 */
#include "io/checkup.h"

#include "base/text.h"
#include "io/inspect.h"

#include <stdlib.h>
#include <string.h>

static void
add_trouble(json_t *troubles, const char *part, const char *where,
    const char *what, bool lasts)
{
	(void)json_array_append_new(troubles, json_pack(
	    "{s:o, s:o, s:o, s:b}", "part", inspect_text(part),
	    "where", inspect_text(where), "text", inspect_text(what),
	    "lasts", lasts));
}

static void
add_asked(json_t *asked, const char *kind, const char *name)
{
	char buffer[128];
	struct text text;

	TEXT_INIT(&text, buffer);
	text_put(&text, kind);
	text_put(&text, name);
	(void)json_array_append_new(asked, inspect_text(buffer));
}

/* --- the parts --- */

static void
check_configuration(const struct checkup *checkup, json_t *troubles)
{
	if (checkup->reload_failed)
		add_trouble(troubles, "configuration", checkup->config_file,
		    "the last reload was turned down, and what was in place "
		    "stays: floodgatectl reload says why", true);
}

/* True when there is nothing to complain of. */
static bool
check_store(const struct checkup *checkup, json_t *asked, json_t *troubles)
{
	struct store_complaint complaints[STORE_COMPLAINTS_MAX];
	struct store_state state = { .kind = "" };
	size_t count;

	store_get_state(checkup->store, &state);
	add_asked(asked, "store ", state.kind);
	count = store_check(checkup->store,
	    checkup->config->global.event_timeout_ms, complaints);
	for (size_t i = 0; i < count; i++)
		add_trouble(troubles, "store", complaints[i].where,
		    complaints[i].text, complaints[i].misset);
	return count == 0;
}

/*
 * A set or hash of the store's Redis; any word will do. That it gives no
 * answer is no news where the store does not either.
 */
static void
check_source(const struct checkup *checkup, const struct list_source *source,
    bool store_is_well, json_t *asked, json_t *troubles)
{
	static const char *const words[] = { "floodgate.invalid" };
	const size_t lengths[] = { strlen(words[0]) };
	struct store_complaint complaint = { .text = "" };
	struct store_lookup lookup = {
		.source = source, .words = words, .lengths = lengths,
		.count = 1, .complaint = &complaint
	};

	if (source == NULL)
		return;
	add_asked(asked, source->title, "");
	(void)text_copy(complaint.where, sizeof(complaint.where),
	    source->key);
	store_look_up(checkup->store, &lookup, 1,
	    checkup->config->global.event_timeout_ms);
	free(lookup.value);
	if (lookup.status != LIST_FAILED)
		return;
	if (complaint.text[0] != '\0')
		add_trouble(troubles, source->title, complaint.where,
		    complaint.text, complaint.misset);
	else if (store_is_well)
		add_trouble(troubles, source->title, complaint.where,
		    "no answer in time", false);
}

static void
check_lists(const struct checkup *checkup, bool store_is_well, json_t *asked,
    json_t *troubles)
{
	const struct config *config = checkup->config;

	for (size_t i = 0; i < config->list_count; i++)
		check_source(checkup, config->lists[i].source, store_is_well,
		    asked, troubles);
	for (size_t i = 0; i < config->map_count; i++)
		check_source(checkup, config->maps[i].source, store_is_well,
		    asked, troubles);
}

/*
 * A name below arpa that nobody has, and no cache: somebody has to be asked,
 * and that there is none is an answer.
 */
static void
check_dns(const struct checkup *checkup, json_t *asked, json_t *troubles)
{
	char name[64];
	const struct dns_question question = { DNS_A, name };
	struct dns_held *held;
	struct text text;

	if (checkup->dns == NULL ||
	    (checkup->config->steps & STEP_DNS) == 0)
		return;
	add_asked(asked, "name servers", "");
	TEXT_INIT(&text, name);
	text_printf(&text, "floodgate-check-%llx.arpa",
	    (unsigned long long)checkup->now_ms);
	dns_fetch(checkup->dns, &question, 1,
	    checkup->config->global.event_timeout_ms, &held);
	if (dns_answer_of(held)->status == DNS_FAILED)
		add_trouble(troubles, "name servers", name, "cannot tell "
		    "whether this name exists: they do not answer, or know "
		    "nobody who does", false);
	dns_release(held);
}

json_t *
checkup_run(const struct checkup *checkup)
{
	json_t *asked = json_array(), *troubles = json_array();
	bool store_is_well;

	check_configuration(checkup, troubles);
	store_is_well = check_store(checkup, asked, troubles);
	check_lists(checkup, store_is_well, asked, troubles);
	check_dns(checkup, asked, troubles);
	return json_pack("{s:b, s:o, s:o}",
	    "well", json_array_size(troubles) == 0,
	    "asked", asked, "troubles", troubles);
}
