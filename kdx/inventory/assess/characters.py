"""Rules on the characters of one name: what a target refuses, what becomes another character on the way."""

import re
import unicodedata
from functools import lru_cache

from kdx.inventory.assess.finding import Row, Rule, Seen, Severity
from kdx.inventory.names import is_unicode
from kdx.language import N_

FULL_WIDTH = str.maketrans('"*:<>?/\\|', "”＊：＜＞？／￥｜")
"""What people write where the narrow character is refused."""
GETA = "〓"
"""What printers put where a character is missing."""
KANA_MARKS = re.compile("[\u304b-\u30fd][\u3099\u309a]")
VENDOR_LEADS = frozenset((0x87, 0xED, 0xEE, 0xFA, 0xFB, 0xFC))
"""First bytes of NEC's and IBM's own characters in cp932."""
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")


def compose_kana(text: str) -> str:
    """Return `text` with kana and its mark as one character; nothing else is touched, unlike with NFC."""
    return KANA_MARKS.sub(lambda found: unicodedata.normalize("NFC", found[0]), text)


def encode_ascii(name: str, allowed: str) -> str:
    """Return `name` in letters, digits and `allowed`; every other byte as !XX, and ! itself too: it can be undone."""
    keep = frozenset(allowed) - {"!"}
    return "".join(
        character if character in keep or (character.isascii() and character.isalnum())
        else "".join(f"!{byte:02X}" for byte in character.encode("utf-8"))
        for character in name
    )


