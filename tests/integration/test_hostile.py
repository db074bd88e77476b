#!/usr/bin/env python3
"""Requests made to smuggle, to split, to flood: refused with the right status before a backend sees one byte.

Each case is sent whole, byte by byte, and split in two inside. Afterwards the connection is closed: what may follow on a
connection whose framing is in doubt is nobody's to guess.
"""
from weirtest import Case, main
from weirtest.client import request_bytes

H = b"Host: t\r\n"
POST = b"POST / HTTP/1.1\r\n" + H
GET = b"GET / HTTP/1.1\r\n" + H
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

# What stands behind the hostile part: if framing is misread, it is what would reach the backend as a request of its own.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"

FRAMING = {
    # 1: both
    "CL and TE": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE and CL": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    # 2: transfer codings
    **{f"TE {value!r}": POST + b"Transfer-Encoding: " + value + b"\r\n\r\n0\r\n\r\n" for value in (
        b"xchunked", b"chunked, chunked", b"identity, chunked", b",chunked", b"chunked,", b"\x0bchunked", b'"chunked"', b"chunked;q=1", b"chunkedx",
        b"gzip, chunked", b"identity", b"", b"chunked chunked", b"chun\tked")},
    "two TE lines": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE and TE identity": POST + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded TE": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    # 3
    "TE in HTTP/1.0": b"POST / HTTP/1.0\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    # 4: lengths
    **{f"CL {value!r}": POST + b"Content-Length: " + value + b"\r\n\r\nabcd" for value in (
        b"", b"+1", b"-1", b"0x1", b"1,1", b"1 1", b"1, 1", b"18446744073709551617", b"9223372036854775808", b"1e1", b"1.0", b"a", b"\x0b1")},
    "CL twice, same": POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "CL twice, different": POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    # 6-10: line ends, folding, names, control characters
    "bare CR in a value": POST + b"X-Abc: \rxTransfer-Encoding: chunked\r\n\r\n",
    "bare CR between lines": GET + b"A: b\rC: d\r\n\r\n",
    "head ended by CRLF CR X": GET + b"A: b\r\n\rX",
    "bare LF lines": b"GET / HTTP/1.1\nHost: t\n\n",
    "one bare LF": b"GET / HTTP/1.1\r\nHost: t\nA: b\r\n\r\n",
    "head ended by a bare LF": GET + b"A: b\r\n\n",
    "request line ended by a bare LF": b"GET / HTTP/1.1\nHost: t\r\n\r\n",
    "obs-fold": b"GET / HTTP/1.1\r\nHost: a\r\n Content-Length: 5\r\n\r\nhello",
    "obs-fold with a tab": GET + b"A: b\r\n\tc\r\n\r\n",
    "first header starts with a space": b"GET / HTTP/1.1\r\n Host: t\r\n\r\n",
    "space before colon": POST + b"Content-Length : 5\r\n\r\nhello",
    "tab before colon": POST + b"Content-Length\t: 5\r\n\r\nhello",
    "empty header name": GET + b": v\r\n\r\n",
    "illegal name character": GET + b"X(Y: 1\r\n\r\n",
    "space inside a name": GET + b"X Y: 1\r\n\r\n",
    "header without colon": GET + b"novalue\r\n\r\n",
    "NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "control character in a value": GET + b"X: a\x01b\r\n\r\n",
    "DEL in a value": GET + b"X: a\x7fb\r\n\r\n",
    "name above 0x7f": GET + b"X\xe9: 1\r\n\r\n",
}

