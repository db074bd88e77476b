#!/usr/bin/env python3
"""A reload while a part of a head has arrived.

Seen in review: between requests a session holds no snapshot, but its codec kept a pointer to the head limits of the one it
began with: freed memory after a reload. And a session whose listener a reload had taken away looked its settings up in null,
when the rest of the head came and when the head timed out.
"""
from weirtest import Case, main

SITE = "server {{ listen <<front>>; {more} location / {{ return 200 ok; }} }}\n"
OTHER = "server { listen <<front_other>>; location / { return 200 other; } }\n"


class ReloadInsideAHead(Case):
    def half(self, weir):
        client = self.client(weir).send(b"GET /a HTTP/1.1\r\nHost: t\r\n")
        # A whole request on another connection of the same worker: the half head has been read before it is answered.
        self.assertEqual(self.get(weir).status, 200)
        return client

    def test_rest_of_the_head_is_served_by_the_new_configuration(self):
        weir = self.weir(SITE.format(more=""), workers=1)
        client = self.half(weir)
        for i in range(3):
            weir.reload(SITE.format(more=f"client_header_timeout {20 + i}s;"))
            self.assertEqual(self.get(weir).status, 200)
        self.assertEqual(client.send(b"X: y\r\n\r\n").read_response().text, "ok")

    def test_pipelined_requests_outlive_reloads(self):
        weir = self.weir(SITE.format(more=""), workers=1)
        client = self.client(weir).send(b"GET /a HTTP/1.1\r\nHost: t\r\n\r\nGET /b HT")
        self.assertEqual(client.read_response().text, "ok")
        weir.reload(SITE.format(more="client_header_timeout 20s;"))
        self.assertEqual(self.get(weir).status, 200)
        self.assertEqual(client.send(b"TP/1.1\r\nHost: t\r\n\r\n").read_response().text, "ok")

    def test_listener_is_gone_when_the_rest_comes(self):
        weir = self.weir(SITE.format(more="") + OTHER, workers=1)
        client = self.half(weir)
        weir.reload(OTHER)
        self.assertEqual(self.get(weir.names["front_other"]).text, "other")
        try:
            client.send(b"X: y\r\n\r\n")
        except OSError:
            pass
        self.assertTrue(client.closed_by_weir())
        self.assertEqual(self.get(weir.names["front_other"]).text, "other")

    def test_listener_is_gone_when_the_head_times_out(self):
        weir = self.weir(SITE.format(more="client_header_timeout 1s;") + OTHER, workers=1)
        client = self.half(weir)
        weir.reload(OTHER)
        client.read_all()
        self.assertEqual(self.get(weir.names["front_other"]).text, "other")


if __name__ == "__main__":
    main()