def decode_ascii(name: str) -> str:
    """Undo encode_ascii."""
    raw = re.sub(rb"!([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), name.encode("ascii"))
    return raw.decode("utf-8")


def _found(characters: list[str]) -> str:
    """Return characters as a person can look them up: the character where it shows, and its number."""
    if not characters:
        return ""
    return " ".join(
        f"{character} U+{ord(character):04X}" if character.isprintable() and character != " " else
        f"U+{ord(character):04X}"
        for character in dict.fromkeys(characters)
    )


@lru_cache(maxsize=64)
def _any_of(characters: str, control: bool, private_use: bool) -> re.Pattern[str]:
    """Return what finds each character a row speaks of."""
    parts = [re.escape(characters), CONTROL.pattern[1:-1] * control, PRIVATE.pattern[1:-1] * private_use]
    return re.compile(f"[{''.join(parts)}]" if any(parts) else "(?!)")


def _in(name: str, row: Row) -> list[str]:
    return _any_of(row.characters, row.control, row.private_use).findall(name)


def _forbidden(seen: Seen, row: Row) -> str:
    return _found(_in(seen.name, row))


def _without_forbidden(seen: Seen, row: Row) -> str:
    bad = frozenset(_in(seen.name, row))
    return "".join(
        character if character not in bad
        else character.translate(FULL_WIDTH) if ord(character) in FULL_WIDTH
        else GETA if PRIVATE.match(character)
        else "_"
        for character in seen.name
    )


def _not_ascii(seen: Seen, row: Row) -> str:
    if seen.name.isascii() and seen.name.isalnum():
        return ""
    return _found([
        character
        for character in seen.name
        if not (character.isascii() and character.isalnum()) and character not in row.characters
    ])


def _edge(seen: Seen, row: Row) -> str:
    first, last = seen.name[0], seen.name[-1]
    return _found([end for end, bad in ((first, row.leading), (last, row.trailing)) if end in bad])


def _without_edge(seen: Seen, row: Row) -> str:
    return seen.name.lstrip(row.leading or "\0").rstrip(row.trailing or "\0") or "_"


def _reserved(seen: Seen, row: Row) -> str:
    name = seen.name.casefold()
    stem = name.partition(".")[0].rstrip(" ")
    words = [
        *([name] if name in row.names or (seen.is_folder and seen.depth == 0 and name in row.top_folders) else ()),
        *([stem] if stem in row.stems else ()),
        *(word for word in row.parts if word in name),
        *(word for word in row.starts if name.startswith(word)),
        *(word for word in (row.folder_starts if seen.is_folder else ()) if name.startswith(word)),
    ]
    return " ".join(dict.fromkeys(words))


def _without_reserved(seen: Seen, row: Row) -> str:
    name = seen.name
    for part in row.parts:
        name = re.sub(re.escape(part), part.strip("_") or "_", name, flags=re.IGNORECASE)
    while name.startswith("~"):
        name = f"～{name[1:]}"
    stem, dot, ending = name.partition(".")
    return f"{stem}_{dot}{ending}" if _reserved(seen._replace(name=name), row) else name


def _private_use(seen: Seen, row: Row) -> str:
    return "" if seen.name.isascii() else _found(PRIVATE.findall(seen.name))


def _without_private_use(seen: Seen, row: Row) -> str:
    return PRIVATE.sub(GETA, seen.name)


def _decomposed(seen: Seen, row: Row) -> str:
    return "" if seen.name.isascii() else _found([found[0] for found in KANA_MARKS.findall(seen.name)])


def _unstable(seen: Seen, row: Row) -> str:
    return "" if seen.name.isascii() else _found([one for one in seen.name if is_unstable(one)])


@lru_cache(maxsize=4096)
def is_unstable(character: str) -> bool:
    """Whether normalising to NFC makes another character of this one (a kanji becomes its plain form)."""
    return unicodedata.normalize("NFC", character) != character


def _vendor(seen: Seen, row: Row) -> str:
    if seen.name.isascii():
        return ""
    return _found([one for one in seen.name if is_vendor_kanji(one) and not is_unstable(one)])


@lru_cache(maxsize=4096)
def is_vendor_kanji(character: str) -> bool:
    """Whether Japanese Windows keeps this character where only NEC and IBM had one (cp932)."""
    try:
        raw = character.encode("cp932")
    except UnicodeEncodeError:
        return False
    return len(raw) == 2 and raw[0] in VENDOR_LEADS


def _not_unicode(seen: Seen, row: Row) -> str:
    last = seen.entry.path.rpartition("/")[2]
    return "" if last.isascii() or is_unicode(last) else last.encode("utf-8", "surrogateescape").hex(" ")


NOT_UNICODE = Rule("not-unicode", Severity.NOTE, N_("a name that is not UTF-8; it is read as Japanese"), _not_unicode)
FORBIDDEN = Rule(
    "forbidden-character", Severity.BLOCKS, N_("characters the target refuses"), _forbidden, _without_forbidden
)
NOT_ASCII = Rule(
    "not-ascii", Severity.BLOCKS, N_("characters beyond the plain ASCII the target takes"), _not_ascii,
    lambda seen, row: encode_ascii(seen.name, row.characters),
)
EDGE = Rule("edge", Severity.BLOCKS, N_("a space or dot at the beginning or end"), _edge, _without_edge)
RESERVED = Rule(
    "reserved-name", Severity.BLOCKS, N_("a name the target keeps for itself"), _reserved, _without_reserved
)
PRIVATE_USE = Rule(
    "private-use", Severity.DECIDE, N_("gaiji: characters that exist on one machine only"), _private_use,
    _without_private_use,
)
UNSTABLE = Rule("unstable-kanji", Severity.NOTE, N_("kanji that become others where names are normalised"), _unstable)
VENDOR = Rule("vendor-kanji", Severity.NOTE, N_("characters of NEC or IBM that change in Shift_JIS files"), _vendor)
DECOMPOSED = Rule(
    "decomposed", Severity.NOTE, N_("kana and its mark as two characters, as a Mac writes them"), _decomposed,
    lambda seen, row: compose_kana(seen.name),
)
AVOIDED = Rule("avoided-character", Severity.NOTE, N_("characters the provider advises against"), _forbidden)

RULES = (
    NOT_UNICODE, FORBIDDEN, NOT_ASCII, EDGE, RESERVED, PRIVATE_USE, UNSTABLE, VENDOR, DECOMPOSED, AVOIDED,
)