CHUNKS = {
    # 11: chunk grammar. The head is fine, so the backend may have been chosen; nothing of the bad part may reach it.
    name: CHUNKED + body for name, body in {
        "LF after size": b"5\nhello\r\n0\r\n\r\n",
        "extension ended by LF": b"5;\nhello\r\n0\r\n\r\n",
        "CR inside an extension": b"1;a\rb\r\nA\r\n0\r\n\r\n",
        "size line ended by CR X": b"1\rXA\r\n0\r\n\r\n",
        "data not followed by CRLF": b"1\r\nAXX0\r\n\r\n",
        "data followed by LF": b"1\r\nA\n0\r\n\r\n",
        "0x": b"0x1\r\nA\r\n0\r\n\r\n",
        "plus": b"+1\r\nA\r\n0\r\n\r\n",
        "minus": b"-1\r\nA\r\n0\r\n\r\n",
        "space before size": b" 1\r\nA\r\n0\r\n\r\n",
        "space after size": b"1 \r\nA\r\n0\r\n\r\n",
        "underscore": b"_1\r\nA\r\n0\r\n\r\n",
        "seventeen digits": b"00000000000000001\r\nA\r\n0\r\n\r\n",
        "overflow": b"ffffffffffffffff\r\nA\r\n0\r\n\r\n",
        "no size": b"\r\nA\r\n0\r\n\r\n",
        "NUL in an extension": b"1;a=\0\r\nA\r\n0\r\n\r\n",
        "last chunk ended by LF": b"0\r\n\n",
        "folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
        # 12: floods
        "extension over 256 bytes": b"1;" + b"a" * 300 + b"\r\nA\r\n0\r\n\r\n",
        "extensions without end": b"1;" + b"a" * 100_000,
        "many extensions": b"1;" + b"a" * 200 + b"\r\nA\r\n" + (b"1;" + b"a" * 200 + b"\r\nA\r\n") * 200 + b"0\r\n\r\n",
        "endless trailers": b"0\r\n" + b"A: b\r\n" * 20_000,
    }.items()
}

TARGETS = {
    # 24, 26, 27: hosts, paths, versions, methods
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "two different Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    **{f"Host {value!r}": b"GET / HTTP/1.1\r\nHost: " + value + b"\r\n\r\n" for value in (
        b"a, b", b"a/b", b"u@a", b"a b", b"a\\b", b"a?b", b"a#b", b"a:b", b"a:99999", b"[::1", b"a]", b"a:1:2", b"%00", b'"a"', b"a\xff", b"<a>")},
    "empty Host": b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
    "absolute form with userinfo": b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "fragment": b"GET /a#x HTTP/1.1\r\n" + H + b"\r\n",
    "backslash": b"GET /a\\b HTTP/1.1\r\n" + H + b"\r\n",
    "encoded NUL": b"GET /a%00b HTTP/1.1\r\n" + H + b"\r\n",
    "control character in the path": b"GET /a\x01b HTTP/1.1\r\n" + H + b"\r\n",
    "tab in the path": b"GET /a\tb HTTP/1.1\r\n" + H + b"\r\n",
    "space in the path": b"GET /a b HTTP/1.1\r\n" + H + b"\r\n",
    "bad escape": b"GET /%zz HTTP/1.1\r\n" + H + b"\r\n",
    "cut escape": b"GET /% HTTP/1.1\r\n" + H + b"\r\n",
    "no leading slash": b"GET a HTTP/1.1\r\n" + H + b"\r\n",
    "asterisk with GET": b"GET * HTTP/1.1\r\n" + H + b"\r\n",
    "two spaces before the target": b"GET  / HTTP/1.1\r\n" + H + b"\r\n",
    "two spaces after the target": b"GET /  HTTP/1.1\r\n" + H + b"\r\n",
    "space after the version": b"GET / HTTP/1.1 \r\n" + H + b"\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/0.9 with headers": b"GET /x\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "leading space": b" GET / HTTP/1.1\r\n" + H + b"\r\n",
    "lower-case version": b"GET / http/1.1\r\n" + H + b"\r\n",
    "TLS hello": bytes.fromhex("16030100c8010000c40303") + b"x" * 60 + b"\r\n\r\n",
    # 24: fields that Connection may not take away
    **{f"Connection: {name}": POST + f"Connection: close, {name}\r\nContent-Length: 4\r\n\r\nabcd".encode() for name in (
        "Content-Length", "Transfer-Encoding", "Host")},
}

# Well framed, so the connection may go on.
PATHS = {
    "above the root": b"GET /../etc HTTP/1.1\r\n" + H + b"\r\n",
    "encoded above the root": b"GET /%2e%2e/etc HTTP/1.1\r\n" + H + b"\r\n",
    "above the root by an encoded slash": b"GET /a/..%2f../etc HTTP/1.1\r\n" + H + b"\r\n",
}

