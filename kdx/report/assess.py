"""Assessments and decisions as tables. Facts in, tables out; no I/O."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from kdx.decisions import Against, Assessed, Taken
from kdx.inventory.assess.answers import COLUMNS
from kdx.inventory.assess.assessment import Summary
from kdx.inventory.assess.decisions import Decided, Decision, finding_id
from kdx.inventory.assess.finding import Finding, Severity
from kdx.inventory.assess.rules import GRAVITY, RULES
from kdx.inventory.names import readable
from kdx.language import N_, _
from kdx.migration import Migration
from kdx.report.tables import Column, Row, Table, visible
from kdx.report.words import DECISION_MEANINGS, DECISIONS, SEVERITIES, SEVERITY_MEANINGS

WHOLE_SHARE = N_("(the share as a whole)")
NOT_LOOKED = N_(
    "Judged from names and sizes; no file was opened. What is inside (encrypted Office files, Excel links to the old "
    "server) is seen with --look-inside."
)
LOOKED = N_("Judged from names, sizes and what is inside Office files.")


HOW_TO = (
    N_("Choose a decision in every row that blocks or is to be decided. Rows that are notes need none."),
    N_("A decision about a folder holds for everything in it. Leave the number column as it is."),
    N_("What has no decision stops the migration until it has one."),
)


def summary_table(assessed: Assessed, summaries: Mapping[str, Summary]) -> Table:
    """Return rule by target: how many entries meet it, and an example."""
    met = [rule for rule in RULES if any(rule in summary for summary in summaries.values())]
    rows: list[Row] = []
    for rule in sorted(met, key=lambda rule: GRAVITY[rule.severity]):
        found = [summary[rule] for summary in summaries.values() if rule in summary]
        rows.append({
            "severity": SEVERITIES[rule.severity],
            "what": rule.sentence,
            **{name: summary[rule].entries if rule in summary else 0 for name, summary in summaries.items()},
            "example": readable(found[0].example) or _(WHOLE_SHARE),
            "rule": rule.id,
        })
    return Table(
        title=_title(_("Assessment"), assessed),
        columns=(
            Column("severity", N_("Severity"), "word"),
            Column("what", N_("What is the matter"), "word"),
            *(Column(name, name, "count") for name in summaries),
            Column("example", N_("Example"), "path"),
            Column("rule", N_("Rule")),
        ),
        rows=rows,
        as_of=assessed.catalog.metadata.ended,
        source=_source(assessed),
        notes=(*_verdicts(summaries), _how(assessed)),
        legend=_severities(),
    )


def _verdicts(summaries: Mapping[str, Summary]) -> Iterator[str]:
    for name, summary in summaries.items():
        counts = {
            severity: sum(met.entries for rule, met in summary.items() if rule.severity == severity)
            for severity in Severity
        }
        text = _("{target}: {blocks} findings block, {decide} are to be decided, {notes} are notes.")
        yield text.format(
            target=visible(name),
            blocks=f"{counts[Severity.BLOCKS]:,}",
            decide=f"{counts[Severity.DECIDE]:,}",
            notes=f"{counts[Severity.NOTE]:,}",
        )


def findings_table(assessed: Assessed) -> Table:
    """Return every finding, one a row."""
    rows = [
        {
            "id": finding_id(assessed.share.id, one.profile.name, finding.path),
            "target": one.name,
            "severity": SEVERITIES[finding.severity],
            "what": finding.rule.sentence,
            "detail": finding.detail,
            "path": readable(finding.path) or _(WHOLE_SHARE),
            "proposal": finding.proposal or None,
            "rule": finding.rule.id,
            "source": finding.source,
        }
        for one in assessed.against
        for finding in assessed.findings(one)
    ]
    return Table(
        title=_title(_("Findings of the assessment"), assessed),
        columns=(
            Column("id", COLUMNS["id"]),
            Column("target", COLUMNS["target"]),
            Column("severity", COLUMNS["severity"], "word"),
            Column("what", COLUMNS["what"], "word"),
            Column("detail", COLUMNS["detail"]),
            Column("path", COLUMNS["path"], "path"),
            Column("proposal", N_("Proposed name"), "path"),
            Column("rule", N_("Rule")),
            Column("source", COLUMNS["source"]),
        ),
        rows=rows,
        as_of=assessed.catalog.metadata.ended,
        source=_source(assessed),
        notes=(_how(assessed),),
        legend=_severities(),
    )


def decision_table(assessed: Assessed) -> Table:
    """Return what a school is asked: one row for each entry and target, the gravest first, with room for the answer."""
    rows = [row for one in assessed.against for row in _questions(assessed, one)]
    order = {SEVERITIES[one]: rank for one, rank in GRAVITY.items()}
    rows.sort(key=lambda row: order[str(row["severity"])])
    return Table(
        title=_title(_("Decisions about the move"), assessed),
        columns=tuple(_column(key, heading) for key, heading in COLUMNS.items()),
        rows=rows,
        as_of=assessed.catalog.metadata.ended,
        source=_source(assessed),
        notes=tuple(map(_, HOW_TO)),
        legend=(
            *_severities(),
            *((_(DECISIONS[one]), DECISION_MEANINGS[one]) for one in Decision),
            (_(COLUMNS["name"]), N_("with rename: the name it gets at the target; the proposed one may be changed")),
            (_(COLUMNS["office"]), N_("who answers for it, as an office: no names of persons")),
            (_(COLUMNS["reason"]), N_("why; with skip it stands in the receipt")),
        ),
    )


def _column(key: str, heading: str) -> Column:
    if key == "decision":
        return Column(key, heading, choices=tuple(DECISIONS.values()))
    return Column(key, heading, "word" if key == "severity" else "path" if key == "path" else "text")


def _severities() -> tuple[tuple[str, str], ...]:
    return tuple((_(SEVERITIES[one]), SEVERITY_MEANINGS[one]) for one in Severity)


def _questions(assessed: Assessed, one: Against) -> Iterator[Row]:
    for path, group in groupby(assessed.findings(one), key=lambda finding: finding.path):
        # what concerns the share as a whole is not for the school to rename or leave
        if path:
            found = sorted(group, key=lambda finding: GRAVITY[finding.severity])
            yield _question(finding_id(assessed.share.id, one.profile.name, path), one.name, found)


def _question(number: str, target: str, found: Sequence[Finding]) -> Row:
    return {
        "id": number,
        "target": target,
        "severity": SEVERITIES[found[0].severity],
        "what": " / ".join(_(finding.rule.sentence) for finding in found),
        "detail": " / ".join(finding.detail for finding in found),
        "path": readable(found[0].path),
        "decision": "",
        "name": found[0].proposal,
        "office": "",
        "reason": "",
        "source": " / ".join(dict.fromkeys(finding.source for finding in found)),
    }


def taken_lines(taken: Taken) -> str:
    """Return what was accepted, for a person."""
    words = ", ".join(
        f"{_(DECISIONS[word]) if word in DECISIONS else _('undecided')} {count:,}"  # type: ignore[index]
        for word, count in taken.counts.items()
        if count
    )
    lines = [_("{file} was accepted: {counts}.").format(file=visible(taken.file.name), counts=words or "0")]
    if taken.elsewhere:
        text = _("{count} rows speak of other targets and were passed over.")
        lines.append(text.format(count=f"{taken.elsewhere:,}"))
    return "\n".join(lines)


def decided_table(migration: Migration, decided: Mapping[str, Decided]) -> Table:
    """Return the accepted decisions of a migration, old and new name side by side."""
    about = migration.records.about_decisions()
    return Table(
        title=_("Decisions") + f"  {migration.school.name} {migration.share.name} -> {migration.target.name}",
        columns=(
            Column("decision", N_("Decision"), "word"),
            Column("path", N_("Path"), "path"),
            Column("name", N_("New name"), "path"),
            Column("office", COLUMNS["office"]),
            Column("reason", N_("Reason")),
        ),
        rows=[
            {
                "decision": row.decision,
                "path": readable(row.path),
                "name": row.name or None,
                "office": row.office or None,
                "reason": row.reason or None,
            }
            for row in decided.values()
        ],
        source=about.get("file", ""),
    )


def _how(assessed: Assessed) -> str:
    how = NOT_LOOKED if assessed.inside is None else LOOKED
    return _(how)


def _source(assessed: Assessed) -> str:
    version = next((one.profile.version for one in assessed.against), "")
    return _("catalog {name}; rules of {version}").format(name=assessed.catalog.path.name, version=version)


def _title(what: str, assessed: Assessed) -> str:
    return f"{what}  {assessed.school.name} {assessed.share.name}"
