"""A receipt outlives kdx: jq and ssh-keygen, as Debian ships them, check it."""

import json
import subprocess

import pytest
from rigs.small_share import issued, keys, one, share, target

pytestmark = pytest.mark.system
__all__ = ["issued", "keys", "one", "share", "target"]


def test_jq_and_ssh_keygen_check_a_receipt(issued, keys, tmp_path):
    document = json.loads((issued / "receipt.json").read_bytes())
    command = ["jq", "-cSj", ".receipt", issued / "receipt.json"]
    message = subprocess.run(command, capture_output=True, check=True).stdout
    (tmp_path / "signature").write_text(document["signature"])
    verify = ["ssh-keygen", "-Y", "verify", "-f", keys / "board.pub", "-I", "board", "-n", "kdx-receipt"]
    verify += ["-s", str(tmp_path / "signature")]
    subprocess.run(verify, input=message, check=True, capture_output=True)
    assert subprocess.run(verify, input=message + b" ", capture_output=True).returncode != 0
