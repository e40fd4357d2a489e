"""What is on the servers, as tables. Facts in, tables out; no I/O."""

from collections.abc import Iterable, Sequence

from kdx.config.ansible import Difference as AnsibleDifference
from kdx.config.model import Board, School, Share
from kdx.inventory.catalog.catalog import Catalog
from kdx.inventory.catalog.difference import Difference
from kdx.inventory.catalog.queries import Copy
from kdx.inventory.overview import ShareState, Shelf
from kdx.inventory.scanned import ScanResult
from kdx.language import N_, _, translate
from kdx.remotes.interface import Kind
from kdx.report.tables import Column, Table, visible

SCHOOL = Column("school", N_("School"))
SHARE = Column("share", N_("Share"))
FILES = Column("files", N_("Files"), "count")
BYTES = Column("bytes", N_("Bytes"), "bytes")
PATH = Column("path", N_("Path"), "path")
LINES_SHOWN = 20

SCHOOL_KINDS = {
    "kindergarten": N_("kindergarten"), "elementary": N_("elementary school"), "junior_high": N_("junior high school"),
    "compulsory": N_("compulsory education school"), "high": N_("high school"), "secondary": N_("secondary school"),
    "special_needs": N_("school for special needs education"),
}
CHANGES = {
    "added": N_("added"),
    "removed": N_("removed"),
    "changed": N_("changed"),
    "moved": N_("moved"),
}


def list_table(board: Board, states: Iterable[ShareState]) -> Table:
    """Return schools, servers, shares and their last scans."""
    return Table(
        title=_("Schools, servers and shares of {board}").format(board=board.name),
        columns=(
            Column("id", N_("Id")),
            SCHOOL,
            Column("server", N_("Server")),
            SHARE,
            Column("address", N_("Address"), "path"),
            Column("scanned", N_("Last scan"), "time"),
            FILES,
            BYTES,
            Column("not_read", N_("Not read"), "count"),
        ),
        rows=[{"id": state.school.id, **_state_row(state)} for state in states],
        source=_("configuration and last catalogs"),
    )


def show_table(school: School, states: Iterable[ShareState]) -> Table:
    """Return one school: what is known of it, and its shares."""
    return Table(
        title=" ".join(part for part in (school.name, school.kana, school.id) if part),
        columns=(
            Column("server", N_("Server")),
            SHARE,
            Column("share_id", N_("Share id")),
            Column("address", N_("Address"), "path"),
            Column("ignore", N_("Ignored names")),
            Column("scanned", N_("Last scan"), "time"),
            FILES,
            BYTES,
            Column("hashed", N_("Content known"), "count"),
            Column("not_read", N_("Not read"), "count"),
        ),
        rows=[_state_row(state) for state in states],
        source=_("configuration and last catalogs"),
        notes=tuple(_facts_of(school)),
    )


def _state_row(state: ShareState) -> dict[str, object]:
    share, metadata = state.share, state.catalog.metadata if state.catalog else None
    return {
        "school": state.school.name,
        "server": state.server.name if state.server else None,
        "share": share.name if share else None,
        "share_id": share.id if share else None,
        "address": str(share.location) if share else None,
        "ignore": " ".join(share.ignore.patterns) if share else None,
        "scanned": metadata.started if metadata else None,
        "files": state.files,
        "bytes": state.bytes,
        "hashed": state.hashed,
        "not_read": state.not_read,
    }


def _facts_of(school: School) -> Iterable[str]:
    unknown = _("not known (counts as at risk)")
    yield _("Code: {code}").format(code=school.code or _("not known"))
    yield _("Kind: {kind}").format(kind=translate(SCHOOL_KINDS.get(school.kind, "")) or _("not known"))
    rank, floor = school.flood_depth_rank, school.server_floor
    yield _("Flood depth rank: {rank}").format(rank=unknown if rank is None else rank)
    yield _("Floor of the server: {floor}").format(floor=unknown if floor is None else floor)
    ups = unknown if school.ups is None else _("yes") if school.ups else _("no")
    yield _("Uninterruptible power supply: {ups}").format(ups=ups)


def scan_plan_table(shares: Sequence[Share], states: Iterable[ShareState]) -> Table:
    """Return what a scan would look through."""
    chosen = {share.id for share in shares}
    return Table(
        title=_("To be scanned"),
        columns=(SCHOOL, SHARE, Column("address", N_("Address"), "path"), Column("scanned", N_("Last scan"), "time")),
        rows=[_state_row(state) for state in states if state.share and state.share.id in chosen],
        source=_("configuration and last catalogs"),
    )


def scanned_table(results: Sequence[ScanResult]) -> Table:
    """Return what scans saw, a share a row."""
    return Table(
        title=_("Scan"),
        columns=(
            SCHOOL,
            SHARE,
            FILES,
            Column("folders", N_("Folders"), "count"),
            BYTES,
            Column("read", N_("Files read now"), "count"),
            Column("read_bytes", N_("Bytes read now"), "bytes"),
            Column("left_by_rule", N_("Left by rule"), "count"),
            Column("not_read", N_("Not read"), "count"),
            Column("seconds", N_("Time taken"), "seconds"),
            Column("catalog", N_("Catalog")),
        ),
        rows=[
            {
                "school": result.share.school,
                "share": result.share.name,
                "files": result.entries(Kind.FILE),
                "folders": result.entries(Kind.DIRECTORY),
                "bytes": result.bytes,
                "read": result.hashed,
                "read_bytes": result.hashed_bytes,
                "left_by_rule": result.left_by_rule,
                "not_read": result.not_read,
                "seconds": (result.ended - result.started).total_seconds(),
                "catalog": result.catalog.name,
            }
            for result in results
        ],
        as_of=max(result.ended for result in results),
        source=_("the shares themselves"),
        notes=tuple(note for result in results for note in _ignored_notes(result)),
    )


