"""A machine of its own on this one, for what must really be done to a machine: services stopped, accounts made.

It has the programs of this one, its own disk, processes and name, and a real sshd. Whatever is written on it lies in a
layer apart, in memory, and is gone with it; files of this one are never touched, its /tmp and /run not even seen.
It starts services from /etc/init.d, as Debian does where systemd is not the first process.
"""

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rigs.sshd import Sshd, free_port, serve_ssh

CHECKOUT = Path(__file__).parents[2]
PASSWORD = "たいせつ-4711"
"""Of root, for Samba."""
LAYER = "/run/layer"
"""Where a machine finds what was written on it."""
PASSING = ("root/.ansible", "var/log", "var/cache", "var/lib/samba", "var/lib/nut")
"""What running programs write for themselves; nobody's configuration or data."""
UNSHARED = ("--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--propagation", "private")
START = """
set -e
folder=$1 name=$2 checkout=$3 python=$4
shift 4
disk=$folder/disk
mount -t tmpfs -o mode=755 tmpfs "$disk"
mkdir "$disk/layer" "$disk/work" "$disk/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$disk/layer,workdir=$disk/work" "$disk/root"
root=$disk/root
for each in tmp run dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$root/$each"; done
mkdir -p -m 755 "$root/run/sshd" "$root/run/lock" "$root/run/layer"
mount -t proc proc "$root/proc"
mount --rbind -o ro /sys "$root/sys"
mount --bind "$disk/layer" "$root/run/layer"
mkdir -p "$root$folder"
cp -a "$folder/ssh" "$root$folder"
if [ ! -e "$root$checkout/setup.cfg" ]; then
    # it lies under /tmp or on another disk; what is changed of it here stays here
    own=$disk/checkout
    mkdir -p "$root$checkout" "$own" "$own.work"
    mount -t overlay overlay -o "lowerdir=$checkout,upperdir=$own,workdir=$own.work" "$root$checkout"
fi
for each in "$checkout" "$python"; do
    # any account may run the program under test, wherever a developer keeps it
    while [ "$each" != / ]; do chmod a+x "$root$each"; each=${each%/*} each=${each:-/}; done
done
for each in null zero random urandom tty full ptmx; do [ -e "$root/dev/$each" ] || cp -a "/dev/$each" "$root/dev"; done
cp -a /dev/loop* "$root/dev"
mkdir -p "$root/dev/pts"
mount --bind /dev/pts "$root/dev/pts"
rm -rf "$root/sbin/init" "$root/etc/kdx" "$root/var/spool/cron/crontabs" "$root/opt/kdx" \
    "$root"/root/.bash* "$root/root/.profile"
hostname "$name"
mkdir "$root/run/old"
cd "$root"
pivot_root . run/old
umount --lazy /run/old
"$@" &
wait
"""
"""The first process of a machine: a shell, which also waits for whatever loses its parent."""


@dataclass(frozen=True)
class Machine:
    """A running machine."""

    name: str
    server: Sshd
    first: int
    """Its first process, as this machine numbers it."""

    @property
    def variables(self) -> dict[str, object]:
        """What hosts.yml says of it, so that Ansible and kdx find it."""
        return {
            "ansible_host": "127.0.0.1", "ansible_port": self.server.port, "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.server.key), "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={self.server.known_hosts}",
        }

    def path(self, inside: str) -> Path:
        """Where this machine finds a file of that one."""
        return Path(f"/proc/{self.first}/root{inside}")

    def run(self, *words: str, content: str = "", code: int = 0) -> str:
        """Run a program on it past sshd and Ansible, expecting an exit code, and return what it prints."""
        done = subprocess.run(
            ["nsenter", "--target", str(self.first), "--mount", "--pid", "--uts", "--ipc", "--root", "--wd", *words],
            input=content, capture_output=True, encoding="utf-8", timeout=120,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == code, f"{words}: {done.returncode} {done.stdout} {done.stderr}"
        return done.stdout

    def runs(self, program: str) -> bool:
        """Whether a program of this name runs on it."""
        return bool(self.run("sh", "-c", 'pgrep --exact "$1" || true', "sh", program))

    def offer(self, shares: Mapping[str, str], more: str = "") -> int:
        """Offer folders with its own Samba, started as Debian starts it, and return the port."""
        port = free_port()
        text = (
            f"[global]\nsmb ports = {port}\ninterfaces = 127.0.0.1\nbind interfaces only = yes\n"
            "disable netbios = yes\ndisable spoolss = yes\nload printers = no\nmap to guest = never\n"
        )
        for name, folder in shares.items():
            self.run("mkdir", "-p", "-m", "777", folder)
            text += f"[{name}]\n   path = {folder}\n   read only = no\n{more}"
        self.path("/etc/samba/smb.conf").write_text(text, "utf-8")
        self.run("smbpasswd", "-s", "-a", "root", content=f"{PASSWORD}\n{PASSWORD}\n")
        self.run("/etc/init.d/smbd", "restart")
        return port

    def give_disk(self, folder: str) -> str:
        """Mount a small disk of its own with ext4 there, and return its name, such as loop3."""
        self.run("mkdir", "-p", folder)
        self.run("truncate", "--size", "16M", "/run/disk")
        self.run("mkfs.ext4", "-q", "/run/disk")
        self.run("mount", "-o", "loop,errors=continue", "/run/disk", folder)
        return Path(self.run("findmnt", "--noheadings", "--output", "SOURCE", folder).strip()).name

    def written(self) -> dict[str, tuple[int, int, int, str]]:
        """Return everything on its disk that is not as on this machine: path -> mode, owner, group and content."""
        root, found = self.path(LAYER), {}
        for parent, folders, files in os.walk(root):
            inside = os.path.relpath(parent, root)
            folders[:] = [name for name in folders if os.path.normpath(f"{inside}/{name}") not in PASSING]
            for name in (*folders, *files):
                path = os.path.join(parent, name)
                known = os.lstat(path)
                found[os.path.normpath(f"{inside}/{name}")] = (
                    known.st_mode, known.st_uid, known.st_gid, _content(path, known)
                )
        return found


def _content(path: str, known: os.stat_result) -> str:
    if stat.S_ISLNK(known.st_mode):
        return os.readlink(path)
    if stat.S_ISREG(known.st_mode):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    # a deleted file is a device of number 0
    return str(known.st_rdev)


@contextmanager
def start_machine(folder: Path, name: str) -> Iterator[Machine]:
    """Run a machine for the length of the block."""
    assert os.geteuid() == 0, "this test starts a machine with a disk and processes of its own: run it as root"
    (folder / "disk").mkdir(parents=True)
    script = ("sh", "-c", START, "init", folder, name, CHECKOUT, Path(sys.executable).resolve().parent)
    with serve_ssh(
        folder / "ssh", "SetEnv HOME=/root LC_ALL=C.UTF-8", prefix=("unshare", *UNSHARED, *script)
    ) as server:
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        yield Machine(name, server, int(children[0]))
