"""The command line as a whole: help, languages, exit codes, signals, pipes. Real processes where it matters."""

import contextlib
import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kdx import cli
from kdx.cli import root
from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.help import HelpContext, translated, width_of, wrap
from kdx.cli.options import DateUnclear, parse_date
from kdx.config.bandwidth import BandwidthUnclear, parse_bandwidth
from kdx.errors import MEANINGS, ExitCode
from kdx.language import use_language

KDX = Path(sys.executable).with_name("kdx")
HEAVY = ("yaml", "sqlalchemy", "duckdb", "boto3", "botocore", "obstore", "paramiko", "smbprotocol", "cryptography",
         "openpyxl", "tabulate", "tqdm", "wcwidth", "platformdirs", "rclone_python", "zstandard")

ACTS = '''
import sys, time
import click
from kdx.cli.application import Application
from kdx.cli.commands import KdxGroup
from kdx.cli.options import (as_of_option, bandwidth_option, dry_run_option, output_options, school_argument,
                             schools_argument, share_option, target_option)
from kdx.errors import *
from kdx.language import N_
from kdx.report.tables import Column, Table

class Failure(KdxError):
    message = N_("It failed for {name}.")
    advice = N_("Look at {name}.")

@click.group(cls=KdxGroup)
def act():
    """Act."""

@act.command()
@click.argument("code", type=int)
@output_options
def fail(code):
    Failure.exit_code = ExitCode(code)
    raise Failure(name="a\\n\\x1b[31mb")

@act.command()
@output_options
def bug():
    raise ValueError("some\\x1b[31m thing")

@act.command()
@click.argument("code", type=int)
@click.pass_obj
def finish(app, code):
    app.output.finish(ExitCode(code))

@act.command(acts=True)
@output_options
def work():
    raise Failure(name="a\\udc83")

@act.command(acts=True)
@click.pass_obj
def record(app):
    from kdx.state.events.house import CommandFailed
    app.record(CommandFailed("first", 0, ""))
    app.record(CommandFailed("second", 0, ""))

@act.command(acts=True)
def sleep():
    print("ready", flush=True)
    time.sleep(30)

@act.command()
@click.argument("rows", type=int)
@output_options
@click.pass_obj
def show(app, rows):
    app.output.say("said \\x1b[31m")
    app.output.warn("warned")
    columns = (Column("name", "Name", "path"), Column("size", "Size", "bytes"))
    app.output.show(Table("T", columns, [{"name": f"n{number}", "size": number} for number in range(rows)]))

@act.command()
@school_argument
@share_option
@target_option
@dry_run_option
@bandwidth_option
@as_of_option
@click.pass_obj
def one(app, school, share, to, dry_run, bandwidth, as_of):
    print(school, share, to, dry_run, bandwidth, as_of, app.request_id != "", app.now().tzinfo)

@act.command()
@schools_argument
def many(schools):
    print(*(school.id for school in schools))
'''
RUN = "import kdx.cli; kdx.cli.COMMANDS['act'] = ('acts:act', 'Act.'); kdx.cli.main()"
HOSTS = """
all:
  children:
    schools:
      children:
        a_es: {vars: {school_name: 試験市立あ小学校, kind: elementary}}
        b_es: {vars: {school_name: 試験市立い小学校, kind: elementary}}
"""


@pytest.fixture(scope="module")
def acts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a module of commands that do what a test asks for, and an inventory of two schools."""
    folder = tmp_path_factory.mktemp("acts")
    (folder / "acts.py").write_text(ACTS)
    (folder / "inventory").mkdir()
    (folder / "inventory" / "hosts.yml").write_text(HOSTS)
    (folder / "inventory" / "kdx.yml").write_text("board: 試験市教育委員会\nlanguage: ja\n")
    return folder


def run(acts: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `kdx` with the extra command group in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", RUN, *words], cwd=acts, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(acts), **environment},
    )


@pytest.fixture
def here(acts: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Run the extra commands in this process, where only words and exit code count."""
    monkeypatch.syspath_prepend(acts)
    monkeypatch.setitem(cli.COMMANDS, "act", ("acts:act", "Act."))
    return CliRunner()


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    language = os.environ.get("LANGUAGE")
    use_language("en")
    yield
    use_language("en")
    if language is None:
        os.environ.pop("LANGUAGE", None)
    else:
        os.environ["LANGUAGE"] = language


