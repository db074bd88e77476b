#!/usr/bin/env python3
"""gzip and brotli on the wire: what clients decode is what the backend said, at once where it comes bit by bit."""
import gzip
import os
import random
import zlib

from weirtest import Case, Truncated, answer, brotli, main

JSON = [("Content-Type", "application/json")]
ON = "gzip on; gzip_types application/json text/event-stream;"
TEXT = ('{"rows":[' + ",".join(f'{{"id":{i},"name":"row {i * i}"}}' for i in range(4000)) + "]}").encode()


def decoded(response) -> bytes:
    coding = response.get("content-encoding")
    if coding == "gzip":
        return gzip.decompress(response.body)
    return brotli.decompress(response.body) if coding == "br" else response.body


class Compression(Case):
    def test_client_that_takes_gzip_gets_it(self):
        backend = self.backend(lambda r: answer(TEXT, headers=JSON + [("ETag", '"v1"'), ("Accept-Ranges", "bytes")]))
        weir = self.proxied(backend, ON + "gzip_vary on;")
        response = self.get(weir, headers=[("Accept-Encoding", "deflate, gzip;q=0.5")])
        self.assertEqual((response.status, response.get("content-encoding"), response.get("vary")), (200, "gzip", "Accept-Encoding"))
        self.assertEqual((response.get("etag"), response.has("accept-ranges"), response.has("content-length")), ('W/"v1"', False, False))
        self.assertEqual(decoded(response), TEXT)
        self.assertLess(len(response.body), len(TEXT) // 3)
        plain = self.get(weir)
        self.assertEqual((plain.get("content-encoding"), plain.get("vary"), plain.get("etag")), (None, "Accept-Encoding", '"v1"'))
        self.assertEqual(plain.body, TEXT)

    def test_brotli_goes_before_gzip(self):
        weir = self.proxied(self.backend(lambda r: answer(TEXT, headers=JSON)), ON + "brotli on; brotli_types application/json;")
        for accepted, coding in {"gzip, deflate, br": "br", "gzip": "gzip", "br;q=0, gzip": "gzip", "br;q=0.1, gzip": "gzip", "*": None}.items():
            response = self.get(weir, headers=[("Accept-Encoding", accepted)])
            self.assertEqual(response.get("content-encoding"), coding, accepted)
            self.assertEqual(decoded(response), TEXT, accepted)

    def test_levels_windows_and_hashes_are_taken(self):
        far = os.urandom(8000) * 8  # what repeats lies 8000 bytes back
        backend = self.backend(lambda r: answer(TEXT if r.path == "/text" else far, headers=JSON))

        def size(path: str, coding: str, options: str) -> int:
            weir = self.proxied(backend, ON + "brotli on; brotli_types application/json;" + options)
            response = self.get(weir, path, headers=[("Accept-Encoding", coding)])
            self.assertEqual((response.get("content-encoding"), decoded(response)), (coding, TEXT if path == "/text" else far))
            return len(response.body)
        self.assertLess(size("/text", "gzip", "gzip_comp_level 9;"), size("/text", "gzip", "gzip_comp_level 1;"))
        self.assertLess(size("/text", "br", "brotli_comp_level 9;"), size("/text", "br", "brotli_comp_level 0;"))
        self.assertLess(size("/far", "gzip", "gzip_window 32k;"), 10_000)
        self.assertGreater(size("/far", "gzip", "gzip_window 4k; gzip_hash 512;"), 60_000)
        self.assertLess(size("/far", "br", "brotli_window 64k;"), 10_000)
        self.assertGreater(size("/far", "br", "brotli_window 4k;"), 60_000)

    def test_limits_and_types_leave_answers_alone(self):
        kinds = {"/short": (b"x" * 99, "application/json"), "/long": (b"x" * 100, "application/json"), "/image": (TEXT, "image/png")}
        weir = self.proxied(self.backend(lambda r: answer(kinds[r.path][0], headers=[("Content-Type", kinds[r.path][1])])),
                            ON + "gzip_min_length 100; brotli on; brotli_min_length 1000; brotli_types application/json;")
        for path, coding in (("/short", None), ("/long", "gzip"), ("/image", None)):
            response = self.get(weir, path, headers=[("Accept-Encoding", "gzip, br")])
            self.assertEqual((response.get("content-encoding"), decoded(response)), (coding, kinds[path][0]), path)

    def test_own_answers_are_compressed(self):
        weir = self.weir(f"""{ON} server {{ listen <<front>>; default_type application/json;
            location / {{ return 200 "{'hello ' * 50}"; }} location /none {{ return 404; }} location /gone {{ return 410; }} }}""")
        takes = [("Accept-Encoding", "gzip")]
        self.assertEqual(decoded(self.get(weir, headers=takes)), b"hello " * 50)
        for path, coding in (("/none", "gzip"), ("/gone", None)):
            response = self.get(weir, path, headers=takes)
            self.assertEqual(response.get("content-encoding"), coding)
            self.assertIn(b"</html>", decoded(response))

    def test_head_is_answered_as_get_without_body(self):
        weir = self.proxied(self.backend(lambda r: answer(b"" if r.method == "HEAD" else TEXT, headers=JSON)), ON + "gzip_min_length 0;")
        client = self.client(weir)
        response = client.request("HEAD", headers=[("Accept-Encoding", "gzip")])
        self.assertEqual((response.get("content-encoding"), response.has("content-length")), ("gzip", False))
        self.assertEqual(decoded(client.request("GET", headers=[("Accept-Encoding", "gzip")])), TEXT)

    def test_old_clients_proxies_and_browsers_follow_the_words(self):
        backend = self.backend(lambda r: answer(TEXT, headers=JSON))
        takes = [("Accept-Encoding", "gzip")]
        old = b"GET / HTTP/1.0\r\nHost: test\r\nAccept-Encoding: gzip\r\n\r\n"
        strict = self.proxied(backend, ON + 'gzip_disable msie6 "Old/[12]";')
        self.assertFalse(self.client(strict).send(old).read_response().has("content-encoding"))
        self.assertFalse(self.get(strict, headers=takes + [("Via", "1.1 p")]).has("content-encoding"))
        self.assertFalse(self.get(strict, headers=takes + [("User-Agent", "old/1")]).has("content-encoding"))
        self.assertTrue(self.get(strict, headers=takes + [("User-Agent", "old/3")]).has("content-encoding"))
        open_ = self.proxied(backend, ON + "gzip_http_version 1.0; gzip_proxied any;")
        response = self.client(open_).send(old).read_response()
        self.assertTrue(response.until_close)
        self.assertEqual(decoded(response), TEXT)
        self.assertEqual(decoded(self.get(open_, headers=takes + [("Via", "1.1 p")])), TEXT)

    def test_events_go_out_at_once(self):
        script = {}

        def events(conn):
            conn.read_request()
            script["conn"] = conn
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            conn.wait_closed()
        for accepted in ("gzip", "br"):
            backend = self.backend(script=events)
            weir = self.proxied(backend, ON + "brotli on; brotli_types text/event-stream;")
            client = self.client(weir).send_request(headers=[("Accept-Encoding", accepted)])
            response = client.read_response(head_only=True)
            self.assertEqual(response.get("content-encoding"), accepted)
            decoder = zlib.decompressobj(31) if accepted == "gzip" else brotli.Decompressor()
            decode = decoder.decompress if accepted == "gzip" else decoder.process
            for i in range(5):
                event = b"data: event %d\n\n" % i
                script["conn"].send(b"%x\r\n%s\r\n" % (len(event), event))
                got = b""
                while got != event:  # the test ends under its hard limit if it does not come
                    size = int(client.read_until(b"\r\n"), 16)
                    got += decode(client.read(size))
                    client.read(2)
            client.close()
            self.wait_until(script["conn"].ended.is_set)

    def test_large_bodies_pass_whole_and_slow_clients_hold_the_backend(self):
        body = b"".join(random.Random(1).choice((TEXT[:5000], os.urandom(3000))) for _ in range(2000))
        backend = self.backend(lambda r: answer(body, headers=JSON))
        weir = self.proxied(backend, ON + "gzip_comp_level 6;")
        response = self.get(weir, headers=[("Accept-Encoding", "gzip")])
        self.assertEqual(decoded(response), body)
        clients = [self.client(weir).send_request(headers=[("Accept-Encoding", "gzip")]) for _ in range(4)]
        for client in clients:
            self.assertEqual(decoded(client.read_response()), body)

    def test_broken_answer_is_seen_as_broken(self):
        def cut(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n" + TEXT[:50000])
        weir = self.proxied(self.backend(script=cut), ON)
        with self.assertRaises(Truncated):
            self.get(weir, headers=[("Accept-Encoding", "gzip")])

    def test_client_that_leaves_gives_its_encoder_back(self):
        backend = self.backend(lambda r: answer(os.urandom(3_000_000), headers=JSON))
        weir = self.proxied(backend, ON)
        for _ in range(20):
            client = self.client(weir).send_request(headers=[("Accept-Encoding", "gzip")])
            client.read(1000)
            client.reset()
        self.assertEqual(len(decoded(self.get(weir, headers=[("Accept-Encoding", "gzip")]))), 3_000_000)

    def test_ratio_is_logged(self):
        weir = self.proxied(self.backend(lambda r: answer(TEXT, headers=JSON)), ON + "access_log <<dir>>/ratio.log ratio;",
                            http="log_format ratio '$gzip_ratio';")
        response = self.get(weir, headers=[("Accept-Encoding", "gzip")])
        self.get(weir)
        log = weir.dir / "ratio.log"
        self.wait_until(lambda: len(log.read_text().split()) == 2)
        first, second = log.read_text().split()
        self.assertAlmostEqual(float(first), len(TEXT) / len(response.body), delta=0.006)
        self.assertEqual(second, "-")

    def test_websocket_and_bodiless_answers_pass_untouched(self):
        weir = self.proxied(self.backend(lambda r: b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"), "gzip on; gzip_types *; gzip_min_length 0;")
        response = self.get(weir, headers=[("Accept-Encoding", "gzip")])
        self.assertEqual((response.status, response.has("content-encoding"), response.get("etag")), (304, False, '"x"'))


if __name__ == "__main__":
    main()
