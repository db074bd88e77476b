#!/usr/bin/env python3
"""Active health checks over the real binary: how fast a fault is seen, what a probe is, what a verdict does, how often is asked."""
import re
import signal
import threading
import time

from weirtest import Backend, Case, answer, free_address, main

# Who answers has all the time that a busy machine takes; only where a peer hangs there must be an end to it.
FAST = "interval=200ms timeout=10s fastinter=100ms jitter=0"
HANGING = "interval=200ms timeout=500ms fastinter=100ms jitter=0"


class Peer:
    """A backend whose health answer and whose application can be switched. /health is the check's path."""

    def __init__(self, case: Case, name: str, address: str = ""):
        self.name, self.case = name, case
        self.health = answer("ok")  # None: no answer
        self.application = "answers"  # "hangs", "resets"
        self.probes: list[tuple[float, object]] = []
        self.requests: list = []
        self.go = threading.Event()
        self.backend = Backend(script=self._script, name=name, address=address)
        case._backends.append(self.backend)
        case.addCleanup(self.go.set)
        self.address = self.backend.address

    def _script(self, conn):
        while True:
            request = conn.read_request()
            if request.path.startswith("/health"):
                self.probes.append((time.monotonic(), request))
                said = self.health
                if said is None:
                    self.go.wait(80)
                    return
                conn.send(said)
                continue
            self.requests.append(request)
            if self.application == "hangs":
                self.go.wait(80)
            elif self.application == "resets":
                conn.reset()
                return
            conn.send(answer(self.name))

    def dies(self):
        self.backend.stop()

    def comes_back(self):
        """As a new process on the same address would."""
        self.backend = Backend(script=self._script, name=self.name, address=self.address)
        self.case._backends.append(self.backend)

    def wait_probes(self, count: int) -> list:
        self.case.wait_until(lambda: len(self.probes) >= count, f"{count} probes of {self.name}")
        return self.probes


class Health(Case):
    def peers(self, names: str) -> list[Peer]:
        return [Peer(self, n) for n in names]

    def checked(self, peers, check: str, location: str = "", upstream: str = "", http: str = "", servers=None, **options):
        servers = servers or [p.address for p in peers]
        return self.weir(self.scene(servers, f"health_check {check};" if check is not None else "", location, upstream, http), **options)

    @staticmethod
    def scene(servers, check: str, location: str = "", upstream: str = "", http: str = "") -> str:
        lines = " ".join(f"server {s};" for s in servers)
        return f"""match ok {{ status 200; body = ok; }} {http}
            log_format attempts '$request_method|$upstream_addr|$upstream_reason|$status';
            upstream u {{ {lines} {check} {upstream} }}
            server {{ listen <<front>>; access_log <<dir>>/attempts.log attempts buffer=32k flush=10ms;
                location / {{ proxy_pass http://u; {location} }} }}"""

    def is_down(self, weir, peer, since: int = 0) -> bool:
        return f"{peer.address}: down" in weir.errors()[since:]

    def wait_down(self, weir, *peers, **options):
        for peer in peers:
            self.wait_until(lambda p=peer: self.is_down(weir, p), f"{peer.name} to be taken down", **options)

    def wait_served_by(self, weir, peer):
        self.wait_until(lambda: self.get(weir).text == peer.name, f"{peer.name} to serve")

    def sequence(self, weir, count: int) -> str:
        return "".join(self.get(weir).text for _ in range(count))


