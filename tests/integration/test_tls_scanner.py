#!/usr/bin/env python3
"""A scanner of TLS: whatever a client says before, inside and behind its handshake, it gets the alert or the answer that the RFCs name,
nothing stays behind in weir, and the next client is served."""
import ssl
import subprocess

from weirtest import Client, Truncated, answer, main
from weirtest.client import request_bytes
from weirtest.message import read_response
from weirtest.tls import (ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, GROUPS, HANDSHAKE, SIGNATURES, TLS13, MemoryTls, TlsCase, TlsClient, extension,
                          hello, in_records, protocols, received, record, records, server_names, vector)

CLOSE_NOTIFY, UNEXPECTED_MESSAGE, BAD_RECORD_MAC, RECORD_OVERFLOW, HANDSHAKE_FAILURE = 0, 10, 20, 22, 40
ILLEGAL_PARAMETER, DECODE_ERROR, PROTOCOL_VERSION, MISSING_EXTENSION, UNRECOGNIZED_NAME, NO_PROTOCOL = 47, 50, 70, 109, 112, 120
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
GET = request_bytes("GET", "/", (), None, "a.test")
MOST = 8  # handshakes under way at once: one that were counted for ever would soon be felt


class Scan(TlsCase):
    hard_limit = 300  # a thousand handshakes, under a sanitizer too

    def scanned(self, location="return 200 '$ssl_server_name $ssl_alpn_protocol';", server="", text="", **options):
        self.scanned_weir = self.weir(
            config="daemon off; pid <<dir>>/weir.pid; error_log stderr info; worker_processes 1; "
            f"events {{ worker_handshakes {MOST}; }}\nhttp {{ {text} server {{ listen <<front>> ssl; server_name a.test; {self.pair(self.a)} {server} "
            f"location / {{ {location} }} }} }}", **options)
        self.ask(self.scanned_weir)
        self.scanned_weir.metric("weir_tls_handshakes_refused_total")  # control is up, too
        self.before = self.scanned_weir.descriptors()
        return self.scanned_weir

    def tearDown(self):
        """Nothing is left of all those connections, and the next one is served."""
        try:
            weir = getattr(self, "scanned_weir", None)
            if weir is not None and weir.running:
                for client in self._clients:
                    client.close()
                self.wait_until(lambda: weir.descriptors() <= self.before, "all connections to be closed")
                self.assertEqual(self.ask(weir).status, 200)
                self.assertEqual(weir.metric("weir_tls_handshakes_refused_total"), 0)
                self.assertNotRegex(weir.errors(), r"\[(error|crit|alert|emerg)\]")
        finally:
            super().tearDown()

    def said(self, weir, data: bytes, fin=False) -> bytes:
        """Everything that weir answers to these bytes, and then closes."""
        with Client(weir.front) as client:
            client.send_pieces(data, max(1, len(data)))
            if fin:
                client.fin()
            return client.read_all()

    def alert_to(self, weir, data: bytes, fin=False) -> int:
        """The number of the fatal alert that is all of the answer."""
        got = self.said(weir, data, fin)
        found = records(got)
        self.assertEqual([(kind, len(content)) for kind, content in found], [(ALERT, 2)], got)
        self.assertEqual(found[0][1][0], 2, "it is fatal")
        return found[0][1][1]

    def first_answer(self, weir, data: bytes) -> tuple[int, int]:
        """(type of the record, alert's or message's number) that comes first, without waiting for the end."""
        with Client(weir.front) as client:
            client.send(data)
            head = client.read(5)
            content = client.read(int.from_bytes(head[3:5], "big"))
            return head[0], content[1] if head[0] == ALERT else content[0]


