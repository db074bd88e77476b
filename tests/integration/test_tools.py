#!/usr/bin/env python3
"""The project's own tools: the layer check sees what it is there for."""
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
