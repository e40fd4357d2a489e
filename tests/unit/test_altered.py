"""A file that a service may have rewritten: what is said of it, and what is asked of the source for it."""

import hashlib
from pathlib import Path

import pytest
from rigs.office import changed, promoted, workbook
from rigs.small_share import one, share, target

from kdx.config.location import parse_location
from kdx.remotes import Place
from kdx.remotes.interface import ALTERED, Kind, NotFound
from kdx.remotes.local import LocalRemote
from kdx.report.migration import verdict_exceptions
from kdx.transfer import altered
from kdx.transfer.altered import Originals, settle_altered
from kdx.transfer.limit import Limiter
from kdx.transfer.rows import CHECKED, Checked
from kdx.transfer.verify import How, Outcome

__all__ = ["one", "share", "target"]

BOOK = workbook()


def row(content: bytes = BOOK) -> Checked:
    digest = hashlib.sha256(content).digest()
    return Checked("a", "b", Kind.FILE, len(content), digest, Outcome.TO_READ, "", "", 1, "", f"{ALTERED}1", "")


class Counted(Limiter):
    """Notes what passes."""

    def __init__(self) -> None:
        super().__init__(None)
        self.taken = 0

    def take(self, count: int) -> None:
        self.taken += count


class Both:
    """A source with the book as `a`, a target with something as `b`."""

    def __init__(self, folder: Path, there: bytes) -> None:
        self.source, self.target = folder / "source", folder / "target"
        self.source.mkdir(parents=True)
        self.target.mkdir()
        (self.source / "a").write_bytes(BOOK)
        (self.target / "b").write_bytes(there)
        self.taken = Counted()
        place = Place(parse_location(str(self.source)))
        self.originals = Originals(place, (self.taken, Limiter(None)), folder)

    def settle(self, expected: Checked | None = None) -> Checked:
        remote = LocalRemote(parse_location(str(self.target)))
        found, size = settle_altered(expected or row(), remote, lambda count: None, self.originals)
        assert size == (self.target / "b").stat().st_size
        return found


def test_what_was_not_altered_is_proven_by_its_bytes_and_the_source_left_alone(tmp_path):
    both = Both(tmp_path, BOOK)
    found = both.settle()
    assert (found.outcome, found.how, both.taken.taken) == (Outcome.PROVEN, How.READ_BACK, 0)


def test_what_was_altered_is_read_at_the_source_once_more_and_never_counts_as_proven(tmp_path):
    there = promoted(BOOK)
    both = Both(tmp_path, there)
    found = both.settle()
    assert (found.outcome, found.how) == (Outcome.ALTERED_SAME, "")
    assert hashlib.sha256(BOOK).hexdigest() in found.why and hashlib.sha256(there).hexdigest() in found.why
    assert both.taken.taken == len(BOOK)


def test_a_source_that_has_changed_since_says_nothing_about_what_was_sent(tmp_path):
    both = Both(tmp_path, promoted(BOOK))
    (both.source / "a").write_bytes(promoted(BOOK))
    found = both.settle()
    assert found.outcome is Outcome.ALTERED and "the source has changed since" in found.why


def test_a_file_gone_at_the_source_is_said_and_the_next_one_still_asked_for(tmp_path):
    both = Both(tmp_path, promoted(BOOK))
    (both.source / "a").rename(both.source / "c")
    assert "a is not there" in both.settle().why
    assert both.settle(row()._replace(path="c")).outcome is Outcome.ALTERED_SAME


def test_a_source_that_is_gone_is_asked_once(tmp_path):
    both = Both(tmp_path, promoted(BOOK))
    both.source.rename(tmp_path / "off")
    first = both.settle()
    assert first.outcome is Outcome.ALTERED and "could not be read again" in first.why
    (tmp_path / "off").rename(both.source)
    assert both.settle().why == first.why


def test_a_file_gone_from_the_target_is_no_matter_of_altering(tmp_path):
    both = Both(tmp_path, BOOK)
    (both.target / "b").unlink()
    with pytest.raises(NotFound):
        both.settle()


def test_what_is_too_large_to_be_looked_into_has_its_digest_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(altered, "MOST", len(BOOK))
    there = promoted(BOOK)
    assert len(there) > len(BOOK)
    both = Both(tmp_path, there)
    found = both.settle()
    assert found.outcome is Outcome.ALTERED and "too large" in found.why
    assert hashlib.sha256(there).hexdigest() in found.why and both.taken.taken == 0
    monkeypatch.setattr(altered, "MOST", len(BOOK) - 1)
    (both.target / "b").write_bytes(b"small")
    assert "too large" in both.settle().why and both.taken.taken == 0


def test_nothing_is_left_on_the_disk_of_what_was_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(altered, "SMALL", 100)
    both = Both(tmp_path, promoted(BOOK))
    assert both.settle().outcome is Outcome.ALTERED_SAME
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]


def test_no_name_of_a_member_can_act_on_the_terminal(tmp_path, one):
    both = Both(tmp_path / "both", changed(BOOK, lambda parts: parts.update({"xl/\x1b[2J\n\u202e": b""})))
    CHECKED.write(one.records.verified, [both.settle()])
    assert "xl/\\x1b[2J\\n\\u202e was added" in verdict_exceptions(one)
