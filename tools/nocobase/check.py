"""The claims that tools/nocobase-check proves, in order, each with its figures. Started by that command, which sees to nodes and tools."""
import argparse
import asyncio
import base64
import hashlib
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

from edge import DOCKER_PAGE, IMAGE, NODES, PAGE, Edge, published_config, ratio, tls_config
from load import Load, slowest, summary
from websocket import Closed, WebSocket

ACCOUNT = json.dumps({"account": "admin@nocobase.com", "password": "admin123"})
HEALTH = "/api/__health_check"
INFO = "/api/app:getInfo"  # reads the database
HTML = "/"  # the app's page; unlike the health path it may have a query, by which the access log is read
RATE = 100  # requests a second for the kill


class Failed(Exception):
    """A claim that did not hold; the text has the figures."""


def require(holds: bool, text: str):
    if not holds:
        raise Failed(text)


def run(*command, timeout: float = 120, **options):
    return subprocess.run(command, capture_output=True, timeout=timeout, check=False, **options)


def get(port: int, path: str, source: str = "", host: str = "127.0.0.1") -> int:
    """One request on a connection of its own: the status, 0 when there was no answer."""
    connection = http.client.HTTPConnection(host, port, timeout=60, source_address=(source, 0) if source else None)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def ip_hash_node(address: str) -> str:
    """The node that nginx's ip_hash picks for an IPv4 address among three of equal weight."""
    h = 89
    for byte in address.split(".")[:3]:
        h = (h * 113 + int(byte)) % 6271
    return NODES[h % 3]


class Silence(threading.Thread):
    """A signed-in WebSocket on which nothing is sent for a while."""

    def __init__(self, port: int, token: str, seconds: float):
        super().__init__(daemon=True)
        self.port, self.token, self.seconds = port, token, seconds
        self.failure, self.frames, self.lasted = "", 0, 0.0
        self.opened = threading.Event()

    def run(self):
        try:
            socket = WebSocket(self.port)
            require(socket.status == 101, f"/ws answered {socket.status}")
            require(socket.authorise(self.token), "no {\"type\":\"authorized\"} within 20 s")
            self.opened.set()
            start = time.monotonic()
            try:
                while (left := start + self.seconds - time.monotonic()) > 0:
                    self.frames += socket.receive(left) is not None
            finally:
                self.lasted = time.monotonic() - start
            require(socket.authorise(self.token), "still open after the silence, but no answer")
            socket.close()
        except (Failed, Closed, OSError, ValueError) as problem:
            self.failure = str(problem) or type(problem).__name__
        self.opened.set()


