#!/usr/bin/env python3
"""Every deadline: configured small, and seen by what weir does when it passes. No test measures how long it took but from below."""
import threading
import time

from weirtest import Case, Closed, Truncated, answer, closed_port, main


class ClientSide(Case):
    def test_slow_head_is_408_or_closed(self):
        backend = self.backend()
        weir = self.proxied(backend, server="client_header_timeout 300ms;")
        client = self.client(weir).send(b"GET / HTTP/1.1\r\nHost: t\r\nX: ")
        try:
            response = client.read_response()
            self.assertEqual(response.status, 408)
            self.assertFalse(response.keep_alive)
            client.fin()
            self.assertTrue(client.closed_by_weir())
        except Closed:
            pass
        self.assertEqual(backend.received, b"")

    def test_trickled_head_has_a_total_deadline(self):
        """One byte now and then renews nothing: the limit is for the whole head."""
        backend = self.backend()
        weir = self.proxied(backend, server="client_header_timeout 500ms;")
        client = self.client(weir).send(b"GET / HTTP/1.1\r\nHost: t\r\n")
        stop = threading.Event()

        def trickle():
            while not stop.wait(0.02):
                try:
                    client.sock.send(b"a")
                except OSError:
                    return
        threading.Thread(target=trickle, daemon=True).start()
        try:
            self.assertEqual(client.read_response().status, 408)
        except (Closed, Truncated):
            pass
        stop.set()
        self.assertEqual(backend.received, b"")

    def test_silent_connection_is_closed(self):
        weir = self.proxied(self.backend(), server="client_header_timeout 200ms;")
        client = self.client(weir)
        try:
            self.assertEqual(client.read_response().status, 408)
        except Closed:
            pass

    def test_idle_keepalive_connection_is_closed_silently(self):
        weir = self.proxied(self.backend(), server="keepalive_timeout 200ms;")
        client = self.client(weir)
        self.assertEqual(client.request().status, 200)
        self.assertEqual(client.read_all(), b"")

    def test_keepalive_timeout_zero_means_close(self):
        weir = self.proxied(self.backend(), server="keepalive_timeout 0;")
        client = self.client(weir)
        self.assertFalse(client.request().keep_alive)
        self.assertTrue(client.closed_by_weir())

    def test_stalled_body_is_408(self):
        backend = self.backend()
        weir = self.proxied(backend, server="client_body_timeout 300ms;")
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc")
        response = client.read_response()
        self.assertEqual(response.status, 408)
        self.assertFalse(response.keep_alive)
        self.assertEqual(backend.received, b"", "a small body is held whole before a peer is chosen")

    def test_stalled_streamed_body_frees_the_backend(self):
        backend = self.backend()
        weir = self.proxied(backend, server="client_body_timeout 2s;")
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 200_000)
        backend.wait_connections()
        try:
            self.assertEqual(client.read_response().status, 408)
        except Closed:
            pass
        backend.wait_all_closed()

    def test_client_that_does_not_read_is_closed(self):
        size = 64 * 1024 * 1024

        def script(conn):
            conn.read_request()
            conn.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
            for _ in range(size >> 16):
                conn.send(b"x" * 65536)
        backend = self.backend(script=script)
        weir = self.proxied(backend, server="send_timeout 300ms;")
        client = self.client(weir, receive_buffer=4096).send_request()
        backend.wait_connections()
        backend.wait_all_closed()
        with self.assertRaises(Truncated):
            client.read_response()


