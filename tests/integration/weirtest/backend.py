"""A recording backend: logs every byte of every connection and answers by a script.

    Backend()                                    answers every request with 200 and its name
    Backend(reply=lambda request: answer(...))   one answer a request, connections kept alive
    Backend(script=lambda conn: ...)             the whole life of each connection, in a thread of its own
    Backend(tls=context)                         each connection begins with a handshake of that ssl.SSLContext
"""
import os
import socket
import ssl
import struct
import threading
import traceback

from .address import bind, own_host
from .message import Closed, Message, Reader, Truncated
from .wait import DEADLINE, wait_until


class Request(Message):
    def __init__(self, head: bytes):
        super().__init__(head)
        self.method, self.path, self.version = self.start_line.split(" ")
        self.connection: "Connection" = None


def answer(body: bytes | str = b"", status: int = 200, headers=(), reason: str = "OK") -> bytes:
    """A response with Content-Length."""
    data = body.encode() if isinstance(body, str) else body
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in pairs) + f"Content-Length: {len(data)}\r\n\r\n"
    return head.encode("latin-1") + data


class Connection:
    """One connection that weir made to the backend."""

    def __init__(self, backend: "Backend", sock: socket.socket, index: int):
        self.backend = backend
        self.sock = sock
        self.index = index
        self.received = bytearray()  # every byte, in order
        self.requests: list[Request] = []
        self.ended = threading.Event()  # weir closed, or the script closed
        self.thread: threading.Thread | None = None  # the script's
        self.reader = Reader(sock, self.received.extend)

    def shake_hands(self, context: ssl.SSLContext) -> None:
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.reader = Reader(self.sock, self.received.extend)

    def read_head(self) -> Request:
        """A request's head; its body is left on the wire. Raises Closed when weir closed instead."""
        request = Request(self.reader.until(b"\r\n\r\n"))
        request.connection = self
        self.requests.append(request)
        self.backend.note(request)
        return request

    def read_body(self, request: Request) -> Request:
        coding = request.get("transfer-encoding")
        if coding is not None:
            if coding.lower() != "chunked" or request.has("content-length"):
                raise AssertionError(f"bad framing from weir: {request.raw_head!r}")
            request.body, request.trailer, request.chunks = self.reader.chunked()
        elif request.has("content-length"):
            request.body = self.reader.take(int(request.get("content-length")))
        return request

    def read_request(self) -> Request:
        return self.read_body(self.read_head())

    def send(self, data: bytes) -> "Connection":
        self.sock.sendall(data)
        return self

    def goodbye(self) -> None:
        """close_notify and no FIN. Over TLS, once weir has nothing more to send; from the script alone: a TLS socket is one thread's."""
        self.sock.setblocking(False)
        try:
            self.sock.unwrap()
        except (ssl.SSLError, OSError):  # weir's own is still to come
            pass
        self.sock.settimeout(60)

    def fin(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def read_all(self) -> bytes:
        return self.reader.rest()

    def wait_closed(self) -> bool:
        """Blocks until weir closes; True when it was a RST."""
        self.reader.rest()
        return self.reader.reset

    def close(self) -> None:
        """From any thread. Python's TLS is one thread's: another one ends the connection below it, so that the script's closes it."""
        _shut_down(self.sock)
        if not isinstance(self.sock, ssl.SSLSocket) or threading.current_thread() is self.thread:
            self.sock.close()
        self.ended.set()

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        self.ended.set()


def _shut_down(sock: socket.socket) -> None:
    """Wakes up whoever reads it. An SSLSocket's own shutdown() would take the TLS away from under its reader."""
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        pass


class Backend:
    def __init__(self, reply=None, script=None, name: str = "", address: str = "", receive_buffer: int = 0, tls: ssl.SSLContext | None = None):
        """`address`: HOST (port 0), HOST:PORT or unix:PATH; a loopback address of this process when empty."""
        self.name = name
        self.connections: list[Connection] = []
        self.requests: list[Request] = []  # in order of arrival of their heads
        self.failures: list[str] = []  # what went wrong in scripts
        self._script = script or (lambda conn: self._serve(conn, reply or self._own_name))
        self.refusals: list[str] = []  # why handshakes have failed
        self._tls = tls
        self._lock = threading.Lock()
        self._stopped = False
        if address.startswith("unix:"):
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(address[len("unix:"):])
            self.address = address
        else:
            host, port = address or own_host(), 0
            if address.count(":") == 1:
                host, port = address.split(":")
            options = {"SO_REUSEADDR": 1}
            if receive_buffer:  # connections have it from the listener
                options["SO_RCVBUF"] = receive_buffer
            self._listener = bind(host.strip("[]"), int(port), **options)
            self.address = ("[%s]:%d" if ":" in host else "%s:%d") % self._listener.getsockname()[:2]
        self.name = name or self.address
        self._listener.listen(1024)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def received(self) -> bytes:
        """Every byte of every connection."""
        return b"".join(bytes(c.received) for c in list(self.connections))

    @property
    def paths(self) -> list[str]:
        return [r.path for r in list(self.requests)]

    def note(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    def wait_requests(self, count: int = 1, deadline: float = DEADLINE) -> list[Request]:
        wait_until(lambda: len(self.requests) >= count, f"{count} requests at backend {self.name}", deadline)
        return self.requests

    def wait_connections(self, count: int = 1, deadline: float = DEADLINE) -> list[Connection]:
        wait_until(lambda: len(self.connections) >= count, f"{count} connections at backend {self.name}", deadline)
        return self.connections

    def wait_all_closed(self) -> None:
        wait_until(lambda: all(c.ended.is_set() for c in self.connections), f"the connections of backend {self.name} to close")

    def stop_listening(self) -> None:
        """New connections are refused; those open live on."""
        self._stopped = True
        _shut_down(self._listener)
        self._accepting.join(20)  # before the number of its descriptor is another listener's
        self._listener.close()

    def stop(self) -> None:
        self.stop_listening()
        for connection in list(self.connections):
            connection.close()
        if self.address.startswith("unix:") and os.path.exists(self.address[len("unix:"):]):
            os.unlink(self.address[len("unix:"):])

    def _accept(self) -> None:
        while not self._stopped:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(60)
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                connection = Connection(self, sock, len(self.connections))
                self.connections.append(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: Connection) -> None:
        connection.thread = threading.current_thread()
        try:
            if self._tls is not None:
                connection.shake_hands(self._tls)
        except (ssl.SSLError, OSError) as error:
            self.refusals.append(str(error))
            connection.close()
            return
        try:
            self._script(connection)
        except (Closed, Truncated, ConnectionError, TimeoutError, OSError):
            pass  # weir went away, or the test is over: what it means is for the test to say
        except Exception:
            self.failures.append(traceback.format_exc())
        connection.close()

    def _serve(self, connection: Connection, reply) -> None:
        while True:
            request = connection.read_request()
            connection.send(reply(request))

    def _own_name(self, request: Request) -> bytes:
        return answer(b"" if request.method == "HEAD" else self.name)
