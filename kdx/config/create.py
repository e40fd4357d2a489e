"""A new inventory folder from facts. Composes every file in memory, proves that it loads, and only then writes.

Never replaces a file, and leaves none behind when it could not write all.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kdx.config import HOSTS, SETTINGS
from kdx.config.comments import Comments, comments_in
from kdx.config.fields import Node, mistake, read_text
from kdx.config.load import build
from kdx.config.location import Location
from kdx.config.mistakes import ConfigurationMistakes, Findings, Mistake
from kdx.config.model import Board, Target
from kdx.config.school_csv import NewSchool, read_school_csv
from kdx.config.settings import read_municipality_code, read_target
from kdx.config.strict_yaml import parse_yaml, quote_text
from kdx.errors import ConfigurationError
from kdx.language import N_, _


class AlreadyThere(ConfigurationError):
    """A file that would be written exists."""

    message = N_("{files} already exists; kdx init never overwrites a file.")
    advice = N_("Choose another folder, or move the old files away.")


class NotWritten(ConfigurationError):
    """The new folder or a file in it could not be written."""

    message = N_("{path} cannot be written: {why}.")
    advice = N_("Choose another folder, or make room there and give this user the right to write.")


@dataclass(frozen=True, slots=True)
class NewBoard:
    """Everything a new inventory is made of."""

    name: str
    language: str = "ja"
    municipality_code: str = ""
    schools: tuple[NewSchool, ...] = ()
    targets: tuple[Target, ...] = ()


def read_new_board(
    name: str, language: str, municipality_code: str = "", schools: Path | None = None, targets: tuple[str, ...] = ()
) -> NewBoard:
    """Given what was typed (`targets` as NAME=URL), return the facts. ConfigurationMistakes tells all that is wrong.

    A board without a name gets the plain word for one, for somebody to fill in.
    """
    found = Findings()
    new = NewBoard(
        name=read_text(Node("kdx init", 0, "--board", name), found) or comments_in(language).name,
        language=language,
        municipality_code=read_municipality_code(
            Node("kdx init", 0, "--municipality-code", municipality_code), found
        ),
        schools=read_school_csv(schools, found) if schools else (),
        targets=_read_targets(targets, found),
    )
    if found.mistakes:
        raise ConfigurationMistakes(found.mistakes)
    return new


def compose(new: NewBoard, folder: Path) -> tuple[dict[str, str], Board]:
    """Return the text of every file by its name, and the board they load as. ConfigurationMistakes where they do not.

    Nothing is written; `folder` is where they will stand.
    """
    words = comments_in(new.language)
    files = {
        HOSTS: compose_hosts(new, words),
        SETTINGS: compose_settings(new, words),
        "keys/README.md": words.keys,
        "rules/README.md": words.rules,
    }
    found = Findings()
    settings, hosts = (parse_yaml(files[name], name, found) for name in (SETTINGS, HOSTS))
    board = build(settings, hosts, folder, found)
    return files, board


def compose_hosts(new: NewBoard, words: Comments) -> str:
    """Return the text of hosts.yml."""
    schools = "".join(map(_compose_school, new.schools)) or words.school
    return f"{words.hosts}\nall:\n  children:\n    schools:\n      children:\n{schools}"


def compose_settings(new: NewBoard, words: Comments) -> str:
    """Return the text of kdx.yml."""
    code = f'"{new.municipality_code}"' if new.municipality_code else ""
    targets = "".join(f"  {quote_text(target.name)}: {quote_text(str(target.location))}\n" for target in new.targets)
    parts = (
        f"{words.board}board: {quote_text(new.name)}\nlanguage: {new.language}\n",
        f"{words.municipality}municipality_code: {code}".rstrip() + "\n",
        f'{words.weather}# jma: {{office: "240000", class20: "2421000"}}\n',
        words.targets + (f"targets:\n{targets}" if targets else ""),
        words.others,
    )
    return "\n".join(parts)


def write_inventory(folder: Path, files: dict[str, str]) -> None:
    """Write `files` below `folder`. AlreadyThere names every one that exists, NotWritten the one that cannot be."""
    refuse_existing(folder, files)
    written: list[Path] = []
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        _take_back(written)
        raise NotWritten(path=error.filename or folder, why=error.strerror) from error


def refuse_existing(folder: Path, files: Iterable[str]) -> None:
    """AlreadyThere where any of `files` is in `folder` already, even as a broken link."""
    there = [str(folder / name) for name in files if os.path.lexists(folder / name)]
    if there:
        raise AlreadyThere(files=", ".join(there))


def _take_back(written: list[Path]) -> None:
    """Remove what this very call wrote; half an inventory would be in the way of the next attempt."""
    for path in written:
        path.unlink(missing_ok=True)


def _read_targets(written: tuple[str, ...], found: Findings) -> tuple[Target, ...]:
    targets: dict[str, Target] = {}
    for text in written:
        name, equals, url = text.partition("=")
        node = Node("kdx init", 0, f"--target {name}", url)
        target = read_target(name, node, Path(), found) if equals else None
        if not equals:
            found.mistakes.append(Mistake("kdx init", 0, "--target", _("a target is written as NAME=URL.")))
        elif name in targets:
            mistake(found, node, _("this target is named more than once."))
        elif target:
            targets[name] = target
    return tuple(targets.values())


def _compose_school(school: NewSchool) -> str:
    facts = school.facts
    lines = [
        f"        {facts.id}:",
        "          vars:",
        f"            school_name: {quote_text(facts.name)}",
        f"            school_kana: {_quote_known(facts.kana)}",
        f"            school_code: {_quote_known(facts.code)}",
        f"            kind: {_quote_known(facts.kind)}",
        *(f"            {name}:" for name in ("flood_depth_rank", "server_floor", "ups")),
    ]
    servers: dict[str, list[tuple[str, Location]]] = {}
    for name, location in school.shares:
        servers.setdefault(location.host if location.scheme in ("sftp", "smb") else "", []).append((name, location))
    if servers:
        lines.append("          hosts:")
    for number, (address, shares) in enumerate(servers.items(), 1):
        server = "fs-" + facts.id.replace("_", "-") + (f"-{number}" if number > 1 else "")
        lines.append(f"            {server}:")
        if address:
            lines.append(f"              ansible_host: {quote_text(address)}")
        lines.append("              shares:")
        lines += [
            f"                - {{name: {quote_text(name)}, url: {quote_text(str(location))}}}"
            for name, location in shares
        ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _quote_known(text: str) -> str:
    return quote_text(text) if text else ""
