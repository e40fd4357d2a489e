"""What the servers inside schools can and cannot do, each asked in its own way. Writes nothing in a school."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

from kdx.doctor.clouds import look_at_cloud
from kdx.doctor.check import Check, State, failed
from kdx.errors import KdxError
from kdx.language import N_, translate
from kdx.remotes import Place


def look_at_server(subject: str, place: Place, now: datetime, profile: str | None = None) -> Iterator[Check]:
    """Say of a server that was just reached how it is spoken to, and what it spares or costs the line.

    `profile` is that of a target, None for a share.
    """
    if place.location.scheme == "rclone":
        yield from look_at_cloud(subject, place, profile, now)
    look = {"smb": _smb, "sftp": _sftp}.get(place.location.scheme)
    if look is not None:
        yield look(subject, place)


def _smb(subject: str, place: Place) -> Check:
    from kdx.remotes.smb import HURRIED, SmbRemote

    name = N_("server")
    try:
        with closing(SmbRemote(place.location, place.secret, HURRIED)) as remote:
            facts = remote.facts()
    except KdxError as error:
        return failed(name, subject, error)
    said = N_("{dialect}, signed and encrypted") if facts.encrypted else N_("{dialect}, signed, not encrypted")
    limits = translate(N_("no SHA-256 on the server: scan --hash and verify read every byte over the line"))
    detail = f"{translate(said).format(dialect=facts.dialect)}; {limits}"
    step = translate(N_("If it is a NAS, compare the number of files with its own: SMB does not show every name."))
    if not facts.encrypted:
        step = translate(N_("Switch SMB encryption on at the server, where it can.")) + " " + step
    return Check(name, subject, State.OK if facts.encrypted else State.WARN, detail, step)


def _sftp(subject: str, place: Place) -> Check:
    from kdx.remotes.sftp import SftpRemote

    name = N_("server")
    try:
        with closing(place.open(hurried=True)) as remote:
            assert isinstance(remote, SftpRemote)
            program, host_key = remote.server
            hashes, lists = remote.abilities.hashing is not None, remote.abilities.lists
    except KdxError as error:
        return failed(name, subject, error)
    facts = translate(N_("{program}, host key {host_key}")).format(program=program, host_key=host_key)
    if hashes and lists:
        return Check(name, subject, State.OK, f"{facts}; " + translate(N_("it lists and hashes files by itself")))
    if hashes:
        return Check(name, subject, State.OK, f"{facts}; " + translate(N_("it hashes files by itself")))
    lack = translate(N_("it gives no shell, so every file is read over the line to be hashed"))
    step = translate(
        N_("It works, only slower. Where this user may have a shell with find, xargs and sha256sum, give them to it.")
    )
    return Check(name, subject, State.WARN, f"{facts}; {lack}", step)
