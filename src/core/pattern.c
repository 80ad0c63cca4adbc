/*
 * pattern.c - match a glob
 */
#include "core/pattern.h"

#include <stddef.h>

#include "base/text.h"

/* One octet of the glob, `*glob`, against one of the text; not for '*'. */
static bool
octet_matches(const char *glob, char octet)
{
	if (glob[0] == '?')
		return true;
	if (glob[0] == '\\' && glob[1] != '\0')
		glob++;
	return text_lower_char(*glob) == text_lower_char(octet);
}

static const char *
next_octet(const char *glob)
{
	return glob + (glob[0] == '\\' && glob[1] != '\0' ? 2 : 1);
}

/*
 * Only the last '*' seen is ever tried again: what stood before it has
 * matched as early as it can. So the work is at most text times glob.
 */
bool
pattern_matches_glob(const struct pattern *pattern, const char *subject)
{
	const char *glob = pattern->text, *star = NULL, *resume = NULL;

	while (*subject != '\0') {
		if (*glob == '*') {
			star = ++glob;
			resume = subject;
		} else if (*glob != '\0' && octet_matches(glob, *subject)) {
			glob = next_octet(glob);
			subject++;
		} else if (star != NULL) {
			glob = star;
			subject = ++resume;
		} else
			return false;
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}
