"""The sheet people edit, and what an edited one or a report would change. No I/O."""

from kdx.language import N_, _
from kdx.report.rollout import LEGEND, mark, milestone_name, place_name
from kdx.report.tables import Column, Table
from kdx.rollout.judged import Judged, Verdict
from kdx.rollout.overview import Overview
from kdx.rollout.sheet import CLAIMS, HEADINGS, said_of, version_of

COLUMNS = (
    Column("cell", HEADINGS["cell"]), Column("school", N_("School")), Column("stream", N_("Stream")),
    Column("number", N_("No."), "count"), Column("milestone", N_("Milestone")), Column("state", N_("State"), "mark"),
    Column("claim", HEADINGS["claim"], "word"), Column("done", HEADINGS["done"], "count"),
    Column("total", HEADINGS["total"], "count"), Column("planned", HEADINGS["planned"], "date"),
    Column("owner", HEADINGS["owner"]), Column("note", HEADINGS["note"]), Column("version", HEADINGS["version"]),
)


def sheet_table(overview: Overview) -> Table:
    """Return every cell as a row: what may be edited, its state, and the version that import compares."""
    known = {one.id: one for one in overview.definition.milestones}
    streams = {stream.id: str(stream.label) for stream in overview.definition.streams}
    rows = []
    for cell, status in overview.statuses.items():
        said = said_of(overview, cell)
        rows.append({
            "cell": str(cell),
            "school": place_name(overview, cell.school),
            "stream": streams[known[cell.milestone].stream],
            "number": known[cell.milestone].number,
            "milestone": milestone_name(overview, cell),
            "state": mark(status),
            "claim": CLAIMS[said.claim] if said.claim else None,
            "done": said.done,
            "total": said.total,
            "planned": said.planned,
            "owner": said.owner or None,
            "note": said.note or None,
            "version": version_of(status, said),
        })
    return Table(
        title=_("{board}: the rollout to edit").format(board=overview.board.name),
        columns=COLUMNS,
        rows=rows,
        as_of=overview.world.now,
        source=overview.source,
        notes=(_("Claim, done, of, due, seen to by and note may be edited; the other columns are compared or ignored."),
               *overview.warnings),
        legend=LEGEND,
    )


def judged_table(judged: Judged, taken: bool) -> Table:
    """Return the lines of a file that differ, what the ledger says and what the file says."""
    changes = sum(line.verdict is Verdict.CHANGE for line in judged.lines)
    refused = len(judged.lines) - changes
    if refused:
        said = _("Nothing was taken: {count} rows are in conflict or cannot be read.").format(count=refused)
    elif taken:
        said = _("Taken: {count} of {rows} rows change something.").format(count=changes, rows=judged.rows)
    else:
        said = _("Not taken yet: {count} of {rows} rows would change something.").format(
            count=changes, rows=judged.rows
        )
    return Table(
        title=_("Import of {file}").format(file=judged.file),
        columns=(
            Column("row", N_("Row"), "count"), Column("place", N_("School")), Column("what", N_("What")),
            Column("verdict", N_("Verdict"), "word"), Column("before", N_("Ledger")), Column("after", N_("File")),
            Column("why", N_("Why")),
        ),
        rows=[
            {"row": line.row, "place": line.place, "what": line.what or None, "verdict": str(line.verdict),
             "before": line.before or None, "after": line.after or None, "why": line.why or None}
            for line in judged.lines
        ],
        source=_("{file} ({encoding}), SHA-256 {digest}").format(
            file=judged.file, encoding=judged.encoding, digest=judged.sha256
        ),
        above=(said,),
        notes=(_("How it was read: {source}").format(source=judged.read_by),) if judged.read_by else (),
    )
