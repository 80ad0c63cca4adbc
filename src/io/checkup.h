/*
 * checkup.h - is all that the daemon depends on well?
 *
 * For `floodgatectl check`: what is asked here is really asked, now, and not
 * only remembered from the last message.
 */
#ifndef FLOODGATE_IO_CHECKUP_H
#define FLOODGATE_IO_CHECKUP_H

#include "core/config.h"
#include "io/dns.h"
#include "io/store.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct checkup {
	const struct config *config;
	struct store *store;
	struct dns *dns;	/* NULL: nobody asks DNS */
	const char *config_file;
	bool reload_failed;	/* the last one */
	int64_t now_ms;		/* of the wall */
};

/*
 * {"well": bool, "asked": ["store redis", ...], "troubles": [{"part":
 * "store", "where": ..., "text": ..., "lasts": bool}, ...]}; "lasts" until
 * somebody changes how something is set up. Each part takes at most the
 * event_timeout of the configuration.
 */
json_t *checkup_run(const struct checkup *checkup);

#endif
