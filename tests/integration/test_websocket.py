#!/usr/bin/env python3
"""WebSocket upgrades: a tunnel opens after the backend's 101 and not before; everything else stays HTTP."""
import hashlib
import signal
import threading
import time

from weirtest import Case, answer, closed_port, main

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


def text_frame(text: bytes) -> bytes:
    """An unmasked text frame, as a server sends it."""
    return bytes([0x81, len(text)]) + text


class WebSocket(Case):
    def echoing(self, greeting: bytes = b""):
        def script(conn):
            conn.read_request()
            conn.send(SWITCH + greeting)
            while data := conn.sock.recv(65536):
                conn.received.extend(data)
                conn.send(data)
        return self.backend(script=script)

    def opened(self, weir, **options):
        client = self.client(weir, **options).send_request(path="/ws", headers=UPGRADE)
        response = client.read_response()
        self.assertEqual(response.status, 101)
        self.assertEqual(response.get("upgrade").lower(), "websocket")
        self.assertIn("upgrade", response.tokens("connection"))
        return client

    def test_upgrade_needs_no_configuration_and_bytes_flow_both_ways(self):
        backend = self.echoing()
        weir = self.proxied(backend)
        client = self.opened(weir)
        request = backend.requests[0]
        self.assertEqual((request.get("upgrade"), request.tokens("connection")), ("websocket", ["upgrade"]))
        self.assertEqual(request.get("Sec-WebSocket-Key"), "dGhlIHNhbXBsZSBub25jZQ==")
        self.assertIn(("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), request.headers, "the case is kept")
        for message in (b"ping", bytes(range(256)), b"\r\n\r\nGET / HTTP/1.1\r\n\r\n"):
            self.assertEqual(client.send(message).read(len(message)), message)

    def test_bytes_behind_the_101_head_are_not_lost(self):
        weir = self.proxied(self.echoing(greeting=text_frame(b"welcome")))
        client = self.opened(weir)
        self.assertEqual(client.read(9), text_frame(b"welcome"))

    def test_early_bytes_wait_for_the_101(self):
        seen_before = []

        def script(conn):
            conn.read_request()
            seen_before.append(conn.reader.buffer)
            go.wait(20)
            seen_before.append(conn.reader.buffer)
            conn.send(SWITCH)
            conn.send(conn.reader.take(5))
            conn.wait_closed()
        go = threading.Event()
        backend = self.backend(script=script)
        weir = self.proxied(backend)
        client = self.client(weir).send_request(path="/ws", headers=UPGRADE)
        client.send(b"early")
        backend.wait_requests()
        go.set()
        self.assertEqual(client.read_response().status, 101)
        self.assertEqual(client.read(5), b"early")
        self.assertEqual(seen_before, [b"", b""])

    def test_second_request_behind_an_upgrade_is_not_smuggled(self):
        """Pipelined behind an upgrade that is refused, it is a request of its own; behind a 101 it is the tunnel's."""
        backend = self.backend(lambda r: answer("plain " + r.path))
        weir = self.proxied(backend)
        client = self.client(weir).send_request(path="/ws", headers=UPGRADE)
        client.send(b"GET /second HTTP/1.1\r\nHost: t\r\n\r\n")
        self.assertEqual(client.read_response().text, "plain /ws")
        first = backend.connections[0]
        self.assertNotIn(b"/second", bytes(first.received).split(b"\r\n\r\n")[0])
        rest = client.fin().read_all() if not client.reader.buffer else client.read_response().body
        self.assertTrue(rest == b"" or b"plain /second" in rest)

    def test_refused_upgrades_are_plain_answers(self):
        for status in (200, 400, 403, 426, 503):
            with self.subTest(status):
                backend = self.backend(lambda r: answer("no", status=status))
                weir = self.proxied(backend)
                client = self.client(weir).send_request(headers=UPGRADE)
                response = client.read_response()
                self.assertEqual((response.status, response.body), (status, b"no"))
                self.assertFalse(response.has("upgrade") and response.status == 200)

    def test_101_without_matching_fields_is_no_tunnel(self):
        for head in (b"", b"Upgrade: h2c\r\nConnection: Upgrade\r\n", b"Upgrade: websocket\r\n", b"Connection: Upgrade\r\n"):
            with self.subTest(head):
                def script(conn):
                    conn.read_request()
                    conn.send(b"HTTP/1.1 101 Switching Protocols\r\n" + head + b"\r\n")
                    conn.wait_closed()
                weir = self.proxied(self.backend(script=script))
                client = self.client(weir).send_request(headers=UPGRADE)
                self.assertEqual(client.read_response().status, 502)

    def test_other_upgrade_tokens_are_dropped_and_served_plainly(self):
        for upgrade in ("h2c", "TLS/1.0", "foo", "h2c, foo"):
            with self.subTest(upgrade):
                backend = self.backend(lambda r: answer("plain"))
                weir = self.proxied(backend)
                response = self.get(weir, headers=[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", upgrade), ("HTTP2-Settings", "AAMAAABkAAQAAP__")])
                self.assertEqual(response.text, "plain")
                request = backend.requests[0]
                self.assertFalse(request.has("upgrade"))
                self.assertFalse(request.has("http2-settings"))

    def test_upgrade_is_tried_once_and_ejects_no_peer(self):
        """NocoBase's nodes destroy the socket of an upgrade they do not like: that is no failure of the node."""
        def script(conn):
            while True:
                request = conn.read_request()
                if request.has("upgrade"):
                    return
                conn.send(answer("fine"))
        backends = [self.backend(script=script) for _ in range(3)]
        servers = " ".join(f"server {b.address};" for b in backends)
        weir = self.weir(f"upstream u {{ {servers} }} server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}")
        for _ in range(6):
            client = self.client(weir).send_request(path="/other", headers=UPGRADE)
            self.assertEqual(client.read_response().status, 502)
        self.assertEqual(sum(len(b.requests) for b in backends), 6)
        for _ in range(6):
            self.assertEqual(self.get(weir).text, "fine")
        self.assertTrue(all(any(not r.has("upgrade") for r in b.requests) for b in backends))

    def test_refused_connect_still_finds_another_peer_for_an_upgrade(self):
        holder, refused = closed_port()
        self.hold(holder)
        weir = self.weir(f"""upstream u {{ server {refused}; server {self.echoing().address}; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}""")
        client = self.opened(weir)
        self.assertEqual(client.send(b"x").read(1), b"x")

    def test_end_of_either_side_ends_the_tunnel(self):
        backend = self.echoing()
        weir = self.proxied(backend)
        client = self.opened(weir)
        client.close()
        self.wait_until(lambda: backend.connections[0].ended.is_set(), "the backend's side to close")
        for end in ("close", "reset"):
            def script(conn):
                conn.read_request()
                conn.send(SWITCH)
                conn.reader.take(1)
                conn.close() if end == "close" else conn.reset()
            client = self.opened(self.proxied(self.backend(script=script)))
            client.send(b"x")
            self.assertEqual(client.read_all(), b"")

    def test_each_direction_closes_alone(self):
        """After the client's FIN the backend may still say its last words."""
        def script(conn):
            conn.read_request()
            conn.send(SWITCH)
            data = conn.read_all()
            conn.send(b"got " + data)
        weir = self.proxied(self.backend(script=script))
        client = self.opened(weir)
        client.send(b"all").fin()
        self.assertEqual(client.read_all(), b"got all")

    def test_large_amounts_pass_through_a_tunnel(self):
        weir = self.proxied(self.echoing())
        client = self.opened(weir)
        data = hashlib.shake_128(b"weir").digest(8 << 20)
        sender = threading.Thread(target=lambda: client.sock.sendall(data), daemon=True)
        sender.start()
        self.assertEqual(hashlib.sha256(client.read(len(data))).digest(), hashlib.sha256(data).digest())
        sender.join(20)

    def test_tunnel_outlives_short_read_timeouts_and_ends_with_its_own(self):
        backend = self.echoing()
        weir = self.proxied(backend, "proxy_read_timeout 1s; proxy_send_timeout 1s; proxy_tunnel_timeout 3s;")
        client = self.opened(weir)
        opened = time.monotonic()
        self.assertEqual(client.read_all(), b"", "idle for its limit, the tunnel closes")
        self.assertGreater(time.monotonic() - opened, 1.5)
        self.wait_until(lambda: backend.connections[0].ended.is_set(), "the backend's side to close")

    def test_tunnel_survives_a_reload(self):
        weir = self.proxied(self.echoing())
        client = self.opened(weir)
        weir.reload()
        self.assertEqual(client.send(b"still here").read(10), b"still here")

    def test_draining_closes_a_tunnel_with_a_close_frame(self):
        backend = self.echoing()
        weir = self.proxied(backend)
        client = self.opened(weir)
        self.assertEqual(client.send(text_frame(b"hi")).read(4), text_frame(b"hi"))
        weir.signal(signal.SIGQUIT)
        frame = client.read(4)
        self.assertEqual(frame[0], 0x88, "a close frame")
        self.assertIn(int.from_bytes(frame[2:4], "big"), (1001, 1012))
        client.close()
        self.assertEqual(weir.wait_exit(), 0)

    def test_access_log_has_one_line_for_a_tunnel(self):
        weir = self.proxied(self.echoing())
        client = self.opened(weir)
        client.send(b"abc").read(3)
        client.close()
        line, = weir.wait_log(1)
        self.assertIn('"GET /ws HTTP/1.1" 101 ', line)


if __name__ == "__main__":
    main()
