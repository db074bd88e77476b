#!/usr/bin/env python3
"""Bodies of answers that weir changes: decoded for clients that take no gzip, and searched for texts that are replaced."""
import gzip
import os
import unittest

from weirtest import Case, Truncated, answer, brotli, main

HTML = [("Content-Type", "text/html")]
CODED = [("Content-Type", "text/html"), ("Content-Encoding", "gzip")]
TAKES = [("Accept-Encoding", "gzip")]


class Gunzip(Case):
    def test_only_clients_without_gzip_get_it_decoded(self):
        text = b"<p>hello</p>" * 1000
        weir = self.proxied(self.backend(lambda r: answer(gzip.compress(text), headers=CODED + [("ETag", '"v1"')])), "gunzip on; gzip_vary on;")
        plain = self.get(weir)
        self.assertEqual((plain.body, plain.get("content-encoding"), plain.get("etag"), plain.get("vary")),
                         (text, None, 'W/"v1"', "Accept-Encoding"))
        coded = self.get(weir, headers=TAKES)
        self.assertEqual((gzip.decompress(coded.body), coded.get("content-encoding"), coded.get("etag")), (text, "gzip", '"v1"'))
        self.assertEqual(self.get(weir, headers=TAKES + [("Via", "1.1 p")]).body, text)
        off = self.proxied(self.backend(lambda r: answer(gzip.compress(text), headers=CODED)))
        self.assertEqual(self.get(off).get("content-encoding"), "gzip")

    @unittest.skipIf(os.environ.get("WEIR_SANITIZE"), "a sanitizer keeps what was freed")
    def test_bomb_is_paced_by_its_client(self):
        size = 200 << 20
        bomb = gzip.compress(bytes(size))
        weir = self.proxied(self.backend(lambda r: answer(bomb, headers=CODED)), "gunzip on;", server="location /other { return 200 other; }")
        client = self.client(weir).send_request()
        response = client.read_response(head_only=True)
        self.assertFalse(response.has("content-encoding"))
        client.read(1000)
        for _ in range(20):
            self.assertEqual(self.get(weir, "/other").body, b"other")
        resident = int(next(l for l in open(f"/proc/{weir.process.pid}/status") if l.startswith("VmRSS")).split()[1])
        self.assertLess(resident, 150_000, "kB")
        client.close()

    def test_broken_and_cut_codings_break_off(self):
        whole = gzip.compress(os.urandom(1000))
        for coded in (whole[:-5], whole[:500] + b"x" * 100 + whole[600:], b"no gzip at all"):
            weir = self.proxied(self.backend(lambda r: answer(coded, headers=CODED)), "gunzip on;")
            with self.assertRaises(Truncated):
                response = self.get(weir)
                self.assertEqual(response.status, 500, "before its head has gone out")
                raise Truncated(b"")

    def test_decoded_answer_can_be_searched_and_coded_again(self):
        text = b"<p>old</p>" * 1000
        weir = self.proxied(self.backend(lambda r: answer(gzip.compress(text), headers=CODED)),
                            "gunzip on; brotli on; sub_filter old new; sub_filter_once off;")
        response = self.get(weir, headers=[("Accept-Encoding", "br")])
        self.assertEqual((response.get("content-encoding"), brotli.decompress(response.body)), ("br", text.replace(b"old", b"new")))

    def test_ranges_are_not_cut_out_of_coded_bodies(self):
        text, date = bytes(range(256)) * 40, "Sun, 06 Nov 1994 08:49:37 GMT"
        coded = gzip.compress(text, mtime=0)
        weir = self.proxied(self.backend(lambda r: answer(coded, headers=CODED + [("Last-Modified", date)])),
                            "gunzip on; proxy_cache z; proxy_cache_valid 1h; add_header X-Cache $upstream_cache_status;", start=False,
                            http="proxy_cache_path <<dir>>/cache keys_zone=z:1m;",
                            server="location /file/ { root <<dir>>; gunzip on; gzip_static always; }")
        (weir.dir / "file").mkdir()
        (weir.dir / "file" / "a.html.gz").write_bytes(coded)
        weir.start()
        for part in ([("Range", "bytes=10-19")], [("Range", "bytes=10-19"), ("If-Range", date)]):
            for path, cached in ((f"/{len(part)}", "MISS"), (f"/{len(part)}", "HIT"), ("/file/a.html", None)):
                with self.subTest(path=path, cached=cached, part=part):
                    if cached == "HIT":
                        self.wait_until(lambda: self.get(weir, path).get("x-cache") == "HIT", "the answer to be kept")
                    plain = self.get(weir, path, headers=part)
                    self.assertEqual((plain.status, plain.body, plain.get("content-encoding"), plain.get("x-cache")), (200, text, None, cached))
        for path in ("/1", "/file/a.html"):
            same = self.get(weir, path, headers=[("Range", "bytes=10-19")] + TAKES)
            self.assertEqual((same.status, same.body, same.get("content-encoding")), (206, coded[10:20], "gzip"))


class SubFilter(Case):
    def test_texts_are_replaced_over_cuts_of_the_body(self):
        pieces = (b'<a href="http:', b"//OLD.test/", b'">x</a></he', b"ad>")
        head = [b"HTTP/1.1 200 OK", b"Content-Type: text/html", b"Content-Length: %d" % sum(map(len, pieces)), b'ETag: "x"',
                b"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"]

        def cut(conn):
            conn.read_request()
            conn.send(b"\r\n".join(head) + b"\r\n\r\n")
            for piece in pieces:
                conn.send(piece)
            conn.wait_closed()
        weir = self.proxied(self.backend(script=cut), """sub_filter http://old.test/ https://$host/; sub_filter </head> "<i></i></head>";""")
        response = self.get(weir, host="app.test")
        self.assertEqual(response.text, '<a href="https://app.test/">x</a><i></i></head>')
        self.assertFalse(response.has("etag") or response.has("last-modified") or response.has("content-length"))

    def test_once_types_and_validators_follow_their_words(self):
        fields = [("ETag", '"x"'), ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")]
        backend = self.backend(lambda r: answer("a b a b", headers=[("Content-Type", r.path[1:].replace("-", "/"))] + fields))
        once = self.proxied(backend, "sub_filter a 1; sub_filter b 2;")
        self.assertEqual([self.get(once, path).text for path in ("/text-html", "/text-css")], ["1 2 a b", "a b a b"])
        every = self.proxied(backend, "sub_filter a 1; sub_filter_once off; sub_filter_types text/css; sub_filter_last_modified on;")
        response = self.get(every, "/text-css")
        self.assertEqual((response.text, response.get("etag"), response.has("last-modified")), ("1 b 1 b", 'W/"x"', True))
        self.assertEqual(self.get(every, "/text-plain").text, "a b a b")

    def test_own_answers_are_searched(self):
        weir = self.weir("""server { listen <<front>>; default_type text/html; location / { sub_filter World $arg_who; return 200 "hello world"; } }""")
        self.assertEqual(self.get(weir, "/?who=weir").text, "hello weir")

    def test_head_is_answered_without_length(self):
        weir = self.proxied(self.backend(lambda r: b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n"), "sub_filter a bb;")
        client = self.client(weir)
        self.assertFalse(client.request("HEAD").has("content-length"))


if __name__ == "__main__":
    main()
