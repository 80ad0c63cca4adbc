"""The two MTAs, started once, before a milter that changes with each test."""

import os
import re

from .postfix import Postfix
from .process import Skip
from .sendmail import Sendmail

_started = {}


def socket_of(lab):
    return lab.path("gate.sock")


def shipped_line(lab, name, kind):
    """The line of contrib/NAME for a socket of that kind, comment or not."""
    with open(os.path.join(lab.srcdir, "contrib", name)) as file:
        for line in file:
            found = re.match(r"(?:#|dnl )?((?:smtpd_milters|INPUT_MAIL_FILTER)"
                             r".*\b(?:%s):.*\n)" % kind, line)
            if found:
                return found.group(1)
    raise AssertionError("contrib/%s has no line for %s" % (name, kind))


def postfix_line(lab):
    return shipped_line(lab, "postfix-main.cf", "unix").replace(
        "floodgate/milter", socket_of(lab))


def sendmail_line(lab):
    return shipped_line(lab, "sendmail.mc", "local").replace(
        "/run/floodgate/milter", socket_of(lab))


def mta(lab, name):
    """The running "postfix" or "sendmail"; Skip when it cannot be had.

    "sendmail delivering" looks recipients up while the client waits, and
    refuses users that there are not; the other one only queues.
    """
    if name not in _started:
        try:
            if name == "postfix":
                _started[name] = lab.share(
                    Postfix(lab, postfix_line(lab)))
            else:
                delivering = name == "sendmail delivering"
                _started[name] = lab.share(Sendmail(
                    lab, sendmail_line(lab),
                    "interactive" if delivering else "queueonly"))
        except Skip as skip:
            _started[name] = skip
    if isinstance(_started[name], Skip):
        raise _started[name]
    return _started[name]
