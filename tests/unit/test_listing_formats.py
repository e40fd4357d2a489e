"""Every command that shows a table, in every format: each answer is what its format promises.

click's own tree says which commands these are: a new one fails here until a line below shows it.
"""

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from rigs.command_line import japanese_kdx
from rigs.lived_in import live, write_inventory
from rigs.pages import assert_valid

from kdx.cli import console, root
from kdx.cli.options import FORMATS
from kdx.language import use_language

LISTINGS = (
    "", "doctor", "audit verify",
    "init {}/new --board 試験市教育委員会 --dry-run",
    "inventory list", "inventory show s0_es", "inventory check", "inventory scan s0_es", "inventory diff s0_es",
    "inventory summary s0_es", "inventory access s0_es", "inventory duplicates s0_es",
    "assess s0_es --to cloud",
    "migrate plan s0_es --to cloud", "migrate run s0_es --to cloud", "migrate decisions s0_es --to cloud",
    "migrate verify s0_es --to cloud", "migrate status", "migrate status --fleet",
    "migrate receipt s0_es --to cloud -o {}/another", "migrate receipt --check {}/receipt/receipt.json",
    "migrate cutover s0_es --to cloud", "migrate cutover s0_es --to cloud --rehearse",
    "migrate cutover s0_es --to cloud --show renames", "migrate cutover s0_es --to cloud --show rehearsals",
    "migrate cutover s0_es --to cloud --show links",
    "rollout status", "rollout status --summary", "rollout status --overdue", "rollout status --blocked",
    "rollout status --since 2026-10-01", "rollout school s0_es", "rollout why s0_es retire", "rollout forecast",
    "rollout forecast s0_es", "rollout probe s0_es --explain", "rollout probe s0_es --within 1 --dry-run",
    "rollout export", "rollout import {}/sheet.csv --dry-run",
    "hazard show --from tests/kameyama_evening", "hazard show --as-of 2026-11-20",
    "hazard check --from tests/kameyama_evening", "hazard replay tests/kameyama_evening",
    "schedule show --hazard tests/kameyama_evening", "schedule run --dry-run",
    "backup init", "backup run s0_es", "backup list", "backup list s0_es", "backup status", "backup status --copies",
    "backup verify", "backup accept s1_es --dry-run", "backup copy --to {}/second", "backup prune",
    "restore s0_es --find 名簿", "restore s0_es --to {}/back", "drill s0_es",
    "checklist show", "checklist show --figures", "checklist import {}/answers.csv --fy R7 --source 集計 --dry-run",
)
"""In the order of a school's story: what one leaves behind the next may show. {}: a folder."""
ELSEWHERE = {"backup try-store": "tests/system/test_object_lock.py"}
"""What asks a store that no folder can stand for, and where it is asked."""
CODES = (0, 3, 4, 5, 6, 12, 14)
"""What is wrong on a board of which most servers are not there is said by the exit code; 1, 2 and 10 are mistakes."""
ANSWERS = "項目,該当校数,回答校数\n欠席連絡,12,14\n"


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command of kdx with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_every_command_that_shows_a_table_is_shown_here():
    listing = {
        words for words, command in commands(root)
        if any("--columns" in option.opts for option in command.params)
    }
    covered = {words for words in listing if any(line.startswith(words) for line in LISTINGS)}
    assert len(listing) > 30 and listing - covered == set(ELSEWHERE)
    for words, file in ELSEWHERE.items():
        assert words.split()[-1] in (Path(__file__).parents[2] / file).read_text("utf-8")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listings")
    inventory = write_inventory(folder / "inventory", 3)
    live(inventory, folder / "state", days=3)
    for made in ("inventory/share0", "inventory/share1", "inventory/vault", "cloud", "second", "back"):
        (folder / made).mkdir()
    files = [folder / "inventory/share0/名簿.xlsx", *(folder / f"inventory/share1/{number}" for number in range(30))]
    for file in files:
        file.write_bytes(b"x")
    (folder / "answers.csv").write_text(ANSWERS, "utf-8")
    with (inventory / "kdx.yml").open("a", encoding="utf-8") as settings:
        settings.write(f'targets: {{cloud: {folder}/cloud}}\njma: {{office: "240000", class20: "2421000"}}\n')
    with japanese_kdx(inventory, folder / "state") as kdx:
        kdx("init", folder / "first", "--board", "試験市教育委員会")
        shutil.copytree(folder / "first/keys", inventory / "keys")
        kdx("inventory", "scan", "s0_es")
        kdx("migrate", "run", "s0_es", "--to", "cloud")
        kdx("migrate", "verify", "s0_es", "--to", "cloud")
        kdx("migrate", "receipt", "s0_es", "--to", "cloud", "-o", folder / "receipt")
        kdx("rollout", "export", "-o", folder / "sheet.csv")
        kdx("backup", "init")
        kdx("backup", "run", "s0_es")
        kdx("backup", "run", "s1_es")
        for file in files[1:]:
            file.unlink()
        kdx("backup", "run", "s1_es", code=4)
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
        assert text.splitlines()[0] and max(map(len, text.splitlines())) < 400


@pytest.mark.parametrize("words", LISTINGS)
def test_a_listing_is_whole_in_every_format(
    board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    drawn: dict[str, bytes] = {}
    show_table = console.show_table

    def in_every_format(table: Any, form: str, file: str, zone: Any, *more: Any) -> None:
        # the command does its work once; what it shows is then drawn as each format would
        for other in FORMATS:
            show_table(table, other, str(tmp_path / other), zone)
            drawn[other] = (tmp_path / other).read_bytes()
        show_table(table, form, file, zone, *more)

    monkeypatch.setattr(console, "show_table", in_every_format)
    environment = {
        "KDX_INVENTORY": str(board / "inventory"), "KDX_STATE": str(board / "state"), "KDX_LANG": "ja",
        "HOME": str(board),
    }
    try:
        done = CliRunner(env=environment).invoke(root, words.format(board).split())
    finally:
        use_language("en")
    assert done.exit_code in CODES, done.output
    assert set(drawn) == set(FORMATS), done.output
    for form, content in drawn.items():
        read_table(form, content)


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_is_asked_for_by_its_name_and_by_the_ending_of_a_file(board: Path, tmp_path: Path, form: str) -> None:
    with japanese_kdx(board / "inventory", board / "state") as kdx:
        kdx("inventory", "list", "--format", form, "-o", tmp_path / "named")
        kdx("inventory", "list", "-o", tmp_path / f"list.{form}")
    read_table(form, (tmp_path / "named").read_bytes())
    read_table(form, (tmp_path / f"list.{form}").read_bytes())
