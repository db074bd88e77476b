"""The proxies that tools/bench compares, with equal settings, and what is measured of their processes."""
import contextlib
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

MANY = 10_000  # server names, locations, rewrites, a map's values and idle connections


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen):
    deadline = time.monotonic() + 20
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
    """Bytes of the process and its children together; pages they share count for each, so only differences compare."""
    total = 0
    for each in descendants(pid):
        for line in pathlib.Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


class Proxy:
    """A proxy in front of the backend. `ports` names those of scenarios that have one of their own; `port` serves all others,
    unless the process is there for a group of scenarios alone (groups.py)."""

    def __init__(self, name: str, command: list, port: int, ports=None, environment=None, alone=False):
        self.name, self.command, self.port, self.ports, self.alone = name, command, port, ports or {}, alone
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    def start(self, pin: list, log: pathlib.Path):
        with log.open("wb") as out:
            self.process = subprocess.Popen(pin + self.command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self.environment)
        for port in {self.port, *self.ports.values()}:
            wait_for(port, self.process)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Identity:
    """What all proxies shake hands with: one self-signed P-256 certificate, in the forms that they want it in."""
    NAME = "bench.test"

    def __init__(self, folder: pathlib.Path):
        self.certificate, self.key, self.both = (str(folder / name) for name in ("tls.pem", "tls.key", "tls-both.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={self.NAME}",
                        "-addext", f"subjectAltName=DNS:{self.NAME},IP:127.0.0.1", "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        pathlib.Path(self.both).write_text(pathlib.Path(self.certificate).read_text() + pathlib.Path(self.key).read_text())

    @property
    def nginx(self) -> str:
        # Before 1.23 nginx speaks no TLS 1.3 unless told to.
        return f"ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {self.certificate}; ssl_certificate_key {self.key};"


def files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


# What nginx passes on unless told otherwise is less than what the others do.
NGINX_HEADERS = """proxy_http_version 1.1; proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrade_or_not;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;"""
LOCATION = "location / { proxy_pass http://backend; }"


def nginx_conf(binary, home, backend, workers, servers) -> list:
    home.mkdir()
    (home / "nginx.conf").write_text(f"""daemon off; worker_processes {workers}; pid {home}/pid; error_log {home}/error.log;
worker_rlimit_nofile {files()};
events {{ worker_connections {min(32768, files())}; }}
http {{
  access_log off; client_body_buffer_size 64k; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u;
  scgi_temp_path {home}/s; keepalive_requests 1000000; client_max_body_size 10m;
  server_names_hash_max_size {4 * MANY}; server_names_hash_bucket_size 128; map_hash_max_size {4 * MANY};
  upstream backend {{ server {backend}; keepalive 1024; keepalive_requests 1000000; }}
  map $http_upgrade $upgrade_or_not {{ default upgrade; "" ""; }}
  {NGINX_HEADERS}
{servers}
}}
""")
    return [binary, "-c", str(home / "nginx.conf"), "-e", str(home / "error.log")]


def weir_conf(binary, home, backend, workers, servers) -> list:
    home.mkdir(exist_ok=True)
    (home / "weir.conf").write_text(f"""daemon off; worker_processes {workers}; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections {min(32768, files())}; }}
http {{
  access_log off; keepalive_requests 1000000;
  upstream backend {{ server {backend}; keepalive 1024; keepalive_requests 1000000; keepalive_timeout 60s; }}
{servers}
}}
""")
    return [binary, "-c", str(home / "weir.conf")]


def servers(home, port, log_port, tls_port, identity) -> str:
    return (f"  server {{ listen 127.0.0.1:{port} backlog=4096; {LOCATION} }}\n"
            f"  server {{ listen 127.0.0.1:{tls_port} ssl backlog=4096; {identity.nginx} {LOCATION} }}\n"
            f"  server {{ listen 127.0.0.1:{log_port} backlog=4096; access_log {home}/access.log combined buffer=64k flush=1s; {LOCATION} }}")


def nginx(out, backend, workers, identity, binary):
    port, log_port, tls_port, home = free_port(), free_port(), free_port(), out / "nginx"
    command = nginx_conf(binary, home, backend, workers, servers(home, port, log_port, tls_port, identity))
    return Proxy("nginx", command, port, {"log": log_port, "tls": tls_port})


def weir(name, out, backend, workers, identity, binary):
    port, log_port, tls_port, home = free_port(), free_port(), free_port(), out / name
    text = servers(home, port, log_port, tls_port, identity)
    command = weir_conf(binary, home, backend, workers, text)
    if subprocess.run([*command, "-t"], capture_output=True).returncode == 0:
        return Proxy(name, command, port, {"log": log_port, "tls": tls_port})
    plain = "\n".join(line for line in text.splitlines() if " ssl " not in line)  # a binary from before TLS
    return Proxy(name, weir_conf(binary, home, backend, workers, plain), port, {"log": log_port})


def haproxy(out, backend, workers, identity, binary):
    port, tls_port, home = free_port(), free_port(), out / "haproxy"
    home.mkdir()
    # It wants two descriptors for each of maxconn, and queues what is above: idle clients need one only, so the limit may be
    # stepped over (no strict-limits) and MANY of them are within maxconn.
    (home / "haproxy.cfg").write_text(f"""global
  nbthread {workers}
  no strict-limits
  maxconn {max(MANY + 1000, min(32000, files() // 2 - 200))}
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
  bind 127.0.0.1:{tls_port} backlog 4096 ssl crt {identity.both}
  default_backend b
backend b
  server s {backend} pool-max-conn 1024
""")
    return Proxy("haproxy", [binary, "-db", "-q", "-f", str(home / "haproxy.cfg")], port, {"tls": tls_port})


def nghttpx(out, backend, workers, identity):
    port, tls_port, home = free_port(), free_port(), out / "nghttpx"
    home.mkdir()
    host, backend_port = backend.split(":")
    return Proxy("nghttpx", ["nghttpx", "--conf=/dev/null", f"--frontend=127.0.0.1,{port};no-tls", f"--frontend=127.0.0.1,{tls_port}", f"--backend={host},{backend_port}", f"--workers={workers}",
                             "--accesslog-file=/dev/null", f"--errorlog-file={home}/error.log", "--backend-connections-per-host=2000",
                             "--add-x-forwarded-for", "--single-process", identity.key, identity.certificate], port, {"tls": tls_port})


def caddy(out, backend, workers, identity):
    port, tls_port, home = free_port(), free_port(), out / "caddy"
    home.mkdir()
    pass_on = f"  reverse_proxy {backend} {{\n    transport http {{\n      keepalive_idle_conns_per_host 1024\n    }}\n  }}\n"
    (home / "Caddyfile").write_text(f"{{\n  admin off\n  auto_https off\n  servers {{\n    protocols h1\n  }}\n}}\nhttp://127.0.0.1:{port} {{\n{pass_on}}}\n"
                                    f"https://:{tls_port} {{\n  tls {identity.certificate} {identity.key}\n{pass_on}}}\n")
    return Proxy("caddy", ["caddy", "run", "--config", str(home / "Caddyfile"), "--adapter", "caddyfile"], port, {"tls": tls_port},
                 environment={"GOMAXPROCS": str(workers), "HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)})


def floor(_out, _backend, _workers, identity, tools):
    port = free_port()
    return Proxy("floor", [str(tools / "tls_floor"), f"127.0.0.1:{port}", identity.certificate, identity.key], port, {"tls": port})


def relay(_out, backend, _workers, _identity, tools):
    port = free_port()
    return Proxy("relay", [str(tools / "relay"), f"127.0.0.1:{port}", backend], port)
