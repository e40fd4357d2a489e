"""Whatever stands in a file or an address: a value or a mistake, never another exception."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from kdx.config import choose_inventory, choose_language, peek_language
from kdx.config.codes import municipality_code_is_likely, school_code_is_likely
from kdx.config.fields import Node, Vaulted
from kdx.config.hosts import ansible_view, expand_range, read_hosts
from kdx.config.ignore import DEFAULT
from kdx.config.load import load
from kdx.config.location import AddressUnclear, Location, parse_location
from kdx.config.mistakes import ConfigurationMistakes, Findings
from kdx.config.schools import Surroundings, read_schools
from kdx.config.settings import read_settings
from kdx.config.strict_yaml import parse_yaml

YAML_PIECES = [
    "all:", "schools:", "children:", "hosts:", "vars:", "shares:", "name:", "url:", "id:", "secret:", "ignore:",
    "targets:", "board:", "jma:", "vault:", "proxy:", "time_zone:", "ca_bundle:", "language:", "school_name:", "ups:",
    "school_code:", "\n", "\n  ", "\n    ", "\n- ", " ", " {", "}", " [", "]", ", ", ": ", '"', "'", "#",
    "|", ">", "&a", "*a", "!x", "!vault", "<<",
    "? ", "---", "%", "\t", "\\", "{{ x }}", "01", "NO", "~", "1e3", ".inf", "0x_", "2026-13-45", "=", "s3://b",
    "file:x", "/a", "h[1:3]", "h[a:", "共有", "\u2028", "\x85", "\0", "\ud800", "\ufeff",
]
ADDRESS_PIECES = [
    "/", "s3://", "sftp://", "smb://", "file://", "rclone:", "@", ":", "[", "]", "::1", "?", "&", "endpoint=",
    "region=",
    "http://h", "#", "%", "%80", "%2F", "%0A", "..", ".", "a", "B", "22", "99999", " ", "\t",
    "共有", "\udc80", "\ud800", "\u2100", "\xa0", "\x85",
]


def soup(pieces: list[str]) -> some.SearchStrategy[str]:
    return some.lists(some.sampled_from(pieces) | some.characters(), max_size=25).map("".join)


@settings(deadline=None, max_examples=400)
@given(soup(YAML_PIECES))
def test_any_text_is_a_configuration_or_a_list_of_mistakes(text: str) -> None:
    found = Findings()
    top = parse_yaml(text, "x.yml", found)
    if top is None:
        assert found.mistakes
        return
    read_settings(top, Path("inv"), found)
    hosts = read_hosts(top, found)
    read_schools(top, hosts, Surroundings(Path("inv"), DEFAULT), found)
    ansible_view(hosts)
    str(ConfigurationMistakes(found.mistakes))


@settings(deadline=None, max_examples=200)
@given(some.binary(max_size=60))
def test_any_bytes_in_a_file_are_a_list_of_mistakes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("inv")
    for name in ("hosts.yml", "kdx.yml"):
        (folder / name).write_bytes(content)
    with pytest.raises(ConfigurationMistakes):
        load(folder)


KEYS = some.text("abcdefgh-_.", min_size=1, max_size=5).map("k{}".format)
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text() | some.dates(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(some.dictionaries(KEYS, VALUES, min_size=1, max_size=4), some.booleans())
def test_what_the_subset_accepts_means_what_pyyaml_reads(document: dict[str, object], flow: bool) -> None:
    """PyYAML's own writer and reader are the oracle."""
    found = Findings()
    text = yaml.safe_dump(document, allow_unicode=True, default_flow_style=flow)
    top = parse_yaml(text, "x.yml", found)
    assert found.mistakes == [] and top is not None
    assert plain(top) == yaml.safe_load(text)


