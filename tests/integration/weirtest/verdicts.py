"""Small configurations, one a line, and what `-t` says of them: tests/golden/verdicts/*.txt.

    ok      server { listen 80; }
    error   server { listen abc; }
    error, weir ok: REASON   CONFIGURATION        where the two differ; tools/compare-nginx finds that out, REASON is written by hand

Three blanks separate the verdict. The configuration stands inside http{}, behind "main: " outside of it. tests/unit/config/verdicts_test.cc holds weir to
them; tools/compare-nginx --verdicts asks nginx.
"""
import pathlib
import re
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "golden/verdicts"


class Line:
    def __init__(self, text: str):
        verdict, _, self.config = text.partition("   ")
        match = re.fullmatch(r"(ok|error|\?)(?:, weir (ok|error): (.*))?", verdict)
        if not match:
            raise ValueError(f"no verdict in '{text}'")
        self.nginx, weir, self.reason = match.groups()
        self.weir = weir or self.nginx
        self.config = self.config.strip()

    def __str__(self):
        if self.nginx == self.weir:
            return f"{self.nginx:5}   {self.config}"
        return f"{self.nginx}, weir {self.weir}: {self.reason or '?'}   {self.config}"

    def whole(self) -> str:
        """What a server reads."""
        if self.config.startswith("main: "):
            text = self.config[6:]
            return ("" if "events {" in text else "events { }\n") + text + "\n"
        return f"events {{ }}\nhttp {{\n{self.config}\n}}\n"


def read(path: pathlib.Path) -> list[str | Line]:
    """Comments and empty lines as they are."""
    lines = path.read_text().splitlines()
    return [line if not line or line.startswith("#") else Line(re.sub(r"^\? ", "?   ", line)) for line in lines]


def ask(command: list[str], text: str, path: pathlib.Path) -> tuple[str, str]:
    """(verdict, words) of `command PATH -t`."""
    path.write_text(text)
    done = subprocess.run([*command, "-c", str(path), "-t"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return ("ok" if done.returncode == 0 else "error"), done.stderr + done.stdout
