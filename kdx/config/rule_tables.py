"""Where the dated rule tables lie: rules/NAME.yml of the inventory folder, else the one that ships with kdx.

A table of the inventory replaces the shipped one whole, so that what a board reviewed never changes under it.
"""

from pathlib import Path

from kdx.config.fields import Node
from kdx.config.mistakes import Findings
from kdx.config.strict_yaml import read_yaml

SHIPPED = Path(__file__).with_name("tables")
TARGETS, PERSONAL = "targets.yml", "personal.yml"
PROBE, END_OF_LIFE, WINDOWS_SCRIPTS = "probe.yml", "end_of_life.yml", "windows_scripts.yml"


def table_path(name: str, folder: Path) -> Path:
    """Given the name of a table and the inventory folder, return the file that counts."""
    own = folder / "rules" / name
    return own if own.exists() else SHIPPED / name


def read_table(name: str, folder: Path, found: Findings) -> Node | None:
    """Return the top of a table, None where it cannot be read; what is wrong is noted."""
    return read_yaml(table_path(name, folder), found)


def profile_names(folder: Path) -> list[str]:
    """Return the names of the target profiles; empty where the table cannot be read (whoever uses it says why)."""
    top = read_table(TARGETS, folder, Findings())
    profiles = top.value.get("profiles") if top else None
    return list(profiles.value) if profiles and isinstance(profiles.value, dict) else []
