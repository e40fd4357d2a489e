"""A ransomware walks through a share over days: what kdx says each night, what it keeps, and how everything comes back.

The whole walk is typed, command by command, and only the clock is the test's. The proof is read without kdx.
"""

import json
import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sample_board import BOARD, SCHOOL, SCHOOL_NAME

from kdx.cli import root
from kdx.cli.application import Application
from kdx.language import use_language
from tests.rigs.vault_reader import read_snapshot, seals, tree_of

pytestmark = pytest.mark.system

NEIGHBOUR, NEIGHBOUR_NAME = "tonari_es", "試験市立隣小学校"
FILES, NIGHTS = 200, 5
DAY = timedelta(days=1)
Type = Callable[..., Result]


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """Two schools, a vault for both, and a rule that keeps few snapshots."""
    rows = []
    for school, name in ((SCHOOL, SCHOOL_NAME), (NEIGHBOUR, NEIGHBOUR_NAME)):
        share = tmp_path / school
        for number in range(FILES):
            path = share / f"令和8年度/{number % 10}組/名簿 {number}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"番号,氏名\n{number},{school}\n" * 200, "utf-8")
        rows.append(f"{school},{name},共有,{share}\n")
    (tmp_path / "schools.csv").write_text("school_id,school_name,share_name,share_url\n" + "".join(rows), "utf-8")
    return tmp_path


@pytest.fixture
def walk(town: Path, request) -> Type:
    """Type one kdx command on a day of the walk: walk(0, "backup", "run", SCHOOL)."""
    request.addfinalizer(lambda: use_language("en"))
    began = datetime.now(UTC).replace(microsecond=0) - 30 * DAY

    def typed(day: float, *words: str | Path, code: int = 0) -> Result:
        application = Application(clock=lambda: began + day * DAY)
        common = ["--inventory", str(town / "board"), "--state", str(town / "state")]
        done = CliRunner().invoke(root, [*common, *map(str, words)], obj=application)
        assert done.exit_code == code, done.output + done.stderr
        return done

    typed(0, "init", town / "board", "--board", BOARD, "--schools", town / "schools.csv")
    with (town / "board" / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"\nvault: {{url: {town / 'vault'}}}\n")
        file.write("backup: {keep: {days: 2, weeks: 0, months: 0, years: 0, minimum: 2}}\n")
    typed(0, "backup", "init")
    return typed


def documents(town: Path) -> list[Path]:
    return sorted(path for path in (town / SCHOOL).rglob("*") if path.suffix == ".csv")


def work_a_day(town: Path, day: int) -> None:
    """What teachers do."""
    for school in (SCHOOL, NEIGHBOUR):
        (town / school / f"日誌 {day}.csv").write_text(f"{day}日目\n" * 50, "utf-8")


def encrypt(town: Path, count: int) -> None:
    """What a ransomware does: noise under a new ending, the original gone, a note in every folder."""
    noise = random.Random(count)
    for path in documents(town)[:count]:
        path.with_name(f"{path.name}.akira").write_bytes(noise.randbytes(path.stat().st_size))
        path.unlink()
        (path.parent / "akira_readme.txt").write_text("Your data are encrypted. Pay.")


def snapshots(town: Path, school: str) -> list[Path]:
    return [seal for seal in seals(town / "vault", school) if not seal.with_suffix(".pruned").exists()]


def stands(done: Result) -> dict[str, dict[str, object]]:
    return {row["school"]: row for row in json.loads(done.stdout)["rows"]}


def test_an_encrypted_share_is_told_nothing_of_its_past_goes_and_the_last_good_version_comes_back_whole(
    town: Path, walk: Type
) -> None:
    for day in range(NIGHTS):
        work_a_day(town, day)
        walk(day, "backup", "run", "--all")
    before = shutil.copytree(town / SCHOOL, town / "as it was")
    good = snapshots(town, SCHOOL)[-1]

    # the first night of the attack: so few files that it could be a teacher's work
    work_a_day(town, NIGHTS)
    encrypt(town, 3)
    walk(NIGHTS, "backup", "run", "--all")
    # the second: a third of the share. kdx stores it, says what it sees, and asks a person
    encrypt(town, 70)
    told = walk(NIGHTS + 1, "backup", "run", "--all", code=4)
    assert "suspect" in told.stdout and f"kdx backup accept {SCHOOL}" in told.stdout
    assert "many files were renamed and have a new content" in told.stdout
    told = walk(NIGHTS + 1, "backup", "run", SCHOOL, "--lang", "ja", code=4)
    assert "名前と中身が同時に変わったファイルが多数あります" in told.stdout, told.stdout
    # the third: everything, and nobody has looked yet
    encrypt(town, FILES)
    walk(NIGHTS + 2, "backup", "run", "--all", code=4)
    assert not [path for path in documents(town) if "令和8年度" in str(path)]

    # status does not count what is suspect: the promise is broken for this school alone
    found = stands(walk(NIGHTS + 2.5, "backup", "status", "--json", code=14))
    attacked, other = found.values()
    assert (attacked["state"], attacked["promise"], other["promise"]) == ("suspect", "broken", "kept")

    # the board's sweep, long after: of the attacked school nothing goes, of the other what the rule says
    held, whole = snapshots(town, SCHOOL), tree_of(town / "vault" / "schools" / SCHOOL).files
    assert len(held) == NIGHTS + 4
    for day in (NIGHTS + 3, NIGHTS + 20):
        swept = walk(day, "backup", "prune", "--apply")
        assert swept.stdout.count("a suspect snapshot waits for a person's word") == len(held)
    assert snapshots(town, SCHOOL) == held
    assert tree_of(town / "vault" / "schools" / SCHOOL).files == whole
    assert len(snapshots(town, NEIGHBOUR)) == 2

    # a person looks for the last version that can be read, and takes it
    listed = json.loads(walk(NIGHTS + 20, "backup", "list", SCHOOL, "--json").stdout)["rows"]
    assert [row["state"] for row in listed] == ["suspect"] * 3 + ["complete"] * (NIGHTS + 1)
    assert listed[NIGHTS - 1]["snapshot"] and good.stem in {row["snapshot"] for row in listed}
    versions = walk(NIGHTS + 20, "restore", SCHOOL, "--find", "名簿 0.csv")
    assert "名簿 0.csv.akira" in versions.stdout
    walk(NIGHTS + 20, "restore", SCHOOL, "--at", good.stem, "--to", town / "back")
    assert tree_of(town / "back").files == tree_of(before).files
    # without a word about time the newest good one comes: never the encrypted share, but what three files were then
    walk(NIGHTS + 20, "restore", SCHOOL, "--to", town / "newest good")
    lost = tree_of(before).files.keys() - tree_of(town / "newest good").files.keys()
    assert len(lost) == 3

    # the server is set up anew from it, the next night is good again, and the freeze is over
    shutil.rmtree(town / SCHOOL)
    shutil.copytree(town / "back", town / SCHOOL)
    walk(NIGHTS + 21, "backup", "run", SCHOOL)
    assert read_snapshot(snapshots(town, SCHOOL)[-1]).files == tree_of(before).files
    walk(NIGHTS + 22, "backup", "prune", "--apply")
    assert len(snapshots(town, SCHOOL)) == 2
    assert all(not read_snapshot(seal).broken for seal in snapshots(town, SCHOOL))
