"""A wrong clock and no memory, for one daemon: tests/live/misfortune.c."""

import mmap
import os
import struct

from .process import Skip, need_program

AHEAD_MS, FAILS_AT, FAILS_ON, COUNT = range(0, 32, 8)


class Misfortune:
    """Its command is a wrapper for what shall have it."""

    def __init__(self, lab):
        if os.path.exists("/lib/ld-musl-x86_64.so.1"):
            raise Skip("this is for the GNU C library")
        path = lab.write(lab.unique("misfortune"), "\0" * 32, 0o666)
        with open(path, "r+b") as file:
            self.at = mmap.mmap(file.fileno(), 32)
        self.command = [
            need_program("env", "coreutils"), "MISFORTUNE=" + path,
            "LD_PRELOAD=" + lab.program("misfortune.so")]
        with open(lab.program("floodgate"), "rb") as file:
            if b"libasan" in file.read() or b"libtsan" in file.read():
                raise Skip("a sanitizer wants to be loaded first")

    def _set(self, where, value):
        self.at[where:where + 8] = struct.pack("=q", int(value))

    def ahead(self, seconds):
        self._set(AHEAD_MS, 1000 * seconds)

    def fail(self, number, and_on=False):
        """The allocation of that number from now on, or it and all after."""
        self._set(FAILS_AT, 0)
        self._set(COUNT, 0)
        self._set(FAILS_ON, and_on)
        self._set(FAILS_AT, number)

    def end(self):
        """No more failures; how many allocations there were."""
        self._set(FAILS_AT, 0)
        return struct.unpack("=q", self.at[COUNT:COUNT + 8])[0]
