/*
 * check_client.c - checks of the client
 */
#include "core/check.h"
#include "core/lookup.h"

/* The store knows who is blocked: see marked.def. */
bool
check_client_blocked(const struct check_input *input)
{
	(void)input;
	return false;
}

bool
check_client_denied(const struct check_input *input)
{
	return lists_have_subject(&input->rule->checks.lists, SUBJECT_CLIENT,
	    input->occasion);
}
