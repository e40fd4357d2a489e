"""A store that refuses, stalls, cuts, lies, goes away and comes back: nothing is lost, nothing is replaced, and what
cannot be mended is said in one sentence."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from rigs.fake_s3 import KEYS, FakeS3, Stored, Trouble, serve_fake

from kdx.config.location import parse_location
from kdx.config.model import Network
from kdx.config.secret import SecretReference
from kdx.errors import DiskFull, ExitCode, KdxError
from kdx.remotes.interface import (
    Conflict,
    Expected,
    Metadata,
    NameRefused,
    NotFound,
    PlaceMissing,
    PlaceRefused,
    PlaceSilent,
    ReadFailed,
)
from kdx.remotes.s3 import S3Remote, open_s3
from kdx.remotes.s3.store import NoKeys, Patience

from .conftest import Endpoint

QUICK = Patience(connect=2, answer=1, upload=1, again=8)
HURRIED = Patience(connect=1, answer=1, upload=1, again=0.5)
LARGE = bytes(range(256)) * 4096 * 18


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeS3]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with serve_fake("schools") as fake:
        yield fake


@pytest.fixture
def remote(fake: FakeS3) -> S3Remote:
    return open_s3(parse_location(f"s3://schools/p?endpoint={fake.endpoint}"), Network(), patience=QUICK)


@pytest.fixture
def hurried(fake: FakeS3) -> S3Remote:
    return open_s3(parse_location(f"s3://schools/p?endpoint={fake.endpoint}"), Network(), patience=HURRIED)


def write(remote: S3Remote, name: str, data: bytes, expected: Expected = Expected.ABSENT) -> str:
    chunks = (data[start : start + 999_983] for start in range(0, len(data), 999_983))
    return remote.write(name, chunks, len(data), Metadata(0), expected).etag


def lying(fake: FakeS3) -> dict[str, bytes]:
    return {key.removeprefix("p/"): stored.data for key, stored in fake.buckets["schools"].items()}


EVERYTHING: dict[str, Callable[[S3Remote], object]] = {
    "write": lambda remote: write(remote, "new", b"new"),
    "write with control character": lambda remote: write(remote, "n\tew", b"new"),
    "replace": lambda remote: write(remote, "old", b"new", Expected.ANY),
    "write in parts": lambda remote: write(remote, "large", LARGE),
    "write in parts with control character": lambda remote: write(remote, "l\targe", LARGE),
    "stat": lambda remote: remote.stat("old"),
    "read": lambda remote: b"".join(remote.read("old")),
    "digest": lambda remote: remote.digest("old"),
    "walk": lambda remote: list(remote.walk()),
    "list": lambda remote: list(remote.list()),
    "metadata": lambda remote: remote.metadata("old"),
    "delete": lambda remote: remote.delete("old"),
}


PASSING = {
    "503": lambda: Trouble("status", times=2),
    "429": lambda: Trouble("status", times=2, status=429, code="TooManyRequests"),
    "500": lambda: Trouble("status", times=2, status=500, code="InternalError"),
    "answer lost": lambda: Trouble("lost"),
    "answer cut": lambda: Trouble("cut"),
    "no answer": lambda: Trouble("slow", seconds=1.5),
}
IN_SHORT = ("write", "write with control character", "read", "walk")
LEFT = {
    "write": {"new": b"new"},
    "write with control character": {"n\tew": b"new"},
    "write in parts": {"large": LARGE},
    "write in parts with control character": {"l\targe": LARGE},
    "replace": {"old": b"new"},
}


@pytest.mark.parametrize(
    ("trouble", "what"),
    [(kind, what) for kind in PASSING for what in (EVERYTHING if kind == "503" else IN_SHORT)],
)
def test_a_passing_trouble_is_waited_out(trouble: str, what: str, fake: FakeS3, remote: S3Remote) -> None:
    write(remote, "old", b"old")
    fake.troubles.append(PASSING[trouble]())
    EVERYTHING[what](remote)
    assert lying(fake) == ({} if what == "delete" else {"old": b"old", **LEFT.get(what, {})})
    assert not any(trouble.times for trouble in fake.troubles)


def test_a_store_that_goes_away_and_comes_back_is_waited_for(fake: FakeS3, remote: S3Remote) -> None:
    write(remote, "before", b"x")
    fake.stop()
    timer = threading.Timer(3, fake.start)
    timer.start()
    threads = [
        threading.Thread(target=write, args=(remote, f"{number}", b"%d" % number)) for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    timer.join()
    assert lying(fake) == {"before": b"x", **{f"{number}": b"%d" % number for number in range(4)}}


def test_a_line_that_breaks_in_the_middle_of_a_large_file_goes_on_there(fake: FakeS3, remote: S3Remote) -> None:
    write(remote, "large", LARGE)
    before = len(fake.requests)
    fake.troubles.append(Trouble("cut", "GET"))
    assert remote.digest("large").sha256 == hashlib.sha256(LARGE).digest()
    ranges = [request.headers.get("range") for request in fake.requests[before:] if request.method == "GET"]
    assert ranges[0] is None
    assert ranges[1] and ranges[1] != "bytes=0-"


@pytest.mark.parametrize("conditional", [True, False], ids=["honours If-Match", "ignores it"])
@pytest.mark.parametrize("name", ["large", "l\targe"])
def test_an_object_replaced_while_it_is_read_is_never_taken_for_whole(
    name: str, conditional: bool, fake: FakeS3, remote: S3Remote
) -> None:
    fake.conditional = conditional
    write(remote, name, LARGE)
    fake.troubles.append(Trouble("cut", "GET"))
    chunks = remote.read(name)
    next(chunks)
    write(remote, name, bytes(reversed(LARGE)), Expected.ANY)
    with pytest.raises(ReadFailed, match="changed"):
        list(chunks)


@pytest.mark.parametrize("name", ["large", "l\targe"])
def test_an_answer_that_always_breaks_off_is_not_asked_for_for_ever(name: str, fake: FakeS3, hurried: S3Remote) -> None:
    write(hurried, name, LARGE)
    fake.troubles.append(Trouble("cut", "GET", times=100_000))
    with pytest.raises(PlaceSilent):
        hurried.digest(name)


@pytest.mark.parametrize("name", ["large", "l\targe"])
def test_keys_that_expire_while_an_object_is_read_are_named(name: str, fake: FakeS3, remote: S3Remote) -> None:
    write(remote, name, LARGE)
    fake.troubles.append(Trouble("cut", "GET"))
    fake.troubles.append(Trouble("status", times=1000, status=400, code="ExpiredToken"))
    with pytest.raises(PlaceRefused, match="keys have expired"):
        remote.digest(name)


@pytest.mark.parametrize("odd", [[], ["1700\t"]], ids=["by obstore", "by boto3 from the second page on"])
def test_a_list_that_is_cut_on_its_third_page_goes_on_there(odd: list[str], fake: FakeS3, remote: S3Remote) -> None:
    names = sorted([f"{number:04}" for number in range(3500)] + odd)
    object_there = Stored(b"x", "0" * 32, {}, datetime.now(UTC))
    fake.buckets["schools"].update({f"p/{name}": object_there for name in names})
    fake.troubles.append(Trouble("cut", "GET", "list-type", after=2))
    assert [entry.path for entry in remote.walk()] == names
    pages = [request for request in fake.requests if "list-type" in request.query]
    assert len(pages) == 5 + len(odd), "what came already is not asked for again"


def test_a_lost_answer_to_our_own_write_is_no_conflict(fake: FakeS3, remote: S3Remote) -> None:
    write(remote, "first", b"so that the store is known to refuse")
    fake.troubles.append(Trouble("lost", "PUT"))
    assert write(remote, "ours", b"ours") == hashlib.md5(b"ours").hexdigest()
    with pytest.raises(Conflict):
        write(remote, "ours", b"else")


@pytest.mark.parametrize("conditional", [True, False], ids=["honours If-None-Match", "ignores it"])
@pytest.mark.parametrize("name", ["a", "b\tc"])
def test_no_store_replaces_what_is_there(conditional: bool, name: str, fake: FakeS3, remote: S3Remote) -> None:
    fake.conditional = conditional
    for count in range(3):
        write(remote, f"{name}{count}", b"theirs")
        with pytest.raises(Conflict):
            write(remote, f"{name}{count}", b"ours!!")
    assert set(lying(fake).values()) == {b"theirs"}


def test_a_store_that_was_seen_to_refuse_is_not_asked_first_any_more(fake: FakeS3, remote: S3Remote) -> None:
    for count in range(20):
        write(remote, f"{count}", b"x")
    methods = [request.method for request in fake.requests]
    assert methods == ["HEAD", "GET", "PUT", "PUT"] + ["PUT"] * 19


def test_no_md5_is_ever_sent(fake: FakeS3, remote: S3Remote) -> None:
    for what in EVERYTHING.values():
        write(remote, "old", b"old", Expected.ANY)
        what(remote)
    names = {name for request in fake.requests for name in request.headers}
    assert "x-amz-content-sha256" in names
    assert not {name for name in names if "md5" in name or "checksum" in name}


def test_a_tag_that_is_no_digest_is_handed_on_as_the_store_said_it(fake: FakeS3, remote: S3Remote) -> None:
    fake.troubles.append(Trouble("wrong_etag", "PUT"))
    assert write(remote, "a", b"a", Expected.ANY) == "0" * 32


def test_an_upload_that_fails_for_good_is_aborted(fake: FakeS3, hurried: S3Remote) -> None:
    fake.troubles.append(Trouble("status", "PUT", "partNumber=2", times=1000))
    with pytest.raises(PlaceSilent):
        write(hurried, "large", LARGE)
    with pytest.raises(PlaceSilent):
        write(hurried, "l\targe", LARGE)
    assert fake.uploads == {}
    assert lying(fake) == {}


def test_a_store_that_keeps_less_than_was_sent_is_found_out(fake: FakeS3, remote: S3Remote) -> None:
    fake.troubles.append(Trouble("forget", "POST", "uploadId"))
    with pytest.raises(KdxError, match="bytes"):
        write(remote, "large", LARGE)


def test_a_store_that_stays_away_is_said_in_time(fake: FakeS3, hurried: S3Remote) -> None:
    fake.stop()
    for what in map(EVERYTHING.__getitem__, IN_SHORT):
        started = time.monotonic()
        with pytest.raises(PlaceSilent, match="refused") as raised:
            what(hurried)
        assert time.monotonic() - started < 5
        assert raised.value.exit_code == ExitCode.UNREACHABLE


def test_patience_covers_a_store_that_restarts_and_no_lunch_break() -> None:
    assert 20 < Patience().again <= 60


def test_a_wrong_clock_is_named_with_both_times(fake: FakeS3, remote: S3Remote) -> None:
    write(remote, "old", b"old")
    fake.clock_off = timedelta(hours=1)
    fake.troubles.append(Trouble("skew", times=1000))
    for what in EVERYTHING.values():
        with pytest.raises(PlaceRefused, match=r"clock here shows .* the clock there .*UTC"):
            what(remote)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (400, "ExpiredToken", "keys have expired"),
        (403, "InvalidAccessKeyId", "does not know this access key"),
        (403, "SignatureDoesNotMatch", "secret key does not belong"),
        (403, "AccessDenied", "these keys may not do this"),
    ],
)
def test_a_refusal_says_why(status: int, code: str, said: str, fake: FakeS3, remote: S3Remote) -> None:
    write(remote, "old", b"old")
    fake.troubles.append(Trouble("status", times=1000, status=status, code=code))
    for what in EVERYTHING.values():
        with pytest.raises(PlaceRefused, match=said) as raised:
            what(remote)
        assert "\n" not in str(raised.value)
        assert not any(secret in str(raised.value) for secret in KEYS.values())


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(507, "InsufficientStorage", DiskFull), (403, "QuotaExceeded", DiskFull), (400, "KeyTooLongError", NameRefused)],
)
def test_a_full_store_and_a_bad_name_are_told_apart(
    status: int, code: str, error: type[KdxError], fake: FakeS3, hurried: S3Remote
) -> None:
    fake.troubles.append(Trouble("status", "PUT", times=1000, status=status, code=code))
    with pytest.raises(error):
        write(hurried, "a", b"a")


@pytest.mark.parametrize("server", ["rclone_server", "moto_server", "fake_server"])
def test_a_missing_bucket_is_named_and_is_not_a_missing_file(
    server: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint: Endpoint = request.getfixturevalue(server)
    remote = at(endpoint, "no-such-bucket", endpoint.secret_key, monkeypatch)
    for name, what in EVERYTHING.items():
        if name != "delete":
            with pytest.raises(PlaceMissing, match="no bucket"):
                what(remote)


def test_a_wrong_key_is_refused_by_a_real_server(rclone_server: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = at(rclone_server, "schools", "z" * 40, monkeypatch)
    for what in EVERYTHING.values():
        with pytest.raises(PlaceRefused, match="secret key does not belong"):
            what(remote)


def at(endpoint: Endpoint, bucket: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> S3Remote:
    monkeypatch.setenv("FAULT_ACCESS", endpoint.access_key)
    monkeypatch.setenv(f"FAULT_SECRET_{secret[0]}", secret)
    return open_s3(
        parse_location(f"s3://{bucket}?endpoint={endpoint.url}"),
        Network(),
        SecretReference("env", "FAULT_ACCESS"),
        SecretReference("env", f"FAULT_SECRET_{secret[0]}"),
        patience=QUICK,
    )


def test_without_keys_it_is_said_how_to_give_them(
    fake: FakeS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    remote = open_s3(parse_location(f"s3://schools/p?endpoint={fake.endpoint}"), Network(), patience=QUICK)
    with pytest.raises(NoKeys) as raised:
        remote.stat("a")
    assert "AWS_ACCESS_KEY_ID" in raised.value.advise()


def test_keys_are_taken_from_the_ordinary_aws_files(
    fake: FakeS3, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
    file = tmp_path_factory.mktemp("aws") / "credentials"
    access, secret = KEYS.values()
    file.write_text(f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    remote = open_s3(parse_location(f"s3://schools/p?endpoint={fake.endpoint}"), Network(), patience=QUICK)
    for name in ("a", "a\tb"):
        write(remote, name, b"a")
    assert all(access in request.headers["authorization"] for request in fake.requests)


def test_an_absent_object_in_a_bucket_never_seen_before_is_not_found(fake: FakeS3, remote: S3Remote) -> None:
    with pytest.raises(NotFound):
        remote.stat("absent")
