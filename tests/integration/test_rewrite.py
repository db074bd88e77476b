#!/usr/bin/env python3
"""The rewrite phases on the wire: set, rewrite, break and return of a server and of a location, as nginx runs them."""
from weirtest import Case, answer, main
from weirtest.weir import run


class Rewriting(Case):
    def check(self, weir, table):
        """(path, status, body or Location) for each request."""
        for path, status, expected in table:
            response = self.get(weir, path, host="h.test")
            seen = (response.status, response.get("location") if 300 <= status < 400 else response.text)
            self.assertEqual(seen, (status, expected), path)

    def test_last_finds_another_location(self):
        weir = self.weir(r"""server { listen <<front>>;
            location /old/ { rewrite ^/old/(.*)$ /new/$1 last; return 200 "not reached"; }
            location /new/ { return 200 "$uri|$args|$1|$request_uri"; }
            location /args/ { rewrite ^/args/(.*)$ /new/a?x=$1 last; }
            location /none/ { rewrite ^/none/ /new/b? last; }
            location /only/ { rewrite ^/only/ /new/c?y=2? last; } }""")
        self.check(weir, [
            ("/old/p%20q?k=v", 200, "/new/p q|k=v|p q|/old/p%20q?k=v"),
            ("/args/v?k=1", 200, "/new/a|x=v&k=1|v|/args/v?k=1"),
            ("/args/v%26w", 200, "/new/a|x=v%26w|v&w|/args/v%26w"),
            ("/none/?k=1", 200, "/new/b|||/none/?k=1"),
            ("/only/?k=1", 200, "/new/c|y=2||/only/?k=1")])

    def test_rewrites_without_a_flag_run_on(self):
        weir = self.weir(r"""server { listen <<front>>;
            location /a { rewrite ^/a(.*) /b$1; rewrite ^/b(.*) /c$1; rewrite ^/never /d; }
            location /c { return 200 "c $uri"; }
            location /s { rewrite ^ /c/stays; break; return 200 "not reached"; }
            location /r { rewrite ^ /c/x; return 200 "r $uri"; } }""")
        self.check(weir, [("/a/1", 200, "c /c/1"), ("/r", 200, "r /c/x")])
        self.assertEqual(self.get(weir, "/s").status, 404, "break keeps the location")

    def test_peers_are_asked_for_the_new_path(self):
        backend = self.backend(lambda request: answer(request.path))
        weir = self.weir(rf"""upstream u {{ server {backend.address}; }}
            server {{ listen <<front>>;
            location /api/ {{ rewrite ^/api/(.*)$ /v2/$1 break; proxy_pass http://u; }}
            location /part/ {{ rewrite ^/part/(.*)$ /v3/$1 break; proxy_pass http://u/ignored/; }}
            location /plain/ {{ proxy_pass http://u/put/; }}
            location /last/ {{ rewrite ^/last/(.*)$ /plain/$1 last; }}
            location /args/ {{ set $args "a=$arg_b"; proxy_pass http://u; }} }}""")
        for path, expected in (("/api/x%20y?k=v", "/v2/x%20y?k=v"), ("/part/x?k=v", "/v3/x?k=v"), ("/plain/x", "/put/x"),
                               ("/last/x%3Fy?k=v", "/put/x%3Fy?k=v"), ("/args/x?b=1&c=2", "/args/x?a=1")):
            self.assertEqual(self.get(weir, path).text, expected, path)

    def test_redirects_escape_captures_and_keep_arguments(self):
        weir = self.weir(r"""server { listen <<front>>;
            location /t { rewrite ^/t/(.*)$ /to/$1 redirect; }
            location /p { rewrite ^/p/(.*)$ https://other.test/$1 permanent; }
            location /h { rewrite ^/h/(.*)$ http://other.test/$1?a=1; }
            location /s { rewrite ^/s/(.*)$ $scheme://other.test/$1? last; } }""")
        self.check(weir, [
            ("/t/x?k=v", 302, "http://h.test/to/x?k=v"), ("/t/a%0Db", 302, "http://h.test/to/a%0Db"),
            ("/p/x%20y", 301, "https://other.test/x%20y"), ("/h/x?k=v", 302, "http://other.test/x?a=1&k=v"),
            ("/s/x?k=v", 302, "http://other.test/x")])

    def test_server_steps_run_before_locations(self):
        weir = self.weir(r"""server { listen <<front>>; set $kind server; rewrite ^/x/(.*)$ /y/$1;
            rewrite ^/gone$ /y/gone? last;
            location /x { return 200 "not reached"; }
            location /y { set $in $kind; set $kind location; return 200 "$in $kind $uri $1"; } }
            server { listen <<front>>; server_name moved.test; set $to https://new.test; return 301 $to$request_uri;
            location / { return 200 "not reached"; } }""")
        self.check(weir, [("/x/a", 200, "server location /y/a "), ("/gone", 200, "server location /y/gone ")])
        moved = self.get(weir, "/a?b", host="moved.test")
        self.assertEqual((moved.status, moved.get("location")), (301, "https://new.test/a?b"))

    def test_variables_live_through_redirects(self):
        weir = self.weir(r"""server { listen <<front>>; error_page 404 /page;
            location /a { set $from a; rewrite ^ /b last; }
            location /b { set $from "${from}b"; return 404; }
            location /page { return 200 "$from"; } }""")
        self.assertEqual(self.get(weir, "/a").body, b"ab")

    def test_error_page_escapes_its_path_once(self):
        """As nginx: what a variable gives is decoded, and is not decoded again."""
        backend = self.backend()
        weir = self.weir(f"""server {{ listen <<front>>; location /ep/ {{ error_page 404 = /page$uri; return 404; }}
            location /seen/ {{ error_page 404 = /own$uri?u=$args; return 404; }} location /own/ {{ return 200 "$uri|$args"; }}
            location /text/ {{ error_page 404 = /page/a%20b; return 404; }} location /page/ {{ proxy_pass http://{backend.address}; }} }}""")
        for asked, expected in (("/ep/a%7Cb%3C%3E%5E%60%7B%7D%22%5C", "/page/ep/a%7Cb%3C%3E%5E%60%7B%7D%22%5C"), ("/ep/100%25", "/page/ep/100%25"),
                                ("/ep/a%2541", "/page/ep/a%2541"), ("/ep/a%20%C3%A9", "/page/ep/a%20%C3%A9"), ("/text/x", "/page/a%2520b")):
            with self.subTest(asked):
                self.assertEqual(self.get(weir, asked).status, 200)
                self.assertEqual(backend.requests[-1].path, expected)
        self.assertEqual(self.get(weir, "/seen/a%2541%20b?x=y").body, b"/own/seen/a%41 b|u=x=y")

    def test_cycle_is_broken_at_ten_redirects(self):
        weir = self.weir(r"""server { listen <<front>>;
            location / { set $n "${n}i"; add_header X-Steps $n always; rewrite ^ /x last; }
            location /ten { set $n "${n}i"; rewrite "^/ten(i{0,9})$" /ten${1}i last; return 200 $n; }
            location /eleven { set $n "${n}i"; rewrite "^/eleven(i{0,10})$" /eleven${1}i last; return 200 $n; } }""")
        response = self.get(weir, "/x")
        self.assertEqual((response.status, response.get("x-steps")), (500, "i" * 11))
        weir.wait_error(r"request /x: internal redirect refused \(more than 10 of them")
        self.assertEqual(self.get(weir, "/ten").body, b"i" * 11)
        self.assertEqual(self.get(weir, "/eleven").status, 500)

    def test_cycle_takes_its_error_page(self):
        weir = self.weir(r"""server { listen <<front>>; error_page 500 @sorry;
            location / { rewrite ^ /x last; } location @sorry { return 200 "sorry"; } }""")
        response = self.get(weir, "/x")
        self.assertEqual((response.status, response.body), (500, b"sorry"))

    def test_internal_locations_open_to_rewrites_alone(self):
        weir = self.weir(r"""server { listen <<front>>;
            location /in { internal; return 200 "in"; } location /to { rewrite ^ /in last; } }""")
        self.assertEqual([self.get(weir, path).status for path in ("/in", "/to")], [404, 200])

    def test_rewritten_text_must_be_a_path(self):
        weir = self.weir("server { listen <<front>>; location / { rewrite ^ none last; } }")
        self.assertEqual(self.get(weir, "/").status, 500)
        weir.wait_error('rewritten to "none", which is no path')

    def test_padding_gets_no_request_past_a_regex(self):
        weir = self.weir(r"""
            map $request_uri $blocked { "~*/admin/.*token=.*debug" 1; }
            server { listen <<front>>;
            if ($args ~ "select.*from.*where") { return 403; }
            if ($http_user_agent ~* "(bot|spider).*(evil|bad).*x") { return 403; }
            if ($blocked) { return 403; }
            location ~ ^/api/.*/users/.*/keys { deny all; }
            location / { return 200 "in"; } }""")
        self.assertEqual(self.get(weir, "/api/x/users/y?select=where").text, "in")
        for path, agent, padding in (("/api/x/users/y/keys", "-", "/users/"), ("/?select+from+where", "-", "&select=from"),
                                     ("/admin/?token=debug", "-", "&token=/admin/"), ("/", "bot evil x", " bot bad")):
            self.assertEqual(self.get(weir, path, headers=[("User-Agent", agent)]).status, 403, path)
            for times in (30, 300, 500):
                fill = padding * times
                padded, agents = (path, agent + fill) if agent != "-" else (path + fill, agent)
                status = self.get(weir, padded, headers=[("User-Agent", agents)]).status
                self.assertIn(status, (403, 500), (path, times))

    def test_regexes_that_fail_answer_500(self):
        weir = self.weir(r"""
            map $arg_map $mapped { "~^(?<word>(a+)+)$" yes; default no; }
            limit_req_zone $mapped zone=mapped:1m rate=1000r/s;
            server { listen <<front>>; return 200 "default server"; }
            server { listen <<front>>; server_name ~^(a+)+\.[xy]$; return 200 "by name"; }
            server { listen <<front>>; server_name h.test; root <<dir>>;
            if ($arg_server ~ ^(a+)+$) { return 200 "if"; }
            location ~ ^/location/(a+)+$ { return 200 "location"; }
            location /if { if ($arg_x ~ ^(a+)+$) { return 200 "if"; } return 200 "else"; }
            location /not { if ($arg_x !~ ^(a+)+$) { return 200 "if"; } return 200 "else"; }
            location /rewrite/ { rewrite ^/rewrite/(a+)+$ /in last; return 200 "else"; }
            location /map { if ($mapped = no) { return 200 "no"; } return 200 "else"; }
            location /set { set $kept $mapped; return 200 $kept; }
            location /group { if ($word = "") { return 200 "none"; } return 200 "else"; }
            location /limit { limit_req zone=mapped burst=9 nodelay; }
            location /shown { return 200 $mapped; }
            location / { return 200 "in"; } } """)
        hard = "a" * 60 + "!"
        for path in ("/location/%s", "/if?x=%s", "/not?x=%s", "/rewrite/%s", "/map?map=%s", "/set?map=%s",
                     "/group?map=%s", "/limit?map=%s", "/?server=%s"):
            self.assertEqual(self.get(weir, path % hard, host="h.test").status, 500, path)
        weir.wait_error(r'request /location/a+!: regex "\^/location/\(a\+\)\+\$" gave up \(it takes too many steps')
        self.assertEqual(self.get(weir, "/", host=hard.replace("!", ".z")).status, 500)
        self.check(weir, [("/location/a", 200, "location"), ("/if?x=a", 200, "if"), ("/not?x=a", 200, "else"),
                          ("/rewrite/a", 200, "in"), ("/map?map=a", 200, "else"), ("/set?map=a", 200, "yes"),
                          ("/group?map=a", 200, "else"), ("/", 200, "in"),
                          ("/shown?map=" + hard, 200, "no")])  # the answer has begun

    def test_uninitialized_variables_are_empty_and_named(self):
        weir = self.weir(r"""server { listen <<front>>;
            location /set { set $late 1; return 200 "[$late]"; }
            location /quiet { uninitialized_variable_warn off; return 200 "[$late]"; }
            location / { return 200 "[$late]"; } }""")
        self.assertEqual([self.get(weir, path).text for path in ("/set", "/quiet")], ["[1]", "[]"])
        self.assertNotIn("uninitialized", weir.errors())
        self.assertEqual(self.get(weir, "/").text, "[]")
        weir.wait_error(r'request /: uninitialized variable "late" is empty')

    def test_rewrites_are_logged_when_asked(self):
        weir = self.weir(r"""server { listen <<front>>; location /quiet { rewrite ^ /b last; }
            location /a { rewrite_log on; rewrite ^/a(.*)$ /b$1 last; } location /b { return 200 b; } }""")
        self.assertEqual([self.get(weir, path).text for path in ("/quiet", "/a/x")], ["b", "b"])
        weir.wait_error(r"request /a/x: rewritten to /b/x \(rewrite \^/a\(\.\*\)\$ /b\$1 last\)")
        self.assertNotIn("request /quiet", weir.errors())

    def test_named_groups_beyond_nine_have_values(self):
        groups = "".join(rf"/(?<part{i}>[a-z])" for i in range(1, 13))
        weir = self.weir(rf"""server {{ listen <<front>>; server_name ~^(?<tenant>\w+)\.test$;
            location ~ ^{groups}$ {{ return 200 "$part1 $part9 $part12 $tenant"; }} }}""")
        self.assertEqual(self.get(weir, "/" + "/".join("abcdefghijkl"), host="h.test").text, "a i l h")

    def test_set_of_a_rewrites_capture_outlives_the_next_regex(self):
        weir = self.weir(r"""server { listen <<front>>;
            location / { rewrite ^/(?<lang>[a-z][a-z])/(.*)$ /$2; set $first $2; rewrite ^/(x)(.*)$ /y last; }
            location /y { return 200 "$lang $first $1 $2"; } }""")
        self.assertEqual(self.get(weir, "/de/xyz").text, "de xyz x yz")

    def test_conditions_hold_as_in_nginx(self):
        conditions = {"$arg_a": {"": 0, "a=": 0, "a=0": 0, "a=00": 1, "a=x": 1}, "$arg_a = x": {"a=x": 1, "a=X": 0, "": 0},
                      "$arg_a != x": {"a=x": 0, "": 1}, "$arg_a ~ ^x(y|z)$": {"a=xy": 1, "a=Xy": 0},
                      "$arg_a ~* ^x": {"a=Xy": 1, "a=y": 0}, "$arg_a !~ x": {"a=x": 0, "a=y": 1}, '$arg_a !~* "x{1}"': {"a=X": 0, "": 1},
                      '$arg_a = ""': {"": 1, "a=x": 0}, "$arg_a = $arg_b": {"a=1&b=1": 1, "a=1&b=2": 0}}
        locations = "".join(f"location = /{i} {{ if ({text}) {{ return 200 1; }} return 200 0; }}\n" for i, text in enumerate(conditions))
        weir = self.weir(f"server {{ listen <<front>>; {locations} }}")
        for i, (text, cases) in enumerate(conditions.items()):
            for query, expected in cases.items():
                self.assertEqual(self.get(weir, f"/{i}?{query}").text, str(expected), f"{text} of {query!r}")

    def test_if_blocks_of_a_location_change_its_settings(self):
        one, two = self.backend(lambda request: answer("one " + request.path)), self.backend(lambda request: answer("two " + request.path))
        weir = self.weir(rf"""upstream one {{ server {one.address}; }} upstream two {{ server {two.address}; }}
            server {{ listen <<front>>; set $kind none; if ($http_x_kind ~ ^(\w+)$) {{ set $kind $1; }}
            location / {{ add_header X-Where outer; if ($kind = canary) {{ proxy_pass http://two; }}
                if ($kind = cors) {{ add_header Access-Control-Allow-Origin * always; return 204; }}
                if ($kind = moved) {{ rewrite ^/(.*)$ /in/$1 break; }} if ($kind = away) {{ rewrite ^ https://away.test$uri permanent; }}
                if ($kind = off) {{ return 503; }} if ($kind = last) {{ rewrite ^/(.*)$ /other/$1 last; }} proxy_pass http://one; }}
            location /other/ {{ return 200 "$uri $kind"; }} }}""")
        def ask(kind):
            return self.get(weir, "/p", headers={"X-Kind": kind})
        self.assertEqual([ask(kind).text for kind in ("", "canary", "moved", "last")],
                         ["one /p", "two /p", "one /in/p", "/other/p last"])
        cors = ask("cors")
        self.assertEqual((cors.status, cors.get("access-control-allow-origin"), cors.get("x-where")), (204, "*", None))
        self.assertEqual((ask("off").status, ask("").get("x-where")), (503, "outer"))
        away = ask("away")
        self.assertEqual((away.status, away.get("location")), (301, "https://away.test/p"))

    def test_server_conditions_run_before_locations(self):
        weir = self.weir(r"""server { listen <<front>>; if ($host !~* ^(www\.)?h\.test$) { return 421; }
            if ($request_method = POST) { return 405; } if ($uri ~ ^/old/(.*)$) { rewrite ^ /new/$1 last; }
            location / { return 200 $uri; } }""")
        self.assertEqual([self.get(weir, "/old/a", host=host).text for host in ("h.test", "WWW.h.test")], ["/new/", "/new/"])
        self.assertEqual((self.get(weir, "/", host="other").status, self.get(weir, "/", "POST", host="h.test").status), (421, 405))

    def test_effective_configuration_keeps_the_order_of_steps(self):
        text = r"""server { listen <<front>>; set $a 1; if ($a = 1) { set $b 2; rewrite ^/x$ /y last; } set $c 3;
            location / { if ($b) { add_header X-B $b; return 204; } rewrite ^ /z break; return 200 $c; } }"""
        shown = run("--effective", "-c", str(self.weir(text, start=False).config_path)).stdout
        shown = shown[shown.rindex("server {"):] if "server {" in shown else shown
        steps = [line.strip() for line in shown.splitlines() if line.strip().split(" ")[0] in ("set", "if", "rewrite", "return", "add_header")]
        of_location = ["if ($b) {", "add_header X-B $b;", "return 204;", "rewrite ^ /z break;", "return 200 $c;"]
        self.assertEqual(steps, of_location + ["set $a 1;", "if ($a = 1) {", "set $b 2;", "rewrite ^/x$ /y last;", "set $c 3;"])

    def test_set_names_the_address_of_a_proxy_pass(self):
        one, two = self.backend(lambda request: answer("one " + request.path)), self.backend(lambda request: answer("two " + request.path))
        weir = self.weir(rf"""server {{ listen <<front>>; set $up http://{one.address};
            location / {{ if ($arg_to = two) {{ set $up http://{two.address}; }} proxy_pass $up; }}
            location /uri {{ set $host_of {two.address}; proxy_pass http://$host_of/put$uri; }} }}""")
        self.assertEqual([self.get(weir, path).text for path in ("/a", "/a?to=two", "/uri")], ["one /a", "two /a?to=two", "two /put/uri"])

    def test_wrong_steps_are_named(self):
        cases = ((r"rewrite ^/( /b;", "missing closing parenthesis"), (r"rewrite ^ /b first;", "last, break, redirect or permanent"),
                 ('rewrite ^ "";', "empty replacement"), ("set x 1;", 'invalid variable name "x"'),
                 ("set $host 1;", 'the duplicate "host" variable'), ("set $x $y;", 'unknown "y" variable'),
                 ("rewrite ^ /$nowhere;", 'unknown "nowhere" variable'), ("if $x { return 1; }", "invalid condition"),
                 ("if ($host is x) { return 1; }", 'unexpected "is" in condition'), ("if (-z /x) { return 1; }", 'invalid condition "-z"'),
                 ("if ($host) { if ($host) { return 1; } }", "not allowed here"),
                 ("if ($host) { proxy_pass http://127.0.0.1/uri; }", 'cannot have a URI part in an "if"'))
        for step, expected in cases:
            weir = self.weir("server { listen <<front>>; location / { %s } }" % step, start=False)
            checked = run("-t", "-c", str(weir.config_path))
            self.assertEqual(checked.returncode, 1, step)
            self.assertIn(expected, checked.stderr + checked.stdout, step)


if __name__ == "__main__":
    main()
