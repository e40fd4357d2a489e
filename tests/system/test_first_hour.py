"""The first hour with a school's server, Samba and OpenSSH, with the installed program: first look, assessment, the
school's answers in Excel, move to S3, proof, receipt. What arrived is read with boto3, hashlib and sha256sum."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from local_store import LocalStore
from rigs.far import Far
from rigs.line import Line, lay_line
from rigs.small_share import build
from sample_board import SCHOOL

from tests.system.conftest import SHARE, Site, download, readable_name
from tests.system.test_usr_share_doc import sums_hold

pytestmark = [pytest.mark.system]

Tree = Callable[[Path], dict[bytes, str]]


@pytest.fixture(params=["smb", pytest.param("sftp", marks=pytest.mark.long)])
def far(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Far]:
    with Far(request.param, tmp_path / "far") as running:
        yield running


@pytest.fixture
def line(far: Far) -> Iterator[Line]:
    with lay_line(far.port) as running:
        yield running


@pytest.fixture
def site(s3_site: Site, far: Far, line: Line, tmp_path: Path) -> Site:
    """A school whose share lies on the server and shall go to S3."""
    far.enter(s3_site.board, str(s3_site.share), line)
    (tmp_path / "home").mkdir()
    home = {"HOME": str(tmp_path / "home"), "SSH_AUTH_SOCK": ""}
    return replace(s3_site, share=far.root, environment={**s3_site.environment, **home})


def done(site: Site, *words: str | Path, code: int = 0) -> str:
    """Run one command; return all it said."""
    result = site.kdx(*words)
    said = result.stdout + result.stderr
    assert result.returncode == code, (words, said)
    assert "Traceback" not in said
    return said


def fill_in(sheet: Path, answer: Callable[[dict[str, str]], dict[str, str]]) -> dict[str, str]:
    """Write a school's answers into the workbook as Excel would; return the decisions by path."""
    from openpyxl import load_workbook

    book = load_workbook(sheet)
    page = book.worksheets[0]
    names = [str(cell.value) for cell in page[2]]
    decisions = {}
    for row in page.iter_rows(min_row=3):
        asked = {name: str(cell.value or "") for name, cell in zip(names, row)}
        given = answer(asked)
        if given:
            decisions[asked["Path"]] = given["Decision"]
        for name, value in given.items():
            row[names.index(name)].value = value
    book.save(sheet)
    return decisions


def as_the_school_would(row: dict[str, str]) -> dict[str, str]:
    """Keep personal data back, take every proposed name, leave the rest as it is."""
    if row["Path"].startswith("成績"):
        return {"Decision": "skip", "Office or section": "教務", "Reason": "原本は校内に置く"}
    if row["Severity"] in ("blocks", "to decide"):
        return {"Decision": "rename" if row["New name"] else "keep"}
    return {}


def test_a_share_is_looked_at_assessed_decided_on_moved_proven_and_receipted(
    site: Site, store: LocalStore, far: Far, tmp_path: Path, tree: Tree
) -> None:
    build(site.share)
    for name in ("成績/3年 評定.xlsx", "外字\ue001.txt", "①.txt", "神\ufa19.txt"):
        (site.share / name).parent.mkdir(exist_ok=True)
        (site.share / name).write_text(name, "utf-8")
    (site.share / "校長室").mkdir()
    (site.share / "校長室/内申.txt").write_text("x")
    (site.share / "校長室").chmod(0o700)
    assert {"smb": "SMB 3", "sftp": "OpenSSH"}[far.kind] in done(site, "doctor")
    done(site, "inventory", "scan", SCHOOL)
    sheet = tmp_path / "school.xlsx"
    done(site, "assess", SCHOOL, "-o", sheet, code=3)
    decisions = fill_in(sheet, as_the_school_would)
    assert (decisions["成績"], decisions["校長室"]) == ("skip", "keep")
    assert "rename" in decisions.values()
    done(site, "migrate", "plan", SCHOOL, "--decisions", sheet)
    done(site, "migrate", "run", SCHOOL)
    done(site, "migrate", "verify", SCHOOL)
    done(site, "migrate", "receipt", SCHOOL, "-o", tmp_path / "receipt")
    done(site, "migrate", "receipt", "--check", tmp_path / "receipt/receipt.json")
    copy = download(store, tmp_path / "copy")
    sums_hold(tmp_path / "receipt/SHA256SUMS", copy)
    assert without_stand_ins(far, tree(copy / SHARE)) == expected(far, tree(site.share))
    facts = json.loads((tmp_path / "receipt/receipt.json").read_text("utf-8"))["receipt"]["shares"][0]
    assert {"成績", "成績/3年 評定.xlsx"} <= {row["path"] for row in facts["skipped"]}
    assert {row["from"]: row["to"] for row in facts["renamed"]}["外字\ue001.txt"] == "外字〓.txt"


