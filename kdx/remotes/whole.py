"""Read a small file in one piece, together with what it was while it was read: stat, read, stat."""

from kdx.remotes.interface import Entry, ReadFailed, Remote, SkipReason


def read_whole(remote: Remote, path: str, limit: int) -> tuple[Entry, bytes | None]:
    """Return a file as it is now with its bytes; without them where it has `limit` bytes or more.

    ReadFailed(changed) where it changed meanwhile, ReadFailed, NotFound, or what the place raises.
    """
    from kdx.remotes.local import LocalRemote

    if isinstance(remote, LocalRemote):
        return remote.read_whole(path, limit)
    before = remote.stat(path)
    if before.kind != "file":
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="it is no longer a file")
    if before.size >= limit:
        return before, None
    data = b"".join(remote.read(path))
    if len(data) != before.size or not is_same(before, remote.stat(path)):
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
    return before, data


def is_same(before: Entry, after: Entry) -> bool:
    """Whether a file that was looked at twice shows no sign of having changed."""
    return (before.kind, before.size, before.mtime_ns, before.file_id, before.etag) == (
        after.kind, after.size, after.mtime_ns, after.file_id, after.etag
    )
