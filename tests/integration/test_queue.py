#!/usr/bin/env python3
"""max_conns and queue: exact over all workers, first come first served, and nobody waits in vain."""
import threading
import time

from weirtest import Case, Load, answer, main


class Counter:
    """A reply that holds requests until they are let go one by one, in the order in which they came, and knows how many it had at once."""

    def __init__(self, hold: bool = True):
        self.lock = threading.Condition()
        self.inside = self.most = 0
        self.order: list[str] = []
        self.permits = 0 if hold else 10**9

    def __call__(self, request):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.order.append(request.get("x-id"))
            self.lock.wait_for(lambda: self.permits > 0, 60)
            self.permits -= 1
            self.inside -= 1
        return answer(request.get("x-id") or "")

    def let_go(self, count: int = 1):
        with self.lock:
            self.permits += count
            self.lock.notify_all()


class Queue(Case):
    def scene(self, servers, queue: str = "") -> str:
        return f"""log_format q '$http_x_id|$upstream_reason|$status';
            upstream u {{ {' '.join(f'server {s};' for s in servers)} {queue} }}
            server {{ listen <<front>>; access_log <<dir>>/q.log q buffer=32k flush=10ms; location / {{ proxy_pass http://u; }} }}"""

    def one(self, queue: str = "", **options):
        """A group of one peer that takes one request at a time; it has a request already."""
        self.peer = Counter()
        self.served = self.backend(self.peer)
        self.addCleanup(self.peer.let_go, 10**9)
        self.text = self.scene([f"{self.served.address} max_conns=1"], queue)
        weir = self.weir(self.text, **options)
        self.first = self.ask(weir, "first")
        self.wait_until(lambda: self.peer.inside == 1, "the first request to arrive")
        return weir

    def ask(self, weir, number, method: str = "GET"):
        return self.client(weir).send_request(method, headers={"X-Id": str(number)}, body=b"x" if method == "POST" else None)

    def wait_waiting(self, weir, count: int):
        self.wait_until(lambda: weir.metric("weir_queue_waiting", upstream="u") == count, f"{count} requests to wait")

    def test_queue_is_first_come_first_served_over_workers(self):
        weir = self.one("queue 20;", workers=2)
        clients = []
        for i in range(12):
            clients.append(self.ask(weir, i, "POST" if i % 3 == 0 else "GET"))
            self.wait_waiting(weir, i + 1)
        for done in range(13):
            self.peer.let_go()
            self.wait_until(lambda: len(self.served.requests) >= min(13, done + 2), "the next request to arrive")
        self.assertEqual(self.first.read_response().text, "first")
        self.assertEqual([c.read_response().text for c in clients], [str(i) for i in range(12)])
        self.assertEqual(self.peer.order, ["first", *(str(i) for i in range(12))])
        self.assertEqual(self.peer.most, 1)
        self.wait_waiting(weir, 0)

    def test_newcomer_does_not_overtake_the_queue(self):
        """While somebody waits a request lines up even if it finds a place free."""
        weir = self.one("queue 100;", workers=2)
        for i in range(3):
            self.ask(weir, i)
            self.wait_waiting(weir, i + 1)
        stop = threading.Event()
        served = []

        def newcomers():
            for i in range(20):
                if stop.is_set():
                    return
                client = self.ask(weir, f"new{i}")
                served.append(client)
        thread = threading.Thread(target=newcomers)
        thread.start()
        self.peer.let_go(4)
        self.wait_until(lambda: len(self.peer.order) >= 4, "those who waited to be served")
        stop.set()
        thread.join()
        self.assertEqual(self.peer.order[:4], ["first", "0", "1", "2"])
        self.peer.let_go(1000)
        for client in served:
            self.assertEqual(client.read_response().status, 200)

    def test_full_queue_is_503_at_once(self):
        weir = self.one("queue 2;")
        waiting = []
        for i in range(2):
            waiting.append(self.ask(weir, i))
            self.wait_waiting(weir, i + 1)
        response = self.get(weir, headers={"X-Id": "over"})
        self.assertEqual(response.status, 503)
        self.assertTrue(response.has("retry-after"))
        self.assertIn("over|queue_full|503", weir.wait_log(1, "q.log"))
        self.peer.let_go(3)
        self.assertEqual([c.read_response().status for c in waiting], [200, 200])
        self.assertNotIn("over", self.peer.order)

    def test_queue_timeout_ends_the_wait(self):
        weir = self.one("queue 5 timeout=300ms;")
        begun = time.monotonic()
        response = self.get(weir, headers={"X-Id": "late"})
        self.assertEqual(response.status, 503)
        self.assertGreaterEqual(time.monotonic() - begun, 0.28)
        self.assertIn("late|queue_timeout|503", weir.wait_log(1, "q.log"))
        self.wait_waiting(weir, 0)
        self.peer.let_go(2)
        self.assertEqual(self.first.read_response().status, 200)
        self.assertEqual(self.peer.order, ["first"])

    def test_client_that_left_frees_its_place(self):
        for leave in ("fin", "reset"):
            with self.subTest(leave):
                weir = self.one("queue 1;", workers=2)
                gone = self.ask(weir, "gone")
                self.wait_waiting(weir, 1)
                getattr(gone, leave)()
                self.wait_waiting(weir, 0)
                stays = self.ask(weir, "stays")
                self.wait_waiting(weir, 1)
                self.peer.let_go(2)
                self.assertEqual(stays.read_response().status, 200)
                self.assertEqual(self.peer.order, ["first", "stays"])
                self.assertTrue(any(line.startswith("gone|") and line.endswith("|499") for line in weir.wait_log(3, "q.log")))

    def test_client_that_leaves_the_queue_stops_no_other(self):
        weir = self.one("queue 10;", workers=2)
        clients = {}
        for i in range(6):
            clients[i] = self.ask(weir, i)
            self.wait_waiting(weir, i + 1)
        for i in (0, 3):
            clients.pop(i).reset()
        self.wait_waiting(weir, 4)
        self.peer.let_go(10)
        for i, client in clients.items():
            self.assertEqual(client.read_response().text, str(i))
        self.assertEqual(self.peer.order, ["first", "1", "2", "4", "5"])

    def test_missing_queue_is_503_at_once(self):
        weir = self.one()
        response = self.get(weir)
        self.assertEqual((response.status, response.has("retry-after")), (503, True))

    def test_queue_outlives_a_reload(self):
        weir = self.one("queue 5;")
        waiting = [self.ask(weir, i) for i in range(2)]
        self.wait_waiting(weir, 2)
        weir.reload(self.text)
        late = self.ask(weir, "late")
        self.wait_waiting(weir, 3)
        self.peer.let_go(10)
        self.assertEqual([c.read_response().status for c in [*waiting, late]], [200] * 3)
        self.assertEqual(self.peer.most, 1)

    def test_freed_place_of_another_peer_is_found(self):
        """Who waits for a full group takes the first place that any of its peers has."""
        peers = [Counter(), Counter()]
        backends = [self.backend(p) for p in peers]
        for peer in peers:
            self.addCleanup(peer.let_go, 10**9)
        weir = self.weir(self.scene([f"{b.address} max_conns=1" for b in backends], "queue 5;"))
        held = [self.ask(weir, f"held{i}") for i in range(2)]
        self.wait_until(lambda: all(p.inside == 1 for p in peers), "both to be busy")
        waiting = self.ask(weir, "waits")
        self.wait_waiting(weir, 1)
        peers[1].let_go(2)
        self.assertEqual(waiting.read_response().text, "waits")
        self.assertEqual((peers[0].order.count("waits"), peers[1].order.count("waits")), (0, 1))
        peers[0].let_go()
        self.assertEqual([c.read_response().status for c in held], [200, 200])

    def test_waiting_requests_go_to_a_peer_that_comes_back(self):
        dead = Counter(hold=False)
        stopped = self.backend(dead)
        address = stopped.address
        stopped.stop()
        busy = Counter()
        self.addCleanup(busy.let_go, 10**9)
        full = self.backend(busy)
        weir = self.weir(self.scene([f"{full.address} max_conns=1", address],
                                    "queue 5; health_check interval=100ms timeout=5s fastinter=50ms type=tcp;"))
        self.wait_until(lambda: f"{address}: down" in weir.errors(), "the dead peer to be taken down")
        self.ask(weir, "first")
        self.wait_until(lambda: busy.inside == 1, "the first request to arrive")
        waiting = self.ask(weir, "waits")
        self.wait_waiting(weir, 1)
        self.backend(dead, address=address)
        self.assertEqual(waiting.read_response().text, "waits")
        self.assertEqual(busy.order, ["first"])


