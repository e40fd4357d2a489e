"""What disks say of themselves, and how much room is left."""

import json
import re

from kdx.language import N_
from kdx.rollout.probe.check import By, Check, Result, Seen, Verdict, fails, passes, unknown

UNREAD, FAILING, REMARKS = 0b0000_0111, 0b1001_1000, 0b0110_0000
"""Exit status of smartctl(8), a mask. Bits 0-2: it could not be asked, opened or answered. Bits 3, 4, 7: the disk is
failing, an attribute says it soon will, its self-test found errors. Bits 5, 6: something of the kind in the past."""

_DISK = re.compile(r"^-- disk (\S+)$", re.MULTILINE)
_EXIT = re.compile(r"^-- exit ([0-9]+)$", re.MULTILINE)


def judge_disks(seen: Seen) -> Verdict:
    """The gravest disk decides; one that could not be asked is never passed over (behind RAID: ask the controller)."""
    _before, *parts = _DISK.split(seen.text)
    disks = dict(zip(parts[::2], parts[1::2], strict=True))
    if not disks:
        return unknown(N_("smartctl is not there, or no disk is"))
    found = {name: _judge_disk(text) for name, text in disks.items()}
    failing = [name for name, result in found.items() if result is Result.FAIL]
    if failing:
        return fails(N_("failing, or soon will: {disks}"), ", ".join(failing), disks=", ".join(failing))
    mute = [name for name, result in found.items() if result is Result.UNKNOWN]
    if mute:
        text = N_("says nothing of itself: {disks}; behind RAID the controller's report is needed")
        return unknown(text, ", ".join(mute), disks=", ".join(mute))
    return passes(N_("healthy by their own account: {disks}"), ", ".join(found), disks=", ".join(found))


def _judge_disk(text: str) -> Result:
    status = _EXIT.search(text)
    if not status:
        return Result.UNKNOWN
    mask = int(status[1])
    if mask & FAILING:
        return Result.FAIL
    try:
        said = json.loads(text[: status.start()])
        healthy = said["smart_status"]["passed"]
    except (ValueError, KeyError, TypeError):
        return Result.UNKNOWN
    if healthy is False:
        return Result.FAIL
    return Result.PASS if healthy is True and not mask & UNREAD else Result.UNKNOWN


def judge_space(seen: Seen) -> Verdict:
    """The fullest file system on a disk decides (`df -P -k`)."""
    free = {}
    for line in seen.text.splitlines():
        words = line.split(None, 5)
        if len(words) == 6 and words[1].isdecimal() and words[3].isdecimal() and _is_disk(words[0], words[5]):
            size = int(words[1])
            free[words[5]] = int(words[3]) * 100 // size if size else 0
    if not free:
        return unknown(N_("it names no file system"))
    place = min(free, key=lambda name: free[name])
    verdict = passes if free[place] >= seen.figures["least_percent"] else fails
    return verdict(N_("{percent} % free at {place}"), f"{free[place]} %", percent=free[place], place=place)


def _is_disk(device: str, place: str) -> bool:
    return (device.startswith("/dev/") and not device.startswith("/dev/loop")) or place == "/"


SMART = """\
command -v smartctl >/dev/null && for each in /sys/block/*; do
  each=${each##*/}
  case $each in loop*|ram*|zram*|dm-*|md*|sr*|fd*|nbd*) continue ;; esac
  printf -- '-- disk %s\\n' "$each"; as_root smartctl --json -H -A "/dev/$each"; printf -- '-- exit %s\\n' $?
done"""

CHECKS = (
    Check("disk_free", By.SSH, judge_space, "df -P -k"),
    Check("disk_sound", By.SSH, judge_disks, SMART),
)
