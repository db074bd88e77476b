#!/usr/bin/env python3
"""Which virtual server a TLS client gets: nginx's rules, over a table of configurations.

Each probe names the server that is asked for in the handshake (None: none) and in the request, and says whose certificate nginx shows and what
it answers; where weir differs, its own answer follows, with the reason. NGINX_BINARY=... checks the same table against an nginx, too.
"""
import dataclasses
import os
import pathlib
import re
import subprocess
import tempfile

from weirtest import main, wait_until
from weirtest.address import connect, free_address
from weirtest.certificates import Certificate
from weirtest.client import request_bytes
from weirtest.tls import TlsCase

REJECTED = "unrecognized_name"
OTHER_CERTIFICATE = "the certificate that was shown is not for that host (421: a client that shares connections asks again on one of its own)"
NO_NAME = "no host name: nginx takes it for none given"
NOT_SHAKEN_FOR_IT = "the server asks for client certificates, and this connection was not asked for one"


@dataclasses.dataclass
class Probe:
    name: str | None  # in the handshake
    shown: str        # the common name of the certificate, or an alert
    answer: str = ""  # status and text; "" after an alert
    host: str = ""    # in the request; "": the same name
    weir: tuple[str, str] | None = None  # what weir shows and answers, where it differs
    why: str = ""
    certificate: str = ""  # that the client shows


def server(names: str, label: str, certificate: str = "", more: str = "", listen: str = "<<front>> ssl", root: str = "") -> str:
    pair = f"ssl_certificate <<certificates>>/{certificate}.pem; ssl_certificate_key <<certificates>>/{certificate}.key;" if certificate else ""
    return f"server {{ listen {listen}; {f'server_name {names};' if names else ''} {pair} {more} location / {{ return 200 '{label}'; {root} }} }}\n"


