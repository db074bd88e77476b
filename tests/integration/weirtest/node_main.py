"""A backend in a process of its own, so that it can be killed, stopped and continued like a real one. Started by node.py.

    node_main.py HOST:PORT NAME LOG     answers every request with NAME; LOG gets a line "METHOD PATH X-Id" for each, before the answer
    /hold            is never answered; /hold?at=NAME by that node alone
    /part            a head with Content-Length 1000, 100 bytes, and nothing more
    /chunks          a chunked answer that stops after one chunk
"""
import os
import socket
import sys
import threading


def serve(connection: socket.socket, name: str, log: int) -> None:
    buffer = b""
    try:
        while True:
            while b"\r\n\r\n" not in buffer:
                piece = connection.recv(65536)
                if not piece:
                    return
                buffer += piece
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            fields = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
            length = int(fields.get("content-length", 0))
            while len(buffer) < length:
                piece = connection.recv(65536)
                if not piece:
                    return
                buffer += piece
            buffer = buffer[length:]
            method, path, _ = lines[0].split(" ")
            os.write(log, f"{method} {path} {fields.get('x-id', '-')}\n".encode())
            if path == "/hold" or path == f"/hold?at={name}":
                threading.Event().wait()
            elif path.startswith("/part"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 100)
                threading.Event().wait()
            elif path.startswith("/chunks"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
                threading.Event().wait()
            body = b"" if method == "HEAD" else name.encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(name) + body)
    except OSError:
        pass
    finally:
        connection.close()


def main() -> None:
    address, name, path = sys.argv[1:]
    host, _, port = address.rpartition(":")
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    listener = socket.create_server((host, int(port)), backlog=1024)
    print("%s:%d" % listener.getsockname(), flush=True)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(connection, name, log), daemon=True).start()


if __name__ == "__main__":
    main()
