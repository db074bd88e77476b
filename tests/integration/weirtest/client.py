"""A raw client: any bytes in any pieces, FIN, RST, slow reading."""
import socket
import struct

from .address import connect
from .message import Reader, Response, read_response


class Client:
    def __init__(self, address: str, source: str = "", receive_buffer: int = 0):
        """`receive_buffer` bytes of socket buffer make a slow reader felt early (set before connecting)."""
        if receive_buffer:
            host, _, port = address.rpartition(":")
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.sock.settimeout(20)
            self.sock.connect((host, int(port)))
        else:
            self.sock = connect(address, source)
        self.reader = Reader(self.sock)

    def send(self, data: bytes) -> "Client":
        self.sock.sendall(data)
        return self

    def send_pieces(self, data: bytes, size: int = 1) -> "Client":
        """In pieces of `size`; weir may close in between, which is not an error here: the answer is still to be read."""
        try:
            for at in range(0, len(data), size):
                self.sock.sendall(data[at:at + size])
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def send_request(self, method: str = "GET", path: str = "/", headers=(), body: bytes | None = None, host: str = "test",
                     version: str = "1.1") -> "Client":
        return self.send(request_bytes(method, path, headers, body, host, version))

    def request(self, method: str = "GET", path: str = "/", headers=(), body: bytes | None = None, host: str = "test") -> Response:
        self.send_request(method, path, headers, body, host)
        return self.read_response(method)

    def read_response(self, method: str = "GET", head_only: bool = False) -> Response:
        return read_response(self.reader, method, head_only)

    def read(self, count: int) -> bytes:
        return self.reader.take(count)

    def read_until(self, end: bytes) -> bytes:
        return self.reader.until(end)

    def read_all(self) -> bytes:
        """Until weir closes."""
        return self.reader.rest()

    def closed_by_weir(self) -> bool:
        """Waits for the end of the stream; False if bytes came instead."""
        return self.reader.rest() == b""

    def fin(self) -> "Client":
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def request_bytes(method="GET", path="/", headers=(), body: bytes | None = None, host="test", version="1.1") -> bytes:
    """A request head with Host and, with a body, Content-Length; `headers` is a dict or a list of pairs."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    names = {n.lower() for n, _ in pairs}
    if host and "host" not in names:
        pairs.insert(0, ("Host", host))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    head = f"{method} {path} HTTP/{version}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in pairs) + "\r\n"
    return head.encode("latin-1") + (body or b"")