class Names(TlsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = Certificate(cls.dir, "authority", authority=True)
        cls.me = Certificate(cls.dir, "me", ["me.test"], issuer=cls.authority)
        for name, names in {"d": ["default.test"], "b": ["b.test"], "w": ["*.w.test"], "xw": ["*.x.w.test"], "yw": ["y.w.test"], "mail": ["mail.org"],
                            "dot": ["dot.test", "*.dot.test"], "r": ["r22.test"], "r1": ["r1.test"], "ab": ["a.test", "b.test"]}.items():
            Certificate(cls.dir, name, names)

    def check(self, http: str, *probes: Probe):
        weir = self.weir(http, certificates=str(self.dir))
        nginx = self.nginx(http)
        for probe in probes:
            with self.subTest(sni=probe.name, host=probe.host):
                if nginx:
                    self.assertEqual(self.ask_of(nginx, probe), (probe.shown, probe.answer), "nginx")
                self.assertEqual(self.ask_of(weir.front, probe), probe.weir or (probe.shown, probe.answer), "weir")

    def ask_of(self, address: str, probe: Probe) -> tuple[str, str]:
        name = ["-servername", probe.name] if probe.name is not None else ["-noservername"]
        own = ["-cert", str(self.dir / f"{probe.certificate}.pem"), "-key", str(self.dir / f"{probe.certificate}.key")] if probe.certificate else []
        host = probe.host or probe.name or "nobody.test"
        done = subprocess.run(["openssl", "s_client", "-connect", address, "-ign_eof", *name, *own], capture_output=True, timeout=30,
                              input=request_bytes("GET", "/", {"Connection": "close"}, None, host))
        said, errors = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if "alert number 112" in errors:
            return REJECTED, ""
        if alert := re.search(r"tlsv\d+ alert ([a-z ]+):|sslv3 alert ([a-z ]+):", errors):
            return "alert " + (alert[1] or alert[2]), ""
        shown = re.search(r"subject=CN = (\S+)", said)
        status = re.search(r"HTTP/1\.1 (\d+) ", said)
        if not shown or not status:
            raise AssertionError(f"no answer: {said}{errors}")
        head, _, text = said[status.start():].partition("\r\n\r\n")
        size = int(re.search(r"Content-Length: (\d+)", head)[1])  # what s_client says of session tickets comes behind it
        return shown[1], status[1] + (" " + text[:size] if status[1] == "200" else "")

    def nginx(self, http: str) -> str:
        """The address of an nginx with that configuration; "" without one to be had."""
        binary = os.environ.get("NGINX_BINARY")
        if not binary:
            return ""
        home, front = pathlib.Path(tempfile.mkdtemp(prefix="nginx-", dir=self.dir)), free_address()
        text = http.replace("<<front>>", front).replace("<<certificates>>", str(self.dir)).replace("<<front2>>", free_address())
        (home / "logs").mkdir()
        (home / "nginx.conf").write_text(f"daemon off; master_process off; pid {home}/pid; error_log {home}/error.log info; events {{ }}\n"
                                         f"http {{ access_log off; {text} }}\n")
        process = subprocess.Popen([binary, "-p", str(home), "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")])
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

        def listens():
            if process.poll() is not None:
                raise AssertionError((home / "error.log").read_text())
            try:
                connect(front).close()
                return True
            except OSError:
                return False
        wait_until(listens, "nginx to listen")
        return front

    def test_exact_wildcard_regex_and_default_in_this_order(self):
        self.check(
            server("", "default", "d") + server("a.test", "a", "a") + server("*.w.test", "w", "w") + server("*.x.w.test", "xw", "xw") +
            server("mail.*", "mail", "mail") + server(".dot.test", "dot", "dot") + server(r"~^r\d+\.test$", "r", "r") +
            server(r"~^r1\.", "r1", "r1") + server("y.w.test", "yw", "yw"),
            Probe(None, "d", "200 default"), Probe("a.test", "a", "200 a"), Probe("A.TeSt", "a", "200 a"), Probe("a.test.", "a", "200 a"),
            Probe("x.w.test", "w", "200 w"), Probe("1.2.w.test", "w", "200 w"), Probe("y.w.test", "yw", "200 yw"), Probe("z.x.w.test", "xw", "200 xw"),
            Probe("x.w.test", "w", "200 w"), Probe("w.test", "d", "200 default"), Probe("mail.org", "mail", "200 mail"),
            Probe("mail.a.org", "mail", "200 mail"), Probe("mail", "d", "200 default"), Probe("dot.test", "dot", "200 dot"),
            Probe("a.dot.test", "dot", "200 dot"), Probe("r22.test", "r", "200 r"), Probe("r1.test", "r", "200 r"), Probe("r1.org", "r1", "200 r1"),
            Probe("R22.TEST", "r", "200 r"), Probe("unknown.test", "d", "200 default"), Probe("xa.test", "d", "200 default"),
            Probe("127.0.0.1", "d", "200 default"), Probe("under_score.test", "d", "200 default"))

    def test_default_server_may_be_named(self):
        self.check(
            server("a.test", "a", "a") + server("b.test", "b", "b", listen="<<front>> ssl default_server"),
            Probe(None, "b", "200 b"), Probe("unknown.test", "b", "200 b"), Probe("a.test", "a", "200 a"),
            Probe(None, "b", "200 a", host="a.test"))

    def test_server_without_a_certificate_shows_the_default_servers(self):
        self.check(
            server("a.test", "a", "a") + server("bare.test", "bare") + server("sslless.test", "sslless", "b", listen="<<front>>"),
            Probe("bare.test", "a", "200 bare"), Probe("sslless.test", "b", "200 sslless"), Probe(None, "a", "200 bare", host="bare.test"))

    def test_certificates_of_http_are_every_servers(self):
        self.check(
            "ssl_certificate <<certificates>>/d.pem; ssl_certificate_key <<certificates>>/d.key;\n" + server("a.test", "a", "a") + server("bare.test", "bare"),
            Probe("a.test", "a", "200 a"), Probe("bare.test", "d", "200 bare"), Probe(None, "a", "200 a"))

    def test_handshakes_are_rejected_by_name_and_by_default(self):
        self.check(
            server("", "never", more="ssl_reject_handshake on;", listen="<<front>> ssl default_server") + server("a.test", "a", "a") +
            server("no.test", "never", "b", more="ssl_reject_handshake on;"),
            Probe("a.test", "a", "200 a"), Probe(None, REJECTED), Probe("unknown.test", REJECTED), Probe("no.test", REJECTED))

    def test_host_chooses_the_server_and_the_name_the_certificate(self):
        self.check(
            server("a.test", "a", "a") + server("b.test", "b", "b") + server("x.wild.test", "wild", "d"),
            Probe("a.test", "a", "200 b", host="b.test", weir=("a", "421"), why=OTHER_CERTIFICATE),
            Probe("a.test", "a", "200 a", host="unknown.test"),
            Probe("unknown.test", "a", "200 b", host="b.test", weir=("a", "421"), why=OTHER_CERTIFICATE),
            Probe("a.test", "a", "200 wild", host="x.wild.test"),  # the certificate is for *.wild.test
            Probe(None, "a", "200 b", host="b.test"))

    def test_certificate_for_both_names_serves_both_hosts(self):
        self.check(server("a.test", "a", "ab") + server("b.test", "b", "ab"),
                   Probe("a.test", "ab", "200 b", host="b.test"), Probe("b.test", "ab", "200 a", host="a.test"))

    def test_client_certificates_stay_with_the_server_that_asks(self):
        verify = "ssl_verify_client on; ssl_client_certificate <<certificates>>/authority.pem;"
        self.check(
            server("a.test", "a", "a") + server("b.test", "$ssl_client_verify", "b", more=verify),
            Probe("b.test", "b", "200 SUCCESS", certificate="me"), Probe("b.test", "b", "400"), Probe("b.test", "b", "400", certificate="d"),
            Probe("a.test", "a", "421", host="b.test", certificate="me"),
            Probe(None, "a", "400", host="b.test", certificate="me", weir=("a", "421"), why=NOT_SHAKEN_FOR_IT),
            Probe("b.test", "b", "200 a", host="a.test", certificate="me", weir=("b", "421"), why=OTHER_CERTIFICATE))

    def test_names_that_are_none(self):
        self.check(
            server("", "default", "d") + server("a.test", "a", "a"),
            Probe("a/b", "d", "200 default", host="h.test", weir=(REJECTED, ""), why=NO_NAME),
            Probe("a..test", "d", "200 default", host="h.test", weir=(REJECTED, ""), why=NO_NAME),
            Probe("a.test:443", "a", "200 a", host="a.test", weir=(REJECTED, ""), why=NO_NAME),
            Probe("::1", "d", "200 default", host="h.test", weir=(REJECTED, ""), why=NO_NAME))

    def test_protocols_and_ciphers_are_the_chosen_servers(self):
        self.check(
            server("a.test", "$ssl_protocol", "a") + server("b.test", "$ssl_protocol", "b", more="ssl_protocols TLSv1.2;") +
            server("x.w.test", "$ssl_cipher", "w", more="ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305; ssl_prefer_server_ciphers on;"),
            Probe("a.test", "a", "200 TLSv1.3"), Probe("b.test", "b", "200 TLSv1.2"), Probe("x.w.test", "w", "200 ECDHE-ECDSA-CHACHA20-POLY1305"))

    def test_captures_of_a_name_are_those_of_the_request(self):
        self.check(
            server("a.test", "a", "a") + server(r"~^(?<sub>.+)\.w\.test$", "$sub $ssl_server_name", "w"),
            Probe("one.w.test", "w", "200 one one.w.test"), Probe("one.w.test", "w", "200 two one.w.test", host="two.w.test"))

    def test_sockets_have_default_servers_of_their_own(self):
        self.check(
            server("a.test", "a", "a", listen="<<front2>> ssl; listen <<front>> ssl") + server("b.test", "b", "b", listen="<<front>> ssl default_server"),
            Probe(None, "b", "200 b"), Probe("a.test", "a", "200 a"))


if __name__ == "__main__":
    main()
