"""Whether this machine can do its work: configuration, state, keys, programs, shares, targets, clocks.

Looks and lists, and writes nothing but one empty file in kdx's own state folder and a small one at each target behind
rclone, which it removes. Every check comes back as a fact with the next step; a check that cannot be made is a failure,
never left out.
"""

import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version

from kdx import __version__
from kdx.config.model import Board
from kdx.doctor.check import Check, State, failed
from kdx.doctor.clouds import http_address, look_at_certificate, look_at_remotes
from kdx.doctor.servers import look_at_server
from kdx.errors import ExitCode, KdxError
from kdx.language import N_, translate
from kdx.remotes import Place, place_of_share, place_of_target
from kdx.state.folder import StateFolder

__all__ = ["Check", "State", "examine"]

LIBRARIES = (
    "boto3", "cryptography", "duckdb", "obstore", "openpyxl", "paramiko", "PyYAML", "smbprotocol", "SQLAlchemy",
)
ROOM_NEEDED = 2 << 30
"""Bytes free in the state folder below which doctor warns: a million entries take some 0.3 GB while they are sorted."""
CLOCK_WARN = timedelta(seconds=60)
CLOCK_FAIL = timedelta(minutes=10)
"""A store refuses signatures 15 minutes off (AWS Signature Version 4); doctor says so before."""

Clock = Callable[[], datetime]


def examine(load: Callable[[], Board], state: StateFolder, clock: Clock) -> Iterator[Check]:
    """Yield the checks one by one, as they are made. Where there is no configuration, those that need it are left."""
    try:
        board = load()
    except KdxError as error:
        board = None
        yield failed(N_("configuration"), "", error)
    if board:
        yield _configuration(board)
    yield _state_folder(state)
    yield from _programs()
    yield _private_key(state, board)
    if board:
        yield from look_at_remotes(board)
        yield from _shares(board, clock)
        yield from _targets(board, clock)


def _configuration(board: Board) -> Check:
    shares = sum(len(school.shares) for school in board.schools)
    detail = translate(N_("{folder}: {schools} schools, {shares} shares, {targets} targets")).format(
        folder=board.folder, schools=len(board.schools), shares=shares, targets=len(board.targets)
    )
    if shares and board.targets:
        return Check(N_("configuration"), "", State.OK, detail)
    step = translate(N_("Write shares into hosts.yml and targets into kdx.yml."))
    return Check(N_("configuration"), "", State.WARN, detail, step)


def _state_folder(state: StateFolder) -> Check:
    name = N_("state folder")
    try:
        folder = state.keys().parent
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except KdxError as error:
        return failed(name, "", error)
    except OSError as error:
        step = translate(N_("Choose another with --state or KDX_STATE, or give this user the right to write there."))
        return Check(name, "", State.FAIL, f"{state.root}: {error.strerror}", step, ExitCode.CONFIGURATION)
    detail = translate(N_("{folder}: {free} MB free")).format(folder=folder, free=f"{free >> 20:,}")
    if free < ROOM_NEEDED:
        return Check(name, "", State.WARN, detail, translate(N_("Make room there, or choose another with --state.")))
    return Check(name, "", State.OK, detail)


def _programs() -> Iterator[Check]:
    from kdx.remotes.rclone import rclone_version, usable_rclone

    name = N_("version")
    yield Check(name, "kdx", State.OK, __version__)
    yield Check(name, "Python", State.OK, platform.python_version())
    try:
        program = usable_rclone()
        yield Check(name, "rclone", State.OK, f"{'.'.join(map(str, rclone_version(program)))} ({program})")
    except KdxError as error:
        yield failed(name, "rclone", error)
    for library in LIBRARIES:
        try:
            yield Check(name, library, State.OK, version(library))
        except PackageNotFoundError:
            missing, step = translate(N_("not installed")), f"pip install {library}"
            yield Check(name, library, State.FAIL, missing, step, ExitCode.CONFIGURATION)


def _private_key(state: StateFolder, board: Board | None) -> Check:
    from kdx import signing

    name = N_("signing key")
    try:
        public = signing.load_private_key(state.keys()).public
        listed = signing.load_public_keys(board.folder / "keys") if board else ()
    except signing.KeyMissing as error:
        # only the machine that signs receipts needs one
        return Check(name, "", State.WARN, str(error), error.advise())
    except KdxError as error:
        return failed(name, "", error)
    if board and public.fingerprint not in {key.fingerprint for key in listed}:
        step = translate(N_("Copy its public half into {folder}, so that others can check what it signs."))
        folder = board.folder / "keys"
        return Check(name, "", State.FAIL, public.fingerprint, step.format(folder=folder), ExitCode.CONFIGURATION)
    return Check(name, "", State.OK, public.fingerprint)


def _shares(board: Board, clock: Clock) -> Iterator[Check]:
    for school in board.schools:
        for share in school.shares:
            subject = f"{school.name} {share.name}"
            place = place_of_share(board, share)
            yield (check := _listable(N_("share"), subject, place, must_hold_something=True))
            if check.state != State.FAIL and share.over_network:
                yield from look_at_server(subject, place, clock())


def _targets(board: Board, clock: Clock) -> Iterator[Check]:
    for target in board.targets:
        place = place_of_target(board, target)
        yield (check := _listable(N_("target"), target.name, place, must_hold_something=False))
        if check.state != State.FAIL:
            yield from look_at_server(target.name, place, clock(), target.profile)
        address = http_address(place)
        if address.startswith("https:"):
            yield look_at_certificate(target.name, place, address, clock())
        if target.location.scheme == "s3":
            yield _clock(target.name, place, clock)
        elif check.state != State.FAIL and address:
            yield _clock(target.name, place, clock, address)


def _listable(name: str, subject: str, place: Place, must_hold_something: bool) -> Check:
    try:
        with closing(place.open(hurried=True)) as remote:
            first = next(iter(remote.list()), None)
    except KdxError as error:
        return failed(name, subject, error)
    if must_hold_something and first is None:
        step = translate(N_("Check that it is mounted."))
        return Check(name, subject, State.WARN, translate(N_("{place} is empty")).format(place=place.location), step)
    return Check(name, subject, State.OK, str(place.location))


def _clock(subject: str, place: Place, clock: Clock, address: str = "") -> Check:
    from kdx.remotes.clock import store_time

    name = N_("clock")
    before = clock()
    try:
        there = store_time(place.location, place.network, address)
    except KdxError as error:
        return failed(name, subject, error)
    if there is None:
        return Check(name, subject, State.WARN, translate(N_("the store's answers have no date")))
    # the answer was given somewhere between the two looks, and names whole seconds
    off = max(before - there, there - clock(), timedelta()) - timedelta(seconds=1)
    seconds = max(0, round(off.total_seconds()))
    detail = translate(N_("{seconds} seconds apart")).format(seconds=f"{seconds:,}")
    state = State.FAIL if off > CLOCK_FAIL else State.WARN if off > CLOCK_WARN else State.OK
    if state == State.OK:
        return Check(name, subject, state, detail)
    step = translate(N_("Set this machine's clock (timedatectl set-ntp true)."))
    return Check(name, subject, state, detail, step, ExitCode.UNREACHABLE)
