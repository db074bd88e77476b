#!/usr/bin/env python3
"""Limits of bodies, heads and connections: what is over is refused, what is under is not touched."""
import threading

from weirtest import Case, Closed, answer, main


class Bodies(Case):
    def test_declared_length_over_the_limit_is_413_before_the_backend(self):
        backend = self.backend(lambda r: answer(str(len(r.body))))
        weir = self.proxied(backend, server="client_max_body_size 1000;")
        self.assertEqual(self.get(weir, method="POST", body=b"x" * 1000).text, "1000")
        response = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1001\r\n\r\n").read_response()
        self.assertEqual(response.status, 413)
        self.assertFalse(response.keep_alive)
        self.assertEqual(len(backend.requests), 1)

    def test_chunked_body_over_the_limit_is_413(self):
        backend = self.backend(lambda r: answer(str(len(r.body))))
        weir = self.proxied(backend, server="client_max_body_size 1000;")
        client = self.client(weir)
        client.send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1F4\r\n" + b"x" * 500 + b"\r\n" + b"1F4\r\n" + b"x" * 500 + b"\r\n0\r\n\r\n")
        self.assertEqual(client.read_response().text, "1000")
        client.send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + b"3E9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n")
        self.assertEqual(client.read_response().status, 413)
        self.assertEqual(len(backend.requests), 1)

    def test_streamed_body_over_the_limit_ends_the_backend_request(self):
        backend = self.backend()
        weir = self.proxied(backend, server="client_max_body_size 1m;")
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send_pieces((b"10000\r\n" + b"x" * 65536 + b"\r\n") * 24, 65536)
        try:
            self.assertEqual(client.read_response().status, 413)
        except Closed:
            pass
        backend.wait_all_closed()
        self.assertTrue(all(not r.body for r in backend.requests), "the backend never saw its end")

    def test_zero_means_no_limit_and_locations_differ(self):
        backend = self.backend(lambda r: answer(str(len(r.body))))
        weir = self.weir(f"""upstream u {{ server {backend.address}; }}
            server {{ listen <<front>>; client_max_body_size 10;
                location / {{ proxy_pass http://u; }}
                location /up/ {{ proxy_pass http://u; client_max_body_size 0; }} }}""")
        self.assertEqual(self.get(weir, "/", "POST", body=b"x" * 11).status, 413)
        self.assertEqual(self.get(weir, "/up/", "POST", body=b"x" * 300_000).text, "300000")

    def test_413_comes_instead_of_100_continue(self):
        weir = self.proxied(self.backend(), server="client_max_body_size 10;")
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
        response = client.read_response()
        self.assertEqual((response.status, response.interim), (413, []))


class Heads(Case):
    def test_heads_inside_the_limits_pass(self):
        backend = self.backend(lambda r: answer(str(len(r.headers))))
        weir = self.proxied(backend)
        self.assertEqual(self.get(weir, "/" + "a" * 7000).status, 200)
        self.assertEqual(self.get(weir, headers=[(f"X-{i}", "y") for i in range(95)]).status, 200)
        self.assertEqual(self.get(weir, headers={"X-Long": "y" * 7900}).status, 200)
        self.assertEqual(self.get(weir, headers=[(f"X-{i}", "y" * 7000) for i in range(4)]).status, 200)

    def test_heads_over_the_limits_are_431_and_414(self):
        backend = self.backend()
        weir = self.proxied(backend)
        for headers in ([(f"X-{i}", "y") for i in range(101)], [("X", "y" * 8300)], [(f"X-{i}", "y" * 7000) for i in range(5)]):
            self.assertEqual(self.get(weir, headers=headers).status, 431)
        self.assertEqual(self.get(weir, "/" + "a" * 8300).status, 414)
        self.assertEqual(backend.received, b"")

    def test_large_client_header_buffers_moves_them(self):
        backend = self.backend()
        weir = self.proxied(backend, server="large_client_header_buffers 4 16k;")
        self.assertEqual(self.get(weir, "/" + "a" * 15000).status, 200)
        self.assertEqual(self.get(weir, headers={"X": "y" * 15000}).status, 200)
        self.assertEqual(self.get(weir, "/" + "a" * 17000).status, 414)

    def test_large_response_heads_up_to_the_limit_pass(self):
        backend = self.backend(lambda r: answer("x", headers=[("Set-Cookie", f"c{i}=" + "v" * 900) for i in range(25)]))
        weir = self.proxied(backend)
        self.assertEqual(len(self.get(weir).all("set-cookie")), 25)


class Connections(Case):
    def test_connections_over_the_cap_wait_for_a_place(self):
        weir = self.weir('server { listen <<front>>; return 200 "x"; }', connections=16)
        busy = [self.client(weir).send(b"GET / HTTP/1.1\r\n") for _ in range(16)]
        weir.wait_error(r"worker 0: connections full \(16 in use, none idle\), new clients wait")
        late = [self.client(weir).send_request() for _ in range(8)]
        self.wait_until(lambda: weir.metric("weir_workers_full") == 1, "the worker to be counted as full")
        self.assertIn("FULL in 1 worker", weir.ctl("status").stdout)
        for client in busy[:8]:
            client.close()
        for client in late:
            self.assertEqual(client.read_response().text, "x")
        self.assertEqual(weir.metric("weir_connections_refused_total"), 0)
        self.wait_until(lambda: weir.metric("weir_workers_full") == 0, "room")

    def test_longest_idle_connection_makes_room(self):
        weir = self.weir('server { listen <<front>>; return 200 "x"; }', connections=16)
        kept = [self.client(weir) for _ in range(16)]
        for client in kept:
            self.assertEqual(client.request().text, "x")
        for _ in range(4):
            kept.append(self.client(weir))
            self.assertEqual(kept[-1].request().text, "x", "a new client does not wait for idle ones")
        for client in kept[:4]:
            self.assertTrue(client.closed_by_weir())
        for client in kept[4:]:
            self.assertEqual(client.request().text, "x")
        self.assertEqual(weir.metric("weir_connections_displaced_total", side="client"), 4)
        weir.wait_error(r"connections full \(16 in use\), the longest idle one closed for a new one")
        self.assertIn("4 idle connections closed for new ones", weir.ctl("status").stdout)

    def test_idle_flood_leaves_room_for_clients(self):
        weir = self.weir('server { listen <<front>>; return 200 "x"; }', connections=16)
        flood = [self.client(weir) for _ in range(60)]
        self.assertEqual(self.get(weir).text, "x")
        self.assertEqual(len(flood), 60)

    def test_upstream_connections_count_against_the_cap(self):
        """At the cap a request is answered with 503 or waits; never more connections than allowed are open."""
        go = threading.Event()

        def script(conn):
            conn.read_request()
            go.wait(60)
            conn.send(answer("late", headers={"Connection": "close"}))
        backend = self.backend(script=script)
        weir = self.proxied(backend, connections=20)
        clients = [self.client(weir).send_request() for _ in range(16)]
        self.wait_until(lambda: len(backend.requests) >= 4, "some requests at the backend")
        go.set()
        results = []
        for client in clients:
            try:
                results.append(client.read_response().status)
            except Closed:
                results.append(0)
        self.assertIn(200, results)
        self.assertLessEqual(set(results), {0, 200, 503})
        self.assertEqual(self.get(weir).status, 200)


if __name__ == "__main__":
    main()
