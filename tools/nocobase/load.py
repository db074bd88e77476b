"""An open-loop HTTP client: requests leave when they are due, whether or not earlier ones were answered, so that a stall is seen
as the latency and errors it would cost real clients. Connections are kept alive and reused, as browsers and API clients do."""
import asyncio
import time


IDLE = 30.0  # seconds after which a client does not use a connection again: any edge still holds it then


class Result:
    def __init__(self, due: float, status: int, seconds: float, error: str, number: int = 0, method: str = "GET"):
        self.due, self.status, self.seconds, self.error = due, status, seconds, error
        self.number, self.method = number, method

    @property
    def ok(self) -> bool:
        return self.status == 200 and not self.error


class Load:
    """GETs of one path at a fixed rate until stopped; a subclass may compose other requests."""

    def __init__(self, port: int, path: str, rate: float, timeout: float = 30):
        self.port, self.path, self.rate, self.timeout = port, path, rate, timeout
        self.results = []
        self.idle = []
        self.stopped = False
        self.started = 0.0

    async def run(self, seconds: float):
        self.started = time.monotonic()
        tasks = set()
        for i in range(int(seconds * self.rate)):
            due = self.started + i / self.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self.stopped:
                break
            task = asyncio.create_task(self._one(i, due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        if tasks:
            await asyncio.wait(tasks)
        for _, writer, _ in self.idle:
            writer.close()

    def stop(self):
        self.stopped = True

    def compose(self, i: int) -> tuple:
        """Method and bytes of the request number i."""
        target = self.path + ("&" if "?" in self.path else "?") + f"n={i}"
        return "GET", f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode()

    async def _one(self, i: int, due: float):
        status, error = 0, ""
        method, request = self.compose(i)
        try:
            status = await asyncio.wait_for(self._send(request), self.timeout)
        except asyncio.TimeoutError:
            error = f"no answer in {self.timeout:g} s"
        except Exception as problem:  # whatever it is, the client saw no answer
            error = f"{type(problem).__name__}: {problem}"
        self.results.append(Result(due - self.started, status, time.monotonic() - due, error, i, method))

    async def _connection(self):
        while self.idle:
            reader, writer, since = self.idle.pop()
            if time.monotonic() - since < IDLE and not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def _send(self, request: bytes) -> int:
        reader, writer = await self._connection()
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            status = int(head.split(" ", 2)[1])
            if "transfer-encoding: chunked" in head:
                while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                    await reader.readexactly(size + 2)
                await reader.readuntil(b"\r\n")
            else:
                length = head.partition("content-length:")[2].split("\r\n", 1)[0]
                await reader.readexactly(int(length or 0))
        except BaseException:
            writer.close()
            raise
        if "connection: close" in head:
            writer.close()
        else:
            self.idle.append((reader, writer, time.monotonic()))
        return status


def slowest(results: list, quantile: float) -> float:
    """The latency in seconds that this share of the requests did not exceed."""
    times = sorted(result.seconds for result in results) or [0.0]
    return times[min(len(times) - 1, int(len(times) * quantile))]


def errors(results: list) -> dict:
    """How many failed, by kind."""
    bad = {}
    for result in results:
        if not result.ok:
            kind = result.error or f"status {result.status}"
            bad[kind] = bad.get(kind, 0) + 1
    return bad


def summary(results: list) -> str:
    """Counts, the errors by kind, and the slowest."""
    bad = errors(results)
    text = f"{len(results)} requests, {sum(bad.values())} errors"
    if bad:
        text += " (" + ", ".join(f"{count} x {kind}" for kind, count in sorted(bad.items())) + ")"
    return text + ", " + ", ".join(f"{name} {slowest(results, share) * 1000:.0f} ms" for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1)))
