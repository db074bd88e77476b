"""A service manager as weir sees it: the socket of sd_notify(3), and what was said on it."""
import os
import pathlib
import socket
import tempfile

from .wait import wait_until


class Supervisor:
    def __init__(self, watchdog_ms: int = 0, abstract: bool = False, **environment: str):
        self._dir = tempfile.TemporaryDirectory(prefix="weir-notify-")
        path = pathlib.Path(self._dir.name) / "notify"
        os.chmod(self._dir.name, 0o755)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + str(path) if abstract else str(path))
        self._socket.setblocking(False)
        if not abstract:
            path.chmod(0o777)
        self.environment = {"NOTIFY_SOCKET": "@" + str(path) if abstract else str(path), **environment}
        if watchdog_ms:
            self.environment["WATCHDOG_USEC"] = str(watchdog_ms * 1000)
        self.messages: list[dict[str, str]] = []

    def receive(self) -> list[dict[str, str]]:
        """Everything that was said so far, a dictionary each: {"READY": "1", "STATUS": "..."}."""
        while True:
            try:
                text = self._socket.recv(65536).decode()
            except BlockingIOError:
                return self.messages
            self.messages.append(dict(line.split("=", 1) for line in text.splitlines()))

    def wait(self, name: str, since: int = 0) -> dict[str, str]:
        """The first message from that place on that has this name."""
        return wait_until(lambda: next((each for each in self.receive()[since:] if name in each), None), f"{name} to be said")

    def said(self, name: str) -> int:
        return sum(name in each for each in self.receive())

    def close(self) -> None:
        self._socket.close()
        self._dir.cleanup()
