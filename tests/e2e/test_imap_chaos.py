"""CASES H10: many clients change one account while mailbox and gateway die by SIGKILL; `make imaptest` does it for longer.

And the checks themselves, on servers that lie (tests/imaptest/test_picture.py, test_journal.py).
"""

from __future__ import annotations

import ssl

import pytest

from tests.e2e import town as towns
from tests.e2e.conftest import QUICK
from tests.imaptest.game import ROOM, Killing, play

pytestmark = pytest.mark.alone

CLIENTS, SECONDS = 12, 20.0
WANTED = (
    "APPEND OK",
    "STORE OK",
    "COPY OK",
    "MOVE OK",
    "EXPUNGE OK",
    "FETCH OK",
    "SEARCH OK",
    "SELECT OK",
    "QRESYNC",
)


@pytest.mark.timeout(240)
async def test_twelve_clients_while_mailbox_and_gateway_die(tmp_path):
    """CASES H10: no picture contradicts the protocol, no UID comes twice, MOVE loses nothing and doubles nothing."""
    with towns.town(tmp_path / "state", QUICK + ROOM) as town:
        score = await play(
            "localhost", town.ports["imaps"], ssl.create_default_context(cafile=town.ca),
            "alice@demo.example", town.password(),
            clients=CLIENTS, seconds=SECONDS, pause=0.01, killing=Killing(kill=town.kill, every=3.0),
        )  # fmt: skip
    print(score.line())
    assert score.wrong == []
    assert {"mailbox", "gateway"} <= set(score.kills)
    assert all(score.did[name] for name in WANTED), score.did
    assert score.did["lost connections"] > 0
