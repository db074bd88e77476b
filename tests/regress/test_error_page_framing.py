#!/usr/bin/env python3
"""The status that error_page puts on a page decides about the body, not the status of the page itself.

Seen in review: `error_page 404 =204 /page` sent the page's body behind a head without one, which the client took for the next
answer; and a page that answered 304 became a 404 without any length on a connection that stayed open.
"""
from weirtest import Case, answer, main


class ErrorPageFraming(Case):
    def scene(self, reply, pages):
        backend = self.backend(reply)
        return self.proxied(backend, server=pages + " location = /missing { return 404; }")

    def test_page_with_a_body_is_not_sent_as_204(self):
        for status in (204, 304):
            weir = self.scene(lambda r: answer("page"), f"error_page 404 ={status} /page;")
            client = self.client(weir)
            for _ in range(2):
                response = client.request(path="/missing")
                self.assertEqual((response.status, response.body), (status, b""))
            self.assertEqual(client.request(path="/other").text, "page")

    def test_page_with_a_chunked_body_is_not_sent_as_204(self):
        weir = self.scene(lambda r: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\n\r\n", "error_page 404 =204 /page;")
        client = self.client(weir)
        for _ in range(2):
            response = client.request(path="/missing")
            self.assertEqual((response.status, response.has("transfer-encoding")), (204, False))
        self.assertEqual(client.request(path="/other").text, "page")

    def test_page_without_a_body_keeps_the_connection_in_step(self):
        def reply(request):
            return b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n" if request.path == "/page" else answer("other")
        weir = self.scene(reply, "error_page 404 /page;")
        client = self.client(weir)
        response = client.request(path="/missing")
        self.assertEqual((response.status, response.get("content-length"), response.until_close), (404, "0", False))
        self.assertEqual(client.request(path="/other").text, "other")


if __name__ == "__main__":
    main()
