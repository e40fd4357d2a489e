"""What the inventory folder says, as frozen nouns: board, school, server, share, target. No file is read here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path

from kdx.config.location import Location, parse_location
from kdx.config.mistakes import Mistake
from kdx.config.naming import find
from kdx.config.scheduling import HazardPolicy, Scheduling
from kdx.config.secret import SecretReference
from kdx.errors import ConfigurationError
from kdx.language import N_


class NoTarget(ConfigurationError):
    """No target was named and the configuration does not settle which one is meant."""

    message = N_("It is not clear where to migrate to.")
    advice = N_("Name a target with --to, or write exactly one under targets: in kdx.yml. Known: {known}.")


class NoShare(ConfigurationError):
    """A school has no share, so there is nothing to work on."""

    message = N_("{school} has no share in the inventory.")
    advice = N_("Write its server with shares: [{{name: …, url: …}}] under the school in hosts.yml.")


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Names never taken (fnmatch patterns on one path component). Counted and printed in every receipt."""

    version: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A folder tree a server offers. `id` stays when server or address change."""

    id: str
    name: str
    school: str
    """Id of the school it belongs to."""
    server: str
    location: Location
    ignore: IgnoreRules
    secret: SecretReference | None = None

    @property
    def over_network(self) -> bool:
        """Whether every byte that is read crosses a line of the school; a mounted share does not show that it does."""
        return self.location.scheme != "file"


@dataclass(frozen=True, slots=True)
class Server:
    """A file server inside a school."""

    name: str
    shares: tuple[Share, ...]
    variables: tuple[tuple[str, str], ...] = ()
    """What Ansible knows of it beside kdx's own keys (ansible_host, ...), as text."""


