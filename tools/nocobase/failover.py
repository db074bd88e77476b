"""Nodes that go and come back under load, and what clients saw of it. Started by tools/nocobase-failover, which sees to nodes and tools.

Each scenario: 100 requests a second, open loop, 90 % GET of app:getInfo and 10 % authenticated POSTs that each create one row of a
name of its own, so that the rows afterwards tell which POST was carried out, lost or carried out twice; and ten WebSockets that
reconnect as a browser does.
"""
import argparse
import asyncio
import collections
import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse

from edge import NODES, Edge, cluster_config, nginx_config, ratio
from load import Load, errors, slowest, summary
from websocket import Closed, WebSocket

ACCOUNT = json.dumps({"account": "admin@nocobase.com", "password": "admin123"})
INFO = "/api/app:getInfo"  # reads the database
ROWS = "/api/themeConfig"  # a small collection that nothing depends on
PLUGINS = ("form-drafts", "multi-keyword-filter", "field-china-region")  # shipped, and off at first
SOCKETS = 10
STEADY, TAIL = 5, 8  # seconds of plain load before and after what happens
MOST = 300  # seconds that a scenario may take


class Failed(Exception):
    """A scenario that could not be carried out; the text says why."""


class Traffic(Load):
    """Nine GETs, then a POST that creates a row."""

    def __init__(self, port: int, run: str, rate: float, token: str):
        super().__init__(port, f"{INFO}?run={run}", rate)
        self.run_name, self.token = run, token

    def compose(self, i: int) -> tuple:
        if i % 10 != 9:
            return super().compose(i)
        body = json.dumps({"uid": f"{self.run_name}-{i}", "config": {"name": "weir"}})
        head = (f"POST {ROWS}:create?run={self.run_name}&n={i} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        return "POST", (head + body).encode()


class Browser(threading.Thread):
    """One WebSocket, signed in, opened again 1 s after its end, 30 tries at most: what NocoBase's page does."""

    def __init__(self, port: int, path: str, token: str):
        super().__init__(daemon=True)
        self.port, self.path, self.token = port, path, token
        self.codes = collections.Counter()  # how it was closed
        self.refused = collections.Counter()  # statuses of attempts that opened nothing
        self.away = 0.0  # the longest time without an open one
        self.live = threading.Event()
        self.over = False

    def run(self):
        lost, tries = time.monotonic(), 0
        while not self.over and tries < 30:
            tries += 1
            socket = None
            try:
                socket = WebSocket(self.port, self.path, timeout=10)
                if socket.status != 101:
                    self.refused[socket.status] += 1
                    raise OSError("refused")
                if not socket.authorise(self.token):
                    raise OSError("not authorised")
                if self.codes or self.refused:
                    self.away = max(self.away, time.monotonic() - lost)
                tries = 0
                self.live.set()
                while not self.over:
                    socket.receive(0.2)
            except Closed as closed:
                if self.live.is_set():
                    self.codes[closed.code] += 1
                    lost = time.monotonic()
            except (OSError, ValueError):
                if self.live.is_set():
                    self.codes[1006] += 1
                    lost = time.monotonic()
            finally:
                if socket is not None:
                    socket.close()
            self.live.clear()
            end = time.monotonic() + 1
            while not self.over and time.monotonic() < end:
                time.sleep(0.05)


def call(host: str, method: str, target: str, token: str = "", body: str = "", timeout: float = 60) -> tuple:
    """One request to NODE's own port or the edge: status and body; status 0 when there was no answer."""
    connection = http.client.HTTPConnection(*host.split(":"), timeout=timeout)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        connection.request(method, target, body or None, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as problem:
        return 0, str(problem).encode()
    finally:
        connection.close()


class Failover:
    def __init__(self, options):
        self.options = options
        self.out = pathlib.Path(options.out)
        self.weir = options.edge == "weir"
        self.token = ""
        self.edge = None
        self.traffic = None
        self.killed_at = None  # on the load's clock
        self.told = []

    def scenarios(self):
        return [("kill9", self.kill9), ("drain", self.drain), ("stopcont", self.stopcont), ("plugin", self.plugin), ("rolling", self.rolling)]

    # --- what happens

    def kill9(self):
        """A node dies outright and is started again."""
        self.nodes("kill", "2")
        self.killed_at = time.monotonic() - self.traffic.started
        time.sleep(10)
        self.nodes("up", "2")
        self.served_by(2)

    def drain(self):
        """A node is drained, ended by SIGTERM and started again."""
        self.restart(2)

    def stopcont(self):
        """A node hangs for 15 s: SIGSTOP, SIGCONT."""
        pid = self.pid(2)
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(15)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.served_by(2)

    def plugin(self):
        """A plugin is enabled at one node, which answers 503 "maintaining" meanwhile; then it is disabled again."""
        name = self.disabled_plugin()
        for verb in ("enable", "disable"):
            status, body = call(NODES[1], "POST", f"/api/pm:{verb}?filterByTk={name}", self.token)
            if status != 200:
                raise Failed(f"pm:{verb} of {name} answered {status}: {body[:200]!r}")
            time.sleep(1)
            self.healthy(NODES[1])
            self.served_by(2)
            time.sleep(3)

    def rolling(self):
        """All three nodes are restarted, one after the other."""
        for number in (1, 2, 3):
            self.restart(number)

    def restart(self, number: int):
        peer = f"myapp/{NODES[number - 1]}"
        if self.weir:
            self.ctl("drain", peer, "--wait", "60s", "--spread", "2s", "--why", "restart")
        self.nodes("term", str(number))
        end = time.monotonic() + 10  # with an open WebSocket a node never ends
        while self.pid(number) and time.monotonic() < end:
            time.sleep(0.1)
        if self.pid(number):
            self.nodes("kill", str(number))
        self.nodes("up", str(number))
        if self.weir:
            self.ctl("up", peer)
        self.served_by(number)

    # --- means

    def nodes(self, *words) -> str:
        done = subprocess.run([self.options.nodes, *words], capture_output=True, timeout=400, check=False)
        if done.returncode != 0:
            raise Failed(f"nocobase-nodes.sh {' '.join(words)}: {done.stderr.decode().strip()[-300:]}")
        return done.stdout.decode()

    def pid(self, number: int) -> int:
        """0 when the node does not run."""
        for line in self.nodes("status").splitlines():
            words = line.split()
            if len(words) > 4 and words[1] == str(number) and words[3] == "pid":
                return int(words[4])
        return 0

    def ctl(self, *words):
        begin = time.monotonic()
        done = subprocess.run([self.options.weir, "ctl", "-c", str(self.edge.config), *words], capture_output=True, timeout=120, check=False)
        if done.returncode != 0:
            raise Failed(f"weir ctl {' '.join(words)}: {(done.stdout + done.stderr).decode().strip()[-300:]}")
        self.told.append(f"ctl {words[0]} {time.monotonic() - begin:.1f} s")

    def healthy(self, node: str):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if call(node, "GET", "/api/__health_check", timeout=5) == (200, b"ok"):
                return
            time.sleep(0.2)
        raise Failed(f"{node} was not healthy again in 120 s")

    def served_by(self, number: int):
        """Waits until the edge has the node answer requests again."""
        before = len(self.lines(number))
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if len(self.lines(number)) > before + 3:
                return
            time.sleep(0.3)
        raise Failed(f"{NODES[number - 1]} got no requests again in 60 s")

    def lines(self, number: int = 0) -> list:
        """The access log of this scenario, or those of its lines that this node answered well."""
        found = self.edge.lines(f"run={self.traffic.run_name}&")
        return [line for line in found if line.peers[-1] == NODES[number - 1] and line.status == 200] if number else found

    def disabled_plugin(self) -> str:
        _, body = call(NODES[1], "GET", "/api/pm:list", self.token)
        off = [each["name"] for each in json.loads(body)["data"] if not each.get("enabled")]
        for name in PLUGINS:
            if name in off:
                return name
        raise Failed(f"none of {', '.join(PLUGINS)} is there and disabled")

    def sign_in(self):
        status, body = call(NODES[0], "POST", "/api/auth:signIn", body=ACCOUNT)
        if status != 200:
            raise Failed(f"sign-in answered {status}: {body[:200]!r}")
        self.token = json.loads(body)["data"]["token"]

    def quiet(self):
        """Nodes that are starved fail without any fault: waits for a machine that lets them answer, but not for ever."""
        for _ in range(self.options.patience):
            load = Load(self.edge.port, f"{INFO}?quiet", self.options.rate)
            asyncio.run(load.run(4))
            if not errors(load.results) and slowest(load.results, 0.99) < 0.5:
                return ""
            self.note(f"waiting for a quieter machine: {summary(load.results)}")
            time.sleep(10)
        return "the machine was not quiet"

    def note(self, text: str):
        print(f"      ({text})", file=sys.stderr, flush=True)

    # --- a run

    def run(self) -> int:
        wanted = [each for each in self.options.only.split(",") if each]
        known = [name for name, _ in self.scenarios()]
        if unknown := [each for each in wanted if each not in known]:
            print(f"nocobase-failover: --only knows no \"{unknown[0]}\", but {', '.join(known)}", file=sys.stderr)
            return 2
        reports = []
        self.sign_in()
        for name, scenario in self.scenarios():
            if wanted and name not in wanted:
                continue
            try:
                report = self.prove(name, scenario)
            except Exception as problem:  # the other scenarios are still worth a run
                report = {"scenario": name, "edge": self.options.edge, "failures": [f"{type(problem).__name__}: {problem}"]}
                if not isinstance(problem, Failed):
                    traceback.print_exc()
            reports.append(report)
            print(self.text(report), flush=True)
            self.bring_all_back()
        if self.options.json:
            pathlib.Path(self.options.json).write_text(json.dumps(reports, indent=1) + "\n")
        print(f"      written to {self.out}", flush=True)
        return 1 if self.weir and any(report["failures"] for report in reports) else 0

    def bring_all_back(self):
        for number in (1, 2, 3):
            try:
                self.nodes("up", str(number))
                self.healthy(NODES[number - 1])
            except (Failed, subprocess.TimeoutExpired) as problem:
                self.note(str(problem))

    def make_edge(self, name: str) -> Edge:
        name = f"{self.options.edge}-{name}"
        if self.weir:
            text = pathlib.Path(self.options.conf).read_text()
            return Edge(self.options.weir, self.out, name, config=lambda port, log: cluster_config(text, port, self.out, log))
        return Edge(self.options.nginx, self.out, name, config=lambda port, log: nginx_config(port, self.out, log))

    def prove(self, name: str, scenario) -> dict:
        self.killed_at, self.told = None, []
        self.bring_all_back()
        with self.make_edge(name) as self.edge:
            restless = self.quiet()
            run = f"{name}-{os.getpid()}"
            self.traffic = Traffic(self.edge.port, run, self.options.rate, self.token)
            browsers = [Browser(self.edge.port, f"/ws?run={run}&socket={i}", self.token) for i in range(SOCKETS)]
            for browser in browsers:
                browser.start()
            opened = [browser.live.wait(30) for browser in browsers]
            beside = threading.Thread(target=lambda: asyncio.run(self.traffic.run(MOST)))
            beside.start()
            failure = [] if all(opened) else [f"only {sum(opened)} of {SOCKETS} WebSockets opened at first"]
            try:
                time.sleep(STEADY)
                scenario()
                time.sleep(TAIL)
            except Failed as problem:
                failure.append(str(problem))
            finally:
                self.traffic.stop()
                beside.join()
                back = [browser.live.wait(40) for browser in browsers]
                for browser in browsers:
                    browser.over = True
                for browser in browsers:
                    browser.join(30)
            report = self.report(name, browsers, back, restless)
            report["failures"] = failure + report["failures"]
            code = self.edge.stop()
            if code != 0:
                report["failures"].append(f"{self.options.edge} ended with {code}, see {self.edge.errors}")
            return report

    def report(self, name: str, browsers: list, back: list, restless: str) -> dict:
        results = self.traffic.results
        time.sleep(0.5)  # the log's last lines
        lines = self.lines()
        rescued = collections.Counter(reason for line in lines if len(line.peers) > 1 for reason in line.reasons[:-1])
        report = {"scenario": name, "edge": self.options.edge, "seconds": round(max(r.due + r.seconds for r in results), 1), "note": restless}
        for method in ("GET", "POST"):
            mine = [r for r in results if r.method == method]
            report[method] = {"requests": len(mine), "errors": errors(mine), **{
                key: round(slowest(mine, share) * 1000) for key, share in (("p50_ms", 0.5), ("p99_ms", 0.99), ("max_ms", 1))}}
        report["nodes"] = {node: sum(line.peers[-1] == node for line in lines) for node in NODES}
        report["tried_elsewhere"] = dict(rescued)
        report["rows"] = self.rows(results)
        report["websockets"] = {
            "closed": {str(code): sum(b.codes[code] for b in browsers) for code in sorted({c for b in browsers for c in b.codes})},
            "refused": {str(status): sum(b.refused[status] for b in browsers) for status in sorted({s for b in browsers for s in b.refused})},
            "open_at_the_end": sum(back), "longest_away_s": round(max(b.away for b in browsers), 1)}
        report["told"] = self.told
        report["failures"] = self.judge(name, report, results)
        return report

    def rows(self, results: list) -> dict:
        """What became of the POSTs, by the database. The rows are taken away again."""
        query = urllib.parse.quote(json.dumps({"uid": {"$startsWith": f"{self.traffic.run_name}-"}}))
        _, body = call(NODES[2], "GET", f"{ROWS}:list?paginate=false&fields=uid&filter={query}", self.token)
        there = collections.Counter(int(row["uid"].rsplit("-", 1)[1]) for row in json.loads(body)["data"])
        call(NODES[2], "POST", f"{ROWS}:destroy?filter={query}", self.token)
        answered = {r.number for r in results if r.method == "POST" and r.ok}
        return {"answered": len(answered), "lost": len(answered - set(there)), "doubled": sum(count > 1 for count in there.values()),
                "failed_but_there": len({r.number for r in results if r.method == "POST" and not r.ok} & set(there))}

    def judge(self, name: str, report: dict, results: list) -> list:
        """The bars; nginx is only looked at."""
        bad = []
        if report["GET"]["errors"]:
            bad.append("a GET failed")
        # In flight on a node that was killed outright: nobody can know whether it was carried out.
        excused = [r for r in results if self.killed_at is not None and r.due <= self.killed_at + 0.2 and r.due + r.seconds >= self.killed_at - 0.2]
        if any(r.method == "POST" and not r.ok and r not in excused for r in results):
            bad.append("a POST failed")
        if report["rows"]["lost"] or report["rows"]["doubled"]:
            bad.append("a POST was lost or carried out twice")
        if report["websockets"]["open_at_the_end"] != SOCKETS:
            bad.append("a WebSocket did not come back")
        if name == "stopcont" and report["GET"]["max_ms"] > 7500:
            bad.append("a GET waited for more than 7 s")
        return bad

    def text(self, report: dict) -> str:
        verdict = "FAIL" if report["failures"] else "PASS"
        if not self.weir:
            verdict = "NOTE"
        if "GET" not in report:
            return f"{verdict}  {report['edge']} {report['scenario']}: {'; '.join(report['failures'])}"
        parts = []
        for method in ("GET", "POST"):
            told = report[method]
            kinds = ", ".join(f"{count} x {kind}" for kind, count in sorted(told["errors"].items()))
            parts.append(f"{told['requests']} {method}, {sum(told['errors'].values())} failed{f' ({kinds})' if kinds else ''}, "
                         f"p99 {told['p99_ms']} ms, max {told['max_ms']} ms")
        rows, sockets = report["rows"], report["websockets"]
        parts.append(f"rows {rows['answered']} answered, {rows['lost']} lost, {rows['doubled']} doubled")
        parts.append(f"by node {ratio(report['nodes'])}")
        if report["tried_elsewhere"]:
            parts.append("tried elsewhere " + ", ".join(f"{count} x {reason}" for reason, count in sorted(report["tried_elsewhere"].items())))
        closed = ", ".join(f"{count} x {code}" for code, count in sockets["closed"].items()) or "none"
        refused = "".join(f", {count} x refused {status}" for status, count in sockets["refused"].items())
        parts.append(f"WebSockets closed: {closed}{refused}, {sockets['open_at_the_end']} of {SOCKETS} open at the end, away at most "
                     f"{sockets['longest_away_s']} s")
        parts += report["told"] + ([report["note"]] if report["note"] else [])
        return f"{verdict}  {report['edge']} {report['scenario']}: " + "; ".join(parts + [f.upper() for f in report["failures"] if self.weir])


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what is running is then ended as for any other error
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--nodes", "--out", "--conf"):
        parser.add_argument(name, required=True)
    parser.add_argument("--weir", default="")
    parser.add_argument("--nginx", default="")
    parser.add_argument("--edge", choices=("weir", "nginx"), default="weir")
    parser.add_argument("--only", default="")
    parser.add_argument("--json", default="")
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--patience", type=int, default=12)
    return Failover(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
