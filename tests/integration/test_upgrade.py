#!/usr/bin/env python3
"""The binary upgrade: another weir takes over sockets and state when it is ready, and the one before finishes its connections."""
import os
import pathlib
import signal
import ssl
import subprocess
import threading
import unittest

from weirtest import Case, Client, Load, Supervisor, Weir, answer, main
from weirtest.successor import Successor, adopt_orphans
from weirtest.tls import TlsCase, TlsClient, client_context
from weirtest.weir import binary, run

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
UP = 'server { listen <<front>>; location / { return 200 "up"; } }'


class Upgrade(Case):
    def upgraded(self, weir: Weir, *arguments: str) -> subprocess.CompletedProcess:
        done = weir.upgrade(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), weir.errors())
        return done

    def refused(self, weir: Weir, *arguments: str) -> str:
        """What the command says of an upgrade that came to nothing; the weir before serves."""
        before = weir.pid_path.read_text()
        done = run("upgrade", "-c", str(weir.config_path), *arguments, cwd=weir.dir)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertEqual(weir.pid_path.read_text(), before)
        self.assertTrue(weir.running)
        return done.stderr

    def script(self, weir: Weir, text: str) -> str:
        path = weir.dir / "other-binary"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return str(path)

    # --- who serves

    def test_new_process_takes_over_and_old_one_ends(self):
        weir = self.weir(UP, workers=2)
        before = weir.process
        done = self.upgraded(weir)
        self.assertEqual(done.stdout, f"upgraded: process {weir.process.pid} serves, process {before.pid} finishes its 0 connections\n")
        self.assertNotEqual(weir.process.pid, before.pid)
        self.assertEqual(before.wait(20), 0)
        self.assertEqual(self.get(weir).text, "up")
        self.assertIn(f'"pid":{weir.process.pid}', weir.ctl("status", "--json").stdout.replace(" ", ""))
        for word in ("upgraded", "connections may finish here", "all connections closed"):
            weir.wait_error(word)
        weir.reload('server { listen <<front>>; location / { return 200 "reloaded"; } }')
        self.assertEqual(self.get(weir).text, "reloaded", "signals and the pid file are the new one's")
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        self.assertFalse(weir.pid_path.exists())
        self.assertFalse(pathlib.Path(weir.admin_path).exists())

    def test_requests_do_not_fail_over_several_upgrades(self):
        weir = self.proxied(self.backend(), workers=2, connections=4096)
        with Load(weir.front, rate=300, clients=6) as kept, Load(weir.front, rate=100, clients=2, headers=[("Connection", "close")]) as fresh:
            for count in range(1, 4):
                self.upgraded(weir)
                self.wait_until(lambda: min(kept.count(), fresh.count()) >= count * 60, "requests to be made")
        self.assertEqual([*kept.failed(), *fresh.failed()], [])
        self.assertEqual(len(weir.predecessors), 3)
        for before in weir.predecessors:
            self.assertEqual(before.wait(20), 0)

    def test_request_under_way_is_answered_by_the_old_process(self):
        backend = self.backend(reply=lambda request: release.wait(20) and answer(b"late"))
        release = threading.Event()
        weir = self.proxied(backend)
        client = self.client(weir).send_request()
        self.wait_until(lambda: backend.requests, "the request to be there")
        before = weir.process
        self.assertIn("finishes its 1 connections", self.upgraded(weir).stdout)
        self.assertIsNone(before.poll())
        release.set()
        self.assertEqual(client.read_response().text, "late")
        self.assertEqual(before.wait(20), 0, "the connection is not kept")

    def test_connections_that_wait_to_be_accepted_are_not_lost(self):
        weir = self.weir(UP)
        weir.signal(signal.SIGSTOP)
        waiting = [self.client(weir) for _ in range(20)]  # in the accept queue
        weir.signal(signal.SIGCONT)
        self.upgraded(weir)
        for client in waiting:
            self.assertEqual(client.request().text, "up")

    def test_websockets_stay_until_the_shutdown_timeout(self):
        def script(conn):
            conn.read_request()
            conn.send(SWITCH)
            while data := conn.sock.recv(65536):
                conn.send(data)
        weir = self.proxied(self.backend(script=script), main="worker_shutdown_timeout 8s;")
        clients = [self.client(weir).send_request(path="/ws", headers=UPGRADE) for _ in range(3)]
        for client in clients:
            self.assertEqual(client.read_response().status, 101)
        before = weir.process
        self.upgraded(weir)
        for client in clients:
            self.assertEqual(client.send(b"\x81\x04ping").read(6), b"\x81\x04ping", "echoed through the old process")
        self.assertEqual(self.get(weir, "/", headers=UPGRADE).status, 101)
        for client in clients:
            self.assertEqual(client.read(4), b"\x88\x02\x03\xe9", "a close frame, 1001")
        self.assertEqual(before.wait(20), 0)

    def test_quit_ends_the_drain_of_the_old_process(self):
        def script(conn):
            conn.read_request()
            conn.send(SWITCH)
            while conn.sock.recv(65536):
                pass
        weir = self.proxied(self.backend(script=script))
        client = self.client(weir).send_request(path="/ws", headers=UPGRADE)
        self.assertEqual(client.read_response().status, 101)
        before = weir.process
        self.upgraded(weir)
        before.send_signal(signal.SIGQUIT)
        self.assertEqual(client.read(4), b"\x88\x02\x03\xe9")
        client.close()
        self.assertEqual(before.wait(20), 0)

    def test_signal_upgrades_without_an_admin_socket(self):
        weir = self.weir(UP, main="admin off;")
        done = weir.upgrade()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, f"upgraded: process {weir.process.pid} serves\n")
        self.assertEqual(self.get(weir).text, "up")
        self.assertIn("--binary needs the admin socket", run("upgrade", "-c", str(weir.config_path), "--binary", "/bin/false").stderr)
        pid = weir.pid_path.read_text()
        done = run("upgrade", "-c", str(weir.config_path), "--within", "1s")
        self.assertEqual((done.returncode, done.stderr), (1, "weir: [error] --within needs the admin socket\n"))
        self.assertEqual((self.get(weir).text, weir.pid_path.read_text()), ("up", pid), "nobody is asked")

    def test_configuration_of_the_moment_is_taken(self):
        weir = self.weir(UP, workers=1)
        weir.write_config('server { listen <<front>>; listen <<front2>>; listen unix:<<dir>>/http.sock; location / { return 200 "new"; } }', workers=3)
        self.upgraded(weir)
        self.assertEqual(weir.predecessors[0].wait(20), 0)  # for a moment both take from one queue
        for address in (weir.front, weir.front2, f"unix:{weir.dir}/http.sock"):
            self.assertEqual(self.get(address).text, "new")
        weir.write_config("server { listen unix:<<dir>>/http.sock; return 200; }", workers=1)
        self.upgraded(weir)
        self.assertEqual(self.get(f"unix:{weir.dir}/http.sock").status, 200)
        self.wait_until(lambda: weir.predecessors[-1].poll() is not None, "the old one to end")
        self.assertTrue((weir.dir / "http.sock").exists(), "the old one leaves the file")
        with self.assertRaises(OSError):
            Client(weir.front)

    def test_descriptors_and_sockets_do_not_grow(self):
        weir = self.weir(UP, workers=2)
        counts = []
        for _ in range(3):
            self.upgraded(weir)
            self.assertEqual(weir.predecessors[-1].wait(20), 0)
            self.assertEqual(self.get(weir).text, "up")
            counts.append(weir.descriptors())
            self.wait_until(lambda: weir.descriptors() <= counts[0] + 2, f"not more than the first has, {counts}")

    # --- what does not work

    def test_new_weir_that_refuses_its_configuration_changes_nothing(self):
        weir = self.weir(UP)
        text = weir.config()
        weir.write_config("nonsense on; " + UP)
        self.assertIn("nonsense", self.refused(weir))
        weir.config_path.write_text(text)
        # What the command cannot see: the new process finds it out.
        other = self.script(weir, f'exec {binary()} -g "pid /nonexistent/weir.pid;" "$@"')
        self.assertIn("upgrade failed", self.refused(weir, "--binary", other))
        weir.write_config("access_log <<dir>>/none/access.log; " + UP)
        error = self.refused(weir)
        self.assertIn("none/access.log", error)
        weir.config_path.write_text(text)
        self.assertEqual(self.get(weir).text, "up")
        self.upgraded(weir)
        self.assertEqual(self.get(weir).text, "up", "the next try works")

    def test_binary_that_does_not_come_up_changes_nothing(self):
        weir = self.weir(UP)
        self.assertIn("(2: No such file or directory)", self.refused(weir, "--binary", "/nonexistent/weir"))
        self.assertIn("it has ended (exit status 7,", self.refused(weir, "--binary", self.script(weir, "exit 7")))
        self.assertIn("it has ended (signal 9,", self.refused(weir, "--binary", self.script(weir, "kill -9 $$")))
        self.assertIn("it did not answer in time", self.refused(weir, "--within", "200ms", "--binary", self.script(weir, "exec sleep 60")))
        self.assertIn("--within", run("upgrade", "-c", str(weir.config_path), "--within", "5m").stderr)
        self.assertEqual(self.get(weir).text, "up")
        self.assertEqual(self.refused(weir, "--binary", self.script(weir, "exit 7")).count("\n"), 2)
        weir.reload()
        self.assertEqual(self.get(weir).text, "up", "reloads go on")

    def test_upgrade_that_runs_admits_no_second_one(self):
        weir = self.weir(UP)
        hung = self.script(weir, "exec sleep 60")
        first = subprocess.Popen([binary(), "upgrade", "-c", str(weir.config_path), "--within", "60s", "--binary", hung], stderr=subprocess.PIPE, text=True)
        weir.wait_error("prepares to take over")
        self.assertIn("another upgrade is under way", self.refused(weir))
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0, "the end does not wait for it")
        first.communicate(timeout=20)
        self.assertEqual(first.returncode, 1)

    def test_successor_that_dies_ends_the_old_process_too(self):
        def script(conn):
            conn.read_request()
            conn.send(SWITCH)
            conn.sock.recv(10)
        weir = self.proxied(self.backend(script=script))
        client = self.client(weir).send_request(path="/ws", headers=UPGRADE)
        self.assertEqual(client.read_response().status, 101)
        before = weir.process
        self.upgraded(weir)
        weir.process.kill()
        self.assertEqual(before.wait(20), 0)
        weir.wait_error(r"has ended \(signal 9\), stopping")
        weir.process = None

    # --- what is known

    def test_overrides_and_secret_are_kept_without_a_state_file(self):
        weir = self.weir("""upstream u { sticky cookie srv; server 127.0.0.1:1; server 127.0.0.1:2 weight=3; }
            server { listen <<front>>; location / { proxy_pass http://u; } }""", main="state_file off;")
        self.assertEqual(weir.ctl("weight", "u/127.0.0.1:2", "7").returncode, 0)
        self.assertEqual(weir.ctl("down", "u/127.0.0.1:1", "--why", "repair").returncode, 0)
        self.upgraded(weir)
        listed = weir.ctl("list").stdout
        self.assertIn("repair", listed)
        self.assertRegex(listed, r"127\.0\.0\.1:2\s.*\b7\b")

    def test_ejection_is_kept(self):
        def breaks(conn):
            conn.read_request()
            conn.reset()
        good, bad = self.backend(lambda _: answer("good")), self.backend(script=breaks)
        weir = self.weir(f"""upstream u {{ server {bad.address} fail_timeout=60s; server {good.address}; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}""")
        self.assertEqual({self.get(weir).text for _ in range(4)}, {"good"})
        asked = len(bad.requests)
        self.assertEqual(asked, 1)
        self.upgraded(weir)
        self.assertEqual({self.get(weir).text for _ in range(6)}, {"good"})
        self.assertEqual(len(bad.requests), asked)

    def test_verdicts_of_checks_are_kept(self):
        sick = {"/check": 500}
        backends = [self.backend(lambda request: answer("a")), self.backend(lambda request: answer("b", status=sick.get(request.path, 200)))]
        weir = self.weir(f"""upstream u {{ {' '.join(f'server {each.address};' for each in backends)}
                health_check uri=/check interval=300ms fastinter=300ms; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}""")
        weir.wait_error("status 500")
        weir.config_path.write_text(weir.config().replace("300ms", "1h"))
        weir.reload()
        sick.clear()
        self.upgraded(weir)
        self.assertEqual({self.get(weir).text for _ in range(6)}, {"a"}, "no probe has told the new one")

    def test_learned_sessions_and_limits_are_kept(self):
        names = "abc"
        backends = [self.backend(lambda request, name=name: answer(name, headers={"Set-Cookie": f"session={request.get('x-id')}"}
                                                                   if request.path == "/login" else {})) for name in names]
        weir = self.weir(f"""limit_req_zone $arg_key zone=slow:1m rate=1r/m;
            upstream u {{ {' '.join(f'server {each.address};' for each in backends)}
                sticky learn create=$upstream_cookie_session lookup=$cookie_session zone=sessions:1m; }}
            server {{ listen <<front>>; location / {{ proxy_pass http://u; }} location /limited {{ limit_req zone=slow; proxy_pass http://u; }} }}""", workers=2)
        seen = {number: self.get(weir, "/login", headers={"X-Id": str(number)}).text for number in range(9)}
        self.assertEqual(set(seen.values()), set(names))
        self.assertEqual(self.get(weir, "/limited?key=a").status, 200)
        self.assertEqual(self.get(weir, "/limited?key=a").status, 503)
        self.upgraded(weir)
        for number, name in seen.items():
            self.assertEqual(self.get(weir, headers={"Cookie": f"session={number}"}).text, name)
        self.assertEqual(self.get(weir, "/limited?key=a").status, 503)
        self.assertEqual(self.get(weir, "/limited?key=b").status, 200)

    def test_drain_of_a_peer_goes_on(self):
        def script(conn):
            while request := conn.read_request():
                if request.path == "/ws":
                    conn.send(SWITCH)
                    while conn.sock.recv(65536):
                        pass
                    return
                conn.send(answer())
        backend = self.backend(script=script)
        weir = self.proxied(backend, upstream="server 127.0.0.1:1 down;")
        client = self.client(weir).send_request(path="/ws", headers=UPGRADE)
        self.assertEqual(client.read_response().status, 101)
        self.assertEqual(weir.ctl("drain", f"u/{backend.address}", "--no-wait", "--wait", "60s", "--spread", "60s").returncode, 0)
        self.upgraded(weir)
        self.assertIn("drain", weir.ctl("list").stdout)
        self.assertEqual(client.read(4), b"\x88\x02\x03\xe9", "the old one closes the WebSockets of a drained peer")

    # --- around it

    def test_service_manager_hears_of_the_new_process(self):
        supervisor = self.hold(Supervisor(watchdog_ms=8000))
        weir = self.weir(UP, environment=supervisor.environment)
        supervisor.wait("READY")
        before = len(supervisor.receive())
        self.upgraded(weir)
        supervisor.wait("READY", before)
        said = supervisor.receive()[before:]
        words = [next(iter(each)) for each in said if {"MAINPID", "READY"} & each.keys()]
        self.assertEqual(words, ["MAINPID", "READY"])
        self.assertEqual(next(each for each in said if "MAINPID" in each)["MAINPID"], str(weir.process.pid))
        self.assertEqual(weir.predecessors[0].wait(20), 0)
        self.assertEqual(supervisor.said("STOPPING"), 0, "the end of the old one is none of the service")
        fed = supervisor.said("WATCHDOG")
        self.wait_until(lambda: supervisor.said("WATCHDOG") > fed + 1, "the new one to feed the watchdog")
        weir.signal(signal.SIGTERM)
        supervisor.wait("STOPPING")
        self.assertEqual(weir.wait_exit(), 0)

    def test_sockets_of_a_supervisor_stay_the_supervisors(self):
        import socket
        listener = self.hold(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = "%s:%d" % listener.getsockname()
        weir = self.weir(f'server {{ listen {address}; return 200 "passed"; }}', passed=[listener], workers=2)
        self.upgraded(weir)
        self.assertEqual({self.get(address).text for _ in range(5)}, {"passed"})
        weir.reload()
        self.assertEqual(self.get(address).text, "passed")

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_process_that_left_root_is_upgraded(self):
        weir = self.weir(UP, main="user nobody;", workers=2)
        self.wait_until(lambda: "0" not in weir.status("Uid").split(), "root to be left for good")
        before = weir.status("Uid")
        self.upgraded(weir)
        self.assertEqual(weir.status("Uid"), before)
        self.assertEqual(weir.status("CapEff"), "0000000000000400", "the right to bind low ports, and no other")
        self.assertEqual(self.get(weir).text, "up")
        self.assertEqual(run("-s", "reopen", "-c", str(weir.config_path)).returncode, 0, "the pid file names the process that holds its lock")
        self.upgraded(weir)

    def test_daemon_is_upgraded(self):
        weir = self.weir(UP, start=False)
        weir.config_path.write_text(weir.config().replace("daemon off;", "daemon on;").replace("error_log stderr", f"error_log {weir.stderr_path}"))
        adopt_orphans()
        self.assertEqual(run("-c", str(weir.config_path)).returncode, 0)
        weir.process = Successor(int(weir.pid_path.read_text()))
        self.upgraded(weir)
        self.assertEqual(self.get(weir).text, "up")


class Tls(TlsCase):
    def test_sessions_resume_after_an_upgrade(self):
        for words in ("", "ssl_session_tickets off; ssl_session_cache shared:SSL:1m;"):
            with self.subTest(words):
                weir = self.serving(server=words, text="$ssl_session_reused", workers=2)
                context = client_context(ssl.TLSVersion.TLSv1_2)
                with TlsClient(weir.front, context=context) as first:
                    self.assertEqual(first.request().text, ".")
                    session = first.sock.session
                self.assertEqual(weir.upgrade().returncode, 0)
                for _ in range(4):  # on whatever worker
                    with TlsClient(weir.front, context=context, session=session) as again:
                        self.assertEqual(again.request().text, "r")


if __name__ == "__main__":
    main()
