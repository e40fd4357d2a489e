"""Collect the messages of kdx into kdx/locale/ja/LC_MESSAGES/kdx.po, and compile kdx.mo beside it.

With --check nothing is written: it fails, and says where, when a message is untranslated, obsolete, fills in other
values than its source, or when kdx.mo is not what kdx.po compiles to.
"""

import argparse
import ast
import importlib
import pkgutil
import string
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

import kdx
from kdx.cli import root
from kdx.cli.commands import KdxCommand
from kdx.cli.help import EXAMPLE, paragraphs_of
from kdx.errors import KdxError

PACKAGE = Path(kdx.__file__).parent
PO_FILE = PACKAGE / "locale" / "ja" / "LC_MESSAGES" / "kdx.po"
MARKS = ("_", "N_")
PLURAL = "ngettext"
Message = str | tuple[str, str]

# what click says itself where a person can meet it
CLICK: tuple[Message, ...] = (
    "Usage:",
    "Options",
    "Commands",
    "Show this message and exit.",
    "default: {default}",
    "required",
    "Missing command.",
    "Missing argument",
    "Missing option",
    "No such option {name!r}.",
    ("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"),
    ("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"),
    ("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."),
    "Option {name!r} does not take a value.",
    "Invalid value: {message}",
    "Invalid value for {param_hint}: {message}",
    ("{value!r} is not {choice}.", "{value!r} is not one of {choices}."),
    "{value!r} is not a valid {number_type}.",
    "{value} is not in the range {range}.",
    "Choose from:\n\t{choices}",
    "file",
    "directory",
    "path",
    "{name} {filename!r} does not exist.",
    "{name} {filename!r} is a file.",
    "{name} {filename!r} is a directory.",
    "{name} {filename!r} is not readable.",
    "{name} {filename!r} is not writable.",
)


def collect() -> dict[Message, set[str]]:
    """Return every message with the files it stands in."""
    found: dict[Message, set[str]] = {}

    def add(message: Message, place: str) -> None:
        if message:
            found.setdefault(message, set()).add(place)

    for path in sorted(PACKAGE.rglob("*.py")):
        for text in marked(path):
            add(text, f"kdx/{path.relative_to(PACKAGE)}")
    for module in pkgutil.walk_packages(kdx.__path__, "kdx."):
        importlib.import_module(module.name)
    for kind in descendants(KdxError):
        # a test that collects knows classes of other tests too
        if kind.__module__.partition(".")[0] == "kdx":
            add(kind.message, kind.__module__)
            add(kind.advice, kind.__module__)
    for command, name in commands(root, click.Context(root, info_name="kdx")):
        for text in command_texts(command):
            add(text, name)
    for message in CLICK:
        add(message, "click")
    add(EXAMPLE, "kdx/cli/help.py")
    return found


def marked(path: Path) -> Iterator[Message]:
    """Yield what is marked with _(), N_() or ngettext() in a file. Text made while running could never be translated.

    _() of a name or an item is a constant that was marked with N_() elsewhere.
    """
    for node in ast.walk(ast.parse(path.read_bytes())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == PLURAL:
            yield plural_of(node, path)
        elif node.func.id in MARKS:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value
            elif node.func.id == "N_" or not isinstance(argument, (ast.Name, ast.Attribute, ast.Subscript)):
                sys.exit(f"{path}:{node.lineno}: {node.func.id}() takes one constant string")


def plural_of(call: ast.Call, path: Path) -> Message:
    """Return the two sentences of a call of ngettext()."""
    match call.args[:2]:
        case [ast.Constant(value=str(one)), ast.Constant(value=str(many))]:
            return one, many
    sys.exit(f"{path}:{call.lineno}: {PLURAL}() takes two constant strings and a number")


def descendants(kind: type[KdxError]) -> Iterator[type[KdxError]]:
    """Yield an error class and all below it."""
    yield kind
    for below in kind.__subclasses__():
        yield from descendants(below)


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, str]]:
    """Yield a command and all below it with what is typed for it."""
    yield command, context.command_path
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert isinstance(below, KdxCommand), f"{name} is not a KdxCommand: its help would stay English"
            yield from commands(below, click.Context(below, parent=context, info_name=name))


