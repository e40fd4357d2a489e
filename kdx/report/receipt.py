"""The migration receipt as a page for the principal and as tables: facts in, text out. Opens nothing, decides nothing.

The page has no script and asks nothing of anybody; black on white, A4 upright. Names are shown through `visible`.
"""

from collections.abc import Iterable
from datetime import datetime, tzinfo
from html import escape

from kdx.handover import Issued
from kdx.language import N_, _, current_language
from kdx.remotes.interface import Kind
from kdx.report.tables import Column, Table, visible
from kdx.report.words import HOW, HOW_MEANINGS, KINDS
from kdx.transfer.receipt import RECEIPT, Facts, Held
from kdx.transfer.verify import Outcome

AS_SIGNED = N_("as signed")
NOT_HERE = N_("not beside it; not looked at")

STYLE = """
@page { size: A4 portrait; margin: 18mm 16mm; }
body { font: 10.5pt/1.6 "Noto Sans CJK JP", "Noto Sans JP", "Yu Gothic", "Hiragino Sans", sans-serif; color: #000;
  max-width: 180mm; margin: 8mm auto; }
h1 { font-size: 20pt; letter-spacing: .3em; text-align: center; margin: 0 0 6mm; }
html[lang=en] h1 { letter-spacing: 0; }
h2 { font-size: 12pt; border-bottom: 1px solid #000; margin: 7mm 0 2mm; break-after: avoid; }
table { border-collapse: collapse; width: 100%; margin: 2mm 0; }
th, td { border: 1px solid #555; padding: 1mm 2mm; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #eee; font-weight: normal; white-space: nowrap; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
td.number { text-align: right; white-space: nowrap; }
code { font: 8.5pt/1.4 monospace; overflow-wrap: anywhere; }
p.state { font-size: 12pt; border: 2px solid #000; padding: 2mm 4mm; }
table.confirm { break-inside: avoid; table-layout: fixed; }
table.confirm th { width: 14%; }
table.confirm td { height: 14mm; }
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
    body = [
        f"<h1>{_text(_('Migration receipt'))}</h1>",
        f'<p class="state">{_text(_state(facts))}</p>',
        _head(facts, zone),
        *(_share(share, zone) for share in facts["shares"]),
        _check(facts, fingerprint),
        _confirm(),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="{current_language()}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(_('Migration receipt'))} {_text(facts['school']['name'])}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _state(facts: Facts) -> str:
    proven = sum(share["entries"].get(Outcome.PROVEN, 0) for share in facts["shares"])
    if facts["whole"]:
        return _("All {count} entries to be moved have arrived and are proven.").format(count=f"{proven:,}")
    still = sum(
        count
        for share in facts["shares"]
        for outcome, count in share["entries"].items()
        if outcome in (
            Outcome.UNREAD, Outcome.UNPROVEN, Outcome.ALTERED, Outcome.LISTED, Outcome.BLOCKED, Outcome.WAITING
        )
    )
    return _("Incomplete: {count} entries are proven, {still} are not (listed below).").format(
        count=f"{proven:,}", still=f"{still:,}"
    )


def _head(facts: Facts, zone: tzinfo) -> str:
    return _rows(
        (_("School"), facts["school"]["name"]),
        (_("Board of education"), facts["board"]),
        (_("Moved to"), facts["target"]),
        (_("Issued"), _when(facts["issued"], zone)),
    )


def _share(share: Facts, zone: tzinfo) -> str:
    entries = share["entries"]
    parts = [
        f"<h2>{_text(_('Share {name}').format(name=share['share']))}</h2>",
        _rows(
            (_("From"), share["source"]),
            (_("Scanned on"), _when(share["scanned"], zone)),
            (_("Verified on"), _when(share["verified"], zone)),
            (_("Entries proven"), f"{entries.get(Outcome.PROVEN, 0):,} ({_kinds(share['kinds'])})"),
            (_("Bytes proven"), f"{share['bytes']:,}"),
            (_("Left by rule"), f"{entries.get(Outcome.RULE, 0):,}"),
            (_("Not taken"), f"{_not_taken(entries):,}"),
            (_("Renamed"), f"{len(share['renamed']):,}"),
        ),
        _list(
            _("How it was proven"),
            (_("Entries"), _("Proven by"), _("Meaning")),
            ((f"{count:,}", _(HOW[how]), _(HOW_MEANINGS[how])) for how, count in share["proven"].items()),
        ),
        _list(
            _("Skipped, and why"),
            (_("Path"), _("Outcome"), _("Why")),
            ((row["path"], _(row["outcome"]), _(row["why"])) for row in share["skipped"]),
        ),
        _list(
            _("Renamed at the target"),
            (_("Name at the source"), _("Name at the target")),
            ((row["from"], row["to"]) for row in share["renamed"]),
        ),
        _list(
            _("What the school decided"),
            (_("Path"), _("Decision"), _("New name"), _("Office or section"), _("Reason")),
            (
                (row["path"], _(row["decision"]), row["name"], row["office"], row["reason"])
                for row in share.get("decisions", {}).get("entries", ())
            ),
        ),
    ]
    ignored = ", ".join(share["ignore"]["patterns"])
    parts.append(
        "<p>"
        + _text(
            _("Names left by rule (list of {version}): {patterns}").format(
                version=share["ignore"]["version"], patterns=ignored
            )
        )
        + "</p>"
    )
    return "\n".join(part for part in parts if part)


def _kinds(kinds: dict[str, int]) -> str:
    return ", ".join(_(KINDS[Kind(kind)]).format(count=f"{count:,}") for kind, count in kinds.items())


def _not_taken(entries: dict[str, int]) -> int:
    return sum(
        entries.get(outcome, 0)
        for outcome in (Outcome.UNREAD, Outcome.BLOCKED, Outcome.UNPROVEN, Outcome.ALTERED, Outcome.WAITING)
    )


def _check(facts: Facts, fingerprint: str) -> str:
    sums = next(file["sha256"] for file in facts["files"] if file["name"] == "SHA256SUMS")
    return (
        f"<h2>{_text(_('How to check this receipt'))}</h2>\n"
        + _rows(
            (_("Signed with the key"), fingerprint),
            ("SHA256SUMS", sums),
            (_("Ledger"), f"#{facts['ledger']['event']} {facts['ledger']['hash']}"),
            ("kdx", facts["kdx"]),
        )
        + "<p><code>kdx migrate receipt --check receipt.json</code><br><code>sha256sum -c SHA256SUMS</code> "
        + _text(_("(in a copy of the school's folder downloaded from the target)"))
        + "</p>"
    )


def _confirm() -> str:
    cells = "".join(f"<th>{_text(name)}</th><td></td>" for name in (_("Date"), _("Office"), _("Confirmed by")))
    return f'<h2>{_text(_("Confirmation of the school"))}</h2><table class="confirm"><tr>{cells}</tr></table>'


def _rows(*pairs: tuple[str, str]) -> str:
    cells = (f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in pairs)
    return f"<table>{''.join(cells)}</table>"


def _list(title: str, headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    every = list(rows)
    if not every:
        return ""
    head = "".join(f"<th>{_text(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>\n" for row in every[:MOST_ROWS])
    more = ""
    if len(every) > MOST_ROWS:
        more = _("{count} more are listed in receipt.json.").format(count=f"{len(every) - MOST_ROWS:,}")
    return (
        f"<h3>{_text(title)}</h3>\n<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        + (f"<p>{_text(more)}</p>" if more else "")
    )


def _when(moment: str, zone: tzinfo) -> str:
    stamp = datetime.fromisoformat(moment).astimezone(zone)
    plain = f"{stamp:%Y-%m-%d %H:%M} {stamp.tzname()}"
    if current_language() != "ja":
        return plain
    # Reiwa 1 is 2019; no receipt is older
    return f"令和{stamp.year - 2018}年{stamp.month}月{stamp.day}日 ({plain})"


def _text(text: str) -> str:
    return escape(visible(text))
