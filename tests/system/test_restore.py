"""kdx restore against vaults written by hand: what comes back, what is refused, what a kill leaves behind."""

import hashlib
import html
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sample_board import SCHOOL

from kdx.config import load_board
from tests.conftest import PROGRAMS
from tests.rigs.hand_vault import SEGMENT, HandVault, member, open_hand_vault
from tests.rigs.hard_share import Kept, build_hard_share, kept
from tests.system.conftest import Site, download
from tests.system.test_rescue import DAMAGE, HOSTILE, small_rows

pytestmark = pytest.mark.system

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def vault(tmp_path: Path) -> HandVault:
    return open_hand_vault(tmp_path / "vault")


@pytest.fixture
def site(make_site: Callable[..., Site], tmp_path: Path, vault: HandVault) -> Site:
    """A board whose vault was written by hand, by a machine it trusts."""
    (tmp_path / "target").mkdir()
    return trusting(make_site(str(tmp_path / "target")), vault)


def trusting(site: Site, vault: HandVault) -> Site:
    """Let a board have this vault, and trust who writes it."""
    with (site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"\nvault: {{url: {vault.root}}}\n")
    algorithm, blob = vault.key.with_name(f"{vault.key.name}.pub").read_text("ascii").split()[:2]
    (site.board / "keys" / "rig.pub").write_text(f"machine {algorithm} {blob} rig\n", "ascii")
    vault.share, vault.school = load_board(site.board).share(SCHOOL).id, SCHOOL
    return site


def arrived(root: Path) -> set[bytes]:
    return {path for path, facts in kept(root).items() if facts[0] == "file"}


def whole(found: Kept) -> Kept:
    """What is there without what a killed writer left: kdx never lists it, and removes it when it is a day old."""
    return {path: facts for path, facts in found.items() if not fnmatch(path.rpartition(b"/")[2], b".kdx-*.part")}


def test_every_hard_name_link_hole_time_and_mode_comes_back_and_twice_is_once(site, vault, tmp_path):
    share = build_hard_share(tmp_path / "hard")
    vault.seal(vault.rows(share), cut=7)
    for _ in range(2):
        done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
        assert (done.returncode, kept(tmp_path / "back") == kept(share)) == (0, True), done.stdout + done.stderr
    assert "20261123T130000Z-000001" in done.stdout


def test_what_kdx_stored_comes_back_identical_by_kdx_and_without_it(folder_site, checkout, tmp_path):
    (tmp_path / "vault").mkdir()
    with (folder_site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"\nvault: {{url: {tmp_path / 'vault'}}}\n")
    share = build_hard_share(folder_site.share)
    for words in (("init",), ("run", SCHOOL)):
        done = folder_site.kdx("backup", *words)
        assert done.returncode == 0, done.stderr
    done = folder_site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 0, done.stdout + done.stderr
    assert kept(tmp_path / "back") == kept(share)
    [seal] = (tmp_path / "vault").rglob("*.seal")
    subprocess.run(["dash", checkout / "scripts/rescue", tmp_path / "vault", seal, tmp_path / "rescued"], check=True)
    assert kept(tmp_path / "rescued") == kept(share)


@pytest.mark.parametrize("path", HOSTILE.values(), ids=HOSTILE)
def test_a_row_whose_path_is_hostile_is_named_and_all_others_come_back(site, vault, tmp_path, path):
    rows = small_rows(vault, tmp_path)
    vault.seal([*rows, [*rows[0][:9], path, b"-"]])
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 5
    assert path.decode() in done.stderr
    assert arrived(tmp_path / "back") == {b"a", b"b/c", b"d", b"e"}
    assert not list(tmp_path.rglob("outside"))


