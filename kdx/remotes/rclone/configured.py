"""Which remotes rclone's configuration knows, asked through rclone-python: the one place where that package works.

It hands its commands to a shell, so nothing reaches it but constants of kdx and the quoted path of the program.
Whatever carries a name of a school goes to the running rclone instead (engine).
"""

import shlex

from kdx.errors import ConfigurationError
from kdx.language import N_
from kdx.remotes.rclone.faults import short
from kdx.remotes.rclone.program import usable_rclone


class RemotesUnread(ConfigurationError):
    """rclone does not list its remotes."""

    message = N_("rclone does not say which remotes there are: {why}.")
    advice = N_("Look at its configuration with: rclone config, as the user who runs kdx.")


def configured_remotes() -> tuple[str, ...]:
    """Return the names of all remotes, without their colons. RcloneMissing, RcloneUnusable, RemotesUnread."""
    from rclone_python import rclone, utils

    rclone.set_executable_file(shlex.quote(str(usable_rclone())), validate=False)
    try:
        # not get_remotes(): it splits names at spaces, and lets rclone ask for a password where nobody sits
        said, _errors = utils.run_rclone_cmd("listremotes", ["--ask-password=false"])
    except utils.RcloneException as error:
        raise RemotesUnread(why=short(error.error_msg)) from error
    return tuple(line.removesuffix(":") for line in said.splitlines() if line)
