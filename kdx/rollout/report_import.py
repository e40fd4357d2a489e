"""Reports of other programs -> observations, by a column map of rollout.yml. Judges; writes nothing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from kdx.errors import GateClosed, KdxError, UsageMistake
from kdx.inventory.fiscal_year import APRIL, fiscal_year, fiscal_year_of_moment
from kdx.language import N_, _
from kdx.rollout.grid import Grid, Record, records_of
from kdx.rollout.judged import Judged, Line, Verdict
from kdx.rollout.observation_proof import import_run
from kdx.rollout.overview import Overview, find_item, find_place
from kdx.rollout.sent_file import SentFile
from kdx.rollout.stream import Definition, ReportMap
from kdx.rollout.values import normal, read_day, read_number
from kdx.state.events.rollout import ObservationMade

MOST = 1e9


class OtherYear(GateClosed):
    """A report is of another fiscal year than the present one."""

    message = N_("{file} is of fiscal year {other}, not of {year}; nothing of it was taken.")
    advice = N_("Export it anew. Where reports of another year are good evidence, write any_year: true in its map.")


class NoSuchMap(UsageMistake):
    """A column map was named that rollout.yml does not hold."""

    message = N_("rollout.yml has no column map {name!r} under reports:.")
    advice = N_("Known: {known}.")


def find_map(definition: Definition, name: str) -> ReportMap:
    """Return a column map by its name."""
    if name not in definition.reports:
        raise NoSuchMap(name=name, known=", ".join(definition.reports) or "-")
    return definition.reports[name]


def judge_report(
    overview: Overview, columns: ReportMap, grid: Grid, sent: SentFile, collected: date | None
) -> Judged:
    """Return what a report shows. `collected` is the day it speaks of, where it has no such column."""
    wanted = {key: (heading,) for key, heading in columns.columns.items()}
    conditions = (*columns.needs, *columns.only)
    wanted |= {f"?{heading}": (heading,) for heading in conditions}
    optional = ("item",) if collected is None else ("item", "collected")
    records = records_of(grid, wanted, optional, sent.name)
    now = overview.world.now
    year = None if columns.any_year else fiscal_year_of_moment(now, now.tzinfo or UTC)
    if year is not None:
        _refuse_other_year(grid, records, year, sent.name)
    lines: list[Line] = []
    events = []
    for place, parts in _parts(overview, columns, records, year, collected, lines).items():
        if len(parts) > 1 and not (columns.count or columns.needs):
            why = _("this school stands in row {row} already").format(row=parts[0].record.number)
            second = parts[1].record
            lines.append(Line(second.number, second.values["school"], str(columns.label), Verdict.PROBLEM, why=why))
            continue
        event = _observation(overview, columns, place, parts, sent.sha256)
        line = _line(overview, columns, parts, event)
        lines += [line] if line else []
        events += [event] if line and line.verdict is Verdict.CHANGE else []
    fit = all(line.verdict is Verdict.CHANGE for line in lines)
    ordered = tuple(sorted(lines, key=lambda line: line.row))
    taken = tuple(events) if fit else ()
    return Judged(sent.name, sent.sha256, columns.id, sent.encoding, len(records), ordered, taken, columns.source)


_Place = tuple[str, str, str]
"""School, item, and where it was seen from."""


class _Part(NamedTuple):
    """What one row says of a place."""

    record: Record
    done: int
    total: int
    day: date


def _parts(
    overview: Overview, columns: ReportMap, records: Sequence[Record], year: int | None, collected: date | None,
    problems: list[Line],
) -> dict[_Place, list[_Part]]:
    """Return what the rows say of each place; those that cannot be taken are added to `problems`."""
    found: dict[_Place, list[_Part]] = {}
    for record in records:
        try:
            if not _counts(record, columns.only):
                continue
            place, numbers, day = _place(overview, record), _numbers(record, columns), _day(record, collected)
            if year not in (None, _fiscal_year(day)):
                raise ValueError(_("it speaks of fiscal year {other}, not of {year}").format(
                    other=_fiscal_year(day), year=year
                ))
            found.setdefault(place, []).append(_Part(record, *numbers, day))
        except (ValueError, KdxError) as error:
            where = record.values.get("school", "")
            problems.append(Line(record.number, where, str(columns.label), Verdict.PROBLEM, why=_sentence(error)))
    return found


def _refuse_other_year(grid: Grid, records: list[Record], year: int, file: str) -> None:
    """Raise OtherYear where a title above the headings names another fiscal year: its days may be those of today."""
    first = records[0].number if records else len(grid)
    for row in grid[: max(0, first - 1)]:
        titles = (str(cell) for cell in row if cell is not None and "年度" in str(cell))
        for other in filter(None, map(fiscal_year, titles)):
            if other != year:
                raise OtherYear(file=file, other=other, year=year)


def _fiscal_year(day: date) -> int:
    return day.year if day.month >= APRIL else day.year - 1


def _counts(record: Record, conditions: Mapping[str, tuple[str, ...]]) -> bool:
    return all(
        record.values[f"?{heading}"].casefold() in {normal(word).casefold() for word in words}
        for heading, words in conditions.items()
    )


def _place(overview: Overview, record: Record) -> _Place:
    school = record.values["school"]
    if school.startswith("/"):
        # an organisational unit of Google: /教職員/加太小
        school = school.rpartition("/")[2]
    if not school:
        raise ValueError(_("no school is named"))
    names = {normal(one.name): name for name, one in overview.schools.items()}
    item = find_item(overview.definition, record.values.get("item", ""))
    return names.get(school) or find_place(overview.board, school), item, record.values.get("vantage", "")


def _numbers(record: Record, columns: ReportMap) -> tuple[int, int]:
    if columns.needs:
        return int(_counts(record, columns.needs)), 1
    if "value" in columns.columns:
        return int(_measured(record) >= _asked(record, columns)), 1
    if columns.count:
        return int(record.values["count"].casefold() in {normal(word).casefold() for word in columns.count}), 1
    done, total = read_number(record.values["done"]), read_number(record.values["total"])
    if done is None or total is None:
        raise ValueError(_("a number is missing"))
    if done > total:
        raise ValueError(_("{done} of {total} is more than all").format(done=done, total=total))
    return done, total


def _measured(record: Record) -> float:
    try:
        value = float(record.values["value"].replace(",", ""))
    except ValueError as error:
        raise ValueError(_("a number is missing")) from error
    if not 0 <= value < MOST:
        raise ValueError(_("a number is missing"))
    return value


def _asked(record: Record, columns: ReportMap) -> int:
    """Return what is asked of a measurement; of a size between two rows what is asked of the larger."""
    if not columns.sizes:
        return columns.least
    size = read_number(record.values["size"])
    if not size or size < 0:
        raise ValueError(_("a number is missing"))
    for up_to, least in columns.sizes:
        if size <= up_to:
            return least
    raise ValueError(_("sizes: of the column map ends at {most}; this is {size}").format(
        most=f"{columns.sizes[-1][0]:,}", size=f"{size:,}"
    ))


def _day(record: Record, collected: date | None) -> date:
    day = read_day(record.values.get("collected")) or collected
    if day is None:
        raise ValueError(_("it does not say of which day it speaks; add --collected DATE"))
    return day


def _observation(
    overview: Overview, columns: ReportMap, place: _Place, parts: Sequence[_Part], sha256: str
) -> ObservationMade:
    done, total = sum(part.done for part in parts), sum(part.total for part in parts)
    moment = datetime.combine(min(part.day for part in parts), time(), overview.world.now.tzinfo)
    age = timedelta(days=columns.max_age_days) if columns.max_age_days else None
    return ObservationMade(
        check=columns.check, school=place[0], item=place[1], target=f"report:{columns.id}", vantage=place[2],
        method=columns.method, result="pass" if done * 100 >= _percent(overview, columns.check) * total else "fail",
        collected=moment, expires=moment + age if age else None, done=done, total=total, run=import_run(sha256),
        raw_sha256=sha256,
    )


def _percent(overview: Overview, check: str) -> int:
    asked = (one for milestone in overview.definition.milestones for one in milestone.evidence)
    return max((one.percent for one in asked if one.check == check), default=100)


def _line(
    overview: Overview, columns: ReportMap, parts: Sequence[_Part], event: ObservationMade
) -> Line | None:
    """Return what taking an observation changes; None where the ledger has it already."""
    known = overview.world.facts.observations.get((event.check, event.school, event.item), {}).values()
    last = max(
        (
            one.body for one in known
            if (one.body.get("target"), one.body.get("vantage")) == (event.target, event.vantage)
        ),
        key=lambda body: str(body.get("collected")), default=None,
    )
    first = parts[0].record
    row = (first.number, first.values["school"], str(columns.label))
    zone = overview.world.now.tzinfo
    after = _shown(event.to_body(), zone)
    if event.collected > overview.world.now:
        return Line(*row, Verdict.PROBLEM, after=after, why=_("the day is yet to come"))
    if last is None:
        return Line(*row, Verdict.CHANGE, "-", after)
    before = _shown(last, zone)
    if before == after:
        return None
    if str(last.get("collected")) > str(event.to_body()["collected"]):
        return Line(*row, Verdict.CONFLICT, before, after, _("the ledger holds a newer one"))
    return Line(*row, Verdict.CHANGE, before, after)


def _shown(body: Mapping[str, object], zone: tzinfo | None) -> str:
    try:
        day = datetime.fromisoformat(str(body.get("collected"))).astimezone(zone).date()
    except ValueError:
        return f"{body.get('done')}/{body.get('total')}"
    return f"{body.get('done')}/{body.get('total')} ({day})"


def _sentence(error: Exception) -> str:
    return f"{error} {error.advise()}".strip() if isinstance(error, KdxError) else str(error)