def test_a_row_that_goes_through_a_link_stands_twice_or_out_of_order_is_refused(site, vault, tmp_path):
    rows = small_rows(vault, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    link = [b"link", *[b"-"] * 2, b"5.000000000", *[b"-"] * 5, b"f", os.fsencode(tmp_path / "elsewhere")]
    through, twice, early = ([*rows[0][:9], path, b"-"] for path in (b"f/file", b"f", b"b/b"))
    vault.seal([*rows, link, through, twice, early])
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 5
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["f/file", "f", "b/b"]
    assert arrived(tmp_path / "back") == {b"a", b"b/c", b"d", b"e"}
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    "header",
    [{"type": b"2", "linkname": "/etc/passwd", "size": 0}, {"name": "../outside"}, {"size": 7 << 30}],
    ids=["link", "leads out", "enormous"],
)
def test_a_member_that_is_not_what_it_says_harms_nobody(site, vault, tmp_path, header):
    content = b"the content of a"
    hostile = {**header}
    name = hostile.pop("name", hashlib.sha256(content).hexdigest())
    vault.pack([content], [member(name, content, **hostile)])
    share = tmp_path / "small"
    share.mkdir()
    (share / "a").write_bytes(content)
    (share / "b").write_bytes(b"honest")
    vault.seal(vault.rows(share))
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    back = {path: facts[3] for path, facts in kept(tmp_path / "back").items()}
    # the name in the pack means nothing: the manifest says where, and the content proves itself
    assert back == {b"b": b"honest"} if done.returncode == 5 else back == {b"a": content, b"b": b"honest"}
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("kind", ["packs", "segments", "manifests"])
def test_what_is_damaged_is_named_and_everything_else_comes_back(site, vault, tmp_path, kind, damage):
    share = tmp_path / "damaged"
    share.mkdir()
    for number in range(6):
        (share / f"small {number}").write_bytes(b"%d" % number * 1_500_000)
        (share / f"large {number}").write_bytes(b"%d" % number * (SEGMENT + 1000))
    vault.seal(vault.rows(share), cut=8)
    damage(min(path for path in (vault.unit / kind).rglob("*") if path.is_file()))
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 5
    back = kept(tmp_path / "back")
    lost = kept(share).keys() - back.keys()
    assert 0 < len(lost) < 12
    assert all(path.decode() in done.stderr for path in lost) or kind == "manifests"
    assert {path: facts for path, facts in kept(share).items() if path not in lost} == back


def test_a_lost_part_of_the_list_takes_no_file_with_it_that_another_part_names(site, vault, tmp_path):
    seal = vault.seal(small_rows(vault, tmp_path, ("a", "b/c/d", "b/c/e", "b/f", "g")), cut=3)
    first = next(line.split(" ")[1] for line in seal.read_text("utf-8").splitlines() if line.startswith("manifest: "))
    (vault.unit / first).unlink()
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 5
    assert first in done.stderr
    assert arrived(tmp_path / "back") == {b"b/c/d", b"b/c/e", b"b/f", b"g"}


def test_a_whole_share_goes_into_an_empty_place_only(site, vault, tmp_path):
    vault.seal(small_rows(vault, tmp_path))
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "mine").write_bytes(b"mine")
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 4 and "mine" in done.stderr
    assert arrived(tmp_path / "back") == {b"mine"}


def test_named_files_go_beside_others_and_never_over_one_or_through_a_link(site, vault, tmp_path):
    vault.seal(small_rows(vault, tmp_path, ("a", "b/c", "d", "e")))
    back, elsewhere = tmp_path / "back", tmp_path / "elsewhere"
    back.mkdir()
    elsewhere.mkdir()
    (back / "a").write_bytes(b"mine")
    (back / "b").symlink_to(elsewhere)
    (back / "d").symlink_to(elsewhere / "d")
    done = site.kdx("restore", SCHOOL, "a", "b", "d", "e", "--to", back)
    assert done.returncode == 3
    assert (back / "a").read_bytes() == b"mine"
    assert (back / "e").read_bytes() == b"e" * 100
    assert not list(elsewhere.iterdir())
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["b", "a", "b/c", "d"]


def test_beside_puts_the_old_version_next_to_the_new_one_and_never_over_a_file(site, vault, tmp_path):
    site.share.joinpath("令和8年度").mkdir()
    present = site.share / "令和8年度" / "名簿.xlsx"
    present.write_bytes(b"of that day")
    vault.seal(vault.rows(site.share))
    present.write_bytes(b"of today")
    beside = present.with_name("名簿_復元_20261123-2200.xlsx")
    for _ in range(2):
        assert site.kdx("restore", SCHOOL, "令和8年度/名簿.xlsx", "--beside").returncode == 0
        assert (present.read_bytes(), beside.read_bytes()) == (b"of today", b"of that day")
    beside.write_bytes(b"somebody worked on it")
    done = site.kdx("restore", SCHOOL, "令和8年度/名簿.xlsx", "--beside")
    assert done.returncode == 3 and "名簿.xlsx" in done.stderr
    assert beside.read_bytes() == b"somebody worked on it"
    assert site.kdx("restore", SCHOOL, "令和8年度", "--beside").returncode == 0
    assert (site.share / "令和8年度_復元_20261123-2200" / "名簿.xlsx").read_bytes() == b"of that day"


