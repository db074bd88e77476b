#!/usr/bin/env python3
"""The response cache on the wire: hits and misses, what is kept and for how long, restarts, stale answers, locks, purges."""
import pathlib
import signal
import threading
import unittest

from weirtest import Case, answer, main
from weirtest.weir import run

PATH = "proxy_cache_path <<dir>>/cache levels=1:2 keys_zone=z:1m {path};"
STATUS = "add_header X-Cache $upstream_cache_status always;"


class Cached(Case):
    def cached(self, backend, location: str = "proxy_cache_valid 1h;", path: str = "", **options):
        return self.proxied(backend, location=f"proxy_cache z; {STATUS} {location}", http=PATH.format(path=path), **options)

    def numbered(self, fields=(), status: int = 200):
        """A backend whose answers tell how many there were."""
        def reply(request):
            with lock:
                count[0] += 1
                number = count[0]
            return answer(b"" if request.method == "HEAD" else f"{request.path} {number}", status, fields)
        lock, count = threading.Lock(), [0]
        return self.backend(reply)

    def ask(self, weir, path: str = "/a", method: str = "GET", headers=(), **options):
        """(status of the cache, text)"""
        response = self.get(weir, path, method, headers, **options)
        return response.get("x-cache"), response.text

    def keep(self, weir, path: str = "/a", method: str = "GET", headers=()):
        """Asks for what is not kept yet, and waits until it is: the response. The next request for it finds it."""
        kept = weir.metric("weir_cache_answers")
        response = self.get(weir, path, method, headers)
        self.wait_until(lambda: weir.metric("weir_cache_answers") == kept + 1, f"the answer of {path} to be kept")
        return response

    def wait_for(self, weir, status: str, path: str = "/a", headers=()):
        self.wait_until(lambda: self.ask(weir, path, headers=headers)[0] == status, f"{path} to be {status}")

    def files(self, weir) -> list[pathlib.Path]:
        return sorted(p for p in (weir.dir / "cache").rglob("*") if p.is_file())


