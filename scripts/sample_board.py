"""Write the smallest inventory that works (design 4.1): one invented school, its shares, its targets.

For the bench and tests; a person starts with `kdx init`.
"""

import json
from collections.abc import Mapping
from pathlib import Path

BOARD = "試験市教育委員会"
SCHOOL = "shiken_es"
SCHOOL_NAME = "試験市立試験小学校"


def write_board(
    folder: Path, shares: Mapping[str, Path | str], targets: Mapping[str, str] | None = None, secret: str = ""
) -> Path:
    """Write hosts.yml and kdx.yml into `folder`; shares and targets are name -> address. Return the folder.

    `secret` is the reference that all shares carry.
    """
    indent, more = 16 * " ", f", secret: {_text(secret)}" if secret else ""
    rows = "".join(f"{indent}- {{name: {_text(name)}, url: {_text(str(url))}{more}}}\n" for name, url in shares.items())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts.yml").write_text(
        f"""all:
  children:
    schools:
      children:
        {SCHOOL}:
          vars:
            school_name: {SCHOOL_NAME}
            kind: elementary
          hosts:
            fs-shiken:
              shares:
{rows}""",
        encoding="utf-8",
    )
    places = "".join(f"  {_text(name)}: {_text(url)}\n" for name, url in (targets or {}).items())
    (folder / "kdx.yml").write_text(
        f"board: {BOARD}\nlanguage: ja\nmunicipality_code: \"242101\"\n" + (f"targets:\n{places}" if places else ""),
        encoding="utf-8",
    )
    return folder


def _text(value: str) -> str:
    """Return a YAML double-quoted string; JSON's are such strings."""
    return json.dumps(value, ensure_ascii=False)
