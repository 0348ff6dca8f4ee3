from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.delivery.slots import Slots
from yubin.dispatch.port import Lane


def test_a_full_site_takes_no_more_and_others_do():
    """The limit of one site stands in nobody else's way."""
    slots = Slots(total=10, per_site=2)
    assert [slots.take("google"), slots.take("google"), slots.take("google")] == [True, True, False]
    assert slots.take("docomo")
    assert slots.free_at("google") == 0


def test_a_full_pod_takes_nothing():
    slots = Slots(total=2, per_site=2)
    assert slots.take("a")
    assert slots.take("b")
    assert not slots.take("c")


def test_bulk_leaves_room_to_interactive_mail():
    """A fifth of the pod is kept from the low lane."""
    slots = Slots(total=10, per_site=10)
    for _ in range(8):
        slots.take("a")
    assert (slots.free(Lane.LO), slots.free(Lane.HI)) == (0, 2)


def test_a_row_moves_to_its_true_site():
    """~domain turns into a site; where that one is full the old slot stays taken until it is given back."""
    slots = Slots(total=10, per_site=1)
    assert slots.take("~a.example")
    assert slots.move("~a.example", "google")
    assert slots.take("~b.example")
    assert not slots.move("~b.example", "google")
    slots.give("~b.example")
    slots.give("google")
    assert (slots.taken, slots.busy_sites()) == (0, 0)


async def test_somebody_who_waits_is_woken_by_a_free_slot():
    slots = Slots(total=1, per_site=1)
    slots.take("a")
    waiting = asyncio.create_task(slots.freed(30.0))
    await asyncio.sleep(0)
    slots.give("a")
    await asyncio.wait_for(waiting, 1.0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "give", "move"]), st.sampled_from("abc"), st.sampled_from("abc"))
    )
)
def test_the_counts_always_agree(steps):
    """Whatever the order of steps, no site and no pod goes above its limit, and all slots come back."""
    slots, held = Slots(total=5, per_site=3), []
    for verb, site, other in steps:
        if verb == "take" and slots.take(site):
            held.append(site)
        elif verb == "give" and site in held:
            held.remove(site)
            slots.give(site)
        elif verb == "move" and site in held and slots.move(site, other):
            held[held.index(site)] = other
        assert slots.taken == len(held) <= 5
        assert all(held.count(s) <= 3 for s in "abc")
    for site in held:
        slots.give(site)
    assert (slots.taken, slots.busy_sites()) == (0, 0)
