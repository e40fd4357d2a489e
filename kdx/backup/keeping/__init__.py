"""What keeps a vault trustworthy between runs: status, verification, copies, rights, locks, letting go."""
