/*
 * check_dns.c - checks that ask DNS
 *
 * They refuse only when they are certain: when an answer is missing or has
 * failed they return false, and policy_judge() fetches it or applies
 * `on_failure`. See dns_fact.h.
 */
#include "core/check.h"

#include "base/text.h"
#include "core/dns_fact.h"
#include "core/lookup.h"

#include <string.h>

/* --- the client's name */

#define PTR_NAMES_MAX 4		/* that are looked up again; more are odd */

static bool
name_has_address(struct dns_facts *dns, const char *name, const struct ip *ip)
{
	const struct dns_answer *answer = dns_ask(dns,
	    ip->family == IP_V4 ? DNS_A : DNS_AAAA, name);

	for (size_t i = 0; answer != NULL && i < answer->count; i++)
		if (ip_equal(&answer->records[i].ip, ip))
			return true;
	return false;
}

static const struct dns_answer *
ask_ptr(const struct check_input *input)
{
	const struct ip *client = &input->session->client;
	char name[DNS_NAME_SIZE];

	(void)dns_reverse_name(client, client->family == IP_V4 ?
	    "in-addr.arpa" : "ip6.arpa", name);
	return dns_ask(input->dns, DNS_PTR, name);
}

/* No name by its address, as far as our own lookup tells. */
static bool
lacks_ptr(const struct check_input *input)
{
	const struct dns_answer *ptr = ask_ptr(input);

	return ptr != NULL && ptr->status == DNS_NONE;
}

/* None of its names has its address. */
static bool
lacks_verified_name(const struct check_input *input)
{
	const struct ip *client = &input->session->client;
	const struct dns_answer *ptr = ask_ptr(input);

	for (size_t i = 0; ptr != NULL && i < ptr->count &&
	    i < PTR_NAMES_MAX; i++) {
		if (name_has_address(input->dns, ptr->records[i].text,
		    client)) {
			dns_settle(input->dns);
			return false;
		}
	}
	return dns_is_certain(input->dns);
}

static bool
lookup_failed_at_mta(const struct check_input *input)
{
	char client[IP_TEXT_SIZE];

	dns_note_failure(input->dns, ip_format(&input->session->client,
	    client));
	return false;
}

/* What the MTA told, or where it told nothing, our own lookup. */
static bool
lacks_name(const struct check_input *input,
    bool (*lacks)(const struct check_input *input))
{
	switch (input->session->client_resolve) {
	case RESOLVE_NOT_TOLD:
		return lacks(input);
	case RESOLVE_OK:
		return false;
	case RESOLVE_FAIL:
	case RESOLVE_FORGED:
		return true;
	case RESOLVE_TEMP:
		return lookup_failed_at_mta(input);
	}
	return false;
}

bool
check_client_no_ptr(const struct check_input *input)
{
	const struct session *session = input->session;

	return session->client.family != IP_NONE &&
	    session->client_name[0] == '\0' &&
	    session->client_ptr[0] == '\0' && lacks_name(input, lacks_ptr);
}

bool
check_client_name_unverified(const struct check_input *input)
{
	const struct session *session = input->session;

	return session->client.family != IP_NONE &&
	    session->client_name[0] == '\0' &&
	    lacks_name(input, lacks_verified_name);
}

/* --- domains that do not exist, or take no mail */

/* "", an address literal or an address: nothing that DNS knows. */
static bool
is_no_name(const char *name)
{
	struct ip ip;

	return name[0] == '\0' || domain_is_literal(name) ||
	    ip_parse(name, &ip);
}

/* All three at once: whoever waits for one answer waits for three. */
static bool
domain_is_unknown(struct dns_facts *dns, const char *name)
{
	bool has_mx, has_a, has_aaaa;

	if (is_no_name(name))
		return false;
	has_mx = dns_has(dns, DNS_MX, name);
	has_a = dns_has(dns, DNS_A, name);
	has_aaaa = dns_has(dns, DNS_AAAA, name);
	if (has_mx || has_a || has_aaaa) {
		dns_settle(dns);
		return false;
	}
	return dns_is_certain(dns);
}

