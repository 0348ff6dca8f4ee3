from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.delivery.slots import LINE, Slots
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


async def test_jobs_stand_in_line_for_a_slot():
    """First come, first served; a slot goes straight to the next in line."""
    slots = Slots(total=10, per_site=1)
    assert slots.take("a")
    order: list[int] = []

    async def job(i: int) -> None:
        if await slots.wait("a", 5.0):
            order.append(i)

    jobs = [asyncio.create_task(job(i)) for i in range(3)]
    await asyncio.sleep(0)
    for _ in range(3):
        slots.give("a")
        await asyncio.sleep(0)
    await asyncio.gather(*jobs)
    assert order == [0, 1, 2]
    slots.give("a")
    assert slots.taken == 0


async def test_the_line_is_bounded_in_length_and_time():
    """Who finds it full, or waits too long, goes to the ledger."""
    slots = Slots(total=10, per_site=1)
    slots.take("a")
    assert not await slots.wait("a", 0.01)
    waiting = [asyncio.create_task(slots.wait("a", 5.0)) for _ in range(LINE)]
    await asyncio.sleep(0)
    assert not await slots.wait("a", 5.0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    slots.give("a")
    assert slots.taken == 0


async def test_who_leaves_with_a_slot_gives_it_back():
    """Cancelled in the moment in which the slot was handed over: nothing is lost."""
    slots = Slots(total=10, per_site=1)
    slots.take("a")
    waiting = asyncio.create_task(slots.wait("a", 5.0))
    await asyncio.sleep(0)
    slots.give("a")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert slots.taken == 0
