#!/usr/bin/env python3
"""What the operator said, over reloads and restarts: the state file, its owner and its faults; the admin socket's place."""
import json
import os
import pathlib
import pwd
import signal
import socket
import stat
import unittest

from weirtest import Case, main
from weirtest.weir import run

HTTP = "upstream u {{ server {a}; server {b}; {more} }} server {{ listen <<front>>; location / {{ proxy_pass http://u; }} }}"


class State(Case):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.backend(name="a"), self.backend(name="b")

    def http(self, more: str = "") -> str:
        return HTTP.format(a=self.a.address, b=self.b.address, more=more)

    def said(self, weir, name: str = "weir.state") -> dict:
        """What stands in it; a thread of its own writes it, a start or reload does not wait for that."""
        self.wait_until((weir.dir / name).exists, f"{name} to be written")
        return json.loads((weir.dir / name).read_text())

    def restart(self, weir, http: str | None = None, main: str = "") -> None:
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_exit(), 0)
        if http is not None:
            weir.write_config(http, main)
        weir.start()

    def ctl(self, weir, *words: str) -> str:
        done = weir.ctl(*words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def served_by(self, weir) -> set[str]:
        return {self.get(weir).text for _ in range(8)}


class StateFile(State):
    def test_overrides_survive_a_kill(self):
        weir = self.weir(self.http())
        self.ctl(weir, "down", "u/" + self.a.address, "--why", "disk")
        self.assertEqual(self.served_by(weir), {"b"})
        self.assertEqual(stat.S_IMODE((weir.dir / "weir.state").stat().st_mode), 0o600)
        self.restart(weir)
        self.assertEqual(self.served_by(weir), {"b"})
        weir.process.kill()
        weir.process.wait()
        weir.start()
        self.assertEqual(self.served_by(weir), {"b"})
        self.ctl(weir, "up", "u/" + self.a.address)
        self.restart(weir)
        self.assertEqual(self.served_by(weir), {"a", "b"})

    def test_corrupt_state_file_is_renamed(self):
        weir = self.weir(self.http(), start=False)
        (weir.dir / "weir.state").write_text('{"version": 1, "peers": "none"}')
        weir.start()
        weir.wait_error(r'\[warn\].*state file .*: invalid .it has a "peers".*moved to .*weir\.state\.bad')
        self.assertEqual((weir.dir / "weir.state.bad").read_text(), '{"version": 1, "peers": "none"}')
        self.assertEqual(self.served_by(weir), {"a", "b"})

    def test_state_file_off_writes_nothing(self):
        weir = self.weir(self.http(), main="state_file off;")
        self.ctl(weir, "down", "u/" + self.a.address)
        self.assertEqual(self.served_by(weir), {"b"})
        self.assertFalse((weir.dir / "weir.state").exists())
        self.restart(weir)
        self.assertEqual(self.served_by(weir), {"a", "b"})

    def test_unwritable_state_file_is_reported(self):
        weir = self.weir(self.http(), main="state_file <<dir>>/none/weir.state;")
        done = weir.ctl("down", "u/" + self.a.address)
        self.assertIn("none/weir.state", done.stdout + done.stderr)
        weir.wait_error(r"\[error\].*state file: not written")
        self.assertEqual(self.served_by(weir), {"b"})

    def test_state_file_moves_with_a_reload(self):
        weir = self.weir(self.http())
        self.ctl(weir, "down", "u/" + self.a.address)
        weir.reload(self.http(), main="state_file <<dir>>/other.state;")
        self.assertEqual(self.said(weir, "other.state")["peers"][0]["mode"], "down")
        self.ctl(weir, "up", "u/" + self.a.address)
        self.assertEqual(self.said(weir, "other.state")["peers"], [])

    @unittest.skipIf(os.geteuid() != 0, "only root can become another user")
    def test_state_file_belongs_to_the_configured_user(self):
        weir = self.weir(self.http("sticky cookie peer;"), main="user nobody nogroup;")
        uid = pwd.getpwnam("nobody").pw_uid
        self.said(weir)
        for name in ("weir.state", "weir.sock"):
            info = (weir.dir / name).stat()
            self.assertEqual((info.st_uid, stat.S_IMODE(info.st_mode)), (uid, 0o600), name)
        self.assertEqual(len(self.said(weir)["sticky_secret"]), 64)
        self.ctl(weir, "down", "u/" + self.a.address, "--why", "x" * 500)
        self.assertEqual(self.said(weir)["peers"][0]["why"], "x" * 500)
        self.ctl(weir, "up", "u/" + self.a.address)
        self.assertEqual(self.said(weir)["peers"], [])
        self.ctl(weir, "weight", "u/" + self.a.address, "3")
        self.restart(weir)
        self.assertEqual(self.said(weir)["peers"][0]["weight"], 3)

    def test_state_file_keeps_the_cookie_secret(self):
        weir = self.weir(self.http("sticky cookie peer;"))
        secret = self.said(weir)["sticky_secret"]
        first = self.get(weir)
        cookie = first.get("Set-Cookie").split(";")[0]
        self.restart(weir)
        self.assertEqual(self.said(weir)["sticky_secret"], secret)
        for _ in range(6):
            self.assertEqual(self.get(weir, headers=[("Cookie", cookie)]).text, first.text)


class Contradictions(State):
    def test_reload_warns_of_contradicting_overrides(self):
        weir = self.weir(self.http())
        self.ctl(weir, "weight", "u/" + self.a.address, "4", "--why", "new machine")
        text = self.http().replace(f"server {self.a.address};", f"server {self.a.address} weight=2;")
        said = weir.reload(text)
        self.assertRegex(said, r"\[warn\].*peer u/\S+: operator override \"weight 4\" in force over \"weight=2\" of the configuration \(\"new machine\"\)")
        names = [self.get(weir).text for _ in range(10)]
        self.assertEqual(names.count("a"), 8)

    def test_override_of_a_missing_peer_warns_once(self):
        weir = self.weir(self.http())
        self.ctl(weir, "down", "u/" + self.a.address)
        without = self.http().replace(f"server {self.a.address};", "")
        self.assertIn("operator override kept unused", weir.reload(without))
        self.assertNotIn("is not there", weir.reload(without))
        weir.reload(self.http())
        self.assertEqual(self.served_by(weir), {"b"})


class AdminPlace(State):
    def test_configured_socket_that_fails_is_an_error(self):
        weir = self.weir(self.http(), main="admin unix:<<dir>>/none/weir.sock;", start=False)
        done = run("-c", str(weir.config_path))
        self.assertEqual(done.returncode, 1)
        self.assertIn("none/weir.sock", done.stderr)
        self.assertFalse(weir.pid_path.exists())

    def test_default_socket_that_fails_is_a_warning(self):
        weir = self.weir(self.http(), start=False)
        (weir.dir / "weir.sock").mkdir()
        weir.start()
        weir.wait_error(r"\[warn\].*admin socket: not opened")
        self.assertEqual(self.served_by(weir), {"a", "b"})

    def test_reload_fails_when_the_socket_cannot_move(self):
        weir = self.weir(self.http())
        said = weir.reload(self.http(), main="admin unix:<<dir>>/none/weir.sock;", fails=True)
        self.assertIn("/none/weir.sock", said)
        self.ctl(weir, "status")

    def test_socket_exists_until_a_drain_ends(self):
        weir = self.weir(self.http())
        idle = self.client(weir)
        idle.send(b"GET / HTTP/1.1\r\n")
        weir.wait_error("started")
        weir.signal(signal.SIGQUIT)
        weir.wait_error("SIGQUIT")
        with self.client(f"unix:{weir.dir}/weir.sock") as asking:
            self.assertEqual(asking.request(path="/healthz").status, 503)
        idle.send(b"Host: test\r\nConnection: close\r\n\r\n")
        self.assertEqual(idle.read_response().status, 200)
        self.assertEqual(weir.wait_exit(), 0)
        self.assertFalse((weir.dir / "weir.sock").exists())
        self.assertFalse(pathlib.Path(weir.dir, "weir.pid").exists())


if __name__ == "__main__":
    main()
