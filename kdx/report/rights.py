"""Roles, their rights, and the locks of a vault as tables. Facts in, tables out; no I/O."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from kdx.backup.keeping.audit import Audited
from kdx.backup.keeping.rights import Judgement, KeyTried, Policy
from kdx.backup.keeping.roles import ROLES, Role
from kdx.config.location import Location
from kdx.language import N_, _, translate
from kdx.remotes.buckets import COMPLIANCE
from kdx.remotes.trials import NO, YES
from kdx.report.tables import Column, Table

UNKNOWN = N_("unknown")
ALL_SCHOOLS = N_("all schools")
ROLE_NAMES = {Role.SCHOOL: N_("school"), Role.BOARD: N_("board"), Role.AUDITOR: N_("auditor")}


def policies_table(documents: Sequence[Policy], vault: Location, folder: Path, names: Mapping[str, str]) -> Table:
    """Return which documents there are, and for whom."""
    rows = []
    for document in documents:
        holder = document.holder
        school = holder and holder.role == Role.SCHOOL
        rows.append(
            {
                "file": str(folder / document.file),
                "role": ROLE_NAMES[holder.role] if holder else None,
                "school": (names[holder.school] if holder.school else _(ALL_SCHOOLS)) if holder and school else None,
                "may": ROLES[holder.role] if holder else N_("all of them as one policy of the bucket"),
                "user": holder.name if holder else None,
            }
        )
    return Table(
        title=_("Who may do what in {place}").format(place=vault),
        columns=(
            Column("file", N_("File"), "path"), Column("role", N_("Role"), "word"), Column("school", N_("School")),
            Column("may", N_("What its key may do"), "word"), Column("user", N_("User at the store")),
        ),
        rows=rows,
        source=_("nothing was sent to the store"),
        notes=(
            _("Have the store's administrator make these users and give each its policy, or the bucket bucket.json."),
            _("Then try each key where it is used: kdx backup try-store --role board, --role school, --role auditor."),
            _("The board's key does not belong on the machine that backs up the schools."),
        ),
    )


def key_table(tried: KeyTried, school: str) -> Table:
    """Return what a key was tried with: what it must be able to do, and what was seen."""
    answers = {True: YES, False: NO, None: UNKNOWN}
    role = translate(ROLE_NAMES[tried.holder.role])
    return Table(
        title=_("What this key may do: {role} {school}, {place}").format(
            role=role, school=school or (_(ALL_SCHOOLS) if tried.holder.role == Role.SCHOOL else ""),
            place=tried.place.location,
        ),
        columns=(
            Column("right", N_("Right"), "word"), Column("expected", N_("Expected"), "word"),
            Column("seen", N_("Seen"), "word"), Column("verdict", N_("Verdict"), "word"),
            Column("detail", N_("Answer")),
        ),
        rows=[
            {
                "right": each.seen.what, "expected": answers[each.must], "seen": answers[each.seen.may],
                "verdict": str(each.judgement), "detail": each.seen.detail,
            }
            for each in tried.judged
        ],
        as_of=tried.at,
        source=_("tried with objects of a few bytes"),
        notes=tuple(_key_notes(tried)),
    )


def _key_notes(tried: KeyTried) -> list[str]:
    much, little = tried.named(Judgement.TOO_MUCH), tried.named(Judgement.TOO_LITTLE)
    notes = []
    if much:
        text = _("This key may do too much: {rights}. Give it the policy that kdx backup init --policies writes.")
        notes.append(text.format(rights="; ".join(map(_, much))))
    if little:
        notes.append(_("This key may do too little: {rights}.").format(rights="; ".join(map(_, little))))
    if tried.named(Judgement.UNKNOWN):
        notes.append(_("What is unknown could not be tried: try it in a bucket that keeps versions and locks uploads."))
    return notes or [_("It may do what its role needs, and nothing else.")]


def audited_table(found: Sequence[Audited], names: Mapping[str, str], now: datetime) -> Table:
    """Return what is short, missing, hidden or not locked, one a row."""
    return Table(
        title=_("Locks and versions of the vault"),
        columns=(
            Column("school", N_("School")), Column("what", N_("What"), "word"), Column("name", N_("Name"), "path"),
            Column("until", N_("Locked until"), "time"),
        ),
        rows=[
            {"school": names[each.school], "what": str(one.what), "name": one.name, "until": one.until}
            for each in found
            for one in each.findings
        ],
        as_of=now,
        source=_("the store, version by version: {place}").format(place=found[0].place if found else ""),
        notes=tuple(_audit_notes(found, now)),
    )


def _audit_notes(found: Sequence[Audited], now: datetime) -> list[str]:
    looked, extended = sum(each.looked_at for each in found), sum(each.extended for each in found)
    notes = []
    if found:
        lock = found[0].lock
        kind = _("nobody can lift it") if lock.mode == COMPLIANCE else _("a key with the right to bypass can lift it")
        notes.append(_("Every upload is to be locked for {days} days ({kind}).").format(days=lock.days, kind=kind))
    notes.append(_("Looked at {count} names that snapshots need; made the locks of {extended} longer.").format(
        count=f"{looked:,}", extended=f"{extended:,}"))
    ends = [each.locked_until for each in found if each.looked_at]
    whole = [end for end in ends if end]
    if whole and len(whole) == len(ends):
        notes.append(_("Everything is locked for at least {days} more days.").format(days=(min(whole) - now).days))
    return notes
