"""A whole probe: who is asked, what came, what it means, what the ledger keeps. The one way in for commands."""

from collections.abc import Sequence
from dataclasses import dataclass

from kdx.config.model import Board, School
from kdx.config.naming import UnknownName, nearest_names
from kdx.errors import ExitCode, gravest
from kdx.language import _
from kdx.progress import Progress
from kdx.rollout.probe.asking import Around, Clock, ask_all
from kdx.rollout.probe.check import By
from kdx.rollout.probe.findings import Finding, exit_code_of, judge_all, observation_of
from kdx.rollout.probe.rules import Rules, load_rules
from kdx.rollout.probe.visits import Tour, only, plan, unasked
from kdx.rollout.stream import Definition
from kdx.state.events.rollout import ObservationMade


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be looked at, where that is not everything."""

    checks: tuple[str, ...] = ()
    """Ids; none means all."""
    server: str = ""
    """The only server, and beside it the clock that its own is compared with."""


ALL = Wish()


@dataclass(frozen=True, slots=True)
class Outing:
    """What is to be done, before anybody is asked."""

    board: Board
    definition: Definition
    rules: Rules
    tour: Tour
    vantage: str
    """Where it is looked from."""
    unasked: tuple[tuple[str, str], ...] = ()
    """Server and check, of those that were wished for, where nobody can be asked."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of it."""

    outing: Outing
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> ExitCode:
        """5 where a check failed, 6 where one could not be decided, or was wished for and nobody could be asked."""
        missing = ExitCode.UNDECIDED if self.outing.unasked else ExitCode.DONE
        return gravest((exit_code_of(self.findings), missing))

    @property
    def unknown_checks(self) -> tuple[str, ...]:
        """Checks that rollout.yml does not know: their findings are shown, and not kept."""
        made = dict.fromkeys(one.check for one in self.findings)
        return tuple(name for name in made if name not in self.outing.definition.checks)


def prepare(
    board: Board, definition: Definition, schools: Sequence[School], vantage: str = "", wish: Wish = ALL
) -> Outing:
    """Return what a probe of these schools would do, from `vantage`, else from where rollout.yml says kdx stands."""
    rules = load_rules(board.folder)
    here = vantage or definition.probe.vantage or "kdx"
    tour = plan(board, definition.probe, rules, schools, here)
    servers = [server.name for school in schools for server in school.servers if server.shares]
    if wish.server and wish.server not in servers:
        near = ", ".join(nearest_names(wish.server, servers)) or "-"
        raise UnknownName(name=wish.server, kind=_("server"), nearest=near)
    servers = [wish.server] if wish.server else servers
    tour = only(tour, wish.checks, wish.server)
    return Outing(board, definition, rules, tour, here, unasked(tour, servers, wish.checks, rules))


def probe(outing: Outing, clock: Clock, within: float, progress: Progress, *, writes: bool = True) -> Probed:
    """Ask everybody, `within` seconds each, and judge. Without `writes` no canary is written."""
    visits = [one for one in outing.tour.visits if writes or one.by is not By.WRITE]
    answers = ask_all(visits, Around(outing.board.network, clock, within), progress)
    return Probed(outing, judge_all(answers, outing.rules, clock()))


def observations(probed: Probed, run: str) -> tuple[ObservationMade, ...]:
    """Return what the ledger keeps of it."""
    outing = probed.outing
    return tuple(
        observation_of(one, outing.rules, outing.vantage, run)
        for one in probed.findings if one.check in outing.definition.checks
    )
