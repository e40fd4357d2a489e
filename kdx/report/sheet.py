"""The sheet that hangs in the staff room, and the one for the board, as one page to print. Facts in, text out.

It says only what the configuration says. What it does not know (telephone numbers, where the envelope lies) is a line
to be filled in by hand: a wrong number on a wall is worse than none. Black on white, A4, no script, no link.
"""

import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from kdx.config.location import Location
from kdx.config.model import Board, School
from kdx.language import _, current_language
from kdx.report.tables import visible
from kdx.signing import PublicKey

STYLE = """
@page { size: A4 portrait; margin: 14mm 16mm; }
body { font: 11pt/1.55 "Noto Sans CJK JP", "Noto Sans JP", "Yu Gothic", "Hiragino Sans", sans-serif; color: #000;
  max-width: 178mm; margin: 0 auto; }
section { break-after: page; }
section:last-child { break-after: auto; }
h1 { font-size: 21pt; line-height: 1.3; text-align: center; margin: 0 0 2mm; }
p.whose { font-size: 13pt; text-align: center; margin: 0 0 4mm; }
h2 { font-size: 13pt; border-bottom: 1.5pt solid #000; margin: 5mm 0 2mm; break-after: avoid; }
div.stop { border: 3pt solid #000; padding: 3mm 6mm; font-size: 14pt; font-weight: bold; }
div.stop ol { margin: 0; padding-left: 1.6em; }
ol, ul { margin: 1mm 0; padding-left: 1.6em; }
table { border-collapse: collapse; table-layout: fixed; width: 100%; margin: 1mm 0; }
th, td { border: 1px solid #555; padding: 1mm 2mm; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #eee; font-weight: normal; }
th:first-child { width: 34%; }
tr { break-inside: avoid; }
table.fill td { height: 9mm; }
section.staff table.fill td { height: 12mm; }
pre { font: 9pt/1.45 "Noto Sans Mono CJK JP", monospace; border-left: 3pt solid #999; margin: 1.5mm 0; padding: 0 3mm;
  white-space: pre-wrap; overflow-wrap: anywhere; break-inside: avoid; }
p { margin: 1mm 0; }
footer { font-size: 8.5pt; text-align: right; margin-top: 4mm; }
"""


