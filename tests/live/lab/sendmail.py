"""A private Sendmail, from packages that are unpacked but not installed.

The package conflicts with Postfix', so its files are fetched with apt-get
download and unpacked into a cache. Clients are told apart by the address
that they come from, users log in with AUTH PLAIN: both need the namespaces
that tests/live/run makes (lab/isolation.py). It looks their names up in the
hosts file of these, and then at a name server of the lab on port 53.
"""

import glob
import os
import re
import shutil
import subprocess

from . import isolation, smtp
from .nameserver import NameServer
from .process import Skip, can_connect, check, free_port, need_program, \
    wait_until

PACKAGES = ["sendmail-bin", "sendmail-cf", "sendmail-base",
            "libwrap0"]    # a library that nothing else brings along
PASSWORD = "secret"

MC = """\
OSTYPE(`linux')dnl
define(`ALIAS_FILE', `{aliases}')dnl
define(`QUEUE_DIR', `{dir}/mq')dnl
define(`STATUS_FILE', `{dir}/statistics')dnl
define(`HELP_FILE', `{dir}/helpfile')dnl
define(`confPID_FILE', `{dir}/sendmail.pid')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/service.switch')dnl
define(`confDONT_BLAME_SENDMAIL', `AssumeSafeChown,GroupWritableDirPathSafe,TrustStickyBit,NonRootSafeAddr,GroupReadableKeyFile,GroupReadableSASLDBFile')dnl
define(`confDOMAIN_NAME', `mx.lab.test')dnl
define(`confTRUSTED_USER', `root')dnl
define(`confDELIVERY_MODE', `{mode}')dnl
define(`confTO_IDENT', `0')dnl
define(`confBAD_RCPT_THROTTLE', `1000')dnl
define(`confREFUSE_LA', `0')dnl
define(`confQUEUE_LA', `{queue_la}')dnl
define(`confAUTH_MECHANISMS', `PLAIN')dnl
TRUST_AUTH_MECH(`PLAIN')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`promiscuous_relay')dnl
DAEMON_OPTIONS(`Name=MTA, Port={port}, Addr=192.0.2.1')dnl
{extra_daemon}{filter}
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
Cwlab.test
LOCAL_RULESETS
SLocal_check_rcpt
R$* nobody @ lab.test $*	$#error $@ 5.7.1 $: "554 no such user"
"""


def fetch(cache):
    """Unpack the packages below `cache`, once; needs the network then."""
    if len(glob.glob(os.path.join(cache, "debs", "*.deb"))) == len(PACKAGES):
        return
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return
    fresh = cache + ".new"
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(os.path.join(fresh, "debs"))
    done = subprocess.run(
        ["apt-get", "-q", "download"] + PACKAGES,
        cwd=os.path.join(fresh, "debs"), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, check=False)
    debs = glob.glob(os.path.join(fresh, "debs", "*.deb"))
    if done.returncode == 0 and len(debs) == len(PACKAGES):
        for deb in debs:
            subprocess.run(["dpkg-deb", "-x", deb, fresh], check=True)
        shutil.rmtree(cache, ignore_errors=True)
        os.rename(fresh, cache)
    shutil.rmtree(fresh, ignore_errors=True)


def environment(cache):
    """Where its libraries are found, whether installed or not."""
    folders = {os.path.dirname(path) for path in glob.glob(
        os.path.join(cache, "**", "lib*.so.*"), recursive=True)}
    return dict(os.environ, LD_LIBRARY_PATH=":".join(sorted(folders)))


def cache_of(lab):
    return os.path.join(lab.builddir, "sendmail-unpacked")


_names = []


def need_names(lab):
    """The name server of the namespaces, once for all of them."""
    if not _names:
        _names.append(lab.share(NameServer(
            lab, port=53, rules=isolation.REVERSE)))