/* RFC 7505 3: one MX, and that is the root. */
static bool
domain_takes_no_mail(struct dns_facts *dns, const char *name)
{
	const struct dns_answer *mx;

	if (is_no_name(name))
		return false;
	mx = dns_ask(dns, DNS_MX, name);
	return mx != NULL && mx->count == 1 &&
	    strcmp(mx->records[0].text, ".") == 0;
}

bool
check_helo_unresolvable(const struct check_input *input)
{
	return domain_is_unknown(input->dns, input->session->helo);
}

bool
check_sender_domain_not_found(const struct check_input *input)
{
	return domain_is_unknown(input->dns, input->session->sender.domain);
}

bool
check_sender_null_mx(const struct check_input *input)
{
	return domain_takes_no_mail(input->dns,
	    input->session->sender.domain);
}

bool
check_recipient_domain_not_found(const struct check_input *input)
{
	return input->recipient != NULL &&
	    domain_is_unknown(input->dns, input->recipient->domain);
}

bool
check_recipient_null_mx(const struct check_input *input)
{
	return input->recipient != NULL &&
	    domain_takes_no_mail(input->dns, input->recipient->domain);
}

/* --- name servers and MX hosts */

#define HOSTS_MAX 8		/* name servers, or MX hosts, of one domain */
#define PARENTS_MAX 4		/* the domain and those above it */

static bool
lists_may_have_addresses(const struct lists *lists)
{
	for (size_t i = 0; i < lists->count; i++)
		if (lists->at[i]->networks.count > 0 ||
		    lists->at[i]->patterns.count > 0 ||
		    lists->at[i]->source != NULL)
			return true;
	return false;
}

static bool
answer_is_listed(const struct check_input *input,
    const struct dns_answer *answer)
{
	for (size_t i = 0; answer != NULL && i < answer->count; i++)
		if (lists_have_ip(&input->rule->checks.lists,
		    &answer->records[i].ip, input->occasion))
			return true;
	return false;
}

/* By its name, and by its addresses where lists have any. */
static bool
host_is_denied(const struct check_input *input, const char *host)
{
	const struct lists *lists = &input->rule->checks.lists;
	bool is_listed;

	if (strcmp(host, ".") == 0)
		return false;
	is_listed = lists_have_domain(lists, host, input->occasion);
	if (!is_listed && lists_may_have_addresses(lists)) {
		const struct dns_answer *a = dns_ask(input->dns, DNS_A, host);
		const struct dns_answer *aaaa = dns_ask(input->dns, DNS_AAAA,
		    host);

		is_listed = answer_is_listed(input, a) ||
		    answer_is_listed(input, aaaa);
	}
	if (is_listed)
		(void)text_copy(input->found->server,
		    sizeof(input->found->server), host);
	return is_listed;
}

static bool
any_host_is_denied(const struct check_input *input,
    const struct dns_answer *hosts)
{
	bool denied = false;

	/* All are asked for, so that they are fetched at once. */
	for (size_t i = 0; hosts != NULL && i < hosts->count &&
	    i < HOSTS_MAX && !denied; i++)
		denied = host_is_denied(input, hosts->records[i].text);
	return denied;
}

/*
 * The name servers of the zone that the name is in: its own, or those of the
 * nearest domain above that has some; a top-level domain's are nobody's.
 */
static bool
name_server_is_denied(const struct check_input *input, const char *name)
{
	const struct dns_answer *nearest = NULL;

	for (int i = 0; i < PARENTS_MAX; i++) {
		const char *dot = strchr(name, '.');
		const struct dns_answer *ns;

		if (dot == NULL || dot[1] == '\0')
			break;
		ns = dns_ask(input->dns, DNS_NS, name);
		if (nearest == NULL && ns != NULL && ns->count > 0)
			nearest = ns;
		name = dot + 1;
	}
	return any_host_is_denied(input, nearest);
}

/* Without an MX the host itself takes the mail (RFC 5321 5.1). */
static bool
mx_is_denied(const struct check_input *input, const char *name)
{
	const struct dns_answer *mx = dns_ask(input->dns, DNS_MX, name);

	if (mx != NULL && mx->status == DNS_NONE)
		return host_is_denied(input, name);
	return any_host_is_denied(input, mx);
}

