#!/usr/bin/env python3
"""The body of a request that is too large goes nowhere, not in parts either.

Seen in review: `error_page 413 @name` with a proxied @name sent it the body with what had been thrown away missing.
"""
from weirtest import Case, main

CHUNKED = b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"


class ErrorPage413(Case):
    def scene(self, named: str):
        backend = self.backend()
        weir = self.weir(f"upstream u {{ server {backend.address}; }}\n"
                         f"server {{ listen <<front>>; client_max_body_size 10; error_page 413 @f;\n"
                         f"location / {{ proxy_pass http://u; }} location @f {{ client_max_body_size 100k; {named} }} }}")
        return backend, weir

    def test_proxied_page_gets_no_incomplete_body(self):
        backend, weir = self.scene("proxy_pass http://u;")
        for request in (CHUNKED + b"8\r\naaaaaaaa\r\n8\r\nbbbbbbbb\r\n0\r\n\r\n", CHUNKED + b"14\r\n" + b"c" * 20 + b"\r\n0\r\n\r\n",
                        b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\n\r\n" + b"d" * 20):
            self.assertEqual(self.client(weir).send(request).read_response().status, 413)
        self.assertEqual(backend.requests, [])

    def test_local_page_is_answered_at_once(self):
        _, weir = self.scene("return 413 mine;")
        for request in (CHUNKED + b"8\r\naaaaaaaa\r\n8\r\nbbbbbbbb\r\n", b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\n\r\nd"):
            response = self.client(weir).send(request).read_response()
            self.assertEqual((response.status, response.text), (413, "mine"))


if __name__ == "__main__":
    main()
