"""Objects that are written once, and files that are read in one piece: on every place, and without obstore too."""

import os
from contextlib import closing
from dataclasses import replace

import pytest

from kdx.remotes.interface import NotFound, Remote
from kdx.remotes.once import write_once
from kdx.remotes.whole import read_whole

from .conftest import Rig

PIECES = [b"a" * 3, memoryview(bytes(range(256)) * 5000), b"", b"tail"]
WHOLE = b"".join(PIECES)


@pytest.fixture(params=[False, True], ids=["as usual", "few large"])
def remote(rig: Rig, request: pytest.FixtureRequest) -> Remote:
    return replace(rig.place, few_large=request.param).open()


def test_an_object_is_written_whole_and_a_second_time_changes_nothing(rig: Rig, remote: Remote) -> None:
    with closing(remote):
        for _time in range(2):
            assert write_once(remote, "packs/ab/x", PIECES, len(WHOLE))
    assert rig.look.all() == {"packs/ab/x": WHOLE}


def test_what_has_the_name_and_another_size_stays_where_a_store_can_refuse(rig: Rig, remote: Remote) -> None:
    rig.look.put("x", b"damaged")
    with closing(remote):
        was_written = write_once(remote, "x", PIECES, len(WHOLE))
    # rclone serve s3 ignores If-None-Match: a vault lists what is there before it writes
    assert was_written == (rig.kind == "rclone")
    assert rig.look.all() == {"x": WHOLE if was_written else b"damaged"}


def test_the_pace_hears_of_every_byte_in_small_steps(rig: Rig, remote: Remote) -> None:
    steps: list[int] = []
    with closing(remote):
        write_once(remote, "x", PIECES, len(WHOLE), steps.append)
    assert sum(steps) == len(WHOLE) and max(steps) <= 1 << 20
    assert rig.look.all() == {"x": WHOLE}


def test_few_large_objects_are_listed_looked_at_and_read_as_all_others(rig: Rig, remote: Remote) -> None:
    for number in range(9):
        rig.look.put(f"a/{number}", b"%d" % number)
    rig.look.put("a/b/c", WHOLE)
    with closing(remote):
        assert [entry.path for entry in remote.list("a")] == [*(f"a/{number}" for number in range(9)), "a/b"]
        walked = {entry.path: entry.size for entry in remote.walk() if entry.kind == "file"}
        assert walked == {**{f"a/{number}": 1 for number in range(9)}, "a/b/c": len(WHOLE)}
        assert b"".join(remote.read("a/b/c", start=5)) == WHOLE[5:]
        assert remote.stat("a/b/c").size == len(WHOLE)
        with pytest.raises(NotFound):
            remote.stat("a/b/d")


def test_a_small_file_is_read_in_one_piece_and_a_large_one_is_only_looked_at(rig: Rig, remote: Remote) -> None:
    rig.look.put("x", WHOLE)
    with closing(remote):
        entry, data = read_whole(remote, "x", len(WHOLE) + 1)
        assert (entry.size, data) == (len(WHOLE), WHOLE)
        assert read_whole(remote, "x", len(WHOLE))[1] is None
        with pytest.raises(NotFound):
            read_whole(remote, "y", 10)


def test_nothing_of_obstore_is_used_where_a_process_will_fork(rig: Rig) -> None:
    if rig.kind == "local":
        return
    pid = os.fork()
    if pid == 0:
        # a child of its own, so that what other tests have loaded does not count
        import sys

        for name in [name for name in sys.modules if name.startswith("obstore")]:
            del sys.modules[name]
        remote = replace(rig.place, few_large=True).open()
        write_once(remote, "x", PIECES, len(WHOLE))
        list(remote.list()), list(remote.walk()), b"".join(remote.read("x"))
        os._exit(7 if any(name.startswith("obstore") for name in sys.modules) else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