def all_commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from all_commands(below, click.Context(below, parent=context, info_name=name))


COMMANDS = dict(all_commands(root, click.Context(root, info_name="kdx")))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_help_and_an_example_that_parses(path: str) -> None:
    command = COMMANDS[path]
    assert isinstance(command, KdxCommand) and command.help
    example = next(line for line in command.help.splitlines() if line.strip().startswith("Example: "))
    words = shlex.split(example.partition("Example: ")[2])
    assert " ".join(words).startswith(path)
    context = root.make_context("kdx", words[1:], obj=Application())
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, found, rest = context.command.resolve_command(context, rest)
        assert found is not None
        context = found.make_context(name, rest, parent=context)
    assert context.command_path.startswith(path)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_short_help_in_the_list_of_commands_is_the_commands_own(name: str) -> None:
    assert cli.COMMANDS[name][1] == COMMANDS[f"kdx {name}"].get_short_help_str()


def test_help_imports_nothing_heavy_and_costs_at_most_150_ms() -> None:
    code = "import sys, kdx.cli\ntry: kdx.cli.root.main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "click" in modules and not set(HEAVY) & set(modules)

    def seconds(*command: str) -> float:
        start = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - start

    pairs = [seconds(str(KDX), "--help") - seconds(sys.executable, "-c", "pass") for _ in range(7)]
    assert min(pairs) <= 0.15


def test_help_names_every_exit_code() -> None:
    shown = CliRunner().invoke(root, ["--help"]).output
    for code, meaning in MEANINGS.items():
        assert any(line.split(None, 1) == [str(int(code)), meaning] for line in shown.splitlines())


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(root, ["--version"]).output.startswith("kdx 0.")


@pytest.mark.parametrize("code", [code for code in ExitCode if code is not ExitCode.DONE])
def test_an_error_says_what_happened_and_what_to_do_and_ends_with_its_code(here: CliRunner, code: ExitCode) -> None:
    done = here.invoke(root, ["act", "fail", str(int(code))])
    assert done.exit_code == code and done.stdout == ""
    assert done.stderr == "It failed for a\\n\\x1b[31mb.\nLook at a\\n\\x1b[31mb.\n"


@pytest.mark.parametrize("option", [["--json"], ["--format", "ndjson"], ["--format=json"]])
def test_a_program_gets_the_error_as_json_on_stderr(acts: Path, option: list[str]) -> None:
    for words in (["act", "fail", "5", *option], [*option, "act", "fail", "5"]):
        done = run(acts, *words)
        assert (done.returncode, done.stdout) == (5, "")
        error = json.loads(done.stderr)
        assert error["schema_version"] == 1
        assert error["error"] == {
            "message": "It failed for a\\n\\x1b[31mb.", "advice": "Look at a\\n\\x1b[31mb.", "exit_code": 5,
        }
    done = run(acts, "act", "fail", "--nonsense", *option)
    assert done.returncode == 2 and json.loads(done.stderr)["error"]["exit_code"] == 2


def test_a_bug_is_one_short_text_and_a_trace_only_when_asked_for(acts: Path) -> None:
    short = run(acts, "act", "bug")
    assert short.returncode == 1 and "ValueError: some\\x1b[31m thing" in short.stderr
    assert "Traceback" not in short.stderr and len(short.stderr.splitlines()) == 2
    for done in (run(acts, "act", "bug", "-v"), run(acts, "-v", "act", "bug"), run(acts, "act", "bug", KDX_DEBUG="1")):
        assert done.returncode == 1 and "Traceback" in done.stderr and "\x1b" not in done.stderr


