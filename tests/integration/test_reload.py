#!/usr/bin/env python3
"""HUP: a new configuration without losing a request, a bad one without losing the old."""
import os
import resource
import signal
import threading
import unittest

from weirtest import Case, Client, answer, main


class Reload(Case):
    def serving(self, backend, **options):
        return self.proxied(backend, **options)

    def scene(self, backend) -> str:
        return f"upstream u {{ server {backend.address}; }} server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}"

    def named(self, name: str):
        return self.backend(lambda r: answer(name))

    def test_connections_survive_and_see_the_new_configuration(self):
        old, new = self.named("old"), self.named("new")
        weir = self.weir(self.scene(old))
        client = self.client(weir)
        self.assertEqual(client.request().text, "old")
        weir.reload(self.scene(new))
        self.assertEqual(client.request().text, "new", "an idle connection takes the current configuration")
        self.assertEqual(self.get(weir).text, "new")

    @unittest.skipIf(os.environ.get("WEIR_SANITIZE"), "a sanitizer's memory has no bounds")
    def test_reload_without_a_thread_fails_and_the_next_works(self):
        weir = self.weir(self.scene(self.named("old")))
        self.assertEqual(self.get(weir).text, "old")
        new = self.scene(self.named("new"))
        memory = int(weir.status("VmSize").split()[0]) << 10
        unlimited = resource.prlimit(weir.process.pid, resource.RLIMIT_AS, (memory + (4 << 20), resource.RLIM_INFINITY))
        said = weir.reload(new, fails=True)  # the stack of a thread is larger
        self.assertRegex(said, "no thread: ")
        self.assertEqual(self.get(weir).text, "old")
        resource.prlimit(weir.process.pid, resource.RLIMIT_AS, unlimited)
        weir.reload(new)
        self.assertEqual(self.get(weir).text, "new")

    def test_stop_leaves_a_reload_behind_that_hangs(self):
        weir = self.weir(self.scene(self.named("old")))
        os.mkfifo(weir.dir / "hung.conf")
        weir.write_config("include <<dir>>/hung.conf;")
        weir.signal(signal.SIGHUP)
        self.wait_until(lambda: "configuration: reloading" in weir.errors(), "the reload")
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        self.assertIn("configuration: the reload under way does not end", weir.errors())
        self.assertFalse(weir.pid_path.exists())

    def test_request_in_flight_ends_under_the_old_configuration(self):
        go = threading.Event()

        def script(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            go.wait(60)
            conn.send(b"done")
            conn.wait_closed()
        old, new = self.backend(script=script), self.named("new")
        weir = self.weir(self.scene(old))
        client = self.client(weir).send_request()
        client.read_until(b"half")
        weir.reload(self.scene(new))
        self.assertEqual(self.get(weir).text, "new")
        go.set()
        self.assertEqual(client.read(4), b"done")
        self.assertEqual(client.request().text, "new", "and its connection goes on")

    def test_bad_file_is_reported_and_keeps_the_old(self):
        backend = self.named("old")
        weir = self.weir(self.scene(backend))
        client = self.client(weir)
        self.assertEqual(client.request().text, "old")
        for broken, pattern in (("server { listen <<front>>; locatoin / { } }", r"weir\.conf:\d+:\d+: .*locatoin"),
                                ("server { listen <<front>>; ", r"weir\.conf:\d+:\d+: "),
                                ("upstream u { }", r"weir\.conf:\d+:\d+: ")):
            with self.subTest(broken):
                log = weir.reload(broken, fails=True)
                self.assertRegex(log, pattern)
                self.assertEqual(client.request().text, "old")
                self.assertEqual(self.get(weir).text, "old")
        weir.reload(self.scene(self.named("new")))
        self.assertEqual(client.request().text, "new", "a good file after a bad one is taken")

    def test_missing_file_keeps_the_old_configuration(self):
        weir = self.weir(self.scene(self.named("old")))
        text = weir.config()
        weir.config_path.unlink()
        weir.reload(fails=True)
        self.assertEqual(self.get(weir).text, "old")
        weir.config_path.write_text(text)
        weir.reload()

    def test_address_in_use_fails_the_reload_and_nothing_else(self):
        backend, other = self.named("old"), self.named("other")
        weir = self.weir(self.scene(backend))
        weir.reload(self.scene(backend) + f"server {{ listen {other.address}; return 200; }}", fails=True)
        self.assertEqual(self.get(weir).text, "old")
        self.assertEqual(self.get(other.address).text, "other")
        weir.reload(self.scene(backend))

    def test_listener_is_added_and_removed(self):
        backend = self.named("x")
        weir = self.weir(self.scene(backend))
        weir.reload(self.scene(backend) + "server { listen <<front2>>; return 200 second; }")
        self.assertEqual(self.get(weir.front2).text, "second")
        self.assertEqual(self.get(weir).text, "x")
        weir.reload(self.scene(backend))

        def refused():
            try:
                self.get(weir.front2)
            except OSError:
                return True
            except Exception:
                return False
            return False
        self.wait_until(refused, "the removed listener to close")
        self.assertEqual(self.get(weir).text, "x")
        weir.reload(self.scene(backend) + "server { listen <<front2>>; return 200 again; }")
        self.assertEqual(self.get(weir.front2).text, "again")

    def test_twenty_reloads_under_traffic_lose_nothing(self):
        backends = [self.named("a"), self.named("b")]
        weir = self.weir(self.scene(backends[0]), workers=2)
        stop, errors, counts = threading.Event(), [], [0, 0, 0]

        def kept(index):
            try:
                with Client(weir.front) as client:
                    while not stop.is_set():
                        response = client.request("POST" if counts[index] % 4 == 0 else "GET", body=b"b" if counts[index] % 4 == 0 else None)
                        assert response.status == 200 and response.text in "ab", response.raw_head
                        counts[index] += 1
            except BaseException as error:
                errors.append(f"kept connection {index} after {counts[index]} requests: {error!r}")

        def fresh(index):
            while not stop.is_set():
                try:
                    assert self.get(weir).status == 200
                    counts[index] += 1
                except BaseException as error:
                    errors.append(f"fresh connection after {counts[index]} requests: {error!r}")
                    return
        threads = [threading.Thread(target=kept, args=(0,)), threading.Thread(target=kept, args=(1,)), threading.Thread(target=fresh, args=(2,))]
        for thread in threads:
            thread.start()
        try:
            for i in range(20):
                before = list(counts)
                weir.reload(self.scene(backends[(i + 1) % 2]))
                self.wait_until(lambda: errors or all(now > then for now, then in zip(counts, before)), "traffic to go on")
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
        self.assertEqual(errors, [])

    def test_many_reloads_leave_no_descriptor_or_thread_behind(self):
        backend = self.named("x")
        weir = self.weir(self.scene(backend), workers=2)
        self.get(weir)
        weir.reload()
        self.get(weir)
        before = (weir.descriptors(), weir.status("Threads"))
        for _ in range(25):
            weir.reload()
        self.wait_until(lambda: (weir.descriptors(), weir.status("Threads")) <= before, f"{before} descriptors and threads")

    def test_workers_are_added_and_removed(self):
        backend = self.named("x")
        weir = self.weir(self.scene(backend))
        client = self.client(weir)
        for workers in (4, 1, 3, 2):
            weir.reload(self.scene(backend), workers=str(workers))
            self.assertEqual([self.get(weir).text for _ in range(12)], ["x"] * 12)
        self.assertEqual(client.request().status, 200)

    def test_signals_in_a_burst_are_taken_together(self):
        weir = self.weir(self.scene(self.named("x")))
        weir.write_config(self.scene(self.named("y")))
        for _ in range(50):
            weir.signal(signal.SIGHUP)
        self.wait_until(lambda: self.get(weir).text == "y", "the new configuration")

    def test_failure_state_of_a_peer_outlives_a_reload(self):
        dead = self.backend()
        address = dead.address
        alive = self.named("alive")
        dead.stop()
        scene = (f"log_format l '$upstream_addr'; upstream u {{ server {address} fail_timeout=600s; server {alive.address}; }}"
                 "server { listen <<front>>; access_log <<dir>>/addr.log l buffer=4k flush=10ms; location / { proxy_pass http://u; } }")
        weir = self.weir(scene)
        for _ in range(4):
            self.assertEqual(self.get(weir).text, "alive")
        weir.reload(scene)
        for _ in range(4):
            self.assertEqual(self.get(weir).text, "alive")
        self.assertEqual(sum(address in line for line in weir.wait_log(8, "addr.log")), 1)

    def test_access_log_and_formats_change(self):
        backend = self.named("x")
        base = "server {{ listen <<front>>; {} location / {{ proxy_pass http://" + backend.address + "; }} }}"
        weir = self.weir("log_format f 'one $uri';" + base.format("access_log <<dir>>/one.log f buffer=4k flush=10ms;"))
        self.get(weir, "/1")
        weir.reload("log_format f 'two $uri';" + base.format("access_log <<dir>>/two.log f buffer=4k flush=10ms;"))
        self.get(weir, "/2")
        self.assertEqual(weir.wait_log(1, "one.log"), ["one /1"])
        self.assertEqual(weir.wait_log(1, "two.log"), ["two /2"])


if __name__ == "__main__":
    main()
