#!/usr/bin/env python3
"""The admin socket and weir ctl: looking, draining, up and down, weights, maintenance, reloads, metrics."""
import json
import os
import re
import signal
import stat
import subprocess
import threading

from weirtest import Backend, Case, Client, answer, main
from weirtest.weir import binary, run

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"



def frame(text: bytes) -> bytes:
    """An unmasked text frame: weir finds the boundaries by what the backend sends."""
    return bytes([0x81, len(text)]) + text


class AdminCase(Case):
    def ctl(self, weir, *words: str, code: int = 0) -> subprocess.CompletedProcess:
        done = run("ctl", "-c", str(weir.config_path), *words, cwd=weir.dir)
        self.assertEqual(done.returncode, code, f"weir ctl {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done

    def socket_of(self, weir) -> str:
        return f"unix:{weir.dir}/weir.sock"

    def api(self, weir, method: str, path: str, body=None, status: int = 200):
        data = None if body is None else json.dumps(body).encode()
        with Client(self.socket_of(weir)) as client:
            response = client.request(method, path, [("Content-Type", "application/json")] if data else [], data)
        self.assertEqual(response.status, status, response.body)
        return json.loads(response.body)

    def peers(self, weir, upstream: str = "u") -> dict:
        return {p["address"]: p for p in self.api(weir, "GET", f"/v1/upstreams/{upstream}")["peers"]}

    def node(self, name: str) -> Backend:
        """Answers its name; /slow waits for `go`; /ws is a WebSocket that echoes."""
        def script(conn):
            while True:
                request = conn.read_request()
                if request.path == "/ws":
                    conn.send(SWITCH)
                    while data := conn.sock.recv(65536):
                        conn.send(data)
                    return
                if request.path == "/slow":
                    backend.go.wait(60)
                conn.send(answer(name))
        backend = self.backend(script=script)
        backend.go = threading.Event()
        return backend

    def scene(self, *backends, options=(), upstream: str = "", server: str = "", location: str = "", http: str = "") -> str:
        options = list(options) + [""] * len(backends)
        servers = " ".join(f"server {b.address} {o};" for b, o in zip(backends, options))
        return (f"{http} upstream u {{ {servers} {upstream} }} server {{ listen <<front>>; server_name app.example; {server} "
                f"location / {{ proxy_pass http://u; {location} }} }}")

    def websocket(self, weir) -> Client:
        client = self.client(weir).send_request(path="/ws", headers=UPGRADE)
        self.assertEqual(client.read_response().status, 101)
        self.assert_alive(client)
        return client

    def assert_alive(self, websocket) -> None:
        self.assertEqual(websocket.send(frame(b"ping")).read(6), frame(b"ping"))

    def names(self, weir, count: int) -> list[str]:
        return [self.get(weir).text for _ in range(count)]


class Looking(AdminCase):
    def test_turns_go_on_over_reloads_and_changes_elsewhere(self):
        nodes = [self.backend(lambda r, n=n: answer(n)) for n in "abc"]
        servers = " ".join(f"server {n.address};" for n in nodes)
        weir = self.weir(f"""upstream u {{ {servers} }} upstream other {{ {servers} }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; }} location /other {{ proxy_pass http://other; }} }}""")
        texts = ""
        for i in range(6):
            texts += self.get(weir).text
            if i % 2 == 0:
                weir.reload()
            else:
                self.ctl(weir, "weight", f"other/{nodes[0].address}", str(i + 1))
        self.assertEqual(texts, "abcabc")

    def test_list_is_a_table(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b, options=("weight=2", "down")))
        self.names(weir, 3)
        lines = self.ctl(weir, "list").stdout.splitlines()
        self.assertRegex(lines[0], r"^PEER +STATE +WEIGHT +INFLIGHT +WS +REQUESTS +FAILED +LAST CHECK$")
        self.assertRegex(lines[1], rf"^u/{re.escape(a.address)} +up +2 +0 +0 +3 +0 +-$")
        self.assertRegex(lines[2], rf"^u/{re.escape(b.address)} +down by configuration +1 +0 +0 +0 +0 +-$")
        self.assertEqual(len(lines), 3)
        self.assertEqual(self.ctl(weir, "list", "u").stdout.splitlines()[1:], lines[1:])

    def test_list_as_json_is_the_api_s_answer(self):
        weir = self.weir(self.scene(self.node("a")))
        listed = json.loads(self.ctl(weir, "list", "--json").stdout)
        self.assertEqual([u["name"] for u in listed["upstreams"]], ["u"])
        self.assertEqual(listed["upstreams"][0]["peers"][0]["state"], "up")

    def test_checks_are_shown(self):
        node = self.backend(lambda r: answer("no", status=503, reason="x") if r.path == "/health" else answer("a"))
        weir = self.weir(self.scene(node, upstream="health_check uri=/health interval=50ms fastinter=50ms fails=2;"))
        state = self.wait_until(lambda: self.peers(weir)[node.address]["state"] == "unhealthy", "the check to fail")
        self.assertTrue(state)
        peer = self.peers(weir)[node.address]
        self.assertIn("503", peer["detail"])
        self.assertEqual(peer["checks"][0]["standing"], "down")
        self.assertRegex(self.ctl(weir, "list").stdout, r"down: .*503.* ago")

    def test_status_shows_the_process(self):
        weir = self.weir(self.scene(self.node("a")), workers=2)
        text = self.ctl(weir, "status").stdout
        self.assertRegex(text, rf"^weir \S+, pid {weir.process.pid}, up ")
        self.assertIn("2 workers", text)
        self.assertEqual(json.loads(self.ctl(weir, "status", "--json").stdout)["pid"], weir.process.pid)

    def test_unknown_names_are_reported_with_the_known(self):
        a = self.node("a")
        weir = self.weir(self.scene(a))
        self.assertIn(a.address, self.ctl(weir, "down", "u/10.9.9.9:1", code=1).stderr)
        refused = self.ctl(weir, "down", "x/10.9.9.9:1", code=1).stderr
        self.assertIn("x/10.9.9.9:1", refused)
        self.assertIn("\n  u", refused)
        self.assertIn("\n  u", self.ctl(weir, "list", "nobody", code=1).stderr)

    def test_missing_process_is_an_error(self):
        weir = self.weir(self.scene(self.node("a")), start=False)
        told = self.ctl(weir, "list", code=2).stderr
        self.assertIn(f"weir is not running, or has no admin socket at {weir.dir}/weir.sock", told)
        done = run("ctl", "--socket", f"{weir.dir}/other.sock", "list")
        self.assertEqual(done.returncode, 2)
        self.assertIn("other.sock", done.stderr)


