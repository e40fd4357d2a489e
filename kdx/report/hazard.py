"""The weather as tables: the present picture per school, and the log of a replay. Facts in, tables out; no I/O."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo

from kdx.config.model import Board
from kdx.hazard.items import Level, Peril, Picture
from kdx.hazard.level import Reason, Standing
from kdx.hazard.memory import Outcome
from kdx.hazard.policy import LEVELS, PERILS, Order
from kdx.language import N_, _, translate
from kdx.report.schools import short_name
from kdx.report.tables import Column, Row, Table
from kdx.schedule.replay import Line
from kdx.schedule.situation import Job

ATTRIBUTION = N_("気象庁ホームページ (Japan Meteorological Agency), processed by kdx")
JOBS = {
    Job.SAVE: N_("backup"),
    Job.BOARD: N_("backup of the board's own data"),
    Job.COPY: N_("second copy"),
    Job.CHECK: N_("check of the vault"),
    Job.REPORT: N_("report for the office"),
}

MOST_SOURCES = 4
"""Files and addresses that are named; of a folder with a whole evening in it the rest is counted."""

WEATHER_COLUMNS = (
    Column("school", N_("School")),
    Column("level", N_("Level"), "word"),
    Column("acts_as", N_("Acts as"), "word"),
    Column("why", N_("Why")),
    Column("reported", N_("Issued"), "time"),
    Column("ahead", N_("Forecast")),
    Column("water", N_("Water reaches the server"), "mark"),
    Column("measure", N_("What kdx does")),
)

REPLAY_COLUMNS = (
    Column("time", N_("Time"), "time"),
    Column("school", N_("School")),
    Column("event", N_("Event"), "word"),
    Column("detail", N_("Detail")),
)

EVENTS = {
    "level": N_("weather"),
    "started": N_("started"),
    "finished": N_("done"),
}


def weather_table(board: Board, picture: Picture, outcomes: Sequence[Outcome], zone: tzinfo) -> Table:
    """Return the present picture, a row for each school, with its age and source."""
    return Table(
        title=_("Weather for {board}").format(board=board.name),
        columns=WEATHER_COLUMNS,
        rows=[_weather_row(one, zone) for one in outcomes],
        as_of=picture.observed,
        source=translate(ATTRIBUTION),
        notes=tuple(_notes(picture, zone)),
    )


def past_weather_table(board: Board, picture: Picture, outcomes: Sequence[Outcome], zone: tzinfo) -> Table:
    """Return what the ledger knew of the weather at a moment."""
    text = _("From the ledger, which keeps every change of a level and no forecast; a school without a row had none.")
    table = weather_table(board, picture, outcomes, zone)
    return replace(table, source=_("ledger"), notes=(text, *table.notes))


def _weather_row(outcome: Outcome, zone: tzinfo) -> Row:
    standing = outcome.standing
    return {
        "school": outcome.school.name,
        "level": LEVELS[standing.level],
        "acts_as": LEVELS[standing.acts_as],
        "why": reasons_text(standing.reasons) or None,
        "reported": max((one.reported for one in standing.reasons), default=None),
        "ahead": ahead_text(standing, zone) or None,
        "water": standing.in_water,
        "measure": measure_text(outcome.order),
    }


def reasons_text(reasons: Iterable[Reason]) -> str:
    """Return warnings in words, each once."""
    words = dict.fromkeys(
        f"{one.meaning.shown}{f' ({one.place})' if one.place else ''}" for one in reasons
    )
    return ", ".join(words)


def ahead_text(standing: Standing, zone: tzinfo) -> str:
    """Return what the outlook announces, with its hour."""
    return ", ".join(
        _("{peril} from {time}").format(peril=translate(PERILS[peril]), time=clock(start, zone))
        for peril, start in standing.ahead.items()
        if start > standing.observed and peril not in standing.perils
    )


def measure_text(order: Order) -> str:
    """Return in words what the weather asks for."""
    if order.stop:
        return _("what runs is sealed at once, nothing new starts")
    if order.hold:
        return _("what runs may finish, nothing new starts")
    if order.copy_since:
        return _("backup and second copy now, half of the line at most")
    if order.save_since:
        return _("backup now")
    return _("nothing but the nightly backup")


def clock(moment: datetime, zone: tzinfo) -> str:
    """Return hours and minutes in the board's time zone."""
    return f"{moment.astimezone(zone):%H:%M}"


def _notes(picture: Picture, zone: tzinfo) -> Iterator[str]:
    for report in picture.reports:
        if report.headline:
            yield f"{report.office} {clock(report.reported, zone)} {report.headline}"
    if picture.alive:
        yield _("気象庁 last wrote at {time}.").format(time=clock(picture.alive, zone))
    for doubt in (*picture.doubts, *picture.notes):
        yield str(doubt)
    if picture.sources:
        places = ", ".join(picture.sources[:MOST_SOURCES])
        more = len(picture.sources) - MOST_SOURCES
        yield _("Read from: {places}").format(places=places) + (f" (+{more})" if more > 0 else "")


def replay_table(board: Board, lines: Iterable[Line], zone: tzinfo) -> Table:
    """Return the log of a replay. Schools for which the same happens in the same minute share a row."""
    rows: list[dict[str, object]] = []
    names: dict[tuple[object, ...], list[str]] = {}
    for line in lines:
        detail = _level_detail(line.standing, zone) if line.standing else _step_detail(line, zone)
        key = (line.time, line.what, detail)
        if key not in names:
            names[key] = []
            rows.append({"time": line.time, "event": EVENTS[line.what], "detail": detail, "key": key})
        names[key].append(line.name)
    for row in rows:
        row["school"] = _schools(names[row.pop("key")], board)  # type: ignore[index]
    rows.sort(key=lambda row: row["time"])  # type: ignore[arg-type, return-value]
    return Table(
        title=_("Replay for {board}").format(board=board.name),
        columns=REPLAY_COLUMNS,
        rows=rows,
        source=translate(ATTRIBUTION),
        notes=(_("Every school begins as saved in the night before; jobs take as long as forecast."),),
    )


def _schools(names: Sequence[str], board: Board) -> str:
    if len(names) == len(board.schools) > 1:
        return _("all schools")
    return ", ".join(map(short_name, names))


def _level_detail(standing: Standing, zone: tzinfo) -> str:
    parts = [translate(LEVELS[standing.level])]
    if standing.level is Level.UNKNOWN:
        parts.append(_("acts as {level}").format(level=translate(LEVELS[standing.acts_as])))
    parts.append(reasons_text(one for one in standing.reasons if one.meaning.peril is not Peril.NONE))
    parts.append(ahead_text(standing, zone))
    return " / ".join(part for part in parts if part)


def _step_detail(line: Line, zone: tzinfo) -> str:
    step = line.step
    assert step is not None
    words = [translate(JOBS[step.job])]
    if line.what == "started":
        words += [", ".join(step.reasons), _("done by {time}").format(time=clock(step.finish, zone))]
    return " / ".join(word for word in words if word)
