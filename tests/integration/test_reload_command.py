#!/usr/bin/env python3
"""weir reload and weir diff: what they print, what they wait for, and their exit codes."""
import signal
import socket
import threading

from weirtest import Case, Client, Weir, answer, free_address, main
from weirtest.weir import run

SCENE = """upstream app {{ server 127.0.0.1:1{weight}; {more} }}
server {{ listen <<front>>; server_name a.example; {server} location / {{ return 200 "{text}"; }} }}"""


def scene(text: str = "up", weight: str = "", more: str = "", server: str = "") -> str:
    return SCENE.format(text=text, weight=weight, more=more, server=server)


def command(word: str, weir: Weir, *arguments: str):
    return run(word, "-c", str(weir.config_path), *arguments, cwd=weir.dir)


class Reload(Case):
    def reload(self, weir, *arguments):
        return command("reload", weir, *arguments)

    def test_changes_are_printed_when_in_force(self):
        weir = self.weir(scene())
        weir.write_config(scene("new", " weight=3", "server 127.0.0.1:2;", "client_max_body_size 1m;"))
        done = self.reload(weir)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.get(weir).text, "new", "in force when the command is done")
        first, *changes = done.stdout.splitlines()
        self.assertEqual(first, "reloaded: generation 2")
        server = f"server a.example ({weir.front})"
        self.assertEqual(changes, [
            f"  ~ client_max_body_size 1m (was 100m): {server}; {server}, location /",
            f"  ~ {server}, location /: return 200 new (was up)",
            "  ~ upstream app: server 127.0.0.1:1 weight=3 (was without)",
            "  + upstream app: server 127.0.0.1:2",
        ])
        done = self.reload(weir)
        self.assertEqual((done.returncode, done.stdout), (0, "reloaded: generation 3\n"), "nothing has changed")

    def test_every_error_is_printed_when_refused(self):
        weir = self.weir(scene())
        weir.write_config("nonsense on; " + scene() + " more nonsense;")
        done = self.reload(weir)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"weir\.conf:\d+:\d+: error: .*nonsense")
        self.assertRegex(done.stderr, r"weir\.conf:\d+:\d+: error: .*more")
        self.assertIn("reload not asked for", done.stderr)
        taken, other = self.backend(), self.backend()
        weir.write_config(scene() + f"server {{ listen {taken.address}; listen {other.address}; return 200; }}")
        done = self.reload(weir)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        for address in (taken.address, other.address):
            self.assertIn(f"bind() to {address}", done.stderr)
        self.assertEqual(self.get(weir).text, "up")

    def test_admin_socket_without_a_place_is_refused(self):
        weir = self.weir(scene())
        good = weir.config()
        weir.write_config(scene("new"), main="admin unix:<<dir>>/none/sock;")
        for _ in range(2):  # asked for by a signal: where the file names is no socket
            done = self.reload(weir)
            self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        weir.wait_error(r'open\(\) ".*/none/sock" failed')
        self.assertEqual(self.get(weir).text, "up", "the old configuration serves")
        weir.config_path.write_text(good)
        done = self.reload(weir)
        self.assertEqual((done.returncode, done.stdout), (0, "reloaded: generation 2\n"), "the old socket is still there: " + done.stderr)

    def test_directives_of_the_next_start_are_named(self):
        weir = self.weir(scene())
        weir.write_config(scene(), main="worker_rlimit_nofile 4000; user root;")
        done = self.reload(weir)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("worker_rlimit_nofile", "user"):
            self.assertIn(f'  ! directive "{name}": change not applied (takes effect at the next start)\n', done.stdout)

    def test_workers_without_descriptors_are_refused(self):
        def text(word: str) -> str:  # one socket for all workers, so that their loops are what is short of descriptors
            return 'server { listen unix:<<dir>>/front.sock; location / { return 200 "%s"; } }' % word

        def served() -> str:
            with Client(f"unix:{weir.dir}/front.sock") as client:
                return client.request().text
        weir = self.weir(text("up"), descriptors=128)
        weir.write_config(text("new"), workers=100)
        done = self.reload(weir)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"worker \d+: not started \(no event loop \(too many open files\)\)")
        self.assertEqual(served(), "up", "the old configuration serves")
        weir.write_config(text("new"), workers=2)
        done = self.reload(weir)
        self.assertEqual(done.returncode, 0, "what was taken has been given back: " + done.stderr)
        self.assertEqual(served(), "new")

    def test_weir_that_does_not_run_is_an_error(self):
        weir = self.weir(scene(), start=False)
        done = self.reload(weir)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("weir.pid", done.stderr)

    def test_reload_without_admin_socket_waits_too(self):
        weir = self.weir(scene(), main="admin off;")
        weir.write_config(scene("new"), main="admin off;")
        done = self.reload(weir)
        self.assertEqual((done.returncode, done.stdout), (0, "reloaded\n"), done.stderr)
        self.assertEqual(self.get(weir).text, "new")
        done = self.reload(weir, "--verify", f"http://{weir.front}/")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "weir: [error] --verify needs the admin socket\n")

    def test_commands_in_a_burst_are_taken_together(self):
        weir = self.weir(scene())
        codes = []

        def reload():
            codes.append(self.reload(weir).returncode)
        threads = [threading.Thread(target=reload) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(codes, [0] * 8)
        self.assertLessEqual(weir.metric("weir_reloads_total", result="ok"), 8)

    def test_wrong_options_are_refused(self):
        for words, says in ((("--within", "5s"), '"--within" is for --verify'), (("--verify", "http://a/", "--within", "x"), '"--within x"'),
                            (("--verify", "http://a/", "--within", "3m"), "at most two minutes")):
            done = run("reload", *words)
            self.assertEqual(done.returncode, 1)
            self.assertIn(says, done.stderr)


class Verify(Case):
    def verify(self, weir, url: str, *arguments):
        return command("reload", weir, "--verify", url, *arguments)

    def test_good_answer_keeps_the_new_configuration(self):
        weir = self.weir(scene())
        weir.write_config(scene("new"))
        done = self.verify(weir, f"http://{weir.front}/")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("reloaded: generation 2", done.stdout)
        self.assertEqual(self.get(weir).text, "new")
        self.assertEqual(weir.metric("weir_reloads_total", result="ok"), 1)

    def test_name_in_the_url_chooses_the_server(self):
        weir = self.weir(scene(), access_log=True)
        port = weir.front.rsplit(":", 1)[1]
        weir.write_config(scene("new") + f"server {{ listen {weir.front}; server_name b.example; return 404; }}")
        self.assertEqual(self.verify(weir, f"http://a.example:{port}/x?y=1").returncode, 0)
        self.assertIn("GET /x?y=1 ", weir.wait_log(1)[0])
        self.assertEqual(self.verify(weir, f"http://b.example:{port}/", "--within", "10ms").returncode, 1)

    def test_bad_answer_puts_the_configuration_before_back(self):
        weir = self.weir(scene("old"))
        other = free_address()
        weir.write_config(scene("new", server=f"listen {other}; location = /health {{ return 503; }}"))
        done = self.verify(weir, f"http://{weir.front}/health", "--within", "2s")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(f"verification failed: http://{weir.front}/health: status 503", done.stderr)
        self.assertEqual(self.get(weir).text, "old")
        with self.assertRaises(OSError):
            self.client(other)
        self.assertEqual(weir.metric("weir_reloads_total", result="failed"), 1)
        self.assertEqual(weir.metric("weir_reloads_total", result="ok"), 0)
        weir.wait_error("reload failed, the one before is in force again")
        weir.write_config(scene("good"))
        self.assertEqual(self.verify(weir, f"http://{weir.front}/").returncode, 0, "the next one is taken")
        self.assertEqual(self.get(weir).text, "good")

    def test_removed_listener_comes_back(self):
        weir = self.weir(scene("old", server="listen <<front2>>;"))
        weir.write_config(scene("new"))
        self.assertEqual(self.verify(weir, f"http://{weir.front}/no", "--within", "60s").returncode, 0, "a return answers every path")
        with self.assertRaises(OSError):
            self.client(weir.front2)
        weir.write_config(scene("old", server="listen <<front2>>;"))
        self.assertEqual(command("reload", weir).returncode, 0)
        weir.write_config(scene("new", server="location = /no { return 500; }"))
        self.assertEqual(self.verify(weir, f"http://{weir.front}/no", "--within", "50ms").returncode, 1)
        self.assertEqual(self.get(weir.front2).text, "old")

    def test_new_configuration_stays_where_the_old_address_is_taken(self):
        weir = self.weir(scene("old"))
        before, after = weir.front, free_address()
        asked, taken = threading.Event(), threading.Event()

        def reply(_):
            asked.set()
            taken.wait(60)
            return answer("bad", 503)
        node = self.backend(reply)
        weir.write_config(f"server {{ listen {after}; location / {{ proxy_pass http://{node.address}; }} }}")
        outcome = []
        asking = threading.Thread(target=lambda: outcome.append(self.verify(weir, f"http://{after}/", "--within", "5s")))
        asking.start()
        self.assertTrue(asked.wait(60))
        host, _, port = before.rpartition(":")
        other = self.hold(socket.socket())
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def take_address() -> bool:
            try:
                other.bind((host, int(port)))
            except OSError:
                return False
            return True
        self.wait_until(take_address, "the old listener to be closed")
        other.listen()
        taken.set()
        asking.join()
        done = outcome[0]
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("the new configuration stays in force", done.stderr)
        self.assertNotIn("the old configuration stays in force", done.stderr)
        self.assertIn("could not be put back", done.stderr)
        self.assertIn("the new configuration is in force, and is not verified", weir.ctl("status").stdout)
        self.assertEqual(self.get(after).text, "bad")

    def test_answer_that_becomes_good_in_time_is_good(self):
        node = self.backend(lambda request: answer("x", 503 if len(node.requests) < 3 else 200))
        weir = self.weir(scene())
        weir.write_config(f"server {{ listen <<front>>; location / {{ proxy_pass http://{node.address}; }} }}")
        done = self.verify(weir, f"http://{weir.front}/", "--within", "60s")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_url_that_cannot_be_asked_changes_nothing(self):
        weir = self.weir(scene("old"))
        weir.write_config(scene("new"))
        for url, says in (("ftp://a.example/", "only http://"), ("https://a.example/", 'no "listen"'),
                          (f"https://{weir.front}/", "does not speak TLS"), ("http://", "it is no URL"), ("http://a:99999/", "no port"),
                          ("http://a.example:1/", 'no "listen" of the configuration'), ("http://127.0.0.9:1/", 'no "listen"')):
            done = self.verify(weir, url)
            self.assertEqual(done.returncode, 1)
            self.assertIn(says, done.stderr)
        self.assertEqual(self.get(weir).text, "old")

    def test_listener_over_tls_is_asked_by_its_name(self):
        scene = """server {{ listen <<front>> ssl; server_name a.test; ssl_certificate_selfsigned a.test; location / {{ return {a} a; }} }}
            server {{ listen <<front>> ssl; server_name b.test; ssl_certificate_selfsigned b.test; location / {{ return {b} $ssl_server_name; }} }}"""
        weir = self.weir(scene.format(a=200, b=200))
        port = weir.front.rsplit(":", 1)[1]
        weir.write_config(scene.format(a=500, b=200))
        self.assertEqual(self.verify(weir, f"https://b.test:{port}/", "--within", "60s").returncode, 0)
        weir.write_config(scene.format(a=500, b=404))
        done = self.verify(weir, f"https://b.test:{port}/x", "--within", "2s")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"verification failed: https://b.test:{port}/x: status 404", done.stderr)
        self.assertEqual(self.verify(weir, f"http://b.test:{port}/").returncode, 1, "expects TLS")

    def test_end_of_weir_ends_the_question(self):
        weir = self.weir(scene())
        weir.write_config(scene("new", server="location = /health { return 503; }"))
        codes = []
        thread = threading.Thread(target=lambda: codes.append(self.verify(weir, f"http://{weir.front}/health", "--within", "100s").returncode))
        thread.start()
        weir.wait_error("to be verified")
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        thread.join()
        self.assertEqual(codes, [1])