def plain(node: Node) -> object:
    if isinstance(node.value, dict):
        return {key: plain(value) for key, value in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    assert not isinstance(node.value, Vaulted)
    return node.value


@settings(deadline=None, max_examples=1000)
@given(soup(ADDRESS_PIECES))
def test_an_address_is_refused_or_prints_as_it_parses(text: str) -> None:
    try:
        location = parse_location(text)
    except AddressUnclear as error:
        assert str(error)
    else:
        assert parse_location(str(location)) == location


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/srv/共有/", Location("file", "/srv/共有")),
        ("/", Location("file", "/")),
        ("file:///srv/a%20b", Location("file", "/srv/a b")),
        ("sftp://kdx@fs.example:2222/srv", Location("sftp", "/srv", "fs.example", 2222, "kdx")),
        ("sftp://[::1]:22/x", Location("sftp", "/x", "::1", 22)),
        ("smb://u@Fs01/共有/a", Location("smb", "/共有/a", "Fs01", None, "u")),
        ("s3://Bucket", Location("s3", "", "Bucket")),
        ("s3://b/p/q/?region=ap-northeast-1", Location("s3", "p/q", "b", options=(("region", "ap-northeast-1"),))),
        ("rclone:drive:校務/a", Location("rclone", "校務/a", "drive")),
    ],
)
def test_each_form_of_the_design_is_taken_apart(text: str, expected: Location) -> None:
    assert parse_location(text) == expected
    assert parse_location(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "srv", "./a", "C:\\a", "\\\\fs\\share", "ftp://h/", "s3:/b", "s3:///p", "smb://h", "sftp://",
        "sftp://h:99999/", "sftp://h:0/", "s3://b:9000/p", "s3://key@b", "s3://b?endpoint=h:9000",
        "s3://b?region=a&region=b", "sftp://h/?a=b",
        "file://h/a", "/a\nb", "rclone:a", "rclone::s3,secret_access_key=x:b", "rclone:-a:b", "s3://b/#a",
        " s3://b", "sftp://u:p@h/",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(AddressUnclear):
        parse_location(text)


@pytest.mark.parametrize(
    ("root", "below"),
    [
        ("/", "/a/b"), ("/srv", "/srv/a/b"), ("s3://b", "s3://b/a/b"), ("s3://b/p", "s3://b/p/a/b"),
        ("sftp://h", "sftp://h/a/b"), ("rclone:r:", "rclone:r:a/b"), ("rclone:r:p", "rclone:r:p/a/b"),
    ],
)  # fmt: skip
def test_a_place_below_keeps_the_root(root: str, below: str) -> None:
    assert str(parse_location(root).child("a", "b")) == below


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("sch[01:03]", ["sch01", "sch02", "sch03"]),
        ("sch[9:11]x", ["sch9x", "sch10x", "sch11x"]),
        ("n[0:10:5]", ["n0", "n5", "n10"]),
        ("n[:2]", ["n0", "n1", "n2"]),
        ("n[a:c]-[1:2]", ["na-1", "na-2", "nb-1", "nb-2", "nc-1", "nc-2"]),
        ("fs-shiken", ["fs-shiken"]),
    ],
)
def test_ranges_in_host_names_stand_for_what_ansible_makes_of_them(pattern: str, names: list[str]) -> None:
    found = Findings()
    assert expand_range(pattern, Node("x", 1, "", None), found) == names and not found.mistakes


@pytest.mark.parametrize("code", ["C124221030010", "C124221030029"])
def test_published_school_codes_pass_their_check_digit_and_changed_ones_do_not(code: str) -> None:
    assert school_code_is_likely(code)
    assert not any(school_code_is_likely(code[:12] + digit) for digit in "0123456789" if digit != code[12])
    assert municipality_code_is_likely("242101") and not municipality_code_is_likely("242102")


def test_the_inventory_is_the_one_named_else_the_nearest(tmp_path: Path) -> None:
    for name in ("inventory", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "hosts.yml").touch()
    (tmp_path / "empty").mkdir()
    assert choose_inventory(None, {}, tmp_path) == tmp_path / "inventory"
    assert choose_inventory(None, {"KDX_INVENTORY": "other"}, tmp_path) == tmp_path / "other"
    assert choose_inventory("other", {"KDX_INVENTORY": "empty"}, tmp_path) == tmp_path / "other"
    with pytest.raises(Exception, match="looked for in .*empty$|looked for in .*empty\\."):
        choose_inventory("empty", {}, tmp_path)
    with pytest.raises(Exception, match="empty/inventory, /etc/kdx/inventory"):
        choose_inventory(None, {}, tmp_path / "empty")


@pytest.mark.parametrize(
    ("option", "environment", "board", "expected"),
    [
        ("en", {"KDX_LANG": "ja"}, "ja", "en"),
        (None, {"KDX_LANG": "ja", "LANG": "en_US.UTF-8"}, "en", "ja"),
        (None, {"LANG": "en_US.UTF-8"}, "ja", "ja"),
        (None, {"LANG": "ja_JP.UTF-8"}, "", "ja"),
        (None, {"LC_ALL": "C", "LANG": "ja_JP.UTF-8"}, "", "en"),
        (None, {"LC_ALL": "", "LC_MESSAGES": "ja_JP", "LANG": "de_DE"}, "", "ja"),
        (None, {"KDX_LANG": "tlh"}, "ja", "ja"),
        (None, {}, "", "en"),
    ],
)
def test_the_language_is_the_first_that_was_chosen(
    option: str | None, environment: dict[str, str], board: str, expected: str
) -> None:
    assert choose_language(option, environment, board) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"board: x\nlanguage: ja\n", "ja"),
        (b'language: "en"   # comment\r\n', "en"),
        (b"jma:\n  language: ja\n", ""),
        (b"language: jp\n", ""),
        (b"\xff\xfe\0", ""),
        (b"", ""),
    ],
)
def test_the_boards_language_is_seen_without_reading_yaml(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "kdx.yml").write_bytes(content)
    assert peek_language(tmp_path) == expected
    assert peek_language(tmp_path / "nowhere") == ""
