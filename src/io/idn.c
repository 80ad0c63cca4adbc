/*
 * idn.c - domains beyond ASCII
 */
#include "io/idn.h"

#include "base/text.h"
#include "core/grammar.h"

#include <idn2.h>
#include <string.h>

bool
idn_to_ascii(const char *domain, char *buffer, size_t size)
{
	char *ascii = NULL;
	bool is_good;

	/* Not longer than any name in either form: no work for nothing. */
	if (strlen(domain) > 4 * GRAMMAR_DOMAIN_MAX ||
	    idn2_to_ascii_8z(domain, &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	is_good = text_copy(buffer, size, ascii);
	idn2_free(ascii);
	text_lower(buffer);
	return is_good;
}

void
idn_fold_path(struct path *path)
{
	char ascii[GRAMMAR_DOMAIN_MAX + 1];

	if (!grammar_is_beyond_ascii(path->domain))
		return;
	if (idn_to_ascii(path->domain, ascii, sizeof(ascii)) &&
	    grammar_is_domain(ascii))
		(void)text_copy(path->domain, sizeof(path->domain), ascii);
	else
		path->is_by_grammar = false;
}