class Sendmail:
    name = "sendmail"

    def __init__(self, lab, filter_line, mode="queueonly"):
        """`filter_line`: the INPUT_MAIL_FILTER line, as of sendmail.mc."""
        if not isolation.inside():
            raise Skip("no namespaces here for a private Sendmail")
        self.packages = cache_of(lab)
        self.binary = os.path.join(
            self.packages, "usr/libexec/sendmail/sendmail")
        if not os.path.exists(self.binary):
            raise Skip("Sendmail's packages could not be fetched")
        missing = re.findall(r"(\S+) => not found", subprocess.run(
            ["ldd", self.binary], env=environment(self.packages),
            capture_output=True, text=True, check=True).stdout)
        if missing:
            raise Skip("Sendmail lacks " + " ".join(missing))
        self.lab = lab
        need_names(lab)
        self.folder = lab.path(lab.unique("sendmail"))
        self.port = free_port()
        os.makedirs(os.path.join(self.folder, "mq"))
        self.make_files(filter_line, mode)
        self.has_auth = self.make_auth()
        self.process = lab.start(
            os.path.basename(self.folder),
            [os.path.join(self.folder, "sendmail"), "-C",
             os.path.join(self.folder, "lab.cf"), "-bD",
             "-X", os.path.join(self.folder, "traffic")],
            env=environment(self.packages))
        wait_until(lambda: can_connect(("192.0.2.1", self.port)) or
                   not self.process.alive(), 20, "start of Sendmail")
        check(self.process.alive(),
              "Sendmail does not start: " + self.process.output())
        lab.forget(self.process)    # from here on it is ours to stop

    def make_files(self, filter_line, mode):
        for name in ("helpfile", "statistics"):
            open(os.path.join(self.folder, name), "w").close()
        with open(os.path.join(self.folder, "service.switch"), "w") as file:
            file.write("hosts files\naliases files\n")
        copy = os.path.join(self.folder, "sendmail")
        shutil.copy(self.binary, copy)
        os.chmod(copy, 0o755)    # without the setgid bit
        extra = ""
        if isolation.has_ipv6():
            extra = ("DAEMON_OPTIONS(`Name=MTA6, Family=inet6, Port=%d, "
                     "Addr=2001:db8::1')dnl\n" % self.port)
        mc = os.path.join(self.folder, "lab.mc")
        with open(mc, "w") as file:
            file.write(MC.format(
                dir=self.folder, port=self.port, extra_daemon=extra,
                filter=filter_line, mode=mode,
                aliases="" if mode == "queueonly" else "null:none",
                queue_la=0 if mode == "queueonly" else 1000))
        cf = os.path.join(self.packages, "usr/share/sendmail/cf")
        with open(os.path.join(self.folder, "lab.cf"), "w") as file:
            subprocess.run(
                [need_program("m4"), "-D_CF_DIR_=%s/" % cf, "m4/cf.m4", mc],
                cwd=cf, stdout=file, stderr=subprocess.DEVNULL, check=True)

    def make_auth(self):
        """Users for AUTH PLAIN; SASL's own folder is covered for it."""
        try:
            self.saslpasswd = need_program("saslpasswd2", "sasl2-bin")
        except Skip:
            return False
        self.users = set()
        return isolation.cover("/usr/lib/sasl2", "Sendmail.conf", (
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
            "sasldb_path: %s/sasldb2\nmech_list: PLAIN\n" % self.folder))

    def connect(self, client, user=None, name=None):
        if name and name != isolation.name_of(client):
            raise Skip("Sendmail takes the client's name from the hosts file")
        if user and not self.has_auth:
            raise Skip("no SASL for Sendmail here")
        if ":" in client and not isolation.has_ipv6():
            raise Skip("no IPv6 here")
        server = "2001:db8::1" if ":" in client else "192.0.2.1"
        smtp_client = smtp.Client((server, self.port), client)
        return smtp_client, smtp_client.read()

    def login(self, smtp_client, user):
        """After EHLO; the user is made when it is new."""
        if user not in self.users:
            local, _, realm = user.partition("@")
            subprocess.run(
                [self.saslpasswd, "-p", "-c", "-f",
                 os.path.join(self.folder, "sasldb2"), "-u",
                 realm or "mx.lab.test", local],
                input=PASSWORD, text=True, check=True)
            self.users.add(user)
        reply = smtp_client.auth_plain(user, PASSWORD)
        check(reply.code in ("235", "421", "550", "554", "451", "450"),
              "AUTH: %s" % reply)

    @staticmethod
    def decorate(command, wanted):
        """Sendmail writes the path before 450, 550 and 553 texts."""
        path = re.match(r"(?:MAIL FROM|RCPT TO):(\S+)", command, re.I)
        parts = re.match(r"(450|550|553) (\d\.\d+\.\d+) (.*)", wanted)
        if not path or not parts:
            return wanted
        return "%s %s %s... %s" % (
            parts.group(1), parts.group(2), path.group(1), parts.group(3))

    def log(self):
        """Both sides of what was said."""
        try:
            with open(os.path.join(self.folder, "traffic"),
                      errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def stop(self):
        self.process.stop()
        self.lab.forget(self)
