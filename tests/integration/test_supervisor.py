#!/usr/bin/env python3
"""weir under a service manager: what it tells by sd_notify(3), and listening sockets that it is handed."""
import pathlib
import signal
import socket
import time

from weirtest import Case, Supervisor, free_address, main
from weirtest.weir import run

UP = 'server { listen <<front>>; location / { return 200 "up"; } }'
PEERS = """upstream u { server 127.0.0.1:1; server 127.0.0.1:2 down; }
server { listen <<front>>; location / { proxy_pass http://u; } location = /up { return 200 "up"; } }"""


class Notify(Case):
    def supervised(self, http: str = UP, **options):
        supervisor = self.hold(Supervisor(**options))
        return supervisor, self.weir(http, environment=supervisor.environment)

    def test_ready_comes_when_weir_serves(self):
        supervisor, weir = self.supervised(PEERS)
        ready = supervisor.wait("READY")
        self.assertEqual(ready["STATUS"], "1 of 2 peers up, 0 requests/s, 0 connections")
        self.assertEqual(self.get(weir, "/up").text, "up")

    def test_abstract_socket_works_too(self):
        supervisor, _ = self.supervised(abstract=True)
        supervisor.wait("READY")

    def test_failed_start_is_never_ready(self):
        supervisor = self.hold(Supervisor())
        taken = self.backend()
        weir = self.weir(f"server {{ listen {taken.address}; return 200; }}", start=False, environment=supervisor.environment)
        weir.launch()
        self.assertEqual(weir.wait_exit(), 1)
        self.assertEqual(supervisor.receive(), [])
        weir.process = None

    def test_start_without_its_pid_file_is_never_ready(self):
        supervisor = self.hold(Supervisor())
        weir = self.weir(UP, start=False, environment=supervisor.environment)
        weir.pid_path.symlink_to("nowhere")  # nothing to open, and yet nothing can be put there
        weir.launch()
        self.assertEqual(weir.wait_exit(), 1)
        self.assertEqual([each for each in supervisor.receive() if "READY" in each], [])
        self.assertIn("weir.pid has just appeared", weir.errors())
        weir.process = None

    def test_refused_configuration_has_an_exit_code_of_its_own(self):
        weir = self.weir("nonsense on;", start=False)
        self.assertEqual(run("-c", str(weir.config_path)).returncode, 78)
        self.assertEqual(run("-c", str(weir.config_path), "-t").returncode, 1, "a check fails as nginx's does")
        weir = self.weir("access_log <<dir>>/none/access.log; " + UP, start=False)
        self.assertEqual(run("-c", str(weir.config_path)).returncode, 1, "the next start may find it")

    def test_reload_has_a_begin_and_an_end(self):
        supervisor, weir = self.supervised()
        supervisor.wait("READY")
        for text, fails in ((UP, False), ("nonsense on;", True), (UP, False)):
            begun = len(supervisor.receive())
            before = time.clock_gettime(time.CLOCK_MONOTONIC)
            weir.reload(text, fails=fails)
            reloading = supervisor.wait("RELOADING", begun)
            self.assertGreaterEqual(int(reloading["MONOTONIC_USEC"]), int(before * 1e6))
            ready = supervisor.wait("READY", begun)
            self.assertLess(supervisor.messages.index(reloading, begun), supervisor.messages.index(ready, begun))
            self.assertEqual("reload failed" in ready["STATUS"], fails)

    def test_end_is_announced(self):
        for number, words in ((signal.SIGTERM, "stopping"), (signal.SIGQUIT, "shutting down, connections may finish")):
            supervisor, weir = self.supervised()
            weir.signal(number)
            self.assertEqual(supervisor.wait("STOPPING")["STATUS"], words)
            self.assertEqual(weir.wait_exit(), 0)

    def test_watchdog_is_fed_by_turning_loops(self):
        supervisor, _ = self.supervised(watchdog_ms=2000)
        self.wait_until(lambda: supervisor.said("WATCHDOG") >= 4, "the watchdog to be fed")

    def test_watchdog_of_another_process_is_left_alone(self):
        supervisor, weir = self.supervised(watchdog_ms=40, WATCHDOG_PID="1")
        supervisor.wait("READY")
        weir.reload()
        self.assertEqual(supervisor.said("WATCHDOG"), 0)

    def test_wrong_notify_socket_is_no_obstacle(self):
        for path in ("", "@", "relative", "/nonexistent/notify", "/" + 200 * "x"):
            with self.subTest(path):
                weir = self.weir(UP, environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "x"})
                self.assertEqual(self.get(weir).text, "up")


