#!/usr/bin/env python3
"""otel_trace: spans as OTLP's JSON, to a collector and into a file; what peers are told of the trace; nothing waits for it."""
import json
import pathlib
import re
import shutil
import ssl
import tempfile

from weirtest import Case, answer, closed_port, main
from weirtest.certificates import Certificate

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SHAPE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
SERVER, CLIENT = 2, 3
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


def parent(flags: str = "01", **more) -> dict:
    return {"traceparent": f"00-{TRACE}-{SPAN}-{flags}", **more}


def attributes(span: dict) -> dict:
    """Of a span or a resource, by name; the protocol's 64-bit numbers are strings."""
    out = {}
    for each in span["attributes"]:
        (kind, value), = each["value"].items()
        out[each["key"]] = {"stringValue": str, "intValue": int, "boolValue": bool}[kind](value)
    return out


class Otel(Case):
    SCENE = """otel_exporter { endpoint http://<<collector>>/v1/traces; interval 10ms; header X-Key "a b"; }
               otel_service_name shop;
               otel_resource_attr deployment.environment.name test;
               upstream app { server <<node>>; }
               upstream two { server <<dead>>; server <<node>>; }
               split_clients $otel_trace_id $all { 100% on; }
               split_clients $otel_trace_id $none { 100% off; }
               server {
                   listen <<front>>;
                   location / { proxy_pass http://app; otel_trace on; otel_trace_context propagate; }
                   location /named/ { proxy_pass http://app; otel_trace $all; otel_span_name "$request_method thing";
                                      otel_span_attr shop.kind "k$arg_k"; add_header X-Ids "$otel_trace_id $otel_span_id $otel_parent_id-"; }
                   location /off { proxy_pass http://app; otel_trace_context propagate; }
                   location /none { proxy_pass http://app; otel_trace $none; otel_trace_context inject; }
                   location /asked { proxy_pass http://app; otel_trace $otel_parent_sampled; otel_trace_context extract; }
                   location /own { proxy_pass http://app; otel_trace on; otel_trace_context inject; }
                   location /two { proxy_pass http://two; otel_trace on; otel_trace_context propagate; }
                   location /dead { proxy_pass http://<<dead>>; otel_trace on; }
                   location /local { return 204; otel_trace on; }
               }"""

    def collector(self, reply=None):
        return self.backend(reply or (lambda request: answer("{}", headers={"Content-Type": "application/json"})))

    def scene(self, **options):
        self.node_ = self.backend(lambda request: answer(b"hello"))
        self.collector_ = self.collector()
        holder, dead = closed_port()
        self.hold(holder)
        return self.weir(self.SCENE, node=self.node_.address, collector=self.collector_.address, dead=dead, arguments=["--start-at-first"], **options)

    def messages(self) -> list[dict]:
        return [json.loads(request.body) for request in list(self.collector_.requests) if getattr(request, "body", None)]

    def spans(self, count: int) -> list[dict]:
        """All that have come, SERVER before CLIENT, once there are so many."""
        found = []

        def enough():
            found[:] = [span for message in self.messages() for resource in message["resourceSpans"]
                        for scope in resource["scopeSpans"] for span in scope["spans"]]
            return len(found) >= count
        self.wait_until(enough, f"{count} spans")
        self.assertEqual(len(found), count)
        return sorted(found, key=lambda span: (span["kind"], span["startTimeUnixNano"]))

    def sent(self) -> re.Match:
        return SHAPE.fullmatch(self.node_.requests[-1].get("traceparent"))

    def test_request_and_attempt_become_spans(self):
        weir = self.scene()
        self.get(weir, "/x?y=1", headers={**parent(), "User-Agent": "probe"})
        server, client = self.spans(2)
        self.assertEqual((server["kind"], client["kind"]), (SERVER, CLIENT))
        self.assertEqual((server["traceId"], server["parentSpanId"]), (TRACE, SPAN))
        self.assertEqual((client["traceId"], client["parentSpanId"]), (TRACE, server["spanId"]))
        for span in (server, client):
            self.assertRegex(span["spanId"], r"^[0-9a-f]{16}$")
            self.assertIsInstance(span["startTimeUnixNano"], str)
            self.assertLessEqual(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))
            self.assertEqual(span["status"], {})
        self.assertGreaterEqual(int(client["startTimeUnixNano"]), int(server["startTimeUnixNano"]))
        self.assertEqual((server["name"], client["name"]), ("/", "GET"))
        said = attributes(server)
        self.assertEqual(said["http.request.method"], "GET")
        self.assertEqual((said["url.scheme"], said["url.path"], said["url.query"]), ("http", "/x", "y=1"))
        self.assertEqual((said["http.response.status_code"], said["http.response.body.size"]), (200, 5))
        self.assertEqual((said["user_agent.original"], said["network.protocol.version"]), ("probe", "1.1"))
        said = attributes(client)
        self.assertEqual(f"{said['server.address']}:{said['server.port']}", self.node_.address)
        self.assertEqual((said["http.response.status_code"], said["weir.connection.reused"]), (200, False))
        self.assertEqual([event["name"] for event in client["events"]], ["connected", "response head"])

    def test_message_has_its_resource_and_fields(self):
        weir = self.scene()
        self.get(weir, "/x")
        self.spans(2)
        request = self.collector_.requests[0]
        self.assertEqual((request.method, request.path), ("POST", "/v1/traces"))
        self.assertEqual((request.get("content-type"), request.get("x-key")), ("application/json", "a b"))
        resource = self.messages()[0]["resourceSpans"][0]
        said = attributes(resource["resource"])
        self.assertEqual((said["service.name"], said["deployment.environment.name"]), ("shop", "test"))
        self.assertEqual(resource["scopeSpans"][0]["scope"]["name"], "weir")

    def test_peer_gets_the_span_of_its_attempt(self):
        weir = self.scene()
        self.get(weir, "/two", headers=parent(tracestate="a=b"))
        server, first, second = self.spans(3)
        self.assertEqual(self.sent().groups(), (TRACE, second["spanId"], "01"))
        self.assertEqual(self.node_.requests[-1].get("tracestate"), "a=b")
        self.assertEqual(server["traceState"], "a=b")
        self.assertEqual(len({server["spanId"], first["spanId"], second["spanId"]}), 3)
        self.assertEqual(first["status"]["code"], 2)
        self.assertEqual(attributes(second)["http.request.resend_count"], 1)
        self.assertEqual(server["status"], {}, "another peer has answered")

    def test_failure_is_an_error_of_both_spans(self):
        weir = self.scene()
        self.get(weir, "/dead")
        server, client = self.spans(2)
        self.assertEqual((server["status"]["code"], client["status"]["code"]), (2, 2))
        self.assertEqual(attributes(client)["error.type"], client["status"]["message"])
        self.assertGreaterEqual(attributes(server)["http.response.status_code"], 500)

    def test_span_has_the_name_and_attributes_of_its_location(self):
        weir = self.scene()
        ids = self.get(weir, "/named/?k=7", headers=parent()).get("x-ids").split(" ")
        server, _ = self.spans(2)
        self.assertEqual((server["name"], attributes(server)["shop.kind"]), ("GET thing", "k7"))
        self.assertNotEqual(server["traceId"], TRACE, "otel_trace_context is ignore")
        self.assertNotIn("parentSpanId", server)
        self.assertEqual(ids, [server["traceId"], server["spanId"], "-"])
        self.assertEqual(self.node_.requests[-1].get("traceparent"), f"00-{TRACE}-{SPAN}-01", "the client's goes on as it is")

    def test_sampling_follows_the_client(self):
        weir = self.scene()
        for flags in ("00", "01"):
            self.get(weir, "/asked", headers=parent(flags))
        self.get(weir, "/asked")
        self.get(weir, "/off", headers=parent())
        self.assertEqual(self.node_.requests[-1].get("traceparent"), f"00-{TRACE}-{SPAN}-01", "nothing of weir's stands between")
        server, _ = self.spans(2)
        self.assertEqual(server["traceId"], TRACE)

    def test_trace_follows_the_location_behind_a_server_step(self):
        self.collector_ = self.collector()
        weir = self.weir("""otel_exporter { endpoint http://<<collector>>; interval 10ms; }
                            server {
                                listen <<front>>;
                                set $early $trace_id;
                                location /own { return 204; otel_trace on; }
                                location /same { return 200 $early/$otel_trace_id; otel_trace on; otel_trace_context extract; }
                            }
                            server {
                                listen <<front>>; server_name own.test; otel_trace_context inject;
                                set $early $trace_id;
                                location / { return 204; otel_trace on; otel_trace_context propagate; }
                            }""", collector=self.collector_.address)
        self.get(weir, "/own", headers=parent())
        server, = self.spans(1)
        self.assertNotEqual(server["traceId"], TRACE)
        self.assertNotIn("parentSpanId", server)
        self.collector_.requests.clear()
        self.get(weir, "/", headers=parent(), host="own.test")
        server, = self.spans(1)
        self.assertEqual((server["traceId"], server["parentSpanId"]), (TRACE, SPAN))
        self.assertEqual(self.get(weir, "/same", headers=parent()).body, f"{TRACE}/{TRACE}".encode())

    def test_unsampled_trace_is_passed_on_as_such(self):
        weir = self.scene()
        self.get(weir, "/none", headers=parent(tracestate="a=b"))
        trace, span, flags = self.sent().groups()
        self.assertEqual(flags, "00")
        self.assertNotEqual(trace, TRACE)
        self.assertIsNone(self.node_.requests[-1].get("tracestate"), "the state of another trace")
        self.get(weir, "/own", headers=parent())
        self.assertEqual(self.sent()[3], "01")
        server, client = self.spans(2)
        self.assertEqual(self.sent()[2], client["spanId"])
        self.assertEqual(self.sent()[1], server["traceId"])

    def test_local_answer_is_one_span(self):
        weir = self.scene()
        self.get(weir, "/local")
        server, = self.spans(1)
        self.assertEqual(attributes(server)["http.response.status_code"], 204)

    def test_span_of_a_websocket_ends_when_it_opens(self):
        def script(conn):
            conn.read_request()
            conn.send(SWITCH)
            conn.read_all()
        node = self.backend(script=script)
        self.collector_ = self.collector()
        weir = self.weir("""otel_exporter { endpoint http://<<collector>>; interval 10ms; }
                            server { listen <<front>>; location / { proxy_pass http://<<node>>; otel_trace on; otel_trace_context inject; } }""",
                         node=node.address, collector=self.collector_.address)
        client = self.client(weir).send_request(headers=UPGRADE)
        self.assertEqual(client.read_response().status, 101)
        server, attempt = self.spans(2)
        self.assertEqual((attributes(server)["http.response.status_code"], attributes(attempt)["http.response.status_code"]), (101, 101))
        self.assertEqual(server["status"], {})
        self.assertEqual(SHAPE.fullmatch(node.requests[0].get("traceparent"))[2], attempt["spanId"])

    def test_request_of_weirs_own_has_no_span(self):
        node = self.backend(lambda request: answer(b"hello"))
        self.collector_ = self.collector()
        weir = self.weir("""otel_exporter { endpoint http://<<collector>>; interval 10ms; }
                            otel_trace on; otel_trace_context inject;
                            server { listen <<front>>; location / { proxy_pass http://<<node>>; auth_request /auth; }
                                     location = /auth { internal; proxy_pass http://<<node>>; } }""",
                         node=node.address, collector=self.collector_.address)
        self.get(weir, "/x", headers=parent())
        self.spans(2)
        asked = {request.path: request.get("traceparent") for request in node.requests}
        self.assertEqual(asked["/auth"], f"00-{TRACE}-{SPAN}-01", "the client's goes on as it is")
        self.assertNotIn(TRACE, asked["/x"])

    def test_refused_request_has_no_span(self):
        weir = self.scene()
        self.client(weir).send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n").read_response()
        self.get(weir, "/local")
        server, = self.spans(1)
        self.assertEqual(attributes(server)["http.response.status_code"], 204)

    def test_dead_collector_gets_the_spans_when_it_is_back(self):
        weir = self.scene()
        self.collector_.stop()
        self.assertEqual(self.get(weir, "/x").status, 200)
        weir.wait_error("otel exporter .*: spans not delivered \\(.*\\), sent again later")
        self.assertEqual(self.get(weir, "/local").status, 204, "nobody waits")
        self.collector_ = self.backend(lambda request: answer("{}"), address=self.collector_.address)
        self.spans(3)
        weir.wait_error("otel exporter .*: spans sent again")

    def test_refusing_collector_costs_spans_only(self):
        weir = self.weir(self.SCENE, node=self.backend().address, dead=self.backend().address,
                         collector=self.collector(lambda request: answer("", status=400)).address)
        self.assertEqual(self.get(weir, "/x").status, 200)
        self.wait_until(lambda: weir.metric("weir_otel_spans_total", result="failed") == 2, "lost spans to be counted")
        weir.wait_error("otel exporter .*: spans lost \\(status 400\\)")
        self.assertEqual(self.get(weir, "/x").status, 200)

    def test_hung_collector_costs_spans_only(self):
        node = self.backend(lambda request: answer(b"hello"))
        silent = self.backend(script=lambda connection: connection.wait_closed())
        weir = self.weir("""otel_exporter { endpoint http://<<silent>>; batch_size 2; batch_count 1; }
                            server { listen <<front>>; location / { proxy_pass http://<<node>>; otel_trace on; } }""",
                         node=node.address, silent=silent.address)
        self.get(weir, "/")
        silent.wait_connections(1)  # the exporter is busy with these two spans

        def dropped() -> bool:  # two wait, for as long as libcurl does
            self.assertEqual(self.get(weir, "/").status, 200)
            return weir.metric("weir_otel_spans_total", result="dropped") > 0
        self.wait_until(dropped, "dropped spans to be counted")
        self.assertEqual(weir.metric("weir_otel_spans_total", result="sent"), 0)

    def test_collector_over_tls_is_verified(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-otel-"))
        folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        authority = Certificate(folder, "ca", authority=True)
        made = Certificate(folder, "localhost", ["localhost"], issuer=authority)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.pem, made.key)
        self.collector_ = self.backend(lambda request: answer("{}"), tls=context, address="127.0.0.1")
        scene = """otel_exporter { endpoint https://localhost:<<port>>; interval 10ms; <<trust>> }
                   server { listen <<front>>; location / { return 204; otel_trace on; } }"""
        weir = self.weir(scene, port=self.collector_.address.split(":")[1], trust="")
        self.get(weir, "/")
        weir.wait_error("spans not delivered \\(.*certificate")
        weir.reload(scene, trust=f"trusted_certificate {authority.pem};")
        self.get(weir, "/")
        self.wait_until(self.messages, "spans")

    def test_file_gets_a_message_a_line(self):
        node = self.backend(lambda request: answer(b"hello"))
        weir = self.weir("""otel_exporter { endpoint file:<<dir>>/spans.json; interval 10ms; }
                            server { listen <<front>>; location / { proxy_pass http://<<node>>; otel_trace on; } }""", node=node.address)
        self.get(weir, "/")
        line, = weir.wait_log(name="spans.json")
        spans = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
        self.assertEqual([span["kind"] for span in spans], [SERVER, CLIENT])

    def test_waiting_spans_are_sent_at_the_end(self):
        node = self.backend(lambda request: answer(b"hello"))
        self.collector_ = self.collector()
        weir = self.weir("""otel_exporter { endpoint http://<<collector>>; interval 1h; }
                            server { listen <<front>>; location / { proxy_pass http://<<node>>; otel_trace on; } }""",
                         node=node.address, collector=self.collector_.address)
        self.get(weir, "/")
        weir.stop()
        self.spans(2)

    def test_reload_changes_the_collector(self):
        weir = self.scene()
        self.get(weir, "/local")
        self.spans(1)
        self.collector_ = self.collector()
        weir.reload(self.SCENE, collector=self.collector_.address)
        self.get(weir, "/local")
        self.spans(1)


if __name__ == "__main__":
    main()
