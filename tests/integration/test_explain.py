#!/usr/bin/env python3
"""weir explain and weir manual: the way of a request through a file, with reasons; nothing is sent."""
import re
import threading

from weirtest import Case, answer, main
from weirtest.weir import run

SCENE = r"""
log_format seen '$request';
access_log <<dir>>/explain.log seen;
upstream app { server 10.0.0.1:13000; server 10.0.0.2:13000 down; }
upstream app.test { server 10.0.0.9:443; }
upstream bound { ip_hash; server 10.0.0.3:1; server 10.0.0.4:1; server 10.0.0.5:1; }
server {
    listen 8080;
    server_name a.example *.wild.example;
    rewrite ^/old/(.*)$ /api/$1 last;
    rewrite ^/never$ /x;
    location / { proxy_pass http://app; }
    location /api/ { proxy_pass http://app/v2/; proxy_set_header X-Client $remote_addr; client_max_body_size 1m; }
    location = /exact { return 204; }
    location ^~ /final/ { proxy_pass http://bound; }
    location ~ \.php$ { deny 10.9.0.0/16; allow all; proxy_pass http://app; }
    location ~* \.PHP5?$ { return 410; }
    location @named { return 404; }
}
server { listen 8080; server_name b.example; return 301 https://$host$request_uri; }
server { listen 8080; server_name d.example; resolver 127.0.0.1:1; location / { proxy_pass http://$arg_to; } }
server { listen 8080; server_name c.example; location ~ ^/hard/(a+)+$ { return 204; } location / { proxy_pass https://app.test; proxy_ssl_name node.test; } }
"""


