"""Is this still the share it was? Facts from two manifests, and a judgement with its reasons. Pure.

A snapshot that a person must look at is stored all the same, as suspect: nothing is lost by asking. What moved is not
changed: in April whole trees go from one year's folder to the next, and every content of them is in the vault already.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from kdx.backup.format.manifest import FILE, KIND, LENGTH, OBJECT, PATH, SHA256, SIZE, Held, merged
from kdx.inventory.file_type import BY_ENDING, is_packed_already
from kdx.language import N_


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a person is asked. Ratios are of the files the last good snapshot held."""

    few: int = 20
    """Fewer files than this are ordinary work even in a nearly empty share."""
    gone: float = 0.3
    """Clearing out one 年度 of the five that 学校教育法施行規則28条 keeps takes about a fifth."""
    changed: float = 0.3
    """No staff changes a third of all documents between two nights."""
    new: float = 1.0
    """A share that doubles in one night has been filled by something else than work."""
    few_new: int = 1000
    """A share that is being furnished grows by hundreds of files a day."""
    renamed: float = 0.02
    """Files whose name got an ending added and whose content is new: what encrypting programs do, and nobody else."""
    endings: float = 0.02
    """Files of one ending that neither the last good snapshot nor kdx knows."""
    entropy: float = 0.02
    """Files of kinds that compress, whose new content does not, where the old one did."""


REASONS = {
    "empty": N_("the share is empty"),
    "marker": N_("the marker file is missing"),
    "gone": N_("too many files are gone at once"),
    "changed": N_("too many files changed at once"),
    "new": N_("too many files are new at once"),
    "renamed": N_("many files were renamed and have a new content"),
    "endings": N_("many files have an ending never seen before"),
    "entropy": N_("many files no longer compress: they may be encrypted"),
}
"""Why a snapshot is suspect: the words of the seal, and what a person reads."""


@dataclass(frozen=True, slots=True)
class Facts:
    """How a share differs from its last good snapshot. Numbers of files."""

    before: int | None = None
    """Files in the last good snapshot; None where there is none."""
    now: int = 0
    entries: int = 0
    new: int = 0
    """At paths that were not there, moved ones among them."""
    changed: int = 0
    gone: int = 0
    """From paths that were there, moved ones among them."""
    lost: int = 0
    """Gone, and their content is nowhere else."""
    fresh: int = 0
    """At new paths, with a content the vault did not hold before."""
    rewritten: int = 0
    """At old paths, with such a content."""
    renamed: int = 0
    dense: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    """Files with a fresh content, by endings that were not there before and that kdx does not know."""
    marker_missing: bool = False


@dataclass(slots=True)
class _Tally:
    new: int = 0
    changed: int = 0
    gone: int = 0
    fresh: int = 0
    rewritten: int = 0
    renamed: int = 0
    dense: int = 0
    old_endings: set[str] = field(default_factory=set)
    endings: Counter[str] = field(default_factory=Counter)
    lost: Counter[bytes] = field(default_factory=Counter)
    """Content of gone files."""
    arrived: set[bytes] = field(default_factory=set)
    """Content at new paths."""
    squeezed: bool = False
    """Whether the last gone or replaced file compressed."""
    last_gone: bytes = b""


