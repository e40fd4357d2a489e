"""What look.ps1 wrote on a Windows machine, taken as EXAMINE: from known scripts only, in any encoding it writes."""

import codecs
import hashlib
import json
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rigs.rollout_place import NOON, Place, make_place

from kdx.rollout.probe.check import EndOfLife, Result, Seen
from kdx.rollout.probe.checks.windows import JUDGES

FIGURES = {"least_percent": 10, "list_days": 7}
NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


@pytest.fixture
def kdx_rollout(tmp_path, checkout) -> Place:
    return make_place(tmp_path, checkout)


@pytest.fixture
def script(checkout) -> str:
    return hashlib.sha256((checkout / "playbooks/windows/look.ps1").read_bytes()).hexdigest()


def said(script: str, **changes: object) -> dict[str, object]:
    return {
        "schema": "kdx.windows", "schema_version": 1, "script_sha256": script, "collected": "2026-11-23T01:00:00Z",
        "computer": "FS-NISHI", "os": {"caption": "Microsoft Windows Server 2016 Standard", "version": "10.0.14393"},
        "smb": {"smb1": False, "smb1_registry": None, "smb2": True, "signing_required": True, "encrypts": True,
                "refuses_unencrypted": True},
        "volumes": [{"name": "C:", "size": 1000, "free": 500}],
        "disks": {"name": "SSD", "bus": "SATA", "health": "Healthy"},
        "updates": {"security": 0, "searched": "2026-11-22T01:00:00Z"}, "default_route": None, **changes,
    }


def results(place: Place) -> dict[str, str]:
    """What the ledger holds, read without kdx."""
    import sqlite3

    with sqlite3.connect(place.folder / "state/ledger.sqlite3") as connection:
        bodies = [json.loads(row[0]) for row in connection.execute(
            "select body from events where kind = 'rollout.observed' order by id")]
    assert all(body["method"] == "EXAMINE" for body in bodies)
    return {body["check"]: body["result"] for body in bodies}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-8-sig"])
def test_json_of_powershell_is_taken_in_the_encodings_it_writes(kdx_rollout, tmp_path, script, encoding):
    file = tmp_path / "fs-nishi.json"
    file.write_text(json.dumps(said(script), ensure_ascii=False), encoding)
    if encoding == "utf-16":
        assert file.read_bytes().startswith(codecs.BOM_UTF16_LE)
    shown = kdx_rollout("import", file)
    assert encoding in shown.stdout
    assert results(kdx_rollout) == {
        "smb1_off": "pass", "smb3_spoken": "pass", "smb_signing": "pass", "smb_encryption": "pass",
        "os_supported": "pass", "updates_installed": "pass", "disk_free": "pass", "disk_sound": "pass",
    }
    assert kdx_rollout.state("nishi_es", "ファイル共有の安全 (SMB)") == "確"
    assert kdx_rollout.rows("import", file) == []


def test_a_script_that_was_changed_shows_nothing_and_is_named(kdx_rollout, tmp_path, script):
    file = tmp_path / "x.json"
    file.write_text(json.dumps(said("ab" * 32)), "utf-8")
    assert "ab" * 32 in kdx_rollout("import", file, code=4).stderr
    own = kdx_rollout.folder / "inventory/rules"
    own.mkdir()
    row = {"name": "own.ps1", "sha256": "ab" * 32, "schema_version": 1, "date": "2026-11-23", "source": "board"}
    (own / "windows_scripts.yml").write_text(json.dumps({"version": "1", "scripts": [row]}), "utf-8")
    kdx_rollout("import", file)
    file.write_text(json.dumps(said(script)), "utf-8")
    kdx_rollout("import", file, code=4)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"computer": "OTHER"}, "OTHER"), ({"computer": None}, "no host"), ({"collected": "?"}, "when"),
        ({"schema_version": 2}, "look.ps1"), ({"schema": "x"}, "look.ps1"),
    ],
)
def test_what_cannot_be_placed_is_refused_whole_and_named(kdx_rollout, tmp_path, script, changes, word):
    file = tmp_path / "x.json"
    file.write_text(json.dumps(said(script, **changes)), "utf-8")
    assert word in kdx_rollout("import", file, code=4).stderr
    file.write_text(json.dumps(said(script))[:200], "utf-8")
    assert "JSON" in kdx_rollout("import", file, code=4).stderr


@pytest.mark.parametrize("collected", ["2026-11-23T09:00:00Z", "2025-11-23T01:00:00Z"])
def test_a_file_of_tomorrow_or_of_last_year_is_not_taken(kdx_rollout, tmp_path, script, collected):
    file = tmp_path / "x.json"
    file.write_text(json.dumps(said(script, collected=collected)), "utf-8")
    assert len({row["verdict"] for row in kdx_rollout.rows("import", file, code=4)}) == 1
    assert kdx_rollout.state("nishi_es", "ファイル共有の安全 (SMB)") == "未"


