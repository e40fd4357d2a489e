"""Plans, runs, verifications and receipts as tables. Facts in, tables out; no I/O."""

from collections.abc import Iterable
from itertools import chain

from kdx.language import N_, _
from kdx.migration import Migration, Planned, Ran, Verdict
from kdx.remotes.interface import SkipReason
from kdx.report.tables import Column, Table, visible
from kdx.report.words import ACTION_MEANINGS, ACTIONS, HOW, HOW_MEANINGS, OUTCOMES, SENT
from kdx.transfer.plan import TO_MOVE, Action
from kdx.transfer.verify import OPEN, WRONG

ENTRIES = Column("entries", N_("Entries"), "count")
BYTES = Column("bytes", N_("Bytes"), "bytes")
PATH = Column("path", N_("Path"), "path")
TARGET = Column("target", N_("Name at the target"), "path")
WHY = Column("why", N_("Why"), "word")


def planned_table(migration: Migration, planned: Planned) -> Table:
    """Return what a plan would do, by action."""
    tally = planned.tally
    return Table(
        title=_title(_("Migration plan"), migration),
        columns=(
            Column("action", N_("Action"), "word"), ENTRIES, BYTES, Column("meaning", N_("Meaning"), "word")
        ),
        rows=[
            {"action": word, "entries": tally.count(word), "bytes": tally.size(word), "meaning": ACTION_MEANINGS[word]}
            for word in ACTIONS
            if tally.count(word)
        ],
        as_of=planned.scan.ended,
        source=_("catalog {name}").format(name=planned.scan.catalog.name),
        notes=(
            _("To move: {count} entries.").format(count=f"{tally.count(*TO_MOVE):,}"),
        ),
    )


def items_table(migration: Migration) -> Table:
    """Return the entries of the last plan, one a row."""
    return Table(
        title=_title(_("Entries of the plan"), migration),
        columns=(Column("action", N_("Action"), "word"), BYTES, PATH, TARGET, WHY),
        rows=[
            {"action": item.action, "bytes": item.size, "path": item.path, "target": item.target, "why": item.why}
            for item in migration.records.planned()
        ],
    )


def planned_exceptions(migration: Migration) -> str:
    """Return a line for each entry of the last plan that needs a person, as far as a person reads."""
    items = migration.records.planned(Action.BLOCKED, Action.UNREAD)
    return _lines((item.path, item.why, "") for item in items)


def ran_table(migration: Migration, ran: Ran) -> Table:
    """Return what a run did."""
    plan = ran.planned.tally
    sent = ran.sent.count(*ran.sent.entries), ran.sent.size(*ran.sent.bytes)
    kept = [(word, plan.count(word), plan.size(word)) for word in ACTIONS if word not in TO_MOVE and plan.count(word)]
    failed = [(reason, count, None) for reason, count in sorted(ran.failed.items())]
    return Table(
        title=_title(_("Migration run"), migration),
        columns=(Column("result", N_("Result"), "word"), ENTRIES, BYTES),
        rows=[
            {"result": word, "entries": count, "bytes": size} for word, count, size in ((SENT, *sent), *kept, *failed)
        ],
        as_of=ran.ended,
        source=_("catalog {name}").format(name=ran.planned.scan.catalog.name),
    )


def verdict_table(migration: Migration, verdict: Verdict) -> Table:
    """Return what a verification found, and how it was proven."""
    rows = [
        {"outcome": word, "entries": verdict.tally.count(word), "bytes": verdict.tally.size(word)}
        for word in OUTCOMES
        if verdict.tally.count(word)
    ]
    return Table(
        title=_title(_("Verification"), migration),
        columns=(Column("outcome", N_("Outcome"), "word"), ENTRIES, BYTES),
        rows=rows,
        as_of=verdict.ended,
        source=_("the target, asked afresh (level {level})").format(level=_(verdict.level)),
        notes=tuple(
            _("{how}: {count} entries ({meaning})").format(
                how=_(HOW[word]), count=f"{verdict.how.count(word):,}", meaning=_(HOW_MEANINGS[word])
            )
            for word in HOW
            if verdict.how.count(word)
        ),
    )


def checked_table(migration: Migration) -> Table:
    """Return the entries of the last verification, one a row."""
    return Table(
        title=_title(_("Entries of the verification"), migration),
        columns=(
            Column("outcome", N_("Outcome"), "word"), Column("how", N_("Proven by"), "word"), BYTES, PATH, TARGET, WHY
        ),
        rows=[
            {
                "outcome": row.outcome,
                "how": row.how or None,
                "bytes": row.size,
                "path": row.path or None,
                "target": row.target,
                "why": row.why,
            }
            for row in migration.records.checked()
        ],
    )


def ran_exceptions(migration: Migration) -> str:
    """Return a line for each entry the last run did not take, as far as a person reads."""
    # of a locked file the detail is who holds it; what systems say of other failures is in the reason already
    failed = (
        (row.path, row.reason, row.detail if row.reason == SkipReason.LOCKED else "")
        for row in migration.records.failures()
    )
    unread = ((item.path, item.why, "") for item in migration.records.planned(Action.UNREAD))
    return _lines(chain(failed, unread))


def verdict_exceptions(migration: Migration) -> str:
    """Return a line for each entry that is wrong or open, as far as a person reads; what is wrong comes first."""
    rows = chain(migration.records.checked(*WRONG), migration.records.checked(*OPEN))
    return _lines((row.path, row.why, "") for row in rows)


def _lines(entries: Iterable[tuple[str, str, str]], most: int = 20) -> str:
    """Return path, reason and detail (who holds a locked file) of each entry, a line each."""
    lines: list[str] = []
    more = 0
    for path, why, detail in entries:
        if len(lines) < most:
            lines.append(f"  {visible(path)}  ({visible(_(why))}{': ' if detail else ''}{visible(detail)})")
        else:
            more += 1
    if more:
        lines.append("  " + _("… and {count} more; --list shows them all").format(count=f"{more:,}"))
    return "\n".join(lines)


def _title(what: str, migration: Migration) -> str:
    return f"{what}  {migration.school.name} {migration.share.name} -> {migration.target.name}"
