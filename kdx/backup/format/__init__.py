"""What lies in a vault and how it is written: FORMAT.md as code. Knows no share and no target."""
