"""3-2-1-1-0 as the commands leave it behind: every cell from what another command has done."""

import json
from pathlib import Path

import pytest
from sample_board import SCHOOL, SCHOOL_NAME

from tests.system.conftest import Site

pytestmark = pytest.mark.system


def rules(site: Site) -> dict[str, tuple[str, int | None, str, str]]:
    done = site.kdx("backup", "status", "--copies", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert {row["school"] for row in rows} == {SCHOOL_NAME}
    return {row["rule"]: (row["holds"], row["count"], row["evidence"], row["seen"]) for row in rows}


def test_copies_media_places_and_errors_are_counted_from_evidence_and_the_rest_stays_unknown(
    folder_site: Site, tmp_path: Path
) -> None:
    site = folder_site
    (site.share / "名簿.txt").write_text("名簿", "utf-8")
    with (site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"\nvault: {{url: {tmp_path / 'vault'}, site: 市役所}}\n")
    (tmp_path / "usb").mkdir()
    for words in (("backup", "init"), ("backup", "run", SCHOOL)):
        assert site.kdx(*words).returncode == 0
    before = rules(site)
    assert [holds for holds, *_ in before.values()] == ["NO", "unknown", "yes", "NO", "unknown"]
    assert "市役所" in before["1 elsewhere"][2]
    for words in (("backup", "copy", "--to", tmp_path / "usb"), ("backup", "verify", "--full"), ("drill", SCHOOL)):
        done = site.kdx(*words)
        assert done.returncode == 0, done.stderr
    after = rules(site)
    assert [holds for holds, *_ in after.values()] == ["yes", "unknown", "yes", "NO", "yes"]
    assert (after["3 copies"][1], str(tmp_path / "usb") in after["3 copies"][2]) == (3, True)
    assert "restore drill" in after["0 errors when read back"][2]
    # one flipped byte, read by verify, and the zero is none any more
    pack = next((tmp_path / "vault").rglob("*.tar.zst"))
    pack.chmod(0o600)
    pack.write_bytes(b"X" + pack.read_bytes()[1:])
    assert site.kdx("backup", "verify", "--full").returncode == 5
    assert rules(site)["0 errors when read back"][:2] == ("NO", 1)
