"""A WebSocket client of some lines (RFC 6455): text frames, answers to pings, and a watch over silence."""
import base64
import hashlib
import json
import os
import socket
import struct
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Closed(Exception):
    """The other side ended it; `code` is the close frame's, 1006 when there was none (as a browser says)."""

    def __init__(self, text: str, code: int = 1006):
        super().__init__(text)
        self.code = code


class WebSocket:
    def __init__(self, port: int, path: str = "/ws", timeout: float = 30):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        key = base64.b64encode(os.urandom(16))
        self.sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n\r\n".encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            piece = self.sock.recv(4096)
            if not piece:
                break
            self.buffer += piece
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.status = int(head.split(b" ", 2)[1]) if b" " in head else 0  # 0: closed without an answer
        if self.status == 101:
            accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
            if accept not in head:
                raise Closed("101 with a wrong Sec-WebSocket-Accept")

    def send_text(self, text: str):
        data, mask = text.encode(), os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        self.sock.sendall(b"\x81" + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def _take(self, size: int, deadline: float) -> bytes:
        while len(self.buffer) < size:
            self.sock.settimeout(max(0.01, deadline - time.monotonic()))
            piece = self.sock.recv(65536)
            if not piece:
                raise Closed("the connection was closed")
            self.buffer += piece
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def receive(self, seconds: float):
        """The next text, or None after `seconds` without one. Raises Closed."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                first, length = self._take(2, deadline)
                if length == 126:
                    length = struct.unpack(">H", self._take(2, deadline))[0]
                elif length == 127:
                    length = struct.unpack(">Q", self._take(8, deadline))[0]
                data = self._take(length, deadline)
                opcode = first & 15
                if opcode == 8:
                    code = struct.unpack(">H", data[:2])[0] if len(data) > 1 else 1005
                    raise Closed(f"a close frame, code {'none' if code == 1005 else code}", code)
                if opcode in (1, 2):
                    return data.decode(errors="replace")
        except socket.timeout:
            return None

    def authorise(self, token: str) -> bool:
        self.send_text(json.dumps({"type": "auth:token", "payload": {"token": token, "authenticator": "basic"}}))
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            text = self.receive(deadline - time.monotonic())
            if text and json.loads(text).get("type") == "authorized":
                return True
        return False

    def close(self):
        self.sock.close()
