"""The line of cron and systemd: only kdx's own block is ever touched, and what is written is what they read."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.schedule.timers import (
    BEGIN,
    END,
    SERVICE,
    TIMER,
    BlockUnfinished,
    Line,
    install,
    installed,
    remove,
    with_block,
)

LINE = Line(Path("/etc/kdx/教育 委員会 100%/$HOME"), Path("/var/lib/kdx"), "root")


def test_the_words_of_the_line_survive_the_shell_and_percent_is_escaped_for_cron() -> None:
    assert shlex.split(LINE.shell) == LINE.words
    assert "100\\%" in LINE.cron() and LINE.cron().startswith("*/5 * * * * ")
    assert shlex.split(LINE.cron().replace("\\%", "%"))[5:] == LINE.words
    assert LINE.cron(with_user=True).split()[5] == "root"


def test_a_block_replaces_itself_and_goes_without_a_trace() -> None:
    before = "MAILTO=kyoui@example.jp\n0 3 * * * /usr/bin/true\n"
    once = with_block(before, "new")
    assert once == f"{before}{BEGIN}\nnew\n{END}\n"
    assert with_block(once, "newer") == with_block(before, "newer")
    assert with_block(once, None) == before
    assert with_block("0 3 * * * no newline", "x").startswith("0 3 * * * no newline\n# >>>")


@pytest.mark.parametrize("line", ["new", None])
def test_a_block_that_does_not_end_takes_nothing_with_it(line: str | None) -> None:
    with pytest.raises(BlockUnfinished):
        with_block(f"0 3 * * * mine\n{BEGIN}\nold\n0 4 * * * mine too\n", line)


lines = st.text(st.characters(blacklist_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=60)


@settings(deadline=None)
@given(lines)
def test_every_other_line_stays_byte_for_byte(text: str) -> None:
    crontab = text if text.endswith("\n") or not text else text + "\n"
    if BEGIN not in crontab and END not in crontab:
        assert with_block(with_block(crontab, "x"), None) == crontab


def test_files_are_written_found_and_taken_away(tmp_path: Path) -> None:
    places = [*install(LINE, "cron.d", tmp_path), *install(Line(Path("/i"), Path("/s"), "root"), "systemd", tmp_path)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kdx", SERVICE, TIMER]
    assert set(places) <= set(installed("root", tmp_path))
    assert "Persistent=true" in (tmp_path / TIMER).read_text()
    assert "KillMode=process" in (tmp_path / SERVICE).read_text()
    assert set(places) <= set(remove("root", tmp_path)) and list(tmp_path.iterdir()) == []
