#!/usr/bin/env python3
"""The process: command line, exit codes, pid file, signals, users, sockets of every kind."""
import os
import pathlib
import pwd
import resource
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import unittest

from weirtest import Case, answer, free_address, main, own_host
from weirtest.weir import binary, run


class CommandLine(Case):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(self.folder.cleanup)

    def file(self, text: str, name: str = "weir.conf") -> str:
        path = pathlib.Path(self.folder.name, name)
        path.write_text(text)
        return str(path)

    def good(self) -> str:
        return self.file(f"daemon off; pid {self.folder.name}/weir.pid; events {{}} http {{ server {{ listen {free_address()}; return 200; }} }}")

    def test_version_and_help_are_printed(self):
        for option in ("-v", "-V", "-h"):
            done = run(option)
            self.assertEqual(done.returncode, 0, option)
            self.assertIn("weir", done.stdout + done.stderr)
        self.assertIn("libuv", (run("-V").stdout + run("-V").stderr))
        self.assertIn("-c", run("-h").stdout + run("-h").stderr)

    def test_unknown_option_is_an_error(self):
        for arguments in (("--nonsense",), ("-s", "dance"), ("-c",)):
            done = run(*arguments)
            self.assertNotEqual(done.returncode, 0, arguments)
            self.assertIn("weir", done.stderr)

    def test_good_configuration_is_tested(self):
        done = run("-t", "-c", self.good())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("successful", done.stderr)
        quiet = run("-t", "-q", "-c", self.good())
        self.assertEqual((quiet.returncode, quiet.stdout, quiet.stderr), (0, "", ""))

    def test_configuration_test_names_the_way_to_trust_a_balancer(self):
        hint = '"set_real_ip_from ADDRESS;" names it'
        pass_on = "location / { location /in { proxy_pass http://127.0.0.1:1; %s } }"
        for text, hinted in ((pass_on % "", True), ("set_real_ip_from 10.0.0.0/8; " + pass_on % "", False), (pass_on % "set_real_ip_from 10.0.0.0/8;", False),
                             (pass_on % "proxy_set_header X-Forwarded-Proto $scheme;", False), ("return 200;", False)):
            done = run("-t", "-c", self.file("http { server { listen 8080; %s } }" % text))
            self.assertEqual((done.returncode, hint in done.stderr), (0, hinted), text)
        self.assertNotIn(hint, run("-t", "-c", self.file("http { defaults nginx; server { listen 8080; %s } }" % (pass_on % ""))).stderr)

    def test_bad_configuration_reports_all_errors_with_positions(self):
        path = self.file("daemon off;\nevents {}\nhttp {\n  server {\n    lisen 80;\n    return 200;\n  }\n  upstream u {\n    server a b c=;\n  }\n}\n")
        done = run("-t", "-c", path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"weir\.conf:5:5: .*lisen")
        self.assertIn('"listen"', done.stderr, "did you mean")
        self.assertRegex(done.stderr, r"weir\.conf:9:\d+: ")

    def test_mistakes_of_every_kind_have_a_place(self):
        for text, line in (
                ("http { server { listen 80 } }", 1), ("http {\n", None), ("http {\n server {\n  listen 99999;\n }\n}", 3),
                ("http {\n server { listen 80; return 200 \"open; }\n}", None), ("http { server { location / { proxy_pass http://; } } }", 1),
                ("worker_processes 0x;\n", 1), ("http {\n keepalive_timeout soon;\n}", 2), ("http {\n upstream u { server 1.2.3.4:80; }\n upstream u { server 1.2.3.4; }\n}", 3),
                ("http {\n server { location / { } location / { } }\n}", 2), ("http { server { location ~ ( { } } }", 1), ("http { log_format f '$nonsense'; }", 1),
                ("}", 1), ("http {\n client_max_body_size 1m;\n client_max_body_size 2m;\n}", 3), ("include missing.conf;", 1)):
            with self.subTest(text):
                done = run("-t", "-c", self.file(text))
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, rf"weir\.conf:{line or '[0-9]+'}:\d+: ")

    def test_listen_address_of_another_machine_is_refused(self):
        """As the start refuses it. A port that is taken may be taken by the weir that runs."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            good = f"listen 127.0.0.1:{taken.getsockname()[1]}; listen unix:{self.folder.name}/front.sock;"
            for listen, why in ((good, ""), ("listen 192.0.2.1:8080;", r"bind\(\) to 192\.0\.2\.1:8080 failed \(99: "),
                                (f"listen unix:{self.folder.name}/none/front.sock;", r'open\(\) ".*/none/front\.sock" failed \(2: ')):
                with self.subTest(listen):
                    done = run("-t", "-c", self.file("http { server { %s return 200; } }" % listen))
                    self.assertEqual(done.returncode, 1 if why else 0, done.stderr)
                    self.assertRegex(done.stderr, why or "successful")

    def test_unsupported_nginx_directive_is_named(self):
        done = run("-t", "-c", self.file("http { server { listen 80; fastcgi_pass 127.0.0.1:9000; } }"))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"nginx")

    def test_missing_file_is_an_error(self):
        done = run("-t", "-c", self.folder.name + "/none.conf")
        self.assertEqual(done.returncode, 1)
        self.assertIn("none.conf", done.stderr)

    def test_dump_loads_again(self):
        done = run("-T", "-c", self.good())
        self.assertEqual(done.returncode, 0, done.stderr)
        again = run("-t", "-c", self.file(done.stdout, "dump.conf"))
        self.assertEqual(again.returncode, 0, again.stderr)

    def test_conversion_to_yaml_round_trips(self):
        path = self.good()
        done = run("convert", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        yaml = self.file(done.stdout, "weir.yaml")
        self.assertEqual(run("-t", "-c", yaml).returncode, 0, done.stdout)
        back = run("convert", yaml)
        self.assertEqual(run("-t", "-c", self.file(back.stdout, "back.conf")).returncode, 0, back.stdout)

    def test_snippet_of_the_nocobase_page_runs_unchanged(self):
        done = run("-t", "-c", self.file("""upstream myapp {
    # ip_hash; # Can be used for session persistence.
    server 172.31.0.1:13000; # Internal node 1
    server 172.31.0.2:13000; # Internal node 2
    server 172.31.0.3:13000; # Internal node 3
}

