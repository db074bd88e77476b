#!/usr/bin/env python3
"""What an operator meets: wrong pid files, broken configurations, removed files, reloads that fail, the foreground."""
import fcntl
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys

from weirtest import Case, main
from weirtest.weir import run

UP = 'server { listen <<front>>; location / { return 200 "up"; } }'


class PidFile(Case):
    def setUp(self):
        super().setUp()
        self.scene = self.weir(UP, start=False)

    def signal_by(self, text: str, locked: bool = True) -> subprocess.CompletedProcess:
        """weir -s stop, in a process group of its own, while somebody holds the lock of a pid file with that text."""
        self.scene.pid_path.write_text(text)
        with self.scene.pid_path.open() as held:
            if locked:
                fcntl.flock(held, fcntl.LOCK_EX)
            return run("-c", str(self.scene.config_path), "-s", "stop", start_new_session=True)

    def test_pid_file_without_process_id_is_refused(self):
        for text in ("", "abc", "0", "-1", "-4711", "99999999999", "18446744073709551617", "12 13", "12abc", "1" * 40):
            for locked in (True, False):
                with self.subTest(text=text, locked=locked):
                    done = self.signal_by(text, locked)
                    self.assertEqual(done.returncode, 1, "ended by its own signal?")
                    self.assertIn("no process id", done.stderr)

    def test_process_of_another_program_is_not_signalled(self):
        other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        self.addCleanup(other.stdin.close)
        done = self.signal_by(f"{other.pid}\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no signal sent", done.stderr)
        self.assertIsNone(other.poll(), "the process that the file names lives on")

    def test_lock_holder_of_another_program_is_not_signalled(self):
        done = self.signal_by(f"{os.getpid()}\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not weir", done.stderr)


class Reload(Case):
    def reload(self, weir) -> subprocess.CompletedProcess:
        return run("-c", str(weir.config_path), "-s", "reload", cwd=weir.dir)

    def test_exit_code_of_reload_is_its_outcome(self):
        weir = self.weir(UP)
        done = self.reload(weir)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(weir.metric("weir_reloads_total", result="ok"), 1)

    def test_reload_fails_when_port_is_taken(self):
        weir = self.weir(UP)
        taken = self.backend()
        weir.write_config(UP + f" server {{ listen {taken.address}; return 200; }}")
        done = self.reload(weir)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"bind() to {taken.address}", done.stderr)
        self.assertEqual(self.get(weir).text, "up")

    def test_reload_fails_when_log_cannot_be_opened(self):
        weir = self.weir(UP)
        for line in ("access_log <<dir>>/none/access.log;", "error_log <<dir>>/none/error.log;"):
            with self.subTest(line):
                weir.write_config(line + UP)
                done = self.reload(weir)
                self.assertEqual(done.returncode, 1)
                self.assertIn("/none/", done.stderr)
        self.assertEqual(self.get(weir).text, "up")

    def test_broken_configuration_is_not_reloaded(self):
        weir = self.weir(UP)
        weir.write_config("nonsense on;")
        done = self.reload(weir)
        self.assertEqual(done.returncode, 1)
        self.assertIn('"nonsense"', done.stderr)
        self.assertNotIn("reload", weir.errors(), "the running weir is not bothered")

    def test_reload_without_admin_socket_has_its_exit_code(self):
        weir = self.weir(UP, main="admin off;")
        taken = self.backend()
        for broken in (False, True, True, False, False):
            since = len(weir.errors())
            weir.write_config(UP + (f" server {{ listen {taken.address}; return 200; }}" if broken else ""), main="admin off;")
            done = self.reload(weir)
            self.assertEqual(done.returncode, 1 if broken else 0, done.stderr)
            weir.wait_error("configuration: reload" + (" failed" if broken else "ed"), since)  # the log has a thread of its own
            self.assertEqual(done.stderr, "weir: [error] reload failed: the old configuration stays in force (the error log has the reason)\n"
                             if broken else "")
            self.assertEqual(int(weir.pid_path.read_text()), weir.process.pid, "scripts read a number")
            self.assertEqual(weir.pid_path.read_text().splitlines()[0], str(weir.process.pid))
        self.assertEqual(self.get(weir).text, "up")

    def test_reload_of_an_unreachable_admin_socket_is_signalled(self):
        weir = self.weir(UP)
        os.unlink(weir.admin_path)
        done = self.reload(weir)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("asked for by a signal", done.stderr)
        self.assertEqual(weir.ctl("status").returncode, 0, "the socket is back")


