"""The inventory folder -> one Board, or everything that is wrong with it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kdx.config import load_board
from kdx.config.ignore import PATTERNS, VERSION
from kdx.config.mistakes import ConfigurationMistakes
from kdx.config.model import Board, NoShare, NoTarget, WeatherAreas
from kdx.config.naming import AmbiguousName, UnknownName
from kdx.errors import ExitCode

HOSTS = """\
all:
  children:
    schools:
      children:
        shiken_es:            # SCHOOL on the
          vars:               # command line
            school_name: 試験市立試験小学校
            kind: elementary
          hosts:
            fs-shiken:
              shares: [{name: 共有, url: /srv/share}]
"""
SETTINGS = """\
board: 試験市教育委員会
language: ja
municipality_code: "242101"
jma: {office: "240000", class20: "2421000"}
vault: {url: /srv/vault}
targets: {cloud: "s3://bucket/prefix?endpoint=http://127.0.0.1:9000"}
"""
GOLDEN = Path(__file__).with_name("golden")

Load = Callable[..., Board]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Write an inventory folder named `inv` in the present folder and load it."""
    monkeypatch.chdir(tmp_path)
    folder = Path("inv")
    folder.mkdir()

    def write_and_load(hosts: str | bytes = HOSTS, settings: str | bytes = SETTINGS) -> Board:
        for name, text in (("hosts.yml", hosts), ("kdx.yml", settings)):
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_board(folder)

    return write_and_load


def mistakes(load: Load, hosts: str | bytes = HOSTS, settings: str | bytes = SETTINGS) -> list[str]:
    with pytest.raises(ConfigurationMistakes) as caught:
        load(hosts, settings)
    assert caught.value.exit_code == ExitCode.CONFIGURATION
    return [str(mistake) for mistake in caught.value.mistakes]


def school(
    variables: str = "school_name: 甲小学校", shares: str = "[{name: 共有, url: /srv/a}]", id: str = "a_es"
) -> str:
    return f"schools: {{children: {{{id}: {{vars: {{{variables}}}, hosts: {{fs: {{shares: {shares}}}}}}}}}}}\n"


def test_the_least_that_works_in_the_design_loads_as_printed(load: Load) -> None:
    board = load()
    share = board.share("shiken_es")
    assert (board.name, board.language, board.municipality_code) == ("試験市教育委員会", "ja", "242101")
    assert board.time_zone == "Asia/Tokyo" and board.weather == WeatherAreas("240000", "2421000")
    assert board.vault is not None and str(board.vault.location) == "/srv/vault"
    assert str(board.target().location) == "s3://bucket/prefix?endpoint=http://127.0.0.1:9000"
    assert (share.name, share.server, str(share.location)) == ("共有", "fs-shiken", "/srv/share")
    assert share.id == "shiken_es-a8d79a09"  # printf 共有 | sha256sum
    assert (share.ignore.version, share.ignore.patterns) == (VERSION, PATTERNS)
    assert board.schools[0].flood_depth_rank is board.schools[0].server_floor is board.schools[0].ups is None
    assert board.warnings == ()


