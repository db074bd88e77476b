#!/usr/bin/env python3
"""Clients that go away: what they waited for is aborted, the backend is freed, and the log says 499."""
import threading

from weirtest import Case, answer, main


class Abort(Case):
    def setUp(self):
        super().setUp()
        self.go = threading.Event()

    def holding(self, reply: bytes = b""):
        """A backend that reads the request and waits for weir to leave, or for self.go and then answers."""
        def script(conn):
            request = conn.read_request()
            if request.path == "/plain":
                conn.send(answer("plain", headers={"Connection": "close"}))
                return
            if reply:
                self.go.wait(60)
                conn.send(reply)
            conn.wait_closed()
        return self.backend(script=script)

    def status_logged(self, weir, count: int = 1):
        return [line.split('" ')[1].split(" ")[0] for line in weir.wait_log(count)]

    def test_client_abort_is_499_and_frees_the_backend(self):
        for leave in ("fin", "close", "reset"):
            with self.subTest(leave):
                backend = self.holding()
                weir = self.proxied(backend)
                client = self.client(weir).send_request(path="/slow")
                backend.wait_requests()
                getattr(client, leave)()
                backend.wait_all_closed()
                self.assertEqual(self.status_logged(weir), ["499"])
                self.assertEqual(self.get(weir, "/plain").text, "plain")

    def test_aborted_post_is_499_and_frees_the_backend(self):
        backend = self.holding()
        weir = self.proxied(backend)
        client = self.client(weir).send_request("POST", "/slow", body=b"x")
        backend.wait_requests()
        client.fin()
        backend.wait_all_closed()
        self.assertEqual(self.status_logged(weir), ["499"])

    def test_ignore_client_abort_serves_on_after_a_fin(self):
        backend = self.holding(answer("late"))
        weir = self.proxied(backend, "proxy_ignore_client_abort on;")
        client = self.client(weir).send_request(path="/slow")
        backend.wait_requests()
        client.fin()
        self.go.set()
        self.assertEqual(client.read_response().text, "late")
        self.assertEqual(self.status_logged(weir), ["200"])

    def test_ignore_client_abort_finishes_after_a_reset(self):
        done = threading.Event()

        def script(conn):
            conn.read_request()
            self.go.wait(60)
            conn.send(answer("nobody listens"))
            done.set()
            conn.wait_closed()
        backend = self.backend(script=script)
        weir = self.proxied(backend, "proxy_ignore_client_abort on;")
        client = self.client(weir).send_request()
        backend.wait_requests()
        client.reset()
        self.go.set()
        self.assertTrue(done.wait(20))
        self.assertEqual(len(weir.wait_log(1)), 1)

    def test_fin_in_the_middle_of_a_head_or_body(self):
        backend = self.holding()
        weir = self.proxied(backend)
        for raw in (b"GET / HT", b"GET / HTTP/1.1\r\nHost: t\r\n", b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc",
                    b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"):
            with self.subTest(raw):
                client = self.client(weir).send(raw).fin()
                rest = client.read_all()
                self.assertTrue(rest == b"" or rest.startswith((b"HTTP/1.1 400", b"HTTP/1.1 408")), rest)
        self.assertEqual(backend.received, b"", "an unfinished small request reaches nobody")

    def test_fin_inside_a_streamed_body_frees_the_backend(self):
        backend = self.backend()
        weir = self.proxied(backend)
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 300_000)
        backend.wait_requests()
        client.fin()
        backend.wait_all_closed()
        self.assertEqual(len(backend.requests[0].body), 0, "the request never became whole")

    def test_abort_inside_a_response_closes_the_backend(self):
        def script(conn):
            request = conn.read_request()
            if request.path == "/plain":
                conn.send(answer("plain"))
                conn.wait_closed()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                conn.send(b"x" * 65536)
        for leave in ("close", "reset"):
            with self.subTest(leave):
                backend = self.backend(script=script)
                weir = self.proxied(backend)
                client = self.client(weir).send_request(path="/big")
                client.read(100_000)
                getattr(client, leave)()
                backend.wait_all_closed()
                self.assertEqual(self.get(weir, "/plain").text, "plain")
                self.assertEqual(len(backend.connections), 2)

    def test_pipelined_requests_of_an_aborted_client_are_dropped(self):
        backend = self.holding()
        weir = self.proxied(backend)
        client = self.client(weir)
        client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: t\r\n\r\n" % i for i in range(5)))
        backend.wait_requests()
        client.close()
        backend.wait_all_closed()
        self.assertEqual(backend.paths, ["/0"])

    def test_many_aborts_leak_nothing(self):
        backend = self.holding()
        weir = self.proxied(backend)
        for i in range(1, 41):
            client = self.client(weir).send_request(path="/slow")
            backend.wait_requests(i)
            client.reset() if i % 2 else client.close()
        backend.wait_all_closed()
        self.assertEqual(set(self.status_logged(weir, 40)), {"499"})
        self.assertEqual(self.get(weir, "/plain").text, "plain")

    def test_abort_is_no_failure_of_the_peer(self):
        backends = [self.holding(), self.holding()]
        servers = " ".join(f"server {b.address} max_fails=1 fail_timeout=600s;" for b in backends)
        weir = self.weir(f"upstream u {{ {servers} }} server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}")
        for i in range(4):
            client = self.client(weir).send_request(path="/slow")
            self.wait_until(lambda: sum(len(b.requests) for b in backends) == i + 1)
            client.close()
        for _ in range(4):
            self.assertEqual(self.get(weir, "/plain").text, "plain")
        self.assertEqual([b.paths.count("/plain") for b in backends], [2, 2])


if __name__ == "__main__":
    main()
