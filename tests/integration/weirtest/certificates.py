"""Certificates made on the spot with the openssl command; nothing that expires lies in the tree."""
import pathlib
import subprocess


def openssl(*arguments: str, **options) -> subprocess.CompletedProcess:
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(["openssl", *arguments], capture_output=True, timeout=60, **options)


class Certificate:
    """NAME.pem and NAME.key in a directory. `issuer`: signs it, else it signs itself. `key`: "ec" or "rsa"."""

    def __init__(self, directory, name: str, names=(), issuer: "Certificate | None" = None, authority: bool = False, key: str = "ec",
                 days: int = 90, extensions=()):
        directory = pathlib.Path(directory)
        self.name = name
        self.pem, self.key = str(directory / f"{name}.pem"), str(directory / f"{name}.key")
        how = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["-newkey", "rsa:2048"]
        extension = "basicConstraints=critical,CA:TRUE" if authority else "basicConstraints=critical,CA:FALSE"
        extra = ["-addext", "subjectAltName=" + ",".join(f"DNS:{each}" for each in names)] if names else []
        for each in extensions:
            extra += ["-addext", each]
        signer = ["-CA", issuer.pem, "-CAkey", issuer.key] if issuer else []
        done = openssl("req", "-x509", *how, "-nodes", "-keyout", self.key, "-out", self.pem, "-days", str(days), "-subj",
                       f"/CN={name}", "-addext", extension, *extra, *signer)
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode())

    @property
    def serial(self) -> str:
        return openssl("x509", "-in", self.pem, "-noout", "-serial").stdout.decode().strip().partition("=")[2]
