#!/usr/bin/env python3
"""What is installed beside the binary: the shipped configuration, the unit, completion, manual pages."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from weirtest import Case, main
from weirtest.weir import binary, run

PACKAGING = pathlib.Path(__file__).resolve().parents[2] / "packaging"


class Shipped(Case):
    def at_home(self, text: str, weir) -> str:
        """As on a machine without the package: its places are weir's directory, and there is no user weir."""
        self.assertIn("\nuser weir;", text)
        for path in ("/run/weir/", "/var/lib/weir/", "/var/log/weir/", "/etc/weir/"):
            text = text.replace(path, f"{weir.dir}/")
        return re.sub(r"\nuser weir;[^\n]*", "", text)

    def test_configuration_is_good_and_serves(self):
        text = (PACKAGING / "weir.conf").read_text()
        weir = self.weir(start=False)
        text = self.at_home(text, weir)
        weir.write_config(config=text.replace("127.0.0.1:8600", "<<front>>"))
        self.assertEqual(run("-c", str(weir.config_path), "-t").returncode, 0)
        weir.start()
        self.assertIn("weir runs", self.get(weir).text)
        self.assertEqual(self.get(weir, "/healthz").text, "ok\n")

    def test_suggested_lines_are_good_too(self):
        text = (PACKAGING / "weir.conf").read_text()
        weir = self.weir(start=False)
        text = re.sub(r"^( *)# (.*[{};]( *#.*)?)$", r"\1\2", text, flags=re.M)
        text = text.replace("location / {\n            return 200", "location /x/ {\n            return 200")
        text = self.at_home(text, weir)
        weir.write_config(config=text)
        done = run("-c", str(weir.config_path), "-t")
        self.assertEqual(done.returncode, 0, done.stderr + text)
        self.assertIn("proxy_pass http://app;", run("-c", str(weir.config_path), "-T").stdout)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is missing")
    def test_unit_is_a_tight_sandbox(self):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", PACKAGING / "weir.service"], capture_output=True, text=True, check=False)
        match = re.search(r"Overall exposure level for weir\.service: ([\d.]+)", done.stdout)
        if match is None:
            self.skipTest("systemd-analyze security does not work here: " + done.stderr)
        self.assertLessEqual(float(match.group(1)), 2.0)

    def test_directories_of_configuration_and_unit_agree(self):
        conf, unit = (PACKAGING / "weir.conf").read_text(), (PACKAGING / "weir.service").read_text()
        for setting, place in (("RuntimeDirectory", "/run/weir/"), ("LogsDirectory", "/var/log/weir/"), ("StateDirectory", "/var/lib/weir/")):
            self.assertIn(f"\n{setting}=weir\n", unit)
            self.assertIn(place, conf)
        self.assertIn("/run/weir/weir.pid", (PACKAGING / "weir.logrotate").read_text())

    def test_rotated_logs_are_opened_anew(self):
        text = (PACKAGING / "weir.logrotate").read_text()
        script = re.search(r"postrotate\n(.*)\n *endscript", text, re.S).group(1)
        weir = self.weir("server { listen <<front>>; return 200; }")
        for name, place in (("/run/weir/weir.pid", weir.pid_path), ("/etc/weir/weir.conf", weir.config_path), ("/usr/sbin/weir", binary())):
            script = script.replace(name, str(place))
        weir.reload()  # by a signal: the pid file tells how it ended, too
        done = subprocess.run(["bash", "--posix", "-c", script], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        weir.wait_error("logs: reopened")
        impostor = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(impostor.wait)
        self.addCleanup(impostor.kill)
        pid = weir.pid_path.read_text()
        weir.pid_path.write_text(f"{impostor.pid}\n")
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
        weir.pid_path.write_text(pid)
        self.assertEqual(done.returncode, 1)
        self.assertIsNone(impostor.poll())

    def test_apparmor_holds_for_the_service_alone(self):
        profile = (PACKAGING / "weir.apparmor").read_text()
        self.assertRegex(profile, r"(?m)^profile weir flags=", "root's commands are of the same program")
        self.assertIn("\nAppArmorProfile=-weir\n", (PACKAGING / "weir.service").read_text())


class Postinst(unittest.TestCase):
    """What the package does to a weir that runs; every command is one that says with what it was called, and ends as it is told."""

    def configure(self, **ends: int) -> tuple[list[str], str]:
        with tempfile.TemporaryDirectory() as directory:
            tools = pathlib.Path(directory) / "tools"
            tools.mkdir()
            shell = shutil.which("sh")
            for name in ("dpkg-statoverride", "mkdir", "chown", "chmod", "getent", "groupadd", "useradd", "apparmor_parser", "deb-systemd-helper",
                         "deb-systemd-invoke", "systemctl", "weir"):
                tool = tools / name
                cases = "".join(f'*" {word} "*) exit {status};; ' for word, status in ends.items())
                tool.write_text(f'#!{shell}\necho "{name} $*" >>{directory}/called\ncase " {name} $* " in {cases}esac\n')
                tool.chmod(0o755)
            script = (PACKAGING / "debian" / "postinst").read_text().replace("/run/systemd/system", directory)
            done = subprocess.run([shell, "-c", script, "postinst", "configure", "1.0"], capture_output=True, text=True, check=False,
                                  env={"PATH": str(tools)})
            self.assertEqual(done.returncode, 0, done.stderr)
            return pathlib.Path(directory, "called").read_text().splitlines(), done.stderr

    RESTART = "deb-systemd-invoke restart weir.service"

    def test_upgrade_is_enough(self):
        called, _ = self.configure()
        self.assertTrue(any(each.startswith("weir upgrade ") for each in called), called)
        self.assertNotIn(self.RESTART, called)

    def test_refused_configuration_leaves_the_old_one_serving(self):
        called, said = self.configure(upgrade=1, **{"-t": 1})
        self.assertNotIn(self.RESTART, called)
        self.assertIn("goes on", said)

    def test_old_one_that_cannot_hand_over_is_restarted(self):
        called, _ = self.configure(upgrade=1)
        self.assertIn(self.RESTART, called)

    def test_weir_that_does_not_run_is_started(self):
        called, _ = self.configure(**{"is-active": 3})
        self.assertIn(self.RESTART, called)
        self.assertFalse(any(each.startswith("weir ") for each in called), called)


class Completion(Case):
    def complete(self, *words: str) -> list[str]:
        with tempfile.TemporaryDirectory() as directory:
            os.symlink(binary(), f"{directory}/weir")
            script = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _weir; printf "%s\\n" "${COMPREPLY[@]}"'
            done = subprocess.run(["bash", "-c", script, PACKAGING / "completion" / "weir.bash", "weir", *words], capture_output=True, text=True,
                                  check=True, env={**os.environ, "PATH": f"{directory}:{os.environ['PATH']}"}, cwd=directory)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_words_are_completed_by_their_place(self):
        self.assertEqual(self.complete("re"), ["reload"])
        self.assertEqual(self.complete("reload", "--v"), ["--verify"])
        self.assertEqual(self.complete("init", "--n"), ["--nocobase"])
        self.assertEqual(self.complete("-s", "re"), ["reopen", "reload"])
        self.assertEqual(self.complete("ctl", "main"), ["maintenance"])
        self.assertEqual(self.complete("ctl", "drain", "--sp"), ["--spread"])
        self.assertEqual(self.complete("ctl", "metrics", "--"), ["--socket"])
        self.assertEqual(self.complete("ctl", "maintenance", "o"), ["on", "off"])
        self.assertEqual(self.complete("convert", "--to", "y"), ["yaml"])

    def test_peers_are_those_of_the_weir_that_the_line_names(self):
        weir = self.weir("upstream app { server 127.0.0.1:1; } server { listen <<front>>; location / { proxy_pass http://app; } }")
        self.assertEqual(self.complete("ctl", "-c", str(weir.config_path), "down", "a"), ["app/127.0.0.1:1"])
        self.assertEqual(self.complete("ctl", "drain", "--socket", weir.admin_path, "a"), ["app/127.0.0.1:1"])

    def test_directives_complete_the_manual(self):
        self.assertIn("healthz", self.complete("manual", "health"))

    def test_commands_of_completion_are_all_that_there_are(self):
        commands = re.findall(r"^  ([a-z]+) ", run("--help").stdout.split("Subcommands:")[1], re.M)
        self.assertEqual(sorted(set(self.complete("")) & set(commands)), sorted(commands))
        verbs = re.findall(r"^  ([a-z]+) ", run("ctl", "--help").stdout.split("Subcommands:")[1], re.M)
        self.assertEqual(sorted(set(self.complete("ctl", "")) & set(verbs)), sorted(verbs))


class Manual(Case):
    @unittest.skipUnless(shutil.which("man"), "man is missing")
    def test_pages_are_read_without_a_warning(self):
        with tempfile.TemporaryDirectory() as directory:
            page = pathlib.Path(directory) / "weir.conf.5"
            page.write_text(run("manual", "--man").stdout)
            for path in (page, PACKAGING / "man" / "weir.8.in", PACKAGING / "man" / "weir-ctl.8.in"):
                done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", path], capture_output=True, text=True, check=False,
                                      env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
                self.assertEqual((done.returncode, done.stderr), (0, ""), path)
                self.assertIn("SEE ALSO", done.stdout.upper())

    def test_page_of_weir_names_every_command(self):
        text = (PACKAGING / "man" / "weir.8.in").read_text()
        for command in re.findall(r"^  ([a-z]+) ", run("--help").stdout.split("Subcommands:")[1], re.M):
            self.assertIn(f"\n.B {command}\n", text)
        text = (PACKAGING / "man" / "weir-ctl.8.in").read_text()
        for verb in re.findall(r"^  ([a-z]+) ", run("ctl", "--help").stdout.split("Subcommands:")[1], re.M):
            self.assertRegex(text, rf"(?m)^\.BR? .*\b{verb}\b")


if __name__ == "__main__":
    main()
