"""The go/no-go sheet on paper: one A4 page that the board signs before the teachers are let in. Facts in, text out.

Black on white, no script, no link. Names are shown through `visible`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from html import escape

from kdx.cutover.course import Cutover
from kdx.cutover.holders import Held
from kdx.cutover.judgement import CHECKS, Decision
from kdx.cutover.window import Rehearsal
from kdx.language import _, current_language
from kdx.migration import Migration
from kdx.report.cutover import STAGES, STANDS, verdict_of
from kdx.report.receipt import STYLE
from kdx.report.tables import visible

ROWS_SHOWN = 30
SIGNERS = 3


def cutover_page(
    board: str, migration: Migration, decision: Decision, course: Cutover, held: Sequence[Held], zone: tzinfo
) -> str:
    """Return the page."""
    title = _("Cutover: go or no-go")
    names = (
        (_("Board"), board), (_("School"), migration.school.name), (_("Share"), migration.share.name),
        (_("From"), str(migration.share.location)), (_("To"), str(migration.target.location)),
        (_("As of"), _when(decision.at, zone)), (_("State"), _(STAGES[course.stage])),
    )
    body = (
        f"<h1>{_text(title)}</h1>",
        f'<p class="state">{_text(verdict_of(decision))}</p>',
        "<table>" + "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in names)
        + "</table>",
        _table(
            _("Checks"),
            (_("Check"), _("Stands"), _("Why")),
            ((_(CHECKS[one.id]), _(STANDS[one.stand]), one.why) for one in decision.checks),
        ),
        _table(
            _("Rehearsals"),
            (_("Began"), _("Entries"), _("Bytes"), _("Minutes")),
            (_rehearsal(one, zone) for one in reversed(course.rehearsals)),
        ),
        _table(
            _("Open documents"),
            (_("Document"), _("Opened by"), _("Since")),
            ((one.path, one.holder or "-", _when(one.since, zone)) for one in held),
        ),
        _signatures(),
        f"<p>{_text(_('ledger #{id}').format(id=course.event))}</p>",
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{current_language()}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(title)} {_text(migration.school.name)}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(part for part in body if part) + "\n</body>\n</html>\n"
    )


def _rehearsal(one: Rehearsal, zone: tzinfo) -> tuple[str, ...]:
    return _when(one.started, zone), f"{one.changed:,}", f"{one.changed_bytes:,}", f"{one.seconds / 60:,.1f}"


def _signatures() -> str:
    head = "".join(f"<th>{_text(word)}</th>" for word in (_("Date"), _("Office"), _("Name")))
    empty = f"<tr>{'<td></td>' * 3}</tr>" * SIGNERS
    return f'<h2>{_text(_("Decided by"))}</h2><table class="confirm"><tr>{head}</tr>{empty}</table>'


def _table(title: str, headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    every = list(rows)
    if not every:
        return ""
    head = "".join(f"<th>{_text(heading)}</th>" for heading in headings)
    shown = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>\n" for row in every[:ROWS_SHOWN])
    left = len(every) - ROWS_SHOWN
    more = f"<p>{_text(_('… and {count} more').format(count=f'{left:,}'))}</p>" if left > 0 else ""
    return (
        f"<h2>{_text(title)}</h2>\n<table><thead><tr>{head}</tr></thead><tbody>{shown}</tbody></table>{more}"
    )


def _when(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _text(text: str) -> str:
    return escape(visible(text))
