"""Which inventory, which language, and the board the inventory describes. Costs nothing to import: no YAML here."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kdx.errors import ConfigurationError
from kdx.language import LANGUAGES, N_

if TYPE_CHECKING:
    from kdx.config.model import Board

HOSTS = "hosts.yml"
SETTINGS = "kdx.yml"
SYSTEM_INVENTORY = Path("/etc/kdx/inventory")

_LANGUAGE_LINE = re.compile(rb"^language[ ]*:[ ]+[\"']?([A-Za-z]+)[\"']?[ ]*(?:#.*)?\r?$", re.MULTILINE)


class InventoryMissing(ConfigurationError):
    """No folder holds an inventory."""

    message = N_("There is no inventory: hosts.yml was looked for in {places}.")
    advice = N_("Make one with kdx init DIR, or name its folder with --inventory or KDX_INVENTORY.")


def choose_inventory(option: str | None, environment: Mapping[str, str], here: Path = Path()) -> Path:
    """Return the folder: --inventory, else $KDX_INVENTORY, else ./inventory, else /etc/kdx/inventory (design 4.1).

    A folder that was named is the only one looked at. InventoryMissing names all that were.
    """
    named = option or environment.get("KDX_INVENTORY")
    places = [here / named] if named else [here / "inventory", SYSTEM_INVENTORY]
    for place in places:
        if _may_hold_inventory(place):
            return place
    raise InventoryMissing(places=", ".join(map(str, places)))


def choose_language(option: str | None, environment: Mapping[str, str], board_language: str = "") -> str:
    """Return en or ja: --lang, else $KDX_LANG, else the board's, else the locale; cron has none and gets en."""
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    for wish in (option, environment.get("KDX_LANG"), board_language, locale):
        language = re.split(r"[_.@\-]", (wish or "").lower())[0]
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def peek_language(folder: Path) -> str:
    """Return what kdx.yml says under `language`, "" where it does not say; never raises, reads no YAML."""
    try:
        with (folder / SETTINGS).open("rb") as file:
            line = _LANGUAGE_LINE.search(file.read(65536))
    except (OSError, ValueError):
        return ""
    language = line[1].decode("ascii") if line else ""
    return language if language in LANGUAGES else ""


def load_board(folder: Path) -> "Board":
    """Return everything the inventory says. ConfigurationMistakes tells all that is wrong at once."""
    from kdx.config.load import load

    return load(folder)


def _may_hold_inventory(place: Path) -> bool:
    """Whether hosts.yml is there; where that cannot be told, load_board will say why."""
    try:
        (place / HOSTS).lstat()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True
