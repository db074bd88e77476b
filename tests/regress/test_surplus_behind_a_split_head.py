#!/usr/bin/env python3
"""Bytes behind a response never end up inside it.

Seen in review: the rest of a head that came in two reads was kept in a buffer, whose front was cut off before the body
behind the head had been sent on; bytes beyond the response then moved over the body.
"""
import time

from weirtest import Case, main


class SurplusBehindASplitHead(Case):
    def test_surplus_does_not_overwrite_the_body(self):
        body, surplus = b"b" * 3000, b"s" * 20000

        def script(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Le")
            started = time.monotonic()
            while time.monotonic() - started < 0.3:  # until weir has read the first half
                pass
            conn.send(b"ngth: 3000\r\n\r\n" + body + surplus)
            conn.wait_closed()
        weir = self.proxied(self.backend(script=script))
        self.assertEqual(self.get(weir).body, body)


if __name__ == "__main__":
    main()
