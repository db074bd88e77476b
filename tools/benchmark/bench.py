"""What tools/bench runs: proxies with equal settings, scenarios interleaved, medians and ratios. Started by that command."""
import argparse
import contextlib
import json
import os
import pathlib
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from chart import draw

SMALL, POST = "/small", 16 * 1024
# Name, what a reader sees, the load's arguments.
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
}
RIVALS = ("nginx", "haproxy")  # the ratio is to the better of these
IDLE = 10_000


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"ended with status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError("does not listen")


def descendants(pid: int) -> list:
    pids = [pid]
    for each in pids:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{each}/task"):
                children = pathlib.Path(f"/proc/{each}/task/{task}/children").read_text()
                pids += [int(child) for child in children.split()]
    return pids


def cpu_us(pid: int) -> float:
    """CPU time of all threads of the process and its children, from schedstat (nanoseconds on a CPU)."""
    total = 0
    for each in descendants(pid):
        for task in os.listdir(f"/proc/{each}/task"):
            with contextlib.suppress(OSError):
                total += int(pathlib.Path(f"/proc/{each}/task/{task}/schedstat").read_text().split()[0])
    return total / 1000


def rss(pid: int) -> int:
    """Bytes of the largest process: the one that serves."""
    most = 0
    for each in descendants(pid):
        for line in pathlib.Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                most = max(most, int(line.split()[1]) * 1024)
    return most


class Proxy:
    """One proxy in front of the backend: on `port` without an access log, on `log_port` with one (0: it has none here)."""

    def __init__(self, name: str, command: list, port: int, log_port: int, environment=None):
        self.name, self.command, self.port, self.log_port = name, command, port, log_port
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    def start(self, pin: list, log: pathlib.Path):
        with log.open("wb") as out:
            self.process = subprocess.Popen(pin + self.command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self.environment)
        wait_for(self.port, self.process)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def nginx(out, backend, workers):
    port, log_port, home = free_port(), free_port(), out / "nginx"
    home.mkdir()
    (home / "nginx.conf").write_text(f"""daemon off; worker_processes {workers}; pid {home}/pid; error_log {home}/error.log;
worker_rlimit_nofile 65536;
events {{ worker_connections 32768; }}
http {{
  access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u;
  scgi_temp_path {home}/s; keepalive_requests 1000000; client_max_body_size 10m;
  upstream backend {{ server {backend}; keepalive 1024; keepalive_requests 1000000; }}
  map $http_upgrade $upgrade_or_not {{ default upgrade; "" ""; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; {NGINX_LOCATION} }}
  server {{ listen 127.0.0.1:{log_port} backlog=4096; access_log {home}/access.log combined buffer=64k flush=1s; {NGINX_LOCATION} }}
}}
""")
    return Proxy("nginx", ["nginx", "-c", str(home / "nginx.conf"), "-e", str(home / "error.log")], port, log_port)


NGINX_LOCATION = """location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrade_or_not;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; }"""


def weir(out, backend, workers, binary):
    port, log_port, home = free_port(), free_port(), out / "weir"
    home.mkdir()
    (home / "weir.conf").write_text(f"""daemon off; worker_processes {workers}; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 32768; }}
http {{
  access_log off; keepalive_requests 1000000;
  upstream backend {{ server {backend}; keepalive 1024; keepalive_requests 1000000; keepalive_timeout 60s; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://backend; }} }}
  server {{ listen 127.0.0.1:{log_port}; access_log {home}/access.log combined buffer=64k flush=1s; location / {{ proxy_pass http://backend; }} }}
}}
""")
    return Proxy("weir", [binary, "-c", str(home / "weir.conf")], port, log_port)


def haproxy(out, backend, workers):
    port, home = free_port(), out / "haproxy"
    home.mkdir()
    (home / "haproxy.cfg").write_text(f"""global
  nbthread {workers}
  maxconn {min(32000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - 200)}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  option forwardfor
  http-reuse always
frontend f
  bind 127.0.0.1:{port} backlog 4096
  default_backend b
backend b
  server s {backend} pool-max-conn 1024
""")
    return Proxy("haproxy", ["haproxy", "-db", "-q", "-f", str(home / "haproxy.cfg")], port, 0)


