"""A private Postfix: everything that it accepts is thrown away.

Needs root (Postfix itself says so) and the package, not a configured system
Postfix: /etc/postfix is not read. Clients and users are given by XCLIENT.
"""

import glob
import os
import subprocess

from . import smtp
from .process import Skip, can_connect, check, free_port, need_program, \
    wait_until

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
command_directory = {commands}
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.lab.test
mydestination = lab.test
mynetworks = 0.0.0.0/0 [::]/0
inet_interfaces = 127.0.0.1
inet_protocols = all
local_recipient_maps =
alias_maps =
alias_database =
local_transport = discard:
default_transport = discard:
maillog_file = {dir}/mail.log
maillog_file_prefixes = /tmp, /var, {dir}
smtpd_authorized_xclient_hosts = 127.0.0.0/8, 192.0.2.0/24
smtpd_recipient_restrictions =
    check_recipient_access inline:{{{{nobody@lab.test=REJECT}}, {{gone@lab.test=550 5.1.1 no such user}}}},
    permit_mynetworks, reject_unauth_destination
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_recipient_limit = 5000
smtpd_timeout = 60s
in_flow_delay = 0
non_smtpd_milters =
"""

MASTER_CF = """\
127.0.0.1:{port} inet n - n - 300 smtpd
postlog unix-dgram n - n - 1 postlogd
pickup  unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr    unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce  unix - - n - 0 bounce
defer   unix - - n - 0 bounce
trace   unix - - n - 0 bounce
discard unix - - n - - discard
error   unix - - n - - error
retry   unix - - n - - error
anvil   unix - - n - 1 anvil
"""

SECOND = """\
127.0.0.1:{port} inet n - n - 300 smtpd
    -o {{ smtpd_milters = {milters} }}
"""


class Postfix:
    name = "postfix"

    def __init__(self, lab, settings, second=None):
        """`settings`: lines of main.cf, where the milter is, above all.

        second: the smtpd_milters of a second port, as second_port().
        """
        if os.geteuid() != 0:
            raise Skip("Postfix starts as root only")
        self.postfix = need_program("postfix")
        self.folder = lab.path(lab.unique("postfix"))
        self.port = free_port()
        for name in ("etc", "spool", "data"):
            os.makedirs(os.path.join(self.folder, name))
        subprocess.run(["chown", "postfix", os.path.join(
            self.folder, "data")], check=True)
        self.write("main.cf", MAIN_CF.format(
            dir=self.folder, commands=os.path.dirname(self.postfix),
            daemons=self.daemons()) + settings)
        master = MASTER_CF.format(port=self.port)
        if second:
            self.other_port = free_port()
            master += SECOND.format(port=self.other_port, milters=second)
        self.write("master.cf", master)
        self.lab = lab
        self.process = self.start()
        wait_until(lambda: can_connect(("127.0.0.1", self.port)) or
                   not self.process.alive(), 20, "start of Postfix")
        check(self.process.alive(), "Postfix does not start: " +
              self.process.output() + self.log())
        lab.forget(self.process)    # from here on it is ours to stop

    def start(self):
        """The master by itself: all of it ends with its process group.

        Below `postfix start-fg` it would have a session of its own, which
        nobody here would know of.
        """
        etc = os.path.join(self.folder, "etc")
        done = subprocess.run([self.postfix, "-c", etc, "check"],
                              capture_output=True, text=True, check=False)
        check(done.returncode == 0, "postfix check: " + done.stderr)
        return self.lab.start(
            os.path.basename(self.folder),
            [os.path.join(self.daemons(), "master"), "-c", etc, "-s"])

    @staticmethod
    def daemons():
        for path in glob.glob("/usr/lib*/postfix/sbin") + [
                "/usr/libexec/postfix", "/usr/local/libexec/postfix"]:
            if os.path.exists(os.path.join(path, "master")):
                return path
        raise Skip("Postfix' daemon directory is not found")

    def write(self, name, text):
        with open(os.path.join(self.folder, "etc", name), "w") as file:
            file.write(text)

    def log(self):
        try:
            with open(os.path.join(self.folder, "mail.log"),
                      errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def connect(self, client, user=None, name=None):
        """(Client, reply): after the greeting that the client would see."""
        return self.connect_to(self.port, client, user, name)

    def second_port(self, client, user=None, name=None):
        return self.connect_to(self.other_port, client, user, name)

    @staticmethod
    def connect_to(port, client, user, name):
        smtp_client = smtp.Client(("127.0.0.1", port))
        reply = smtp_client.read()
        if reply.code != "220":
            return smtp_client, reply
        smtp_client.command("EHLO xclient")
        words = ["XCLIENT"]
        words.append("NAME=" + (name or "[UNAVAILABLE]"))
        words.append("REVERSE_NAME=" + (name or "[UNAVAILABLE]"))
        words.append("ADDR=" + (
            "IPV6:" + client if ":" in client else client))
        if user:
            words.append("LOGIN=" + user)
        return smtp_client, smtp_client.command(" ".join(words))

    def login(self, _smtp_client, _user):
        """XCLIENT has done it."""

    @staticmethod
    def decorate(_command, wanted):
        return wanted

    def stop(self):
        self.process.stop()    # the master, which ends its own
        self.lab.forget(self)
