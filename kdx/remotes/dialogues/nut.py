"""What a UPS says through Network UPS Tools: plain lines on port 3493 (RFC 9271). Reads variables, and nothing else."""

from contextlib import suppress

from kdx.remotes.dialogues import Address, NoAnswer, Raw
from kdx.remotes.dialogues.line import Line

PORT = 3493
VARIABLES = ("ups.status", "battery.charge", "battery.runtime", "battery.date", "device.model")


def ask(address: Address, ups: str, within: float) -> Raw:
    """Return each variable of a UPS, or ERR and the server's word for why not. NoAnswer where no server answers."""
    raw = {}
    with Line(address, within) as line:
        for variable in VARIABLES:
            line.send(question(ups, variable))
            raw[variable] = read(line.receive_line().decode("utf-8", "replace"), ups, variable)
        with suppress(NoAnswer):
            line.send(b"LOGOUT\n")
    return raw


def question(ups: str, variable: str) -> bytes:
    """Return the line that asks for a variable."""
    return f"GET VAR {ups} {variable}\n".encode()


def read(line: str, ups: str, variable: str) -> str:
    """Given a line of the server, return the value, or the line where it is a refusal."""
    start = f'VAR {ups} {variable} "'
    if line.startswith(start) and line.endswith('"'):
        return line[len(start) : -1].replace('\\"', '"').replace("\\\\", "\\")
    return line if line.startswith("ERR ") else f"ERR {line}"
