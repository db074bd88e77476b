#!/usr/bin/env python3
"""What a crash leaves: a page with the signal, the stack and the last lines of the log; and the signal as the exit status."""
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import unittest

from weirtest import Case, main
from weirtest.weir import binary

UP = 'server { listen <<front>>; location / { return 200 "up"; } }'


@unittest.skipIf(os.environ.get("WEIR_SANITIZE"), "a sanitizer has a report of its own")
class Crash(Case):
    def setUp(self):
        super().setUp()
        limits = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, limits[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, limits)

    def crash(self, weir, number: int) -> str:
        """Ends it by that signal; the report on stderr."""
        self.assertEqual(self.get(weir).text, "up")
        self.assertEqual(weir.ctl("status").returncode, 0)  # its loop turns: no thread is being made, the signal comes to this one
        since = len(weir.errors())
        weir.signal(number)
        self.assertEqual(weir.wait_exit(), -number)
        weir.process = None
        return weir.errors()[since:]

    def test_report_has_signal_stack_and_log(self):
        for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS):
            weir = self.weir(UP)
            pid = weir.process.pid
            report = self.crash(weir, number)
            self.assertRegex(report, rf"weir \S+ crashed at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ: {signal.Signals(number).name} "
                                     rf"\(sent by process {os.getpid()}\) in thread weir of process {pid}\n")
            self.assertGreaterEqual(len(re.findall(r"^  weir\+0x[0-9a-f]+$", report, re.M)), 3, report)
            self.assertRegex(report, r"s before \[notice\] weir \S+: started")

    def test_report_is_kept_beside_the_log_file(self):
        weir = self.weir(UP, main="error_log <<dir>>/error.log info;")
        other = weir.config().replace(str(weir.dir / "error.log"), str(weir.dir / "other.log"))
        weir.config_path.write_text(other)
        self.assertEqual(subprocess.run([binary(), "reload", "-c", weir.config_path], check=False).returncode, 0)
        said = self.crash(weir, signal.SIGSEGV)
        self.assertFalse((weir.dir / "error.log.crash").exists(), "the log has moved")
        kept = (weir.dir / "other.log.crash").read_text()
        self.assertIn("SIGSEGV", kept)
        self.assertTrue(said.endswith(kept))
        self.assertEqual((weir.dir / "other.log.crash").stat().st_mode & 0o777 & 0o027, 0, "not for others")

    @unittest.skipUnless(shutil.which("addr2line"), "addr2line is missing")
    def test_frames_name_functions(self):
        weir = self.weir(UP)
        report = self.crash(weir, signal.SIGSEGV)
        frames = re.findall(r"^  weir\+(0x[0-9a-f]+)$", report, re.M)
        named = subprocess.run(["addr2line", "-Cfie", binary(), *frames], capture_output=True, text=True, check=True).stdout
        self.assertIn("weir::io::Loop::run()", named)

    def test_weir_starts_again_after_a_crash(self):
        weir = self.weir(UP)
        self.crash(weir, signal.SIGABRT)
        weir.start()
        self.assertEqual(self.get(weir).text, "up")
        self.assertTrue(pathlib.Path(weir.admin_path).exists())


if __name__ == "__main__":
    main()
