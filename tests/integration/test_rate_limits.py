#!/usr/bin/env python3
"""How often clients may ask, how many of them at once, and how fast they are answered."""
import time

from weirtest import Case, answer, main, wait_until
from weirtest.weir import run

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x"), ("Sec-WebSocket-Version", "13")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"


class LimitReq(Case):
    def setUp(self):
        super().setUp()
        self.app = self.backend(lambda r: answer("app"))
        self.proxied = f"proxy_pass http://{self.app.address};"

    def statuses(self, weir, count: int, path: str = "/", **options) -> list[int]:
        return [self.get(weir, path, **options).status for _ in range(count)]

    def test_requests_beyond_the_burst_are_rejected(self):
        weir = self.weir(f"""limit_req_zone $arg_key zone=slow:1m rate=1r/m;
            log_format seen "$limit_req_status"; access_log <<dir>>/access.log seen;
            server {{ listen <<front>>; location / {{ limit_req zone=slow; {self.proxied} }}
                location /burst {{ limit_req zone=slow burst=2 nodelay; limit_req_status 429; {self.proxied} }} location /free {{ {self.proxied} }} }}""",
                         access_log=False)
        self.assertEqual(self.statuses(weir, 3, "/?key=a"), [200, 503, 503])
        self.assertEqual(self.statuses(weir, 4, "/burst?key=b"), [200, 200, 200, 429])
        self.assertEqual(self.statuses(weir, 3, "/"), [200, 200, 200], "an empty key is not counted")
        self.assertEqual(self.statuses(weir, 1, "/free?key=a"), [200])
        weir.wait_error(r"\[error\].* limit_req zone slow: request rejected \(excess \d\.\d{3}; client 127\.0\.0\.1\)")
        self.assertEqual(weir.wait_log(11), ["PASSED", "REJECTED", "REJECTED", "PASSED", "PASSED", "PASSED", "REJECTED", "-", "-", "-", "-"])

    def test_requests_within_the_burst_wait(self):
        weir = self.weir(f"""limit_req_zone $arg_key zone=z:1m rate=2r/s; log_format seen "$limit_req_status"; access_log <<dir>>/access.log seen;
            server {{ listen <<front>>; location / {{ limit_req zone=z burst=10; {self.proxied} }} }}""", access_log=False)
        began = time.monotonic()
        clients = [self.client(weir).send_request(path="/?key=a") for _ in range(5)]
        self.assertEqual([each.read_response().status for each in clients], [200] * 5)
        self.assertGreaterEqual(time.monotonic() - began, 1.9, "five requests at two a second")
        seen = weir.wait_log(5)
        self.assertEqual(seen[0], "PASSED")
        self.assertIn("DELAYED", seen)

    def test_first_part_of_a_burst_passes_at_once(self):
        weir = self.weir(f"""limit_req_zone $arg_key zone=z:1m rate=10r/s; log_format seen "$limit_req_status"; access_log <<dir>>/access.log seen;
            server {{ listen <<front>>; location / {{ limit_req zone=z burst=9 delay=7; {self.proxied} }} }}""", access_log=False)
        clients = [self.client(weir).send_request(path="/?key=a") for _ in range(9)]
        self.assertEqual([each.read_response().status for each in clients], [200] * 9)
        seen = weir.wait_log(9)
        self.assertIn("PASSED", seen)
        self.assertNotIn("REJECTED", seen)

    def test_client_that_goes_while_it_waits_is_forgotten(self):
        weir = self.weir(f"""limit_req_zone $arg_key zone=z:1m rate=1r/m;
            server {{ listen <<front>>; location / {{ limit_req zone=z burst=5; {self.proxied} }} }}""")
        self.assertEqual(self.get(weir, "/?key=a").status, 200)
        self.client(weir).send_request(path="/?key=a").reset()
        self.assertIn(" 499 ", weir.wait_log(2)[1])
        self.assertEqual(len(self.app.requests), 1)

    def test_limit_is_exact_over_workers(self):
        weir = self.weir(f"""limit_req_zone $server_name zone=z:1m rate=1r/m;
            server {{ listen <<front>>; server_name all; location / {{ limit_req zone=z burst=9 nodelay; {self.proxied} }} }}""", workers=4)
        self.assertEqual(sorted(self.statuses(weir, 40)), [200] * 10 + [503] * 30)

    def test_buckets_outlive_a_reload(self):
        http = f"""limit_req_zone $arg_key zone=z:1m rate=1r/m;
            server {{ listen <<front>>; location / {{ limit_req zone=z; {self.proxied} }} }}"""
        weir = self.weir(http)
        self.assertEqual(self.statuses(weir, 2, "/?key=a"), [200, 503])
        weir.reload(http.replace("1m rate", "2m rate"))
        self.assertEqual(self.statuses(weir, 2, "/?key=a"), [503, 503])
        weir.reload(http.replace("$arg_key", "x$arg_key"))
        self.assertEqual(self.statuses(weir, 2, "/?key=a"), [200, 503], "another key is another zone")

    def test_internal_redirect_is_not_counted_again(self):
        weir = self.weir(f"""limit_req_zone $arg_key zone=z:1m rate=1r/m;
            server {{ listen <<front>>; limit_req zone=z burst=1 nodelay; error_page 404 /page;
                location / {{ error_page 404 /page; proxy_pass http://127.0.0.1:1/; error_page 502 503 /page; }} location /page {{ {self.proxied} }} }}""")
        self.assertEqual(self.statuses(weir, 2, "/?key=a")[1] in (502, 503), True)
        self.assertEqual(len(self.app.requests), 2)

    def test_dry_run_rejects_no_request(self):
        weir = self.weir(f"""limit_req_zone $arg_key zone=z:1m rate=1r/m; limit_req_dry_run on; limit_req_log_level notice;
            server {{ listen <<front>>; location / {{ limit_req zone=z; {self.proxied} }} }}""", main="error_log <<dir>>/notice.log notice;")
        self.assertEqual(self.statuses(weir, 3, "/?key=a"), [200] * 3)
        wait_until(lambda: "request rejected" in (weir.dir / "notice.log").read_text(), "the line of a dry run")
        self.assertRegex((weir.dir / "notice.log").read_text(), r"\[notice\].*request rejected \(excess \d\.\d+; client 127\.0\.0\.1; dry run\)")

    def test_broken_settings_are_refused(self):
        weir = self.weir("server { listen <<front>>; location / { return 200; } }")
        zone = "limit_req_zone $arg_a zone=z:1m rate=1r/s; limit_conn_zone $arg_a zone=c:1m;"
        for text, words in (
                ("limit_req_zone $arg_a rate=1r/s rate=1r/s;", 'duplicate parameter "rate"'), ("limit_conn_zone $arg_a zone=;", "zone=NAME:SIZE"),
                ("limit_req_zone $arg_a rate=1r/s zone:1m;", 'invalid parameter "zone:1m"'), (zone + "limit_req burst=3;", 'must have "zone" parameter'), ("limit_req_zone $arg_a zone=z:1k rate=1r/s;", "too small"),
                ("limit_req_zone $arg_a zone=z:1m rate=0r/s;", "rate=NUMBERr/s"), ("limit_req_zone $arg_a zone=z:1m rate=5;", "rate=NUMBERr/s"),
                ("limit_req_zone $no zone=z:1m rate=1r/s;", 'unknown "no" variable'), (zone + zone, 'duplicate zone "z"'),
                (zone + "limit_conn_zone $arg_b zone=z:1m;", 'duplicate zone "z"'),
                (zone + "limit_req zone=zz;", 'unknown zone "zz"'), (zone + "limit_req burst=5;", 'must have "zone" parameter'),
                (zone + "limit_req zone=z burst=0;", "a number from 1"), (zone + "limit_req zone=z; limit_req zone=z burst=2;", 'duplicate "limit_req" of zone "z"'),
                (zone + "limit_req_status 200;", "too small"), (zone + "limit_conn c 0;", "from 1 to 65535"), (zone + "limit_conn z 1;", "unknown zone"),
                (zone + "limit_req_log_level debug;", "info, notice, warn or error"), (zone + "limit_rate fast;", "a size like")):
            with self.subTest(text):
                weir.config_path.write_text(f"events {{}} http {{ {text} server {{ listen 127.0.0.1:1; }} }}")
                done = run("-c", str(weir.config_path), "-t")
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(words, done.stderr)


