#!/usr/bin/env python3
"""metrics and stub_status in a location: what workers are asked and control answers."""
import pathlib
import re
import shutil
import ssl
import subprocess
import tempfile
import threading

from weirtest import Case, answer, main, wait_until
from weirtest.certificates import Certificate
from weirtest.tls import TlsClient, client_context

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
CONF = pathlib.Path(__file__).resolve().parents[2] / "conf" / "monitoring"


class Monitor(Case):
    SCENE = """upstream app { server <<node>>; }
               server {
                   listen <<front>>;
                   location = /metrics { metrics; allow 127.0.0.0/8; deny all; }
                   location = /secret { metrics; deny all; }
                   location = /stub { stub_status; }
                   location / { proxy_pass http://app; }
               }"""

    def scene(self, reply=None, **options):
        node = self.backend(reply)
        return self.weir(self.SCENE, node=node.address, **options)

    def metrics(self, weir) -> dict[str, float]:
        got = self.get(weir, "/metrics")
        self.assertEqual((got.status, got.get("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"))
        lines = [line for line in got.text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def wait_for(self, weir, name: str, least: float):
        """Workers count behind the answer's last byte."""
        wait_until(lambda: self.metrics(weir)[name] >= least, f"{name} is {least}")

    def test_metrics_count_requests_and_times(self):
        weir = self.scene(workers=2)
        for _ in range(5):
            self.assertEqual(self.get(weir, "/").status, 200)
        self.wait_for(weir, 'weir_upstream_response_duration_seconds_bucket{upstream="app",le="+Inf"}', 5)
        self.wait_for(weir, "weir_request_duration_seconds_count", 5)
        seen = self.metrics(weir)
        peer = next(name for name in seen if name.startswith("weir_peer_header_duration_seconds_count"))
        self.assertEqual(seen[peer], 5)
        self.assertEqual(seen['weir_upstream_header_duration_seconds_count{upstream="app"}'], 5)
        self.assertGreater(seen['weir_upstream_response_duration_seconds_sum{upstream="app"}'], 0)
        self.assertIn('weir_loop_lag_seconds_count{loop="control"}', seen)

    def test_histograms_live_over_reloads(self):
        weir = self.scene()
        self.get(weir, "/")
        weir.reload()
        self.get(weir, "/")
        self.assertEqual(self.metrics(weir)['weir_upstream_header_duration_seconds_count{upstream="app"}'], 2)

    def test_queue_waits_are_seen(self):
        go = threading.Event()

        def reply(request):
            if request.path == "/slow":
                go.wait(30)
            return answer(b"ok")
        node = self.backend(reply)
        weir = self.weir("""upstream app { server <<node>> max_conns=1; queue 10 timeout=30s; }
                            server { listen <<front>>; location / { proxy_pass http://app; }
                                     location = /metrics { metrics; allow all; } }""", node=node.address, workers=1)
        slow, waits = self.client(weir), self.client(weir)
        slow.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: len(node.requests) == 1, "the slow one is at the node")
        waits.send(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: self.metrics(weir)['weir_queue_waiting{upstream="app"}'] == 1, "the next one waits")
        go.set()
        self.assertEqual(waits.read_response().status, 200)
        seen = self.metrics(weir)
        self.assertEqual(seen['weir_queue_wait_seconds_count{upstream="app"}'], 1)

    def test_bytes_of_peers_are_counted_both_ways(self):
        reply = answer(b"x" * 1000)
        node = self.backend(lambda request: reply)
        weir = self.weir(self.SCENE, node=node.address)
        self.get(weir, "/", method="POST", body=b"y" * 500)
        labels = f'{{upstream="app",peer="{node.address}"}}'
        self.wait_for(weir, f"weir_peer_received_bytes_total{labels}", len(reply))
        seen = self.metrics(weir)
        self.assertEqual(seen[f"weir_peer_received_bytes_total{labels}"], len(reply))
        self.assertEqual(seen[f"weir_peer_sent_bytes_total{labels}"], len(node.received))

    def test_bytes_of_websockets_are_counted_at_their_end(self):
        def script(conn):
            conn.read_request()
            conn.send(SWITCH)
            conn.send(conn.reader.take(6))
            conn.close()
        node = self.backend(script=script)
        weir = self.weir(self.SCENE, node=node.address)
        client = self.client(weir).send_request(headers=UPGRADE)
        self.assertEqual(client.read_response().status, 101)
        self.assertEqual(client.send(b"abcdef").read(6), b"abcdef")
        client.close()
        labels = f'{{upstream="app",peer="{node.address}"}}'
        self.wait_for(weir, f"weir_peer_received_bytes_total{labels}", len(SWITCH) + 6)
        seen = self.metrics(weir)
        self.assertEqual(seen[f"weir_peer_received_bytes_total{labels}"], len(SWITCH) + 6)
        self.assertEqual(seen[f"weir_peer_sent_bytes_total{labels}"], len(node.received))

    def test_protocols_of_clients_are_counted(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-monitor-"))
        folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        made = Certificate(folder, "a.test", ["a.test"])
        weir = self.weir(f"""server {{ listen <<front>>; location / {{ return 204; }} location = /metrics {{ metrics; allow all; }} }}
                             server {{ listen <<front2>> ssl; ssl_certificate {made.pem}; ssl_certificate_key {made.key}; return 204; }}
                             server {{ listen <<front3>> proxy_protocol; set_real_ip_from 127.0.0.0/8; return 204; }}""")
        self.client(weir).send(b"GET / HTTP/1.0\r\n\r\n").read_response()
        self.get(weir, "/")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3):
            client = self.hold(TlsClient(weir.front2, context=client_context(version)))
            self.assertEqual(client.request(path="/").status, 204)
        for header in (b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n",
                       b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 1, 198, 51, 100, 2, 0, 1, 0, 2])):
            client = self.client(weir.front3).send(header)
            self.assertEqual(client.request(path="/").status, 204)
        seen = self.metrics(weir)
        self.assertEqual(seen['weir_protocol_requests_total{protocol="HTTP/1.0"}'], 1)
        self.assertGreaterEqual(seen['weir_protocol_requests_total{protocol="HTTP/1.1"}'], 6)
        self.assertEqual(seen['weir_protocol_requests_total{protocol="HTTP/1.0"}'] + seen['weir_protocol_requests_total{protocol="HTTP/1.1"}'],
                         seen["weir_requests_total"])
        self.assertEqual((seen['weir_tls_versions_total{version="TLSv1.2"}'], seen['weir_tls_versions_total{version="TLSv1.3"}']), (1, 2))
        self.assertEqual((seen['weir_proxy_headers_total{version="1"}'], seen['weir_proxy_headers_total{version="2"}']), (1, 1))

    def test_dashboard_and_alerts_name_metrics_that_exist(self):
        node = self.backend()
        weir = self.weir("""upstream app { server <<node>>; queue 10; }
                            server { listen <<front>>; location = /metrics { metrics; allow all; } }""", node=node.address)
        families = set(re.findall(r"^# TYPE (\w+) ", self.get(weir, "/metrics").text, re.M))
        for name in ("grafana-weir.json", "weir-alerts.yml"):
            text = (CONF / name).read_text()
            named = set(re.findall(r"\bweir_\w+", text))
            self.assertGreater(len(named), 8, name)
            # What stands only where there are certificates.
            unknown = {re.sub("_bucket$", "", each) for each in named} - families - {"weir_certificate_expiry_seconds"}
            self.assertEqual(unknown, set(), name)

    def test_promtool_has_no_complaint(self):
        if shutil.which("promtool") is None:
            self.skipTest("promtool is not installed (package prometheus)")
        weir = self.scene()
        self.get(weir, "/")
        page = self.get(weir, "/metrics").text
        done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_strangers_see_nothing(self):
        weir = self.scene()
        got = self.get(weir, "/secret")
        self.assertEqual(got.status, 403)
        self.assertNotIn("weir_", got.text)

    def test_only_reading_is_allowed(self):
        weir = self.scene()
        got = self.get(weir, "/metrics", method="POST")
        self.assertEqual((got.status, got.get("allow")), (405, "GET, HEAD"))
        got = self.get(weir, "/metrics", method="HEAD")
        self.assertEqual((got.status, got.text), (200, ""))
        self.assertGreater(int(got.get("content-length")), 1000)

    def test_stub_status_reads_as_in_nginx(self):
        go = threading.Event()

        def reply(request):
            if request.path == "/slow":
                go.wait(30)
            return answer(b"ok")
        weir = self.scene(reply, workers=1)
        idle, busy, half = self.client(weir), self.client(weir), self.client(weir)
        idle.request(path="/")
        busy.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        half.send(b"GET / HT")
        asking = self.client(weir)
        shape = re.compile(r"Active connections: (\d+) \nserver accepts handled requests\n (\d+) (\d+) (\d+) \n"
                           r"Reading: (\d+) Writing: (\d+) Waiting: (\d+) \n")

        def counts():
            got = asking.request(path="/stub")
            self.assertEqual((got.status, got.get("content-type")), (200, "text/plain"))
            found = shape.fullmatch(got.text)
            self.assertIsNotNone(found, got.text)
            return [int(each) for each in found.groups()]
        wait_until(lambda: counts()[4:] == [1, 2, 1], "one reads, the slow one and this one write, one waits")
        active, accepts, handled, requests, *_ = counts()
        self.assertEqual((active, accepts, handled), (4, 4, 4))
        self.assertGreaterEqual(requests, 3)
        go.set()
        self.assertEqual(busy.read_response().status, 200)


if __name__ == "__main__":
    main()
