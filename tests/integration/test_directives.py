#!/usr/bin/env python3
"""Directives on the wire: each says in a configuration what a client or a backend then sees."""
import pathlib
import re
import socket

from weirtest import Case, answer, main


class Locations(Case):
    def test_internal_location_is_for_error_pages_only(self):
        weir = self.weir("""server { listen <<front>>;
            location / { error_page 404 /page; }
            location /page { internal; return 200 "the page"; } }""")
        self.assertEqual((self.get(weir, "/page").status, self.get(weir, "/page/x").status), (404, 404))
        response = self.get(weir, "/other")
        self.assertEqual((response.status, response.body), (404, b"the page"))

    def test_types_decide_the_type_of_returned_texts(self):
        weir = self.weir("""default_type application/octet-stream; include mime.types;
            server { listen <<front>>; location / { return 200 "x"; }
                location /own/ { types { text/x-own txt; } return 200 "x"; } }""")
        types = [self.get(weir, path).get("content-type") for path in ("/robots.txt", "/a.JSON", "/a", "/own/a.txt", "/own/a.json")]
        self.assertEqual(types, ["text/plain", "application/json", "application/octet-stream", "text/x-own", "application/octet-stream"])

    def test_redirects_have_the_scheme_and_port_of_the_directives(self):
        weir = self.weir("""server { listen <<front>>; location /a { return 301 /x; }
            location /b { absolute_redirect off; return 301 /x; } location /c { port_in_redirect off; return 301 /x; } }""")
        seen = [self.get(weir, path, host="h.example:8080").get("location") for path in ("/a", "/b", "/c")]
        self.assertEqual(seen, ["http://h.example:8080/x", "/x", "http://h.example/x"])

    def test_relative_error_page_is_a_redirect(self):
        weir = self.weir("server { listen <<front>>; location / { error_page 404 sorry.html; } }")
        response = self.get(weir, "/x")
        self.assertEqual((response.status, response.get("location")), (302, "sorry.html"))

    def test_failed_page_gets_a_page_when_pages_are_recursive(self):
        weir = self.weir("""server { listen <<front>>; error_page 404 = @first; error_page 403 = @second;
            location / { recursive_error_pages on; }
            location /loop/ { recursive_error_pages on; error_page 404 /loop/missing; }
            location /turns/ { recursive_error_pages on; error_page 500 /turns/x; rewrite ^ /turns/y last; }
            location @first { recursive_error_pages on; return 403; } location @second { return 200 "second"; } }""")
        self.assertEqual((self.get(weir, "/x").status, self.get(weir, "/x").text), (200, "second"))
        self.assertEqual([self.get(weir, path).status for path in ("/loop/x", "/turns/x")], [500, 500])
        weir.wait_error(r"internal redirect refused \(more than 10 of them")

    def test_failed_page_is_the_last_by_default(self):
        weir = self.weir("""server { listen <<front>>; error_page 404 = @first; error_page 403 = @second;
            location / { } location @first { return 403; } location @second { return 200 "second"; } }""")
        self.assertEqual(self.get(weir, "/x").status, 403)

    def test_failed_page_answers_with_its_own_status(self):
        weir = self.weir("""server { listen <<front>>; root <<dir>>;
            location /denied { error_page 404 =200 @denied; return 404; } location @denied { return 403; }
            location /missing { error_page 502 =200 /none.html; return 502; } location = /none.html { internal; }
            location /down { error_page 404 =200 @down; return 404; } location @down { proxy_pass http://127.0.0.1:1; }
            location /text { error_page 404 =200 @text; return 404; } location @text { return 500 "all is well"; } }""")
        for path, status in (("/denied", 403), ("/missing", 404), ("/down", 503)):
            response = self.get(weir, path)
            self.assertEqual(response.status, status, path)
            self.assertIn(str(status).encode(), response.body)
        response = self.get(weir, "/text")
        self.assertEqual((response.status, response.body), (200, b"all is well"))

    def test_captures_know_no_case(self):
        weir = self.weir(r"""server { listen <<front>>; server_name ~^(?<theTenant>\w+)\.example$;
            location ~ ^/(?<fooBar>.*)$ { return 200 "$fooBar $foobar $thetenant"; } }""")
        self.assertEqual(self.get(weir, "/Abc", host="one.example").body, b"Abc Abc one")

    def test_captures_of_a_map_are_seen_outside(self):
        weir = self.weir(r"""map $uri $known { default no; ~^/(?<lang>[a-z][a-z])/ yes; }
            server { listen <<front>>; return 200 "$known [$lang]"; }""")
        self.assertEqual([self.get(weir, path).body for path in ("/de/x", "/long/x")], [b"yes [de]", b"no []"])

    def test_captures_of_several_maps_are_those_of_a_match(self):
        weir = self.weir(r"""map $uri $first { default no; ~^/(?<lang>[a-z][a-z])/ yes; }
            map $arg_l $second { default no; ~^(?<lang>[a-z]+)$ yes; }
            server { listen <<front>>; return 200 "$first $second [$lang]"; }""")
        self.assertEqual([self.get(weir, path).text for path in ("/de/x", "/de/x?l=fr", "/x?l=fr", "/x")],
                         ["yes no [de]", "yes yes [fr]", "no yes [fr]", "no no []"])
        weir.wait_error(r'"\$lang" is captured by several maps')


