"""Values as a person or a program reads them: units, time zone, `-` for what is not known, words in their language."""

from datetime import date, datetime, tzinfo

from kdx.language import _, translate
from kdx.report.counts import rows
from kdx.report.tables import Kind, Table, visible

GAP = "   "
"""Between the parts of a heading line."""
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")


def human_bytes(size: float) -> str:
    """Given bytes, return three digits or so with a decimal unit: 512 B, 1.5 GB."""
    amount, unit = float(size), 0
    while abs(amount) >= 999.95 and unit < len(_SIZES) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{size:.0f} B" if unit == 0 else f"{amount:.1f} {_SIZES[unit]}"


def human_seconds(seconds: float) -> str:
    """Given seconds, return 3.2 s, 12 min 5 s or 25 h 14 min: never what could be read as a time of day."""
    if seconds < 60:
        return _("{seconds} s").format(seconds=f"{seconds:.1f}")
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("{hours} h {minutes} min").format(hours=f"{hours:,}", minutes=minutes)
    return _("{minutes} min {seconds} s").format(minutes=minutes, seconds=rest)


def human_ratio(ratio: float) -> str:
    """Given 0 to 1, return per cent rounded down: only what is whole says 100 %."""
    return f"{int(ratio * 1000 + 1e-9) / 10:.1f} %"


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Return a moment in the board's time zone; as it is where that lies outside the calendar (year 1, year 9999)."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def human_time(moment: datetime, zone: tzinfo) -> str:
    """Return a moment in the board's time zone, to the minute."""
    return in_zone(moment, zone).isoformat(" ", "minutes")[:16]


def shown(value: object, kind: Kind, zone: tzinfo) -> str:
    """Return a value as a person reads it; `-` where it is not known."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return human_time(value, zone)[: 10 if kind == "date" else None]
    if isinstance(value, (int, float)):
        if kind == "bytes":
            return human_bytes(value)
        if kind == "seconds":
            return human_seconds(value)
        if kind == "ratio":
            return human_ratio(value)
        return f"{value:,}" if kind == "count" else str(value)
    return visible(translate(str(value)) if kind == "word" else str(value))


def exact(value: object, kind: Kind, zone: tzinfo) -> object:
    """Return a value as a program reads it: numbers as they are, times as ISO 8601 with the zone's offset."""
    if isinstance(value, datetime):
        local = in_zone(value, zone)
        return local.date().isoformat() if kind == "date" else local.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def heading_line(table: Table, zone: tzinfo) -> str:
    """Return title, date and source in one line."""
    return GAP.join(part for part in (visible(table.title), origin_line(table, zone)) if part)


def origin_line(table: Table, zone: tzinfo) -> str:
    """Return in one line when the facts of a table were true, how many there are and where they come from."""
    parts = [rows(len(table.rows))]
    if table.as_of is not None:
        stamp = in_zone(table.as_of, zone)
        parts.insert(0, _("as of {time}").format(time=f"{human_time(stamp, zone)} {stamp.tzname()}"))
    if table.source:
        parts.append(_("source: {source}").format(source=visible(table.source)))
    return GAP.join(parts)


def legend_items(table: Table) -> list[str]:
    """Return each mark with its meaning."""
    return [f"{visible(mark)}={visible(translate(meaning))}" for mark, meaning in table.legend]


def legend_line(table: Table) -> str:
    """Return the legend in one line, empty where there is none."""
    return "  ".join(legend_items(table))


def headings(table: Table) -> list[str]:
    """Return the translated headings."""
    return [visible(translate(column.heading)) for column in table.columns]
