"""What a store was seen to do, as a table, and what cannot be undone, in sentences. Facts in, text out; no I/O."""

from kdx.backup.keeping.bucket import USUAL_DAYS, Tried
from kdx.language import N_, _
from kdx.remotes.trials import NO, PROTECTING, YES
from kdx.report.tables import Column, Table


def tried_table(tried: Tried) -> Table:
    """Return what was tried and what came of it."""
    verdict = (
        N_("What is locked there cannot be destroyed before its time. It can be hidden; kdx backup verify tells it.")
        if tried.protects
        else N_("NOTHING there is protected by a lock, whatever the store says. A second copy elsewhere is needed.")
    )
    return Table(
        title=_("What the store really does: {place}").format(place=tried.place.location),
        columns=(
            Column("trial", N_("Tried"), "word"), Column("holds", N_("Holds"), "word"),
            Column("needed", N_("Needed for protection"), "word"), Column("detail", N_("Answer")),
        ),
        rows=[
            {
                "trial": trial.what, "holds": YES if trial.holds else NO,
                "needed": YES if trial.what in PROTECTING else "", "detail": trial.detail,
            }
            for trial in tried.trials
        ],
        as_of=tried.at,
        source=_("tried with objects of a few bytes"),
        notes=(_(verdict),),
    )


def warning_lines(place: str, lock: str, days: int | None) -> list[str]:
    """Return what a person must know before a bucket is prepared."""
    lines = [
        _("{place}: what follows cannot be undone.").format(place=place),
        _("- The bucket keeps versions for ever; this cannot be switched off."),
        _("- Every upload is locked for {days} days from its moment and costs money for as long.").format(
            days=days or USUAL_DAYS
        ),
    ]
    if lock == "compliance":
        lines.append(_("- Nobody can lift such a lock, not even the store's support. The bucket cannot be deleted."))
    else:
        lines.append(_("- Only a key with the right to bypass governance can lift such a lock. Give it to nobody."))
    lines.append(_("Then write &lock=required behind the address of the vault: an upload without a lock fails."))
    return lines
