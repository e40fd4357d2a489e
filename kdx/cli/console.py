"""Where drawn tables go: standard output, or a file that is replaced whole. Decides no content.

Every line for a person passes through here or through cli/failures; nothing else prints.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from datetime import tzinfo
from pathlib import Path

from kdx.errors import UsageMistake
from kdx.language import N_, _
from kdx.report.tables import Table

MINIMUM_WIDTH = 60
ENDINGS = ("csv", "json", "ndjson", "md", "html", "xlsx")


class TerminalRefused(UsageMistake):
    """A spreadsheet file would be written on the screen."""

    message = N_("A spreadsheet is not written to a terminal.")
    advice = N_("Name a file: -o FILE.xlsx.")


class FileUnwritable(UsageMistake):
    """The file named with -o cannot be written."""

    message = N_("The file {path} cannot be written: {why}.")
    advice = N_("Choose another place with -o. A file that is open in Excel must be closed there first.")


class NotInEncoding(UsageMistake):
    """The table holds characters that an old encoding has no place for."""

    message = N_("{encoding} cannot hold these characters: {characters}. Nothing was written.")
    advice = N_("Leave --encoding away: Excel reads the CSV of kdx in UTF-8, every name whole.")


def say(text: str) -> None:
    """Write a line on stderr."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (BrokenPipeError, ValueError):
        # nobody listens any more; the work goes on
        pass


def format_of(file: str) -> str:
    """Return the format that the name of a file asks for; table where it asks for none."""
    ending = Path(file).suffix.lower().removeprefix(".")
    return {"htm": "html", "jsonl": "ndjson"}.get(ending, ending if ending in ENDINGS else "table")


def show_table(
    table: Table, form: str, file: str, zone: tzinfo, encoding: str = "utf-8", pager: bool = False
) -> None:
    """Draw `table` as `form` into `file`, `-` being standard output. `encoding` is that of CSV."""
    from kdx.cli import formats, text_table
    from kdx.cli.spreadsheet import spreadsheet

    if form == "xlsx":
        if file == "-" and sys.stdout.isatty():
            raise TerminalRefused()
        content = spreadsheet(table, zone)
    elif form == "table":
        width = _terminal_width() if file == "-" else None
        # only a terminal has an encoding of its own; files and pipes are UTF-8
        spoken = "utf-8" if width is None else sys.stdout.encoding
        content = text_table.text(table, zone, width).encode(spoken, "backslashreplace")
        if pager and width is not None and _paged(content):
            return
    elif form == "csv" and encoding != "utf-8":
        content = _in_old_encoding(formats.comma_separated(table, zone), encoding)
    else:
        draw: Callable[[Table, tzinfo], str] = formats.TEXTS[form]
        content = draw(table, zone).encode("utf-8")
    if file == "-":
        write_result(content)
    else:
        write_file(Path(file), content)


def _in_old_encoding(text: str, encoding: str) -> bytes:
    text = text.removeprefix("\ufeff")
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        missing = [one for one in dict.fromkeys(text) if not one.encode(encoding, "ignore")]
        named = ", ".join(f"{one} (U+{ord(one):04X})" for one in missing)
        raise NotInEncoding(encoding=encoding, characters=named) from None


def _paged(content: bytes) -> bool:
    """Show what is longer than the terminal in less. False where that cannot be, or where the reader wants none."""
    from subprocess import DEVNULL, Popen

    lines = shutil.get_terminal_size().lines
    wanted = os.environ.get("PAGER", "less") not in ("", "cat") and os.environ.get("TERM", "dumb") != "dumb"
    less = shutil.which("less")
    if not wanted or less is None or not sys.stdin.isatty() or content.count(b"\n") < lines:
        return False
    sys.stdout.flush()
    with Popen([less, "-FIRX"], stdin=-1, stderr=DEVNULL, env={**os.environ, "LESSSECURE": "1"}) as process:
        with contextlib.suppress(BrokenPipeError):
            process.communicate(content)
    return True


def write_result(content: bytes) -> None:
    """Write bytes on standard output, whatever its encoding claims to be."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileUnwritable(path=_("standard output"), why=error.strerror) from error


def write_file(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, whole or not at all."""
    write_pieces(path, (content,))


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Replace `path` by pieces that are never in memory all at once, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        try:
            with unfinished.open("wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise FileUnwritable(path=path, why=error.strerror) from error


def _terminal_width() -> int | None:
    """Return the columns of the terminal on stdout; None where there is none and nothing is shortened."""
    if not sys.stdout.isatty():
        return None
    return max(MINIMUM_WIDTH, shutil.get_terminal_size().columns)
