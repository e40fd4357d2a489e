"""What 気象庁 says, as frozen nouns: reports, river forecasts, the outlook, and the picture they make. Decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kdx.errors import ExitCode, KdxError
from kdx.language import N_, translate


FEEDS = {
    "r8": N_("the warnings (r8)"),
    "flood_xml": N_("the flood forecasts (flood_xml)"),
    "warning_timeline": N_("the outlook (warning_timeline)"),
    "map_time": N_("the sign of life (map_time)"),
    "list": N_("the list of telegrams"),
    "long list": N_("the long list of telegrams"),
}
"""What each feed is to a person; a file stands for itself."""


class FeedUnclear(KdxError):
    """A feed could not be read, is stale, or says what kdx does not know. It is never read as "all clear"."""

    exit_code = ExitCode.UNDECIDED
    message = N_("The weather is not clear from {feed}: {why}.")
    advice = N_("Look at www.jma.go.jp yourself; backups go on. If it lasts, see kdx hazard show.")

    def __str__(self) -> str:
        """Return the sentence; its reason is a constant as often as not, and translated too."""
        feed = str(self.values["feed"])
        return translate(self.message).format(
            feed=translate(FEEDS.get(feed, feed)), why=translate(str(self.values["why"]))
        )


class Level(StrEnum):
    """How grave it is, in the five steps of 気象庁's 警戒レベル; UNKNOWN where nobody can tell."""

    CLEAR = "clear"
    ADVISORY = "advisory"
    WARNING = "warning"
    DANGER = "danger"
    EMERGENCY = "emergency"
    UNKNOWN = "unknown"


KNOWN = (Level.CLEAR, Level.ADVISORY, Level.WARNING, Level.DANGER, Level.EMERGENCY)
"""Those that can be compared, the mildest first."""


def gravest_level(*levels: Level) -> Level:
    """Return the gravest of known levels; CLEAR where none is given."""
    return max(levels, key=KNOWN.index, default=Level.CLEAR)


class Peril(StrEnum):
    """What threatens a server."""

    LIGHTNING = "lightning"
    WATER = "water"
    GROUND = "ground"
    WIND = "wind"
    SNOW = "snow"
    UNCLEAR = "unclear"
    """The weather has not been known for too long."""
    NONE = "none"
    """Dry air, fog, frost, waves: shown, and no reason to act."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One warning or advisory as a municipality's item carries it. A quiet municipality has one without a code."""

    code: str
    status: str
    significancies: tuple[str, ...] = ()
    """Codes of 危険度."""
    additions: tuple[str, ...] = ()
    """突風, ひょう, 竜巻, うねり."""


@dataclass(frozen=True, slots=True)
class Report:
    """One telegram, or one element of the r8 office file."""

    type: str
    """Its data type, such as VPWW55."""
    reported: datetime
    controlled: datetime
    """When it left 気象庁's computer; it may lie some 25 minutes after `reported`."""
    status: str
    """通常, 訓練 or 試験."""
    info: str
    """発表, 訂正 or 取消."""
    areas: Mapping[str, tuple[Kind, ...]] = field(hash=False)
    """Municipality (7 digits) -> what its item carries."""
    office: str = ""
    headline: str = ""
    notice_level: int = 0
    """The highest 警戒レベル named in the notice of a VPWW53/54, which carries no code of its own for it; 0: none."""


@dataclass(frozen=True, slots=True)
class River:
    """One 指定河川洪水予報. A cancelled one (code 1x) stays listed for a while."""

    name: str
    river: str
    """12 digits of the forecast area."""
    code: str
    reported: datetime
    status: str
    info: str
    municipalities: tuple[str, ...]
    serial: int = 0


@dataclass(frozen=True, slots=True)
class Outlook:
    """One step of the three-hourly outlook for one municipality."""

    type: str
    """雷危険度, 大雨浸水危険度, …"""
    start: datetime
    end: datetime
    code: str
    """A code of 危険度."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is known of one municipality's weather at one moment, and what is doubtful about it."""

    area: str
    observed: datetime
    reports: tuple[Report, ...] = ()
    """Those in force, the newest of each type."""
    rivers: tuple[River, ...] = ()
    """Those that name the municipality."""
    outlook: tuple[Outlook, ...] = ()
    doubts: tuple[FeedUnclear, ...] = ()
    """Why the level is UNKNOWN; empty where it is known."""
    notes: tuple[FeedUnclear, ...] = ()
    """What could not be read and does not make the present level unknown: the outlook."""
    alive: datetime | None = None
    """When 気象庁 last wrote anything (map_time.json); None where that was not asked."""
    sources: tuple[str, ...] = ()
    """Where it comes from: addresses or files."""
