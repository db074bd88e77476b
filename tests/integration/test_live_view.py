#!/usr/bin/env python3
"""status in a location: the page, its JSON and its events; weir top."""
import json
import re
import signal
import subprocess

from weirtest import Case, main, wait_until
from weirtest.weir import binary


class LiveView(Case):
    SCENE = """upstream app { server <<a>>; server <<b>>; }
               server {
                   listen <<front>>;
                   location /weir/ { status; allow 127.0.0.0/8; deny all; }
                   location = /closed { status; deny all; }
                   location / { proxy_pass http://app; }
               }"""

    def scene(self, **options):
        nodes = [self.node(name) for name in "ab"]
        return self.weir(self.SCENE, a=nodes[0].address, b=nodes[1].address, **options), nodes

    def events(self, weir):
        client = self.client(weir)
        client.send(b"GET /weir/?events HTTP/1.1\r\nHost: a\r\n\r\n")
        head = client.read_until(b"\r\n\r\n")
        self.assertIn(b"200 OK", head)
        self.assertIn(b"text/event-stream", head)
        return client

    def test_page_is_one_document_with_its_own_policy(self):
        weir, _ = self.scene()
        page = self.get(weir, "/weir/")
        self.assertEqual((page.status, page.get("content-type")), (200, "text/html; charset=utf-8"))
        policy = page.get("content-security-policy")
        self.assertTrue(policy.startswith("default-src 'none'; script-src 'sha256-"), policy)
        self.assertEqual(page.get("x-frame-options"), "DENY")
        self.assertEqual(page.get("cache-control"), "no-store")
        self.assertIn("<title>weir</title>", page.text)

    def test_json_has_the_requests(self):
        weir, nodes = self.scene()
        first = json.loads(self.get(weir, "/weir/?json").text)
        self.assertEqual(first["schema"], 1)
        for _ in range(6):
            self.assertEqual(self.get(weir, "/").status, 200)

        def requests():
            points = json.loads(self.get(weir, "/weir/?json").text)["history"]["upstreams"][0]
            return sum(points["requests"]), max(points["p99_us"], default=0)
        wait_until(lambda: requests()[0] == 6, "the points have all requests")
        self.assertGreater(requests()[1], 0)
        history = json.loads(self.get(weir, "/weir/?history=app").text)["peers"]
        self.assertEqual(set(history), {node.address for node in nodes})
        self.assertEqual(sum(sum(each["requests"]) for each in history.values()), 6)

    def test_listener_of_tls_is_marked(self):
        weir = self.weir("""server { listen <<front>>; listen <<front2>> ssl; server_name a.test; ssl_certificate_selfsigned;
            location /weir/ { status; allow 127.0.0.0/8; deny all; } }""")
        listeners = json.loads(self.get(weir, "/weir/?json").text)["listeners"]
        self.assertEqual({each["address"]: each["tls"] for each in listeners}, {weir.front: False, weir.front2: True})

    def test_events_come_as_they_happen(self):
        weir, nodes = self.scene()
        stream = self.events(weir)
        weir.ctl("down", "app/" + nodes[1].address, "--why", "new kernel")
        text = b""
        while b"event: change" not in text:
            text += stream.read_until(b"\n\n")
        while b"by hand: new kernel" not in text:
            text += stream.read_until(b"\n\n")
        self.assertIn(b'"object":"peer app/' + nodes[1].address.encode(), text)

    def test_reload_ends_streams_and_holds_no_snapshot(self):
        weir, _ = self.scene(workers=1)
        stream = self.events(weir)
        weir.reload()
        stream.read_until(b"0\r\n\r\n")
        wait_until(lambda: json.loads(self.get(weir, "/weir/?json").text)["status"]["snapshots_live"] == 1, "the old one is gone")

    def test_drain_ends_streams(self):
        weir, _ = self.scene()
        stream = self.events(weir)
        weir.signal(signal.SIGQUIT)
        stream.read_until(b"0\r\n\r\n")
        self.assertEqual(weir.wait_exit(), 0)

    def test_other_questions_are_refused(self):
        weir, _ = self.scene()
        self.assertEqual(self.get(weir, "/closed").status, 403)
        self.assertEqual(self.get(weir, "/closed?events").status, 403)
        self.assertEqual(self.get(weir, "/weir/?history=nobody").status, 404)
        self.assertEqual(self.get(weir, "/weir/?other").status, 404)
        self.assertEqual(self.get(weir, "/weir/", method="POST").status, 405)

    def test_top_prints_one_picture(self):
        weir, nodes = self.scene()
        for _ in range(3):
            self.get(weir, "/")
        done = subprocess.run([binary(), "top", "-c", str(weir.config_path), "--once"], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^weir \d")
        for node in nodes:
            self.assertRegex(done.stdout, r"up +" + re.escape(node.address))

    def test_top_fails_without_a_running_weir(self):
        weir, _ = self.scene()
        weir.stop()
        done = subprocess.run([binary(), "top", "-c", str(weir.config_path)], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("[error]", done.stderr)


if __name__ == "__main__":
    main()
