"""Addresses of shares and stores as URLs. Parses and prints; opens nothing, and never holds or shows a secret.

What parse_location accepts, str() writes so that it parses to the same again. Bytes that are not UTF-8 stay as they are
(surrogate-escaped in memory, percent-encoded in URLs).
"""

import re
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from kdx.errors import ConfigurationError
from kdx.language import N_, _

SCHEMES = ("file", "sftp", "smb", "s3")
OPTIONS = ("endpoint", "region", "lock")
"""What may stand after `?`, for s3 only. lock=required: nothing counts as stored there that is not locked."""

_CONTROL = re.compile("[\0-\x1f\x7f]")
_RCLONE_REMOTE = re.compile(r"[\w.][\w.+@ -]*")
"""Names that need no quoting; rclone's connection strings (with commas, values, secrets) are not names."""


class AddressUnclear(ConfigurationError):
    """An address is not one of the forms kdx knows."""

    message = N_("The address {text!r} is not understood: {why}.")
    advice = N_(
        "Write /absolute/path, file:///path, sftp://user@host:port/path, smb://user@host/share/path, "
        "s3://bucket/prefix?endpoint=URL&region=NAME or rclone:REMOTE:path."
    )


@dataclass(frozen=True, slots=True)
class Location:
    """Where files live. `path` is absolute for folders, the prefix without outer slashes for s3; for rclone as it is
    written, without slashes at its end."""

    scheme: str
    path: str
    host: str = ""
    """Server name without brackets; the bucket for s3, the remote's name for rclone."""
    port: int | None = None
    user: str = ""
    options: tuple[tuple[str, str], ...] = field(default=())

    def option(self, name: str, default: str = "") -> str:
        """Return the query option `name` of the address (endpoint, region)."""
        return dict(self.options).get(name, default)

    def child(self, *names: str) -> "Location":
        """Return the place `names` below this one. Names are taken as they are, `/` in them is refused."""
        for name in names:
            if not name or "/" in name or name in (".", ".."):
                raise AddressUnclear(text=name, why=_("a name below an address must be one plain name"))
        rooted = self.scheme not in ("s3", "rclone") or self.path.startswith("/")
        return replace(self, path="/".join((self.path.rstrip("/"), *names) if rooted or self.path else names))

    def __str__(self) -> str:
        if self.scheme == "file":
            return self.path
        if self.scheme == "rclone":
            return f"rclone:{self.host}:{self.path}"
        user = f"{_quote(self.user, '')}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        path = "/" + _quote(self.path.lstrip("/"), "/") if self.path else ""
        query = f"?{urlencode(self.options, safe=':/', errors='surrogateescape')}" if self.options else ""
        return f"{self.scheme}://{user}{host}{port}{path}{query}"


def parse_location(text: str) -> Location:
    """Given an address as typed or configured, return it taken apart. AddressUnclear where it is not one."""
    if _CONTROL.search(text):
        raise _unclear(text, _("it holds a control character"))
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise _unclear(text, _("it holds half a character")) from error
    if text.startswith("/"):
        return Location("file", text.rstrip("/") or "/")
    if text.startswith("rclone:"):
        remote, colon, path = text.removeprefix("rclone:").partition(":")
        if not colon or not _RCLONE_REMOTE.fullmatch(remote):
            raise _unclear(text, _("rclone addresses name a remote that rclone knows and a path"))
        # a remote may tell /volume1 from volume1 (sftp: the user's home folder)
        rooted = "/" if path.startswith("/") else ""
        return Location("rclone", rooted + path.strip("/"), host=remote)
    return _parse_url(text)


def _parse_url(text: str) -> Location:
    try:
        parts = urlsplit(text)
        port = parts.port
        options = tuple(parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape"))
    except ValueError as error:
        # the library's own words may hold a piece of a password
        raise _unclear(text, _("its server name or port is not well formed")) from error
    if parts.scheme not in SCHEMES or text != text.strip():
        raise _unclear(text, _("it is neither an absolute path nor a known kind of URL"))
    if parts.password is not None:
        raise _unclear(text, _("a password never stands in an address"))
    if parts.fragment or text.endswith("#"):
        raise _unclear(text, _("write # in a path as %23"))
    path = unquote(parts.path, errors="surrogateescape")
    if _CONTROL.search(path):
        raise _unclear(text, _("it holds a control character"))
    if parts.scheme == "file":
        if parts.netloc or not path.startswith("/") or parts.query:
            raise _unclear(text, _("file addresses have three slashes and an absolute path"))
        return Location("file", path.rstrip("/") or "/")
    host = _host(parts)
    if not host or port == 0 or re.search(r"\s", parts.netloc):
        raise _unclear(text, _("it names no server or bucket"))
    _check_kind(text, parts, port, path, options)
    path = path.strip("/")
    path = path if parts.scheme == "s3" or not path else f"/{path}"
    return Location(parts.scheme, path, host, port, unquote(parts.username or "", errors="surrogateescape"), options)


def _host(parts: SplitResult) -> str:
    """Return the server or bucket as it was written: urlsplit's own hostname is lower-cased."""
    written = parts.netloc.rpartition("@")[2]
    return written[1:].partition("]")[0] if written.startswith("[") else written.partition(":")[0]


def _check_kind(
    text: str, parts: SplitResult, port: int | None, path: str, options: tuple[tuple[str, str], ...]
) -> None:
    names = [name for name, _value in options]
    unknown = [name for name in names if parts.scheme != "s3" or name not in OPTIONS or names.count(name) > 1]
    if unknown:
        raise _unclear(text, _("{name} is not an option of such an address").format(name=unknown[0]))
    if parts.scheme == "s3":
        if "@" in parts.netloc or port is not None:
            raise _unclear(text, _("the server of an s3 address stands in endpoint, its keys beside it"))
        endpoint = dict(options).get("endpoint")
        if endpoint is not None and not _is_endpoint(endpoint):
            raise _unclear(text, _("endpoint must be http:// or https:// and a server, without user or query"))
    if parts.scheme == "smb" and not path.strip("/"):
        raise _unclear(text, _("it names no share"))


def _is_endpoint(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc or _CONTROL.search(text))
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and plain


def _unclear(text: str, why: str) -> AddressUnclear:
    """Return the error, without what stands where passwords and keys are written by mistake."""
    shown = re.sub(r"//.*@", "//…@", text, flags=re.DOTALL)
    return AddressUnclear(text=re.sub(r"\?.*", "?…", shown, flags=re.DOTALL), why=why)


def _quote(text: str, safe: str) -> str:
    return quote(text, safe=safe, errors="surrogateescape")
