"""A backend in a process of its own (node_main.py says what it answers): kill, stop, cont and start as an operator sees them."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from .address import free_address


class Node:
    def __init__(self, name: str, address: str = "", prefix=()):
        """`address`: HOST:PORT; a free port of this test process when empty. `prefix`: a command to run it under (ip netns exec ...)."""
        self.name = name
        self.address = address or free_address()
        self.prefix = list(prefix)
        descriptor, path = tempfile.mkstemp(prefix="weir-node-")
        os.close(descriptor)
        self._log = pathlib.Path(path)
        self.process = None
        self.start()

    def start(self) -> "Node":
        """Returns when it listens; again on the same address after a kill."""
        program = pathlib.Path(__file__).with_name("node_main.py")
        self.process = subprocess.Popen([*self.prefix, sys.executable, "-B", str(program), self.address, self.name, str(self._log)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        line = self.process.stdout.readline().decode().strip()
        if not line:
            raise AssertionError(f"node {self.name} did not start on {self.address}")
        self.address = line
        return self

    def kill(self) -> None:
        """SIGKILL: the kernel closes what it had open."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self) -> None:
        """SIGSTOP: connects are still accepted by the kernel, nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def cont(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def seen(self) -> list[list[str]]:
        """[METHOD, PATH, X-Id] of every request it has read whole."""
        return [line.split(" ") for line in self._log.read_text().splitlines()]

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self._log.unlink(missing_ok=True)