class PeerSide(Case):
    def never_answers(self):
        return self.backend(script=lambda conn: (conn.read_request(), conn.wait_closed()))

    def test_no_answer_is_504(self):
        backend = self.never_answers()
        weir = self.proxied(backend, "proxy_read_timeout 200ms;")
        self.assertEqual(self.get(weir).status, 504)
        backend.wait_all_closed()

    def test_get_alone_tries_another_peer_after_a_timeout(self):
        slow, fast = self.never_answers(), self.backend(lambda r: answer("fast"))
        weir = self.weir(f"""upstream u {{ server {slow.address} max_fails=0; server {fast.address}; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; proxy_read_timeout 2s; }} }}""")
        self.assertEqual(self.get(weir).text, "fast")
        results = {self.get(weir, method="POST", body=b"x").status for _ in range(2)}
        self.assertEqual(results, {200, 504})
        self.assertEqual(sum(r.method == "POST" for r in slow.requests + fast.requests), 2)

    def test_silence_inside_a_body_cuts_it(self):
        def script(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            conn.wait_closed()
        backend = self.backend(script=script)
        weir = self.proxied(backend, "proxy_read_timeout 2s;")
        with self.assertRaises(Truncated) as cut:
            self.get(weir)
        self.assertEqual(cut.exception.partial, b"half")
        backend.wait_all_closed()

    def test_read_timeout_is_between_reads_not_for_the_whole(self):
        def script(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
            for i in range(12):
                ready.wait(0.2)  # 12 pieces, 2.4 s in all, each well inside the limit
                conn.send(b"x")
            conn.wait_closed()
        ready = threading.Event()
        weir = self.proxied(self.backend(script=script), "proxy_read_timeout 2s;")
        begun = time.monotonic()
        self.assertEqual(self.get(weir).body, b"x" * 12)
        self.assertGreater(time.monotonic() - begun, 2.0)

    def test_event_stream_outlives_the_read_timeout(self):
        quiet = threading.Event()

        def script(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n")
            quiet.wait(2.5)
            conn.send(b"2\r\nok\r\n0\r\n\r\n")
            conn.wait_closed()
        weir = self.proxied(self.backend(script=script), "proxy_read_timeout 1s;")
        self.assertEqual(self.get(weir).body, b"ok")

    def test_peer_that_does_not_read_is_closed(self):
        def script(conn):
            conn.read_head()
            done.wait(60)
        done = threading.Event()
        backend = self.backend(script=script, receive_buffer=4096)
        weir = self.proxied(backend, "proxy_send_timeout 300ms; client_max_body_size 0;")
        client = self.client(weir)
        client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n\r\n").send_pieces(b"x" * 30_000_000, 65536)
        try:
            self.assertEqual(client.read_response().status, 504)
        except Closed:
            pass
        done.set()

    def test_connect_timeout_is_504(self):
        address = self.silent_address()
        weir = self.weir(f"upstream u {{ server {address}; }} server {{ listen <<front>>; location / {{ proxy_pass http://u; proxy_connect_timeout 300ms; }} }}")
        self.assertEqual(self.get(weir).status, 504)
        good = self.backend(lambda r: answer("good"))
        weir = self.weir(f"""upstream u {{ server {address}; server {good.address}; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; proxy_connect_timeout 1s; }} }}""")
        self.assertEqual(self.get(weir, method="POST", body=b"x").text, "good", "nothing was sent, so even a POST goes on")

    def test_next_upstream_timeout_ends_the_trying(self):
        slow = [self.never_answers() for _ in range(3)]
        servers = " ".join(f"server {b.address};" for b in slow)
        weir = self.weir(f"""upstream u {{ {servers} }} server {{ listen <<front>>; location / {{
            proxy_pass http://u; proxy_read_timeout 400ms; proxy_next_upstream_timeout 100ms; }} }}""")
        self.assertEqual(self.get(weir).status, 504)
        self.wait_until(lambda: any(b.requests for b in slow), "the request to be read by a peer")
        self.assertEqual(sum(len(b.connections) for b in slow), 1)

    def test_idle_pooled_connection_is_closed_after_its_limit(self):
        backend = self.backend(lambda r: answer("x"))
        weir = self.proxied(backend, upstream="keepalive 4; keepalive_timeout 200ms;")
        self.assertEqual(self.get(weir).status, 200)
        backend.wait_all_closed()
        self.assertEqual(self.get(weir).status, 200)

    def test_refused_connects_are_answered_at_once(self):
        addresses = []
        for _ in range(3):
            holder, address = closed_port()
            self.hold(holder)
            addresses.append(address)
        servers = " ".join(f"server {a};" for a in addresses)
        weir = self.weir(f"upstream u {{ {servers} }} server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}")
        for _ in range(3):
            self.assertIn(self.get(weir).status, (502, 503))


if __name__ == "__main__":
    main()
