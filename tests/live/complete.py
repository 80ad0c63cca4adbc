"""Is every refusal seen at a real SMTP client, through Postfix and Sendmail?

For every row of reply.def, cases of its name are demanded for each MTA: one
in which the client gets the row's codes, and one in which mail passes. Where
the MTA forestalls it, the case says in which words of its own (`own 421 ...`).
Starts nothing.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SRCDIR = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True    # the source may be read-only
sys.path.insert(0, HERE)

import dns_cases    # noqa: E402
import mta_cases    # noqa: E402
from lab.dialogue import parse    # noqa: E402

ROW = re.compile(r"^REPLY\((\w+),\s*STAGE_\w+,\s*(\d)(\d\d),\s*(\d+),"
                 r"\s*(\d+),", re.M)


def rows():
    """(name, "550 5.7.1")"""
    with open(os.path.join(SRCDIR, "src/core/reply.def")) as file:
        for name, kind, rest, subject, detail in ROW.findall(file.read()):
            yield name, "%s%s %s.%s.%s" % (kind, rest, kind, subject, detail)


def unbuilt():
    with open(os.path.join(SRCDIR, "tests/scenario/unbuilt")) as file:
        return file.read().split()


def expected(case, mta):
    """What the clients of this MTA are to see, with the commands."""
    return [(command, replies.get(mta, replies[""]))
            for command, replies in parse(case.talk)]


def refuses(case, mta, codes):
    """The row's own codes, or its basic code in the MTA's own words."""
    return any(reply.startswith(codes) or reply.startswith(
        "own " + codes.split()[0]) for _, reply in expected(case, mta))


def passes(case, mta):
    return any((command.startswith("message ") and not reply) or
               (command.startswith("RCPT ") and reply == "250")
               for command, reply in expected(case, mta))


def missing(name, codes, mta):
    cases = [case for case in mta_cases.CASES + dns_cases.CASES
             if re.match(name + r"\b", case.name) and
             case.only in (None, mta)]
    if not any(refuses(case, mta, codes) for case in cases):
        yield "%s: %s is not seen through %s" % (name, codes, mta)
    if not any(passes(case, mta) for case in cases):
        yield "%s: nothing passes through %s" % (name, mta)


def main():
    complaints = [complaint for name, codes in rows()
                  if name not in unbuilt()
                  for mta in ("postfix", "sendmail")
                  for complaint in missing(name, codes, mta)]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
