"""The same configuration and the same requests before nginx and before weir, in texts that can be compared.

A case is two files of tests/nginx_compare: NAME.conf, a configuration (what stands inside http{}, unless it has an http{} of its own), and
NAME.requests, the files beside it and the requests:

    + www/a.html: <p>text                     a file below <<dir>>; "5000*x" is repeated; "\\n" and such are escapes; *.conf may name the nodes
    + www/links/: a folder                    an empty folder
    /a/{b,c}?x=1   Range: bytes=0-1           GET; two blanks before each header; braces make several requests
    POST /api  Content-Type: text/plain  < body
    raw GET /x HTTP/1.0\\r\\n\\r\\n               bytes as they are
    /gone   ~ id                              differs from nginx, as tests/nginx_compare/differences.md says under that id

In the configuration <<front>>, <<front2>>, ... are addresses to listen on, <<dir>> the folder, and every other <<name>> a node that records what it
is asked. A node answers 200 and what it was asked; a request header X-Node says otherwise: "404 | Location: /x | = body". Only <<auth>> looks at
X-Auth instead, so that both can be told.

The expectation, NAME.expected, is what nginx answered; tools/compare-nginx --record writes it. Where a request differs, weir's answer follows nginx's.
The Host of a request is test with the port, as a browser sends it, unless a line says otherwise. Not compared: Server, Date, Connection, Keep-Alive, how a body
is framed, reason phrases, the text of the servers' own pages but its status, Allow of a 405; Expires counts from Date.
"""
import codecs
import email.utils
import gzip
import hashlib
import os
import pathlib
import re
import subprocess

from .backend import Backend, answer
from .client import Client, request_bytes
from .message import Closed, Response, Truncated
from .wait import wait_until
from .weir import Weir

TIME = 784111777  # of every file
UNCOMPARED = {"server", "date", "connection", "keep-alive", "transfer-encoding"}
PAGE_FOOT = re.compile(rb"<hr><center>(?:nginx|weir)[^<]*</center>")
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "nginx_compare"


class Asked:
    """A line of the requests."""

    def __init__(self, line: str, data: bytes, method: str, differs: str):
        self.line, self.data, self.method, self.differs = line, data, method, differs


def expand_braces(text: str) -> list[str]:
    match = re.search(r"\{([^{}]*,[^{}]*)\}", text)
    if not match:
        return [text]
    return [each for word in match.group(1).split(",") for each in expand_braces(text[:match.start()] + word + text[match.end():])]


def unescape(text: str) -> bytes:
    data = codecs.decode(text.encode("latin-1", "backslashreplace"), "unicode_escape").encode("latin-1") if "\\" in text else text.encode()
    match = re.fullmatch(rb"(\d+)\*(.+)", data, re.S)
    return match.group(2) * int(match.group(1)) if match else data


def parse_request(line: str) -> Asked:
    text, _, differs = line.partition("  ~ ")
    text = text.rstrip()
    if text.startswith("raw "):
        data = unescape(text[4:])
        return Asked(text, data, data.split(b" ")[0].decode(), differs.strip())
    text, has_body, body = text.partition("  < ")
    first, *fields = re.split(r"  +", text.strip())
    method, path = first.split(" ", 1) if " " in first else ("GET", first)
    headers = [tuple(part.strip() for part in field.split(":", 1)) for field in fields]
    data = request_bytes(method, path, headers, unescape(body) if has_body else None, "test:<<port>>")
    return Asked(line.partition("  ~ ")[0].rstrip(), data, method, differs.strip())


class CompareCase:
    def __init__(self, path: pathlib.Path):
        self.name = path.stem
        self.path = path
        self.config = path.read_text()
        self.files: list[tuple[str, str]] = []
        self.requests: list[Asked] = []
        for line in path.with_suffix(".requests").read_text().splitlines():
            if line.startswith("+ "):
                name, _, content = line[2:].partition(":")
                self.files.append((name.strip(), content.strip(" ")))
            elif line and not line.startswith("#"):
                self.requests += [parse_request(each) for each in expand_braces(line)]

    @property
    def names(self) -> list[str]:
        texts = [self.config] + [content for name, content in self.files if name.endswith(".conf")]
        return sorted(set(re.findall(r"<<(\w+)>>", "\n".join(texts))) - {"dir"})

    @property
    def node_names(self) -> list[str]:
        return [name for name in self.names if not name.startswith("front")]

    @property
    def fronts(self) -> list[str]:
        return [name for name in self.names if name.startswith("front")]

    def write_files(self, folder: pathlib.Path, expand) -> None:
        for name, content in self.files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir(exist_ok=True)
            elif name.endswith(".conf"):
                path.write_text(expand(content) + "\n")
            elif name.endswith(".gz"):
                path.write_bytes(gzip.compress(unescape(content), mtime=0))
            else:
                path.write_bytes(unescape(content))
        for root, folders, files in os.walk(folder, topdown=False):
            for each in files + folders:
                os.utime(os.path.join(root, each), (TIME, TIME))