def command_texts(command: click.Command) -> Iterator[str]:
    """Yield the paragraphs of a command's help and the help of its options."""
    yield from paragraphs_of(command.help or "")
    for parameter in command.get_params(click.Context(command)):
        yield getattr(parameter, "help", None) or ""


def merge(messages: dict[Message, set[str]], known: Catalog) -> Catalog:
    """Return a catalog of exactly `messages`, with the translations known so far."""
    merged = new_catalog()
    merged.header_comment = "# Japanese messages of kdx. Collected by scripts/messages; translations are edited here."
    for message, places in sorted(messages.items(), key=lambda item: (min(item[1]), str(item[0]))):
        before = known.get(source_of(message))
        strings = strings_of(before.string) if before is not None else [""]
        translation = strings[0] if isinstance(message, str) else tuple(strings)
        merged.add(message, translation, locations=[(place, 0) for place in sorted(places)])
    return merged


def problems(messages: dict[Message, set[str]], po_file: Path) -> Iterator[str]:
    """Yield what is wrong with a catalog and with the .mo beside it, one line each."""
    known, mo_file = read_catalog(po_file), po_file.with_suffix(".mo")
    if compiled(mo_file) != translations(known):
        yield f"{mo_file.name} is not what {po_file.name} compiles to; run scripts/messages"
    for message, places in messages.items():
        source = source_of(message)
        where = f"{min(places)}: {source!r}"
        found = known.get(source)
        strings = [] if found is None else strings_of(found.string)
        if found is None or not all(strings):
            yield f"{where} is not translated"
        elif found.fuzzy:
            yield f"{where} is marked as doubtful (fuzzy)"
        elif not all(fills_in_the_same(message, text) for text in strings):
            yield f"{where} fills in other values than its translation"
    sources = set(map(source_of, messages))
    for entry in known:
        source = source_of(entry.id)
        if source and source not in sources:
            yield f"{source!r} is translated but no longer used"
    for unused in known.obsolete:
        yield f"{unused!r} is kept although it is obsolete"


def fills_in_the_same(message: Message, translation: str) -> bool:
    """Whether a translation names the values of its source; of a plural, those of one of its forms are enough."""
    if isinstance(message, str):
        return fields(message) == fields(translation)
    return any(fields(form) == fields(translation) for form in message)


def fields(text: str) -> set[str]:
    """Return the names a message fills in."""
    return {name for _text, name, _form, _conversion in string.Formatter().parse(text) if name is not None}


def compiled(path: Path) -> dict[str, list[str]]:
    """Return what a .mo file says; nothing where there is none."""
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return translations(read_mo(file))


def translations(catalog: Catalog) -> dict[str, list[str]]:
    """Return message -> translation. The header is left out: it changes with Babel."""
    return {source_of(entry.id): strings_of(entry.string) for entry in catalog if entry.id and entry.string}


def source_of(message: str | Sequence[str]) -> str:
    """Return what a message is looked up by: the singular."""
    return message if isinstance(message, str) else message[0]


def strings_of(translation: str | Sequence[str] | None) -> list[str]:
    """Return the forms of a translation; none is one empty form."""
    return [translation or ""] if isinstance(translation, str | None) else list(translation)


def new_catalog() -> Catalog:
    """Return an empty catalog whose header never changes by itself."""
    day = datetime(2026, 11, 23, tzinfo=UTC)
    return Catalog(
        locale="ja", project="kdx", version="-", msgid_bugs_address="-", last_translator="-", language_team="ja",
        creation_date=day, revision_date=day, fuzzy=False,
    )


def read_catalog(path: Path) -> Catalog:
    """Return the catalog of a .po file, an empty one where there is none."""
    if not path.exists():
        return new_catalog()
    with path.open("rb") as file:
        return read_po(file, locale="ja")


def main() -> int:
    """Collect or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something is to be done")
    parser.add_argument("--catalog", type=Path, default=PO_FILE, help="the .po file (default: the Japanese one)")
    options = parser.parse_args()
    messages = collect()
    if not options.check:
        merged = merge(messages, read_catalog(options.catalog))
        options.catalog.parent.mkdir(parents=True, exist_ok=True)
        with options.catalog.open("wb") as file:
            write_po(file, merged, width=120, include_lineno=False, omit_header=False)
        with options.catalog.with_suffix(".mo").open("wb") as file:
            write_mo(file, merged)
    wrong = list(problems(messages, options.catalog))
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(messages)} messages, {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
