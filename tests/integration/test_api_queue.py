"""Following letters and steering the queue over HTTP."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.integration.api import System
from yubin.queue.port import Outcome


@pytest.fixture
async def system(tmp_path):
    async with System(tmp_path).running() as running:
        await running.populate()
        yield running


@pytest.fixture
async def http(system):
    async with system.client() as client:
        yield client


async def _send(http, *to, **more) -> str:
    letter = {"from": "alice@example.org", "to": list(to) or ["bob@dest.test"], "text": "x"} | more
    return (await http.post("/v1/send", json=letter)).json()["number"]


async def test_a_letters_way(http, system):
    """track: accepted, deferred with the peer's words and the next attempt, delivered; times in UTC, in order."""
    number = await _send(http)
    await system.attempt(Outcome.PENDING, 451, "4.7.1", "Greylisted, come back")
    found = (await http.get(f"/v1/track/{number}")).json()
    (delivery,) = found["deliveries"]
    assert (delivery["state"], delivery["attempts"], delivery["recipients"][0]["text"]) == (
        "deferred",
        1,
        "Greylisted, come back",
    )
    assert datetime.fromisoformat(delivery["due"]) > datetime.fromisoformat(found["created"])
    await http.post("/v1/queue/flush", json={"number": number})
    await system.attempt(Outcome.DELIVERED, 250, "2.0.0", "Ok")
    found = (await http.get(f"/v1/track/{number.lower()}")).json()
    assert [e["kind"] for e in found["events"] if e["kind"] in {"accepted", "deferred", "delivered"}] == [
        "accepted",
        "deferred",
        "delivered",
    ]
    last = found["events"][-1]
    assert (last["code"], last["text"], last["peer"], last["recipient"]) == (
        250,
        "Ok",
        "mx.dest.test[192.0.2.1]:25",
        "bob@dest.test",
    )
    assert [e["at"] for e in found["events"]] == sorted(e["at"] for e in found["events"])
    assert found["deliveries"][0]["recipients"][0]["outcome"] == "delivered"


@pytest.mark.parametrize("number", ["0123456789ABCDEFGHJKMNPQRS", "x", "' OR 1=1 --", "7" * 26, "%00"])
async def test_a_number_that_leads_nowhere(http, number):
    """404 for an unknown letter, 400 for what is no tracking number (CASES L9)."""
    answer = await http.get(f"/v1/track/{number}")
    assert answer.status_code == (404 if number.startswith("0123") or number == "7" * 26 else 400)


async def test_the_queue_is_listed_in_pages_and_by_filter(http):
    """Oldest first; ``next`` leads on; every filter narrows."""
    numbers = [await _send(http, f"u@d{i}.test") for i in range(5)]
    page = (await http.get("/v1/queue", params={"limit": 2})).json()
    seen = [d["number"] for d in page["deliveries"]]
    while page["next"]:
        page = (await http.get("/v1/queue", params={"limit": 2, "after": page["next"]})).json()
        seen += [d["number"] for d in page["deliveries"]]
    assert seen == numbers
    for given, count in (
        ({"domain": "D3.test."}, 1), ({"state": "ready"}, 5), ({"state": "held"}, 0), ({"sender": "alice@example.org"}, 5),
        ({"sender": "bob@example.org"}, 0), ({"tenant": "default"}, 5), ({"number": numbers[0]}, 1), ({"site": "none"}, 0),
    ):  # fmt: skip
        assert len((await http.get("/v1/queue", params=given)).json()["deliveries"]) == count, given
    for wrong in ({"state": "done"}, {"number": "x"}, {"domain": "a b"}, {"after": "x"}, {"sender": "x"}):
        assert (await http.get("/v1/queue", params=wrong)).status_code == 400


async def test_one_letter_or_one_row_is_shown(http, system):
    """By tracking number all rows of the letter, by a row's id that one; 404 once it has ended."""
    number = await _send(http, "a@one.test", "b@two.test")
    rows = (await http.get(f"/v1/queue/{number}")).json()["deliveries"]
    assert {d["domain"] for d in rows} == {"one.test", "two.test"}
    one = (await http.get(f"/v1/queue/{rows[1]['id']}")).json()["deliveries"]
    assert one == [rows[1]]
    await system.attempt(Outcome.DELIVERED, 250, "2.0.0", "Ok")
    assert (await http.get(f"/v1/queue/{number}")).status_code == 404


async def test_hold_flush_cancel(http):
    """CASES B15 in small: by domain, by number; each says how many rows it touched."""
    number = await _send(http, "a@one.test", "b@two.test")

    async def states():
        return {d["domain"]: d["state"] for d in (await http.get("/v1/queue")).json()["deliveries"]}

    assert (await http.post("/v1/queue/hold", json={"domain": "one.test"})).json() == {"deliveries": 1}
    assert await states() == {"one.test": "held", "two.test": "ready"}
    assert (await http.post("/v1/queue/flush", json={"state": "held"})).json() == {"deliveries": 1}
    assert await states() == {"one.test": "ready", "two.test": "ready"}
    assert (await http.post("/v1/queue/cancel", json={"number": number, "domain": "two.test"})).json() == {
        "deliveries": 1
    }
    assert await states() == {"one.test": "ready"}
    events = (await http.get(f"/v1/track/{number}")).json()["events"]
    assert {"held", "released", "cancelled"} <= {e["kind"] for e in events}


@pytest.mark.parametrize("action", ["hold", "flush", "cancel"])
async def test_everything_only_on_purpose(http, action):
    """An empty selection is refused; {"all": true} is meant."""
    await _send(http)
    assert (await http.post(f"/v1/queue/{action}", json={})).status_code == 400
    assert (await http.post(f"/v1/queue/{action}", json={"domain": ""})).status_code == 400
    await http.post("/v1/queue/hold", json={"all": action == "flush", "state": "ready"})
    answer = await http.post(f"/v1/queue/{action}", json={"all": True})
    assert answer.json()["deliveries"] <= 1
    state = {"hold": ["held"], "flush": ["ready"], "cancel": []}[action]
    assert [d["state"] for d in (await http.get("/v1/queue")).json()["deliveries"]] == state
