"""The Japanese catalog: complete, current, compiled; and the check that says so can say no."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from message_catalog import Message, collect, descendants, marked, problems

from kdx.errors import KdxError

ROOT = Path(__file__).parents[2]
PO_FILE = ROOT / "kdx" / "locale" / "ja" / "LC_MESSAGES" / "kdx.po"


@pytest.fixture(scope="module")
def messages() -> dict[Message, set[str]]:
    """Every message of kdx, collected once for all tests, where no other test has chosen a language."""
    ask = (
        "import json; from message_catalog import collect; "
        "print(json.dumps([[m, [*p]] for m, p in collect().items()]))"
    )
    told = subprocess.run([sys.executable, "-c", ask], cwd=ROOT / "scripts", capture_output=True, check=True).stdout
    return {
        message if isinstance(message, str) else (message[0], message[1]): set(places)
        for message, places in json.loads(told)
    }


def test_every_message_is_translated_and_compiled(messages: dict[Message, set[str]]) -> None:
    assert list(problems(messages, PO_FILE)) == []


def test_the_check_fails_and_says_where(tmp_path: Path) -> None:
    empty = tmp_path / "kdx.po"
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "message_catalog.py"), "--check", "--catalog", str(empty)],
        capture_output=True, text=True,
    )
    assert done.returncode == 1 and "'a bug in kdx' is not translated" in done.stderr
    assert "Traceback" not in done.stderr and not empty.exists()


BUGS = {"WorkerFailed"}
"""What only the authors of kdx can mend."""


def test_every_error_says_what_to_do() -> None:
    # loads every module of kdx; a test that ran before may have made errors of its own
    collect()
    kinds = (kind for kind in descendants(KdxError) if kind.__module__.startswith("kdx."))
    silent = {kind.__name__ for kind in kinds if kind.message != KdxError.message and not kind.advice}
    assert silent == BUGS


def test_a_sentence_with_a_number_is_collected_with_both_its_forms(tmp_path: Path) -> None:
    source = tmp_path / "some.py"
    source.write_text('ngettext("{count} row", "{count} rows", n)\n_("a")\n', "utf-8")
    assert list(marked(source)) == [("{count} row", "{count} rows"), "a"]
    source.write_text('ngettext("{count} row", many, n)\n', "utf-8")
    with pytest.raises(SystemExit, match="two constant strings"):
        list(marked(source))


@pytest.mark.parametrize(
    "before, after, complaint",
    [
        ('msgstr "kdx の不具合"', 'msgstr ""', "'a bug in kdx' is not translated"),
        ('msgid "a bug in kdx"', 'msgid "a big bug in kdx"', "'a big bug in kdx' is translated but no longer used"),
        ('msgid "a bug in kdx"', 'msgid "a big bug in kdx"', "'a bug in kdx' is not translated"),
        ('msgid "a bug in kdx"', '#, fuzzy\nmsgid "a bug in kdx"', "doubtful"),
        ('msgstr "{time} 現在"', 'msgstr "{tome} 現在"', "fills in other values"),
        ('msgstr "kdx の不具合"', 'msgstr "不具合"', "is not what kdx.po compiles to"),
        ('msgid ""\nmsgstr ""\n', '#~ msgid "old"\n#~ msgstr "古い"\n\nmsgid ""\nmsgstr ""\n', "obsolete"),
    ],
)
def test_the_check_finds_what_is_wrong(
    messages: dict[Message, set[str]], tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    text = PO_FILE.read_text("utf-8")
    assert text.count(before) == 1
    broken = tmp_path / "kdx.po"
    broken.write_text(text.replace(before, after), "utf-8")
    (tmp_path / "kdx.mo").write_bytes(PO_FILE.with_suffix(".mo").read_bytes())
    assert any(complaint in problem for problem in problems(messages, broken))
