#!/usr/bin/env python3
"""The body of a request that is too large goes nowhere, not in parts either.

Seen in review: `error_page 413 @name` with a proxied @name sent it the body with what had been thrown away missing; the
page of a request that auth_request held never came.
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

    def test_page_of_a_waiting_request_is_answered(self):
        def silent(connection):
            connection.read_request()
            connection.wait_closed()
        auth = self.backend(script=silent)
        weir = self.weir(f"server {{ listen <<front>>; client_max_body_size 10; error_page 413 /page;\n"
                         f"location / {{ auth_request /auth; error_page 413 @f; proxy_pass http://{auth.address}; }}\n"
                         f"location /plain {{ auth_request /auth; proxy_pass http://{auth.address}; }}\n"
                         f"location = /auth {{ internal; proxy_pass http://{auth.address}; }}\n"
                         f"location = /page {{ return 413 mine; }} location @f {{ return 413 named; }} }}")
        for path, text in (("/plain", "mine"), ("/", "named")):
            asked = len(auth.requests)
            client = self.client(weir).send(CHUNKED.replace(b"/", path.encode(), 1) + b"8\r\naaaaaaaa\r\n")
            self.wait_until(lambda: len(auth.requests) > asked, "the question whether it may")
            response = client.send(b"8\r\nbbbbbbbb\r\n0\r\n\r\n").read_response()
            self.assertEqual((response.status, response.text), (413, text))


if __name__ == "__main__":
    main()
