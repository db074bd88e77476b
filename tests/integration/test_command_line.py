#!/usr/bin/env python3
"""Commands: their help, and what is said of those that are wrong."""
import subprocess

from weirtest import Case, main
from weirtest.weir import binary, run


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


if __name__ == "__main__":
    main()
