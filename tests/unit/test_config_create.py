"""A new inventory loads with no mistakes, teaches, and never replaces anything."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from kdx.config import load_board
from kdx.config.ansible import compare_with_ansible
from kdx.config.create import AlreadyThere, NewBoard, NotWritten, compose, read_new_board, write_inventory
from kdx.config.location import Location
from kdx.config.mistakes import ConfigurationMistakes
from kdx.config.model import School, Target
from kdx.config.school_csv import NewSchool

CSV = '''\
school_id,school_name,school_kana,kind,school_code,share_name,share_url
ko_es,試験市立甲小学校,こう,elementary,,共有,/srv/ko/共有
ko_es,,,,,職員室 100%,"smb://kdx@fs01.example/職員室 %231"
otsu_jh,試験市立乙中学校,おつ,junior_high,C124221030010,"[最終] ""何？""",sftp://kdx@fs02:2222/srv
hei_es,試験市立丙小学校,,,,,
'''


def created(folder: Path, new: NewBoard) -> dict[str, str]:
    files, _board = compose(new, folder)
    write_inventory(folder, files)
    return files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_what_init_writes_from_a_table_loads_with_no_mistakes(tmp_path: Path, encoding: str, language: str) -> None:
    (tmp_path / "schools.csv").write_text(CSV.replace("\n", "\r\n"), encoding, newline="")
    targets = ("cloud=s3://b/p?endpoint=http://127.0.0.1:9000", "folder=/srv/target")
    new = read_new_board("試験市教育委員会", language, "242101", tmp_path / "schools.csv", targets)
    folder = tmp_path / "inv"
    created(folder, new)
    board = load_board(folder)
    assert (board.name, board.language, board.municipality_code, board.warnings) == (
        "試験市教育委員会", language, "242101", (),
    )  # fmt: skip
    assert [(school.id, school.kind, school.code) for school in board.schools] == [
        ("ko_es", "elementary", ""), ("otsu_jh", "junior_high", "C124221030010"), ("hei_es", "", ""),
    ]  # fmt: skip
    assert [(share.server, share.name, str(share.location)) for school in board.schools for share in school.shares] == [
        ("fs-ko-es", "共有", "/srv/ko/共有"),
        ("fs-ko-es-2", "職員室 100%", "smb://kdx@fs01.example/%E8%81%B7%E5%93%A1%E5%AE%A4%20%231"),
        ("fs-otsu-jh", '[最終] "何？"', "sftp://kdx@fs02:2222/srv"),
    ]
    assert {target.name: str(target.location) for target in board.targets} == {
        "cloud": "s3://b/p?endpoint=http://127.0.0.1:9000",
        "folder": "/srv/target",
    }


def test_what_init_writes_is_read_by_ansible_as_by_kdx(tmp_path: Path) -> None:
    (tmp_path / "schools.csv").write_text(CSV)
    created(tmp_path / "inv", read_new_board("試験市教育委員会", "ja", schools=tmp_path / "schools.csv"))
    assert compare_with_ansible(tmp_path / "inv", load_board(tmp_path / "inv")) == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_an_inventory_from_nothing_loads_and_teaches_in_the_boards_language(tmp_path: Path, language: str) -> None:
    files = created(tmp_path / "inv", read_new_board("", language))
    assert load_board(tmp_path / "inv").schools == ()
    for text in files.values():
        assert ("です" in text) == (language == "ja")
    assert list(files) == ["hosts.yml", "kdx.yml", "keys/README.md", "rules/README.md"]


def test_what_stands_in_the_comments_as_an_example_loads_too(tmp_path: Path) -> None:
    for language in ("ja", "en"):
        files, _board = compose(read_new_board("試験市教育委員会", language), tmp_path)
        example = [line.replace("# ", "", 1) for line in files["hosts.yml"].split("children:\n")[-1].splitlines()[1:]]
        hosts = files["hosts.yml"] + "\n".join(example) + "\n"
        plain = [line.removeprefix("# ") for line in files["kdx.yml"].splitlines()]
        keys = ("jma:", "vault:", "ignore:", "proxy:", "time_zone:", "  targets:", "    cloud:", "    archive:")
        examples = [line for line in plain if line.startswith(keys)]
        assert len(examples) == len(keys)
        settings_text = "\n".join(line.removeprefix("  ") for line in examples)
        (tmp_path / "hosts.yml").write_text(hosts)
        (tmp_path / "kdx.yml").write_text("board: a\n" + settings_text + "\n")
        board = load_board(tmp_path)
        assert board.share("shiken_es").name == "共有" and len(board.targets) == 2


NAMES = some.text(some.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1).filter(
    lambda text: text.strip() and "{{" not in text and "{%" not in text
)
SHARE_NAMES = NAMES.filter(lambda text: "/" not in text and text not in (".", ".."))


@settings(deadline=None, max_examples=150)
@given(NAMES, some.lists(SHARE_NAMES, unique=True, max_size=4), NAMES)
def test_any_name_comes_back_as_it_was_written(name: str, shares: list[str], path: str) -> None:
    location = Location("file", f"/{path.strip('/')}")
    school = NewSchool(School("a_es", name), tuple((share, location) for share in shares))
    _files, board = compose(NewBoard(name, "ja", "", (school,), (Target("t", location),)), Path("inv"))
    assert (board.name, board.schools[0].name) == (name, name)
    assert [(share.name, share.location) for share in board.schools[0].shares] == [(one, location) for one in shares]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", ["s.csv:1: school_id: this column is missing.", "s.csv:1: school_name: this column is missing."]),
        (
            "school_id,school_nme,school_id\n",
            [
                "s.csv:1: school_id: this column stands here more than once.",
                "s.csv:1: school_name: this column is missing.",
                "s.csv:1: school_nme: kdx does not know this column. Nearest: school_name, school_kana, school_code.",
            ],
        ),
        (
            "school_id,school_name,school_code,share_name,share_url\n"
            "学校,甲,,,\n,乙,,,\nb_es,,1,,\n\n"
            "c_es,丙,,a/b,srv\nc_es,丁,,x,\nc_es,,,y,/y\nc_es,,,y,/z\nd_es,戊,,,/a,extra\n",
            [
                "s.csv:2: school_id: a school id has ASCII letters, digits and _ only (at most 64) and does not begin "
                "with a digit.",
                "s.csv:3: school_id: school_id is missing.",
                "s.csv:4: school_code: a school code has 13 characters: a letter and twelve digits, such as "
                "C124221030010.",
                "s.csv:4: school_name: school_name is missing.",
                "s.csv:6: share_name: a share name is one plain name, without /.",
                "s.csv:6: share_url: The address 'srv' is not understood: it is neither an absolute path nor a known "
                "kind of URL. Write /absolute/path, file:///path, sftp://user@host:port/path, "
                "smb://user@host/share/path, s3://bucket/prefix?endpoint=URL&region=NAME or rclone:REMOTE:path.",
                "s.csv:7: school_name: line 6 says something else of the same school.",
                "s.csv:7: share_url: share_url is missing.",
                "s.csv:9: share_name: the school has a share of this name already.",
                "s.csv:10: this row has more cells than the first row has columns.",
            ],
        ),
        ('school_id,school_name\na_es,"甲\n', ["s.csv:2: this is not CSV: unexpected end of data."]),
    ],
)
def test_every_mistake_of_a_table_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, expected: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.csv").write_text(table)
    with pytest.raises(ConfigurationMistakes) as caught:
        read_new_board("試験市教育委員会", "ja", schools=Path("s.csv"))
    assert [str(mistake) for mistake in caught.value.mistakes] == expected


@settings(deadline=None, max_examples=200)
@given(some.binary(max_size=80), some.booleans())
def test_any_bytes_are_a_table_or_a_list_of_mistakes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bool
) -> None:
    path = tmp_path_factory.mktemp("csv") / "s.csv"
    path.write_bytes((b"school_id,school_name\na," if head else b"") + content)
    try:
        compose(read_new_board("試験市教育委員会", "ja", schools=path), path.parent)
    except ConfigurationMistakes as error:
        assert error.mistakes


def test_wrong_flags_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationMistakes) as caught:
        read_new_board("a\nb", "ja", "24210", tmp_path / "none.csv", ("x", "a b=/x", "c=srv", "d=/d", "d=/d", "e="))
    assert [mistake.key_path for mistake in caught.value.mistakes if mistake.file == "kdx init"] == [
        "--board", "--municipality-code", "--target", "--target a b", "--target c", "--target d", "--target e",
    ]  # fmt: skip
    assert any(mistake.file.endswith("none.csv") for mistake in caught.value.mistakes)


def test_an_existing_file_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "README.md").write_text("mine")
    (tmp_path / "kdx.yml").symlink_to("nowhere")
    files, _board = compose(read_new_board("", "ja"), tmp_path)
    with pytest.raises(AlreadyThere, match="kdx.yml, .*rules/README.md already exists"):
        write_inventory(tmp_path, files)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["README.md", "kdx.yml", "rules"]
    assert (tmp_path / "rules" / "README.md").read_text() == "mine"


def test_half_an_inventory_is_taken_back(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where a folder must be")
    files, _board = compose(read_new_board("", "ja"), tmp_path)
    with pytest.raises(NotWritten, match="keys cannot be written: File exists"):
        write_inventory(tmp_path, files)
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_the_schools_of_kameyama_load_and_say_only_what_is_public(checkout: Path) -> None:
    board = load_board(checkout / "inventory")
    assert (board.name, board.municipality_code, board.warnings) == ("亀山市教育委員会", "242101", ())
    assert [school.kind for school in board.schools] == ["elementary"] * 11 + ["junior_high"] * 3
    assert {school.id: school.code for school in board.schools if school.code} == {
        "kameyama_jh": "C124221030010",
        "chubu_jh": "C124221030029",
    }
    assert all(
        school.servers == () and school.flood_depth_rank is school.server_floor is school.ups is None
        for school in board.schools
    )
    assert [board.school(part).id for part in ("亀山西小", "加太小", "関中", "亀山中")] == [
        "kameyama_nishi_es", "kabuto_es", "seki_jh", "kameyama_jh",
    ]  # fmt: skip
    assert compare_with_ansible(checkout / "inventory", board) == []
