"""Issue 3: SIGKILL of the mailbox pod under twenty clients of one account; `make chaos-mailbox` does it for minutes."""

from __future__ import annotations

import pytest

from tests.e2e import mailbox_chaos

pytestmark = pytest.mark.alone

SECONDS, KILLS = 20.0, 8


@pytest.mark.timeout(200)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_twenty_clients_while_the_pod_is_killed(tmp_path, request, database):
    """Nothing lost, doubled or half done, no UID twice, no change missed, all counters exact; on both databases."""
    url = request.getfixturevalue("postgres_dsn") if database == "postgres" else ""
    score = await mailbox_chaos.run(tmp_path, SECONDS, url, kills=KILLS)
    print(score.line())
    assert score.verdict.wrong == []
    assert score.kills >= KILLS
    assert score.verdict.done + score.repeated > 0
    assert score.verdict.undone > 0
    assert all(
        score.said[kind] > 10 for kind in ("deliver", "append", "again", "copy", "move", "store", "expunge")
    )
    assert '"level":"error"' not in (tmp_path / "mailbox.log").read_text()
    assert "Traceback" not in (tmp_path / "crowd.log").read_text()