def test_everything_wrong_is_told_at_once_with_file_line_key_and_nearest_name(load: Load) -> None:
    told = mistakes(load, (GOLDEN / "mistakes-hosts.yml").read_bytes(), (GOLDEN / "mistakes-kdx.yml").read_bytes())
    here = str(Path.cwd())
    assert [line.replace(here, "HERE") for line in told] == (GOLDEN / "mistakes.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", "inv/kdx.yml: the file is empty."),
        ("# only a comment\n", "inv/kdx.yml: the file is empty."),
        ("- a\n", "inv/kdx.yml:1: the file must begin with a key and a colon."),
        (b"\xef\xbb\xbfboard: a\n", "inv/kdx.yml:1: the file begins with a byte order mark; save it as UTF-8 without"),
        ("language: ja\nboard: 試験市\n".encode("cp932"), "inv/kdx.yml:2: the file is not UTF-8 but Shift_JIS (cp932);"),
        ("board: 試験市\n".encode("utf-16"), "inv/kdx.yml:1: the file is not UTF-8 but UTF-16;"),
        (b"board: \x81 \n", "inv/kdx.yml:1: the file is not UTF-8 but something else;"),
        ("board: a\nvault:\n\turl: /a\n", "inv/kdx.yml:3: a tab stands here; write spaces."),
        ("board: a\x1b[2J\n", "inv/kdx.yml:1: the character U+001B cannot stand in YAML."),
        ("board: a\nboard: b\n", "inv/kdx.yml:2: board: this key stands here a second time; the first is on line 1."),
        ("board: &a x\n", "inv/kdx.yml:1: board: anchors (&) and aliases (*) are not read; write the value out."),
        ("board: a\nignore: *x\n", "inv/kdx.yml:2: ignore: anchors (&) and aliases (*) are not read; write the value"),
        ("board: a\n<<: {language: ja}\n", "inv/kdx.yml:2: <<: merge keys (<<) are not read; write the values out."),
        ("board: !python/name:os.system\n", "inv/kdx.yml:1: board: the tag !python/name:os.system is not known;"),
        ("board: !!str 1\n", "inv/kdx.yml:1: board: the tag tag:yaml.org,2002:str is not known; only !vault is."),
        ("board: !vault abc\n", "inv/kdx.yml:1: board: text is expected here, not a value only Ansible can decrypt."),
        ("board: {{ name }}\n", "inv/kdx.yml:1: board: a key must be plain text; put a value that begins with {{ or ["),
        ('board: "{{ name }}"\n', "inv/kdx.yml:1: board: kdx does not fill in Jinja templates; write the value"),
        ('board: "a\\nb"\n', "inv/kdx.yml:1: board: one line of text is expected, without control characters."),
        ("board: a\n---\nboard: b\n", "inv/kdx.yml:2: a second document begins here; one file holds one."),
        ("board: [a\n", "inv/kdx.yml:2: this is not YAML: did not find expected ',' or ']'."),
        ("board: " + "[" * 60, "nested too deeply."),
        ("board: NO\n", 'read as true or false (false), not as text; write "NO".'),
        ("board: a\n01: b\n", 'inv/kdx.yml:2: the key 01 is not read as text; write it in quotation marks: "01".'),
        ("board: 2026-11-23\n", 'read as a date (2026-11-23), not as text; write "2026-11-23".'),
        ("board: 2026-13-45\n", "inv/kdx.yml:1: board: this value cannot be read; write it in quotation marks."),
        ("board: a\nmunicipality_code: 010006\n", 'read as a number (4102), not as text; write "010006".'),
        ('board: a\nmunicipality_code: "24210"\n', "kdx.yml:2: municipality_code: a municipality code has six digits,"),
        ("board: a\nretention: {}\n", "inv/kdx.yml:2: retention: kdx does not know this key."),
        ("board: a\ntagets: {}\n", "inv/kdx.yml:2: tagets: kdx does not know this key. Nearest: targets,"),
        ("board: a\ntime_zone: ../etc/passwd\n", "inv/kdx.yml:2: time_zone: this machine knows no such time zone."),
        ("board: a\nproxy: http://u:secret@p:1\n", "kdx.yml:2: proxy: a user or password never stands in an address."),
        ("board: a\nca_bundle: kdx.yml\n", "inv/kdx.yml holds no certificate in PEM form."),
        ("board: a\nignore: ['**']\n", "inv/kdx.yml:2: ignore[0]: this pattern would leave every name out."),
        ("board: a\ntargets: {-x: /a}\n", "inv/kdx.yml:2: targets.-x: a target name is one word without / : @"),
        ("board: a\ntargets: {x: ../a}\n", "inv/kdx.yml:2: targets.x: The address '../a' is not understood: it is"),
        ("board: a\nvault: {url: /v, secret_key: 'env:A'}\n", "vault: access_key and secret_key belong together;"),
    ],
)
def test_a_mistake_in_kdx_yml_is_told_with_its_place(load: Load, settings: str | bytes, expected: str) -> None:
    assert any(expected in line for line in mistakes(load, settings=settings)), mistakes(load, settings=settings)


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ("all: {children: {school: {}}}\n", "the group schools is missing; each school is a group below it."),
        ("all: {children: {school: {}}}\n", "Nearest: school."),
        ("all: {hots: {}}\n", "all.hots: kdx does not know this key. Nearest: hosts."),
        (school("school_nmae: 甲"), "school_nmae: this looks like a misspelt variable of kdx; rename it if it is not."),
        (school("kind: high"), "inv/hosts.yml:1: schools.children.a_es: school_name is missing."),
        (school(id="a-es"), "schools.children.a-es: a school id has ASCII letters, digits and _ only"),
        (school(id="学校"), "schools.children.学校: a school id has ASCII letters, digits and _ only"),
        (school("school_name: 甲, school_code: C12422103001"), "a school code has 13 characters:"),
        (school("school_name: 甲, school_code: 124"), 'read as a number (124), not as text; write "124".'),
        (school("school_name: 甲, flood_depth_rank: 7"), "a whole number from 0 to 6 is expected;"),
        (school("school_name: 甲, flood_depth_rank: true"), "a whole number from 0 to 6 is expected;"),
        (school("school_name: 甲, server_floor: 1.5"), "a whole number from -9 to 99 is expected;"),
        (school("school_name: 甲, ups: '1'"), "true or false is expected; leave it empty where it is not known."),
        (school(shares="[x]"), "shares[0]: a share is written as {name: …, url: …}."),
        (school(shares="[{url: /a}]"), "shares[0]: name is missing."),
        (school(shares="[{name: a}]"), "shares[0]: url is missing."),
        (school(shares="[{name: a, url: }]"), "shares[0]: url is missing."),
        (school(shares="[{name: .., url: /a}]"), "shares[0].name: a share name is one plain name, without /."),
        (school(shares="[{name: a, urll: /a}]"), "shares[0].urll: kdx does not know this key. Nearest: url."),
        (school(shares="[{name: a, url: /a}, {name: a, url: /b}]"), "the school has a share of this name already,"),
        (school(shares="[{name: a, url: /a}, {name: b, url: /b, id: a_es-a}]"), "the share id a_es-a is already used"),
        (school(shares="[{name: a, url: /a, id: 学}]"), "shares[0].id: a share id has ASCII letters,"),
        (school(shares="[{name: a, url: /a, secret: pa55}]"), "A secret must not stand in the configuration (it"),
        (school(shares="[{name: a, url: 'sftp://u:pa55@h/'}]"), "a password never stands in an address."),
        ("x: {hosts: {'s[3:1]': }}\n", "[3:1] is not a range; write for example [01:14] or [a:f]."),
        ("x: {hosts: {'s[01:100]': }}\n", "[01:100] is not a range;"),
        ("x: {hosts: {'s[1:999999999]': }}\n", "this range stands for more than 10000 hosts."),
        ("x: {hosts: {'s[1:999][1:999]': }}\n", "this range stands for more than 10000 hosts."),
        ("a: {children: {b: {children: {a: }}}}\n", "this group is, by way of others, a child of itself."),
        ("all: {hosts: {x: {shares: [{name: a, url: /a}]}}}\n", "the host x has shares but stands below no school;"),
    ],
)
def test_a_mistake_in_hosts_yml_is_told_with_its_place(load: Load, hosts: str, expected: str) -> None:
    told = mistakes(load, hosts)
    assert any(expected in line for line in told), told


