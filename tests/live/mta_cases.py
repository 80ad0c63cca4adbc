"""One table of cases, held with Postfix and with Sendmail, on both stores.

What the SMTP client sees is compared to the letter: basic code, enhanced
code and text. See lab/dialogue.py for how a talk is written.
"""

from lab import daemon, gate, suite
from lab.dialogue import Dialogue
from lab.process import Failure
from lab.redis import Redis

STORES = ("memory", "redis")


class Case:
    def __init__(self, name, policy, talk, then=None, options="",
                 files=None, store=None, only=None, delivering=False):
        """`policy` is put into one policy "all" unless it has its own.

        then: the policy after `reload`; files: what @DIR@/NAME holds;
        store: instead of both, this one; only: for this MTA alone;
        delivering: with an MTA that knows its users, root and daemon.
        """
        self.name = name
        self.policy = policy
        self.talk = talk
        self.then = then
        self.options = options
        self.files = files or {}
        self.store = store
        self.only = only
        self.delivering = delivering


LISTS = """
list "inside"  { networks = {"127.0.0.0/8"} }
list "bad"     { networks = {"192.0.2.7"} domains = {".dyn.example.net"} }
list "ours"    { domains = {"lab.test", ".lab.test"} }
list "people"  { users = {"alice@example.org"} }
list "senders" { addresses = {"spam@example.com", "@bad.example",
    "100%sure@example.com"} }
list "names"   { domains = {"pretender.example.net"} }
list "boxes"   { addresses = {"secret@lab.test"} }
"""

