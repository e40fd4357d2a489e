"""Until when a server's TLS certificate is good, and why it does not hold. Sends nothing but the greeting."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from kdx.config.model import Network
from kdx.remotes.dialogues import Address, NoAnswer, tls

ANSWER_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server showed."""

    until: datetime | None = None
    """When it ends, aware; None where it does not hold."""
    fault: str = ""
    """Why this machine does not trust it, in the library's words."""


def certificate_at(address: str, network: Network) -> Certificate | None:
    """Return the certificate at an https address; None where there is none, or no answer.

    The checks of the place itself say what is wrong with the line.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        return None
    at = Address(parts.hostname, parts.port or tls.PORT)
    try:
        shown = tls.ask(at, network.ca_bundle, network.proxy or "", ANSWER_SECONDS)
    except NoAnswer:
        return None
    if shown["fault"]:
        return Certificate(fault=shown["fault"])
    return Certificate(datetime.fromisoformat(shown["until"]))
