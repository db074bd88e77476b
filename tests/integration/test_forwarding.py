#!/usr/bin/env python3
"""What weir makes of a request and an answer on their way: Host, forwarding fields, framing, redirects, error pages."""
import os
import shutil
import tempfile

from weirtest import Case, answer, closed_port, main


class ToThePeer(Case):
    def test_rewritten_path_is_escaped_as_by_nginx(self):
        backend = self.backend()
        weir = self.weir(f"server {{ listen <<front>>; location /app/ {{ proxy_pass http://{backend.address}/new/; }} }}")
        self.get(weir, "/app/%7C%3c%3E%5e%60%7b%7D%22%20%25-[]@?q=|<>")
        self.assertEqual(backend.requests[-1].path, "/new/%7C%3C%3E%5E%60%7B%7D%22%20%25-[]@?q=|<>")

    def test_request_without_host_gets_one(self):
        backend = self.backend()
        for server, host in (("server_name shop.test;", "shop.test"), ("server_name .shop.test;", "shop.test"), ("", "u"),
                             ("server_name _;", "u"), ("server_name *.shop.test;", "u")):
            for location in ("", "proxy_set_header Host $http_host;"):
                with self.subTest(server=server, location=location):
                    client = self.client(self.proxied(backend, location, server))
                    self.assertEqual(client.send(b"GET / HTTP/1.0\r\n\r\n").read_response().status, 200)
                    self.assertEqual(backend.requests[-1].all("host"), [host])

    def test_empty_host_is_the_peers_name_or_none(self):
        """A peer answers 400 to HTTP/1.1 without Host; HTTP/1.0 knows none."""
        backend = self.backend()
        for version, expected in (("1.1", ["u"]), ("1.0", [])):
            with self.subTest(version):
                weir = self.proxied(backend, f'proxy_set_header Host ""; proxy_http_version {version};')
                self.assertEqual(self.get(weir, host="shop.test").status, 200)
                self.assertEqual(backend.requests[-1].all("host"), expected)

    def test_localhost_and_its_address_get_the_same_host(self):
        backend = self.backend(address="127.0.0.1:0")
        port = backend.address.rsplit(":", 1)[1]
        for name in ("localhost", "127.0.0.1"):
            weir = self.weir(f"server {{ listen <<front>>; location / {{ proxy_pass http://{name}:{port}; }} }}")
            self.assertEqual(self.get(weir, host="shop.test").status, 200)
            self.assertEqual(backend.requests[-1].all("host"), ["shop.test"], name)

    def test_server_without_a_name_serves_requests_without_host(self):
        weir = self.weir('server { listen <<front>>; server_name a; return 200 "a"; } '
                         'server { listen <<front>>; server_name ""; return 200 "none"; }')
        self.assertEqual(self.client(weir).send(b"GET / HTTP/1.0\r\n\r\n").read_response().body, b"none")
        self.assertEqual(self.get(weir, host="other").body, b"a")

    def test_held_chunked_body_is_sent_with_its_length(self):
        backend = self.backend()
        client = self.client(self.proxied(backend))
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        self.assertEqual(client.read_response().status, 200)
        request = backend.requests[-1]
        self.assertEqual((request.body, request.all("content-length"), request.all("transfer-encoding")), (b"abcde", ["5"], []))

    def test_operators_connection_close_reaches_the_peer(self):
        backend = self.backend()
        weir = self.proxied(backend, "proxy_set_header Connection close;")
        for _ in range(2):
            self.assertEqual(self.get(weir).status, 200)
            self.assertEqual(backend.requests[-1].all("connection"), ["close"])
        self.assertEqual(len(backend.connections), 2)


