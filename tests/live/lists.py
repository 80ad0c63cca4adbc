"""Lists and maps in Redis: what changes there is seen at once by SMTP."""

import threading
import time

from lab import daemon
from lab.postfix import Postfix
from lab.process import check
from lab.redis import Redis
from lab.suite import live

ROUNDS = 400
POLICY = """
list "full" { redis = "floodgate:full" }
list "suspended" { redis = "floodgate:suspended" }
list "bulk" { addresses = {"/^bulk-[0-9]+@lab\\\\.test$/"} }
map "owners" { redis = "floodgate:owners" }
policy "submission" {
    match { authenticated = true }
    check "user_suspended" { lists = {"suspended"} on_failure = "defer" }
    check "sender_not_owned" { map = "owners" }
}
policy "incoming" {
    check "recipient_mailbox_full" { lists = {"full"} }
    check "recipient_denied" { lists = {"bulk"} }
}
"""
FAILED = "451 4.3.0 <%s>: Temporary lookup failure"


def start(lab):
    redis = Redis(lab)
    floodgate = daemon.Floodgate(lab, POLICY, daemon.redis_store(redis))
    postfix = lab.add(Postfix(lab, "smtpd_milters = %s\n" % floodgate.listen))
    return redis, floodgate, postfix


def stop(redis, floodgate, postfix):
    postfix.stop()
    floodgate.check_alive()
    floodgate.stop()
    redis.stop()


def session(postfix, sender, user=None, name=None):
    client, _ = postfix.connect("192.0.2.7", user, name)
    client.command("EHLO client.example.net")
    client.command("MAIL FROM:<%s>" % sender)
    return client


def rcpt(client, recipient):
    return str(client.command("RCPT TO:<%s>" % recipient))


def seen_after(postfix, recipient, code, sender="a@example.net", user=None):
    """Until the answer is so, how long that took.

    In sessions of its own: Postfix is slow to those who make errors.
    """
    begin = time.monotonic()
    while time.monotonic() - begin < 5:
        client = session(postfix, sender, user)
        reply = rcpt(client, recipient)
        took = time.monotonic() - begin
        client.quit()
        if reply.startswith(code):
            return took
        time.sleep(0.02)
    return 99


@live("lists in Redis: SADD and SREM are seen by SMTP within a second")
def changes(lab):
    redis, floodgate, postfix = start(lab)
    client = session(postfix, "a@example.net")
    for turn in range(3):
        check(rcpt(client, "bob@lab.test").startswith("250"),
              "turn %d: bob is refused" % turn)
        redis.command("SADD", "floodgate:full", "bob@lab.test")
        took = seen_after(postfix, "bob@lab.test", "552")
        check(took < 1, "SADD is seen after %.2f s" % took)
        check(rcpt(client, "eve@lab.test").startswith("250"),
              "eve is refused with bob")
        redis.command("SREM", "floodgate:full", "bob@lab.test")
        took = seen_after(postfix, "bob@lab.test", "250")
        check(took < 1, "SREM is seen after %.2f s" % took)
    check(rcpt(client, "bulk-7@lab.test").startswith("450"),
          "the regular expression lets bulk-7 pass")
    check(rcpt(client, "bulk-x@lab.test").startswith("250"),
          "the regular expression refuses bulk-x")
    client.quit()
    stop(redis, floodgate, postfix)


@live("maps in Redis: who may send as whom, changed while running")
def owners(lab):
    redis, floodgate, postfix = start(lab)
    redis.command("HSET", "floodgate:owners", "info@example.org",
                  "alice, bob")
    for user, code in (("alice", "250"), ("carol", "553")):
        client = session(postfix, "info@example.org", user)
        reply = rcpt(client, "x@lab.test")
        check(reply.startswith(code), "%s: %s" % (user, reply))
        client.quit()
    client = session(postfix, "info@example.org", "carol")
    check(rcpt(client, "x@lab.test").startswith("553"), "carol passes")
    redis.command("HSET", "floodgate:owners", "info@example.org", "carol")
    took = seen_after(postfix, "x@lab.test", "250", "info@example.org",
                      "carol")
    check(took < 1, "HSET is seen after %.2f s" % took)
    client.quit()
    stop(redis, floodgate, postfix)


@live("lists in Redis: without Redis on_failure decides, and no 5yz")
def outage(lab):
    redis, floodgate, postfix = start(lab)
    redis.command("SADD", "floodgate:full", "bob@lab.test")
    redis.command("SADD", "floodgate:suspended", "mallory")
    client = session(postfix, "a@example.net")
    check(rcpt(client, "bob@lab.test").startswith("552"), "bob is not full")
    check(rcpt(client, "eve@lab.test").startswith("250"), "eve is refused")
    redis.kill()
    time.sleep(1)
    # local: the last known answer, but not for good; nothing known passes
    reply = rcpt(client, "bob@lab.test")
    check(reply == FAILED % "bob@lab.test", "bob: " + reply)
    for name in ("eve", "new"):
        reply = rcpt(client, name + "@lab.test")
        check(reply.startswith("250"), "%s: %s" % (name, reply))
    client.quit()
    client = session(postfix, "x@example.org", "dave")
    reply = rcpt(client, "x@lab.test")
    check(reply == FAILED % "dave", "dave: " + reply)
    client.quit()
    redis.start()
    redis.command("SADD", "floodgate:full", "eve@lab.test")
    client = session(postfix, "a@example.net")
    took = seen_after(postfix, "eve@lab.test", "552")
    check(took < 2, "Redis is asked again after %.2f s" % took)
    check(rcpt(client, "bob@lab.test").startswith("250"), "bob is full")
    client.quit()
    status = floodgate.ctl_run("status").stdout
    check("list_questions" in status and "list_failures" in status, status)
    stop(redis, floodgate, postfix)


@live("lists in Redis: a key of another type is told once")
def wrong_type(lab):
    redis, floodgate, postfix = start(lab)
    redis.command("SET", "floodgate:full", "x")
    client = session(postfix, "a@example.net")
    for number in range(20):
        reply = rcpt(client, "r%d@lab.test" % number)
        check(reply.startswith("250"), reply)
    client.quit()
    lines = [line for line in floodgate.log().splitlines()
             if "cannot be asked" in line]
    check(len(lines) == 1 and "list full" in lines[0] and
          "WRONGTYPE" in lines[0], "log: %s" % lines)
    stop(redis, floodgate, postfix)


@live("lists in Redis: many sessions while they change")
def parallel(lab):
    """What is always listed is always refused, whatever comes and goes."""
    redis, floodgate, postfix = start(lab)
    redis.command("SADD", "floodgate:full", "full@lab.test")
    wrong = []
    end = time.monotonic() + 3

    def run(number):
        client = session(postfix, "a@example.net")
        for _ in range(ROUNDS):    # Postfix counts RSET, too
            if time.monotonic() > end:
                break
            for name, code in (("full", "552"), ("free%d" % number, "250")):
                reply = rcpt(client, name + "@lab.test")
                if not reply.startswith(code):
                    wrong.append(reply)
            client.command("RSET")
            client.command("MAIL FROM:<a@example.net>")
        client.quit()

    threads = [threading.Thread(target=run, args=(number,))
               for number in range(8)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        redis.command("SADD", "floodgate:full", "other@lab.test")
        redis.command("SREM", "floodgate:full", "other@lab.test")
        time.sleep(0.01)
    for thread in threads:
        thread.join(30)
    check(not wrong, "%d wrong: %s" % (len(wrong), wrong[:3]))
    stop(redis, floodgate, postfix)
