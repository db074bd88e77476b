#!/usr/bin/env python3
"""mirror: copies of requests go to another backend, and nobody waits for them."""
from weirtest import Case, answer, main


class Mirror(Case):
    def scene(self, location: str = "", script=None):
        self.app = self.backend(lambda r: answer("answer"))
        self.copies = self.backend(script=script) if script else self.backend(lambda r: answer("thrown away", 500))
        return self.weir(f"""upstream copies {{ server {self.copies.address}; }}
            server {{ listen <<front>>; mirror /copy; {location}
            location / {{ proxy_pass http://{self.app.address}; }}
            location /off/ {{ mirror off; proxy_pass http://{self.app.address}; }}
            location /return {{ return 200 own; }}
            location = /copy {{ internal; proxy_pass http://copies$request_uri; }} }}""")

    def test_copy_is_the_whole_request(self):
        weir = self.scene()
        self.assertEqual(self.get(weir, "/a?b=c", "POST", [("X-Id", "7")], b"body" * 1000).body, b"answer")
        copy = self.copies.wait_requests()[0]
        self.assertEqual((copy.method, copy.path, copy.get("x-id")), ("POST", "/a?b=c", "7"))
        self.wait_until(lambda: copy.body == b"body" * 1000)
        self.assertEqual(self.app.requests[0].body, b"body" * 1000)

    def test_copy_goes_without_body_where_asked(self):
        weir = self.scene("mirror_request_body off;")
        self.get(weir, "/a", "PUT", body=b"body")
        copy = self.copies.wait_requests()[0]
        self.assertEqual((copy.method, copy.has("content-length")), ("PUT", False))

    def test_off_and_return_make_no_copies(self):
        weir = self.scene()
        self.get(weir, "/off/x")
        self.get(weir, "/return")
        self.get(weir, "/last")
        self.assertEqual([r.path for r in self.copies.wait_requests()], ["/last"])

    def test_silent_copy_holds_up_no_client(self):
        weir = self.scene(script=lambda conn: conn.wait_closed())
        client = self.client(weir)
        for _ in range(50):
            self.assertEqual(client.request("GET").body, b"answer")
        self.copies.wait_connections(50)

    def test_body_that_is_not_held_is_not_copied(self):
        weir = self.scene("client_body_buffer_size 1k;")
        self.assertEqual(self.get(weir, "/large", "POST", body=b"x" * 3_000_000).body, b"answer")
        self.wait_until(lambda: "not mirrored (body above client_body_buffer_size" in weir.errors())
        self.get(weir, "/small", "POST", body=b"x" * 1000)
        self.assertEqual([r.path for r in self.copies.wait_requests()], ["/small"])

    def test_stop_does_not_wait_for_copies(self):
        weir = self.scene(script=lambda conn: conn.wait_closed())
        self.get(weir)
        self.copies.wait_connections()
        weir.stop()


if __name__ == "__main__":
    main()
