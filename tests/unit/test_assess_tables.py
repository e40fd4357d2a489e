"""The dated tables: what ships, what a board puts in their place, and every mistake in one."""

from pathlib import Path

import pytest
from sample_board import write_board

from kdx.config import load_board
from kdx.config.mistakes import ConfigurationMistakes
from kdx.config.model import Target, parse_location
from kdx.config.rule_tables import SHIPPED
from kdx.inventory.assess.profile import NoProfile, load_tables


def inventory(folder: Path, targets: str = "", rules: str = "") -> Path:
    with (write_board(folder, {"共有": "/srv/share"}) / "kdx.yml").open("a", encoding="utf-8") as settings:
        settings.write(targets)
    if rules:
        (folder / "rules").mkdir(exist_ok=True)
        (folder / "rules/targets.yml").write_text(rules, "utf-8")
    return folder


@pytest.mark.parametrize("name", ["targets.yml", "personal.yml"])
def test_the_tables_of_this_board_are_those_that_ship(checkout, name):
    assert (checkout / "inventory/rules" / name).read_bytes() == (SHIPPED / name).read_bytes()


def test_a_target_gets_its_profile_from_its_key_or_its_address():
    tables = load_tables(Path("no such inventory"))
    for address, profile in (("s3://b/p", "s3"), ("/srv/x", "linux-folder"), ("smb://fs/share", "windows")):
        assert tables.profile_of(Target("t", parse_location(address))).name == profile
    assert tables.profile_of(Target("t", parse_location("/mnt/sp"), profile="sharepoint")).name == "sharepoint"
    with pytest.raises(NoProfile) as unknown:
        tables.profile_of(Target("t", parse_location("rclone:remote:x")))
    assert "sharepoint" in unknown.value.advise()


def test_profile_is_a_key_of_a_target_and_only_a_known_one_is_taken(tmp_path):
    board = load_board(inventory(tmp_path / "a", "targets:\n  sp: {url: /mnt/sp, profile: sharepoint}\n"))
    assert board.target().profile == "sharepoint"
    with pytest.raises(ConfigurationMistakes) as wrong:
        load_board(inventory(tmp_path / "b", "targets:\n  sp: {url: /mnt/sp, profile: sharepont}\n"))
    [mistake] = wrong.value.mistakes
    assert mistake.key_path == "targets.sp.profile" and mistake.nearest[0] == "sharepoint"


def test_a_table_of_the_board_takes_the_place_of_the_shipped_one(tmp_path):
    row = 'name-too-long: {most: 10, unit: characters, source: "our own", date: "2026-11-25"}'
    rules = f'version: "2027-01-01"\nprofiles:\n  ours:\n    {row}\n'
    folder = inventory(tmp_path, "targets:\n  sp: {url: /mnt/sp, profile: ours}\n", rules)
    tables = load_tables(folder)
    assert list(tables.profiles) == ["ours"]
    assert tables.profiles["ours"].version == "2027-01-01"
    assert load_board(folder).target().profile == "ours"


def test_every_mistake_of_a_table_is_told_at_once(tmp_path):
    rules = """version: "2027-01-01"
profiles:
  ours:
    name-to-long: {most: 10}
    path-too-long: {most: many, unit: bits, source: a, date: "2026-11-25"}
    twin: {source: a, date: "2026-11-25"}
    edge: {leading: " ", colour: red, date: "2026-11-25"}
"""
    with pytest.raises(ConfigurationMistakes) as wrong:
        load_tables(inventory(tmp_path, rules=rules))
    found = {(mistake.line, mistake.key_path.removeprefix("profiles.ours.")) for mistake in wrong.value.mistakes}
    assert found == {
        (4, "name-to-long"),
        (5, "path-too-long.most"),
        (5, "path-too-long.unit"),
        (6, "twin"),
        (7, "edge"),
        (7, "edge.colour"),
    }
