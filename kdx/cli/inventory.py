"""`kdx inventory`: see what is on the servers. Translates; decides nothing."""

from datetime import datetime, time, timedelta

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxGroup
from kdx.cli.options import (
    application_of,
    output_options,
    parse_date,
    school_argument,
    share_option,
    shares_of,
)
from kdx.cli.scan import scan
from kdx.errors import ExitCode
from kdx.language import N_, translate

SUMMARIES = (
    "fiscal-year", "folder", "type", "age", "owner", "largest", "open", "unreadable", "names", "ignored",
)
GROUPS_SHOWN = 500


@click.group(cls=KdxGroup)
def inventory() -> None:
    """See what is on the servers.

    Example: kdx inventory list
    """


@inventory.command("list")
@output_options
@click.pass_obj
def list_schools(app: Application) -> None:
    """Show schools, servers and shares, and when each was last scanned.

    Example: kdx inventory list
    """
    from kdx.inventory.overview import share_states
    from kdx.report.inventory import list_table

    app.output.show(list_table(app.board, share_states(app.board.schools, app.state)))


@inventory.command()
@school_argument
@output_options
@click.pass_obj
def show(app: Application, school: str) -> None:
    """Show one school: what is known of it, its servers and shares.

    Example: kdx inventory show kameyama_nishi_es
    """
    from kdx.inventory.overview import share_states
    from kdx.report.inventory import show_table

    found = app.board.school(school)
    app.output.show(show_table(found, share_states([found], app.state)))


inventory.add_command(scan)


@inventory.command()
@school_argument
@share_option
@click.option("--by", type=click.Choice(SUMMARIES), default=SUMMARIES[0], show_default=True,
              help=N_("What to sum up or list."))
@output_options
@click.pass_obj
def summary(app: Application, school: str, share: str | None, by: str) -> None:
    """Sum up what the last catalogs of a school's shares hold.

    Example: kdx inventory summary kameyama_nishi_es --by type
    """
    from kdx.inventory.overview import open_shelf
    from kdx.report.inventory_summary import summary_table

    found = app.board.school(school)
    shelf = open_shelf(shares_of(app, (found,), share), app.state)
    app.output.show(summary_table(by, found, shelf, app.now(), app.output.zone))


@inventory.command()
@school_argument
@share_option
@output_options
@click.pass_obj
def duplicates(app: Application, school: str, share: str | None) -> None:
    """Show files with the same content, and what could be saved.

    Example: kdx inventory duplicates kameyama_nishi_es
    """
    from kdx.inventory.overview import find_duplicates, open_shelf
    from kdx.report.inventory import duplicates_table

    found = app.board.school(school)
    shelf = open_shelf(shares_of(app, (found,), share), app.state)
    app.output.show(duplicates_table(found, shelf, *find_duplicates(shelf, GROUPS_SHOWN)))


@inventory.command()
@school_argument
@share_option
@output_options
@click.pass_obj
def access(app: Application, school: str, share: str | None) -> None:
    """Show folders that open for others than the folder they lie in, and who may open them.

    Example: kdx inventory access kameyama_nishi_es
    """
    from kdx.inventory.overview import open_shelf
    from kdx.report.access import access_table

    found = app.board.school(school)
    app.output.show(access_table(found, open_shelf(shares_of(app, (found,), share), app.state)))


def _end_of_day(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    next_day = parse_date(value) + timedelta(days=1)
    return datetime.combine(next_day, time(), application_of(context).zone) - timedelta(microseconds=1)


@inventory.command()
@school_argument
@share_option
@click.option("--from", "since", metavar="DATE", callback=_end_of_day, help=N_("The last scan up to that day."))
@click.option("--to", "until", metavar="DATE", callback=_end_of_day, help=N_("The last scan up to that day."))
@output_options
@click.pass_obj
def diff(app: Application, school: str, share: str | None, since: datetime | None, until: datetime | None) -> None:
    """Show what was added, removed, changed or moved between two scans; without days between the last two.

    Example: kdx inventory diff kameyama_nishi_es --from 2026-04-01
    """
    from kdx.inventory.overview import choose_two, find_differences
    from kdx.report.inventory import difference_table

    before, now = choose_two(app.board.share(school, share), app.state, since, until)
    app.output.show(difference_table(app.board.school(school), before, now, find_differences(before, now)))


@inventory.command()
@output_options
@click.pass_obj
def check(app: Application) -> None:
    """Check the configuration, and compare it host by host with what Ansible reads.

    Example: kdx inventory check
    """
    from kdx.config.ansible import compare_with_ansible
    from kdx.report.inventory import check_table
    from kdx.rollout.definition import check_definition

    check_definition(app.board.folder)
    differences = compare_with_ansible(app.board.folder, app.board)
    app.output.show(check_table(app.board, differences))
    app.output.finish(ExitCode.CONFIGURATION if differences else ExitCode.DONE)


@inventory.command()
@click.argument("school", metavar="[SCHOOL]", required=False)
@share_option
@click.option("-o", "--output", "file", metavar="FILE", default="-",
              help=N_("FILE.parquet, .csv, .ndjson or .xlsx; the ending decides (- is CSV on standard output)."))
@click.option("--ansible", is_flag=True, help=N_("The schools as an inventory that Ansible reads (JSON) instead."))
@click.pass_obj
def export(app: Application, school: str | None, share: str | None, file: str, ansible: bool) -> None:
    """Write the last catalog of a share as a file that other programs read.

    Example: kdx inventory export kameyama_nishi_es -o catalog.csv
    """
    from kdx.cli.export import export_catalog, write_json

    if ansible:
        from kdx.config.ansible import as_ansible

        return write_json(as_ansible(app.board), file)
    if not school:
        raise click.UsageError(translate(N_("Name a school, or write --ansible.")))
    from kdx.inventory.overview import last_catalog

    export_catalog(last_catalog(app.board.share(school, share), app.state), file, app.output.zone)
