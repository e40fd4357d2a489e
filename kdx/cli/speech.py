"""Which language the program speaks: --lang, else $KDX_LANG, else the board's, else the locale's."""

from collections.abc import Mapping, Sequence

from kdx.language import use_language


def settle_language(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Choose the language before anything is shown; a command line that is wrong is complained about in it."""
    use_language(typed(words, "--lang") or environment.get("KDX_LANG") or "en")


def typed(words: Sequence[str], option: str) -> str | None:
    """Return what was typed after `option`, before the command line is parsed."""
    for index, word in enumerate(words):
        if word == "--":
            break
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and index + 1 < len(words):
            return words[index + 1]
    return None
