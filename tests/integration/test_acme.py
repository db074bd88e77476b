#!/usr/bin/env python3
"""Certificates that come by themselves: ssl_certificate_auto against an ACME server that believes nobody."""
import datetime
import json
import pathlib
import shutil
import signal
import socket
import ssl
import tempfile
import time

from cryptography import x509

from weirtest import Case, main
from weirtest.acme import AcmeServer
from weirtest.certificates import Certificate
from weirtest.client import request_bytes
from weirtest.message import Reader, read_response


class Acme(Case):
    def setUp(self):
        super().setUp()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="weir-acme-"))
        self.dir.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.server = self.hold(AcmeServer(self.dir))

    def tearDown(self):
        super().tearDown()
        self.assertEqual(self.server.violations, [])

    def settings(self, **other) -> str:
        lines = {"acme_directory": self.server.directory, "acme_trusted_certificate": self.server.certificate, "acme_state": self.dir / "state",
                 "acme_accept_terms": "on", "acme_contact": "me@a.test", **other}
        return " ".join(f"{name} {value};" for name, value in lines.items() if value)

    def keeping(self, names="a.test", block="", settings=None, leads=True, server="", **options):
        """A weir with a plain and a TLS listener, whose certificate is to come."""
        weir = self.weir(
            f"{self.settings(**(settings or {}))}\n"
            f"server {{ listen <<front>>; server_name {names}; {block} location / {{ return 200 plain; }} }}\n"
            f"server {{ listen <<front2>> ssl; server_name {names}; ssl_certificate_auto; {server} location / {{ return 200 secret; }} }}\n",
            environment={"no_proxy": "*"}, start=False, **options)
        if leads:
            self.server.leads(*names.split(), http=weir.front, tls=weir.front2)
        return weir.start()

    def shown(self, address: str, name="a.test") -> x509.Certificate | None:
        """What a client sees that trusts the server's CA; None: the handshake is refused for want of a certificate."""
        context = ssl.create_default_context(cadata=self.server.authority_pem.decode())
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), 20) as raw:
            try:
                with context.wrap_socket(raw, server_hostname=name) as secured:
                    secured.sendall(request_bytes("GET", "/", {"Connection": "close"}, None, name))
                    response = read_response(Reader(secured), "GET")
                    self.assertEqual((response.status, response.text), (200, "secret"))
                    return x509.load_der_x509_certificate(secured.getpeercert(True))
            except ssl.SSLError as error:
                self.assertIn("UNRECOGNIZED_NAME", str(error).upper().replace(" ", "_"))
                return None

    def wait_shown(self, weir, name="a.test") -> x509.Certificate:
        return self.wait_until(lambda: self.shown(weir.front2, name), f"a certificate for {name}", deadline=60)

    def wait_unlocked(self) -> None:
        """What is done has been written down, too."""
        self.wait_until(lambda: not list(self.dir.glob("state/*/lock")), "the lock to be released")

    def wait_proof(self, shows) -> None:
        """Until whoever shows proofs shows that of the only authorization: `shows` is given its token."""
        def shown() -> bool:
            tokens = [each["tokens"][each["tried"]] for each in list(self.server.authorizations.values()) if each["tried"]]
            return bool(tokens) and shows(tokens[0])
        self.wait_until(shown, "a proof to be shown")

    def proves(self, address: str, name="a.test") -> bool:
        """Whether a CA that speaks acme-tls/1 is shown something."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["acme-tls/1"])
        host, _, port = address.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), 20) as raw, context.wrap_socket(raw, server_hostname=name) as secured:
                return secured.selected_alpn_protocol() == "acme-tls/1"
        except ssl.SSLError:
            return False

    def tries(self) -> dict:
        files = list(self.dir.glob("state/*/tries/*.json"))
        return json.loads(files[0].read_text()) if files else {}

    def made(self, path: str) -> int:
        return self.server.requests.count(f"POST {path}")


class Issuance(Acme):
    def test_certificate_comes_by_http01(self):
        weir = self.keeping(settings={"acme_challenge": "http-01"}, block="return 301 https://$host$request_uri;")
        self.wait_shown(weir)
        self.assertEqual(self.server.validations, [("http-01", "a.test")])
        self.assertEqual([each["contact"] for each in self.server.accounts.values()], [["mailto:me@a.test"]])
        weir.wait_error(r"certificate a.test: issued \(by CN=the tests' ACME CA, serial [0-9A-F]+, 89 days left\)")
        self.wait_unlocked()
        listed = weir.ctl("list", "certificates").stdout
        self.assertRegex(listed, r"a\.test\.pem +a\.test +EC prime256v1 +89 .*valid, next 20\d\d-")
        self.assertEqual(weir.metric("weir_acme_orders_total", result="issued"), 1)
        for path in self.dir.glob("state/**/*"):
            self.assertEqual(path.stat().st_mode & 0o777, 0o700 if path.is_dir() else 0o600, path)
        # What a CA was shown is gone, and the server's own word holds for that path, too.
        self.assertEqual(list(self.dir.glob("state/*/challenges/*")), [])
        self.assertEqual(self.get(weir, "/.well-known/acme-challenge/x", host="a.test").status, 301)

    def test_certificate_comes_by_tls_alpn01(self):
        weir = self.keeping(settings={"acme_challenge": "tls-alpn-01"})
        self.wait_shown(weir)
        self.assertEqual(self.server.validations, [("tls-alpn-01", "a.test")])
        # The protocol is spoken with CAs alone, while there is something to prove.
        with self.assertRaises(ssl.SSLError):
            self.server.look_by_tls("a.test", "", "")

    def test_failed_challenge_leads_to_the_other_kind(self):
        weir = self.keeping(leads=False)
        self.server.leads("a.test", tls=weir.front2)  # nobody answers at port 80
        weir.wait_error(r"certificate a.test: not issued \(refused: a.test: http-01: no address for a.test \(dns\)\), next try in 1[5-8] min")
        self.assertEqual(self.tries()["failures"], 1)
        weir.signal(signal.SIGTERM)
        weir.wait_exit()
        memory = next(self.dir.glob("state/*/tries/*.json"))  # the operator has seen to it: 15 minutes are not waited for
        memory.write_text(json.dumps({"failures": 1}))
        weir.start()
        self.wait_shown(weir)
        self.assertEqual([kind for kind, _ in self.server.validations], ["http-01", "tls-alpn-01"])

    def test_certificate_is_for_several_names(self):
        weir = self.keeping(names="a.test b.test c.test")
        for name in ("a.test", "b.test", "c.test"):
            self.wait_shown(weir, name)
        self.assertEqual(len(self.server.issued), 1)

    def test_account_is_bound_to_one_with_the_ca(self):
        self.server.external = {"kid-7": b"0123456789abcdef0123456789abcdef"}
        weir = self.keeping(settings={"acme_external_account": "kid-7 data:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"})
        self.wait_shown(weir)

    def test_refused_terms_make_no_account(self):
        weir = self.keeping(settings={"acme_accept_terms": "off"})
        weir.wait_error(r"not issued \(account: the CA wants its terms agreed to \(https://localhost:\d+/terms\): \"acme_accept_terms on;\"\)")
        self.assertEqual(self.server.accounts, {})

    def test_certificate_is_renewed_when_two_thirds_have_passed(self):
        self.server.age = datetime.timedelta(days=75)
        weir = self.keeping()
        first = self.wait_shown(weir)
        weir.signal(signal.SIGTERM)
        weir.wait_exit()
        self.server.age = datetime.timedelta(hours=1)
        weir.start()  # looks at once
        second = self.wait_until(lambda: (seen := self.shown(weir.front2)) and seen.serial_number != first.serial_number and seen,
                                 "the renewed certificate")
        self.assertNotEqual(first.public_key().public_numbers(), second.public_key().public_numbers())
        self.assertEqual(len(self.server.accounts), 1)
        weir.signal(signal.SIGTERM)
        weir.wait_exit()
        weir.start()
        self.assertEqual(self.shown(weir.front2).serial_number, second.serial_number)
        self.wait_until(lambda: "valid" in weir.ctl("list", "certificates").stdout, "the first look")
        self.assertEqual(len(self.server.issued), 2)

    def test_other_servers_start_without_the_certificate(self):
        own = Certificate(self.dir, "own", ["own.test"])
        self.server.broken = True
        weir = self.weir(f"{self.settings()}\nserver {{ listen <<front>> ssl; server_name own.test; ssl_certificate {own.pem}; "
                         f"ssl_certificate_key {own.key}; location / {{ return 200 own; }} }}\n"
                         "server { listen <<front>> ssl; server_name a.test; ssl_certificate_auto; location / { return 200 secret; } }",
                         environment={"no_proxy": "*"})
        self.assertIsNone(self.shown(weir.front))
        weir.wait_error("TLS: no certificate for its server name yet")
        context = ssl.create_default_context(cafile=own.pem)
        host, _, port = weir.front.rpartition(":")
        with socket.create_connection((host, int(port)), 20) as raw, context.wrap_socket(raw, server_hostname="own.test") as secured:
            secured.sendall(request_bytes("GET", "/", (), None, "own.test"))
            self.assertEqual(read_response(Reader(secured), "GET").text, "own")


class Trouble(Acme):
    def test_lost_nonces_are_taken_anew(self):
        self.server.lost_nonces = 3
        self.wait_shown(self.keeping())

    def test_answers_without_nonces_are_asked_for_some(self):
        self.server.silent_nonces = True
        self.wait_shown(self.keeping())
        self.assertGreater(self.server.requests.count("HEAD /nonce"), 5)

    def test_slow_authorizations_are_waited_for(self):
        self.server.slow = 2
        self.wait_shown(self.keeping())

    def test_pending_order_goes_on_after_a_restart(self):
        self.server.holds_orders = True
        weir = self.keeping()
        self.wait_until(lambda: any(each["status"] == "processing" for each in list(self.server.orders.values())), "a finalized order")
        self.wait_until(lambda: self.tries().get("order"), "the order's URL on disk")
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        self.server.holds_orders = False
        weir.start()
        self.wait_shown(weir)
        self.assertEqual((len(self.server.orders), len(self.server.validations)), (1, 1))

    def test_caa_failure_is_named_and_waited_out(self):
        self.server.caa = {"a.test"}
        weir = self.keeping()
        weir.wait_error(r"certificate a.test: not issued \(refused: a.test: http-01: CAA record for a.test prevents issuance \(caa\)\), "
                        r"next try in 1[5-8] min")
        self.wait_until(lambda: "failed (refused" in weir.ctl("list", "certificates").stdout, "the failure in the list")
        self.assertEqual(weir.metric("weir_acme_failures", certificate="a.test"), 1)
        self.assertEqual(weir.metric("weir_acme_orders_total", result="failed"), 1)
        self.assertEqual(self.get(weir, host="a.test").text, "plain")

    def test_server_that_is_down_is_asked_again_later(self):
        self.server.broken = True
        weir = self.keeping()
        weir.wait_error(r"not issued \(server not reached: https://localhost:\d+/directory: status 503\), next try in \d+ s")
        self.assertIsNone(self.shown(weir.front2))
        self.assertEqual(self.tries()["failures"], 1)

    def test_unreachable_server_is_named(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            weir = self.keeping(settings={"acme_directory": f"https://localhost:{closed.getsockname()[1]}/directory"})
            weir.wait_error(r"not issued \(server not reached: .*: Failed to connect to localhost port")

    def test_server_of_another_ca_is_not_trusted(self):
        weir = self.keeping(settings={"acme_trusted_certificate": Certificate(self.dir, "stranger").pem})
        weir.wait_error(r"not issued \(server not reached: .*certificate")

    def test_rate_limit_is_obeyed_over_restarts(self):
        self.server.limited = 1
        weir = self.keeping()
        weir.wait_error(r"not issued \(rate limited: too many new orders \(rateLimited\)\), next try in")
        self.assertGreaterEqual(self.tries()["next_try"] - time.time(), 7_100)
        weir.signal(signal.SIGTERM)
        weir.wait_exit()
        asked = self.made("/order")
        weir.start()
        self.wait_until(lambda: "failed (rate limited" in weir.ctl("list", "certificates").stdout, "the first look")
        self.assertEqual(self.made("/order"), asked)

    def test_forgotten_account_is_made_anew(self):
        self.server.age = datetime.timedelta(days=75)
        weir = self.keeping()
        self.wait_shown(weir)
        weir.signal(signal.SIGTERM)
        weir.wait_exit()
        self.server.accounts.clear()
        self.server.age = datetime.timedelta(hours=1)
        weir.start()
        self.wait_until(lambda: len(self.server.issued) == 2, "a certificate of the new account", deadline=60)
        kept = next(self.dir.glob("state/*/account.json"))
        self.wait_until(lambda: [json.loads(kept.read_text())["url"]] == list(self.server.accounts), "the new account on disk")

    def test_stop_ends_an_order_at_once(self):
        self.server.slow = 1000
        weir = self.keeping()
        self.wait_until(lambda: any(each["tried"] for each in list(self.server.authorizations.values())), "an order")
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        self.assertEqual(list(self.dir.glob("state/*/lock")), [])


class Fleet(Acme):
    def test_nodes_of_a_fleet_order_one_certificate(self):
        self.server.slow = 1000
        one = self.keeping()
        two = self.keeping(leads=False)
        self.wait_proof(lambda token: self.get(two, f"/.well-known/acme-challenge/{token}", host="a.test").text.startswith(token))
        self.server.leads("a.test", http=two.front)  # the CA comes to whichever node
        self.server.settle()
        serials = {self.wait_shown(each).serial_number for each in (one, two)}
        self.assertEqual((len(serials), len(self.server.orders), len(self.server.issued)), (1, 1, 1))

    def test_proof_of_another_node_is_shown(self):
        self.server.slow = 1000
        one = self.keeping(leads=False, settings={"acme_challenge": "tls-alpn-01"})
        two = self.keeping(leads=False, settings={"acme_challenge": "tls-alpn-01"})
        self.server.leads("a.test", tls=two.front2)
        lock = self.wait_until(lambda: [each.read_text() for each in self.dir.glob("state/*/lock")], "a holder")[0]
        holder = int(lock.split()[3])
        self.assertIn(holder, (one.process.pid, two.process.pid))
        self.wait_proof(lambda _: self.proves(two.front2))
        self.server.settle()
        for each in (one, two):
            self.wait_shown(each)
        self.assertEqual(len(self.server.issued), 1)

    def test_lock_of_a_dead_node_is_broken(self):
        self.server.slow = 1000
        weir = self.keeping()
        self.wait_until(lambda: list(self.dir.glob("state/*/challenges/*")), "a proof")
        weir.kill()
        self.assertTrue(list(self.dir.glob("state/*/lock")))
        self.server.settle()
        weir.start()
        self.wait_shown(weir)
        self.assertEqual(len(self.server.orders), 1)

    def test_lock_of_a_live_node_is_respected(self):
        state = self.dir / "state"
        self.server.holds_orders = True
        one = self.keeping()
        self.wait_until(lambda: self.server.orders, "the order of the first node")
        two = self.keeping(leads=False)
        self.wait_until(lambda: "waiting" in two.ctl("list", "certificates").stdout, "the second node's look")
        self.assertEqual((len(list(state.glob("*/lock"))), len(self.server.orders)), (1, 1))
        self.server.holds_orders = False
        for each in (one, two):
            self.wait_shown(each)
        self.assertEqual(len(self.server.issued), 1)


if __name__ == "__main__":
    main()
