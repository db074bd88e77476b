#!/usr/bin/env python3
"""The project's own tools: the layer and word checks find what they are there for."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

CMAKE = """\
weir_folder(base LIBS PkgConfig::FMT)
weir_folder(http USES base)
weir_folder(io   USES base)
"""


class LayerCheck(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        (self.root / "CMakeLists.txt").write_text(CMAKE)
        self.write("base/bytes.h", "#pragma once\n")
        self.write("io/loop.h", "#pragma once\n")

    def write(self, name: str, text: str):
        path = self.root / "lb" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def check(self):
        return subprocess.run([sys.executable, ROOT / "tools" / "layer_check", self.root], capture_output=True, text=True)

    def refused(self, name: str, text: str, *words: str):
        self.write(name, text)
        done = self.check()
        self.assertEqual(done.returncode, 1)
        for word in words:
            self.assertIn(word, done.stdout)

    def test_permitted_includes_pass(self):
        self.write("http/head.cc", '#include "http/head.h"\n#include "base/bytes.h"\n#include <string>\n')
        self.write("http/head.h", "#pragma once\n")
        self.write("io/loop.cc", '#include "io/loop.h"\n#include <uv.h>\n')
        done = self.check()
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_a_folder_that_is_not_used_may_not_be_included(self):
        self.refused("http/head.cc", '// one\n#include "io/loop.h"\n', "lb/http/head.cc:2:", "io/loop.h")
        self.refused("base/x.cc", '#include "http/head.h"\n', "lb/base/x.cc:1:")

    def test_outside_libraries_have_one_home(self):
        self.refused("http/a.cc", "#include <uv.h>\n", "uv.h")
        self.refused("http/b.cc", "#include <openssl/ssl.h>\n", "openssl")
        self.refused("http/c.cc", "#include <fmt/core.h>\n", "fmt")
        self.refused("io/d.cc", "#  include <yaml-cpp/yaml.h>\n", "yaml")

    def test_unknown_folders_and_missing_headers_are_errors(self):
        self.refused("new_room/a.cc", "\n", "new_room")
        self.refused("http/a.cc", '#include "base/none.h"\n', "does not exist")
        self.refused("http/b.cc", '#include "bytes.h"\n', "write the folder")

    def test_long_files_are_a_note_only(self):
        self.write("base/long.cc", "//\n" * 500)
        done = self.check()
        self.assertEqual(done.returncode, 0)
        self.assertIn("500 lines", done.stdout)


class WordCheck(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def check(self, name: str, text: str):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        done = subprocess.run([sys.executable, ROOT / "tools" / "word_check", self.root], capture_output=True, text=True)
        path.unlink()
        return done

    def refused(self, name: str, text: str, *words: str):
        done = self.check(name, text)
        self.assertEqual(done.returncode, 1, text)
        for word in words:
            self.assertIn(word, done.stdout)

    def passed(self, name: str, text: str):
        done = self.check(name, text)
        self.assertEqual((done.returncode, done.stdout), (0, ""), text)

    def test_plain_test_names_pass(self):
        self.passed("tests/unit/a_test.cc", "TEST_F(Pool, a_closed_connection_is_not_reused) {\n")
        self.passed("tests/integration/test_a.py", "    def test_full_queue_is_503(self):\n")

    def test_riddles_in_test_names_are_errors(self):
        self.refused("tests/unit/a_test.cc", "\nTEST(Pool, what_was_closed_stays_closed) {\n", "tests/unit/a_test.cc:2:", "what")
        self.refused("tests/unit/a_test.cc", "TEST(Pool, of_the_last_peer) {\n", 'begins with "of"')
        self.refused("tests/unit/a_test.cc", "TEST(Pool, a_b_c_d_e_f_g_h_i_j_k) {\n", "11 words")
        self.refused("tests/integration/test_a.py", "    def test_the_one_that_is_told(self):\n", 'begins with "one"', '"told"')

    def test_log_lines_name_their_object(self):
        self.passed("lb/a.cc", 'log::warn("peer ", name, ": ejected (", f(a, ","), ")");  // "what" is no text\n')
        self.passed("lb/a.cc", "log::warn(text);\n")
        self.passed("lb/a.cc", 'log::warn(name(\'"\', ")"), ": down");\n')
        self.refused("lb/a.cc", 'log::warn("peer ",\n  name, " is down");\n', "lb/a.cc:1:", "object: event")
        self.refused("lb/a.cc", 'log::error("the file: not written");\n', 'begins with "the"')
        self.refused("lb/a.cc", 'log::error("State file: not written");\n', "begins with")
        self.refused("lb/a.cc", 'log::info("worker ", n, ": ended.");\n', "full stop")

    def test_riddles_in_texts_are_errors(self):
        self.passed("lb/a.h", '#include "base/what.h"\nreturn "shows the state";\n')
        self.refused("lb/a.h", 'return "shows what it " "said";\n', '"what"', '"said"')

    def test_retired_names_are_errors(self):
        self.refused("lb/a.h", "\nusing Told = int;\n", "lb/a.h:2:", "OnDone")

    def test_citations_lead_somewhere(self):
        page = "# Semantics\n## 1. Defaults\n### 2.6 proxy_next_upstream\n| 26 | host |\n"
        self.passed("lb/design/SEMANTICS.md", page)
        (self.root / "lb" / "design" / "SEMANTICS.md").write_text(page)
        self.passed("lb/a.h", "// SEMANTICS 2.6, SEMANTICS section 1 and SEMANTICS row 26\n")
        self.refused("lb/a.h", "// SEMANTICS 2.7\n", "lb/a.h:1:", "2.7")
        self.refused("tests/a.cc", "// THREATS 2\n", "THREATS")


class Slowest(unittest.TestCase):
    def test_slowest_tests_come_first_with_their_preset(self):
        with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
            for preset, seconds in (("dev", (0.5, 12)), ("asan", (3, 30.25))):
                (pathlib.Path(folder) / preset).mkdir()
                cases = "".join(f'<testcase name="t{i}" time="{s}" status="run"/>' for i, s in enumerate(seconds))
                (pathlib.Path(folder) / preset / "junit.xml").write_text(f"<testsuite>{cases}</testsuite>")
            done = subprocess.run([ROOT / "tools" / "slowest", "3", *(f"{folder}/{preset}/junit.xml" for preset in ("dev", "asan"))],
                                  capture_output=True, text=True)
        self.assertEqual([line.split() for line in done.stdout.splitlines()],
                         [["30.2", "s", "asan", "t1"], ["12.0", "s", "dev", "t1"], ["3.0", "s", "asan", "t0"]])

    def test_missing_files_are_an_error(self):
        self.assertEqual(subprocess.run([ROOT / "tools" / "slowest"], capture_output=True).returncode, 2)


class LintChanged(unittest.TestCase):
    """tools/lint --changed in a repository of its own, with a clang-tidy that only prints its arguments."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        for name, text in (("tools/lint", (ROOT / "tools" / "lint").read_text()), ("tools/deps", "#!/bin/sh\n"),
                           ("bin/cmake", "#!/bin/sh\n"), ("bin/run-clang-tidy", '#!/bin/sh\necho "$@"\n'),
                           ("lb/a.cc", ""), ("lb/b.cc", ""), ("lb/b.h", ""), ("lb/c.cc", ""), ("lb/only.h", "")):
            path = self.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        self.git("init", "-q", "-b", "main")
        self.commit("2026-01-01T00:00:00Z")

    def git(self, *arguments, when: str = "2026-01-01T00:00:00Z"):
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when}
        subprocess.run(["git", "-C", self.root, "-c", "user.name=w", "-c", "user.email=w@test", *arguments], check=True,
                       capture_output=True, env=environment)

    def commit(self, when: str, **files: str):
        for name, text in files.items():
            (self.root / "lb" / name.replace("_", ".")).write_text(text)
        self.git("add", "-A", when=when)
        self.git("commit", "-q", "-m", "test: change", when=when)

    def linted(self) -> set:
        environment = {**os.environ, "PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        done = subprocess.run([self.root / "tools" / "lint", "--changed"], capture_output=True, text=True, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {name for name in "abc" if f"/lb/{name}.cc$" in done.stdout}

    def test_branch_is_compared_with_the_main_of_origin(self):
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")
        self.commit("2026-01-09T00:00:00Z", a_cc="//")
        self.commit("2026-01-20T00:00:00Z", b_h="//")
        (self.root / "lb" / "c.cc").write_text("// not committed")
        self.assertEqual(self.linted(), {"a", "b", "c"})

    def test_clone_without_remote_takes_the_last_day(self):
        self.commit("2026-01-08T00:00:00Z", c_cc="//")
        self.commit("2026-01-09T01:00:00Z", a_cc="//")
        self.commit("2026-01-09T20:00:00Z", only_h="//")
        self.assertEqual(self.linted(), {"a"})

    def test_change_outside_of_lb_lints_nothing(self):
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")
        (self.root / "README.md").write_text("x")
        self.commit("2026-01-09T00:00:00Z")
        self.assertEqual(self.linted(), set())


class Dependencies(unittest.TestCase):
    def test_nothing_missing_is_silent(self):
        """This runs where weir was built, so its build packages are there (or somebody has said to skip the look)."""
        done = subprocess.run([ROOT / "tools" / "deps", "build"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_unknown_list_is_an_error(self):
        done = subprocess.run([ROOT / "tools" / "deps", "nonsense"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 2)
        self.assertIn("tools/deps build", done.stderr)


class ReloadCheck(unittest.TestCase):
    """Small runs of the check under load: what it says at full size is a matter of a quiet machine."""

    def check(self, *words: str) -> str:
        done = subprocess.run([sys.executable, ROOT / "tools/reload-check", "--weir", os.environ["WEIR_BINARY"], "--small", *words],
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_clients_see_no_reload(self):
        self.assertIn("reloads: 20 of 20", self.check())

    def test_clients_see_no_upgrade(self):
        self.assertIn("upgrades: 3 of 3", self.check("--upgrades"))


if __name__ == "__main__":
    unittest.main()
