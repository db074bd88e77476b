#!/usr/bin/env python3
"""`weir init`: the file that it writes, exit statuses and messages. Expected files: tests/golden/init, rewritten with WEIR_GOLDEN_UPDATE=1."""
import os
import pathlib
import pty
import re
import tempfile
import unittest

from weirtest import Case, answer, main
from weirtest.weir import binary, run

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "init"
NOCOBASE = ("--nocobase", "127.0.0.1", "127.0.0.2", "127.0.0.3:13001")


class Init(Case):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.file = f"{self.folder}/first.conf"

    def init(self, *arguments: str):
        return run("init", "-c", self.file, *arguments)

    def refused(self, message: str, *arguments: str):
        before = sorted(os.listdir(self.folder))
        done = self.init(*arguments)
        self.assertEqual((done.returncode, done.stdout, done.stderr.replace(self.folder, "DIR")), (1, "", message))
        self.assertEqual(sorted(os.listdir(self.folder)), before, "a file was written")

    def same_as_golden(self, name: str, *arguments: str):
        """The file as a user without rights has it, wherever it is."""
        done = self.init(*arguments)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        text = pathlib.Path(self.file).read_text()
        self.assertEqual(run("-t", "-c", self.file).returncode, 0, text)
        if os.geteuid() == 0:
            text = text.replace("listen 80;", "listen 8080;").replace("listen 443 ssl", "listen 8443 ssl").replace("$host$request_uri", "$host:8443$request_uri")
        # Comments stand at a column that the folder's length moves.
        found = re.sub(r"(?<=\S) +# ", "  # ", (done.stderr + text).replace(self.folder, "DIR"))
        if os.environ.get("WEIR_GOLDEN_UPDATE"):
            (GOLDEN / name).write_text(found)
        self.assertEqual(found, (GOLDEN / name).read_text())

    def test_file_without_nodes_is_written(self):
        self.same_as_golden("plain.conf.expected")

    def test_nodes_of_every_kind_are_written(self):
        self.same_as_golden("nodes.conf.expected", "127.0.0.1:3000", "::1", "[::1]:3000", "unix:/run/app.sock", "localhost")

    def test_nodes_of_nocobase_have_its_port(self):
        self.same_as_golden("nocobase.conf.expected", *NOCOBASE)

    def test_public_name_has_a_certificate_by_acme(self):
        self.same_as_golden("tls.conf.expected", *NOCOBASE, "--tls", "app.example.org")

    def test_private_name_has_a_certificate_of_its_own(self):
        self.same_as_golden("tls_private.conf.expected", "127.0.0.1:3000", "--tls", "app.test")

    def typed(self, lines: bytes) -> tuple[int, str]:
        """Exit status and output of `weir init` on a terminal of its own, where that is typed."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(binary(), [binary(), "init", "-c", self.file])
        os.write(terminal, lines)
        said = b""
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # it has ended
                break
            if not piece:
                break
            said += piece
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()

    def test_terminal_is_asked_when_nothing_is_given(self):
        code, said = self.typed(b"127.0.0.1:3000 127.0.0.2:3000\nn\napp.test\n")
        self.assertEqual(code, 0, said)
        self.assertIn("Nodes of the application", said)
        text = pathlib.Path(self.file).read_text()
        for part in ("server 127.0.0.1:3000", "server 127.0.0.2:3000", "server_name app.test"):
            self.assertIn(part, text)

    def test_ended_input_of_a_terminal_writes_no_file(self):
        code, said = self.typed(b"127.0.0.1:3000\n\x04")
        self.assertEqual(code, 1, said)
        self.assertIn("nothing is written", said)
        self.assertFalse(os.path.exists(self.file))

    def test_terminal_is_not_asked_about_a_file_that_is_there(self):
        pathlib.Path(self.file).write_text("mine\n")
        code, said = self.typed(b"")
        self.assertEqual(code, 1, said)
        self.assertNotIn("Nodes", said)

    def test_file_is_never_written_over(self):
        pathlib.Path(self.file).write_text("mine\n")
        self.refused("weir init: DIR/first.conf is there already: nothing is written (-c FILE names another one)\n")
        self.assertEqual(pathlib.Path(self.file).read_text(), "mine\n")

    def test_dangling_link_is_never_followed(self):
        os.symlink(f"{self.folder}/elsewhere", self.file)
        self.refused("weir init: DIR/first.conf is there already: nothing is written (-c FILE names another one)\n")

    def test_bad_nodes_and_names_are_refused(self):
        for node in ("a;b", "http://a", "a b", "", "a\n", "$a"):
            with self.subTest(node):
                self.refused(f'weir init: "{node}" is no address of a node: HOST, HOST:PORT or unix:/PATH\n', node)
        for name in ("*.example.org", "a_b", ".org", "a/b", "https://a"):
            with self.subTest(name):
                self.refused(f'weir init: "{name}" is no name for a certificate: app.example.org\n', "--tls", name)

    def test_nodes_of_two_kinds_are_refused(self):
        self.refused("weir init: nodes are named by --nocobase or without it, not both\n", "127.0.0.1:1", "--nocobase", "127.0.0.2")

    def test_file_that_would_not_load_is_not_left(self):
        self.refused('DIR/first.conf:16:16: error: invalid IPv6 address in "[1:2:3]:80" of the upstream "app"\n'
                     "weir: configuration file DIR/first.conf test failed\n"
                     "weir init: nothing is written: the configuration would not be taken\n", "[1:2:3]:80")

    def test_places_that_cannot_be_written_are_named(self):
        done = run("init", "-c", f"{self.folder}/none/first.conf")
        self.assertEqual((done.returncode, done.stderr), (1, f'weir init: open() "{self.folder}/none/first.conf" failed (2: No such file or directory)\n'))
        done = run("init", "-c", f"{self.folder}/first.yaml")
        self.assertEqual((done.returncode, done.stderr), (
            1, f"weir init: it writes nginx's syntax, {self.folder}/first.yaml is YAML (`weir convert` turns it into that)\n"))

    def test_relative_file_keeps_its_neighbours_beside_it(self):
        done = run("-p", self.folder, "init", "-c", "here.conf")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"pid {self.folder}/weir.pid;", pathlib.Path(self.folder, "here.conf").read_text())

    def test_written_file_serves_its_nodes(self):
        backend = self.backend(lambda request: answer("from the node"))
        weir = self.weir(start=False)
        self.assertEqual(self.init(backend.address).returncode, 0)
        text = re.sub(r"listen \d+;", "listen <<front>>;", pathlib.Path(self.file).read_text())
        weir.write_config(config=text.replace(self.folder, str(weir.dir)))
        weir.start()
        self.assertEqual(self.get(weir).text, "from the node")
        self.assertEqual(self.get(weir, "/healthz").text, "ok\n")


if __name__ == "__main__":
    main()