def test_tabs_are_one_mistake_that_counts_them_and_nothing_else(load: Load) -> None:
    told = mistakes(load, settings="board: a\nvault:\n\turl: /a\njma:\n\toffice: b\n")
    assert told == ["inv/kdx.yml:3: a tab stands here; write spaces. (and 1 more lines)"]


def test_a_secret_written_by_mistake_is_never_shown(load: Load) -> None:
    shares = (
        "[{name: a, url: 'sftp://u:pa55w0rd@h:x/', secret: pa55w0rd}, {name: b, url: 's3://b?secret_key=pa55w0rd'},"
        " {name: c, url: 'ftp://u:pa55w0rd@h/'}, {name: d, url: 's3://b?endpoint=http://u:pa55w0rd@h'}]"
    )
    told = "\n".join(mistakes(load, school(shares=shares), 'board: a\nproxy: "http://u:pa55w0rd@p:1"\n'))
    assert told.count("\n") == 5 and "pa55w0rd" not in told and "55" not in told


def test_a_hostile_key_cannot_forge_a_second_line(load: Load) -> None:
    told = mistakes(load, settings='board: a\n"x\\ninv/hosts.yml:1: forged\\x1b[2J": 1\n')
    assert told == ["inv/kdx.yml:2: x\\ninv/hosts.yml:1: forged\\x1b[2J: kdx does not know this key."]


