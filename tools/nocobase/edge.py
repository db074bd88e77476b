"""An edge before the nodes: a configuration (NocoBase's cluster page, conf/nocobase.conf, or nginx beside it), a process, and what its
access log says."""
import collections
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

# NocoBase's page word for word; only addresses and port are put in.
PAGE = """\
upstream myapp {
    # ip_hash; # Can be used for session persistence.
    server 172.31.0.1:13000; # Internal node 1
    server 172.31.0.2:13000; # Internal node 2
    server 172.31.0.3:13000; # Internal node 3
}
server {
    listen 80;
    location / {
        proxy_pass http://myapp;
    }
}
"""
# What NocoBase's pages and its image publish for nginx, in shape and directives: before one node in a container, and the image's
# own file, where the edge serves the built client and the uploads itself. HOME is the folder of the nodes.
PROXIED = """\
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection 'upgrade';
        proxy_set_header Host $host;
        proxy_cache_bypass $http_upgrade;
        proxy_connect_timeout 600;
        proxy_send_timeout 600;
        proxy_read_timeout 600;
        send_timeout 600;
"""
DOCKER_PAGE = """\
server {
    listen 80;
    server_name your_domain.com;
    client_max_body_size 0;
    location / {
        proxy_pass http://172.31.0.1:13000/;
PROXIED    }
}
"""
IMAGE = """\
server {
    listen 80;
    server_name _;
    root HOME/app/node_modules/@nocobase/app/dist/client;
    index index.html;
    client_max_body_size 20M;
    gzip on;
    gzip_types text/plain text/css application/json application/javascript text/xml text/javascript;
    location ~ \\.html$ { if_modified_since off; expires off; etag off; }
    location ~* \\.(js|css)$ { expires 365d; add_header Cache-Control "public"; }
    location /storage/uploads/ { alias HOME/storage/uploads/; add_header Cache-Control "public"; access_log off; autoindex off; }
    location / {
        root HOME/app/node_modules/@nocobase/app/dist/client;
        try_files $uri $uri/ /index.html;
        add_header Last-Modified $date_gmt;
        add_header Cache-Control 'no-store, no-cache';
        if_modified_since off;
        expires off;
        etag off;
    }
    location ^~ /api/ {
        proxy_pass http://172.31.0.1:13000/api/;
PROXIED    }
}
"""
LOG = """\
log_format nodes '"$request_uri" $status $request_time "$upstream_addr" "$upstream_status" "$upstream_reason"';
access_log %s nodes flush=100ms;
"""
NODES = [f"127.0.0.{i}:13000" for i in (1, 2, 3)]

Line = collections.namedtuple("Line", "uri status seconds peers statuses reasons")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1]


def page_config(port: int, log: pathlib.Path, ip_hash: bool = False) -> str:
    """The page, with the addresses of the nodes here."""
    page = PAGE.replace("172.31.0.", "127.0.0.").replace("listen 80;", f"listen {port};")
    return LOG % log + (page.replace("# ip_hash;", "ip_hash;", 1) if ip_hash else page)


def tls_config(port: int, out: pathlib.Path, log: pathlib.Path) -> str:
    """The page over TLS, with a certificate of P-256 for localhost that is made here: tls.pem and tls.key in `out`."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", str(out / "tls.key"), "-out", str(out / "tls.pem")], check=True, capture_output=True)
    page = page_config(port, log).replace(f"listen {port};", f"listen {port} ssl;\n    ssl_certificate {out}/tls.pem;\n    ssl_certificate_key {out}/tls.key;")
    return f"pid {out / 'tls.pid'};\nerror_log stderr info;\nhttp {{\n{page}}}\n"


def cluster_config(text: str, port: int, out: pathlib.Path, log: pathlib.Path) -> str:
    """conf/nocobase.conf as it stands but for addresses, port and paths."""
    text = text.replace("172.31.0.", "127.0.0.").replace("listen 80;", f"listen 127.0.0.1:{port};")
    text = re.sub(r"pid /run/[^;]*;", f"pid {out / 'weir.pid'};", text)
    text = re.sub(r"error_log [^;]*;", "error_log stderr info;", text)
    return re.sub(r"access_log [^;]*;", lambda _: LOG % log, text)


def published_config(text: str, home: str):
    """One of the published files for Edge: with the addresses, the port and the folder here, inside of what nginx.conf says around it."""
    text = text.replace("PROXIED", PROXIED).replace("172.31.0.", "127.0.0.").replace("HOME", home)
    around = "include mime.types;\ndefault_type application/octet-stream;\n"
    return lambda port, log: LOG % log + around + text.replace("listen 80;", f"listen {port};")


def nginx_config(port: int, out: pathlib.Path, log: pathlib.Path) -> str:
    """The page with the lines that every guide for WebSockets behind nginx adds."""
    log_lines = (LOG % log).replace("$upstream_reason", "-").replace("flush=100ms", "buffer=4k flush=100ms")
    page = page_config(port, log)[len(LOG % log):].replace("proxy_pass http://myapp;", """proxy_pass http://myapp;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_set_header Host $http_host;
        proxy_read_timeout 600s;
        proxy_send_timeout 600s;""")
    paths = "".join(f"{kind}_temp_path {out}/nginx-temp;\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""worker_processes auto;
user root;
pid {out}/nginx.pid;
error_log {out}/nginx.error.log info;
events {{ worker_connections 4096; }}
http {{
{paths}map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
client_max_body_size 0;
{log_lines}{page}}}
"""


class Edge:
    """One process of weir; use it in a `with`. `config` is a whole configuration for (port, log); without one it is NocoBase's page."""

    def __init__(self, binary: str, out: pathlib.Path, name: str, ip_hash: bool = False, config=None):
        self.binary, self.name = binary, name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config, self.log, self.errors = (out / f"{name}{suffix}" for suffix in (".conf", ".access.log", ".error.log"))
        self.pid_file = out / f"{name}.pid"
        self.config.write_text(config(self.port, self.log) if config else page_config(self.port, self.log, ip_hash))
        self.settings = "daemon off;" if config else f"daemon off; pid {self.pid_file}; error_log stderr notice;"
        self.log.unlink(missing_ok=True)
        self.process = None

    def __enter__(self):
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([self.binary, "-c", str(self.config), "-g", self.settings], stdout=errors, stderr=errors)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{self.name} did not start: {self.errors.read_text().strip()[-500:]}")

    def __exit__(self, *_):
        self.stop()

    def stop(self) -> int:
        """SIGTERM, the fast end; the exit status (negative: a signal killed it)."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def lines(self, mark: str, least: int = 0) -> list:
        """The access-log lines whose target contains `mark`, once there are at least `least` of them (or 5 s are over)."""
        deadline = time.monotonic() + 5
        while True:
            found = []
            text = self.log.read_text(errors="replace") if self.log.exists() else ""
            for match in re.finditer(r'^"([^"]*)" (\d+) ([\d.]+) "([^"]*)" "([^"]*)" "([^"]*)"$', text, re.M):
                uri, status, seconds, *lists = match.groups()
                if mark in uri:
                    found.append(Line(uri, int(status), float(seconds), *(tuple(each.split(", ")) for each in lists)))
            if len(found) >= least or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def counts(self, mark: str, least: int = 0) -> dict:
        """How many of these requests each node answered."""
        seen = collections.Counter(line.peers[-1] for line in self.lines(mark, least))
        return {node: seen.get(node, 0) for node in NODES + [other for other in seen if other not in NODES]}


def ratio(counts: dict) -> str:
    return ":".join(str(n) for n in counts.values())
