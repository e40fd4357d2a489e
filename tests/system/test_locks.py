"""Locks at Ceph's gateway: extended by the board alone, audited every night, and never believed unseen."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sample_board import SCHOOL

from kdx import signing
from kdx.backup.format.vault import Unit, open_vault
from kdx.backup.keeping.audit import audit
from kdx.backup.keeping.audit import Terms as AuditTerms
from kdx.backup.keeping.prune import Terms, prune
from kdx.config import load_board
from kdx.config.location import parse_location
from kdx.config.model import Keep
from kdx.errors import ExitCode
from kdx.remotes import Place
from kdx.remotes.interface import PlaceRefused
from kdx.remotes.locks import DefaultLock
from kdx.remotes.once import write_once
from kdx.state.folder import StateFolder
from tests.rigs.bucket_vault import client, give_policies, put_into_bucket, vault_line
from tests.rigs.rgw import Gateway
from tests.system.conftest import Site

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.xdist_group("rgw")]
USER = f"kdx-school-{SCHOOL}"


@pytest.fixture
def bucket(request) -> str:
    return f"locks-{abs(hash(request.node.name)) % 10**8}"


@pytest.fixture
def site(make_site: Callable[..., Site], gateway: Gateway, tmp_path: Path, bucket: str) -> Site:
    """A vault whose uploads are locked for ten days."""
    return put_into_bucket(make_site(str(tmp_path / "target"), gateway.keys()), gateway, bucket, "--days", "10")


@pytest.fixture
def s3(gateway: Gateway) -> Any:
    return client(gateway.endpoint, gateway.keys())


def audited(site: Site, *words: str) -> tuple[int, list[tuple[str, str]]]:
    done = site.kdx("backup", "verify", "--locks", *words, "--json")
    assert done.stdout, done.stderr
    return done.returncode, [(row["what"], row["name"]) for row in json.loads(done.stdout)["rows"]]


def locks(s3: Any, bucket: str) -> dict[str, datetime]:
    """Key -> until when its first version is locked."""
    found = {}
    for row in reversed(s3.list_object_versions(Bucket=bucket, Prefix="v/")["Versions"]):
        head = s3.head_object(Bucket=bucket, Key=row["Key"], VersionId=row["VersionId"])
        found.setdefault(row["Key"], head["ObjectLockRetainUntilDate"])
    return found


def test_the_board_alone_makes_locks_longer_of_which_less_than_half_remains_and_then_nothing_is_short(
    site: Site, gateway: Gateway, bucket: str, s3: Any
) -> None:
    assert audited(site) == (0, [])
    done = site.kdx("backup", "init", "--lock", "governance", "--irrevocable")
    assert done.returncode == 0, done.stderr
    users, before = give_policies(site, gateway, bucket), locks(s3, bucket)
    code, found = audited(users["kdx-auditor"])
    assert (code, {what for what, _name in found}) == (5, {"less than half of its lock remains"})
    assert {f"v/{name}" for _what, name in found} == before.keys()
    done = users[USER].kdx("backup", "verify", "--locks", "--extend", SCHOOL)
    assert (done.returncode, "s3:PutObjectRetention" in done.stderr) == (12, True), done.stderr
    assert locks(s3, bucket) == before
    code, found = audited(users["kdx-board"], "--extend")
    assert (code, found) == (0, [])
    after = locks(s3, bucket)
    assert {(until - datetime.now(UTC)).days for until in after.values()} == {34}
    assert audited(users["kdx-board"], "--extend") == (0, [])
    assert locks(s3, bucket) == after
    assert audited(users["kdx-auditor"]) == (0, [])


def in_process(site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The site's vault and keys, opened in this process with the owner's key."""
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)
    return open_vault(load_board(site.board)), signing.load_public_keys(site.board / "keys")