@pytest.mark.parametrize("code", ExitCode)
def test_a_command_can_finish_with_any_code_and_no_words(here: CliRunner, code: ExitCode) -> None:
    done = here.invoke(root, ["act", "finish", str(int(code))])
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", "")


def test_the_exit_code_is_that_of_the_process(acts: Path) -> None:
    assert [run(acts, "act", what, "14").returncode for what in ("fail", "finish")] == [14, 14]


@pytest.mark.parametrize(
    "words, said",
    [
        (["inventry"], "Nearest: inventory"),
        (["act", "shwo"], "Nearest: show"),
        (["act", "show"], "Missing argument"),
        (["act", "show", "1", "--formt", "csv"], "--formt"),
        (["act", "show", "1", "--format", "pdf"], "'pdf' is not one of"),
        (["act", "show", "1", "--columns", "nam"], "Nearest: name"),
        (["act", "show", "1", "--filter", "size>big"], "not a number"),
        (["act", "one", "x", "--bandwidth", "fast"], "20Mbit"),
        (["act", "one", "x", "--as-of", "R1.4.30"], "R1.4.30"),
        (["act", "many"], "--all"),
        (["act", "many", "nowhere"], "nowhere"),
        (["--state", "postgresql://board/kdx", "act", "show", "1", "extra"], "extra"),
    ],
)
def test_a_usage_mistake_ends_with_2_says_what_is_near_and_runs_nothing(
    acts: Path, words: list[str], said: str
) -> None:
    done = run(acts, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_command_with_130(acts: Path, number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "act", "sleep"], cwd=acts, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": str(acts)},
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _out, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.split("\n")[-3:] == [
        "Interrupted.", "Start the same command again; it goes on where it stopped.", "",
    ]


@pytest.mark.parametrize("form", ["table", "csv", "ndjson"])
def test_a_closed_pipe_is_not_a_bug(acts: Path, form: str) -> None:
    line = f"{sys.executable} -c \"$RUN\" --quiet act show 20000 --format {form} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=acts, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(acts), "RUN": RUN},
    )
    assert done.stdout.splitlines()[-1] == "0" and done.stderr == "warned\n"


def test_a_full_disk_behind_stdout_is_told(acts: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", RUN, "--quiet", "act", "show", "3"], cwd=acts, stdout=full, stderr=subprocess.PIPE,
            text=True, env={**os.environ, "PYTHONPATH": str(acts)},
        )
    assert done.returncode == 2 and "standard output" in done.stderr and "Exception" not in done.stderr


def test_results_go_to_stdout_and_everything_else_to_stderr(acts: Path, tmp_path: Path) -> None:
    done = run(acts, "act", "show", "2", "--format", "csv")
    assert done.stdout.startswith("\ufeffName,Size") and done.stderr == "said \\x1b[31m\nwarned\n"
    quiet = run(acts, "act", "show", "2", "--quiet", "-o", str(tmp_path / "x.xlsx"), "--format", "xlsx")
    assert (quiet.stdout, quiet.stderr) == ("", "warned\n")
    assert (tmp_path / "x.xlsx").read_bytes().startswith(b"PK")


def test_columns_sort_and_filter_shape_the_result(acts: Path) -> None:
    done = run(acts, "act", "show", "5", "--json", "--filter", "size>1", "--filter", "size<4", "--sort", "-size",
               "--columns", "size")
    assert json.loads(done.stdout)["rows"] == [{"size": 3}, {"size": 2}]


def test_common_options_stand_before_or_after_the_command(acts: Path) -> None:
    for words in (["--quiet", "--lang", "ja", "act", "show", "1"], ["act", "show", "1", "--quiet", "--lang=ja"]):
        done = run(acts, *words, KDX_LANG="")
        assert done.stderr == "warned\n" and "現在" in done.stdout


