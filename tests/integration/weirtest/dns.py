"""A scripted name server (UDP and TCP): A, AAAA and SRV records that a test may change at any time, failures and silence."""
import socket
import struct
import threading

from .address import bind, own_host
from .message import Reader, Truncated

A, AAAA, SRV = 1, 28, 33
SERVFAIL, NXDOMAIN = 2, 3


def _name(text: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode() for part in text.rstrip(".").split(".")) + b"\0"


class Dns:
    def __init__(self, ttl: int = 1):
        self.ttl = ttl
        self.records: dict[tuple[str, int], list[bytes]] = {}
        self.mode = "answers"  # "fails": SERVFAIL; "silent"
        self.questions: list[tuple[str, int]] = []
        self._known: set[tuple[str, int, bytes]] = set()  # with their ids
        self._tcp = bind(own_host(), SO_REUSEADDR=1)
        self._tcp.listen()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(self._tcp.getsockname())
        self.address = "%s:%d" % self._udp.getsockname()
        threading.Thread(target=self._serve_udp, daemon=True).start()
        threading.Thread(target=self._serve_tcp, daemon=True).start()

    def a(self, name: str, *addresses: str) -> "Dns":
        self.records[name, A] = [socket.inet_aton(each) for each in addresses]
        return self

    def srv(self, name: str, *targets: tuple[int, int, int, str]) -> "Dns":
        """(priority, weight, port, target)"""
        self.records[name, SRV] = [struct.pack(">HHH", *each[:3]) + _name(each[3]) for each in targets]
        return self

    def asked(self, name: str, kind: int = A) -> int:
        return self.questions.count((name, kind))

    def distinct(self, name: str, kind: int = A) -> int:
        """As asked(), but a question that is sent again, as its answer was not in time, is the same one."""
        return sum(each[:2] == (name, kind) for each in list(self._known))

    def _answer(self, query: bytes) -> bytes:
        at, parts = 12, []
        while query[at]:
            parts.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind, = struct.unpack(">H", query[at + 1:at + 3])
        question, name = query[12:at + 5], ".".join(parts)
        self.questions.append((name, kind))
        self._known.add((name, kind, query[:2]))
        if self.mode == "silent":
            return b""
        found = self.records.get((name, kind), [])
        known = any(each == name for each, _ in list(self.records))  # the test changes them
        code = SERVFAIL if self.mode == "fails" else 0 if known else NXDOMAIN
        if code:
            found = []
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, self.ttl, len(data)) + data for data in found)
        return query[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(found), 0, 0) + question + records

    def _serve_udp(self):
        while True:
            try:
                query, client = self._udp.recvfrom(4096)
                if not query:  # it was shut down
                    return
                if reply := self._answer(query):
                    self._udp.sendto(reply, client)
            except OSError:
                return

    def _serve_tcp(self):
        while True:
            try:
                connection, _ = self._tcp.accept()
                with connection:
                    connection.settimeout(5)
                    reader = Reader(connection)
                    length, = struct.unpack(">H", reader.take(2))
                    if reply := self._answer(reader.take(length)):
                        connection.sendall(struct.pack(">H", len(reply)) + reply)
            except (TimeoutError, Truncated):
                continue
            except OSError:
                return

    def close(self):
        for each in (self._udp, self._tcp):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
