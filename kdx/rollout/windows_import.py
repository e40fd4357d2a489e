"""What playbooks/windows/look.ps1 wrote on a Windows machine -> observations (EXAMINE). Judges; writes nothing.

The script is known by its SHA-256, which it says itself: that shows which script ran, not that nobody changed the file
afterwards. So a person carries it, and its rows are EXAMINE, never TEST.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kdx.config.fields import Node, mistake, read_items, read_required, refuse_unknown
from kdx.config.mistakes import ConfigurationMistakes, Findings
from kdx.config.model import Board
from kdx.config.rule_tables import WINDOWS_SCRIPTS, read_table
from kdx.errors import GateClosed
from kdx.language import N_, _, translate
from kdx.rollout.grid import FileUnclear
from kdx.rollout.judged import Judged, Line, Verdict
from kdx.rollout.observation_proof import import_run
from kdx.rollout.overview import Overview
from kdx.rollout.probe.check import Seen
from kdx.rollout.probe.checks.windows import JUDGES
from kdx.rollout.probe.rules import Rules, load_rules
from kdx.rollout.sent_file import SentFile
from kdx.state.events.rollout import Method, ObservationMade

SCHEMA, SCHEMA_VERSION, FORM = "kdx.windows", 1, "windows"
SCRIPT_KEYS = ("name", "sha256", "schema_version", "date", "source")
AHEAD = timedelta(minutes=5)
"""A machine's clock may be so far ahead before what it says is not of today."""


class ScriptUnknown(GateClosed):
    """A file was made by a script that nobody has put on the list."""

    message = N_("{file} was made by a script that is not known (SHA-256 {sha256}).")
    advice = N_(
        "Run playbooks/windows/look.ps1 as it is shipped, or add your own script to rules/windows_scripts.yml."
    )


class ComputerUnknown(GateClosed):
    """A file speaks of a machine that hosts.yml does not have."""

    message = N_("{file} speaks of the computer {name}, which is no host of hosts.yml.")
    advice = N_("Name the host like the computer, or write kdx_computer: {name} under it.")


def is_windows_report(text: str) -> bool:
    """Whether a text looks like what the script writes: a sheet or a CSV never begins with a brace."""
    return text.lstrip().startswith("{")


def judge_windows(overview: Overview, sent: SentFile) -> Judged:
    """Return what a file of the script shows. FileUnclear, ScriptUnknown or ComputerUnknown where it shows nothing."""
    said = _read(sent.text, sent.name)
    if str(said.get("script_sha256")) not in known_scripts(overview.board.folder):
        raise ScriptUnknown(file=sent.name, sha256=said.get("script_sha256"))
    school, host, kind = _host_of(overview.board, str(said.get("computer") or ""), sent.name)
    rules = load_rules(overview.board.folder)
    collected = _moment(said.get("collected"), sent.name)
    lines, events = [], []
    for row, (check, judge) in enumerate(JUDGES.items(), 1):
        if rules.checks[check].of not in (kind, "any") or check not in overview.definition.checks:
            continue
        figures = rules.checks[check].figures
        verdict = judge(said, Seen({}, figures, overview.world.now, rules.ends))
        event = _observation(check, school, host, verdict.result, verdict.value, collected, rules, sent.sha256)
        line = _line(overview, event, row, str(rules.checks[check].label), str(verdict.reason))
        lines += [line] if line else []
        events += [event] if line and line.verdict is Verdict.CHANGE else []
    fit = all(line.verdict is Verdict.CHANGE for line in lines)
    taken = tuple(events) if fit else ()
    return Judged(sent.name, sent.sha256, FORM, sent.encoding, len(JUDGES), tuple(lines), taken)


def known_scripts(folder: Path) -> frozenset[str]:
    """Return the SHA-256 of every script on the list. ConfigurationMistakes where the list is wrong."""
    found = Findings()
    top = read_table(WINDOWS_SCRIPTS, folder, found)
    items = read_items(top.value.get("scripts"), found) if top else []
    digests = frozenset(_digest(item, found) for item in items)
    if found.mistakes:
        raise ConfigurationMistakes(found.mistakes)
    return digests


def _digest(item: Node, found: Findings) -> str:
    refuse_unknown(item, SCRIPT_KEYS, found)
    text = read_required(item, "sha256", found).lower()
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        mistake(found, item, _("a SHA-256 has 64 hexadecimal digits."))
    return text


def _read(text: str, file: str) -> Mapping[str, object]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileUnclear(file=file, why=N_("it is not whole JSON")) from error
    if not isinstance(said, dict) or said.get("schema") != SCHEMA or said.get("schema_version") != SCHEMA_VERSION:
        raise FileUnclear(file=file, why=N_("it is not what look.ps1 writes, or of a version this kdx does not know"))
    return said


def _host_of(board: Board, computer: str, file: str) -> tuple[str, str, str]:
    """Return school, host and kind (server, terminal) of a computer; Windows writes names in capitals."""
    name = computer.casefold()
    for school in board.schools:
        for server in school.servers:
            variables = dict(server.variables)
            known = (server.name, server.name.partition(".")[0], variables.get("kdx_computer", ""))
            if name and name in map(str.casefold, known):
                return school.id, server.name, "server" if server.shares else "terminal"
    raise ComputerUnknown(file=file, name=computer)


def _moment(text: object, file: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise FileUnclear(file=file, why=N_("it does not say when it was made")) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _observation(
    check: str, school: str, host: str, result: str, value: str, collected: datetime, rules: Rules, sha256: str
) -> ObservationMade:
    return ObservationMade(
        check=check, school=school, item="", target=host, vantage=host, method=Method.EXAMINE, result=result,
        collected=collected, expires=collected + timedelta(days=rules.checks[check].days), run=import_run(sha256),
        value=value, raw_sha256=sha256,
    )


def _line(overview: Overview, event: ObservationMade, row: int, label: str, reason: str) -> Line | None:
    """Return what taking an observation changes; None where the ledger has it already."""
    place = overview.schools[event.school].name
    known = overview.world.facts.observations.get((event.check, event.school, ""), {}).values()
    same = [one.body for one in known if (one.body.get("target"), one.body.get("vantage")) == (event.target,) * 2]
    last = max(same, key=lambda body: str(body.get("collected")), default=None)
    mine = str(event.to_body()["collected"])
    after = f"{translate(RESULTS[event.result])}: {reason}"
    now = overview.world.now
    if event.collected > now + AHEAD:
        return Line(row, place, label, Verdict.PROBLEM, after=after, why=_("the day is yet to come"))
    if event.expires and event.expires < now:
        return Line(row, place, label, Verdict.PROBLEM, after=after, why=_("it is out of date"))
    if last is None:
        return Line(row, place, label, Verdict.CHANGE, "-", after)
    before = translate(RESULTS.get(str(last.get("result")), str(last.get("result"))))
    if str(last.get("collected")) == mine:
        return None
    if str(last.get("collected")) > mine:
        return Line(row, place, label, Verdict.CONFLICT, before, after, _("the ledger holds a newer one"))
    return Line(row, place, label, Verdict.CHANGE, before, after)


RESULTS = {"pass": N_("passes"), "fail": N_("fails"), "unknown": N_("not known")}
