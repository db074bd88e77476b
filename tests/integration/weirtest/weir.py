"""The weir process under test: configuration, start, reload, signals, logs, stop."""
import fcntl
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile

from .address import free_address
from .client import Client
from .successor import Successor, adopt_orphans
from .wait import DEADLINE, wait_until

SANITIZER = re.compile(
    r"ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w*Sanitizer|runtime error:|terminate called|Assertion .* failed")

MAIN = """\
daemon off;
pid <<dir>>/weir.pid;
error_log stderr info;
worker_processes <<workers>>;
events { worker_connections <<connections>>; }
"""


def binary() -> str:
    path = os.environ.get("WEIR_BINARY", "")
    if not os.access(path, os.X_OK):
        raise SystemExit(f"WEIR_BINARY names no weir to test: '{path}' (or give --weir PATH)")
    return os.path.abspath(path)


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    """Runs weir to its end, for -t, -v and such."""
    return subprocess.run([binary(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **options)


class Weir:
    """`http` is the inside of http{}; <<name>> in it is replaced by names[name], by `dir` (a directory of this process), and
    <<front>>, <<front2>>, ... by free addresses, which are then attributes of the same names. Round robin begins at the first peer."""

    def __init__(self, http: str = "", main: str = "", workers: int = 1, connections: int = 1024, arguments=(), config: str = "", access_log: bool = True,
                 environment=None, file_name: str = "weir.conf", descriptors: int = 0, passed=(), **names):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-"))
        self.dir.chmod(0o755)  # a worker that has left root must reach its files
        self.names = dict(names, dir=str(self.dir), workers=str(workers), connections=str(connections))
        self.config_path = self.dir / file_name
        self.pid_path = self.dir / "weir.pid"
        self.stderr_path = self.dir / "stderr"
        self.arguments = list(arguments)
        self.environment = environment
        self.descriptor_limit = descriptors  # the limit of open files, soft and hard; 0: as this process
        self.passed = list(passed)  # sockets that it is handed as a supervisor does: descriptors from 3 on
        self._access_log = access_log
        self.process: subprocess.Popen | Successor | None = None
        self.predecessors: list[subprocess.Popen | Successor] = []
        self.write_config(http, main, config)

    def __getattr__(self, name: str):
        if name.startswith("front") and name in self.__dict__.get("names", {}):
            return self.names[name]
        raise AttributeError(name)

    def expand(self, text: str) -> str:
        def value(match):
            name = match.group(1)
            if name not in self.names and name.startswith("front"):
                self.names[name] = free_address()
            if name not in self.names:
                raise AssertionError(f"<<{name}>> stands for nothing")
            return str(self.names[name])
        return re.sub(r"<<(\w+)>>", value, text)

    def write_config(self, http: str = "", main: str = "", config: str = "", **names) -> None:
        self.names.update(names)
        if not config:
            log = "access_log <<dir>>/access.log combined buffer=32k flush=10ms;\n" if self._access_log else ""
            config = f"{MAIN}{main}\nhttp {{\n{log}{http}\n}}\n"
        self.config_path.write_text(self.expand(config))

    # --- life

    def launch(self) -> "Weir":
        """Starts the process without waiting for it."""
        with self.stderr_path.open("ab") as out:
            command = [binary(), "-c", str(self.config_path), "--start-at-first", *self.arguments]
            environment = {**os.environ, **(self.environment or {})}
            if self.passed:  # only the shell knows the process id that weir will have
                command = ["/bin/sh", "-c", 'export LISTEN_PID=$$; exec "$@"', "sh", *command]
                environment["LISTEN_FDS"] = str(len(self.passed))
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.dir, env=environment,
                pass_fds=range(3, 3 + len(self.passed)), preexec_fn=self._prepare if self.descriptor_limit or self.passed else None)
        return self

    def _prepare(self) -> None:
        """In the child, before weir."""
        if self.descriptor_limit:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptor_limit, self.descriptor_limit))
        for number, copy in enumerate([fcntl.fcntl(each.fileno(), fcntl.F_DUPFD, 200) for each in self.passed], 3):
            os.dup2(copy, number)

    def start(self) -> "Weir":
        """Starts and waits until every socket listens (the pid file appears then)."""
        self.launch()
        wait_until(lambda: self.process.poll() is not None or self._pid_file_is_ours(), "weir to start")
        if self.process.poll() is not None:
            raise AssertionError(f"weir ended at once with {self.process.returncode}:\n{self.errors()}\n{self.config()}")
        return self

    def _pid_file_is_ours(self) -> bool:
        try:
            return int(self.pid_path.read_text()) == self.process.pid
        except (OSError, ValueError):
            return False

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait_exit(self, deadline: float = DEADLINE) -> int:
        try:
            code = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"weir has not ended after {deadline:.0f} s:\n{self.errors()}") from None
        return code

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def reload(self, http: str | None = None, main: str = "", config: str = "", fails: bool = False, **names) -> str:
        """Writes the new configuration, sends HUP and waits until weir says how it went; returns what it logged."""
        if http is not None or config:
            self.write_config(http or "", main, config, **names)
        before = len(self.errors())
        self.signal(signal.SIGHUP)
        done = re.compile("configuration: reload failed" if fails else "configuration: reloaded")
        wait_until(lambda: done.search(self.errors()[before:]), f"a {'failed' if fails else 'finished'} reload in the error log")
        return self.errors()[before:]

    # --- upgrades

    def upgrade(self, *arguments: str) -> subprocess.CompletedProcess:
        """`weir upgrade`; when it worked, `process` is the new one, and the one before is among `predecessors`."""
        adopt_orphans()
        done = run("upgrade", "-c", str(self.config_path), *arguments, cwd=self.dir)
        if done.returncode == 0:
            self.follow()
        return done

    def follow(self) -> None:
        """`process` is the one that the pid file names from now on."""
        self.predecessors.append(self.process)
        self.process = Successor(int(self.pid_path.read_text()))

    def stop(self) -> None:
        """Stops what still runs, and fails on a bad exit code or a sanitizer report. Removes the directory."""
        try:
            if self.running:
                self.signal(signal.SIGTERM)
            if self.process is not None:
                try:
                    code = self.wait_exit()
                except AssertionError:
                    self.process.kill()
                    self.process.wait()
                    raise
                report = self.sanitizer_report()
                if report:
                    raise AssertionError(f"sanitizer report:\n{report}")
                if code != 0:
                    raise AssertionError(f"weir ended with {code}:\n{self.errors()[-4000:]}")
            for before in reversed(self.predecessors):
                good = {0}
                if before.poll() is None:
                    before.send_signal(signal.SIGTERM)
                    good.add(-signal.SIGTERM)  # it was about to end by itself, and listened to no signal any more
                if before.wait(DEADLINE) not in good:
                    raise AssertionError(f"a weir that was upgraded ended badly:\n{self.errors()[-4000:]}")
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    def kill(self) -> None:
        """For tests that end weir by force and expect no clean exit."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    # --- what it says

    def errors(self) -> str:
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    def sanitizer_report(self) -> str:
        text = self.errors()
        match = SANITIZER.search(text)
        return text[max(0, match.start() - 500):match.start() + 8000] if match else ""

    def config(self) -> str:
        return self.config_path.read_text()

    def log_lines(self, name: str = "access.log") -> list[str]:
        """The whole ones: of what is just being written a part may be there."""
        path = self.dir / name
        return path.read_text(errors="replace").rpartition("\n")[0].splitlines() if path.exists() else []

    def wait_log(self, count: int = 1, name: str = "access.log") -> list[str]:
        wait_until(lambda: len(self.log_lines(name)) >= count, f"{count} lines in {name}")
        return self.log_lines(name)

    # --- what the admin socket says

    @property
    def admin_path(self) -> str:
        """The socket that weir makes beside its pid file unless `admin` says otherwise."""
        return str(self.pid_path.with_suffix(".sock"))

    def ctl(self, *arguments: str) -> subprocess.CompletedProcess:
        return run("ctl", "--socket", self.admin_path, *arguments)

    def metrics(self) -> dict[str, float]:
        """Every sample of GET /metrics by its name with labels, as written."""
        with Client("unix:" + self.admin_path) as client:
            text = client.request(path="/metrics", host="localhost", headers={"Connection": "close"}).text
        return {name: float(value) for name, value in re.findall(r"^(weir_\S+?(?:\{[^\n]*\})?) (\S+)$", text, re.M)}

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name that have these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(value for key, value in self.metrics().items() if key.split("{")[0] == name and all(w in key for w in wanted))

    # --- what the kernel says

    def status(self, field: str) -> str:
        """A line of /proc/PID/status: Uid, Threads, CapEff, ..."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return re.search(rf"^{field}:\s*(.*)$", text, re.M).group(1)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def wait_error(self, pattern: str, since: int = 0) -> str:
        return wait_until(lambda: re.search(pattern, self.errors()[since:]), f"'{pattern}' in the error log").group(0)