class BrokenConfiguration(Case):
    BROKEN = ("nonsense on;\n{text}", "{text}\nhttp {{ server {{", '"never closed\n{text}', "worker_processes 2\n{text}")

    def test_ctl_and_signals_work_beside_a_broken_file(self):
        for broken in self.BROKEN:
            with self.subTest(broken):
                weir = self.weir(UP, main="admin unix:<<dir>>/other.sock;")
                weir.config_path.write_text(broken.format(text=weir.config()))
                done = run("ctl", "-c", str(weir.config_path), "status")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("has errors", done.stderr)
                self.assertEqual(run("-c", str(weir.config_path), "-s", "quit").returncode, 0)
                self.assertEqual(weir.wait_exit(), 0)

    def test_yaml_file_may_be_broken_too(self):
        text = "pid: <<dir>>/weir.pid\nadmin: unix:<<dir>>/other.sock\nerror_log: stderr info\nhttp:\n  server:\n    listen: <<front>>\n    return: 200\n"
        weir = self.weir(config=text, file_name="weir.yaml")
        weir.config_path.write_text(weir.config() + "  : [\n")
        self.assertEqual(run("ctl", "-c", str(weir.config_path), "status").returncode, 0)
        self.assertEqual(run("-c", str(weir.config_path), "-s", "quit").returncode, 0)
        self.assertEqual(weir.wait_exit(), 0)

    def test_missing_file_names_no_running_weir(self):
        for words in (("-s", "stop"), ("-s", "reload")):
            done = run("-c", "/nonexistent/weir.conf", *words)
            self.assertEqual(done.returncode, 1)
            self.assertIn("/nonexistent/weir.conf", done.stderr)
        done = run("ctl", "-c", "/nonexistent/weir.conf", "status")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nonexistent/weir.conf", done.stderr)


class RemovedFiles(Case):
    def test_reload_restores_pid_file_and_admin_socket(self):
        for fails in (False, True):
            with self.subTest(fails=fails):
                weir = self.weir(UP)
                weir.pid_path.unlink()
                os.unlink(weir.admin_path)
                if fails:
                    weir.write_config("nonsense on;")
                weir.reload(fails=fails)
                self.assertEqual(int(weir.pid_path.read_text()), weir.process.pid)
                self.assertEqual(weir.ctl("status").returncode, 0)
                weir.write_config(UP)
                self.assertEqual(run("-c", str(weir.config_path), "-s", "quit").returncode, 0)
                self.assertEqual(weir.wait_exit(), 0)
                self.assertFalse(weir.pid_path.exists())
                self.assertFalse(os.path.exists(weir.admin_path))

    def test_pid_file_of_another_weir_stays(self):
        weir = self.weir(UP)
        weir.pid_path.unlink()
        weir.pid_path.write_text("4711\n")
        self.assertIn("pid file: not restored", weir.reload())
        self.assertEqual(weir.pid_path.read_text(), "4711\n")


class AccessLogs(Case):
    def open_files(self, weir) -> set[str]:
        files = set()
        for fd in pathlib.Path(f"/proc/{weir.process.pid}/fd").iterdir():
            try:
                files.add(os.readlink(fd).removesuffix(" (deleted)"))
            except OSError:  # closed meanwhile
                pass
        return files

    def with_log(self, name: str, more: str = "") -> str:
        return f"access_log <<dir>>/{name} combined buffer=32k flush=10ms; {UP} {more}"

    def test_log_that_reload_drops_is_closed(self):
        weir = self.weir(self.with_log("old.log"), access_log=False)
        self.get(weir)
        weir.reload(self.with_log("new.log"))
        old = weir.dir / "old.log"
        self.wait_until(lambda: str(old) not in self.open_files(weir), "the old log to be closed")
        self.assertEqual(len(old.read_text().splitlines()), 1, "what was buffered is written")
        old.unlink()
        weir.signal(signal.SIGUSR1)
        weir.wait_error("logs: reopened")
        self.assertFalse(old.exists())
        self.get(weir)
        weir.wait_log(1, "new.log")

    def test_log_of_failed_reload_is_closed(self):
        weir = self.weir(self.with_log("old.log"), access_log=False)
        taken = self.backend()
        weir.reload(self.with_log("new.log", f"server {{ listen {taken.address}; return 200; }}"), fails=True)
        self.wait_until(lambda: str(weir.dir / "new.log") not in self.open_files(weir), "the new log to be closed")
        self.assertIn(str(weir.dir / "old.log"), self.open_files(weir))