class Nodes:
    """The nodes that a configuration names, and what they were asked since the last look."""

    def __init__(self, names):
        self.backends = {name: Backend(self._script(name), name=name) for name in names}
        self._seen = {name: 0 for name in names}

    def _script(self, name: str):
        def reply(request):
            said = request.get("x-auth" if name == "auth" else "x-node")
            status, headers, body = 200, [("Content-Type", "text/plain")], f"{name}: {request.method} {request.path}\n".encode() + request.body
            for part in said.split("|") if said else []:
                part = part.strip()
                if part.isdigit():
                    status = int(part)
                elif part.startswith("="):
                    body = unescape(part[1:].strip())
                else:
                    field = tuple(each.strip() for each in part.split(":", 1))
                    headers = [h for h in headers if h[0].lower() != field[0].lower() or field[0].lower() == "set-cookie"] + [field]
            if status in (204, 304):
                head = f"HTTP/1.1 {status} None\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers) + "\r\n"
                return head.encode("latin-1")
            data = answer(body, status, headers)
            return data[:len(data) - len(body)] if request.method == "HEAD" else data
        return reply

    def asked(self):
        """(name, request) of what is new, by name."""
        for name, backend in self.backends.items():
            for request in backend.requests[self._seen[name]:]:
                yield name, request
            self._seen[name] = len(backend.requests)

    def stop(self) -> None:
        for backend in self.backends.values():
            backend.stop()


class Recorder:
    """Sends the requests of a case to whatever listens on `values`, and puts the answers into words."""

    def __init__(self, case: CompareCase, nodes: Nodes, values: dict[str, str]):
        self.case, self.nodes = case, nodes
        self.front = values.get("front", "")
        # The longest first: a folder's name stands in others, and so does an address.
        pairs = [(value, f"<<{name}>>") for name, value in values.items()]
        pairs += [(value.rpartition(":")[2], f"<<port of {name}>>") for name, value in values.items() if name != "dir"]
        pairs += [(value.rpartition(":")[0], "<<host>>") for name, value in values.items() if name != "dir"]
        self.replaced = sorted(pairs, key=lambda pair: -len(pair[0]))

    def plain(self, text: str) -> str:
        for value, name in self.replaced:
            if value.isdigit():
                text = re.sub(rf"(?<![\d.]){value}(?!\d)", name, text)
            else:
                text = text.replace(value, name)
        return text

    def ask(self, asked: Asked) -> str:
        with Client(self.front) as client:
            client.send(asked.data.replace(b"<<port>>", self.front.rpartition(":")[2].encode()))
            try:
                response = client.read_response(asked.method)
                lines = self.answer(response)
            except Closed:
                lines = ["  < closed"]
            except Truncated as cut:
                lines = [f"  < cut after {len(cut.partial)} bytes"]
        for name, request in self.nodes.asked():
            lines.append(self.at_node(name, request))
        return "\n".join(lines)

    def answer(self, response: Response) -> list[str]:
        body = response.body
        coded = ""
        if response.get("content-encoding") == "gzip" and body:
            body, coded = gzip.decompress(body), " (gzip)"
        body, pages = PAGE_FOOT.subn(b"<hr><center>SERVER</center>", body)
        text = self.plain(body.decode("latin-1"))
        changed = pages or text != body.decode("latin-1") or coded
        date = response.get("date")
        # What a HEAD of a page declares is as long as the server's name.
        changed = changed or (not body and response.status >= 300 and response.get("content-type") == "text/html" and not response.has("etag"))
        fields = []
        for name, value in response.headers:
            if name.lower() in UNCOMPARED or (name.lower() == "content-length" and changed) or (name.lower() == "allow" and response.status == 405):
                continue
            fields.append(f"{name}: {self.field(name, value, date)}")
        # Several of one name keep their order, names have none.
        fields.sort(key=lambda field: field.partition(":")[0].lower())
        lines = [f"  < {response.status}"] + [f"    {field}" for field in fields]
        if response.status in (301, 302, 303, 307, 308) and pages:
            lines.append("  = page")
        elif pages:
            title = re.search(r"<h1>(\d*)", text)
            lines.append(f"  = page {title.group(1) if title else ''}")
        elif text:
            lines.append(f"  ={coded} {shown(text)}")
        if response.trailer:
            lines.append(f"  + {self.plain(response.trailer.decode('latin-1'))!r}")
        return lines

    def field(self, name: str, value: str, date) -> str:
        if name.lower() == "expires" and date and re.match(r"\w{3}, ", value):
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - email.utils.parsedate_to_datetime(date).timestamp()
            return value if abs(seconds) > 9 * 365 * 86400 else f"Date {seconds:+.0f}"
        if name.lower() == "content-type":  # the boundary is a count of nginx and a random text of weir
            value = re.sub(r"boundary=\S+", "boundary=X", value)
        return self.plain(value)

    def at_node(self, name: str, request) -> str:
        fields = sorted((f"{n}: {self.plain(v)}" for n, v in request.headers if n.lower() not in ("connection", "x-node", "x-auth")), key=str.lower)
        fields += [f"Connection: {v.lower()}" for n, v in request.headers if n.lower() == "connection" and "upgrade" in v.lower()]
        body = f" = {shown(self.plain(request.body.decode('latin-1')))}" if request.body else ""
        return f"  {name}> {request.method} {self.plain(request.path)} {request.version} | " + " | ".join(fields) + body


