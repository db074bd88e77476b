#!/usr/bin/env python3
"""What a backend says to weir beside its answer (X-Accel-*), and fields behind a body."""
from weirtest import Case, answer, main


class AccelRedirect(Case):
    def scene(self, location: str, fields=(), reply=None, status: int = 200):
        """An application that sends every request to `location`, and the server that it is sent to."""
        headers = [("X-Accel-Redirect", location), *fields]
        self.app = self.backend(lambda r: answer(b"" if r.method == "HEAD" else b"not for the client", status, headers))
        self.files = self.backend(reply or (lambda r: answer(b"" if r.method == "HEAD" else b"the file", headers=[("Content-Type", "text/plain")])))
        return self.weir(f"""server {{ listen <<front>>;
            location / {{ proxy_pass http://{self.app.address}; }}
            location /kept/ {{ internal; proxy_pass http://{self.files.address}; }}
            location /own/ {{ internal; default_type text/x-own; return 200 own; }}
            location @named {{ proxy_pass http://{self.files.address}; }} }}""")

    def test_request_goes_to_the_internal_location(self):
        weir = self.scene("/kept/a%20b?x=1", [("X-Other", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Cache-Control", "private"),
                                              ("Content-Disposition", "attachment"), ("Content-Type", "application/pdf")])
        response = self.get(weir, "/download?id=7")
        self.assertEqual((response.status, response.body), (200, b"the file"))
        self.assertEqual((self.files.requests[0].method, self.files.requests[0].path), ("GET", "/kept/a%20b?x=1"))
        self.assertEqual((response.all("set-cookie"), response.get("cache-control"), response.get("content-disposition")),
                         (["a=1", "b=2"], "private", "attachment"))
        self.assertEqual(response.get("content-type"), "text/plain", "a backend's own type goes before")
        self.assertFalse(response.has("x-accel-redirect") or response.has("x-other"))
        self.assertEqual(self.get(weir, "/kept/x").status, 404, "for weir alone")

    def test_type_of_the_application_stays_with_own_answers(self):
        weir = self.scene("/own/x", [("Content-Type", "application/pdf")])
        response = self.get(weir)
        self.assertEqual((response.body, response.get("content-type")), (b"own", "application/pdf"))

    def test_method_becomes_get_and_the_body_goes(self):
        weir = self.scene("/kept/x", status=403)
        client = self.client(weir)
        self.assertEqual(client.request("POST", body=b"much").body, b"the file")
        self.assertEqual((self.files.requests[0].method, self.files.requests[0].body, self.files.requests[0].has("content-length")), ("GET", b"", False))
        self.assertEqual(client.request("HEAD").status, 200)
        self.assertEqual(self.files.requests[1].method, "HEAD")
        self.assertEqual(client.request("GET").body, b"the file", "the connection goes on")

    def test_named_location_keeps_method_path_and_body(self):
        weir = self.scene("@named")
        self.assertEqual(self.get(weir, "/up?x", "POST", body=b"much").body, b"the file")
        request = self.files.requests[0]
        self.assertEqual((request.method, request.path, request.body), ("POST", "/up?x", b"much"))

    def test_places_that_are_none_are_errors(self):
        for place, status in (("/none", 200), ("/../etc/passwd", 404), ("@nowhere", 500), ("kept/x", 404)):
            with self.subTest(place):
                weir = self.scene(place)
                if place == "/none":  # sent to the application again and again
                    self.assertEqual(self.get(weir).status, 500)
                    self.assertEqual(len(self.app.requests), 11)
                else:
                    self.assertEqual(self.get(weir).status, status)

    def test_large_body_of_the_application_is_thrown_away(self):
        def large(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /own/x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 1000)
            conn.wait_closed()
        app = self.backend(script=large)
        weir = self.weir(f"""server {{ listen <<front>>; location / {{ proxy_pass http://{app.address}; }}
            location /own/ {{ internal; return 200 own; }} }}""")
        self.assertEqual(self.get(weir).body, b"own")


class Trailers(Case):
    def test_fields_go_behind_the_body(self):
        weir = self.proxied(self.backend(lambda r: answer("body", int(r.path[1:]))), """add_trailer X-Sent $body_bytes_sent; add_trailer X-All a always;
            add_trailer X-Empty $arg_none;""")
        response = self.get(weir, "/200")
        self.assertEqual((response.body, response.trailer, response.get("transfer-encoding")), (b"body", b"X-Sent: 4\r\nX-All: a\r\n", "chunked"))
        self.assertEqual(self.get(weir, "/500").trailer, b"X-All: a\r\n")

    def test_clients_without_chunks_get_none(self):
        weir = self.weir("server { listen <<front>>; add_trailer X-A a; location / { return 200 text; } }")
        old = self.client(weir).send(b"GET / HTTP/1.0\r\nHost: test\r\n\r\n").read_response()
        self.assertEqual((old.body, old.get("content-length")), (b"text", "4"))
        self.assertEqual(self.get(weir).trailer, b"X-A: a\r\n")
        self.assertEqual(self.client(weir).request("HEAD").status, 200)

    def test_peers_fields_pass_where_they_are_wanted(self):
        backend = self.backend(lambda r: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 17\r\nSet-Cookie: a=b\r\n\r\n")
        weir = self.proxied(backend, "proxy_pass_trailers on;",
                            http="log_format t '$upstream_trailer_x_sum $sent_trailer_x_sum'; access_log <<dir>>/t.log t;")
        response = self.get(weir)
        self.assertEqual((response.body, response.trailer), (b"body", b"X-Sum: 17\r\n"))
        self.assertEqual(backend.requests[0].get("te"), "trailers")
        self.assertEqual(weir.wait_log(1, "t.log"), ["17 17"])
        weir = self.proxied(backend)
        self.assertEqual(self.get(weir).trailer, b"")


if __name__ == "__main__":
    main()