class Starts(Case):
    def test_foreground_is_the_default(self):
        for defaults in ("", "defaults nginx;"):
            with self.subTest(defaults):
                weir = self.weir(defaults + UP, start=False)
                weir.config_path.write_text(weir.config().replace("daemon off;", ""))
                weir.start()  # finds its process in the pid file
                self.assertEqual(self.get(weir).text, "up")

    def test_empty_state_file_is_a_warning(self):
        weir = self.weir(UP, start=False)
        (weir.dir / "weir.state").write_text("")
        weir.start()
        weir.wait_error("state file: .* is empty")

    def test_state_file_of_last_run_is_no_warning(self):
        weir = self.weir(UP)
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        since = len(weir.errors())
        weir.start()
        self.assertNotIn("state file", weir.errors()[since:])

    def test_empty_configuration_is_refused(self):
        weir = self.weir(UP)
        for text in ("", "# all that was here is gone\n"):
            weir.config_path.write_text(text)
            for words in (("-t",), ("reload",), ("-s", "reload")):
                done = run("-c", str(weir.config_path), *words)
                self.assertEqual(done.returncode, 1, words)
                self.assertIn("weir.conf: error: no directive is in the file", done.stderr)
        self.assertEqual(self.get(weir).text, "up")

    def test_unknown_user_is_refused_by_the_check(self):
        weir = self.weir(UP, main="user nosuchuser;", start=False)
        done = run("-c", str(weir.config_path), "-t")
        self.assertIn("user", done.stderr)
        self.assertEqual(done.returncode, 1 if os.geteuid() == 0 else 0, done.stderr)
        if os.geteuid() == 0:
            self.assertIn("nosuchuser", done.stderr)
            self.assertEqual(run("-c", str(weir.config_path)).returncode, 1)


    def test_check_finds_files_that_a_start_cannot_open(self):
        for line in ("error_log <<dir>>/none/error.log;", "admin unix:<<dir>>/none/weir.sock;"):
            with self.subTest(line):
                weir = self.weir(UP, main=line, start=False)
                done = run("-c", str(weir.config_path), "-t")
                self.assertEqual(done.returncode, 1)
                self.assertIn("/none/", done.stderr)
                self.assertEqual(run("-c", str(weir.config_path)).returncode, 1)
        weir = self.weir(UP, start=False)
        weir.config_path.write_text(weir.config().replace("/weir.pid", "/none/weir.pid"))
        self.assertEqual(run("-c", str(weir.config_path), "-t").returncode, 1)
        self.assertEqual(run("-c", str(weir.config_path)).returncode, 1)


class Admin(Case):
    def test_idle_connections_do_not_lock_ctl_out(self):
        weir = self.weir(UP)
        idle = [self.client("unix:" + weir.admin_path) for _ in range(100)]
        done = weir.ctl("status")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(idle[-1].request(path="/healthz").status, 200, "the latest of them is served")

    def test_cap_follows_the_limit_of_open_files(self):
        weir = self.weir(UP, connections=10000, descriptors=256)
        said = weir.wait_error(r"worker_connections 10000: (\d+) in force \(1 worker needs \d+ open files, the limit is 256; .*\)")
        each = int(re.search(r": (\d+) in force", said).group(1))
        self.assertLess(each, 128 + 1)
        flood = [self.client(weir).send(b"GET / HTTP/1.1\r\n") for _ in range(300)]
        weir.wait_error("connections full")
        self.assertEqual(weir.metric("weir_connections_limit"), each)
        for _ in range(3):
            done = weir.ctl("status")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("FULL", done.stdout)
        for client in flood:
            client.close()
        self.assertEqual(self.get(weir).text, "up")
        self.assertNotIn("Too many open files", weir.errors())

    def test_check_names_the_cap_that_would_be_in_force(self):
        weir = self.weir(UP, connections=10000, start=False)
        limited = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))
        done = run("-t", "-c", str(weir.config_path), preexec_fn=limited)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"\[warn\] worker_connections 10000: \d+ in force \(.*the limit is 512")
        if os.geteuid() == 0:
            weir.write_config(UP, "worker_rlimit_nofile 20480;")
            self.assertNotIn("worker_connections", run("-t", "-c", str(weir.config_path), preexec_fn=limited).stderr)

    def test_worker_rlimit_nofile_is_the_limit(self):
        weir = self.weir(UP, main="worker_rlimit_nofile 300;", connections=1000)
        self.assertEqual(resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE)[0], 300)
        weir.wait_error("the limit is 300")

    def test_ctl_works_without_a_free_descriptor(self):
        """Somebody lowers the limit under what is open: clients wait, the operator does not."""
        weir = self.weir(UP)
        weir.wait_error(": started")  # the workers' loops need descriptors too
        before = resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE)
        taken = {int(number) for number in os.listdir(f"/proc/{weir.process.pid}/fd")}
        lowest = min(set(range(1024)) - taken)  # the number that the next descriptor would get
        resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE, (lowest, before[1]))
        waiting = self.client(weir).send_request()
        weir.wait_error(r"accept\(\) failed \(24: Too many open files\)")
        for _ in range(3):
            done = weir.ctl("status")
            self.assertEqual(done.returncode, 0, done.stderr)
        resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE, before)
        self.assertEqual(waiting.read_response().text, "up")

    def test_ctl_works_while_all_connections_are_taken(self):
        weir = self.weir(UP, connections=8)
        held = [self.client(weir) for _ in range(12)]
        self.assertEqual(held[-1].request().text, "up")
        done = weir.ctl("status")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    main()
