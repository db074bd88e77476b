#!/usr/bin/env python3
"""The everyday path: requests and responses of every framing, forwarded exactly."""
import hashlib
import random
import threading

from weirtest import Case, answer, closed_port, main
from weirtest.client import request_bytes


def echo_head(request):
    """Answers with the request's head as weir sent it."""
    return answer(request.raw_head)


class Forwarding(Case):
    def test_get_reaches_the_backend_and_its_answer_the_client(self):
        backend = self.backend(lambda r: answer("hello", headers={"X-Mine": "1"}))
        weir = self.proxied(backend)
        response = self.get(weir, "/a/b?c=d&e")
        self.assertEqual((response.status, response.body, response.get("X-Mine")), (200, b"hello", "1"))
        request, = backend.requests
        self.assertEqual((request.method, request.path, request.version), ("GET", "/a/b?c=d&e", "HTTP/1.1"))

    def test_raw_target_is_forwarded_as_the_client_wrote_it(self):
        backend = self.backend()
        weir = self.proxied(backend)
        for path in ("/%41%2f..%2Fx?q=%20;a=/../", "/a//b/./c/../d", "/?", "/a;b=c,d", "/~u/*!$&'()+=:@", "/%7E%e4"):
            self.assertEqual(self.get(weir, path).status, 200, path)
            self.assertEqual(backend.requests[-1].path, path)

    def test_header_names_keep_their_case_and_order(self):
        backend = self.backend(lambda r: answer("x", headers=[("x-lower", "1"), ("X-UPPER", "2"), ("x-Mixed", "3")]))
        weir = self.proxied(backend)
        response = self.get(weir, headers=[("X-aBc", "1"), ("sEc-fOo", "2"), ("x-a", "3"), ("X-ABC", "4")])
        sent = [(n, v) for n, v in backend.requests[0].headers if n.lower() in ("x-abc", "sec-foo", "x-a")]
        self.assertEqual(sent, [("X-aBc", "1"), ("sEc-fOo", "2"), ("x-a", "3"), ("X-ABC", "4")])
        got = [(n, v) for n, v in response.headers if n.lower().startswith("x-")]
        self.assertEqual(got, [("x-lower", "1"), ("X-UPPER", "2"), ("x-Mixed", "3")])

    def test_several_set_cookie_lines_stay_several(self):
        cookies = [("Set-Cookie", f"c{i}=v, {i}; Path=/") for i in range(4)]
        weir = self.proxied(self.backend(lambda r: answer("x", headers=cookies)))
        self.assertEqual(self.get(weir).all("set-cookie"), [v for _, v in cookies])

    def test_methods_with_and_without_body_pass(self):
        backend = self.backend(lambda r: answer(f"{r.method} {len(r.body)}"))
        weir = self.proxied(backend)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            self.assertEqual(self.get(weir, method=method, body=b"12345").body, f"{method} 5".encode())
            self.assertEqual(self.get(weir, method=method).body, f"{method} 0".encode())

    def test_connection_headers_are_not_forwarded_either_way(self):
        backend = self.backend(lambda r: answer("x", headers=[("Connection", "X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "timeout=9"), ("X-End", "2")]))
        weir = self.proxied(backend)
        response = self.get(weir, headers=[("Connection", "X-Per-Hop, keep-alive"), ("X-Per-Hop", "secret"), ("Keep-Alive", "300"),
                                           ("Proxy-Connection", "keep-alive"), ("X-End-To-End", "y"), ("TE", "trailers")])
        request = backend.requests[0]
        for name in ("x-per-hop", "keep-alive", "proxy-connection", "te"):
            self.assertFalse(request.has(name), name)
        self.assertEqual(request.get("x-end-to-end"), "y")
        self.assertFalse(response.has("x-hop"))
        self.assertFalse(response.has("keep-alive") and "timeout=9" in response.get("keep-alive"))
        self.assertEqual(response.get("x-end"), "2")

    def test_backend_statuses_and_reasons_pass(self):
        weir = self.proxied(self.backend(lambda r: answer("b", status=int(r.path[1:]), reason="Own Words")))
        for status in (200, 201, 206, 301, 400, 401, 404, 418, 500, 599):
            response = self.get(weir, f"/{status}")
            self.assertEqual((response.status, response.reason, response.body), (status, "Own Words", b"b"))

    def test_host_and_forwarding_headers_of_weirs_defaults(self):
        backend = self.backend()
        weir = self.proxied(backend)
        self.get(weir, host="App.Example:8080", headers={
            "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Real-IP": "6.6.6.6", "X-Forwarded-Host": "evil",
            "X-Forwarded-Port": "1", "Forwarded": "for=6.6.6.6"})
        request = backend.requests[0]
        self.assertEqual(request.get("host"), "App.Example:8080")
        self.assertEqual(request.get("x-forwarded-for"), "127.0.0.1")
        self.assertEqual(request.get("x-real-ip"), "127.0.0.1")
        self.assertEqual(request.get("x-forwarded-proto"), "http")
        self.assertEqual(request.get("x-forwarded-host"), "App.Example:8080")
        self.assertFalse(request.has("forwarded"))

    def test_forwarded_for_of_a_trusted_peer_is_extended(self):
        backend = self.backend()
        weir = self.proxied(backend, server="set_real_ip_from 127.0.0.0/8;")
        self.get(weir, headers={"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https"})
        request = backend.requests[0]
        self.assertEqual(request.get("x-forwarded-for"), "203.0.113.5, 127.0.0.1")
        self.assertEqual(request.get("x-forwarded-proto"), "https")

    def test_proxy_set_header_replaces_and_removes(self):
        backend = self.backend()
        weir = self.proxied(backend, 'proxy_set_header Host $host; proxy_set_header X-New "a $request_method b"; proxy_set_header Accept "";')
        self.get(weir, host="name.example:81", headers={"Accept": "text/html", "X-New": "old"})
        request = backend.requests[0]
        self.assertEqual(request.get("host"), "name.example")
        self.assertEqual(request.get("x-new"), "a GET b")
        self.assertFalse(request.has("accept"))

    def test_connection_set_by_hand_is_not_forwarded(self):
        backend = self.backend()
        weir = self.proxied(backend, 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";')
        self.assertEqual(self.get(weir).status, 200)
        self.assertFalse(backend.requests[0].has("upgrade"))
        self.assertNotIn("upgrade", backend.requests[0].tokens("connection"))

    def test_uri_part_of_proxy_pass_replaces_the_matched_prefix(self):
        backend = self.backend()
        weir = self.weir(f"server {{ listen <<front>>; location /api/ {{ proxy_pass http://{backend.address}/v1/; }} }}")
        self.assertEqual(self.get(weir, "/api/users?x=1").status, 200)
        self.assertEqual(backend.paths, ["/v1/users?x=1"])


class ClientConnections(Case):
    def test_many_requests_on_one_connection(self):
        backend = self.backend(lambda r: answer(r.path))
        weir = self.proxied(backend)
        client = self.client(weir)
        for i in range(50):
            response = client.request(path=f"/{i}")
            self.assertEqual(response.text, f"/{i}")
            self.assertTrue(response.keep_alive)
        self.assertEqual(len(backend.connections), 1, "the upstream connection is kept too")

    def test_pipelined_requests_are_answered_in_order(self):
        backend = self.backend(lambda r: answer(r.path + r.body.decode()))
        weir = self.proxied(backend)
        client = self.client(weir)
        client.send(b"".join(request_bytes(path=f"/{i}") if i % 3 else request_bytes("POST", f"/{i}", body=b"body") for i in range(30)))
        for i in range(30):
            self.assertEqual(client.read_response().text, f"/{i}" if i % 3 else f"/{i}body")

    def test_request_in_single_bytes_is_one_request(self):
        backend = self.backend(lambda r: answer(r.body))
        weir = self.proxied(backend)
        client = self.client(weir).send_pieces(request_bytes("POST", "/", {"X-A": "b"}, b"0123456789"))
        self.assertEqual(client.read_response().body, b"0123456789")
        self.assertEqual(len(backend.requests), 1)

    def test_connection_close_is_answered_and_done(self):
        weir = self.proxied(self.backend())
        client = self.client(weir)
        response = client.request(headers={"Connection": "close"})
        self.assertFalse(response.keep_alive)
        self.assertTrue(client.closed_by_weir())

    def test_http10_client_gets_no_chunks_and_a_close(self):
        weir = self.proxied(self.backend(script=lambda c: (c.read_request(), c.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nfoo\r\n0\r\n\r\n"), c.wait_closed())))
        client = self.client(weir).send(b"GET / HTTP/1.0\r\n\r\n")
        response = client.read_response()
        self.assertEqual(response.body, b"hellofoo")
        self.assertFalse(response.has("transfer-encoding"))
        self.assertTrue(response.until_close)

    def test_http10_keep_alive_is_kept_when_the_length_is_known(self):
        weir = self.proxied(self.backend(lambda r: answer(r.path)))
        client = self.client(weir)
        for path in ("/1", "/2"):
            client.send(f"GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".encode())
            response = client.read_response()
            self.assertEqual(response.text, path)
            self.assertIn("keep-alive", response.tokens("connection"))

    def test_keepalive_requests_limits_a_connection(self):
        weir = self.proxied(self.backend(), server="keepalive_requests 3;")
        client = self.client(weir)
        self.assertTrue(client.request().keep_alive)
        self.assertTrue(client.request().keep_alive)
        self.assertFalse(client.request().keep_alive)
        self.assertTrue(client.closed_by_weir())

    def test_empty_lines_before_a_request_are_ignored(self):
        weir = self.proxied(self.backend())
        client = self.client(weir).send(b"\r\n" + request_bytes())
        self.assertEqual(client.read_response().status, 200)

    def test_absolute_form_is_routed_by_its_authority(self):
        backend = self.backend()
        weir = self.weir(f"""
            server {{ listen <<front>>; server_name a.example; return 200 "server a"; }}
            server {{ listen <<front>>; server_name b.example; location / {{ proxy_pass http://{backend.address}; }} }}""")
        response = self.client(weir).send(b"GET http://b.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n").read_response()
        self.assertEqual(response.status, 200)
        self.assertEqual(backend.requests[0].path, "/x?y")
        self.assertEqual(backend.requests[0].get("host"), "b.example")


class Bodies(Case):
    def test_content_length_and_chunked_requests_reach_the_backend_whole(self):
        backend = self.backend(lambda r: answer(r.body))
        weir = self.proxied(backend)
        client = self.client(weir)
        self.assertEqual(client.request("POST", body=b"abc").body, b"abc")
        client.send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\n\r\n")
        self.assertEqual(client.read_response().body, b"abc0123456789")
        self.assertNotIn(b"x=y", backend.received, "chunk extensions are ours alone")

    def test_chunked_and_close_delimited_responses_reach_the_client_whole(self):
        def script(conn):
            path = conn.read_request().path
            if path == "/chunked":
                conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
                conn.wait_closed()
            conn.send(b"HTTP/1.1 200 OK\r\n\r\nuntil close")
        weir = self.proxied(self.backend(script=script))
        client = self.client(weir)
        response = client.request(path="/close")
        self.assertEqual(response.body, b"until close")
        response = self.get(weir, "/chunked")
        self.assertEqual(response.body, b"abcdefg")

    def test_empty_bodies_of_every_kind(self):
        replies = {
            "/length": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "/204": b"HTTP/1.1 204 No Content\r\n\r\n",
            "/304": b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 99\r\n\r\n",
        }
        weir = self.proxied(self.backend(lambda r: replies[r.path]))
        client = self.client(weir)
        for path in replies:
            for method in ("GET", "POST"):
                response = client.request(method, path, body=b"" if method == "POST" else None)
                self.assertEqual((path, response.body), (path, b""))
        self.assertEqual(client.request(path="/304").get("etag"), '"x"')

    def test_head_has_the_length_of_the_get_and_no_body(self):
        weir = self.proxied(self.backend(lambda r: b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"))
        client = self.client(weir)
        for _ in range(2):
            response = client.request("HEAD")
            self.assertEqual((response.status, response.get("content-length"), response.body), (200, "1234", b""))

    def test_trailers_are_dropped_both_ways(self):
        backend = self.backend(lambda r: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trail: 1\r\nSet-Cookie: a=b\r\n\r\n")
        weir = self.proxied(backend)
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
                                        b"Content-Length: 5\r\nHost: evil\r\nX-Forwarded-For: 6.6.6.6\r\nAuthorization: x\r\n\r\n")
        response = client.read_response()
        self.assertEqual((response.body, response.trailer), (b"ok", b""))
        self.assertFalse(response.has("set-cookie"))
        request = backend.requests[0]
        self.assertEqual((request.body, request.trailer), (b"abc", b""))
        self.assertNotIn(b"evil", backend.received)
        self.assertEqual(client.request("POST", body=b"1").status, 200, "the connection goes on")

    def test_big_bodies_stream_both_ways_unharmed(self):
        size = 24 * 1024 * 1024
        block = random.Random(1).randbytes(1 << 20)

        def script(conn):
            request = conn.read_head()
            digest, left = hashlib.sha256(), int(request.get("content-length"))
            while left:
                data = conn.reader.take(min(left, 1 << 16))
                digest.update(data)
                left -= len(data)
            conn.received.clear()
            conn.send(b"HTTP/1.1 200 OK\r\nX-Digest: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % digest.hexdigest().encode())
            for _ in range(size >> 20):
                conn.send(b"100000\r\n" + block + b"\r\n")
            conn.send(b"0\r\n\r\n")
            conn.wait_closed()

        weir = self.proxied(self.backend(script=script))
        client = self.client(weir).send(f"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: {size}\r\n\r\n".encode())
        wanted = hashlib.sha256()
        for _ in range(size >> 20):
            client.send(block)
            wanted.update(block)
        response = client.read_response()
        self.assertEqual(response.get("x-digest"), wanted.hexdigest())
        self.assertEqual(len(response.body), size)
        self.assertEqual(hashlib.sha256(response.body).hexdigest(), wanted.hexdigest())

    def test_response_pieces_arrive_as_they_are_sent(self):
        """No buffering: the client has a piece before the backend sends the next one (server-sent events live on it)."""
        def script(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for i in range(5):
                conn.send(b"8\r\ndata: %d\n\r\n" % i)
                if not steps[i].wait(20):
                    return
            conn.send(b"0\r\n\r\n")
            conn.wait_closed()

        steps = [threading.Event() for _ in range(5)]
        weir = self.proxied(self.backend(script=script))
        client = self.client(weir).send_request()
        client.read_response(head_only=True)
        for i in range(5):
            self.assertIn(b"data: %d\n" % i, client.read_until(b"\n\r\n"))
            steps[i].set()
        self.assertEqual(client.read_until(b"0\r\n\r\n"), b"0\r\n\r\n")


class Interim(Case):
    def test_100_continue_comes_before_the_body_is_sent(self):
        backend = self.backend(lambda r: answer(r.body))
        weir = self.proxied(backend)
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        self.assertTrue(client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 "))
        client.send(b"hello")
        self.assertEqual(client.read_response().body, b"hello")

    def test_body_sent_without_waiting_for_100_is_fine(self):
        backend = self.backend(lambda r: answer(r.body))
        weir = self.proxied(backend)
        client = self.client(weir)
        for _ in range(3):
            client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
            self.assertEqual(client.read_response().body, b"hello")

    def test_unknown_expectation_is_417(self):
        backend = self.backend()
        weir = self.proxied(backend)
        self.assertEqual(self.get(weir, "/", "POST", {"Expect": "y 100-continue"}, b"hello").status, 417)
        self.assertEqual(backend.received, b"")

    def test_103_early_hints_pass_to_http11_clients_only(self):
        reply = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n" + answer("done")
        weir = self.proxied(self.backend(lambda r: reply))
        client = self.client(weir)
        for _ in range(2):
            response = client.request()
            self.assertEqual((response.status, response.body), (200, b"done"))
            self.assertEqual([(i.status, i.get("link")) for i in response.interim], [(103, "</a.css>"), (103, "</b.css>")])
        old = self.client(weir).send(b"GET / HTTP/1.0\r\n\r\n").read_response()
        self.assertEqual((old.status, old.interim), (200, []))


class LocalAnswers(Case):
    def test_return_gives_status_and_text(self):
        weir = self.weir("""server { listen <<front>>; default_type text/plain;
            location = /text { return 200 "hello $arg_name"; }
            location = /gone { return 410; }
            location /old { return 301 /new$is_args$args; }
            location = /away { return https://elsewhere.example/; }
            location = /silent { return 444; } }""")
        response = self.get(weir, "/text?name=x")
        self.assertEqual((response.status, response.text, response.get("content-type")), (200, "hello x", "text/plain"))
        self.assertEqual(self.get(weir, "/gone").status, 410)
        response = self.get(weir, "/old?a=b")
        self.assertEqual(response.status, 301)
        self.assertTrue(response.get("location").endswith("/new?a=b"), response.get("location"))
        response = self.get(weir, "/away")
        self.assertEqual((response.status, response.get("location")), (302, "https://elsewhere.example/"))
        client = self.client(weir).send_request(path="/silent")
        self.assertTrue(client.closed_by_weir())

    def test_no_location_is_404(self):
        weir = self.weir("server { listen <<front>>; location /a { return 200; } }")
        response = self.get(weir, "/b")
        self.assertEqual(response.status, 404)
        self.assertIn(b"404", response.body)
        self.assertFalse(response.has("server") and "/" in response.get("server"), "no version unless server_tokens is on")

    def test_connection_lives_on_after_local_answers(self):
        weir = self.weir('server { listen <<front>>; location / { return 200 "x"; } }')
        client = self.client(weir)
        for _ in range(3):
            self.assertEqual(client.request("POST", "/", body=b"unread").status, 200)
            self.assertEqual(client.request("HEAD").body, b"")

    def test_connect_and_trace_are_405(self):
        backend = self.backend()
        weir = self.proxied(backend)
        for raw in (b"CONNECT x.example:25 HTTP/1.1\r\nHost: x.example:25\r\n\r\n", b"TRACE / HTTP/1.1\r\nHost: t\r\n\r\n"):
            self.assertEqual(self.client(weir).send(raw).read_response().status, 405)
        self.assertEqual(backend.received, b"")

    def test_error_page_is_page_location_or_redirect(self):
        backend = self.backend(lambda r: answer("backend", status=500))
        holder, held = closed_port()
        self.hold(holder)
        weir = self.weir(f"""
            upstream gone {{ server {held}; }}
            server {{ listen <<front>>;
                error_page 502 503 504 /sorry.html;
                error_page 404 =200 @fallback;
                error_page 410 https://elsewhere.example/;
                location / {{ proxy_pass http://gone; }}
                location /own {{ proxy_pass http://{backend.address}; error_page 500 = /sorry.html; }}
                location = /missing {{ return 404; }}
                location = /gone {{ return 410; }}
                location = /sorry.html {{ return 200 "sorry"; }}
                location @fallback {{ return 200 "fallback"; }} }}""")
        response = self.get(weir, "/")
        self.assertIn(response.status, (502, 503))
        self.assertEqual(response.text, "sorry")
        self.assertEqual((self.get(weir, "/missing").status, self.get(weir, "/missing").text), (200, "fallback"))
        response = self.get(weir, "/gone")
        self.assertEqual((response.status, response.get("location")), (302, "https://elsewhere.example/"))
        self.assertEqual(self.get(weir, "/own").text, "backend", "answers of the backend pass unless intercepted")

    def test_add_header_on_good_statuses_and_always(self):
        backend = self.backend(lambda r: answer("x", status=int(r.path[1:])))
        weir = self.proxied(backend, 'add_header X-Good "v $status"; add_header X-Always a always;')
        good, bad = self.get(weir, "/200"), self.get(weir, "/500")
        self.assertEqual((good.get("x-good"), good.get("x-always")), ("v 200", "a"))
        self.assertEqual((bad.get("x-good"), bad.get("x-always")), (None, "a"))


class Routing(Case):
    def test_server_names_exact_wildcard_regex_and_default(self):
        weir = self.weir("""
            server { listen <<front>> default_server; return 200 default; }
            server { listen <<front>>; server_name exact.example; return 200 exact; }
            server { listen <<front>>; server_name *.wild.example; return 200 wild; }
            server { listen <<front>>; server_name ~^(?<who>\\w+)\\.re\\.example$; return 200 "re $who"; }
            server { listen <<front2>>; return 200 other; }""")
        for host, text in (("exact.example", "exact"), ("EXACT.example:99", "exact"), ("exact.example.", "exact"), ("a.b.wild.example", "wild"),
                           ("joe.re.example", "re joe"), ("nobody", "default"), ("wild.example", "default")):
            self.assertEqual((host, self.get(weir, host=host).text), (host, text))
        self.assertEqual(self.get(weir.front2, host="exact.example").text, "other")

    def test_locations_are_matched_in_nginxs_order_on_the_normalised_path(self):
        weir = self.weir("""server { listen <<front>>;
            location / { return 200 root; }
            location = /exact { return 200 exact; }
            location /img/ { return 200 img; }
            location ^~ /img/final/ { return 200 final; }
            location ~ \\.png$ { return 200 png; }
            location ~* \\.jpg$ { return 200 jpg; } }""")
        for path, text in (("/", "root"), ("/exact", "exact"), ("/exact/", "root"), ("/img/a", "img"), ("/img/a.png", "png"), ("/img/final/a.png", "final"),
                           ("/a.JPG", "jpg"), ("/a.PNG", "root"), ("//img//a", "img"), ("/x/../img/a", "img"), ("/%69mg/a", "img"), ("/img/%2e%2e/exact", "exact")):
            self.assertEqual((path, self.get(weir, path).text), (path, text))

    def test_path_without_the_final_slash_is_redirected(self):
        backend = self.backend(lambda r: answer(r.path))
        weir = self.weir(f"""server {{ listen <<front>>;
            location /app/ {{ proxy_pass http://{backend.address}; }}
            location /own/ {{ return 200 own; }} }}""")
        self.assertEqual(self.get(weir, "/app/x").text, "/app/x")
        moved = self.get(weir, "/app?a=1&b=%0d%0aX:y", host="site.example:81")
        self.assertEqual((moved.status, moved.get("Location")), (301, "http://site.example:81/app/?a=1&b=%0d%0aX:y"))
        self.assertEqual(self.get(weir, "/own").status, 404)


if __name__ == "__main__":
    main()
