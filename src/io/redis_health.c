/*
 * redis_health.c - what the state and the log say of a link
 *
 * One line when it goes down and one when it comes up, and for one trouble
 * not more than one in 10 s, however often it comes and goes.
 */
#include "io/redis_inside.h"

#include "base/text.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/metrics.h"

#define LOG_EVERY_MS 10000

/* What goes up and down. */
static const char *const words[] = {
	[REDIS_MASTER] = "state", [REDIS_NODE] = "node",
	[REDIS_SENTINEL] = "sentinel"
};

/* False when one line about it was written a short while ago. */
static bool
may_log(struct redis_link *link, enum redis_trouble trouble)
{
	int64_t now_ms = clock_steady_ms();
	int64_t *logged_ms = &link->logged_ms[trouble];

	if (*logged_ms != 0 && now_ms - *logged_ms < LOG_EVERY_MS)
		return false;
	*logged_ms = now_ms;
	return true;
}

static void
put_reason(struct text *text, enum redis_trouble trouble, const char *detail)
{
	text_put(text, redis_trouble_text(trouble));
	if (detail[0] != '\0')
		text_put(text, ": ");
	redis_put_said(text, detail);
}

static void
tell_watcher(struct redis_link *link)
{
	if (link->watcher.changed != NULL)
		link->watcher.changed(link->watcher.context);
}

void
link_note_trouble(struct redis_link *link, enum redis_trouble trouble,
    const char *detail)
{
	char reason[sizeof(link->reason)];
	struct text text;
	bool was_well;	/* or never tried */

	metric_add_trouble(trouble);
	TEXT_INIT(&text, reason);
	put_reason(&text, trouble, detail);
	link->misset = redis_trouble_is_setup(trouble);
	pthread_mutex_lock(&link->mutex);
	was_well = !link->ailing;
	link->ailing = true;
	text_copy(link->reason, sizeof(link->reason), reason);
	if (was_well)
		link->since_ms = clock_now_ms();
	pthread_mutex_unlock(&link->mutex);
	if (was_well)
		tell_watcher(link);
	if (!was_well && trouble == link->noted)
		return;
	link->noted = trouble;
	link->silent = !may_log(link, trouble);
	if (!link->silent)
		log_warning("store=redis %s=%s where=%s reason=\"%s\"",
		    words[link->kind], link->up ? "failing" : "down",
		    link->where, reason);
}

void
link_note_failure(struct redis_link *link, enum redis_trouble trouble,
    const char *detail)
{
	char reason[sizeof(link->reason)];
	struct text text;

	metric_add_trouble(trouble);
	TEXT_INIT(&text, reason);
	put_reason(&text, trouble, detail);
	link->misset = redis_trouble_is_setup(trouble);
	if (may_log(link, trouble))
		log_warning("store=redis %s=up where=%s failed=\"%s\"",
		    words[link->kind], link->where, reason);
}

void
link_note_well(struct redis_link *link)
{
	bool doubted;

	link->misset = false;
	pthread_mutex_lock(&link->mutex);
	link->up = true;
	doubted = link->doubted;
	if (!doubted) {
		link->ailing = false;
		link->reason[0] = '\0';
		link->since_ms = clock_now_ms();
	}
	pthread_mutex_unlock(&link->mutex);
	tell_watcher(link);
	if (doubted)
		return;
	if (!link->silent)
		log_notice("store=redis %s=up where=%s", words[link->kind],
		    link->where);
	link->silent = false;
}

void
link_note_tried(struct redis_link *link)
{
	bool first;

	pthread_mutex_lock(&link->mutex);
	first = !link->tried;
	link->tried = true;
	pthread_cond_broadcast(&link->tried_first);
	pthread_mutex_unlock(&link->mutex);
	if (first)
		tell_watcher(link);
}
