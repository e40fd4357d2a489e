"""What a file server's first words over SMB show without a login."""

from kdx.language import N_
from kdx.remotes.dialogues.line import CLOSED
from kdx.rollout.probe.check import By, Check, Seen, Verdict, fails, passes, unknown


def judge_smb1(seen: Seen) -> Verdict:
    """SMB1 is off only where the same server did answer to SMB 2 or 3, and turned the old one down or hung up on it (as
    Windows does where SMB1 is not installed)."""
    old, modern = seen.raw.get("smb1", ""), seen.raw.get("smb3", "")
    if old == "on":
        return fails(N_("it speaks SMB1"), "SMB1")
    if not _is_dialect(modern):
        return unknown(N_("nothing answered at all, so it is not shown that SMB1 is off"))
    if old == "off" or old == CLOSED:
        return passes(N_("SMB1 is turned down, {dialect} is answered"), f"SMB {modern}", dialect=f"SMB {modern}")
    return unknown(N_("to SMB1 it said nothing that could be understood"))


def judge_dialect(seen: Seen) -> Verdict:
    """SMB 3 is the first that can encrypt."""
    modern = seen.raw.get("smb3", "")
    if _is_dialect(modern):
        verdict = passes if modern.startswith("3") else fails
        return verdict(N_("the newest it speaks is {dialect}"), f"SMB {modern}", dialect=f"SMB {modern}")
    if seen.raw.get("smb1") == "on":
        return fails(N_("it speaks SMB1 and nothing newer"), "SMB1")
    return unknown(N_("what it says cannot be understood"))


def judge_signing(seen: Seen) -> Verdict:
    """Only *required* keeps somebody on the line from changing what is said."""
    signing = seen.raw.get("signing", "")
    if signing == "required":
        return passes(N_("signing is required"), signing)
    if signing in ("offered", "none"):
        return fails(N_("signing is not required"), signing)
    return unknown(N_("it did not say whether it signs"))


def _is_dialect(text: str) -> bool:
    return text[:1].isdigit()


CHECKS = (
    Check("smb1_off", By.SMB, judge_smb1),
    Check("smb3_spoken", By.SMB, judge_dialect),
    Check("smb_signing", By.SMB, judge_signing),
)
