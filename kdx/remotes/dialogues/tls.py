"""How a service proves over TLS who it is: checked with the board's own authorities where it has any."""

import ssl
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from kdx.language import N_
from kdx.remotes.dialogues import Address, NoAnswer, Raw
from kdx.remotes.dialogues.line import Line

PORT = 443


def ask(address: Address, bundle: Path | None, proxy: str, within: float) -> Raw:
    """Return until (ISO 8601), issuer, version, and `fault` where the proof does not hold. NoAnswer where none came."""
    context = ssl.create_default_context(cafile=str(bundle) if bundle else None)
    with Line(_through(proxy) if proxy else address, within) as line:
        if proxy:
            _ask_proxy(line, address)
        try:
            with context.wrap_socket(line.socket, server_hostname=address.host) as wrapped:
                return _fields(wrapped)
        except ssl.SSLCertVerificationError as error:
            return {"fault": error.verify_message or str(error)}
        except ssl.SSLError as error:
            if error.reason in ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"):
                return {"fault": "TLS < 1.2"}
            raise NoAnswer(N_("it does not speak TLS")) from error
        except OSError as error:
            raise NoAnswer(N_("it does not speak TLS")) from error


def _fields(wrapped: ssl.SSLSocket) -> Raw:
    certificate = wrapped.getpeercert() or {}
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    names = dict(pair[0] for pair in certificate.get("issuer", ()) if pair)  # type: ignore[misc]
    issuer = names.get("organizationName") or names.get("commonName") or ""
    with suppress(OSError):
        wrapped.settimeout(1)
        wrapped.unwrap()
    return {"until": ends.isoformat(), "issuer": str(issuer), "version": wrapped.version() or "", "fault": ""}


def _through(proxy: str) -> Address:
    parts = urlsplit(proxy)
    return Address(parts.hostname or "", parts.port or 8080)


def _ask_proxy(line: Line, address: Address) -> None:
    line.send(f"CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
    first = line.receive_line()
    while line.receive_line():
        pass
    if first.split(b" ")[1:2] != [b"200"]:
        raise NoAnswer(N_("the proxy lets nobody through to it"))
