/*
 * read_config.c - the configuration that a command was given with -c
 */
#include "floodgatectl/ctl.h"
#include "floodgatectl/output.h"

#include "io/conffile.h"
#include "io/inspect.h"

struct config *
ctl_read_config(const struct ctl *ctl, const char *file, int *exit_code)
{
	struct problems problems;
	struct config *config;

	problems_init(&problems);
	config = conffile_read(file, &problems);
	if (config == NULL) {
		json_t *document = inspect_error(INSPECT_CONFIG,
		    "%s has %zu problem%s", file, problems.count,
		    problems.count == 1 ? "" : "s");

		(void)json_object_set_new(document, "problems",
		    inspect_problems(&problems));
		*exit_code = put_error(document, ctl->json);
		json_decref(document);
	}
	problems_clear(&problems);
	return config;
}
