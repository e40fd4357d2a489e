"""`roles` of kdx.yml: people, their users and rights; what is wrong is named with the nearest word."""

from kdx.config.mistakes import Findings
from kdx.config.model import Person
from kdx.config.settings import read_settings
from kdx.config.strict_yaml import parse_yaml


def read(text, tmp_path):
    found = Findings()
    board = read_settings(parse_yaml(f"board: 試験市教育委員会\n{text}", "kdx.yml", found), tmp_path, found)
    return board.roles, [str(one) for one in found.mistakes]


def test_a_persons_user_is_their_name_where_none_is_written(tmp_path):
    text = "roles: {tanaka: {may: [approve]}, suzuki: {may: [waive, examine], user: S-SUZUKI}}\n"
    roles, wrong = read(text, tmp_path)
    assert wrong == []
    assert roles == (
        Person("tanaka", "tanaka", frozenset({"approve"})),
        Person("suzuki", "S-SUZUKI", frozenset({"waive", "examine"})),
    )
    assert read("", tmp_path) == ((), [])


def test_what_is_wrong_is_named(tmp_path):
    _, wrong = read("roles: {Tanaka: {may: [aprove], colour: red}, suzuki: {}}\n", tmp_path)
    assert wrong == [
        "kdx.yml:2: roles.Tanaka: the name of a key has small letters, digits, - and _ and begins with a letter.",
        "kdx.yml:2: roles.Tanaka.colour: kdx does not know this key. Nearest: user.",
        "kdx.yml:2: roles.Tanaka.may[0]: there is no such right. Nearest: approve, waive.",
        "kdx.yml:2: roles.suzuki: may is missing.",
    ]