def shown(text: str) -> str:
    """In one line; a long text by its hash, and a boundary of ranges by no name."""
    text = re.sub(r"\r\n--\w+(--)?\r\n", r"\r\n--X\1\r\n", text)
    if len(text) > 600:
        return f"{len(text)} bytes, sha256 {hashlib.sha256(text.encode('latin-1', 'replace')).hexdigest()[:16]}, begins {text[:60]!r}"
    return repr(text)


# --- the two servers

def full_config(case: CompareCase, weir: bool) -> str:
    """A whole file: what it does not say itself is added."""
    main = {"daemon": "off", "pid": "<<dir>>/nginx.pid", "error_log": "stderr info" if weir else "<<dir>>/error.log info"}
    if weir:
        main["worker_processes"] = "1"
    else:
        main["master_process"] = "off"
        if os.geteuid() == 0:
            main["user"] = "root"
    text = "".join(f"{name} {value};\n" for name, value in main.items() if not re.search(rf"^{name}\b", case.config, re.M))
    if not re.search(r"^events\b", case.config, re.M):
        text += "events { worker_connections 256; }\n"
    defaults = "defaults nginx;\n" if weir else ""
    if re.search(r"^http \{", case.config, re.M):
        return text + re.sub(r"^http \{\n", lambda match: match.group(0) + defaults, case.config, count=1, flags=re.M)
    return f"{text}http {{\n{defaults}access_log off;\n{case.config}\n}}\n"


def make_weir(case: CompareCase, nodes: Nodes) -> Weir:
    """Not started yet; its folder has the files of the case, its `names` the addresses."""
    values = {name: backend.address for name, backend in nodes.backends.items()}
    weir = Weir(config=full_config(case, True), **values)
    weir.pid_path = weir.dir / "nginx.pid"
    case.write_files(weir.dir, weir.expand)
    return weir


def recorder(case: CompareCase, nodes: Nodes, weir: Weir) -> Recorder:
    return Recorder(case, nodes, {name: weir.names[name] for name in ["dir", *case.names]})


class Nginx:
    """In the folder and on the addresses of a weir that does not run."""

    def __init__(self, binary: str, case: CompareCase, weir: Weir):
        self.folder = weir.dir
        path = self.folder / "nginx.conf"
        path.write_text(weir.expand(full_config(case, False)))
        self.command = [binary, "-p", f"{self.folder}/", "-e", f"{self.folder}/error.log", "-c", str(path)]
        self.process = None

    def check(self) -> tuple[bool, str]:
        """The verdict of -t, and its words."""
        done = subprocess.run([*self.command, "-t"], capture_output=True, text=True, timeout=30)
        return done.returncode == 0, done.stderr

    def start(self) -> "Nginx":
        pid = self.folder / "nginx.pid"
        pid.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.process.poll() is not None or pid.exists(), "nginx to start")
        if self.process.poll() is not None:
            raise AssertionError(f"nginx ended:\n{self.errors()}")
        return self

    def errors(self) -> str:
        path = self.folder / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            (self.folder / "nginx.pid").unlink(missing_ok=True)


# --- expectations

def write_expected(case: CompareCase, nginx: list[str], weir: list[str]) -> str:
    out = []
    for asked, theirs, ours in zip(case.requests, nginx, weir):
        out.append(f"> {asked.line}\n{theirs}\n")
        if asked.differs:
            out.append(f"  weir, {asked.differs}:\n{ours}\n")
    return "".join(out)


def read_expected(case: CompareCase) -> list[tuple[str, str, str]]:
    """(request, nginx's answer, weir's or "") in order."""
    out = []
    for block in re.split(r"^> ", case.path.with_suffix(".expected").read_text(), flags=re.M)[1:]:
        line, _, rest = block.partition("\n")
        theirs, _, ours = rest.partition("  weir, ")
        out.append((line, theirs.rstrip("\n"), ours.partition(":\n")[2].rstrip("\n")))
    return out


def cases(names=()) -> list[CompareCase]:
    found = [CompareCase(path) for path in sorted(FOLDER.glob("*.conf"))]
    return [case for case in found if not names or case.name in names]


def differences() -> set[str]:
    """The ids of the table of what differs."""
    return set(re.findall(r"^\| `([\w-]+)` \|", (FOLDER / "differences.md").read_text(), re.M))
