"""Every command and packet a run would send, said before. Pure; sends nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kdx.language import _
from kdx.remotes.dialogues import Address, dns, nut, smb, sntp
from kdx.remotes.ssh import COMMAND
from kdx.rollout.probe.canary import TEXT
from kdx.rollout.probe.check import By
from kdx.rollout.probe.checks.files import CANARY, NAME
from kdx.rollout.probe.checks.network import IMPOSSIBLE
from kdx.rollout.probe.script import AS_ROOT, BEGIN, command_of
from kdx.rollout.probe.section import NameFilter, Service, Way
from kdx.rollout.probe.visits import Session, Trial, Ups, Visit


@dataclass(frozen=True, slots=True)
class Sending:
    """One thing that is sent."""

    visit: Visit
    to: str
    what: str
    """A command, a line or a packet in hexadecimal, as it is sent; a sentence where a library decides the bytes."""
    check: str = ""
    """The one check it is for; empty where it is for all of the visit."""


def sendings_of(visits: Sequence[Visit]) -> tuple[Sending, ...]:
    """Return everything that would be sent, visit by visit."""
    return tuple(sending for visit in visits for sending in _of(visit))


def _of(visit: Visit) -> Iterator[Sending]:
    subject = visit.subject
    match subject:
        case Session():
            where = _login(subject)
            yield Sending(visit, where, COMMAND)
            yield Sending(visit, where, BEGIN.replace("{as_root}", AS_ROOT[subject.as_root]).strip())
            for check in visit.checks:
                yield Sending(visit, where, command_of(check), check)
        case Ups():
            for variable in nut.VARIABLES:
                yield Sending(visit, f"TCP {subject.address}", nut.question(subject.name, variable).decode().strip())
        case Service():
            yield Sending(visit, f"TCP {subject.address}", _("a TLS handshake, and nothing after it"))
        case NameFilter():
            for name in (IMPOSSIBLE, subject.allowed, *subject.blocked):
                packet = dns.question(name, b"\0\0").hex()
                yield Sending(visit, f"UDP {subject.resolver}", f"{name} A IN ({packet})")
        case Way():
            for address in filter(None, (subject.to, subject.control)):
                yield Sending(visit, f"TCP {address}", _("a connection, hung up at once"))
        case Trial():
            text = _("one file {file} of {size} bytes, in a folder that is there already; deleted again if written")
            yield Sending(visit, str(subject.place.location), text.format(file=f"{CANARY}/{NAME}", size=len(TEXT)))
        case Address() if visit.by is By.NTP:
            yield Sending(visit, f"UDP {subject}", f"{sntp.QUESTION.hex()}+8")
        case Address():
            yield Sending(visit, f"TCP {subject}", smb.SMB3.hex())
            yield Sending(visit, f"TCP {subject}", smb.SMB1.hex())


def _login(session: Session) -> str:
    location = session.login.location
    user = f"{location.user}@" if location.user else ""
    return f"SSH {user}{location.host}:{location.port or 22}"
