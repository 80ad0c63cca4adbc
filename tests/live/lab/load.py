"""milterload's report as a dictionary."""

import json
import subprocess


def command(lab, addresses, **options):
    words = [lab.program("milterload"), "--json"]
    for address in addresses:
        words += ["--address", address]
    for name, value in options.items():
        words += ["--" + name] if value is True else [
            "--" + name, str(value)]
    return words


def run(lab, addresses, seconds=120, **options):
    done = subprocess.run(command(lab, addresses, **options), timeout=seconds,
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


class Background:
    """A load that runs while the test does other things."""

    def __init__(self, lab, addresses, **options):
        self.child = subprocess.Popen(
            command(lab, addresses, **options), stdout=subprocess.PIPE,
            start_new_session=True)
        self.lab = lab
        lab.add(self)

    def report(self, seconds=120):
        output, _ = self.child.communicate(timeout=seconds)
        self.lab.forget(self)
        return json.loads(output)

    def stop(self):
        self.child.kill()
        self.child.wait()


def by_class(report):
    """{"4": how many 4yz, "5": how many 5yz, "other": ...}"""
    classes = {"4": 0, "5": 0, "other": 0}
    for text, count in report["replies"].items():
        classes[text[0] if text[0] in "45" else "other"] += count
    return classes
