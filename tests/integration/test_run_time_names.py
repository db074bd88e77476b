#!/usr/bin/env python3
"""Hosts that only a request names: asked of the resolver, cached, shared, failed over, over TLS; and what -t says of them."""
import threading

from weirtest import Backend, Case, answer, main, own_host
from weirtest.dns import Dns
from weirtest.weir import run

LOG = 'log_format f "$status|$upstream_addr|$upstream_reason"; access_log <<dir>>/f.log f buffer=32k flush=10ms;\n'


class GatedDns(Dns):
    """Answers only once the test lets it."""
    gate: threading.Event | None = None

    def _answer(self, query: bytes) -> bytes:
        reply = super()._answer(query)
        if self.gate is not None:
            self.gate.wait(30)
        return reply


class RunTime(Case):
    def setUp(self):
        super().setUp()
        self.dns = GatedDns()
        self.hold(self.dns)
        self.port = 0

    def peer(self, name: str) -> Backend:
        """Peers of one port, on addresses of their own."""
        host = own_host(len(self._backends))
        backend = self.backend(lambda r: answer(f"{name} {r.get('Host')}"), name=name, address=f"{host}:{self.port}")
        self.port = int(backend.address.split(":")[1])
        backend.host = host
        return backend

    def scene(self, resolver: str = "", location: str = "", **options):
        return self.weir(f"{LOG}resolver {self.dns.address} ipv6=off {resolver};\n"
                         f"server {{ listen <<front>>; location / {{ proxy_pass http://$arg_to; {location} }} }}", **options)

    def test_host_of_a_request_is_resolved_and_reached(self):
        a = self.peer("a")
        self.dns.a("app.test", a.host)
        weir = self.scene(workers=1)
        self.assertEqual(self.get(weir, f"/?to=app.test:{self.port}").text, f"a app.test:{self.port}")
        self.assertEqual(self.get(weir, f"/?to={a.address}").status, 200, "an address needs nobody to be asked")
        self.assertEqual(self.dns.distinct("app.test"), 1)

    def test_localhost_is_known_without_asking(self):
        backend = self.backend(lambda r: answer("local"), address="127.0.0.1:0")
        weir = self.scene()
        self.assertEqual(self.get(weir, f"/?to=localhost:{backend.address.split(':')[1]}").text, "local")
        self.assertEqual(self.dns.questions, [])

    def test_concurrent_requests_share_one_question(self):
        a = self.peer("a")
        self.dns.a("app.test", a.host)
        self.dns.gate = threading.Event()
        weir = self.scene("valid=60s", workers=2)
        clients = [self.client(weir).send_request(path=f"/?to=app.test:{self.port}") for _ in range(20)]
        self.wait_until(lambda: self.dns.asked("app.test"), "a question")
        self.dns.gate.set()
        for client in clients:
            self.assertEqual(client.read_response().status, 200)
        self.assertEqual(self.dns.distinct("app.test"), 1, "of both workers together")

    def test_change_is_followed_when_the_answer_has_run_out(self):
        a, b = self.peer("a"), self.peer("b")
        self.dns.a("app.test", a.host)
        weir = self.scene("valid=1s")
        path = f"/?to=app.test:{self.port}"
        self.assertTrue(self.get(weir, path).text.startswith("a "))
        self.dns.a("app.test", b.host)
        self.wait_until(lambda: self.get(weir, path).text.startswith("b "), "the new address")
        self.assertNotIn("generation 2", weir.errors(), "no snapshot is built for it")

    def test_dead_address_of_two_is_passed_over(self):
        a, b = self.peer("a"), self.peer("b")
        self.dns.a("app.test", a.host, b.host)
        a.stop()
        weir = self.scene(workers=1)
        for _ in range(4):
            self.assertTrue(self.get(weir, f"/?to=app.test:{self.port}").text.startswith("b "))
        reasons = [line.split("|")[2] for line in weir.wait_log(4, "f.log")]
        self.assertIn("connect_refused, ok", reasons)

    def test_unknown_host_is_502_with_a_reason_of_its_own(self):
        weir = self.scene()
        self.assertEqual(self.get(weir, "/?to=nowhere.test").status, 502)
        self.assertEqual(weir.wait_log(1, "f.log"), ["502|nowhere.test|name_unresolved"])
        weir.wait_error("nowhere.test could not be resolved \\(host not found")

    def test_silent_resolver_is_502_after_its_timeout(self):
        self.dns.mode = "silent"
        weir = self.scene(location="resolver_timeout 300ms;")
        self.assertEqual(self.get(weir, "/?to=app.test").status, 502)
        self.assertEqual(weir.wait_log(1, "f.log"), ["502|app.test|name_unresolved"])
        weir.wait_error("app.test could not be resolved \\(")

    def test_failing_resolver_is_502(self):
        self.dns.mode = "fails"
        weir = self.scene()
        self.assertEqual(self.get(weir, "/?to=app.test").status, 502)

    def test_missing_resolver_is_502_and_logged(self):
        weir = self.weir("server { listen <<front>>; location / { proxy_pass http://$arg_to; } }")
        self.assertEqual(self.get(weir, "/?to=app.test:81").status, 502)
        weir.wait_error("no resolver defined to resolve app.test ")

    def test_wrong_ports_are_500(self):
        weir = self.scene()
        for to in ("app.test:0", "app.test:99999", ""):
            self.assertEqual(self.get(weir, f"/?to={to}").status, 500, to)
        self.assertEqual(self.dns.questions, [])

    def test_reload_while_a_question_is_under_way_loses_nothing(self):
        a = self.peer("a")
        self.dns.a("app.test", a.host)
        self.dns.gate = threading.Event()
        weir = self.scene()
        client = self.client(weir).send_request(path=f"/?to=app.test:{self.port}")
        self.wait_until(lambda: self.dns.asked("app.test"), "a question")
        weir.reload()
        self.dns.gate.set()
        self.assertEqual(client.read_response().status, 200)

    def test_resolver_of_the_location_goes_before_the_servers(self):
        a = self.peer("a")
        other = Dns().a("app.test", a.host)
        self.hold(other)
        weir = self.weir(f"resolver {self.dns.address} ipv6=off; server {{ listen <<front>>;\n"
                         f"location / {{ proxy_pass http://$arg_to; resolver {other.address} ipv6=off; }} }}")
        self.assertEqual(self.get(weir, f"/?to=app.test:{self.port}").status, 200)
        self.assertEqual(self.dns.questions, [])

    def test_literal_of_a_variable_is_asked_for_again(self):
        a, b = self.peer("a"), self.peer("b")
        self.dns.a("app.test", a.host)
        weir = self.weir(f"resolver {self.dns.address} ipv6=off valid=1s; server {{ listen <<front>>;\n"
                         f"location / {{ set $up http://app.test:{self.port}; proxy_pass $up; }} }}")
        self.assertEqual(self.get(weir).text, f"a app.test:{self.port}")
        self.dns.a("app.test", b.host)
        self.wait_until(lambda: self.get(weir).text.startswith("b "), "the new address")

    def test_check_warns_of_hosts_that_requests_choose(self):
        weir = self.scene(start=False)
        checked = run("-t", "-c", str(weir.config_path))
        self.assertEqual(checked.returncode, 0)
        self.assertIn("server side request forgery", checked.stderr + checked.stdout)
        self.assertIn('a "map" without variables', checked.stderr + checked.stdout)


if __name__ == "__main__":
    main()
