#!/usr/bin/env python3
"""OCSP answers in the handshake: fetched beside it, kept, judged, and never a reason to fail."""
import pathlib
import shutil
import tempfile

from weirtest import Case, main
from weirtest.certificates import Certificate, openssl
from weirtest.ocsp import OcspResponder


class Stapling(Case):
    def setUp(self):
        super().setUp()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="weir-stapling-"))
        self.dir.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.authority = Certificate(self.dir, "ca", authority=True)
        self.responder = self.hold(OcspResponder(self.authority))

    def certificate(self, name: str, key: str = "ec", asks: bool = True) -> Certificate:
        """A certificate with its issuer in its file; `asks`: it names the responder."""
        made = Certificate(self.dir, name, ["a.test"], issuer=self.authority, key=key,
                           extensions=[f"authorityInfoAccess=OCSP;URI:{self.responder.url}"] if asks else [])
        chain = pathlib.Path(made.pem)
        self.responder.knows(made)
        chain.write_text(chain.read_text() + pathlib.Path(self.authority.pem).read_text())
        return made

    def stapling(self, certificate: Certificate, more: str = ""):
        return self.weir(f"server {{ listen <<front>> ssl; server_name a.test; ssl_certificate {certificate.pem}; "
                         f"ssl_certificate_key {certificate.key}; ssl_stapling on; {more} location / {{ return 200; }} }}",
                         environment={"no_proxy": "*"})

    def shown(self, weir, *more: str) -> str:
        """What openssl s_client says of the answer; the handshake itself must go well."""
        done = openssl("s_client", "-connect", weir.front, "-servername", "a.test", "-status", *more)
        text = done.stdout.decode(errors="replace")
        self.assertEqual(done.returncode, 0, text)
        self.assertIn("Cipher is", text)
        return text

    def wait_stapled(self, weir, *more: str) -> str:
        return self.wait_until(lambda: "Cert Status: good" in (text := self.shown(weir, *more)) and text, "an answer that is stapled")

    def test_answer_of_the_named_responder_is_stapled_and_kept(self):
        weir = self.stapling(self.certificate("a"))
        for version in ("-tls1_2", "-tls1_3"):
            self.wait_stapled(weir, version)
        weir.reload()
        for _ in range(3):
            self.wait_stapled(weir)
        self.assertEqual(self.responder.questions, 1)

    def test_each_certificate_has_its_own_answer(self):
        a, rsa = self.certificate("a"), self.certificate("a-rsa", key="rsa")
        weir = self.stapling(a, f"ssl_certificate {rsa.pem}; ssl_certificate_key {rsa.key};")
        for signatures, serial in (("ECDSA+SHA256", a.serial), ("RSA-PSS+SHA256", rsa.serial)):
            self.assertIn(f"Serial Number: {serial}", self.wait_stapled(weir, "-sigalgs", signatures))
        self.assertEqual(self.responder.questions, 2)

    def test_responder_of_the_configuration_is_asked(self):
        weir = self.stapling(self.certificate("a", asks=False), f"ssl_stapling_responder {self.responder.url};")
        self.wait_stapled(weir)

    def test_signer_is_verified_where_it_is_asked_for(self):
        a = self.certificate("a")
        weir = self.stapling(a, f"ssl_stapling_verify on; ssl_trusted_certificate {self.authority.pem};")
        self.wait_stapled(weir)
        stranger = Certificate(self.dir, "stranger", authority=True)
        weir = self.stapling(a, f"ssl_stapling_verify on; ssl_trusted_certificate {stranger.pem};")
        weir.wait_error(r"no OCSP answer from http://127.0.0.1:\d+ \(its signature cannot be verified: ")
        self.assertIn("no response sent", self.shown(weir))

    def test_answer_of_another_signer_is_not_stapled(self):
        self.responder.signer = Certificate(self.dir, "stranger", authority=True)
        weir = self.stapling(self.certificate("a"), "ssl_stapling_verify on;")
        weir.wait_error(r"certificate .*a.pem: no OCSP answer from .* \(its signature cannot be verified")
        self.assertIn("no response sent", self.shown(weir))

    def test_revoked_certificate_goes_without(self):
        a = self.certificate("a")
        self.responder.knows(a, revoked=True)
        weir = self.stapling(a)
        weir.wait_error(r"\(the certificate is \"revoked\"\)")
        self.assertIn("no response sent", self.shown(weir))

    def test_responder_in_trouble_fails_no_handshake(self):
        for mode, why in (("fails", "status 500"), ("nonsense", "it is no OCSP answer")):
            self.responder.mode = mode
            weir = self.stapling(self.certificate(f"a-{mode}"))
            weir.wait_error(rf"no OCSP answer from .* \({why}")
            self.assertIn("no response sent", self.shown(weir))

    def test_answer_of_a_file_is_stapled_until_it_runs_out(self):
        a = self.certificate("a", asks=False)
        file = self.dir / "answer.der"
        file.write_bytes(self.responder.answer(self.responder.question(a)))
        weir = self.stapling(a, f"ssl_stapling_file {file};")
        self.assertIn("Cert Status: good", self.shown(weir))
        self.assertEqual(self.responder.questions, 0)
        other = self.certificate("other", asks=False)
        weir = self.stapling(other, f"ssl_stapling_file {file};")
        weir.wait_error(r"answer.der\" is not stapled: it is for another certificate")
        self.assertIn("no response sent", self.shown(weir))

    def test_clients_that_do_not_ask_get_none(self):
        weir = self.stapling(self.certificate("a"))
        self.wait_stapled(weir)
        done = openssl("s_client", "-connect", weir.front, "-servername", "a.test")
        self.assertNotIn("OCSP", done.stdout.decode(errors="replace").replace("No OCSP", ""))


if __name__ == "__main__":
    main()
