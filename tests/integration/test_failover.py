#!/usr/bin/env python3
"""Peers that die, hang, lie and come back, and what clients see of it: the fault table's rows, each with its bar.

| fault                                       | bar                                                     | test                              |
|---|---|---|
| kill -9, idle connections                   | GET 0, POST 0 errors; out at the first failure          | Killed.test_idle_...              |
| kill -9 under load                          | GET 0; POST at most those in flight; none sent twice    | Killed.test_under_load_...        |
| kill -9, no response byte                   | GET elsewhere; POST 502, sent once                      | Killed.test_unanswered_...        |
| kill -9 mid-response                        | the client sees the cut                                 | Killed.test_mid_response_...; test_responses: short body, chunked body |
| SIGSTOP                                     | GET 0 errors, none waits for more than 7 s              | Hung.*                            |
| RST on connect (port closed)                | 0 errors, little time                                   | Refused.test_one_...; test_netns: RST |
| blackhole, new connections                  | 0 errors after the connect timeout, 2 s by default      | Refused.test_silent_...; test_netns: DROP |
| blackhole, established; half-open           |                                                         | test_netns                        |
| closed exactly at reuse                     | GET 0                                                   | Reuse.*                           |
| slow response, slow reader                  |                                                         | test_timeouts: PeerSide; test_responses: SlowReaders |
| refused on all                              | 503 + Retry-After at once; back in at most 3 s          | Refused.test_all_...              |
| 5xx flapping                                | passed on, nobody ejected                               | Answers.test_5xx_...              |
| partial response, CL short                  |                                                         | test_responses: short body        |
| garbage                                     | 502, once                                               | Answers.test_garbage_...; test_responses: malformed heads; test_balance: invalid answer |
| more than one response, bytes while idle    |                                                         | test_responses: surplus bytes, bytes on an idle connection |
| DNS failure                                 | starts; the last good answer is kept                    | test_names                        |
| health ok, application failing              | passive ejection all the same                           | test_health: Verdicts             |
| health flapping                             | hysteresis                                              | test_health: Verdicts             |
| all ejected passively                       | panic: everybody is tried                               | Answers.test_all_ejected_...; test_balance: panic |
| client FIN, client aborts                   | 499, the peer freed                                     | test_client_abort; its place in the queue: test_queue |
| answer before the request's body has ended  | forwarded, nothing reused                               | test_responses: EarlyAnswers      |
"""
import random
import socket
import threading
import time

from weirtest import Case, Load, Truncated, answer, closed_port, main


class Failover(Case):
    def group(self, addresses, upstream: str = "", location: str = "", server: str = "", **options):
        servers = " ".join(f"server {a};" for a in addresses)
        return self.weir(
            f"""log_format attempts '$request_method $http_x_id|$upstream_addr|$upstream_reason|$status';
            upstream u {{ {servers} {upstream} }}
            server {{ listen <<front>>; {server} access_log <<dir>>/attempts.log attempts buffer=32k flush=10ms;
                location / {{ proxy_pass http://u; {location} }} }}""", **options)

    def nodes(self, names: str = "abc"):
        return [self.node(n) for n in names]

    def assert_sent_once(self, nodes, method: str = "POST"):
        ids = [x for node in nodes for m, _, x in node.seen() if m == method and x != "-"]
        self.assertEqual(len(ids), len(set(ids)), f"a {method} was carried out twice")

    def attempts(self, weir, count: int) -> list[str]:
        return weir.wait_log(count, "attempts.log")


