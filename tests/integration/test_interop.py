#!/usr/bin/env python3
"""What clients and peers in the field send and nginx and HAProxy pass: unknown methods, many fields, odd statuses, line ends."""
from weirtest import Case, main


class Methods(Case):
    def test_unknown_methods_reach_the_peer_with_their_body(self):
        backend = self.backend()
        client = self.client(self.proxied(backend))
        for method in ("MKCALENDAR", "NOTIFY", "M-SEARCH", "QUERY", "foo", "!#$%&'*+-.^_`|~"):
            with self.subTest(method):
                self.assertEqual(client.request(method, body=b"body of " + method.encode()).status, 200)
                self.assertEqual(backend.requests[-1].method, method)
                self.assertEqual(backend.requests[-1].body, b"body of " + method.encode())

    def test_unknown_method_is_not_sent_twice(self):
        broken = self.backend(script=lambda conn: (conn.read_request(), conn.reset()))
        good = self.backend()
        weir = self.weir(f"upstream app {{ server {broken.address} max_fails=0; server {good.address} backup; }}"
                         "server { listen <<front>>; location / { proxy_pass http://app; } }")
        self.assertEqual(self.get(weir, method="NOTIFY").status, 502)
        self.assertEqual(good.requests, [])
        self.assertEqual(self.get(weir, method="QUERY").status, 200)


class Heads(Case):
    def through(self, raw: bytes, location: str = ""):
        """The client's answer when the peer answers `raw`."""
        backend = self.backend(script=lambda conn: (conn.read_request(), conn.send(raw), conn.wait_closed()))
        return self.get(self.proxied(backend, location))

    def test_odd_answers_pass(self):
        fields = b"".join(b"X-%d: y\r\n" % i for i in range(150))
        for name, raw in {
            "status 600": b"HTTP/1.1 600 Odd\r\nContent-Length: 2\r\n\r\nok",
            "status 999": b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok",
            "bare LF": b"HTTP/1.1 200 OK\nX: y\nContent-Length: 2\n\nok",
            "bare LF in chunks": b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n",
            "two equal lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
            "150 fields": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + fields + b"\r\nok",
            "70 KB": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: " + b"y" * 70_000 + b"\r\n\r\nok",
        }.items():
            with self.subTest(name):
                response = self.through(raw)
                self.assertEqual((response.status, response.body), (int(raw[9:12]), b"ok"))
                self.assertEqual(len(response.all("content-length")) + len(response.all("transfer-encoding")), 1)

    def test_limits_of_answers_can_be_set(self):
        raw = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: " + b"y" * 3_000 + b"\r\n\r\nok"
        self.assertEqual(self.through(raw).status, 200)
        self.assertEqual(self.through(raw, "proxy_max_head_size 2k;").status, 502)
        self.assertEqual(self.through(raw, "proxy_max_headers 2;").status, 200)
        self.assertEqual(self.through(raw, "proxy_max_headers 1;").status, 502)

    def test_number_of_request_fields_can_be_set(self):
        backend = self.backend()
        fields = [(f"X-{i}", "y") for i in range(400)]
        self.assertEqual(self.get(self.proxied(backend), headers=fields).status, 431)
        self.assertEqual(backend.requests, [])
        weir = self.proxied(backend, server="max_headers 500;")
        self.assertEqual(self.get(weir, headers=fields).status, 200)
        self.assertEqual([(n, v) for n, v in backend.requests[0].headers if v == "y"], fields)

    def test_bare_lf_of_clients_is_a_choice(self):
        raw = b"GET /x HTTP/1.1\nHost: test\nX: y\nConnection: close\n\n"
        backend = self.backend()
        self.assertEqual(self.client(self.proxied(backend)).send(raw).read_response().status, 400)
        for weir in (self.proxied(backend, server="accept_bare_lf on;"), self.proxied(backend, http="defaults nginx;")):
            self.assertEqual(self.client(weir).send(raw).read_response().status, 200)
            self.assertNotIn(b"\n", backend.requests[-1].raw_head.replace(b"\r\n", b""))
            self.assertEqual(backend.requests[-1].get("x"), "y")


if __name__ == "__main__":
    main()
