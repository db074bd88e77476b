"""Clients over TLS: whole connections (TlsClient), connections whose records the test carries itself (MemoryTls), and hellos made by hand."""
import pathlib
import shutil
import socket
import ssl
import struct
import tempfile

from .address import connect
from .case import Case
from .certificates import Certificate, openssl
from .client import request_bytes
from .message import Reader, read_response

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23


def client_context(version=None, certificate: Certificate | None = None, alpn=None) -> ssl.SSLContext:
    """Of a client that trusts everybody; `certificate` is its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    if certificate:
        context.load_cert_chain(certificate.pem, certificate.key)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class TlsClient:
    """A connection to weir over TLS; `certificate` is the client's own."""

    def __init__(self, address: str, server_name: str | None = "a.test", version=None, certificate: Certificate | None = None, session=None,
                 context: ssl.SSLContext | None = None, alpn=None):
        self.context = context or client_context(version, certificate, alpn)
        raw = connect(address)
        try:
            # A connection that is cut without a close_notify is an error, not an end.
            self.sock = self.context.wrap_socket(raw, server_hostname=server_name, session=session, suppress_ragged_eofs=False)
        except BaseException:
            raw.close()
            raise
        self.reader = Reader(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def request(self, method="GET", path="/", headers=(), body=None, host="a.test"):
        self.sock.sendall(request_bytes(method, path, headers, body, host))
        return read_response(self.reader, method)

    @property
    def shown(self) -> str:
        """The common name of the certificate that weir has shown."""
        text = openssl("x509", "-inform", "DER", "-noout", "-subject", stdin=None, input=self.sock.getpeercert(True)).stdout.decode()
        return text.strip().rpartition("= ")[2]

    def close(self):
        self.sock.close()


class MemoryTls:
    """A TLS client without a socket of its own: what it wants sent is taken with out(), what came is put in with put()."""

    def __init__(self, server_name: str | None = "a.test", context: ssl.SSLContext | None = None, **options):
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or client_context(**options)).wrap_bio(self._in, self._out, server_hostname=server_name)
        self.done = False

    def shake(self, came: bytes = b"") -> bytes:
        """Goes on with the handshake as far as `came` goes; what is to be sent now."""
        self._in.write(came)
        try:
            self.tls.do_handshake()
            self.done = True
        except ssl.SSLWantReadError:
            pass
        return self.out()

    def out(self) -> bytes:
        return self._out.read()

    def write(self, plain: bytes) -> bytes:
        """The records of `plain`."""
        self.tls.write(plain)
        return self.out()

    def bye(self) -> bytes:
        """The record of a close_notify."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:  # the other side's has not come
            pass
        return self.out()

    def read(self, came: bytes) -> bytes:
        """What `came` is in plain."""
        self._in.write(came)
        plain = b""
        try:
            while piece := self.tls.read(65536):
                plain += piece
        except ssl.SSLWantReadError:
            pass
        return plain

    def connect(self, client, hello: bytes = b"") -> "MemoryTls":
        """Shakes hands over a raw Client, with these records instead of those of its hello."""
        client.send(hello or self.shake())
        while not self.done:
            client.send(self.shake(received(client)))
        return self

    def connect_all_but_the_last(self, client) -> bytes:
        """The same, but what the client has to say last is given back, not sent."""
        last = self.shake()
        while not self.done:
            client.send(last)
            last = self.shake(received(client))
        return last

    def read_response(self, client) -> bytes:
        """The next bytes in plain, up to a whole response with a length."""
        plain = self.read(b"")
        while True:
            head, end, body = plain.partition(b"\r\n\r\n")
            if end and len(body) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
                return plain
            plain += self.read(received(client))


def received(client) -> bytes:
    """What comes next on a raw Client."""
    if not client.reader.buffer and not client.reader.fill():
        raise AssertionError("weir has closed the connection")
    came, client.reader.buffer = client.reader.buffer, b""
    return came


def records(data: bytes) -> list[tuple[int, bytes]]:
    """(type, content) of each record; a record that is cut is left out."""
    found = []
    while len(data) >= 5:
        size = int.from_bytes(data[3:5], "big")
        if len(data) < 5 + size:
            break
        found.append((data[0], data[5:5 + size]))
        data = data[5 + size:]
    return found


def record(content: bytes, kind: int = HANDSHAKE, version: int = 0x0301) -> bytes:
    return struct.pack("!BHH", kind, version, len(content)) + content


def in_records(message: bytes, *sizes: int) -> bytes:
    """A handshake message in records of these sizes, the last of them again and again; as large as they may be without any."""
    out, at, n = b"", 0, 0
    while at < len(message):
        size = sizes[min(n, len(sizes) - 1)] if sizes else 16384
        out += record(message[at:at + size])
        at, n = at + size, n + 1
    return out


def vector(content: bytes, size: int = 2) -> bytes:
    return len(content).to_bytes(size, "big") + content


def extension(number: int, content: bytes) -> bytes:
    return struct.pack("!H", number) + vector(content)


def server_names(*names: bytes, kind: int = 0) -> bytes:
    return extension(0, vector(b"".join(bytes([kind]) + vector(name) for name in names)))


def protocols(*names: bytes) -> bytes:
    return extension(16, vector(b"".join(vector(name, 1) for name in names)))


P256_POINT = bytes.fromhex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                           "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")  # its base point: a key share as good as any
GROUPS = extension(10, vector(b"\0\x17"))
SIGNATURES = extension(13, vector(b"\x04\x03\x08\x04\x04\x01"))
KEY_SHARE = extension(51, vector(b"\0\x17" + vector(P256_POINT)))
TLS13 = extension(43, vector(b"\x03\x04", 1)) + KEY_SHARE


def hello(extensions: bytes = b"", version: int = 0x0303, ciphers: bytes = b"\x13\x01\xc0\x2b\xc0\x2f", compression: bytes = b"\0", session: bytes = b"",
          usual: bool = True) -> bytes:
    """A ClientHello message without its record; of TLS 1.2 unless TLS13 is among the extensions."""
    if usual:
        extensions = GROUPS + SIGNATURES + extensions
    content = (struct.pack("!H", version) + bytes(range(32)) + vector(session, 1) + vector(ciphers) + vector(compression, 1) +
               (vector(extensions) if extensions else b""))
    return b"\1" + vector(content, 3)


class TlsCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="weir-tls-"))
        cls.dir.chmod(0o755)
        cls.a = Certificate(cls.dir, "a", ["a.test", "*.wild.test"])

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir, ignore_errors=True)

    def pair(self, certificate: Certificate) -> str:
        return f"ssl_certificate {certificate.pem}; ssl_certificate_key {certificate.key};"

    def serving(self, server: str = "", http: str = "", text: str = "$ssl_server_name $host", **options):
        return self.weir(f"{http}\nserver {{ listen <<front>> ssl; server_name a.test; {self.pair(self.a)} {server} "
                         f"location / {{ return 200 '{text}'; }} }}", **options)

    def ask(self, weir, path="/", host="a.test", **options):
        with TlsClient(weir.front, **options) as client:
            return client.request(path=path, host=host)

    def fails(self, weir, **options) -> str:
        with self.assertRaises(ssl.SSLError) as caught:
            self.ask(weir, **options)
        return str(caught.exception).upper().replace(" ", "_")