class Detection(Health):
    def test_faults_and_recoveries_are_detected_in_time(self):
        """With the defaults: 2 s, 3 fails, 2 passes, 1 s of patience, 0.5 s while changing."""
        good, refused, hung, sick, wrong = peers = [Peer(self, n) for n in ("good", "refused", "hung", "503", "wrong body")]
        weir = self.checked(peers, "uri=/health match=ok")
        for peer in peers:
            peer.wait_probes(1)
        refused.dies()
        hung.health = None
        sick.health = answer("busy", status=503)
        wrong.health = answer("<html>all is well</html>")
        begun = time.monotonic()
        took = self.moments(weir, begun, peers[1:], "down")
        print("down: " + ", ".join(f"{n} {t:.1f} s" for n, t in took.items()), end="; ", flush=True)
        self.assertLess(max(took.values()), 6.0 + 3.0)
        self.assertEqual(self.sequence(weir, 5), "good" * 5)
        refused.comes_back()
        hung.go.set()
        for peer in (hung, sick, wrong):
            peer.health = answer("ok")
        begun = time.monotonic()
        took = self.moments(weir, begun, peers[1:], "up")
        print("up: " + ", ".join(f"{n} {t:.1f} s" for n, t in took.items()), end=" ", flush=True)
        self.assertLess(max(took.values()), 4.0 + 3.0)
        self.wait_until(lambda: {self.get(weir).text for _ in range(5)} == {p.name for p in peers}, "everybody to serve")
        self.assertFalse(self.is_down(weir, good))

    def moments(self, weir, begun: float, peers, word: str) -> dict:
        took = {}

        def all_seen():
            text = weir.errors()
            for peer in peers:
                if peer.name not in took and f"{peer.address}: {word}" in text:
                    took[peer.name] = time.monotonic() - begun
            return len(took) == len(peers)
        self.wait_until(all_seen, f"all of them: {word}")
        return took

    def test_cause_of_a_failure_is_logged_once(self):
        good, sick = self.peers("gs")
        weir = self.checked([good, sick], f"{FAST} uri=/health")
        sick.wait_probes(1)
        sick.health = answer("x", status=503)
        self.wait_down(weir, sick)
        sick.wait_probes(len(sick.probes) + 5)
        lines = [line for line in weir.errors().splitlines() if f"{sick.address}: down" in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("503", lines[0])


class Probes(Health):
    def test_probe_carries_nothing_of_clients(self):
        peer, = self.peers("p")
        weir = self.checked([peer], f"{FAST} uri=/health", location="proxy_set_header X-From-Location yes; proxy_set_header X-Copied $http_cookie;")
        secrets = {"Cookie": "secret=1", "Authorization": "Bearer secret", "X-App": "other", "X-Hostname": "other", "X-Any": "secret"}
        client = self.client(weir)
        for _ in range(5):
            self.assertEqual(client.request(headers=secrets).status, 200)
        for _, probe in peer.wait_probes(5):
            self.assertEqual((probe.method, probe.path), ("GET", "/health"))
            self.assertLessEqual({n.lower() for n, _ in probe.headers}, {"host", "user-agent", "accept", "connection"})
            self.assertNotIn(b"secret", probe.raw_head)
            self.assertEqual(probe.get("host"), "u")

    def test_probe_has_method_uri_host_and_port_of_the_check(self):
        peer = Peer(self, "p")
        side = Peer(self, "side")
        port = side.address.rpartition(":")[2]
        self.checked([peer], f"{FAST} uri=/health?deep=1 method=HEAD host=app.example port={port}")
        side.health = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        probe = side.wait_probes(2)[1][1]
        self.assertEqual((probe.method, probe.path, probe.get("host")), ("HEAD", "/health?deep=1", "app.example"))
        self.assertEqual(peer.probes, [])

    def seconds_for(self, peer: Peer, count: int) -> float:
        """How long the next `count` probes take; the first ones of all, which come faster, are not among them."""
        first = peer.wait_probes(max(len(peer.probes), 4) + 1)[-1][0]
        at = len(peer.probes)
        return peer.wait_probes(at + count)[at + count - 1][0] - first

    def test_probe_serves_all_upstreams_and_workers(self):
        peer, = self.peers("p")
        check = f"health_check {FAST} uri=/health host=one;"
        self.weir(f"""upstream a {{ server {peer.address}; {check} }} upstream b {{ server {peer.address}; {check} }}
            server {{ listen <<front>>; location /a {{ proxy_pass http://a; }} location /b {{ proxy_pass http://b; }} }}""", workers=2)
        took = self.seconds_for(peer, 25)
        self.assertGreater(took, 25 * 0.2 * 0.65, "one probe an interval")  # two would take 2.5 s

    def test_two_upstreams_share_the_verdict(self):
        peer, spare = self.peers("ps")
        check = f"health_check {FAST} uri=/health host=one;"
        weir = self.weir(f"""upstream a {{ server {peer.address}; server {spare.address} backup; {check} }}
            upstream b {{ server {peer.address}; server {spare.address} backup; {check} }}
            server {{ listen <<front>>; location /a {{ proxy_pass http://a; }} location /b {{ proxy_pass http://b; }} }}""")
        peer.wait_probes(1)
        peer.health = answer("x", status=500)
        for path in ("/a", "/b"):
            self.wait_until(lambda p=path: self.get(weir, p).text == "s", f"{path} to go elsewhere")

    def test_fifty_reloads_do_not_multiply_probes(self):
        peer, other = self.peers("po")
        scene = self.scene([peer.address, other.address], f"health_check {FAST} uri=/health;")
        weir = self.weir(scene, workers=2)
        before = self.seconds_for(peer, 4)
        begun, asked = time.monotonic(), len(peer.probes)
        for _ in range(50):
            weir.reload(scene)
        during, lasted = len(peer.probes) - asked, time.monotonic() - begun
        after = self.seconds_for(peer, 25)
        print(f"4 probes in {before:.2f} s, {during} during 50 reloads of {lasted:.1f} s, then 25 in {after:.2f} s", end=" ", flush=True)
        self.assertLessEqual(during, lasted / 0.2 * 1.3 + 2)
        self.assertGreater(after, 25 * 0.2 * 0.65)

    def test_first_probes_are_spread(self):
        peers = self.peers("a" * 30)
        self.checked(peers, "interval=6s uri=/health")
        for peer in peers:
            peer.wait_probes(1)
        first = sorted(p.probes[0][0] for p in peers)
        most = max(sum(a <= t < a + 0.6 for t in first) for a in first)
        print(f"30 first probes over {first[-1] - first[0]:.2f} s, at most {most} in 0.6 s", end=" ", flush=True)
        self.assertLess(most, 16)
        self.assertLess(first[-1] - first[0], 6.0 + 6.0)

    def test_removed_check_ends_with_its_verdict(self):
        good, sick = self.peers("gs")
        sick.health = answer("x", status=500)
        servers = [good.address, sick.address]
        weir = self.weir(self.scene(servers, f"health_check {FAST} uri=/health;"))
        self.wait_down(weir, sick)
        weir.reload(self.scene(servers, ""))
        self.wait_served_by(weir, sick)
        asked = len(good.probes) + len(sick.probes)
        for _ in range(3):
            weir.reload(self.scene(servers, ""))
        self.assertLessEqual(len(good.probes) + len(sick.probes), asked + 2)

    def test_stalled_weir_declares_no_peer_down(self):
        peers = self.peers("ab")
        weir = self.checked(peers, "interval=100ms timeout=1500ms fails=1 jitter=0 uri=/health")
        for peer in peers:
            peer.wait_probes(2)
        for _ in range(3):
            weir.signal(signal.SIGSTOP)
            threading.Event().wait(2.5)  # the stall itself
            weir.signal(signal.SIGCONT)
            for peer in peers:
                peer.wait_probes(len(peer.probes) + 3)
        self.assertFalse(any(self.is_down(weir, p) for p in peers), weir.errors())


class Verdicts(Health):
    def test_match_looks_at_status_header_and_body(self):
        exact, longer, typed, moved = peers = self.peers("elym")
        longer.health = answer("okay")
        moved.health = answer("ok", status=301, headers={"Location": "/x"})
        typed.health = answer("ok", headers={"Content-Type": "text/html"})
        weir = self.checked(peers, f"{FAST} uri=/health match=all", http="match all { status 200-299; header Content-Type != text/html; body = ok; }")
        self.wait_down(weir, longer, typed, moved)
        self.assertEqual(self.sequence(weir, 4), "eeee")

    def test_body_pattern_matches_over_pieces(self):
        good, bad = self.peers("gb")
        filler = "x" * 50_000
        good.health = answer(filler + "state: well")
        bad.health = answer(filler + "state: ill")
        weir = self.checked([good, bad], f"{FAST} uri=/health match=m", http='match m { body ~ "state: (well|fine)"; }')
        self.wait_down(weir, bad)
        self.assertEqual(self.sequence(weir, 3), "ggg")

    def test_any_of_several_checks_takes_a_peer_down(self):
        good, bad = self.peers("gb")
        weir = self.weir(self.scene([good.address, bad.address], f"health_check {FAST} uri=/health; health_check {FAST} uri=/health?second match=not_ill;",
                                    http="match not_ill { body !~ ill; }"))
        good.wait_probes(2)
        bad.health = answer("ill")
        self.wait_down(weir, bad)
        self.assertEqual(self.sequence(weir, 3), "ggg")
        self.assertTrue(any(p.path == "/health?second" for _, p in good.probes))

    def test_mandatory_peer_is_not_used_before_its_first_pass(self):
        good, late = self.peers("gl")
        late.health = None
        weir = self.checked([good, late], f"{FAST} uri=/health mandatory")
        good.wait_probes(1)
        self.wait_served_by(weir, good)
        self.assertEqual(self.sequence(weir, 6), "gggggg")
        late.health = answer("ok")
        late.go.set()
        self.wait_served_by(weir, late)

    def test_peer_without_mandatory_is_used_until_its_first_failure(self):
        peer, = self.peers("p")
        peer.health = None
        weir = self.checked([peer], "interval=60s timeout=50s uri=/health")
        self.assertEqual(self.sequence(weir, 3), "ppp")

    def test_tcp_check_asks_for_no_answer(self):
        peer, spare = self.peers("ps")
        peer.health = None
        weir = self.checked([peer, spare], f"{FAST} type=tcp")
        spare.backend.wait_connections(4)
        self.assertEqual((peer.probes, sorted(self.sequence(weir, 4))), ([], list("ppss")))
        peer.dies()
        self.wait_down(weir, peer)

    def test_fail_open_voids_a_check_when_all_peers_fail(self):
        a, b = self.peers("ab")
        weir = self.checked([a, b], f"{FAST} uri=/health fail_open")
        a.wait_probes(2)
        a.health = answer("x", status=500)
        self.wait_down(weir, a)
        self.assertEqual(self.sequence(weir, 4), "bbbb")
        b.health = answer("x", status=500)
        b.wait_probes(len(b.probes) + 5)
        self.wait_until(lambda: set(self.sequence(weir, 4)) == {"a", "b"}, "the verdict to be void")
        a.health = answer("ok")
        self.wait_until(lambda: set(self.sequence(weir, 4)) == {"a"}, "the verdict to count again")

    def test_upstream_without_fail_open_is_503_when_down(self):
        a, b = self.peers("ab")
        a.health = b.health = answer("x", status=500)
        weir = self.checked([a, b], f"{FAST} uri=/health")
        self.wait_down(weir, a, b)
        response = self.get(weir)
        self.assertEqual((response.status, response.has("retry-after")), (503, True))
        self.assertEqual(a.requests + b.requests, [])

    def test_standing_outlives_a_reload(self):
        good, sick = self.peers("gs")
        sick.health = answer("x", status=500)
        scene = self.scene([good.address, sick.address], f"health_check {FAST} uri=/health;")
        weir = self.weir(scene)
        self.wait_down(weir, sick)
        for _ in range(5):
            weir.reload(scene)
            self.assertEqual(self.sequence(weir, 4), "gggg")
        self.assertEqual(sick.requests, [])
        self.assertEqual(weir.errors().count(f"{sick.address}: down"), 1)

    def test_flapping_is_no_change(self):
        """Passing and failing in turns is never `fails` in a row."""
        peer, spare = self.peers("ps")
        turns = iter(range(10**9))

        def flap(conn):
            while True:
                request = conn.read_request()
                if not request.path.startswith("/health"):
                    conn.send(answer("f"))
                    continue
                conn.send(answer("ok", status=500 if next(turns) % 2 else 200))
                probes.append(request)
        probes = []
        flapping = self.backend(script=flap)
        weir = self.checked([spare], f"{FAST} uri=/health", servers=[flapping.address, spare.address])
        self.wait_until(lambda: len(probes) >= 12, "twelve probes")
        self.assertNotIn(": down", weir.errors())
        self.assertEqual(sorted(self.sequence(weir, 4)), list("ffss"))
        del peer

    def test_failing_application_is_ejected_though_its_check_passes(self):
        good, bad = self.peers("gb")
        bad.application = "resets"
        weir = self.checked([good, bad], f"{FAST} uri=/health", servers=[good.address, f"{bad.address} fail_timeout=600s"])
        self.assertEqual(self.sequence(weir, 6), "gggggg")
        bad.wait_probes(len(bad.probes) + 6)
        self.assertEqual(self.sequence(weir, 6), "gggggg")
        self.assertEqual(len(bad.requests), 1, "the check has not seen what the request saw")

    def test_recovery_seen_by_the_check_ends_the_ejection(self):
        good, bad = self.peers("gb")
        weir = self.checked([good, bad], f"{FAST} uri=/health", servers=[good.address, f"{bad.address} fail_timeout=600s"])
        bad.wait_probes(1)
        bad.dies()
        self.assertEqual(self.sequence(weir, 4), "gggg")
        self.wait_down(weir, bad)
        bad.comes_back()
        self.wait_served_by(weir, bad)

    def test_check_may_stand_in_the_location(self):
        good, sick = self.peers("gs")
        sick.health = answer("x", status=500)
        weir = self.checked([good, sick], None, location=f"health_check {FAST} uri=/health;")
        self.wait_down(weir, sick)
        self.assertEqual(self.sequence(weir, 4), "gggg")

    def test_grpc_is_a_named_error(self):
        weir = self.checked([], "type=grpc", servers=[free_address()], start=False)
        weir.launch()
        self.assertNotEqual(weir.wait_exit(), 0)
        self.assertRegex(weir.errors(), r"type=grpc.*not")
        weir.kill()


class Waiting(Health):
    """Rule (d): who waits on a peer that the check takes down."""

    def test_gets_move_at_once_and_posts_stay(self):
        good, hung = self.peers("gh")
        hung.application = "hangs"
        weir = self.checked([good, hung], f"{HANGING} uri=/health")
        hung.wait_probes(1)
        clients = []
        for i in range(8):
            method = "POST" if i % 4 >= 2 else "GET"
            clients.append((method, self.client(weir).send_request(method, body=b"x" if method == "POST" else None)))
        self.wait_until(lambda: len(good.requests) + len(hung.requests) == 8, "all to reach a peer")
        moving = sum(r.method == "GET" for r in hung.requests)
        staying = sum(r.method == "POST" for r in hung.requests)
        self.assertGreater(min(moving, staying), 0)
        hung.health = None
        begun = time.monotonic()
        for method, client in clients:
            if method == "GET":
                self.assertEqual(client.read_response().text, "g")
        print(f"moved {time.monotonic() - begun:.2f} s after the peer began to hang", end=" ", flush=True)
        self.assertEqual(sum(r.method == "POST" for r in good.requests), 4 - staying, "no POST was sent again")
        declared = [line for line in weir.wait_log(8 - staying, "attempts.log") if "declared_down" in line]
        self.assertEqual(len(declared), moving)
        hung.go.set()
        self.assertEqual(sorted(c.read_response().text for m, c in clients if m == "POST"), sorted("g" * (4 - staying) + "h" * staying))

    def test_answers_that_have_begun_are_not_moved(self):
        begun = threading.Event()
        finish = threading.Event()
        self.addCleanup(finish.set)
        healthy = {"yes": True}

        def slow(conn):
            while True:
                request = conn.read_request()
                if request.path == "/health":
                    conn.send(answer("ok", status=200 if healthy["yes"] else 500))
                    continue
                conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
                begun.set()
                finish.wait(60)
                conn.send(b"more")
        backend = self.backend(script=slow)
        weir = self.checked([], f"{FAST} uri=/health", servers=[backend.address])
        client = self.client(weir).send_request()
        self.assertTrue(begun.wait(20))
        healthy["yes"] = False
        self.wait_until(lambda: f"{backend.address}: down" in weir.errors(), "the peer to be taken down")
        finish.set()
        self.assertEqual(client.read_response().body, b"halfmore")

    def test_last_requests_wait_and_new_ones_are_503(self):
        """The peer may come back to its senses before the timeout."""
        hung, = self.peers("h")
        hung.application = "hangs"
        weir = self.checked([hung], f"{HANGING} uri=/health")
        hung.wait_probes(1)
        client = self.client(weir).send_request()
        self.wait_until(lambda: hung.requests, "the request to arrive")
        hung.health = None
        self.wait_down(weir, hung)
        self.assertEqual(self.get(weir).status, 503)
        hung.go.set()
        self.assertEqual(client.read_response().text, "h")


class Maintenance(Health):
    def scene_with(self, peer, words: str, server: str = "") -> str:
        return f"""upstream u {{ server {peer.address}; }} server {{ listen <<front>>; {server}
            location / {{ proxy_pass http://u; {words} }} location /open {{ proxy_pass http://u; maintenance off; }} }}"""

    def test_location_serves_page_or_allowed_clients(self):
        peer, = self.peers("p")
        weir = self.weir(self.scene_with(peer, ""), start=False)
        (weir.dir / "page.html").write_text("<h1>back at noon</h1>")
        weir.write_config(self.scene_with(
            peer, "maintenance on; maintenance_page <<dir>>/page.html; maintenance_retry_after 2m; maintenance_allow 127.9.9.0/24;"))
        weir.start()
        response = self.get(weir)
        self.assertEqual((response.status, response.text, response.get("retry-after"), response.get("content-type")),
                         (503, "<h1>back at noon</h1>", "120", "text/html"))
        self.assertEqual(self.get(weir, source="127.9.9.7").text, "p")
        self.assertEqual(self.get(weir, "/open").text, "p")
        self.assertEqual(len(peer.requests), 2)

    def test_reload_switches_maintenance_and_finishes_running_requests(self):
        peer, = self.peers("p")
        peer.application = "hangs"
        weir = self.weir(self.scene_with(peer, ""))
        waiting = self.client(weir).send_request()
        self.wait_until(lambda: peer.requests, "the request to arrive")
        weir.reload(self.scene_with(peer, "maintenance on;"))
        self.assertEqual(self.get(weir).status, 503)
        peer.go.set()
        self.assertEqual(waiting.read_response().text, "p")
        weir.reload(self.scene_with(peer, ""))
        self.assertEqual(self.get(weir).status, 200)

    def test_bodies_and_keepalive_survive_maintenance(self):
        peer, = self.peers("p")
        weir = self.weir(self.scene_with(peer, "maintenance on;"))
        client = self.client(weir)
        for _ in range(2):
            self.assertEqual(client.request("POST", body=b"x" * 1000).status, 503)
        self.assertEqual(client.request(path="/open").text, "p")


if __name__ == "__main__":
    main()
