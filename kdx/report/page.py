"""The report: one page with everything that is known, as much as its readers may see. Facts in, HTML out."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from zoneinfo import ZoneInfo

from kdx.language import N_, _, translate
from kdx.report import charts
from kdx.report.paper import element, of_table, page, section, wide
from kdx.report.sections import sections
from kdx.report.sections.section import Audience, Section
from kdx.report.tables import Table
from kdx.survey import Survey

READERS = {
    Audience.PUBLIC: N_("for everybody"),
    Audience.SCHOOLS: N_("for the schools"),
    Audience.BOARD: N_("for the board"),
}
STYLE = charts.STYLE + """
body { max-width: 290mm; margin: 1em auto; padding: 0 1em; }
svg { display: block; width: 100%; max-height: 170mm; break-inside: avoid; margin: 2mm 0; }
svg.definitions { position: absolute; }
section { margin: 0 0 8mm; }
@media screen and (max-width: 45em) { .wide svg, .wide table { min-width: 42em; } }
@media print { body { padding: 0; font-size: 8.5pt; line-height: 1.3; } th, td { padding: .15em .4em; }
  * { print-color-adjust: exact; } }
@media (forced-colors: active) { svg { forced-color-adjust: none; background: #fff; } }
"""


def report_page(survey: Survey, audience: Audience) -> str:
    """Return the report for these readers. The same facts give the same bytes."""
    zone = ZoneInfo(survey.board.time_zone)
    title = _("{board}: where things stand").format(board=survey.board.name)
    parts = [_part(each, zone) for each in sections(survey, audience)]
    return page(title, [charts.definitions(), *_head(survey, audience, title), *parts], STYLE, "landscape")


def report_tables(survey: Survey, audience: Audience) -> Sequence[Table]:
    """Return the tables of the report, for a workbook."""
    return [each.table for each in sections(survey, audience)]


def _head(survey: Survey, audience: Audience, title: str) -> Iterator[str]:
    yield element("h1", title)
    yield element(
        "p",
        _("As of {time}, from the ledger up to #{id} and the catalogs of {known} shares; {readers}.").format(
            time=f"{survey.now:%Y-%m-%d %H:%M} {survey.now.tzname()}",
            id=survey.overview.ledger_id,
            known=len(survey.scanned),
            readers=translate(READERS[audience]),
        ),
    )


def _part(each: Section, zone: tzinfo) -> str:
    return section(element("h2", each.title), wide(each.title, each.chart, *of_table(each.table, zone)))
