"""Mistakes in the configuration, collected and told all at once. Decides nothing about what is right."""

import unicodedata
from dataclasses import dataclass, field

from kdx.errors import ConfigurationError
from kdx.language import N_, _


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing that is wrong, or doubtful, at one place of one file."""

    file: str
    line: int
    """From 1; 0 where it concerns the file as a whole."""
    key_path: str
    """Keys from the top of the file, joined by dots: all.children.schools."""
    what: str
    """One sentence, already translated."""
    nearest: tuple[str, ...] = ()
    """Valid names it may have meant, nearest first."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = ": ".join(part for part in (place, self.key_path, self.what) if part)
        if self.nearest:
            text += " " + _("Nearest: {names}.").format(names=", ".join(self.nearest))
        return _one_line(text)


@dataclass(frozen=True, slots=True)
class Findings:
    """What reading the configuration brought to light: mistakes stop everything, warnings are shown by check."""

    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)


class ConfigurationMistakes(ConfigurationError):
    """The configuration holds mistakes; all of them are told."""

    message = N_("The configuration has mistakes ({count}):\n{listed}")
    advice = N_("Correct the places named and run the same command again; nothing was changed.")

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__(count=len(self.mistakes), listed="\n".join(map(str, self.mistakes)))


def _one_line(text: str) -> str:
    """A key may hold a newline; a forged second line of the list must stay visible as part of the first."""
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in ("Cc", "Zl", "Zp")
        else character
        for character in text
    )
