#!/usr/bin/env python3
"""Who gets which request: the balancers to the letter, failure, retries. One worker, so that sequences are exact."""
import struct
import threading
import zlib

from weirtest import Case, Truncated, answer, closed_port, main
from weirtest.client import request_bytes


class Holding:
    """A reply that waits for release() and tells how many wait."""

    def __init__(self, name: str):
        self.name = name
        self.waiting = 0
        self._lock = threading.Lock()
        self._go = threading.Event()

    def __call__(self, request):
        if request.path == "/hold":
            with self._lock:
                self.waiting += 1
            self._go.wait(60)
        return answer(self.name)

    def release(self):
        self._go.set()


class Balance(Case):
    def named(self, names: str = "abc"):
        return [self.backend(lambda r, n=n: answer(n)) for n in names]

    def group(self, servers, method: str = "", location: str = "", server: str = "", http: str = "", **options):
        lines = " ".join(f"server {s};" for s in servers)
        return self.weir(f"{http}\nupstream u {{ {method} {lines} }}\nserver {{ listen <<front>>; {server} location / {{ proxy_pass http://u; {location} }} }}",
                         **options)

    def sequence(self, weir, count: int, **options) -> str:
        return "".join(self.get(weir, **options).text for _ in range(count))

    def refused(self) -> str:
        holder, address = closed_port()
        self.hold(holder)
        return address


class Methods(Balance):
    def test_smooth_weighted_round_robin_is_nginxs_sequence(self):
        a, b, c = self.named()
        weir = self.group([f"{a.address} weight=5", b.address, c.address])
        self.assertEqual(self.sequence(weir, 14), "aabacaa" * 2)

    def test_equal_weights_take_turns(self):
        weir = self.group([s.address for s in self.named()])
        client = self.client(weir)
        self.assertEqual("".join(client.request().text for _ in range(9)), "abc" * 3, "one client connection, three peers")

    def test_ip_hash_follows_nginxs_vectors(self):
        a, b, c = self.named()
        real_ip = "set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;"
        vectors = {"10.0.0.1": "AA", "10.0.0.254": "AA", "192.168.1.7": "BA", "172.31.0.9": "CA", "203.0.113.5": "AA", "198.51.100.77": "AB", "8.8.8.8": "CC",
                   "2001:db8::1": "CA", "2001:db8::2": "AA", "fd00::1234": "AB"}
        equal = self.group([a.address, b.address, c.address], "ip_hash;", server=real_ip)
        weighted = self.group([f"{a.address} weight=5", b.address, c.address], "ip_hash;", server=real_ip)
        for address, expected in vectors.items():
            got = "".join(self.get(weir, headers={"X-Forwarded-For": address}).text for weir in (equal, weighted))
            self.assertEqual((address, got), (address, expected.lower()))

    def test_ip_hash_keeps_a_client_on_its_peer(self):
        weir = self.group([s.address for s in self.named()], "ip_hash;")
        self.assertEqual(len(set(self.sequence(weir, 6))), 1)

    def test_hash_follows_nginxs_vectors(self):
        weir = self.group([s.address for s in self.named()], "hash $arg_key;")
        for key, peer in {"a": "c", "user-1": "c", "user-2": "a", "/index.html": "c", "session=abc": "c"}.items():
            self.assertEqual((key, self.get(weir, f"/?key={key}").text), (key, peer))

    def test_consistent_hash_is_ketama(self):
        peers = dict(zip("abc", self.named()))
        weir = self.group([p.address for p in peers.values()], "hash $arg_key consistent;")
        points = {}
        for name, peer in peers.items():
            host, port = peer.address.split(":")
            base, previous = zlib.crc32(f"{host}\0{port}".encode()), 0
            for _ in range(160):
                previous = zlib.crc32(struct.pack("<I", previous), base)
                points.setdefault(previous, name)
        ring = sorted(points)
        for i in range(40):
            key = f"user-{i}"
            point = zlib.crc32(key.encode())
            expected = points[next((p for p in ring if p >= point), ring[0])]
            self.assertEqual((key, self.get(weir, f"/?key={key}").text), (key, expected))

    def test_least_conn_takes_the_least_loaded(self):
        holds = [Holding(n) for n in "abc"]
        backends = [self.backend(h) for h in holds]
        weir = self.group([b.address for b in backends], "least_conn;")
        clients = []
        for i, hold in enumerate(holds[:2]):
            clients.append(self.client(weir).send_request(path="/hold"))
            self.wait_until(lambda: sum(h.waiting for h in holds) == i + 1, "a held request")
        busy = {h.name for h in holds if h.waiting}
        free = ({"a", "b", "c"} - busy).pop()
        self.assertEqual(self.sequence(weir, 6), free * 6)
        for hold in holds:
            hold.release()
        for client in clients:
            self.assertEqual(client.read_response().status, 200)

    def test_random_reaches_every_peer(self):
        for method in ("random;", "random two;", "random two least_conn;"):
            with self.subTest(method):
                weir = self.group([s.address for s in self.named()], method)
                self.assertEqual(set(self.sequence(weir, 120)), {"a", "b", "c"})

    def test_proxy_pass_to_a_variable_names_an_upstream_only(self):
        a, b, _ = self.named()
        weir = self.weir(f"""upstream one {{ server {a.address}; }} upstream two {{ server {b.address}; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://$arg_to; }} }}""")
        self.assertEqual(self.get(weir, "/?to=one").text, "a")
        self.assertEqual(self.get(weir, "/?to=two").text, "b")
        self.assertGreaterEqual(self.get(weir, f"/?to={a.address}").status, 500)