VERSIONS = {
    "HTTP/2.0": b"GET / HTTP/2.0\r\n" + H + b"\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\n" + H + b"\r\n",
    "HTTP/0.9 by name": b"GET / HTTP/0.9\r\n" + H + b"\r\n",
    "h2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "RTSP": b"DESCRIBE rtsp://a/ RTSP/1.0\r\n" + H + b"\r\n",
    "ICE": b"SOURCE / ICE/1.0\r\n" + H + b"\r\n",
}


class Refused(Case):
    def setUp(self):
        super().setUp()
        self.target = self.backend()
        self.edge = self.proxied(self.target)

    def send_all_ways(self, raw: bytes):
        """The statuses answered to the request sent whole, in single bytes, and in two parts; each closes the connection."""
        for pieces in (len(raw), 1, max(1, len(raw) // 2)):
            if pieces == 1 and len(raw) > 20_000:
                continue  # a flood is a flood in larger pieces too
            client = self.client(self.edge).send_pieces(raw, pieces)
            response = client.read_response()
            self.assertFalse(response.keep_alive, "Connection: close is said")
            try:
                client.fin()  # weir may linger for what the client still sends
            except OSError:
                pass
            self.assertEqual(client.read_all(), b"", "one answer, then the end")
            client.close()
            yield response.status

    def check(self, cases, statuses=(400,), behind=SMUGGLED):
        for name, raw in cases.items():
            with self.subTest(name):
                for status in self.send_all_ways(raw + behind):
                    self.assertIn(status, statuses)
                self.assertNotIn(b"smuggled", self.target.received)

    def nothing_reached_the_backend(self):
        self.assertEqual(self.target.received, b"")
        self.assertEqual(self.get(self.edge).status, 200, "weir serves on")

    def test_bad_framing_and_syntax_are_refused(self):
        self.check(FRAMING, (400, 501))
        self.nothing_reached_the_backend()

    def test_bad_chunks_are_refused_with_400(self):
        self.check(CHUNKS, (400,))
        for request in self.target.requests:
            self.assertEqual(request.path, "/")
        self.assertEqual(self.get(self.edge).status, 200, "weir serves on")

    def test_bad_chunks_of_a_held_body_never_reach_backends(self):
        """A body under 64 KB is held whole before a peer is chosen, so its bad framing is known in time."""
        for name, raw in CHUNKS.items():
            with self.subTest(name):
                if len(raw) < 2000:
                    next(self.send_all_ways(raw))
        self.nothing_reached_the_backend()

    def test_bad_targets_and_hosts_are_refused(self):
        self.check(TARGETS)
        self.nothing_reached_the_backend()

    def test_paths_above_the_root_are_refused(self):
        for name, raw in PATHS.items():
            with self.subTest(name):
                client = self.client(self.edge).send(raw)
                self.assertEqual(client.read_response().status, 400)
        self.nothing_reached_the_backend()

    def test_bad_versions_are_refused(self):
        self.check(VERSIONS, (400, 405, 501, 505))
        self.nothing_reached_the_backend()

    def test_heads_over_the_limits_are_refused(self):
        self.check({
            "10,000 headers": GET + b"".join(b"X-%d: y\r\n" % i for i in range(10_000)) + b"\r\n",
            "101 fields": GET + b"".join(b"X-%d: y\r\n" % i for i in range(101)) + b"\r\n",
            "1 MB header": GET + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
            "headers without end": GET + b"X: y\r\n" * 100_000,
        }, (431,))
        self.check({
            "long target": b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n" + H + b"\r\n",
            "endless target": b"GET /" + b"a" * 300_000,
        }, (414,))
        self.nothing_reached_the_backend()

    def test_unknown_method_is_framed_and_checked_like_any(self):
        self.check({
            "two framings": b"BREW / HTTP/1.1\r\n" + H + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "folded length": b"BREW / HTTP/1.1\r\n" + H + b"X: a\r\n Content-Length: 5\r\n\r\n",
            "no Host": b"BREW / HTTP/1.1\r\n\r\n",
        })
        self.nothing_reached_the_backend()

    def test_lower_case_method_is_refused(self):
        self.check({"get": b"get / HTTP/1.1\r\n" + H + b"\r\n"}, (400, 501))
        self.nothing_reached_the_backend()

    def test_connect_is_405_and_never_dialled(self):
        for raw in (b"CONNECT x.example:25 HTTP/1.1\r\nHost: x.example:25\r\n\r\n",
                    b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % ((self.target.address.encode(),) * 2)):
            client = self.client(self.edge).send(raw)
            self.assertEqual(client.read_response().status, 405)
        self.nothing_reached_the_backend()


class Neutralised(Case):
    """Not refused, but made harmless before it is forwarded."""

    def setUp(self):
        super().setUp()
        self.target = self.backend()
        self.edge = self.proxied(self.target)

    def forwarded(self, raw: bytes):
        response = self.client(self.edge).send(raw).read_response()
        self.assertEqual(response.status, 200, raw)
        return self.target.requests[-1]

    def test_names_with_underscore_are_dropped(self):
        request = self.forwarded(GET + b"X_Forwarded_For: 6.6.6.6\r\nTransfer_Encoding: chunked\r\nContent_Length: 9\r\nA: b\r\n\r\n")
        self.assertFalse([n for n, _ in request.headers if "_" in n])
        self.assertEqual(request.get("a"), "b")

    def test_connection_cannot_remove_fields_set_by_weir(self):
        request = self.forwarded(GET + b"Connection: X-Forwarded-For, X-Real-IP, X-Forwarded-Proto, Authorization\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
        self.assertEqual(request.get("x-forwarded-for"), "127.0.0.1")
        self.assertEqual(request.get("x-real-ip"), "127.0.0.1")
        self.assertEqual(request.get("x-forwarded-proto"), "http")

    def test_absolute_form_to_a_foreign_host_is_only_a_host(self):
        request = self.forwarded(b"GET http://10.0.0.1:25/x HTTP/1.1\r\nHost: t\r\n\r\n")
        self.assertEqual((request.path, request.get("host")), ("/x", "10.0.0.1:25"))

    def test_length_with_leading_zeros_or_spaces_around_is_one_length(self):
        for value in (b"4", b"  4  ", b"\t4\t", b"0004"):
            with self.subTest(value):
                client = self.client(self.edge).send(POST + b"Content-Length:" + value + b"\r\n\r\nabcd")
                response = client.read_response()
                if response.status == 200:
                    self.assertEqual(self.target.requests[-1].get("content-length"), "4")
                else:
                    self.assertEqual(response.status, 400)

    def test_chunked_is_known_in_any_case_and_sent_on_clean(self):
        request = self.forwarded(POST + b"transfer-ENCODING: ChUnKeD\r\n\r\n4;a=b;c=\"d\"\r\nabcd\r\n000\r\n\r\n")
        self.assertEqual(request.body, b"abcd")
        self.assertNotIn(b"a=b", self.target.received)

    def test_bytes_above_0x7f_in_the_target_are_percent_encoded(self):
        request = self.forwarded(b"GET /caf\xc3\xa9?q=\xff HTTP/1.1\r\n" + H + b"\r\n")
        self.assertEqual(request.path.upper(), "/CAF%C3%A9?Q=%FF".upper())

    def test_encoded_slashes_and_backslashes_pass(self):
        self.assertEqual(self.forwarded(b"GET /a%2fb%5Cc HTTP/1.1\r\n" + H + b"\r\n").path, "/a%2fb%5Cc")

    def test_get_with_a_body_keeps_its_framing(self):
        client = self.client(self.edge)
        for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
            client.send(request_bytes(method, f"/{method}", body=b"GET /smuggled HTTP/1.1\r\n\r\n"))
            self.assertEqual(client.read_response(method).status, 200)
        self.assertEqual(self.target.paths, ["/GET", "/HEAD", "/OPTIONS", "/DELETE"])

    def test_asterisk_form_is_for_options_alone(self):
        response = self.client(self.edge).send(b"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n").read_response()
        self.assertIn(response.status, (200, 204))
        if self.target.requests:
            self.assertEqual(self.target.requests[0].path, "*")


if __name__ == "__main__":
    main()
