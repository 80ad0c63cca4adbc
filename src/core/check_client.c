/*
 * check_client.c - checks of the client
 */
#include "core/check.h"
#include "core/lookup.h"

bool
check_client_denied(const struct check_input *input)
{
	return lists_have_subject(&input->rule->checks.lists, SUBJECT_CLIENT,
	    input->occasion);
}
