"""Fetch one feed within 気象庁's manners: only when it may have changed, never faster than it changes, never for ever.

Nothing newer comes within 60 seconds; the short list of telegrams is rewritten each minute, the long one each hour;
an address that takes 10 GB a day is blocked (気象庁防災情報XML, PULL 型). kdx stays below 50 MB. What was fetched and
its ETag lie in the state folder, so that the next tick asks only whether it changed.
"""

import contextlib
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kdx.hazard.items import FeedUnclear
from kdx.language import N_, _

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

SECONDS = 10
"""For one feed, from the first byte to the last."""
PATIENCE = 12
"""Seconds for all feeds of a poll together; a server that drips bytes costs no more."""
LONGEST_PAUSE = timedelta(minutes=30)
CHUNK = 64 << 10
TOO_BIG = N_("the answer is larger than any such file")
TOO_SLOW = N_("it did not answer in time")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Feed:
    """One address, how large its answer may be (bytes), and how long an answer is good enough."""

    name: str
    url: str
    limit: int = 5 << 20
    rest: timedelta = timedelta(seconds=55)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a feed between ticks."""

    url: str = ""
    fetched: datetime = datetime.min.replace(tzinfo=UTC)
    etag: str = ""
    modified: str = ""
    sha256: str = ""
    failures: int = 0
    wait_until: datetime = datetime.min.replace(tzinfo=UTC)


def fetch(feed: Feed, folder: Path, opener: "OpenerDirector", agent: str, now: datetime) -> bytes:
    """Return the newest body of a feed. FeedUnclear where there is none; a body that is only old is no failure here."""
    memory, body = _recall(feed, folder)
    if now < memory.wait_until <= now + LONGEST_PAUSE:
        raise FeedUnclear(feed=feed.name, why=N_("it failed before and is left alone for some minutes"))
    if body is not None and timedelta(0) <= now - memory.fetched < feed.rest:
        return body
    try:
        new, headers = _get(feed, opener, agent, memory if body is not None else Memory())
    except FeedUnclear as error:
        pause = timedelta(seconds=int(str(error.values.get("pause", 0))))
        _remember_failure(feed, folder, memory, now, pause)
        raise
    if new is None:
        if body is None:
            raise FeedUnclear(feed=feed.name, why=N_("it says 'not changed' and nothing is known yet"))
        new = body
    _remember(feed, folder, now, new, headers)
    return new


def together(tasks: Mapping[str, Callable[[], Result]], seconds: float = PATIENCE) -> dict[str, Result | FeedUnclear]:
    """Run all tasks at once and return what each gave; one that takes longer than `seconds` counts as silent.

    Their threads do not keep the process alive: a drip of bytes cannot hold a tick.
    """
    results: dict[str, Result | FeedUnclear] = {}

    def run(name: str, task: Callable[[], Result]) -> None:
        try:
            results[name] = task()
        except FeedUnclear as error:
            results[name] = error
        except Exception as error:
            # whatever a feed makes happen is a reason to doubt it, never a reason to stop the nightly backup
            results[name] = FeedUnclear(feed=name, why=f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, args=task, daemon=True) for task in tasks.items()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    done = dict(results)
    return {name: done.get(name, FeedUnclear(feed=name, why=TOO_SLOW)) for name in tasks}


def _get(feed: Feed, opener: "OpenerDirector", agent: str, memory: Memory) -> tuple[bytes | None, Mapping[str, str]]:
    """Return body and headers; no body where it has not changed."""
    from urllib.error import HTTPError
    from urllib.request import Request

    request = Request(feed.url, headers={"User-Agent": agent, "Accept-Encoding": "identity"})
    if memory.etag:
        request.add_header("If-None-Match", memory.etag)
    if memory.modified:
        request.add_header("If-Modified-Since", memory.modified)
    end = time.monotonic() + SECONDS
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            return _read(feed, answer, end), dict(answer.headers)
    except HTTPError as error:
        with error:
            if error.code == 304:
                return None, {"ETag": memory.etag, "Last-Modified": memory.modified, **dict(error.headers)}
            pause = _seconds(error.headers.get("Retry-After"))
            why = _("it answers {code}").format(code=error.code)
            raise FeedUnclear(feed=feed.name, why=why, pause=pause) from error
    except (OSError, HTTPException, ValueError) as error:
        why = TOO_SLOW if isinstance(error, TimeoutError) else N_("it cannot be reached")
        raise FeedUnclear(feed=feed.name, why=why) from error


def _read(feed: Feed, answer: Any, end: float) -> bytes:
    parts, size = [], 0
    while part := answer.read1(CHUNK):
        parts.append(part)
        size += len(part)
        if size > feed.limit:
            raise FeedUnclear(feed=feed.name, why=TOO_BIG)
        if time.monotonic() > end:
            raise FeedUnclear(feed=feed.name, why=TOO_SLOW)
    announced = answer.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) != size:
        raise FeedUnclear(feed=feed.name, why=N_("the answer broke off"))
    return b"".join(parts)


def _seconds(text: str | None) -> int:
    return min(int(text), int(LONGEST_PAUSE.total_seconds())) if text and text.isdecimal() and len(text) < 9 else 0


def _remember(feed: Feed, folder: Path, now: datetime, body: bytes, headers: Mapping[str, str]) -> None:
    sent = {name.lower(): value for name, value in headers.items()}
    memory = Memory(feed.url, now, sent.get("etag", ""), sent.get("last-modified", ""), _sha256(body))
    write_whole(folder / f"{feed.name}.body", body)
    write_whole(folder / f"{feed.name}.json", _dump(memory))


def _remember_failure(feed: Feed, folder: Path, memory: Memory, now: datetime, pause: timedelta) -> None:
    """Wait longer with every failure in a row: the first costs nothing, then 5, 10, 20, at most 30 minutes."""
    failures = min(memory.failures + 1, 10)
    longer = timedelta(minutes=5) * (2 ** (failures - 2)) if failures > 1 else timedelta(0)
    wait_until = now + min(max(pause, longer), LONGEST_PAUSE) - timedelta(seconds=30)
    kept = Memory(
        feed.url, memory.fetched, memory.etag, memory.modified, memory.sha256, failures, wait_until.astimezone(UTC)
    )
    write_whole(folder / f"{feed.name}.json", _dump(kept))


def _recall(feed: Feed, folder: Path) -> tuple[Memory, bytes | None]:
    """Return what is remembered; nothing where a file is missing, damaged, or of another address."""
    try:
        kept = json.loads((folder / f"{feed.name}.json").read_bytes())
        kept |= {name: datetime.fromisoformat(kept[name]) for name in ("fetched", "wait_until")}
        memory = Memory(**kept)
        if memory.url != feed.url or None in (memory.fetched.tzinfo, memory.wait_until.tzinfo):
            return Memory(), None
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return Memory(), None
    with contextlib.suppress(OSError):
        body = (folder / f"{feed.name}.body").read_bytes()
        if _sha256(body) == memory.sha256:
            return memory, body
    return memory, None


def _dump(memory: Memory) -> bytes:
    kept = {name: getattr(memory, name) for name in Memory.__slots__}
    return json.dumps(kept, default=lambda time: time.isoformat()).encode()


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file whole. What cannot be kept is fetched again: a full disk is no weather."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        unfinished.write_bytes(content)
        unfinished.replace(path)
