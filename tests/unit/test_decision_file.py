"""Decisions files as they come: whatever the bytes, they are rows or a sentence, and never more than they say."""

import io
import os
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kdx.cli.decision_file import LIMITS, FileUnreadable, read_decisions
from kdx.cli.sheet_reader import read_sheet
from kdx.inventory.assess.answers import Written, read_answers
from kdx.inventory.assess.decisions import Decision, finding_id
from kdx.rollout.grid import FileUnclear
from kdx.rollout.sent_file import grid_of, read_sent_file

HEAD = "番号,移行先,パス,判断,新しい名前,役職・部署,理由\r\n"


def written(number: int, **cells: str) -> Written:
    return Written(number, cells)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from((".csv", ".xlsx")),
    st.sampled_from((b"", HEAD.encode(), b"PK\x03\x04")),
)
@example(b"\x83", ".csv", HEAD.encode("cp932"))
@example(b'"', ".csv", HEAD.encode())
def test_any_bytes_are_rows_or_a_sentence(tmp_path, tail, ending, head):
    path = tmp_path / f"file{ending}"
    path.write_bytes(head + tail)
    try:
        rows = read_decisions(path).rows
    except FileUnreadable as error:
        assert str(path) in str(error)
    else:
        read_answers(rows, frozenset(("cloud",)))


CELL = st.text(st.characters(blacklist_categories=("Cs",)), max_size=8)
WORDS = st.sampled_from(("rename", "名前を変える", " ｓｋｉｐ ", "そのまま移す", "WAIT", "", "捨てる"))


@given(st.lists(st.tuples(CELL, WORDS, CELL), max_size=8))
def test_every_row_is_an_answer_open_or_told_as_a_mistake_and_no_answer_comes_from_nowhere(rows):
    found = read_answers(
        (written(number, id=key, decision=word, name=name) for number, (key, word, name) in enumerate(rows, 1)),
        frozenset(("cloud",)),
    )
    keys = {key.strip().lower() for key, _word, _name in rows}
    assert set(found.given) <= keys - {""}
    for answer in found.given.values():
        key, word, name = rows[answer.row - 1]
        assert word.strip() and word != "捨てる"
        assert answer.name == (name.strip() if answer.decision == Decision.RENAME else "")
        assert "/" not in answer.name
    wrong = [word for key, word, _name in rows if word == "捨てる" and key.strip()]
    assert len(found.mistakes) >= len(wrong)


def test_what_is_far_too_large_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "a.csv"
    path.touch()
    os.truncate(path, 1 << 42)
    with pytest.raises(FileUnreadable, match="larger than any"):
        read_decisions(path)
    with pytest.raises(FileUnclear, match="larger than any"):
        read_sent_file(path)


def test_a_workbook_by_its_name_is_not_taken_for_text(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_text("番号,判断\nk1,保留\n", "utf-8")
    with pytest.raises(FileUnreadable, match="not a workbook"):
        read_decisions(path)
    with pytest.raises(FileUnclear, match="not a workbook"):
        grid_of(read_sent_file(path), read_sheet)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_heading_row_is_found_below_other_rows_and_whatever_parts_the_columns(tmp_path, delimiter):
    path = tmp_path / "a.csv"
    rows = ["題名", "", "番号,判断,パス", "kabc,保留,a"]
    path.write_text("\r\n".join(rows).replace(",", delimiter), "utf-8")
    [row] = read_decisions(path).rows
    assert row == Written(4, {"id": "kabc", "decision": "保留", "path": "a"})


def test_an_english_and_a_japanese_file_say_the_same(tmp_path):
    english, japanese = tmp_path / "e.csv", tmp_path / "j.csv"
    english.write_text("No.,Decision,New name\nk1,rename,b\n", "utf-8")
    japanese.write_text("番号,判断,新しい名前\nk1,名前を変える,b\n", "cp932")
    one, other = (read_answers(read_decisions(path).rows, frozenset()) for path in (english, japanese))
    assert one.given == other.given and one.given["k1"].decision == Decision.RENAME


def test_a_workbook_that_unpacks_to_more_than_answers_can_be_is_not_unpacked(tmp_path):
    book = io.BytesIO()
    openpyxl.Workbook().save(book)
    with zipfile.ZipFile(book, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"\0")
        # what the directory says counts: who unpacks believes it
        archive.infolist()[-1].file_size = LIMITS.unpacked + 1
    path: Path = tmp_path / "bomb.xlsx"
    path.write_bytes(book.getvalue())
    with pytest.raises(FileUnreadable):
        read_decisions(path)


def test_a_number_means_one_entry_of_one_share_at_one_kind_of_target_and_is_never_taken_for_a_figure():
    numbers = {
        finding_id(share, profile, path)
        for share in ("es-1", "es-2") for profile in ("s3", "sharepoint") for path in ("a", "b", "a\udc81")
    }
    assert len(numbers) == 12
    assert all(not number[0].isdigit() and number.isalnum() and number.isascii() for number in numbers)
