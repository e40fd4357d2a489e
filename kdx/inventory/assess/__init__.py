"""What would go wrong if a share moved to a target as it is, judged from names and sizes alone. Reads no file content.

One file per family of rules (`characters`, `lengths`, `twins`, `circumstances`, `personal`, `amounts`); `rules.py`
lists them all. A new rule is one `Rule` in its family and one row in kdx/config/tables/targets.yml.
"""