class Eligibility(Balance):
    def test_down_peer_gets_no_request(self):
        a, b, c = self.named()
        weir = self.group([a.address, f"{b.address} down", c.address])
        self.assertEqual(set(self.sequence(weir, 6)), {"a", "c"})

    def test_backup_serves_only_when_the_primaries_are_gone(self):
        a, b = self.named("ab")
        weir = self.group([a.address, f"{b.address} backup"])
        self.assertEqual(self.sequence(weir, 4), "aaaa")
        a.stop()
        self.assertEqual(self.sequence(weir, 4), "bbbb")

    def test_max_conns_is_never_passed(self):
        holds = [Holding("a"), Holding("b")]
        a, b = (self.backend(h) for h in holds)
        weir = self.group([f"{a.address} max_conns=1", f"{b.address} max_conns=2"])
        clients = []
        for i in range(3):
            clients.append(self.client(weir).send_request(path="/hold"))
            self.wait_until(lambda: sum(h.waiting for h in holds) == i + 1, "a held request")
        self.assertEqual([h.waiting for h in holds], [1, 2])
        response = self.get(weir)
        self.assertEqual(response.status, 503)
        for hold in holds:
            hold.release()
        for client in clients:
            self.assertEqual(client.read_response().status, 200)
        self.assertEqual(self.get(weir).status, 200)

    def test_missing_peers_are_503_with_retry_after(self):
        a, b = self.named("ab")
        weir = self.group([f"{a.address} down", f"{b.address} down"])
        response = self.get(weir)
        self.assertEqual(response.status, 503)
        self.assertTrue(response.has("retry-after"))

    def test_refusing_peer_is_left_out_and_no_client_notices(self):
        a, b = self.named("ab")
        weir = self.group([f"{self.refused()} fail_timeout=600s", a.address, b.address])
        for _ in range(12):
            self.assertEqual(self.get(weir).status, 200)
        failures = [line for line in self.log_of(weir, 12) if ", " in line]
        self.assertEqual(len(failures), 1, "one failure takes the peer out for fail_timeout")

    def log_of(self, weir, count):
        return weir.wait_log(count, "attempts.log")

    def group(self, servers, method="", location="", server="", http="", **options):
        http += "log_format attempts '$upstream_addr|$upstream_status|$upstream_reason|$status';\n"
        server += " access_log <<dir>>/attempts.log attempts buffer=32k flush=10ms;"
        return super().group(servers, method, location, server, http, **options)

    def test_max_fails_counts_and_zero_never_takes_out(self):
        a, = self.named("a")
        for max_fails, expected in ((3, 3), (0, 10)):
            with self.subTest(max_fails=max_fails):
                weir = self.group([f"{self.refused()} max_fails={max_fails} fail_timeout=600s weight=1", f"{a.address} weight=1"])
                for _ in range(20):
                    self.assertEqual(self.get(weir).status, 200)
                failures = sum(line.count("connect_refused") for line in self.log_of(weir, 20))
                self.assertEqual(failures, expected)

    def test_single_peer_is_never_marked_failed(self):
        calls = []

        def script(conn):
            conn.read_request()
            calls.append(conn)
            if len(calls) <= 3:
                conn.reset()
                return
            conn.send(answer("up again"))
            conn.wait_closed()
        backend = self.backend(script=script)
        weir = self.group([backend.address])
        for _ in range(3):
            self.assertEqual(self.get(weir).status, 502)
        self.assertEqual(self.get(weir).text, "up again")

    def test_peer_comes_back_with_one_probe_after_fail_timeout(self):
        a = self.backend(lambda r: answer("a"))
        down = self.backend(lambda r: answer("b"))
        address = down.address
        weir = self.group([a.address, f"{address} fail_timeout=1s"])
        down.stop()
        self.assertEqual(self.sequence(weir, 4), "aaaa")
        self.backend(lambda r: answer("b"), address=address)
        self.wait_until(lambda: self.get(weir).text == "b", "the peer to come back")
        self.assertEqual(sorted(self.sequence(weir, 4)), list("aabb"))

    def test_panic_tries_every_peer(self):
        """More than half out: ejection is ignored, so that peers that came back are found at once."""
        backends = self.named("abc")
        addresses = [b.address for b in backends]
        weir = self.group([f"{x} fail_timeout=600s" for x in addresses])
        for backend in backends:
            backend.stop()
        for _ in range(4):
            self.assertIn(self.get(weir).status, (502, 503))
        for name, address in zip("abc", addresses):
            self.backend(lambda r, n=name: answer(n), address=address)
        self.assertEqual([self.get(weir).status for _ in range(6)], [200] * 6)


