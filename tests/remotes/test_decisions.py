"""A school's answers on the way to a real S3 server: asked, answered, moved, proven, with a second way to look."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from rigs.command_line import Invoke, japanese_kdx
from sample_board import SCHOOL, write_board

from .conftest import Endpoint

FILES = ("時間割 (最終).xlsx", "plain.txt", "写真/運動会.jpg", "写真/a!b.txt", "成績/評定.xlsx")


@pytest.fixture
def run(tmp_path: Path, moto_server: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    for name in FILES:
        path = tmp_path / "share" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, "utf-8")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto_server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto_server.secret_key)
    address = f"s3://schools/decisions-{quote(tmp_path.name)}?endpoint={moto_server.url}"
    folder = write_board(tmp_path / "inventory", {"share": tmp_path / "share"}, {"plain": address})
    with (folder / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f'  cloud: {{url: "{address}", profile: s3-ascii}}\n')

    with japanese_kdx(folder, tmp_path / "state") as invoke:
        invoke("inventory", "scan", "es", "--names")
        yield invoke


def answer(asked: Path, to: Path) -> Path:
    """Take every proposal, leave personal data where they are; saved as Excel on Japanese Windows saves."""
    rows = list(csv.reader(asked.read_text("utf-8-sig").splitlines()))
    for row in rows[1:]:
        row[6] = "移さない" if row[5].startswith("成績") else "名前を変える" if row[7] else ""
    with to.open("w", encoding="cp932", newline="") as file:
        csv.writer(file).writerows(rows)
    return to


def test_a_share_moves_to_a_store_of_ascii_keys_and_every_key_reads_back(tmp_path, run, moto_server):
    run("migrate", "plan", "es", "--to", "cloud", code=4)
    run("assess", "es", "--to", "cloud", "-o", tmp_path / "ask.csv", code=4)
    filled = answer(tmp_path / "ask.csv", tmp_path / "filled.csv")
    run("migrate", "run", "es", "--to", "cloud", "--decisions", filled)
    verified = run("migrate", "verify", "es", "--to", "cloud", "--list", "--json")
    listed = moto_server.client.list_objects_v2(Bucket="schools", Prefix=f"decisions-{tmp_path.name}/")["Contents"]
    found = {}
    for row in listed:
        key = row["Key"].partition(f"/{SCHOOL}/share/")[2]
        assert key.isascii()
        body = moto_server.client.get_object(Bucket="schools", Key=row["Key"])["Body"].read()
        found[_read(key)] = body.decode("utf-8")
    assert found == {name: name for name in FILES if not name.startswith("成績")}
    outcomes = {row["path"]: row["outcome"] for row in json.loads(verified.stdout)["rows"]}
    assert outcomes["成績/評定.xlsx"] == "left by rule" and outcomes["写真/運動会.jpg"] == "proven"


def test_a_store_that_takes_any_name_is_asked_about_nothing_but_what_a_school_must_say(tmp_path, run):
    asked = run("assess", "es", "--to", "plain", "--list", "--json", code=3)
    assert {row["path"] for row in json.loads(asked.stdout)["rows"] if row["severity"] == "to decide"} == {"成績"}
    run("migrate", "run", "es", "--to", "plain")


def _read(key: str) -> str:
    """Undo the keys without kdx: !XX is a byte, everything else is itself."""
    return unquote(re.sub("!([0-9A-F]{2})", r"%\1", key))
