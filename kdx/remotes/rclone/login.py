"""What rclone's configuration tells about when a login ends. Pure; no secret leaves it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Login:
    """When it ends, as far as that is written there."""

    until: datetime | None = None
    """Aware; None where nothing says so."""
    renews: bool = False
    """rclone renews it by itself; how long it may do so only the service knows."""


def login_of(settings: Mapping[str, Any]) -> Login:
    """Given a remote's settings as rclone keeps them, return what they say: a token, or an Azure SAS address."""
    try:
        token = json.loads(str(settings.get("token") or "{}"))
        return Login(_moment(token.get("expiry")), bool(token.get("refresh_token"))) if token else _by_address(settings)
    except (ValueError, AttributeError):
        return Login()


def _by_address(settings: Mapping[str, Any]) -> Login:
    ends = parse_qs(urlsplit(str(settings.get("sas_url", ""))).query).get("se", [""])[0]
    return Login(_moment(ends))


def _moment(text: Any) -> datetime | None:
    if not text:
        return None
    # rclone writes more decimals than a datetime holds; a day without a zone is none of a moment
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else None
