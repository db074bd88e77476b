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


if __name__ == "__main__":
    main()
