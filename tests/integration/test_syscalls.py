#!/usr/bin/env python3
"""A gate: system calls of a warm request on a saturated worker (DESIGN section 7), counted by strace, which also saturates it."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from weirtest import Case, free_address, main, wait_until
from weirtest.certificates import Certificate

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "benchmark"
MOST_PER_REQUEST = 4.4
MOST_PER_HANDSHAKE = 20  # and all that belongs to a new connection
NEVER_WARM = ("setsockopt", "epoll_ctl", "getsockopt", "getsockname", "getpeername", "fcntl", "close", "accept4", "connect", "socket", "mmap", "brk")


def traceable() -> bool:
    """strace is there and may attach (containers often forbid it)."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


def calls(text: str) -> dict:
    """strace -c's table: name to number of calls."""
    return {m.group(2): int(m.group(1)) for m in re.finditer(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$", text, re.M) if m.group(2) != "total"}


@unittest.skipIf(os.environ.get("WEIR_SANITIZE"), "a sanitizer makes calls of its own")
@unittest.skipUnless(traceable(), "strace is missing or may not attach")
class Syscalls(Case):
    hard_limit = 300  # the tools are built first

    def setUp(self):
        super().setUp()
        subprocess.run([ROOT / "tools" / "load", "--build"], check=True)

    def load(self, address: str, *arguments) -> dict:
        done = subprocess.run([TOOLS / "weir-load", address, "--closed", "--connections", "64", *arguments], capture_output=True, check=True, timeout=60)
        return json.loads(done.stdout)

    def check(self, most: float, path: str = "/small", tls: bool = False):
        """So many calls a request are made at most, and by each connection no more of those that cost."""
        backend = free_address()
        server = subprocess.Popen([TOOLS / "backend", backend], stdin=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        listens = "listen <<front>>;"
        if tls:
            folder = tempfile.TemporaryDirectory()
            self.addCleanup(folder.cleanup)
            certificate = Certificate(folder.name, "a", ["a.test"])
            listens = f"listen <<front>> ssl; ssl_certificate {certificate.pem}; ssl_certificate_key {certificate.key};"
        how = ["--tls"] if tls else []
        weir = self.weir(f"keepalive_requests 1000000; upstream u {{ server {backend}; keepalive 128; keepalive_requests 1000000; keepalive_timeout 60s; }}"
                         f"server {{ {listens} location / {{ proxy_pass http://u; }} }}", access_log=False)
        wait_until(lambda: self.load(weir.front + path, "--seconds", "0.2", *how)["failed"] == 0, "the backend answers")
        with tempfile.NamedTemporaryFile("r") as out:
            tracer = subprocess.Popen(["strace", "-f", "-c", "-U", "time-percent,total-time,avg-time,calls,errors,name", "-o", out.name, "-p", str(weir.process.pid)],
                                      stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.assertIn("attached", tracer.stderr.readline())
            told = self.load(weir.front + path, "--seconds", "5", *how)
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=30)
            table = out.read()
        made, done = calls(table), told["done"]
        self.assertEqual(told["failed"], 0, told)
        self.assertGreater(done, 1000, table)
        print(f"{sum(made.values()) / done:.2f} calls a request over {done}: " + ", ".join(f"{n} {c / done:.3f}" for n, c in sorted(made.items(), key=lambda x: -x[1])[:6]))
        # Connections are made while it is counted: on a busy machine they are shared by fewer requests.
        theirs = 64 * MOST_PER_HANDSHAKE if tls else sum(made.get(name, 0) for name in NEVER_WARM)
        self.assertLessEqual((sum(made.values()) - theirs) / done, most, table)
        # 64 connections come and go around the load; nothing else may make these calls.
        for name in NEVER_WARM:
            self.assertLessEqual(made.get(name, 0), 64 * 8, f"{name}: more than connections account for\n{table}")

    def test_warm_get_takes_few_syscalls_on_a_busy_worker(self):
        self.check(MOST_PER_REQUEST)

    def test_warm_get_over_tls_takes_as_few(self):
        self.check(MOST_PER_REQUEST, tls=True)


if __name__ == "__main__":
    main()
