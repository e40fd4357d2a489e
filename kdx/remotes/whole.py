"""Read a small file in one piece, together with what it was while it was read: stat, read, stat."""

from collections.abc import Callable, Iterable, Sequence

from kdx.remotes.interface import Entry, ReadFailed, Remote, SkipReason

Memory = Sequence[memoryview]
"""Where bytes go, one view after the other."""
Room = Callable[[int], Memory | None]
"""Given the size of a file in bytes, memory for just so many; None where the file is too large to be read so."""


def read_into(remote: Remote, path: str, room: Room) -> tuple[Entry, Memory | None]:
    """Read a file into memory and return it as it was meanwhile, and where it lies; None where `room` has none for it.

    ReadFailed(changed) where it changed meanwhile, ReadFailed, NotFound, or what the place raises.
    """
    from kdx.remotes.local import LocalRemote

    if isinstance(remote, LocalRemote):
        return remote.read_into(path, room)
    before = remote.stat(path)
    if before.kind != "file":
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="it is no longer a file")
    memory = room(before.size)
    if memory is None:
        return before, None
    if not _poured(remote.read(path), memory) or not is_same(before, remote.stat(path)):
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
    return before, memory


def read_whole(remote: Remote, path: str, limit: int) -> tuple[Entry, bytes | None]:
    """Return a file with its bytes; without them where it has `limit` bytes or more. Raises what read_into() does."""
    entry, memory = read_into(remote, path, lambda size: [memoryview(bytearray(size))] if size < limit else None)
    return entry, None if memory is None else b"".join(memory)


def beyond(memory: Memory, count: int) -> Memory:
    """Return what of some memory lies behind its first `count` bytes."""
    for number, view in enumerate(memory):
        if count < len(view):
            return [view[count:], *memory[number + 1 :]]
        count -= len(view)
    return ()


def is_same(before: Entry, after: Entry) -> bool:
    """Whether a file that was looked at twice shows no sign of having changed."""
    return (before.kind, before.size, before.mtime_ns, before.file_id, before.etag) == (
        after.kind, after.size, after.mtime_ns, after.file_id, after.etag
    )


def _poured(chunks: Iterable[bytes], memory: Memory) -> bool:
    """Copy chunks into memory. Return whether they filled it, and no more."""
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            if not (memory := beyond(memory, 0)):
                return False
            part = rest[: len(memory[0])]
            memory[0][: len(part)] = part
            memory, rest = beyond(memory, len(part)), rest[len(part) :]
    return not beyond(memory, 0)
