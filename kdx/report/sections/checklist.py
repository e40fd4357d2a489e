"""The ministry's checklist: the city against the nation."""

from kdx.checklist.figures import Pair
from kdx.language import _
from kdx.report import charts
from kdx.report.charts import Bar, Tone
from kdx.report.checklist import comparison_table
from kdx.report.sections.section import Audience, Section
from kdx.survey import Survey


def checklist(survey: Survey, audience: Audience) -> Section:
    table = comparison_table(survey.checklist, survey.board.name, survey.now, survey.overview.ledger_id)
    rows = [_bar(pair) for pair in survey.checklist.pairs]
    legend = ((Tone.GOOD, _("the city; the mark is the nation")),)
    chart = charts.bars(table.title, _("per cent of the schools that answered"), rows, legend)
    return Section(_("The ministry's checklist: city against nation"), table, chart, Audience.PUBLIC)


def _bar(pair: Pair) -> Bar:
    city, nation = pair.city, pair.nation
    said = _("{city}, nation {nation}").format(
        city=_percent(city.rate) if city else _("unknown"), nation=_percent(nation.rate) if nation else _("unknown"))
    star = "*" if pair.begins_anew else ""
    return Bar(
        f"R{pair.fiscal_year - 2018}{star} {pair.item.label}", ((city.rate * 100, Tone.GOOD),) if city else None, said,
        nation.rate * 100 if nation else None,
    )


def _percent(rate: float) -> str:
    return f"{rate * 100:.1f}".removesuffix(".0") + " %"
