"""What a target can hold, as a dated table says it: targets.yml and personal.yml -> profiles, or all that is wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdx.config.fields import Node, mistake, read_items, read_mapping, read_required, read_truth, refuse_unknown
from kdx.config.mistakes import ConfigurationMistakes, Findings
from kdx.config.model import Target
from kdx.config.naming import nearest_names
from kdx.config.rule_tables import PERSONAL, TARGETS, read_table, table_path
from kdx.errors import ConfigurationError
from kdx.inventory.assess.finding import Find, Row, Rule
from kdx.inventory.assess.lengths import UNITS
from kdx.inventory.assess.personal import Vocabulary, Word
from kdx.inventory.assess.rules import BY_ID, ONE_ENTRY
from kdx.inventory.assess.twins import FOLDINGS
from kdx.language import N_, _

BY_SCHEME = {"s3": "s3", "file": "linux-folder", "sftp": "linux-folder", "smb": "windows"}
"""The profile of an address that names none. What is behind rclone only rclone can tell."""


class NoProfile(ConfigurationError):
    """It is not known what a target can hold."""

    message = N_("It is not known what {target} can hold.")
    advice = N_("Write profile: under this target in kdx.yml, or name a profile with --to. Known: {known}.")


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of one kind of target, each with its row."""

    name: str
    version: str
    rows: Mapping[Rule, Row] = field(hash=False)
    one_entry: tuple[tuple[Rule, Row, Find], ...] = field(init=False, repr=False, compare=False)
    """The rules among them that look at one entry alone."""

    def __post_init__(self) -> None:
        found = ((rule, self.rows[rule], rule.find) for rule in ONE_ENTRY if rule in self.rows)
        object.__setattr__(self, "one_entry", tuple((rule, row, find) for rule, row, find in found if find))


@dataclass(frozen=True, slots=True)
class RuleTables:
    """All profiles, the words for personal data, and the files they were read from."""

    profiles: Mapping[str, Profile] = field(hash=False)
    vocabulary: Vocabulary
    files: tuple[Path, ...]

    def profile_of(self, target: Target, behind: str = "") -> Profile:
        """Return what a target can hold: what its `profile:` says, else the service `behind` it, else its address."""
        name = target.profile or behind or BY_SCHEME.get(target.location.scheme, "")
        if name not in self.profiles:
            raise NoProfile(target=target.name, known=", ".join(self.profiles))
        return self.profiles[name]


def load_tables(folder: Path) -> RuleTables:
    """Read the tables of an inventory folder, or those that ship. ConfigurationMistakes tells all that is wrong."""
    found = Findings()
    targets, words = (read_table(name, folder, found) for name in (TARGETS, PERSONAL))
    profiles = _read_profiles(targets, found) if targets else {}
    vocabulary = _read_words(words, found) if words else Vocabulary("", "", ())
    if found.mistakes:
        raise ConfigurationMistakes(found.mistakes)
    return RuleTables(profiles, vocabulary, tuple(table_path(name, folder) for name in (TARGETS, PERSONAL)))


def _read_profiles(top: Node, found: Findings) -> dict[str, Profile]:
    refuse_unknown(top, ("version", "every", "profiles"), found)
    version = read_required(top, "version", found)
    every = _read_rows(top.value.get("every"), found)
    return {
        name: Profile(name, version, {**every, **_read_rows(node, found)})
        for name, node in read_mapping(top.value.get("profiles"), found).items()
    }


def _read_rows(node: Node | None, found: Findings) -> dict[Rule, Row]:
    rows: dict[Rule, Row] = {}
    for name, value in read_mapping(node, found).items():
        if name not in BY_ID:
            mistake(found, value, _("there is no such rule."), tuple(nearest_names(name, list(BY_ID))))
        elif read_mapping(value, found):
            rows[BY_ID[name]] = _read_row(value, BY_ID[name], found)
    return rows


def _read_row(node: Node, rule: Rule, found: Findings) -> Row:
    refuse_unknown(node, ("source", "date", *_READERS), found)
    known = {name: read(node.value[name], found) for name, read in _READERS.items() if name in node.value}
    for name in rule.needs:
        if name not in known:
            mistake(found, node, _("{key} is missing.").format(key=name))
    return Row(source=read_required(node, "source", found), date=read_required(node, "date", found), **known)


def _read_characters(node: Node, found: Findings) -> str:
    # not read_text: a blank is a character here
    if isinstance(node.value, str):
        return node.value
    mistake(found, node, _("characters in quotation marks are expected here."))
    return ""


def _read_most(node: Node, found: Findings) -> int:
    if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value > 0:
        return node.value
    mistake(found, node, _("a whole number above 0 is expected."))
    return 1


def _read_list(node: Node, found: Findings) -> tuple[str, ...]:
    return tuple(filter(None, (_read_characters(item, found).casefold() for item in read_items(node, found))))


def _read_set(node: Node, found: Findings) -> frozenset[str]:
    return frozenset(_read_list(node, found))


def _one_of(known: Sequence[str]) -> Callable[[Node, Findings], str]:
    def read(node: Node, found: Findings) -> str:
        if node.value in known:
            return str(node.value)
        mistake(found, node, _("one of these is expected: {known}.").format(known=", ".join(known)))
        return known[0]

    return read


def _read_yes(node: Node, found: Findings) -> bool:
    return bool(read_truth(node, found))


_READERS: dict[str, Callable[[Node, Findings], Any]] = {
    **dict.fromkeys(("characters", "leading", "trailing"), _read_characters),
    **dict.fromkeys(("control", "private_use", "rights"), _read_yes),
    **dict.fromkeys(("parts", "starts", "folder_starts"), _read_list),
    **dict.fromkeys(("names", "stems", "top_folders", "endings"), _read_set),
    "most": _read_most,
    "unit": _one_of(tuple(UNITS)),
    "folding": _one_of(tuple(FOLDINGS)),
}


def _read_words(top: Node, found: Findings) -> Vocabulary:
    refuse_unknown(top, ("version", "guideline_version", "words"), found)
    words = []
    for item in read_items(top.value.get("words"), found):
        if not read_mapping(item, found):
            continue
        refuse_unknown(item, ("word", "class", "source", "date"), found)
        word, information_class, source, date = (
            read_required(item, key, found) for key in ("word", "class", "source", "date")
        )
        words.append(Word(word, information_class, f"{source} ({date})"))
    return Vocabulary(
        read_required(top, "version", found), read_required(top, "guideline_version", found), tuple(words)
    )
