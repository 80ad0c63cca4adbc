"""Limits are exact: many sessions, two daemons, one store."""

import re
import threading

from lab import daemon, load
from lab.postfix import Postfix
from lab.process import check
from lab.redis import Redis, TlsRedis
from lab.suite import live

QUOTA = """
policy "all" {
    limit "quota_user" { allow = {"100/1h"} on_failure = "defer" }
}
"""
REFUSED = "550 5.4.6 <>: Recipient address rejected: " \
    "Hourly sending quota exceeded"


def patient(redis):
    """Not to be taken for down while a slow machine works 200 sessions."""
    return daemon.redis_store(redis, 'timeout = "1s"')


def check_hundred(report, what):
    check(report["recipients"] == 100, "%s: %d recipients admitted: %s" % (
        what, report["recipients"], report["replies"]))
    check(report["replies"] == {REFUSED: report["recipients_refused"]},
          "%s: %s" % (what, report["replies"]))
    check(report["lost"] == 0 and report["unconnected"] == 0,
          "%s: answers are missing: %s" % (what, report))


def twenty_runs(lab, addresses):
    for number in range(20):
        for sessions, recipients in ((200, 1), (200, 3)):
            check_hundred(load.run(
                lab, addresses, connections=200, sessions=sessions,
                recipients=recipients, users=1,
                domain="run%d-%d.example" % (number, recipients)),
                "run %d, %d recipients a message" % (number, recipients))


@live("two daemons, one Redis: 200 sessions at once get 100 recipients, "
      "20 times")
def two_daemons(lab):
    redis = Redis(lab)
    both = [daemon.Floodgate(lab, QUOTA, patient(redis)) for _ in range(2)]
    twenty_runs(lab, [one.listen for one in both])
    for one in both:
        one.check_alive()
        one.stop()
    check_keys(redis)
    redis.stop()


def check_keys(redis):
    """Every key ends by itself, and can be read by a person."""
    keys = redis.keys()
    check(keys, "nothing is stored")
    for key in keys:
        left = redis.command("PTTL", key)
        check(0 < left <= 2 * 3600 * 1000, "%s lives for %s ms" % (key, left))
    values = redis.command("HGETALL", keys[0])
    check(any(re.match(r"100/100/", value) for value in values),
          "HGETALL shows no used/limit/window: %s" % values)


@live("one daemon, memory store: 200 sessions at once get 100 recipients, "
      "20 times")
def one_daemon(lab):
    floodgate = daemon.Floodgate(lab, QUOTA)
    twenty_runs(lab, [floodgate.listen])
    floodgate.check_alive()
    floodgate.stop()


@live("two daemons, one Redis, real Postfix: 200 sessions at once get 100 "
      "recipients")
def over_postfix(lab):
    redis = Redis(lab)
    both = [daemon.Floodgate(lab, QUOTA, patient(redis)) for _ in range(2)]
    postfix = lab.add(Postfix(
        lab, "smtpd_milters = %s\n" % both[0].listen, both[1].listen))
    ready = threading.Barrier(200)
    replies = []

    def session(number):
        connect = postfix.second_port if number % 2 else postfix.connect
        client, _ = connect("192.0.2.7", "alice@example.org")
        client.command("EHLO client.example.net")
        mail = client.command("MAIL FROM:<alice@example.org>")
        ready.wait(60)
        rcpt = client.command("RCPT TO:<b%d@lab.test>" % number)
        if rcpt.code == "250":
            client.command("DATA")
            rcpt = client.command("Subject: x\r\n\r\nText.\r\n.")
        replies.append((mail.code, rcpt.code, rcpt.enhanced))
        client.quit()

    threads = [threading.Thread(target=session, args=(number,))
               for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    passed = replies.count(("250", "250", "2.0.0"))
    refused = replies.count(("250", "550", "5.4.6"))
    check((passed, refused) == (100, 100), "%d passed, %d refused of %s" % (
        passed, refused, set(replies)))
    postfix.stop()
    for one in both:
        one.check_alive()
        one.stop()
    redis.stop()


@live("Redis over TLS, by a Function, real Postfix: the limit is exact")
def over_tls(lab):
    redis = TlsRedis(lab)
    floodgate = daemon.Floodgate(lab, """
policy "all" {
    limit "quota_user" { allow = {"3/1h"} on_failure = "defer" }
}
""", redis.store(extra='script = "function" timeout = "1s"'))
    postfix = lab.add(Postfix(lab, "smtpd_milters = %s\n" % floodgate.listen))
    client, _ = postfix.connect("192.0.2.7", "alice@example.org")
    client.command("EHLO client.example.net")
    client.command("MAIL FROM:<alice@example.org>")
    codes = [client.command("RCPT TO:<b%d@lab.test>" % number).code
             for number in range(5)]
    check(codes == ["250"] * 3 + ["550"] * 2, "replies: %s" % codes)
    client.quit()
    check(redis.command("FUNCTION", "LIST"), "no function was loaded")
    postfix.stop()
    floodgate.check_alive()
    floodgate.stop()
    redis.stop()


@live("what is given up or breaks off is given back, under load")
def given_back(lab):
    """As many recipients as were not given up are still counted."""
    redis = Redis(lab)
    for store in (daemon.MEMORY, daemon.redis_store(redis)):
        floodgate = daemon.Floodgate(lab, """
policy "all" {
    limit "quota_user" { allow = {"1000/1h"} on_failure = "defer" }
}
""", store)
        report = load.run(lab, [floodgate.listen], connections=20,
                          sessions=60, messages=10, users=1, abort=30,
                          drop=10, domain="back.example")
        check(not report["replies"], "refused: %s" % report["replies"])
        again = load.run(lab, [floodgate.listen], connections=20,
                         sessions=1200, users=1, domain="back.example")
        total = report["accepted"] + again["accepted"]
        check(total == 1000, "%d accepted, then %d: not 1000 together" % (
            report["accepted"], again["accepted"]))
        floodgate.stop()
    redis.stop()


@live("floodgatectl show tells what was counted")
def show(lab):
    redis = Redis(lab)
    for store in (daemon.MEMORY, daemon.redis_store(redis)):
        floodgate = daemon.Floodgate(lab, QUOTA, store)
        load.run(lab, [floodgate.listen], connections=1, sessions=7, users=1,
                 domain="show.example")
        done = floodgate.ctl_run("show", "user:u0@show.example")
        check(done.returncode == 0 and "quota_user" in done.stdout and
              re.search(r"\b7\b", done.stdout) and "100" in done.stdout,
              "%d: %s%s" % (done.returncode, done.stdout, done.stderr))
        floodgate.stop()
    redis.stop()
