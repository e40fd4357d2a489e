"""The column maps of rollout.yml: how the reports of other programs are read. Reads the maps, not the reports."""

from collections.abc import Mapping

from kdx.config.fields import (
    Node,
    mistake,
    read_items,
    read_mapping,
    read_number,
    read_required,
    read_text,
    read_truth,
    refuse_unknown,
)
from kdx.config.mistakes import Findings
from kdx.config.naming import nearest_names
from kdx.language import _
from kdx.rollout.fields import check_id, read_label
from kdx.rollout.stream import Definition, ReportMap
from kdx.state.events.rollout import Method

COLUMNS = ("school", "item", "vantage", "done", "total", "value", "size", "collected", "count")
KEYS = (
    "label", "check", "method", "columns", "count", "needs", "only", "least", "sizes", "max_age_days", "any_year",
    "source",
)
MOST = 10**9


def read_reports(node: Node | None, around: Definition, found: Findings) -> Mapping[str, ReportMap]:
    """Return the column maps by name."""
    return {name: _read_map(name, one, around, found) for name, one in read_mapping(node, found).items()}


def _read_map(name: str, node: Node, around: Definition, found: Findings) -> ReportMap:
    check_id(name, node, found)
    refuse_unknown(node, KEYS, found)
    values = read_mapping(node, found)
    check = read_required(node, "check", found) if values else ""
    if check and check not in around.checks:
        what = _("there is no such check; write it under checks: with a label.")
        mistake(found, values["check"], what, tuple(nearest_names(check, list(around.checks))))
    method = read_text(values.get("method"), found) or Method.EXAMINE
    if method not in tuple(Method):
        mistake(found, values["method"], _("there is no such method."), tuple(Method))
        method = Method.EXAMINE
    columns = _read_columns(values.get("columns", node), bool(values.get("needs")), found)
    return ReportMap(
        id=name,
        label=read_label(values.get("label"), found, node),
        check=check,
        method=Method(method),
        columns=columns,
        count=_texts(values.get("count"), found),
        needs={heading: _texts(one, found) for heading, one in read_mapping(values.get("needs"), found).items()},
        only={heading: _texts(one, found) for heading, one in read_mapping(values.get("only"), found).items()},
        least=read_number(values.get("least"), 0, MOST, found) or 0,
        sizes=_read_sizes(values.get("sizes"), "size" in columns, found),
        max_age_days=read_number(values.get("max_age_days"), 1, 3660, found),
        any_year=bool(read_truth(values.get("any_year"), found)),
        source=read_text(values.get("source"), found),
    )


def _texts(node: Node | None, found: Findings) -> tuple[str, ...]:
    return tuple(text for item in read_items(node, found) if (text := read_text(item, found)))


def _read_sizes(node: Node | None, has_size: bool, found: Findings) -> tuple[tuple[int, int], ...]:
    sizes = []
    for item in read_items(node, found):
        refuse_unknown(item, ("up_to", "least"), found)
        values = read_mapping(item, found)
        for key in {"up_to", "least"} - values.keys():
            mistake(found, item, _("{key} is missing.").format(key=key))
        sizes.append(tuple(read_number(values.get(key), 1, MOST, found) or 0 for key in ("up_to", "least")))
    if node is not None and not (has_size and sizes == sorted(sizes)):
        mistake(found, node, _("sizes: wants the column size, and its rows from the smallest to the largest."))
    return tuple((up_to, least) for up_to, least in sizes)


def _read_columns(node: Node, has_needs: bool, found: Findings) -> Mapping[str, str]:
    refuse_unknown(node, COLUMNS, found) if node.path.endswith("columns") else None
    columns = {key: read_text(value, found) for key, value in read_mapping(node, found).items() if key in COLUMNS}
    ways = ({"done", "total"}, {"count"}, {"value"}) if not has_needs else (set[str](),)
    if "school" not in columns or not any(way <= columns.keys() for way in ways):
        mistake(found, node, _("the columns school, done and total are needed, or school and count, needs: or value."))
    return columns