class Clients(Case):
    def test_real_ip_directives_of_a_location_hold_there(self):
        weir = self.weir("""server { listen <<front>>; location / { return 200 $remote_addr; }
            location /in { set_real_ip_from localhost; real_ip_header X-Client; return 200 $remote_addr; }
            location /deep { set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For;
                real_ip_recursive on; return 200 $remote_addr; } }""")
        fields = {"X-Client": "192.0.2.7", "X-Forwarded-For": "192.0.2.8, 10.0.0.9"}
        seen = [self.get(weir, path, headers=fields).body for path in ("/", "/in", "/deep")]
        self.assertEqual(seen, [b"127.0.0.1", b"192.0.2.7", b"192.0.2.8"])

    def test_underscores_in_headers_reach_backends_when_on(self):
        for line, expected in (("underscores_in_headers on;", "v"), ("underscores_in_headers off;", None), ("ignore_invalid_headers off;", "v")):
            backend = self.backend()
            weir = self.proxied(backend, server=line)
            self.get(weir, headers=[("X_Own", "v")])
            self.assertEqual(backend.requests[0].get("x_own"), expected, line)

    def test_old_connections_take_no_further_request(self):
        weir = self.weir("server { listen <<front>>; keepalive_time 1ms; location / { return 200 x; } }")
        client = self.client(weir)
        # How old it is counts from weir's accept, which may come as late as the first request.
        self.wait_until(lambda: client.request("GET", "/").get("connection") == "close", "the connection to be older than a millisecond")

    def test_timed_out_connection_is_reset_when_asked(self):
        for on in ("on", "off"):
            weir = self.weir(f"server {{ listen <<front>>; reset_timedout_connection {on}; location / {{ return 444; }} }}")
            host, port = weir.front.rsplit(":", 1)
            with socket.create_connection((host, int(port)), timeout=30) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
                try:
                    end = connection.recv(100)
                except ConnectionResetError:
                    end = "reset"
            self.assertEqual(end, "reset" if on == "on" else b"", on)


class Process(Case):
    def test_limit_of_open_files_is_the_one_written(self):
        weir = self.weir("server { listen <<front>>; return 200; }", main="worker_rlimit_nofile 500;")
        limits = pathlib.Path(f"/proc/{weir.process.pid}/limits").read_text("ascii")
        soft, = re.findall(r"Max open files +(\d+)", limits)
        self.assertEqual(soft, "500")


class Upstreams(Case):
    def test_hidden_and_passed_fields_of_answers(self):
        backend = self.backend(lambda r: answer("x", headers={"Server": "own", "X-Secret": "s", "X-Accel-Limit": "1"}))
        weir = self.proxied(backend, location="proxy_hide_header X-Secret; proxy_pass_header Server;")
        response = self.get(weir)
        self.assertEqual((response.get("server"), response.has("x-secret")), ("own", False))

    def test_cache_conditions_change_nothing_without_a_cache(self):
        backend = self.backend()
        weir = self.proxied(backend, location="proxy_cache_bypass $http_upgrade; proxy_no_cache 1;")
        self.assertEqual([self.get(weir).status for _ in range(2)], [200, 200])
        self.assertEqual(len(backend.requests), 2)

    def test_answer_named_by_next_upstream_match_goes_to_another(self):
        starting = self.backend(lambda r: answer('{"maintaining":true}', status=503))
        ready = self.backend(lambda r: answer("ready"))
        for preset in ("preset nocobase;", "proxy_next_upstream_match 503 '\"maintaining\":true';"):
            weir = self.weir(f"""upstream u {{ server {starting.address}; server {ready.address}; }}
                server {{ listen <<front>>; {preset} location / {{ proxy_pass http://u; }} }}""")
            self.assertEqual({self.get(weir, method="POST", body=b"x").body for _ in range(4)}, {b"ready"}, preset)

    def test_fastest_server_is_asked_by_least_time(self):
        backends = [self.backend(), self.backend()]
        weir = self.weir(f"""upstream u {{ least_time header; server {backends[0].address}; server {backends[1].address}; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}""")
        self.assertEqual([self.get(weir).status for _ in range(4)], [200] * 4)
        self.assertEqual(sum(len(b.requests) for b in backends), 4)


if __name__ == "__main__":
    main()