def test_extending_reads_no_manifest_and_leaves_alone_what_no_snapshot_needs(
    site: Site, bucket: str, s3: Any, monkeypatch
) -> None:
    orphan = f"v/schools/{SCHOOL}/segments/00/{'0' * 64}"
    s3.put_object(Bucket=bucket, Key=orphan, Body=b"left by a killed run")
    before = locks(s3, bucket)
    vault, keys = in_process(site, monkeypatch)
    monkeypatch.setattr(Unit, "read", None)
    terms = AuditTerms(DefaultLock("GOVERNANCE", 10), keys, extend=True)
    six_days_on = datetime.now(UTC) + timedelta(days=6)
    done = audit(vault, SCHOOL, terms, six_days_on)
    assert (done.exit_code, done.extended, done.findings) == (ExitCode.DONE, len(before) - 1, [])
    after = locks(s3, bucket)
    assert {key for key in before if after[key] == before[key]} == {orphan}
    assert all(after[key] >= before[key] for key in before)


def test_what_is_missing_hidden_or_not_locked_is_named_with_exit_5(site: Site, bucket: str, s3: Any) -> None:
    keys = sorted(key for key in locks(s3, bucket) if "/segments/" in key or "/packs/" in key)
    gone, hidden, deleted = keys[:3]
    [version] = s3.list_object_versions(Bucket=bucket, Prefix=gone)["Versions"]
    s3.delete_object(Bucket=bucket, Key=gone, VersionId=version["VersionId"], BypassGovernanceRetention=True)
    s3.put_object(Bucket=bucket, Key=hidden, Body=b"encrypted, pay")
    s3.delete_object(Bucket=bucket, Key=deleted)
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    seal = next(key for key in locks(s3, bucket) if key.endswith(".seal"))
    body = s3.get_object(Bucket=bucket, Key=seal)["Body"].read()
    [version] = s3.list_object_versions(Bucket=bucket, Prefix=seal)["Versions"]
    s3.delete_object(Bucket=bucket, Key=seal, VersionId=version["VersionId"], BypassGovernanceRetention=True)
    s3.put_object(Bucket=bucket, Key=seal, Body=body)
    done = site.kdx("backup", "verify", "--locks", "--json")
    found = {row["name"]: row["what"] for row in json.loads(done.stdout)["rows"]}
    assert done.returncode == 5
    assert found == {
        gone.removeprefix("v/"): "missing", seal.removeprefix("v/"): "not locked",
        **dict.fromkeys(
            (hidden.removeprefix("v/"), deleted.removeprefix("v/")),
            "written over or deleted by somebody; the first version is kept and read",
        ),
    }
    # somebody has switched off what every upload was to get
    assert "was told to lock every upload (GOVERNANCE 10)" in done.stderr
    done = site.kdx("backup", "verify", "--locks", "--extend", "--lang", "ja")
    assert done.returncode == 5
    assert s3.head_object(Bucket=bucket, Key=seal)["ObjectLockMode"] == "GOVERNANCE"


def test_a_bucket_without_locks_is_told_before_anything_relies_on_it(
    make_site, gateway: Gateway, bucket: str, s3: Any, tmp_path
) -> None:
    s3.create_bucket(Bucket=bucket)
    site = make_site(str(tmp_path / "target"), gateway.keys())
    with (site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(vault_line(gateway, bucket, lock=False))
    done = site.kdx("backup", "init", "--lock", "governance", "--irrevocable")
    assert (done.returncode, "a new bucket" in done.stderr) == (4, True), done.stderr
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert site.kdx("backup", "init").returncode == 0
    done = site.kdx("backup", "verify", "--locks")
    assert (done.returncode, "locks nothing" in done.stderr) == (4, True), done.stderr


def test_a_stricter_lock_set_by_hand_is_never_weakened_and_another_boards_vault_never_prepared(
    site: Site, bucket: str, s3: Any
) -> None:
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 400}}
    by_hand = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=by_hand)
    done = site.kdx("backup", "init", "--lock", "governance", "--irrevocable")
    assert (done.returncode, "GOVERNANCE 400" in done.stderr) == (4, True), done.stderr
    text = (site.board / "kdx.yml").read_text("utf-8")
    (site.board / "kdx.yml").write_text(text.replace("試験市教育委員会", "別の市教育委員会"), "utf-8")
    done = site.kdx("backup", "init", "--lock", "governance", "--days", "500", "--irrevocable")
    assert (done.returncode, "試験市教育委員会" in done.stderr) == (10, True), done.stderr
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]["Rule"] == rule