def difference(old: Iterable[Held], new: Iterable[Held], held_before: Collection[bytes]) -> Facts:
    """Compare two manifests, or the parts of them that differ. `before`, `now`, `entries` are the caller's to fill in.

    `held_before` are the objects that earlier good snapshots of the school need: content in them is not new.
    """
    tally = _Tally()
    for before, after in merged(old, new):
        was = _file(before)
        now = _file(after)
        if was:
            tally.old_endings.add(_ending(was[PATH]))
        if was and not now:
            tally.gone += 1
            tally.lost[was[SHA256]] += 1
            tally.last_gone, tally.squeezed = was[PATH], _compressed(was)
        elif now and not was:
            assert after is not None
            tally.new += 1
            tally.arrived.add(now[SHA256])
            if _is_fresh(after, held_before):
                tally.fresh += 1
                _look_at_fresh(tally, now)
        elif was and now and was[SHA256] != now[SHA256]:
            assert after is not None
            tally.changed += 1
            if _is_fresh(after, held_before):
                tally.rewritten += 1
                tally.dense += _compressed(was) and _is_dense(now)
    lost = sum(count for digest, count in tally.lost.items() if digest not in tally.arrived)
    strange = {ending: count for ending, count in tally.endings.items() if ending not in tally.old_endings}
    return Facts(
        new=tally.new, changed=tally.changed, gone=tally.gone, lost=lost, fresh=tally.fresh,
        rewritten=tally.rewritten, renamed=tally.renamed, dense=tally.dense, endings=Counter(strange),
    )


def _look_at_fresh(tally: _Tally, now: list[bytes]) -> None:
    """A new path with a new content: is it an old file under a longer name, or of a kind nobody knows?"""
    path = now[PATH]
    if tally.last_gone and path.startswith(tally.last_gone) and path != tally.last_gone:
        tally.renamed += 1
        tally.dense += tally.squeezed and _is_dense(now)
    ending = _ending(path)
    if ending and ending not in BY_ENDING:
        tally.endings[ending] += 1


def _file(held: Held | None) -> list[bytes] | None:
    if held is None:
        return None
    fields = held.fields
    return fields if fields[KIND] == FILE else None


def _is_fresh(held: Held, held_before: Collection[bytes]) -> bool:
    return any(
        (place := row.split(b"\t", OBJECT + 1)[OBJECT]) != b"-" and place not in held_before for row in held.rows
    )


def _ending(path: bytes) -> str:
    name = path[path.rfind(b"/") + 1 :]
    stem, dot, ending = name.rpartition(b".")
    return ending.decode("utf-8", "replace").lower() if dot and stem else ""


def _compressed(fields: list[bytes]) -> bool:
    """Whether what was stored of a small file is clearly smaller than the file."""
    return fields[OBJECT].startswith(b"packs/") and _number(fields[LENGTH]) < 0.85 * (_number(fields[SIZE]) + 512)


def _is_dense(fields: list[bytes]) -> bool:
    """Whether a file of a kind that compresses did not."""
    name = fields[PATH].decode("utf-8", "replace")
    stored = fields[OBJECT].startswith(b"packs/") and _number(fields[LENGTH]) >= 0.95 * _number(fields[SIZE])
    return stored and not is_packed_already(name)


def _number(field: bytes) -> int:
    """Return what a field says, 0 where no kdx wrote it."""
    return int(field) if field.isdigit() and len(field) < 20 else 0


def judge(facts: Facts, limits: Limits = Limits()) -> list[str]:
    """Return why a person must look at a snapshot: words of REASONS, with figures behind them. None is good."""
    reasons = []
    if facts.marker_missing:
        reasons.append("marker")
    if not facts.entries:
        reasons.append("empty")
    if facts.before is None:
        return reasons
    for word, count, ratio in (
        ("gone", facts.lost, limits.gone),
        ("changed", facts.rewritten, limits.changed),
        ("new", facts.fresh, limits.new),
        ("renamed", facts.renamed, limits.renamed),
        ("endings", max(facts.endings.values(), default=0), limits.endings),
        ("entropy", facts.dense, limits.entropy),
    ):
        few = limits.few_new if word == "new" else limits.few
        if count >= few and count > facts.before * ratio:
            reasons.append(f"{word} {count}/{facts.before}")
    if facts.before and not facts.now and "empty" not in reasons and not any(r.startswith("gone") for r in reasons):
        reasons.append(f"gone {facts.gone}/{facts.before}")
    return reasons


def words_of(reasons: Sequence[str]) -> list[str]:
    """Return the sentences (N_() strings) that reasons of a seal stand for; an unknown word stands for itself."""
    return [REASONS.get(reason.split(" ")[0], reason) for reason in reasons]
