"""Checks that ask DNS, with Postfix and with Sendmail.

The name servers are ours, and their names say what they do. What the MTAs
find out about the client themselves comes from XCLIENT, and for Sendmail from
the hosts file of the lab and its name server (REVERSE in lab/isolation.py).
Sendmail calls a client FORGED, too, whose address has no name or could not be
looked up.
"""

from lab import suite
from lab.nameserver import NameServer
from mta_cases import Case, hold

DENIED = 'list "denied" { domains = {".denied.example"} }\n'

CASES = [
    Case("client_no_ptr: goes by the MTA's own lookup",
         'check "client_no_ptr" { }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.7]
    client 192.0.2.80 name mail.example.net
    message <a@example.com> <b@lab.test>
    """),
    Case("client_no_ptr: passes a name of another host",
         'check "client_no_ptr" { }', """
    client 192.0.2.82
    message <a@example.com> <b@lab.test>
    """, only="sendmail"),
    Case("client_name_unverified: goes by the MTA's own lookup",
         'check "client_name_unverified" { }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.7]
    client 192.0.2.80 name mail.example.net
    message <a@example.com> <b@lab.test>
    """),
    Case("client_name_unverified: refuses a name of another host",
         'check "client_name_unverified" { }', """
    client 192.0.2.82
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.82]
    """, only="sendmail"),
    Case("client_name_unverified: the MTA could not look it up",
         'check "client_name_unverified" { on_failure = "defer" }', """
    client 192.0.2.83
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 451 4.3.0 <192.0.2.83>: Temporary lookup failure
    """, only="sendmail"),
    Case("client_dnsbl: refuses a client that a zone lists",
         'check "client_dnsbl" { zones = {"a.example=127.0.0.[2..11]", '
         '"zen.example=192.0.2.1"} reply = "554 5.7.1 Service unavailable; '
         'Client host [%{client}] blocked using %{zone}; %{txt}" }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.example; text
    """),
    Case("client_dnsbl: passes one that none lists",
         'check "client_dnsbl" { zones = {"a.example=127.0.0.[2..11]"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    """),
    Case("helo_unresolvable", 'check "helo_unresolvable" { }', """
    client 192.0.2.7 helo nxdomain.example
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 450 4.7.1 <nxdomain.example>: Helo command rejected: Host not found
    client 192.0.2.7 helo mail.example
    message <a@example.com> <b@lab.test>
    """),
    Case("helo_nameserver_denied", DENIED + 'policy "all" { '
         'check "helo_nameserver_denied" { lists = {"denied"} } }', """
    client 192.0.2.7 helo mx.denied.example
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 <mx.denied.example>: Helo command rejected: name server ns.mx.denied.example
    client 192.0.2.7 helo mail.example
    message <a@example.com> <b@lab.test>
    """),
    Case("helo_rhsbl", 'check "helo_rhsbl" { zones = {"dbl.example"} }', """
    client 192.0.2.7 helo listed.example
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 Service unavailable; Helo command [listed.example] blocked using dbl.example
    client 192.0.2.7 helo mail.example
    message <a@example.com> <b@lab.test>
    """),
    Case("sender_domain_not_found", 'check "sender_domain_not_found" { }', """
    client 192.0.2.7
    MAIL FROM:<a@nxdomain.example> => 250
    RCPT TO:<b@lab.test> => 450 4.1.8 <a@nxdomain.example>: Sender address rejected: Domain not found
    RSET => 250
    message <a@example.com> <b@lab.test>
    """),
    Case("sender_null_mx", 'check "sender_null_mx" { }', """
    client 192.0.2.7
    MAIL FROM:<a@nullmx.example> => 250
    RCPT TO:<b@lab.test> => 550 5.7.27 <a@nullmx.example>: Sender address rejected: Domain nullmx.example does not accept mail
    RSET => 250
    message <a@example.com> <b@lab.test>
    """),
    Case("sender_nameserver_denied", DENIED + 'policy "all" { '
         'check "sender_nameserver_denied" { lists = {"denied"} } }', """
    client 192.0.2.7
    MAIL FROM:<a@denied.example> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 <a@denied.example>: Sender address rejected: ns or mx server ns.denied.example
    RSET => 250
    message <a@example.com> <b@lab.test>
    """),
    Case("sender_rhsbl", 'check "sender_rhsbl" { zones = {"dbl.example"} }',
         """
    client 192.0.2.7
    MAIL FROM:<a@listed.example> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 Service unavailable; Sender address [a@listed.example] blocked using dbl.example
    RSET => 250
    message <a@example.com> <b@lab.test>
    """),
    Case("recipient_domain_not_found",
         'check "recipient_domain_not_found" { }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@nxdomain.lab.test> => 450 4.1.2 <b@nxdomain.lab.test>: Recipient address rejected: Domain not found
    RCPT TO:<b@lab.test> => 250
    """),
    Case("recipient_null_mx", 'check "recipient_null_mx" { }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@nullmx.lab.test> => 556 5.1.10 <b@nullmx.lab.test>: Recipient address rejected: Domain nullmx.lab.test does not accept mail
    RCPT TO:<b@lab.test> => 250
    """),
    Case("lookup_failed: a lookup that fails defers if the rule says so",
         'check "sender_domain_not_found" { on_failure = "defer" }', """
    client 192.0.2.7
    MAIL FROM:<a@servfail.example> => 250
    RCPT TO:<b@lab.test> => 451 4.3.0 <servfail.example>: Temporary lookup failure
    RSET => 250
    MAIL FROM:<a@timeout.example> => 250
    RCPT TO:<b@lab.test> => 451 4.3.0 <timeout.example>: Temporary lookup failure
    """),
    Case("lookup_failed: and accepts otherwise",
         'check "sender_domain_not_found" { }', """
    client 192.0.2.7
    message <a@servfail.example> <b@lab.test>
    """),
]


_server = []


def hold_with_dns(lab, case, mta_name):
    if not _server:
        _server.append(lab.share(NameServer(lab)))
    case.options = _server[0].options()
    hold(lab, case, mta_name, "memory")


def register():
    for mta_name in ("postfix", "sendmail"):
        for case in CASES:
            if case.only not in (None, mta_name):
                continue
            suite.add("%s, dns: %s" % (mta_name, case.name),
                      lambda lab, c=case, m=mta_name:
                      hold_with_dns(lab, c, m), alone=False)


register()
