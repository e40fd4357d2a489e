"""The key `backup` of kdx.yml: what the board promises about backups. Strict, as everything in kdx.yml."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date

from kdx.config.fields import (
    Node,
    mistake,
    read_items,
    read_mapping,
    read_number,
    read_required,
    read_text,
    refuse_unknown,
)
from kdx.config.mistakes import Findings
from kdx.config.model import BackupSettings, Hold, Keep
from kdx.language import _

KEYS = tuple(field.name for field in fields(BackupSettings))
GUARDS = ("few", "few_new", "gone", "changed", "new", "renamed", "endings", "entropy")
"""Names of kdx.backup.saving.guard.Limits: two numbers of files, the others parts of a share."""


def read_backup(node: Node | None, found: Findings) -> BackupSettings:
    """Return what stands under `backup`; kdx's own values where nothing does."""
    values = read_mapping(node, found)
    if node is None or not values:
        return BackupSettings()
    refuse_unknown(node, KEYS, found)
    usual = BackupSettings()
    marker = read_text(values.get("marker"), found)
    if "/" in marker or marker in (".", ".."):
        mistake(found, values["marker"], _("one plain name is expected, without /."))
    exceptions = (read_text(item, found) for item in read_items(values.get("exceptions"), found))
    return BackupSettings(
        rpo_hours=read_number(values.get("rpo_hours"), 1, 8760, found) or usual.rpo_hours,
        file_rpo_days=read_number(values.get("file_rpo_days"), 1, 366, found) or usual.file_rpo_days,
        reread_days=_or(read_number(values.get("reread_days"), 0, 3660, found), usual.reread_days),
        drill_megabytes=read_number(values.get("drill_megabytes"), 1, 100_000_000, found) or usual.drill_megabytes,
        keep=_read_keep(values.get("keep"), found),
        marker=marker,
        exceptions=tuple(filter(None, exceptions)),
        guards=_read_guards(values.get("guards"), found),
    )


def _read_keep(node: Node | None, found: Findings) -> Keep:
    if node is None:
        return Keep()
    refuse_unknown(node, tuple(field.name for field in fields(Keep)), found)
    values, usual = read_mapping(node, found), Keep()
    numbers = {
        name: _or(read_number(values.get(name), lowest, 10_000, found), getattr(usual, name))
        for name, lowest in (("days", 0), ("weeks", 0), ("months", 0), ("years", 0), ("minimum", 1))
    }
    holds = (_read_hold(item, found) for item in read_items(values.get("holds"), found))
    return Keep(**numbers, holds=tuple(filter(None, holds)))


def _read_hold(node: Node, found: Findings) -> Hold | None:
    """Return a time whose snapshots must not go."""
    refuse_unknown(node, ("from", "to", "reason", "school"), found)
    values, days = read_mapping(node, found), []
    reason = read_required(node, "reason", found)
    for key in ("from", "to"):
        text = read_required(node, key, found)
        try:
            days.append(date.fromisoformat(text))
        except ValueError:
            mistake(found, values.get(key, node), _("a day is expected, such as 2026-04-01."))
    if len(days) < 2:
        return None
    return Hold(days[0], days[1], reason, read_text(values.get("school"), found))


def _or(value: int | None, usual: int) -> int:
    return usual if value is None else value


def _read_guards(node: Node | None, found: Findings) -> Mapping[str, float]:
    if node is None:
        return {}
    refuse_unknown(node, GUARDS, found)
    limits = {}
    for name, value in read_mapping(node, found).items():
        number = value.value
        if not isinstance(number, (int, float)) or isinstance(number, bool) or number < 0:
            mistake(found, value, _("a number from 0 is expected: files for few and few_new, else a part such as 0.3."))
        else:
            limits[name] = number
    return limits
