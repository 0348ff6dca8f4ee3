"""A flood of connections, in small; ``python -m tests.e2e.flood`` makes a large one."""

import pytest

from tests.e2e import flood

pytestmark = pytest.mark.alone


async def test_a_letter_gets_through_a_flood():
    """CASES E13: 3,000 connections from 40 networks against a real pod: 95 of 100 letters within 5 s, tries included."""
    took = sorted(await flood.main(3000, 40))
    assert len(took) >= flood.LETTERS_LEAST
    assert took[int(len(took) * 0.95)] <= 5
