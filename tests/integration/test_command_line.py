#!/usr/bin/env python3
"""Commands: their help, what is said of those that are wrong, and an output that takes nothing or is closed."""
import os
import subprocess

from weirtest import Case, main
from weirtest.weir import binary, run

SCENE = "server { listen <<front>>; location / { return 200 up; } }"


class Output(Case):
    def with_full_output(self, *arguments: str) -> subprocess.CompletedProcess:
        with open("/dev/full", "w", encoding="ascii") as full:
            return subprocess.run([binary(), *arguments], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)

    def test_output_that_takes_nothing_is_a_failure(self):
        weir = self.weir(SCENE)
        other = weir.dir / "other.conf"
        other.write_text(weir.config().replace("up", "down"))
        at = ("-c", str(weir.config_path))
        for words, status in ((("-T", *at), 1), (("--effective", *at), 1), (("convert", at[1]), 1), (("manual", "proxy_pass"), 1), (("-h",), 1),
                              (("explain", *at, f"http://{weir.front}/"), 1), (("diff", *at, "--against", str(other)), 2), (("top", *at, "--once"), 1),
                              (("ctl", "list", *at), 1), (("ctl", "status", "--json", *at), 1), (("ctl", "metrics", *at), 1)):
            with self.subTest(words):
                done = self.with_full_output(*words)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn("standard output: not all is written", done.stderr)

    def test_reload_succeeds_whatever_becomes_of_its_output(self):
        weir = self.weir(SCENE)
        weir.write_config(SCENE.replace("up", "new"))
        self.assertEqual(self.with_full_output("reload", "-c", str(weir.config_path)).returncode, 0)
        self.assertEqual(self.get(weir).text, "new")


class WrongUse(Case):
    def test_help_is_printed(self):
        for words in ((), ("reload",), ("ctl",), ("ctl", "drain")):
            done = run(*words, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(f"Usage: {' '.join(('weir', *words))} ", done.stdout)

    def test_wrong_use_is_one_line(self):
        for words in (("frob",), ("explain",), ("ctl", "frob"), ("diff", "--frob"), ("-s",), (b"\xff\xfe",)):
            done = subprocess.run([binary(), *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout), (2 if "diff" in words else 1, b""), words)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
            self.assertTrue(done.stderr.startswith(b"weir"), done.stderr)


class ClosedStreams(Case):
    def test_files_of_weir_are_no_standard_streams(self):
        weir = self.weir(SCENE, start=False)
        process = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", binary(), "-c", str(weir.config_path)])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.wait_until(lambda: weir.pid_path.exists() and weir.pid_path.read_text().strip(), "weir to serve")
        self.assertEqual([os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)], ["/dev/null"] * 3)


if __name__ == "__main__":
    main()