class Hellos(Scan):
    def test_hello_cut_anywhere_is_closed(self):
        weir = self.scanned()
        whole = MemoryTls().shake()
        for at in range(len(whole)):
            self.assertEqual(self.said(weir, whole[:at], fin=True), b"", at)

    def test_hello_in_two_records_cut_anywhere_is_understood(self):
        weir = self.scanned()
        for version in VERSIONS:
            for at in range(1, len(MemoryTls(version=version).shake()) - 5):
                with Client(weir.front) as raw:
                    client = MemoryTls(version=version)
                    client.connect(raw, in_records(client.shake()[5:], at, 16384))
                    raw.send(client.write(GET))
                    self.assertIn(b"200 OK", client.read_response(raw), at)

    def test_hello_in_records_of_one_byte_is_understood(self):
        weir = self.scanned()
        for version in VERSIONS:
            client, raw = MemoryTls(version=version), self.client(weir)
            pieces = in_records(client.shake()[5:], 1)
            self.assertGreater(len(records(pieces)), 100)
            client.connect(raw, pieces)
            raw.send(client.write(GET))
            self.assertIn(b"200 OK", client.read_response(raw))

    def test_handshake_byte_by_byte_is_understood(self):
        weir = self.scanned()
        for version in VERSIONS:
            client, raw = MemoryTls(version=version), self.client(weir)
            raw.send_pieces(client.shake(), 1)
            while not client.done:
                raw.send_pieces(client.shake(received(raw)), 1)
            raw.send_pieces(client.write(GET), 1)
            self.assertIn(b"200 OK", client.read_response(raw))

    def test_large_hello_is_understood_and_a_larger_one_refused(self):
        weir = self.scanned()
        self.assertEqual(self.first_answer(weir, in_records(hello(TLS13 + extension(21, bytes(40_000))))), (HANDSHAKE, 2))
        # Nobody's hello is that long, and the server name behind all that would not be looked for.
        self.assertEqual(self.alert_to(weir, in_records(hello(TLS13 + extension(21, bytes(65_000)) + server_names(b"a.test"), ciphers=b"\x13\x01" * 500))),
                         DECODE_ERROR)
        for size in (70_000, 0xffffff):
            self.assertIn(self.alert_to(weir, record(b"\1" + size.to_bytes(3, "big") + bytes(1000))), (DECODE_ERROR, ILLEGAL_PARAMETER))

    def test_versions_before_tls12_are_refused(self):
        weir = self.scanned()
        for version in (0x0300, 0x0301, 0x0302):
            alert = self.alert_to(weir, record(hello(version=version, ciphers=b"\xc0\x09\xc0\x13\0\x2f"), version=min(version, 0x0301)))
            self.assertIn(alert, (PROTOCOL_VERSION, HANDSHAKE_FAILURE) if version == 0x0300 else (PROTOCOL_VERSION,), hex(version))
        # RFC 8446 4.2.1: the extension counts, not what stands in front.
        self.assertEqual(self.alert_to(weir, record(hello(extension(43, vector(b"\x03\x02\x03\x01", 1))))), PROTOCOL_VERSION)

    def test_sslv2_hello_is_no_hello(self):
        weir = self.scanned()
        v2 = b"\1\0\2\0\3\0\0\0\x10" + b"\7\0\xc0" + bytes(16)
        self.assertIn(b"400 Bad Request", self.said(weir, (0x8000 | len(v2)).to_bytes(2, "big") + v2))

    def test_unknown_versions_are_negotiated_down(self):
        weir = self.scanned()
        self.assertEqual(self.first_answer(weir, record(hello(version=0x0305))), (HANDSHAKE, 2))
        grease = extension(43, vector(b"\x3a\x3a\x03\x05\x03\x04", 1))
        share = TLS13[len(extension(43, vector(b"\x03\x04", 1))):]
        self.assertEqual(self.first_answer(weir, record(hello(grease + share))), (HANDSHAKE, 2))

    def test_compression_is_never_chosen(self):
        weir = self.scanned()
        with Client(weir.front) as client:
            client.send(record(hello(compression=b"\1\0")))
            head = client.read(5)
            shown = client.read(int.from_bytes(head[3:5], "big"))
        after_session = 4 + 2 + 32 + 1 + shown[38]
        self.assertEqual((shown[0], shown[after_session + 2]), (2, 0))
        self.assertEqual(self.alert_to(weir, record(hello(TLS13, compression=b"\1\0"))), ILLEGAL_PARAMETER)
        self.assertEqual(self.alert_to(weir, record(hello(compression=b"\1"))), DECODE_ERROR)

    def test_broken_hellos_get_the_alert_that_names_them(self):
        weir = self.scanned()
        cases = {
            "server names twice": (hello(server_names(b"a.test") * 2 + TLS13), DECODE_ERROR),
            "extension twice": (hello(protocols(b"http/1.1") * 2 + TLS13), ILLEGAL_PARAMETER),
            "extension cut": (hello(b"\0\0\0\x09\0\x07")[:-2] + b"\0\0", DECODE_ERROR),
            "no ciphers": (hello(ciphers=b""), ILLEGAL_PARAMETER),
            "odd ciphers": (hello(ciphers=b"\x13\x01\xc0"), DECODE_ERROR),
            "no cipher of ours": (hello(ciphers=b"\0\x01\0\x02"), HANDSHAKE_FAILURE),
            "session of 33 bytes": (hello(session=bytes(33)), DECODE_ERROR),
            "no compression": (hello(compression=b""), DECODE_ERROR),
            "nothing": (b"\1\0\0\0", DECODE_ERROR),
            "tls13 without a key share": (hello(extension(43, vector(b"\x03\x04", 1))), MISSING_EXTENSION),
            "key share on no curve": (hello(TLS13.replace(b"\x6b\x17\xd1\xf2", b"\xff\xff\xff\xff")), ILLEGAL_PARAMETER),
            "tls13 without groups": (hello(SIGNATURES + TLS13, usual=False), MISSING_EXTENSION),
            "tls13 without signatures": (hello(GROUPS + TLS13, usual=False), MISSING_EXTENSION),
        }
        for what, (message, alert) in cases.items():
            self.assertEqual(self.alert_to(weir, record(message)), alert, what)

    def test_other_messages_first_are_refused(self):
        weir = self.scanned()
        for number in (0, 2, 4, 11, 15, 16, 20, 24, 255):
            self.assertEqual(self.alert_to(weir, record(bytes([number]) + vector(bytes(40), 3))), UNEXPECTED_MESSAGE, number)