def three_snapshots(site: Site, vault: HandVault) -> Path:
    file = site.share / "成績 ４月.xlsx"
    for day, (content, state) in enumerate(
        [(b"first", "complete"), (b"second", "partial"), (b"third", "suspect")], 1
    ):
        file.write_bytes(content)
        vault.seal(vault.rows(site.share), f"2026111{day}T130000Z", state=state)
    return file


def test_find_shows_each_version_across_snapshots_with_its_state(site, vault):
    three_snapshots(site, vault)
    done = site.kdx("restore", SCHOOL, "--find", "4月", "--json")
    assert done.returncode == 0, done.stderr
    assert "4月" in json.loads(done.stdout)["title"]
    rows = json.loads(done.stdout)["rows"]
    assert [(row["bytes"], row["state"], row["snapshot"]) for row in rows] == [
        (5, "suspect", "20261113T130000Z-000003"),
        (6, "partial", "20261112T130000Z-000002"),
        (5, "complete", "20261111T130000Z-000001"),
    ]


@pytest.mark.parametrize(
    ("at", "content"),
    [
        (None, b"second"), ("2026-11-30", b"second"), ("2099-01-01", b"second"), ("2026-11-11", b"first"),
        ("R8.11.11", b"first"), ("2026-11-12T21:59", b"first"), ("2026-11-12T22:00", b"second"),
        ("20261113T130000Z-000003", b"third"),
    ],
)
def test_a_date_means_the_newest_good_snapshot_of_that_day_and_a_name_that_very_one(site, vault, at, content, tmp_path):
    file = three_snapshots(site, vault)
    # as if the store itself had been written on those days
    for seal in vault.unit.rglob("*.seal"):
        moment = time.mktime(time.strptime(seal.name[:15] + " UTC", "%Y%m%dT%H%M%S UTC"))
        os.utime(seal, (moment, moment))
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back", *(("--at", at) if at else ()))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "back" / file.name).read_bytes() == content


def test_a_snapshot_from_the_future_is_as_old_as_the_store_says(site, vault, tmp_path):
    (site.share / "a").write_bytes(b"a")
    vault.seal(vault.rows(site.share), "20991111T130000Z")
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back", "--at", f"{datetime.now(TOKYO):%Y-%m-%d}")
    assert done.returncode == 0, done.stderr
    assert arrived(tmp_path / "back") == {b"a"}


def test_a_day_that_has_not_come_yet_is_said_and_the_newest_is_taken(site, vault, tmp_path):
    vault.seal(small_rows(vault, tmp_path))
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back", "--at", "2099-01-01")
    assert done.returncode == 0 and "2099-01-01 has not come yet" in done.stderr
    assert "20261123T130000Z-000001" in done.stdout and arrived(tmp_path / "back")
    today = site.kdx("restore", SCHOOL, "--to", tmp_path / "today", "--at", f"{datetime.now(TOKYO):%Y-%m-%d}")
    assert (today.returncode, today.stderr) == (0, "")


def test_before_the_first_snapshot_there_is_nothing_and_what_there_is_is_named(site, vault, tmp_path):
    vault.seal(small_rows(vault, tmp_path))
    words = ("restore", SCHOOL, "--to", tmp_path / "back", "--at", "2020-01-01")
    done = site.kdx(*words)
    assert done.returncode == 4 and "20261123T130000Z-000001" in done.stderr
    assert "20261123T130000Z-000001 (完全)" in site.kdx("--lang", "ja", *words).stderr
    assert not (tmp_path / "back").exists()


def test_a_file_that_is_not_in_the_snapshot_is_said_before_anything_is_written(site, vault, tmp_path):
    vault.seal(small_rows(vault, tmp_path))
    done = site.kdx("restore", SCHOOL, "a", "R8\\no such.txt", "--to", tmp_path / "back")
    assert done.returncode == 4 and "R8\\no such.txt is not in" in done.stderr and "--find 'no such.txt'" in done.stderr
    assert not (tmp_path / "back").exists()
    found = site.kdx("restore", SCHOOL, "--find", "no such.txt")
    assert found.returncode == 0 and "No snapshot has a file" in found.stdout


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace(f"vault: {'5f' * 16}", f"vault: {'60' * 16}"), 5),
        (lambda text: text.replace(f"school: {SCHOOL}", "school: another_es"), 5),
        (lambda text: text.replace("sequence: 1\n", "sequence: 7\n"), 5),
    ],
    ids=["another vault's", "another school's", "another number's"],
)
def test_a_seal_replayed_from_elsewhere_is_not_believed(site, vault, tmp_path, change, code):
    vault.seal(small_rows(vault, tmp_path), change=change)
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == code, done.stderr
    assert not arrived(tmp_path / "back")