class Explain(Case):
    def setUp(self):
        super().setUp()
        self.scene = self.weir(SCENE, start=False, access_log=False)

    def explain(self, url: str, *arguments: str, code: int = 0):
        done = run("explain", "-c", str(self.scene.config_path), url, *arguments, cwd=self.scene.dir)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr if code else done.stdout

    def column(self, text: str, label: str) -> list[str]:
        """The lines under that label."""
        out, inside = [], False
        for line in text.splitlines():
            if line[:11].strip():
                inside = line.startswith(label + " ")
            if inside:
                out.append(line[11:])
        return out

    def test_peer_over_tls_is_explained(self):
        text = self.explain("http://c.example:8080/tls/x")
        self.assertEqual(self.column(text, "peer")[1], 'over TLS, asked for by the name "node.test"')
        self.assertEqual(self.column(text, "sent")[0], "GET /tls/x HTTP/1.1")

    def test_regex_that_gives_up_is_named(self):
        text = self.explain("http://c.example:8080/hard/" + "a" * 60 + "!")
        self.assertIn("not ~ ^/hard/(a+)+$: its regex gives up on the path, which makes the request a 500", self.column(text, "location"))
        self.assertEqual(self.column(text, "answer")[0], "HTTP/1.1 500 Internal Server Error")

    def test_host_that_a_request_names_is_explained(self):
        text = self.explain("http://d.example:8080/?to=app.test:81")
        self.assertEqual(self.column(text, "upstream"), ['app.test:81, by the addresses that the "resolver" has'])
        self.assertIn("Host: app.test:81", self.column(text, "sent"))

    def test_prefix_location_is_explained(self):
        text = self.explain("http://a.example:8080/api/x?y=1", "--client", "10.1.2.3", "-H", "X-Kind: test", "--cookie", "a=b", "--cookie", "c=d")
        self.assertEqual(self.column(text, "request"), ["GET http://a.example:8080/api/x?y=1 from 10.1.2.3"])
        self.assertEqual(self.column(text, "listen"), ["0.0.0.0:8080"])
        server = self.column(text, "server")
        self.assertRegex(server[0], r'^a\.example \(\S+:\d+:\d+\): its name "a\.example" matches$')
        self.assertRegex(server[1], r"^not b\.example \(\S+\): no name of it matches$")
        location = self.column(text, "location")
        self.assertRegex(location[0], r"^/api/ \(\S+:\d+:\d+\): the longest prefix of the path$")
        self.assertEqual(location[1:], [
            "not /: it is shorter", "not = /exact: it is not the path", "not ^~ /final/: the path does not begin with it",
            r"not ~ \.php$: it does not match the path", r"not ~* \.PHP5?$: it does not match the path", "not @named: for internal redirects"])
        self.assertEqual(self.column(text, "upstream"), ["app, 2 peers", "round robin: the peers take turns"])
        self.assertRegex(self.column(text, "peer")[0], r"^10\.0\.0\.1:13000, weight 1")
        sent = self.column(text, "sent")
        self.assertEqual(sent[0], "GET /v2/x?y=1 HTTP/1.1")
        for field in ("X-Client: 10.1.2.3", "X-Kind: test", "Cookie: a=b; c=d"):
            self.assertIn(field, sent)
        self.assertEqual(self.column(text, "answer"), ["the peer's"])

    def test_nothing_is_written_or_sent(self):
        self.explain("http://a.example:8080/")
        self.assertEqual(sorted(path.name for path in self.scene.dir.iterdir()), ["weir.conf"])

    def test_rewrite_is_explained_step_by_step(self):
        text = self.explain("http://x.wild.example:8080/old/z")
        self.assertIn('its name "*.wild.example" matches', text)
        steps = self.column(text, "rewrite")
        self.assertEqual(steps[0], "rewrite ^/old/(.*)$ /api/$1 last: the path is now /api/z")
        self.assertIn("the location of /api/z is looked for", steps)
        self.assertEqual(self.column(text, "sent")[0], "GET /v2/z HTTP/1.1")
        steps = self.column(self.explain("http://a.example:8080/api/"), "rewrite")
        self.assertEqual(steps[:2], ["rewrite ^/old/(.*)$ /api/$1 last: does not match", "rewrite ^/never$ /x: does not match"])

    def test_regex_goes_before_the_prefix(self):
        location = self.column(self.explain("http://a.example:8080/api/x.php"), "location")
        self.assertIn(r"the first regular expression that matches the path", location[0])
        self.assertIn("not /api/: a regular expression that matches goes before it", location)
        self.assertIn(r"not ~* \.PHP5?$: it stands behind one that matches", location)
        location = self.column(self.explain("http://a.example:8080/final/x.php"), "location")
        self.assertIn(r'not ~ \.php$: "^~" of the longest prefix goes before it', location)
        location = self.column(self.explain("http://a.example:8080/exact"), "location")
        self.assertIn("not /: an exact location goes before it", location)

    def test_local_answers_are_shown(self):
        self.assertEqual(self.column(self.explain("http://a.example:8080/exact"), "answer")[0], "HTTP/1.1 204 No Content")
        answer = self.column(self.explain("http://b.example:8080/x?y"), "answer")
        self.assertEqual(answer[0], "HTTP/1.1 301 Moved Permanently")
        self.assertIn("Location: https://b.example/x?y", answer)

    def test_access_rules_decide_by_the_client(self):
        text = self.explain("http://a.example:8080/x.php", "--client", "10.9.1.1")
        self.assertEqual(self.column(text, "access"), ["deny 10.9.0.0/16; allow all"])
        self.assertTrue(self.column(text, "answer")[0].startswith("HTTP/1.1 403"))
        self.assertEqual(self.column(self.explain("http://a.example:8080/x.php", "--client", "10.8.1.1"), "answer"), ["the peer's"])

    def test_method_of_the_upstream_chooses(self):
        peers = {self.column(self.explain("http://a.example:8080/final/", "--client", f"10.{i}.2.3"), "peer")[0] for i in range(12)}
        self.assertGreater(len(peers), 1)
        text = self.explain("http://a.example:8080/final/", "--method", "DELETE")
        self.assertEqual(self.column(text, "sent")[0], "DELETE /final/ HTTP/1.1")
        self.assertIn("ip_hash: the client's address decides", text)

    def test_default_server_is_named(self):
        self.assertIn('the default of this listen, no name matches "z.example"', self.explain("http://z.example:8080/"))

    def test_scheme_is_that_of_the_url(self):
        text = self.explain("https://a.example:8080/")
        self.assertIn("0.0.0.0:8080 (no client can speak TLS there)", text)
        self.assertIn("X-Forwarded-Proto: https", text)
        self.assertIn("X-Forwarded-Proto: http", self.column(self.explain("http://a.example:8080/"), "sent"))

    def test_wrong_questions_are_refused(self):
        for words, says in ((("http://a.example/",), 'no "listen" has port 80; there are 0.0.0.0:8080'), (("a.example",), "no http:// or https:// URL"),
                            (("http://a:0/",), "no port"), (("http://:8080/",), "no URL"), (("http://a:8080/", "--client", "x"), "--client x is no address"),
                            (("http://a:8080/", "-H", "nonsense"), "-H 'nonsense'"),
                            (("http://a:8080/", "--cookie", "nonsense"), "--cookie 'nonsense' is no NAME=VALUE")):
            self.assertIn(says, self.explain(*words, code=1))
        self.scene.write_config("nonsense;")
        self.assertRegex(self.explain("http://a:8080/", code=1), r"weir\.conf:\d+:\d+: error: .*nonsense")


