"""`kdx drill`: a restore done to prove that it can be. Translates; decides nothing."""

from pathlib import Path

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import bandwidth_option, dry_run_option, output_options
from kdx.errors import KdxError, gravest
from kdx.language import N_


@click.command(cls=KdxCommand, acts=True)
@click.argument("schools", metavar="[SCHOOL]...", nargs=-1)
@click.option("--whole", is_flag=True, help=N_("Bring back everything, whatever the week's budget says."))
@click.option("--scratch", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help=N_("Restore into a folder below this one, on the hardware to be tried; removed afterwards."))
@bandwidth_option
@dry_run_option
@output_options
@click.pass_obj
def drill(
    app: Application, schools: tuple[str, ...], whole: bool, scratch: Path | None, bandwidth: int | None, dry_run: bool
) -> None:
    """Bring back a part of every share, compare it byte for byte, and time it. Exit 5 where anything differs.

    Example: kdx drill kameyama_nishi_es
    """
    from kdx.backup.format.vault import place_of_vault
    from kdx.backup.restoring.drill import Terms, drill_school
    from kdx.backup.restoring.drill_result import Drill
    from kdx.cli.failures import explain
    from kdx.cli.restore import sources_of
    from kdx.report.drill import drills_table, faults_text
    from kdx.report.schools import school_names, with_names
    from kdx.schedule.wan import part_of_line
    from kdx.transfer.budget import Weight

    chosen = dict.fromkeys(map(app.board.school, schools)) or app.board.schools
    vault = place_of_vault(app.board).location
    drills: list[Drill] = []
    codes = []
    with part_of_line(app.board, app.state, Weight.DRILL, lambda: bandwidth, vault) as rate:
        week_bytes = app.board.backup.drill_megabytes * 1_000_000
        terms = Terms(app.state, app.zone, week_bytes, scratch, whole, dry_run, rate)
        for school in chosen:
            for done in drill_school(sources_of(app, school.shares), terms, app.now, app.output.progress):
                if isinstance(done, KdxError):
                    codes.append(explain(done, app))
                    continue
                drills.append(done)
                codes.append(done.exit_code)
                if done.files and not dry_run:
                    app.record(done.event())
    table = drills_table(drills, school_names(app.board), dry_run)
    app.output.show(with_names(table, app.board))
    app.output.warn(faults_text(drills))
    app.output.finish(gravest(codes))