def sheet_page(board: Board, schools: Sequence[School], keys: Sequence[PublicKey], now: datetime) -> str:
    """Return the page: a sheet for each of these schools, and one for the board. `now` in the board's time zone."""
    body = [_staff_room(board, school, now) for school in schools] + [_office(board, schools, keys, now)]
    return (
        f'<!DOCTYPE html>\n<html lang="{current_language()}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(_('When files are lost'))} {_text(board.name)}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _staff_room(board: Board, school: School, now: datetime) -> str:
    return _section(
        "staff",
        _("When a file is gone or the server has stopped"),
        school.name,
        '<div class="stop">'
        + _list(
            "ol",
            _("Do not switch on a server that is wet, hot or smells of burning."),
            _("Do not save anything under the name of the file that is gone."),
            _("If files change by themselves or cannot be opened: pull out the network cable."),
        )
        + "</div>",
        _heading(_("Then telephone, at once and not by mail")),
        _fill(
            ("", _("Name"), _("Telephone")),
            (board.name, _("At night and on holidays"), _("Company for the server")),
        ),
        _heading(_("What they will ask")),
        _fill(
            ("", _("Write it down before you telephone")),
            (_("Folder and file"), _("When it was last right"), _("What is in it now"), _("Who needs it, until when")),
        ),
        _heading(_("What happens then")),
        _list(
            "ul",
            _("The old file appears in the same folder, named NAME_復元_DATE. The present one stays as it is."),
            _("Open it, look whether it is the right one, and go on with it. If it is not, say so: there are others."),
            _("If the server is lost, the board gives you another place to work in until the new one stands."),
        ),
        _footer(board, now),
    )


def _office(board: Board, schools: Sequence[School], keys: Sequence[PublicKey], now: datetime) -> str:
    school = next((one for one in schools if one.shares), None)
    name = school.id if school else "SCHOOL"
    vault = str(board.vault.location) if board.vault else ""
    return _section(
        "office",
        _("Bringing files back"),
        _("{board}, for whoever answers the telephone").format(board=board.name),
        _heading(_("One file or folder (five minutes)")),
        _commands(
            f"kdx restore {name} --find " + _("PART-OF-THE-NAME"),
            f"kdx restore {name} " + _("FOLDER/FILE") + " --at 2026-11-17 --beside",
        ),
        _heading(_("A whole school")),
        _commands(f"kdx restore {name} --to /srv/new/{name}"),
        _heading(_("This machine is lost")),
        _paragraph(_("Install kdx, take keys and passwords out of the envelope, and:")),
        _commands(f"kdx restore --board --vault {shlex.quote(vault or 'VAULT')} --key board.pub --to /srv/kdx"),
        _heading(_("kdx does not work")),
        _paragraph(_("Any Linux will do. Fetch the vault, then bring back the newest snapshot (….seal) of the share:")),
        _commands(fetch_line(board.vault.location if board.vault else None), rescue_line(school)),
        _heading(_("Where things are")),
        _fill(
            ("", ""),
            (_("Sealed envelope with keys and passwords"), _("Second envelope"), _("Paper copy of this sheet")),
        ),
        _rows(
            (_("Vault"), vault),
            *((_("Public key ({role})").format(role=key.role or "-"), key.fingerprint) for key in keys),
            *((f"{one.name} ({one.id})", _shares(one)) for one in schools),
        ),
        _footer(board, now),
    )


def fetch_line(vault: Location | None) -> str:
    """Return the one line that copies the vault into ./vault. Keys of a bucket come from the usual AWS variables."""
    if vault is None:
        return "cp -a " + _("VAULT") + " vault"
    if vault.scheme != "s3":
        place = vault.path if vault.scheme == "file" else str(vault)
        return f"cp -a {shlex.quote(place)} vault"
    options = dict(vault.options)
    words = [":s3", "provider=Other", "env_auth=true"]
    words += [f'{key}="{options[key]}"' for key in ("endpoint", "region") if key in options]
    return f"rclone copy {shlex.quote(','.join(words) + f':{vault.host}/{vault.path}')} vault"


def rescue_line(school: School | None) -> str:
    """Return the line that brings a share back without kdx."""
    unit, share = (school.id, school.shares[0].id) if school else ("SCHOOL", "SHARE")
    return f"scripts/rescue vault vault/schools/{unit}/snapshots/{share}/….seal /srv/new/{unit}"


def _shares(school: School) -> str:
    return ", ".join(f"{share.name} ({share.id})" for share in school.shares)


def _section(kind: str, title: str, whose: str, *parts: str) -> str:
    head = f'<h1>{_text(title)}</h1>\n<p class="whose">{_text(whose)}</p>\n'
    return f'<section class="{kind}">\n{head}' + "\n".join(parts) + "\n</section>"


def _heading(text: str) -> str:
    return f"<h2>{_text(text)}</h2>"


def _paragraph(text: str) -> str:
    return f"<p>{_text(text)}</p>"


def _list(kind: str, *items: str) -> str:
    return f"<{kind}>" + "".join(f"<li>{_text(item)}</li>" for item in items) + f"</{kind}>"


def _commands(*lines: str) -> str:
    return "<pre>" + "\n".join(_text(line) for line in lines) + "</pre>"


def _fill(headings: Sequence[str], names: Iterable[str]) -> str:
    """Return a table whose cells beside the names are left empty, to be filled in by hand."""
    head = "".join(f"<th>{_text(heading)}</th>" for heading in headings) if any(headings) else ""
    empty = "<td></td>" * (len(headings) - 1)
    body = "".join(f"<tr><th>{_text(name)}</th>{empty}</tr>" for name in names)
    return f'<table class="fill">{f"<tr>{head}</tr>" if head else ""}{body}</table>'


def _rows(*pairs: tuple[str, str]) -> str:
    return "<table>" + "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in pairs) + (
        "</table>"
    )


def _footer(board: Board, now: datetime) -> str:
    return f"<footer>{_text(_('{board}, as of {date}').format(board=board.name, date=f'{now:%Y-%m-%d}'))}</footer>"


def _text(text: str) -> str:
    return escape(visible(text))
