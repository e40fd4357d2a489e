"""The rollout: which school stands where, computed from what the ledger holds. Nothing here types a state in."""