class Check:
    def __init__(self, options):
        self.options = options
        self.out = pathlib.Path(options.out)
        self.only = [each for each in options.only.split(",") if each]
        self.failures = 0
        self.edge = None
        self.token = ""
        self.silence = None
        self.killed = ""  # the node that has to come back, by its number

    # What each word of --only proves, in this order.
    def claims(self):
        return [("config", self.config), ("published", self.published), ("image", self.image), ("signin", self.signin), ("websocket", self.websocket_opens), ("page", self.page),
                ("tls", self.tls), ("upload", self.upload), ("spread", self.spread), ("iphash", self.iphash), ("hostile", self.hostile),
                ("websocket", self.websocket_stays), ("outage", self.outage), ("kill", self.kill), ("restart", self.restart)]

    def say(self, verdict: str, what: str, figures: str):
        self.failures += verdict == "FAIL"
        print(f"{verdict}  {what}: {figures}", flush=True)

    def wanted(self, word: str) -> bool:
        return not self.only or word in self.only

    def run(self) -> int:
        unknown = [word for word in self.only if word not in {name for name, _ in self.claims()}]
        if unknown:
            print(f"nocobase-check: --only knows no \"{unknown[0]}\"", file=sys.stderr)
            return 2
        try:
            with Edge(self.options.weir, self.out, "weir") as self.edge:
                for name, claim in self.claims():
                    if self.wanted(name):
                        self.prove(claim)
                status = self.edge.stop()
            self.say("PASS" if status == 0 else "FAIL", "weir ends cleanly", f"status {status}")
        except RuntimeError as problem:
            self.say("FAIL", "weir starts", str(problem))
        finally:
            if self.killed:
                self.bring_back()
        print(f"      written to {self.out}", flush=True)
        return 1 if self.failures else 0

    def prove(self, claim):
        what = claim.__doc__.splitlines()[0].rstrip(".")
        try:
            require(self.edge.process.poll() is None, f"weir has ended, status {self.edge.process.poll()}: see {self.edge.errors}")
            sick = [host for host in NODES if get(13000, HEALTH, host=host.split(":")[0]) != 200]
            require(not sick or claim == self.restart, f"cannot be tried: not healthy: {', '.join(sick)}")
            figures = claim()
            if figures is not None:
                self.say("PASS", what, figures)
        except Failed as failure:
            self.say("FAIL", what, str(failure))
        except Exception as problem:  # the other claims are still worth proving
            self.say("FAIL", what, f"{type(problem).__name__}: {problem}")
            traceback.print_exc()

    def nodes(self, *words):
        done = run(self.options.nodes, *words, timeout=600)
        require(done.returncode == 0, f"nocobase-nodes.sh {' '.join(words)}: {done.stderr.decode().strip()}")

    def kill_node(self, node: str = "2"):
        self.killed = node
        self.nodes("kill", node)

    def bring_back(self):
        self.nodes("up", self.killed)
        self.killed = ""

    def sign_in(self) -> str:
        done = run("curl", "-si", "--max-time", "60", "-H", "content-type: application/json", "-d", ACCOUNT, self.edge.url + "/api/auth:signIn")
        return done.stdout.decode()

    def config(self):
        """The configuration of NocoBase's cluster page runs as it stands"""
        page = self.out / "page.conf"
        page.write_text(PAGE)
        done = run(self.options.weir, "-c", str(page), "-t", "-g", f"pid {self.out / 'page.pid'};")
        require(done.returncode == 0, (done.stdout + done.stderr).decode().strip())
        status = get(self.edge.port, "/")
        require(status == 200, f"-t accepts it, but GET / answered {status}")
        return "-t accepts it word for word; with the nodes' addresses GET / is 200"

    def published(self):
        """The configuration of NocoBase's page for one node loads, and serves it"""
        with Edge(self.options.weir, self.out, "docker-page", config=published_config(DOCKER_PAGE, self.options.home)) as edge:
            statuses = [get(edge.port, path) for path in (HTML, HEALTH, INFO)]
            require(statuses == [200, 200, 200], f"/, {HEALTH} and {INFO} answered {statuses}")
            socket = WebSocket(edge.port)
            require(socket.status == 101, f"/ws answered {socket.status}")
            socket.close()
        return "/, the health check and the database's answer are 200, /ws is 101"

    def image(self):
        """The nginx file of NocoBase's image loads, and serves the built client, uploads and the API"""
        uploads = pathlib.Path(self.options.home) / "storage/uploads"
        uploads.mkdir(parents=True, exist_ok=True)
        upload = uploads / "weir-check.txt"
        upload.write_text("uploaded\n" * 1000)
        client = pathlib.Path(self.options.home) / "app/node_modules/@nocobase/app/dist/client"
        script = max(client.rglob("*.js"), key=lambda path: path.stat().st_size)
        with Edge(self.options.weir, self.out, "image", config=published_config(IMAGE, self.options.home)) as edge:
            def ask(path, *options):
                done = run("curl", "-s", "-i", "--max-time", "60", *options, edge.url + path)
                head, _, body = done.stdout.partition(b"\r\n\r\n")
                return head.decode("latin-1").lower(), body

            head, body = ask("/admin/some/page")
            require(" 200 " in head and body == (client / "index.html").read_bytes(), f"a page of the application is not index.html: {head}")
            # As nginx: the page is asked for anew as /index.html, and the location of \.html$ says nothing of Cache-Control.
            require("last-modified:" in head and "etag:" not in head and "cache-control:" not in head, f"index.html is not as nginx has it: {head}")
            other = next(path for path in sorted(client.rglob("*")) if path.is_file() and path.suffix not in (".html", ".js", ".css"))
            head, body = ask("/" + other.relative_to(client).as_posix())
            require(" 200 " in head and body == other.read_bytes(), f"{other.name} is not the file: {head}")
            require("cache-control: no-store, no-cache" in head and "etag:" not in head, f"{other.name} may be kept: {head}")
            path = "/" + script.relative_to(client).as_posix()
            head, body = ask(path)
            require(" 200 " in head and body == script.read_bytes(), f"{path} is not the file: {head}")
            require("max-age=31536000" in head and "content-type: text/javascript" in head, f"{path}: {head}")
            packed, _ = ask(path, "-H", "Accept-Encoding: gzip")
            require("content-encoding: gzip" in packed, f"{path} is not compressed: {packed}")
            head, body = ask("/storage/uploads/weir-check.txt", "-r", "9-17")
            require(" 206 " in head and body == b"uploaded\n" and "content-type: text/plain" in head, f"a range of an upload: {head}")
            require(get(edge.port, HEALTH) == 200, "the health check is not 200")
            # Such a path is /app/package.json by the time a location is looked for: a page of the application, as with nginx.
            for way_out in ("..", "%2e%2e", "..%2f", "x/../.."):
                head, body = ask(f"/storage/uploads/{way_out}/../app/package.json", "--path-as-is")
                require(b"dependencies" not in body, f"{way_out} leads out of the uploads: {head}")
        upload.unlink()
        return f"index.html for any page, {path} ({script.stat().st_size / 1e6:.1f} MB) whole and compressed, a range of an upload, the API"

    def page(self):
        """The sign-in page loads in Chromium, and signing in there works"""
        return self.browse(self.edge.url, self.out)

    def tls(self):
        """The same over TLS: Chromium trusts the certificate, the WebSocket is encrypted, curl verifies it"""
        out = self.out / "tls"
        out.mkdir(exist_ok=True)
        with Edge(self.options.weir, out, "weir-tls", config=lambda port, log: tls_config(port, out, log)) as edge:
            url = f"https://localhost:{edge.port}"
            # Chromium is told of this one key: every other fault of the certificate or of the handshake would be one.
            der = run("openssl", "x509", "-in", str(out / "tls.pem"), "-noout", "-pubkey").stdout
            key = run("openssl", "pkey", "-pubin", "-outform", "DER", input=der).stdout
            figures = self.browse(url, out, base64.b64encode(hashlib.sha256(key).digest()).decode())
            done = run("curl", "-sS", "--cacert", str(out / "tls.pem"), "-o", "/dev/null", "-w", "%{http_code} %{ssl_verify_result}\n", "--resolve",
                       f"localhost:{edge.port}:127.0.0.1", url + HEALTH)
            require(done.stdout.decode() == "200 0\n", f"curl: {done.stdout.decode()} {done.stderr.decode()}")
            wrong = [line for line in edge.errors.read_text().splitlines() if "TLS" in line or "[error]" in line]
            require(not wrong, f"weir has logged: {wrong[:3]}")
        return figures.replace("see ", "see tls/").replace(", signed-in", ", tls/signed-in")

    def browse(self, url: str, out: pathlib.Path, key: str = "") -> str:
        """`key`: the digest of a public key that is trusted, for https."""
        script = pathlib.Path(__file__).with_name("sign_in.js")
        done = run("nice", "node", str(script), self.options.chromium, url + "/?page", str(out), key, timeout=600)
        require(done.returncode == 0, done.stderr.decode().strip()[-600:])
        told = json.loads(done.stdout)
        first, everything = told["first"], told["all"]
        # Three answers are 401 on a page that nobody is signed in to: the node says so with and without an edge.
        wrong = [each for each in everything["bad"] if not each.startswith("401 /api/")]
        require(not everything["failed"] and not wrong, f"failed: {everything['failed'][:5]}, refused: {wrong[:5]}")
        require(first["started"] == first["finished"], f"{first['started'] - first['finished']} of {first['started']} requests have not ended")
        scheme = url.replace("http", "ws").partition(":")[0] + ":"
        require(told["all"]["sockets"] and all(each.startswith(scheme) for each in told["all"]["sockets"]), f"no {scheme} but {told['all']['sockets']}")
        require(any("authorized" in text for text in everything["received"]), f"its WebSocket was not authorised: {everything['received'][:3]}")
        statuses = " ".join(f"{count} x {status}" for status, count in first["statuses"].items())
        return (f"\"{first['title']}\", {first['finished']} requests ({statuses}), {first['bytes'] / 1e6:.1f} MB in {first['ms'] / 1000:.1f} s, "
                f"0 failed; then {told['path']} with {everything['finished'] - first['finished']} more; its WebSocket is authorised; "
                "see sign-in.png, signed-in.png")

    def signin(self):
        """Sign-in answers with its four Set-Cookie lines"""
        answer = self.sign_in()
        head = answer.partition("\r\n\r\n")[0]
        cookies = [line.split(":", 1)[1].split("=")[0].strip() for line in head.split("\r\n") if line.lower().startswith("set-cookie:")]
        require(" 200 " in head.split("\r\n")[0] + " ", head[:200])
        require(len(cookies) == 4, f"{len(cookies)} lines: {cookies}")
        return ", ".join(cookies)

    def bearer(self) -> str:
        if not self.token:
            body = self.sign_in().partition("\r\n\r\n")[2]
            try:
                self.token = json.loads(body)["data"]["token"]
            except (ValueError, KeyError, TypeError):
                raise Failed(f"sign-in gave no token: {body[:200]}") from None
        return self.token

    def upload(self):
        """An upload comes back byte for byte"""
        sent, came = self.out / "upload.bin", self.out / "download.bin"
        sent.write_bytes(os.urandom(8_000_000))
        token = ("-H", f"Authorization: Bearer {self.bearer()}")
        done = run("curl", "-s", "--max-time", "100", *token, "-F", f"file=@{sent}", self.edge.url + "/api/attachments:create")
        try:
            stored = json.loads(done.stdout)["data"]
        except (ValueError, KeyError, TypeError):
            raise Failed(f"attachments:create answered {done.stdout[:300]!r}") from None
        done = run("curl", "-sL", "--max-time", "100", *token, "-o", str(came), "-w", "%{http_code} %{num_redirects}", self.edge.url + stored["url"])
        same = came.exists() and came.read_bytes() == sent.read_bytes()
        figures = f"{stored['size']} bytes as multipart, {stored['url']} -> {done.stdout.decode().split(' ')[1]} redirect, {came.stat().st_size} bytes"
        came.unlink(missing_ok=True)
        sent.unlink()
        run("curl", "-s", "--max-time", "60", *token, "-X", "POST", f"{self.edge.url}/api/attachments:destroy?filterByTk={stored['id']}")
        require(same, "the bytes differ: " + figures)
        return figures + ", equal"

    def websocket_opens(self):
        """A WebSocket at /ws opens and authorises"""
        self.silence = Silence(self.edge.port, self.bearer(), self.options.silence)
        self.silence.start()
        self.silence.opened.wait(90)
        require(not self.silence.failure, self.silence.failure)
        return "101, {\"type\":\"authorized\"}; left in silence from now on"

    def websocket_stays(self):
        """The WebSocket stays open in silence, and slow clients meet no dead connection"""
        # While we wait anyway: a node closes an idle connection after 5 to 6 s. Requests at about that distance find the pool's race.
        statuses = []
        i = 0
        while self.silence.is_alive():
            statuses.append(get(self.edge.port, HEALTH))
            self.silence.join(4.7 + 0.15 * (i % 10))
            i += 1
        require(not self.silence.failure, f"{self.silence.failure} after {self.silence.lasted:.0f} s")
        bad = [status for status in statuses if status != 200]
        require(not bad, f"it stayed, but of {len(statuses)} requests 5 to 6 s apart {len(bad)} failed: {bad[:5]}")
        return (f"{self.silence.lasted:.0f} s without a byte from the client ({self.silence.frames} frames from the node), then authorised again; "
                f"{len(statuses)} requests 5 to 6 s apart meanwhile, all 200")

    def spread(self):
        """Requests are spread 1:1:1"""
        bad = 0
        for i in range(300):
            bad += get(self.edge.port, f"{HTML}?spread={i}") != 200
        counts = self.edge.counts("?spread=", 300)
        require(bad == 0, f"{bad} of 300 were not 200")
        # Each worker has its own round: as many may be off by one as there are workers.
        allowed = max(2, os.cpu_count() or 2)
        require(sum(counts.values()) == 300 and max(counts.values()) - min(counts.values()) <= allowed, f"300 requests, by node {ratio(counts)}")
        return f"300 requests, by node {ratio(counts)}"

    def iphash(self):
        """ip_hash; sticks, and picks the node that nginx picks"""
        clients = [f"127.{i}.{(i * 37) % 256}.5" for i in range(1, 25)]
        with Edge(self.options.weir, self.out, "ip_hash", ip_hash=True) as edge:
            bad = sum(get(edge.port, f"{HTML}?hash={address};", source=address) != 200 for _ in range(5) for address in clients)
            require(bad == 0, f"{bad} requests were not 200")
            edge.lines("?hash=", 5 * len(clients))
            by_client = {address: edge.counts(f"?hash={address};") for address in clients}
        wandering = [address for address, counts in by_client.items() if max(counts.values()) != 5]
        require(not wandering, f"clients that met several nodes: {wandering}")
        other = [address for address, counts in by_client.items() if counts[ip_hash_node(address)] != 5]
        require(not other, f"clients at another node than nginx's: {other}")
        shares = [sum(counts[node] > 0 for counts in by_client.values()) for node in NODES]
        return f"{len(clients)} clients of 5 requests each stay with one node, clients by node {':'.join(map(str, shares))}, as nginx's hash has it"

    def hostile(self):
        """curl --http2 and a WebSocket to a wrong path harm nobody else"""
        before = [get(self.edge.port, f"{HTML}?before={i}") for i in range(30)]
        load = Load(self.edge.port, f"{HTML}?beside", 50)
        beside = threading.Thread(target=lambda: asyncio.run(load.run(60)))
        beside.start()
        try:
            h2c = [run("curl", "-s", "-o", os.devnull, "--http2", "--max-time", "60", "-w", "%{http_code}/%{http_version}", self.edge.url + INFO).stdout.decode()
                   for _ in range(6)]
            wrong = []
            for i in range(12):
                socket = WebSocket(self.edge.port, f"/elsewhere?wrong={i}")
                wrong.append(socket.status)
                socket.close()
            time.sleep(2)  # whatever they have spoilt shows up now
        finally:
            load.stop()
            beside.join()
        after = [get(self.edge.port, f"{HTML}?after={i}") for i in range(30)]
        figures = (f"h2c {sorted(set(h2c))} x {len(h2c)}; wrong path {sorted(set(wrong))} x {len(wrong)} "
                   f"(tries {sorted({len(line.peers) for line in self.edge.lines('?wrong=', 12)})}); beside it {summary(load.results)}")
        lines = [line for mark in ("?before=", "?beside", "?after=") for line in self.edge.lines(mark, 30)]
        retried = sum(len(line.peers) > 1 for line in lines)
        require(set(h2c) == {"200/1.1"}, figures)
        require(set(before + after) == {200} and all(result.ok for result in load.results), figures)
        counts = self.edge.counts("?after=", 30)
        require(retried == 0 and min(counts.values()) >= 8, f"{figures}; {retried} retried, afterwards by node {ratio(counts)}")
        return f"{figures}; before and after 60 x 200, by node afterwards {ratio(counts)}, none retried"

    def quiet_nodes(self):
        """Waits until the nodes carry the load of the next claim with ease: nodes that are starved fail without any kill."""
        for attempt in range(20):
            load = Load(self.edge.port, f"{INFO}?quiet", RATE)
            asyncio.run(load.run(4))
            if all(result.ok for result in load.results) and slowest(load.results, 0.99) < 0.5:
                return
            print(f"      (waiting for a quieter machine: {summary(load.results)})", flush=True)
            time.sleep(15)
        raise Failed(f"cannot be tried: the nodes do not carry {RATE} requests/s here: {summary(load.results)}")

    def node_of_tunnels(self) -> str:
        """The number of the node that has WebSockets through weir."""
        done = run(self.options.weir, "ctl", "--socket", str(self.edge.pid_file.with_suffix(".sock")), "list", "--json")
        tunnels = {peer["peer"].split("/")[-1]: peer["tunnels"] for upstream in json.loads(done.stdout)["upstreams"] for peer in upstream["peers"]}
        with_any = [node for node in NODES if tunnels.get(node)]
        require(len(with_any) == 1, f"WebSockets by node: {tunnels}")
        return str(NODES.index(with_any[0]) + 1)

    def outage(self):
        """A person in Chromium works on while the node of their WebSocket is killed and comes back"""
        script = pathlib.Path(__file__).with_name("outage.js")
        with Edge(self.options.weir, self.out, "outage") as edge, subprocess.Popen(
                ["node", str(script), self.options.chromium, edge.url, str(self.out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True) as person:
            usual, self.edge = self.edge, edge
            try:
                def step(after=None) -> dict:
                    if after:
                        after()
                        go_on()
                    line = person.stdout.readline()
                    if not line:
                        raise Failed(person.stderr.read().strip()[-600:])
                    return json.loads(line)

                def go_on():
                    person.stdin.write("on\n")
                    person.stdin.flush()

                told = [step()]
                node = self.node_of_tunnels()
                told += [step(lambda: self.kill_node(node)), step(self.bring_back)]
                go_on()
                person.wait(60)
            finally:
                self.edge = usual
                person.kill()
            lines = edge.lines("", 1)
        rescued = sum(len(line.peers) > 1 for line in lines)
        figures = (f"node {node} killed; " + "; ".join(f"{each['step']}: {each['answers']} answers, {each['opened']} WebSockets opened" for each in told)
                   + f"; {rescued} of {len(lines)} requests were served at another node; see before.png, during.png, after.png")
        for each in told:
            require(not each["failed"] and not each["bad"], f"{figures}; {each['step']}: failed {each['failed'][:5]}, refused {each['bad'][:5]}")
            require(each["authorized"] > 0, f"{figures}; {each['step']}: its WebSocket was not authorised")
        return figures

    def kill(self):
        """kill -9 of a node under 100 requests/s gives clients no error"""
        self.quiet_nodes()
        sockets = [WebSocket(self.edge.port, "/ws?kill") for _ in range(6)]
        load = Load(self.edge.port, f"{INFO}?kill", RATE)
        beside = threading.Thread(target=lambda: asyncio.run(load.run(30)))
        beside.start()
        try:
            time.sleep(10)
            killed = time.monotonic() - load.started
            self.kill_node()
        finally:
            beside.join()
        lines = self.edge.lines(INFO + "?kill", len(load.results))
        rescued = [line for line in lines if len(line.peers) > 1]
        reasons = sorted({reason for line in rescued for reason in line.reasons[:-1]})
        closed = 0
        for socket in sockets:
            try:
                socket.receive(0.2)
            except (Closed, OSError):
                closed += 1
            socket.close()
        theirs = sum(line.peers[-1] == NODES[1] for line in self.edge.lines("/ws?kill", 6))
        before = [result for result in load.results if result.due < killed - 1]
        figures = (f"{summary(load.results)} (p99 before the kill {slowest(before, 0.99) * 1000:.0f} ms); node 2 killed after {killed:.1f} s; "
                   f"{len(rescued)} requests were served at another node ({', '.join(reasons)}); by node {ratio(self.edge.counts(INFO + '?kill'))}; "
                   f"of 6 WebSockets {6 - closed} stayed open, {theirs} were node 2's")
        require(len(load.results) == 30 * RATE, figures)
        require(all(result.ok for result in load.results), figures)
        require(closed == theirs and len(lines) == len(load.results), figures + f"; {len(lines)} lines in the access log")
        return figures

    def restart(self):
        """The killed node comes back under load and gets its share again"""
        if not self.killed:
            self.kill_node()
        load = Load(self.edge.port, f"{INFO}?restart", 20)
        beside = threading.Thread(target=lambda: asyncio.run(load.run(1200)))
        start = time.monotonic()
        beside.start()
        try:
            self.bring_back()
            ready = time.monotonic()
            # Each failed probe doubles the time a node is left out, up to 5 minutes.
            while time.monotonic() < ready + 330:
                if any(line.peers[-1] == NODES[1] and line.status == 200 for line in self.edge.lines("?restart")):
                    break
                time.sleep(1)
            back = time.monotonic()
            time.sleep(2)
        finally:
            load.stop()
            beside.join()
        statuses = [get(self.edge.port, f"{HTML}?back={i}") for i in range(60)]
        counts = self.edge.counts("?back=", 60)
        figures = (f"ready after {ready - start:.0f} s, served again {back - ready:.0f} s later, then by node {ratio(counts)}; "
                   f"meanwhile {summary(load.results)}")
        require(set(statuses) == {200} and min(counts.values()) >= 18, figures)
        if any(not result.ok for result in load.results):
            # A node listens before it is ready and answers 503 then: the page's configuration has no health check that would know.
            self.say("NOTE", "without a health check a starting node's own answers reach clients", summary(load.results))
        return figures


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what is running is then ended as for any other error
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--weir", "--nodes", "--home", "--out"):
        parser.add_argument(name, required=True)
    parser.add_argument("--chromium", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--silence", type=float, default=360)
    return Check(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
