"""Proposed names, for whatever a folder may hold: accepted by the target, met by no other, and readable both ways."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.hard_names import PROFILES, file, findings, folder

from kdx.inventory.assess.decisions import Decided, Decision
from kdx.inventory.assess.finding import Severity
from kdx.inventory.names import readable

CHARACTERS = "aA.? ~$1_かが\u3099神\ufa19\ue001葛\U000e0100𠮷ＡCON\n\\:!-"
NAMES = st.one_of(
    st.text(st.sampled_from(CHARACTERS), min_size=1, max_size=6),
    st.sampled_from(("CON", "con.txt", "aux", "forms", "~$a", "_vti_", "_vti__vti_", "desktop.ini", "名簿", "AB~1")),
    st.text(st.sampled_from("あa."), min_size=80, max_size=140),
    st.sampled_from((os.fsdecode("資料".encode("cp932")), "資料")),
).filter(lambda name: name not in (".", ".."))


def accept_all(entries, profile):
    """Return the decisions of a school that takes every proposal, and leaves what has none."""
    decided = {}
    for found in findings(entries, profile):
        if found.path and found.severity != Severity.NOTE and found.path not in decided:
            choice = Decision.RENAME if found.proposal else Decision.SKIP
            decided[found.path] = Decided(found.path, choice, found.proposal, "", "")
    return decided


@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, unique=True, min_size=1, max_size=8), st.lists(NAMES, unique=True, max_size=4))
def test_a_school_that_takes_every_proposal_has_nothing_left_that_blocks(profile, names, inner):
    top = folder(names[0])
    entries = [top, *map(file, names[1:]), *(file(f"{names[0]}/{name}") for name in inner)]
    place = "pre/es/share/"
    decided = accept_all(entries, profile)
    left = [found for found in findings(entries, profile, decided, place) if found.severity == Severity.BLOCKS]
    # a twin that kept its name is asked about no more once the other has given way
    assert left == []


@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, unique=True, min_size=1, max_size=10))
def test_no_two_entries_of_a_folder_get_one_name_and_the_map_reads_both_ways(profile, names):
    proposals = {found.path: found.proposal for found in findings(map(file, names), profile) if found.proposal}
    after = {name: proposals.get(name, readable(name)) for name in names}
    for old, new in proposals.items():
        assert [name for name, there in after.items() if there == new] == [old]
        assert new.isprintable() or all(one.isprintable() or one == "\u3000" for one in new)
    assert findings(map(file, names), profile) == findings(map(file, reversed(names)), profile)
