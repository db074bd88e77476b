#!/usr/bin/env python3
"""TLS towards peers: who is believed and who is not, what is sent, sessions, the pool, checks, tunnels; peers are Python's ssl."""
import hashlib
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading

from weirtest import Case, Truncated, answer, main
from weirtest.certificates import Certificate, openssl
from weirtest.dns import Dns
from weirtest.weir import run

REASON = "log_format reason '$uri $status $upstream_reason'; access_log <<dir>>/reason.log reason buffer=32k flush=10ms;"


class PeerCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="weir-tls-peers-"))
        cls.dir.chmod(0o755)
        cls.ca = Certificate(cls.dir, "ca", authority=True)
        cls.other_ca = Certificate(cls.dir, "other-ca", authority=True)
        cls.node = Certificate(cls.dir, "node", ["node.test"], cls.ca)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir, ignore_errors=True)

    def context(self, certificate: Certificate | None = None, client_ca: Certificate | None = None, version=None, ciphers="") -> ssl.SSLContext:
        certificate = certificate or self.node
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.pem, certificate.key)
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.asked = []
        context.sni_callback = lambda sock, name, context: context.asked.append(name)
        if client_ca:
            context.load_verify_locations(client_ca.pem)
            context.verify_mode = ssl.CERT_REQUIRED
        if version:
            context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
        return context

    def peer(self, reply=None, certificate: Certificate | None = None, script=None, **options):
        context = self.context(certificate, **options)
        backend = self.backend(reply, script=script, tls=context)
        backend.asked = context.asked
        return backend

    def trusting(self, ca: Certificate | None = None, name: str = "node.test") -> str:
        return f"proxy_ssl_trusted_certificate {(ca or self.ca).pem}; proxy_ssl_name {name};"

    def passing(self, *backends, location: str = "", upstream: str = "", http: str = "", trust: str | None = None, **options):
        servers = " ".join(f"server {each.address};" for each in backends)
        trust = self.trusting() if trust is None else trust
        return self.weir(f"{REASON} {http} upstream app.test {{ {servers} {upstream} }}\n"
                         f"server {{ listen <<front>>; location / {{ proxy_pass https://app.test; {trust} {location} }} }}", **options)

    def reason(self, weir) -> str:
        return weir.wait_log(name="reason.log")[-1].partition(" ")[2]


