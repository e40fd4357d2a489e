"""What lists something and needs no server, in every format: each answer is what its format promises."""

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from rigs.command_line import japanese_kdx
from rigs.lived_in import live, write_inventory
from rigs.pages import assert_valid

LISTINGS = (
    "inventory list", "inventory show s0_es", "inventory check",
    "inventory summary s0_es", "inventory diff s0_es",
    "inventory access s0_es", "inventory duplicates s0_es", "rollout status", "rollout school s0_es", "rollout forecast",
    "schedule show", "migrate status", "audit verify", "doctor",
)
CODES = (0, 3, 4, 5, 6, 10, 12, 14)
"""What is wrong on a board of which no server is there is said by the exit code; 1 and 2 are mistakes of ours."""


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listings")
    live(write_inventory(folder / "inventory", 3), folder / "state", days=3)
    (folder / "inventory/share0").mkdir()
    (folder / "inventory/share0/名簿.xlsx").write_bytes(b"x")
    with japanese_kdx(folder / "inventory", folder / "state") as kdx:
        kdx("inventory", "scan", "s0_es")
        kdx("inventory", "scan", "s0_es")
    return folder


def read_table(form: str, content: bytes) -> None:
    """Fail where the bytes are not what the format promises."""
    if form == "xlsx":
        assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
        return
    text = content.decode("utf-8")
    if form == "json":
        assert json.loads(text)["schema_version"] == 1
    elif form == "ndjson":
        assert all(json.loads(line)["schema_version"] == 1 for line in text.splitlines())
    elif form == "csv":
        assert text.startswith("\ufeff")
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
        assert len({len(row) for row in rows}) == 1
    elif form == "md":
        bars = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")}
        assert len(bars) == 1
    elif form == "html":
        assert_valid(text)
    else:
        assert text.splitlines()[0]


@pytest.mark.parametrize("words", LISTINGS)
def test_a_listing_is_whole_in_every_format(board: Path, tmp_path: Path, words: str) -> None:
    with japanese_kdx(board / "inventory", board / "state") as kdx:
        codes = set()
        for form in ("table", "csv", "json", "ndjson", "md", "html", "xlsx"):
            file = tmp_path / form
            result = None
            for code in CODES:
                try:
                    result = kdx(*words.split(), "--format", form, "-o", file, code=code)
                    codes.add(code)
                    break
                except AssertionError as error:
                    why = str(error)
            assert result, why
            read_table(form, file.read_bytes())
        assert len(codes) == 1
