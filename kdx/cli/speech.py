"""Which language the program speaks, settled before anything is shown: the help and every complaint are in it."""

import gettext
import os
from collections.abc import Mapping, Sequence

from kdx.config import InventoryMissing, choose_inventory, choose_language, peek_language
from kdx.language import LOCALE_FOLDER, use_language


def settle_language(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Speak as --lang, $KDX_LANG, the board's kdx.yml or the locale say, in this order."""
    try:
        board_language = peek_language(choose_inventory(typed(words, "--inventory"), environment))
    except InventoryMissing:
        board_language = ""
    language = choose_language(typed(words, "--lang"), environment, board_language)
    use_language(language)
    # click has no other way to be told: its own sentences come from the process's default catalog
    gettext.bindtextdomain("kdx", str(LOCALE_FOLDER))
    gettext.textdomain("kdx")
    os.environ["LANGUAGE"] = language


def typed(words: Sequence[str], option: str) -> str | None:
    """Return what was typed after `option`, before the command line is parsed; the last one counts."""
    found = None
    for index, word in enumerate(words):
        if word == "--":
            break
        if word.startswith(f"{option}="):
            found = word.partition("=")[2]
        elif word == option and index + 1 < len(words):
            found = words[index + 1]
    return found