class Verification(PeerCase):
    def test_verified_peer_is_asked_by_its_name(self):
        spoken = []
        backend = self.peer(lambda r: spoken.append(r.connection.sock.selected_alpn_protocol()) or answer("hello"))
        weir = self.weir(f"server {{ listen <<front>>; location / {{ proxy_pass https://{backend.address}; {self.trusting()} "
                         "add_header X-Peer '$proxy_host $proxy_port'; } }")
        client = self.client(weir)
        for _ in range(3):
            response = client.request()
            self.assertEqual((response.status, response.body), (200, b"hello"))
        self.assertEqual(response.get("X-Peer"), f"{backend.address} {backend.address.rpartition(':')[2]}")
        self.assertEqual(backend.asked, ["node.test"])
        self.assertEqual(len(backend.connections), 1, "it is kept for the next request")
        self.assertEqual(spoken, ["http/1.1"] * 3)
        self.assertEqual(backend.requests[0].get("X-Forwarded-Proto"), "http")
        self.assertEqual(weir.metric("weir_upstream_tls_handshakes_total"), 1)

    def test_system_store_is_trusted_by_default(self):
        backend = self.peer(lambda r: answer("hello"))
        for trusted, status in ((self.ca, 200), (self.other_ca, 502)):
            weir = self.passing(backend, trust="proxy_ssl_name node.test;",
                                environment={"SSL_CERT_FILE": trusted.pem, "SSL_CERT_DIR": str(self.dir / "none")})
            self.assertEqual(self.get(weir).status, status)
        weir.wait_error("peer app.test/.*: TLS failed \\(unable to get local issuer certificate; asked for \"node.test\"")

    def test_peers_that_are_others_are_refused(self):
        self_signed = Certificate(self.dir, "self", ["node.test"])
        for title, certificate, trust in (
                ("name", self.node, self.trusting(name="other.test")), ("issuer", self.node, self.trusting(self.other_ca)),
                ("self-signed", self_signed, self.trusting()), ("revoked", self.node, self.trusting() + f"proxy_ssl_crl {self.crl()};")):
            with self.subTest(title):
                backend = self.peer(certificate=certificate)
                weir = self.passing(backend, trust=trust)
                self.assertEqual(self.get(weir).status, 502)
                self.assertEqual(self.reason(weir), "502 tls_unverified")
                self.assertEqual(backend.requests, [], "nothing of the request goes to it")
                self.assertEqual(weir.metric("weir_upstream_tls_handshakes_failed_total"), 1)

    def crl(self) -> str:
        home = self.dir / "revoked"
        home.mkdir(exist_ok=True)
        (home / "index").write_text("")
        config, out = home / "ca.cnf", home / "ca.crl"
        config.write_text(f"[ca]\ndefault_ca=a\n[a]\ndatabase={home}/index\ndefault_md=sha256\ndefault_crl_days=1\n")
        common = ["ca", "-config", str(config), "-keyfile", self.ca.key, "-cert", self.ca.pem]
        for more in (["-revoke", self.node.pem], ["-gencrl", "-out", str(out)]):
            done = openssl(*common, *more)
            self.assertEqual(done.returncode, 0, done.stderr)
        return str(out)

    def test_depth_of_a_chain_is_limited(self):
        middle = Certificate(self.dir, "middle", issuer=self.ca, authority=True)
        leaf = Certificate(self.dir, "deep", ["node.test"], middle)
        with open(leaf.pem, "a") as chain:
            chain.write(pathlib.Path(middle.pem).read_text())
        backend = self.peer(certificate=leaf)
        for depth, status in ((0, 502), (1, 200)):
            weir = self.passing(backend, location=f"proxy_ssl_verify_depth {depth};")
            self.assertEqual(self.get(weir).status, status)

    def test_unverified_peer_is_blamed_and_another_asked(self):
        wrong, right = self.peer(certificate=Certificate(self.dir, "wrong", ["wrong.test"], self.ca)), self.peer(lambda r: answer("right"))
        weir = self.passing(wrong, right)
        self.assertEqual(self.get(weir, method="POST", body=b"x").text, "right")
        self.assertEqual(self.reason(weir), "200 tls_unverified, ok")
        weir.wait_error(f"peer app.test/{wrong.address}: ejected for")

    def test_verification_that_is_off_is_a_warning(self):
        backend = self.peer(lambda r: answer("hello"), certificate=Certificate(self.dir, "anybody", ["anybody.test"]))
        weir = self.passing(backend, trust="proxy_ssl_verify off;")
        self.assertEqual(self.get(weir).text, "hello")
        self.assertEqual(backend.asked, ["app.test"])
        tested = run("-t", "-c", str(weir.config_path)).stderr
        self.assertIn("warning: peers behind https:// are not verified", tested)

    def test_nginx_defaults_verify_nothing_and_send_no_name(self):
        backend = self.peer(lambda r: answer("hello"))
        weir = self.weir(f"defaults nginx; server {{ listen <<front>>; location / {{ proxy_pass https://{backend.address}; }} }}")
        self.assertEqual(self.get(weir).text, "hello")
        self.assertEqual(backend.asked, [None])
        self.assertIn("not verified", run("-t", "-c", str(weir.config_path)).stderr)

    def test_server_name_is_not_sent_where_it_is_off(self):
        backend = self.peer()
        weir = self.passing(backend, location="proxy_ssl_server_name off;")
        self.assertEqual(self.get(weir).status, 200)
        self.assertEqual(backend.asked, [None])

    def test_plain_peer_is_no_tls_peer(self):
        backend = self.backend(script=lambda conn: conn.send(answer("in clear")))
        weir = self.passing(backend)
        response = self.get(weir)
        self.assertEqual(response.status, 502)
        self.assertNotIn("in clear", response.text)
        self.assertEqual(self.reason(weir), "502 tls_failed")

    def test_handshake_has_the_connects_deadline(self):
        go = threading.Event()
        self.addCleanup(go.set)
        silent, right = self.backend(script=lambda conn: go.wait(60)), self.peer(lambda r: answer("right"))
        weir = self.passing(silent, location="proxy_connect_timeout 100ms;")
        self.assertEqual(self.get(weir).status, 504)
        self.assertEqual(self.reason(weir), "504 connect_timeout")
        weir = self.passing(silent, right, location="proxy_connect_timeout 3s;")  # a handshake takes its time on a busy machine
        self.assertEqual(self.get(weir).text, "right")


