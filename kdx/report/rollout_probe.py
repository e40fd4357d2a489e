"""What a probe would send, and what it found, as tables. No I/O."""

from kdx.language import N_, _, translate
from kdx.report.tables import Column, Table
from kdx.rollout.probe.check import Result
from kdx.rollout.probe.explain import Sending, sendings_of
from kdx.rollout.probe.findings import Finding
from kdx.rollout.probe.run import Outing, Probed

RESULTS = {Result.PASS: N_("passes"), Result.FAIL: N_("fails"), Result.UNKNOWN: N_("not known")}
GRAVEST_FIRST = (Result.FAIL, Result.UNKNOWN, Result.PASS)
SCHOOL, TARGET, CHECK = Column("school", N_("School")), Column("target", N_("Of")), Column("check", N_("Check"))


def probe_table(probed: Probed, *, kept: bool) -> Table:
    """Return the findings, failures first; a fix for each that failed."""
    outing, findings = probed.outing, probed.findings
    counts = {result: sum(one.verdict.result is result for one in findings) for result in Result}
    said = _("{count} checks: {passed} passed, {failed} failed, {unknown} not known").format(
        count=len(findings), passed=counts[Result.PASS], failed=counts[Result.FAIL], unknown=counts[Result.UNKNOWN]
    )
    return Table(
        title=_("{board}: what the machines show").format(board=outing.board.name),
        columns=(
            SCHOOL, TARGET, CHECK, Column("result", N_("Result"), "word"), Column("found", N_("Found")),
            Column("fix", N_("What to do")),
        ),
        rows=[_row(one, outing) for one in sorted(findings, key=lambda one: GRAVEST_FIRST.index(one.verdict.result))],
        source=_("looked at from {place}; probe.yml {version}").format(
            place=outing.vantage, version=outing.rules.version
        ),
        above=(said,),
        notes=_notes(probed, kept),
    )


def explain_table(outing: Outing) -> Table:
    """Return everything a probe would send, and why."""
    return Table(
        title=_("{board}: what a probe would send").format(board=outing.board.name),
        columns=(
            SCHOOL, TARGET, Column("to", N_("Sent to")), CHECK, Column("why", N_("Why")),
            Column("source", N_("Source")), Column("sent", N_("Sent"), "path"),
        ),
        rows=[_sent(one, outing) for one in sendings_of(outing.tour.visits)],
        source=_("hosts.yml, rollout.yml; probe.yml {version}").format(version=outing.rules.version),
        notes=(_("Nothing was sent."), *_left_out(outing)),
        blocks=True,
    )


def _row(finding: Finding, outing: Outing) -> dict[str, object]:
    rule = outing.rules.checks[finding.check]
    failed = finding.verdict.result is Result.FAIL
    return {
        "school": _place(outing, finding.school),
        "target": translate(finding.target) if not finding.school else finding.target,
        "check": str(rule.label),
        "result": RESULTS[finding.verdict.result],
        "found": str(finding.verdict.reason),
        "fix": str(rule.fix) if failed else None,
    }


def _sent(sending: Sending, outing: Outing) -> dict[str, object]:
    names = (sending.check,) if sending.check else sending.visit.checks
    rules = [outing.rules.checks[name] for name in names]
    return {
        "school": _place(outing, sending.visit.school),
        "target": translate(sending.visit.target) if not sending.visit.school else sending.visit.target,
        "check": ", ".join(str(rule.label) for rule in rules),
        "to": sending.to,
        "sent": sending.what,
        "why": str(rules[0].why) if len(rules) == 1 else None,
        "source": rules[0].source if len(rules) == 1 else None,
    }


def _place(outing: Outing, school: str) -> str:
    return outing.board.school(school).name if school else _("the city")


def _notes(probed: Probed, kept: bool) -> tuple[str, ...]:
    notes = list(_left_out(probed.outing))
    if probed.outing.unasked:
        names = (f"{server} {_label(check, probed.outing)}".strip() for server, check in probed.outing.unasked)
        text = _("Nobody can be asked, so it is not known: {names}.")
        notes.append(text.format(names=", ".join(names)))
    if not kept:
        notes.append(_("Nothing was written: not into the ledger, and no canary."))
    if probed.unknown_checks:
        text = _("rollout.yml has no check {names} under checks:, so these results are not kept.")
        notes.append(text.format(names=", ".join(probed.unknown_checks)))
    return tuple(notes)


def _label(check: str, outing: Outing) -> str:
    known = outing.rules.checks.get(check)
    return str(known.label if known else outing.definition.checks[check])


def _left_out(outing: Outing) -> tuple[str, ...]:
    tour, notes = outing.tour, []
    if tour.without_login:
        text = _("No account over SSH is written (ansible_host), so what needs one was not asked: {names}.")
        notes.append(text.format(names=", ".join(tour.without_login)))
    if tour.elsewhere:
        text = _("To be looked at from another place (--vantage): {names}.")
        notes.append(text.format(names=", ".join(tour.elsewhere)))
    return tuple(notes)
