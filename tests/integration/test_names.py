#!/usr/bin/env python3
"""Peers by name: resolve, SRV, changes, and a DNS that fails or is silent (the fault table's row of DNS failure)."""
import threading
import time

from weirtest import Case, answer, free_address, main, own_host
from weirtest.dns import A, SRV, Dns
from weirtest.weir import run


class Names(Case):
    def setUp(self):
        super().setUp()
        self.dns = Dns()
        self.hold(self.dns)
        # All on one port, as the peers of a name are.
        self.port = int(free_address().rpartition(":")[2])
        self.hosts = [own_host(i) for i in (1, 2, 3)]

    def peer(self, index: int, port: int = 0):
        return self.backend(lambda r: answer("abc"[index]), address=f"{self.hosts[index]}:{port or self.port}")

    def named(self, server: str = "", others: str = "", upstream: str = "", server_words: str = "", patience: str = "1s", **options):
        server = server or f"app.test:{self.port} resolve"
        return self.weir(
            f"""upstream u {{ resolver {self.dns.address} ipv6=off; resolver_timeout {patience}; server {server}; {others} {upstream} }}
            server {{ listen <<front>>; {server_words} location / {{ proxy_pass http://u; }} }}""", **options)

    def sequence(self, weir, count: int = 6) -> str:
        return "".join(self.get(weir).text for _ in range(count))

    def wait_set(self, weir, expected: str):
        self.wait_until(lambda: set(self.sequence(weir)) == set(expected), f"{expected} to serve")

    def test_every_address_is_a_peer(self):
        for i in range(3):
            self.peer(i)
        self.dns.a("app.test", *self.hosts)
        weir = self.named()
        self.assertEqual(sorted(self.sequence(weir)), list("aabbcc"))

    def test_changed_addresses_replace_the_old(self):
        for i in range(3):
            self.peer(i)
        self.dns.a("app.test", self.hosts[0])
        weir = self.named()
        self.assertEqual(self.sequence(weir), "a" * 6)
        self.dns.a("app.test", self.hosts[1], self.hosts[2])
        self.wait_set(weir, "bc")

    def test_state_of_remaining_peers_is_kept(self):
        self.peer(0)
        self.dns.a("app.test", self.hosts[0], self.hosts[1])
        weir = self.named(f"app.test:{self.port} resolve fail_timeout=600s", upstream="zone u 64k;")
        self.assertEqual(self.sequence(weir), "a" * 6)
        weir.wait_error(r"ejected for 600 s \(connect_refused\)")
        failures = weir.errors().count("connect_refused")
        self.peer(1)
        self.peer(2)
        self.dns.a("app.test", *self.hosts)
        self.wait_set(weir, "ac")
        self.assertEqual(weir.errors().count("connect_refused"), failures, "who was ejected still is")

    def test_requests_in_flight_end_well_when_their_peer_leaves(self):
        go = threading.Event()

        def slow(request):
            if request.path == "/hold":
                go.wait(60)
            return answer("a")
        self.backend(slow, address=f"{self.hosts[0]}:{self.port}")
        self.peer(1)
        self.dns.a("app.test", self.hosts[0])
        weir = self.named()
        waiting = self.client(weir).send_request(path="/hold")
        self.wait_until(lambda: weir.metric("weir_upstream_inflight", upstream="u") == 1, "the request to arrive")
        self.dns.a("app.test", self.hosts[1])
        self.wait_set(weir, "b")
        go.set()
        self.assertEqual(waiting.read_response().text, "a")

    def test_moved_name_without_resolve_is_asked_for_again(self):
        first = self.peer(0)
        self.peer(1)
        self.dns.a("app.test", self.hosts[0])
        weir = self.named(f"app.test:{self.port}")
        self.assertEqual(self.sequence(weir, 2), "aa")
        first.stop()
        self.dns.a("app.test", self.hosts[1])
        self.wait_until(lambda: self.get(weir).text == "b", "the new address to be asked for", deadline=40)
        self.assertIn("asked for again (no address of it takes a connection", weir.errors())
        self.assertLess(self.dns.asked("app.test"), 8, "asked seldom")

    def test_reload_to_another_port_keeps_the_hosts_addresses(self):
        self.peer(0)
        other = int(free_address().rpartition(":")[2])
        self.peer(0, other)
        self.dns.a("app.test", self.hosts[0])
        weir = self.named(f"app.test:{self.port}")
        self.dns.mode = "fails"
        text = f"""upstream u {{ resolver {self.dns.address} ipv6=off; resolver_timeout 1s; server app.test:{other}; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}"""
        weir.reload(text)
        self.assertEqual(self.sequence(weir, 2), "aa")

    def test_configuration_test_lists_names_that_are_resolved_once(self):
        self.dns.a("app.test", self.hosts[0])
        weir = self.named(f"app.test:{self.port}", others=f"server follows.test:{self.port} resolve; server localhost:1;")
        done = run("-c", str(weir.config_path), "-t")
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"no address of theirs takes a connection: app.test:{self.port} (", done.stderr)

    def test_last_good_answer_is_kept_through_failure_and_silence(self):
        self.peer(0)
        self.peer(1)
        self.dns.a("app.test", self.hosts[0])
        weir = self.named()
        self.assertEqual(self.sequence(weir), "a" * 6)
        for mode in ("fails", "silent"):
            with self.subTest(mode):
                self.dns.mode = mode
                asked = len(self.dns.questions)
                self.wait_until(lambda: len(self.dns.questions) >= asked + 2, "weir to ask again", deadline=40)
                self.assertEqual(self.sequence(weir), "a" * 6)
        self.dns.a("app.test", self.hosts[1])
        self.dns.mode = "answers"
        self.wait_set(weir, "b")

    def test_name_that_vanishes_keeps_its_last_addresses(self):
        self.peer(0)
        self.dns.a("app.test", self.hosts[0])
        weir = self.named()
        self.dns.records.clear()
        asked = len(self.dns.questions)
        self.wait_until(lambda: len(self.dns.questions) >= asked + 2, "weir to ask again")
        self.assertEqual(self.sequence(weir), "a" * 6)

    def test_unresolved_name_at_start_warns_and_is_retried(self):
        other = self.backend(lambda r: answer("o"))
        for words in ("resolve", ""):
            with self.subTest(words):
                self.dns.records.clear()
                weir = self.named(f"app.test:{self.port} {words}", f"server {other.address};")
                self.wait_until(lambda: "app.test" in weir.errors(), "the warning")
                self.assertEqual(self.sequence(weir), "o" * 6)
                backend = self.peer(0)
                self.dns.a("app.test", self.hosts[0])
                self.wait_set(weir, "ao")
                backend.stop()

    def test_silent_dns_delays_no_request(self):
        other = self.backend(lambda r: answer("o"))
        self.peer(0)
        self.dns.a("app.test", self.hosts[0])
        weir = self.named(others=f"server {other.address};", patience="10s")
        self.dns.mode = "silent"
        asked = len(self.dns.questions)
        slowest, end = 0.0, time.monotonic() + 20
        while len(self.dns.questions) < asked + 2 and time.monotonic() < end:
            begun = time.monotonic()
            self.assertEqual(self.get(weir).status, 200)
            slowest = max(slowest, time.monotonic() - begun)
        self.assertGreaterEqual(len(self.dns.questions), asked + 2)
        self.assertLess(slowest, 4.0)  # who waited for it would do so for ten seconds

    def test_service_records_give_port_and_weight_and_backups(self):
        ports = [int(free_address(h).rpartition(":")[2]) for h in self.hosts]
        for i in range(3):
            self.peer(i, ports[i])
        for i, name in enumerate(("one.test", "two.test", "three.test")):
            self.dns.a(name, self.hosts[i])
        self.dns.srv("_http._tcp.app.test", (1, 2, ports[0], "one.test"), (1, 1, ports[1], "two.test"), (2, 1, ports[2], "three.test"))
        weir = self.named("app.test service=http resolve")
        got = self.sequence(weir, 9)
        self.assertEqual((got.count("a"), got.count("b"), got.count("c")), (6, 3, 0), "weights hold, the higher priority number waits as backup")
        self.assertGreater(self.dns.asked("_http._tcp.app.test", SRV), 0)
        self.dns.srv("_http._tcp.app.test", (1, 1, ports[2], "three.test"))
        self.wait_set(weir, "c")

    def test_reload_asks_anew(self):
        self.peer(0)
        self.peer(1)
        self.dns.ttl = 3600
        self.dns.a("app.test", self.hosts[0])
        weir = self.named()
        self.assertEqual(self.sequence(weir), "a" * 6)
        asked = self.dns.asked("app.test", A)
        self.dns.a("app.test", self.hosts[1])
        weir.reload()
        self.assertGreater(self.dns.asked("app.test", A), asked)
        self.wait_set(weir, "b")

    def test_valid_overrides_a_long_ttl(self):
        self.peer(0)
        self.peer(1)
        self.dns.ttl = 3600
        self.dns.a("app.test", self.hosts[0])
        weir = self.weir(
            f"""upstream u {{ resolver {self.dns.address} valid=1s ipv6=off; server app.test:{self.port} resolve; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}""")
        self.assertEqual(self.sequence(weir), "a" * 6)
        self.dns.a("app.test", self.hosts[1])
        self.wait_set(weir, "b")


if __name__ == "__main__":
    main()
