"""A vault in a bucket with locks, judged by Ceph's gateway; and stores that only say that they lock."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from local_store import serve_s3
from sample_board import SCHOOL

from kdx.config.location import parse_location
from kdx.remotes import Place
from kdx.remotes.trials import (
    BODY_SIGNED, CONDITION, DEFAULT_LOCK, LOCK_HOLDS, LOCK_KEEPS, LOCK_SHOWN, MD5_CHECKED, ORIGINAL, SHA256_CHECKED,
    VERSIONS, try_store,
)
from tests.rigs.bucket_vault import client, put_into_bucket
from tests.rigs.rgw import Gateway
from tests.system.conftest import Site

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.xdist_group("rgw")]


@pytest.fixture
def locked(make_site: Callable[..., Site], gateway: Gateway, tmp_path, request) -> Site:
    """A school whose vault lies in a bucket that kdx has prepared."""
    bucket = f"vault-{abs(hash(request.node.name)) % 10**8}"
    return put_into_bucket(make_site(str(tmp_path / "target"), gateway.keys()), gateway, bucket)


def bucket_of(site: Site) -> str:
    return (site.board / "kdx.yml").read_text("utf-8").rpartition("s3://")[2].partition("/")[0]


def keys_in(s3: Any, bucket: str, ending: str = "") -> list[str]:
    found = s3.list_objects_v2(Bucket=bucket, Prefix="v/schools/").get("Contents", ())
    return [row["Key"] for row in found if row["Key"].endswith(ending)]


def test_what_the_gateway_really_does_is_found_out_and_written_down(locked: Site) -> None:
    done = locked.kdx("backup", "try-store", "--json")
    assert done.returncode == 0, done.stderr
    found = {row["trial"]: row["holds"] for row in json.loads(done.stdout)["rows"]}
    assert found == {
        **dict.fromkeys((LOCK_SHOWN, LOCK_HOLDS, LOCK_KEEPS, ORIGINAL, VERSIONS, DEFAULT_LOCK), "yes"),
        MD5_CHECKED: "yes", BODY_SIGNED: "yes",
        # Ceph 16 stores what contradicts its checksum, and writes over in a bucket with versions
        SHA256_CHECKED: "NO", CONDITION: "NO",
    }
    import sqlite3

    with sqlite3.connect(locked.state / "ledger.sqlite3") as ledger:
        [(body,)] = ledger.execute("select body from events where kind = 'store.tried'").fetchall()
    assert json.loads(body)["protects"] is True


def test_every_object_of_the_vault_is_locked_for_35_days_and_public_access_is_off(
    locked: Site, gateway: Gateway
) -> None:
    s3, bucket = client(gateway.endpoint, gateway.keys()), bucket_of(locked)
    keys = keys_in(s3, bucket)
    assert len(keys) >= 4
    for key in keys:
        found = s3.head_object(Bucket=bucket, Key=key)
        left = found["ObjectLockRetainUntilDate"] - datetime.now(UTC)
        assert (found["ObjectLockMode"], left.days) == ("GOVERNANCE", 34)
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert "Expiration" not in rules[0] and rules[0]["NoncurrentVersionExpiration"]
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"]


@pytest.mark.parametrize("attack", ["write over", "delete"])
def test_a_thief_with_the_key_hides_everything_and_restore_still_brings_it_back_and_verify_exits_5(
    locked: Site, gateway: Gateway, tmp_path, tree, attack: str
) -> None:
    s3, bucket = client(gateway.endpoint, gateway.keys()), bucket_of(locked)
    for key in [*keys_in(s3, bucket), "v/kdx-vault.json"]:
        if attack == "delete":
            s3.delete_object(Bucket=bucket, Key=key)
        else:
            s3.put_object(Bucket=bucket, Key=key, Body=b"encrypted, pay")
    done = locked.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree(tmp_path / "back") == tree(locked.share)
    done = locked.kdx("backup", "verify", SCHOOL)
    assert done.returncode == 5
    assert done.stdout.count("written over or deleted by somebody") == len(keys_after(s3, bucket))
    # the next night goes on in the same vault
    done = locked.kdx("backup", "run", SCHOOL)
    assert done.returncode == 0, done.stderr


def keys_after(s3: Any, bucket: str) -> set[str]:
    found = s3.list_object_versions(Bucket=bucket, Prefix="v/schools/")
    return {row["Key"] for row in found["Versions"]}


def test_without_a_yes_nothing_is_prepared_and_compliance_needs_its_term(make_site, gateway: Gateway, tmp_path) -> None:
    site = make_site(str(tmp_path / "target"), gateway.keys())
    with (site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f'\nvault: {{url: "s3://never/v?endpoint={gateway.endpoint}&region=default"}}\n')
    for words, code in ((("--lock", "governance"), 4), (("--lock", "compliance", "--irrevocable"), 2)):
        done = site.kdx("backup", "init", *words)
        assert (done.returncode, "cannot be undone" in done.stderr) == (code, True)
    buckets = client(gateway.endpoint, gateway.keys()).list_buckets()["Buckets"]
    assert "never" not in [bucket["Name"] for bucket in buckets]


def test_a_bucket_whose_uploads_are_not_locked_fails_the_run_that_relies_on_it(make_site, gateway, tmp_path) -> None:
    client(gateway.endpoint, gateway.keys()).create_bucket(Bucket="unlocked")
    site = make_site(str(tmp_path / "target"), gateway.keys())
    with (site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f'\nvault: {{url: "s3://unlocked/v?endpoint={gateway.endpoint}&region=default&lock=required"}}\n')
    done = site.kdx("backup", "init")
    assert (done.returncode, "is not locked" in done.stderr) == (5, True), done.stderr


def test_a_store_that_only_says_that_it_locks_is_never_called_protected(tmp_path, monkeypatch) -> None:
    with serve_s3(tmp_path / "buckets", "lies") as store:
        for name, value in store.keys().items():
            monkeypatch.setenv(name, value)
        trials = try_store(Place(parse_location(f"s3://lies/v?endpoint={store.endpoint}")), datetime.now(UTC))
    held = {trial.what for trial in trials if trial.holds}
    assert LOCK_HOLDS not in held and ORIGINAL not in held
    assert MD5_CHECKED in held


def test_the_command_calls_a_store_that_lies_unprotected_with_exit_4(make_site, tmp_path) -> None:
    with serve_s3(tmp_path / "buckets", "lies") as store:
        site = make_site(str(tmp_path / "target"), store.keys())
        with (site.board / "kdx.yml").open("a", encoding="utf-8") as file:
            file.write(f'\nvault: {{url: "s3://lies/v?endpoint={store.endpoint}"}}\n')
        done = site.kdx("backup", "try-store")
    assert (done.returncode, "NOTHING there is protected" in done.stdout) == (4, True), done.stderr
