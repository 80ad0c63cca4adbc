"""Namespaces of our own: a loopback with many addresses, a host name.

tests/live/run starts itself again inside of them, so that nothing it does
meets the machine's own network, names or mail system, and everything it
starts ends with it. Where that is not allowed, what needs it is skipped.
"""

import os
import shutil
import socket
import subprocess
import tempfile

MARK = "FLOODGATE_LIVE_ISOLATED"
HOST = "mx.lab.test"
ADDRESSES6 = ["2001:db8::1", "2001:db8::7", "2001:db8::8", "2001:db8:1::7"]
NAMES = {
    "192.0.2.1": HOST,
    "192.0.2.80": "mail.example.net",
    "192.0.2.81": "host.dyn.example.net",
}
# What the name server that resolv.conf names says of clients without a name
# above: there is none; some that are not theirs; it cannot say.
REVERSE = [
    "82.2.0.192.in-addr.arpa=forged",
    "83.2.0.192.in-addr.arpa=servfail",
    "2.0.192.in-addr.arpa=nxdomain",
    "ip6.arpa=nxdomain",
]
_covered = set()


def inside():
    return os.environ.get(MARK) == "yes"


def name_of(address):
    return NAMES.get(address)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind((ADDRESSES6[0], 0))
    except OSError:
        return False
    return True


COMMAND = ["unshare", "--mount", "--net", "--uts", "--pid", "--fork",
           "--kill-child", "--mount-proc"]


def is_allowed():
    """May we, who are outside, have namespaces of our own?"""
    return not inside() and os.geteuid() == 0 and bool(
        shutil.which("unshare") and shutil.which("ip")) and subprocess.run(
            COMMAND + ["true"], stderr=subprocess.DEVNULL,
            check=False).returncode == 0


def enter(argv):
    """Run argv once more inside; its exit status, or None if not allowed."""
    if not is_allowed():
        return None
    return subprocess.run(COMMAND + argv, check=False,
                          env=dict(os.environ, **{MARK: "yes"})).returncode


def _run(*command):
    return subprocess.run(command, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def _bind(path, text):
    """Put a file of ours in the place of one of the system."""
    if not os.path.exists(path):
        return
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    _run("mount", "--bind", file.name, os.path.realpath(path))
    os.unlink(file.name)


def set_up():
    """Once inside: addresses, names, DNS that is asked on loopback."""
    if not inside():
        return
    _run("hostname", HOST)
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "address", "add", "192.0.2.1/24", "dev", "lo")
    for address in ADDRESSES6:
        _run("ip", "-6", "address", "add", address + "/128", "dev", "lo")
    hosts = ["127.0.0.1 localhost", "::1 localhost"]
    hosts += ["%s %s" % pair for pair in NAMES.items()]
    _bind("/etc/hosts", "\n".join(hosts) + "\n")
    _bind("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    _bind("/etc/nsswitch.conf", "passwd: files\ngroup: files\n"
          "hosts: files dns\nservices: files\n")


def cover(folder, name, text):
    """A folder of the system with nothing in it but this file."""
    if not inside() or not os.path.isdir(folder):
        return False
    if folder not in _covered:
        if not _run("mount", "-t", "tmpfs", "none", folder):
            return False
        _covered.add(folder)
    with open(os.path.join(folder, name), "w") as file:
        file.write(text)
    return True
