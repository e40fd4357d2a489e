"""The sheet that hangs in the staff room, and the one for the board, as one page to print. Facts in, text out.

It says only what the configuration says. What it does not know (telephone numbers, where the envelope lies) is a line
to be filled in by hand: a wrong number on a wall is worse than none.
"""

import shlex
from collections.abc import Sequence
from datetime import datetime

from kdx.config.location import Location
from kdx.config.model import Board, School
from kdx.language import _
from kdx.report.paper import blanks, commands, element, listed, page, pairs, section
from kdx.signing import PublicKey

STYLE = """
section { break-after: page; }
section:last-child { break-after: auto; }
p.whose { font-size: 13pt; text-align: center; margin: 0 0 4mm; }
div.stop { border: 3pt solid #000; padding: 3mm 6mm; font-size: 14pt; font-weight: bold; }
table { table-layout: fixed; }
th:first-child { width: 34%; }
table.fill td { height: 9mm; }
section.staff table.fill td { height: 12mm; }
"""


def sheet_page(board: Board, schools: Sequence[School], keys: Sequence[PublicKey], now: datetime) -> str:
    """Return the page: a sheet for each of these schools, and one for the board. `now` in the board's time zone."""
    sheets = [*(_staff_room(board, school, now) for school in schools), _office(board, schools, keys, now)]
    return page(f"{_('When files are lost')} {board.name}", sheets, STYLE)


def _staff_room(board: Board, school: School, now: datetime) -> str:
    return _sheet(
        "staff",
        _("When a file is gone or the server has stopped"),
        school.name,
        '<div class="stop">'
        + listed(
            "ol",
            _("Do not switch on a server that is wet, hot or smells of burning."),
            _("Do not save anything under the name of the file that is gone."),
            _("If files change by themselves or cannot be opened: pull out the network cable."),
        )
        + "</div>",
        element("h2", _("Then telephone, at once and not by mail")),
        blanks(
            ("", _("Name"), _("Telephone")),
            (board.name, _("At night and on holidays"), _("Company for the server")),
        ),
        element("h2", _("What they will ask")),
        blanks(
            ("", _("Write it down before you telephone")),
            (_("Folder and file"), _("When it was last right"), _("What is in it now"), _("Who needs it, until when")),
        ),
        element("h2", _("What happens then")),
        listed(
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
    return _sheet(
        "office",
        _("Bringing files back"),
        _("{board}, for whoever answers the telephone").format(board=board.name),
        element("h2", _("One file or folder (five minutes)")),
        commands(
            f"kdx restore {name} --find " + _("PART-OF-THE-NAME"),
            f"kdx restore {name} " + _("FOLDER/FILE") + " --at 2026-11-17 --beside",
        ),
        element("h2", _("A whole school")),
        commands(f"kdx restore {name} --to /srv/new/{name}"),
        element("h2", _("This machine is lost")),
        element("p", _("Install kdx, take keys and passwords out of the envelope, and:")),
        commands(f"kdx restore --board --vault {shlex.quote(vault or 'VAULT')} --key board.pub --to /srv/kdx"),
        element("h2", _("kdx does not work")),
        element(
            "p", _("Any Linux will do. Fetch the vault, then bring back the newest snapshot (….seal) of the share:")
        ),
        commands(fetch_line(board.vault.location if board.vault else None), rescue_line(school)),
        element("h2", _("Where things are")),
        blanks(
            ("", ""),
            (
                _("Sealed envelope with keys and passwords"), _("Second envelope"), _("Copy of scripts/rescue"),
                _("Paper copy of this sheet"),
            ),
        ),
        pairs(
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


def _sheet(kind: str, title: str, whose: str, *parts: str) -> str:
    return section(element("h1", title), element("p", whose, "whose"), *parts, kind=kind)


def _footer(board: Board, now: datetime) -> str:
    return element("footer", _("{board}, as of {date}").format(board=board.name, date=f"{now:%Y-%m-%d}"))
