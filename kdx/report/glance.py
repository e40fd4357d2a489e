"""Where things stand, a line for each part of the work, and what to type next. Facts in, tables out; no I/O."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from kdx.errors import KdxError
from kdx.glance import Glance
from kdx.hazard.items import Level
from kdx.hazard.policy import LEVELS
from kdx.language import N_, _, ngettext, translate
from kdx.report.counts import hours, schools, shares
from kdx.report.hazard import JOBS
from kdx.report.migration_status import BOARD, KINDS, NOBODY, SCHOOL, TECHNICIAN, WAITS, status_table
from kdx.report.rollout import is_overdue
from kdx.report.schools import short_name
from kdx.report.tables import Column, Row, Table
from kdx.rollout.stream import PROVEN, State
from kdx.schedule.planner import broken
from kdx.schedule.situation import SchoolState
from kdx.schedule.standing import Standing, Waits

COLUMNS = (
    Column("part", N_("Part of the work"), "word"), Column("state", N_("Where it stands")), Column("next", N_("Next")),
)
FIRST_STEPS = (
    Column("step", N_("Step"), "count"), Column("what", N_("What"), "word"), Column("command", N_("Command")),
)
MOST_NAMES = 3
"""Schools that are named in one line; more are counted."""
AND = N_(", ")
"""Between things that are told in one line."""
Line = tuple[str, str]
"""Where it stands, already translated; what to type next."""


def glance_table(glance: Glance) -> Table:
    """Return a line for every part of the work."""
    parts = {
        N_("Inventory"): _inventory, N_("Migration"): _migration, N_("Backup"): _backup,
        N_("Weather"): _weather, N_("Schedule"): _schedule, N_("Rollout"): _rollout,
    }
    rows: list[Row] = []
    for name, tell in parts.items():
        state, next_step = tell(glance)
        rows.append({"part": name, "state": state, "next": next_step})
    return Table(
        title=_("{board}: where things stand").format(board=glance.board.name),
        columns=COLUMNS,
        rows=rows,
        as_of=glance.now,
        source=_("ledger #{id}, what this machine remembers").format(id=glance.ledger_id),
        notes=(_("All commands: kdx --help"),),
    )


def first_steps_table() -> Table:
    """Return how to begin where there is no inventory yet."""
    steps = (
        (N_("write the inventory of your board, and make its signing key"), "kdx init inventory --board 試験市教育委員会"),
        (N_("write down schools, servers and shares"), "inventory/hosts.yml"),
        (N_("check that everything can be reached"), "kdx doctor"),
        (N_("see what is on the servers"), "kdx inventory scan --all"),
    )
    rows = [{"step": number, "what": what, "command": command} for number, (what, command) in enumerate(steps, 1)]
    notes = (_("With a table of schools (CSV) the first step writes hosts.yml too: kdx init --help"),
             _("All commands: kdx --help"))
    return Table(_("There is no inventory here yet: the first steps"), FIRST_STEPS, rows, notes=notes)


def _inventory(glance: Glance) -> Line:
    every = [share for school in glance.board.schools for share in school.shares]
    known = schools(len(glance.board.schools))
    if not every:
        return _("{schools}; hosts.yml names no share yet").format(schools=known), "kdx inventory check"
    scanned = glance.scanned
    left = [share for share in every if share.id not in scanned]
    text = _("{schools}, {shares}, {scanned} of them scanned").format(
        schools=known, shares=shares(len(every)), scanned=len(every) - len(left))
    if scanned:
        oldest = min(scanned.values()).astimezone(_zone(glance))
        text += _(" (the oldest scan: {day})").format(day=f"{oldest:%Y-%m-%d}")
    if not left:
        return text, "kdx inventory list"
    unseen = {share.school for share in left}
    return text, f"kdx inventory scan {left[0].school if len(unseen) == 1 else '--all'}"


def _migration(glance: Glance) -> Line:
    every = glance.migrations
    if not every:
        return _("nothing to move: hosts.yml names no share yet"), "kdx inventory check"
    counts = Counter(WAITS[one.waits][0] for one in every if one.waits is not Waits.DONE)
    done = sum(one.waits is Waits.DONE for one in every)
    text = _("{done} of {all} done").format(done=done, all=len(every))
    waits = [f"{translate(who)} {counts[who]}" for who in (SCHOOL, BOARD, TECHNICIAN) if counts[who]]
    if waits:
        text += _("; waiting for: {who}").format(who=_(AND).join(waits))
    if counts[NOBODY]:
        more = ngettext("; {count} goes on with the next run", "; {count} go on with the next run", counts[NOBODY])
        text += more.format(count=counts[NOBODY])
    if not glance.board.targets:
        text += _("; kdx.yml names no target yet")
    return text, _next_move(glance, [one for one in every if one.waits is not Waits.DONE])


def _next_move(glance: Glance, left: Sequence[Standing]) -> str:
    """Return the next step of the first migration that a person can take a step for here."""
    if not left:
        return "kdx migrate status"
    if not glance.board.targets:
        return "kdx migrate plan --help"
    first = min(left, key=lambda one: one.waits in (Waits.SCAN, Waits.SERVER, Waits.OPEN_FILES))
    if first.waits is Waits.SCAN:
        return f"kdx inventory scan {first.share.school}"
    if first.waits is Waits.CUTOVER:
        return "kdx migrate cutover --help"
    present = {kind: glance.present.get(kind, ()) for kind in KINDS}
    rows = status_table(glance.board, [first.share], None, present).rows
    return next((str(row["next"]) for row in rows if row["next"] != _("done")), "kdx migrate status")


def _backup(glance: Glance) -> Line:
    if glance.board.vault is None:
        return _("kdx.yml names no vault yet, so nothing is saved"), "kdx backup init --help"
    if isinstance(glance.view, KdxError):
        return _unknown(glance.view), "kdx backup status"
    watched = [one for one in glance.view.situation.watched if one.shares]
    late = [one for one in watched if broken(one, glance.view.calendar, glance.now)]
    never = [one for one in watched if any(share.saved is None for share in one.shares)]
    promised = hours(glance.view.calendar.rules.rpo_hours)
    if late:
        text = _("promise (a good backup within {hours}) broken: {schools}")
        return text.format(hours=promised, schools=_named(late)), f"kdx backup run {late[0].id or '--board'}"
    if never:
        text = _("never saved yet: {schools}").format(schools=_named(never))
        return text, f"kdx backup run {never[0].id or '--board'}"
    if not watched:
        return _("nothing to save: hosts.yml names no share yet"), "kdx inventory check"
    ages = [glance.now - share.since for one in watched for share in one.shares]
    text = _("promise (a good backup within {hours}) kept everywhere; the oldest is {age} old")
    return text.format(hours=promised, age=hours(round(max(ages) / timedelta(hours=1)))), "kdx backup status"


def _weather(glance: Glance) -> Line:
    if glance.board.weather is None:
        return _("unknown: kdx.yml does not say which municipality's weather counts"), "kdx hazard show"
    if isinstance(glance.weather, KdxError):
        return _unknown(glance.weather), "kdx hazard show"
    if not glance.weather:
        return _("unknown: the scheduler has not looked yet"), "kdx hazard show"
    standings = [one.standing for one in glance.weather]
    seen = min(one.observed for one in standings)
    shown = f"{seen.astimezone(_zone(glance)):%m/%d %H:%M}"
    patience = timedelta(minutes=glance.board.hazard.unknown_minutes)
    if not timedelta(0) <= glance.now - seen <= patience:
        return _("unknown: last looked at {time}").format(time=shown), "kdx hazard show"
    order = list(Level)
    gravest = max((one.level for one in standings), key=order.index)
    text = _("{level} (looked at {time})").format(level=translate(LEVELS[gravest]), time=shown)
    return text, "kdx hazard show"


def _schedule(glance: Glance) -> Line:
    if isinstance(glance.view, KdxError):
        return _unknown(glance.view), "kdx schedule show"
    said = []
    step = next(iter(glance.view.plan.steps), None)
    if step:
        start = step.start.astimezone(_zone(glance))
        said.append(_("next: {time} {job} {school}").format(
            time=f"{start:%m/%d %H:%M}", job=translate(JOBS[step.job]), school=short_name(step.name)))
    late = list(dict.fromkeys(short_name(one.name) for one in glance.view.plan.unsafe))
    if late:
        said.append(_("not safe in time: {schools}").format(schools=schools(len(late))))
    if isinstance(glance.timers, KdxError):
        said.append(_("whether it runs by itself is unknown: {why}").format(why=_first_line(glance.timers)))
    elif not glance.timers:
        said.append(_("nothing starts it by itself yet"))
        return _(AND).join(said), "kdx schedule install"
    return _(AND).join(said) or _("nothing to do"), "kdx schedule show"


def _rollout(glance: Glance) -> Line:
    if isinstance(glance.overview, KdxError):
        return _unknown(glance.overview), "kdx rollout status"
    statuses = list(glance.overview.statuses.values())
    counts = Counter(one.state for one in statuses)
    overdue = sum(is_overdue(glance.overview, one) for one in statuses)
    concerned = len(statuses) - counts[State.EXEMPT]
    text = ngettext("{proven} of {all} milestone proven", "{proven} of {all} milestones proven", concerned)
    said = [text.format(proven=sum(counts[state] for state in PROVEN), all=concerned)]
    troubles = (State.HELD, State.RECHECK, State.EXPIRED, State.UNKNOWN)
    said += [f"{translate(state)} {counts[state]}" for state in troubles if counts[state]]
    if overdue:
        said.append(_("overdue {count}").format(count=overdue))
        return _(AND).join(said), "kdx rollout status --overdue"
    return _(AND).join(said), "kdx rollout status" + (" --blocked" if counts[State.HELD] else "")


def _unknown(error: KdxError) -> str:
    return _("unknown: {why}").format(why=_first_line(error))


def _first_line(error: KdxError) -> str:
    return str(error).partition("\n")[0]


def _named(schools: Sequence[SchoolState]) -> str:
    names = [short_name(one.name) for one in schools]
    more = _(" and {count} more").format(count=len(names) - MOST_NAMES) if len(names) > MOST_NAMES else ""
    return _(AND).join(names[:MOST_NAMES]) + more


def _zone(glance: Glance) -> ZoneInfo:
    return ZoneInfo(glance.board.time_zone)