class LimitConn(Case):
    def test_requests_under_way_are_limited(self):
        gates = []

        def script(conn):
            conn.read_request()
            gates.append(conn)
            conn.wait_closed()
        slow = self.backend(script=script)
        weir = self.weir(f"""limit_conn_zone $arg_key zone=c:1m; log_format seen "$status $limit_conn_status"; access_log <<dir>>/access.log seen;
            server {{ listen <<front>>; limit_conn c 2; limit_conn_status 429; location / {{ proxy_pass http://{slow.address}; }} }}""", workers=2,
                         access_log=False)
        held = [self.client(weir).send_request(path="/?key=a") for _ in range(2)]
        slow.wait_requests(2)
        self.assertEqual(self.get(weir, "/?key=a").status, 429)
        other = self.client(weir).send_request(path="/?key=b")
        slow.wait_requests(3)
        held[0].reset()
        weir.wait_log(2)
        again = self.client(weir).send_request(path="/?key=a")
        slow.wait_requests(4)
        # Each worker writes its lines by itself: the two may come in either order.
        self.assertEqual(sorted(weir.wait_log(2)), ["429 REJECTED", "499 PASSED"])
        weir.wait_error(r"limit_conn zone c: request rejected \(2 under way; client 127\.0\.0\.1\)")
        for client in (held[1], other, again):
            client.reset()

    def test_dry_run_of_connections_rejects_no_request(self):
        slow = self.backend(script=lambda conn: (conn.read_request(), conn.wait_closed()))
        weir = self.weir(f"""limit_conn_zone $arg_key zone=c:1m; log_format seen "$limit_conn_status"; access_log <<dir>>/access.log seen;
            server {{ listen <<front>>; limit_conn c 1; limit_conn_dry_run on; location / {{ proxy_pass http://{slow.address}; }} }}""",
                         access_log=False)
        first = self.client(weir).send_request(path="/?key=a")
        slow.wait_requests(1)
        second = self.client(weir).send_request(path="/?key=a")
        slow.wait_requests(2)
        second.reset()
        self.assertEqual(weir.wait_log(1), ["REJECTED_DRY_RUN"])
        first.reset()

    def test_websocket_counts_as_long_as_it_is_open(self):
        def script(conn):
            conn.read_request()
            conn.send(SWITCH)
            conn.wait_closed()
        app = self.backend(script=script)
        weir = self.weir(f"""limit_conn_zone $server_port zone=c:1m;
            server {{ listen <<front>>; location / {{ limit_conn c 1; proxy_pass http://{app.address}; }} }}""")
        client = self.client(weir).send_request(headers=UPGRADE)
        self.assertEqual(client.read_response().status, 101)
        self.assertEqual(self.get(weir, headers=UPGRADE).status, 503)
        client.reset()

        def opens() -> bool:
            with_upgrade = self.client(weir).send_request(headers=UPGRADE)
            status = with_upgrade.read_response(head_only=True).status
            with_upgrade.reset()
            return status == 101
        wait_until(opens, "the place of the WebSocket that has gone")