def test_a_seal_by_a_key_nobody_lists_is_not_believed(site, vault, tmp_path):
    (site.board / "keys" / "rig.pub").unlink()
    vault.seal(small_rows(vault, tmp_path))
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 4, done.stderr
    assert not arrived(tmp_path / "back")


def many_files(share: Path, count: int) -> None:
    for number in range(count):
        path = share / f"{number % 20:02}" / f"{number}.dat"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"%d " % number * (number % 3000))
    (share / "large").write_bytes(os.urandom(3 * SEGMENT))


def files_in(folder: Path) -> int:
    return sum(len(files) for _parent, _folders, files in os.walk(folder))


def test_a_restore_killed_anywhere_is_resumed_by_the_same_command(site, vault, tmp_path):
    share, back = tmp_path / "many", tmp_path / "back"
    share.mkdir()
    many_files(share, 800)
    vault.seal(vault.rows(share))
    expected = kept(share)
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    for enough in sorted(random.Random(seed).sample(range(1, 700), 5)):
        # slowed down, so that the moment is met: so many files are there, and it is not at its end
        process = site.start("restore", SCHOOL, "--to", str(back), "--bandwidth", "20Mbit")
        while process.poll() is None and files_in(back) < enough:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        for path, facts in whole(kept(back)).items():
            assert facts[0] != "file" or facts[3] == expected[path][3], path
    done = site.kdx("restore", SCHOOL, "--to", back)
    assert done.returncode == 0, done.stdout + done.stderr
    assert whole(kept(back)) == expected


