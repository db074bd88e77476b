#!/usr/bin/env python3
"""proxy_buffering: a node is free while a slow client reads its answer, and what weir holds is bounded."""
import socket

from weirtest import Case, answer, main
from weirtest.client import Client
from weirtest.message import Reader

BODY = bytes(range(256)) * 3600  # 900 KB: more than the kernel takes of a slow client's, less than weir holds
CHUNK = 16 * 1024
STREAMED = 128 * 1024


class Buffered(Case):
    def slow_client(self, weir) -> Client:
        """Small segments keep weir's send buffer small, too."""
        client = Client.__new__(Client)
        host, _, port = weir.front.rpartition(":")
        client.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        client.sock.settimeout(20)
        client.sock.connect((host, int(port)))
        client.reader = Reader(client.sock)
        return self.hold(client)

    def inflight(self, weir) -> float:
        return weir.metric("weir_upstream_inflight", upstream="u")

    def buffered(self, weir) -> float:
        return weir.metric("weir_buffered_bytes")

    def wait_for_pause(self, weir, least: int) -> None:
        self.wait_until(lambda: self.buffered(weir) >= least, f"{least} bytes to be held")

    def streams(self, fields=(), **options):
        """That weir holds no more of the answer than it streams, and its node is not free."""
        weir = self.proxied(self.backend(lambda r: answer(BODY, headers=fields)), **options)
        client = self.slow_client(weir).send_request()
        self.wait_for_pause(weir, STREAMED)
        self.assertLess(self.buffered(weir), STREAMED + 6 * CHUNK)
        self.assertEqual(self.inflight(weir), 1)
        self.assertEqual(client.read_response().body, BODY)
        self.wait_until(lambda: self.inflight(weir) == 0, "the node to be free")


class Nodes(Buffered):
    def test_slow_client_holds_no_node(self):
        backend = self.backend(lambda r: answer(BODY))
        weir = self.proxied(backend)
        clients = [self.slow_client(weir).send_request() for _ in range(3)]
        weir.wait_log(3)
        self.assertEqual(self.inflight(weir), 0)
        self.assertGreater(self.buffered(weir), len(BODY))
        self.assertEqual(self.get(weir).body, BODY)
        self.assertLessEqual(len(backend.connections), 3)
        for client in clients:
            self.assertEqual(client.read_response().body, BODY)
        self.wait_until(lambda: self.buffered(weir) == 0, "all to have gone out")

    def test_proxy_buffering_off_streams(self):
        self.streams(location="proxy_buffering off;")

    def test_node_has_its_answer_streamed(self):
        self.streams(fields=[("X-Accel-Buffering", "no")])

    def test_node_has_its_answer_buffered(self):
        weir = self.proxied(self.backend(lambda r: answer(BODY, headers=[("X-Accel-Buffering", "yes")])), location="proxy_buffering off;")
        client = self.slow_client(weir).send_request()
        weir.wait_log(1)
        self.assertEqual(self.inflight(weir), 0)
        self.assertEqual(client.read_response().body, BODY)

    def test_answer_that_its_connection_ends_frees_the_node(self):
        def script(conn):
            conn.read_head()
            conn.send(b"HTTP/1.0 200 OK\r\n\r\n" + BODY)
            conn.close()
        weir = self.proxied(self.backend(script=script))
        client = self.slow_client(weir).send_request()
        weir.wait_log(1)
        self.assertEqual(self.inflight(weir), 0)
        self.assertEqual(client.read_response().body, BODY)

    def test_node_that_fails_midway_cuts_the_answer(self):
        def script(conn):
            conn.read_head()
            conn.send(answer(BODY)[:len(BODY) // 2])
            conn.close()
        weir = self.proxied(self.backend(script=script))
        client = self.slow_client(weir).send_request()
        weir.wait_log(1)
        self.assertEqual(self.inflight(weir), 0)
        data = client.read_all()
        self.assertTrue(data.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertLess(len(data), len(BODY))


class Memory(Buffered):
    def test_answer_holds_no_more_than_its_buffers(self):
        weir = self.proxied(self.backend(lambda r: answer(BODY)), location="proxy_buffers 4 64k; proxy_buffer_size 32k;")
        most = (4 * 64 + 32) * 1024
        client = self.slow_client(weir).send_request()
        self.wait_for_pause(weir, most)
        self.assertLess(self.buffered(weir), most + 2 * CHUNK)
        self.assertEqual(self.inflight(weir), 1)
        self.assertEqual(client.read_response().body, BODY)

    def test_all_answers_together_are_bounded(self):
        weir = self.proxied(self.backend(lambda r: answer(BODY)), http="proxy_buffers_memory 1m;")
        clients = [self.slow_client(weir).send_request() for _ in range(6)]
        self.wait_until(lambda: weir.metric("weir_buffers_full_total") >= 4, "answers to wait for memory")
        self.assertLess(self.buffered(weir), 1024 * 1024 + 6 * (64 * 1024 + 2 * CHUNK))
        for client in clients:
            self.assertEqual(client.read_response().body, BODY)


if __name__ == "__main__":
    main()