class ServerNames(Scan):
    def test_names_that_are_none_are_refused(self):
        weir = self.scanned()
        cases = {
            "empty": (server_names(b""), (DECODE_ERROR, UNRECOGNIZED_NAME)),
            "two": (server_names(b"a.test", b"b.test"), (DECODE_ERROR, ILLEGAL_PARAMETER, UNRECOGNIZED_NAME)),
            "no list": (extension(0, b""), (DECODE_ERROR,)),
            "cut": (extension(0, b"\0\x09\0\0\x20a.test"), (DECODE_ERROR,)),
            "256 bytes": (server_names(b"a" * 256), (UNRECOGNIZED_NAME, DECODE_ERROR)),
            "60,000 bytes": (server_names(b"a" * 60_000), (UNRECOGNIZED_NAME, DECODE_ERROR)),
            "with a zero": (server_names(b"a.test\0.b"), (UNRECOGNIZED_NAME, DECODE_ERROR)),
            "with a slash": (server_names(b"a/b"), (UNRECOGNIZED_NAME,)),
            "with a line end": (server_names(b"a.test\r\nX: y"), (UNRECOGNIZED_NAME,)),
            "with a port": (server_names(b"a.test:443"), (UNRECOGNIZED_NAME,)),
        }
        for version in (b"", TLS13):
            for what, (names, alerts) in cases.items():
                message = hello(version + names)
                self.assertIn(self.alert_to(weir, in_records(message)), alerts, (what, len(version)))

    def test_long_and_odd_names_reach_the_default_server(self):
        weir = self.scanned()
        for name in (b"x." * 127 + b"y", b"A.TEST", b"a.test.", b"127.0.0.1", b"xn--bcher-kva.test", b"under_score.test", b"-.test"):
            self.assertEqual(self.first_answer(weir, record(hello(TLS13 + server_names(name)))), (HANDSHAKE, 2), name)

    def test_name_of_another_type_is_no_name(self):
        weir = self.scanned()
        kind, _ = self.first_answer(weir, record(hello(TLS13 + server_names(b"a.test", kind=7))))
        self.assertIn(kind, (HANDSHAKE, ALERT))


class Protocols(Scan):
    def test_empty_protocols_are_broken(self):
        weir = self.scanned()
        for what, wrong in {"no list": extension(16, b""), "empty list": extension(16, b"\0\0"), "empty name": protocols(b""),
                            "empty among others": protocols(b"http/1.1", b""), "cut": extension(16, b"\0\x0a\x08http")}.items():
            self.assertEqual(self.alert_to(weir, record(hello(TLS13 + wrong))), DECODE_ERROR, what)

    def test_first_protocol_that_fits_is_chosen(self):
        weir = self.scanned()
        for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["http/1.0"], "http/1.0"), (["http/1.0", "http/1.1"], "http/1.1"), (None, "")):
            self.assertEqual(self.ask(weir, alpn=offered).text.split(" ")[1], chosen, offered)
        for offered in ([b"h2"], [b"h2c", b"spdy/3"], [b"HTTP/1.1"], [b"http/1.1 "], [b"x" * 255]):
            self.assertEqual(self.alert_to(weir, record(hello(TLS13 + protocols(*offered)))), NO_PROTOCOL, offered)


