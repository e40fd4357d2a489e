"""Take values out of somebody else's JSON without trust: the right kind of value, or FeedUnclear that names it."""

import json
from datetime import UTC, datetime
from typing import Any

from kdx.hazard.items import FeedUnclear
from kdx.language import N_, _


def read_json(body: bytes, feed: str) -> Any:
    """Return the value a body holds. FeedUnclear for what is empty, cut off, HTML, or no JSON."""
    start = body[:200].lstrip()
    if not start:
        raise FeedUnclear(feed=feed, why=N_("the answer is empty"))
    if start.startswith(b"<"):
        raise FeedUnclear(feed=feed, why=N_("a web page came instead of data"))
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FeedUnclear(feed=feed, why=N_("the answer is cut off or no JSON")) from error


def unexpected(feed: str, what: str) -> FeedUnclear:
    """Return the error for a shape that is not the documented one; `what` names the key."""
    return FeedUnclear(feed=feed, why=_("{key} is not what is documented").format(key=what))


def mapping(value: Any, feed: str, what: str) -> dict[str, Any]:
    """Return `value`, which must be an object."""
    if isinstance(value, dict):
        return value
    raise unexpected(feed, what)


def items(value: Any, feed: str, what: str) -> list[Any]:
    """Return `value`, which must be an array."""
    if isinstance(value, list):
        return value
    raise unexpected(feed, what)


def text(parent: dict[str, Any], key: str, feed: str, default: str | None = None) -> str:
    """Return the text under `key`; codes are text, and a number there has lost its leading zeros."""
    value = parent.get(key, default)
    if isinstance(value, str):
        return value
    raise unexpected(feed, key)


def texts(value: Any, feed: str, what: str) -> tuple[str, ...]:
    """Return an array of text."""
    found = items(value, feed, what)
    if all(isinstance(one, str) for one in found):
        return tuple(found)
    raise unexpected(feed, what)


def area_code(value: Any, digits: int, feed: str, what: str) -> str:
    """Return an area code, which must be text of that many digits."""
    if isinstance(value, str) and len(value) == digits and value.isascii() and value.isdecimal():
        return value
    raise unexpected(feed, what)


def moment(value: Any, feed: str, what: str) -> datetime:
    """Return an aware time in UTC; feeds mix Z and +09:00."""
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise unexpected(feed, what)
