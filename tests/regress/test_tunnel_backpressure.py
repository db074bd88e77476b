#!/usr/bin/env python3
"""Tunnels whose bytes have to be queued, and one that opens while weir drains.

Seen in review: when the bytes behind a 101 did not fit into the client's socket, the session asked the exchange for the settings
of its location, which the tunnel had just let go of: a null pointer. And what was queued for a peer that had already ended its own
direction was dropped when the client ended, too. A tunnel whose 101 came after a drain had begun heard nothing of it.
"""
import signal
import socket
import threading

from test_queued_answer import slow_client
from weirtest import Case, main

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


class TunnelBackpressure(Case):
    def test_bytes_behind_a_101_wait_for_a_slow_client(self):
        early = bytes(range(256)) * 255  # with the head not more than one read

        def script(conn):
            conn.read_request()
            conn.send(SWITCH + early)
            conn.wait_closed()
        weir = self.proxied(self.backend(script=script))
        client = slow_client(self, weir).send_request(path="/ws", headers=UPGRADE)
        self.assertEqual(client.read_response().status, 101)
        self.assertEqual(client.read(len(early)), early)

    def test_queued_bytes_reach_a_half_closed_peer(self):
        go = threading.Event()
        got = []

        def script(conn):
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            conn.read_request()
            conn.send(SWITCH)
            conn.fin()
            go.wait(20)
            got.append(conn.read_all())
        weir = self.proxied(self.backend(script=script, receive_buffer=4096))
        client = self.client(weir).send_request(path="/ws", headers=UPGRADE)
        self.assertEqual(client.read_response().status, 101)
        self.assertEqual(client.read_all(), b"")  # the peer's FIN came through
        data = bytes(range(256)) * 16384  # 4 MB
        sender = threading.Thread(target=lambda: client.send(data).fin())
        sender.start()
        go.set()
        sender.join()
        self.wait_until(lambda: got, "the backend to read all")
        self.assertEqual(len(got[0]), len(data))
        self.assertEqual(got[0], data)

    def test_tunnel_opened_during_a_drain_gets_a_close_frame(self):
        go = threading.Event()

        def script(conn):
            conn.read_request()
            go.wait(20)
            conn.send(SWITCH)
            conn.wait_closed()
        backend = self.backend(script=script)
        weir = self.proxied(backend)
        client = self.client(weir).send_request(path="/ws", headers=UPGRADE)
        idle = self.client(weir)
        backend.wait_requests()
        weir.signal(signal.SIGQUIT)
        self.assertTrue(idle.closed_by_weir())  # so the drain has begun
        go.set()
        self.assertEqual(client.read_response().status, 101)
        self.assertEqual(client.read_all()[:1], b"\x88")
        client.close()
        self.assertEqual(weir.wait_exit(), 0)


if __name__ == "__main__":
    main()
