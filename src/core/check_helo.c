/*
 * check_helo.c - checks of the name given with HELO or EHLO
 *
 * A session that gave none passes them all: whether HELO is demanded is the
 * MTA's business.
 */
#include "core/check.h"
#include "core/grammar.h"
#include "core/lookup.h"

#include "base/text.h"

#include <string.h>

/* "192.0.2.1", "2001:db8::1", and what was meant to be one. */
static bool
looks_like_address(const char *helo)
{
	bool is_ipv6 = strchr(helo, ':') != NULL &&
	    helo[strspn(helo, "0123456789abcdefABCDEF:.")] == '\0';

	return is_ipv6 || (strchr(helo, '.') != NULL &&
	    helo[strspn(helo, "0123456789.")] == '\0');
}

/* A bare address that is valid is no literal, but is not wrong in itself. */
bool
check_helo_bad_literal(const struct check_input *input)
{
	const char *helo = input->session->helo;
	size_t length = strlen(helo);
	struct ip ip;

	if (length > 0 && (helo[0] == '[' || helo[length - 1] == ']'))
		return !grammar_is_address_literal(helo);
	return looks_like_address(helo) && !grammar_is_ipv4(helo) &&
	    !ip_parse(helo, &ip);
}

/*
 * RFC 5321 4.1.1.1 asks for a domain or a literal. A bare IPv4 address has
 * the form of a domain, but no host name ends in a number (RFC 1123 2.1).
 */
bool
check_helo_bad_syntax(const struct check_input *input)
{
	const char *helo = input->session->helo;

	if (helo[0] == '\0' || grammar_is_address_literal(helo))
		return false;
	return !grammar_is_domain(helo) || looks_like_address(helo);
}

bool
check_helo_not_fqdn(const struct check_input *input)
{
	const char *helo = input->session->helo;
	struct ip ip;

	return helo[0] != '\0' && !domain_is_literal(helo) &&
	    !ip_parse(helo, &ip) && !domain_is_fqdn(helo);
}

bool
check_helo_localhost(const struct check_input *input)
{
	const struct session *session = input->session;

	if (session->client.family == IP_NONE ||
	    ip_is_loopback(&session->client))
		return false;
	return domain_equal(session->helo, "localhost") ||
	    domain_equal(session->helo, "localhost.localdomain");
}

/*
 * The server's own name is `hostname` of the configuration, and the name
 * that the MTA gives itself. A client on loopback is this server.
 */
bool
check_helo_is_me(const struct check_input *input)
{
	const struct session *session = input->session;
	const char *configured = input->config->global.hostname;

	if (session->helo[0] == '\0' || session->client.family == IP_NONE ||
	    ip_is_loopback(&session->client))
		return false;
	if (configured[0] != '\0' && domain_equal(session->helo, configured))
		return true;
	if (session->hostname[0] != '\0' &&
	    domain_equal(session->helo, session->hostname))
		return true;
	return lists_have_subject(&input->rule->checks.lists, SUBJECT_HELO,
	    input->occasion);
}

bool
check_helo_denied(const struct check_input *input)
{
	return lists_have_subject(&input->rule->checks.lists, SUBJECT_HELO,
	    input->occasion);
}
