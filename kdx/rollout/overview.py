"""Board, definition and ledger -> every cell's state at a moment, with what a table must say about its sources."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from kdx import signing
from kdx.config.model import Board, School
from kdx.errors import ExitCode, UsageMistake
from kdx.language import N_, _
from kdx.rollout.approval import trusted_events
from kdx.rollout.definition import load_definition
from kdx.rollout.evidence import read_facts
from kdx.rollout.status import CellStatus, World, compute
from kdx.rollout.stream import Cell, Definition, Milestone, Scope, Stream, cells_at
from kdx.state.ledger import Ledger

CITY_WORDS = ("city", "市")


class UnknownMilestone(UsageMistake):
    """A milestone, stream, item or baseline was named that rollout.yml or the ledger does not hold."""

    message = N_("There is no {kind} named {name!r} in the rollout.")
    advice = N_("Nearest: {nearest}.")


class NotHere(UsageMistake):
    """A milestone was asked for at a place it does not concern."""

    message = N_("{milestone} is not a milestone of {place}.")
    advice = N_("Name a school for a school's milestones, city for those of the city, --item where there are several.")


@dataclass(frozen=True, slots=True)
class Overview:
    """The rollout at a moment."""

    board: Board
    world: World
    statuses: Mapping[Cell, CellStatus]
    ledger_id: int
    """The last event that was looked at."""
    schools: Mapping[str, School] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    """What the reader of any table must know, already translated."""

    @property
    def definition(self) -> Definition:
        """rollout.yml."""
        return self.world.definition

    @property
    def exit_code(self) -> ExitCode:
        """5 where events of the ledger were changed; nothing relies on those."""
        return ExitCode.DIFFERENCE if self.world.facts.changed else ExitCode.DONE

    @property
    def source(self) -> str:
        """Where it comes from, for every table."""
        return _("ledger #{id}, rollout.yml, hosts.yml").format(id=self.ledger_id)


def look(board: Board, ledger: Ledger, now: datetime, as_of: datetime | None = None) -> Overview:
    """Return the rollout now, or as the ledger knew it at a time."""
    definition = load_definition(board.folder)
    facts = read_facts(ledger, as_of)
    keys = signing.load_public_keys(board.folder / "keys")
    # a day that has not ended yet is looked at as it is now
    moment = min(as_of or now, now).astimezone(ZoneInfo(board.time_zone))
    schools = {school.id: school for school in board.schools}
    shares = {name: tuple(share.id for share in school.shares) for name, school in schools.items()}
    world = World(definition, shares, facts, trusted_events(board, keys, facts), moment)
    last = facts.last if as_of else ledger.head()[0]
    return Overview(board, world, compute(world), last, schools, _warnings(world, schools))


def _warnings(world: World, schools: Mapping[str, School]) -> tuple[str, ...]:
    facts = world.facts
    said = []
    if facts.changed:
        text = _("Events of the ledger were changed and are not relied on: {numbers}. Run kdx audit verify.")
        said.append(text.format(numbers=_numbers(facts.changed)))
    if facts.unread:
        text = _("Events of a form this kdx does not know are left out: {numbers}.")
        said.append(text.format(numbers=_numbers(facts.unread)))
    known = {one.id for one in world.definition.milestones}
    cells = {*facts.claims, *facts.plans, *facts.blocks, *facts.approvals, *facts.waivers}
    for gone in sorted({cell.milestone for cell in cells} - known):
        count = sum(cell.milestone == gone for cell in cells)
        text = _("rollout.yml has no milestone {name} any more; the ledger still holds {count} cells of it.")
        said.append(text.format(name=gone, count=count))
    for gone in sorted({cell.school for cell in cells if cell.school} - set(schools)):
        text = _("hosts.yml has no school {name} any more; what the ledger holds about it is not shown.")
        said.append(text.format(name=gone))
    late = [event.id for event in facts.newest_events() if event.time > world.now]
    if late:
        text = _("Events bear a time that is yet to come, so a clock was set back: {numbers}.")
        said.append(text.format(numbers=_numbers(late)))
    return tuple(said)


def _numbers(events: tuple[int, ...] | list[int]) -> str:
    more = "" if len(events) <= 10 else f" (+{len(events) - 10})"
    return ", ".join(f"#{number}" for number in sorted(events)[:10]) + more


def find_milestone(definition: Definition, text: str) -> Milestone:
    """Return the milestone of this id or number, or the only one whose label or heading holds `text`."""
    plain = text.removeprefix("#")
    exact = [one for one in definition.milestones if plain in (one.id, str(one.number))]
    fitting = exact or [one for one in definition.milestones if text in (one.column, one.label.ja, one.label.en)]
    fitting = fitting or [one for one in definition.milestones if text in one.label.ja or text in one.label.en]
    if len(fitting) == 1:
        return fitting[0]
    names = [one.id for one in fitting or definition.milestones]
    raise UnknownMilestone(kind=_("milestone"), name=text, nearest=_nearest(text, names, bool(fitting)))


def find_stream(definition: Definition, text: str) -> Stream:
    """Return the stream of this id, or the only one whose label holds `text`; the first for ""."""
    if not text and definition.streams:
        return definition.streams[0]
    exact = [one for one in definition.streams if text == one.id]
    fitting = exact or [one for one in definition.streams if text in one.label.ja or text in one.label.en]
    if len(fitting) == 1:
        return fitting[0]
    names = [one.id for one in fitting or definition.streams]
    raise UnknownMilestone(kind=_("stream"), name=text, nearest=_nearest(text, names, bool(fitting)))


def find_check(definition: Definition, text: str) -> str:
    """Return the id of a check that people may answer, by its id or label."""
    fitting = [name for name, label in definition.checks.items() if text in (name, label.ja, label.en)]
    if len(fitting) == 1:
        return fitting[0]
    raise UnknownMilestone(kind=_("check"), name=text, nearest=_nearest(text, list(definition.checks), False))


def find_item(definition: Definition, text: str) -> str:
    """Return the id of a counterpart or document, by its id or label; "" for ""."""
    known = {**definition.counterparts, **definition.documents}
    fitting = [name for name, label in known.items() if text in (name, label.ja, label.en)]
    if not text or fitting:
        return fitting[0] if text else ""
    raise UnknownMilestone(kind=_("item"), name=text, nearest=_nearest(text, list(known), False))


def cells_asking(definition: Definition, check: str, school: str, item: str) -> tuple[Cell, ...]:
    """Return the cells at a place whose milestone asks for a check, as evidence or before it may be begun."""
    asking = (
        one for one in definition.milestones
        if any(each.check == check for each in (*one.evidence, *one.before.checks))
    )
    return tuple(
        cell for one in asking for cell in cells_at(definition, one, (school,))
        if (cell.school, cell.item) == (school, item)
    )


def find_place(board: Board, text: str) -> str:
    """Return the id of a school; "" for the city."""
    return "" if text in CITY_WORDS else board.school(text).id


def find_cell(definition: Definition, board: Board, school: str, milestone: Milestone, item: str = "") -> Cell:
    """Return the cell of a milestone at a place; NotHere where the two do not belong together."""
    place = find_place(board, school)
    cell = Cell(milestone.id, place, find_item(definition, item))
    if cell not in cells_at(definition, milestone, (place,)) or (milestone.scope is not Scope.CITY and not place):
        raise NotHere(milestone=milestone.label, place=school + (f"/{item}" if item else ""))
    return cell


def _nearest(text: str, names: list[str], fit: bool) -> str:
    from kdx.config.naming import nearest_names

    return ", ".join(names if fit else nearest_names(text, names)) or "-"
