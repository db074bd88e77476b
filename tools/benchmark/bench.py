"""What tools/bench runs: scenarios interleaved on proxies with equal settings. Started by that command."""
import argparse
import contextlib
import json
import os
import pathlib
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

import groups
import proxies as made
import report
from chart import draw
from proxies import MANY, Identity, Proxy, cpu_us, free_port, rss, wait_for

SMALL, POST = "/small", 16 * 1024
MANY_TLS = 2_000  # idle connections over TLS: a client's end costs more than a socket
OFFERED, BESIDE = 5_000, 1_000  # handshakes a second, and requests a second on the connections that go on beside them
WINDOW_MS = 50  # of the tail: tools/load says why
# Name, what a reader sees, the load's path and arguments.
SCENARIOS = {
    "keep16": ("small GET, 16 keep-alive connections", SMALL, ["--connections", "16"]),
    "keep64": ("small GET, 64 keep-alive connections", SMALL, ["--connections", "64"]),
    "keep1000": ("small GET, 1000 keep-alive connections", SMALL, ["--connections", "1000"]),
    "perconn": ("small GET, a connection per request", SMALL, ["--connections", "64", "--close"]),
    "64k": ("64 KB answers, 64 connections", "/64k", ["--connections", "64"]),
    "1m": ("1 MB answers, 16 connections", "/1m", ["--connections", "16"]),
    "post16k": ("16 KB POST, 64 connections", SMALL, ["--connections", "64", "--method", "POST", "--body", str(POST)]),
    "log": ("small GET, 64 connections, access log on", SMALL, ["--connections", "64"]),
    "websocket": ("WebSocket echo of 128 B, 64 connections", "/ws", ["--connections", "64", "--websocket", "128"]),
    "tls64": ("TLS: small GET, 64 keep-alive connections", SMALL, ["--connections", "64", "--tls"]),
    "tls64k": ("TLS: 64 KB answers, 64 connections", "/64k", ["--connections", "64", "--tls"]),
    "tls1m": ("TLS: 1 MB answers, 16 connections", "/1m", ["--connections", "16", "--tls"]),
    "tlsfull": ("TLS: a full P-256 handshake per request", SMALL, ["--connections", "64", "--close", "--tls"]),
    "tlsresume": ("TLS: a resumed handshake per request", SMALL, ["--connections", "64", "--close", "--tls-resume"]),
    "names1": ("1 server name, 64 connections", SMALL, ["--connections", "64", "--hosts", str(MANY)]),
    "names10k": ("10,000 server names, 64 connections", SMALL, ["--connections", "64", "--hosts", str(MANY)]),
    "locations1": ("1 location, 64 connections", SMALL, ["--connections", "64", "--paths", str(MANY)]),
    "locations10k": ("10,000 locations, 64 connections", SMALL, ["--connections", "64", "--paths", str(MANY)]),
    "rewrites10k": ("10,000 rewrites, 64 connections", SMALL, ["--connections", "64", "--paths", str(MANY)]),
    "maps10k": ("a map of 10,000 values, 64 connections", SMALL, ["--connections", "64", "--hosts", str(MANY)]),
    "file1k": ("a file of 1 KB, 64 connections", "/1k.bin", ["--connections", "64"]),
    "file100k": ("a file of 100 KB, 64 connections", "/100k.bin", ["--connections", "64"]),
    "gzip100k": ("JSON of 100 KB by gzip, 64 connections", "/json100k", ["--connections", "64", "--header", "Accept-Encoding: gzip"]),
    "cachehit": ("small GET from the cache, 64 connections", SMALL, ["--connections", "64"]),
}
TITLES = {**{name: scenario[0] for name, scenario in SCENARIOS.items()}, "tail": "p99.9 at half load, quieter windows", "idle": "an idle connection, bytes of RSS",
          "tlsidle": "TLS: an idle connection, bytes of RSS", "tlsbeside": f"TLS: p99 beside {OFFERED:,} handshakes/s offered"}
FLOOR = ("tls64", "tlsfull", "tlsresume")  # what OpenSSL alone does too
WITHOUT_LOG = ("haproxy", "nghttpx", "caddy", "relay")  # "log" is for those whose log is a file, written by themselves
KEPT = pathlib.Path(__file__).with_name("result.json")