CASES = [
    # --- CONNECT
    Case("client_denied: refuses an address on the list",
         'check "client_denied" { lists = {"bad"} }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied
    RCPT TO:<c@lab.test> => 554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied
    DATA => 554
        sendmail => 503
    """),
    Case("client_denied: refuses a verified name on the list",
         'check "client_denied" { lists = {"bad"} }', """
    client 192.0.2.81 name host.dyn.example.net
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 <host.dyn.example.net[192.0.2.81]>: Client host rejected: Access denied
    """),
    Case("client_denied: passes others",
         'check "client_denied" { lists = {"bad"} }', """
    client 192.0.2.8
    message <a@example.com> <b@lab.test>
    client 192.0.2.80 name mail.example.net
    message <a@example.com> <b@lab.test>
    """),
    Case("client_blocked: refuses who is blocked, until that is lifted",
         'check "client_blocked" { }', """
    ctl block 192.0.2.7 1h too many probes
    ctl block 2001:db8:1::/48 1h
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 550 5.3.2 Service currently unavailable
    RCPT TO:<c@lab.test> => 550 5.3.2 Service currently unavailable
    client 2001:db8:1::7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 550 5.3.2 Service currently unavailable
    client 192.0.2.8
    message <a@example.com> <b@lab.test>
    ctl unblock 192.0.2.7
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    """),
    Case("client_blocked: refuses whom a limit has blocked, for its time",
         'check "client_blocked" { } '
         'limit "rate_client_recipients" { allow = {"1/1s"} block = "2s" }',
         """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 250
    RCPT TO:<c@lab.test> => 450 4.7.1 Error: too many recipients from 192.0.2.7
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 550 5.3.2 Service currently unavailable
    wait 2.2
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    """),
    Case("client_connections: refuses the second at the same time",
         'limit "client_connections" { allow = {"1"} }', """
    client 192.0.2.7
    client 192.0.2.7 => own 421 mx.lab.test Service unavailable - try again later
        sendmail => own 421 4.7.0 mx.lab.test closing connection
    closed
    client 192.0.2.8
    message <a@example.com> <b@lab.test>
    use 1
    message <a@example.com> <b@lab.test>
    """),
    Case("client_connections: passes when the first is gone",
         'limit "client_connections" { allow = {"1"} }', """
    client 192.0.2.7
    quit
    wait 0.2
    client 192.0.2.7
    drop
    wait 0.2
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    """),
    Case("client_connection_rate: refuses the third within a minute",
         'limit "client_connection_rate" { allow = {"2/1m"} '
         'except = {"client:inside"} }', """
    client 192.0.2.7
    quit
    client 192.0.2.7
    quit
    client 192.0.2.7 => own 421 mx.lab.test Service unavailable - try again later
        sendmail => own 421 4.7.0 mx.lab.test closing connection
    closed
    client 192.0.2.8
    message <a@example.com> <b@lab.test>
    """),
    Case("client_connection_rate: passes again when the window has moved on",
         'limit "client_connection_rate" { allow = {"1/1s"} '
         'except = {"client:inside"} }', """
    client 192.0.2.7
    quit
    wait 1.1
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    """),

    # --- HELO
    Case("helo_not_fqdn: refuses a single label",
         'check "helo_not_fqdn" { }', """
    client 192.0.2.7 helo pc
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 504 5.5.2 <pc>: Helo command rejected: need fully-qualified hostname
    """),
    Case("helo_not_fqdn: passes a host name and an address literal",
         'check "helo_not_fqdn" { }', """
    client 192.0.2.7 helo pc.example.net
    message <a@example.com> <b@lab.test>
    EHLO [192.0.2.7] => 250
    message <a@example.com> <b@lab.test>
    """),
    Case("helo_localhost: refuses who is not on loopback",
         'check "helo_localhost" { }', """
    client 192.0.2.7 helo localhost
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 550 5.7.1 <localhost>: Helo command rejected: You aren't localhost
    EHLO LocalHost.LocalDomain => 250
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 550 5.7.1 <LocalHost.LocalDomain>: Helo command rejected: You aren't localhost
    """),
    Case("helo_localhost: passes other names",
         'check "helo_localhost" { }', """
    client 192.0.2.7 helo localhost.example.net
    message <a@example.com> <b@lab.test>
    """),
    Case("helo_is_me: refuses this server's name",
         'check "helo_is_me" { lists = {"ours"} }', """
    client 192.0.2.7 helo mx.lab.test
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 550 5.7.1 <mx.lab.test>: Helo command rejected: You are not me
    EHLO other.lab.test => 250
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 550 5.7.1 <other.lab.test>: Helo command rejected: You are not me
    """),
    Case("helo_is_me: passes other names",
         'check "helo_is_me" { lists = {"ours"} }', """
    client 192.0.2.7 helo mx.example.net
    message <a@example.com> <b@lab.test>
    """),
    Case("helo_denied: refuses a name on the list",
         'check "helo_denied" { lists = {"names"} }', """
    client 192.0.2.7 helo Pretender.Example.NET
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 <Pretender.Example.NET>: Helo command rejected: Access denied
    """),
    Case("helo_denied: passes others, and after another EHLO",
         'check "helo_denied" { lists = {"names"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    EHLO pretender.example.net => 250
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 554
    EHLO client.example.net => 250
    message <a@example.com> <b@lab.test>
    """),

    # --- MAIL
    Case("sender_null_authenticated: refuses <> of a user",
         'check "sender_null_authenticated" { }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<> => 250
    RCPT TO:<b@lab.test> => 550 5.7.1 <>: Sender address rejected: Go away alice@example.org
    RSET => 250
    message <alice@example.org> <b@lab.test>
    """),
    Case("sender_null_authenticated: passes <> of others",
         'check "sender_null_authenticated" { }', """
    client 192.0.2.7
    message <> <b@lab.test>
    """),
    Case("message_too_big: refuses what SIZE= declares",
         'check "message_too_big" { max_size = "1K" }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> size=1025 => 250
    RCPT TO:<b@lab.test> => 552 5.3.4 Message size exceeds fixed limit
    RSET => 250
    MAIL FROM:<a@example.com> SIZE=1024 => 250
    RCPT TO:<b@lab.test> => 250
    """),
    Case("message_too_big: refuses what was not declared, at its end",
         'check "message_too_big" { max_size = "1K" }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 250
    DATA => 354
    """ + "Subject: x\\r\\n\\r\\n" + "0123456789\\r\\n" * 110 + """. => 552 5.3.4 Message size exceeds fixed limit
    message <a@example.com> <b@lab.test>
    """),
    Case("auth_required: refuses who is not logged in",
         'check "auth_required" { }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 530 5.7.0 <b@lab.test>: Recipient address rejected: Authentication Required
    """),
    Case("auth_required: passes users",
         'check "auth_required" { }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    """),
    Case("auth_required: refuses on the listener that wants it",
         'check "auth_required" { listeners = {"@PORT@"} }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 530
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    """),
    Case("auth_required: passes on other listeners",
         'check "auth_required" { listeners = {"1"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    """),
    Case("user_suspended: refuses a user on the list",
         'check "user_suspended" { lists = {"people"} }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 <b@lab.test>: Recipient address rejected: USER IS SUSPENDED
    """),
    Case("user_suspended: passes other users, and who is none",
         'check "user_suspended" { lists = {"people"} }', """
    client 192.0.2.7 user bob@example.org
    message <alice@example.org> <b@lab.test>
    client 192.0.2.7
    message <alice@example.org> <b@lab.test>
    """),
    Case("user_suspended: refuses a user who is suspended in the store",
         'check "user_suspended" { } '
         'limit "quota_user" { allow = {"100/1h"} }', """
    ctl suspend Alice@example.org stolen password
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 <b@lab.test>: Recipient address rejected: USER IS SUSPENDED
    client 192.0.2.7 user bob@example.org
    message <bob@example.org> <b@lab.test>
    ctl resume alice@example.org
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    ctl override user:alice@example.org quota_user/1h 1 1h
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 550 5.4.6 <b@lab.test>: Recipient address rejected: Hourly sending quota exceeded
    ctl forget user:alice@example.org
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    """),
    Case("sender_denied: refuses addresses and domains on the list",
         'check "sender_denied" { lists = {"senders"} }', """
    client 192.0.2.7
    MAIL FROM:<Spam@Example.COM> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 <Spam@Example.COM>: Sender address rejected: Access denied
    RSET => 250
    MAIL FROM:<anybody@bad.example> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 <anybody@bad.example>: Sender address rejected: Access denied
    """),
    Case("sender_denied: a percent sign comes out as it went in",
         'check "sender_denied" { lists = {"senders"} }', """
    client 192.0.2.7
    MAIL FROM:<100%sure@example.com> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 <100%sure@example.com>: Sender address rejected: Access denied
    """),
    Case("sender_denied: passes others",
         'check "sender_denied" { lists = {"senders"} }', """
    client 192.0.2.7
    message <ham@example.com> <b@lab.test>
    message <> <b@lab.test>
    """),
    Case("sender_not_owned: refuses an address of somebody else",
         'check "sender_not_owned" { map = "@DIR@/owners" }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<bob@example.org> => 250
    RCPT TO:<b@lab.test> => 553 5.7.1 <bob@example.org>: Sender address rejected: not owned by user alice@example.org
    """, files={"owners": "sales@example.org alice@example.org,"
                          "bob@example.org\n"}),
    Case("sender_not_owned: passes one's own, and what the map gives",
         'check "sender_not_owned" { map = "@DIR@/owners" }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    message <Sales@Example.org> <b@lab.test>
    client 192.0.2.7
    message <bob@example.org> <b@lab.test>
    """, files={"owners": "sales@example.org alice@example.org,"
                          "bob@example.org\n"}),
    Case("sender_not_logged_in: refuses our senders without a login",
         'check "sender_not_logged_in" { lists = {"ours"} }', """
    client 192.0.2.7
    MAIL FROM:<boss@lab.test> => 250
    RCPT TO:<b@lab.test> => 553 5.7.1 <boss@lab.test>: Sender address rejected: not logged in
    """),
    Case("sender_not_logged_in: passes other senders, and users",
         'check "sender_not_logged_in" { lists = {"ours"} }', """
    client 192.0.2.7
    message <boss@example.com> <b@lab.test>
    client 192.0.2.7 user boss@lab.test
    message <boss@lab.test> <b@lab.test>
    """),

    # --- RCPT
    Case("too_many_recipients: refuses the third of two",
         'check "too_many_recipients" { max = 2 }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 250
    RCPT TO:<c@lab.test> => 250
    RCPT TO:<d@lab.test> => 452 4.5.3 Error: too many recipients
    RCPT TO:<e@lab.test> => 452 4.5.3 Error: too many recipients
    DATA => 354
    Subject: x\\r\\n\\r\\nText.\\r\\n. => 250
    """),
    Case("too_many_recipients: passes as many in each message",
         'check "too_many_recipients" { max = 2 }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test> <c@lab.test>
    message <a@example.com> <b@lab.test> <c@lab.test>
    """),
    Case("recipient_denied: refuses a mailbox on the list",
         'check "recipient_denied" { lists = {"boxes"} }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<secret@lab.test> => 450 4.7.1 <secret@lab.test>: Recipient address rejected: Access denied
    RCPT TO:<"secret"@LAB.test> => 450
    """),
    Case("recipient_denied: passes others",
         'check "recipient_denied" { lists = {"boxes"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    """),
    Case("recipient_relay_denied: refuses domains that are not ours",
         'check "recipient_relay_denied" { lists = {"ours"} }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@example.net> => 554 5.7.1 <b@example.net>: Relay access denied
    RCPT TO:<b@Sub.Lab.Test> => 250
    """),
    Case("recipient_relay_denied: passes ours, and users",
         'check "recipient_relay_denied" { lists = {"ours"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@example.net>
    """),

    # --- limits
    Case("rate_client_messages: refuses the third message of two",
         'limit "rate_client_messages" { allow = {"2/1m"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test> <c@lab.test> <d@lab.test>
    message <a@example.com> <b@lab.test>
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 450 4.7.1 Error: too much mail from 192.0.2.7
    """),
    Case("rate_client_messages: passes other clients",
         'limit "rate_client_messages" { allow = {"1/1m"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    client 192.0.2.8
    message <a@example.com> <b@lab.test>
    """),
    Case("rate_client_recipients: refuses the third recipient of two",
         'limit "rate_client_recipients" { allow = {"2/1m"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<c@lab.test> => 250
    RCPT TO:<d@lab.test> => 450 4.7.1 Error: too many recipients from 192.0.2.7
    DATA => 354
    Subject: x\\r\\n\\r\\nText.\\r\\n. => 250
    """),
    Case("rate_client_recipients: passes other clients",
         'limit "rate_client_recipients" { allow = {"1/1m"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    client 192.0.2.8
    message <a@example.com> <b@lab.test>
    """),
    Case("quota_user: refuses the third recipient of two",
         'limit "quota_user" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    client 192.0.2.8 user alice@example.org
    MAIL FROM:<other@example.org> => 250
    RCPT TO:<c@lab.test> => 250
    RCPT TO:<d@example.net> => 550 5.4.6 <d@example.net>: Recipient address rejected: Hourly sending quota exceeded
    """),
    Case("quota_user: passes other users, and who is none",
         'limit "quota_user" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    client 192.0.2.7 user bob@example.org
    message <alice@example.org> <b@lab.test>
    client 192.0.2.7
    message <alice@example.org> <b@lab.test>
    message <alice@example.org> <b@lab.test>
    """),
    Case("quota_domain: refuses when its users together are over",
         'limit "quota_domain" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    client 192.0.2.7 user bob@example.org
    MAIL FROM:<bob@example.org> => 250
    RCPT TO:<b@lab.test> => 250
    RCPT TO:<c@lab.test> => 550 5.4.5 <c@lab.test>: Recipient address rejected: Hourly domain sending quota exceeded
    """),
    Case("quota_domain: passes other domains",
         'limit "quota_domain" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    client 192.0.2.7 user alice@example.com
    message <alice@example.com> <b@lab.test>
    """),
    Case("quota_recipient: refuses the second message to one mailbox",
         'limit "quota_recipient" { allow = {"1/1h"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 450 4.7.1 <b@lab.test>: Recipient address rejected: Policy Rejection- Quota Exceeded
    RCPT TO:<"b"@LAB.test> => 450
    RCPT TO:<c@lab.test> => 250
    """),
    Case("quota_recipient: passes other mailboxes",
         'limit "quota_recipient" { allow = {"1/1h"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test> <c@lab.test>
    """),
    Case("a limit with two windows: each refuses when it is full",
         'limit "quota_user" { allow = {"1/1s", "2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<c@lab.test> => 550 5.4.6 <c@lab.test>: Recipient address rejected: Hourly sending quota exceeded
    wait 1.2
    RCPT TO:<c@lab.test> => 250
    wait 1.2
    RCPT TO:<d@lab.test> => 550 5.4.6 <d@lab.test>: Recipient address rejected: Hourly sending quota exceeded
    """),
    Case("a limit of octets counts SIZE=",
         'limit "volume" { per = {"user"} count = "bytes" allow = {"10K/1h"} '
         'reply = "452 4.3.1 Too much from %{user}: %{max} in %{window}" }',
         """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> SIZE=10241 => 250
    RCPT TO:<b@lab.test> => 452 4.3.1 Too much from alice@example.org: 10240 in 1h
    RSET => 250
    MAIL FROM:<alice@example.org> SIZE=10240 => 250
    RCPT TO:<b@lab.test> => 250
    RSET => 250
    """),
    Case("a limit of a combination counts each combination",
         'limit "pair" { per = {"sender", "recipient"} count = "messages" '
         'allow = {"1/1h"} reply = "450 4.7.1 Enough for %{recipient}" }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    message <a@example.com> <c@lab.test>
    message <d@example.com> <b@lab.test>
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 450 4.7.1 Enough for b@lab.test
    """),
    Case("two limits: what one refuses the other does not count",
         'limit "quota_recipient" { allow = {"1/1h"} }\n'
         'limit "quota_user" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 450
    RCPT TO:<b@lab.test> => 450
    RCPT TO:<c@lab.test> => 250
    RCPT TO:<d@lab.test> => 550 5.4.6 <d@lab.test>: Recipient address rejected: Hourly sending quota exceeded
    """),

    # --- the course of a session
    Case("several messages on a connection are judged each",
         'check "sender_denied" { lists = {"senders"} }\n'
         'limit "rate_client_messages" { allow = {"3/1h"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    MAIL FROM:<spam@example.com> => 250
    RCPT TO:<b@lab.test> => 554
    RSET => 250
    message <a@example.com> <b@lab.test>
    message <a@example.com> <b@lab.test>
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 450
    """),
    Case("RSET gives back what the message had reserved",
         'limit "quota_user" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 250
    RCPT TO:<c@lab.test> => 250
    RCPT TO:<d@lab.test> => 550
    RSET => 250
    message <alice@example.org> <b@lab.test> <c@lab.test>
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<d@lab.test> => 550
    """),
    Case("another EHLO gives back what the message had reserved",
         'limit "quota_user" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 250
    EHLO again.example.net => 250
    message <alice@example.org> <b@lab.test>
    """),
    Case("a session that breaks off after RCPT gives back",
         'limit "quota_user" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 250
    drop
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    """),
    Case("a session that breaks off within the data gives back",
         'limit "quota_user" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 250
    DATA => 354
    drop
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    """),
    Case("QUIT within a message gives back",
         'limit "quota_user" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 250
    quit
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    """),
    Case("sessions that break off early do no harm",
         'limit "quota_user" { allow = {"1/1h"} }', """
    client 192.0.2.7 helo none
    drop
    client 192.0.2.7
    drop
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    drop
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    """),
    Case("a recipient that the MTA refuses is not counted",
         'limit "quota_user" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<nobody@lab.test> => 554
    RCPT TO:<nobody@lab.test> => 554
    RCPT TO:<b@lab.test> => 250
    RCPT TO:<c@lab.test> => 550
    """),
    Case("commands out of their order do no harm",
         'limit "quota_user" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    RCPT TO:<b@lab.test> => 503
    DATA => 503
    MAIL FROM:<alice@example.org> => 250
    MAIL FROM:<alice@example.org> => 503
    RCPT TO:<b@lab.test> => 250
    NOOP => 250
    GARBAGE =>
    DATA => 354
    Subject: x\\r\\n\\r\\nText.\\r\\n. => 250
    """),
    Case("a message in a BDAT chunk counts as any other",
         'limit "rate_client_messages" { allow = {"1/1h"} }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 250
    BDAT 12 LAST\\r\\nSubject: x => 250
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 450
    """, only="postfix"),
    Case("what the client writes comes back as printable ASCII",
         'check "helo_not_fqdn" { }', """
    client 192.0.2.7
    EHLO caf\u00c3\u00a9\x01%s => 250
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 504 5.5.2 <caf???%s>: Helo command rejected: need fully-qualified hostname
    """, only="postfix"),
    Case("IPv6 clients of one /64 are one client, others not",
         'limit "rate_client_messages" { allow = {"1/1h"} }', """
    client 2001:db8::7
    message <a@example.com> <b@lab.test>
    client 2001:db8::8
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 450 4.7.1 Error: too much mail from 2001:db8::8
    client 2001:db8:1::7
    message <a@example.com> <b@lab.test>
    """),
    Case("user+tag@ counts as user@ when that is wanted",
         'limit "quota_recipient" { allow = {"1/1h"} }', """
    client 192.0.2.7
    message <a@example.com> <b+one@lab.test>
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b+two@lab.test> => 450
    RCPT TO:<b@lab.test> => 450
    """, options='tag_separator = "+"\n'),

    # --- what all rules can do
    Case("mode observe refuses nothing",
         'check "sender_denied" { lists = {"senders"} mode = "observe" }\n'
         'limit "quota_user" { allow = {"1/1h"} mode = "observe" }', """
    client 192.0.2.7 user alice@example.org
    message <spam@example.com> <b@lab.test> <c@lab.test>
    """),
    Case("mode off refuses nothing",
         'check "sender_denied" { lists = {"senders"} mode = "off" }', """
    client 192.0.2.7
    message <spam@example.com> <b@lab.test>
    """),
    Case("except frees clients and users on its list",
         'check "sender_denied" { lists = {"senders"} except = {"people"} }',
         """
    client 192.0.2.7 user alice@example.org
    message <spam@example.com> <b@lab.test>
    client 192.0.2.7 user bob@example.org
    MAIL FROM:<spam@example.com> => 250
    RCPT TO:<b@lab.test> => 554
    """),
    Case("reply replaces the words and the code",
         'check "sender_denied" { lists = {"senders"} '
         'reply = "451 4.7.0 %{sender_domain} from %{client}: not at 100%" }',
         """
    client 192.0.2.7
    MAIL FROM:<x@bad.example> => 250
    RCPT TO:<b@lab.test> => 451 4.7.0 bad.example from 192.0.2.7: not at 100%
    """),
    Case("a reply of 421 ends the session",
         'check "sender_denied" { lists = {"senders"} '
         'reply = "421 4.7.0 Go away" }', """
    client 192.0.2.7
    MAIL FROM:<x@bad.example> => 250
    RCPT TO:<b@lab.test> => 421 4.7.0 Go away
    closed
    """),
    Case("speak early refuses at MAIL", """
    policy "all" {
        speak = "early"
        check "sender_denied" { lists = {"senders"} }
        check "helo_denied" { lists = {"names"} }
    }""", """
    client 192.0.2.7
    MAIL FROM:<spam@example.com> => 554 5.7.1 <spam@example.com>: Sender address rejected: Access denied
    message <ham@example.com> <b@lab.test>
    EHLO pretender.example.net => 250
    MAIL FROM:<ham@example.com> => 554 5.7.1 <pretender.example.net>: Helo command rejected: Access denied
    """),
    Case("the first policy that matches speaks", """
    policy "users" {
        match { authenticated = true }
        limit "quota_user" { allow = {"1/1h"} }
    }
    policy "others" {
        except = {"inside"}
        check "recipient_relay_denied" { lists = {"ours"} }
    }""", """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@example.net>
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 550
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@example.net> => 554
    RCPT TO:<b@lab.test> => 250
    """),
    Case("without a policy everything passes", " ", """
    client 192.0.2.7
    message <a@example.com> <b@example.net>
    """),
    Case("a new policy holds for the next message of an open session",
         'check "sender_denied" { lists = {"senders"} }', """
    client 192.0.2.7
    MAIL FROM:<spam@example.com> => 250
    RCPT TO:<b@lab.test> => 554
    RSET => 250
    reload
    message <spam@example.com> <b@lab.test>
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<secret@lab.test> => 450 4.7.1 <secret@lab.test>: Recipient address rejected: Access denied
    """, then='check "recipient_denied" { lists = {"boxes"} }'),
    Case("counters survive a new policy",
         'limit "quota_user" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test> <c@lab.test>
    reload
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<d@lab.test> => 250
    RCPT TO:<e@lab.test> => 550
    """, then='limit "quota_user" { allow = {"3/1h"} }'),

    # --- without a store
    Case("store_unavailable: defers where the rule says so",
         'limit "quota_user" { allow = {"1/1h"} on_failure = "defer" }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 451 4.7.1 Service unavailable - try again later
    RCPT TO:<c@lab.test> => 451 4.7.1 Service unavailable - try again later
    """, store='store "redis" { server = {"@DIR@/no-such-redis"} }'),
    Case("store_unavailable: passes where the rule says so",
         'limit "quota_user" { allow = {"1/1h"} on_failure = "accept" }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test> <c@lab.test>
    message <alice@example.org> <b@lab.test>
    """, store='store "redis" { server = {"@DIR@/no-such-redis"} }'),
    Case("config_error: defers when Redis wants a password",
         'limit "quota_user" { allow = {"1/1h"} on_failure = "defer" }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 451 4.3.5 Server configuration problem - try again later
    """, store='store "redis" { server = {"@LOCKED@"} }'),
    Case("config_error: passes where the rule says so",
         'limit "quota_user" { allow = {"1/1h"} on_failure = "accept" }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test> <c@lab.test>
    """, store='store "redis" { server = {"@LOCKED@"} }'),
    Case("a password from a file opens Redis",
         'limit "quota_user" { allow = {"1/1h"} on_failure = "defer" }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<c@lab.test> => 550
    """, store='store "redis" { server = {"@LOCKED@"} '
         'password_file = "@DIR@/secret" }', files={"secret": "opensesame\n"}),

    # --- syntax, mailboxes, header
    Case("helo_bad_syntax: refuses an underscore",
         'check "helo_bad_syntax" { }', """
    client 192.0.2.7 helo my_host.example.net
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 501 5.5.2 <my_host.example.net>: Helo command rejected: invalid name
    """),
    Case("helo_bad_syntax: passes names and literals",
         'check "helo_bad_syntax" { }', """
    client 192.0.2.7 helo host.example.net
    message <a@example.com> <b@lab.test>
    EHLO [IPv6:2001:db8::7] => 250
    message <a@example.com> <b@lab.test>
    """),
    Case("helo_bad_literal: refuses what is no address",
         'check "helo_bad_literal" { }', """
    client 192.0.2.7 helo [192.0.2.300]
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 501 5.5.2 <[192.0.2.300]>: Helo command rejected: invalid ip address
    """),
    Case("helo_bad_literal: passes an address literal",
         'check "helo_bad_literal" { }', """
    client 192.0.2.7 helo [192.0.2.7]
    message <a@example.com> <b@lab.test>
    """),
    Case("sender_bad_syntax: refuses what the MTA lets through",
         'check "sender_bad_syntax" { }', """
    client 192.0.2.7
    MAIL FROM:<a@my_host.example.net> => 250
    RCPT TO:<b@lab.test> => 501 5.1.7 Bad sender address syntax
    RSET => 250
    MAIL FROM:a@example.com => 250
    RCPT TO:<b@lab.test> => 501 5.1.7 Bad sender address syntax
    """),
    Case("sender_bad_syntax: passes quotes, routes, literals and bounces",
         'check "sender_bad_syntax" { }', """
    client 192.0.2.7
    message <"a..b"@example.com> <b@lab.test>
    message <@mx.example.net:a@example.com> <b@lab.test>
    message <a@[192.0.2.7]> <b@lab.test>
    message <> <b@lab.test>
    """),
    Case("sender_not_fqdn: refuses a single label",
         'check "sender_not_fqdn" { }', """
    client 192.0.2.7
    MAIL FROM:<a@pc> => 250
    RCPT TO:<b@lab.test> => 504 5.5.2 <a@pc>: Sender address rejected: need fully-qualified address
    """),
    Case("sender_not_fqdn: passes two labels",
         'check "sender_not_fqdn" { }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    """),
    Case("sender_utf8_undeclared: refuses it without SMTPUTF8",
         'check "sender_utf8_undeclared" { }', """
    client 192.0.2.7
    MAIL FROM:<j\xc3\xb6rg@example.com> => 250
    RCPT TO:<b@lab.test> => 553 5.6.7 Must declare SMTPUTF8 to send unicode address
    """),
    Case("sender_utf8_undeclared: passes it with SMTPUTF8",
         'check "sender_utf8_undeclared" { }', """
    client 192.0.2.7
    MAIL FROM:<j\xc3\xb6rg@example.com> SMTPUTF8 => 250
    RCPT TO:<b@lab.test> => 250
    """, only="postfix"),
    Case("sender_utf8_undeclared: Sendmail knows no SMTPUTF8, ASCII passes",
         'check "sender_utf8_undeclared" { }', """
    client 192.0.2.7
    MAIL FROM:<j\xc3\xb6rg@example.com> SMTPUTF8 => own 555 5.5.4 SMTPUTF8 parameter unrecognized
    message <a@example.com> <b@lab.test>
    """, only="sendmail"),
    Case("sender_unknown: refuses who is not in our domain",
         'check "sender_unknown" { lists = {"ours"} mailboxes = {"boxes"} }',
         """
    client 192.0.2.7
    MAIL FROM:<nobody@lab.test> => 250
    RCPT TO:<b@lab.test> => 550 5.1.0 <nobody@lab.test>: Sender address rejected: User unknown in local recipient table
    """),
    Case("sender_unknown: passes who is, and others' domains",
         'check "sender_unknown" { lists = {"ours"} mailboxes = {"boxes"} }',
         """
    client 192.0.2.7
    message <secret@lab.test> <b@lab.test>
    message <a@example.com> <b@lab.test>
    """),
    Case("recipient_bad_syntax: refuses what the MTA lets through",
         'check "recipient_bad_syntax" { }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@my_host.example.net> => 501 5.1.3 Bad recipient address syntax
    RCPT TO:b@lab.test => 501 5.1.3 Bad recipient address syntax
    """),
    Case("recipient_bad_syntax: passes quotes and postmaster",
         'check "recipient_bad_syntax" { }', """
    client 192.0.2.7
    message <a@example.com> <"b..c"@lab.test> <postmaster>
    """),
    Case("recipient_not_fqdn: refuses no domain and a single label",
         'check "recipient_not_fqdn" { }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<bob> => 504 5.5.2 <bob>: Recipient address rejected: need fully-qualified address
    RCPT TO:<bob@pc> => 504 5.5.2 <bob@pc>: Recipient address rejected: need fully-qualified address
    """),
    Case("recipient_not_fqdn: passes postmaster alone",
         'check "recipient_not_fqdn" { }', """
    client 192.0.2.7
    message <a@example.com> <postmaster> <Postmaster> <b@lab.test>
    """),
    Case("recipient_unknown: refuses who is not on the map",
         'check "recipient_unknown" { lists = {"ours"} '
         'map = "@DIR@/people" }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<nobody.here@lab.test> => 550 5.1.1 <nobody.here@lab.test>: Recipient address rejected: User unknown in virtual alias table
    """, files={"people": "alice@lab.test alice\n@all.lab.test bob\n"}),
    Case("recipient_unknown: passes who is, catch-alls and postmaster",
         'check "recipient_unknown" { lists = {"ours"} '
         'map = "@DIR@/people" }', """
    client 192.0.2.7
    message <a@example.com> <Alice@lab.test> <x@all.lab.test> <postmaster@lab.test>
    """, files={"people": "alice@lab.test alice\n@all.lab.test bob\n"}),
    Case("recipient_mailbox_full: refuses who is on the list",
         'check "recipient_mailbox_full" { lists = {"boxes"} }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<secret@lab.test> => 552 5.2.2 <secret@lab.test>: Recipient address rejected: Requested mail action aborted: exceeded storage allocation
    RCPT TO:<b@lab.test> => 250
    """),
    Case("recipient_mailbox_full: passes others",
         'check "recipient_mailbox_full" { lists = {"boxes"} }', """
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    """),
    Case("recipient_restricted: refuses strangers",
         'check "recipient_restricted" { lists = {"boxes"} '
         'senders = {"senders"} }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<secret@lab.test> => 550 5.7.0 <secret@lab.test>: Recipient address rejected: insufficient authorization
    RCPT TO:<b@lab.test> => 250
    """),
    Case("recipient_restricted: passes listed senders and users",
         'check "recipient_restricted" { lists = {"boxes"} '
         'senders = {"senders"} }', """
    client 192.0.2.7
    message <spam@example.com> <secret@lab.test>
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <secret@lab.test>
    """),
    Case("always_accept: frees postmaster and nobody else",
         'policy "all" { always_accept = {"postmaster@"} '
         'check "sender_denied" { lists = {"senders"} } }', """
    client 192.0.2.7
    MAIL FROM:<spam@example.com> => 250
    RCPT TO:<b@lab.test> => 554 5.7.1 <spam@example.com>: Sender address rejected: Access denied
    RCPT TO:<postmaster@lab.test> => 250
    RCPT TO:<postmaster> => 250
    DATA => 354
    Subject: x\\r\\n\\r\\nText.\\r\\n. => 250
    """),
    Case("message_hops: refuses a loop, counts nothing, goes on",
         'check "message_hops" { max = 2 } '
         'limit "quota_recipient" { allow = {"1/1h"} }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 250
    DATA => 354
    Received: from a\\r\\nReceived: from b\\r\\nreceived: from c\\r\\nSubject: x\\r\\n\\r\\nText.\\r\\n. => 554 5.4.6 Error: too many hops
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 250
    DATA => 354
    Received: from a\\r\\nReceived: from b\\r\\nSubject: x\\r\\n\\r\\nText.\\r\\n. => 250
    """),
    Case("message_hops: passes as many as allowed",
         'check "message_hops" { max = 1 }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 250
    DATA => 354
    Received: from a\\r\\nX-Received: from b\\r\\n\\r\\nText.\\r\\n. => 250
    """),
    Case("message_bulk: refuses what a filter has marked",
         'check "message_bulk" { header = "X-Spam-Status" '
         'pattern = "/^yes, score=[1-9][0-9]/i" }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 250
    DATA => 354
    Subject: x\\r\\nx-spam-status: Yes,\\r\\n score=12.3\\r\\n\\r\\nText.\\r\\n. => 551 5.7.1 The message was rejected due to classification as Virus, Spam or high bulk ratio
    message <a@example.com> <b@lab.test>
    """),
    Case("message_bulk: passes what it has not",
         'check "message_bulk" { header = "X-Spam-Flag" pattern = "yes*" }',
         """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 250
    DATA => 354
    Subject: yes\\r\\nX-Spam-Flag: no\\r\\n\\r\\nText.\\r\\n. => 250
    """),
    Case("server_busy: sends away one session too many, in the MTA's words",
         'max_sessions = 1\npolicy "all" { }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    client 192.0.2.8 => own 421 mx.lab.test Service unavailable - try again later
        sendmail => own 421 4.7.0 mx.lab.test closing connection
    closed
    use 1
    RCPT TO:<b@lab.test> => 250
    quit
    wait 0.2
    client 192.0.2.8
    message <a@example.com> <b@lab.test>
    """),

    # --- what is counted although it is refused
    Case("client_error_rate: sends away after so many refusals",
         'check "recipient_not_fqdn" { }\n'
         'limit "client_error_rate" { allow = {"2/1h"} }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab.test> => 250
    RCPT TO:<b@lab> => 504 5.5.2 <b@lab>: Recipient address rejected: need fully-qualified address
    RCPT TO:<c@lab> => 504 5.5.2 <c@lab>: Recipient address rejected: need fully-qualified address
    RCPT TO:<d@lab> => 421 4.7.0 mx.lab.test Error: too many errors
    closed
    client 192.0.2.7 => own 421 mx.lab.test Service unavailable - try again later
        sendmail => own 421 4.7.0 mx.lab.test closing connection
    closed
    client 192.0.2.8
    message <a@example.com> <b@lab.test>
    """),
    Case("client_error_rate: passes again when the window has moved on",
         'check "recipient_not_fqdn" { }\n'
         'limit "client_error_rate" { allow = {"1/1s"} }', """
    client 192.0.2.7
    MAIL FROM:<a@example.com> => 250
    RCPT TO:<b@lab> => 504
    wait 1.1
    RCPT TO:<b@lab.test> => 250
    quit
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    """),
    Case("client_error_rate: sends away at EHLO and MAIL when it speaks early",
         'policy "all" {\n speak = "early"\n check "sender_not_fqdn" { }\n'
         'limit "client_error_rate" { allow = {"2/1h"} }\n}', """
    client 192.0.2.7
    client 192.0.2.7
    client 192.0.2.8
    use 1
    MAIL FROM:<a@pc> => 504
    MAIL FROM:<a@pc> => 504
    use 2
    EHLO again.example.net => 421 4.7.0 mx.lab.test Error: too many errors
        sendmail =>
    closed
    use 1
    MAIL FROM:<a@example.com> => 421 4.7.0 mx.lab.test Error: too many errors
    closed
    use 3
    message <a@example.com> <b@lab.test>
    """),
    Case("auth_rate: refuses one session too many",
         'limit "auth_rate" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    message <alice@example.org> <b@lab.test> <c@lab.test>
    quit
    client 192.0.2.7 user bob@example.org
    message <bob@example.org> <b@lab.test>
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 450 4.7.1 Error: too many AUTH commands from 192.0.2.7
    use 2
    message <bob@example.org> <b@lab.test>
    """),
    Case("auth_rate: passes other clients, and who has not logged in",
         'limit "auth_rate" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    client 192.0.2.7
    message <a@example.com> <b@lab.test>
    client 192.0.2.8 user alice@example.org
    message <alice@example.org> <b@lab.test>
    """),
    Case("auth_rate: refuses at MAIL when it speaks early",
         'policy "all" {\n speak = "early"\n'
         'limit "auth_rate" { allow = {"1/1h"} }\n}', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    message <alice@example.org> <b@lab.test>
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 450 4.7.1 Error: too many AUTH commands from 192.0.2.7
    """),
    Case("rejected_recipients: refuses who wrote to too many wrong ones",
         'limit "rejected_recipients" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<root@lab.test> => 250
    RCPT TO:<gone@lab.test> => own 550 5.1.1 <gone@lab.test>: Recipient address rejected: no such user
        sendmail => own 550 5.1.1 <gone@lab.test>... User unknown
    RCPT TO:<daemon@lab.test> => 250
    RCPT TO:<gone@lab.test> => 550
    RCPT TO:<daemon@lab.test> => 450 4.7.1 Error: too many rejected recipients
    RSET => 250
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<root@lab.test> => 450 4.7.1 Error: too many rejected recipients
    client 192.0.2.8 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<root@lab.test> => 450 4.7.1 Error: too many rejected recipients
    """, delivering=True),
    Case("rejected_recipients: passes others, and counts nothing else",
         'limit "rejected_recipients" { allow = {"1/1h"} }\n'
         'limit "quota_user" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<gone@lab.test> => 550
    RCPT TO:<root@lab.test> => 450
    client 192.0.2.7 user bob@example.org
    MAIL FROM:<bob@example.org> => 250
    RCPT TO:<root@lab.test> => 250
    RCPT TO:<daemon@lab.test> => 250
    RCPT TO:<bin@lab.test> => 550 5.4.6 <bin@lab.test>: Recipient address rejected: Hourly sending quota exceeded
    """, delivering=True),
    Case("rejected_recipients: counts as refusals, too",
         'limit "rejected_recipients" { allow = {"100/1h"} }\n'
         'limit "client_error_rate" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<gone@lab.test> => 550
    RCPT TO:<gone@lab.test> => 550
    RCPT TO:<root@lab.test> => 421 4.7.0 mx.lab.test Error: too many errors
    closed
    """, delivering=True),
    Case("attempts: count what is refused, too",
         'check "recipient_not_fqdn" { }\n'
         'limit "tries" { per = {"user"} count = "attempts" '
         'allow = {"2/1h"} reply = "450 4.7.1 %{used} tries" }', """
    client 192.0.2.7 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab> => 504
    RCPT TO:<b@lab.test> => 250
    RCPT TO:<c@lab.test> => 450 4.7.1 3 tries
    client 192.0.2.7 user bob@example.org
    message <bob@example.org> <b@lab.test>
    """),

    # --- how many different ones
    Case("distinct_recipients: refuses one too many",
         'limit "distinct_recipients" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test> <c@lab.test>
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<d@lab.test> => 450 4.7.1 Error: too many different recipients
    """),
    Case("distinct_recipients: passes who got mail, and gives back",
         'limit "distinct_recipients" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<c@lab.test> => 250
    RCPT TO:<B@Lab.Test> => 250
    RSET => 250
    message <alice@example.org> <b@lab.test> <d@lab.test>
    client 192.0.2.7 user bob@example.org
    message <bob@example.org> <e@lab.test>
    """),
    Case("distinct_senders: refuses one too many",
         'limit "distinct_senders" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    MAIL FROM:<sales@example.org> => 250
    RCPT TO:<b@lab.test> => 450 4.7.1 Error: too many different sender addresses
    """),
    Case("distinct_senders: passes the same one again",
         'limit "distinct_senders" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    message <Alice@Example.Org> <c@lab.test>
    """),
    Case("distinct_clients: refuses one too many",
         'limit "distinct_clients" { allow = {"2/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    client 192.0.2.8 user alice@example.org
    message <alice@example.org> <b@lab.test>
    client 192.0.2.9 user alice@example.org
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<b@lab.test> => 450 4.7.1 Error: too many different client addresses
    """),
    Case("distinct_clients: passes those of before, and other users",
         'limit "distinct_clients" { allow = {"1/1h"} }', """
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    quit
    client 192.0.2.7 user alice@example.org
    message <alice@example.org> <b@lab.test>
    client 192.0.2.8 user bob@example.org
    message <bob@example.org> <b@lab.test>
    """),
]


def whole_policy(lab, mta, text):
    if text.strip() and "policy" not in text:
        text = 'policy "all" {\n%s\n}' % text
    return (LISTS + text).replace("@DIR@", lab.folder).replace(
        "@PORT@", str(mta.port))


_redis = {}


def shared_redis(lab, name, *options):
    if name not in _redis:
        _redis[name] = lab.share(Redis(lab, *options))
        lab.forget(_redis[name].process)
    return _redis[name]


def fresh_redis(lab):
    redis = shared_redis(lab, "open")
    redis.command("FLUSHALL")
    return redis


def locked_redis(lab):
    """Every MTA's turn begins with empty counters here, too."""
    redis = shared_redis(lab, "locked", "--requirepass", "opensesame")
    redis.commands(("AUTH", "opensesame"), ("FLUSHALL",))
    return redis


def hold(lab, case, mta_name, store_name):
    if case.delivering and mta_name == "sendmail":
        mta_name = "sendmail delivering"
    mta = gate.mta(lab, mta_name)
    store = daemon.MEMORY
    if case.store:
        store = case.store.replace("@DIR@", lab.folder)
        if "@LOCKED@" in store:
            store = store.replace("@LOCKED@", locked_redis(lab).path)
    elif store_name == "redis":
        store = daemon.redis_store(fresh_redis(lab))
    for name, text in case.files.items():
        lab.write(name, text, 0o600)
    floodgate = daemon.Floodgate(
        lab, whole_policy(lab, mta, case.policy), store, case.options,
        listen="unix:" + gate.socket_of(lab), name="gate")
    then = case.then and whole_policy(lab, mta, case.then)
    try:
        Dialogue(mta, floodgate, then).hold(case.talk)
        floodgate.check_alive()
    except Failure as failure:
        raise Failure("%s\n  floodgate:\n%s" % (
            failure, floodgate.log_tail())) from None
    finally:
        floodgate.stop()
        floodgate.forget_log()


def register():
    for mta_name in ("postfix", "sendmail"):
        for store_name in STORES:
            for case in CASES:
                if case.only not in (None, mta_name):
                    continue
                if case.store and store_name != STORES[0]:
                    continue
                suite.add("%s, %s: %s" % (
                    mta_name, "no store" if case.store else store_name,
                    case.name), lambda lab, c=case, m=mta_name, s=store_name:
                    hold(lab, c, m, s), alone=False)


register()
