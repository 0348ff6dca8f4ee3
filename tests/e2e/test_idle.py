"""CASES H11 in small; `make idle` has ten thousand."""

from __future__ import annotations

import pytest

from tests.e2e import idle_load

pytestmark = pytest.mark.alone

COUNT, USERS = 200, 5


@pytest.mark.timeout(180)
async def test_two_hundred_clients_hear_of_a_letter(town):
    """CASES H11: every client that waits hears of a letter within two seconds; none costs more than 120 KiB here.

    With so few the gateway's own heap counts too; for ten thousand the promise is 60 KiB (docs/bench.md).
    """
    users = [(town.account(f"idle{n}"), town.password(f"idle{n}")) for n in range(USERS)]
    score = await idle_load.run(town, users, COUNT)
    print(score.line())
    assert score.missing == 0
    assert len(score.times) == COUNT
    assert max(score.times) < 2.0
    assert score.kib < 120