class Changes(AdminCase):
    def test_down_and_up_move_a_peer(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b), workers=2)
        done = self.ctl(weir, "down", f"u/{a.address}", "--why", "new disk")
        self.assertIn(f"u/{a.address}: down by hand: new disk", done.stdout)
        self.assertEqual(set(self.names(weir, 8)), {"b"})
        weir.wait_error(rf"\[notice\].*peer u/{re.escape(a.address)}: down \(operator, uid {os.getuid()}, pid \d+: new disk\)")
        warned = self.ctl(weir, "down", f"u/{b.address}").stderr
        self.assertIn('no peer of upstream "u" takes requests', warned)
        self.assertEqual(self.get(weir).status, 503)
        self.ctl(weir, "up", f"u/{a.address}")
        self.assertEqual(set(self.names(weir, 8)), {"a"})

    def test_up_ends_an_ejection(self):
        a = self.node("a")
        failed = threading.Event()

        def fails_once(conn):
            conn.read_request()
            if not failed.is_set():
                failed.set()
                return
            conn.send(answer("b"))
            while conn.read_request():
                conn.send(answer("b"))
        b = self.backend(script=fails_once)
        weir = self.weir(self.scene(a, b, options=("", "fail_timeout=300s")))
        self.wait_until(lambda: self.get(weir).text == "a" and self.peers(weir)[b.address]["state"] == "ejected", "b to be taken out")
        self.assertEqual(set(self.names(weir, 6)), {"a"})
        self.ctl(weir, "up", f"u/{b.address}")
        self.assertEqual(set(self.names(weir, 6)), {"a", "b"})

    def test_up_overrides_the_configuration_until_reset(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b, options=("", "down")))
        self.assertEqual(set(self.names(weir, 4)), {"a"})
        self.ctl(weir, "up", f"u/{b.address}")
        self.assertEqual(set(self.names(weir, 8)), {"a", "b"})
        self.ctl(weir, "reset", f"u/{b.address}")
        self.assertEqual(set(self.names(weir, 8)), {"a"})

    def test_weight_changes_the_share(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b))
        self.ctl(weir, "weight", f"u/{a.address}", "3")
        self.assertEqual(sorted(self.names(weir, 8)), ["a"] * 6 + ["b"] * 2)
        self.assertIn("3 (not 1)", self.ctl(weir, "list").stdout)
        self.ctl(weir, "weight", f"u/{a.address}", "default")
        self.assertEqual(sorted(self.names(weir, 8)), ["a"] * 4 + ["b"] * 4)

    def test_overrides_survive_reload_and_restart(self):
        a, b, c = self.node("a"), self.node("b"), self.node("c")
        weir = self.weir(self.scene(a, b, c))
        self.ctl(weir, "down", f"u/{a.address}", "--why", "disk")
        self.ctl(weir, "weight", f"u/{b.address}", "5")
        weir.reload(self.scene(a, b, c))
        self.assertEqual(sorted(self.names(weir, 12)), ["b"] * 10 + ["c"] * 2)
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        weir.start()
        peers = self.peers(weir)
        self.assertEqual((peers[a.address]["state"], peers[a.address]["detail"]), ("down", "by hand: disk"))
        self.assertEqual(sorted(self.names(weir, 12)), ["b"] * 10 + ["c"] * 2)

    def test_concurrent_changes_are_all_answered(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b), workers=2)
        results = []

        def change(i):
            action = {"action": "down" if i % 2 else "up"}
            results.append(self.api(weir, "POST", f"/v1/peers/u/{a.address}", action)["peer"]["address"])
        threads = [threading.Thread(target=change, args=(i,)) for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(results, [a.address] * 20)
        self.ctl(weir, "up", f"u/{a.address}")
        self.assertEqual(set(self.names(weir, 8)), {"a", "b"})


class Draining(AdminCase):
    def draining(self, weir, backend, *words) -> subprocess.Popen:
        process = subprocess.Popen([binary(), "ctl", "-c", str(weir.config_path), "drain", f"u/{backend.address}", *words],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=weir.dir)
        self.addCleanup(process.kill)
        return process

    def wait_state(self, weir, backend, state: str) -> None:
        self.wait_until(lambda: self.peers(weir)[backend.address]["state"] == state, f"{backend.address} to be {state}")

    def assert_closed_with(self, client, code: int) -> None:
        """The WebSocket ends with a close frame of that code, at a frame boundary."""
        first = client.read(2)
        self.assertEqual(first[0], 0x88, first)
        payload = client.read(first[1] & 0x7F)
        self.assertEqual(int.from_bytes(payload[:2], "big"), code)

    def test_drain_finishes_requests_then_closes_websockets(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b, options=("", "backup")))
        slow = self.client(weir).send_request(path="/slow")
        a.wait_requests(1)
        ws = self.websocket(weir)
        process = self.draining(weir, a, "--spread", "200ms", "--why", "kernel")
        self.wait_state(weir, a, "draining")
        self.assertEqual(set(self.names(weir, 6)), {"b"}, "no new request")
        self.assert_alive(ws)  # while requests finish
        drain = self.peers(weir)[a.address]["drain"]
        self.assertEqual((drain["phase"], drain["requests_left"], drain["tunnels_left"]), ("finishing", 1, 1))
        self.assertIn("draining, 1 request, 1 WebSocket open", self.ctl(weir, "list").stdout)
        self.assertIsNone(process.poll())
        self.assertIn("1 request, 1 WebSocket open", process.stderr.readline())  # before that state is over
        a.go.set()
        self.assertEqual(slow.read_response().text, "a")
        self.assert_closed_with(ws, 1001)
        ws.close()
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, err)
        self.assertRegex(out, rf"^u/{re.escape(a.address)}: drained in \d+\.\d s: \d+ requests? finished, 1 WebSocket closed\n$")
        weir.wait_error(rf"peer u/{re.escape(a.address)}: drained in ")
        self.assertEqual(self.peers(weir)[a.address]["state"], "drained")
        self.assertIn("drained by hand: kernel", self.ctl(weir, "list").stdout)
        self.ctl(weir, "up", f"u/{a.address}")
        self.assertEqual(set(self.names(weir, 4)), {"a"})

    def test_close_code_1012_is_sent_for_a_restart(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b, options=("", "backup")), workers=2)
        sockets = [self.websocket(weir) for _ in range(4)]
        process = self.draining(weir, a, "--spread", "0", "--code", "1012")
        for ws in sockets:
            self.assert_closed_with(ws, 1012)
            ws.close()
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, err)
        self.assertIn("4 WebSockets closed", out)

    def test_drain_reports_unfinished_requests(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b, options=("", "backup")))
        slow = self.client(weir).send_request(path="/slow")
        a.wait_requests(1)
        late = self.ctl(weir, "drain", f"u/{a.address}", "--wait", "300ms", code=1)
        self.assertIn("1 request did not finish in time", late.stderr)
        a.go.set()
        self.assertEqual(slow.read_response().text, "a", "it is left to itself")

    def test_drain_ends_with_up(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b, options=("", "backup")))
        self.client(weir).send_request(path="/slow")
        a.wait_requests(1)
        ws = self.websocket(weir)
        process = self.draining(weir, a)
        self.wait_state(weir, a, "draining")
        self.ctl(weir, "up", f"u/{a.address}")
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 1)
        self.assertIn("the drain was undone", err)
        self.assert_alive(ws)
        self.assertEqual(self.names(weir, 1), ["a"])
        a.go.set()

    def test_drain_continues_over_a_reload(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b, options=("", "backup")))
        slow = self.client(weir).send_request(path="/slow")
        a.wait_requests(1)
        self.ctl(weir, "drain", f"u/{a.address}", "--no-wait")
        weir.reload(self.scene(a, b, options=("weight=2", "backup")))
        self.assertEqual(self.peers(weir)[a.address]["state"], "draining")
        self.assertEqual(self.names(weir, 2), ["b", "b"])
        a.go.set()
        self.assertEqual(slow.read_response().text, "a")
        self.wait_state(weir, a, "drained")

    def test_drain_resumes_after_a_restart(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b, options=("", "backup")))
        self.client(weir).send_request(path="/slow")
        a.wait_requests(1)
        self.ctl(weir, "drain", f"u/{a.address}", "--no-wait")
        weir.process.kill()
        weir.process.wait()
        a.go.set()
        weir.start()
        self.assertEqual(self.names(weir, 2), ["b", "b"])
        self.wait_state(weir, a, "drained")

    def test_drained_peer_answers_at_once(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b))
        self.ctl(weir, "drain", f"u/{a.address}")
        self.assertIn("0 requests finished, 0 WebSockets closed", self.ctl(weir, "drain", f"u/{a.address}").stdout)

    def test_drain_is_invisible_to_clients(self):
        """Requests all the time while one node is drained and comes back: none fails."""
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a, b), workers=2)
        stop, failures, counts = threading.Event(), [], [0] * 4

        def load(index):
            try:
                with Client(weir.front) as client:
                    while not stop.is_set():
                        response = client.request("POST" if index % 2 else "GET", body=b"x" if index % 2 else None)
                        assert response.status == 200, response.raw_head
                        counts[index] += 1
            except BaseException as error:
                failures.append(repr(error))
        threads = [threading.Thread(target=load, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        try:
            for node in (a, b, a):
                self.ctl(weir, "drain", f"u/{node.address}")
                before, seen = list(counts), len(node.requests)
                self.wait_until(lambda: failures or all(n > o + 5 for n, o in zip(counts, before)), "traffic to go on")
                self.assertEqual(len(node.requests), seen, "a drained node gets nothing")
                self.ctl(weir, "up", f"u/{node.address}")
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
        self.assertEqual(failures, [])


class Maintenance(AdminCase):
    def test_page_has_retry_after_and_allow(self):
        a = self.node("a")
        weir = self.weir(self.scene(a, server="maintenance_page <<dir>>/page.html; maintenance_retry_after 120s; maintenance_allow 127.0.0.2;"), start=False)
        (weir.dir / "page.html").write_text("<p>back soon</p>")
        weir.start()
        self.assertEqual(self.get(weir).text, "a")
        self.assertIn("app.example: on, by the operator", self.ctl(weir, "maintenance", "on", "--why", "upgrade").stdout)
        response = self.get(weir)
        self.assertEqual((response.status, response.text, response.get("Retry-After")), (503, "<p>back soon</p>", "120"))
        self.assertEqual(self.get(weir, source="127.0.0.2").text, "a", "who is allowed is served")
        weir.reload()
        self.assertEqual(self.get(weir).status, 503, "survives a reload")
        self.assertIn("upgrade", self.ctl(weir, "maintenance").stdout)
        self.ctl(weir, "maintenance", "off")
        self.assertEqual(self.get(weir).text, "a")
        self.ctl(weir, "maintenance", "default")
        self.assertEqual(self.ctl(weir, "maintenance").stdout, "maintenance: off everywhere\n")

    def test_servers_without_names_are_identified_by_address(self):
        weir = self.weir("server { listen <<front>>; location / { return 200 one; } } server { listen <<front2>>; location / { return 200 two; } }")
        self.assertIn(f"{weir.front}: on, by the operator", self.ctl(weir, "maintenance", "on", weir.front).stdout)
        self.assertEqual([self.get(weir).status, self.get(weir.front2).status], [503, 200])

    def test_location_override_beats_the_configuration(self):
        a = self.node("a")
        weir = self.weir(self.scene(a, server="location /api/ { proxy_pass http://u; } location /off/ { maintenance on; proxy_pass http://u; }"))
        self.ctl(weir, "maintenance", "on", "app.example/api/")
        self.assertEqual([self.get(weir, path).status for path in ("/", "/api/x", "/off/")], [200, 503, 503])
        self.ctl(weir, "maintenance", "off", "app.example/off/")
        self.assertEqual([self.get(weir, path).status for path in ("/", "/api/x", "/off/")], [200, 503, 200])
        self.ctl(weir, "maintenance", "default", "app.example/off/")
        self.assertEqual(self.get(weir, "/off/").status, 503)
        refused = self.ctl(weir, "maintenance", "on", "app.example/nowhere", code=1).stderr
        self.assertIn("/api/", refused)
        self.assertIn("app.example", self.ctl(weir, "maintenance", "on", "b.example", code=1).stderr)


class Reloads(AdminCase):
    def test_reload_reports_success_or_errors(self):
        a, b = self.node("a"), self.node("b")
        weir = self.weir(self.scene(a))
        self.assertEqual(self.get(weir).text, "a")
        weir.write_config(self.scene(b))
        self.assertRegex(self.ctl(weir, "reload").stdout, r"^reloaded: generation \d+\n  ~ upstream \w+: server \S+ \(was \S+\)\n$")
        self.assertEqual(self.get(weir).text, "b", "in force when the command is done")
        good = weir.config()
        weir.write_config("server { listen <<front>>; locatoin / { } } nonsense;")
        refused = run("ctl", "--socket", f"{weir.dir}/weir.sock", "reload")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("the old configuration stays in force", refused.stderr)
        self.assertRegex(refused.stderr, r"weir\.conf:\d+:\d+: .*locatoin")
        self.assertRegex(refused.stderr, r"weir\.conf:\d+:\d+: .*nonsense")
        self.assertEqual(self.get(weir).text, "b")
        self.assertEqual(self.api(weir, "GET", "/v1/status")["reloads"]["failed"], 1)
        weir.config_path.write_text(good)

    def test_concurrent_reloads_are_all_answered(self):
        weir = self.weir(self.scene(self.node("a")), workers=2)
        generations = []

        def reload():
            generations.append(self.api(weir, "POST", "/v1/reload")["generation"])
        threads = [threading.Thread(target=reload) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(len(generations), 10)


def parse_metrics(text: str) -> tuple[dict, dict]:
    """Families with their types, and samples by name and labels. Strict: a line out of order or form is an error."""
    families, samples, current = {}, {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if match := re.fullmatch(r"# HELP ([a-z_]+) (\S.*)", line):
            current = match.group(1)
            assert current not in families, line
            families[current] = None
        elif match := re.fullmatch(r"# TYPE ([a-z_]+) (counter|gauge|histogram)", line):
            assert match.group(1) == current and families[current] is None, line
            families[current] = match.group(2)
        else:
            match = re.fullmatch(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (-?\d+(?:\.\d+)?)', line)
            assert match and families[current], line
            name = match.group(1)
            parts = ("_bucket", "_sum", "_count") if families[current] == "histogram" else ("",)
            assert name in [current + part for part in parts], line
            labels = tuple(sorted(re.findall(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"', match.group(2) or "")))
            assert (name, labels) not in samples, line
            samples[name, labels] = float(match.group(3))
    return families, samples


class Metrics(AdminCase):
    def scrape(self, weir) -> dict:
        with Client(self.socket_of(weir)) as client:
            response = client.request("GET", "/metrics")
        self.assertEqual(response.status, 200)
        self.assertTrue(response.get("Content-Type").startswith("text/plain; version=0.0.4"))
        families, samples = parse_metrics(response.text)
        for name, kind in families.items():
            self.assertEqual(kind == "counter", name.endswith("_total"), name)
        return samples

    def test_metrics_count_requests_and_failures(self):
        a = self.node("a")
        dead = self.backend()
        dead.stop()
        weir = self.weir(self.scene(a, dead, options=("", "fail_timeout=300s")), workers=2)
        for _ in range(6):
            self.assertEqual(self.get(weir).text, "a")
        self.get(weir, "/%zz")
        ws = self.websocket(weir)
        self.wait_until(lambda: self.scrape(weir)["weir_connections", ()] == 1, "the closed connections to be noticed")
        samples = self.scrape(weir)

        def value(name, **labels):
            return samples[name, tuple(sorted(labels.items()))]
        peer = {"upstream": "u", "peer": a.address}
        self.assertEqual(value("weir_peer_tunnels", **peer), 1)
        self.assertEqual(value("weir_peer_inflight", **peer), 1)
        self.assertEqual(value("weir_tunnels_total"), 1)
        self.assertGreaterEqual(value("weir_requests_total"), 7)
        self.assertEqual(value("weir_responses_total", **{"class": "2xx"}), 6)
        self.assertEqual(value("weir_peer_responses_total", **peer, **{"class": "2xx"}), 6)
        self.assertGreaterEqual(value("weir_retries_total", reason="connect_refused"), 1)
        self.assertEqual(value("weir_peer_ejections_total", upstream="u", peer=dead.address), 1)
        self.assertEqual(value("weir_peer_ejected", upstream="u", peer=dead.address), 1)
        self.assertEqual(value("weir_peer_up", upstream="u", peer=dead.address), 0)
        self.assertEqual(value("weir_peer_state", upstream="u", peer=dead.address, state="ejected"), 1)
        self.assertEqual(value("weir_snapshots_live"), 2)
        self.assertEqual(value("weir_connections"), 1)
        ws.close()

    def test_counters_never_go_back(self):
        a = self.node("a")
        weir = self.weir(self.scene(a), workers=4)
        self.names(weir, 20)
        before = self.scrape(weir)
        for workers in ("1", "3", "2"):
            weir.reload(self.scene(a), workers=workers)
            self.wait_until(lambda: self.scrape(weir)["weir_snapshots_live", ()] == int(workers), "old workers to end")
            now = self.scrape(weir)
            for (name, labels), value in before.items():
                if name.endswith("_total"):
                    self.assertGreaterEqual(now[name, labels], value, (name, labels))
            self.assertEqual(now["weir_requests_total", ()], before["weir_requests_total", ()])
            self.names(weir, 5)
            before = self.scrape(weir)

    def test_metrics_count_reuse_and_reloads(self):
        a = self.node("a")
        weir = self.weir(self.scene(a))
        self.names(weir, 5)
        weir.reload("nonsense;", fails=True)
        samples = self.scrape(weir)
        self.assertEqual(samples["weir_upstream_connects_total", ()], 1)
        self.assertEqual(samples["weir_upstream_reuses_total", ()], 4)
        self.assertEqual(samples["weir_reloads_total", (("result", "failed"),)], 1)
        self.assertEqual(samples["weir_reload_last_ok", ()], 0)
        weir.write_config(self.scene(a))
        self.assertIn("weir_requests_total 5", self.ctl(weir, "metrics").stdout)


class Socket(AdminCase):
    def test_socket_allows_its_owner_and_is_removed(self):
        weir = self.weir(self.scene(self.node("a")))
        path = weir.dir / "weir.sock"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        weir.signal(signal.SIGTERM)
        weir.wait_exit()
        self.assertFalse(path.exists())

    def test_a_killed_weir_s_file_is_replaced(self):
        weir = self.weir(self.scene(self.node("a")))
        weir.process.kill()
        weir.process.wait()
        self.assertTrue((weir.dir / "weir.sock").exists())
        weir.start()
        self.assertEqual(self.api(weir, "GET", "/v1/status")["pid"], weir.process.pid)

    def test_socket_moves_with_a_reload(self):
        a = self.node("a")
        weir = self.weir(self.scene(a))
        weir.reload(self.scene(a), main="admin unix:<<dir>>/other.sock;")
        self.wait_until((weir.dir / "other.sock").exists, "the new socket")
        self.wait_until(lambda: not (weir.dir / "weir.sock").exists(), "the old socket to go")
        self.assertEqual(self.ctl(weir, "list").returncode, 0)
        weir.reload(self.scene(a), main="admin off;")
        self.wait_until(lambda: not (weir.dir / "other.sock").exists(), "the socket to go")
        self.assertIn("admin off", self.ctl(weir, "list", code=2).stderr)

    def test_second_instance_does_not_take_the_socket(self):
        a = self.node("a")
        weir = self.weir(self.scene(a))
        second = self.weir(self.scene(a), main=f"admin unix:{weir.dir}/weir.sock;", start=False)
        second.launch()
        self.assertEqual(second.wait_exit(), 1)
        self.assertIn("weir.sock", second.errors())
        second.process = None
        self.assertEqual(self.api(weir, "GET", "/v1/status")["pid"], weir.process.pid)

    def test_bad_requests_change_nothing(self):
        a = self.node("a")
        weir = self.weir(self.scene(a))
        peer = f"/v1/peers/u/{a.address}"
        with Client(self.socket_of(weir)) as client:
            self.assertEqual(client.request("POST", peer, [("Content-Type", "text/plain")], b'{"action":"down"}').status, 415)
            self.assertEqual(client.request("GET", peer, [("Content-Type", "application/json")], b'{"action":"down"}').status, 200)
            refused = client.request("PUT", peer, [("Content-Type", "application/json")], b'{"action":"down"}')
            self.assertEqual((refused.status, refused.get("Allow")), (405, "GET, POST"))
        for body in ("{}", "[]", "{", '{"action":"down","x":1}', '{"action":"drain","code":1000}', '{"action":"weight","weight":0}'):
            with Client(self.socket_of(weir)) as client:
                response = client.request("POST", peer, [("Content-Type", "application/json")], body.encode())
            self.assertEqual(response.status, 400, body)
            self.assertTrue(json.loads(response.body)["error"])
        for raw, status in ((b"GET / HTTP/1.1\r\n\r\n", 400), (b"nonsense\r\n\r\n", 400),
                            (b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
                            (b"POST /v1/maintenance HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", 413),
                            (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414)):
            with Client(self.socket_of(weir)) as client:
                self.assertEqual(client.send(raw).read_response().status, status, raw[:60])
        self.assertEqual(self.peers(weir)[a.address]["state"], "up")

    def test_idle_connections_do_not_lock_the_operator_out(self):
        weir = self.weir(self.scene(self.node("a")))
        flood = [Client(self.socket_of(weir)) for _ in range(80)]
        self.assertEqual(self.get(weir).text, "a")
        for client in flood:
            client.close()
        self.assertEqual(self.api(weir, "GET", "/v1/status")["workers"], 1)

    def test_healthz_fails_while_weir_drains(self):
        a = self.node("a")
        weir = self.weir(self.scene(a))
        client = self.client(weir).send_request(path="/slow")
        a.wait_requests(1)
        self.assertEqual(self.get(self.socket_of(weir), "/healthz").status, 200)
        weir.signal(signal.SIGQUIT)
        weir.wait_error("SIGQUIT")
        self.assertEqual(self.get(self.socket_of(weir), "/healthz").status, 503)
        self.assertIn("shutting down", self.ctl(weir, "down", f"u/{a.address}", code=1).stderr)
        self.assertIn("shutting down", self.ctl(weir, "status").stdout)
        a.go.set()
        self.assertEqual(client.read_response().text, "a")
        self.assertEqual(weir.wait_exit(), 0)


if __name__ == "__main__":
    main()
