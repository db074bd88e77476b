"""An OCSP responder: HTTP by Python, answers by `openssl ocsp`."""
import http.server
import pathlib
import tempfile
import threading

from .certificates import Certificate, openssl


class OcspResponder:
    def __init__(self, authority: Certificate, signer: Certificate | None = None):
        self.authority, self.signer = authority, signer or authority
        self.questions = 0
        self.mode = "answers"  # "fails": 500; "nonsense"
        self._dir = tempfile.TemporaryDirectory(prefix="weir-ocsp-")
        self._index: dict[str, str] = {}
        responder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                question = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                responder.questions += 1
                if responder.mode == "fails" or self.headers.get("Content-Type") != "application/ocsp-request":
                    self.send_error(500)
                    return
                answer = b"nonsense" if responder.mode == "nonsense" else responder.answer(question)
                self.send_response(200)
                self.send_header("Content-Type", "application/ocsp-response")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._dir.cleanup()

    def knows(self, certificate: Certificate, revoked: bool = False) -> None:
        state = "R\t400101000000Z\t240101000000Z" if revoked else "V\t400101000000Z\t"
        self._index[certificate.serial] = f"{state}\t{certificate.serial}\tunknown\t/CN={certificate.name}\n"

    def question(self, certificate: Certificate) -> bytes:
        file = pathlib.Path(self._dir.name) / "asked"
        done = openssl("ocsp", "-issuer", self.authority.pem, "-cert", certificate.pem, "-no_nonce", "-reqout", str(file))
        assert done.returncode == 0, done.stderr
        return file.read_bytes()

    def answer(self, question: bytes, *more: str) -> bytes:
        with tempfile.TemporaryDirectory(dir=self._dir.name) as name:
            place = pathlib.Path(name)
            (place / "index").write_text("".join(self._index.values()))
            (place / "question").write_bytes(question)
            done = openssl("ocsp", "-index", str(place / "index"), "-CA", self.authority.pem, "-rsigner", self.signer.pem, "-rkey",
                           self.signer.key, "-reqin", str(place / "question"), "-respout", str(place / "answer"), *(more or ("-ndays", "1")))
            assert done.returncode == 0, done.stderr
            return (place / "answer").read_bytes()
