"""ansible-playbook as a person at the board types it, against a host of the inventory reached over a real sshd."""

import re
from dataclasses import dataclass
from pathlib import Path

from rigs.played import play
from rigs.sshd import Sshd


@dataclass(frozen=True)
class Played:
    """What a run of a playbook left behind."""

    code: int
    text: str
    """All it printed."""

    @property
    def changed(self) -> int:
        """How many tasks changed something, on all hosts."""
        return sum(map(int, re.findall(r"\bchanged=(\d+)", self.text)))


@dataclass(frozen=True)
class Player:
    """An inventory folder and a state folder, and the machine at the board that plays."""

    inventory: Path
    state: Path
    known_hosts: Path

    def __call__(self, playbook: str, *words: str) -> Played:
        """Run a playbook of the project; `words` follow the inventory."""
        done = play(
            self.inventory, playbook, *words,
            # the playbook has to say which inventory it means
            KDX_INVENTORY="/nowhere",
            KDX_STATE=str(self.state),
            KDX_LANG="en",
            ANSIBLE_SSH_ARGS=f"-F none -o UserKnownHostsFile={self.known_hosts} -o ControlMaster=auto "
                             "-o ControlPersist=5",
            ANSIBLE_SSH_CONTROL_PATH_DIR=str(self.state.parent / "ssh"),
        )
        return Played(done.returncode, done.stdout + done.stderr)


def reached_over(server: Sshd, user: str) -> dict[str, object]:
    """Return the variables of a host that this server is."""
    return {
        "ansible_host": "127.0.0.1", "ansible_port": server.port, "ansible_user": user,
        "ansible_ssh_private_key_file": str(server.key), "ansible_python_interpreter": "/usr/bin/python3",
    }
