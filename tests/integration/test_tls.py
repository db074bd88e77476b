#!/usr/bin/env python3
"""TLS at the edge, with clients that are not weir's: Python's ssl, curl, openssl s_client."""
import hashlib
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import threading
import time

from weirtest import answer, main
from weirtest.certificates import Certificate, openssl
from weirtest.client import request_bytes
from weirtest.tls import TlsCase, TlsClient, client_context
from weirtest.weir import run


class Handshake(TlsCase):
    def test_request_over_tls_reaches_the_backend_as_https(self):
        backend = self.backend(lambda r: answer("hello"))
        weir = self.weir(f"server {{ listen <<front>> ssl; {self.pair(self.a)} location / {{ proxy_pass http://{backend.address}; }} }}")
        with TlsClient(weir.front) as client:
            for _ in range(3):
                self.assertEqual(client.request().body, b"hello")
            self.assertEqual(client.sock.version(), "TLSv1.3")
        self.assertEqual(backend.requests[0].get("X-Forwarded-Proto"), "https")
        self.assertEqual(weir.metric("weir_tls_handshakes_total"), 1)

    def test_curl_trusts_the_certificate_and_gets_http11(self):
        authority = Certificate(self.dir, "root", authority=True)
        weir = self.weir(f"server {{ listen <<front>> ssl; {self.pair(Certificate(self.dir, 'signed', ['a.test'], authority))} "
                         "location / { return 200 $ssl_alpn_protocol; } }")
        host, _, port = weir.front.rpartition(":")
        done = subprocess.run(["curl", "-sS", "-w", " %{http_version} %{ssl_verify_result}", "--cacert", authority.pem, "--resolve",
                               f"a.test:{port}:{host}", f"https://a.test:{port}/"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.stdout, "http/1.1 1.1 0", done.stderr)

    def test_client_of_another_protocol_only_is_refused(self):
        weir = self.serving()
        self.assertIn("NO_APPLICATION_PROTOCOL", self.fails(weir, alpn=["h2"]))
        weir.wait_error("closed before its first request \\(TLS: no application protocol\\)")

    def test_bodies_of_a_megabyte_pass_both_ways(self):
        blob = bytes(range(256)) * 8192
        backend = self.backend(lambda r: answer(blob if r.method == "GET" else hashlib.sha256(r.body).hexdigest()))
        weir = self.weir(f"server {{ listen <<front>> ssl; client_max_body_size 0; ssl_buffer_size 4k; {self.pair(self.a)} "
                         f"location / {{ proxy_pass http://{backend.address}; }} }}")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with TlsClient(weir.front, version=version) as client:
                self.assertEqual(client.request().body, blob)
                self.assertEqual(client.request("POST", body=blob).text, hashlib.sha256(blob).hexdigest())

    def test_plain_request_on_a_tls_port_gets_a_page(self):
        weir = self.serving()
        response = self.get(weir)
        self.assertEqual(response.status, 400)
        self.assertIn("The plain HTTP request was sent to HTTPS port", response.text)
        weir = self.serving(server="error_page 497 https://$host$request_uri;")
        response = self.get(weir, "/x?y", host="a.test")
        self.assertEqual((response.status, response.get("Location")), (302, "https://a.test/x?y"))

    def test_tls_hello_on_a_plain_port_is_logged(self):
        weir = self.weir("server { listen <<front>>; location / { return 200; } }")
        self.fails(weir)
        weir.wait_error("TLS handshake on a plain-text port")

    def test_slow_handshake_is_closed_in_time(self):
        weir = self.serving(server="ssl_handshake_timeout 200ms;")
        client = self.client(weir)
        client.send(b"\x16\x03\x01\x02\x00\x01\x00")
        self.assertEqual(client.sock.recv(100), b"")
        weir.wait_error("closed before its first request \\(it took too long\\)")

    def test_handshakes_over_the_limit_are_closed(self):
        weir = self.weir(config="pid <<dir>>/weir.pid; error_log stderr info; worker_processes 1; events { worker_handshakes 1; }\n"
                         f"http {{ server {{ listen <<front>> ssl; {self.pair(self.a)} location / {{ return 200; }} }} }}")
        hello = ssl.MemoryBIO()
        half = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), hello, server_hostname="a.test")
        with self.assertRaises(ssl.SSLWantReadError):
            half.do_handshake()
        waiting = self.client(weir).send(hello.read())
        self.assertTrue(waiting.sock.recv(1))  # the server's part: it waits for the client's now
        with self.assertRaises((ssl.SSLError, OSError)):
            TlsClient(weir.front)
        self.assertEqual(weir.metric("weir_tls_handshakes_refused_total"), 1)
        waiting.close()
        self.wait_until(lambda: self.ask_quietly(weir) == 200, "a place for a handshake")

    def ask_quietly(self, weir):
        try:
            return self.ask(weir).status
        except OSError:
            return 0

    def test_protocols_and_ciphers_are_those_of_the_virtual_server(self):
        weir = self.serving(
            server="ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256; ssl_ecdh_curve prime256v1;",
            http=f"server {{ listen <<front>> ssl; server_name b.test; {self.pair(self.a)} ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384; "
            "ssl_prefer_server_ciphers on; ssl_protocols TLSv1.2; location / { return 200 '$ssl_protocol $ssl_cipher'; } }",
            text="$ssl_protocol $ssl_cipher $ssl_curve")
        self.assertEqual(self.ask(weir).text, "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256 prime256v1")
        self.assertEqual(self.ask(weir, server_name="b.test", host="b.test").text, "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384")
        self.assertIn("PROTOCOL_VERSION", self.fails(weir, version=ssl.TLSVersion.TLSv1_2))

    def test_key_type_is_chosen_by_the_client(self):
        rsa = Certificate(self.dir, "a-rsa", ["a.test"], key="rsa")
        weir = self.serving(server=self.pair(rsa))
        for signatures, shown in (("ECDSA+SHA256", "a"), ("RSA-PSS+SHA256", "a-rsa")):
            done = openssl("s_client", "-connect", weir.front, "-servername", "a.test", "-sigalgs", signatures)
            self.assertIn(f"CN = {shown}\n", done.stdout.decode())

    def test_signatures_are_variables(self):
        rsa = Certificate(self.dir, "signs-rsa", ["a.test"], key="rsa")
        text = "[$ssl_sigalg|$ssl_sigalgs|$ssl_client_sigalg|$ssl_session_reused]"
        weir = self.serving(server=self.pair(rsa) + f"ssl_verify_client optional_no_ca; ssl_client_certificate {self.a.pem};", text=text)
        me = ("-cert", rsa.pem, "-key", rsa.key)
        request = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
        for version, offered, shown, seen in (
                ("-tls1_3", "ECDSA+SHA256:RSA-PSS+SHA384", (), "[ecdsa_secp256r1_sha256|0x0403:0x0805||.]"),
                ("-tls1_3", "RSA-PSS+SHA384:RSA-PSS+SHA256", me, "[rsa_pss_rsae_sha384|0x0805:0x0804|rsa_pss_rsae_sha"),
                ("-tls1_2", "RSA+SHA512", (), "[rsa_pkcs1_sha512|0x0601||.]")):
            done = openssl("s_client", "-quiet", "-connect", weir.front, "-servername", "a.test", "-sigalgs", offered, version, *shown, stdin=None, input=request)
            self.assertIn(seen, done.stdout.decode(), (version, offered))

    def test_encrypted_key_is_opened_by_the_password_file(self):
        key, words = self.dir / "locked.key", self.dir / "words"
        openssl("pkey", "-in", self.a.key, "-aes256", "-passout", "pass:sesame", "-out", str(key))
        words.write_text("wrong\nsesame\n")
        weir = self.weir(f"server {{ listen <<front>> ssl; ssl_certificate {self.a.pem}; ssl_certificate_key {key}; "
                         f"ssl_password_file {words}; location / {{ return 200; }} }}")
        self.assertEqual(self.ask(weir).status, 200)

    def test_dhparam_makes_dhe_possible(self):
        dh = self.dir / "dh.pem"
        dh.write_bytes(openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048").stdout)
        rsa = Certificate(self.dir, "dhe", ["a.test"], key="rsa")
        weir = self.weir(f"server {{ listen <<front>> ssl; {self.pair(rsa)} ssl_dhparam {dh}; ssl_protocols TLSv1.2; "
                         "ssl_ciphers DHE-RSA-AES128-GCM-SHA256; location / { return 200 $ssl_cipher; } }")
        self.assertEqual(self.ask(weir).text, "DHE-RSA-AES128-GCM-SHA256")


class OwnCertificates(TlsCase):
    def test_self_signed_certificate_serves_and_outlives_a_reload(self):
        weir = self.weir("server { listen <<front>> ssl; server_name a.test *.a.test; ssl_certificate_selfsigned; location / { return 200 $ssl_server_name; } }")
        with TlsClient(weir.front) as client:
            first = client.sock.getpeercert(True)
            self.assertEqual(client.request().text, "a.test")
        names = openssl("x509", "-inform", "DER", "-noout", "-ext", "subjectAltName", stdin=None, input=first).stdout.decode()
        self.assertIn("DNS:a.test, DNS:*.a.test", names)
        weir.reload()
        with TlsClient(weir.front) as client:
            self.assertEqual(client.sock.getpeercert(True), first)
        self.assertIn("self-signed:a.test", weir.ctl("list", "certificates").stdout)
        weir.wait_error("for a first try: browsers will warn")

    def test_missing_certificate_keeps_no_other_server_from_starting(self):
        pem, key = self.dir / "late.pem", self.dir / "late.key"
        weir = self.serving(http=f"server {{ listen <<front>> ssl; server_name late.test; ssl_certificate {pem}; ssl_certificate_key {key}; "
                            "location / { return 200 late; } }")
        weir.wait_error(r"cannot load certificate .*late.pem.*other servers start, this one refuses handshakes until it is there")
        self.assertEqual(self.ask(weir).status, 200)
        self.assertIn("UNRECOGNIZED_NAME", self.fails(weir, server_name="late.test"))
        self.assertNotEqual(run("-t", "-c", str(weir.config_path)).returncode, 0)
        late = Certificate(self.dir, "made", ["late.test"])
        shutil.copyfile(late.key, key)
        shutil.copyfile(late.pem, pem)
        self.wait_until(lambda: self.says_late(weir), "the certificate to be taken up")

    def says_late(self, weir) -> bool:
        try:
            return self.ask(weir, server_name="late.test", host="late.test").text == "late"
        except ssl.SSLError:
            return False


class ServerNames(TlsCase):
    def test_server_name_selects_certificate_and_server(self):
        b = Certificate(self.dir, "b", ["b.test"])
        wild = Certificate(self.dir, "wild", ["*.wild.test"])
        regex = Certificate(self.dir, "regex", ["r1.test"])
        block = "server {{ listen <<front>> ssl; server_name {}; {} location / {{ return 200 {}; }} }}\n"
        weir = self.weir(
            block.format("a.test", self.pair(self.a), "a") + block.format("b.test", self.pair(b), "b") +
            block.format("*.wild.test", self.pair(wild), "wild") + block.format("~^r\\d\\.test$", self.pair(regex), "regex") +
            block.format("none.test", "", "none") + block.format("no.test", "ssl_reject_handshake on;", "never"))
        for name, shown, text in (("a.test", "a", "a"), ("b.test", "b", "b"), ("B.TEST", "b", "b"), ("x.wild.test", "wild", "wild"),
                                  ("r1.test", "regex", "regex"), ("unknown.test", "a", "a"), ("none.test", "a", "none"), (None, "a", "a")):
            with TlsClient(weir.front, server_name=name) as client:
                self.assertEqual((client.shown, client.request(host=name or "a.test").text), (shown, text), name)
        self.assertIn("UNRECOGNIZED_NAME", self.fails(weir, server_name="no.test"))

    def test_default_server_rejects_unknown_names(self):
        weir = self.serving(http="server { listen <<front>> ssl default_server; ssl_reject_handshake on; }")
        self.assertEqual(self.ask(weir).text, "a.test a.test")
        self.assertIn("UNRECOGNIZED_NAME", self.fails(weir, server_name="b.test"))
        self.assertIn("UNRECOGNIZED_NAME", self.fails(weir, server_name=None))

    def test_host_that_the_certificate_is_not_for_is_misdirected(self):
        b = Certificate(self.dir, "b", ["b.test"])
        weir = self.serving(http=f"server {{ listen <<front>> ssl; server_name b.test c.wild.test; {self.pair(b)} "
                            "location / { return 200 b; } }")
        self.assertEqual(self.ask(weir, host="b.test").status, 421)
        self.assertEqual(self.ask(weir, host="c.wild.test").text, "b")  # that the client was shown is for it too
        self.assertEqual(self.ask(weir, server_name=None, host="b.test").status, 200)


class ClientCertificates(TlsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = Certificate(cls.dir, "ca", authority=True)
        cls.me = Certificate(cls.dir, "me", ["me.test"], issuer=cls.authority)
        cls.stranger = Certificate(cls.dir, "stranger", ["me.test"])

    def verifying(self, how: str, text="$ssl_client_verify $ssl_client_s_dn", extra=""):
        return self.serving(server=f"ssl_verify_client {how}; ssl_client_certificate {self.authority.pem}; {extra}", text=text)

    def test_certificate_is_demanded(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            weir = self.verifying("on")
            self.assertEqual(self.ask(weir, version=version, certificate=self.me).text, "SUCCESS CN=me")
            refused = self.ask(weir, version=version)
            self.assertEqual(refused.status, 400)
            self.assertIn("No required SSL certificate was sent", refused.text)
            refused = self.ask(weir, version=version, certificate=self.stranger)
            self.assertEqual(refused.status, 400)
            self.assertIn("The SSL certificate error", refused.text)

    def test_certificate_is_optional(self):
        weir = self.verifying("optional")
        self.assertEqual(self.ask(weir, certificate=self.me).text, "SUCCESS CN=me")
        self.assertEqual(self.ask(weir).text, "NONE ")
        self.assertEqual(self.ask(weir, certificate=self.stranger).status, 400)
        weir = self.verifying("optional_no_ca")
        self.assertIn("FAILED:", self.ask(weir, certificate=self.stranger).text)

    def test_statuses_of_nginx_lead_to_error_pages(self):
        weir = self.verifying("on", extra="error_page 495 496 =403 /why; location /why { return 200 because; }")
        self.assertEqual((self.ask(weir).status, self.ask(weir).text), (403, "because"))

    def test_trusted_certificate_is_not_named_to_clients(self):
        weir = self.serving(server=f"ssl_verify_client optional; ssl_trusted_certificate {self.authority.pem};", text="$ssl_client_verify")
        self.assertEqual(self.ask(weir, certificate=self.me).text, "SUCCESS")
        said = openssl("s_client", "-connect", weir.front, "-servername", "a.test").stdout.decode()
        self.assertIn("No client certificate CA names sent", said)

    def test_depth_and_revocation_are_looked_at(self):
        between = Certificate(self.dir, "between", issuer=self.authority, authority=True)
        deep = Certificate(self.dir, "deep", ["deep.test"], issuer=between)
        pathlib.Path(deep.pem).write_text(pathlib.Path(deep.pem).read_text() + pathlib.Path(between.pem).read_text())
        self.assertEqual(self.ask(self.verifying("on", extra="ssl_verify_depth 0;"), certificate=deep).status, 400)
        self.assertEqual(self.ask(self.verifying("on", extra="ssl_verify_depth 2;"), certificate=deep).status, 200)
        (self.dir / "index").write_text("")
        (self.dir / "ca.conf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.dir}/index\ndefault_md=sha256\ndefault_crl_days=30\n")
        ca = ("ca", "-config", str(self.dir / "ca.conf"), "-cert", self.authority.pem, "-keyfile", self.authority.key)
        self.assertEqual(openssl(*ca, "-revoke", self.me.pem).returncode, 0)
        self.assertEqual(openssl(*ca, "-gencrl", "-out", str(self.dir / "crl.pem")).returncode, 0)
        weir = self.verifying("on", extra=f"ssl_crl {self.dir}/crl.pem;")
        self.assertEqual(self.ask(weir, certificate=self.me).status, 400)
        other = Certificate(self.dir, "other", ["other.test"], issuer=self.authority)
        self.assertEqual(self.ask(weir, certificate=other).status, 200)

    def test_client_certificates_stay_in_their_virtual_server(self):
        weir = self.weir(f"server {{ listen <<front>> ssl; server_name a.test; {self.pair(self.a)} location / {{ return 200; }} }}\n"
                         f"server {{ listen <<front>> ssl; server_name s.wild.test; {self.pair(self.a)} ssl_verify_client on; "
                         f"ssl_client_certificate {self.authority.pem}; location / {{ return 200 secret; }} }}")
        self.assertEqual(self.ask(weir, server_name="s.wild.test", host="s.wild.test", certificate=self.me).text, "secret")
        for name in ("a.test", None):
            self.assertEqual(self.ask(weir, server_name=name, host="s.wild.test", certificate=self.me).status, 421)

    def test_variables_hold_the_certificate(self):
        text = "$ssl_client_s_dn_legacy|$ssl_client_i_dn|$ssl_client_i_dn_legacy|$ssl_client_serial|$ssl_client_v_remain|" \
               "$ssl_client_v_start|$ssl_client_v_end|$ssl_client_fingerprint|$ssl_client_escaped_cert|$ssl_client_cert|$ssl_client_raw_cert"
        got = self.ask(self.verifying("on", text=text), certificate=self.me).text.split("|")
        pem = pathlib.Path(self.me.pem).read_text()
        fingerprint = openssl("x509", "-in", self.me.pem, "-noout", "-fingerprint", "-sha1").stdout.decode()
        dates = openssl("x509", "-in", self.me.pem, "-noout", "-dates").stdout.decode()
        self.assertEqual(got[:4], ["/CN=me", "CN=ca", "/CN=ca", self.me.serial])
        self.assertIn(got[4], ("89", "90"))  # 90 within the second of its making
        self.assertEqual([f"notBefore={got[5]}", f"notAfter={got[6]}"], dates.splitlines())
        self.assertEqual(got[7], fingerprint.strip().partition("=")[2].replace(":", "").lower())
        self.assertTrue(got[8].startswith("-----BEGIN%20CERTIFICATE-----%0A"))
        self.assertEqual((got[9], got[10]), (pem.strip().replace("\n", " "), pem))


class Resumption(TlsCase):
    def shake(self, weir, version: str, session: pathlib.Path, take: bool = False, name="a.test") -> str:
        """One request with openssl s_client; True where it went on with the session of the file."""
        how = "-sess_in" if take else "-sess_out"
        done = subprocess.run(["openssl", "s_client", "-connect", weir.front, "-servername", name, version, "-ign_eof", how, str(session)],
                              input=request_bytes("GET", "/", {"Connection": "close"}, None, name), capture_output=True, timeout=30)
        text = done.stdout.decode(errors="replace")
        self.assertIn("200 OK", text, done.stderr.decode())
        return "Reused, " in text

    def check(self, weir, version: str, take: bool = True, reload=True):
        session = self.dir / "session"
        self.assertFalse(self.shake(weir, version, session))
        for _ in range(4):  # on whatever worker
            self.assertEqual(self.shake(weir, version, session, True), take)
        if reload:
            weir.signal(1)
            weir.wait_error("configuration: reloaded")
            self.assertEqual(self.shake(weir, version, session, True), take)

    def test_tickets_resume_on_all_workers_and_over_a_reload(self):
        for version in ("-tls1_2", "-tls1_3"):
            self.check(self.serving(workers=2, text="$ssl_session_reused"), version)

    def test_ids_resume_on_all_workers_and_over_a_reload(self):
        for version in ("-tls1_2", "-tls1_3"):
            self.check(self.serving(server="ssl_session_tickets off; ssl_session_cache shared:SSL:1m;", workers=2), version)

    def test_nothing_is_resumed_where_it_is_off(self):
        for version in ("-tls1_2", "-tls1_3"):
            self.check(self.serving(server="ssl_session_tickets off; ssl_session_cache off;"), version, take=False, reload=False)

    def test_session_ends_with_its_timeout(self):
        weir = self.serving(server="ssl_session_timeout 1s;")
        session = self.dir / "session"
        self.assertFalse(self.shake(weir, "-tls1_2", session))
        self.wait_until(lambda: not self.shake(weir, "-tls1_2", session, True), "the session to expire")

    def test_session_of_another_virtual_server_is_not_resumed(self):
        weir = self.serving(http=f"server {{ listen <<front>> ssl; server_name b.wild.test; {self.pair(self.a)} location / {{ return 200; }} }}")
        for version in ("-tls1_2", "-tls1_3"):
            session = self.dir / "session"
            self.assertFalse(self.shake(weir, version, session))
            self.assertFalse(self.shake(weir, version, session, True, name="b.wild.test"))
            self.assertTrue(self.shake(weir, version, session, True))

    def test_ticket_key_of_a_file_is_shared_by_a_fleet(self):
        key = self.dir / "ticket.key"
        key.write_bytes(bytes(range(80)))
        block = f"ssl_session_ticket_key {key};"
        session = self.dir / "session"
        for version in ("-tls1_2", "-tls1_3"):
            one = self.serving(server=block)
            self.assertFalse(self.shake(one, version, session))
            # Another weir, of the same names and addresses as far as TLS knows: the address is the first one's.
            front = one.front
            one.signal(15)
            one.wait_exit()
            two = self.weir(one.config().replace(str(one.dir), "<<dir>>").split("http {", 1)[1].rsplit("}", 1)[0], front=front,
                            access_log=False)
            self.assertTrue(self.shake(two, version, session, True))


class Renewal(TlsCase):
    def put(self, certificate: Certificate, pem: pathlib.Path, key: pathlib.Path):
        for source, target in ((certificate.key, key), (certificate.pem, pem)):
            shutil.copyfile(source, f"{target}.new")
            pathlib.Path(f"{target}.new").replace(target)

    def test_changed_certificate_is_shown_without_a_reload(self):
        pem, key = self.dir / "live.pem", self.dir / "live.key"
        self.put(self.a, pem, key)
        weir = self.weir(f"server {{ listen <<front>> ssl; server_name a.test; ssl_certificate {pem}; ssl_certificate_key {key}; "
                         "location / { return 200; } }")
        failures, shown, end = [], set(), threading.Event()

        def load():
            while not end.is_set():
                try:
                    with TlsClient(weir.front) as client:
                        shown.add(client.shown)
                        if client.request().status != 200:
                            failures.append("status")
                except OSError as error:
                    failures.append(error)
        thread = threading.Thread(target=load)
        thread.start()
        with TlsClient(weir.front) as old:
            old.request()
            self.put(Certificate(self.dir, "next", ["a.test"]), pem, key)
            self.wait_until(lambda: "next" in shown, "the new certificate")
            weir.wait_error(f"certificate {pem}: renewed")
            self.assertEqual(old.request().status, 200)
            pem.write_text("broken")
            weir.wait_error(r"certificate: not renewed \(cannot load certificate .*live.pem.*the old one serves")
            self.assertEqual(old.request().status, 200)
        with TlsClient(weir.front) as client:
            self.assertEqual(client.shown, "next")
        end.set()
        thread.join()
        self.assertEqual(failures, [])

    def test_pipe_in_place_of_a_certificate_holds_nothing_up(self):
        pem, key = self.dir / "piped.pem", self.dir / "piped.key"
        self.put(Certificate(self.dir, "first", ["a.test"]), pem, key)
        weir = self.weir(f"server {{ listen <<front>> ssl; server_name a.test; ssl_certificate {pem}; ssl_certificate_key {key}; "
                         "location / { return 200; } }")
        os.mkfifo(self.dir / "pipe")
        os.rename(self.dir / "pipe", pem)
        weir.wait_error(r"certificate: not renewed \(cannot load certificate .*is no regular file.*the old one serves")
        self.assertEqual(weir.ctl("status").returncode, 0)
        with TlsClient(weir.front) as client:
            self.assertEqual(client.request().status, 200)
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)

    def test_certificate_swapped_under_load_fails_no_client(self):
        """WEIR_SWAPS=100 for more of them: each is seen within two seconds."""
        swaps = int(os.environ.get("WEIR_SWAPS", "3"))
        signal.alarm(90 + 4 * swaps)
        pem, key = self.dir / "swapped.pem", self.dir / "swapped.key"
        both = [Certificate(self.dir, f"swapped-{n}", ["a.test"]) for n in range(2)]
        der = [ssl.PEM_cert_to_DER_cert(pathlib.Path(each.pem).read_text()) for each in both]
        self.put(both[0], pem, key)
        backend = self.backend(lambda r: answer("x" * 20_000))
        weir = self.weir(f"server {{ listen <<front>> ssl; server_name a.test; ssl_certificate {pem}; ssl_certificate_key {key}; "
                         f"keepalive_requests 1000000; location / {{ proxy_pass http://{backend.address}; }} }}", workers=2)
        failures, newest, asked, end = [], [b""], [0], threading.Event()

        def load(keeps: bool, version):
            context = client_context(version)
            try:
                while not end.is_set():
                    with TlsClient(weir.front, context=context) as client:
                        newest[0] = client.sock.getpeercert(True)
                        while True:
                            asked[0] += 1
                            if len(client.request().body) != 20_000:
                                failures.append("short")
                            if not keeps or end.wait(0.01):
                                break
                    end.wait(0.01)
            except Exception as error:  # whatever it is, it is told
                failures.append(repr(error))
        threads = [threading.Thread(target=load, args=(keeps, version)) for keeps, version in
                   ((False, ssl.TLSVersion.TLSv1_2), (False, ssl.TLSVersion.TLSv1_3), (True, ssl.TLSVersion.TLSv1_3))]
        for thread in threads:
            thread.start()
        try:
            for n in range(1, swaps + 1):
                self.put(both[n % 2], pem, key)
                self.wait_until(lambda: failures or newest[0] == der[n % 2], f"certificate number {n}")
                self.wait_until(lambda: failures or asked[0] > 10 * n, "requests beside it")
        finally:
            end.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(weir.metric("weir_tls_handshakes_failed_total"), 0)

    def test_certificates_are_listed_and_their_end_is_logged(self):
        short = Certificate(self.dir, "short", ["a.test"], days=5)
        weir = self.weir(f"server {{ listen <<front>> ssl; server_name a.test; {self.pair(short)} location / {{ return 200; }} }}")
        weir.wait_error(rf"certificate {short.pem}: expires in [45] days \(serial {short.serial}\)")
        listed = weir.ctl("list", "certificates").stdout
        for text in (short.pem, "a.test", "EC prime256v1", short.serial):
            self.assertIn(text, listed)
        expiry = [value for name, value in weir.metrics().items() if name.startswith("weir_certificate_expiry_seconds")]
        self.assertAlmostEqual(expiry[0] - time.time(), 5 * 86400, delta=600)


class Refusals(TlsCase):
    def check(self, http: str) -> str:
        path = self.dir / "t.conf"
        path.write_text(f"pid {self.dir}/t.pid;\nhttp {{\n{http}\n}}\n")
        done = run("-t", "-c", str(path))
        return done.stdout + done.stderr

    def test_faults_are_shown_where_they_stand(self):
        b = Certificate(self.dir, "b", ["b.test"])
        cases = {
            "ssl_certificate missing.pem; ssl_certificate_key missing.key;": ':4:63: error: cannot load certificate "',
            f"ssl_certificate {self.a.pem}; ssl_certificate_key {b.key};": "does not belong to certificate",
            f"ssl_certificate {self.a.pem};": 'error: no "ssl_certificate_key" is defined',
            "": 'error: no "ssl_certificate" is defined for the "listen ... ssl" directive',
            f"{self.pair(self.a)} ssl_ciphers NOPE;": "no cipher fits",
            f"{self.pair(self.a)} ssl_verify_client on;": 'no "ssl_client_certificate" is defined',
            f"{self.pair(self.a)} ssl_early_data on;": "early data can be sent again",
            f"{self.pair(self.a)} ssl on;": 'write "listen PORT ssl;"',
            "ssl_certificate $ssl_server_name.pem; ssl_certificate_key x;": "takes no variables",
        }
        for text, fault in cases.items():
            said = self.check(f"server {{\n  listen 127.0.0.1:1 ssl; server_name a.test; {text} }}")
            self.assertIn(fault, said)
            self.assertIn("error", said)

    def test_doubts_are_warnings(self):
        old = Certificate(self.dir, "old", ["other.test"])
        said = self.check(f"server {{ listen 127.0.0.1:1 ssl http2; server_name a.test; {self.pair(old)} "
                          "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_stapling on; http2 on; }")
        for text in ('is for its name "a.test"', '"TLSv1.1" is broken', 'no OCSP answer can be stapled to certificate', '"http2" is not spoken yet',
                     '"http2 on" has no effect'):
            self.assertIn("warning", said)
            self.assertIn(text, said)

    def test_near_end_of_a_certificate_is_a_warning(self):
        soon = Certificate(self.dir, "soon", ["a.test"], days=20)
        said = self.check(f"server {{ listen 127.0.0.1:1 ssl; server_name a.test; {self.pair(soon)} }}")
        self.assertRegex(said, rf"\[warn\] certificate {soon.pem}: expires in (19|20) days \(serial {soon.serial}\)")
        self.assertIn("test is successful", said)
        self.assertNotIn("expires", self.check(f"server {{ listen 127.0.0.1:1 ssl; server_name a.test; {self.pair(self.a)} }}"))


if __name__ == "__main__":
    main()