def test_what_only_ansible_knows_is_left_alone(load: Load) -> None:
    variables = "school_name: 甲, ansible_user: '{{ who }}', school_kanji: 甲, token: !vault abc, ntp: [1, {a: b}]"
    server = load(school(variables)).schools[0].servers[0]
    assert dict(server.variables) == {"ansible_user": "{{ who }}", "school_kanji": "甲"}


def test_unknown_facts_stay_unknown_and_doubtful_ones_are_warnings(load: Load) -> None:
    facts = "school_name: 甲, school_code: C124221030011, kind: elementry, ups: , server_floor: '', flood_depth_rank: 0"
    board = load(school(facts), 'board: a\nmunicipality_code: "242102"\n')
    assert (board.schools[0].ups, board.schools[0].server_floor, board.schools[0].flood_depth_rank) == (None, None, 0)
    assert [str(warning) for warning in board.warnings] == [
        "inv/hosts.yml:1: schools.children.a_es.vars.kind: kdx does not know this kind of school. "
        "Nearest: elementary, secondary.",
        "inv/hosts.yml:1: schools.children.a_es.vars.school_code: the check digit of this school code does not fit; "
        "compare it with the official list.",
        "inv/kdx.yml:2: municipality_code: the check digit of this municipality code does not fit.",
    ]


def test_ignored_names_are_added_to_the_defaults_and_change_the_version(load: Load) -> None:
    shares = "[{name: a, url: /a, ignore: ['*.tmp', Thumbs.db]}, {name: b, url: /b}]"
    first, second = load(school(shares=shares), "board: a\nignore: ['*.bak']\n").schools[0].shares
    assert first.ignore.patterns == (*PATTERNS, "*.bak", "*.tmp") and second.ignore.patterns == (*PATTERNS, "*.bak")
    assert len({first.ignore.version, second.ignore.version, VERSION}) == 3
    assert first.ignore.version.startswith(f"{VERSION}+")


def test_a_share_keeps_its_id_when_server_and_address_change(load: Load) -> None:
    before = load(school(shares="[{name: 職員室, url: /srv/a}]")).share("a_es").id
    after = load(school(shares="[{name: 職員室, url: 'smb://new/share'}]").replace("fs:", "new-server:")).share("a_es").id
    assert before == after == "a_es-ea797eec"  # printf 職員室 | sha256sum


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("share-1.old", "", "a_es-share-1.old"),
        ("共有 1", "", "a_es-9e1b48df"),
        ("$(touch x)", "", "a_es-a075e3b1"),
        ("n" * 64, "", "a_es-ce068a19"),
        ("共有", "kept", "kept"),
    ],
)
def test_a_share_id_is_ascii_and_safe_as_a_folder_name(load: Load, name: str, given: str, expected: str) -> None:
    written = f"[{{name: '{name}', url: /a{f', id: {given}' if given else ''}}}]"
    assert load(school(shares=written)).share("a_es").id == expected


