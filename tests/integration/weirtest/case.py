"""The base class of tests: owns what a test starts, and ends each test under a hard limit."""
import argparse
import faulthandler
import os
import signal
import socket
import sys
import unittest

from .backend import Backend
from .client import Client
from .message import Response
from .node import Node
from .wait import wait_until
from .weir import Weir, binary


class TestTooLong(BaseException):
    """Not an Exception, so that no test can swallow it."""


class Case(unittest.TestCase):
    hard_limit = 90  # seconds a test may take at all

    def setUp(self):
        self._weirs: list[Weir] = []
        self._backends: list[Backend] = []
        self._clients: list[Client] = []
        self._held = []
        signal.signal(signal.SIGALRM, self._too_long)
        signal.alarm(self.hard_limit)

    def tearDown(self):
        """Clients go first, then weir, then backends; what failed is shown with weir's own words."""
        failed = any(error for _, error in getattr(self._outcome, "errors", [])) or _has_problem(self)
        for client in self._clients:
            client.close()
        if failed:
            for weir in self._weirs:
                self._show(weir)
        problems = []
        for weir in self._weirs:
            try:
                weir.stop()
            except AssertionError as error:
                problems.append(str(error))
        for backend in self._backends:
            backend.stop()
            problems += backend.failures
        for held in self._held:
            held.close()
        signal.alarm(0)
        if problems:
            self.fail("\n".join(problems))

    # --- what a test starts

    def weir(self, http: str = "", start: bool = True, **options) -> Weir:
        """A running weir with `http` inside http{} (see weir.py for <<names>>); stopped and checked when the test ends."""
        weir = Weir(http, **options)
        self._weirs.append(weir)
        return weir.start() if start else weir

    def backend(self, reply=None, **options) -> Backend:
        backend = Backend(reply, **options)
        self._backends.append(backend)
        return backend

    def node(self, name: str, **options) -> Node:
        """A backend in a process of its own, for kill and stop."""
        node = Node(name, **options)
        self.hold(node)
        return node

    def client(self, weir_or_address, **options) -> Client:
        address = weir_or_address if isinstance(weir_or_address, str) else weir_or_address.front
        client = Client(address, **options)
        self._clients.append(client)
        return client

    def get(self, weir_or_address, path: str = "/", method: str = "GET", headers=(), body: bytes | None = None, host: str = "test",
            source: str = "") -> Response:
        """One request on a connection of its own."""
        with Client(weir_or_address if isinstance(weir_or_address, str) else weir_or_address.front, source) as client:
            return client.request(method, path, headers, body, host)

    def hold(self, closable):
        """Gives it back; it is closed when the test ends."""
        self._held.append(closable)
        return closable

    def silent_address(self) -> str:
        """An address whose backlog is full: connects to it get no answer, as from a blackhole."""
        listener = self.hold(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        self.hold(socket.create_connection(listener.getsockname(), 20))  # it is full once this one is through
        for _ in range(3):
            filler = self.hold(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        return "%s:%d" % listener.getsockname()

    def wait_until(self, predicate, what: str = "", **options):
        return wait_until(predicate, what, **options)

    def proxied(self, backend: Backend, location: str = "", server: str = "", upstream: str = "", http: str = "", **options) -> Weir:
        """The usual scene: one server, one location, one upstream with one backend."""
        return self.weir(
            f"{http}\nupstream u {{ server {backend.address}; {upstream} }}\n"
            f"server {{ listen <<front>>; {server} location / {{ proxy_pass http://u; {location} }} }}", **options)

    # --- failure

    def _too_long(self, *_):
        faulthandler.dump_traceback(all_threads=True)
        raise TestTooLong(f"{self.id()} took longer than {self.hard_limit} s")

    def _show(self, weir: Weir) -> None:
        print(f"---- {self.id()}: configuration\n{weir.config()}---- error log\n{weir.errors()[-6000:]}---- access log", file=sys.stderr)
        print("\n".join(weir.log_lines()[-20:]), file=sys.stderr)
        sys.stderr.flush()


def _has_problem(case: unittest.TestCase) -> bool:
    result = getattr(case._outcome, "result", None)  # since Python 3.11 errors go to the result at once
    return any(test is case for test, _ in (result.failures + result.errors if result else []))


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--weir", default=os.environ.get("WEIR_BINARY", ""))
    known, rest = parser.parse_known_args()
    if known.weir:
        os.environ["WEIR_BINARY"] = known.weir
    binary()  # without one there is nothing to test
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
