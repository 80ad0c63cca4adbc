"""A floodgate of one's own."""

import json
import os
import signal
import subprocess

from .process import can_connect, check, wait_until

CONF = """\
listen = "{listen}"
listen_mode = 0666
control = "{control}"
hostname = "mx.lab.test"
log_level = "{log_level}"
{user}{options}{store}
{policy}
"""

MEMORY = 'store "memory" { }'


def redis_store(redis, extra=""):
    return 'store "redis" { server = {"%s"} %s }' % (redis.path, extra)


class Floodgate:
    def __init__(self, lab, policy, store=MEMORY, options="", listen=None,
                 name=None, command=(), user=None,
                 log_level="debug"):
        """`command`: words before the daemon's own, such as a wrapper.

        user: whom it shall become; it makes the control socket's folder then.
        """
        self.lab = lab
        self.name = name or lab.unique("floodgate")
        self.socket = lab.path(self.name + ".sock")
        self.listen = listen or "unix:" + self.socket
        self.control = lab.path(self.name, "control")
        self.user = user
        self.log_level = log_level
        if not user:
            os.makedirs(lab.path(self.name), exist_ok=True)
        self.conf = lab.path(self.name + ".conf")
        self.store = store
        self.options = options
        self.program = lab.program("floodgate")
        self.ctl = lab.program("floodgatectl")
        self.wrapper = list(command)
        self.configure(policy)
        self.start()

    def configure(self, policy):
        self.lab.write(self.name + ".conf", CONF.format(
            listen=self.listen, control=self.control, options=self.options,
            store=self.store, policy=policy, log_level=self.log_level,
            user='user = "%s"\n' % self.user if self.user else ""))

    def start(self):
        self.process = self.lab.start(
            self.name,
            self.wrapper + [self.program, "-c", self.conf])
        self.wait_ready()

    def wait_ready(self):
        wait_until(lambda: self.answers() or not self.process.alive(), 20,
                   "start of floodgate")
        check(self.process.alive(), "floodgate does not start: " +
              self.process.output() + open(self.conf).read())

    def answers(self):
        where = self.listen.partition(":")[2]
        if self.listen.startswith("inet:"):
            port, host = self.listen[5:].split("@")
            where = (host, int(port))
        return can_connect(where) and can_connect(self.control)

    def ctl_run(self, *words):
        return subprocess.run(
            [self.ctl, "-s", self.control, *words], timeout=20,
            capture_output=True, text=True, check=False)

    def ctl_json(self, *words):
        done = self.ctl_run("--json", *words)
        check(done.returncode == 0, "floodgatectl %s: %d %s%s" % (
            " ".join(words), done.returncode, done.stdout, done.stderr))
        return json.loads(done.stdout)

    def reload(self, policy=None):
        if policy is not None:
            self.configure(policy)
        return self.ctl_run("reload")

    def log(self):
        return self.process.output()

    def log_tail(self, lines=20):
        return "\n".join("    " + line for line in
                         self.log().splitlines()[-lines:])

    def forget_log(self):
        os.unlink(self.process.log)

    def check_alive(self):
        check(self.process.alive(), "floodgate has ended by itself: %s\n%s" % (
            self.process.child.returncode, self.log_tail()))

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.process.pid))

    def stop(self):
        self.process.signal(signal.SIGTERM)
        self.process.stop()
        self.lab.forget(self.process)


class Noop:
    """The milter that lets everything pass, in the same clothes."""

    def __init__(self, lab, kind="--all", socket=None):
        self.lab = lab
        name = lab.unique("noop")
        self.socket = socket or lab.path(name + ".sock")
        self.process = lab.start(name, [
            lab.program("noopmilter"), kind, "unix:" + self.socket])
        wait_until(lambda: can_connect(self.socket), 10, "start of noopmilter")
        os.chmod(self.socket, 0o666)
        lab.forget(self.process)
        lab.add(self)

    def log(self):
        return self.process.output()

    def stop(self):
        self.process.signal(signal.SIGKILL)    # libmilter takes 5 s to end
        self.process.stop()
        self.lab.forget(self)
