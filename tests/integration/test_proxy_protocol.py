#!/usr/bin/env python3
"""The PROXY protocol: in from balancers in front (listen ... proxy_protocol), out to peers and their health checks."""
import socket
import struct

from weirtest import Case, answer, main
from weirtest.client import request_bytes

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TRUST = "set_real_ip_from 127.0.0.0/8; real_ip_header proxy_protocol;"
SEEN = ('add_header X-Seen "$remote_addr $remote_port $realip_remote_addr $proxy_protocol_addr $proxy_protocol_port '
        '$proxy_protocol_server_addr $proxy_protocol_server_port";')
V1 = b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n"
EXPECTED = "192.0.2.1 4711 127.0.0.1 192.0.2.1 4711 198.51.100.2 443"


def v2(source="192.0.2.1", destination="198.51.100.2", source_port=4711, port=443, tlvs=b"", command=0x21):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    said = socket.inet_pton(family, source) + socket.inet_pton(family, destination) + struct.pack(">HH", source_port, port) + tlvs
    return SIGNATURE + bytes([command, 0x21 if family == socket.AF_INET6 else 0x11]) + struct.pack(">H", len(said)) + said


def tlv(kind, value):
    return bytes([kind]) + struct.pack(">H", len(value)) + value


def read_header(connection):
    """The PROXY header that weir sent in front of everything: its lines of version 1, or its bytes of version 2."""
    head = connection.reader.take(6)
    if head == b"PROXY ":
        return head + connection.reader.until(b"\r\n")
    head += connection.reader.take(10)
    return head + connection.reader.take(struct.unpack(">H", head[14:])[0])


