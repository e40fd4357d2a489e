"""The weekend on which a school leaves its old server: rehearsed, frozen, moved, proven, decided; and the way back.

Every step begins from what lies at the old share and the target now and is recorded when it has happened, so a step
that was killed is simply begun again. Nothing is deleted at either side, and nothing is written to the old share but
one file in the canary folder a person names.
"""