class Records(Scan):
    def test_records_of_no_bytes_are_refused_in_the_handshake(self):
        weir = self.scanned()
        self.assertIn(self.alert_to(weir, record(b"")), (UNEXPECTED_MESSAGE, DECODE_ERROR))
        first = MemoryTls().shake()
        self.assertIn(self.alert_to(weir, record(first[5:100]) + record(b"") + record(first[100:])), (UNEXPECTED_MESSAGE, DECODE_ERROR))

    def test_oversized_records_are_refused(self):
        weir = self.scanned()
        self.assertEqual(self.alert_to(weir, b"\x16\x03\x01\xff\xff\1\0\xff\xfb" + bytes(1000)), RECORD_OVERFLOW)
        self.assertEqual(self.alert_to(weir, b"\x16\x03\x01\x40\x01\1\0\x3f\xfd" + bytes(0x3ffd)), RECORD_OVERFLOW)
        for version in VERSIONS:
            with Client(weir.front) as raw:
                client = MemoryTls(version=version).connect(raw)
                raw.send_pieces(bytes([APPLICATION_DATA]) + b"\3\3\x48\x01" + bytes(0x4801), 65536)
                self.assertEqual(self.ended_by(client, raw), "RECORD_OVERFLOW")

    def test_records_that_were_tampered_with_end_the_connection(self):
        weir = self.scanned()
        for version in VERSIONS:
            for at in (6, 20, -1):
                with Client(weir.front) as raw:
                    client = MemoryTls(version=version).connect(raw)
                    sent = bytearray(client.write(GET))
                    sent[at] ^= 1
                    raw.send(bytes(sent))
                    self.assertEqual(self.ended_by(client, raw), "BAD_RECORD_MAC")

    def test_record_of_another_version_or_type_is_refused(self):
        weir = self.scanned()
        self.assertIn(b"400 Bad Request", self.said(weir, b"\x80\x2e\1\3\1" + bytes(80) + b"\r\n\r\n"))
        self.assertIn(self.alert_to(weir, b"\x16\x02\0\0\5hello"), (PROTOCOL_VERSION, UNEXPECTED_MESSAGE))
        first = MemoryTls().shake()
        for kind in (CHANGE_CIPHER_SPEC, APPLICATION_DATA, 24, 99):
            self.assertIn(self.alert_to(weir, record(first[5:90]) + record(b"\1", kind) + record(first[90:])), (UNEXPECTED_MESSAGE, DECODE_ERROR), kind)

    def ended_by(self, client: MemoryTls, raw: Client) -> str:
        """The reason of the fatal alert that ends a connection."""
        with self.assertRaises(ssl.SSLError) as caught:
            while raw.reader.fill():
                came, raw.reader.buffer = raw.reader.buffer, b""
                client.read(came)
            raise AssertionError("weir closed without an alert")
        for word in ("BAD_RECORD_MAC", "RECORD_OVERFLOW", "UNEXPECTED_MESSAGE", "NO_RENEGOTIATION"):
            if word in caught.exception.reason:
                return word
        return caught.exception.reason