class ClientCertificate(PeerCase):
    def test_own_certificate_is_shown_and_a_missing_one_refused(self):
        own = Certificate(self.dir, "weir", issuer=self.other_ca)
        locked, words = self.dir / "locked.key", self.dir / "words"
        openssl("pkey", "-in", own.key, "-aes256", "-passout", "pass:sesame", "-out", str(locked))
        words.write_text("sesame\n")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            backend = self.peer(lambda r: answer(dict(r.connection.sock.getpeercert()["subject"][0])["commonName"]), client_ca=self.other_ca,
                                version=version)
            for key in (f"proxy_ssl_certificate_key {own.key};", f"proxy_ssl_certificate_key {locked}; proxy_ssl_password_file {words};"):
                weir = self.passing(backend, location=f"proxy_ssl_certificate {own.pem}; {key}")
                self.assertEqual(self.get(weir).text, "weir")
            weir = self.passing(backend)
            self.assertEqual(self.get(weir).status, 502)
            # By TLS 1.3 the node refuses when the request is on its way: closing with that unread, its kernel may reset the alert away.
            reason = self.reason(weir)
            if version == ssl.TLSVersion.TLSv1_2 or reason != "502 reset_before_response":
                self.assertEqual(reason, "502 tls_failed")
                weir.wait_error("TLS failed \\(.*(certificate required|handshake failure)")

    def test_renewed_certificate_is_shown_without_a_reload(self):
        stranger, own = Certificate(self.dir, "stranger", issuer=self.ca), Certificate(self.dir, "renewed", issuer=self.other_ca)
        pem, key = self.dir / "shown.pem", self.dir / "shown.key"
        self.put(stranger.pem, pem)
        self.put(stranger.key, key)
        backend = self.peer(lambda r: answer("hello"), client_ca=self.other_ca)
        weir = self.passing(backend, location=f"proxy_ssl_certificate {pem}; proxy_ssl_certificate_key {key};")
        self.assertEqual(self.get(weir).status, 502)
        self.put(own.pem, pem)
        weir.wait_error('certificate: not renewed \\(key ".*shown.key" does not belong to certificate .* the old one is shown to peers')
        self.put(own.key, key)
        self.wait_until(lambda: self.get(weir).status == 200, "the renewed certificate to be shown")
        weir.wait_error(f"certificate {pem}: renewed")
        self.assertIn(own.serial, weir.ctl("list", "certificates").stdout)

    def test_changed_ca_of_peers_takes_effect_without_a_reload(self):
        trust = self.dir / "changing.pem"
        self.put(self.ca.pem, trust)
        backend = self.peer(lambda r: answer("hello"))
        weir = self.passing(backend, trust=f"proxy_ssl_trusted_certificate {trust}; proxy_ssl_name node.test;")
        self.assertEqual(self.get(weir).status, 200)
        self.put(self.other_ca.pem, trust)
        self.wait_until(lambda: self.get(weir).status == 502, "the kept connection and the old CA to be forgotten")
        self.put(self.ca.pem, trust)
        self.wait_until(lambda: self.get(weir).status == 200, "the CA to be trusted again")

    def put(self, source, target):
        """As who renews does: in one step."""
        shutil.copy(source, f"{target}.new")
        pathlib.Path(f"{target}.new").rename(target)

    def test_connections_of_one_certificate_are_not_lent_to_another(self):
        own = Certificate(self.dir, "trusted-weir", issuer=self.other_ca)
        backend = self.peer(lambda r: answer("hello"), client_ca=self.other_ca)
        weir = self.weir(f"upstream app.test {{ server {backend.address}; }} server {{ listen <<front>>; {self.trusting()}\n"
                         f"location /with {{ proxy_pass https://app.test; proxy_ssl_certificate {own.pem}; proxy_ssl_certificate_key {own.key}; }}\n"
                         "location /without { proxy_pass https://app.test; } }")
        client = self.client(weir)
        for path, status in (("/with", 200), ("/without", 502), ("/with", 200), ("/without", 502)):
            self.assertEqual(client.request(path=path).status, status)


