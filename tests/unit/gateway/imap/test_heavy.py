"""How much of what is heavy happens at once."""

import asyncio

import pytest

from services.gateway.imap.heavy import LARGE, Heavy
from services.gateway.imap.replies import No


def test_an_account_has_few_searches_at_once():
    """CASES H6: one too many is NO [LIMIT]; another account is not concerned; a place that is left is free."""
    heavy = Heavy(searches=2)
    with heavy.search("alice"), heavy.search("bob"):
        with heavy.search("alice"), pytest.raises(No) as refused, heavy.search("alice"):
            pass
        with heavy.search("alice"):
            pass
    assert refused.value.code == "LIMIT"
    assert not heavy._searching  # nobody is remembered who does not search


async def test_large_parts_wait_for_each_other_and_small_ones_for_nobody():
    """CASES H6: of two large parts one is in memory; small ones go on meanwhile."""
    heavy, inside = Heavy(decoded=1), []
    order = []

    async def hold(size):
        async with heavy.octets(size):
            inside.append(size)
            order.append((size, sum(one > LARGE for one in inside)))
            await asyncio.sleep(0.01)
            inside.remove(size)

    await asyncio.gather(hold(LARGE + 1), hold(LARGE + 2), hold(5))
    assert order == [(LARGE + 1, 1), (5, 1), (LARGE + 2, 1)]
