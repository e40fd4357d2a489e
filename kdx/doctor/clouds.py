"""What a service that rclone reaches can prove and hold, asked of the service itself.

Writes nothing there but, at a target, one small file in a folder of its own, and removes both.
"""

import secrets
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

from kdx.config.model import Board
from kdx.doctor.check import Check, State, failed
from kdx.errors import ExitCode, KdxError
from kdx.language import N_, translate
from kdx.remotes import Place
from kdx.remotes.certificate import certificate_at

ROOM_WARN = 0.1
"""Part of the room that is free, below which doctor warns."""
ENDS_SOON = timedelta(days=30)
"""What ends within so long is warned of: a school year has weeks in which nobody looks."""


def look_at_remotes(board: Board) -> Iterator[Check]:
    """Say which remotes rclone's configuration has, where the board names any, and which of those it lacks."""
    shares = (share.location for school in board.schools for share in school.shares)
    places = (*shares, *(target.location for target in board.targets))
    named = {place.host for place in places if place.scheme == "rclone"}
    if not named:
        return
    from kdx.remotes.rclone.configured import configured_remotes

    name = N_("remotes")
    try:
        known = configured_remotes()
    except KdxError as error:
        yield failed(name, "rclone", error)
        return
    shown = ", ".join(known) or "-"
    if lacking := ", ".join(sorted(named.difference(known))):
        detail = translate(N_("rclone's configuration has no {lacking}; it has: {known}"))
        step = translate(N_("Set it up with rclone config as the user who runs kdx, or correct the address."))
        said = detail.format(lacking=lacking, known=shown)
        yield Check(name, "rclone", State.FAIL, said, step, ExitCode.CONFIGURATION)
    else:
        yield Check(name, "rclone", State.OK, shown)


def look_at_cloud(subject: str, place: Place, profile: str | None, now: datetime) -> Iterator[Check]:
    """Say what a service can prove, which rules it is held to (a target's `profile`), and how much room it has."""
    from kdx.remotes.rclone import RcloneRemote

    try:
        with closing(place.open(hurried=True)) as remote:
            assert isinstance(remote, RcloneRemote)
            backend, can, room = remote.backend, remote.capabilities, remote.room()
            login = remote.login
    except KdxError as error:
        yield failed(N_("service"), subject, error)
        return
    if can.etags:
        detail = translate(N_("it computes an MD5 of every file itself: verify needs no download"))
    else:
        detail = translate(N_("no digest of its own counts as proof here: verify reads every file back"))
    if backend.rewrites_office:
        detail += "; " + translate(N_("it rewrites Office files after they arrive (altered by the service)"))
    yield Check(N_("service"), subject, State.OK, detail)
    if profile is not None:
        yield _rules(subject, profile, backend.profile)
        yield _writing(subject, place)
    step = translate(N_("Log in again before it ends: rclone config reconnect {remote}:"))
    if login.renews:
        renewed = N_("rclone renews the login by itself; how long it may, the service does not tell (not known)")
        yield Check(N_("login"), subject, State.OK, translate(renewed))
    else:
        yield _ending(N_("login"), subject, login.until, now, step.format(remote=place.location.host))
    yield _room(subject, room)


def look_at_certificate(subject: str, place: Place, address: str, now: datetime) -> Check:
    """Say until when the certificate at an https address is good, or why it does not hold."""
    name, found = N_("certificate"), certificate_at(address, place.network)
    if found is None or not found.fault:
        step = translate(N_("Ask whoever runs the server to renew it."))
        return _ending(name, subject, found.until if found else None, now, step)
    detail = translate(N_("its certificate does not hold: {fault}")).format(fault=found.fault)
    step = translate(N_("Ask whoever runs the server; an authority of your own is named by ca_bundle in kdx.yml."))
    return Check(name, subject, State.FAIL, detail, step, ExitCode.UNREACHABLE)


def http_address(place: Place) -> str:
    """Return where the service answers by HTTP, "" where that is not known or it is another kind of place."""
    from kdx.remotes.rclone import RcloneRemote

    if place.location.scheme == "s3":
        return place.location.option("endpoint") or ""
    if place.location.scheme != "rclone":
        return ""
    try:
        with closing(place.open(hurried=True)) as remote:
            assert isinstance(remote, RcloneRemote)
            return remote.address
    except KdxError:
        # the check before has said why
        return ""


def _rules(subject: str, profile: str, fitting: str) -> Check:
    name = N_("name rules")
    if profile or fitting:
        return Check(name, subject, State.OK, profile or fitting)
    step = translate(N_("Write profile: {profile} under this target in kdx.yml.")).format(profile="…")
    said = translate(N_("no profile: names it refuses or takes for one show only when they are sent"))
    return Check(name, subject, State.WARN, said, step)


def _writing(subject: str, place: Place) -> Check:
    from kdx.remotes.rclone import RcloneRemote

    name, own = N_("writing"), f"kdx-doctor-{secrets.token_hex(8)}"
    try:
        with closing(place.open(hurried=True)) as remote:
            assert isinstance(remote, RcloneRemote)
            remote.try_writing(own)
    except KdxError as error:
        return failed(name, subject, error)
    return Check(name, subject, State.OK, translate(N_("a small file was written and removed again")))


def _ending(name: str, subject: str, until: datetime | None, now: datetime, step: str) -> Check:
    if until is None:
        return Check(name, subject, State.OK, translate(N_("when it ends is not known")))
    detail = translate(N_("good until {day}")).format(day=until.astimezone(UTC).date().isoformat())
    if until - now < ENDS_SOON:
        return Check(name, subject, State.WARN, detail, step)
    return Check(name, subject, State.OK, detail)


def _room(subject: str, room: dict[str, int]) -> Check:
    name, total, free = N_("room"), room.get("total", 0), room.get("free")
    if free is None:
        return Check(name, subject, State.OK, translate(N_("the service does not say how much room there is")))
    detail = translate(N_("{free} GB free of {total} GB"))
    detail = detail.format(free=f"{free // 10**9:,}", total=f"{total // 10**9:,}")
    if free < ROOM_WARN * total:
        step = translate(N_("Ask for more room before the next school moves."))
        return Check(name, subject, State.WARN, detail, step)
    return Check(name, subject, State.OK, detail)
