"""The same checks, where a person ran playbooks/windows/look.ps1: its fields instead of raw answers. What is null, or
not of the kind it should be, is not known."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from kdx.language import N_
from kdx.rollout.probe.check import Seen, Verdict, fails, passes, unknown
from kdx.rollout.probe.checks.system import judge_system

Said = Mapping[str, object]
Judge = Callable[[Said, Seen], Verdict]
NOT_SEEN = N_("the script could not see it (it may need an administrator)")
BEHIND_RAID = ("RAID", "Unknown", "")
"""Kinds of bus behind which Windows does not see the disk itself."""


def judge_smb1(said: Said, _seen: Seen) -> Verdict:
    """Off by the configuration, and not switched on by the registry value that outlives it."""
    on, registry = _part(said, "smb").get("smb1"), _part(said, "smb").get("smb1_registry")
    if on is True or registry == 1:
        return fails(N_("it speaks SMB1"), "SMB1")
    if on is False and registry in (None, 0):
        return passes(N_("SMB1 is off by its configuration"), "off")
    return unknown(NOT_SEEN)


def judge_dialect(said: Said, _seen: Seen) -> Verdict:
    """Windows switches SMB 2 and 3 together; 3 is there from version 6.2 (Server 2012) on."""
    on, version = _part(said, "smb").get("smb2"), str(_part(said, "os").get("version") or "")
    parts = version.split(".")
    if on is not True or len(parts) < 2 or not (parts[0].isdecimal() and parts[1].isdecimal()):
        return fails(N_("SMB 2 and 3 are off"), "off") if on is False else unknown(NOT_SEEN)
    verdict = passes if (int(parts[0]), int(parts[1])) >= (6, 2) else fails
    return verdict(N_("SMB 2 and 3 are on, Windows {version}"), version, version=version)


def judge_signing(said: Said, _seen: Seen) -> Verdict:
    """Required, not only offered."""
    return _truth(said, "signing_required", N_("signing is required"), N_("signing is not required"))


def judge_encryption(said: Said, _seen: Seen) -> Verdict:
    """Encryption for every share, and nobody let in without."""
    encrypts, refuses = (_part(said, "smb").get(name) for name in ("encrypts", "refuses_unencrypted"))
    if not isinstance(encrypts, bool) or not isinstance(refuses, bool):
        return unknown(NOT_SEEN)
    if encrypts and refuses:
        return passes(N_("encryption is required"), "required")
    return fails(N_("encryption is not required ({word})"), "optional", word="EncryptData")


def judge_os(said: Said, seen: Seen) -> Verdict:
    """By the same dated table as everywhere."""
    caption = str(_part(said, "os").get("caption") or "").replace("\n", " ").strip()
    return judge_system(replace(seen, raw={"text": f"PRETTY_NAME={caption}"}))


def judge_volumes(said: Said, seen: Seen) -> Verdict:
    """The fullest volume decides."""
    free = {}
    for volume in _items(said, "volumes"):
        size, left = volume.get("size"), volume.get("free")
        if isinstance(size, int) and isinstance(left, int) and size > 0 and 0 <= left <= size:
            free[str(volume.get("name"))] = left * 100 // size
        else:
            return unknown(NOT_SEEN)
    if not free:
        return unknown(NOT_SEEN)
    place = min(free, key=lambda name: free[name])
    verdict = passes if free[place] >= seen.figures["least_percent"] else fails
    return verdict(N_("{percent} % free at {place}"), f"{free[place]} %", percent=free[place], place=place)


def judge_disks(said: Said, _seen: Seen) -> Verdict:
    """Windows' own word for every disk; behind RAID it is that of the controller's disk, which is none."""
    disks = _items(said, "disks")
    names = ", ".join(str(disk.get("name")) for disk in disks)
    bad = [str(disk.get("name")) for disk in disks if disk.get("health") in ("Warning", "Unhealthy")]
    if bad:
        return fails(N_("failing, or soon will: {disks}"), ", ".join(bad), disks=", ".join(bad))
    if not disks:
        return unknown(NOT_SEEN)
    mute = [disk for disk in disks if disk.get("health") != "Healthy" or str(disk.get("bus")) in BEHIND_RAID]
    if mute:
        text = N_("says nothing of itself: {disks}; behind RAID the controller's report is needed")
        return unknown(text, disks=", ".join(str(disk.get("name")) for disk in mute))
    return passes(N_("healthy by their own account: {disks}"), names, disks=names)


def judge_updates(said: Said, seen: Seen) -> Verdict:
    """No security update waits, by a search that is not old."""
    updates = _part(said, "updates")
    waiting = updates.get("security")
    try:
        searched = datetime.fromisoformat(str(updates.get("searched")))
        days = (seen.now - searched).days
    except (ValueError, TypeError):
        return unknown(NOT_SEEN)
    if not isinstance(waiting, int) or isinstance(waiting, bool) or waiting < 0:
        return unknown(NOT_SEEN)
    if waiting:
        return fails(N_("security updates that wait: {count}"), str(waiting), count=waiting)
    if not 0 <= days <= seen.figures["list_days"]:
        return unknown(N_("its package lists are {days} days old, so nobody knows what waits"), days=days)
    return passes(N_("no security update waits"), "0")


def judge_wifi(said: Said, _seen: Seen) -> Verdict:
    """The interface that packets take by default."""
    route = _part(said, "default_route")
    name, medium = str(route.get("name") or ""), str(route.get("medium") or "")
    if not name or not medium:
        return unknown(NOT_SEEN)
    if "802.11" in medium:
        return passes(N_("its default route is {name}"), name, name=name)
    return fails(N_("its default route is {name}, which is no wireless interface"), name, name=name)


def _truth(said: Said, field: str, yes: str, no: str) -> Verdict:
    value = _part(said, "smb").get(field)
    if not isinstance(value, bool):
        return unknown(NOT_SEEN)
    return passes(yes, "required") if value else fails(no, "optional")


def _part(said: Said, name: str) -> Mapping[str, object]:
    part = said.get(name)
    return part if isinstance(part, dict) else {}


def _items(said: Said, name: str) -> list[Mapping[str, object]]:
    items = said.get(name)
    # ConvertTo-Json of PowerShell 5 writes a list of one as the one
    items = [items] if isinstance(items, dict) else items
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


JUDGES: Mapping[str, Judge] = {
    "smb1_off": judge_smb1, "smb3_spoken": judge_dialect, "smb_signing": judge_signing,
    "smb_encryption": judge_encryption, "os_supported": judge_os, "updates_installed": judge_updates,
    "disk_free": judge_volumes, "disk_sound": judge_disks, "staff_on_wifi": judge_wifi,
}