@dataclass(frozen=True, slots=True)
class School:
    """One school. Unknown facts are None or empty; they count as at risk, never as safe."""

    id: str
    name: str
    kana: str = ""
    code: str = ""
    kind: str = ""
    flood_depth_rank: int | None = None
    server_floor: int | None = None
    ups: bool | None = None
    servers: tuple[Server, ...] = ()

    @property
    def shares(self) -> tuple[Share, ...]:
        """All shares of all servers of this school."""
        return tuple(share for server in self.servers for share in server.shares)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a migration goes. Keys by reference; without them the ordinary AWS sources are asked."""

    name: str
    location: Location
    access_key: SecretReference | None = None
    secret_key: SecretReference | None = None
    secret: SecretReference | None = None
    """Password or key file, where it lies on a server."""
    profile: str = ""
    """What it can hold: a name of rules/targets.yml; empty where its address tells."""
    site: str = ""
    """Where it stands, in the board's own words; the server's own building is no second place."""


@dataclass(frozen=True, slots=True)
class WeatherAreas:
    """気象庁 codes: `office` (6 digits, the observatory that issues) and `class20` (7 digits, the city)."""

    office: str
    class20: str
    bosai: str = "https://www.jma.go.jp/bosai"
    """Where its JSON lies; a board with a closed network writes its own mirror."""
    xml: str = "https://www.data.jma.go.jp/developer/xml"
    """Where its XML telegrams lie."""
    contact: str = ""
    """A mail address or page that 気象庁 may turn to; part of the User-Agent."""


@dataclass(frozen=True, slots=True)
class Group:
    """One group of the Ansible inventory: its own hosts, direct children and own variables (plain data)."""

    name: str
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    variables: Mapping[str, object] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class AnsibleView:
    """The inventory as Ansible sees it: groups, and every host's variables merged as Ansible merges them."""

    groups: tuple[Group, ...] = ()
    hosts: Mapping[str, Mapping[str, object]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Network:
    """How to reach anything outside: a private CA bundle (PEM file), a proxy URL, host keys; all optional."""

    ca_bundle: Path | None = None
    proxy: str = ""
    known_hosts: Path | None = None
    """The board's own list of host keys for SSH, in OpenSSH's form."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may put a name to things: under `roles` in kdx.yml."""

    name: str
    """The role of this person's key in inventory/keys."""
    user: str
    """Name of the user account that this person works with."""
    may: frozenset[str]
    """approve, waive, examine."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What must not go, whatever the rule says: a dispute, an audit, a request for disclosure."""

    first: date
    last: date
    reason: str
    school: str = ""
    """Its id; empty for all."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The board's rule: so many days, weeks, months and fiscal years that have a good snapshot keep one each."""

    days: int = 35
    weeks: int = 13
    months: int = 13
    years: int = 5
    minimum: int = 7
    """So many good snapshots stay of every share, however old they are."""
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """What the board promises about backups, and from where on a person is asked."""

    rpo_hours: int = 30
    """So old may the last good run be, counted from its start: a nightly run from 22:00 may last until 05:00."""
    file_rpo_days: int = 7
    """So old may the copy of a single file be that could not be read."""
    reread_days: int = 60
    """In so many nightly runs every unchanged file is read once more; 0 means never."""
    drill_megabytes: int = 2000
    """So much may drills read back of each school in a week: reading back can cost money."""
    marker: str = ""
    """A file that stands in the root of every share; where it is missing, the share is not mounted."""
    exceptions: tuple[str, ...] = ()
    """Paths (fnmatch patterns) that need not be read for a run to count, reviewed by the board."""
    keep: Keep = field(default_factory=Keep)
    guards: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Limits that differ from kdx's own: name of kdx.backup.saving.guard.Limits -> value."""


@dataclass(frozen=True, slots=True)
class Publication:
    """`report:` of kdx.yml: where the page and its workbook are put each morning, and for whom."""

    place: Target
    at: time = time(6, 30)
    audience: str = "board"


@dataclass(frozen=True, slots=True)
class Board:
    """The board of education and everything it has written down."""

    name: str
    folder: Path
    schools: tuple[School, ...]
    targets: tuple[Target, ...] = ()
    language: str = ""
    municipality_code: str = ""
    time_zone: str = "Asia/Tokyo"
    network: Network = field(default_factory=Network)
    vault: Target | None = None
    """Where backups live; its name is "vault"."""
    backup: BackupSettings = field(default_factory=BackupSettings)
    weather: WeatherAreas | None = None
    roles: tuple[Person, ...] = ()
    schedule: Scheduling = Scheduling()
    hazard: HazardPolicy = HazardPolicy()
    report: Publication | None = None
    ansible: AnsibleView = field(default_factory=AnsibleView, repr=False)
    warnings: tuple[Mistake, ...] = ()
    """What is doubtful but stops nothing; kdx inventory check shows it."""

    def school(self, text: str) -> School:
        """Return the school with this id, or the only one whose Japanese name holds `text`."""
        return find(text, self.schools, N_("school"), lambda school: (school.id, school.name))

    def share(self, school: str, share: str | None = None) -> Share:
        """Return a school's share by name or id; its only one where none is named."""
        found = self.school(school)
        shares = found.shares
        if not shares:
            raise NoShare(school=found.name)
        if share is None and len(shares) == 1:
            return shares[0]
        return find(share or "", shares, N_("share"), lambda item: (item.id, item.name))

    def shares_named(self, school: str | None, share: str | None) -> tuple[Share, ...]:
        """Return the shares a pair of optional names means: of one school or all, one of them or all."""
        schools = (self.school(school),) if school else self.schools
        if share:
            return tuple(self.share(one.id, share) for one in schools)
        return tuple(found for one in schools for found in one.shares)

    def target(self, text: str | None = None) -> Target:
        """Return the target of this name or URL; the only configured one where none is named."""
        known = {target.name: target for target in self.targets}
        if text is None:
            if len(self.targets) != 1:
                raise NoTarget(known=", ".join(known) or "-")
            return self.targets[0]
        if text in known:
            return known[text]
        if text.startswith("/") or ":" in text:
            return Target(name=text, location=parse_location(text))
        return find(text, self.targets, N_("target"), lambda target: (target.name, target.name))
