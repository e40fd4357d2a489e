"""Keys of every role at Ceph's gateway: each may do what its work needs, and what a thief would want fails."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sample_board import SCHOOL

from kdx.remotes.key_trials import EXTEND, REMOVE, WRITE, WRITE_OTHERS
from tests.rigs.bucket_vault import client, give_policies, put_into_bucket
from tests.rigs.rgw import Gateway
from tests.system.conftest import Site

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.xdist_group("rgw")]
OTHER = "tonari_es"
USER = f"kdx-school-{SCHOOL}"


@pytest.fixture
def held(make_site: Callable[..., Site], gateway: Gateway, tmp_path: Path, request) -> dict[str, Site]:
    """A vault of two schools in a prepared bucket, as each user sees it."""
    site = make_site(str(tmp_path / "target"), gateway.keys())
    hosts = (site.board / "hosts.yml").read_text("utf-8")
    start = hosts.index(f"        {SCHOOL}:")
    neighbour = hosts[start:].replace(SCHOOL, OTHER).replace("試験小", "隣小").replace("fs-", "fs2-")
    (site.board / "hosts.yml").write_text(f"{hosts.rstrip()}\n{neighbour}", "utf-8")
    put_into_bucket(site, gateway, bucket_of(request))
    done = site.kdx("backup", "run", OTHER)
    assert done.returncode == 0, done.stderr
    return {**give_policies(site, gateway, bucket_of(request)), "owner": site}


def bucket_of(request: Any) -> str:
    return f"roles-{abs(hash(request.node.name)) % 10**8}"


def tried(site: Site, *words: str) -> tuple[int, dict[str, tuple[str, str, str]]]:
    done = site.kdx("backup", "try-store", *words, "--json")
    assert done.stdout, done.stderr
    rows = json.loads(done.stdout)["rows"]
    return done.returncode, {row["right"]: (row["expected"], row["seen"], row["verdict"]) for row in rows}


def test_every_key_may_do_what_its_role_needs_and_everything_else_is_seen_failing(held: dict[str, Site]) -> None:
    for user, words in (
        ("kdx-board", ("--role", "board")), (USER, ("--role", "school", "--school", SCHOOL)),
        ("kdx-all-schools", ("--role", "school")), ("kdx-auditor", ("--role", "auditor")),
    ):
        code, found = tried(held[user], *words)
        assert code == 0, (user, found)
        assert len(found) == 16
        assert {verdict for _expected, _seen, verdict in found.values()} == {"as it must be"}
    # what was tried is no alarm of the vault
    done = held["kdx-auditor"].kdx("backup", "verify")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_key_that_may_too_much_or_too_little_is_told_which_right(held: dict[str, Site]) -> None:
    code, found = tried(held["owner"], "--role", "school")
    assert code == 4
    much = {right for right, (_, _, verdict) in found.items() if verdict == "TOO MUCH"}
    assert much >= {REMOVE, EXTEND, WRITE_OTHERS}
    code, found = tried(held["kdx-auditor"], "--role", "board")
    assert code == 12
    little = {right for right, (_, _, verdict) in found.items() if verdict == "TOO LITTLE"}
    assert little == {WRITE, WRITE_OTHERS, REMOVE, EXTEND}


def test_with_the_keys_of_their_roles_a_school_backs_up_an_auditor_verifies_and_restores(
    held: dict[str, Site], tmp_path: Path, tree
) -> None:
    school = held[USER]
    (school.share / "new.txt").write_text("new")
    done = school.kdx("backup", "run", SCHOOL)
    assert done.returncode == 0, done.stderr
    auditor = held["kdx-auditor"]
    back = tmp_path / "back"
    for words in (("backup", "verify"), ("backup", "verify", "--locks"), ("restore", SCHOOL, "--to", back)):
        done = auditor.kdx(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert tree(tmp_path / "back") == tree(school.share)


def refused(action: Callable[[], object]) -> bool:
    try:
        action()
    except ClientError as error:
        return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == 403)
    return False


def test_a_stolen_school_key_reads_deletes_and_poisons_nothing_of_another_school_nor_of_its_own_past(
    held: dict[str, Site], gateway: Gateway, request, tmp_path: Path, tree
) -> None:
    bucket, owner = bucket_of(request), client(gateway.endpoint, gateway.keys())
    before = {
        (row["Key"], row["VersionId"]) for row in owner.list_object_versions(Bucket=bucket, Prefix="v/")["Versions"]
    }
    keys = sorted(key for key, _version in before)
    assert any(OTHER in key for key in keys) and any(f"/{SCHOOL}/" in key for key in keys)
    thief = client(gateway.endpoint, gateway.user(USER))
    until = datetime.now(UTC)
    for key, version in sorted(before):
        named = {"Bucket": bucket, "Key": key}
        mine = f"/{SCHOOL}/" in key
        assert refused(lambda: thief.delete_object(**named))
        assert refused(lambda: thief.delete_object(**named, VersionId=version))
        assert refused(lambda: thief.delete_object(**named, VersionId=version, BypassGovernanceRetention=True))
        retention = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
        assert refused(lambda: thief.put_object_retention(**named, VersionId=version, Retention=retention))
        if not mine:
            assert refused(lambda: thief.put_object(**named, Body=b"poison"))
        if OTHER in key:
            assert refused(lambda: thief.get_object(**named))
        if mine:
            thief.put_object(**named, Body=b"poison")
    for prefix in (f"v/schools/{OTHER}/", "v/board/", "", "v/schools/"):
        assert refused(lambda: thief.list_objects_v2(Bucket=bucket, Prefix=prefix))
        assert refused(lambda: thief.list_object_versions(Bucket=bucket, Prefix=prefix))
    seal = next(key for key in keys if key.endswith(".seal") and f"/{SCHOOL}/" in key)
    for key in (seal.replace(".seal", ".pruned"), seal.replace(".seal", ".accepted"), "v/kdx-vault.json",
                f"v/schools/{SCHOOL}/marks/20250101T000000Z.mark", f"v/schools/{SCHOOL}/damaged/{'0' * 64}"):
        assert refused(lambda: thief.put_object(Bucket=bucket, Key=key, Body=b"poison"))
    after = {
        (row["Key"], row["VersionId"]) for row in owner.list_object_versions(Bucket=bucket, Prefix="v/")["Versions"]
    }
    assert before <= after
    auditor = held["kdx-auditor"]
    done = auditor.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree(tmp_path / "back") == tree(held["owner"].share)
    for words in (("backup", "verify", SCHOOL), ("backup", "verify", "--locks", SCHOOL)):
        done = auditor.kdx(*words)
        assert done.returncode == 5
        assert done.stdout.count("written over or deleted by somebody") == sum(f"/{SCHOOL}/" in key for key in keys)
        done = auditor.kdx(*(OTHER if word == SCHOOL else word for word in words))
        assert done.returncode == 0, done.stdout


def test_a_key_that_the_store_does_not_know_is_not_told_that_it_may_too_little(held: dict[str, Site]) -> None:
    stranger = {"AWS_ACCESS_KEY_ID": "NOBODYNOBODYNOBODYNO", "AWS_SECRET_ACCESS_KEY": "x" * 40}
    done = replace(held["owner"], environment=stranger).kdx("backup", "try-store", "--role", "board")
    assert (done.returncode, done.stdout, "does not know this access key" in done.stderr) == (12, "", True), done.stderr
