"""What runs on a machine: until when it is supported, which updates wait, how it reaches the network."""

import re

from kdx.language import N_
from kdx.rollout.probe.check import By, Check, Seen, Verdict, fails, passes, unknown
from kdx.rollout.probe.debian_version import is_newer

DAY = 86_400


def judge_system(seen: Seen) -> Verdict:
    """Longest name first; a system that no row names is unknown, not fine."""
    said = dict(line.partition("=")[::2] for line in seen.text.splitlines())
    plain = {key: value.strip().strip("\"'") for key, value in said.items()}
    name = plain.get("PRETTY_NAME") or " ".join(filter(None, (plain.get("ID"), plain.get("VERSION_ID"))))
    text = f"{plain.get('ID', '')} {plain.get('VERSION_ID', '')} / {name}".lower()
    if not name:
        return unknown(N_("it does not say which system it is"))
    for row in sorted(seen.ends, key=lambda row: len(row.name), reverse=True):
        if re.search(rf"(?<!\w){re.escape(row.name)}(?!\d)", text):
            days = (row.ends - seen.now.date()).days
            values = {"name": name, "day": row.ends, "days": days}
            if days < 0:
                return fails(N_("{name}: support ended on {day}"), str(row.ends), **values)
            return passes(N_("{name}: supported until {day}, {days} days from now"), str(row.ends), **values)
    return unknown(N_("end_of_life.yml has no row for {name}"), name, name=name)


def judge_updates(seen: Seen) -> Verdict:
    """No security update waits, by package lists that are not old: an old list knows of no new update."""
    head, _newline, rest = seen.text.partition("\n")
    kind, stamp, lists = (*head.split(), "", "", "")[:3]
    if kind not in ("apt", "dnf") or not stamp.isdecimal():
        return unknown(N_("it has no package manager that kdx can ask (apt, dnf)"))
    if not lists.isdecimal() or not int(lists):
        return unknown(N_("it has no package lists for security updates"))
    age = (int(seen.now.timestamp()) - int(stamp)) // DAY
    lines = [line.split() for line in rest.splitlines() if line.strip()]
    waiting = len({words[0] for words in lines if kind == "dnf" or len(words) != 3 or is_newer(words[2], words[1])})
    if waiting:
        return fails(N_("security updates that wait: {count}"), str(waiting), count=waiting)
    if not 0 <= age <= seen.figures["list_days"]:
        return unknown(N_("its package lists are {days} days old, so nobody knows what waits"), days=age)
    return passes(N_("no security update waits"), "0")


def judge_wifi(seen: Seen) -> Verdict:
    """A cable may still be plugged in: what counts is the way packets take by default."""
    routes, wireless = [], set[str]()
    for line in seen.text.splitlines():
        words = line.split()
        if len(words) > 7 and words[1] == "00000000" and words[7] == "00000000" and words[6].isdecimal():
            routes.append((int(words[6]), words[0]))
        elif len(words) == 2 and words[0] == "wireless":
            wireless.add(words[1])
    if not routes:
        return unknown(N_("it has no default route"))
    name = min(routes)[1]
    verdict = passes if name in wireless else fails
    return verdict(N_("its default route is {name}") if name in wireless
                   else N_("its default route is {name}, which is no wireless interface"), name, name=name)


OS = "cat /etc/os-release"
# apt itself would sort all its lists anew, a second of a server's time, and write: its lists are read beside it
UPDATES = """\
if command -v dpkg-query >/dev/null && [ -d /var/lib/apt/lists ]; then
  cd /var/lib/apt/lists && set -- *ecurity*_Packages*; [ -e "$1" ] || set --
  printf 'apt %s %s\\n' "$(stat -c %Y .)" $#
  { dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\\n'; echo --; /usr/lib/apt/apt-helper cat-file "$@"; } |
  awk '$0 == "--" { there = 1 } !there && $1 == "ii" { have[$2] = $3 } there && $1 == "Package:" { name = $2 }
       there && $1 == "Version:" && name in have && have[name] != $2 { print name, have[name], $2 }'
elif command -v dnf >/dev/null; then
  printf 'dnf %s 1\\n' "$(stat -c %Y /var/cache/dnf)"
  dnf -q -C updateinfo list --security --available 2>/dev/null | awk '{ print $NF }'
fi"""
WIFI = """\
cat /proc/net/route
for each in /sys/class/net/*/wireless; do
  [ -d "$each" ] || continue
  each=${each%/wireless}; printf 'wireless %s\\n' "${each##*/}"
done"""

CHECKS = (
    Check("os_supported", By.SSH, judge_system, OS),
    Check("updates_installed", By.SSH, judge_updates, UPDATES),
    Check("staff_on_wifi", By.SSH, judge_wifi, WIFI),
)
