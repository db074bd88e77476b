#!/usr/bin/env python3
"""Empty lines between requests renew no deadline.

Seen in review: each CRLF on an idle connection counted as the beginning of a request that never came, and started the idle time anew.
"""
import time

from weirtest import Case, main


class BlankLines(Case):
    def test_client_of_empty_lines_is_late_with_its_head(self):
        weir = self.weir("server { listen <<front>>; client_header_timeout 1s; location / { return 200 ok; } }")
        client = self.client(weir)
        client.sock.settimeout(0.3)
        started = time.monotonic()
        ended = False
        while not ended and time.monotonic() - started < 6:
            try:
                client.send(b"\r\n")
                ended = client.sock.recv(1000) == b""
            except TimeoutError:
                pass
            except OSError:
                ended = True
        self.assertTrue(ended, "still open")

    def test_empty_lines_before_a_request_are_skipped(self):
        weir = self.weir("server { listen <<front>>; location / { return 200 ok; } }")
        client = self.client(weir)
        for _ in range(3):
            client.send(b"\r\n")
            self.assertEqual(client.request().text, "ok")


if __name__ == "__main__":
    main()