class Retries(Balance):
    """Which requests are sent again. `victim` takes the first request of every sequence."""

    def pair(self, script, location: str = "", **options):
        self.victim = self.backend(script=script)
        self.other = self.backend(lambda r: answer("other"))
        return self.group([self.victim.address, self.other.address], location=location, **options)

    @staticmethod
    def reset_after_request(conn):
        conn.read_request()
        conn.reset()

    @staticmethod
    def close_after_request(conn):
        conn.read_request()

    def test_get_fails_over_when_the_first_peer_dies(self):
        for script in (self.reset_after_request, self.close_after_request):
            with self.subTest(script.__name__):
                weir = self.pair(script)
                self.assertEqual(self.get(weir).text, "other")
                self.assertEqual((len(self.victim.requests), len(self.other.requests)), (1, 1))

    def test_post_is_never_sent_twice(self):
        for method in ("POST", "PATCH"):
            for script in (self.reset_after_request, self.close_after_request):
                with self.subTest(method=method, script=script.__name__):
                    weir = self.pair(script)
                    self.assertEqual(self.get(weir, method=method, body=b"x").status, 502)
                    self.assertEqual((len(self.victim.requests), len(self.other.requests)), (1, 0))

    def test_idempotent_methods_with_body_are_sent_again_whole(self):
        body = bytes(range(256)) * 200
        for method in ("PUT", "DELETE"):
            with self.subTest(method):
                weir = self.pair(self.reset_after_request)
                self.assertEqual(self.get(weir, method=method, body=body).text, "other")
                self.assertEqual(self.other.requests[0].body, body)

    def test_post_fails_over_when_the_connect_was_refused(self):
        other = self.backend(lambda r: answer(r.body))
        weir = self.group([self.refused(), other.address])
        self.assertEqual(self.get(weir, method="POST", body=b"kept").text, "kept")

    def test_post_is_sent_again_with_non_idempotent(self):
        weir = self.pair(self.reset_after_request, "proxy_next_upstream error timeout non_idempotent;")
        self.assertEqual(self.get(weir, method="POST", body=b"x").text, "other")

    def test_next_upstream_off_allows_one_try(self):
        weir = self.pair(self.reset_after_request, "proxy_next_upstream off;")
        self.assertEqual(self.get(weir).status, 502)
        self.assertEqual(len(self.other.requests), 0)

    def test_tries_are_limited(self):
        dead = [self.refused() for _ in range(4)]
        good = self.backend(lambda r: answer("good"))
        weir = self.group([*dead, good.address], location="proxy_next_upstream_tries 2;")
        self.assertIn(self.get(weir).status, (502, 503))
        weir = self.group([*dead, good.address], location="proxy_next_upstream_tries 5;")
        self.assertEqual(self.get(weir).status, 200)

    def test_listed_statuses_are_tried_elsewhere_and_others_pass(self):
        for status in (500, 502, 503, 504, 403, 404, 429):
            with self.subTest(status):
                victim = self.backend(lambda r: answer("bad", status=status))
                other = self.backend(lambda r: answer("other"))
                listed = self.group([victim.address, other.address], location=f"proxy_next_upstream error http_{status};")
                self.assertEqual(self.get(listed).text, "other")
                plain = self.group([victim.address, other.address])
                self.assertEqual(self.get(plain).status, status)

    def test_listed_status_of_the_last_try_is_passed(self):
        backends = [self.backend(lambda r: answer("busy", status=503, headers={"X-From": "peer"})) for _ in range(2)]
        weir = self.group([b.address for b in backends], location="proxy_next_upstream error http_503;")
        response = self.get(weir)
        self.assertEqual(response.status, 503)
        self.assertEqual(sum(len(b.requests) for b in backends), 2)

    def test_invalid_answer_is_502_and_tried_elsewhere_only_when_listed(self):
        def garbage(conn):
            conn.read_request()
            conn.send(b"nonsense\r\n\r\n")
            conn.wait_closed()
        weir = self.pair(garbage)
        self.assertEqual(self.get(weir).status, 502)
        self.assertEqual(len(self.other.requests), 0)
        weir = self.pair(garbage, "proxy_next_upstream error invalid_header;")
        self.assertEqual(self.get(weir).text, "other")

    def test_answer_that_reached_the_client_is_never_repeated(self):
        def cut(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        weir = self.pair(cut)
        with self.assertRaises(Truncated):
            self.get(weir)
        self.assertEqual(len(self.other.requests), 0)

    def test_closed_pooled_connection_costs_an_idempotent_request_nothing(self):
        """The backend closes a kept connection just as the next request arrives on it: GET goes on, for free."""
        def script(conn):
            conn.read_request()
            conn.send(answer("first"))
            conn.read_request()  # and away without a word
        backend = self.backend(script=script)
        weir = self.group([backend.address], location="proxy_next_upstream_tries 1;")
        client = self.client(weir)
        self.assertEqual([client.request().text for _ in range(4)], ["first"] * 4)

    def test_post_on_a_closed_pooled_connection_is_not_repeated(self):
        def script(conn):
            conn.read_request()
            conn.send(answer("first"))
            conn.read_request()
        backend = self.backend(script=script)
        weir = self.group([backend.address])
        client = self.client(weir)
        self.assertEqual(client.request().text, "first")
        posts = client.request("POST", "/post", body=b"x")
        self.assertIn(posts.status, (200, 502))
        self.assertEqual(sum(r.path == "/post" for r in backend.requests), 1, "200 only when it went over a fresh connection")

    def test_pooled_connection_that_closed_while_idle_is_not_used(self):
        def script(conn):
            conn.read_request()
            conn.send(answer("x"))
            conn.close()
        backend = self.backend(script=script)
        weir = self.group([backend.address])
        for i in range(10):
            response = self.get(weir, method="POST", body=b"y")
            if response.status != 200:
                # The FIN had not arrived when the connection was chosen: the request may then not be repeated.
                self.assertEqual(response.status, 502)
        self.assertLessEqual(sum(len(c.requests) for c in backend.connections), 10)

    def test_pipelined_requests_fail_over_one_by_one(self):
        weir = self.pair(self.reset_after_request)
        client = self.client(weir).send(b"".join(request_bytes(path=f"/{i}") for i in range(6)))
        self.assertEqual([client.read_response().text for _ in range(6)], ["other"] * 6)


if __name__ == "__main__":
    main()