HIDDEN = {"new\nline", "back\\slash", "trailing ", "quo\"te's", "esc\x1b[31m"}
"""Names SMB cannot show: such files come, with all their bytes, under stand-ins."""


def expected(far: Far, share: dict[bytes, str]) -> dict[bytes | str, str]:
    """What must lie at the target, said without kdx; hidden names by their digest alone."""
    found: dict[bytes | str, str] = {}
    for path, digest in share.items():
        name = readable_name(path)
        if far.kind == "smb" and (name != path or path.decode() in HIDDEN):
            # one that is not UTF-8 SMB does not even list
            found |= {digest: digest} if name == path else {}
        elif not path.startswith("成績/".encode()) and path != b"Thumbs.db":
            found[name.decode().replace("\ue001", "〓").encode()] = digest
    return found


def without_stand_ins(far: Far, copy: dict[bytes, str]) -> dict[bytes | str, str]:
    """The same of what lies there."""
    return {digest if far.kind == "smb" and b"~" in path else path: digest for path, digest in copy.items()}


def test_one_answer_for_many_rows_in_a_merged_cell_and_a_cp932_file_of_somebody_else_are_both_taken(
    site: Site, store: LocalStore, tmp_path: Path, tree: Tree
) -> None:
    for name in ("外字\ue001.txt", "外字\ue002.txt", "外字\ue003.txt", "名簿.txt", "plain.txt"):
        (site.share / name).write_text(name, "utf-8")
    done(site, "inventory", "scan", SCHOOL)
    office, head = tmp_path / "office.xlsx", tmp_path / "head.csv"
    done(site, "assess", SCHOOL, "-o", office, code=3)
    done(site, "assess", SCHOOL, "-o", head, code=3)
    merge_answer(office, "Path", "外字", "Decision", "skip")
    rows = list(csv.DictReader(head.read_text("utf-8-sig").splitlines()))
    answered = [{**row, "Decision": "keep"} for row in rows if row["Path"] == "名簿.txt"]
    with head.open("w", encoding="cp932", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(answered)
    done(site, "migrate", "plan", SCHOOL, "--decisions", office, code=4)
    done(site, "migrate", "plan", SCHOOL, "--decisions", head)
    done(site, "migrate", "run", SCHOOL)
    assert set(tree(download(store, tmp_path / "copy") / SHARE)) == {"名簿.txt".encode(), b"plain.txt"}


def merge_answer(sheet: Path, column: str, starts: str, answered: str, answer: str) -> None:
    """Write one answer into a merged cell over all rows whose `column` begins so: people do."""
    from openpyxl import load_workbook

    book = load_workbook(sheet)
    page = book.worksheets[0]
    names = [cell.value for cell in page[2]]
    at, to = names.index(column), names.index(answered) + 1
    rows = [row[0].row for row in page.iter_rows(min_row=3) if str(row[at].value).startswith(starts)]
    assert len(rows) == 3 and rows[-1] - rows[0] == 2
    page.cell(rows[0], to).value = answer
    page.merge_cells(start_row=rows[0], end_row=rows[-1], start_column=to, end_column=to)
    book.save(sheet)


def test_two_people_who_disagree_in_one_file_are_both_named_and_nothing_is_changed(
    site: Site, store: LocalStore, tmp_path: Path
) -> None:
    (site.share / "名簿.txt").write_text("x")
    done(site, "inventory", "scan", SCHOOL)
    sheet = tmp_path / "both.csv"
    done(site, "assess", SCHOOL, "-o", sheet, code=3)
    rows = list(csv.DictReader(sheet.read_text("utf-8-sig").splitlines()))
    (asked,) = (row for row in rows if row["Path"] == "名簿.txt")
    with sheet.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, asked.keys())
        writer.writeheader()
        writer.writerows([{**asked, "Decision": "keep"}, {**asked, "Decision": "skip"}])
    said = done(site, "migrate", "run", SCHOOL, "--decisions", sheet, code=4)
    assert "2" in said and "3" in said and "nothing was changed" in said
    assert list((store.folder / "school").iterdir()) == []
    assert json.loads(site.kdx("migrate", "decisions", SCHOOL, "--json").stdout)["rows"] == []
