"""The one script that runs on a machine over SSH, put together from the constant commands of the checks.

It writes nothing there: no command of it makes a file, and what it prints is read here. Each command's output stands
between two lines of ours, so that an answer that was cut is seen to be cut.
"""

from collections.abc import Iterable

from kdx.rollout.probe.checks import BY_ID

CLOCK_COMMAND = "date +%s"
MARK = "== kdx "
END = "end"
AS_ROOT = {True: 'as_root() { sudo -n "$@"; }', False: 'as_root() { "$@"; }'}
BEGIN = """\
LC_ALL=C; PATH=$PATH:/usr/sbin:/sbin; export LC_ALL PATH
{as_root}
"""


def command_of(check: str) -> str:
    """Return the constant command of a check."""
    return BY_ID[check].command or CLOCK_COMMAND


def script_for(checks: Iterable[str], as_root: bool) -> str:
    """Return the script for these checks."""
    parts = [BEGIN.replace("{as_root}", AS_ROOT[as_root])]
    for check in checks:
        parts.append(f"printf '\\n{MARK}{check}\\n'\n{{\n{command_of(check)}\n}} </dev/null 2>/dev/null\n")
    parts.append(f"printf '\\n{MARK}{END}\\n'\n")
    return "".join(parts)


def sections_of(printed: bytes, checks: Iterable[str]) -> dict[str, str]:
    """Given what a script printed, return what each check's command did; none where it was not seen to end."""
    text = printed.decode("utf-8", "replace")
    found: dict[str, str] = {}
    names = [*checks, END]
    for name, after in zip(names, names[1:], strict=False):
        _before, begin, rest = text.partition(f"\n{MARK}{name}\n")
        inside, end, _after = rest.partition(f"\n{MARK}{after}\n")
        if begin and end:
            found[name] = inside
    return found
