#!/usr/bin/env python3
"""Who may ask: allow and deny, on each level and behind a balancer, and what the others are told."""
from weirtest import Case, answer, main
from weirtest.weir import run


class AllowAndDeny(Case):
    def setUp(self):
        super().setUp()
        self.app = self.backend(lambda r: answer("app"))
        self.proxied = f"proxy_pass http://{self.app.address};"

    def statuses(self, weir, *paths: str, **options) -> list[int]:
        return [self.get(weir, path, **options).status for path in paths]

    def test_first_rule_that_matches_decides(self):
        weir = self.weir(f"""server {{ listen <<front>>;
            location /a {{ deny 10.0.0.0/8; allow 127.0.0.0/8; deny all; {self.proxied} }}
            location /b {{ allow 10.0.0.0/8; deny 127.0.0.1; allow all; {self.proxied} }}
            location /c {{ allow 10.0.0.0/8; {self.proxied} }} }}""")
        self.assertEqual(self.statuses(weir, "/a", "/b", "/c"), [200, 403, 200])
        self.assertEqual(len(self.app.requests), 2, "who is denied reaches nobody")
        weir.wait_error(r"location /b: access denied \(deny 127\.0\.0\.1; client 127\.0\.0\.1\)")

    def test_rules_of_a_level_replace_the_inherited(self):
        weir = self.weir(f"""deny all;
            server {{ listen <<front>>; server_name a; location / {{ {self.proxied} }} location /own {{ allow all; {self.proxied} }} }}
            server {{ listen <<front>>; server_name b; allow 127.0.0.1; location / {{ {self.proxied} }}
                location /in {{ {self.proxied} location /in/er {{ deny all; {self.proxied} }} }} }}""")
        self.assertEqual(self.statuses(weir, "/", "/own", host="a"), [403, 200])
        self.assertEqual(self.statuses(weir, "/", "/in", "/in/er", host="b"), [200, 200, 403])

    def test_rules_look_at_the_address_behind_a_trusted_balancer(self):
        weir = self.weir(f"""server {{ listen <<front>>; set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;
            location / {{ allow 192.0.2.0/24; allow 2001:db8::/32; deny all; {self.proxied} }} }}""")
        seen = [self.get(weir, headers={"X-Forwarded-For": each}).status for each in ("192.0.2.9", "198.51.100.1", "2001:db8::1", "2001:db9::1")]
        self.assertEqual(seen, [200, 403, 200, 403])

    def test_unix_clients_have_no_port(self):
        weir = self.weir("""server { listen unix:<<dir>>/front.sock; listen <<front>>;
            return 200 "$remote_addr [$remote_port] [$realip_remote_port] [$server_port]"; }""")
        self.assertEqual(self.client(f"unix:{weir.dir}/front.sock").request().text, "unix: [] [] []")

    def test_unix_clients_have_a_rule_of_their_own(self):
        weir = self.weir(f"""server {{ listen unix:<<dir>>/front.sock; listen <<front>>;
            location / {{ allow unix:; deny all; {self.proxied} }} }}""")
        self.assertEqual(self.client(f"unix:{weir.dir}/front.sock").request().status, 200)
        self.assertEqual(self.get(weir).status, 403)

    def test_error_page_answers_a_denied_client(self):
        weir = self.weir(f"""server {{ listen <<front>>; error_page 403 /sorry;
            location / {{ deny all; {self.proxied} }} location /sorry {{ {self.proxied} }} }}""")
        response = self.get(weir)
        self.assertEqual((response.status, response.text), (403, "app"))

    def test_denied_body_is_not_waited_for(self):
        weir = self.weir(f"server {{ listen <<front>>; location / {{ deny all; {self.proxied} }} }}")
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(client.read_response().status, 403)

    def test_return_answers_before_the_rules(self):
        weir = self.weir('server { listen <<front>>; location / { deny all; return 200 "open"; } }')
        self.assertEqual(self.get(weir).text, "open")
        weir.wait_error('"deny" is without effect beside "return"')

    def test_order_of_rules_outlives_the_dump_and_yaml(self):
        weir = self.weir(f"""server {{ listen <<front>>;
            location / {{ deny 10.0.0.1; allow 10.0.0.0/8; deny unix:; allow 2001:db8::/32; deny all; {self.proxied} }} }}""")
        rules = ["deny 10.0.0.1;", "allow 10.0.0.0/8;", "deny unix:;", "allow 2001:db8::/32;", "deny all;"]

        def rules_of(text: str) -> list[str]:
            return [line.strip() for line in text.splitlines() if line.strip().startswith(("allow ", "deny "))]
        self.assertEqual(rules_of(run("-c", str(weir.config_path), "--effective").stdout), rules)
        yaml = weir.dir / "weir.yaml"
        yaml.write_text(run("convert", str(weir.config_path)).stdout)
        self.assertEqual(rules_of(run("-c", str(yaml), "--effective").stdout), rules)

    def test_bad_rules_are_refused(self):
        for rule in ("allow;", "deny 10.0.0.0/33;", "allow example.com;", "deny 10.0.0.1 10.0.0.2;", "allow 10.0.0;"):
            with self.subTest(rule):
                weir = self.weir(f"server {{ listen <<front>>; location / {{ return 200; }} }}")
                weir.config_path.write_text(f"events {{}} http {{ server {{ listen 127.0.0.1:1; {rule} }} }}")
                done = run("-c", str(weir.config_path), "-t")
                self.assertEqual(done.returncode, 1, done.stderr)


if __name__ == "__main__":
    main()
