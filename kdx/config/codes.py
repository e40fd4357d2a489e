"""Codes of municipalities and schools, and their check digits. Pure arithmetic; a wrong digit is for a person to judge.

Municipality: 全国地方公共団体コード (総務省), five digits and a check digit. School: 学校コード (文部科学省), 13 characters;
its check digit rule was derived from published codes of elementary and junior high schools, so it only ever warns.
"""

import re

MUNICIPALITY = re.compile(r"[0-9]{6}")
SCHOOL = re.compile(r"[A-H][12][0-4][0-9][123][0-9]{8}")


def municipality_code_is_likely(code: str) -> bool:
    """Whether the sixth digit of a municipality code fits the five before it (weights 6 to 2, modulus 11)."""
    total = sum(int(digit) * weight for digit, weight in zip(code[:5], range(6, 1, -1)))
    return int(code[5]) == (11 - total % 11) % 10


def school_code_is_likely(code: str) -> bool:
    """Whether the last digit of a school code fits the twelve characters before it (A is 1, weights 2 and 1)."""
    values = [ord(code[0]) - ord("A") + 1, *map(int, code[1:12])]
    products = [value * (2 - place % 2) for place, value in enumerate(values)]
    total = sum(product // 10 + product % 10 for product in products)
    return int(code[12]) == -total % 10