def listening(address: str) -> socket.socket:
    if address.startswith("unix:"):
        made = socket.socket(socket.AF_UNIX)
        made.bind(address[5:])
    else:
        host, port = address.rsplit(":", 1)
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, int(port)))
    made.listen(16)
    return made


class PassedSockets(Case):
    def passed(self, address: str = "127.0.0.1:0") -> tuple[socket.socket, str]:
        made = self.hold(listening(address))
        return made, address if address.startswith("unix:") else "%s:%d" % made.getsockname()

    def test_connection_made_before_the_start_is_answered(self):
        made, address = self.passed()
        early = self.client(address)
        early.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        weir = self.weir(UP, front=address, passed=[made])
        self.assertEqual(early.read_response().text, "up")
        self.assertEqual(self.get(weir).text, "up")

    def test_connection_waits_while_weir_starts_anew(self):
        made, address = self.passed()
        weir = self.weir(UP, front=address, passed=[made])
        self.assertEqual(self.get(weir).text, "up")
        weir.signal(signal.SIGQUIT)
        self.assertEqual(weir.wait_exit(), 0)
        waiting = self.client(address)
        waiting.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        weir.start()
        self.assertEqual(waiting.read_response().text, "up")

    def test_connections_are_dealt_to_all_workers(self):
        made, address = self.passed()
        weir = self.weir(UP, front=address, passed=[made], workers=3)
        kept = [self.client(weir) for _ in range(6)]
        for client in kept:
            self.assertEqual(client.request().text, "up")
        self.assertEqual(weir.metric("weir_connections_accepted_total"), 6)

    def test_names_of_units_are_in_warnings(self):
        made, address = self.passed()
        weir = self.weir(UP, passed=[made], environment={"LISTEN_FDNAMES": "spare.socket"})
        weir.wait_error(rf'passed socket {address} \(spare\.socket\): not used')
        self.assertEqual(self.get(weir).text, "up")

    def test_descriptor_that_does_not_listen_is_closed(self):
        idle, datagram = self.hold(socket.socket()), self.hold(socket.socket(type=socket.SOCK_DGRAM))
        weir = self.weir(UP, passed=[idle, datagram])
        weir.wait_error(r"passed descriptor 3: closed \(it does not listen\)")
        weir.wait_error(r"passed descriptor 4: closed \(it is no stream socket\)")
        self.assertEqual(self.get(weir).text, "up")

    def test_sockets_for_another_process_are_left_alone(self):
        weir = self.weir(UP, environment={"LISTEN_PID": "1", "LISTEN_FDS": "3"})
        self.assertEqual(self.get(weir).text, "up")
        self.assertNotIn("passed", weir.errors())

    def test_address_comes_back_by_a_reload(self):
        made, address = self.passed()
        other = free_address()
        weir = self.weir(UP, front=address, passed=[made])
        weir.reload(UP, front=other)
        self.assertEqual(self.get(other).text, "up")
        early = self.client(address)
        early.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        weir.reload(UP, front=address)
        self.assertEqual(early.read_response().text, "up", "it waited in the supervisor's socket")

    def test_unix_path_of_the_supervisor_stays(self):
        directory = pathlib.Path(self.hold(Supervisor())._dir.name)
        made, address = self.passed(f"unix:{directory}/front")
        weir = self.weir(UP, front=address, passed=[made])
        self.assertEqual(self.get(weir).text, "up")
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        self.assertTrue((directory / "front").exists())


if __name__ == "__main__":
    main()
