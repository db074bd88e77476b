"""Addresses and ports that no other test process uses.

All of 127.0.0.0/8 is this machine: each test process listens on an address made from its process id, so a port that was free
stays free until weir binds it. Outgoing connections use 127.0.0.1 as source and cannot take it either.
"""
import os
import socket


def own_host(offset: int = 0) -> str:
    """A loopback address of this process; up to four of them (offset 0-3)."""
    pid = os.getpid() & 0xFFFFF
    value = (64 << 16) + (pid << 2) + offset  # 127.64.0.0 up to 127.127.255.255
    return f"127.{value >> 16}.{value >> 8 & 255}.{value & 255}"


_given = set()


def bind(host: str, port: int = 0, **options: int) -> socket.socket:
    """A TCP socket of HOST:PORT; `options` (SO_REUSEADDR=1) are set before. Without a port it gets one that nobody in this process was
    given before, nor will be: what is yet to listen, and what does no longer, to be refused, keeps its port to itself."""
    while True:
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        for name, value in options.items():
            sock.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        sock.bind((host, port))
        place = sock.getsockname()[:2]
        if port or place not in _given:
            _given.add(place)
            return sock
        sock.close()


def free_address(host: str = "") -> str:
    """HOST:PORT with a port that is free and that was not given before."""
    host = host or own_host()
    with bind(host) as probe:
        port = probe.getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def closed_port(host: str = "") -> tuple[socket.socket, str]:
    """A bound socket that does not listen, and its address: connecting to it is refused as long as the socket is held."""
    holder = bind(host or own_host())
    return holder, "%s:%d" % holder.getsockname()


def connect(address: str, source: str = "", timeout: float = 20.0) -> socket.socket:
    """A connected socket to HOST:PORT, [IPV6]:PORT or unix:PATH."""
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        sock.connect(address[len("unix:"):])
        return sock
    host, _, port = address.rpartition(":")
    sock = socket.create_connection((host.strip("[]"), int(port)), timeout, (source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
