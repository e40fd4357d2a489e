"""A certificate authority nobody trusts, and an S3 endpoint with a certificate of it."""

import ipaddress
import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

RCLONE = Path(sys.executable).with_name("rclone")
AUTHORITY = "kdx test authority"


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authority to trust, a server's certificate with its key, and the key of the authority."""

    bundle: Path
    certificate: Path
    key: Path
    authority_key: Path


@dataclass(frozen=True)
class TlsStore:
    """A running endpoint over TLS."""

    endpoint: str
    access_key: str
    secret_key: str


def make_certificates(folder: Path, days: int = 2, host: str = "127.0.0.1") -> Certificates:
    """Make an authority and a certificate of a server, an address; it ends in so many days, or ended before as many."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(AUTHORITY, authority_key, authority_key, is_authority=True, days=max(days, 2))
    server_key = ec.generate_private_key(ec.SECP256R1())
    server = _certificate(host, server_key, authority_key, is_authority=False, days=days)
    made = Certificates(*(folder / name for name in ("bundle.pem", "server.pem", "server.key", "authority.key")))
    made.bundle.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    for path, key in ((made.key, server_key), (made.authority_key, authority_key)):
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return made


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    is_authority: bool,
    days: int,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, AUTHORITY)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + min(timedelta(), timedelta(days=days)) - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        address = x509.IPAddress(ipaddress.ip_address(subject))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


@contextmanager
def serve_tls(made: Certificates, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> Iterator[int]:
    """Greet over TLS, of no newer version, and say nothing more, for the length of the block; yields the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest != ssl.TLSVersion.MAXIMUM_SUPPORTED:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    context.load_cert_chain(made.certificate, made.key)
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _whence = door.accept()
                    with suppress(OSError), context.wrap_socket(line, server_side=True) as wrapped:
                        wrapped.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield int(door.getsockname()[1])
        with suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)


@contextmanager
def serve_tls_s3(folder: Path, certificates: Certificates, *buckets: str) -> Iterator[TlsStore]:
    """Run `rclone serve s3` over TLS for the length of the block."""
    for bucket in buckets:
        (folder / bucket).mkdir(parents=True)
    keys = secrets.token_hex(10).upper(), secrets.token_hex(20)
    command = [RCLONE, "serve", "s3", "--addr", "127.0.0.1:0", folder]
    command += ["--cert", certificates.certificate, "--key", certificates.key]
    environment = {**os.environ, "RCLONE_CONFIG": os.devnull, "RCLONE_AUTH_KEY": f'"{keys[0]},{keys[1]}"'}
    log = folder / "rclone.log"
    with log.open("wb") as out:
        server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield TlsStore(_address(server, log), *keys)
    finally:
        server.terminate()
        server.wait()


def _address(server: "subprocess.Popen[bytes]", log: Path) -> str:
    end = time.monotonic() + 20
    while time.monotonic() < end and server.poll() is None:
        if found := re.search(r"https://127\.0\.0\.1:\d+", log.read_text()):
            return found[0]
        time.sleep(0.05)
    raise RuntimeError(f"rclone serve s3 did not start: {log.read_text()}")
