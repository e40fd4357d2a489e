"""The go/no-go sheet on paper: one A4 page that the board signs before the teachers are let in. Facts in, text out."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo

from kdx.cutover.course import Cutover
from kdx.cutover.holders import Held
from kdx.cutover.judgement import CHECKS, Decision
from kdx.cutover.window import Rehearsal
from kdx.language import _
from kdx.migration import Migration
from kdx.report.cutover import STAGES, STANDS, verdict_of
from kdx.report.paper import element, grid, page, pairs
from kdx.report.receipt import STYLE

ROWS_SHOWN = 30
SIGNERS = 3


def cutover_page(
    board: str, migration: Migration, decision: Decision, course: Cutover, held: Sequence[Held], zone: tzinfo
) -> str:
    """Return the page."""
    title = _("Cutover: go or no-go")
    return page(
        f"{title} {migration.school.name}",
        [
            element("h1", title),
            element("p", verdict_of(decision), "state"),
            pairs(
                (_("Board"), board), (_("School"), migration.school.name), (_("Share"), migration.share.name),
                (_("From"), str(migration.share.location)), (_("To"), str(migration.target.location)),
                (_("As of"), _when(decision.at, zone)), (_("State"), _(STAGES[course.stage])),
            ),
            *_list(
                _("Checks"),
                (_("Check"), _("Stands"), _("Why")),
                ((_(CHECKS[one.id]), _(STANDS[one.stand]), one.why) for one in decision.checks),
            ),
            *_list(
                _("Rehearsals"),
                (_("Began"), _("Entries"), _("Bytes"), _("Minutes")),
                (_rehearsal(one, zone) for one in reversed(course.rehearsals)),
            ),
            *_list(
                _("Open documents"),
                (_("Document"), _("Opened by"), _("Since")),
                ((one.path, one.holder or "-", _when(one.since, zone)) for one in held),
            ),
            element("h2", _("Decided by")),
            grid((_("Date"), _("Office"), _("Name")), [("",) * 3] * SIGNERS, kind="confirm"),
            element("p", _("ledger #{id}").format(id=course.event)),
        ],
        STYLE,
    )


def _rehearsal(one: Rehearsal, zone: tzinfo) -> tuple[str, ...]:
    return _when(one.started, zone), f"{one.changed:,}", f"{one.changed_bytes:,}", f"{one.seconds / 60:,.1f}"


def _list(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    every = list(rows)
    if not every:
        return
    yield element("h2", title)
    yield grid(headings, every[:ROWS_SHOWN])
    left = len(every) - ROWS_SHOWN
    if left > 0:
        yield element("p", _("… and {count} more").format(count=f"{left:,}"))


def _when(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