class Manual(Case):
    def test_directive_is_explained(self):
        done = run("manual", "healthz")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("healthz [UPSTREAM ...];\n    in location\n"), done.stdout)
        self.assertIn("default 60s", run("manual", "client_body_timeout").stdout.replace("1m", "60s"))

    def test_all_directives_are_in_both_forms(self):
        text, page = run("manual").stdout, run("manual", "--man").stdout
        names = re.findall(r"^([a-z]\w*)", text, re.M)
        self.assertGreater(len(names), 150)
        self.assertEqual(names, sorted(names))
        for name in set(names):
            self.assertRegex(page, rf"(?m)^\.B {name}\b")
        self.assertTrue(page.startswith(".TH WEIR.CONF 5"))

    def test_unknown_directive_is_an_error(self):
        done = run("manual", "healthy")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn('did you mean "healthz"?', done.stderr)
        self.assertIn("known to nginx", run("manual", "js_content").stderr)


class ExplainRunning(Case):
    """By the weir that serves: whom it would choose now, and why."""

    SCENE = """limit_req_zone $arg_u zone=rate:1m rate=1r/m;
               limit_conn_zone $arg_u zone=conns:1m;
               upstream app { server <<a>> weight=3; server <<b>>; server <<c>> backup; }
               upstream bound { sticky cookie route path=/; server <<a>>; server <<b>>; }
               upstream once { server <<a>> max_conns=1; }
               server {
                   listen <<front>>;
                   location / { proxy_pass http://app; limit_req zone=rate burst=3 nodelay; limit_conn conns 2; }
                   location /bound { proxy_pass http://bound; }
                   location /once { proxy_pass http://once; }
               }"""

    def setUp(self):
        super().setUp()
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)
        self.nodes = [self.backend(self.reply, name=name) for name in "abc"]
        names = {node.name: node.address for node in self.nodes}
        self.running = self.weir(self.SCENE, access_log=False, **names)

    def reply(self, request):
        if "/wait" in request.path:
            self.go_on.wait()
        return answer(b"hello")

    def explain(self, path: str, *arguments: str, code: int = 0) -> str:
        done = run("explain", "--running", "-c", str(self.running.config_path), f"http://{self.running.front}{path}", *arguments, cwd=self.running.dir)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr if code else done.stdout

    column = Explain.column

    def ctl(self, *arguments: str) -> None:
        done = self.running.ctl(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_standing_and_weights_of_peers_are_shown(self):
        a, b, c = (node.address for node in self.nodes)
        self.ctl("down", f"app/{b}", "--why", "kernel update")
        self.ctl("weight", f"app/{a}", "5")
        self.assertEqual(self.column(self.explain("/x"), "peer"), [
            f"{a}, weight 5, up, 0 requests in flight",
            f"not {b}, weight 1, 0 requests in flight: down by hand (kernel update)",
            f"not {c}, weight 1, backup, 0 requests in flight: a primary can be had"])
        self.ctl("drain", f"app/{a}", "--no-wait")
        peer = self.column(self.explain("/x"), "peer")
        self.assertEqual(peer[0], f"{c}, weight 1, backup, up, 0 requests in flight")
        self.assertRegex(peer[1], f"^not {a}.*: draining by hand$|: drained by hand$")
        self.ctl("down", f"app/{c}")
        text = self.explain("/x")
        self.assertEqual(self.column(text, "peer")[0], "none can be had now")
        self.assertTrue(self.column(text, "answer")[0].startswith("HTTP/1.1 503"))

    def test_nothing_that_serves_is_touched(self):
        self.get(self.running, "/x?u=1")
        before = [len(node.requests) for node in self.nodes]
        pages = {name: self.running.metrics()[name] for name in self.running.metrics() if name.startswith(("weir_peer_requests_total", "weir_requests_total"))}
        for _ in range(5):
            self.explain("/x?u=1")
            self.explain("/bound")
        self.assertEqual([len(node.requests) for node in self.nodes], before)
        after = self.running.metrics()
        self.assertEqual({name: after[name] for name in pages}, pages)
        self.assertEqual(self.get(self.running, "/x?u=1").status, 200, "the limits are as full as before")

    def test_binding_of_a_cookie_is_shown(self):
        got = self.get(self.running, "/bound")
        cookie = got.get("set-cookie").split(";")[0]
        bound = next(node for node in self.nodes if node.requests).address
        peer = self.column(self.explain("/bound", "--cookie", cookie), "peer")
        self.assertTrue(peer[0].startswith(bound), peer)
        self.assertEqual(peer[1], "the request is bound to it")
        self.assertEqual(self.column(self.explain("/bound"), "peer")[1], "the request is bound to no peer")
        self.ctl("down", f"bound/{bound}")
        peer = self.column(self.explain("/bound", "--cookie", cookie), "peer")
        self.assertEqual(peer[1], f"the request is bound to {bound}, which cannot be had")

    def test_limits_have_their_present_counts(self):
        self.assertEqual(self.column(self.explain("/x?u=7"), "limits"), [
            "limit_req rate: with one more 0.000 over the rate, burst 3, it passes at once",
            "limit_conn conns: 0 of 2 under way, one more passes"])
        for _ in range(4):
            self.assertEqual(self.get(self.running, "/x?u=7").status, 200)
        self.assertRegex(self.column(self.explain("/x?u=7"), "limits")[0], r"^limit_req rate: with one more \d\.\d{3} over the rate, burst 3, it is rejected$")
        self.assertEqual(self.column(self.explain("/x"), "limits")[0], "limit_req rate: its key is empty, it does not count")
        for _ in range(2):
            self.client(self.running).send(b"GET /wait?u=8 HTTP/1.1\r\nHost: test\r\n\r\n")
        self.wait_until(lambda: "2 of 2 under way, one more is rejected" in self.explain("/x?u=8"), "two requests under way")

    def test_requests_in_flight_and_full_peers_are_shown(self):
        self.client(self.running).send(b"GET /once/wait HTTP/1.1\r\nHost: test\r\n\r\n")
        self.nodes[0].wait_requests(1)
        peer = self.column(self.explain("/once"), "peer")
        self.assertEqual(peer, ["none can be had now", f"not {self.nodes[0].address}, weight 1, 1 request in flight: full, max_conns=1"])

    def test_explained_request_is_in_no_access_log(self):
        self.running = self.weir("""server {
                                        listen <<front>>;
                                        location / { proxy_pass http://<<a>>; if ($arg_x) { set $y 1; } }
                                        location /read { proxy_pass http://<<a>>; limit_except GET { deny all; } }
                                        location /outer { location /outer/inner { return 204; } }
                                    }""", a=self.nodes[0].address)
        self.assertEqual(self.column(self.explain("/?x=1"), "answer")[0], "the peer's")
        self.assertTrue(self.column(self.explain("/read", "--method", "POST"), "answer")[0].startswith("HTTP/1.1 403"))
        self.assertTrue(self.column(self.explain("/outer/inner"), "answer")[0].startswith("HTTP/1.1 204"))
        self.assertEqual(self.get(self.running, "/read?really").status, 200)
        line, = self.running.wait_log()
        self.assertIn('"GET /read?really HTTP/1.1" 200', line)

    def test_explained_request_is_in_no_error_log(self):
        self.running = self.weir("upstream u { server <<a>>; } server { listen <<front>>; location / { proxy_pass http://u; } }", a=self.nodes[0].address)
        self.ctl("down", f"u/{self.nodes[0].address}")
        self.assertTrue(self.column(self.explain("/x"), "answer")[0].startswith("HTTP/1.1 503"))
        self.ctl("up", f"u/{self.nodes[0].address}")
        self.running.wait_error(f"{self.nodes[0].address}.* up")  # what was logged before is there too
        self.assertNotIn("no peer available", self.running.errors())

    def test_faults_of_the_question_are_named(self):
        self.assertIn("is no NAME: VALUE", self.explain("/x", "-H", "nonsense", code=1))
        self.assertIn('"client" is no address', self.explain("/x", "--client", "nobody", code=1))
        self.running = self.weir("server { listen <<front>>; return 204; }", start=False)  # nobody serves
        self.assertTrue(self.explain("/x", code=1).startswith("weir explain: "))


if __name__ == "__main__":
    main()
