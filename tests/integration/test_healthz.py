#!/usr/bin/env python3
"""healthz: whether who stands in front of weir should send it requests."""
import pathlib
import signal
import subprocess

from weirtest import Case, closed_port, main

CHECK = pathlib.Path(__file__).resolve().parents[2] / "conf" / "ha" / "check-weir"


class Healthz(Case):
    SCENE = """upstream app { server <<a>>; server <<b>>; }
               upstream api { server <<b>> max_fails=1 fail_timeout=60s; server <<c>> backup; }
               server {
                   listen <<front>>;
                   location = /alive { healthz; }
                   location = /app { healthz app; }
                   location = /all { healthz app api; }
                   location / { proxy_pass http://app; }
                   location = /api { proxy_pass http://api; proxy_next_upstream off; }
               }"""

    def scene(self, **options):
        nodes = [self.node(name) for name in "abc"]
        weir = self.weir(self.SCENE, a=nodes[0].address, b=nodes[1].address, c=nodes[2].address, **options)
        return weir, nodes

    def statuses(self, weir) -> list[int]:
        return [self.get(weir, path).status for path in ("/alive", "/app", "/all")]

    def test_usable_peers_are_200(self):
        weir, _ = self.scene()
        for method in ("GET", "HEAD"):
            got = self.get(weir, "/all", method=method)
            self.assertEqual((got.status, got.text), (200, "ok\n" if method == "GET" else ""))
        self.assertEqual(self.get(weir, "/all").get("content-type"), "text/plain")
        self.assertEqual(self.statuses(weir), [200, 200, 200])

    def test_upstream_that_is_out_is_named(self):
        weir, nodes = self.scene()
        for peer in ("app/" + nodes[0].address, "app/" + nodes[1].address):
            self.assertEqual(self.statuses(weir), [200, 200, 200], "one is enough")
            self.assertEqual(weir.ctl("down", peer).returncode, 0)
        self.assertEqual(self.statuses(weir), [200, 503, 503])
        self.assertEqual(self.get(weir, "/all").text, "upstream app has no usable peer\n")
        weir.ctl("up", "app/" + nodes[0].address)
        self.assertEqual(self.statuses(weir), [200, 200, 200])

    def test_drained_peers_are_not_usable(self):
        weir, nodes = self.scene()
        for node in nodes[:2]:
            self.assertEqual(weir.ctl("drain", "app/" + node.address, "--wait", "0s", "--spread", "0s").returncode, 0)
        self.assertEqual(self.statuses(weir), [200, 503, 503])

    def test_backup_is_usable(self):
        weir, nodes = self.scene()
        weir.ctl("down", "api/" + nodes[1].address)
        self.assertEqual(self.statuses(weir), [200, 200, 200])
        weir.ctl("down", "api/" + nodes[2].address)
        self.assertEqual(self.statuses(weir), [200, 200, 503])

    def test_check_script_of_keepalived_follows(self):
        def check(address: str, path: str = "/all") -> int:
            return subprocess.run([CHECK, f"http://{address}{path}"], capture_output=True, timeout=30, check=False).returncode
        weir, nodes = self.scene()
        self.assertEqual(check(weir.front), 0)
        for node in nodes[:2]:
            weir.ctl("down", "app/" + node.address)
        self.assertEqual(check(weir.front), 1)
        self.assertEqual(check(weir.front, "/alive"), 0)
        holder, address = closed_port()
        self.hold(holder)
        self.assertEqual(check(address), 1)
        self.assertEqual(check("nonsense"), 2)

    def test_draining_weir_is_503(self):
        weir, _ = self.scene()
        idle, asking = self.client(weir), self.client(weir)
        self.assertEqual(idle.request(path="/alive").status, 200)
        self.assertEqual(asking.request(path="/alive").status, 200)
        asking.send(b"GET /alive HTTP/1.1\r\nHost: a")
        weir.signal(signal.SIGQUIT)
        self.assertEqual(idle.read_all(), b"", "the drain has begun when idle connections close")
        answer = asking.send(b"\r\n\r\n").read_response()
        self.assertEqual((answer.status, answer.text), (503, "weir is draining\n"))
        self.assertEqual(weir.wait_exit(), 0)


if __name__ == "__main__":
    main()
