"""An ACME server (RFC 8555) of the tests' own. It believes nobody: signatures, nonces, URLs and payloads of each request are checked, and
what is wrong is listed in `violations`; challenges are looked at where the names are said to lead; certificates are of a CA of its own.
What a real one may do to its clients is a switch: lost nonces, orders that stay pending, CAA, rate limits, accounts that it does not know."""
import base64
import datetime
import hashlib
import hmac
import http.client
import http.server
import json
import pathlib
import secrets
import socket
import ssl
import threading

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

from .certificates import Certificate

ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    if "=" in text or "+" in text or "/" in text:
        raise ValueError("not base64url without padding")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def thumbprint(jwk: dict) -> str:
    canonical = json.dumps({k: jwk[k] for k in ("crv", "kty", "x", "y")}, separators=(",", ":"), sort_keys=True)
    return b64(hashlib.sha256(canonical.encode()).digest())


class Refusal(Exception):
    def __init__(self, status: int, kind: str, detail: str, fields=()):
        super().__init__(detail)
        self.status, self.kind, self.detail, self.fields = status, kind, detail, dict(fields)

    def problem(self) -> dict:
        return {"type": f"urn:ietf:params:acme:error:{self.kind}", "detail": self.detail, "status": self.status}


class AcmeServer:
    def __init__(self, directory):
        directory = pathlib.Path(directory)
        own = Certificate(directory, f"acme-{secrets.token_hex(4)}", ["localhost"])
        self.certificate = own.pem
        self.places: dict[str, str] = {}  # "http:NAME" or "tls:NAME" -> address that the name leads to
        self.lifetime = datetime.timedelta(days=90)
        self.age = datetime.timedelta(hours=1)  # of a certificate when it is issued
        self.offers = ("http-01", "tls-alpn-01")
        # --- what goes wrong
        self.lost_nonces = 0  # so many requests are told badNonce
        self.silent_nonces = False  # answers bring no nonce
        self.holds_orders = False  # finalized orders stay in "processing"
        self.slow = 0  # looks that an authorization, and an order, stay unsettled for
        self.caa: set[str] = set()
        self.limited = 0  # new orders that are told to come back in `retry_after`
        self.retry_after = "7200"
        self.broken = False  # 503 to everything
        self.external: dict[str, bytes] = {}  # demanded, when there are any
        # --- what happened
        self.violations: list[str] = []
        self.requests: list[str] = []
        self.validations: list[tuple[str, str]] = []
        self.accounts: dict[str, dict] = {}
        self.orders: dict[str, dict] = {}
        self.authorizations: dict[str, dict] = {}
        self.issued: list[x509.Certificate] = []
        self._nonces: set[str] = set()
        self._lock = threading.RLock()
        self._make_authority()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own.pem, own.key)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def log_message(self, *_):
                pass

            def do_GET(self):
                server._handle(self, b"")

            do_HEAD = do_GET

            def do_POST(self):
                server._handle(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request, client_address):
                request.settimeout(20)
                with context.wrap_socket(request, server_side=True) as secured:
                    self.RequestHandlerClass(secured, client_address, self)

            def handle_error(self, *_):  # a client that is gone
                pass

        self._http = Server(("127.0.0.1", 0), Handler)
        self.base = f"https://localhost:{self._http.server_port}"
        self.directory = self.base + "/directory"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def leads(self, *names: str, http: str = "", tls: str = "") -> None:
        """Where the names lead, for each way that a CA looks."""
        for name in names:
            if http:
                self.places[f"http:{name}"] = http
            if tls:
                self.places[f"tls:{name}"] = tls

    def settle(self) -> None:
        """No more slowness, for what is under way too."""
        with self._lock:
            self.slow = 0
            for each in (*self.authorizations.values(), *self.orders.values()):
                each["looks"] = 0

    # --- the CA

    def _make_authority(self) -> None:
        self._ca_key = ec.generate_private_key(ec.SECP256R1())
        self._ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the tests' ACME CA")])
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        self._ca = (x509.CertificateBuilder().subject_name(self._ca_name).issuer_name(self._ca_name).public_key(self._ca_key.public_key())
                    .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=400))
                    .not_valid_after(now + datetime.timedelta(days=400))
                    .add_extension(x509.BasicConstraints(True, None), True).sign(self._ca_key, hashes.SHA256()))

    @property
    def authority_pem(self) -> bytes:
        return self._ca.public_bytes(serialization.Encoding.PEM)

    def _issue(self, request: x509.CertificateSigningRequest) -> str:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        begin = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - self.age
        made = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(self._ca_name).public_key(request.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(begin + self.lifetime)
                .add_extension(names.value, True).add_extension(x509.BasicConstraints(False, None), True).sign(self._ca_key, hashes.SHA256()))
        self.issued.append(made)
        return (made.public_bytes(serialization.Encoding.PEM) + self.authority_pem).decode()

    # --- HTTP

    def _nonce(self) -> str:
        nonce = secrets.token_urlsafe(16)
        self._nonces.add(nonce)
        return nonce

    def _handle(self, handler, body: bytes) -> None:
        path = handler.path
        with self._lock:
            self.requests.append(f"{handler.command} {path}")
            fields, answer, status = {}, None, 200
            try:
                if self.broken:
                    raise Refusal(503, "", "broken")
                status, answer, fields = self._answer(handler, path, body)
            except Refusal as refusal:
                status, answer = refusal.status, refusal.problem() if refusal.kind else None
                fields = {"Content-Type": "application/problem+json", **refusal.fields}
            if not self.silent_nonces or path == "/nonce":
                fields["Replay-Nonce"] = self._nonce()
        data = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Cache-Control": "no-store", **fields}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data)

    def _answer(self, handler, path: str, body: bytes):
        if path == "/directory":
            meta = {"termsOfService": self.base + "/terms"}
            if self.external:
                meta["externalAccountRequired"] = True
            return 200, {"newNonce": self.base + "/nonce", "newAccount": self.base + "/account", "newOrder": self.base + "/order",
                         "revokeCert": self.base + "/revoke", "keyChange": self.base + "/key", "meta": meta}, {}
        if path == "/nonce":
            return 200, None, {}
        if handler.command != "POST":
            raise self._violated(405, "malformed", f"{handler.command} of {path}")
        account, payload = self._open(handler, path, body)
        if path == "/account":
            return self._new_account(account, payload)
        if path == "/order":
            return self._new_order(account, payload)
        kind, _, rest = path.strip("/").partition("/")
        mine = {"order": self.orders, "finalize": self.orders, "certificate": self.orders, "authorization": self.authorizations,
                "challenge": self.authorizations}.get(kind, {})
        found = mine.get(rest.split("/")[0])
        if found is None:
            raise Refusal(404, "malformed", "there is no such thing")
        if found["account"] != account["url"]:
            raise Refusal(403, "unauthorized", "it is another account's")
        return getattr(self, f"_{kind}")(found, payload, rest)

    def _violated(self, status: int, kind: str, text: str) -> Refusal:
        self.violations.append(text)
        return Refusal(status, kind, text)

    # --- JWS

    def _open(self, handler, path: str, body: bytes):
        """The account (or the key of a new one) and the payload of a signed request."""
        if handler.headers.get("Content-Type") != "application/jose+json":
            raise self._violated(415, "malformed", "content type")
        try:
            outer = json.loads(body)
            if set(outer) != {"protected", "payload", "signature"}:
                raise ValueError("members of a flattened JWS")
            head = json.loads(unb64(outer["protected"]))
            payload, signature = unb64(outer["payload"]), unb64(outer["signature"])
        except (ValueError, TypeError) as error:
            raise self._violated(400, "malformed", f"no JWS: {error}")
        if head.get("alg") != "ES256" or len(signature) != 64:
            raise self._violated(400, "badSignatureAlgorithm", "only ES256")
        if head.get("url") != self.base + path:
            raise self._violated(401, "unauthorized", f"signed for {head.get('url')}, sent to {path}")
        if ("jwk" in head) == ("kid" in head) or ("jwk" in head) != (path == "/account"):
            raise self._violated(400, "malformed", "jwk for a new account, kid for all else")
        if self.lost_nonces:
            self.lost_nonces -= 1
            self._nonces.discard(head.get("nonce"))
            raise Refusal(400, "badNonce", "the nonce was lost")
        if head.get("nonce") not in self._nonces:
            raise self._violated(400, "badNonce", "nonce is not of this server, or was used before")
        self._nonces.discard(head["nonce"])
        if "kid" in head:
            account = self.accounts.get(head["kid"])
            if account is None:
                raise Refusal(400, "accountDoesNotExist", "no such account")
        else:
            account = {"jwk": head["jwk"]}
        numbers = [int.from_bytes(unb64(account["jwk"][each]), "big") for each in ("x", "y")]
        key = ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()
        der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        try:
            key.verify(der, f"{outer['protected']}.{outer['payload']}".encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise self._violated(400, "malformed", "bad signature")
        return account, json.loads(payload) if payload else None

    def _check_binding(self, account: dict, payload: dict) -> None:
        if not self.external:
            return
        binding = payload.get("externalAccountBinding")
        if not binding:
            raise Refusal(403, "externalAccountRequired", "who are you?")
        head = json.loads(unb64(binding["protected"]))
        mac = hmac.new(self.external[head["kid"]], f"{binding['protected']}.{binding['payload']}".encode(), hashlib.sha256).digest()
        if head["alg"] != "HS256" or head["url"] != self.base + "/account" or unb64(binding["signature"]) != mac:
            raise self._violated(403, "unauthorized", "bad external binding")
        if json.loads(unb64(binding["payload"])) != account["jwk"]:
            raise self._violated(403, "unauthorized", "external binding of another key")

    # --- resources

    def _new_account(self, account: dict, payload: dict):
        for known in self.accounts.values():
            if known["jwk"] == account["jwk"]:
                return 200, {"status": "valid"}, {"Location": known["url"]}
        if not payload.get("termsOfServiceAgreed"):
            raise Refusal(403, "userActionRequired", "agree to the terms first")
        self._check_binding(account, payload)
        url = f"{self.base}/account/{len(self.accounts) + 1}-{secrets.token_hex(4)}"
        self.accounts[url] = {"url": url, "jwk": account["jwk"], "contact": payload.get("contact", [])}
        return 201, {"status": "valid"}, {"Location": url}

    def _new_order(self, account: dict, payload: dict):
        if self.limited:
            self.limited -= 1
            raise Refusal(429, "rateLimited", "too many new orders", {"Retry-After": self.retry_after})
        number = secrets.token_hex(6)
        names = [each["value"] for each in payload["identifiers"] if each["type"] == "dns"]
        if len(names) != len(payload["identifiers"]) or not names:
            raise self._violated(400, "malformed", "identifiers")
        authorizations = []
        for name in names:
            authorization = {"id": secrets.token_hex(6), "account": account["url"], "name": name, "status": "pending", "looks": self.slow,
                             "thumbprint": thumbprint(account["jwk"]), "error": None, "tried": "",
                             "tokens": {kind: secrets.token_urlsafe(24) for kind in self.offers}}
            self.authorizations[authorization["id"]] = authorization
            authorizations.append(authorization)
        order = {"id": number, "account": account["url"], "names": names, "authorizations": authorizations, "status": "pending",
                 "certificate": "", "error": None, "looks": self.slow}
        self.orders[number] = order
        return 201, self._show(order), {"Location": f"{self.base}/order/{number}"}

    def _show(self, order: dict) -> dict:
        states = [each["status"] for each in order["authorizations"]]
        if order["status"] == "pending" and "invalid" in states:
            order["status"] = "invalid"
        if order["status"] == "pending" and all(state == "valid" for state in states):
            order["status"] = "ready"
        if order["status"] == "processing" and not self.holds_orders:
            order["looks"] -= 1
            if order["looks"] < 0:
                order["status"], order["certificate"] = "valid", self._issue(order["request"])
        shown = {"status": order["status"], "identifiers": [{"type": "dns", "value": each} for each in order["names"]],
                 "authorizations": [f"{self.base}/authorization/{each['id']}" for each in order["authorizations"]],
                 "finalize": f"{self.base}/finalize/{order['id']}"}
        if order["certificate"]:
            shown["certificate"] = f"{self.base}/certificate/{order['id']}"
        if order["error"]:
            shown["error"] = order["error"]
        return shown

    def _must_be_empty(self, payload) -> None:
        if payload is not None:
            raise self._violated(400, "malformed", "a POST-as-GET has an empty payload")

    def _order(self, order: dict, payload, _):
        self._must_be_empty(payload)
        return 200, self._show(order), {"Retry-After": "1"}

    def _authorization(self, authorization: dict, payload, _):
        self._must_be_empty(payload)
        if authorization["tried"] and authorization["status"] == "pending":
            authorization["looks"] -= 1
            if authorization["looks"] < 0:
                self._validate(authorization)
        challenges = []
        for kind, token in authorization["tokens"].items():
            challenge = {"type": kind, "url": f"{self.base}/challenge/{authorization['id']}/{kind}", "token": token, "status": "pending"}
            if authorization["tried"] == kind:
                challenge["status"] = "processing" if authorization["status"] == "pending" else authorization["status"]
                if authorization["error"]:
                    challenge["error"] = authorization["error"]
            challenges.append(challenge)
        return 200, {"status": authorization["status"], "identifier": {"type": "dns", "value": authorization["name"]},
                     "challenges": challenges}, {"Retry-After": "1"}

    def _challenge(self, authorization: dict, payload, rest: str):
        if payload != {}:
            raise self._violated(400, "malformed", "a challenge is answered by {}")
        authorization["tried"] = rest.split("/")[1]
        return 200, {"type": authorization["tried"], "status": "processing", "token": authorization["tokens"][authorization["tried"]],
                     "url": f"{self.base}/challenge/{rest}"}, {}

    def _finalize(self, order: dict, payload, _):
        if order["status"] != "ready":
            raise Refusal(403, "orderNotReady", f"the order is {order['status']}")
        request = x509.load_der_x509_csr(unb64(payload["csr"]))
        if not request.is_signature_valid:
            raise self._violated(400, "badCSR", "signature")
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        if sorted(names) != sorted(order["names"]):
            raise self._violated(400, "badCSR", f"names {names}")
        order["request"], order["status"] = request, "processing"
        return 200, self._show(order), {"Location": f"{self.base}/order/{order['id']}", "Retry-After": "1"}

    def _certificate(self, order: dict, payload, _):
        self._must_be_empty(payload)
        return 200, order["certificate"].encode(), {"Content-Type": "application/pem-certificate-chain"}

    # --- challenges

    def _validate(self, authorization: dict) -> None:
        kind, name = authorization["tried"], authorization["name"]
        self.validations.append((kind, name))
        text = f"{authorization['tokens'][kind]}.{authorization['thumbprint']}"
        try:
            if name in self.caa:
                raise Refusal(403, "caa", f"CAA record for {name} prevents issuance")
            (self.look_by_http if kind == "http-01" else self.look_by_tls)(name, authorization["tokens"][kind], text)
            authorization["status"] = "valid"
        except Refusal as refusal:
            authorization["status"], authorization["error"] = "invalid", refusal.problem()
        except (OSError, http.client.HTTPException, ValueError) as error:
            authorization["status"], authorization["error"] = "invalid", Refusal(400, "connection", f"{name}: {error}").problem()

    def _place(self, way: str, name: str) -> tuple[str, int]:
        address = self.places.get(f"{way}:{name}")
        if address is None:
            raise Refusal(400, "dns", f"no address for {name}")
        host, _, port = address.rpartition(":")
        return host, int(port)

    def look_by_http(self, name: str, token: str, text: str) -> None:
        connection = http.client.HTTPConnection(*self._place("http", name), timeout=10)
        connection.request("GET", f"/.well-known/acme-challenge/{token}", headers={"Host": name, "Connection": "close"})
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
        if response.status != 200 or body.rstrip() != text:
            raise Refusal(403, "unauthorized", f"{name}: status {response.status}, \"{body[:80]}\"")

    def look_by_tls(self, name: str, _token: str, text: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["acme-tls/1"])
        with socket.create_connection(self._place("tls", name), 10) as raw, context.wrap_socket(raw, server_hostname=name) as secured:
            if secured.selected_alpn_protocol() != "acme-tls/1":
                raise Refusal(403, "tls", f"{name}: no acme-tls/1")
            shown = x509.load_der_x509_certificate(secured.getpeercert(True))
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        proof = shown.extensions.get_extension_for_oid(ACME_IDENTIFIER)
        if len(list(names)) != 1 or names.get_values_for_type(x509.DNSName) != [name]:
            raise Refusal(403, "unauthorized", f"{name}: names of the certificate")
        if not proof.critical or proof.value.value != b"\x04\x20" + hashlib.sha256(text.encode()).digest():
            raise Refusal(403, "unauthorized", f"{name}: acmeIdentifier")
