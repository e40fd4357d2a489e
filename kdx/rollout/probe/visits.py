"""Board and rollout.yml -> who is asked what, by which conversation. Pure; asks nobody.

A server is what hosts.yml says it is: its SMB address from a share or `kdx_smb`, its login over SSH from Ansible's own
variables or an sftp share, its UPS from `kdx_ups`, its clock from `kdx_ntp`. A host without shares is a terminal.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from kdx.config.location import Location
from kdx.config.model import Board, School, Server, Share
from kdx.config.secret import SecretReference
from kdx.language import N_
from kdx.remotes import Place, place_of_share
from kdx.remotes.dialogues import Address
from kdx.remotes.dialogues.nut import PORT as UPS_PORT
from kdx.remotes.dialogues.sntp import PORT as NTP_PORT
from kdx.remotes.ssh import Login
from kdx.rollout.probe.check import By
from kdx.rollout.probe.checks import CHECKS
from kdx.rollout.probe.rules import Rules
from kdx.rollout.probe.section import NameFilter, ProbeSettings, Service, Shut, Way
from kdx.rollout.probe.settings import parse_address

SMB_PORT = 445
CLOCK = "clock_right"
REFERENCE = N_("this machine's clock")
OVER_SSH = ("", "ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ansible.builtin.paramiko_ssh")
"""What ansible_connection says where a host is reached over SSH."""


@dataclass(frozen=True, slots=True)
class Ups:
    """A UPS, by the name its server gives it."""

    name: str
    address: Address


@dataclass(frozen=True, slots=True)
class Session:
    """A login over SSH; `as_root` where sudo is declared for it."""

    login: Login
    as_root: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """A share that must refuse to be written to, opened as somebody who works there."""

    place: Place
    user: str


Subject = Address | Ups | Session | Service | NameFilter | Way | Trial


@dataclass(frozen=True, slots=True)
class Visit:
    """One conversation with one machine, and the checks that its answer decides."""

    school: str
    """Id; empty for the city."""
    target: str
    by: By
    subject: Subject
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tour:
    """All visits of a run, and what is left out, in words."""

    visits: tuple[Visit, ...]
    without_login: tuple[str, ...] = ()
    """Servers that have no account over SSH: what needs one is not asked."""
    elsewhere: tuple[str, ...] = ()
    """Ways that are to be looked at from another place."""


def plan(board: Board, settings: ProbeSettings, rules: Rules, schools: Sequence[School], vantage: str) -> Tour:
    """Return the visits to these schools; to what the city uses too where it is all of them."""
    visits: list[Visit] = []
    without = []
    if settings.clock:
        visits.append(Visit("", REFERENCE, By.NTP, settings.clock, (CLOCK,)))
    if len(schools) == len(board.schools):
        visits += [Visit("", one.name, By.TLS, one, ("tls_sound",)) for one in settings.services]
    for school in schools:
        for server in school.servers:
            session = session_of(board, server)
            visits += _visits_to(school, server, session, rules)
            if server.shares and session is None:
                without.append(server.name)
    chosen = {school.id for school in schools}
    elsewhere = []
    for way in settings.ways:
        if (place := board.school(way.school).id) in chosen:
            if way.sources and vantage not in way.sources:
                elsewhere.append(way.name)
            else:
                visits.append(Visit(place, way.name, By.REACH, way, (way.check,)))
    for one in settings.filters:
        if (place := board.school(one.school).id) in chosen:
            visits.append(Visit(place, str(one.resolver), By.DNS, one, ("web_filter",)))
    for shut in settings.shut:
        if (place := board.school(shut.school).id) in chosen:
            share = board.share(shut.school, shut.share or None)
            subject = Trial(_opened_as(board, share, shut), shut.user)
            visits.append(Visit(place, f"{share.server} {share.name}", By.WRITE, subject, ("old_share_read_only",)))
    return Tour(tuple(visits), tuple(without), tuple(elsewhere))


def only(tour: Tour, checks: Collection[str], server: str) -> Tour:
    """Return what of a tour decides these checks, where any are named, of this server, where one is."""
    visits = [one for one in tour.visits if not server or one.target in (server, REFERENCE)]
    if checks:
        visits = [replace(one, checks=tuple(check for check in one.checks if check in checks)) for one in visits]
    return replace(tour, visits=tuple(one for one in visits if one.checks))


def unasked(tour: Tour, servers: Sequence[str], checks: Sequence[str], rules: Rules) -> tuple[tuple[str, str], ...]:
    """Return (server, check) where nobody can be asked; the server is empty for a check that is not of servers."""
    asked = {(visit.target, check) for visit in tour.visits for check in visit.checks}
    missing = []
    for check in checks:
        if check in rules.checks and _is_of(check, "server", rules):
            missing += [(name, check) for name in servers if (name, check) not in asked]
        elif not any(one == check for _target, one in asked):
            missing.append(("", check))
    return tuple(missing)


def session_of(board: Board, server: Server) -> Session | None:
    """Return how a server is logged in to over SSH; None where nothing says so."""
    variables = dict(server.variables)
    as_root = variables.get("kdx_sudo", "").lower() == "true"
    if "ansible_host" in variables and variables.get("ansible_connection", "") in OVER_SSH:
        key = variables.get("ansible_ssh_private_key_file")
        port = variables.get("ansible_port", "")
        user = variables.get("ansible_user", "")
        location = Location("sftp", "/", variables["ansible_host"], int(port) if port.isdecimal() else None, user)
        return Session(Login(location, board.network, SecretReference("file", key) if key else None), as_root)
    for share in server.shares:
        if share.location.scheme == "sftp":
            return Session(Login(replace(share.location, path="/"), board.network, share.secret), as_root)
    return None


def _visits_to(school: School, server: Server, session: Session | None, rules: Rules) -> Iterator[Visit]:
    variables, name = dict(server.variables), server.name
    kind = "server" if server.shares else "terminal"
    clock: tuple[str, ...] = (CLOCK,) if _is_of(CLOCK, kind, rules) else ()
    ntp = parse_address(variables.get("kdx_ntp", ""), NTP_PORT)
    if ntp and clock:
        yield Visit(school.id, name, By.NTP, ntp, clock)
        clock = ()
    smb = _smb_address(server)
    if smb:
        yield Visit(school.id, name, By.SMB, smb, (*_checks_by(By.SMB, kind, rules), *clock))
        clock = ()
    ups, _at, where = variables.get("kdx_ups", "").rpartition("@")
    power = parse_address(where, UPS_PORT)
    if ups and power:
        yield Visit(school.id, name, By.UPS, Ups(ups, power), _checks_by(By.UPS, kind, rules))
    if session:
        yield Visit(school.id, name, By.SSH, session, (*clock, *_checks_by(By.SSH, kind, rules)))


def _smb_address(server: Server) -> Address | None:
    written = parse_address(dict(server.variables).get("kdx_smb", ""), SMB_PORT)
    shares = (share.location for share in server.shares if share.location.scheme == "smb")
    return written or next((Address(one.host, one.port or SMB_PORT) for one in shares), None)


def _checks_by(by: By, kind: str, rules: Rules) -> tuple[str, ...]:
    return tuple(check.id for check in CHECKS if check.by is by and _is_of(check.id, kind, rules))


def _is_of(check: str, kind: str, rules: Rules) -> bool:
    return rules.checks[check].of in (kind, "any")


def _opened_as(board: Board, share: Share, shut: Shut) -> Place:
    """Return the share as somebody else would open it: an address names the user, whatever kdx's own account is."""
    location = share.location
    if location.scheme in ("smb", "sftp"):
        location = replace(location, user=shut.user)
    return replace(place_of_share(board, share), location=location, secret=shut.secret)