def test_the_board_comes_back_from_the_vault_alone_and_goes_on_the_next_night(folder_site, tmp_path):
    (tmp_path / "vault").mkdir()
    with (folder_site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"\nvault: {{url: {tmp_path / 'vault'}}}\n")
    (folder_site.share / "a").write_bytes(b"a" * 1000)
    for words in (("init",), ("run", "--all", "--board")):
        assert folder_site.kdx("backup", *words).returncode == 0
    old = Site(folder_site.share, tmp_path / "nothing", tmp_path / "new state")
    words = ("--board", "--to", tmp_path / "new", "--vault", tmp_path / "vault", "--key", tmp_path / "board.pub")
    (tmp_path / "board.pub").write_bytes((folder_site.board / "keys" / "board.pub").read_bytes())
    done = old.kdx("restore", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"--inventory {tmp_path}/new/inventory --state {tmp_path}/new" in done.stdout
    new = Site(folder_site.share, tmp_path / "new" / "inventory", tmp_path / "new")
    assert new.kdx("audit", "verify").returncode == 0
    # private keys are not in the vault: they come out of the sealed envelope
    shutil.copytree(folder_site.state / "keys", tmp_path / "new" / "keys")
    (folder_site.share / "b").write_bytes(b"b")
    done = new.kdx("backup", "run", SCHOOL, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    [row] = json.loads(done.stdout)["rows"]
    assert (row["new"], row["files"]) == (1, 2)


def test_a_machine_built_anew_signs_with_a_new_key_and_the_board_ends_the_old_one(folder_site, tmp_path):
    (tmp_path / "vault").mkdir()
    with (folder_site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"\nvault: {{url: {tmp_path / 'vault'}}}\n")
    (folder_site.share / "a").write_bytes(b"a" * 1000)
    for words in (("init",), ("run", "--all", "--board")):
        assert folder_site.kdx("backup", *words).returncode == 0
    [old_key] = (folder_site.board / "keys").glob("machine-*.pub")
    board_key = folder_site.board / "keys" / "board.pub"
    place = ("--to", tmp_path / "new", "--vault", tmp_path / "vault", "--key", board_key)
    new = Site(folder_site.share, tmp_path / "new" / "inventory", tmp_path / "new")
    empty = Site(folder_site.share, tmp_path / "nothing", tmp_path / "new state")
    assert empty.kdx("restore", "--board", *place).returncode == 0
    # the envelope holds the board's key; the machine's own went with the machine
    begun = new.kdx("backup", "init", "--json")
    assert begun.returncode == 0, begun.stderr
    told, ended = json.loads(begun.stdout)["notes"]
    assert str(new.board / "keys" / old_key.name) in told and "still trusted" in told
    assert (new.board / "keys" / f"{old_key.stem}-2.pub").exists()
    (folder_site.share / "b").write_bytes(b"b")
    done = new.kdx("backup", "run", SCHOOL, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    [row] = json.loads(done.stdout)["rows"]
    assert (row["new"], row["files"]) == (1, 2)
    (new.board / "keys" / old_key.name).write_text(f"{ended}\n", "ascii")
    again = new.kdx("backup", "init", "--json")
    assert (again.returncode, json.loads(again.stdout)["notes"]) == (0, [])
    listed = new.kdx("backup", "list", SCHOOL, "--json")
    assert listed.returncode == 0 and len(json.loads(listed.stdout)["rows"]) == 2
    # whoever has the old key, it seals nothing any more
    old_key.write_text(f"{ended}\n", "ascii")
    refused = folder_site.kdx("backup", "run", SCHOOL)
    assert refused.returncode == 4 and "no longer trusted" in refused.stderr
    assert len(list((tmp_path / "vault").rglob("schools/*/snapshots/*/*.seal"))) == 2


def test_a_bucket_is_fetched_by_the_line_on_the_sheet_and_brought_back_without_kdx(s3_site, store, checkout, tmp_path):
    vault = f"s3://school/vault?endpoint={store.endpoint}&region=us-east-1"
    with (s3_site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f'\nvault: {{url: "{vault}"}}\n')
    share = build_hard_share(s3_site.share)
    for words in (("init",), ("run", SCHOOL)):
        done = s3_site.kdx("backup", *words)
        assert done.returncode == 0, done.stderr
    done = s3_site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 0, done.stdout + done.stderr
    assert kept(tmp_path / "back") == kept(share)
    page = html.unescape(s3_site.kdx("backup", "sheet").stdout)
    [line] = [line for line in page.splitlines() if "rclone copy " in line]
    words = shlex.split(line.removeprefix("<pre>").removesuffix("</pre>"))
    subprocess.run([PROGRAMS / words[0], *words[1:]], check=True, cwd=tmp_path, env=s3_site.variables())
    [seal] = (tmp_path / "vault").rglob("*.seal")
    subprocess.run(["dash", checkout / "scripts/rescue", tmp_path / "vault", seal, tmp_path / "rescued"], check=True)
    assert kept(tmp_path / "rescued") == kept(share)


def test_a_share_comes_back_into_a_bucket_so_that_work_goes_on(site, vault, store, tmp_path):
    share = tmp_path / "share to be"
    (share / "a" / "b").mkdir(parents=True)
    (share / "a" / "b" / "名簿.xlsx").write_bytes(b"x" * 100)
    (share / "large").write_bytes(os.urandom(SEGMENT + 5))
    (share / "link").symlink_to("large")
    vault.seal(vault.rows(share))
    there = replace(site, environment=store.keys())
    address = f"s3://school/moved/{SCHOOL}?endpoint={store.endpoint}&region=us-east-1"
    for count in (2, 0):
        done = there.kdx("restore", SCHOOL, "--to", address, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        rows = {row["result"]: row["entries"] for row in json.loads(done.stdout)["rows"]}
        assert (rows["restored"], rows.get("there already", 0)) == (count, 2 - count)
    fetched = kept(download(store, tmp_path / "fetched"))
    assert {path: facts[3] for path, facts in fetched.items() if facts[0] == "file"} == {
        path: facts[3] for path, facts in kept(share).items() if facts[0] == "file"
    }


def test_the_cap_on_the_line_holds_while_restoring(site, vault, tmp_path):
    (site.share / "large").write_bytes(os.urandom(SEGMENT))
    vault.seal(vault.rows(site.share))
    began = time.monotonic()
    assert site.kdx("restore", SCHOOL, "--to", tmp_path / "back", "--bandwidth", "16Mbit").returncode == 0
    assert time.monotonic() - began > 3
    assert (tmp_path / "back" / "large").read_bytes() == (site.share / "large").read_bytes()


def test_a_dry_run_writes_nothing_and_a_vault_of_another_board_is_refused(site, vault, tmp_path):
    vault.seal(small_rows(vault, tmp_path))
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"][0]["entries"] == 4
    assert not (tmp_path / "back").exists()
    about = vault.root / "kdx-vault.json"
    about.write_text(about.read_text("utf-8").replace("試験市教育委員会", "別の市"), "utf-8")
    assert site.kdx("restore", SCHOOL, "--to", tmp_path / "back").returncode == 10


@pytest.mark.parametrize(
    "words",
    [(), (SCHOOL,), (SCHOOL, "--to", "x", "--beside"), ("--board", SCHOOL, "--to", "x"), ("--board",),
     (SCHOOL, "--to", "x", "--at", "yesterday")],
)
def test_what_is_not_clear_is_asked_for_before_anything_happens(site, vault, tmp_path, words):
    assert site.kdx("restore", *words).returncode == 2
