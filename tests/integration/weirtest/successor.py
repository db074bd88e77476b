"""A weir that another one has started in its place: no child of the test's until its parent has ended."""
import ctypes
import os
import pathlib
import signal
import subprocess

from .wait import wait_until

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Processes whose parent ends become this one's children, so that their exit codes are seen."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Successor:
    """What the tests use of subprocess.Popen."""

    def __init__(self, pid: int):
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is not None:
            return self.returncode
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid == self.pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        except ChildProcessError:  # its parent lives, and waits for it itself
            if not self._exists():
                self.returncode = 0
        return self.returncode

    def _exists(self) -> bool:
        return pathlib.Path(f"/proc/{self.pid}").exists()

    def wait(self, timeout: float) -> int:
        try:
            wait_until(lambda: self.poll() is not None, "it to end", deadline=timeout)
        except AssertionError:
            raise subprocess.TimeoutExpired("weir", timeout) from None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