def nghttpx(out, backend, workers):
    port, home = free_port(), out / "nghttpx"
    home.mkdir()
    host, backend_port = backend.split(":")
    return Proxy("nghttpx", ["nghttpx", "--conf=/dev/null", f"--frontend=127.0.0.1,{port};no-tls", f"--backend={host},{backend_port}", f"--workers={workers}",
                             "--accesslog-file=/dev/null", f"--errorlog-file={home}/error.log", "--backend-connections-per-host=2000",
                             "--add-x-forwarded-for", "--single-process"], port, 0)


def caddy(out, backend, workers):
    port, home = free_port(), out / "caddy"
    home.mkdir()
    (home / "Caddyfile").write_text(f"{{\n  admin off\n  auto_https off\n}}\nhttp://127.0.0.1:{port} {{\n  reverse_proxy {backend} {{\n    transport http {{\n"
                                    "      keepalive_idle_conns_per_host 1024\n    }\n  }\n}\n")
    return Proxy("caddy", ["caddy", "run", "--config", str(home / "Caddyfile"), "--adapter", "caddyfile"], port, 0,
                 {"GOMAXPROCS": str(workers), "HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)})


def relay(_out, backend, _workers, tools):
    port = free_port()
    return Proxy("relay", [str(tools / "relay"), f"127.0.0.1:{port}", backend], port, 0)


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
        makers = {"weir": lambda *a: weir(*a, self.options.weir), "nginx": nginx, "haproxy": haproxy, "nghttpx": nghttpx, "caddy": caddy,
                  "relay": lambda *a: relay(*a, self.tools)}
        server = subprocess.Popen(self.load_pin + [str(self.tools / "backend"), backend], stdin=subprocess.DEVNULL)
        proxies = []
        try:
            wait_for(int(backend.split(":")[1]), server)
            for name in self.options.proxies.split(","):
                proxy = makers[name](self.out, backend, self.options.workers)
                try:
                    proxy.start(self.proxy_pin, self.out / f"{name}.out")
                    proxies.append(proxy)
                except (OSError, RuntimeError) as problem:
                    proxy.stop()
                    print(f"bench: {name} is left out: {problem}", file=sys.stderr)
            if self.wanted("idle"):
                for proxy in proxies:
                    try:
                        self.note("idle", proxy, self.idle(proxy))
                    except (OSError, RuntimeError) as problem:
                        print(f"bench: {proxy.name} idle: {problem}", file=sys.stderr)
            for turn in range(self.options.rounds):
                for name in SCENARIOS:
                    if self.wanted(name):
                        for proxy in proxies:
                            self.scenario(name, proxy)
                print(f"bench: round {turn + 1} of {self.options.rounds}", file=sys.stderr)
            if self.wanted("tail"):
                self.tail(proxies)
        finally:
            for proxy in proxies:
                proxy.stop()
            server.kill()
            server.wait()

    def wanted(self, name: str) -> bool:
        return not self.options.only or name in self.options.only.split(",")

    def note(self, scenario: str, proxy: Proxy, run: dict):
        self.results.setdefault(scenario, {}).setdefault(proxy.name, []).append(run)

    def load(self, port: int, path: str, arguments: list) -> dict:
        done = subprocess.run(self.load_pin + [str(self.tools / "weir-load"), f"127.0.0.1:{port}{path}", *arguments], capture_output=True, check=True, timeout=300)
        return json.loads(done.stdout)

    def scenario(self, name: str, proxy: Proxy):
        port = proxy.log_port if name == "log" else proxy.port
        if port == 0:
            return
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
        rates = [statistics.median(run["rate"] for run in self.results["keep64"][name]) for name in RIVALS if name in self.results.get("keep64", {})]
        rate = min(rates) / 2 if rates else 5000
        for _ in range(self.options.rounds):
            for proxy in proxies:
                told = self.load(proxy.port, SMALL, ["--rate", f"{rate:.0f}", "--connections", "64", "--seconds", str(self.options.seconds)])
                self.note("tail", proxy, {"rate": told["rate"], **told["us"], "failed": told["failed"]})

    def idle(self, proxy: Proxy) -> dict:
        """Bytes of RSS for each of many connections that are idle after one request; and what is given back when they close."""
        if proxy.name == "relay":
            return {"bytes": 0, "returned": 0}
        request = f"GET {SMALL} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
        self.load(proxy.port, SMALL, ["--closed", "--seconds", "0.5", "--connections", "64"])
        before, held = rss(proxy.process.pid), []
        for i in range(IDLE):
            s = socket.create_connection(("127.0.0.1", proxy.port), 10, source_address=(f"127.0.0.{2 + i // 2500}", 0))
            s.sendall(request)
            if not s.recv(4096).startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{proxy.name}: an idle connection was not served")
            held.append(s)
        full = rss(proxy.process.pid)
        for s in held:
            s.close()
        time.sleep(1)  # for what is given back with a delay
        after = rss(proxy.process.pid)
        return {"bytes": (full - before) / IDLE, "returned": (full - after) / max(1, full - before)}


def interval(values: list) -> tuple:
    """Of the median, at least 95 % by order statistics; the extremes when there are too few values."""
    ordered, n = sorted(values), len(values)
    k, cumulative, term = 0, 0.0, 0.5**n
    while cumulative + term <= 0.025 and k < n // 2:
        cumulative += term
        k += 1
        term = term * (n - k + 1) / k
    k = max(0, k - 1) if cumulative > 0 else 0
    return ordered[k], ordered[n - 1 - k]


def summary(results: dict) -> dict:
    told = {}
    for scenario, by_proxy in results.items():
        key = {"idle": "bytes", "tail": "p99.9"}.get(scenario, "cpu_us")
        medians = {name: {k: statistics.median(run[k] for run in runs) for k in runs[0]} for name, runs in by_proxy.items()}
        row = {"measure": key, "medians": medians}
        rivals = [name for name in RIVALS if name in medians]
        if rivals and "weir" in medians:
            best = min(rivals, key=lambda name: medians[name][key])
            pairs = [a[key] / b[key] for a, b in zip(by_proxy["weir"], by_proxy[best]) if b[key]]
            if pairs:
                row["best"], row["ratio"] = best, statistics.median(pairs)
                row["interval"], row["pairs"] = interval(pairs), len(pairs)
        if "relay" in medians and "weir" in medians and medians["relay"][key]:
            pairs = [a[key] / b[key] for a, b in zip(by_proxy["weir"], by_proxy["relay"])]
            row["to_relay"] = statistics.median(pairs)
        told[scenario] = row
    return told


def table(told: dict, proxies: list):
    print(f"{'':44}" + "".join(f"{name:>10}" for name in proxies) + "   weir to the best   to the relay")
    for scenario, row in told.items():
        title = {"idle": "an idle connection, bytes of RSS", "tail": "p99.9 at half load, us (open loop)"}.get(scenario)
        title = title or SCENARIOS[scenario][0] + ", CPU us"
        cells = "".join(f"{row['medians'][name][row['measure']]:>10.1f}" if name in row["medians"] else f"{'-':>10}" for name in proxies)
        ratio = f"{row['ratio']:.2f} [{row['interval'][0]:.2f} {row['interval'][1]:.2f}] {row['best']}" if "ratio" in row else ""
        print(f"{title:44}{cells}   {ratio:28} {row.get('to_relay', 0) or '':.4}" if row.get("to_relay") else f"{title:44}{cells}   {ratio}")


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--weir", required=True)
    parser.add_argument("--tools", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--proxies", default="weir,nginx,haproxy,nghttpx,caddy,relay")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", default="")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    unknown = [word for word in options.only.split(",") if word and word not in {*SCENARIOS, "tail", "idle"}]
    if unknown:
        parser.error(f"--only knows no \"{unknown[0]}\"")
    if options.quick:
        options.rounds, options.seconds = 1, min(options.seconds, 0.5)
    with contextlib.suppress(ValueError, OSError):  # 10,000 connections twice over
        resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
    out = pathlib.Path(options.out or tempfile.mkdtemp(prefix="weir-bench."))
    out.mkdir(parents=True, exist_ok=True)
    bench = Bench(options, out)
    bench.run()
    told = summary(bench.results)
    (out / "bench.json").write_text(json.dumps({"options": vars(options), "cpus": os.cpu_count(), "summary": told, "runs": bench.results}, indent=1))
    titles = {name: SCENARIOS[name][0] for name in SCENARIOS if name in told}
    (out / "bench.svg").write_text(draw({titles[name]: {p: m["cpu_us"] for p, m in told[name]["medians"].items()} for name in titles}))
    table(told, [name for name in options.proxies.split(",")])
    print(f"written to {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