class Variables(Case):
    """proxy_pass with variables: what is text in it, and what the configuration's maps can give, is known at load."""

    def served(self, passes: str, location: str = "/", http: str = "", backend=None):
        backend = backend or self.backend()
        weir = self.weir(f"upstream back {{ server {backend.address}; }} {http} "
                         f"server {{ listen <<front>>; location {location} {{ proxy_pass {passes.replace('BACK', backend.address)}; }} }}")
        return backend, weir

    def test_uri_of_variables_is_the_target(self):
        for passes, location, asked, expected in (
                ("http://back/n/$1", "~ ^/num/(.*)$", "/num/7?x=1", "/n/7"),
                ("http://back/n/$1$is_args$args", "~ ^/num/(.*)$", "/num/7?x=1", "/n/7?x=1"),
                ("http://back$request_uri", "/", "/a%2Fb?c", "/a%2Fb?c"),
                ("http://back/h?p=$arg_a", "/", "/x?a=5", "/h?p=5"),
                ("http://back?p=$arg_a", "/", "/x?a=5", "/?p=5"),
                ("http://BACK$request_uri", "/", "/y?z", "/y?z"),
                ("HTTP://BACK/fixed$is_args$args", "/", "/y?z", "/fixed?z"),
                ("http://back/$1", "~ ^/([^/]*)$", "/a%20b%0d%0aX:%20y", "/a%20b%0D%0AX:%20y")):
            with self.subTest(passes):
                backend, weir = self.served(passes, location)
                self.assertEqual(self.get(weir, asked).status, 200)
                self.assertEqual(backend.requests[-1].path, expected)

    def test_values_of_maps_are_known(self):
        backend = self.backend()
        http = (f"map $arg_to $up {{ default back; direct {backend.address}; path {backend.address}/in/map; }} map $arg_to $url {{ url http://back/u; }}"
                f"map $arg_to $port {{ default {backend.address.rsplit(':', 1)[1]}; }}")
        for passes, asked, expected in (
                ("http://$up", "/x", "/x"), ("http://$up", "/x?to=direct", "/x?to=direct"), ("http://$up/fixed", "/x", "/fixed"),
                ("http://$up", "/x?to=path", "/in/map"), ("$url", "/x?to=url", "/u"),
                (f"http://{backend.address.rsplit(':', 1)[0]}:$port$request_uri", "/z", "/z")):
            with self.subTest(passes, asked=asked):
                _, weir = self.served(passes, http=http, backend=backend)
                self.assertEqual(self.get(weir, asked).status, 200)
                self.assertEqual(backend.requests[-1].path, expected)

    def test_unix_socket_with_variables(self):
        path = tempfile.mkdtemp(prefix="weir-unix-") + "/s"
        backend, weir = self.served("http://BACK:/u$request_uri", backend=self.backend(address="unix:" + path))
        self.assertEqual(self.get(weir, "/x").status, 200)
        self.assertEqual(backend.requests[-1].path, "/u/x")
        shutil.rmtree(os.path.dirname(path))

    def test_upstream_with_a_port_is_none(self):
        """As nginx, and as -t says: an upstream{} has no port."""
        _, weir = self.served("$arg_up")
        self.assertEqual([self.get(weir, "/?up=http://back" + port).status for port in ("", ":80", ":8080")], [200, 502, 502])

    def test_words_of_a_client_choose_no_address(self):
        secret = self.backend()
        _, weir = self.served("http://$arg_host")
        self.assertEqual(self.get(weir, "/?host=" + secret.address).status, 502)
        self.assertEqual(self.get(weir, "/?host=back").status, 200)
        _, weir = self.served("$arg_url")
        self.assertEqual(self.get(weir, "/?url=https://" + secret.address).status, 502)
        self.assertEqual(secret.requests, [])


