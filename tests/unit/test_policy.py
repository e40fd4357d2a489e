"""What the weather makes kdx do: on a rising level, once, and again only after it has been calm for long enough."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.config.model import School
from kdx.config.scheduling import HazardPolicy
from kdx.hazard.items import KNOWN, Level, Peril
from kdx.hazard.level import Standing
from kdx.hazard.policy import Alarm, Order, decide, follow
from tests.rigs.kameyama import at

POLICY = HazardPolicy()
SCHOOL = School("a_es", "あ小学校")
SAFE = School("b_es", "い小学校", flood_depth_rank=0, server_floor=2, ups=True)
LOW = School("c_es", "う小学校", flood_depth_rank=3, server_floor=1, ups=True)


def standing(now: datetime, known: bool = True, in_water: bool = True, ahead: Any = None, **perils: str) -> Standing:
    found = {Peril(name): Level(level) for name, level in perils.items()}
    level = max(found.values(), key=KNOWN.index, default=Level.CLEAR)
    return Standing("a_es", level if known else Level.UNKNOWN, level, found, now, now, in_water, (), ahead or {})


def after(*looks: Standing, school: School = SCHOOL) -> Order:
    alarm = Alarm()
    for look in looks:
        alarm = follow(alarm, look, POLICY)
    return decide(alarm, looks[-1], school, POLICY)


def test_calm_asks_for_nothing() -> None:
    assert after(standing(at(15))) == Order()


def test_an_advisory_asks_for_a_backup_now_and_lasting_it_asks_for_no_second() -> None:
    first = after(standing(at(16), lightning="advisory"))
    still = after(standing(at(16), lightning="advisory"), standing(at(19), lightning="advisory"))
    assert first.save_since == still.save_since == at(16)
    assert (first.copy_since, first.hold, first.line_percent) == (None, False, 50)


def test_lightning_in_the_outlook_asks_for_a_backup_before_it_comes() -> None:
    order = after(standing(at(15), ahead={Peril.LIGHTNING: at(18)}))
    assert (order.save_since, order.before, order.reasons) == (at(15), at(18), ("lightning is forecast",))
    assert after(standing(at(15), ahead={Peril.WATER: at(18)})).save_since is None


def test_a_rising_level_asks_anew_and_a_warning_for_the_second_copy() -> None:
    looks = standing(at(16), lightning="advisory"), standing(at(17), lightning="advisory", water="advisory")
    assert after(*looks).save_since == at(17)
    raised = after(*looks, standing(at(18), lightning="advisory", water="warning"))
    assert (raised.save_since, raised.copy_since) == (at(18), at(18))
    fallen = after(*looks, standing(at(18), water="warning"), standing(at(23), water="advisory"))
    assert (fallen.save_since, fallen.copy_since) == (at(18), at(18))


def test_danger_starts_nothing_new_where_the_water_comes_and_emergency_seals_what_runs() -> None:
    for level, in_water, hold, stop in (("danger", True, True, False), ("danger", False, False, False),
                                        ("emergency", True, True, True), ("warning", True, False, False)):
        order = after(standing(at(19), in_water=in_water, water=level))
        assert (order.hold, order.stop) == (hold, stop)
    assert not after(standing(at(19), lightning="advisory", wind="emergency")).hold


def test_an_advisory_that_flickers_is_one_until_it_was_calm_for_two_hours() -> None:
    looks = [standing(at(16), lightning="advisory"), standing(at(17)), standing(at(18, 59)),
             standing(at(19), lightning="advisory")]
    assert after(*looks).save_since == at(16)
    looks = [standing(at(16), lightning="advisory"), standing(at(17)), standing(at(19)),
             standing(at(20), lightning="advisory")]
    assert after(*looks).save_since == at(20)


def test_two_hours_after_the_all_clear_the_vault_is_to_be_verified_and_not_before() -> None:
    looks = [standing(at(16), lightning="advisory"), standing(at(17))]
    assert after(*looks, standing(at(18, 55))).check_since is None
    rearmed = after(*looks, standing(at(19)), standing(at(30)))
    assert (rearmed.check_since, rearmed.save_since, rearmed.line_percent) == (at(19), None, 100)


def test_what_is_unknown_is_never_the_calm_that_rearms() -> None:
    looks = [standing(at(16), lightning="advisory"), standing(at(17)), standing(at(18), known=False)]
    assert after(*looks, standing(at(19))).check_since is None
    assert after(*looks, standing(at(19)), standing(at(21))).check_since == at(21)


def test_schools_without_ups_come_first_in_thunder_and_those_in_the_water_in_a_flood() -> None:
    thunder, flood = standing(at(16), lightning="advisory"), standing(at(16), water="advisory")
    dry = standing(at(16), in_water=False, water="advisory")
    assert after(thunder, school=SCHOOL).risk > after(thunder, school=SAFE).risk
    assert after(flood, school=LOW).risk > after(dry, school=SAFE).risk
    assert after(standing(at(16), water="warning"), school=LOW).risk > after(flood, school=LOW).risk


def test_a_clock_that_was_set_back_leaves_no_demand_in_the_future() -> None:
    order = after(standing(at(40), lightning="advisory"), standing(at(16), lightning="advisory"))
    assert order.save_since == at(16)
    looks = [standing(at(39), lightning="advisory"), standing(at(40)), standing(at(42)), standing(at(16))]
    assert after(*looks).check_since == at(16)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 200), st.sampled_from(["", "advisory", "warning", "danger"])), max_size=12))
def test_every_rise_is_answered_and_nothing_else_asks(steps: list[tuple[int, str]]) -> None:
    now, alarm, before, calm_since = at(0), Alarm(), None, None
    peak = -1
    for minutes, level in steps:
        now += timedelta(minutes=minutes)
        look = standing(now, **({"water": level} if level else {}))
        alarm = follow(alarm, look, POLICY)
        order = decide(alarm, look, SCHOOL, POLICY)
        if not level:
            calm_since = calm_since or now
            if now - calm_since >= timedelta(hours=2):
                peak = -1
                assert order.save_since is None
            continue
        calm_since = None
        rank = KNOWN.index(Level(level))
        assert order.save_since == (now if rank > peak else before)
        peak, before = max(peak, rank), order.save_since