class Alerts(Scan):
    def test_alert_instead_of_a_hello_is_no_request(self):
        weir = self.scanned()
        for level, number in ((1, CLOSE_NOTIFY), (2, HANDSHAKE_FAILURE), (1, 90)):
            got = self.said(weir, record(bytes([level, number]), ALERT), fin=True)
            self.assertTrue(got == b"" or b"400 Bad Request" in got, got)

    def test_alert_inside_the_hello_ends_the_handshake(self):
        weir = self.scanned()
        first = MemoryTls().shake()
        for level, number in ((1, CLOSE_NOTIFY), (2, HANDSHAKE_FAILURE)):
            got = self.said(weir, record(first[5:100]) + record(bytes([level, number]), ALERT), fin=True)
            self.assertTrue(all(kind == ALERT for kind, _ in records(got)), got)

    def test_alert_behind_the_hello_ends_the_handshake(self):
        for version in VERSIONS:
            weir = self.scanned()
            for level, number in ((2, HANDSHAKE_FAILURE), (2, 48), (1, CLOSE_NOTIFY), (1, 90)):
                with Client(weir.front) as raw:
                    raw.send(MemoryTls(version=version).shake() + record(bytes([level, number]), ALERT, 0x0303)).fin()
                    kinds = [kind for kind, _ in records(raw.read_all())]
                    self.assertNotIn(APPLICATION_DATA if version == VERSIONS[0] else None, kinds)
            self.assertEqual(weir.metric("weir_tls_handshakes_total"), 1)

    def test_malformed_alerts_are_refused(self):
        weir = self.scanned()
        for content in (b"", b"\2", b"\3\x28", b"\2\x28\0"):
            with Client(weir.front) as raw:
                raw.send(MemoryTls(version=VERSIONS[0]).shake() + record(content, ALERT, 0x0303)).fin()
                last = records(raw.read_all())[-1]
                self.assertEqual((last[0], last[1][0]), (ALERT, 2), content)

    def test_flood_of_warnings_is_not_borne(self):
        weir = self.scanned()
        with Client(weir.front) as raw:
            raw.send(MemoryTls(version=VERSIONS[0]).shake()).send_pieces(record(b"\1\x5a", ALERT, 0x0303) * 100, 4096)
            self.assertEqual(records(raw.read_all())[-1], (ALERT, bytes([2, UNEXPECTED_MESSAGE])))


class Endings(Scan):
    def test_request_may_come_with_the_end_of_the_handshake(self):
        weir = self.scanned()
        raw, client = self.client(weir), MemoryTls(version=ssl.TLSVersion.TLSv1_3)
        raw.send(client.connect_all_but_the_last(raw) + client.write(GET))
        self.assertIn(b"200 OK", client.read_response(raw))

    def test_whole_connection_in_one_piece_is_no_leak(self):
        weir = self.scanned(location="return 200;")
        for bye in (b"", b"bye"):
            with Client(weir.front) as raw:
                client = MemoryTls(version=ssl.TLSVersion.TLSv1_3)
                raw.send(client.connect_all_but_the_last(raw) + client.write(GET) + (client.bye() if bye else b"")).fin()
                raw.read_all()

    def test_goodbye_right_behind_the_handshake_closes(self):
        weir = self.scanned()
        for version in VERSIONS:
            for request in (b"", GET[:10]):
                with Client(weir.front) as raw:
                    client = MemoryTls(version=version).connect(raw)
                    raw.send((client.write(request) if request else b"") + client.bye())
                    raw.read_all()

    def test_silent_end_of_the_client_is_no_error(self):
        weir = self.scanned()
        for version in VERSIONS:
            for half in (b"", GET, GET[:10]):
                with Client(weir.front) as raw:
                    client = MemoryTls(version=version).connect(raw)
                    if half:
                        raw.send(client.write(half))
                    if half == GET:
                        client.read_response(raw)
                    raw.fin()
                    raw.read_all()
            with Client(weir.front) as raw:
                MemoryTls(version=version).connect(raw)
                raw.reset()

    def test_cut_record_is_no_request(self):
        backend = self.backend(lambda r: answer("x"))
        weir = self.scanned(location=f"proxy_pass http://{backend.address};")
        before = len(backend.requests)
        for version in VERSIONS:
            sent = MemoryTls(version=version)
            with Client(weir.front) as raw:
                data = sent.connect(raw).write(GET)
                raw.send(data[:-1]).fin()
                raw.read_all()
        self.assertEqual(len(backend.requests), before)

    def test_body_that_a_goodbye_cuts_is_not_whole(self):
        backend = self.backend(lambda r: answer("x"))
        weir = self.scanned(location=f"proxy_pass http://{backend.address};")
        before = len(backend.requests)
        for version in VERSIONS:
            for body in (b"Content-Length: 10\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"):
                with Client(weir.front) as raw:
                    client = MemoryTls(version=version).connect(raw)
                    raw.send(client.write(b"POST / HTTP/1.1\r\nHost: a.test\r\n" + body) + client.bye())
                    raw.read_all()
        self.assertEqual(len(backend.requests), before)

    def test_close_notify_comes_when_weir_closes(self):
        weir = self.scanned()
        for version in VERSIONS:
            with TlsClient(weir.front, version=version) as client:
                self.assertEqual(client.request(headers={"Connection": "close"}).status, 200)
                self.assertEqual(client.sock.recv(1), b"")  # an SSLEOFError where no close_notify came

    def test_answer_that_breaks_off_looks_cut(self):
        backend = self.backend(script=self.cut)
        weir = self.scanned(location=f"proxy_pass http://{backend.address};", server="proxy_next_upstream off;")
        for version in VERSIONS:
            with TlsClient(weir.front, version=version) as client:
                client.sock.sendall(request_bytes("GET", "/cut", (), None, "a.test"))
                with self.assertRaises((Truncated, ssl.SSLError)):
                    read_response(client.reader)
            # RFC 9112 9.8: without a length the end of the connection is the end of the answer, unless close_notify is missing.
            with TlsClient(weir.front, version=version) as client:
                client.sock.sendall(request_bytes("GET", "/cut", (), None, "a.test", "1.0"))
                with self.assertRaises((Truncated, ssl.SSLEOFError)):
                    read_response(client.reader)

    def cut(self, connection):
        request = connection.read_request()
        while request.path != "/cut":
            connection.send(answer("whole"))
            request = connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        connection.close()

    def test_client_that_shuts_its_side_down_still_hears_the_goodbye(self):
        weir = self.scanned()
        for version in VERSIONS:
            with Client(weir.front) as raw:
                client = MemoryTls(version=version).connect(raw)
                raw.send(client.bye()).fin()
                rest = raw.read_all()
                with self.assertRaises(ssl.SSLZeroReturnError):
                    client.tls.read(1) if client.read(rest) == b"" else None
                    raise AssertionError("no close_notify came")


