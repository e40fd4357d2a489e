"""Every rule there is, in the order tables show them. A new family is named here, and nowhere else."""

from kdx.inventory.assess import amounts, characters, circumstances, inside, lengths, personal, rights, twins
from kdx.inventory.assess.finding import Rule, Severity

ONE_ENTRY = (*characters.RULES, *lengths.RULES, *circumstances.RULES)
"""Rules that look at one entry alone."""
RULES: tuple[Rule, ...] = (
    *ONE_ENTRY, *twins.RULES, personal.PERSONAL, rights.RIGHTS, circumstances.OPEN, *inside.RULES, *amounts.RULES,
)
BY_ID = {rule.id: rule for rule in RULES}
GRAVITY = {severity: rank for rank, severity in enumerate(Severity)}