class Exact(Case):
    """A limit of connections holds over all workers, whatever the load."""

    def test_max_conns_is_never_exceeded_and_all_are_served(self):
        def slow(peer):
            def reply(request):
                with peer.lock:
                    peer.inside += 1
                    peer.most = max(peer.most, peer.inside)
                threading.Event().wait(0.002)
                with peer.lock:
                    peer.inside -= 1
                return answer("x")
            return reply
        peers = [Counter(hold=False), Counter(hold=False)]
        backends = [self.backend(slow(p)) for p in peers]
        weir = self.weir(f"""upstream u {{ server {backends[0].address} max_conns=3; server {backends[1].address} max_conns=2; queue 1000; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}""", workers=4)
        with Load(weir.front, rate=100_000, clients=40, methods=("GET", "POST")) as load:
            self.wait_until(lambda: load.count() >= 2000, "2000 requests", deadline=60)
        self.assertEqual(load.failed(), [])
        self.assertEqual([p.most for p in peers], [3, 2], "as many as allowed, and never more")
        self.assertGreater(weir.metric("weir_queued_total"), 0)

    def test_clients_that_come_and_go_leak_no_place(self):
        peer = Counter()
        backend = self.backend(peer)
        self.addCleanup(peer.let_go, 10**9)
        weir = self.weir(f"""upstream u {{ server {backend.address} max_conns=2; queue 4; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}""", workers=2)
        for _ in range(10):
            clients = [self.client(weir).send_request(headers={"X-Id": "x"}) for _ in range(5)]
            self.wait_until(lambda: weir.metric("weir_queue_waiting") == 3, "three to wait")
            for client in clients:
                client.reset()
            self.wait_until(lambda: weir.metric("weir_queue_waiting") == 0 and weir.metric("weir_peer_inflight") == 0, "all places to be free")
        peer.let_go(10**9)
        self.assertEqual([self.get(weir).status for _ in range(4)], [200] * 4)


if __name__ == "__main__":
    main()
