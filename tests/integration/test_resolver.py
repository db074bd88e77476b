#!/usr/bin/env python3
"""Names of upstream servers while clients come and go: changes under load, and how long a dead resolver may hold things up."""
import re
import signal
import socket
import threading
import time

from weirtest import Backend, Case, Load, answer, main, own_host
from weirtest.dns import SRV, Dns
from weirtest.weir import run

BOUND = 15.0  # seconds; a load asks for 5 at most


class RotatingDns(Dns):
    """Another order of the addresses in every answer."""

    def _answer(self, query: bytes) -> bytes:
        for key, found in list(self.records.items()):
            self.records[key] = found[1:] + found[:1]
        return super()._answer(query)


class Names(Case):
    dns_class = Dns

    def setUp(self):
        super().setUp()
        self.dns = self.dns_class()
        self.hold(self.dns)
        self.port = 0

    def peer(self, name: str, reply=None) -> Backend:
        """Peers of one port, on addresses of their own."""
        host = own_host(len(self._backends))
        backend = self.backend(reply or (lambda r: answer(name)), name=name, address=f"{host}:{self.port}")
        self.port = int(backend.address.split(":")[1])
        backend.host = host
        return backend

    def text(self, server: str, upstream: str = "") -> str:
        return (f"upstream u {{ resolver {self.dns.address} ipv6=off; server {server}; {upstream} }}\n"
                "server { listen <<front>>; location / { proxy_pass http://u; } }")

    def scene(self, server: str = "", upstream: str = "", **options):
        return self.weir(self.text(server or f"app.test:{self.port} resolve", upstream), **options)

    def answers(self, weir, count: int = 8) -> set:
        return {self.get(weir).text for _ in range(count)}

    def wait_answers(self, weir, *names: str) -> None:
        self.wait_until(lambda: self.answers(weir) == set(names), f"answers of {names}")

    def wait_questions(self, name: str = "app.test", count: int = 2, kind: int = 1) -> None:
        before = self.dns.asked(name, kind)
        self.wait_until(lambda: self.dns.asked(name, kind) >= before + count, f"{count} more questions for {name}", deadline=40)


class Changes(Names):
    def test_change_is_followed_within_its_ttl(self):
        a, b, c = self.peer("a"), self.peer("b"), self.peer("c")
        self.dns.a("app.test", a.host, b.host)
        weir = self.scene(workers=2)
        with Load(weir.front, rate=300, clients=6, methods=("GET", "POST")) as load:
            self.wait_until(lambda: a.requests and b.requests, "requests at a and b")
            self.dns.a("app.test", b.host, c.host)
            changed = time.monotonic()
            self.wait_until(lambda: c.requests, "a request at c")
            self.assertLess(time.monotonic() - changed, BOUND)
            weir.wait_error(r"new addresses of upstream servers")
            in_force, before = time.monotonic(), load.count()
            self.wait_until(lambda: load.count() > before + 300, "more requests")
        self.assertEqual(load.failed(), [])
        later = {str(each.number) for each in load.outcomes if each.begun > in_force}
        self.assertGreater(len(later), 100)
        self.assertEqual([r.get("X-Id") for r in a.requests if r.get("X-Id") in later], [], "who is no longer in the answer gets nothing")
        told = re.search(r'"app\.test:\d+": resolved to (.*)', weir.errors()).group(1)
        self.assertEqual(told, f"{b.address}, {c.address} (before: {a.address}, {b.address})")

    def test_remaining_peer_keeps_its_inflight_count(self):
        go = threading.Event()

        def reply(request):
            if request.path == "/hold":
                go.wait(60)
            return answer("a")
        a, b = self.peer("a", reply), self.peer("b")
        self.dns.a("app.test", a.host)
        weir = self.scene(f"app.test:{self.port} resolve max_conns=1")
        client = self.client(weir).send_request(path="/hold")
        a.wait_requests()
        self.assertEqual(self.get(weir).status, 503, "a is full")
        self.dns.a("app.test", a.host, b.host)
        self.wait_until(lambda: self.get(weir).status == 200, "b")
        self.assertEqual(self.answers(weir), {"b"}, "a is full still")
        go.set()
        self.assertEqual(client.read_response().text, "a")
        self.wait_answers(weir, "a", "b")

    def test_a_name_of_many_upstreams_changes_for_all(self):
        a, b = self.peer("a"), self.peer("b")
        self.dns.a("app.test", a.host)
        groups = "".join(f"upstream u{i} {{ server app.test:{self.port} resolve; }}\n" for i in range(5))
        locations = "".join(f"location /{i} {{ proxy_pass http://u{i}; }}\n" for i in range(5))
        weir = self.weir(f"resolver {self.dns.address} ipv6=off;\n{groups}server {{ listen <<front>>; {locations} }}")
        self.dns.a("app.test", b.host)
        self.wait_until(lambda: {self.get(weir, f"/{i}").text for i in range(5)} == {"b"}, "b in all groups")

    def test_an_srv_target_that_moves_is_followed(self):
        a, b = self.peer("a"), self.peer("b")
        self.dns.a("node.test", a.host)
        self.dns.srv("_http._tcp.app.test", (10, 1, self.port, "node.test"))
        weir = self.scene("app.test resolve service=http")
        self.assertEqual(self.answers(weir), {"a"})
        self.dns.a("node.test", b.host)
        self.wait_answers(weir, "b")

    def test_srv_backup_takes_over_when_primaries_are_gone(self):
        a, b = (self.backend(lambda r, n=n: answer(n)) for n in "ab")
        for name, backend in (("a.test", a), ("b.test", b)):
            self.dns.a(name, backend.address.split(":")[0])
        port = [int(backend.address.split(":")[1]) for backend in (a, b)]
        self.dns.srv("_http._tcp.app.test", (10, 0, port[0], "a.test"), (20, 0, port[1], "b.test"))
        weir = self.scene("app.test resolve service=http")
        self.assertEqual(self.answers(weir), {"a"})
        a.stop()
        self.wait_answers(weir, "b")
        self.wait_questions("_http._tcp.app.test", kind=SRV)
        self.assertNotIn("resolved to", weir.errors(), "the records have not changed")

    def test_name_without_resolve_is_asked_once(self):
        a = self.peer("a")
        self.dns.a("app.test", a.host).a("other.test", a.host)
        weir = self.scene(f"app.test:{self.port}", f"server other.test:{self.port} resolve;")
        asked = self.dns.asked("app.test")
        self.wait_questions("other.test", 4)
        self.assertEqual(self.dns.asked("app.test"), asked)
        self.assertEqual(self.answers(weir), {"a"})


