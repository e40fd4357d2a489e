"""Names as they are, in the letters rclone uses among its own parts, and back. Pure.

Between its parts rclone writes `/` in a name as `／`, a control character as its picture (`␉`), and whatever looks like
one of those with a `‛` before it (rclone, lib/encoder, "Standard"). Who hands it `比率／案.txt` as it is gets a folder
`比率` with a file in it; so every name is written in these letters, and lands under exactly its own.
"""

import re

_QUOTE, _SLASH, _DOT = "‛", "／", "．"
_PICTURES = {0x2400 + code: chr(code) for code in range(0x20)} | {0x2421: "\x7f"}
_TO_RCLONE = {
    **{ord(control): chr(picture) for picture, control in _PICTURES.items()},
    **{code: _QUOTE + chr(code) for code in (*_PICTURES, ord(_QUOTE), ord(_SLASH))},
}
_DOTS = {_DOT: _QUOTE + _DOT, _DOT + _DOT: (_QUOTE + _DOT) * 2}
_FROM_RCLONE = re.compile(f"{_QUOTE}(.)|[\u2400-\u241f\u2421]", re.DOTALL)


def to_rclone(path: str) -> str:
    """Return a path, whose components are names as they are, as rclone takes it."""
    return "/".join(_DOTS.get(part) or part.translate(_TO_RCLONE) for part in path.split("/"))


def from_rclone(name: str) -> str:
    """Return one component that rclone showed as it is."""
    return _FROM_RCLONE.sub(lambda found: found[1] or _PICTURES[ord(found[0])], name)


def holds_slash(name: str) -> bool:
    """Whether a component that rclone showed stands for a name with `/` in it, which is no name in a path."""
    return _SLASH in name and _SLASH in re.sub(f"{_QUOTE}.", "", name, flags=re.DOTALL)
