"""`kdx rollout probe`: evidence from the machines themselves, read-only and without an agent.

Where a new check goes: its rule into a family under `checks/` (a pure function from what came to a verdict, and for a
check over SSH the constant command beside it), named in the family's CHECKS; its label, why, fix, source and figures
into kdx/config/tables/probe.yml (and inventory/rules/); which milestone it proves into rollout.yml. A conversation that
kdx does not have yet is one file in kdx/remotes/dialogues/, called in `asking.py`.

`visits` says who is asked what, `asking` asks, `findings` judges and makes observations, `explain` shows it all before.
"""
