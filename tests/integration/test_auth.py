#!/usr/bin/env python3
"""Who the client is: auth_basic, auth_request, satisfy, limit_except."""
import base64
import concurrent.futures
import crypt

from weirtest import Case, answer, main
from weirtest.weir import run


def basic(pair: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


class AuthBasic(Case):
    USERS = "anna:{PLAIN}secret\nbert:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n"

    def setUp(self):
        super().setUp()
        self.app = self.backend(lambda r: answer("app"))
        self.proxied = f"proxy_pass http://{self.app.address};"

    def guarded(self, http: str, users: str = USERS, **options):
        weir = self.weir(http, start=False, **options)
        (weir.dir / "users").write_text(users)
        return weir.start()

    def statuses(self, weir, *pairs: str, path: str = "/") -> list[int]:
        return [self.get(weir, path, headers=basic(pair)).status for pair in pairs]

    def test_right_password_passes_and_others_are_challenged(self):
        weir = self.guarded(f"""server {{ listen <<front>>; auth_basic "the realm"; auth_basic_user_file <<dir>>/users;
            location / {{ {self.proxied} }} }}""")
        refused = self.get(weir)
        self.assertEqual((refused.status, refused.get("www-authenticate")), (401, 'Basic realm="the realm"'))
        self.assertEqual(self.statuses(weir, "anna:secret", "bert:secret", "anna:other", "carl:secret", "anna:", ":", "anna"),
                         [200, 200, 401, 401, 401, 401, 401])
        self.assertEqual(len(self.app.requests), 2, "who is refused reaches nobody")
        weir.wait_error(r'user file .*users: user "anna" refused \(password mismatch\)')
        lines = weir.wait_log(8)
        self.assertIn(" - anna [", lines[1])

    def test_every_form_of_hash_is_known(self):
        forms = {"sha512": crypt.crypt("secret", "$6$rounds=1000$abcdefgh"), "bcrypt": crypt.crypt("secret", "$2y$05$abcdefghijklmnopqrstuu"),
                 "yescrypt": "$y$j75$abcdefgh./$UKD0bxrZjn0VG/G1qIrDvuwSk7xU04/YlYIuxyzoTf6", "des": crypt.crypt("secret", "ab"),
                 "sha": "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "ssha": "{SSHA}Wcm1xEisNjqp921ALcHfuQ7avFdzYWx0MTIzNA=="}
        weir = self.guarded(f"server {{ listen <<front>>; auth_basic r; auth_basic_user_file users; location / {{ {self.proxied} }} }}",
                            users="".join(f"{name}:{made}\n" for name, made in forms.items()))
        for name in forms:
            self.assertEqual(self.statuses(weir, f"{name}:secret", f"{name}:wrong"), [200, 401], name)

    def test_change_of_the_file_takes_effect_without_a_reload(self):
        weir = self.guarded(f"server {{ listen <<front>>; auth_basic r; auth_basic_user_file <<dir>>/users; location / {{ {self.proxied} }} }}")
        self.assertEqual(self.statuses(weir, "anna:secret", "carl:new"), [200, 401])
        (weir.dir / "users").write_text("carl:{PLAIN}new\n")
        self.wait_until(lambda: self.statuses(weir, "carl:new", "anna:secret") == [200, 401], "the file's new users")
        (weir.dir / "users").unlink()
        self.wait_until(lambda: self.statuses(weir, "carl:new") == [403], "the file is missing")

    def test_level_below_has_a_realm_of_its_own(self):
        weir = self.guarded(f"""auth_basic outer; auth_basic_user_file <<dir>>/users;
            server {{ listen <<front>>; location / {{ {self.proxied} }}
                location /open {{ auth_basic off; {self.proxied} }} location /own {{ auth_basic "for $uri"; {self.proxied} }} }}""")
        self.assertEqual(self.get(weir).get("www-authenticate"), 'Basic realm="outer"')
        self.assertEqual(self.get(weir, "/open").status, 200)
        self.assertEqual(self.get(weir, "/own/x").get("www-authenticate"), 'Basic realm="for /own/x"')

    def test_variables_choose_the_file_and_whether_to_ask(self):
        weir = self.guarded(f"""map $arg_free $realm {{ default r; yes off; }}
            server {{ listen <<front>>; auth_basic $realm; auth_basic_user_file <<dir>>/$arg_file; location / {{ {self.proxied} }} }}""")
        self.assertEqual(self.get(weir, "/?free=yes").status, 200)
        self.assertEqual(self.statuses(weir, "anna:secret", path="/?file=users"), [200])
        self.assertEqual(self.statuses(weir, "anna:secret", path="/?file=none"), [403])

    def test_error_page_of_a_challenge_keeps_it(self):
        weir = self.guarded(f"""server {{ listen <<front>>; auth_basic r; auth_basic_user_file <<dir>>/users; error_page 401 /sorry;
            location / {{ {self.proxied} }} location /sorry {{ auth_basic off; {self.proxied} }} }}""")
        response = self.get(weir)
        self.assertEqual((response.status, response.text, response.all("www-authenticate")), (401, "app", ['Basic realm="r"']))

    def test_slow_hash_leaves_others_served(self):
        slow = crypt.crypt("secret", "$2y$13$abcdefghijklmnopqrstuu")
        weir = self.guarded(f"""server {{ listen <<front>>; location / {{ {self.proxied} }}
            location /slow {{ auth_basic r; auth_basic_user_file <<dir>>/users; {self.proxied} }} }}""", users=f"anna:{slow}\n")
        clients = [self.client(weir).send_request(path="/slow", headers=basic(f"anna:wrong{i}")) for i in range(3)]
        asked = 0
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(clients[0].read_response)
            while not first.done():
                self.assertEqual(self.get(weir).status, 200)
                asked += 1
        self.assertGreater(asked, 3, "others are served while a password is hashed")
        self.assertEqual([first.result().status] + [each.read_response().status for each in clients[1:]], [401, 401, 401])

    def test_client_that_goes_while_its_password_is_hashed_is_forgotten(self):
        slow = crypt.crypt("secret", "$2y$10$abcdefghijklmnopqrstuu")
        weir = self.guarded(f"server {{ listen <<front>>; auth_basic r; auth_basic_user_file <<dir>>/users; location / {{ {self.proxied} }} }}",
                            users=f"anna:{slow}\n")
        for i in range(4):
            self.client(weir).send_request(headers=basic(f"anna:secret{i}")).reset()
        weir.wait_log(4)
        self.assertEqual(self.statuses(weir, "anna:secret"), [200])
        self.assertEqual(len(self.app.requests), 1)

    def test_decisions_of_the_rewrite_phase_go_first(self):
        weir = self.guarded(f"""server {{ listen <<front>>; auth_basic r; auth_basic_user_file <<dir>>/users;
            location / {{ if ($arg_go) {{ return 301 /there; }} {self.proxied} }} location /open {{ return 200 "open"; }} }}""")
        self.assertEqual([self.get(weir, path).status for path in ("/", "/?go=1", "/open")], [401, 301, 200])

    def test_broken_settings_are_warned_of_or_refused(self):
        weir = self.weir("server { listen <<front>>; location / { return 200; } }")
        for text, code, words in (
                ("auth_basic x; location / { proxy_pass http://127.0.0.1:1; }", 0, 'has no effect without "auth_basic_user_file"'),
                ("auth_basic x; auth_basic_user_file none; location / { proxy_pass http://127.0.0.1:1; }", 0, "requests are refused until the file is there"),
                ("auth_basic;", 1, "invalid number of arguments"), ("auth_basic $nope;", 1, 'unknown "nope" variable'),
                ("auth_request auth;", 1, 'a path or "off"'), ("auth_request_set $uri x;", 1, 'the duplicate "uri" variable'),
                ("auth_request_set x y;", 1, "invalid variable name"), ("satisfy some;", 1, '"all" or "any"'),
                ('auth_jwt "x";', 1, "auth_request asks a server that does"),
                ("location / { limit_except GIT { deny all; } }", 1, 'invalid method "GIT"'),
                ("location / { limit_except { deny all; } }", 1, "invalid number of arguments"),
                ("location / { limit_except GET { proxy_read_timeout 1s; } }", 1, "is not allowed here")):
            with self.subTest(text):
                weir.config_path.write_text(f"events {{}} http {{ server {{ listen 127.0.0.1:1; {text} }} }}")
                done = run("-c", str(weir.config_path), "-t")
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(words, done.stderr)


class Satisfy(Case):
    def test_any_of_address_and_password_is_enough(self):
        app = self.backend(lambda r: answer("app"))
        weir = self.weir(f"""server {{ listen <<front>>; satisfy any; auth_basic r; auth_basic_user_file <<dir>>/users;
            set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;
            location / {{ allow 192.0.2.0/24; deny all; proxy_pass http://{app.address}; }}
            location /all {{ satisfy all; allow 192.0.2.0/24; deny all; proxy_pass http://{app.address}; }} }}""", start=False)
        (weir.dir / "users").write_text("anna:{PLAIN}secret\n")
        weir.start()

        def ask(path, address, pair=""):
            return self.get(weir, path, headers={"X-Forwarded-For": address, **(basic(pair) if pair else {})}).status
        self.assertEqual([ask("/", "192.0.2.1"), ask("/", "198.51.100.1"), ask("/", "198.51.100.1", "anna:secret"),
                          ask("/", "198.51.100.1", "anna:wrong")], [200, 401, 200, 401])
        self.assertEqual([ask("/all", "192.0.2.1"), ask("/all", "198.51.100.1", "anna:secret"), ask("/all", "192.0.2.1", "anna:secret")],
                         [401, 403, 200])


class LimitExcept(Case):
    def test_other_methods_have_checks_of_their_own(self):
        app = self.backend(lambda r: answer("app"))
        weir = self.weir(f"""server {{ listen <<front>>;
            location / {{ limit_except GET {{ deny all; }} proxy_pass http://{app.address}; }}
            location /own {{ deny all; limit_except PUT DELETE {{ allow all; auth_basic r; auth_basic_user_file <<dir>>/users; }}
                proxy_pass http://{app.address}; }} }}""", start=False)
        (weir.dir / "users").write_text("anna:{PLAIN}secret\n")
        weir.start()
        self.assertEqual([self.get(weir, "/", method).status for method in ("GET", "HEAD", "POST", "PATCH", "PROPFIND")], [200, 200, 403, 403, 403])
        self.assertEqual([self.get(weir, "/own", method).status for method in ("PUT", "DELETE", "GET")], [403, 403, 401])
        self.assertEqual(self.get(weir, "/own", headers=basic("anna:secret")).text, "app")
        effective = run("-c", str(weir.config_path), "--effective").stdout
        self.assertIn("limit_except PUT DELETE {", effective)
        yaml = weir.dir / "weir.yaml"
        yaml.write_text(run("convert", str(weir.config_path)).stdout)
        self.assertEqual(run("-c", str(yaml), "--effective").stdout, effective)


class AuthRequest(Case):
    def setUp(self):
        super().setUp()
        self.app = self.backend(lambda r: answer("app"))
        self.verdict = (200, [])
        self.auth = self.backend(lambda r: answer("x" * 1000, self.verdict[0], self.verdict[1]))
        self.proxied = f"proxy_pass http://{self.app.address};"
        self.asking = f"location = /auth {{ internal; proxy_pass http://{self.auth.address}; }}"

    def test_verdict_of_another_server_decides(self):
        weir = self.weir(f"server {{ listen <<front>>; location / {{ auth_request /auth; {self.proxied} }} {self.asking} }}")
        client = self.client(weir)
        for verdict, seen in ((200, 200), (204, 200), (299, 200), (401, 401), (403, 403), (302, 500), (404, 500), (500, 500), (200, 200)):
            self.verdict = (verdict, [])
            self.assertEqual(client.request(path="/x?y=1").status, seen, verdict)
        self.assertEqual(len(self.app.requests), 4)
        self.assertEqual(self.get(weir, "/auth").status, 404)
        weir.wait_error(r"location /: auth_request /auth failed \(status 302\)")
        self.assertEqual(len(weir.wait_log(10)), 10, "the question itself is not in the log")

    def test_question_has_the_fields_but_not_the_body(self):
        weir = self.weir(f"""server {{ listen <<front>>; location / {{ auth_request /auth; {self.proxied} }}
            location = /auth {{ internal; proxy_pass http://{self.auth.address}/check; proxy_set_header X-Original-URI $request_uri;
                proxy_set_header X-Original-Method $request_method; }} }}""")
        response = self.get(weir, "/x?y=1", "POST", headers=[("Cookie", "a=b"), ("Content-Type", "text/x")], body=b"the body")
        self.assertEqual(response.status, 200)
        question = self.auth.requests[0]
        self.assertEqual((question.method, question.path), ("GET", "/check"))
        self.assertEqual((question.get("cookie"), question.get("x-original-uri")), ("a=b", "/x?y=1"))
        self.assertEqual((question.get("content-length"), question.body), (None, b""))
        self.assertEqual((self.app.requests[0].method, self.app.requests[0].body), ("POST", b"the body"))

    def test_challenge_and_variables_are_taken_over(self):
        weir = self.weir(f"""server {{ listen <<front>>; auth_request_set $user $upstream_http_x_user; auth_request_set $how $upstream_status;
            location / {{ auth_request /auth; proxy_set_header X-User $user; add_header X-Asked "$how $user" always; {self.proxied} }}
            location /none {{ auth_request off; add_header X-Asked "[$user]"; {self.proxied} }} {self.asking} }}""")
        self.verdict = (200, [("X-User", "anna")])
        self.assertEqual(self.get(weir).get("x-asked"), "200 anna")
        self.assertEqual(self.app.requests[0].get("x-user"), "anna")
        self.verdict = (401, [("WWW-Authenticate", 'Bearer realm="x"'), ("WWW-Authenticate", "Basic"), ("X-User", "nobody")])
        response = self.get(weir)
        self.assertEqual((response.status, response.all("www-authenticate")), (401, ['Bearer realm="x"', "Basic"]))
        self.assertEqual(response.get("x-asked"), "401 nobody")
        self.assertEqual(self.get(weir, "/none").get("x-asked"), "[]")

    def test_any_content_can_answer(self):
        weir = self.weir(f"""server {{ listen <<front>>;
            location / {{ auth_request /yes; {self.proxied} }} location /no {{ auth_request /never; {self.proxied} }}
            location /nothing {{ auth_request /missing; {self.proxied} }}
            location = /missing {{ return 404; }} location = /yes {{ return 204; }} location = /never {{ return 403; }} }}""")
        self.assertEqual([self.get(weir, path).status for path in ("/", "/no", "/nothing")], [200, 403, 500])

    def test_login_page_of_a_refusal(self):
        weir = self.weir(f"""server {{ listen <<front>>; auth_request /auth; error_page 401 = @login;
            location / {{ {self.proxied} }} {self.asking}
            location @login {{ return 302 https://login.example/?back=$scheme://$http_host$request_uri; }} }}""")
        self.verdict = (401, [])
        response = self.get(weir, "/x?a=b", host="app.example")
        self.assertEqual((response.status, response.get("location")), (302, "https://login.example/?back=http://app.example/x?a=b"))

    def test_ranges_and_conditions_are_not_asked_of_the_verdict(self):
        weir = self.weir(f"""proxy_cache_path <<dir>>/cache keys_zone=z:1m; auth_request_set $cached $upstream_cache_status;
            server {{ listen <<front>>; location / {{ auth_request /auth; add_header X-Verdict $cached; {self.proxied} }}
            location /file {{ auth_request /verdict; {self.proxied} }} location = /verdict {{ internal; root <<dir>>; }}
            location = /auth {{ internal; proxy_cache z; proxy_cache_key $http_x_key; proxy_cache_valid 1h;
                proxy_pass http://{self.auth.address}; }} }}""", start=False)
        (weir.dir / "verdict").write_text("yes")
        weir.start()
        for i, asked in enumerate((("Range", "bytes=5000-"), ("If-Match", '"x"'), ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"),
                                   ("If-None-Match", "*"), ("If-Modified-Since", "Sun, 06 Nov 2094 08:49:37 GMT"))):
            with self.subTest(asked=asked):
                key = ("X-Key", str(i))
                miss = self.get(weir, headers=[key, asked])
                self.assertEqual((miss.status, miss.get("x-verdict")), (200, "MISS"))
                self.wait_until(lambda: self.get(weir, headers=[key]).get("x-verdict") == "HIT", "the verdict to be kept")
                hit = self.get(weir, headers=[key, asked])
                self.assertEqual((hit.status, hit.get("x-verdict")), (200, "HIT"))
                self.assertEqual(self.get(weir, "/file", "PUT", headers=[asked], body=b"x").status, 200)

    def test_old_verdict_is_brought_up_to_date_aside(self):
        weir = self.weir(f"""proxy_cache_path <<dir>>/cache keys_zone=z:1m;
            server {{ listen <<front>>; location / {{ auth_request /auth; {self.proxied} }}
            location = /auth {{ internal; proxy_cache z; proxy_cache_key auth; proxy_cache_use_stale updating;
                proxy_cache_background_update on; proxy_pass http://{self.auth.address}; }} }}""")
        self.verdict = (200, [("X-Accel-Expires", "1")])

        def asked_again():
            self.assertEqual(self.get(weir, "/x?y=1", "POST", body=b"x").status, 200)
            return len(self.auth.requests) >= 4
        self.wait_until(asked_again, "newer verdicts")
        self.assertEqual({(r.method, r.path) for r in self.auth.requests}, {("GET", "/auth")})
        self.assertEqual({(r.method, r.path) for r in self.app.requests}, {("POST", "/x?y=1")})

    def test_client_that_goes_ends_the_question(self):
        def script(conn):
            conn.read_request()
            conn.wait_closed()
        slow = self.backend(script=script)
        weir = self.weir(f"""server {{ listen <<front>>; location / {{ auth_request /auth; {self.proxied} }}
            location = /auth {{ proxy_pass http://{slow.address}; }} }}""")
        client = self.client(weir).send_request()
        slow.wait_requests(1)
        client.reset()
        slow.wait_all_closed()
        self.assertIn(' 499 ', weir.wait_log(1)[0])

    def test_large_body_waits_for_the_verdict(self):
        weir = self.weir(f"server {{ listen <<front>>; location / {{ auth_request /auth; {self.proxied} }} {self.asking} }}")
        body = bytes(range(256)) * 2000
        self.assertEqual(self.get(weir, "/", "POST", body=body).status, 200)
        self.assertEqual(self.app.requests[0].body, body)
        self.verdict = (403, [])
        self.assertEqual(self.get(weir, "/", "POST", body=body).status, 403)

    def test_upgrade_passes_the_check(self):
        def script(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n")
            conn.send(conn.sock.recv(100))
        app = self.backend(script=script)
        weir = self.weir(f"server {{ listen <<front>>; location / {{ auth_request /auth; proxy_pass http://{app.address}; }} {self.asking} }}")
        client = self.client(weir).send_request(headers=[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x"),
                                                         ("Sec-WebSocket-Version", "13")])
        self.assertEqual(client.read_response().status, 101)
        self.assertEqual(client.send(b"hello").read(5), b"hello")


if __name__ == "__main__":
    main()