server {
    listen 80;

    location / {
        proxy_pass http://myapp;
    }
}
"""))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_examples_in_conf_are_good(self):
        conf = pathlib.Path(__file__).resolve().parents[2] / "conf"
        examples = sorted(p for p in conf.iterdir() if p.suffix in (".conf", ".yaml"))
        self.assertGreater(len(examples), 1)
        for path in examples:
            with self.subTest(path.name):
                text = path.read_text().replace("/var/log/weir", self.folder.name)
                done = run("-t", "-c", self.file(text, path.name))
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_global_directives_come_from_the_command_line(self):
        path = self.file(f"events {{}} http {{ server {{ listen {free_address()}; return 200; }} }}")
        self.assertEqual(run("-t", "-c", path, "-g", "worker_processes 7;").returncode, 0)
        done = run("-t", "-c", path, "-g", "worker_processes 7; nonsense;")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nonsense", done.stderr)


class Life(Case):
    def scene(self) -> str:
        return 'server { listen <<front>>; return 200 "up"; }'

    def test_pid_file_exists_while_weir_serves(self):
        weir = self.weir(self.scene())
        self.assertEqual(weir.pid_path.read_text().strip(), str(weir.process.pid))
        self.assertEqual(self.get(weir).text, "up", "no retry needed once the pid file is there")
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        self.assertFalse(weir.pid_path.exists())

    def test_pid_file_appears_when_all_workers_run(self):
        weir = self.weir(self.scene(), start=False, workers=48).launch()
        while not weir.pid_path.exists():
            self.assertIsNone(weir.process.poll(), weir.errors())
        tasks = pathlib.Path(f"/proc/{weir.process.pid}/task")
        names = {(task / "comm").read_text().strip() for task in tasks.iterdir()}
        self.assertLessEqual({f"weir-{i}" for i in range(48)}, names)
        done = run("-c", str(weir.config_path), "-s", "reload")
        self.assertEqual(done.returncode, 0, done.stderr)
        weir.wait_error("configuration: reloaded \\(generation 2")

    def test_start_without_descriptors_for_its_workers_fails(self):
        weir = self.weir('server { listen unix:<<dir>>/front.sock; return 200 "up"; }', start=False, workers=100)
        done = run("-c", str(weir.config_path), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96)))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"worker \d+: not started \(no event loop \(too many open files\)\)")
        self.assertFalse(weir.pid_path.exists())

    def test_global_directives_hold(self):
        weir = self.weir(self.scene(), start=False, arguments=("-g", "worker_processes 3;"))
        weir.config_path.write_text(weir.config().replace("worker_processes 1;", ""))
        weir.start()
        self.assertEqual(self.get(weir).text, "up")
        self.assertGreaterEqual(int(weir.status("Threads")), 4)

    def test_each_ending_signal_ends_with_zero(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            with self.subTest(number):
                weir = self.weir(self.scene())
                self.get(weir)
                weir.signal(number)
                self.assertEqual(weir.wait_exit(), 0)

    def holding(self):
        self.go = threading.Event()

        def script(conn):
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            self.go.wait(60)
            conn.send(b"done")
            conn.wait_closed()
        return self.backend(script=script)

    def test_quit_finishes_running_requests_and_refuses_new(self):
        weir = self.proxied(self.holding())
        idle = self.client(weir)
        busy = self.client(weir).send_request()
        busy.read_until(b"half")
        weir.signal(signal.SIGQUIT)
        idle.sock.settimeout(20)
        self.assertEqual(idle.read_all(), b"", "idle connections are closed")

        def refused():
            try:
                self.client(weir).close()
            except OSError:
                return True
            return False
        self.wait_until(refused, "the listener to close")
        self.go.set()
        self.assertEqual(busy.read(4), b"done")
        self.assertEqual(busy.read_all(), b"")
        self.assertEqual(weir.wait_exit(), 0)

    def test_term_ends_at_once_despite_running_requests(self):
        weir = self.proxied(self.holding())
        busy = self.client(weir).send_request()
        busy.read_until(b"half")
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        self.assertEqual(busy.read_all(), b"")

    def test_shutdown_timeout_limits_a_quit(self):
        weir = self.proxied(self.holding(), main="worker_shutdown_timeout 300ms;")
        busy = self.client(weir).send_request()
        busy.read_until(b"half")
        weir.signal(signal.SIGQUIT)
        self.assertEqual(weir.wait_exit(), 0)

    def test_term_after_quit_ends_at_once(self):
        weir = self.proxied(self.holding())
        busy = self.client(weir).send_request()
        busy.read_until(b"half")
        weir.signal(signal.SIGQUIT)
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)

    def test_signals_are_sent_by_command_line(self):
        backend = self.backend(lambda r: answer("x"))
        weir = self.proxied(backend)

        def say(word):
            done = run("-c", str(weir.config_path), "-s", word)
            self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        since = len(weir.errors())
        say("reload")
        weir.wait_error("configuration: reloaded", since)
        os.rename(weir.dir / "access.log", weir.dir / "old.log")
        say("reopen")
        self.wait_until(lambda: (weir.dir / "access.log").exists(), "the log to be opened anew")
        say("quit")
        self.assertEqual(weir.wait_exit(), 0)
        weir2 = self.proxied(backend)
        done = run("-c", str(weir2.config_path), "-s", "stop")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(weir2.wait_exit(), 0)

    def test_signal_without_a_running_weir_is_an_error(self):
        weir = self.weir(self.scene(), start=False)
        done = run("-c", str(weir.config_path), "-s", "reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn("weir.pid", done.stderr)
        weir.pid_path.write_text(f"{os.getpid()}\n")  # stale: this process is no weir
        done = run("-c", str(weir.config_path), "-s", "stop")
        self.assertEqual(done.returncode, 1, "somebody else's process is not signalled")

    def test_second_instance_is_refused(self):
        weir = self.weir(self.scene())
        done = run("-c", str(weir.config_path))
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(weir.process.pid), done.stderr)
        self.assertEqual(self.get(weir).text, "up")
        self.assertEqual(weir.pid_path.read_text().strip(), str(weir.process.pid))

    def test_second_instance_with_another_pid_file_cannot_share_the_port(self):
        weir = self.weir(self.scene())
        other = weir.dir / "other.conf"
        other.write_text(weir.config().replace("weir.pid", "other.pid"))
        done = run("-c", str(other))
        self.assertEqual(done.returncode, 1)
        self.assertIn(weir.front, done.stderr)
        self.assertFalse((weir.dir / "other.pid").exists())

    def test_stale_pid_file_is_no_obstacle(self):
        weir = self.weir(self.scene())
        weir.kill()
        self.assertTrue(weir.pid_path.exists())
        weir.start()
        self.assertEqual(self.get(weir).text, "up")

    def test_start_fails_on_an_address_in_use(self):
        backend = self.backend()
        weir = self.weir(f"server {{ listen {backend.address}; return 200; }}", start=False)
        done = run("-c", str(weir.config_path))
        self.assertEqual(done.returncode, 1)
        self.assertIn(backend.address, done.stderr)
        self.assertFalse(weir.pid_path.exists())

    def test_start_fails_on_a_log_that_cannot_be_opened(self):
        weir = self.weir("access_log <<dir>>/none/access.log; " + self.scene(), start=False, access_log=False)
        done = run("-c", str(weir.config_path))
        self.assertEqual(done.returncode, 1)
        self.assertIn("none/access.log", done.stderr)

    def test_daemon_returns_when_it_serves_and_reports_failure(self):
        weir = self.weir(self.scene(), start=False)
        weir.config_path.write_text(weir.config().replace("daemon off", "daemon on").replace("error_log stderr", f"error_log {weir.dir}/error.log"))
        done = run("-c", str(weir.config_path))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.get(weir).text, "up", "it serves when the command returns")
        pid = int(weir.pid_path.read_text())
        self.assertEqual(run("-c", str(weir.config_path)).returncode, 1, "a second one is refused, and the exit code says so")
        self.assertEqual(run("-c", str(weir.config_path), "-s", "stop").returncode, 0)
        self.wait_until(lambda: not weir.pid_path.exists() and not alive(pid), "the daemon to end")

    def test_access_log_reaches_a_pipe_of_another_user(self):
        reader, writer = os.pipe()
        os.fchmod(writer, 0)  # opened anew, it is refused to weir; root has a pass, and leaves it
        weir = self.weir("access_log /dev/stdout combined flush=10ms; server { listen <<front>>; return 200 \"up\"; }", start=False, access_log=False,
                         main="user nobody nogroup;" if os.geteuid() == 0 else "")
        with weir.stderr_path.open("ab") as errors:
            weir.process = subprocess.Popen([binary(), "-c", str(weir.config_path)], stdin=subprocess.DEVNULL, stdout=writer, stderr=errors, cwd=weir.dir)
        os.close(writer)
        self.wait_until(lambda: weir.pid_path.exists(), "weir to start")
        self.get(weir, "/first")
        with open(reader, "rb", buffering=0) as lines:
            self.assertIn(b'"GET /first HTTP/1.1" 200', lines.readline())
            # Now nobody reads: the pipe of 64 KB and more is full, and requests do not wait for it.
            client = self.client(weir)
            for i in range(40):
                self.assertEqual(client.request(path=f"/{i:04}{'x' * 4000}").text, "up")
            seen = [lines.readline() for _ in range(40)]
            self.assertEqual([int(line.split(b'"GET /')[1][:4]) for line in seen], list(range(40)), "lines are whole and in order")
            self.assertTrue(all(line.endswith(b"\n") for line in seen))
            weir.signal(signal.SIGTERM)
            self.assertEqual(weir.wait_exit(), 0)

    def test_closed_stderr_does_not_end_weir(self):
        reader, writer = os.pipe()
        weir = self.weir(self.scene(), start=False)
        weir.process = subprocess.Popen([binary(), "-c", str(weir.config_path)], stdin=subprocess.DEVNULL, stderr=writer, stdout=writer, cwd=weir.dir)
        weir._stderr = open(weir.stderr_path, "ab")
        os.close(writer)
        self.wait_until(lambda: weir.pid_path.exists(), "weir to start")
        os.close(reader)
        weir.signal(signal.SIGHUP)  # something to say
        for _ in range(3):
            self.assertEqual(self.get(weir).text, "up")


def alive(pid: int) -> bool:
    """One that has ended may stay a zombie for as long as nobody waits for it."""
    try:
        stat_line = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat_line.rpartition(")")[2].split()[0] != "Z"


class Sockets(Case):
    def test_unix_sockets_work_on_both_sides(self):
        with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
            backend = self.backend(lambda r: answer(r.get("host")), address=f"unix:{folder}/app.sock")
            weir = self.weir(f"upstream u {{ server {backend.address}; }} server {{ listen unix:{folder}/front.sock; location / {{ proxy_pass http://u; }} }}")
            self.assertTrue(stat.S_ISSOCK(os.stat(f"{folder}/front.sock").st_mode))
            client = self.client(f"unix:{folder}/front.sock")
            self.assertEqual(client.request(host="h.example").text, "h.example")
            weir.reload()
            self.assertEqual(self.get(f"unix:{folder}/front.sock", host="again").text, "again")
            weir.signal(signal.SIGTERM)
            self.assertEqual(weir.wait_exit(), 0)
            self.assertFalse(os.path.exists(f"{folder}/front.sock"), "the socket file goes with the process")

    def test_proxy_pass_reaches_a_unix_socket(self):
        with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
            backend = self.backend(lambda r: answer(r.path), address=f"unix:{folder}/app.sock")
            weir = self.weir(f"server {{ listen <<front>>; location / {{ proxy_pass http://{backend.address}:/base/; }} }}")
            self.assertEqual(self.get(weir, "/x").text, "/base/x")

    def test_left_over_socket_file_of_a_dead_weir_is_replaced(self):
        with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
            scene = f'server {{ listen unix:{folder}/front.sock; return 200 "up"; }}'
            weir = self.weir(scene)
            weir.kill()
            self.assertTrue(os.path.exists(f"{folder}/front.sock"))
            weir.start()
            self.assertEqual(self.get(f"unix:{folder}/front.sock").text, "up")

    def test_ipv6_works_on_both_sides(self):
        backend = self.backend(lambda r: answer(r.get("x-forwarded-for")), address="::1")
        weir = self.weir(f"upstream u {{ server {backend.address}; }} server {{ listen <<six>>; location / {{ proxy_pass http://u; }} }}", six=free_address("::1"))
        self.assertEqual(self.get(weir.names["six"], host="[::1]").text, "::1")

    def test_wildcard_and_specific_address_share_a_port(self):
        """As in nginx, the specific address decides which server it is."""
        port = free_address().rpartition(":")[2]
        one, two = own_host(0), own_host(1)
        weir = self.weir(f"""server {{ listen {one}:{port}; return 200 "one"; }} server {{ listen {two}:{port}; return 200 "two"; }}""")
        self.assertTrue(weir.running)
        self.assertEqual(self.get(f"{one}:{port}").text, "one")
        self.assertEqual(self.get(f"{two}:{port}").text, "two")

    def test_several_workers_share_an_address(self):
        backend = self.backend(lambda r: answer("x"))
        weir = self.proxied(backend, workers=4)
        clients = [self.client(weir) for _ in range(40)]
        for client in clients:
            self.assertEqual(client.request().text, "x")
        self.assertGreaterEqual(int(weir.status("Threads")), 5)


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class Users(Case):
    def weir(self, http="", **options):
        # A process that has changed its user may not be traced, which the leak check of a sanitizer build does at the end.
        return super().weir(http, environment={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}, **options)

    def test_ports_below_1024_work_under_another_user(self):
        host = own_host(2)
        ports = self.low_ports(host, 2)
        account = pwd.getpwnam("nobody")
        weir = self.weir(f'server {{ listen {host}:{ports[0]}; return 200 "first"; }}', main="user nobody nogroup;")
        self.assertEqual(self.get(f"{host}:{ports[0]}").text, "first")
        self.assertEqual(set(weir.status("Uid").split()), {str(account.pw_uid)})
        self.assertEqual(set(weir.status("Gid").split()), {str(account.pw_gid)})
        # CAP_NET_BIND_SERVICE (10) is all that is kept.
        self.assertEqual(int(weir.status("CapEff"), 16) & ~(1 << 10), 0)
        weir.reload(f'server {{ listen {host}:{ports[0]}; return 200 "first"; }} server {{ listen {host}:{ports[1]}; return 200 "second"; }}',
                    main="user nobody nogroup;", workers="3")
        self.assertEqual(self.get(f"{host}:{ports[1]}").text, "second")
        for _ in range(9):
            self.assertEqual(self.get(f"{host}:{ports[0]}").text, "first")

    def test_cache_directory_belongs_to_the_configured_user(self):
        backend = self.backend(lambda request: answer("x"))
        weir = self.weir("proxy_cache_path <<dir>>/cache keys_zone=z:1m; proxy_cache z; proxy_cache_valid 1h;"
                         f"server {{ listen <<front>>; location / {{ proxy_pass http://{backend.address}; add_header X-Cache $upstream_cache_status; }} }}",
                         main="user nobody nogroup;")
        info = (weir.dir / "cache").stat()
        self.assertEqual((info.st_uid, stat.S_IMODE(info.st_mode)), (pwd.getpwnam("nobody").pw_uid, 0o700))
        self.wait_until(lambda: self.get(weir).get("X-Cache") == "HIT", "an answer from the cache")

    def low_ports(self, host: str, count: int):
        found = []
        for port in range(1023, 0, -1):
            with socket.socket() as probe:
                try:
                    probe.bind((host, port))
                    found.append(port)
                except OSError:
                    continue
            if len(found) == count:
                return found
        raise AssertionError("no free port below 1024")

    def test_logs_of_root_can_be_reopened_by_the_user(self):
        weir = self.weir('server { listen <<front>>; return 200; }', main="user nobody nogroup;")
        os.chmod(weir.dir, 0o777)
        self.get(weir, "/before")
        self.assertIn("/before", weir.wait_log(1)[0])
        os.rename(weir.dir / "access.log", weir.dir / "access.log.1")
        weir.signal(signal.SIGUSR1)
        self.wait_until(lambda: (weir.dir / "access.log").exists(), "the new log")
        self.get(weir, "/after")
        self.assertIn("/after", weir.wait_log(1)[0])

    def test_log_that_is_a_link_gives_no_file_away(self):
        for name, link in (("symbolic", os.symlink), ("hard", os.link)):
            weir = self.weir('server { listen <<front>>; return 200; }', main="user nobody nogroup;", start=False)
            account = pwd.getpwnam("nobody")
            logs = weir.dir / "logs"  # as /var/log/weir: the user's own
            logs.mkdir()
            os.chown(logs, account.pw_uid, account.pw_gid)
            weir.config_path.write_text(weir.config().replace(f"{weir.dir}/access.log", f"{logs}/access.log"))
            secret = weir.dir / "secret"
            secret.write_text("")
            secret.chmod(0o666)  # so that a log of this name can be written all the same
            link(secret, logs / "access.log")
            done = run("-t", "-c", str(weir.config_path))
            self.assertEqual((done.returncode, secret.stat().st_uid), (0, 0), f"{name}: {done.stderr}")
            weir.start()
            self.assertEqual(secret.stat().st_uid, 0, name)
            self.get(weir, "/asked")
            self.wait_until(lambda: "/asked" in secret.read_text(), f"the line behind the {name} link")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become others")
    def test_own_user_needs_no_root(self):
        for name, ignored in (("nobody", False), ("daemon", True)):
            weir = self.weir('server { listen <<front>>; return 200; }', main=f"user {name};", start=False)
            os.chmod(weir.dir, 0o777)
            done = run("-c", str(weir.config_path), "-t", user="nobody", group=pwd.getpwnam("nobody").pw_gid, extra_groups=[])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual('"user": ignored' in done.stderr, ignored, done.stderr)

    def test_unknown_user_is_an_error(self):
        weir = self.weir('server { listen <<front>>; return 200; }', main="user no-such-user-here;", start=False)
        done = run("-c", str(weir.config_path))
        self.assertEqual(done.returncode, 1)
        self.assertIn("no-such-user-here", done.stderr)


if __name__ == "__main__":
    main()
