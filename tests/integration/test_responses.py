#!/usr/bin/env python3
"""Hostile and broken answers of a backend: never believed, never mixed up, and a client always sees that something is missing."""
import socket
import threading

from weirtest import Case, Closed, Truncated, answer, main

OK = b"HTTP/1.1 200 OK\r\n"


class Broken(Case):
    def through(self, raw: bytes, method: str = "GET", end: str = "fin", location: str = ""):
        """What the client gets when the backend answers `raw` and then ends the connection (or waits)."""
        def script(conn):
            conn.read_request()
            conn.send(raw)
            if end == "reset":
                conn.reset()
            elif end == "wait":
                conn.wait_closed()
        backend = self.backend(script=script)
        weir = self.proxied(backend, location)
        client = self.client(weir).send_request(method, body=b"x" if method == "POST" else None)
        return client.read_response(method)

    def test_malformed_heads_are_502(self):
        for name, raw in {
            "garbage": b"\x00\x01\x02 garbage\r\n\r\n",
            "other protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "TE and CL": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
            "two lengths": OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "bad length": OK + b"Content-Length: +3\r\n\r\nabc",
            "empty length": OK + b"Content-Length: \r\n\r\nabc",
            "huge length": OK + b"Content-Length: 99999999999999999999\r\n\r\nabc",
            "unknown coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "two codings": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "obs-fold": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
            "bare CR in a value": OK + b"X: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
            "NUL in a value": OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
            "space before colon": OK + b"Content-Length : 0\r\n\r\n",
            "empty name": OK + b": x\r\nContent-Length: 0\r\n\r\n",
            "status 99": b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
            "status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
            "status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            "no version": b"200 OK\r\nContent-Length: 0\r\n\r\n",
            "endless header": OK + b"X: " + b"a" * 500_000,
            "endless headers": OK + b"X: a\r\n" * 50_000,
        }.items():
            with self.subTest(name):
                response = self.through(raw)
                self.assertEqual(response.status, 502)
                self.assertNotIn(b"garbage", response.body)

    def test_no_answer_at_all_is_502(self):
        for end in ("fin", "reset"):
            with self.subTest(end):
                self.assertEqual(self.through(b"", "POST", end).status, 502)

    def test_cut_head_is_502(self):
        for end in ("fin", "reset"):
            with self.subTest(end):
                self.assertEqual(self.through(OK + b"Content-Le", "POST", end).status, 502)

    def test_short_body_is_seen_as_short(self):
        for end in ("fin", "reset"):
            with self.subTest(end), self.assertRaises(Truncated) as cut:
                self.through(OK + b"Content-Length: 100\r\n\r\nonly this", end=end)
            self.assertIn(cut.exception.partial, (b"only this", b"") if end == "reset" else (b"only this",))

    def test_chunked_body_without_final_chunk_gets_none_from_weir(self):
        for tail in (b"5\r\nhello\r\n", b"5\r\nhel", b"5\r\nhello\r\n0\r\n"):
            for end in ("fin", "reset"):
                with self.subTest(tail=tail, end=end), self.assertRaises(Truncated) as cut:
                    self.through(OK + b"Transfer-Encoding: chunked\r\n\r\n" + tail, end=end)
                self.assertTrue(b"hello".startswith(cut.exception.partial))

    def test_bad_chunk_inside_a_body_cuts_it(self):
        for bad in (b"zz\r\n", b"0x5\r\nhello\r\n", b"5\n\nhello\r\n", b"5\r\nhelloXX", b"fffffffffffffffff\r\n"):
            with self.subTest(bad):
                go = threading.Event()

                def script(conn):
                    conn.read_request()
                    conn.send(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
                    go.wait(20)
                    conn.send(bad)
                    conn.wait_closed()
                backend = self.backend(script=script)
                client = self.client(self.proxied(backend)).send_request()
                client.read_until(b"abc\r\n")
                go.set()
                self.assertNotIn(b"0\r\n\r\n", client.read_all(), "no final chunk: the client sees that something is missing")
                backend.wait_all_closed()

    def test_bad_chunk_before_the_first_sent_byte_is_502(self):
        response = self.through(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", end="wait")
        self.assertEqual(response.status, 502)

    def test_forbidden_bodies_are_not_forwarded(self):
        for method, head in (("HEAD", OK + b"Content-Length: 5\r\n\r\n"), ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
                             ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")):
            with self.subTest(head=head):
                replies = iter([head + b"EVIL!" + OK + b"\r\n", answer("good")])
                weir = self.proxied(self.backend(lambda r: next(replies)))
                client = self.client(weir).send_request(method)
                first = client.read_response(method)
                self.assertIn(first.status, (200, 204, 304))
                if first.keep_alive:
                    second = client.request()
                    self.assertEqual(second.body, b"good")
                else:
                    self.assertTrue(client.closed_by_weir())

    def test_unrequested_101_is_502(self):
        self.assertEqual(self.through(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", end="wait").status, 502)

    def test_storm_of_interim_answers_is_502(self):
        try:
            response = self.through(b"HTTP/1.1 102 Processing\r\n\r\n" * 3000 + answer("x"), end="wait")
        except (Closed, Truncated):
            return  # interim answers had gone out already: cut is right too
        self.assertEqual(response.status, 502)

    def test_many_interim_answers_pass(self):
        response = self.through(b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 40 + answer("x"), end="wait")
        self.assertEqual((response.status, len(response.interim)), (200, 40))

    def test_http10_answer_until_close_passes(self):
        response = self.through(b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nbody")
        self.assertEqual((response.status, response.version, response.body, response.get("x")), (200, "HTTP/1.1", b"body", "y"))

    def test_head_split_at_every_byte_is_read(self):
        raw = OK + b"X-A: b\r\nContent-Length: 5\r\n\r\nhello"

        def script(conn):
            while True:
                conn.read_request()
                for i in range(len(raw)):
                    conn.send(raw[i:i + 1])
        weir = self.proxied(self.backend(script=script))
        client = self.client(weir)
        for _ in range(3):
            self.assertEqual(client.request().body, b"hello")


class Pollution(Case):
    """A byte of one answer must never be taken for another's."""

    def test_surplus_bytes_close_the_connection_and_reach_no_client(self):
        def script(conn):
            conn.read_request()
            conn.send(answer("first") + answer("POISON"))
            conn.wait_closed()
        backend = self.backend(script=script)
        weir = self.proxied(backend)
        for i in range(5):
            response = self.get(weir)
            self.assertEqual(response.body, b"first")
        self.assertEqual([len(c.requests) for c in backend.connections], [1] * 5, "no connection is used twice")
        backend.wait_all_closed()

    def test_bytes_on_an_idle_connection_close_it(self):
        spoken = []

        def script(conn):
            while True:
                conn.read_request()
                conn.send(answer("good"))
                if not spoken:
                    spoken.append(conn)
                    go.acquire()
                    conn.send(answer("POISON"))
                    conn.wait_closed()
                    done.release()
        go, done = threading.Semaphore(0), threading.Semaphore(0)
        backend = self.backend(script=script)
        weir = self.proxied(backend)
        self.assertEqual(self.get(weir).body, b"good")
        go.release()
        self.assertTrue(done.acquire(timeout=20), "weir closes the connection that spoke unasked")
        self.assertEqual(self.get(weir).body, b"good")
        self.assertEqual(len(backend.connections), 2)

    def test_connection_close_of_the_backend_is_heeded(self):
        backend = self.backend(lambda r: answer("x", headers={"Connection": "close"}))
        weir = self.proxied(backend)
        client = self.client(weir)
        for _ in range(3):
            response = client.request()
            self.assertEqual(response.status, 200)
            self.assertTrue(response.keep_alive, "the client's connection is another matter")
        self.assertEqual([len(c.requests) for c in backend.connections], [1, 1, 1])


class Early(Case):
    """The answer comes before the request has ended."""

    def test_early_answer_reaches_the_client_and_nothing_is_reused(self):
        def script(conn):
            conn.read_head()
            conn.send(answer("too big", status=413))
            conn.wait_closed()
        backend = self.backend(script=script)
        weir = self.proxied(backend)
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 50000000\r\n\r\n" + b"x" * 200_000)
        response = client.read_response()
        self.assertEqual((response.status, response.body), (413, b"too big"))
        self.assertFalse(response.keep_alive)
        backend.wait_all_closed()
        client.fin()
        self.assertEqual(client.read_all(), b"")

    def test_early_answer_is_read_by_a_client_that_sends_on(self):
        """The client sees the answer, not a reset, though it is still sending when it comes."""
        def script(conn):
            conn.read_head()
            conn.send(answer("no", status=401)).fin()
            conn.read_all()
        weir = self.proxied(self.backend(script=script))
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n")
        client.send_pieces(b"x" * 3_000_000, 65536)
        self.assertEqual(client.read_response().status, 401)

    def test_early_answer_survives_a_backend_that_closes_at_once(self):
        """Closing with unread input sends a RST behind the answer: writing fails, what was answered is still there to read."""
        def script(conn):
            conn.read_head()
            conn.send(answer("no", status=401, headers={"Connection": "close"}))
            conn.close()
        weir = self.proxied(self.backend(script=script))
        for _ in range(5):
            client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n")
            client.send_pieces(b"x" * 3_000_000, 65536)
            self.assertEqual(client.read_response().status, 401)

    def test_answer_may_end_while_the_body_is_paused(self):
        """A long answer and a long body at the same time, neither side reading before it has written: no standstill."""
        def script(conn):
            request = conn.read_head()
            conn.send(OK + b"Content-Length: 2000000\r\n\r\n" + b"y" * 2_000_000)
            conn.read_body(request)
            conn.wait_closed()
        weir = self.proxied(self.backend(script=script))
        client = self.client(weir).send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 200000\r\n\r\n")
        client.send(b"x" * 200_000)
        self.assertEqual(len(client.read_response().body), 2_000_000)


class SlowReaders(Case):
    def test_slow_client_holds_the_backend_back(self):
        """With a client that does not read, weir takes only what it may hold, and gives the rest once the client reads."""
        size = 32 * 1024 * 1024
        sent = []

        def script(conn):
            conn.read_request()
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            conn.send(OK + f"Content-Length: {size}\r\n\r\n".encode())
            block = b"z" * 65536
            for _ in range(size // len(block)):
                conn.send(block)
                sent.append(len(block))
            conn.wait_closed()
        weir = self.proxied(self.backend(script=script))
        client = self.client(weir, receive_buffer=65536).send_request()
        response = client.read_response(head_only=True)
        self.assertEqual(response.get("content-length"), str(size))
        # Twenty looks without progress; too early a look would only make the number below smaller.
        still = [0, 0]

        def at_rest():
            still[0], still[1] = (still[0] + 1, still[1]) if still[1] == len(sent) else (0, len(sent))
            return still[0] > 20
        self.wait_until(at_rest, "the backend to be held back")
        self.assertLess(sum(sent), 24 * 1024 * 1024)
        total = len(client.reader.buffer)
        client.reader.buffer = b""
        while total < size and client.reader.fill():
            total += len(client.reader.buffer)
            client.reader.buffer = b""
        self.assertEqual(total, size)


if __name__ == "__main__":
    main()
