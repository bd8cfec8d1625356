"""Certificates for a test, made by the openssl program: an authority and what it signs."""

import ssl
import subprocess

from support import LIMIT

PHRASE = "open sesame"


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=LIMIT)


class Authority:
    """A certificate authority in a folder: `cert` is its own certificate."""

    def __init__(self, folder, name="Taburet test authority"):
        self.folder, self.serial = folder, 0
        self.cert, self.key = folder / "ca.pem", folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-days", 2, "-subj", f"/CN={name}", "-keyout", self.key,
                "-out", self.cert)

    def issue(self, name, alt="DNS:localhost,IP:127.0.0.1,IP:::1", expired=False):
        """A certificate and its key: (cert, key)."""
        self.serial += 1
        stem = self.folder / f"leaf{self.serial}"
        cert, key, request, extra = (stem.with_suffix(s) for s in (".pem", ".key", ".csr", ".ext"))
        extra.write_text(f"subjectAltName={alt}\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        days = ["-days", "-1"] if expired else ["-days", "2"]
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                "-set_serial", self.serial, "-extfile", extra, "-out", cert, *days)
        return cert, key


def encrypted(key):
    """The same key under PHRASE, in a file beside it."""
    locked = key.with_suffix(".locked")
    openssl("pkey", "-in", key, "-aes256", "-passout", f"pass:{PHRASE}", "-out", locked)
    return locked


def serving(cert, key, client_ca=None):
    """A server's context; with client_ca it wants a certificate of the client's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context