class Order(Names):
    dns_class = RotatingDns

    def test_order_of_an_answer_changes_nothing(self):
        a, b, c = self.peer("a"), self.peer("b"), self.peer("c")
        self.dns.a("app.test", c.host, a.host, b.host)
        weir = self.scene()
        self.wait_questions(count=4)
        in_order = sorted((a, b, c), key=lambda peer: socket.inet_aton(peer.host))
        self.assertEqual("".join(self.get(weir).text for _ in range(6)), 2 * "".join(peer.name for peer in in_order))
        self.assertNotIn("resolved to", weir.errors())
        self.assertNotIn("new addresses", weir.errors())


class AtStart(Names):
    def test_dead_resolver_delays_the_start_within_a_bound(self):
        a = self.peer("a")
        self.dns.mode = "silent"
        began = time.monotonic()
        weir = self.scene(upstream=f"server {a.address};")
        self.assertLess(time.monotonic() - began, BOUND)
        self.assertEqual(self.answers(weir), {"a"}, "who has an address serves")

    def test_late_name_is_503_until_it_resolves(self):
        a = self.peer("a")
        weir = self.scene()
        weir.wait_error(r"weir\.conf:\d+:\d+: warning: .*app\.test:\d+.*no peer until the name resolves")
        self.assertEqual(self.get(weir).status, 503)
        self.dns.a("app.test", a.host)
        self.wait_until(lambda: self.get(weir).status == 200, "the name to resolve")

    def test_configuration_test_warns_of_unresolved_names(self):
        weir = self.scene("nobody.test:80", start=False)
        tested = run("-t", "-c", str(weir.config_path))
        self.assertEqual(tested.returncode, 0, tested.stderr)
        self.assertRegex(tested.stderr, r"warning: .*nobody\.test")

    def test_nginx_defaults_refuse_unresolved_names(self):
        weir = self.weir("defaults nginx;\n" + self.text("nobody.test:80"), start=False)
        tested = run("-t", "-c", str(weir.config_path))
        self.assertNotEqual(tested.returncode, 0)
        self.assertIn("host not found in upstream", tested.stderr)


class DeadResolver(Names):
    hard_limit = 200  # silence has its time, several times

    def dying(self):
        a = self.peer("a")
        self.dns.a("app.test", a.host)
        weir = self.scene()
        self.assertEqual(self.answers(weir), {"a"})
        return weir

    def test_failures_and_recovery_are_logged_once(self):
        weir = self.dying()
        records = dict(self.dns.records)
        for mode in ("fails", "silent", "gone"):
            with self.subTest(mode):
                since = len(weir.errors())
                if mode == "gone":
                    self.dns.records.clear()
                else:
                    self.dns.mode = mode
                weir.wait_error(r"last addresses kept", since)
                self.wait_questions(count=2)
                self.assertEqual(self.answers(weir), {"a"})
                self.assertEqual(weir.errors()[since:].count("last addresses kept"), 1)
                self.dns.records.update(records)
                self.dns.mode = "answers"
                weir.wait_error(r'"app\.test:\d+": resolved again', since)

    def test_reload_keeps_the_last_good_answer_within_a_bound(self):
        weir = self.dying()
        self.dns.mode = "silent"
        began = time.monotonic()
        weir.reload()
        self.assertLess(time.monotonic() - began, BOUND)
        self.assertEqual(self.answers(weir), {"a"})

    def test_reload_with_many_names_ends_within_the_bound(self):
        weir = self.dying()
        self.dns.mode = "silent"
        lines = " ".join(f"server dead{i}.test:80 resolve;" for i in range(100))
        began = time.monotonic()
        weir.reload(self.text(f"app.test:{self.port} resolve", lines))
        self.assertLess(time.monotonic() - began, BOUND)
        self.assertEqual(self.answers(weir), {"a"})

    def test_clients_are_served_while_reloads_wait(self):
        weir = self.dying()
        self.dns.mode = "silent"
        with Load(weir.front, rate=200, clients=4) as load:
            self.wait_questions(count=2)
            weir.reload()
        self.assertEqual(load.failed(), [])
        self.assertLess(load.slowest(), 4.0)  # the reload waits for 5 s

    def test_stop_does_not_wait_for_the_resolver(self):
        weir = self.dying()
        self.dns.mode = "silent"
        self.wait_questions(count=1)
        began = time.monotonic()
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        self.assertLess(time.monotonic() - began, 4.0)  # the question has 5 s


if __name__ == "__main__":
    main()
