"""The key `backup` of kdx.yml: what the board promises about backups. Strict, as everything in kdx.yml."""

from collections.abc import Mapping
from dataclasses import fields

from kdx.config.fields import Node, mistake, read_items, read_mapping, read_number, read_text, refuse_unknown
from kdx.config.mistakes import Findings
from kdx.config.model import BackupSettings
from kdx.language import _

KEYS = tuple(field.name for field in fields(BackupSettings))
GUARDS = ("few", "few_new", "gone", "changed", "new", "renamed", "endings", "entropy")
"""Names of kdx.backup.guard.Limits: two numbers of files, the others parts of a share."""


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
        marker=marker,
        exceptions=tuple(filter(None, exceptions)),
        guards=_read_guards(values.get("guards"), found),
    )


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
