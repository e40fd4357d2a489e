"""What rollout.yml says under probe: as nouns. Reads nothing."""

from dataclasses import dataclass

from kdx.config.secret import SecretReference
from kdx.remotes.dialogues import Address


@dataclass(frozen=True, slots=True)
class Service:
    """Something used over TLS by all schools."""

    name: str
    address: Address


@dataclass(frozen=True, slots=True)
class NameFilter:
    """A resolver that must keep names back: `allowed` must come through it, `page` is where it sends the others."""

    school: str
    resolver: Address
    blocked: tuple[str, ...]
    allowed: str
    page: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """A way through the network that must be open or closed; `control` is a port on it that must answer."""

    check: str
    school: str
    name: str
    to: Address
    expect: str
    control: Address | None = None
    sources: tuple[str, ...] = ()
    """Places it is to be looked at from; empty for all."""


@dataclass(frozen=True, slots=True)
class Shut:
    """A share that must refuse whoever wrote to it before: an account of a person who works there, not kdx's own."""

    school: str
    share: str
    user: str
    secret: SecretReference | None = None


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """All of it."""

    vantage: str = ""
    """Where this machine stands, as people call it."""
    clock: Address | None = None
    """The reference clock (SNTP)."""
    services: tuple[Service, ...] = ()
    filters: tuple[NameFilter, ...] = ()
    ways: tuple[Way, ...] = ()
    shut: tuple[Shut, ...] = ()
