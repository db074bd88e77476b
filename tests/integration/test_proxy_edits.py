#!/usr/bin/env python3
"""What peers are asked instead of what the client has asked, and what the client is told instead of what they say."""
from weirtest import Case, answer, main


class Requests(Case):
    def test_method_and_body_are_the_operators(self):
        app = self.backend(lambda r: answer("app"))
        weir = self.weir(f"""server {{ listen <<front>>; location / {{ proxy_pass http://{app.address}; proxy_method PUT; proxy_set_body "uri=$uri"; }}
            location /none {{ proxy_pass http://{app.address}; proxy_pass_request_body off; proxy_set_body ""; }}
            location /off {{ proxy_pass http://{app.address}; proxy_pass_request_body off; }} }}""")
        client = self.client(weir)
        for path, method, body in (("/x", "PUT", b"uri=/x"), ("/none", "POST", b""), ("/off", "POST", b"")):
            self.assertEqual(client.request("POST", path, body=b"the client's own").text, "app")
            request = app.requests[-1]
            self.assertEqual((request.method, request.path, request.body), (method, path, body))
        self.assertEqual(app.requests[0].get("content-length"), "6")
        self.assertEqual(app.requests[2].get("content-length"), None)

    def test_large_body_that_is_not_passed_is_thrown_away(self):
        app = self.backend(lambda r: answer("app"))
        weir = self.weir(f"server {{ listen <<front>>; location / {{ proxy_pass http://{app.address}; proxy_pass_request_body off; }} }}")
        self.assertEqual(self.get(weir, method="POST", body=b"x" * 1_000_000).text, "app")
        self.assertEqual(self.get(weir).text, "app")
        self.assertEqual([len(each.body) for each in app.requests], [0, 0])

    def test_bodies_fit_the_method_of_each_side(self):
        app = self.backend(lambda r: answer("the body", headers=[("X-Method", r.method)]) if r.method != "HEAD"
                           else b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-Method: HEAD\r\n\r\n")
        weir = self.weir(f"""server {{ listen <<front>>; location /get {{ proxy_pass http://{app.address}; proxy_method GET; }}
            location /head {{ proxy_pass http://{app.address}; proxy_method HEAD; }} }}""")
        client = self.client(weir)
        for method, path, seen in (("HEAD", "/get", ("GET", b"")), ("GET", "/get", ("GET", b"the body")), ("GET", "/head", ("HEAD", b"")),
                                   ("HEAD", "/head", ("HEAD", b"")), ("GET", "/get", ("GET", b"the body"))):
            response = client.request(method, path)
            self.assertEqual((response.get("x-method"), response.body), seen, (method, path))

    def test_connections_come_from_the_bound_address(self):
        app = self.backend(lambda r: answer(r.connection.sock.getpeername()[0]))
        weir = self.weir(f"""upstream u {{ server {app.address}; }} proxy_bind 127.1.2.3; server {{ listen <<front>>;
            location / {{ proxy_pass http://u; }} location /off {{ proxy_bind off; proxy_pass http://u; }}
            location /gone {{ proxy_bind 192.0.2.1; proxy_pass http://u; }} location /v6 {{ proxy_bind ::1; proxy_pass http://u; }} }}""")
        client = self.client(weir)
        for path, source in (("/off", "127.0.0.1"), ("/", "127.1.2.3"), ("/off", "127.0.0.1"), ("/", "127.1.2.3")):
            self.assertEqual(client.request(path=path).text, source)
        self.assertEqual(len(app.connections), 3, "one is kept, those that are bound are not")
        for path in ("/gone", "/v6"):
            self.assertGreaterEqual(client.request(path=path).status, 500)
        weir.wait_error(r"connect\(\) failed on local resources \(99: ")
        self.assertEqual(client.request(path="/off").text, "127.0.0.1", "the peer is not blamed")

    def test_fields_of_the_client_are_kept_back(self):
        app = self.backend(lambda r: answer("app"))
        weir = self.weir(f"""server {{ listen <<front>>; location / {{ proxy_pass http://{app.address}; proxy_pass_request_headers off;
            proxy_set_header X-Own own; }} }}""")
        self.get(weir, headers=[("Cookie", "a=b"), ("X-Client", "c")], host="h.example")
        request = app.requests[0]
        self.assertEqual((request.get("cookie"), request.get("x-client"), request.get("x-own"), request.get("host")),
                         (None, None, "own", "h.example"))


class Answers(Case):
    def cookies(self, settings: str, *sent: str) -> list[str]:
        app = self.backend(lambda r: answer("app", headers=[("Set-Cookie", each) for each in sent]))
        weir = self.weir(f"server {{ listen <<front>>; location / {{ proxy_pass http://{app.address}; {settings} }} }}")
        return self.get(weir).all("set-cookie")

    def test_cookies_get_another_domain_and_path(self):
        seen = self.cookies(r"""proxy_cookie_domain app.internal app.example; proxy_cookie_domain ~^(\w+)\.LOCAL$ $1.example;
            proxy_cookie_path /app/ /; proxy_cookie_path ~^/(\w+)/old$ /new/$1;""",
                            "a=1; Domain=app.internal; Path=/app/x", "b=2; domain=.APP.internal", "c=3; Path=/v1/old; Domain=db.local; Secure",
                            "d=4; Path=/other; Domain=else.internal", "e=5")
        self.assertEqual(seen, ["a=1; Domain=app.example; Path=/x", "b=2; domain=.app.example", "c=3; Path=/new/v1; Domain=db.example; Secure",
                                "d=4; Path=/other; Domain=else.internal", "e=5"])

    def test_cookies_get_flags(self):
        seen = self.cookies("proxy_cookie_flags session secure httponly samesite=Strict; proxy_cookie_flags ~^t_ nosecure nosamesite nohttponly;",
                            "session=1", "SESSION=2; SameSite=None; secure", "t_x=3; Secure; HttpOnly; SameSite=Lax; Path=/", "other=4; Secure")
        self.assertEqual(seen, ["session=1; Secure; HttpOnly; SameSite=Strict", "SESSION=2; SameSite=Strict; secure; HttpOnly", "t_x=3; Path=/",
                                "other=4; Secure"])

    def test_cookies_of_another_level_are_left_alone(self):
        self.assertEqual(self.cookies("proxy_cookie_domain off; proxy_cookie_path off; proxy_cookie_flags off;", "a=1; Domain=x; Path=/y"),
                         ["a=1; Domain=x; Path=/y"])

    def test_error_page_answers_for_a_peer(self):
        status = [404]
        app = self.backend(lambda r: answer("of the app", status[0], [("WWW-Authenticate", "Bearer"), ("X-App", "yes")]))
        weir = self.weir(f"""server {{ listen <<front>>; error_page 404 500 /page; error_page 401 /login;
            location / {{ proxy_pass http://{app.address}; proxy_intercept_errors on; }}
            location /as-it-is {{ proxy_pass http://{app.address}; }}
            location /page {{ return 200 "the page"; }} location /login {{ return 200 "log in"; }} }}""")
        client = self.client(weir)
        for sent, text in ((404, "the page"), (500, "the page"), (503, "of the app"), (200, "of the app"), (401, "log in")):
            status[0] = sent
            response = client.request()
            self.assertEqual((response.status, response.text), (sent, text))
            self.assertEqual(response.has("x-app"), text == "of the app")
        self.assertEqual(response.all("www-authenticate"), ["Bearer"])
        status[0] = 404
        self.assertEqual(client.request(path="/as-it-is").text, "of the app")

    def test_ignored_field_asks_nothing_of_weir(self):
        app = self.backend(lambda r: answer(b"x" * 200_000, headers=[("X-Accel-Limit-Rate", "1")]))
        weir = self.weir(f"server {{ listen <<front>>; location / {{ proxy_pass http://{app.address}; proxy_ignore_headers X-Accel-Limit-Rate; }} }}")
        response = self.get(weir)
        self.assertEqual((len(response.body), response.get("x-accel-limit-rate")), (200_000, None))


if __name__ == "__main__":
    main()
