"""Until when a server's TLS certificate is good. Sends nothing but the greeting, and reads no data."""

import ssl
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from kdx.config.model import Network

ANSWER_SECONDS = 10


def certificate_until(address: str, network: Network) -> datetime | None:
    """Return when the certificate at an https address ends, aware; None where that cannot be known from here.

    Only a certificate that this machine trusts is one; behind a proxy nothing is known.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname or network.proxy:
        return None
    trust = ssl.create_default_context(cafile=network.ca_bundle)
    try:
        with closing(HTTPSConnection(parts.hostname, parts.port, timeout=ANSWER_SECONDS, context=trust)) as line:
            line.connect()
            assert isinstance(line.sock, ssl.SSLSocket)
            shown = line.sock.getpeercert() or {}
    except (OSError, HTTPException):
        # the checks of the place itself say what is wrong with the line
        return None
    ends = shown.get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None
