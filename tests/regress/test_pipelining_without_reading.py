#!/usr/bin/env python3
"""A client that pipelines requests for ever and reads no answer costs a bounded amount of memory.

Seen in review: answers of weir's own were queued without bound, as an idle connection was always read; and each pipelined
request of one read had an exchange of its own until the turn ended.
"""
import select
import socket

from weirtest import Case, main

ONE = b"GET /a HTTP/1.1\r\nHost: t\r\n\r\n"


class PipeliningWithoutReading(Case):
    def test_client_that_does_not_read_is_not_read(self):
        weir = self.weir("server { listen <<front>>; keepalive_requests 100000000; location / { return 200 0123456789; } }", workers=1)
        client = self.client(weir, receive_buffer=4096)
        client.sock.setblocking(False)
        data = ONE * 4096
        sent, blocked_since = 0, None
        while sent < 48 * 1024 * 1024:
            _, writable, _ = select.select([], [client.sock], [], 1.0)
            if not writable:
                break  # a second without progress
            sent += client.sock.send(data[sent % len(ONE):])
        self.assertLess(sent, 32 * 1024 * 1024, "weir reads on and on")
        # All that was sent is answered once the client reads.
        client.sock.setblocking(True)
        client.sock.settimeout(20)
        for _ in range(sent // len(ONE) // 8):
            self.assertEqual(client.read_response().text, "0123456789")

    def test_pipelined_requests_share_one_exchange(self):
        weir = self.weir("server { listen <<front>>; location / { return 200 0123456789; } }", workers=1)
        self.assertEqual(self.get(weir).status, 200)
        before = int(weir.status("VmHWM").split()[0])
        client = self.client(weir)
        burst = ONE * 2000
        for _ in range(4):
            client.send(burst)
            for _ in range(2000):
                self.assertEqual(client.read_response().text, "0123456789")
        self.assertLess(int(weir.status("VmHWM").split()[0]) - before, 24 * 1024, "KB")


if __name__ == "__main__":
    main()