def test_secrets_are_references_and_relative_files_lie_in_the_inventory_folder(load: Load) -> None:
    shares = "[{name: a, url: /a, secret: 'file:keys/a'}, {name: b, url: /b, secret: 'env:B'}]"
    settings = "board: a\ntargets: {c: {url: 's3://b', access_key: 'file:/abs', secret_key: 'file:~/c'}}\n"
    board = load(school(shares=shares), settings)
    assert [str(share.secret) for share in board.schools[0].shares] == [f"file:{Path.cwd()}/inv/keys/a", "env:B"]
    target = board.target("c")
    assert (str(target.access_key), str(target.secret_key)) == ("file:/abs", "file:~/c")


def test_a_board_without_schools_loads(load: Load) -> None:
    assert load("schools:\n", "board: a\n").schools == ()


def test_a_missing_folder_is_one_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationMistakes, match="nowhere: there is no such folder"):
        load_board(tmp_path / "nowhere")


def test_missing_unreadable_and_strange_files_are_each_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").mkdir()
    (tmp_path / "kdx.yml").symlink_to("kdx.yml")
    with pytest.raises(ConfigurationMistakes) as caught:
        load_board(tmp_path)
    assert [mistake.what for mistake in caught.value.mistakes] == [
        "this is a folder, not a file.",
        "it cannot be read: Too many levels of symbolic links.",
    ]
    (tmp_path / "kdx.yml").unlink()
    os.mkfifo(tmp_path / "kdx.yml")
    with pytest.raises(ConfigurationMistakes, match="this is not an ordinary file"):
        load_board(tmp_path)


def test_a_file_this_user_may_not_read_is_a_mistake(load: Load) -> None:
    load()
    Path("inv/kdx.yml").chmod(0)
    user = os.geteuid()
    if user == 0:
        Path.cwd().chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(ConfigurationMistakes, match="inv/kdx.yml: this user may not read it"):
            load_board(Path("inv"))
    finally:
        os.seteuid(user)


def test_names_are_found_by_id_by_part_and_by_nearest(load: Load) -> None:
    many = "schools: {children: {%s}}\n" % ", ".join(
        f"{id}: {{vars: {{school_name: {name}}}}}"
        for id, name in (("k_es", "亀山市立加太小学校"), ("s_es", "亀山市立関小学校"), ("s_jh", "亀山市立関中学校"))
    )
    board = load(many, "board: a\n")
    assert board.school("加太小").id == "k_es" and board.school("関中").id == "s_jh" and board.school("s_es").id == "s_es"
    with pytest.raises(AmbiguousName, match="亀山市立関小学校, 亀山市立関中学校"):
        board.school("関")
    with pytest.raises(UnknownName) as unknown:
        board.school("k_ess")
    assert "k_es" in unknown.value.advise()
    with pytest.raises(NoShare, match="亀山市立加太小学校 has no share"):
        board.share("k_es")
    with pytest.raises(NoTarget):
        board.target()


def test_backup_settings_have_defaults_for_a_school_and_every_slip_is_told(load: Load) -> None:
    usual = load().backup
    assert (usual.rpo_hours, usual.file_rpo_days, usual.reread_days, usual.marker) == (30, 7, 60, "")
    given = "backup: {rpo_hours: 8, reread_days: 0, exceptions: ['機密/*'], guards: {gone: 0.5}}\n"
    chosen = load(settings=SETTINGS + given).backup
    assert (chosen.rpo_hours, chosen.reread_days, chosen.exceptions) == (8, 0, ("機密/*",))
    assert dict(chosen.guards) == {"gone": 0.5}
    wrong = "backup: {rpo_hour: 8, marker: a/b, guards: {gone: many, lost: 1}}\n"
    with pytest.raises(ConfigurationMistakes) as caught:
        load(settings=SETTINGS + wrong)
    assert {mistake.key_path for mistake in caught.value.mistakes} == {
        "backup.rpo_hour", "backup.marker", "backup.guards.gone", "backup.guards.lost"
    }