class Diff(Case):
    def test_differences_are_printed_and_counted_in_the_exit_code(self):
        weir = self.weir(scene())
        done = command("diff", weir)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        weir.write_config(scene(weight=" weight=2"))
        done = command("diff", weir)
        self.assertEqual((done.returncode, done.stdout), (1, "~ upstream app: server 127.0.0.1:1 weight=2 (was without)\n"))
        self.assertEqual(self.get(weir).text, "up", "nothing was changed")
        self.assertEqual(command("reload", weir).returncode, 0)
        self.assertEqual(command("diff", weir).returncode, 0)

    def test_two_files_are_compared_without_a_running_weir(self):
        old, new = self.weir(scene(), start=False), self.weir(scene(), start=False)
        new.config_path.write_text(old.config().replace("a.example", "b.example"))
        done = command("diff", new, "--against", str(old.config_path))
        self.assertEqual(done.returncode, 1, done.stderr)
        front = old.names["front"]
        self.assertEqual(done.stdout, f"+ server b.example ({front})\n- server a.example ({front})\n")

    def test_missing_sides_are_exit_code_2(self):
        weir = self.weir(scene(), start=False)
        done = command("diff", weir)
        self.assertEqual(done.returncode, 2)
        self.assertIn("weir diff: weir is not running", done.stderr)
        done = command("diff", weir, "--against", "/nonexistent/weir.conf")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nonexistent/weir.conf", done.stderr)
        weir.write_config("nonsense;")
        done = command("diff", weir)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"weir\.conf:\d+:\d+: error: .*nonsense")
        weir.write_config(scene(), main="admin off;")
        done = command("diff", weir)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--against", done.stderr)


if __name__ == "__main__":
    main()