class Streams(Case):
    def test_first_bytes_reach_the_peer_when_requests_are_not_buffered(self):
        """Both ways at once: the peer answers each piece before the next is sent."""
        def script(conn):
            conn.read_head()
            conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for expected in (b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"):
                got = b""
                while got != expected:
                    got += conn.reader.take(len(expected) - len(got))
                if expected[:1] == b"3":
                    conn.send(b"4\r\n" + got[3:6] + b"!\r\n")
            conn.send(b"0\r\n\r\n")
            conn.wait_closed()
        weir = self.proxied(self.backend(script=script), "proxy_request_buffering off;")
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        client.read_until(b"one!\r\n")
        client.send(b"3\r\ntwo\r\n")
        client.read_until(b"two!\r\n")
        client.send(b"0\r\n\r\n")
        client.read_until(b"0\r\n\r\n")


class Upgrades(Case):
    LINES = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"

    def switching(self, protocol: str = ""):
        """A peer that switches to what it is asked for (or to `protocol`) and echoes, or answers 200 where it is not asked."""
        def script(conn):
            request = conn.read_request()
            if not request.has("upgrade"):
                conn.send(answer("plain"))
                return
            to = protocol or request.get("upgrade")
            conn.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\nhello" % to.encode())
            conn.send(conn.reader.take(4).upper())
            conn.wait_closed()
        return self.backend(script=script)

    def ask(self, weir, protocol: str, method: bytes = b"POST", more: bytes = b""):
        return self.client(weir).send(method + b" /attach HTTP/1.1\r\nHost: a\r\nUpgrade: %s\r\nConnection: Upgrade\r\n" % protocol.encode()
                                      + more + b"\r\n")

    def test_any_protocol_of_the_operators_lines_becomes_a_tunnel(self):
        for protocol, more in (("tcp", b""), ("SPDY/3.1", b"Content-Length: 0\r\n"), ("TUN/1.0", b""), ("websocket", b"")):
            with self.subTest(protocol):
                peer = self.switching()
                client = self.ask(self.proxied(peer, self.LINES), protocol, more=more)
                head = client.read_until(b"\r\n\r\n")
                self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
                self.assertIn(b"\r\nUpgrade: %s\r\n" % protocol.encode(), head)
                self.assertEqual(client.read(5), b"hello")
                self.assertEqual(client.send(b"ping").read(4), b"PING")
                self.assertEqual(peer.requests[-1].get("connection").lower(), "upgrade")

    def test_peer_chooses_among_the_protocols_of_a_list(self):
        peer = self.switching("TUN/1.0")
        client = self.ask(self.proxied(peer, self.LINES), "tcp, TUN/1.0")
        head = client.read_until(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
        self.assertIn(b"\r\nUpgrade: TUN/1.0\r\n", head)
        self.assertEqual(client.read(5), b"hello")
        self.assertEqual(peer.requests[-1].get("upgrade"), "tcp, TUN/1.0")

    def test_upgrade_without_the_operators_lines_is_a_plain_request(self):
        for location in ("", "proxy_set_header Upgrade $http_upgrade;", "proxy_set_header Upgrade other; proxy_set_header Connection upgrade;"):
            self.assertEqual(self.ask(self.proxied(self.switching(), location), "tcp").read_response().body, b"plain")
        for protocol in ("h2c", "HTTP/2.0", "a b", "tcp, h2c", ","):
            self.assertEqual(self.ask(self.proxied(self.switching(), self.LINES), protocol).read_response().body, b"plain")

    def test_peer_that_switches_to_another_protocol_is_502(self):
        self.assertEqual(self.ask(self.proxied(self.switching("other"), self.LINES), "tcp").read_response().status, 502)


class FromThePeer(Case):
    def test_redirects_of_the_peer_are_rewritten(self):
        backend = self.backend(lambda r: answer("x", status=302, headers=[("Location", r.get("x-to")), ("Refresh", "5; URL=" + r.get("x-to"))]))
        own = f"http://{backend.address}"

        def to(weir, target):
            response = self.get(weir, "/app/x", headers=[("X-To", target)], host="shop.test:81")
            return response.get("location"), response.get("refresh")[7:]
        default = self.proxied(backend)
        self.assertEqual(to(default, "http://u/login?a"), ("http://shop.test:81/login?a", "/login?a"))
        for other in ("http://u2/login", "https://u/login", "http://u:81/", "/login", "//u/x", "http://elsewhere/http://u/"):
            self.assertEqual(to(default, other), (other, other))
        part = self.weir(f"server {{ listen <<front>>; location /app/ {{ proxy_pass {own}/base/; }} }}")
        self.assertEqual(to(part, own + "/base/login"), ("http://shop.test:81/app/login", "/app/login"))
        self.assertEqual(to(part, own + "/other"), (own + "/other",) * 2)
        off = self.proxied(backend, "proxy_redirect off;")
        self.assertEqual(to(off, "http://u/login"), ("http://u/login",) * 2)
        rules = self.proxied(backend, "proxy_redirect http://a/ https://$host/b/; proxy_redirect ~*^http://(?<name>[a-z]+)\\.int/(.*)$ /$name/$2; "
                                      "proxy_redirect default;")
        self.assertEqual(to(rules, "http://a/x"), ("https://shop.test/b/x",) * 2)
        self.assertEqual(to(rules, "http://APP.int/x/y"), ("http://shop.test:81/APP/x/y", "/APP/x/y"))
        self.assertEqual(to(rules, "http://u/z"), ("http://shop.test:81/z", "/z"))

    def test_426_keeps_its_upgrade(self):
        weir = self.proxied(self.backend(lambda r: answer("x", status=426, headers=[("Upgrade", "websocket"), ("Connection", "Upgrade")])))
        response = self.get(weir)
        self.assertEqual((response.status, response.all("upgrade"), response.get("connection").lower()), (426, ["websocket"], "upgrade"))
        other = self.proxied(self.backend(lambda r: answer("x", headers=[("Upgrade", "h2c"), ("Connection", "Upgrade")])))
        self.assertEqual(self.get(other).all("upgrade"), [])

    def test_error_page_of_502_stands_for_no_peer_too(self):
        holder, address = closed_port()
        self.hold(holder)
        weir = self.weir(f"upstream gone {{ server {address}; }}"
                         'server { listen <<front>>; location / { proxy_pass http://gone; error_page 502 = @fb; } '
                         'location @fb { return 200 "fallback"; } '
                         'location /both { proxy_pass http://gone; error_page 502 /502.html; error_page 503 /503.html; } '
                         'location /502.html { return 200 "502"; } location /503.html { return 200 "503"; } }')
        for _ in range(3):  # refused, then ejected
            self.assertEqual(self.get(weir).body, b"fallback")
        self.assertEqual(self.get(weir, "/both").body, b"503")

    def test_error_page_of_502_stands_for_full_peers_too(self):
        def script(conn):
            conn.read_request()
            conn.wait_closed()
        busy = self.backend(script=script)
        for queue in ("", "queue 1 timeout=50ms;"):
            weir = self.weir(f"upstream u {{ server {busy.address} max_conns=1; {queue} }}"
                             'server { listen <<front>>; location / { proxy_pass http://u; error_page 502 = @fb; } location @fb { return 200 "fallback"; } }')
            before = len(busy.requests)
            taken = self.client(weir).send_request()
            self.wait_until(lambda: len(busy.requests) > before, "the place to be taken")
            self.assertEqual([self.get(weir).body for _ in range(2)], [b"fallback"] * 2, queue)
            taken.reset()

    def test_error_page_target_knows_the_status(self):
        weir = self.weir('server { listen <<front>>; error_page 403 404 http://errors.test/$status; '
                         'location / { return 404; } location /f { return 403; } }')
        self.assertEqual(self.get(weir, "/x").get("location"), "http://errors.test/404")
        self.assertEqual(self.get(weir, "/f").get("location"), "http://errors.test/403")

    def test_status_in_a_page_is_that_of_the_client(self):
        weir = self.weir('server { listen <<front>>; error_page 404 /page; error_page 403 =200 /page; error_page 410 = /page; '
                         'location / { return 404; } location /f { return 403; } location /g { return 410; } '
                         'location /page { return 202 "$status"; } }')
        self.assertEqual([(self.get(weir, path).status, self.get(weir, path).text) for path in ("/x", "/f", "/g")],
                         [(404, "404"), (200, "200"), (202, "202")])


class Forwarded(Case):
    TRUST = "set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;"

    def test_port_follows_the_scheme_of_a_trusted_proxy(self):
        backend = self.backend()
        weir = self.proxied(backend, server=self.TRUST)
        port = weir.front.rsplit(":", 1)[1]
        for headers, host, expected in (
                ([("X-Forwarded-Proto", "https")], "shop.test", "443"),
                ([("X-Forwarded-Proto", "http")], "shop.test", "80"),
                ([("X-Forwarded-Proto", "https")], "shop.test:8443", "8443"),
                ([("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "shop.test:9443")], "inner", "9443"),
                ([("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "4443")], "shop.test", "4443"),
                ([("X-Forwarded-Proto", "https")], "[::1]", "443"),
                ([], "shop.test", port)):
            with self.subTest(headers=headers, host=host):
                self.get(weir, headers=headers, host=host)
                self.assertEqual(backend.requests[-1].all("x-forwarded-port"), [expected])
        untrusting = self.proxied(backend)
        self.get(untrusting, headers=[("X-Forwarded-Proto", "https")])
        self.assertEqual(backend.requests[-1].get("x-forwarded-port"), untrusting.front.rsplit(":", 1)[1])

    def test_own_redirects_follow_the_scheme_of_a_trusted_proxy(self):
        for server, scheme in ((self.TRUST, "https"), ("", "http")):
            weir = self.weir(f"server {{ listen <<front>>; {server} return 301 /there; }}")
            response = self.get(weir, headers=[("X-Forwarded-Proto", "https")], host="shop.test")
            self.assertEqual(response.get("location"), f"{scheme}://shop.test/there")

    def test_empty_elements_hide_no_client(self):
        backend = self.backend()
        weir = self.proxied(backend, server=self.TRUST)
        for value in ("198.51.100.7, ", "198.51.100.7 ,, ,", "6.6.6.6 198.51.100.7"):
            self.get(weir, headers=[("X-Forwarded-For", value)])
            self.assertEqual(backend.requests[-1].get("x-real-ip"), "198.51.100.7", value)


if __name__ == "__main__":
    main()
