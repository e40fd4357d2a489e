"""A school moved to a cloud through rclone, and every trouble a cloud makes, with the installed program."""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from rigs.office import Members, changed, promoted, workbook
from rigs.trouble import CUT, DEAD
from sample_board import SCHOOL

from tests.rigs.cloud_site import Cloud

pytestmark = pytest.mark.system

Tree = Callable[[Path], dict[bytes, str]]


Found = TypeVar("Found")


def _wait_for(look: Callable[[], Found], seconds: float = 60) -> Found:
    """Return what a look finds as soon as it is something."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)
    return found


def _children(process: int) -> set[int]:
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        return {int(word) for task in tasks for word in (task / "children").read_text().split()}
    except OSError:
        return set()


def _is_rclone(process: int) -> bool:
    """Whether a process is there and is the rclone that works for kdx."""
    try:
        return b"rclone\0rcd" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def _slow(late: bool) -> int:
    time.sleep(0.3 * late)
    return 0


def _torn_and_gone(whole: int) -> Callable[[str, str, int], int]:
    """Let `whole` uploads pass, tear the next one, and answer nothing any more, so that nobody can tidy up."""
    puts = iter(range(1000))
    gone = threading.Event()

    def trouble(method: str, path: str, before: int) -> int:
        if gone.is_set():
            return DEAD
        if method == "PUT" and next(puts) >= whole:
            gone.set()
            return CUT
        return 0

    return trouble


def test_a_busy_service_is_waited_for(cloud: Cloud, tree: Tree) -> None:
    busy = iter([429, 503, 429])
    cloud.proxy.trouble = lambda method, path, before: next(busy, 0) if method == "PUT" else 0
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    assert cloud.proxy.made == 3 and tree(cloud.arrived) == tree(cloud.site.share)


def test_a_name_that_is_held_for_a_moment_is_asked_for_again_and_one_that_stays_held_is_told(
    cloud: Cloud, tree: Tree
) -> None:
    held = iter([409, 405, 412])
    cloud.proxy.trouble = lambda method, path, before: next(held, 0) if method == "PUT" else 0
    cloud.done("migrate", "run", SCHOOL)
    assert cloud.proxy.made == 3 and tree(cloud.arrived) == tree(cloud.site.share)
    (cloud.site.share / "あとから.txt").write_text("x", "utf-8")
    cloud.proxy.trouble = lambda method, path, before: 409 if method == "PUT" else 0
    assert "conflict" in cloud.done("migrate", "run", SCHOOL, code=4)
    assert cloud.proxy.made == 6


def test_a_login_that_ends_midway_pauses_the_run_which_then_goes_on(cloud: Cloud, tree: Tree) -> None:
    asked = iter(range(1000))
    cloud.proxy.trouble = lambda method, path, before: 401 if next(asked) > 8 else 0
    said = cloud.done("migrate", "run", SCHOOL, code=12)
    assert "needs-login" in said and "rclone config reconnect cloud:" in said
    cloud.proxy.trouble = lambda method, path, before: 0
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    assert tree(cloud.arrived) == tree(cloud.site.share)


def test_a_full_service_is_named_and_with_room_the_run_goes_on(cloud: Cloud, tree: Tree) -> None:
    sent = iter(range(1000))
    cloud.proxy.trouble = lambda method, path, before: 507 if method == "PUT" and next(sent) > 5 else 0
    said = cloud.done("migrate", "run", SCHOOL, code=12, language="ja")
    assert "rclone:cloud:moved" in said and "に空きがありません" in said and "続きから進みます" in said
    cloud.proxy.trouble = lambda method, path, before: 0
    cloud.done("migrate", "run", SCHOOL)
    assert tree(cloud.arrived) == tree(cloud.site.share)


def test_a_network_that_drops_again_and_again_only_costs_time(cloud: Cloud, tree: Tree) -> None:
    asked = iter(range(10**6))
    cloud.proxy.trouble = lambda method, path, before: DEAD if next(asked) % 10 == 9 else 0
    for _run in range(5):
        ran = cloud.site.kdx("migrate", "run", SCHOOL)
        assert ran.returncode in (0, 12), ran.stderr
        if ran.returncode == 0:
            break
    assert cloud.proxy.made > 3 and tree(cloud.arrived) == tree(cloud.site.share)


def test_what_the_service_made_of_office_files_is_looked_into_and_never_called_proven(cloud: Cloud) -> None:
    cloud.use("sharepoint-ntlm")
    for name in ("時間割.xlsx", "名簿.xlsx"):
        (cloud.site.share / name).write_bytes(workbook(name))
    cloud.proxy.rewrite = lambda path, body: _rewritten(body, "名簿" in path) if path.endswith("xlsx") else body
    cloud.done("migrate", "run", SCHOOL)
    said = cloud.done("migrate", "verify", SCHOOL, code=5)
    assert "altered by the service, content the same" in said and "altered by the service, content differs" in said
    assert re.search(r"名簿\.xlsx  \(sent with SHA-256 .{64}, read back with .{64}; differs in xl/worksheets/", said)
    cloud.done("migrate", "receipt", SCHOOL, "-o", str(cloud.site.board / "receipt"), code=4)

    # whoever removes the spoiled one lets it be sent again
    (cloud.arrived / "名簿.xlsx").unlink()
    cloud.proxy.rewrite = lambda path, body: _rewritten(body, False) if path.endswith("xlsx") else body
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL, code=3)
    cloud.done("migrate", "receipt", SCHOOL, "-o", str(cloud.site.board / "receipt"), code=3, language="ja")
    _says_what_is_altered(cloud.site.board / "receipt")

    cloud.site.share.rename(cloud.site.share.with_name("switched off"))
    (cloud.arrived / "[最終].xlsx").write_text("先生の版", "utf-8")
    os.utime(cloud.arrived / "[最終].xlsx", (1, 1))
    said = cloud.done("migrate", "verify", SCHOOL, code=5)
    assert "the source could not be read again" in said and "content the same" not in said
    assert "[最終].xlsx  (other bytes)" in said


def _rewritten(body: bytes, spoiled: bool) -> bytes:
    if not body.startswith(b"PK"):
        return body + b"SharePoint"
    return changed(body, _spoil) if spoiled else promoted(body)


def _spoil(parts: Members) -> None:
    parts["xl/worksheets/sheet1.xml"] += b" "


def _says_what_is_altered(receipt: Path) -> None:
    facts = json.loads((receipt / "receipt.json").read_bytes())["receipt"]
    (share,) = facts["shares"]
    outcomes = {row["path"]: row["outcome"] for row in share["skipped"]}
    altered, same = "altered by the service", "altered by the service, content the same"
    assert [outcomes[name] for name in ("名簿.xlsx", "時間割.xlsx", "[最終].xlsx")] == [same, same, altered]
    assert not facts["whole"] and (share["entries"][same], share["entries"][altered]) == (2, 3)
    assert "xlsx" not in (receipt / "SHA256SUMS").read_text("utf-8")
    page = (receipt / "receipt.html").read_text("utf-8")
    assert "サービスによる変更（中身は同じ）" in page and "5 件、うち 2 件は中身が同じ" in page


@pytest.mark.parametrize("victim", ["rclone", pytest.param("kdx", marks=pytest.mark.long)])
def test_a_killed_rclone_or_kdx_leaves_no_orphan_and_the_next_run_goes_on(
    cloud: Cloud, tree: Tree, victim: str
) -> None:
    sent = iter(range(1000))
    cloud.proxy.trouble = lambda method, path, before: _slow(method == "PUT" and next(sent) > 3)
    run = cloud.site.start("migrate", "run", SCHOOL)
    try:
        _wait_for(lambda: cloud.proxy.count("PUT") > 4)
        (engine,) = filter(_is_rclone, _children(run.pid))
        os.kill(engine if victim == "rclone" else run.pid, signal.SIGKILL)
        _, said = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == (12 if victim == "rclone" else -signal.SIGKILL), said
    assert "Traceback" not in said
    _wait_for(lambda: not _is_rclone(engine))
    cloud.proxy.trouble = lambda method, path, before: 0
    assert "verified" not in cloud.done("migrate", "status", SCHOOL)
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    assert tree(cloud.arrived) == tree(cloud.site.share)


@pytest.mark.long
def test_a_line_that_breaks_in_the_midst_of_files_costs_no_file_and_proves_none_too_many(
    cloud: Cloud, tree: Tree
) -> None:
    cloud.proxy.trouble = _torn_and_gone(3)
    cloud.done("migrate", "run", SCHOOL, code=12)
    torn = [path for path, digest in tree(cloud.arrived).items() if digest not in tree(cloud.site.share).values()]
    assert torn, "the server keeps a piece of a file under its name"
    cloud.proxy.trouble = lambda method, path, before: 0
    assert cloud.site.kdx("migrate", "verify", SCHOOL).returncode in (3, 5)
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    assert tree(cloud.arrived) == tree(cloud.site.share)


def test_what_looks_like_our_piece_and_is_not_stays_as_it_is(cloud: Cloud) -> None:
    foreign = cloud.arrived / "[最終].xlsx"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes((cloud.site.share / "[最終].xlsx").read_bytes()[:5])
    assert "taken" in cloud.done("migrate", "run", SCHOOL, code=4)
    assert foreign.stat().st_size == 5


def test_doctor_tries_whether_it_may_write_and_leaves_nothing(cloud: Cloud) -> None:
    cloud.proxy.trouble = lambda method, path, before: 403 if method == "PUT" else 0
    assert "this user may not write" in cloud.done("doctor", code=12)
    assert not any((cloud.disk / "moved").iterdir())
