"""A name server of one's own, which does what the names say.

See tests/io/name_server.h for which names do what.
"""

import subprocess


class NameServer:
    def __init__(self, lab, delay_ms=0, port=0, rules=()):
        """`rules`: NAME=WORD, what the name and those below it do."""
        self.child = subprocess.Popen(
            [lab.program("nameserver"), str(delay_ms), str(port), *rules],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True)
        self.port = int(self.child.stdout.readline())
        self.lab = lab

    def options(self):
        """The section of floodgate.conf."""
        return 'dns { servers = {"127.0.0.1:%d"} }' % self.port

    def stop(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait()
