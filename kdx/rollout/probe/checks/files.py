"""Whether a share that was made read-only refuses those who wrote to it: tried in a canary folder, nowhere else."""

from kdx.language import N_
from kdx.rollout.probe.check import By, Check, Seen, Verdict, fails, passes, unknown

CANARY = ".kdx-canary"
"""The only folder that is ever written to: its being there is the consent."""
NAME = "kdx-probe.txt"


def judge_write(seen: Seen) -> Verdict:
    """`outcome` is what came of writing: written, refused, or why it could not be tried; `listed` that one may look."""
    outcome = seen.raw.get("outcome", "")
    if outcome == "written":
        return fails(N_("{user} could still write"), outcome, user=seen.raw.get("user"))
    if seen.raw.get("listed") != "yes":
        return unknown(N_("the share has no folder {folder} that this account can see"), folder=CANARY)
    if outcome == "refused":
        return passes(N_("writing was refused to {user}"), outcome, user=seen.raw.get("user"))
    return unknown(N_("writing failed in another way than by being refused: {why}"), why=outcome)


CHECKS = (Check("old_share_read_only", By.WRITE, judge_write),)
