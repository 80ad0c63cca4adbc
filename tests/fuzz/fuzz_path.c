/*
 * fuzz_path.c - whatever a client writes as a path
 *
 * The first octet chooses how the rest is compared; the rest is what stands
 * behind MAIL FROM: or RCPT TO:.
 */
#include "core/domain.h"
#include "core/grammar.h"
#include "core/list.h"
#include "core/path.h"
#include "core/pattern.h"
#include "io/idn.h"

#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool is_so)
{
	if (!is_so)
		abort();
}

/* One mailbox stays one when it is written by the grammar once more. */
static void
read_again(const struct path *path)
{
	char written[4 * PATH_OCTETS_MAX + 8];
	struct path again;
	struct text text;

	TEXT_INIT(&text, written);
	text_put(&text, "<\"");
	for (const char *at = path->local; *at != '\0'; at++) {
		if (*at == '"' || *at == '\\')
			text_put_char(&text, '\\');
		text_put_char(&text, *at);
	}
	text_put(&text, "\"@");
	text_put(&text, path->domain);
	text_put_char(&text, '>');
	path_parse(written, &again);
	demand(again.is_too_long || (again.is_valid &&
	    strcmp(again.local, path->local) == 0 &&
	    strcmp(again.domain, path->domain) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct list none;
	const struct pattern glob = { .text = "*@*.e?ample*" };
	char mailbox[2 * PATH_OCTETS_MAX + 2];
	struct folding folding = { true, "+" };
	struct path path;
	char *argument;

	if (size == 0)
		return 0;
	argument = malloc(size);
	if (argument == NULL)
		return 0;
	memcpy(argument, data + 1, size - 1);
	argument[size - 1] = '\0';
	folding.fold_case = (data[0] & 1) != 0;
	path_parse(argument, &path);
	if (path.is_by_grammar)
		demand(path.is_valid);
	if (path.is_by_grammar && path.domain[0] != '\0')
		read_again(&path);
	idn_fold_path(&path);
	if (path.is_by_grammar && path.domain[0] != '\0')
		demand(grammar_is_domain(path.domain) ||
		    domain_is_literal(path.domain));
	(void)path_mailbox(&path, folding.fold_case, folding.separator,
	    mailbox, (size_t)(data[0] / 2 + 1));
	(void)path_mailbox(&path, folding.fold_case, folding.separator,
	    mailbox, sizeof(mailbox));
	(void)path_is_qualified(&path);
	(void)list_has_path(&none, &path, &folding);
	(void)list_has_user(&none, argument, &folding);
	(void)grammar_is_address_literal(argument);
	(void)grammar_is_domain(argument);
	(void)pattern_matches_glob(&glob, argument);
	free(argument);
	return 0;
}