class Incoming(Case):
    def proxied_front(self, location="", server=TRUST, backend=None):
        backend = backend or self.backend(lambda r: answer(r.raw_head))
        return self.weir(f"upstream u {{ server {backend.address}; }}\n"
                         f"server {{ listen <<front>> proxy_protocol; {server} {SEEN} "
                         f"location / {{ proxy_pass http://u; {location} }} location /own {{ return 200 own; }} }}")

    def ask(self, weir, header, path="/own", headers=()):
        return self.client(weir).send(header + request_bytes(path=path, headers=headers)).read_response()

    def test_both_versions_name_the_client(self):
        weir = self.proxied_front()
        self.assertEqual(self.ask(weir, V1).get("X-Seen"), EXPECTED)
        self.assertEqual(self.ask(weir, v2()).get("X-Seen"), EXPECTED)
        for header in (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", v2("2001:db8::1", "2001:db8::2", 1, 2)):
            self.assertEqual(self.ask(weir, header).get("X-Seen"), "2001:db8::1 1 127.0.0.1 2001:db8::1 1 2001:db8::2 2")
        self.assertEqual([line.split()[0] for line in weir.wait_log(4)], ["192.0.2.1"] * 2 + ["2001:db8::1"] * 2)

    def test_header_names_every_request_of_its_connection(self):
        client = self.client(self.proxied_front()).send(V1 + request_bytes(path="/own") + request_bytes(path="/own"))
        for _ in range(2):
            self.assertEqual(client.read_response().get("X-Seen"), EXPECTED)
        self.assertEqual(client.request(path="/own").get("X-Seen"), EXPECTED)

    def test_header_may_come_byte_by_byte(self):
        weir = self.proxied_front()
        for header in (V1, v2(tlvs=tlv(1, b"h2"))):
            client = self.client(weir).send_pieces(header + request_bytes(path="/own"))
            self.assertEqual(client.read_response().get("X-Seen"), EXPECTED)

    def test_connections_of_the_proxy_itself_have_its_address(self):
        weir = self.proxied_front()
        for header in (b"PROXY UNKNOWN\r\n", v2(command=0x20), SIGNATURE + b"\x20\0\0\0"):
            self.assertRegex(self.ask(weir, header).get("X-Seen"), r"^127\.0\.0\.1 \d+ 127\.0\.0\.1 *$")

    def test_broken_headers_close_the_connection_unanswered(self):
        weir = self.proxied_front()
        for bad in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n", b"PROXY TCP5 \r\n", b"PROXY UNKNOWN" + b"x" * 200,
                    SIGNATURE + b"\x21\x11\x10\x01", v2(tlvs=b"\1\0\7x"), v2(command=0x31), SIGNATURE[:5] + b"x"):
            client = self.client(weir).send(bad)
            self.assertTrue(client.closed_by_weir(), bad)
        weir.wait_error("closed before its first request")
        self.assertEqual(self.ask(weir, V1).status, 200)

    def test_cut_header_ends_the_connection(self):
        weir = self.proxied_front()
        for header in (V1, v2()):
            client = self.client(weir).send(header[:-1]).fin()
            self.assertTrue(client.closed_by_weir())
        client = self.client(weir).send(V1[:9])
        client.reset()
        self.assertEqual(self.ask(weir, V1).status, 200)

    def test_header_has_the_time_of_a_head(self):
        weir = self.proxied_front(server=TRUST + " client_header_timeout 300ms;")
        self.assertTrue(self.client(weir).send(V1[:20]).closed_by_weir())
        self.assertTrue(self.client(weir).closed_by_weir())
        weir.wait_error("it took too long")

    def test_untrusted_peer_is_closed_with_a_log_line(self):
        weir = self.proxied_front(server="set_real_ip_from 10.0.0.0/8; real_ip_header proxy_protocol;")
        self.assertTrue(self.client(weir).closed_by_weir())
        weir.wait_error(r"\[warn\].*client 127\.0\.0\.1: connection refused \(it may send no PROXY header")

    def test_tlvs_are_variables(self):
        names = ("alpn", "authority", "unique_id", "ssl_verify", "ssl_version", "ssl_cn", "ssl_cipher", "ssl_sig_alg", "ssl_key_alg", "0xEA", "0x99")
        weir = self.weir(f"server {{ listen <<front>> proxy_protocol; {TRUST} location / {{ return 200 '"
                         + ",".join(f"$proxy_protocol_tlv_{name}" for name in names) + "'; } }")
        ssl = b"\7" + struct.pack(">I", 0) + tlv(0x21, b"TLSv1.3") + tlv(0x22, b"me") + tlv(0x23, b"AES") + tlv(0x24, b"RSA") + tlv(0x25, b"EC")
        tlvs = tlv(1, b"h2") + tlv(2, b"app.test") + tlv(5, b"id") + tlv(0x20, ssl) + tlv(0xEA, b"vpce-1")
        self.assertEqual(self.ask(weir, v2(tlvs=tlvs), "/").text, "h2,app.test,id,0,TLSv1.3,me,AES,RSA,EC,vpce-1,")
        self.assertEqual(self.ask(weir, V1, "/").text, ",,,,,,,,,,")

    def test_fields_that_the_client_wrote_are_not_believed(self):
        backend = self.backend(lambda r: answer(r.raw_head))
        weir = self.proxied_front(backend=backend)
        self.ask(weir, V1, "/", {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Real-IP": "6.6.6.6"})
        request = backend.requests[0]
        self.assertEqual([request.get(n) for n in ("x-forwarded-for", "x-real-ip", "x-forwarded-proto")], ["192.0.2.1", "192.0.2.1", "http"])

    def test_proxy_that_writes_fields_is_believed_as_before(self):
        backend = self.backend(lambda r: answer(r.raw_head))
        weir = self.proxied_front(backend=backend, server="set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;")
        response = self.ask(weir, V1, "/", {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
        self.assertTrue(response.get("X-Seen").startswith("203.0.113.9 "), response.get("X-Seen"))
        self.assertEqual(backend.requests[0].get("x-forwarded-for"), "203.0.113.9, 127.0.0.1")
        self.assertEqual(backend.requests[0].get("x-forwarded-proto"), "https")

    def test_unix_listener_takes_headers_too(self):
        weir = self.weir(f"server {{ listen unix:<<dir>>/front.sock proxy_protocol; set_real_ip_from unix:; real_ip_header proxy_protocol; {SEEN} "
                         "location / { return 200 own; } }")
        client = self.client(f"unix:{weir.dir}/front.sock").send(V1 + request_bytes())
        self.assertTrue(client.read_response().get("X-Seen").startswith("192.0.2.1 4711 "))

    def test_reload_switches_a_listener_over(self):
        plain = "server { listen <<front>>; location / { return 200 $remote_addr; } }"
        weir = self.weir(plain)
        kept = self.client(weir)
        self.assertEqual(kept.request().text, "127.0.0.1")
        weir.reload(f"server {{ listen <<front>> proxy_protocol; {TRUST} location / {{ return 200 $remote_addr; }} }}")
        self.assertEqual(self.ask(weir, V1, "/").text, "192.0.2.1")
        self.assertEqual(kept.request().text, "127.0.0.1", "a connection that is open says nothing any more")


class Outgoing(Case):
    def peer(self, **options):
        """Keeps the header of each connection, and answers what follows."""
        headers = []

        def script(connection):
            headers.append(read_header(connection))
            while True:
                request = connection.read_request()
                connection.send(answer(request.get("x-client", "")))
        backend = self.backend(script=script, **options)
        backend.headers = headers
        return backend

    def front(self, backend, how, server="", upstream=""):
        return self.proxied(backend, f"proxy_protocol {how};", server=server, upstream=upstream)

    def test_connections_to_peers_begin_with_the_client(self):
        for how, expected in (("on", "PROXY TCP4 127.0.0.1 {host} {source} {port}\r\n"), ("v2", None)):
            backend = self.peer()
            weir = self.front(backend, how)
            client = self.client(weir)
            source = client.sock.getsockname()[1]
            host, port = weir.front.rsplit(":", 1)
            self.assertEqual(client.request().status, 200)
            wanted = expected.format(host=host, source=source, port=port).encode() if expected else v2("127.0.0.1", host, source, int(port))
            self.assertEqual(backend.headers, [wanted])

    def test_address_behind_a_trusted_proxy_is_announced(self):
        backend = self.peer()
        weir = self.front(backend, "on", server="set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;")
        self.get(weir, headers={"X-Forwarded-For": "203.0.113.9"})
        self.assertTrue(backend.headers[0].startswith(b"PROXY TCP4 203.0.113.9 "), backend.headers)

    def test_announced_connection_is_announced_onwards(self):
        backend = self.peer()
        weir = self.weir(f"upstream u {{ server {backend.address}; }} server {{ listen <<front>> proxy_protocol; {TRUST} "
                         "location / { proxy_pass http://u; proxy_protocol on; } location /six { proxy_pass http://u; proxy_protocol v2; } }")
        self.client(weir).send(V1 + request_bytes()).read_response()
        self.client(weir).send(v2("2001:db8::1", "2001:db8::2") + request_bytes(path="/six")).read_response()
        self.assertEqual(backend.headers, [V1, v2("2001:db8::1", "2001:db8::2")])

    def test_connection_serves_one_request_and_no_other_client(self):
        backend = self.peer()
        weir = self.front(backend, "on")
        client = self.client(weir)
        for number in range(3):
            self.assertEqual(client.request(headers={"X-Client": str(number)}).text, str(number))
        self.assertEqual(len(backend.connections), 3)
        self.assertEqual(len({h for h in backend.headers}), 1, "one client, one header")
        self.assertTrue(all(r.get("connection") == "close" for r in backend.requests))
        backend.wait_all_closed()

    def test_idle_connections_of_other_locations_are_not_used(self):
        first_bytes = []

        def script(connection):
            head = connection.reader.take(6)
            first_bytes.append(head)
            if head == b"PROXY ":
                connection.reader.until(b"\r\n")
                connection.send(answer("announced") if connection.read_request() else b"")
            else:
                connection.reader.until(b"\r\n\r\n")
                connection.send(answer("plain"))
                connection.reader.rest()
        backend = self.backend(script=script)
        weir = self.weir(f"upstream u {{ server {backend.address}; }} server {{ listen <<front>>; location / {{ proxy_pass http://u; }} "
                         "location /announced { proxy_pass http://u; proxy_protocol on; } }")
        self.assertEqual(self.get(weir).text, "plain")
        self.assertEqual(self.get(weir, "/announced").text, "announced")
        self.assertEqual(first_bytes, [b"GET / ", b"PROXY "])

    def test_retry_announces_the_client_again(self):
        dead = self.backend(script=lambda connection: (read_header(connection), connection.reset()))
        alive = self.peer()
        weir = self.weir(f"upstream u {{ server {dead.address}; server {alive.address} backup; }} "
                         "server { listen <<front>>; proxy_protocol v2; location / { proxy_pass http://u; } }")
        client = self.client(weir)
        self.assertEqual(client.request().status, 200)
        self.assertEqual(alive.headers[0][:14], SIGNATURE + b"\x21\x11")

    def test_unix_client_is_unknown(self):
        backend = self.peer()
        weir = self.weir(f"server {{ listen unix:<<dir>>/front.sock; location / {{ proxy_pass http://{backend.address}; proxy_protocol on; }} "
                         f"location /two {{ proxy_pass http://{backend.address}; proxy_protocol v2; }} }}")
        self.get(f"unix:{weir.dir}/front.sock")
        self.get(f"unix:{weir.dir}/front.sock", "/two")
        self.assertEqual(backend.headers, [b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x21\0\0\0"])

    def test_websocket_is_announced_and_tunnelled(self):
        def script(connection):
            self.seen = read_header(connection)
            request = connection.read_head()
            connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"Sec-WebSocket-Accept: x\r\n\r\n" + b"hello" if request.has("upgrade") else b"")
            connection.reader.rest()
        backend = self.backend(script=script)
        weir = self.front(backend, "on")
        client = self.client(weir).send_request(headers={"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "x",
                                                         "Sec-WebSocket-Version": "13"})
        client.read_until(b"\r\n\r\n")
        self.assertEqual(client.read(5), b"hello")
        self.assertTrue(self.seen.startswith(b"PROXY TCP4 127.0.0.1 "))

    def test_health_checks_announce_a_local_connection(self):
        for how, local in (("on", b"PROXY UNKNOWN\r\n"), ("v2", SIGNATURE + b"\x20\0\0\0")):
            backend = self.peer()
            self.front(backend, how, upstream="health_check interval=100ms jitter=0;")
            backend.wait_requests(2)
            self.assertEqual(set(backend.headers), {local})

    def test_kept_connection_of_a_check_has_one_header(self):
        backend = self.peer()
        self.front(backend, "on", upstream="health_check interval=100ms jitter=0 keepalive_time=60s;")
        backend.wait_requests(3)
        self.assertEqual(backend.headers, [b"PROXY UNKNOWN\r\n"])

    def test_check_of_another_port_has_no_header(self):
        health, backend = self.backend(), self.peer()
        host, port = health.address.rsplit(":", 1)
        self.front(backend, "on", upstream=f"health_check interval=100ms jitter=0 port={port};")
        health.wait_requests(2)
        self.assertEqual(backend.headers, [])


if __name__ == "__main__":
    main()
