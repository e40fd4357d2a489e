"""From a share into the vault: compare, read what is new, pack, seal. One run, begun in run.py."""