def test_the_shared_arguments_mean_what_they_say(acts: Path) -> None:
    done = run(acts, "act", "one", "あ小", "--share", "共有", "--to", "cloud", "--dry-run", "--bandwidth", "20Mbit",
               "--as-of", "令和8年11月23日")
    assert done.stdout == "あ小 共有 cloud True 2500000 2026-11-23 23:59:59.999999+09:00 True UTC\n"


def test_a_day_ends_when_it_ends_for_the_board(acts: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(HOSTS)
    (tmp_path / "kdx.yml").write_text("board: 試験市教育委員会\ntime_zone: UTC\n")
    done = run(acts, "act", "one", "x", "--as-of", "2026-11-23", "--inventory", str(tmp_path))
    assert "2026-11-23 23:59:59.999999+00:00" in done.stdout


def test_schools_are_resolved_once_each_in_the_order_given(acts: Path) -> None:
    assert run(acts, "act", "many", "い小", "a_es", "b_es").stdout == "b_es a_es\n"
    assert run(acts, "act", "many", "--all").stdout == "a_es b_es\n"


@pytest.mark.parametrize(
    "words, environment, japanese",
    [
        (["--lang", "ja"], {"KDX_LANG": "en", "LANG": "en_US.UTF-8"}, True),
        (["--lang", "en"], {"KDX_LANG": "ja"}, False),
        ([], {"KDX_LANG": "ja"}, True),
        # the board's kdx.yml says ja; the inventory is ./inventory here
        ([], {"KDX_LANG": "", "LANG": "C"}, True),
        (["--inventory", "/nowhere"], {"KDX_LANG": "", "LANG": "C", "LC_ALL": ""}, False),
        (["--inventory", "/nowhere"], {"KDX_LANG": "", "LANG": "ja_JP.UTF-8", "LC_ALL": "", "LC_MESSAGES": ""}, True),
    ],
)
def test_the_language_is_the_first_that_is_said(
    acts: Path, words: list[str], environment: dict[str, str], japanese: bool
) -> None:
    shown = run(acts, *words, "--help", **environment).stdout
    assert ("終了コード:" in shown, "使い方:" in shown) == (japanese, japanese)
    said = run(acts, *words, "act", "show", **environment).stderr
    assert ("引数が足りません" in said) == japanese and ("Missing argument" in said) != japanese


def test_japanese_help_fits_eighty_columns_and_breaks_no_line_before_a_closing_mark() -> None:
    use_language("ja")
    for path, command in COMMANDS.items():
        lines = HelpContext(command, info_name=path, obj=Application()).get_help().splitlines()
        assert max(map(width_of, lines)) <= 80
        assert not [line for line in lines if line.strip() and line.strip()[0] in "、。）」)"]


def test_wrapping_loses_nothing() -> None:
    text = "共有フォルダーの中身 (例: name~part、size>10MB) が、前回より少ない。 --accept-smaller を付けます。"
    for width in (20, 33, 80):
        lines = wrap(text, width)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert max(map(width_of, lines)) <= width


def test_examples_in_help_are_not_translated() -> None:
    use_language("ja")
    assert translated("Show.\n\nExample: kdx inventory list\n").endswith("例: kdx inventory list")


@pytest.mark.parametrize(
    "text, rate",
    [("20Mbit", 2_500_000), ("20 Mbit/s", 2_500_000), ("500kbit", 62_500), ("1Gbit", 125_000_000), ("8bit", 1),
     ("2.5MB/s", 2_500_000), ("100kB/s", 100_000), ("1.5mbit", 187_500), ("10Mbps", 1_250_000)],
)
def test_a_bandwidth_is_in_bits_as_lines_are_sold(text: str, rate: int) -> None:
    assert parse_bandwidth(text) == rate


@pytest.mark.parametrize("text", ["", "20", "20M", "20MB", "-1Mbit", "1bit", "0Mbit", "1e3Mbit", "Mbit", "20Mbit;x"])
def test_a_bandwidth_without_a_clear_unit_is_refused(text: str) -> None:
    with pytest.raises(BandwidthUnclear):
        parse_bandwidth(text)


@pytest.mark.parametrize(
    "text, iso",
    [("2026-11-23", "2026-11-23"), ("R8.11.23", "2026-11-23"), ("令和8年4月1日", "2026-04-01"),
     ("令和元年5月1日", "2019-05-01"), ("R8/11/23", "2026-11-23"), ("20261123", "2026-11-23")],
)
def test_a_date_may_be_written_in_the_japanese_era(text: str, iso: str) -> None:
    assert parse_date(text).isoformat() == iso


@pytest.mark.parametrize("text", ["", "R1.4.30", "R8.2.30", "yesterday", "2026-13-01", "H31.4.1", "R8"])
def test_a_date_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(DateUnclear):
        parse_date(text)


def ledger_of(folder: Path) -> list[tuple[str, str, str]]:
    """Return kind, subject and body of every event, read without kdx."""
    with contextlib.closing(sqlite3.connect(folder / "ledger.sqlite3")) as database:
        return list(database.execute("select kind, subject, body from events order by id"))


def test_an_acting_command_that_fails_leaves_that_in_the_ledger(acts: Path, tmp_path: Path) -> None:
    done = run(acts, "--state", str(tmp_path), "act", "work")
    assert done.returncode == 1 and done.stderr.startswith("It failed for a\\x83.")
    [(kind, subject, body)] = ledger_of(tmp_path)
    assert (kind, subject, json.loads(body)["exit_code"]) == ("command.failed", "kdx act work", 1)
    assert json.loads(body)["message"] == "It failed for a\\x83."


def test_a_failure_makes_no_state_folder_and_one_that_cannot_be_recorded_hides_nothing(
    acts: Path, tmp_path: Path
) -> None:
    nowhere, broken = tmp_path / "nowhere", tmp_path / "broken"
    broken.mkdir()
    (broken / "ledger.sqlite3").write_text("not a database " * 100)
    for folder in (str(nowhere), str(broken), "postgresql://board/kdx"):
        done = run(acts, "--state", folder, "act", "work")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "It failed for a\\x83.\nLook at a\\x83.\n"
    assert not nowhere.exists()


def test_what_was_not_understood_or_does_not_act_is_not_recorded(acts: Path, tmp_path: Path) -> None:
    run(acts, "--state", str(tmp_path), "act", "work", "--nonsense")
    run(acts, "--state", str(tmp_path), "act", "fail", "5")
    assert list(tmp_path.iterdir()) == []


def test_events_of_one_command_share_a_request_and_name_who_acted(acts: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert run(acts, "act", "record", KDX_STATE=str(tmp_path / "state")).returncode == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "ledger.sqlite3")) as database:
        rows = list(database.execute("select actor, request_id from events order by id"))
    assert rows[0] == rows[1] != rows[2] == rows[3] and "@" in rows[0][0]


def test_a_state_that_is_not_a_folder_is_refused(acts: Path) -> None:
    done = run(acts, "--state", "postgresql://user:secret@board/kdx", "act", "record")
    assert done.returncode == 10 and "secret" not in done.stderr and "cluster" in done.stderr


def test_the_clock_of_a_command_can_be_set() -> None:
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    application = Application(clock=lambda: moment)
    assert application.now() == moment and application.output.clock() == moment


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands_and_options(shell: str) -> None:
    def ask(task: str, **more: str) -> str:
        # fish hands over the word itself, the others its number
        environment = {**os.environ, "_KDX_COMPLETE": f"{shell}_{task}", "KDX_LANG": "en", **more}
        program = Path(sys.executable).with_name("kdx")
        return subprocess.run([program], env=environment, capture_output=True, text=True, check=True).stdout

    assert f"{shell}_complete" in ask("source")
    assert "inventory" in ask("complete", COMP_WORDS="kdx inv", COMP_CWORD="inv" if shell == "fish" else "1")
    words = "kdx report --au"
    assert "--audience" in ask("complete", COMP_WORDS=words, COMP_CWORD="--au" if shell == "fish" else "2")
