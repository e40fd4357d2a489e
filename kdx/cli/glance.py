"""`kdx` alone: where things stand and what to do next; the first steps where nothing is written down yet."""

from kdx.cli.application import Application
from kdx.config import InventoryMissing


def show_glance(app: Application) -> None:
    """Show a line for each part of the work, or how to begin. An inventory that was named must be there."""
    from kdx.report.glance import first_steps_table, glance_table

    try:
        board = app.board
    except InventoryMissing:
        if app.names_inventory:
            raise
        app.output.show(first_steps_table())
        return
    from kdx.cli.schedule import user_name
    from kdx.glance import glance

    found = glance(board, app.ledger, app.state, app.now(), user_name())
    app.output.show(glance_table(found))
    app.output.finish(found.exit_code)