def judged(check: str, **fields: object) -> Result:
    seen = Seen({}, FIGURES, NOW, (EndOfLife("windows server 2016", NOON.date()),))
    return JUDGES[check](fields, seen).result


PASS, FAIL, UNKNOWN = Result.PASS, Result.FAIL, Result.UNKNOWN


@pytest.mark.parametrize(
    ("check", "fields", "expected"),
    [
        ("smb1_off", {"smb": {"smb1": False, "smb1_registry": 0}}, PASS),
        ("smb1_off", {"smb": {"smb1": False, "smb1_registry": 1}}, FAIL),
        ("smb1_off", {"smb": {"smb1": True}}, FAIL), ("smb1_off", {"smb": {"smb1": None}}, UNKNOWN),
        ("smb1_off", {"smb": {"smb1": "False"}}, UNKNOWN),
        ("smb3_spoken", {"smb": {"smb2": True}, "os": {"version": "6.1.7601"}}, FAIL),
        ("smb3_spoken", {"smb": {"smb2": True}, "os": {"version": "6.2.9200"}}, PASS),
        ("smb3_spoken", {"smb": {"smb2": True}}, UNKNOWN),
        ("smb_signing", {"smb": {"signing_required": False}}, FAIL), ("smb_signing", {}, UNKNOWN),
        ("smb_encryption", {"smb": {"encrypts": True, "refuses_unencrypted": False}}, FAIL),
        ("smb_encryption", {"smb": {"encrypts": True}}, UNKNOWN),
        ("disk_sound", {"disks": [{"name": "a", "bus": "RAID", "health": "Healthy"}]}, UNKNOWN),
        ("disk_sound", {"disks": [{"name": "a", "bus": "SATA", "health": "Warning"}]}, FAIL),
        ("disk_sound", {"disks": [{"name": "a", "bus": "SATA", "health": None}]}, UNKNOWN),
        ("disk_free", {"volumes": {"name": "C:", "size": 100, "free": 5}}, FAIL),
        ("disk_free", {"volumes": [{"name": "C:", "size": None, "free": 5}]}, UNKNOWN),
        ("updates_installed", {"updates": {"security": 0, "searched": "2026-10-01T00:00:00Z"}}, UNKNOWN),
        ("updates_installed", {"updates": {"security": 3, "searched": "2026-10-01T00:00:00Z"}}, FAIL),
        ("updates_installed", {"updates": {"security": 0, "searched": "2026-11-22T00:00:00"}}, UNKNOWN),
        ("staff_on_wifi", {"default_route": {"name": "Wi-Fi", "medium": "Native 802.11"}}, PASS),
        ("staff_on_wifi", {"default_route": {"name": "Ethernet", "medium": "802.3"}}, FAIL),
    ],
)
def test_a_field_that_is_null_or_strange_is_not_known(check, fields, expected):
    assert judged(check, **fields) is expected


def json_values():
    plain = st.none() | st.booleans() | st.integers(-5, 10**12) | st.text(max_size=20)
    return st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["smb1", "smb2", "smb1_registry", "version", "caption", "name", "size", "free", "health", "bus",
                         "security", "searched", "medium", "encrypts"]), inner, max_size=4), max_leaves=8)


@given(st.dictionaries(st.sampled_from(["smb", "os", "volumes", "disks", "updates", "default_route"]), json_values()))
def test_no_json_breaks_a_rule(fields):
    for check in JUDGES:
        assert judged(check, **fields) in Result


def test_the_list_of_scripts_names_the_scripts_as_they_are(checkout):
    folder = checkout / "playbooks/windows"
    listed = dict(line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    scripts = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.ps1")}
    assert listed == scripts
    table = yaml.safe_load((checkout / "kdx/config/tables/windows_scripts.yml").read_text("utf-8"))
    assert {row["name"]: row["sha256"] for row in table["scripts"]} == scripts


def test_the_script_only_reads_and_is_read_rightly_by_old_powershell(checkout):
    for path in (checkout / "playbooks/windows").glob("*.ps1"):
        # without the mark PowerShell 5 reads it as cp932, where a comment can swallow the line below it
        assert path.read_bytes().startswith(codecs.BOM_UTF8)
        verbs = {"Set-", "New-Item", "Remove-", "Add-", "Enable-", "Disable-", "Stop-", "Start-", "Restart-",
                 "Out-File", "Invoke-", "Install-", "Clear-", "Rename-", "Move-", "Copy-"}
        code = [line for line in path.read_text("utf-8-sig").splitlines() if not line.startswith("#")]
        assert not [line for line in code for verb in verbs if verb in line]
