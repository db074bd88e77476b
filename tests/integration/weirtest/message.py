"""Reading HTTP/1 messages off a socket, strictly: what weir writes must be exact."""
import re
import socket


class Closed(Exception):
    """The other side closed or reset before the message began."""


class Truncated(Exception):
    """The other side closed inside a message; `partial` is what came of its body, `reset` whether it was a RST."""

    def __init__(self, partial: bytes = b"", reset: bool = False):
        super().__init__(f"message cut after {len(partial)} body bytes{' by RST' if reset else ''}")
        self.partial = partial
        self.reset = reset


class Reader:
    """Buffered reading from a socket; keeps all bytes it ever read in `seen` when asked to."""

    def __init__(self, sock: socket.socket, on_bytes=None):
        self.sock = sock
        self.buffer = b""
        self.reset = False
        self.eof = False
        self.on_bytes = on_bytes

    def fill(self) -> bool:
        """Reads once; False at the end of the stream."""
        if self.eof:
            return False
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            self.reset = True
            data = b""
        if not data:
            self.eof = True
            return False
        if self.on_bytes:
            self.on_bytes(data)
        self.buffer += data
        return True

    def take(self, count: int) -> bytes:
        parts, have = [], 0
        while have + len(self.buffer) < count:
            parts.append(self.buffer)
            have += len(self.buffer)
            self.buffer = b""
            if not self.fill():
                raise Truncated(b"".join(parts), self.reset)
        cut = count - have
        parts.append(self.buffer[:cut])
        self.buffer = self.buffer[cut:]
        return b"".join(parts)

    def until(self, end: bytes) -> bytes:
        """Up to and with `end`."""
        while (at := self.buffer.find(end)) < 0:
            if not self.fill():
                if not self.buffer:
                    raise Closed("reset" if self.reset else "closed")
                raise Truncated(self.buffer, self.reset)
        cut = at + len(end)
        data, self.buffer = self.buffer[:cut], self.buffer[cut:]
        return data

    def rest(self) -> bytes:
        """All until the end of the stream."""
        parts = [self.buffer]
        self.buffer = b""
        while self.fill():
            parts.append(self.buffer)
            self.buffer = b""
        return b"".join(parts)

    def chunked(self) -> tuple[bytes, bytes, list[int]]:
        """Body, trailer block and chunk sizes of a chunked body, which must be exact."""
        body, sizes = [], []
        try:
            while True:
                line = self.until(b"\r\n")
                if not re.fullmatch(rb"[0-9a-fA-F]{1,16}(;[^\r\n]*)?\r\n", line):
                    raise AssertionError(f"bad chunk line {line!r}")
                size = int(line.split(b";")[0], 16)
                sizes.append(size)
                if size == 0:
                    break
                body.append(self.take(size))
                if self.take(2) != b"\r\n":
                    raise AssertionError("chunk data not followed by CRLF")
            trailer = b""
            while (line := self.until(b"\r\n")) != b"\r\n":
                trailer += line
        except Truncated as cut:
            raise Truncated(b"".join(body) + cut.partial, self.reset) from None
        except Closed:
            raise Truncated(b"".join(body), self.reset) from None
        return b"".join(body), trailer, sizes


class Message:
    """Start line, headers in order and as written, body."""

    def __init__(self, head: bytes):
        self.raw_head = head
        lines = head[:-4].split(b"\r\n")
        if any(b"\r" in line or b"\n" in line for line in lines):
            raise AssertionError(f"bare CR or LF in head {head!r}")
        self.start_line = lines[0].decode("latin-1")
        self.headers: list[tuple[str, str]] = []
        for line in lines[1:]:
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or not name or name != name.strip():
                raise AssertionError(f"bad header line {line!r}")
            self.headers.append((name, value.strip(" \t")))
        self.body = b""
        self.trailer = b""
        self.chunks: list[int] = []

    def all(self, name: str) -> list[str]:
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name: str, default=None):
        values = self.all(name)
        if len(values) > 1:
            raise AssertionError(f"{name} stands {len(values)} times: {values}")
        return values[0] if values else default

    def has(self, name: str) -> bool:
        return bool(self.all(name))

    def tokens(self, name: str) -> list[str]:
        return [t.strip().lower() for v in self.all(name) for t in v.split(",") if t.strip()]


class Response(Message):
    def __init__(self, head: bytes):
        super().__init__(head)
        match = re.fullmatch(r"(HTTP/1\.[01]) (\d{3}) ?(.*)", self.start_line)
        if not match:
            raise AssertionError(f"bad status line {self.start_line!r}")
        self.version, status, self.reason = match.groups()
        self.status = int(status)
        self.interim: list["Response"] = []
        self.until_close = False  # the body ended with the connection

    @property
    def text(self) -> str:
        return self.body.decode("latin-1")

    @property
    def keep_alive(self) -> bool:
        tokens = self.tokens("connection")
        return "close" not in tokens and (self.version == "HTTP/1.1" or "keep-alive" in tokens)


def read_response(reader: Reader, method: str = "GET", head_only: bool = False) -> Response:
    """One response with the interim ones before it. Raises Closed or Truncated."""
    interim = []
    while True:
        response = Response(reader.until(b"\r\n\r\n"))
        if 100 <= response.status < 200 and response.status != 101:
            interim.append(response)
            continue
        break
    response.interim = interim
    if head_only or method == "HEAD" or response.status in (101, 204, 304):
        return response
    coding = response.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked" or response.has("content-length"):
            raise AssertionError(f"bad framing in {response.raw_head!r}")
        response.body, response.trailer, response.chunks = reader.chunked()
    elif response.has("content-length"):
        response.body = reader.take(int(response.get("content-length")))
    else:
        response.until_close = True
        response.body = reader.rest()
        if reader.reset:
            raise Truncated(response.body, True)
    return response