class Hits(Cached):
    def test_second_request_is_answered_from_the_cache(self):
        backend = self.numbered([("X-Peer", "kept")])
        weir = self.cached(backend)
        miss = self.keep(weir)
        self.assertEqual((miss.get("x-cache"), miss.text), ("MISS", "/a 1"))
        hit = self.get(weir, "/a")
        self.assertEqual((hit.get("x-cache"), hit.text, hit.get("x-peer")), ("HIT", "/a 1", "kept"))
        self.assertIn(int(hit.get("age")), range(60))
        self.assertEqual(self.ask(weir, "/b"), ("MISS", "/b 2"))
        self.assertEqual(self.ask(weir, "/a?x"), ("MISS", "/a?x 3"))
        self.assertEqual(len(backend.requests), 3)

    def test_large_answer_is_kept_whole(self):
        body = bytes(range(256)) * 12_000
        for fields in ([("Transfer-Encoding", "chunked")], []):
            def reply(request):
                if not fields:
                    return answer(body)
                return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
            weir = self.cached(self.backend(reply))
            self.assertEqual(self.get(weir, "/a").body, body)
            self.wait_for(weir, "HIT")
            self.assertEqual(self.get(weir, "/a").body, body)

    def test_answer_survives_a_restart(self):
        backend = self.numbered()
        weir = self.cached(backend)
        self.assertEqual(self.keep(weir).text, "/a 1")
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        weir.start()
        weir.wait_error(r"cache z: files found \(1 answers")
        self.assertEqual(self.ask(weir), ("HIT", "/a 1"))
        self.assertEqual(len(backend.requests), 1)

    def test_answer_survives_a_reload(self):
        weir = self.cached(self.numbered())
        self.keep(weir)
        weir.reload()
        self.assertEqual(self.ask(weir), ("HIT", "/a 1"))

    def test_head_is_answered_from_a_stored_get(self):
        backend = self.numbered()
        weir = self.cached(backend)
        head = self.keep(weir, "/a", "HEAD")
        self.assertEqual((head.body, head.get("content-length"), head.get("x-cache")), (b"", "4", "MISS"))
        self.assertEqual(backend.requests[0].method, "GET")
        head = self.get(weir, "/a", "HEAD")
        self.assertEqual((head.body, head.get("content-length"), head.get("x-cache")), (b"", "4", "HIT"))

    def test_head_that_is_passed_on_is_not_kept(self):
        backend = self.numbered()
        weir = self.cached(backend, "proxy_cache_valid 1h; proxy_cache_convert_head off;")
        self.assertEqual(self.get(weir, "/a", "HEAD").get("x-cache"), "MISS")
        self.assertEqual(self.ask(weir), ("MISS", "/a 2"))
        self.assertEqual([r.method for r in backend.requests], ["HEAD", "GET"])

    def test_ranges_and_conditions_are_of_the_stored_answer(self):
        backend = self.numbered([("ETag", '"v1"'), ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Content-Type", "text/plain")])
        weir = self.cached(backend)
        self.keep(weir)
        part = self.get(weir, "/a", headers=[("Range", "bytes=1-2")])
        self.assertEqual((part.status, part.text, part.get("content-range")), (206, "a ", "bytes 1-2/4"))
        beyond = self.get(weir, "/a", headers=[("Range", "bytes=9-")])
        self.assertEqual((beyond.status, beyond.get("content-range")), (416, "bytes */4"))
        for condition in (("If-None-Match", '"v1"'), ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")):
            same = self.get(weir, "/a", headers=[condition])
            self.assertEqual((same.status, same.body, same.get("etag"), same.get("content-type")), (304, b"", '"v1"', None))
        self.assertEqual(self.get(weir, "/a", headers=[("If-None-Match", '"v2"')]).status, 200)
        self.assertEqual(self.get(weir, "/a", headers=[("If-Match", '"v2"')]).status, 412)
        self.assertEqual(len(backend.requests), 1)

    def test_peer_is_asked_for_all_of_it(self):
        backend = self.numbered()
        weir = self.cached(backend)
        headers = [("Range", "bytes=0-1"), ("If-None-Match", '"x"'), ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"), ("If-Range", '"x"')]
        self.assertEqual(self.get(weir, "/a", headers=headers).status, 200)
        for name in ("range", "if-none-match", "if-modified-since", "if-range"):
            self.assertIsNone(backend.requests[0].get(name), name)


class Kept(Cached):
    def test_fields_of_an_answer_decide_whether_it_is_kept(self):
        for fields, kept in (([("Cache-Control", "max-age=60")], True), ([("Cache-Control", "no-store")], False), ([], False),
                             ([("Cache-Control", "private, max-age=60")], False), ([("X-Accel-Expires", "60")], True),
                             ([("Cache-Control", "max-age=60"), ("Set-Cookie", "a=b")], False), ([("Cache-Control", "max-age=60"), ("Vary", "*")], False),
                             ([("Cache-Control", "max-age=60"), ("Age", "70")], False)):
            with self.subTest(fields=fields):
                weir = self.cached(self.numbered(fields), "")
                self.assertEqual(self.ask(weir), ("MISS", "/a 1"))
                if kept:
                    self.wait_for(weir, "HIT")
                else:
                    self.assertEqual([self.ask(weir)[0] for _ in range(3)], ["MISS"] * 3)
                    self.assertEqual(self.files(weir), [])

    def test_operator_has_the_last_word(self):
        weir = self.cached(self.numbered([("Cache-Control", "no-store"), ("Set-Cookie", "a=b")]),
                           "proxy_cache_valid 200 1h; proxy_ignore_headers Cache-Control Set-Cookie; proxy_hide_header Set-Cookie;")
        self.ask(weir)
        self.wait_for(weir, "HIT")
        self.assertIsNone(self.get(weir, "/a").get("set-cookie"))
        weir = self.cached(self.numbered(status=404), "proxy_cache_valid any 1h;")
        self.ask(weir)
        self.wait_for(weir, "HIT")
        self.assertEqual(self.get(weir, "/a").status, 404)

    def test_authorized_answers_are_kept_where_they_allow_it(self):
        user = [("Authorization", "Basic eDp5")]
        weir = self.cached(self.numbered([("Cache-Control", "max-age=60")]), "")
        self.assertEqual([self.ask(weir, headers=user)[0] for _ in range(2)], ["MISS", "MISS"])
        weir = self.cached(self.numbered([("Cache-Control", "public, max-age=60")]), "")
        self.ask(weir, headers=user)
        self.wait_for(weir, "HIT", headers=user)

    def test_variants_are_kept_apart(self):
        backend = self.backend(lambda request: answer(f"for {request.get('accept')}", headers=[("Vary", "Accept"), ("Cache-Control", "max-age=60")]))
        weir = self.cached(backend, "")
        for accept in ("a", "b"):
            miss = self.keep(weir, headers=[("Accept", accept)])
            self.assertEqual((miss.get("x-cache"), miss.text), ("MISS", f"for {accept}"))
        for accept in ("a", "b"):
            self.assertEqual(self.ask(weir, headers=[("Accept", accept)]), ("HIT", f"for {accept}"))
        self.assertEqual(len(backend.requests), 2)

    def test_conditions_pass_by_the_cache(self):
        backend = self.numbered()
        weir = self.cached(backend, "proxy_cache_valid 1h; proxy_cache_bypass $arg_fresh $http_x_fresh; proxy_no_cache $arg_private;"
                                    "proxy_cache_key $uri;")
        self.assertEqual(self.ask(weir, "/a?private=1"), ("MISS", "/a?private=1 1"))
        self.assertEqual(self.keep(weir, "/a").text, "/a 2")
        self.assertEqual(self.ask(weir, "/a?fresh=0"), ("HIT", "/a 2"))
        self.assertEqual(self.ask(weir, "/a?fresh=1"), ("BYPASS", "/a?fresh=1 3"))
        self.wait_until(lambda: self.ask(weir, "/a") == ("HIT", "/a?fresh=1 3"), "what was fetched past the cache to be kept")

    def test_answers_are_kept_from_min_uses_on(self):
        weir = self.cached(self.numbered(), "proxy_cache_valid 1h; proxy_cache_min_uses 3;")
        self.assertEqual([self.ask(weir) for _ in range(2)], [("MISS", "/a 1"), ("MISS", "/a 2")])
        self.assertEqual(self.keep(weir).text, "/a 3")
        self.assertEqual(self.ask(weir), ("HIT", "/a 3"))

    def test_post_is_kept_when_it_is_named(self):
        backend = self.numbered()
        weir = self.cached(backend, "proxy_cache_valid 1h; proxy_cache_methods GET HEAD POST; proxy_cache_key $uri$request_body;")
        self.assertEqual(self.get(weir, "/a", "POST", body=b"x").get("x-cache"), "MISS")
        self.wait_until(lambda: self.get(weir, "/a", "POST", body=b"x").get("x-cache") == "HIT", "a POST to be kept")
        self.assertEqual(self.get(weir, "/a", "POST", body=b"y").get("x-cache"), "MISS")

    def test_unsafe_methods_invalidate_their_key(self):
        backend = self.numbered()
        weir = self.cached(backend)
        self.keep(weir)
        self.assertEqual(self.get(weir, "/a", "POST", body=b"x").text, "/a 2")
        self.assertEqual(self.ask(weir), ("MISS", "/a 3"))

    def test_broken_answer_is_not_kept(self):
        def script(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nCache-Control: max-age=60\r\n\r\n" + b"x" * 500)
            connection.fin()
        weir = self.cached(self.backend(script=script))
        client = self.client(weir)
        with self.assertRaises(Exception):
            client.request("GET", "/a")
        self.assertEqual(weir.metric("weir_cache_answers"), 0)
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        self.assertEqual(self.files(weir), [], "what its disk had to do is done when it has ended")

    def test_answer_behind_an_error_page_is_not_kept(self):
        backend = self.numbered(status=404)
        weir = self.cached(backend, "proxy_cache_valid any 1h; proxy_intercept_errors on; error_page 404 /page;", server="location = /page { return 200 page; }")
        self.assertEqual([self.get(weir, "/a").text for _ in range(3)], ["page"] * 3)
        self.assertEqual(len(backend.requests), 3)

    def test_files_stay_within_max_size(self):
        weir = self.cached(self.backend(lambda request: answer(b"x" * 60_000)), path="max_size=200k")
        for i in range(12):
            self.get(weir, f"/{i}")
        self.wait_for(weir, "HIT", "/11")
        self.wait_until(lambda: sum(p.stat().st_size for p in self.files(weir)) <= 200 * 1024, "the oldest to go")

    def test_unused_answer_goes(self):
        weir = self.cached(self.numbered(), path="inactive=1s")
        self.wait_until(lambda: self.ask(weir, "/a")[0] and self.ask(weir, "/b")[0] and len(self.files(weir)) == 2, "both to be kept")
        self.wait_until(lambda: self.files(weir) == [], "both to go")


class Fetches(Cached):
    def test_fetch_goes_on_when_its_client_leaves(self):
        body = bytes(range(256)) * 4000
        may_end = threading.Event()

        def script(connection):
            connection.read_request()
            connection.send(answer(body, headers=[("Cache-Control", "max-age=60")])[:200_000])
            may_end.wait(20)
            connection.send(answer(body, headers=[("Cache-Control", "max-age=60")])[200_000:])
        backend = self.backend(script=script)
        weir = self.cached(backend)
        client = self.client(weir).send_request("GET", "/a")
        client.read(1000)
        client.reset()
        self.wait_until(lambda: weir.metric("weir_connections") == 0, "the client to be gone")
        self.assertEqual(weir.log_lines(), [])
        may_end.set()
        weir.wait_log(1)
        self.wait_until(lambda: weir.metric("weir_cache_answers") == 1, "the answer to be kept")
        self.assertEqual(self.get(weir, "/a").body, body)
        self.assertEqual(len(backend.connections), 1)

    def test_range_is_cut_out_of_a_miss(self):
        backend = self.numbered([("ETag", '"v1"'), ("Content-Type", "text/plain")])
        weir = self.cached(backend)
        part = self.keep(weir, "/a", headers=[("Range", "bytes=1-2")])
        self.assertEqual((part.status, part.text, part.get("content-range"), part.get("x-cache")), (206, "a ", "bytes 1-2/4", "MISS"))
        self.assertEqual(self.ask(weir), ("HIT", "/a 1"))
        beyond = self.keep(weir, "/b", headers=[("Range", "bytes=9-")])
        self.assertEqual((beyond.status, beyond.body, beyond.get("content-range")), (416, b"", "bytes */4"))
        same = self.keep(weir, "/c", headers=[("If-None-Match", '"v1"')])
        self.assertEqual((same.status, same.body, same.get("content-length")), (304, b"", None))
        self.assertEqual([self.ask(weir, path) for path in ("/b", "/c")], [("HIT", "/b 2"), ("HIT", "/c 3")])
        self.assertEqual(len(backend.requests), 3)
        self.assertIsNone(backend.requests[0].get("range"))

    def test_request_names_its_cache(self):
        backend = self.numbered()
        weir = self.proxied(backend, http=f"{PATH.format(path='')} map $arg_c $cache {{ z z; bad bad; default ''; }}",
                            location=f"proxy_cache $cache; proxy_cache_valid 1h; {STATUS}")
        self.assertEqual(self.ask(weir), (None, "/a 1"))
        self.assertEqual(self.ask(weir, "/a?c=z"), ("MISS", "/a?c=z 2"))
        self.wait_for(weir, "HIT", "/a?c=z")
        self.assertEqual(self.get(weir, "/a?c=bad").status, 500)
        weir.wait_error(r'no cache "bad"')
        self.assertIn("proxy_cache $cache;", run("-T", "-c", str(weir.config_path)).stdout)


class Old(Cached):
    """Answers that are fresh for a second: each test asks until its answer is old. X-Accel-Expires says so, as a second of
    max-age may be over before the answer is there."""

    def test_old_answer_is_fetched_again(self):
        weir = self.cached(self.numbered(), "proxy_cache_valid 1s;")
        self.assertEqual(self.ask(weir)[0], "MISS")
        self.wait_for(weir, "EXPIRED")

    def test_not_modified_refreshes_the_stored_answer(self):
        def reply(request):
            if request.get("if-none-match") == '"v1"':
                return b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nCache-Control: max-age=3600\r\nX-Accel-Expires: 3600\r\nX-New: 1\r\n\r\n'
            return answer("body", headers=[("ETag", '"v1"'), ("Cache-Control", "max-age=1"), ("X-Accel-Expires", "1"), ("X-Old", "1")])
        backend = self.backend(reply)
        weir = self.cached(backend, "proxy_cache_revalidate on;")
        self.assertEqual(self.keep(weir).text, "body")
        self.wait_for(weir, "REVALIDATED")
        self.assertEqual([request.get("if-none-match") for request in backend.requests], [None, '"v1"'])
        self.wait_for(weir, "HIT")
        asked = len(backend.requests)
        hit = self.get(weir, "/a")
        self.assertEqual((hit.text, hit.get("x-new"), hit.get("x-old"), hit.get("cache-control")), ("body", "1", "1", "max-age=3600"))
        self.assertEqual(len(backend.requests), asked)

    def test_old_answer_stands_in_for_a_peer_that_fails(self):
        state = {"broken": False}
        backend = self.backend(lambda request: answer("sorry", 503) if state["broken"] else answer("good", headers=[("X-Accel-Expires", "1")]))
        weir = self.cached(backend, "proxy_cache_use_stale error timeout http_503;")
        self.keep(weir)
        state["broken"] = True
        self.wait_for(weir, "STALE")
        self.assertEqual(self.ask(weir), ("STALE", "good"))
        backend.stop()
        self.assertEqual(self.ask(weir), ("STALE", "good"))

    def test_must_revalidate_forbids_it(self):
        state = {"broken": False}
        backend = self.backend(lambda request: answer("sorry", 503) if state["broken"] else
                               answer("good", headers=[("X-Accel-Expires", "1"), ("Cache-Control", "must-revalidate")]))
        weir = self.cached(backend, "proxy_cache_use_stale http_503 updating;")
        self.keep(weir)
        state["broken"] = True
        self.wait_for(weir, "EXPIRED")
        self.assertEqual(self.ask(weir), ("EXPIRED", "sorry"))

    def test_update_goes_on_aside(self):
        backend = self.numbered([("X-Accel-Expires", "1")])
        weir = self.cached(backend, "proxy_cache_use_stale updating; proxy_cache_background_update on;")
        self.assertEqual(self.keep(weir).text, "/a 1")
        seen = []

        def is_newer():
            seen.append(self.ask(weir))
            return seen[-1][1] != "/a 1"
        self.wait_until(is_newer, "the newer answer")
        self.assertIn(("STALE", "/a 1"), seen, "whoever has it asked for does not wait")

    def test_old_answer_is_served_while_another_asks(self):
        held = threading.Event()
        self.addCleanup(held.set)
        count = []

        def reply(request):
            count.append(1)
            if len(count) > 1:
                held.wait(60)
            return answer(f"{len(count)}", headers=[("X-Accel-Expires", "1")])
        backend = self.backend(reply)
        weir = self.cached(backend, "proxy_cache_use_stale updating;")
        self.assertEqual(self.keep(weir).text, "1")
        asking = threading.Thread(target=lambda: self.wait_for(weir, "EXPIRED"))
        asking.start()
        backend.wait_requests(2)
        self.assertEqual(self.ask(weir), ("UPDATING", "1"))
        held.set()
        asking.join()


class Locks(Cached):
    def test_lock_lets_one_request_ask_the_peer(self):
        go = threading.Event()
        self.addCleanup(go.set)

        def reply(request):
            go.wait(60)
            return answer("once")
        backend = self.backend(reply)
        weir = self.cached(backend, "proxy_cache_valid 1h; proxy_cache_lock on; proxy_cache_lock_timeout 60s; proxy_cache_lock_age 60s;", workers=2)
        seen = []
        threads = [threading.Thread(target=lambda: seen.append(self.ask(weir))) for _ in range(8)]
        for thread in threads:
            thread.start()
        self.wait_until(lambda: weir.metric("weir_requests_total") >= 8, "all of them to be there")
        self.assertEqual(len(backend.wait_requests(1)), 1)
        go.set()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(seen), [("HIT", "once")] * 7 + [("MISS", "once")])
        self.assertEqual(len(backend.requests), 1)

    def test_waiting_ends_in_time(self):
        go = threading.Event()
        self.addCleanup(go.set)
        first = []

        def reply(request):
            if not first:
                first.append(1)
                go.wait(60)
                return answer("slow")
            return answer("quick")
        backend = self.backend(reply)
        weir = self.cached(backend, "proxy_cache_valid 1h; proxy_cache_lock on; proxy_cache_lock_timeout 50ms;")
        slow = threading.Thread(target=lambda: self.ask(weir))
        slow.start()
        self.wait_until(lambda: first, "the first to be held")
        self.assertEqual(self.ask(weir), ("MISS", "quick"))
        go.set()
        slow.join()
        self.wait_until(lambda: self.ask(weir) == ("HIT", "slow"), "the answer of who had the lock")


class Purge(Cached):
    def ctl(self, weir, *words: str):
        return run("ctl", "-c", str(weir.config_path), *words)

    def test_answers_are_purged_by_key_prefix_and_all(self):
        weir = self.cached(self.numbered(), "proxy_cache_valid 1h; proxy_cache_key $uri;")
        for path in ("/x/1", "/x/2", "/y", "/z"):
            self.keep(weir, path)
        for words, said, gone, left in ((("/y",), "1 answer purged", ["/y"], ["/x/1", "/z"]), (("/x/*",), "2 answers purged", ["/x/1", "/x/2"], ["/z"]),
                                        (("all", "--zone", "z"), "4 answers purged", ["/z"], [])):
            done = self.ctl(weir, "cache", "purge", *words)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(said, done.stdout)
            for path in left:
                self.assertEqual(self.ask(weir, path)[0], "HIT", path)
            for path in gone:
                self.assertEqual(self.keep(weir, path).get("x-cache"), "MISS", path)
        weir.wait_error(r'cache: purged \(2 answers of "/x/\*"')

    def test_cache_is_shown(self):
        weir = self.cached(self.numbered())
        self.keep(weir)
        self.assertEqual(self.ask(weir)[0], "HIT")
        self.assertRegex(self.ctl(weir, "cache").stdout, r"(?m)^z +1 +4096 +[1-9]\d* +1 *$")
        page = self.ctl(weir, "metrics").stdout
        self.assertIn('weir_cache_requests_total{zone="z",status="MISS"} 1\n', page)
        self.assertIn('weir_cache_answers{zone="z"} 1\n', page)

    def test_wrong_purges_are_refused(self):
        weir = self.cached(self.numbered())
        for words in (("purge",), ("purge", "x", "--zone", "none"), ("look", "x")):
            self.assertNotEqual(self.ctl(weir, "cache", *words).returncode, 0, words)


class Refused(Case):
    def test_wrong_settings_are_refused(self):
        for http, error in (("proxy_cache none;", 'unknown zone "none"'),
                            ("proxy_cache_path <<dir>>/c keys_zone=z:1m use_temp_path=on;", "use_temp_path=on"),
                            ("proxy_cache_path <<dir>>/c keys_zone=z:1k;", "too small"),
                            ("proxy_cache_path <<dir>>/c keys_zone=z:1m levels=3;", "levels"),
                            ("proxy_cache_path <<dir>>/c;", "number of arguments"),
                            ("proxy_cache_path <<dir>>/c keys_zone=z:1m; proxy_cache_path <<dir>>/c keys_zone=y:1m;", "another cache"),
                            ("proxy_cache_path <<dir>>/none/c keys_zone=z:1m; proxy_cache z; server { listen <<front>>; location / { proxy_pass http://127.0.0.1:9; } }",
                             "No such file or directory"),
                            ("proxy_cache_purge x;", "weir ctl cache purge")):
            with self.subTest(http=http):
                weir = self.weir(http, start=False)
                result = run("-t", "-c", str(weir.config_path))
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(error, result.stderr)


if __name__ == "__main__":
    main()
