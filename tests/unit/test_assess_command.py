"""`kdx assess` as a technician sees it: one hard share against every profile, in Japanese."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from rigs.command_line import Invoke, japanese_kdx
from rigs.hard_names import HARD_SHARE, PROFILES
from sample_board import write_board

from kdx.config import load_board
from kdx.inventory.assess.assessment import Met, verdict
from kdx.inventory.assess.rules import RULES
from kdx.inventory.catalog.catalog import metadata_of
from kdx.inventory.catalog.rows import CATALOG, journal_line
from kdx.inventory.catalog.table import journal_source, write_table
from kdx.state.folder import StateFolder

MOMENT = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden" / "assess-ja.txt"


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A board with one school whose last catalog holds the hard share."""
    folder = write_board(tmp_path / "inventory", {"共有": "/srv/share"})
    share = load_board(folder).share("es")
    catalogs = StateFolder(tmp_path / "state").catalogs(share.id)
    journal = tmp_path / "journal"
    lines = (journal_line(entry)[:-2] + f',"seq":{number}}}\n' for number, entry in enumerate(HARD_SHARE))
    journal.write_text("".join(lines), "utf-8")
    query = f"SELECT * EXCLUDE (seq) FROM ({journal_source(CATALOG, [journal])})"
    about = metadata_of(share, MOMENT, MOMENT).as_text()
    write_table(catalogs / "20261125T030000Z.parquet", CATALOG, query, about)
    return folder


@pytest.fixture
def run(tmp_path: Path, board: Path) -> Iterator[Invoke]:
    with japanese_kdx(board, tmp_path / "state") as invoke:
        yield partial(invoke, "assess", "es")


def test_a_hard_share_against_every_profile_reads_as_it_was_agreed(run):
    assert run(code=4).stdout == GOLDEN.read_text("utf-8")


def test_every_finding_is_listed_with_its_number_and_source(run):
    rows = json.loads(run("--to", "sharepoint", "--list", "--json", code=4).stdout)["rows"]
    assert all(row["id"] and row["source"] and row["rule"] for row in rows)
    assert {row["path"]: row["proposal"] for row in rows if row["rule"] == "forbidden-character"} == {
        "何?.txt": "何？-2.txt", "比率3:1.txt": "比率3：1.txt", "new\nline.txt": "new_line.txt", "a\\b.txt": "a￥b.txt",
        'quo"te#.jtd': "quo”te#.jtd",
    }


def test_the_counts_of_the_summary_are_those_of_the_list(run):
    summary = json.loads(run("--json", code=4).stdout)["rows"]
    for profile in PROFILES:
        listed = json.loads(run("--to", profile, "--list", "--json", code=run_code(summary, profile)).stdout)["rows"]
        counts = {row["rule"]: row[profile] for row in summary if row[profile]}
        assert counts == {rule: sum(row["rule"] == rule for row in listed) for rule in counts}
        assert sum(counts.values()) == len(listed)


def run_code(summary: list[dict[str, object]], profile: str) -> int:
    met = {row["severity"] for row in summary if row[profile]}
    return 4 if "blocks" in met else 3


@pytest.mark.parametrize(
    ("severities", "code"),
    [(("note", "decide", "blocks"), 4), (("note", "decide"), 3), (("note",), 0), ((), 0)],
)
def test_the_gravest_finding_at_any_target_decides_the_exit_code(severities, code):
    rules = {rule.severity: rule for rule in RULES}
    assert verdict([{rules[severity]: Met(1, "a")} for severity in severities]) == code


def test_a_name_that_is_no_target_and_no_profile_is_told_with_its_neighbours(run):
    result = run("--to", "sharepont", code=2)
    assert "sharepoint" in result.stderr