static bool
servers_are_denied(const struct check_input *input, const char *name)
{
	if (is_no_name(name))
		return false;
	if (name_server_is_denied(input, name))
		return true;
	return mx_is_denied(input, name);
}

bool
check_helo_nameserver_denied(const struct check_input *input)
{
	return servers_are_denied(input, input->session->helo);
}

bool
check_sender_nameserver_denied(const struct check_input *input)
{
	return servers_are_denied(input, input->session->sender.domain);
}

/* --- zones of listed clients and domains (RFC 5782) */

/*
 * Its reason in the zone's own words, only when the reply shows it. A zone
 * that has none, or does not tell, lists all the same. False: not here yet.
 */
static bool
zone_text_is_here(const struct check_input *input, const char *name)
{
	struct dns_facts *dns = input->dns;
	const struct dns_answer *txt;

	if ((reply_fields(input->rule->with.reply) &
	    (UINT32_C(1) << FIELD_txt)) == 0)
		return true;
	dns_settle(dns);	/* that it is listed is certain */
	txt = dns_ask(dns, DNS_TXT, name);
	if (txt != NULL && txt->count > 0)
		(void)text_copy(input->found->txt, sizeof(input->found->txt),
		    txt->records[0].text);
	return !dns->is_missing;
}

static bool
zone_lists(const struct check_input *input, const struct zone *zone,
    const char *name)
{
	const struct dns_answer *answer = dns_ask(input->dns, DNS_A, name);
	bool refuses_to_say = false;

	for (size_t i = 0; answer != NULL && i < answer->count; i++) {
		switch (zone_says(zone, &answer->records[i].ip)) {
		case ZONE_LISTS:
			return true;
		case ZONE_DOES_NOT_LIST:
			break;
		case ZONE_REFUSES_TO_SAY:
			refuses_to_say = true;
			break;
		}
	}
	if (refuses_to_say)
		dns_note_failure(input->dns, name);
	return false;
}

/* "NAME.ZONE"; false when that is no name. */
static bool
name_in_zone(const char *domain, const char *zone, char name[DNS_NAME_SIZE])
{
	size_t length = strlen(domain);
	struct text text;

	if (length > 0 && domain[length - 1] == '.')
		length--;
	text_init(&text, name, DNS_NAME_SIZE);
	text_put_n(&text, domain, length);
	text_put_char(&text, '.');
	text_put(&text, zone);
	return !text.cut;
}

/* One of the rule's zones lists the client, or the domain if there is one. */
static bool
any_zone_lists(const struct check_input *input, const char *domain)
{
	const struct zones *zones = &input->rule->checks.zones;
	const struct zone *listing = NULL;
	char name[DNS_NAME_SIZE], zone_name[DNS_NAME_SIZE];
	char listed_name[DNS_NAME_SIZE] = "";

	for (size_t i = 0; i < zones->count; i++) {
		const struct zone *zone = &zones->at[i];

		(void)text_copy_n(zone_name, sizeof(zone_name), zone->text,
		    zone->name_length);
		if (!(domain == NULL ? dns_reverse_name(
		    &input->session->client, zone_name, name) :
		    name_in_zone(domain, zone_name, name)))
			continue;
		if (!zone_lists(input, zone, name) || listing != NULL)
			continue;
		listing = zone;
		(void)text_copy(listed_name, sizeof(listed_name), name);
		(void)text_copy(input->found->zone,
		    sizeof(input->found->zone), zone_name);
	}
	return listing != NULL && zone_text_is_here(input, listed_name);
}

bool
check_client_dnsbl(const struct check_input *input)
{
	return input->session->client.family != IP_NONE &&
	    any_zone_lists(input, NULL);
}

bool
check_helo_rhsbl(const struct check_input *input)
{
	return !is_no_name(input->session->helo) &&
	    any_zone_lists(input, input->session->helo);
}

bool
check_sender_rhsbl(const struct check_input *input)
{
	return !is_no_name(input->session->sender.domain) &&
	    any_zone_lists(input, input->session->sender.domain);
}
