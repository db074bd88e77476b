#!/usr/bin/env python3
"""W3C trace context in variables, and the access log as JSON."""
import json
import re

from weirtest import Case, answer, main

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SHAPE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class Trace(Case):
    SCENE = """access_log <<dir>>/json.log json flush=1ms;
               upstream app { server <<node>>; }
               server {
                   listen <<front>>;
                   location / { proxy_pass http://app; proxy_set_header traceparent $traceparent;
                                add_header X-Trace "$trace_id $span_id"; }
                   location /plain { proxy_pass http://app; }
               }"""

    def scene(self):
        node = self.backend(lambda request: answer(b"hello"))
        return self.weir(self.SCENE, node=node.address, access_log=False), node

    def sent(self, node) -> str:
        return node.requests[-1].get("traceparent")

    def test_trace_of_the_client_goes_on(self):
        weir, node = self.scene()
        got = self.get(weir, "/", headers={"Traceparent": f"00-{TRACE}-{SPAN}-01"})
        trace, span, flags = SHAPE.fullmatch(self.sent(node)).groups()
        self.assertEqual((trace, flags), (TRACE, "01"))
        self.assertNotEqual(span, SPAN, "weir has a span of its own")
        self.assertEqual(got.get("x-trace"), f"{trace} {span}", "the same wherever a request is asked for it")
        logged = json.loads(weir.wait_log(name="json.log")[0])
        self.assertEqual((logged["trace_id"], logged["span_id"]), (trace, span))

    def test_trace_begins_here_without_a_good_one(self):
        weir, node = self.scene()
        seen = set()
        for headers in ([], [("traceparent", "nonsense")], [("traceparent", f"00-{TRACE}-{'0' * 16}-01")],
                        [("traceparent", f"00-{TRACE}-{SPAN}-01"), ("traceparent", f"00-{TRACE}-{SPAN}-01")]):
            self.get(weir, "/", headers=headers)
            trace, span, flags = SHAPE.fullmatch(self.sent(node)).groups()
            self.assertNotEqual(trace, TRACE)
            self.assertEqual(flags, "00", "nobody has asked for it to be recorded")
            seen |= {trace, span}
        self.assertEqual(len(seen), 8, "each is another")

    def test_field_passes_unchanged_without_the_variable(self):
        weir, node = self.scene()
        self.get(weir, "/plain", headers={"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "a=b"})
        self.assertEqual(self.sent(node), f"00-{TRACE}-{SPAN}-01")
        self.assertEqual(node.requests[-1].get("tracestate"), "a=b")

    def test_json_log_has_one_object_a_line(self):
        weir, node = self.scene()
        self.get(weir, "/a?b=%22", headers={"User-Agent": 'quo"te\\', "Referer": "http://r/"})
        self.get(weir, "/a")
        first, second = (json.loads(line) for line in weir.wait_log(2, "json.log"))
        self.assertEqual((first["method"], first["uri"], first["status"]), ("GET", "/a?b=%22", "200"))
        self.assertEqual((first["user_agent"], first["referer"]), ('quo"te\\', "http://r/"))
        self.assertEqual(first["upstream_addr"], node.address)
        self.assertEqual(first["upstream_reason"], "ok")
        self.assertEqual(first["body_bytes_sent"], 5)
        self.assertIsInstance(first["duration"], float)
        self.assertGreater(first["msec"], 1.7e9)
        self.assertEqual(second["referer"], "")
        self.assertNotEqual(first["request_id"], second["request_id"])

    def test_own_format_may_have_that_name(self):
        node = self.backend(lambda request: answer(b"hello"))
        weir = self.weir("""log_format json 'mine $status'; access_log <<dir>>/own.log json flush=1ms;
                            server { listen <<front>>; location / { proxy_pass http://<<node>>; } }""", node=node.address, access_log=False)
        self.get(weir, "/")
        self.assertEqual(weir.wait_log(name="own.log"), ["mine 200"])


if __name__ == "__main__":
    main()