def _ignored_notes(result: ScanResult) -> Iterable[str]:
    counted = [f"{pattern} {count:,}" for pattern, count in result.ignored if count]
    if counted:
        yield _("{share}: left by pattern (rules {version}): {counted}").format(
            share=result.share.name, version=result.share.ignore.version, counted=", ".join(counted)
        )


def unread_lines(results: Iterable[ScanResult]) -> str:
    """Return a line for each entry that was not read, as far as a person reads."""
    lines: list[str] = []
    for result in results:
        shown = result.unread[:LINES_SHOWN]
        lines += [
            f"  {visible(f'{result.share.name}/{path}')}  ({_why(reason, result.holders.get(path))})"
            for path, reason in shown
        ]
        if result.not_read > len(shown):
            lines.append(
                "  " + _("… and {count} more: kdx inventory summary {school} --by unreadable").format(
                    count=f"{result.not_read - len(shown):,}", school=result.share.school
                )
            )
    return "\n".join(lines)


def _why(reason: str, holder: str | None) -> str:
    return _("{reason}: {holder}").format(reason=_(reason), holder=visible(holder)) if holder else _(reason)


def duplicates_table(school: School, shelf: Shelf, groups: int, wasted: int, copies: Sequence[Copy]) -> Table:
    """Return files with the same content, the groups that waste most first."""
    shown = copies[-1].group if copies else 0
    notes = [
        _("{groups} groups of equal files; {bytes} bytes could be saved.").format(
            groups=f"{groups:,}", bytes=f"{wasted:,}"
        )
    ]
    if shown < groups:
        notes.append(_("Shown are the {count} groups that waste most.").format(count=f"{shown:,}"))
    return Table(
        title=_("Equal files in {school}").format(school=school.name),
        columns=(Column("group", N_("Group"), "count"), Column("copies", N_("Copies"), "count"), BYTES, PATH),
        rows=[
            {"group": copy.group, "copies": copy.copies, "bytes": copy.size, "path": copy.path} for copy in copies
        ],
        as_of=shelf.as_of,
        source=_("catalog {name}").format(name=shelf.names),
        notes=tuple(notes),
    )


def difference_table(school: School, before: Catalog, now: Catalog, found: Sequence[Difference]) -> Table:
    """Return what changed between two scans."""
    counts = ((word, sum(one.change == change for one in found)) for change, word in CHANGES.items())
    return Table(
        title=_("Changes in {school} {share}").format(school=school.name, share=now.metadata.share),
        columns=(
            Column("change", N_("Change"), "word"),
            PATH,
            Column("before", N_("Was at"), "path"),
            Column("bytes_before", N_("Bytes before"), "bytes"),
            Column("bytes_now", N_("Bytes now"), "bytes"),
        ),
        rows=[
            {
                "change": CHANGES[one.change],
                "path": one.path,
                "before": one.before,
                "bytes_before": one.size_before,
                "bytes_now": one.size_now,
            }
            for one in found
        ],
        as_of=now.metadata.ended,
        source=_("catalogs {before} and {now}").format(before=before.path.name, now=now.path.name),
        notes=(", ".join(f"{_(word)} {count:,}" for word, count in counts),),
    )


def check_table(board: Board, differences: Sequence[AnsibleDifference] | None) -> Table:
    """Return what is doubtful in the configuration: its own warnings, and what Ansible sees differently."""
    if differences is None:
        ansible = _("Ansible is not installed here; nothing was compared with it.")
    elif differences:
        ansible = _("Ansible sees {count} things differently.").format(count=f"{len(differences):,}")
    else:
        ansible = _("Ansible sees the same {count} hosts.").format(count=f"{len(board.ansible.hosts):,}")
    rows: list[dict[str, object]] = [
        {"finding": N_("warning"), "place": f"{one.file}:{one.line}" if one.line else one.file, "key": one.key_path,
         "what": one.what}
        for one in board.warnings
    ]
    rows += [
        {"finding": N_("Ansible differs"), "place": one.host, "key": one.key, "what": f"{one.kdx} | {one.ansible}"}
        for one in differences or ()
    ]
    return Table(
        title=_("Check of the inventory of {board}").format(board=board.name),
        columns=(
            Column("finding", N_("Finding"), "word"),
            Column("place", N_("Place")),
            Column("key", N_("Key")),
            Column("what", N_("What")),
        ),
        rows=rows,
        source=str(board.folder),
        notes=(
            _("The configuration has no mistakes: {schools} schools, {shares} shares.").format(
                schools=len(board.schools), shares=sum(len(school.shares) for school in board.schools)
            ),
            ansible,
        ),
    )
