"""A machine of its own, as far as the network sees it: a namespace behind a veth pair, whose packets can be lost or refused."""
import itertools
import os
import shutil
import subprocess

_numbers = itertools.count()


def missing() -> str:
    """Why namespaces cannot be had here; empty when they can."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    for tool, package in (("ip", "iproute2"), ("nft", "nftables")):
        if not shutil.which(tool):
            return f"needs {tool} (Debian: {package})"
    try:
        with Namespace() as probe:
            probe.lose(9, 1)
    except (subprocess.CalledProcessError, OSError) as problem:
        return f"no network namespaces here: {getattr(problem, 'stderr', b'') or problem}"
    return ""


def _run(*command: str, text: str = "") -> None:
    subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=20)


class Namespace:
    def __init__(self):
        number = next(_numbers)
        self.name = f"weir-{os.getpid()}-{number}"
        self._link = link = f"wr{os.getpid() & 0xFFFFF:x}n{number}"  # at most 15 characters
        base = ((os.getpid() * 8 + number) & 0xFFFFF) << 2  # a /30 of 100.64.0.0/10
        host, self.host = (f"100.{64 + (base >> 16)}.{base >> 8 & 255}.{(base & 255) + i}" for i in (1, 2))
        _run("ip", "netns", "add", self.name)
        try:
            _run("ip", "link", "add", link, "type", "veth", "peer", "name", "e0", "netns", self.name)
            _run("ip", "addr", "add", f"{host}/30", "dev", link)
            _run("ip", "link", "set", link, "up")
            for words in ("addr add %s/30 dev e0" % self.host, "link set e0 up", "link set lo up"):
                _run("ip", "-n", self.name, *words.split())
        except BaseException:
            self.close()
            raise

    @property
    def prefix(self) -> list[str]:
        """Runs a command inside."""
        return ["ip", "netns", "exec", self.name]

    def refuse(self, *ports: int) -> None:
        """New connections are answered with RST."""
        self._rules(f"tcp dport {p} tcp flags syn reject with tcp reset" for p in ports)

    def lose(self, *ports: int) -> None:
        """Packets to these ports vanish: of connections that are open, too."""
        self._rules(f"tcp dport {p} drop" for p in ports)

    def mute(self, *ports: int) -> None:
        """What comes from these ports vanishes: FIN and RST of a node that dies, too."""
        self._rules((f"tcp sport {p} drop" for p in ports), hook="output")

    def heal(self) -> None:
        _run(*self.prefix, "nft", "flush", "ruleset")

    def _rules(self, rules, hook: str = "input") -> None:
        lines = "\n".join(rules)
        _run(*self.prefix, "nft", "-f", "-", text=f"table inet f_{hook} {{\nchain c {{\ntype filter hook {hook} priority 0\n{lines}\n}}\n}}\n")

    def close(self) -> None:
        # The link by name: sockets that wait for lost packets keep a namespace for minutes after its deletion.
        for words in (("link", "del", self._link), ("netns", "del", self.name)):
            subprocess.run(["ip", *words], capture_output=True, check=False, timeout=20)

    def __enter__(self) -> "Namespace":
        return self

    def __exit__(self, *_) -> None:
        self.close()
