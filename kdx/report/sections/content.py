"""What the servers hold, by year and type, and how much of it has arrived and is proven."""

from collections import defaultdict
from collections.abc import Sequence

from kdx.config.model import School
from kdx.inventory.file_type import file_type
from kdx.inventory.fiscal_year import fiscal_year_label
from kdx.language import N_, _, translate
from kdx.report import charts
from kdx.report.charts import Bar, Tone
from kdx.report.schools import short_name
from kdx.report.sections.section import SCHOOL, Audience, Section, told
from kdx.report.shown import human_bytes
from kdx.report.tables import Column
from kdx.survey import Survey

SMALL = 10
"""Below this many, files of a kind are not counted apart in what everybody may read."""
MOST_BARS = 20


def migration(survey: Survey, audience: Audience) -> Section:
    rows, bars = [], []
    for school in survey.board.schools:
        proven, total = _moved(survey, school)
        planned = bool(total)
        rows.append({"school": short_name(school.name), "proven": proven if planned else None,
                     "total": total if planned else None, "part": proven / total if planned else None})
        said = f"{human_bytes(proven)} / {human_bytes(total)}" if total else _("not planned yet")
        parts = ((proven, Tone.GOOD), (total - proven, Tone.REST)) if total else None
        bars.append(Bar(short_name(school.name), parts, said))
    columns = (SCHOOL, Column("proven", N_("Bytes proven"), "bytes"), Column("total", N_("Bytes in all"), "bytes"),
               Column("part", N_("Part"), "ratio"))
    title = _("Migration by bytes")
    legend = ((Tone.GOOD, _("arrived and proven")), (Tone.REST, _("not yet")))
    return Section(title, told(survey, title, columns, rows), charts.bars(title, "", bars, legend), Audience.PUBLIC)


def _moved(survey: Survey, school: School) -> tuple[int, int]:
    """Return bytes proven and bytes in all of a school's migrations, as the newest plan and verification say."""
    shares = {share.id for share in school.shares}
    plans = {
        event.subject: event
        for kind in ("migration.planned", "migration.ran")
        for event in survey.present[kind]
        if event.body.get("share_id") in shares
    }
    proven = total = 0
    for event in survey.present["migration.verified"]:
        plan = plans.get(event.subject)
        if plan and plan.body.get("plan_sha256") == event.body.get("plan_sha256"):
            proven += int(event.body["sizes"].get("proven", 0))
    for plan in plans.values():
        sizes = plan.body.get("sizes", {})
        total += sum(int(size) for action, size in sizes.items() if action not in ("left by rule", "extra"))
    return proven, max(total, proven)


def years(survey: Survey, audience: Audience) -> Section:
    years: dict[int | None, list[int]] = defaultdict(lambda: [0, 0])
    for each in survey.content:
        years[each.fiscal_year][0] += each.files
        years[each.fiscal_year][1] += each.bytes
    order = sorted(years, key=lambda year: (year is None, -(year or 0)))
    names = {year: fiscal_year_label(year) if year is not None else _("unknown") for year in order}
    return _content(survey, _("Files by year of their last change"), N_("Year"),
                    [(names[year], years[year][0], years[year][1]) for year in order])


def types(survey: Survey, audience: Audience) -> Section:
    types: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for each in survey.content:
        kind = translate(file_type(f"x.{each.ending}" if each.ending else "x")[0])
        types[kind][0] += each.files
        types[kind][1] += each.bytes
    if audience is Audience.PUBLIC:
        for kind in [kind for kind, (files, _bytes) in types.items() if files < SMALL]:
            files, size = types.pop(kind)
            types[_("others")][0] += files
            types[_("others")][1] += size
    order = sorted(types, key=lambda kind: (-types[kind][1], kind))
    return _content(survey, _("Files by type"), N_("Type"), [(kind, types[kind][0], types[kind][1]) for kind in order])


def _content(survey: Survey, title: str, first: str, groups: Sequence[tuple[str, int, int]]) -> Section:
    bars = [Bar(name, ((size, Tone.GOOD),), human_bytes(size)) for name, _files, size in groups[:MOST_BARS]]
    rows = [{"group": name, "files": files, "bytes": size} for name, files, size in groups]
    columns = (Column("group", first), Column("files", N_("Files"), "count"), Column("bytes", N_("Bytes"), "bytes"))
    known = len(survey.scanned)
    every = sum(len(school.shares) for school in survey.board.schools)
    note = _("{known} of {every} shares have been scanned.").format(known=known, every=every)
    return Section(title, told(survey, title, columns, rows, (note,)), charts.bars(title, "", bars, ()),
                   Audience.PUBLIC)
