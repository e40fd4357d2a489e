"""A cutover as tables: decision, rehearsals, lists for the teachers and for the way back. Facts in."""

from collections.abc import Iterable

from kdx.cutover.changes import Changed
from kdx.cutover.course import Cutover, Stage
from kdx.cutover.holders import Held
from kdx.cutover.judgement import CHECKS, Decision, Stand
from kdx.cutover.links import Leads, Link, new_place
from kdx.cutover.places import place_of
from kdx.cutover.window import Rehearsal
from kdx.inventory.catalog.difference import Change
from kdx.language import N_, _
from kdx.migration import Migration
from kdx.report.tables import Column, Table
from kdx.report.words import ACTION_MEANINGS, ACTIONS
from kdx.transfer.plan import AT_TARGET, Action
from kdx.transfer.rows import Item

STANDS = {Stand.GOOD: N_("ready"), Stand.BAD: N_("not ready"), Stand.NOTE: N_("look")}
STAGES = {
    Stage.PREPARING: N_("The teachers work at the old server."),
    Stage.FROZEN: N_("The final run was begun; nobody may work at either place."),
    Stage.DONE: N_("The teachers work at the new place."),
    Stage.ROLLED_BACK: N_("The school went back to the old server."),
}
LEADS = {
    Leads.HERE: N_("to this share"),
    Leads.GONE: N_("not found in this share"),
    Leads.ELSEWHERE: N_("to another place"),
}
CHANGES = {Change.ADDED: N_("added"), Change.REMOVED: N_("removed"), Change.CHANGED: N_("changed")}

CHECK = Column("check", N_("Check"), "word")
STAND = Column("stand", N_("Stands"), "word")
WHY = Column("why", N_("Why"))
OLD = Column("old", N_("On the old server"), "path")
NEW = Column("new", N_("At the new place"), "path")
DOCUMENT = Column("path", N_("Document"), "path")
HOLDER = Column("holder", N_("Opened by"))
SINCE = Column("since", N_("Since"), "time")


def decision_table(migration: Migration, decision: Decision, course: Cutover) -> Table:
    """Return go or no-go, with the reason for every check."""
    return Table(
        title=_title(_("Cutover"), migration),
        columns=(CHECK, STAND, WHY),
        rows=[
            {"check": CHECKS[check.id], "stand": STANDS[check.stand], "why": check.why} for check in decision.checks
        ],
        as_of=decision.at,
        source=_("ledger #{id}").format(id=course.event),
        above=(_(STAGES[course.stage]), verdict_of(decision)),
    )


def verdict_of(decision: Decision) -> str:
    """Return the decision in one sentence."""
    if decision.final:
        if decision.go:
            return _("GO: the teachers may be let in at the new place.")
        return _("NO-GO: the teachers must not work at the new place yet.")
    return _("GO: the final run may begin.") if decision.go else _("NO-GO: the final run must not begin yet.")


def rehearsals_table(migration: Migration, course: Cutover) -> Table:
    """Return what every rehearsal measured."""
    return Table(
        title=_title(_("Rehearsals"), migration),
        columns=(
            Column("started", N_("Began"), "time"),
            Column("since", N_("Changes since"), "time"),
            Column("changed", N_("Entries"), "count"),
            Column("changed_bytes", N_("Bytes"), "bytes"),
            Column("scan_seconds", N_("Looking through"), "seconds"),
            Column("move_seconds", N_("Moving"), "seconds"),
            Column("verify_seconds", N_("Verifying"), "seconds"),
            Column("exit_code", N_("Exit code"), "count"),
        ),
        rows=[
            {name: getattr(one, name) for name in Rehearsal.__dataclass_fields__} for one in reversed(course.rehearsals)
        ],
        source=_("ledger #{id}").format(id=course.event),
    )


def held_table(migration: Migration, held: Iterable[Held]) -> Table:
    """Return the documents somebody had open at the last look."""
    return Table(
        title=_title(_("Open documents"), migration),
        columns=(DOCUMENT, HOLDER, SINCE),
        rows=[{"path": one.path, "holder": one.holder or None, "since": one.since} for one in held],
        source=_("owner files of Office and Access at the last look"),
    )


def renames_table(migration: Migration, items: Iterable[Item]) -> Table:
    """Return what has another name at the new place: the list for the teachers."""
    return Table(
        title=_title(_("Renamed at the new place"), migration),
        columns=(OLD, NEW),
        rows=[{"old": item.path, "new": place_of(migration, item)} for item in items],
        source=_("the last plan"),
        notes=(_("Everything else has its old name there."),),
    )


def where_table(migration: Migration, item: Item) -> Table:
    """Return where one path went."""
    action = Action(item.action)
    return Table(
        title=_title(_("Where it is"), migration),
        columns=(OLD, NEW, STAND, Column("why", N_("Why"), "word")),
        rows=[
            {
                "old": item.path,
                "new": place_of(migration, item) if action in (*AT_TARGET, Action.CARRIED) else None,
                "stand": ACTIONS[action],
                "why": item.why or ACTION_MEANINGS[action],
            }
        ],
        source=_("the last plan"),
    )


def links_table(migration: Migration, links: Iterable[Link]) -> Table:
    """Return the links of workbooks: where they lead, and where they must lead now."""
    return Table(
        title=_title(_("Links in workbooks"), migration),
        columns=(
            Column("book", N_("Workbook"), "path"),
            Column("old", N_("Link as it stands there"), "path"),
            Column("leads", N_("Leads"), "word"),
            Column("new", N_("Must lead to"), "path"),
        ),
        rows=[
            {"book": one.book, "old": one.old, "leads": LEADS[one.leads], "new": new_place(migration, one)}
            for one in links
        ],
        source=_("the workbooks themselves, read now"),
    )


def changes_table(migration: Migration, changes: Iterable[Changed], course: Cutover) -> Table:
    """Return what changed at the target since the teachers were let in."""
    return Table(
        title=_title(_("Changed at the new place since the cutover"), migration),
        columns=(
            Column("change", N_("Change"), "word"),
            NEW,
            Column("size_before", N_("Bytes before"), "bytes"),
            Column("size_now", N_("Bytes now"), "bytes"),
        ),
        rows=[
            {
                "change": CHANGES[one.change],
                "new": f"{migration.school.id}/{migration.share.name}/{one.target}",
                "size_before": one.size_before,
                "size_now": one.size_now,
            }
            for one in changes
        ],
        source=_("the target, asked afresh; ledger #{id}").format(id=course.event),
        above=(_(STAGES[course.stage]),),
        notes=(_("All of it stays where it is. Whoever needs it at the old server brings it there by hand."),),
    )


def _title(what: str, migration: Migration) -> str:
    return f"{what}  {migration.school.name} {migration.share.name} -> {migration.target.name}"
