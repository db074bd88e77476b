#!/usr/bin/env python3
"""The guides in packaging/guide say what is true: words, defaults, directives, metrics and commands that exist."""
import pathlib
import re
import unittest

from weirtest import Case, main
from weirtest.weir import run

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDE = ROOT / "packaging" / "guide"


def guide(name: str) -> str:
    return (GUIDE / name).read_text()


def section(text: str, title: str) -> str:
    """What stands under the heading that begins with `title`."""
    found = re.search(rf"(?ms)^## {re.escape(title)}.*?(?=^## |\Z)", text)
    assert found, title
    return found.group()


def first_cells(text: str) -> list[str]:
    return re.findall(r"(?m)^\| `([^`]+)` \|", text)


class Guides(Case):
    def manual(self) -> dict[str, str]:
        """Each directive's part of the manual; of a name with two meanings both."""
        parts: dict[str, str] = {}
        for part in re.split(r"\n(?=[a-z])", run("manual").stdout):
            name = re.match(r"\w+", part).group()
            parts[name] = parts.get(name, "") + part + "\n"
        return parts

    def test_reasons_of_failed_tries_have_advice(self):
        table = (ROOT / "lb/base/error.cc").read_text()
        words = set(re.findall(r'\{Side::\w+, RetryClass::\w+, \d+, "(\w+)", \w+\}', table))
        self.assertIn("connect_refused", words)
        rows = first_cells(section(guide("when-something-is-wrong.md"), "A request went wrong"))
        self.assertEqual(sorted(rows), sorted(words))

    def test_states_of_peers_have_advice(self):
        states = re.findall(r'case PeerCondition::\w+: return "(\w+)";', (ROOT / "lb/admin/peers.cc").read_text())
        self.assertIn("drained", states)
        self.assertEqual(sorted(first_cells(section(guide("when-something-is-wrong.md"), "A node is not used"))), sorted(states))

    def test_defaults_beside_nginx_are_those_of_the_manual(self):
        text = section(guide("from-nginx.md"), "What is different")
        rows = re.findall(r"(?m)^\| `(\w+)` \| (\S+) \| (\S+) \|", text)
        self.assertGreater(len(rows), 10)
        manual = self.manual()
        for name, ours, theirs in rows:
            self.assertIn(f"default {ours} (nginx: {theirs})", manual[name], name)

    def test_directives_and_metrics_in_the_guides_exist(self):
        manual = self.manual()
        metrics = "".join(path.read_text() for path in (ROOT / "lb/admin").glob("*.cc"))
        counted = 0
        for path in sorted(GUIDE.glob("*.md")):
            for code in re.findall(r"`([^`\n]+)`", path.read_text()):
                if directive := re.match(r"(?!client_abort)(proxy_\w+|client_\w+|ssl_\w+|worker_\w+|acme_\w+|keepalive\w*|max_headers|health_check|set_real_ip_from)\b(?!\*)", code):
                    self.assertTrue(directive.group(1) in manual, f"{path.name}: {directive.group(1)} is no directive")
                    counted += 1
                elif metric := re.match(r"weir_\w+", code):
                    self.assertTrue(f'"{metric.group()}"' in metrics, f"{path.name}: {metric.group()} is no metric")
                    counted += 1
        self.assertGreater(counted, 40)

    def test_commands_in_the_guides_exist(self):
        helps = {}
        for path in sorted(GUIDE.glob("*.md")):
            for command, verb in re.findall(r"\bweir (ctl |)([a-z]+)\b(?=[^\n]*[`\n])", "\n".join(re.findall(r"`[^`\n]+`|^    .*$", path.read_text(), re.M))):
                key = ("ctl", verb) if command else (verb,)
                if key not in helps:
                    helps[key] = run(*key, "--help").returncode
                self.assertEqual(helps[key], 0, f"{path.name}: weir {' '.join(key)}")
        self.assertIn(("ctl", "drain"), helps)

    def test_links_between_guides_lead_somewhere(self):
        for path in sorted(GUIDE.glob("*.md")):
            for name in re.findall(r"\b([a-z-]+\.md)\b", path.read_text()):
                self.assertTrue((GUIDE / name).exists(), f"{path.name}: {name}")


class Examples(Case):
    """The pieces of configuration in the guides load."""

    def test_lines_of_configuration_load(self):
        weir = self.weir(start=False)
        loaded = 0
        for path in sorted(GUIDE.glob("*.md")):
            for line in re.findall(r"(?m)^    ((?:log_format|access_log|error_log) .*;)$", path.read_text()):
                line = line.replace("/var/log/weir/", f"{weir.dir}/")
                formats = "" if line.startswith("log_format") else "log_format upstreams '$request';"
                file = weir.dir / "piece.conf"
                file.write_text(f"pid {weir.dir}/p; events {{}} http {{ {formats} {line} server {{ listen unix:{weir.dir}/s; return 200; }} }}")
                done = run("-t", "-q", "-c", str(file))
                self.assertEqual((done.returncode, done.stderr), (0, ""), line)
                loaded += 1
        self.assertGreater(loaded, 3)


if __name__ == "__main__":
    main()
