"""Servers that tests start and stop themselves, on free loopback ports. Nothing here outlives its block."""