class LimitRate(Case):
    BODY = bytes(range(256)) * 400  # 100 KB

    def timed(self, weir, path: str) -> tuple[float, bytes]:
        began = time.monotonic()
        response = self.get(weir, path)
        return time.monotonic() - began, response.body

    def test_answer_goes_out_at_the_rate(self):
        app = self.backend(lambda r: answer(self.BODY, headers=[("X-Accel-Limit-Rate", "0")] if "accel" in r.path else []))
        weir = self.weir(f"""map $arg_rate $rate {{ default 0; slow 200k; }}
            server {{ listen <<front>>; proxy_pass_header X-None;
            location / {{ limit_rate 200k; proxy_pass http://{app.address}; }}
            location /after {{ limit_rate 10k; limit_rate_after 100k; proxy_pass http://{app.address}; }}
            location /map {{ limit_rate $rate; proxy_pass http://{app.address}; }}
            location /set {{ limit_rate 10k; if ($arg_fast) {{ set $limit_rate 0; }} set $limit_rate $arg_set; proxy_pass http://{app.address}; }} }}""")
        seconds, body = self.timed(weir, "/")
        self.assertEqual(body, self.BODY)
        self.assertGreater(seconds, 0.3)
        for path in ("/after", "/accel", "/map"):
            seconds, body = self.timed(weir, path)
            self.assertEqual(body, self.BODY)
            self.assertLess(seconds, 5, path)
        for path in ("/map?rate=slow", "/set?set=200k"):
            seconds, body = self.timed(weir, path)
            self.assertEqual(body, self.BODY)
            self.assertGreater(seconds, 0.3, path)

    def test_local_answer_has_a_rate_and_keeps_the_connection(self):
        text = "x" * 3000
        weir = self.weir(f'server {{ listen <<front>>; location / {{ limit_rate 10k; return 200 "{text}"; }} location /fast {{ return 200 "fast"; }} }}')
        client = self.client(weir)
        began = time.monotonic()
        self.assertEqual(client.request().text, text)
        self.assertGreater(time.monotonic() - began, 0.15)
        self.assertEqual(client.request(path="/fast").text, "fast")
        self.assertEqual(client.request(method="HEAD").body, b"")

    def test_head_counts_too(self):
        fields = "".join(f"add_header X-{i} {'x' * 2000}; " for i in range(3))
        weir = self.weir(f'server {{ listen <<front>>; location / {{ limit_rate 10k; {fields} return 200 {"y" * 3000}; }} }}')
        seconds, body = self.timed(weir, "/")
        self.assertEqual(len(body), 3000)
        self.assertGreater(seconds, 0.5)

    def test_peer_is_not_read_faster_than_the_client_is_answered(self):
        app = self.backend(lambda r: answer(b"x" * 8_000_000))
        weir = self.weir(f"""log_format read "$upstream_bytes_received"; access_log <<dir>>/access.log read;
            server {{ listen <<front>>; location / {{ limit_rate 100k; proxy_pass http://{app.address}; }} }}""", access_log=False)
        client = self.client(weir).send_request()
        client.read(20_000)
        client.reset()
        self.assertLess(int(weir.wait_log(1)[0]), 1_500_000)


if __name__ == "__main__":
    main()
