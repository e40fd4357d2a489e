"""Help pages: paragraphs translated one by one and wrapped by width, as Japanese has no spaces to wrap at."""

import inspect
import re
import unicodedata
from collections.abc import Iterable

import click

from kdx.language import N_, translate

EXAMPLE = N_("Example:")
# a word or one wide character with its marks, and with what must not end a line before it or begin a line after it (禁則)
_PIECE = re.compile(
    r"\s+|(?:[!-~]*[(（「『【]+)?(?:[!-~]+|[^!-~\s])"
    r"[\u0300-\u036f\u3099\u309a\ufe00-\ufe0f\U000e0100-\U000e01ef、。，．：；・）」』】〕々ーっゃゅょッャュョ).,:;]*"
)


def translated(text: str) -> str:
    """Given a docstring, return it in the present language, one line a paragraph; examples stay as they are."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
    return "\n\n".join(map(_paragraph, paragraphs))


def paragraphs_of(text: str) -> list[str]:
    """Return what of a docstring is translated: its paragraphs without examples, each on one line."""
    lines = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)))
    return [line for line in lines if line and not line.startswith(EXAMPLE)]


def _paragraph(paragraph: str) -> str:
    line = " ".join(paragraph.split())
    if line.startswith(EXAMPLE):
        return f"{translate(EXAMPLE)} {line.removeprefix(EXAMPLE).strip()}"
    return translate(line)


def width_of(text: str) -> int:
    """Return terminal columns of kdx's own text (wcwidth knows more, and costs a quarter of the time of --help)."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def wrap(text: str, width: int) -> list[str]:
    """Given one paragraph, return lines of at most `width` columns, broken at spaces or between wide characters."""
    lines, line, used = [], "", 0
    for piece in _PIECE.findall(text):
        if piece.isspace():
            piece = " "
        size = width_of(piece)
        if used + size > width and line.strip():
            lines.append(line.rstrip())
            line, used = "", 0
            if piece == " ":
                continue
        line, used = line + piece, used + size
    return [*lines, line.rstrip()] if line.strip() else lines


class HelpFormatter(click.HelpFormatter):
    """click's formatter with our wrapping."""

    def write_text(self, text: str) -> None:
        """Write paragraphs, separated by blank lines."""
        indent = " " * self.current_indent
        blocks = [
            "\n".join(indent + line for line in wrap(paragraph, self.width - self.current_indent))
            for paragraph in text.split("\n\n")
        ]
        self.write("\n\n".join(blocks) + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write terms with their meanings beside them."""
        rows = list(rows)
        column = min(max((width_of(term) for term, _meaning in rows), default=0), col_max) + col_spacing
        indent = " " * self.current_indent
        for term, meaning in rows:
            lines = wrap(meaning, max(self.width - column - self.current_indent, 20)) or [""]
            room = column - width_of(term)
            if room < col_spacing:
                self.write(f"{indent}{term}\n")
                room, term = column, ""
            self.write(f"{indent}{term}{' ' * room}{lines[0]}".rstrip() + "\n")
            for line in lines[1:]:
                self.write(f"{indent}{' ' * column}{line}\n")


class HelpContext(click.Context):
    """A context that draws help with our formatter."""

    formatter_class = HelpFormatter
