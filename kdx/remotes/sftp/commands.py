"""The commands kdx runs on a server that has a shell: constants, all of them, and nothing else.

The root goes in as the first line of standard input, names follow it, each ended by NUL and begun by "./". Programs
get them as arguments; no shell ever reads one. What comes out is ended by NUL too, after BEGIN: whatever a login script
says before that is not ours. A login shell of any kind (csh, fish) only has to pass one quoted string on to sh.
"""

from typing import NamedTuple

BEGIN, END = b"kdx begins", b"kdx ends"
NOTHING = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of no bytes: what a program that can hash answers to the trial."""

_QUIET = r'LC_ALL=C; export LC_ALL; exec 2>/dev/null; '
_BEGIN = r'printf "kdx begins\0"; '
_ROOT = r"IFS= read -r root; "
_ENTER = r'cd "$root" || exit 1; '
_ONE_NAME = r'printf "./-\0" | xargs -0 -r -n 1 sh -c '

_TRIAL = (
    r'printf "%s\0" "$(stat -c "%s %Y %f" .)" "$(stat -c "%s %Y %f" /)"; '
    + r'printf "%s\0" "$(find / -maxdepth 0 -ignore_readdir_race -readable -printf lists)"; '
    + rf'printf "%s\0" "$({_ONE_NAME}"sha256sum -z -- /dev/null" sh | tr -d "\000")"; '
    + rf'printf "%s\0" "$({_ONE_NAME}"sha256sum </dev/null" sh)"; '
)
"""What are the first folder and /, is there GNU find, is there a sha256sum that ends lines with NUL, is there any?"""
TRIAL_ANSWERS = 5

TRY = "exec sh -c '" + _QUIET + _BEGIN + _TRIAL + r'printf "kdx ends\0"' + "'"

_ENTRY = r"%y %s %T@ %m %i %U\0%P\0%l\0"
WALK = (
    "exec sh -c '"
    + _QUIET
    + _ROOT
    + _BEGIN
    + _TRIAL
    + _ENTER
    + r'printf "%s\0" "$(getent passwd | cut -d: -f 1,3 | head -n 5000)"; '
    + r"find . -mindepth 1 -ignore_readdir_race \( -type d -not \( -readable -executable \) -prune "
    + rf'-printf "x{_ENTRY}" \) -o -printf "{_ENTRY}"; '
    + r'printf "= %s\0\0\0" "$?"'
    + "'"
)
"""The trial, so that none need come before. Users as lines of NAME:NUMBER (find itself would
look up each entry's, at four times the cost of all the rest). Then every entry below the root in three strings: facts,
path, target of a link. A closed folder's facts begin with x."""


class Hashing(NamedTuple):
    """One way to hash files on a server.

    For each batch of names it says what each file is and its path, its hash and its path, what it is now and its path,
    and at the end how many names that were. Names that are no files (anymore) are left out.
    """

    command: str
    batch: int
    """So many names make a batch; it takes fewer where they are long."""


_FACTS = r"find \"\$@\" -maxdepth 0 -type f -printf \"f %s %T@ %C@ %m %i %U\0%p\0\""
BY_GNU = Hashing(
    "exec sh -c '"
    + _QUIET
    + _ROOT
    + _BEGIN
    + _ENTER
    + r'exec xargs -0 -r -n 4000 -s 500000 sh -c "'
    + rf"{_FACTS} -exec sha256sum -z -- {{}} +; {_FACTS}; "
    + r"printf \"= %s\0\" \$#"
    + "\" sh'",
    4000,
)
"""Four programs for a batch: as many names as possible, or starting them costs more than hashing small files."""

_STAT = r"stat -c \"f %s %Y %Z %a %i %u\" \"\$file\""
BY_ANY = Hashing(
    "exec sh -c '"
    + _QUIET
    + _ROOT
    + _BEGIN
    + _ENTER
    + r'exec xargs -0 -r -n 32 sh -c "'
    + r"for file do if [ -f \"\$file\" ] && [ ! -h \"\$file\" ]; then "
    + rf"before=\$({_STAT}); hash=\$(sha256sum <\"\$file\"); after=\$({_STAT}); "
    + r"printf \"%s\0%s\0%s  %s\0%s\0%s\0\" "
    + r"\"\$before\" \"\$file\" \"\${hash%% *}\" \"\$file\" \"\$after\" \"\$file\"; "
    + r"fi; done; printf \"= %s\0\" \$#"
    + "\" sh'",
    32,
)
"""The same answers where there is only busybox or an old sha256sum: three programs are started for every file."""