def test_a_body_altered_after_it_was_signed_is_refused_and_nothing_is_stored(
    site: Site, gateway: Gateway, bucket: str, s3: Any, monkeypatch
) -> None:
    from kdx.remotes.buckets import store_of

    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)
    place = Place(parse_location(f"s3://{bucket}/v?endpoint={gateway.endpoint}&region=default"), few_large=True)

    def alter(request: Any, **_given: Any) -> None:
        request.body = b"altered"

    remote = place.open()
    # the very connection write_once sends through
    events = remote._requests.store.boto.meta.events  # type: ignore[attr-defined]
    events.register("before-send.s3.PutObject", alter)
    try:
        with pytest.raises(PlaceRefused):
            write_once(remote, "schools/x/signed", [b"as sent"], 7)
    finally:
        events.unregister("before-send.s3.PutObject", alter)
    assert store_of(place)
    assert "Versions" not in s3.list_object_versions(Bucket=bucket, Prefix="v/schools/x/")


@pytest.mark.parametrize("is_locked", [True, False])
def test_a_sweep_deletes_version_by_version_and_leaves_what_a_lock_holds(
    site: Site, bucket: str, s3: Any, monkeypatch, is_locked: bool
) -> None:
    for number in range(3):
        (site.share / "名簿 0.xlsx").write_bytes(b"again %d" % number * 10_000)
        (site.share / "film.mp4").write_bytes(b"%d" % number * (9 << 20))
        assert site.kdx("backup", "run", SCHOOL).returncode in (0, 4)
    if not is_locked:
        for row in s3.list_object_versions(Bucket=bucket, Prefix="v/schools/")["Versions"]:
            retention = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(seconds=1)}
            s3.put_object_retention(
                Bucket=bucket, Key=row["Key"], VersionId=row["VersionId"], Retention=retention,
                BypassGovernanceRetention=True,
            )
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
        text = (site.board / "kdx.yml").read_text("utf-8")
        (site.board / "kdx.yml").write_text(text.replace("&lock=required", ""), "utf-8")
    vault, keys = in_process(site, monkeypatch)
    board_key = signing.load_private_key(StateFolder(site.state).keys())
    terms = Terms(Keep(1, 0, 0, 0, 2), ZoneInfo("Asia/Tokyo"), keys, board_key, apply=True)
    before = set(locks_or_keys(s3, bucket))
    marked = prune(vault, SCHOOL, terms, datetime.now(UTC) + timedelta(days=3))
    assert (marked.exit_code, len(marked.gone), marked.marked > 0) == (ExitCode.DONE, 2, True)
    done = prune(vault, SCHOOL, terms, datetime.now(UTC) + timedelta(days=18))
    there = set(locks_or_keys(s3, bucket))
    if is_locked:
        assert (done.exit_code, done.locked, done.removed) == (ExitCode.DONE, marked.marked, 0)
        assert before <= there
    else:
        assert (done.exit_code, done.locked, done.removed) == (ExitCode.DONE, 0, marked.marked)
        assert len(before - there) == marked.marked
    # no marker hides anything: what went is gone, and what stayed is seen
    assert "DeleteMarkers" not in s3.list_object_versions(Bucket=bucket, Prefix="v/schools/")
    assert site.kdx("backup", "verify", "--full", SCHOOL).returncode == 0


def locks_or_keys(s3: Any, bucket: str) -> list[str]:
    return [row["Key"] for row in s3.list_object_versions(Bucket=bucket, Prefix="v/schools/")["Versions"]]
