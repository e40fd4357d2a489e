"""The inventory folder -> one validated Board, or everything that is wrong with it. Changes nothing."""

import os
from dataclasses import replace
from pathlib import Path

from kdx.config import HOSTS, SETTINGS
from kdx.config.fields import Node
from kdx.config.hosts import ansible_view, read_hosts
from kdx.config.ignore import DEFAULT, extend, read_patterns
from kdx.config.mistakes import ConfigurationMistakes, Findings, Mistake
from kdx.config.model import Board
from kdx.config.read_scheduling import check_schools
from kdx.config.schools import Surroundings, read_schools
from kdx.config.settings import read_settings
from kdx.config.strict_yaml import read_yaml
from kdx.language import _


def load(folder: Path) -> Board:
    """Read hosts.yml and kdx.yml. ConfigurationMistakes tells everything that is wrong in both."""
    found = Findings()
    if not os.path.isdir(folder):
        what = _("there is no such folder, or this user may not see it.")
        raise ConfigurationMistakes([Mistake(str(folder), 0, "", what)])
    return build(read_yaml(folder / SETTINGS, found), read_yaml(folder / HOSTS, found), folder, found)


def build(settings: Node | None, inventory: Node | None, folder: Path, found: Findings) -> Board:
    """Given the tops of kdx.yml and hosts.yml, return the board; a top that is None was found wrong before."""
    board = Board("", folder, ()) if settings is None else read_settings(settings, folder, found)
    extra = [] if settings is None else read_patterns(settings.value.get("ignore"), found)
    if inventory is not None:
        hosts = read_hosts(inventory, found)
        around = Surroundings(folder, extend(DEFAULT, extra))
        board = replace(board, schools=read_schools(inventory, hosts, around, found), ansible=ansible_view(hosts))
        if settings is not None:
            check_schools(settings.value.get("schedule"), [school.id for school in board.schools], found)
    if found.mistakes:
        raise ConfigurationMistakes(found.mistakes)
    return replace(board, warnings=tuple(sorted(set(found.warnings))))