class Killed(Failover):
    def test_idle_connections_of_a_killed_node_cost_no_answer(self):
        for workers in (1, 2):
            with self.subTest(workers=workers):
                nodes = self.nodes()
                weir = self.group([n.address for n in nodes], workers=workers)
                for _ in range(4 * len(nodes) * workers):
                    self.assertEqual(self.get(weir).status, 200)
                nodes[1].kill()
                before = 12 * workers
                for i in range(30):
                    method = "POST" if i % 3 == 0 else "GET"
                    self.assertEqual(self.get(weir, method=method, body=b"x" if method == "POST" else None, headers={"X-Id": str(i)}).status, 200)
                self.assert_sent_once(nodes)
                failed = [line for line in self.attempts(weir, before + 30) if ", " in line]
                self.assertLessEqual(len(failed), 2 * workers, f"the first failure takes it out: {failed}")

    def test_posts_alone_fail_in_flight_under_load(self):
        nodes = self.nodes()
        weir = self.group([n.address for n in nodes], workers=2)
        with Load(weir.front, rate=300, methods=("GET", "GET", "GET", "POST")) as load:
            self.wait_until(lambda: load.count() > 150, "traffic before the kill")
            killed = time.monotonic()
            nodes[1].kill()
            gone = time.monotonic()
            mark = load.count()
            self.wait_until(lambda: load.count() > mark + 300, "traffic after the kill")
        self.assertEqual(load.failed("GET"), [])
        late = [o for o in load.failed("POST") if o.begun > gone + 1 or o.begun + o.seconds < killed]
        self.assertEqual(late, [], "only a POST in flight on the killed node may fail")
        self.assertLessEqual(len(load.failed("POST")), 8)
        self.assert_sent_once(nodes)

    def test_unanswered_gets_move_and_posts_are_502(self):
        nodes = self.nodes()
        weir = self.group([n.address for n in nodes])
        waiting = []
        for i in range(12):
            method = "POST" if i % 3 == 2 else "GET"
            client = self.client(weir).send_request(method, "/hold?at=b", {"X-Id": str(i)}, b"x" if method == "POST" else None)
            waiting.append((method, client))
        self.wait_until(lambda: sum(len(n.seen()) for n in nodes) == 12, "all requests to reach a node")
        held = {x for _, _, x in nodes[1].seen()}
        posts_held = {x for m, _, x in nodes[1].seen() if m == "POST"}
        nodes[1].kill()
        for i, (method, client) in enumerate(waiting):
            status = client.read_response(method).status
            self.assertEqual(status, 502 if str(i) in posts_held else 200, f"{method} {i}")
        self.assertGreaterEqual(len(held), 3)
        self.assert_sent_once(nodes)

    def test_cut_response_is_visible_to_the_client(self):
        for path in ("/part", "/chunks"):
            with self.subTest(path):
                node = self.node("n")
                weir = self.group([node.address])
                client = self.client(weir).send_request(path=path)
                client.read_response(head_only=True)
                self.wait_until(lambda: client.reader.buffer or client.reader.fill(), "the body's beginning")
                node.kill()
                rest = client.read_all()
                self.assertNotIn(b"0\r\n\r\n", rest, "no last chunk behind a body that is not whole")
                self.assertLess(len(rest), 1000)
                node.start()
                self.assertEqual(self.get(weir).text, "n")

    def test_node_that_is_started_again_serves_again(self):
        nodes = self.nodes("ab")
        weir = self.group([f"{nodes[0].address}", f"{nodes[1].address} fail_timeout=1s"])
        nodes[1].kill()
        for _ in range(4):
            self.assertEqual(self.get(weir).text, "a")
        nodes[1].start()
        self.wait_until(lambda: self.get(weir).text == "b", "the node to be used again")


class Hung(Failover):
    """A stopped process: the kernel accepts for it, nobody answers."""

    CHECK = "health_check;"  # 2 s, 3 fails, 1 s each, 0.5 s while changing: down in at most 6 s

    def test_gets_on_a_hung_node_are_answered_by_others(self):
        nodes = self.nodes()
        weir = self.group([n.address for n in nodes], upstream=self.CHECK, workers=2)
        with Load(weir.front, rate=60, clients=30) as load:
            self.wait_until(lambda: load.count() > 60, "traffic before the stop")
            # A first failure decides at once; from then on it takes three in a row. Probes have no X-Id.
            self.wait_until(lambda: any(x == "-" for _, _, x in nodes[1].seen()), "the first probe")
            nodes[1].stop()
            weir.wait_error(r"peer \S+: down")
            mark = load.count()
            self.wait_until(lambda: load.count() > mark + 60, "traffic after it is down")
        nodes[1].cont()
        self.assertEqual(load.failed(), [])
        self.assertLess(load.slowest(), 7.0 + 3.0)  # the bar is 7 s; a busy machine gets 3 more
        print(f"hung node: slowest GET {load.slowest():.2f} s", end=" ", flush=True)
        moved = [line for line in weir.log_lines("attempts.log") if "declared_down" in line]
        self.assertTrue(moved, "rule (d): who waited on it was moved when the check took it down")

    def test_posts_on_a_hung_node_are_sent_once(self):
        nodes = self.nodes("ab")
        weir = self.group([n.address for n in nodes], upstream="health_check interval=200ms timeout=1s fails=2 fastinter=100ms;")
        nodes[1].stop()
        clients = [self.client(weir).send_request("POST", headers={"X-Id": str(i)}, body=b"x") for i in range(2)]
        weir.wait_error(r"peer \S+: down")
        nodes[1].cont()
        self.assertEqual([c.read_response().status for c in clients], [200, 200])
        self.assert_sent_once(nodes)


