#!/usr/bin/env python3
"""The project's own tools: the layer and word checks find what they are there for."""
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


class Dependencies(unittest.TestCase):
    def test_nothing_missing_is_silent(self):
        """This runs where weir was built, so its build packages are there (or somebody has said to skip the look)."""
        done = subprocess.run([ROOT / "tools" / "deps", "build"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_unknown_list_is_an_error(self):
        done = subprocess.run([ROOT / "tools" / "deps", "nonsense"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 2)
        self.assertIn("tools/deps build", done.stderr)


if __name__ == "__main__":
    unittest.main()