class Refusals(Scan):
    def test_renegotiation_is_refused(self):
        weir = self.scanned()
        done = subprocess.run(["openssl", "s_client", "-connect", weir.front, "-tls1_2", "-servername", "a.test"], input=b"R\n", capture_output=True, timeout=30)
        self.assertIn("no renegotiation", done.stderr.decode())
        self.assertIn("Secure Renegotiation IS supported", done.stdout.decode())

    def test_missing_client_certificate_ends_the_connection(self):
        weir = self.scanned(text=f"server {{ listen <<front>> ssl; server_name v.wild.test; {self.pair(self.a)} ssl_verify_client on; "
                            f"ssl_client_certificate {self.a.pem}; location / {{ return 200; }} }}")
        with TlsClient(weir.front, server_name="v.wild.test") as client:
            refused = client.request(host="v.wild.test")
            self.assertEqual((refused.status, refused.keep_alive), (400, False))
            self.assertEqual(client.sock.recv(1), b"")

    def test_plain_client_of_a_tls_port_is_answered_once(self):
        weir = self.scanned(text="error_page 497 =307 https://$host$request_uri;")
        for request in (request_bytes(), request_bytes("POST", "/x", (), b"body"), request_bytes(version="1.0"), GET * 3):
            with Client(weir.front) as client:
                client.send(request)
                got = client.read_response()
                self.assertEqual((got.status, got.keep_alive), (307, False), request)
                self.assertEqual(client.read_all(), b"")
        for garbage in (b"\0", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\x15\3\1\0\2\1\0", b"\r\n\r\n\x16"):
            with Client(weir.front) as client:
                client.send(garbage).fin()
                got = client.read_all()
                self.assertTrue(got == b"" or got.startswith(b"HTTP/1.1 400 "), got)

    def test_tls_on_a_plain_port_is_a_bad_request(self):
        weir = self.weir("server { listen <<front>>; location / { return 200; } }")
        for size in (1, 5, 10_000):
            with Client(weir.front) as client:
                client.send_pieces(MemoryTls().shake(), size)
                got = client.read_all()
                self.assertTrue(got.startswith(b"HTTP/1.1 400 "), got)
        weir.wait_error("TLS handshake on a plain-text port")

    def test_early_data_is_skipped_up_to_a_bound(self):
        """RFC 8446 4.2.10: a server that takes no early data skips it; the client sends its request again behind the handshake."""
        weir = self.scanned()
        offered = hello(TLS13 + extension(42, b""))
        early = record(bytes(range(200)), APPLICATION_DATA, 0x0303)
        with Client(weir.front) as raw:
            raw.send(record(offered) + early)
            self.assertEqual(records(received(raw))[0][1][0], 2)
        with Client(weir.front) as raw:
            raw.send_pieces(record(offered) + early * 200, 65536)
            self.assertEqual(records(raw.read_all())[-1][0], APPLICATION_DATA)


if __name__ == "__main__":
    main()