class Bench:
    def __init__(self, options, out: pathlib.Path):
        self.options, self.out = options, out
        self.tools = pathlib.Path(options.tools)
        two = options.workers > 1
        self.proxy_pin = [] if two else ["taskset", "-c", "0"]
        self.load_pin = [] if two else ["taskset", "-c", "1"]
        self.results = {}  # scenario -> proxy -> list of runs

    def run(self):
        backend = f"127.0.0.1:{free_port()}"
        o = self.options
        makers = {"weir": lambda *a: made.weir("weir", *a, o.weir), "old": lambda *a: made.weir("old", *a, o.old),
                  "nginx": lambda *a: made.nginx(*a, o.nginx), "haproxy": lambda *a: made.haproxy(*a, o.haproxy), "nghttpx": made.nghttpx,
                  "caddy": made.caddy, "relay": lambda *a: made.relay(*a, self.tools), "floor": lambda *a: made.floor(*a, self.tools)}
        identity = Identity(self.out)
        jobs = [(name, makers[name]) for name in self.options.proxies.split(",")]
        binaries = {"weir": o.weir, "nginx": o.nginx, "old": o.old}
        for group, (scenarios, _) in groups.GROUPS.items():
            if any(self.wanted(name) for name in scenarios):
                jobs += [(name, lambda *a, group=group, name=name: groups.proxy(group, name, *a, binaries[name])) for name in binaries if name in dict(jobs)]
        server = subprocess.Popen(self.load_pin + [str(self.tools / "backend"), backend], stdin=subprocess.DEVNULL)
        proxies = []
        try:
            wait_for(int(backend.split(":")[1]), server)
            for name, make in jobs:
                proxy = make(self.out, backend, self.options.workers, identity)
                try:
                    proxy.start(self.proxy_pin, self.out / f"{len(proxies)}-{name}.out")
                    proxies.append(proxy)
                except (OSError, RuntimeError) as problem:
                    proxy.stop()
                    print(f"bench: {name} is left out: {problem}", file=sys.stderr)
            for name, able in (("idle", self.plain(proxies)), ("tlsidle", self.over_tls(proxies))):
                for proxy in able if self.wanted(name) else ():
                    if proxy.name == "relay":  # it holds a backend's connection for each client's
                        continue
                    try:
                        self.note(name, proxy, self.idle(proxy, name == "tlsidle"))
                    except (OSError, RuntimeError) as problem:
                        print(f"bench: {proxy.name} {name}: {problem}", file=sys.stderr)
            for turn in range(self.options.rounds):
                for name in SCENARIOS:
                    if self.wanted(name):
                        # Whoever runs first in a round pays about 2 % more: each is first as often as last.
                        for proxy in proxies if turn % 2 == 0 else reversed(proxies):
                            self.scenario(name, proxy)
                if self.wanted("tlsbeside"):
                    for proxy in self.over_tls(proxies):
                        if proxy.name != "floor":
                            self.beside(proxy)
                print(f"bench: round {turn + 1} of {self.options.rounds}", file=sys.stderr)
            if self.wanted("tail"):
                self.tail(self.plain(proxies))
        finally:
            for proxy in proxies:
                proxy.stop()
            server.kill()
            server.wait()

    @staticmethod
    def plain(proxies: list) -> list:
        return [proxy for proxy in proxies if not proxy.alone and proxy.name != "floor"]

    @staticmethod
    def over_tls(proxies: list) -> list:
        return [proxy for proxy in proxies if "tls" in proxy.ports]

    def wanted(self, name: str) -> bool:
        return not self.options.only or name in self.options.only.split(",")

    def note(self, scenario: str, proxy: Proxy, run: dict):
        self.results.setdefault(scenario, {}).setdefault(proxy.name, []).append(run)

    def load_command(self, port: int, path: str, arguments: list) -> list:
        name = ["--server-name", Identity.NAME] if "--tls" in arguments or "--tls-resume" in arguments else []
        return self.load_pin + [str(self.tools / "weir-load"), f"127.0.0.1:{port}{path}", *arguments, *name]

    def load(self, port: int, path: str, arguments: list) -> dict:
        done = subprocess.run(self.load_command(port, path, arguments), capture_output=True, check=True, timeout=300)
        return json.loads(done.stdout)

    def scenario(self, name: str, proxy: Proxy):
        if (name not in proxy.ports if proxy.alone else name in groups.ALONE) or (name == "log" and proxy.name in WITHOUT_LOG):
            return
        if name.startswith("tls"):
            if "tls" not in proxy.ports or (proxy.name == "floor" and name not in FLOOR):
                return
            port = proxy.ports["tls"]
        elif proxy.name == "floor":
            return
        else:
            port = proxy.ports.get(name, proxy.port)
        _, path, arguments = SCENARIOS[name]
        before = cpu_us(proxy.process.pid)
        told = self.load(port, path, ["--closed", "--seconds", str(self.options.seconds), *arguments])
        cpu = cpu_us(proxy.process.pid) - before
        if told["done"] == 0:
            print(f"bench: {proxy.name} {name}: nothing done: {told['errors']}", file=sys.stderr)
            return
        self.note(name, proxy, {"cpu_us": cpu / told["done"], "rate": told["rate"], **told["us"], "failed": told["failed"], "rss": rss(proxy.process.pid)})

    def tail(self, proxies: list):
        """Open loop at half of what the slowest rival did, all at the same rate."""
        rates = [statistics.median(run["rate"] for run in self.results["keep64"][name]) for name in report.RIVALS if name in self.results.get("keep64", {})]
        rate = min(rates) / 2 if rates else 5000
        for _ in range(self.options.rounds):
            for proxy in proxies:
                told = self.load(proxy.port, SMALL, ["--rate", f"{rate:.0f}", "--connections", "64", "--seconds", str(self.options.seconds), "--window", str(WINDOW_MS)])
                self.note("tail", proxy, {"rate": told["rate"], **told["us"], "quiet p99.9": told["windows"]["p99.9 lower quartile"], "failed": told["failed"]})

    def beside(self, proxy: Proxy):
        """What connections that go on notice of a crowd that comes: the crowd is an open loop, whoever is too slow has a queue."""
        seconds = str(self.options.seconds)
        crowd = subprocess.Popen(self.load_command(proxy.ports["tls"], SMALL, ["--tls", "--close", "--rate", str(OFFERED), "--connections", "512",
                                                                               "--seconds", seconds, "--timeout", "2"]), stdout=subprocess.PIPE)
        told = self.load(proxy.ports["tls"], SMALL, ["--tls", "--rate", str(BESIDE), "--connections", "16", "--seconds", seconds])
        came = json.loads(crowd.communicate(timeout=300)[0])
        self.note("tlsbeside", proxy, {**told["us"], "rate": told["rate"], "failed": told["failed"], "handshakes": came["rate"]})

    def idle(self, proxy: Proxy, tls: bool) -> dict:
        """Bytes of RSS for each of many connections that are idle after one request; and what is given back when they close."""
        port, many = (proxy.ports["tls"], MANY_TLS) if tls else (proxy.port, MANY)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        request = f"GET {SMALL} HTTP/1.1\r\nHost: {Identity.NAME if tls else 'bench'}\r\n\r\n".encode()
        self.load(port, SMALL, ["--closed", "--seconds", "0.5", "--connections", "64", *(["--tls"] if tls else [])])
        before = rss(proxy.process.pid)
        with contextlib.ExitStack() as held:
            for i in range(many):
                source = (f"127.0.0.{2 + i // 2500}", 0)
                s = held.enter_context(socket.create_connection(("127.0.0.1", port), 10, source_address=source))
                if tls:
                    s = held.enter_context(context.wrap_socket(s, server_hostname=Identity.NAME))
                s.sendall(request)
                if not s.recv(4096).startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(f"connection {i + 1} was not served")
            full = rss(proxy.process.pid)
        deadline, after = time.monotonic() + 3, full  # some give back with a delay
        while time.monotonic() < deadline:
            time.sleep(0.1)
            after = min(after, rss(proxy.process.pid))
        return {"bytes": (full - before) / many, "returned": (full - after) / max(1, full - before)}


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--weir", default="")
    parser.add_argument("--old", default="")
    parser.add_argument("--nginx", default="nginx")
    parser.add_argument("--haproxy", default="haproxy")
    parser.add_argument("--tools", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--proxies", default="weir,nginx,haproxy,nghttpx,caddy,relay,floor")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--chart", default="")
    options = parser.parse_args()
    if options.chart:
        source = pathlib.Path(options.chart)
        source.with_suffix(".svg").write_text(draw(json.loads(source.read_text()), report.charted(TITLES)))
        return
    if options.old:
        options.proxies += ",old"
    unknown = [word for word in options.only.split(",") if word and word not in TITLES]
    if unknown:
        parser.error(f"--only knows no \"{unknown[0]}\"")
    if options.quick:
        options.rounds, options.seconds = 1, min(options.seconds, 0.5)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, hard) if hard != resource.RLIM_INFINITY else 65536, hard))
    if options.keep and options.quick:
        parser.error("--keep is for figures, --quick is not")
    out = pathlib.Path(options.out or tempfile.mkdtemp(prefix="weir-bench."))
    out.mkdir(parents=True, exist_ok=True)
    bench = Bench(options, out)
    bench.run()
    proxies = options.proxies.split(",")
    told = report.summary(bench.results)
    result = report.kept(told, options, proxies)
    (out / "runs.json").write_text(json.dumps(bench.results, indent=1))
    (out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / "result.svg").write_text(draw(result, report.charted(TITLES)))
    if options.keep:
        for name in ("result.json", "result.svg"):
            shutil.copyfile(out / name, KEPT.with_name(name))
    report.table(told, proxies, TITLES)
    print(f"written to {out}" + (" and kept" if options.keep else ""), file=sys.stderr)


if __name__ == "__main__":
    main()
