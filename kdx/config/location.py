"""Addresses of shares and stores as URLs. Parses and prints; opens nothing, and never holds a secret."""

from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from kdx.errors import ConfigurationError
from kdx.language import N_

SCHEMES = ("file", "sftp", "smb", "s3", "rclone")


class AddressUnclear(ConfigurationError):
    """An address is not one of the forms kdx knows."""

    message = N_("The address {text!r} is not understood: {why}.")
    advice = N_(
        "Write /absolute/path, file:///path, sftp://user@host:port/path, smb://user@host/share/path, "
        "s3://bucket/prefix?endpoint=URL&region=NAME or rclone:REMOTE:path."
    )


@dataclass(frozen=True, slots=True)
class Location:
    """Where files live. `path` is absolute for folders, the prefix without outer slashes for s3."""

    scheme: str
    path: str
    host: str = ""
    """Server name; the bucket for s3, the remote's name for rclone."""
    port: int | None = None
    user: str = ""
    options: tuple[tuple[str, str], ...] = field(default=())

    def option(self, name: str, default: str = "") -> str:
        """Return the query option `name` of the address (endpoint, region, ...)."""
        return dict(self.options).get(name, default)

    def child(self, *names: str) -> "Location":
        """Return the place `names` below this one. Names are taken as they are, `/` in them is refused."""
        for name in names:
            if not name or "/" in name or name in (".", ".."):
                raise AddressUnclear(text=name, why="a name below an address must be one plain name")
        return replace(self, path="/".join(part for part in (self.path.rstrip("/"), *names) if part))

    def __str__(self) -> str:
        if self.scheme == "file":
            return self.path
        if self.scheme == "rclone":
            return f"rclone:{self.host}:{self.path}"
        user = f"{quote(self.user)}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        path = "/" + quote(self.path.lstrip("/")) if self.path else ""
        query = f"?{urlencode(self.options, safe=':/')}" if self.options else ""
        return f"{self.scheme}://{user}{self.host}{port}{path}{query}"


def parse_location(text: str) -> Location:
    """Given an address as typed or configured, return it taken apart. AddressUnclear where it is not one."""
    if "\0" in text or "\n" in text:
        raise AddressUnclear(text=text, why="it holds a control character")
    if text.startswith("/"):
        return Location("file", text.rstrip("/") or "/")
    if text.startswith("rclone:"):
        remote, colon, path = text.removeprefix("rclone:").partition(":")
        if not remote or not colon:
            raise AddressUnclear(text=text, why="rclone addresses name a remote and a path")
        return Location("rclone", path.strip("/"), host=remote)
    return _parse_url(text)


def _parse_url(text: str) -> Location:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise AddressUnclear(text=text, why=str(error)) from error
    if parts.scheme not in SCHEMES or parts.scheme == "rclone":
        raise AddressUnclear(text=text, why="it is neither an absolute path nor a known kind of URL")
    if parts.password is not None:
        raise AddressUnclear(text=f"{parts.scheme}://…@{parts.hostname}", why="a password never stands in an address")
    if parts.fragment:
        raise AddressUnclear(text=text, why="write # in a path as %23")
    path = unquote(parts.path)
    if parts.scheme == "file":
        if parts.netloc or not path.startswith("/"):
            raise AddressUnclear(text=text, why="file addresses have three slashes and an absolute path")
        return Location("file", path.rstrip("/") or "/")
    if not parts.hostname:
        raise AddressUnclear(text=text, why="it names no server or bucket")
    # hostname is lower-cased by urlsplit; a bucket's name must stay as it was written
    host = parts.netloc.rpartition("@")[2].partition(":")[0]
    options = tuple(parse_qsl(parts.query, keep_blank_values=True))
    path = path.strip("/") if parts.scheme == "s3" else path.rstrip("/")
    return Location(parts.scheme, path, host, port, unquote(parts.username or ""), options)
