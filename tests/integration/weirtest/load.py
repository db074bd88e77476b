"""Clients that keep asking while something happens to the peers, and what each of them saw."""
import collections
import itertools
import threading
import time

from .client import Client
from .message import Closed, Truncated

Outcome = collections.namedtuple("Outcome", "method number status text seconds begun")


class Load:
    """Use it in a `with`: `clients` connections, each sending a request every clients/rate seconds, or as soon as the last one is answered.

    Each request has a number of its own in X-Id. `methods` are taken in turn; POSTs have a small body. A status of 0 is no answer.
    """

    def __init__(self, address: str, rate: float = 200, clients: int = 8, methods=("GET",), path: str = "/", headers=()):
        self.address, self.path, self.methods, self.headers = address, path, methods, list(headers)
        self.pause = clients / rate
        self.outcomes: list[Outcome] = []
        self._numbers = itertools.count()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i / rate,), daemon=True) for i in range(clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            if thread.is_alive():
                raise AssertionError("a client of the load waits for its answer still")

    def count(self) -> int:
        return len(self.outcomes)

    def failed(self, *methods: str) -> list[Outcome]:
        return [o for o in list(self.outcomes) if o.status != 200 and (not methods or o.method in methods)]

    def slowest(self, *methods: str) -> float:
        return max((o.seconds for o in list(self.outcomes) if not methods or o.method in methods), default=0.0)

    def _run(self, offset: float) -> None:
        client = None
        due = time.monotonic() + offset
        while not self._over.wait(max(0.0, due - time.monotonic())):
            number = next(self._numbers)
            method = self.methods[number % len(self.methods)]
            body = b"x" * 64 if method in ("POST", "PUT", "PATCH") else None
            begun = time.monotonic()
            status, text = 0, ""
            try:
                client = client or Client(self.address)
                response = client.request(method, self.path, [("X-Id", str(number)), *self.headers], body)
                status, text = response.status, response.text
                if not response.keep_alive:
                    client.close()
                    client = None
            except (OSError, Closed, Truncated) as problem:
                text = f"{type(problem).__name__}: {problem}"
                if client:
                    client.close()
                client = None
            self.outcomes.append(Outcome(method, number, status, text, time.monotonic() - begun, begun))
            due = max(due + self.pause, time.monotonic())
        if client:
            client.close()
