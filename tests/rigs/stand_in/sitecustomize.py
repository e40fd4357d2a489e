"""Gives a kdx that has no `backup` command yet a stand-in for it. Once it has one, the real one runs."""

try:
    import kdx.cli

    kdx.cli.COMMANDS.setdefault("backup", ("kdx_stand_in:backup", "Stand-in"))
except ImportError:
    pass
