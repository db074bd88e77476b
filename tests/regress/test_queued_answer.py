#!/usr/bin/env python3
"""What is queued for a slow client reaches it, whatever ends meanwhile.

Seen in review: a keep-alive connection whose last answer was still queued crashed weir when the client had half-closed (or a
drain had begun) before, and lost the rest of that answer to a later FIN, to keepalive_timeout or to lingering_timeout. Those
waited for the next request or for unread input while the queue still had bytes.
"""
import signal
import socket
import time

from weirtest import Case, answer, main
from weirtest.client import Client
from weirtest.message import Reader


def slow_client(case, weir) -> Client:
    """A client whose connection holds little: small segments keep weir's send buffer small, too."""
    client = Client.__new__(Client)
    host, _, port = weir.front.rpartition(":")
    client.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    client.sock.settimeout(20)
    client.sock.connect((host, int(port)))
    client.reader = Reader(client.sock)
    case.hold(client)
    return client


BODY = bytes(range(256)) * 600  # 150 KB: more than the kernel takes, less than weir holds


class QueuedAnswer(Case):
    def test_half_closed_client_gets_a_large_answer_whole(self):
        weir = self.proxied(self.backend(lambda r: answer(BODY * 10)), location="proxy_ignore_client_abort on;")
        client = slow_client(self, weir).send_request().fin()
        self.assertEqual(len(client.read_response().body), len(BODY) * 10)
        self.assertTrue(client.closed_by_weir())

    def test_fin_behind_a_queued_answer_does_not_cut_it(self):
        weir = self.proxied(self.backend(lambda r: answer(BODY)))
        client = slow_client(self, weir).send_request()
        weir.wait_log(1)  # the exchange is over, its answer is queued
        client.fin()
        self.assertEqual(client.read_response().body, BODY)
        self.assertTrue(client.closed_by_weir())

    def test_keepalive_timeout_starts_behind_the_answer(self):
        weir = self.proxied(self.backend(lambda r: answer(BODY)), server="keepalive_timeout 1s;")
        client = slow_client(self, weir).send_request()
        weir.wait_log(1)
        with self.assertRaises(AssertionError):  # nothing may end in this time
            self.wait_until(lambda: "no connection" in weir.errors(), "", deadline=2.5)
        self.assertEqual(client.read_response().body, BODY)
        self.assertTrue(client.closed_by_weir())

    def test_lingering_timeout_starts_behind_the_answer(self):
        """An early answer, whose client is slow to take it."""
        def script(conn):
            conn.read_head()
            conn.send(answer(BODY, status=413))
            conn.wait_closed()
        weir = self.proxied(self.backend(script=script), server="lingering_timeout 500ms; lingering_time 1s;",
                            location="client_max_body_size 0;")
        client = slow_client(self, weir).send_request("POST", headers=[("Content-Length", "100000000")])
        client.send(b"x" * 70000)
        weir.wait_log(1)
        started = time.monotonic()
        self.wait_until(lambda: time.monotonic() - started > 2.5, "")
        response = client.read_response()
        self.assertEqual((response.status, response.body), (413, BODY))

    def test_drain_waits_for_a_queued_answer(self):
        weir = self.proxied(self.backend(lambda r: answer(BODY)))
        client = slow_client(self, weir).send_request()
        weir.wait_log(1)
        weir.signal(signal.SIGQUIT)
        started = time.monotonic()
        self.wait_until(lambda: time.monotonic() - started > 2.5, "")
        self.assertEqual(client.read_response().body, BODY)
        self.assertTrue(client.closed_by_weir())
        self.assertEqual(weir.wait_exit(), 0)


if __name__ == "__main__":
    main()
