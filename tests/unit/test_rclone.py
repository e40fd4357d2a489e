"""Names in rclone's own letters, what its words mean, and times: without rclone."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.config.location import parse_location
from kdx.errors import ConfigurationError, DiskFull, ExitCode
from kdx.remotes.interface import Conflict, NameRefused, NotFound, PlaceMissing, PlaceRefused, PlaceSilent, ReadFailed
from kdx.remotes.rclone.backends import backend_of
from kdx.remotes.rclone.engine import Gone, Refused
from kdx.remotes.rclone.entries import in_order, entry_of, time_ns
from kdx.remotes.rclone.faults import DailyQuota, ItemLimit, NeedsLogin, RemoteUnknown, reading_failed, writing_failed
from kdx.remotes.rclone.held import folder_in_memory
from kdx.remotes.rclone.login import Login, login_of
from kdx.remotes.rclone.names import from_rclone, to_rclone
from kdx.remotes.rclone.notes import Note, Notes

PLACE = parse_location("rclone:cloud:学校")
LETTERS = st.sampled_from("‛／．.␀␉␟␡\t\x7f？a字 ")


@given(st.text(LETTERS, min_size=1) | st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"])))
def test_a_name_comes_back_from_rclones_letters_as_it_was(name: str) -> None:
    assert from_rclone(to_rclone(name)) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [("比率／案", "比率‛／案"), ("‛印", "‛‛印"), ("a\tb", "a␉b"), ("a␉b", "a‛␉b"), ("．", "‛．"), ("何？：", "何？：")],
)
def test_names_are_written_as_rclone_itself_lists_them(name: str, shown: str) -> None:
    assert to_rclone(name) == shown


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("didn't find section in config file (\"cloud\")", RemoteUnknown, ExitCode.CONFIGURATION),
        ("couldn't fetch token: invalid_grant: maybe token expired?", NeedsLogin, ExitCode.UNREACHABLE),
        ("Put failed: 401 Unauthorized", NeedsLogin, ExitCode.UNREACHABLE),
        ("googleapi: Error 403: User rate limit exceeded., uploadLimitExceeded", DailyQuota, ExitCode.UNREACHABLE),
        ("googleapi: Error 403: x, teamDriveFileLimitExceeded", ItemLimit, ExitCode.UNREACHABLE),
        ("googleapi: Error 403: full, storageQuotaExceeded", DiskFull, ExitCode.UNREACHABLE),
        ("quotaLimitReached: Insufficient Space Available", DiskFull, ExitCode.UNREACHABLE),
        ("Too Many Requests: 429 Too Many Requests", PlaceSilent, ExitCode.UNREACHABLE),
        ("dial tcp: connection refused", PlaceSilent, ExitCode.UNREACHABLE),
        ("invalidRequest: The provided name contains invalid characters", NameRefused, ExitCode.GATE),
        ("resourceLocked: the file is checked out", Conflict, ExitCode.GATE),
        ("googleapi: Error 403: insufficientFilePermissions", PlaceRefused, ExitCode.UNREACHABLE),
        ("corrupted on transfer: md5 hashes differ", PlaceSilent, ExitCode.UNREACHABLE),
    ],
)
def test_each_trouble_of_a_service_has_its_own_name(text: str, kind: type[Exception], code: ExitCode) -> None:
    error = writing_failed(Refused(500, text), "学校/a.txt", PLACE)
    assert type(error) is kind and error.exit_code == code  # type: ignore[attr-defined]


def test_a_certificate_that_is_not_trusted_is_no_broken_line() -> None:
    text = "Propfind: tls: failed to verify certificate: x509: certificate has expired"
    error = reading_failed(Refused(500, text), "", PLACE)
    assert isinstance(error, PlaceSilent) and "not trusted" in str(error) and "has expired" in str(error)


def test_a_number_in_a_file_name_is_no_status() -> None:
    error = reading_failed(Refused(500, "open 学校/429/401.txt: permission denied"), "学校/429/401.txt", PLACE)
    assert isinstance(error, ReadFailed)


def test_what_is_not_there_is_the_files_fault_below_the_root_and_the_places_at_it() -> None:
    assert isinstance(reading_failed(Refused(404, "object not found"), "a", PLACE), NotFound)
    assert isinstance(reading_failed(Refused(404, "directory not found"), "", PLACE), PlaceMissing)
    assert isinstance(reading_failed(Gone("x"), "a", PLACE), PlaceSilent)
    assert isinstance(reading_failed(Refused(500, "failed to decrypt config file"), "", PLACE), ConfigurationError)


def test_times_keep_their_nanoseconds_in_every_zone() -> None:
    assert time_ns("2017-07-14T02:40:00.123456789Z") == 1_500_000_000_123_456_789
    assert time_ns("2017-07-14T11:40:00.5+09:00") == 1_500_000_000_500_000_000
    assert time_ns("1969-12-31T23:59:59.75Z") == -250_000_000


def test_what_was_made_in_the_service_or_is_there_twice_is_never_read() -> None:
    item = {"Name": "a", "IsDir": False, "Size": 3, "ModTime": "2017-07-14T02:40:00Z"}
    made = entry_of({**item, "Size": -1}, "計画.docx")
    twice = [entry_of(item, "b"), entry_of(item, "b"), entry_of(item, "a")]
    assert made.skip == "no-bytes" and made.size == 0
    assert [(entry.path, entry.skip) for entry in in_order(twice)] == [("a", None), ("b", "faulty")]


def test_only_google_is_trusted_with_its_md5_and_only_microsoft_rewrites_office_files() -> None:
    kinds = {name: backend_of({"type": name}) for name in ("drive", "onedrive", "s3", "azureblob", "sftp", "new")}
    assert [name for name, kind in kinds.items() if kind.store_md5] == ["drive"]
    assert [name for name, kind in kinds.items() if kind.may_alter("x.XLSX")] == ["onedrive"]
    assert backend_of({"type": "webdav", "vendor": "sharepoint"}).may_alter("x.docx")


@pytest.mark.parametrize(
    ("settings", "login"),
    [
        ({"token": '{"access_token":"x","refresh_token":"y","expiry":"2026-11-25T12:00:00.123456789+09:00"}'},
         Login(datetime(2026, 11, 25, 3, 0, 0, 123456, UTC), renews=True)),
        ({"token": '{"access_token":"x","expiry":"2026-11-25T12:00:00Z"}'},
         Login(datetime(2026, 11, 25, 12, tzinfo=UTC))),
        ({"sas_url": "https://a.blob.core.windows.net/c?sv=1&se=2027-01-02T03:04:05Z&sig=x"},
         Login(datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC))),
        ({"token": "not JSON"}, Login()),
        ({"token": '"text"'}, Login()),
        ({"user": "x", "pass": "y"}, Login()),
    ],
)
def test_when_a_login_ends_is_said_only_where_it_is_written(settings: dict[str, str], login: Login) -> None:
    assert login_of(settings) == login


def test_of_files_that_went_together_only_those_not_known_to_be_whole_stay_noted(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "uploads")
    with notes.shared({"a": 3, "組/b": 5}) as whole:
        assert Notes(tmp_path / "uploads").find("a") is None
        whole.add("a")
    assert notes.find("a") is None and Notes(tmp_path / "uploads").find("組/b") == Note(5, "")


def test_what_a_kill_left_of_a_shared_note_is_a_note_for_each_file_and_is_forgotten_one_by_one(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Notes(tmp_path).shared({"a": 3, "b": 5}):
        raise KeyboardInterrupt
    notes = Notes(tmp_path)
    assert notes.find("a") == Note(3, "") and notes.find("b") == Note(5, "")
    notes.forget("a")
    assert Notes(tmp_path).find("a") is None and Notes(tmp_path).find("b") == Note(5, "")
    assert not list(tmp_path.glob("*.together"))


def test_what_a_killed_process_left_in_memory_goes_and_what_a_living_one_holds_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kdx.remotes.rclone.held.MEMORY", tmp_path)
    ended = subprocess.Popen(["true"])
    ended.wait()
    left, held = tmp_path / f"kdx-rclone-{ended.pid}-a", tmp_path / f"kdx-rclone-{os.getppid()}-b"
    for folder in (left, held):
        (folder / "send-1").mkdir(parents=True)
    mine = folder_in_memory()
    assert sorted(tmp_path.iterdir()) == sorted([held, mine])
