"""The rollout as a sheet that people edit, and what an edited sheet wants to change. Judges; writes nothing.

Every row bears the version of its cell: the number of the newest event somebody wrote about it, and a digest of what
was exported. So three things can be told apart: a row that nobody touched, one that was edited, and one that was edited
here and changed in the ledger meanwhile. The last is a conflict, and a file with one is not taken at all.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date

from kdx.language import N_, _, in_every_language
from kdx.rollout.grid import Grid, Record, records_of
from kdx.rollout.judged import Judged, Line, Verdict
from kdx.rollout.overview import Overview
from kdx.rollout.sent_file import SentFile
from kdx.rollout.status import CellStatus
from kdx.rollout.stream import Cell
from kdx.rollout.values import normal, read_day, read_number
from kdx.state.events.event import Event
from kdx.state.events.rollout import ClaimMade, PlanSet

HEADINGS = {
    "cell": N_("Cell"),
    "claim": N_("Claim"),
    "done": N_("Done"),
    "total": N_("Of"),
    "planned": N_("Due"),
    "owner": N_("Seen to by"),
    "note": N_("Note"),
    "version": N_("Version"),
}
CLAIMS = {"not started": N_("not started"), "in progress": N_("in progress"), "done": N_("done")}


@dataclass(frozen=True, slots=True)
class Said:
    """What people may change about a cell."""

    claim: str = ""
    """A key of CLAIMS; empty where nobody has said anything."""
    done: int | None = None
    total: int | None = None
    planned: date | None = None
    owner: str = ""
    note: str = ""

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that change with the content."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:8]

    def __str__(self) -> str:
        count = f"{_dash(self.done)}/{_dash(self.total)}" if (self.done, self.total) != (None, None) else ""
        claim = _(CLAIMS[self.claim]) if self.claim else ""
        return " ".join(map(str, filter(None, (claim, count, self.planned, self.owner, self.note)))) or "-"


def said_of(overview: Overview, cell: Cell) -> Said:
    """Return what has been said about a cell."""
    claim, plan = overview.world.facts.claims.get(cell), overview.world.facts.plans.get(cell)
    body, status = (claim.body if claim else {}), overview.statuses[cell]
    return Said(
        claim=str(body.get("state") or "") if body.get("state") in CLAIMS else "",
        done=body.get("done"),
        total=body.get("total"),
        planned=status.planned,
        owner=normal(plan.body.get("owner")) if plan else "",
        note=normal(body.get("note")),
    )


def version_of(status: CellStatus, said: Said) -> str:
    """Return the version a row of the sheet bears."""
    # a letter first, or a spreadsheet might take it for a day
    return f"v{status.version}-{said.digest}"


def judge_sheet(overview: Overview, grid: Grid, sent: SentFile) -> Judged:
    """Return what an edited sheet would change, and everything in it that cannot be taken."""
    wanted = {key: {*in_every_language(heading), key} for key, heading in HEADINGS.items()}
    records = records_of(grid, wanted, ("claim", "done", "total", "planned", "owner", "note"), sent.name)
    cells = {str(cell): cell for cell in overview.statuses}
    lines: list[Line] = []
    events: list[Event] = []
    seen: dict[str, int] = {}
    for record in records:
        name = record.values["cell"]
        if "@" not in name and not any(value for key, value in record.values.items() if key != "cell"):
            # the legend and notes below the table
            continue
        first = seen.setdefault(name, record.number)
        if name not in cells:
            lines.append(Line(record.number, name, "", Verdict.PROBLEM, why=_("there is no such cell")))
        elif first != record.number:
            why = _("this cell stands in row {row} already").format(row=first)
            lines.append(Line(record.number, name, "", Verdict.PROBLEM, why=why))
        else:
            _judge_row(overview, cells[name], record, lines, events)
    fit = all(line.verdict is Verdict.CHANGE for line in lines)
    taken = tuple(events) if fit else ()
    return Judged(sent.name, sent.sha256, "sheet", sent.encoding, len(records), tuple(lines), taken)


def _judge_row(overview: Overview, cell: Cell, record: Record, lines: list[Line], events: list[Event]) -> None:
    status, now = overview.statuses[cell], said_of(overview, cell)
    number, _mark, digest = record.values["version"].removeprefix("v").partition("-")
    said, problems = _read(record.values, now)
    if not number.isdecimal() or len(digest) != 8:
        problems.append(_("its version is missing or damaged; export the sheet anew"))
    school = overview.schools[cell.school].name if cell.school else _("city")
    row = (record.number, school, str(cell))
    if problems:
        lines.append(Line(*row, Verdict.PROBLEM, str(now), why="; ".join(problems)))
    elif said == now or said.digest == digest:
        # the same, or not edited: what somebody else wrote meanwhile stays
        return
    elif int(number) != status.version:
        why = _("changed in the ledger (#{id}) after the sheet was exported").format(id=status.version)
        lines.append(Line(*row, Verdict.CONFLICT, str(now), str(said), why))
    else:
        lines.append(Line(*row, Verdict.CHANGE, str(now), str(said)))
        events.extend(_events(cell, now, said))


def _read(values: Mapping[str, str], now: Said) -> tuple[Said, list[str]]:
    """Return what a row says; a column that the file does not have says what is said now."""
    problems: list[str] = []
    found: dict[str, object] = {}
    for key, read in (("claim", _claim), ("done", read_number), ("total", read_number), ("planned", read_day)):
        try:
            found[key] = read(values[key]) if key in values else getattr(now, key)
        except ValueError as error:
            problems.append(str(error))
            found[key] = getattr(now, key)
    for key in ("owner", "note"):
        found[key] = values[key].removesuffix("-") if values.get(key) == "-" else values.get(key, getattr(now, key))
    said = Said(**found)  # type: ignore[arg-type]
    if said.done is not None and said.total is not None and said.done > said.total:
        problems.append(_("{done} of {total} is more than all").format(done=said.done, total=said.total))
    return said, problems


def _claim(text: str) -> str:
    if not text or text == "-":
        return ""
    for key, word in CLAIMS.items():
        if text.casefold() in {one.casefold() for one in in_every_language(word)}:
            return key
    words = ", ".join(_(word) for word in CLAIMS.values())
    raise ValueError(_("{text} is no claim; write {words}").format(text=text, words=words))


def _events(cell: Cell, now: Said, said: Said) -> Sequence[Event]:
    names = (cell.milestone, cell.school, cell.item)
    events: list[Event] = []
    if (now.claim, now.done, now.total, now.note) != (said.claim, said.done, said.total, said.note):
        events.append(ClaimMade(*names, said.claim or "not started", said.done, said.total, "", said.note))
    if (now.planned, now.owner) != (said.planned, said.owner):
        events.append(PlanSet(*names, said.planned.isoformat() if said.planned else "", said.owner))
    return events


def _dash(number: int | None) -> object:
    return "-" if number is None else number
