"""What README promises is what the program does, and both READMEs say the same."""

import json
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest
import yaml

from kdx.cli import root
from kdx.cli.application import Application
from kdx.config import load_board
from kdx.errors import MEANINGS

READMES = ("README.md", "README.ja.md")
CHECKOUT = Path(__file__).parents[2]
RUNBOOKS = tuple(f"playbooks/{path.name}" for path in sorted((CHECKOUT / "playbooks").glob("*.md")))
PLAYBOOKS = (CHECKOUT / "playbooks/README.md").read_text("utf-8")
DOCUMENTS = (*READMES, "CONTRIBUTING.md", *RUNBOOKS)


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def commands(text: str) -> list[list[str]]:
    """Return the kdx command lines of a document, as words after `kdx`."""
    lines = (line for block in blocks(text, "sh") for line in block.splitlines() if line.startswith("kdx "))
    return [shlex.split(line, comments=True)[1:] for line in lines]


def plays(text: str) -> list[list[str]]:
    """Return the ansible-playbook command lines of a document, as words after the program."""
    lines = (line for block in blocks(text, "sh") for line in block.splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("ansible-playbook ")]


def parse(words: list[str]) -> click.Command:
    """Let click read a command line as if it were run, and return the command it means. Runs nothing."""
    context = root.make_context("kdx", list(words), obj=Application())
    command: click.Command = root
    while isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        context, command = found.make_context(name, rest, parent=context), found
    return command


def leaves(command: click.Command, path: tuple[str, ...] = ("kdx",)) -> Iterator[str]:
    """Yield every command that can be run, in full."""
    if not isinstance(command, click.Group):
        yield " ".join(path)
        return
    context = click.Context(command, obj=Application())
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, (*path, name))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_line_in_the_documents_parses(checkout: Path, name: str) -> None:
    found = commands((checkout / name).read_text("utf-8"))
    assert found or name not in READMES
    for words in found:
        parse(words)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_line_for_ansible_gives_a_playbook_what_it_asks_for(checkout: Path, name: str) -> None:
    for flag, inventory, playbook, *options in plays((checkout / name).read_text("utf-8")):
        assert flag == "-i" and (checkout / inventory).is_file()
        text = (checkout / playbook).read_text("utf-8")
        known = checkout / "playbooks/vars" / Path(playbook).name
        given = [word for option, word in pairwise(options) if option == "-e"]
        names = {name for word in given for name in (json.loads(word) if "{" in word else [word.partition("=")[0]])}
        assert {*options} - {*given} <= {"-e", "--check"}
        # what it must be told stands in its own line of use; what it may be told there in brackets, or among its vars
        must = set(re.findall(r" -e (\w+)=", re.findall(r"^# ansible-playbook .*$", text, re.M)[0]))
        may = set(yaml.safe_load(known.read_text("utf-8"))) if known.exists() else set()
        may |= {*re.findall(r"-e '?(\w+)=", text), *re.findall(r"^    (\w+):", text, re.M)}
        assert must <= names <= must | may, (playbook, names)


@pytest.mark.parametrize(("runbook", "belonging"), re.findall(r"^\| `(\w+\.md)` \|.*\| (.*) \|$", PLAYBOOKS, re.M))
def test_every_runbook_names_the_playbooks_that_belong_to_it(checkout: Path, runbook: str, belonging: str) -> None:
    named = set(re.findall(r"\w+\.yml", belonging))
    assert named or belonging == "-"
    assert {Path(words[2]).name for words in plays((checkout / "playbooks" / runbook).read_text("utf-8"))} == named


def test_no_runbook_and_no_playbook_is_left_out_of_the_list(checkout: Path) -> None:
    there = {path.name for path in (checkout / "playbooks").iterdir() if path.suffix in (".md", ".yml")}
    listed = set(re.findall(r"^(?:\| |### )`(\w+\.(?:md|yml))`", PLAYBOOKS, re.M))
    assert there - {"README.md"} == listed


def test_a_command_line_that_is_wrong_would_be_noticed() -> None:
    for words in (["migrate", "run", "shiken_es", "--no-such-option"], ["no-such-command"], ["inventory", "no-such"]):
        with pytest.raises(Exception, match="no-such"):
            parse(words)


@pytest.mark.parametrize("name", READMES)
def test_every_command_stands_in_the_table_and_every_row_is_a_command(checkout: Path, name: str) -> None:
    rows = re.findall(r"^\| `(kdx [^`]+)` \|", (checkout / name).read_text("utf-8"), re.M)
    assert rows == list(leaves(root))


@pytest.mark.parametrize(("name", "language"), [("README.md", "en"), ("README.ja.md", "ja")])
def test_the_exit_codes_are_those_of_the_program(checkout: Path, name: str, language: str) -> None:
    from kdx.language import translate, use_language

    use_language(language)
    try:
        expected = [(str(int(code)), translate(meaning)) for code, meaning in MEANINGS.items()]
    finally:
        use_language("en")
    assert re.findall(r"^\| (\d+) \| (.+) \|$", (checkout / name).read_text("utf-8"), re.M) == expected


def test_both_readmes_have_the_same_parts_commands_and_tables(checkout: Path) -> None:
    english, japanese = ((checkout / name).read_text("utf-8") for name in READMES)
    assert commands(english) == commands(japanese)
    assert blocks(english, "yaml") == blocks(japanese, "yaml")
    for shape in (r"^(#+) ", r"^\|(-+\|)+$", r"^\| (`[^`]+`) \|"):
        assert re.findall(shape, english, re.M) == re.findall(shape, japanese, re.M)


def test_the_configuration_shown_is_one_that_loads(checkout: Path, tmp_path: Path) -> None:
    hosts, settings = blocks((checkout / "README.md").read_text("utf-8"), "yaml")
    (tmp_path / "hosts.yml").write_text(hosts, "utf-8")
    (tmp_path / "kdx.yml").write_text(settings, "utf-8")
    assert yaml.safe_load(settings)["targets"]
    board = load_board(tmp_path)
    assert board.share("shiken_es").name == "共有"
    assert board.target().name == "cloud"


@pytest.mark.parametrize("name", (*DOCUMENTS, "CHANGELOG.md", "SECURITY.md"))
def test_every_file_a_document_names_is_there(checkout: Path, name: str) -> None:
    text = (checkout / name).read_text("utf-8")
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    scripts = re.findall(r"\bscripts/[a-z_]+\b", text)
    modules = re.findall(r"\bkdx/[a-z_/]+\.py\b", text)
    missing = [path for path in (*linked, *scripts, *modules) if not (checkout / path).exists()]
    assert not missing


def test_every_threat_in_security_names_tests_that_exist(checkout: Path) -> None:
    text = (checkout / "SECURITY.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| who |")]
    assert len(rows) >= 12
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
        assert named, row
        for file, name in named:
            assert re.search(rf"^def {name}\(", (checkout / file).read_text("utf-8"), re.M), (file, name)