class Identity(PeerCase):
    def test_session_of_one_ca_is_none_of_another(self):
        """A node that one location trusts is refused by the next, though the connection and the session are there."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            backend = self.peer(lambda r: answer("hello"), version=version)
            weir = self.weir(f"upstream app.test {{ server {backend.address}; }} server {{ listen <<front>>; proxy_ssl_name node.test;\n"
                             f"location /trusts {{ proxy_pass https://app.test; proxy_ssl_trusted_certificate {self.ca.pem}; }}\n"
                             f"location /closes {{ proxy_pass https://app.test; proxy_ssl_trusted_certificate {self.ca.pem};"
                             " proxy_set_header Connection close; }\n"
                             f"location /refuses {{ proxy_pass https://app.test; proxy_ssl_trusted_certificate {self.other_ca.pem}; }}\n"
                             f"location /renames {{ proxy_pass https://app.test; proxy_ssl_trusted_certificate {self.ca.pem}; "
                             "proxy_ssl_name other.test; } }")
            for path, status in (("/trusts", 200), ("/closes", 200), ("/refuses", 502), ("/renames", 502), ("/trusts", 200), ("/closes", 200),
                                 ("/refuses", 502), ("/renames", 502)):
                self.assertEqual(self.get(weir, path).status, status, path)

    def test_sessions_are_resumed_where_they_may_be(self):
        for reuse, resumed in (("on", 3), ("off", 0)):
            backend = self.peer(lambda r: answer(str(r.connection.sock.session_reused)))
            weir = self.passing(backend, location=f"proxy_set_header Connection close; proxy_ssl_session_reuse {reuse};")
            for _ in range(4):
                self.assertEqual(self.get(weir).status, 200)
            self.assertEqual(weir.metric("weir_upstream_tls_handshakes_total"), 4)
            self.assertEqual(weir.metric("weir_upstream_tls_handshakes_resumed_total"), resumed)

    def test_pool_lives_through_a_reload_but_not_a_new_ca(self):
        trust = self.dir / "reloaded.pem"
        shutil.copy(self.ca.pem, trust)
        backend = self.peer(lambda r: answer("hello"))
        weir = self.passing(backend, trust=f"proxy_ssl_trusted_certificate {trust}; proxy_ssl_name node.test;", upstream="keepalive_timeout 60s;")
        self.assertEqual(self.get(weir).status, 200)
        weir.reload()
        self.assertEqual(self.get(weir).status, 200)
        self.assertEqual(len(backend.connections), 1)
        shutil.copy(self.other_ca.pem, trust)
        weir.reload()
        self.assertEqual(self.get(weir).status, 502)
        shutil.copy(self.ca.pem, trust)
        weir.reload()
        self.assertEqual(self.get(weir).status, 200)

    def test_names_of_variables_are_names_of_their_own(self):
        both = Certificate(self.dir, "both", ["a.test", "b.test"], self.ca)
        backend = self.peer(lambda r: answer("hello"), certificate=both)
        weir = self.passing(backend, trust=self.trusting(name="$http_x_name"))
        for name, status in (("a.test", 200), ("b.test:8443", 200), ("c.test", 502), ("a.test", 200), ("", 502), ("x" * 300, 502)):
            self.assertEqual(self.get(weir, headers=[("X-Name", name)]).status, status, name)
        self.assertEqual(backend.asked, ["a.test", "b.test", "c.test"])
        weir.wait_error("location /: no peer is asked for \\(\"\" is no name for TLS")


class Addresses(PeerCase):
    def test_variables_choose_among_schemes_and_upstreams(self):
        secure, clear = self.peer(lambda r: answer("secure " + r.path)), self.backend(lambda r: answer("clear " + r.path))
        weir = self.weir(f"map $arg_to $to {{ a https://app.test; b http://plain; c https://{secure.address}; }}\n"
                         f"upstream app.test {{ server {secure.address}; }} upstream plain {{ server {clear.address}; }}\n"
                         f"server {{ listen <<front>>; {self.trusting()} location / {{ proxy_pass $to$request_uri; }}\n"
                         "location /scheme/ { proxy_pass $arg_scheme://app.test/x; } location /named/ { proxy_pass https://$arg_host; } }")
        for to, text in (("a", "secure /?to=a"), ("b", "clear /?to=b"), ("c", "secure /?to=c")):
            self.assertEqual(self.get(weir, f"/?to={to}").text, text)
        self.assertEqual(self.get(weir, f"/named/?host={clear.address}").status, 502, "no address of the configuration's over TLS")
        self.assertEqual(self.get(weir, "/named/?host=app.test").text, "secure /named/?host=app.test")
        self.assertEqual(self.get(weir, "/scheme/?scheme=https").text, "secure /x")

    def test_host_of_a_request_is_verified_by_its_name(self):
        backend = self.peer(lambda r: answer(r.get("Host")))
        host, port = backend.address.split(":")
        dns = self.hold(Dns().a("node.test", host).a("wrong.test", host))
        weir = self.weir(f"{REASON} resolver {dns.address} ipv6=off; server {{ listen <<front>>; location / {{ proxy_pass https://$arg_to;\n"
                         f"proxy_ssl_trusted_certificate {self.ca.pem}; }} }}", workers=1)
        for to in ("node.test", "node.test."):
            self.assertEqual(self.get(weir, f"/?to={to}:{port}").text, f"{to}:{port}")
        self.assertEqual(backend.asked, ["node.test"] * 2, "SNI carries no dot")
        self.assertEqual(self.get(weir, f"/?to=wrong.test:{port}").status, 502)
        self.assertEqual(weir.wait_log(3, "reason.log")[-1].partition(" ")[2], "502 tls_unverified")

    def test_dot_that_ends_a_name_is_no_part_of_sni(self):
        backend = self.peer(lambda r: answer("hello"))
        weir = self.passing(backend, trust=f"proxy_ssl_trusted_certificate {self.ca.pem}; proxy_ssl_name node.test.;")
        self.assertEqual(self.get(weir).text, "hello")
        self.assertEqual(backend.asked, ["node.test"])

    def test_redirects_of_a_peer_become_the_locations(self):
        backend = self.peer(lambda r: answer(status=302, headers=[("Location", "https://app.test/api/next?x"), ("X-Other", "y")]))
        weir = self.weir(f"upstream app.test {{ server {backend.address}; }} server {{ listen <<front>>; {self.trusting()}\n"
                         "location /v1/ { proxy_pass https://app.test/api/; } }")
        self.assertEqual(self.get(weir, "/v1/a", host="shop.test").get("Location"), "http://shop.test/v1/next?x")
        self.assertEqual(backend.requests[0].path, "/api/a")

    def test_settings_are_those_of_the_location(self):
        backend = self.peer(lambda r: answer(" ".join(r.connection.sock.cipher()[:2])))
        weir = self.passing(backend, location="proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;")
        self.assertEqual(self.get(weir).text, "ECDHE-ECDSA-AES256-GCM-SHA384 TLSv1.2")
        weir = self.passing(backend, location="proxy_ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;")
        self.assertEqual(self.get(weir).text, "TLS_CHACHA20_POLY1305_SHA256 TLSv1.3")

    def test_proxy_header_stands_in_front_of_the_handshake(self):
        seen = []

        def script(conn):
            header = b""
            while not header.endswith(b"\r\n"):
                header += conn.sock.recv(1)
            seen.append(header)
            conn.shake_hands(context)
            conn.send(answer(conn.read_request().path))
            conn.wait_closed()
        context = self.context()
        weir = self.passing(self.backend(script=script), location="proxy_protocol on;")
        self.assertEqual(self.get(weir, "/x").text, "/x")
        self.assertEqual(len(seen), 1)
        self.assertTrue(seen[0].startswith(b"PROXY TCP4 127."), seen)


class Bytes(PeerCase):
    def test_megabytes_pass_both_ways(self):
        blob = bytes(range(256)) * 16384
        backend = self.peer(lambda r: answer(blob if r.method == "GET" else hashlib.sha256(r.body).hexdigest()))
        weir = self.passing(backend, location="client_max_body_size 0;")
        client = self.client(weir)
        self.assertEqual(client.request().body, blob)
        self.assertEqual(client.request("POST", body=blob).text, hashlib.sha256(blob).hexdigest())
        self.assertEqual(len(backend.connections), 1)

    def test_answer_without_length_ends_by_close_notify_alone(self):
        def script(conn):
            path = conn.read_request().path
            conn.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
            conn.goodbye() if path == "/whole" else conn.fin()
            conn.wait_closed()
        weir = self.passing(self.peer(script=script))
        self.assertEqual(self.get(weir, "/whole").text, "all of it")
        with self.assertRaises(Truncated):
            self.get(weir, "/cut")
        self.assertEqual(weir.wait_log(2, name="reason.log")[1], "/cut 200 reset_mid_response")

    def test_kept_connection_that_was_closed_is_replaced(self):
        for way in ("goodbye", "reset"):
            end = threading.Event()
            self.addCleanup(end.set)

            def script(conn, way=way, end=end):
                conn.send(answer(conn.read_request().path))
                if conn.index == 0:
                    end.wait(60)
                    getattr(conn, way)()
                else:
                    conn.wait_closed()
            backend = self.peer(script=script)
            weir = self.passing(backend)
            self.assertEqual(self.get(weir, "/first").text, "/first")
            end.set()
            self.assertEqual(self.get(weir, "/second").text, "/second")
            self.assertEqual(len(backend.connections), 2)

    def test_websocket_goes_on_over_tls(self):
        def script(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nwelcome")
            while data := conn.sock.recv(65536):
                conn.send(data)
            conn.send(b"last")
            conn.goodbye()
        weir = self.passing(self.peer(script=script))
        client = self.client(weir).send_request(headers=[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                                                         ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")])
        self.assertEqual(client.read_response().status, 101)
        self.assertEqual(client.read(7), b"welcome")
        blob = bytes(range(256)) * 1024
        reader = threading.Thread(target=lambda: client.send(blob))
        reader.start()
        self.assertEqual(client.read(len(blob)), blob)
        reader.join()
        client.sock.shutdown(socket.SHUT_WR)
        self.assertEqual(client.read_all(), b"last")


class Checks(PeerCase):
    def test_check_of_an_upstream_goes_the_way_of_its_requests(self):
        reused = []
        backend = self.peer(lambda r: reused.append(r.connection.sock.session_reused) or answer("hello"))
        weir = self.passing(backend, upstream="health_check interval=50ms uri=/health mandatory;")
        backend.wait_requests(3)
        self.assertEqual({r.path for r in backend.requests}, {"/health"})
        self.assertEqual(set(backend.asked), {"node.test"})
        self.wait_until(lambda: self.get(weir).status == 200, "the peer to be up")
        self.assertIn(True, reused, "checks resume sessions")

    def test_check_fails_where_requests_would(self):
        backend = self.peer(lambda r: answer("hello"))
        for where in ("upstream", "location"):
            check = "health_check interval=50ms fails=1;"
            weir = self.passing(backend, upstream=check if where == "upstream" else "", location=check if where == "location" else "",
                                trust=self.trusting(self.other_ca))
            weir.wait_error(f"peer app.test/{backend.address}: down \\(TLS failed: unable to get local issuer certificate")

    def test_checks_of_two_locations_have_their_own_names(self):
        both = Certificate(self.dir, "two", ["a.test", "b.test"], self.ca)
        backend = self.peer(lambda r: answer("hello"), certificate=both)
        self.weir(f"upstream app.test {{ server {backend.address}; }} server {{ listen <<front>>; proxy_ssl_trusted_certificate {self.ca.pem};\n"
                  "location /a { proxy_pass https://app.test; proxy_ssl_name a.test; health_check interval=50ms; }\n"
                  "location /b { proxy_pass https://app.test; proxy_ssl_name b.test; health_check interval=50ms; } }")
        self.wait_until(lambda: set(backend.asked) == {"a.test", "b.test"}, "checks by both names")


class OtherServer(PeerCase):
    def test_openssl_server_is_spoken_to(self):
        server = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", self.node.pem, "-key", self.node.key, "-www"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.hold(server.stdout)
        address = next(line.split()[1] for line in server.stdout if line.startswith("ACCEPT "))
        weir = self.weir(f"server {{ listen <<front>>; location / {{ proxy_pass https://{address}; {self.trusting()} }} }}")
        self.assertIn("Protocol  : TLSv1.3", self.get(weir).text)


if __name__ == "__main__":
    main()
