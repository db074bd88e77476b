#!/usr/bin/env python3
"""Access logs: nginx's formats and variables, every attempt, nothing to inject."""
import json
import os
import re
import signal

from weirtest import Case, answer, closed_port, main


class Logs(Case):
    def logging(self, format_text: str, backend=None, escape: str = "", location: str = "", upstream: str = "", **options):
        backend = backend or self.backend(lambda r: answer("hello", headers={"X-App": "yes", "Content-Type": "text/plain"}))
        return self.weir(f"""log_format f {escape} '{format_text}';
            upstream u {{ server {backend.address}; {upstream} }}
            server {{ listen <<front>>; server_name name.example; access_log <<dir>>/f.log f buffer=4k flush=10ms;
                location / {{ proxy_pass http://u; {location} }} }}""", **options)

    def line(self, weir, count: int = 1) -> str:
        return weir.wait_log(count, "f.log")[count - 1]

    def test_combined_format_is_that_of_nginx(self):
        weir = self.proxied(self.backend(lambda r: answer("hello")))
        self.get(weir, "/p?q=1", headers={"Referer": "http://r/", "User-Agent": "agent/1.0", "Authorization": "Basic am9lOnNlY3JldA=="})
        self.assertRegex(weir.wait_log(1)[0],
                         r'^127\.0\.0\.1 - joe \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /p\?q=1 HTTP/1\.1" 200 5 "http://r/" "agent/1\.0"$')

    def test_missing_values_are_dashes(self):
        weir = self.proxied(self.backend(lambda r: answer("")))
        self.get(weir)
        self.assertRegex(weir.wait_log(1)[0], r'^127\.0\.0\.1 - - \[.*\] "GET / HTTP/1\.1" 200 0 "-" "-"$')

    def test_request_variables_are_logged(self):
        weir = self.logging("$request_method|$scheme|$host|$http_host|$request_uri|$uri|$args|$arg_b|$http_x_thing|$cookie_c|$server_name|$content_length|"
                            "$remote_addr|$server_protocol|$is_args")
        self.get(weir, "/a/../b%20c?a=1&b=2", "POST", {"X-Thing": "t", "Cookie": "x=y; c=val", "Host": "Name.Example:8080"}, b"12345")
        self.assertEqual(self.line(weir), "POST|http|name.example|Name.Example:8080|/a/../b%20c?a=1&b=2|/b c|a=1&b=2|2|t|val|name.example|5|127.0.0.1|HTTP/1.1|?")

    def test_sizes_and_times_are_logged(self):
        weir = self.logging("$status $body_bytes_sent $bytes_sent $request_length $request_time $msec $time_iso8601 $connection_requests $request_completion")
        response = self.get(weir, "/x")
        fields = self.line(weir).split(" ")
        self.assertEqual(fields[:2], ["200", "5"])
        self.assertEqual(int(fields[2]), len(response.raw_head) + 5)
        self.assertEqual(int(fields[3]), len(b"GET /x HTTP/1.1\r\nHost: test\r\n\r\n"))
        self.assertRegex(fields[4], r"^\d+\.\d{3}$")
        self.assertRegex(fields[5], r"^\d{10}\.\d{3}$")
        self.assertRegex(fields[6], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$")
        self.assertEqual(fields[7:], ["1", "OK"])

    def test_upstream_variables_of_an_attempt_are_logged(self):
        backend = self.backend(lambda r: answer("hello", headers={"X-App": "yes"}))
        weir = self.logging("$upstream_addr|$upstream_status|$upstream_response_length|$upstream_reason|$upstream_http_x_app|$sent_http_x_app|"
                            "$upstream_connect_time|$upstream_header_time|$upstream_response_time", backend)
        self.get(weir)
        fields = self.line(weir).split("|")
        self.assertEqual(fields[:6], [backend.address, "200", "5", "ok", "yes", "yes"])
        for value in fields[6:]:
            self.assertRegex(value, r"^\d+\.\d{3}$")

    def test_every_attempt_stands_in_the_lists(self):
        holder, refused = closed_port()
        self.hold(holder)

        def reset(conn):
            conn.read_request()
            conn.reset()
        resetting, good = self.backend(script=reset), self.backend(lambda r: answer("good"))
        weir = self.weir(f"""log_format f '$upstream_addr|$upstream_status|$upstream_reason|$upstream_connect_time|$status';
            upstream u {{ server {refused}; server {resetting.address}; server {good.address}; }}
            server {{ listen <<front>>; access_log <<dir>>/f.log f buffer=4k flush=10ms; location / {{ proxy_pass http://u; }} }}""")
        self.assertEqual(self.get(weir).text, "good")
        addresses, statuses, reasons, connects, status = self.line(weir).split("|")
        self.assertEqual(addresses, f"{refused}, {resetting.address}, {good.address}")
        self.assertEqual(statuses, "502, 502, 200")
        self.assertEqual(reasons, "connect_refused, reset_before_response, ok")
        self.assertEqual(connects.split(", ")[0], "-")
        self.assertEqual(status, "200")

    def reason_of(self, script, location: str = "", abort: bool = False):
        backend = self.backend(script=script)
        weir = self.logging("$upstream_reason $status", backend, location="proxy_next_upstream off; " + location)
        client = self.client(weir).send_request()
        if abort:
            backend.wait_requests()
            client.reset()
        else:
            try:
                client.read_response()
            except Exception:
                pass
        return self.line(weir).split(" ")

    def test_reasons_have_distinct_names(self):
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
        self.assertEqual(self.reason_of(lambda c: (c.read_request(), c.reset())), ["reset_before_response", "502"])
        self.assertEqual(self.reason_of(lambda c: (c.read_request(), c.wait_closed()), "proxy_read_timeout 100ms;"), ["header_timeout", "504"])
        self.assertEqual(self.reason_of(lambda c: (c.read_request(), c.send(half), c.wait_closed()), "proxy_read_timeout 2s;"), ["body_timeout", "200"])
        self.assertEqual(self.reason_of(lambda c: (c.read_request(), c.send(half))), ["reset_mid_response", "200"])
        self.assertEqual(self.reason_of(lambda c: (c.read_request(), c.send(b"what\r\n\r\n"), c.wait_closed())), ["not_http", "502"])
        for head in (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 1000 OK\r\n\r\n", b"HTTP/2.0 200 OK\r\n\r\n"):
            self.assertEqual(self.reason_of(lambda c, head=head: (c.read_request(), c.send(head), c.wait_closed())), ["invalid_response", "502"])
        self.assertEqual(self.reason_of(lambda c: (c.read_request(), c.wait_closed()), abort=True), ["client_abort", "499"])

    def test_missing_peer_has_a_reason(self):
        weir = self.weir("""log_format f '$upstream_reason|$status';
            upstream u { server 127.0.0.1:1 down; }
            server { listen <<front>>; access_log <<dir>>/f.log f buffer=4k flush=10ms; location / { proxy_pass http://u; } }""")
        self.assertEqual(self.get(weir).status, 503)
        self.assertEqual(self.line(weir), "no_peer|503")

    def test_nothing_can_be_injected(self):
        weir = self.logging('"$http_user_agent" "$http_referer" "$request"')
        self.client(weir).send(b'GET /a"b%0a%0dc HTTP/1.1\r\nHost: t\r\nUser-Agent: a"b\\c\tESC-\xc3\xa9-\xff\r\nReferer: x" 200 "y\r\n\r\n').read_response()
        line = self.line(weir)
        self.assertNotRegex(line, r"[^\x20-\x7e]")
        self.assertIn(r"a\x22b\x5Cc\x09ESC-\xC3\xA9-\xFF", line)
        self.assertIn(r"x\x22 200 \x22y", line)
        self.assertIn(r"/a\x22b%0a%0dc", line)
        self.assertEqual(line.count('"'), 6)

    def test_json_escaping_is_json(self):
        weir = self.logging('{"agent":"$http_user_agent","missing":"$http_nothing","status":$status}', escape="escape=json")
        self.client(weir).send(b'GET / HTTP/1.1\r\nHost: t\r\nUser-Agent: a"b\\c\td\r\n\r\n').read_response()
        self.assertEqual(json.loads(self.line(weir)), {"agent": 'a"b\\c\td', "missing": "", "status": 200})

    def test_escape_none_is_raw(self):
        weir = self.logging("$http_user_agent|$http_nothing|", escape="escape=none")
        self.get(weir, headers={"User-Agent": 'a"b\\c'})
        self.assertEqual(self.line(weir), 'a"b\\c||')

    def test_refused_requests_are_logged_too(self):
        weir = self.logging("$status $request_method \"$request\"")
        self.client(weir).send(b"BAD\x01REQUEST\r\n\r\n").read_response()
        self.client(weir).send(b"GET / HTTP/1.1\r\n\r\n").read_response()
        lines = weir.wait_log(2, "f.log")
        self.assertTrue(all(line.startswith("400 ") for line in lines), lines)
        self.assertNotRegex("".join(lines), r"[^\x20-\x7e]")

    def test_condition_and_off_stop_logging(self):
        weir = self.weir("""map $status $bad { default 0; ~^[45] 1; }
            log_format f '$uri $status';
            access_log <<dir>>/f.log f buffer=4k flush=10ms if=$bad;
            server { listen <<front>>;
                location /good { return 200; }
                location /bad { return 404; }
                location /quiet { access_log off; return 404; } }""", access_log=False)
        for path in ("/good", "/quiet", "/bad/1", "/good", "/bad/2"):
            self.get(weir, path)
        self.assertEqual(weir.wait_log(2, "f.log"), ["/bad/1 404", "/bad/2 404"])

    def test_two_logs_of_a_location_are_written(self):
        weir = self.weir("""log_format a 'a $uri'; log_format b 'b $uri';
            server { listen <<front>>; access_log <<dir>>/a.log a buffer=4k flush=10ms; access_log <<dir>>/b.log b buffer=4k flush=10ms; return 200; }""")
        self.get(weir, "/x")
        self.assertEqual((weir.wait_log(1, "a.log"), weir.wait_log(1, "b.log")), (["a /x"], ["b /x"]))

    def test_reopen_loses_no_line(self):
        weir = self.logging("$uri")
        for i in range(10):
            self.get(weir, f"/{i}")
            if i % 2:
                os.rename(weir.dir / "f.log", weir.dir / f"f.log.{i}") if (weir.dir / "f.log").exists() else None
                weir.signal(signal.SIGUSR1)
                self.wait_until(lambda: (weir.dir / "f.log").exists(), "the new file")

        def lines():
            return sorted(line for path in weir.dir.glob("f.log*") for line in path.read_text().splitlines())
        self.wait_until(lambda: len(lines()) >= 10, "all lines")
        self.assertEqual(lines(), [f"/{i}" for i in range(10)])

    def test_lines_are_whole_with_many_workers(self):
        weir = self.logging("$uri begins $request_time ends", workers=4)
        for i in range(100):
            self.get(weir, f"/{i}")
        lines = weir.wait_log(100, "f.log")
        self.assertEqual(len(lines), 100)
        for line in lines:
            self.assertTrue(re.fullmatch(r"/\d+ begins \d+\.\d{3} ends", line), line)

    def test_stop_writes_buffered_lines(self):
        weir = self.weir("log_format f '$uri'; access_log <<dir>>/f.log f buffer=64k flush=600s; server { listen <<front>>; return 200; }", access_log=False)
        self.get(weir, "/last")
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        self.assertEqual(weir.log_lines("f.log"), ["/last"])


if __name__ == "__main__":
    main()