class Refused(Failover):
    def refused(self) -> str:
        holder, address = closed_port()
        self.hold(holder)
        return address

    def test_refusing_peer_costs_no_error_and_little_time(self):
        good = self.backend()
        weir = self.group([self.refused(), good.address])
        times = []
        for method in ("GET", "POST") * 5:
            begun = time.monotonic()
            self.assertEqual(self.get(weir, method=method, body=b"x" if method == "POST" else None).status, 200)
            times.append(time.monotonic() - begun)
        self.assertLess(sorted(times)[len(times) // 2], 0.5)

    def test_silent_peer_costs_the_connect_timeout_once(self):
        good = self.backend()
        weir = self.group([self.silent_address() + " fail_timeout=600s", good.address])
        begun = time.monotonic()
        for method in ("POST", "GET", "GET", "POST"):
            self.assertEqual(self.get(weir, method=method, body=b"x" if method == "POST" else None).status, 200)
        took = time.monotonic() - begun
        self.assertGreaterEqual(took, 1.9, "2 s is the default of proxy_connect_timeout")
        self.assertLess(took, 1.9 + 10.0, "a busy machine gets the rest")
        reasons = [line.split("|")[2] for line in self.attempts(weir, 4)]
        self.assertEqual(sorted(reasons), ["connect_timeout, ok", "ok", "ok", "ok"], "after it the peer is left out")

    def test_refusing_upstream_is_503_until_a_peer_returns(self):
        holders = [closed_port() for _ in range(3)]
        weir = self.group([a for _, a in holders])
        self.assertIn(self.get(weir).status, (502, 503))
        begun = time.monotonic()
        responses = [self.get(weir) for _ in range(10)]
        took = (time.monotonic() - begun) / 10
        self.assertLess(took, 0.5)
        self.assertTrue(all(r.status in (502, 503) for r in responses))
        print(f"all refused: {took * 1000:.1f} ms a request,", end=" ", flush=True)
        holders[1][0].close()
        self.backend(lambda r: answer("back"), address=holders[1][1])
        for holder in (holders[0], holders[2]):
            self.hold(holder[0])
        begun = time.monotonic()
        self.wait_until(lambda: self.get(weir).status == 200, "the first peer that is back", deadline=3.0)
        print(f"served again after {time.monotonic() - begun:.2f} s", end=" ", flush=True)

    def test_upstream_down_by_check_is_503_until_recovery(self):
        holders = [closed_port() for _ in range(2)]
        weir = self.group([a for _, a in holders], upstream="health_check interval=1s fastinter=200ms;")
        self.wait_until(lambda: weir.errors().lower().count("down") >= 2, "both to be taken down")
        response = self.get(weir)
        self.assertEqual(response.status, 503)
        self.assertTrue(response.has("retry-after"))
        self.hold(holders[0][0])
        holders[1][0].close()
        self.backend(lambda r: answer("back"), address=holders[1][1])
        begun = time.monotonic()
        self.wait_until(lambda: self.get(weir).status == 200, "the first peer that is back")
        self.assertLess(time.monotonic() - begun, 3.0 + 2.0)


class Reuse(Failover):
    """A backend that closes its connection behind an answer without a word, and a client that asks again at once."""

    def ask(self, pause) -> list[int]:
        """600 requests, every fourth a POST. The statuses of the POSTs. `pause`: seconds between a last answer and the close; None: the FIN
        travels in the answer's own segment."""
        def script(conn):
            for left in reversed(range(rng.randint(1, 3))):
                request = conn.read_request()
                if pause is None and left == 0:
                    conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                    closing.append(conn)
                conn.send(answer(request.get("x-id")))
            if pause is not None:
                threading.Event().wait(pause())
        closing = []
        rng = random.Random(7)
        backends = [self.backend(script=script) for _ in range(2)]
        weir = self.group([b.address for b in backends], location="proxy_next_upstream_tries 10;")
        client = self.client(weir)
        posts = []
        for i in range(600):
            if i % 4 == 3:
                posts.append(client.request("POST", headers={"X-Id": str(i)}, body=b"x").status)
            else:
                response = client.request(headers={"X-Id": str(i)})
                self.assertEqual((response.status, response.text), (200, str(i)))
            if closing:  # a cork holds for 200 ms alone: where this machine stops for longer, the FIN comes behind
                self.assertTrue(closing[-1].ended.wait(20))
        ids = [r.get("x-id") for b in backends for r in list(b.requests) if r.method == "POST"]
        self.assertEqual(len(ids), len(set(ids)), "no POST reached a backend twice")
        return posts

    def test_connection_closed_before_reuse_costs_nothing(self):
        self.assertEqual(set(self.ask(None)), {200}, "the FIN is there before the next request is sent")

    def test_connection_closed_during_reuse_costs_no_get(self):
        """Within a millisecond of the answer, so before, while and after the next request is written: a POST that is on its way then is
        lost, as nobody can know whether it was carried out."""
        rng = random.Random(8)
        lost = sum(status != 200 for status in self.ask(lambda: rng.random() * 0.001))
        print(f"{lost} of 150 POSTs lost", end=" ", flush=True)


class Answers(Failover):
    def test_flapping_5xx_passes_and_ejects_no_peer(self):
        turn = {"bad": 0}

        def flapping(request):
            turn["bad"] += 1
            return answer("bad", status=500) if turn["bad"] % 2 else answer("good")
        bad = self.backend(flapping)
        good = self.backend(lambda r: answer("good"))
        weir = self.group([bad.address, good.address])
        statuses = [self.get(weir).status for _ in range(40)]
        self.assertEqual((statuses.count(500), statuses.count(200)), (10, 30))
        self.assertEqual((len(bad.requests), len(good.requests)), (20, 20), "nobody was left out")

    def test_garbage_is_502_without_retry_and_counts_once(self):
        def garbage(conn):
            conn.read_request()
            conn.send(b"\x00\x01 nonsense\r\n\r\n")
            conn.wait_closed()
        bad = self.backend(script=garbage)
        good = self.backend(lambda r: answer("good"))
        weir = self.group([f"{bad.address} max_fails=2 fail_timeout=600s", good.address])
        statuses = [self.get(weir).status for _ in range(12)]
        self.assertEqual(statuses.count(502), 2, "two failures take it out")
        self.assertEqual((len(bad.requests), len(good.requests)), (2, 10))

    def test_ejected_peers_are_tried_in_panic(self):
        dying = threading.Event()
        dying.set()

        def script(conn):
            while True:
                conn.read_request()
                if dying.is_set():
                    conn.reset()
                    return
                conn.send(answer("alive"))
        backends = [self.backend(script=script) for _ in range(3)]
        weir = self.group([f"{b.address} fail_timeout=600s" for b in backends])
        for _ in range(3):
            self.assertEqual(self.get(weir).status, 502)
        dying.clear()
        self.assertEqual([self.get(weir).text for _ in range(9)], ["alive"] * 9)
        self.assertTrue(all(len(b.requests) >= 3 for b in backends), "all of them serve")

    def test_truncated_answer_is_cut_and_blamed(self):
        def cut(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        bad = self.backend(script=cut)
        good = self.backend(lambda r: answer("good"))
        weir = self.group([f"{bad.address} fail_timeout=600s", good.address])
        results = []
        for _ in range(6):
            try:
                results.append(self.get(weir).text)
            except Truncated as problem:
                results.append(problem.partial.decode())
        self.assertEqual(sorted(results), ["good"] * 5 + ["half"])


if __name__ == "__main__":
    main()
