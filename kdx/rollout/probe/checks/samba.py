"""What a Samba server's own configuration says (testparm): encryption cannot be seen from outside before a login.

testparm reads the file, not the running server: after a change that was not loaded the two differ.
"""

import re

from kdx.language import N_
from kdx.rollout.probe.check import By, Check, Seen, Verdict, fails, passes, unknown

REQUIRED = ("required", "mandatory", "force", "forced", "enforced")
_SECTION = re.compile(r"\s*\[(.+)\]\s*")
_ENCRYPT = re.compile(r"\s*(?:server )?smb encrypt\s*=\s*(\S+).*", re.IGNORECASE)


def judge_encryption(seen: Seen) -> Verdict:
    """Required in [global] and loosened by no share."""
    section, said = "", dict[str, str]()
    for line in seen.text.splitlines():
        if found := _SECTION.fullmatch(line):
            section = found[1].lower()
        elif (found := _ENCRYPT.fullmatch(line)) and section:
            said[section] = found[1].lower()
    if "[global]" not in seen.text.lower():
        return unknown(N_("testparm does not run there, or may not read the configuration"))
    loose = [name for name, word in said.items() if name != "global" and word not in REQUIRED]
    word = said.get("global", "default")
    if word not in REQUIRED:
        return fails(N_("encryption is not required ({word})"), word, word=word)
    if loose:
        return fails(N_("a share does not require it: {share}"), ", ".join(loose), share=", ".join(loose))
    return passes(N_("encryption is required"), word)


CHECKS = (Check("smb_encryption", By.SSH, judge_encryption, "testparm -s 2>/dev/null"),)
