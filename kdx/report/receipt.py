"""The migration receipt as a page for the principal and as tables: facts in, text out. Opens nothing, decides nothing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo

from kdx.handover import Issued
from kdx.language import N_, _, current_language
from kdx.remotes.interface import Kind
from kdx.report.paper import commands, element, grid, page, pairs, text
from kdx.report.shown import human_bytes
from kdx.report.tables import Column, Table
from kdx.report.words import HOW, HOW_MEANINGS, KINDS
from kdx.transfer.receipt import RECEIPT, Facts, Held
from kdx.transfer.verify import ALTERED_THERE, OPEN, Outcome

AS_SIGNED = N_("as signed")
NOT_HERE = N_("not beside it; not looked at")

STYLE = """
html[lang=ja] h1 { letter-spacing: .3em; }
th { white-space: nowrap; }
p.state { font-size: 12pt; border: 2px solid #000; padding: 2mm 4mm; }
table.confirm { break-inside: avoid; table-layout: fixed; }
table.confirm th { width: 14%; }
table.confirm td { height: 14mm; }
@media print { body { font-size: 9.5pt; line-height: 1.4; } h2 { margin-top: 4mm; } th, td { padding: .6mm 2mm; } }
"""

MOST_ROWS = 300
"""Exceptions printed by name in one list; the rest is in receipt.json, and the page says so."""


def issued_table(issued: Issued) -> Table:
    """Return what was written and where."""
    return Table(
        title=_("Receipt of {school}").format(school=issued.facts["school"]["name"]),
        columns=(Column("file", N_("File"), "path"), Column("sha256", "SHA-256")),
        rows=[{"file": str(issued.folder / file["name"]), "sha256": file["sha256"]} for file in issued.files],
        source=_("signed with {fingerprint}").format(fingerprint=issued.fingerprint),
        notes=(_state(issued.facts),),
    )


def held_table(held: Held) -> Table:
    """Return what the check of a receipt found."""
    rows = [{"file": name, "state": AS_SIGNED} for name in (RECEIPT, *held.files)]
    rows += [{"file": name, "state": NOT_HERE} for name in held.absent]
    return Table(
        title=_("Receipt of {school}").format(school=held.facts["school"]["name"]),
        columns=(Column("file", N_("File"), "path"), Column("state", N_("State"), "word")),
        rows=rows,
        source=_("signed with {fingerprint}").format(fingerprint=held.key.fingerprint),
        notes=(_state(held.facts),),
    )


def receipt_page(facts: Facts, fingerprint: str, zone: tzinfo) -> str:
    """Given the facts of a receipt and the signing key's fingerprint, return the page."""
    title = _("Migration receipt")
    return page(
        f"{title} {facts['school']['name']}",
        [
            element("h1", title),
            element("p", _state(facts), "state"),
            _head(facts, zone),
            *(part for share in facts["shares"] for part in _share(share, zone)),
            *_check(facts, fingerprint),
            *_confirm(),
        ],
        STYLE,
    )


def _state(facts: Facts) -> str:
    proven = sum(share["entries"].get(Outcome.PROVEN, 0) for share in facts["shares"])
    if facts["whole"]:
        return _("All {count} entries to be moved have arrived and are proven.").format(count=f"{proven:,}")
    still = sum(
        count
        for share in facts["shares"]
        for outcome, count in share["entries"].items()
        if outcome in OPEN | {Outcome.LISTED}
    )
    return _("Incomplete: {count} entries are proven, {still} are not (listed below).").format(
        count=f"{proven:,}", still=f"{still:,}"
    )


def _head(facts: Facts, zone: tzinfo) -> str:
    return pairs(
        (_("School"), facts["school"]["name"]),
        (_("Board of education"), facts["board"]),
        (_("Moved to"), facts["target"]),
        (_("Issued"), _when(facts["issued"], zone)),
    )


def _share(share: Facts, zone: tzinfo) -> Iterator[str]:
    entries = share["entries"]
    yield element("h2", _("Share {name}").format(name=share["share"]))
    yield pairs(
        (_("From"), share["source"]),
        (_("Scanned on"), _when(share["scanned"], zone)),
        (_("Verified on"), _when(share["verified"], zone)),
        (_("Entries proven"), f"{entries.get(Outcome.PROVEN, 0):,} ({_kinds(share['kinds'])})"),
        (_("Bytes proven"), f"{human_bytes(share['bytes'])} ({share['bytes']:,} B)"),
        (_("Left by rule"), f"{entries.get(Outcome.RULE, 0):,}"),
        (_("Not taken"), f"{_not_taken(entries):,}"),
        *_altered(entries),
        (_("Renamed"), f"{len(share['renamed']):,}"),
    )
    yield from _lists(share)
    yield element(
        "p",
        _("Names left by rule (list of {version}): {patterns}").format(
            version=share["ignore"]["version"], patterns=", ".join(share["ignore"]["patterns"])
        ),
    )


def _lists(share: Facts) -> Iterator[str]:
    yield _list(
        _("How it was proven"),
        (_("Entries"), _("Proven by"), _("Meaning")),
        ((f"{count:,}", _(HOW[how]), _(HOW_MEANINGS[how])) for how, count in share["proven"].items()),
    )
    yield _list(
        _("Skipped, and why"),
        (_("Path"), _("Outcome"), _("Why")),
        (_named(row) for row in share["skipped"] if row["outcome"] not in ALTERED_THERE),
    )
    yield _list(
        _("Altered by the service: there, but not proven"),
        (_("Path"), _("Outcome"), _("What was compared")),
        (_named(row) for row in share["skipped"] if row["outcome"] in ALTERED_THERE),
    )
    yield _list(
        _("Renamed at the target"),
        (_("Name at the source"), _("Name at the target")),
        ((row["from"], row["to"]) for row in share["renamed"]),
    )
    yield _list(
        _("What the school decided"),
        (_("Path"), _("Decision"), _("New name"), _("Office or section"), _("Reason")),
        (
            (row["path"], _(row["decision"]), row["name"], row["office"], row["reason"])
            for row in share.get("decisions", {}).get("entries", ())
        ),
    )


def _kinds(kinds: dict[str, int]) -> str:
    return ", ".join(_(KINDS[Kind(kind)]).format(count=f"{count:,}") for kind, count in kinds.items())


def _not_taken(entries: dict[str, int]) -> int:
    return sum(entries.get(outcome, 0) for outcome in OPEN - ALTERED_THERE)


def _altered(entries: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Yield what is said of files a service altered; nothing where none was."""
    if count := sum(entries.get(outcome, 0) for outcome in ALTERED_THERE):
        same = entries.get(Outcome.ALTERED_SAME, 0)
        yield _("Altered by the service"), _("{count}, of {same} of them the content is the same").format(
            count=f"{count:,}", same=f"{same:,}"
        )


def _named(row: dict[str, str]) -> tuple[str, str, str]:
    return row["path"], _(row["outcome"]), _(row["why"])


def _check(facts: Facts, fingerprint: str) -> Iterator[str]:
    sums = next(file["sha256"] for file in facts["files"] if file["name"] == "SHA256SUMS")
    yield element("h2", _("How to check this receipt"))
    yield pairs(
        (_("Signed with the key"), fingerprint),
        ("SHA256SUMS", sums),
        (_("Ledger"), f"#{facts['ledger']['event']} {facts['ledger']['hash']}"),
        ("kdx", facts["kdx"]),
    )
    yield commands("kdx migrate receipt --check receipt.json", "sha256sum -c SHA256SUMS")
    yield element("p", _("(the second in a copy of the school's folder downloaded from the target)"))


def _confirm() -> Iterator[str]:
    yield element("h2", _("Confirmation of the school"))
    names = (_("Date"), _("Office"), _("Confirmed by"))
    cells = "".join(f'<th scope="row">{text(name)}</th><td></td>' for name in names)
    yield f'<table class="confirm"><tbody><tr>{cells}</tr></tbody></table>'


def _list(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    every = list(rows)
    if not every:
        return ""
    parts = [element("h3", title), grid(columns, every[:MOST_ROWS])]
    if len(every) > MOST_ROWS:
        more = _("{count} more are listed in receipt.json.").format(count=f"{len(every) - MOST_ROWS:,}")
        parts.append(element("p", more))
    return "\n".join(parts)


def _when(moment: str, zone: tzinfo) -> str:
    stamp = datetime.fromisoformat(moment).astimezone(zone)
    plain = f"{stamp:%Y-%m-%d %H:%M} {stamp.tzname()}"
    if current_language() != "ja":
        return plain
    # Reiwa 1 is 2019; no receipt is older
    return f"令和{stamp.year - 2018}年{stamp.month}月{stamp.day}日 ({plain})"
