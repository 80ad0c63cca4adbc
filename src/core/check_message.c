/*
 * check_message.c - checks of the message as a whole
 */
#include "core/check.h"

/* Before the content comes, what MAIL declared (RFC 1870). */
bool
check_message_too_big(const struct check_input *input)
{
	const struct session *session = input->session;
	int64_t bytes = input->stage == STAGE_EOM ? session->received_bytes :
	    session->declared_bytes;

	return bytes > input->rule->checks.max_size_bytes;
}

bool
check_message_hops(const struct check_input *input)
{
	return input->session->hops > input->rule->checks.max;
}

/* What was found when the header passed by: session_apply_header(). */
bool
check_message_bulk(const struct check_input *input)
{
	return (input->session->headers_matched & input->rule->header_bit) !=
	    0;
}
