"""English source strings through gettext. Never reads the environment: `cli/` says which language.

`_` translates now, `N_` marks a constant for translation when it is shown; `ngettext` is for sentences with a number.
"""

import gettext
from pathlib import Path

LANGUAGES = ("en", "ja")
LOCALE_FOLDER = Path(__file__).with_name("locale")

_catalog: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"


def use_language(language: str) -> None:
    """Show everything from now on in `language` (en or ja); any other value means English."""
    global _catalog, _language
    _language = language if language in LANGUAGES else "en"
    _catalog = gettext.translation("kdx", LOCALE_FOLDER, [_language], fallback=True)


def current_language() -> str:
    """Return the language in use, en or ja."""
    return _language


def translate(message: str) -> str:
    """Given an English source string, return it in the present language."""
    return _catalog.gettext(message) if message else ""


def ngettext(one: str, many: str, count: int) -> str:
    """Given an English sentence for one and one for any other number, return that for `count` in the present language.

    Its values are still to be filled in.
    """
    return _catalog.ngettext(one, many, count)


def in_every_language(message: str) -> tuple[str, ...]:
    """Return what an English source string is in each of LANGUAGES: for reading what people wrote in any of them."""
    catalogs = (gettext.translation("kdx", LOCALE_FOLDER, [language], fallback=True) for language in LANGUAGES)
    return tuple(catalog.gettext(message) for catalog in catalogs)


def N_(message: str) -> str:
    """Mark a constant for translation; it is translated when shown."""
    return message


_ = translate
