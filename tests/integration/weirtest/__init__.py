"""The harness of the integration tests: the real weir between scripted clients and scripted backends.

    wait.py      waiting for a condition under a deadline; nothing here sleeps for a fixed time to let something happen
    address.py   addresses and ports that no other test process uses
    message.py   reading HTTP/1 off a socket, byte by byte where it matters
    client.py    a raw client: any bytes, FIN, RST, slow reading
    tls.py       clients over TLS: whole connections, records carried by the test, hellos made by hand
    certificates.py  certificates made on the spot
    backend.py   a recording backend: logs every byte of every connection, answers by a script
    node.py      a backend in a process of its own (node_main.py), to be killed, stopped, continued, started again
    successor.py  a weir that another one has started in its place
    load.py      clients that keep asking while something happens
    weir.py      the process: configuration, start, reload, signals, logs, stop; no sanitizer report passes
    brotli.py    decoding brotli
    compare.py   the cases of tests/nginx_compare, before nginx and before weir
    verdicts.py  the lines of tests/golden/verdicts
    supervisor.py  a service manager that is told how weir is
    case.py      the base class of tests: owns what a test starts, and ends each test under a hard limit

A test file is run by itself (`WEIR_BINARY=build/dev/weir python3 test_basic.py [-v] [Class.test]`) and in parallel with others.
"""
from .address import closed_port, free_address, own_host
from .backend import Backend, Request, answer
from .case import Case, main
from .client import Client
from .load import Load
from .message import Closed, Response, Truncated
from .node import Node
from .supervisor import Supervisor
from .wait import DEADLINE, wait_until
from .weir import Weir

__all__ = [
    "Backend", "Case", "Client", "Closed", "DEADLINE", "Load", "Node", "Request", "Response", "Supervisor", "Truncated", "Weir", "answer", "closed_port",
    "free_address", "main", "own_host", "wait_until",
]
