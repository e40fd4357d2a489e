"""From the vault back to a place: choose, read, prove, write; and drills, which are restores done to prove it."""
