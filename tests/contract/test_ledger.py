"""The ledger's contract: one body of tests, every adapter as a parameter."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.contract.ledgers import (
    BOUNCED,
    DEFERRED,
    START,
    TERMS,
    claim_one,
    delivery,
    hold,
    kinds,
    letter,
    message,
    result,
    said,
    ticket,
)
from yubin.errors import Unavailable
from yubin.ids import number, uuid7
from yubin.queue.port import (
    Letter,
    NewDelivery,
    NewRecipient,
    Origin,
    Outcome,
    Release,
    ReportKind,
    Selection,
    State,
    Wish,
)


async def test_accept_then_known_and_readable(world):
    """What was accepted is there as it was given, by the ledger's clock."""
    new = delivery(
        "ken@example.org", "山@example.org", orcpt="rfc822;Ken@example.org", notify=frozenset({"SUCCESS"})
    )
    given = letter(new, body=b"\x00\xffbody", utf8=True, envid="+2B", ret="HDRS", requiretls=True, body_type="8BITMIME",
                   klass="bulk", account=None, traceparent="00-1-2-01", expires_in=1000.0)  # fmt: skip
    await world.ledger.accept([given])
    other = uuid7()
    assert await world.ledger.known([given.message.id, other]) == {given.message.id}
    assert await world.ledger.message(given.message.id) == replace(given.message, created=START)
    assert await world.ledger.body(given.message.id) == b"\x00\xffbody"
    assert await world.ledger.message(other) is None
    assert await world.ledger.body(other) is None


async def test_claim_carries_all_that_delivery_needs(world):
    """One answer holds letter, body, recipients and the times; attempt and next due time are already written (I4)."""
    new = delivery(
        "ken@example.org", "山@example.org", orcpt="rfc822;Ken@example.org", notify=frozenset({"SUCCESS"})
    )
    given = letter(new)
    await world.ledger.accept([given])
    claim = await claim_one(world, new)
    assert claim.message == replace(given.message, created=START)
    assert (claim.body, claim.domain, claim.site, claim.epoch) == (
        b"hello",
        "example.org",
        "mx.example.org",
        1,
    )
    assert [(p.n, p.address, p.orcpt, p.notify) for p in claim.recipients] == [
        (0, "ken@example.org", "rfc822;Ken@example.org", frozenset({"SUCCESS"})),
        (1, "山@example.org", "rfc822;Ken@example.org", frozenset({"SUCCESS"})),
    ]
    assert (claim.attempts, claim.crashes, claim.in_doubt, claim.recovered) == (1, 0, False, False)
    assert (claim.now, claim.due, claim.expires) == (START, START + 300, START + 5 * 86400)
    (seen,) = await world.ledger.list(Selection(), limit=10)
    assert (seen.state, seen.attempts, seen.due, seen.site) == (
        State.SENDING,
        1,
        START + 300,
        "mx.example.org",
    )


async def test_accepting_again_changes_nothing(world):
    """A retry after an unknown outcome leaves one letter, also within one batch."""
    given = letter()
    await world.ledger.accept([given, given])
    await claim_one(world, given.deliveries[0])
    await world.ledger.accept([given])
    tracking = await world.ledger.track(given.message.id)
    assert len(tracking.deliveries) == 1
    assert kinds(tracking.events) == ["accepted", "attempt"]


async def test_a_batch_is_written_whole_or_not_at_all(world):
    """A letter that cannot be written takes its batch with it; the group above tries one by one."""
    first = letter()
    broken = letter(replace(delivery(), id=first.deliveries[0].id))
    with pytest.raises(Exception) as caught:
        await world.ledger.accept([first, broken])
    assert not isinstance(caught.value, Unavailable)
    assert await world.ledger.known([first.message.id, broken.message.id]) == set()
    await world.ledger.accept([first])


async def test_many_letters_in_one_batch(world):
    """Recipients, bodies and messages of a batch are not mixed up."""
    letters = [
        letter(
            *(delivery(f"{n}-{d}@d{d}.example", domain=f"d{d}.example") for d in range(3)),
            body=b"%d" % n,
            envid=str(n),
        )
        for n in range(20)
    ]
    await world.ledger.accept(letters)
    tickets = [ticket(new) for given in letters for new in given.deliveries]
    claims = await world.ledger.claim(tickets, owner="w", lease=60)
    assert [(c.body, c.message.envid, c.recipients[0].address, c.domain) for c in claims] == [
        (b"%d" % n, str(n), f"{n}-{d}@d{d}.example", f"d{d}.example") for n in range(20) for d in range(3)
    ]


async def test_a_body_elsewhere_is_none(world):
    """A letter whose body the object store holds says so by None, in the claim too."""
    given = letter(body=None)
    await world.ledger.accept([given])
    assert (await claim_one(world, given.deliveries[0])).body is None
    assert await world.ledger.body(given.message.id) is None


async def test_an_empty_batch_is_nothing(world):
    """No operation minds an empty group."""
    await world.ledger.accept([])
    assert await world.ledger.claim([], owner="w", lease=1) == []
    assert await world.ledger.claim_due({}, owner="w", lease=1) == []
    assert await world.ledger.finish([]) == []
    assert await world.ledger.mark_in_doubt([]) == []
    assert await world.ledger.known([]) == set()


async def test_second_claim_is_refused(world):
    """DESIGN I2: one epoch, one claim."""
    given = letter()
    await world.ledger.accept([given])
    await claim_one(world, given.deliveries[0])
    new = given.deliveries[0]
    assert (
        await world.ledger.claim([ticket(new), ticket(new, 1), ticket(delivery())], owner="w2", lease=60)
        == [None] * 3
    )


async def test_the_same_ticket_twice_in_a_batch_is_claimed_once(world):
    """DESIGN I3: a repeated message gives one claim."""
    given = letter()
    await world.ledger.accept([given])
    new = given.deliveries[0]
    claims = await world.ledger.claim([ticket(new), ticket(new)], owner="w", lease=60)
    assert sum(claim is not None for claim in claims) == 1


async def test_many_claimers_never_get_the_same_row(world):
    """DESIGN I2: eight workers over two connections grab by ticket and by due; each row goes to one of them."""
    letters = [letter() for _ in range(40)]
    await world.ledger.accept(letters)
    ledgers = [world.ledger, await world.another()]
    tickets = [ticket(given.deliveries[0], site="~example.org") for given in letters]
    rounds = await asyncio.gather(
        *(ledgers[n % 2].claim(tickets, owner=f"w{n}", lease=60) for n in range(4)),
        *(ledgers[n % 2].claim_due({"~example.org": 10}, owner=f"d{n}", lease=60) for n in range(4)),
    )
    rest = await world.ledger.claim_due({"~example.org": 40}, owner="last", lease=60)
    got = [claim.delivery_id for claims in [*rounds, rest] for claim in claims if claim]
    assert len(got) == len(set(got)) == 40


async def test_published_rows_belong_to_the_fresh_lane_first(world):
    """A published row is not due for 30 s; its ticket claims it all the same. Any other is due at once."""
    published, plain = delivery(published=True), delivery(domain="other.example")
    await world.ledger.accept([letter(published), letter(plain)])
    assert await world.ledger.due_sites(10) == ["~other.example"]
    await world.sleep(30)
    assert set(await world.ledger.due_sites(10)) == {"~example.org", "~other.example"}
    assert await world.ledger.claim([ticket(published)], owner="w", lease=60) != [None]


async def test_claim_due_takes_the_oldest_first_and_no_more_than_the_room(world):
    """Order of due, at most ``room`` for a site, only sites that were named."""
    rows = [delivery() for _ in range(5)]
    for new in rows:
        await world.ledger.accept([letter(new)])
        await world.sleep(1)
    await world.ledger.accept([letter(delivery(domain="other.example"))])
    claims = await world.ledger.claim_due({"~example.org": 3}, owner="w", lease=60)
    assert [claim.delivery_id for claim in claims] == [new.id for new in rows[:3]]
    assert all(claim.site == "~example.org" for claim in claims)
    assert await world.ledger.due_sites(1) in (["~example.org"], ["~other.example"])


async def test_tenants_take_turns(world):
    """CASES B10: a tenant with many rows does not keep another waiting, with room for one or for many."""
    many = [letter(tenant="big") for _ in range(30)]
    await world.ledger.accept(many)
    await world.sleep(1)
    await world.ledger.accept([letter(tenant="small") for _ in range(3)])
    first = await world.ledger.claim_due({"~example.org": 4}, owner="w", lease=60)
    assert sorted(claim.message.tenant for claim in first) == ["big", "big", "small", "small"]
    second = [
        (await world.ledger.claim_due({"~example.org": 1}, owner="w", lease=60))[0].message.tenant
        for _ in range(2)
    ]
    assert sorted(second) == ["big", "small"]
    assert len(await world.ledger.claim_due({"~example.org": 50}, owner="w", lease=60)) == 27


async def test_success_ends_the_letter(world):
    """Delivered: row done, recipient ended, events tell the way, nobody is owed a report."""
    new = delivery()
    given = letter(new)
    await world.ledger.accept([given])
    claim = await claim_one(world, new)
    (done,) = await world.ledger.finish([result(claim)])
    assert (done.held, done.report) == (True, False)
    tracking = await world.ledger.track(given.message.id)
    (view,) = tracking.deliveries
    assert (view.state, view.recipients[0].outcome, view.recipients[0].ended) == (
        State.DONE,
        Outcome.DELIVERED,
        START,
    )
    assert kinds(tracking.events) == ["accepted", "attempt", "delivered"]
    last = tracking.events[-1]
    assert (last.n, last.code, last.text, last.peer) == (0, 250, "ok", "mx.example.org[192.0.2.1]:25")
    assert (last.tenant, last.recipient, last.delivery_id) == ("acme", "ken@example.org", new.id)
    assert await world.ledger.list(Selection(), limit=10) == []


async def test_each_recipient_has_an_outcome_of_its_own(world):
    """CASES C4, data side: delivered ones are never claimed again, the deferred one is, with its number."""
    new = delivery("a@example.org", "b@example.org", "c@example.org")
    await world.ledger.accept([letter(new)])
    claim = await claim_one(world, new)
    words = [said(0), replace(DEFERRED, n=1), replace(BOUNCED, n=2)]
    (done,) = await world.ledger.finish([result(claim, *words)])
    assert (done.held, done.report) == (True, True)
    await world.sleep(300)
    (again,) = await world.ledger.claim_due({"mx.example.org": 5}, owner="w", lease=60)
    assert [(p.n, p.address) for p in again.recipients] == [(1, "b@example.org")]
    assert (again.attempts, again.epoch, again.due) == (2, 2, START + 300 + 600)
    (view,) = await world.ledger.list(Selection(), limit=1)
    assert [r.outcome for r in view.recipients] == [Outcome.DELIVERED, Outcome.PENDING, Outcome.BOUNCED]
    assert (view.recipients[1].code, view.recipients[1].text) == (451, "try again")


async def test_a_deferred_row_waits_for_its_backoff(world):
    """The due time written by the claim stands; ``retry_after`` only moves it later."""
    first, second = delivery(), delivery()
    await world.ledger.accept([letter(first), letter(second)])
    claims = [await claim_one(world, first), await claim_one(world, second)]
    await world.ledger.finish(
        [result(claims[0], DEFERRED, retry_after=10), result(claims[1], DEFERRED, retry_after=400)]
    )
    dues = {
        view.delivery_id: (view.due, view.state) for view in await world.ledger.list(Selection(), limit=5)
    }
    assert dues == {first.id: (START + 300, State.DEFERRED), second.id: (START + 400, State.DEFERRED)}
    assert await world.ledger.claim_due({"mx.example.org": 5}, owner="w", lease=60) == []


async def test_steps_repeat_the_last_and_never_pass_expiry(world):
    """Backoff's last step repeats; due is never behind ``expires``."""
    new = delivery()
    await world.ledger.accept([letter(new, expires_in=700.0)])
    first = await claim_one(world, new)
    assert first.due == START + 300
    await world.ledger.finish([result(first, DEFERRED)])
    await world.sleep(300)
    second = await claim_one(world, new, 1)
    assert second.due == START + 700


async def test_trouble_of_our_own_costs_no_attempt(world):
    """An uncounted result gives the attempt back and comes again exactly after ``retry_after``."""
    new = delivery()
    await world.ledger.accept([letter(new)])
    claim = await claim_one(world, new)
    await world.ledger.finish([result(claim, DEFERRED, counted=False, retry_after=7)])
    (view,) = await world.ledger.list(Selection(), limit=1)
    assert (view.attempts, view.due) == (0, START + 7)


async def test_release_gives_the_row_back_untried(world):
    """No attempt, no trace of one, due after the delay, under the site it was found to have."""
    new = delivery()
    given = letter(new)
    await world.ledger.accept([given])
    claim = await claim_one(world, new)
    back = Release(delivery_id=new.id, epoch=claim.epoch, site="true.example", delay=2)
    assert await world.ledger.release([back, replace(back, epoch=9)]) == [True, False]
    (view,) = await world.ledger.list(Selection(), limit=1)
    assert (view.state, view.attempts, view.due, view.site) == (State.READY, 0, START + 2, "true.example")
    assert kinds((await world.ledger.track(given.message.id)).events) == ["accepted"]
    await world.sleep(2)
    (again,) = await world.ledger.claim_due({"true.example": 1}, owner="w", lease=60)
    assert again.epoch == 2


async def test_reroute_writes_the_true_site_of_a_waiting_row(world):
    """Whoever finds out the site may write it without claiming; an old epoch or a claimed row is fenced off."""
    new, claimed = delivery(), delivery()
    await world.ledger.accept([letter(new), letter(claimed)])
    await claim_one(world, claimed)
    tickets = [ticket(new, 0, "true.example"), ticket(new, 3, "x"), ticket(claimed, 0, "x")]
    assert await world.ledger.reroute(tickets, delay=4) == [True, False, False]
    assert await world.ledger.due_sites(5) == []
    await world.sleep(4)
    assert await world.ledger.due_sites(5) == ["true.example"]


async def test_renew_extends_only_a_lease_that_is_ours(world):
    """A lease that ran out is not renewed, nor one of another epoch."""
    new = delivery()
    await world.ledger.accept([letter(new)])
    claim = await claim_one(world, new, lease=60)
    await world.sleep(50)
    assert await world.ledger.renew([hold(claim), replace(hold(claim), epoch=7)], lease=60) == [True, False]
    await world.sleep(50)
    assert await world.ledger.mark_in_doubt([hold(claim)]) == [True]
    await world.sleep(10)
    assert await world.ledger.renew([hold(claim)], lease=60) == [False]


async def test_the_dot_needs_a_lease_that_holds(world):
    """DESIGN I5, CASES B7: the mark before the dot is refused once the lease ran out, also after another claimed."""
    new = delivery()
    await world.ledger.accept([letter(new)])
    claim = await claim_one(world, new, lease=60)
    assert await world.ledger.mark_in_doubt([hold(claim)]) == [True]
    (view,) = await world.ledger.list(Selection(), limit=1)
    assert view.in_doubt
    await world.sleep(60)
    assert await world.ledger.mark_in_doubt([hold(claim)]) == [False]
    await world.ledger.finish([result(claim, DEFERRED)])
    assert await world.ledger.mark_in_doubt([hold(claim)]) == [False]


async def test_a_lost_reply_is_counted_in_doubt(world):
    """CASES C1: close after the dot defers for the full backoff and the row stays in doubt, also when it is sent again."""
    new = delivery()
    await world.ledger.accept([letter(new)])
    claim = await claim_one(world, new)
    await world.ledger.mark_in_doubt([hold(claim)])
    await world.ledger.finish([result(claim, DEFERRED, in_doubt=True)])
    assert (await world.ledger.depth()).in_doubt == 1
    await world.sleep(299)
    assert await world.ledger.claim_due({"mx.example.org": 1}, owner="w", lease=60) == []
    await world.sleep(1)
    (again,) = await world.ledger.claim_due({"mx.example.org": 1}, owner="w", lease=60)
    assert again.in_doubt


async def test_an_answered_dot_is_not_in_doubt(world):
    """The mark of an attempt ends with its reply."""
    new = delivery()
    await world.ledger.accept([letter(new)])
    claim = await claim_one(world, new)
    await world.ledger.mark_in_doubt([hold(claim)])
    await world.ledger.finish([result(claim, DEFERRED)])
    (view,) = await world.ledger.list(Selection(), limit=1)
    assert not view.in_doubt


async def test_a_lost_worker_brings_the_row_back_soon(world):
    """A kill between claim and finish: the lease runs out, the row waits Backoff.crash, and says that it was lost."""
    new = delivery()
    given = letter(new)
    await world.ledger.accept([given])
    await claim_one(world, new, lease=60)
    await world.sleep(59)
    assert await world.ledger.due_sites(5) == []
    await world.sleep(1)
    assert await world.ledger.due_sites(5) == ["mx.example.org"]
    assert await world.ledger.claim_due({"mx.example.org": 5}, owner="w2", lease=60) == []
    assert await world.ledger.due_sites(5) == []
    await world.sleep(30)
    (again,) = await world.ledger.claim_due({"mx.example.org": 5}, owner="w2", lease=60)
    assert (again.recovered, again.crashes, again.attempts, again.epoch) == (True, 1, 2, 2)


async def test_a_ticket_does_not_take_a_row_whose_lease_ran_out(world):
    """That is the ledger inlet's business: a repeated message must not race it."""
    new = delivery()
    await world.ledger.accept([letter(new)])
    await claim_one(world, new, lease=60)
    await world.sleep(61)
    assert await world.ledger.claim([ticket(new, 1)], owner="w2", lease=60) == [None]


async def test_a_row_lost_in_doubt_waits_for_its_due_time(world):
    """DESIGN I5: the letter may have arrived, so the next try keeps the distance that was written before."""
    new = delivery()
    await world.ledger.accept([letter(new)])
    claim = await claim_one(world, new, lease=60)
    await world.ledger.mark_in_doubt([hold(claim)])
    await world.sleep(60)
    await world.ledger.claim_due({"mx.example.org": 5}, owner="w2", lease=60)
    (view,) = await world.ledger.list(Selection(), limit=1)
    assert (view.due, view.in_doubt) == (START + 300, True)


async def lose_worker(world, epoch, new):
    await claim_one(world, new, epoch, lease=10)
    await world.sleep(10)
    assert await world.ledger.claim_due({"mx.example.org": 5}, owner="w2", lease=60) == []


async def test_poison_is_quarantined_and_can_be_released(world):
    """CASES B6: the third lost worker quarantines the row with an event; others go on; flush brings it back."""
    poison, other = delivery(), delivery()
    given = letter(poison)
    await world.ledger.accept([given, letter(other)])
    for epoch in range(3):
        await lose_worker(world, epoch, poison)
    views = {view.delivery_id: view for view in await world.ledger.list(Selection(), limit=5)}
    assert (views[poison.id].state, views[poison.id].crashes) == (State.QUARANTINED, 3)
    assert views[other.id].state is State.READY
    assert kinds((await world.ledger.track(given.message.id)).events).count("quarantined") == 1
    await world.sleep(1000)
    assert await world.ledger.due_sites(5) == ["~example.org"]
    assert await world.ledger.flush(Selection(message_id=given.message.id)) == 1
    (again,) = await world.ledger.claim_due({"mx.example.org": 5}, owner="w", lease=60)
    assert (again.crashes, again.recovered) == (0, False)


async def test_bystanders_are_not_quarantined(world):
    """A row that ends an attempt has shown that it kills nobody: its count begins anew."""
    new = delivery()
    await world.ledger.accept([letter(new)])
    for epoch in (0, 2, 4):
        await lose_worker(world, epoch, new)
        await world.sleep(40)
        claim = await claim_one(world, new, epoch + 1)
        assert claim.crashes == 1
        await world.ledger.finish([result(claim, DEFERRED)])
    (view,) = await world.ledger.list(Selection(), limit=1)
    assert (view.state, view.crashes) == (State.DEFERRED, 0)


async def test_what_nobody_can_deliver_waits_for_the_operator(world):
    """A result may quarantine: who is still pending is kept, unclaimable and unexpired, until it is released."""
    new = delivery()
    await world.ledger.accept([letter(new, klass="inbound", expires_in=60.0)])
    claim = await claim_one(world, new)
    await world.ledger.finish([replace(result(claim, DEFERRED), quarantine=True)])
    (view,) = await world.ledger.list(Selection(), limit=5)
    assert view.state is State.QUARANTINED
    tracking = await world.ledger.track(claim.message.id)
    assert kinds(tracking.events)[-2:] == ["deferred", "quarantined"]
    await world.sleep(30 * 86400)
    assert await world.ledger.claim_due({"mx.example.org": 5}, owner="w", lease=60) == []
    assert await world.ledger.expire(10) == []
    assert await world.ledger.flush(Selection()) == 1
    (again,) = await world.ledger.claim_due({"mx.example.org": 5}, owner="w", lease=60)
    assert again.delivery_id == new.id


async def test_a_late_success_is_written_whatever_the_epoch(world):
    """The peer said 250: that is true, whoever has the row now; a late failure is not ours to say."""
    new = delivery("a@example.org", "b@example.org")
    given = letter(new)
    await world.ledger.accept([given])
    old = await claim_one(world, new, lease=10)
    await world.sleep(10)
    await world.ledger.claim_due({"mx.example.org": 1}, owner="w2", lease=60)
    await world.sleep(30)
    (now,) = await world.ledger.claim_due({"mx.example.org": 1}, owner="w2", lease=60)
    (late,) = await world.ledger.finish([result(old, said(0), replace(BOUNCED, n=1))])
    assert (late.held, late.report) == (False, False)
    (view,) = await world.ledger.list(Selection(), limit=1)
    assert [r.outcome for r in view.recipients] == [Outcome.DELIVERED, Outcome.PENDING]
    assert view.state is State.SENDING
    await world.ledger.finish([result(now, replace(BOUNCED, n=0), said(1))])
    tracking = await world.ledger.track(given.message.id)
    assert [r.outcome for r in tracking.deliveries[0].recipients] == [Outcome.DELIVERED] * 2
    assert tracking.deliveries[0].state is State.DONE
    assert kinds(tracking.events).count("delivered") == 2
    assert "bounced" not in kinds(tracking.events)


async def test_a_late_success_for_all_ends_a_waiting_row(world):
    """Nothing is left to send, so it is not sent again."""
    new = delivery()
    await world.ledger.accept([letter(new)])
    old = await claim_one(world, new, lease=10)
    await world.sleep(10)
    await world.ledger.claim_due({"mx.example.org": 1}, owner="w2", lease=60)
    await world.ledger.finish([result(old)])
    await world.sleep(1000)
    assert await world.ledger.due_sites(5) == []
    assert await world.ledger.list(Selection(), limit=1) == []


async def test_a_repeated_result_is_written_once(world):
    """DESIGN I5: a recipient ends once; the same word said again makes no second event."""
    new = delivery()
    given = letter(new)
    await world.ledger.accept([given])
    claim = await claim_one(world, new)
    await world.ledger.finish([result(claim)])
    await world.sleep(5)
    (again,) = await world.ledger.finish([result(claim)])
    assert not again.held
    tracking = await world.ledger.track(given.message.id)
    assert kinds(tracking.events).count("delivered") == 1
    assert tracking.deliveries[0].recipients[0].ended == START


async def test_results_keep_their_order(world):
    """A batch answers in the order it was asked, unknown rows included."""
    rows = [delivery() for _ in range(6)]
    await world.ledger.accept([letter(new) for new in rows])
    claims = await world.ledger.claim([ticket(new) for new in reversed(rows)], owner="w", lease=60)
    assert [c.delivery_id for c in claims] == [new.id for new in reversed(rows)]
    results = [result(c, BOUNCED if n % 2 else said()) for n, c in enumerate(claims)]
    ghost = replace(results[0], delivery_id=uuid7())
    done = await world.ledger.finish([*results, ghost])
    assert [d.delivery_id for d in done] == [*(c.delivery_id for c in claims), ghost.delivery_id]
    assert [d.report for d in done] == [False, True] * 3 + [False]
    assert [d.held for d in done] == [True] * 6 + [False]


async def test_expiry_makes_one_report(world):
    """CASES B14: five days by the ledger's clock; expired with 5.4.7, one DSN for all recipients, never a second."""
    rows = [delivery("a@example.org", "b@example.org"), delivery("c@other.example", domain="other.example")]
    given = letter(*rows)
    await world.ledger.accept([given])
    claim = await claim_one(world, rows[0])
    await world.ledger.finish([result(claim, replace(DEFERRED, n=0), replace(DEFERRED, n=1))])
    await world.sleep(5 * 86400 - 1)
    assert await world.ledger.expire(10) == []
    await world.sleep(1)
    assert await world.ledger.claim([ticket(rows[0], 1)], owner="w", lease=60) == [None]
    assert await world.ledger.claim_due({"mx.example.org": 9, "~other.example": 9}, owner="w", lease=60) == []
    assert await world.ledger.expire(10) == [given.message.id]
    assert await world.ledger.reports_due(10) == [given.message.id]
    asked = []
    dsn = await world.ledger.report(given.message.id, composer(asked))
    assert await world.ledger.report(given.message.id, composer(asked)) is None
    assert len(asked) == 1
    assert sorted((r.address, r.kind, r.enhanced) for r in asked[0]) == [
        (address, ReportKind.FAILED, "5.4.7")
        for address in ("a@example.org", "b@example.org", "c@other.example")
    ]
    assert any("451 4.0.0 try again" in r.text for r in asked[0])
    assert await world.ledger.known([dsn]) == {dsn}
    assert await world.ledger.reports_due(10) == []
    tracking = await world.ledger.track(given.message.id)
    reported = [event for event in tracking.events if event.kind == "reported"]
    assert [event.text for event in reported] == [number(dsn)] * 3
    assert await world.ledger.expire(10) == []


async def test_null_sender_expires_after_two_days_untold(world):
    """CASES B14, I1: what cannot be returned to is given up sooner, and nobody is told."""
    given = letter(sender="")
    await world.ledger.accept([given])
    await world.sleep(2 * 86400)
    assert await world.ledger.expire(10) == []
    (view,) = (await world.ledger.track(given.message.id)).deliveries
    assert (view.state, view.recipients[0].outcome) == (State.DONE, Outcome.EXPIRED)
    assert await world.ledger.reports_due(10) == []
    asked = []
    assert await world.ledger.report(given.message.id, composer(asked)) is None
    assert asked == []


def composer(asked, dsn=None):
    """A Compose that notes what it was given."""

    def compose(told, reportables):
        asked.append(list(reportables))
        return dsn or Letter(
            message=message(sender="", origin=Origin.DSN, klass="dsn", tenant=told.tenant),
            body=b"dsn",
            deliveries=(delivery(told.sender, domain="example.jp"),),
        )

    return compose


async def bounce(world, new=None, given=None, **changes):
    new = new or delivery()
    given = given or letter(new)
    await world.ledger.accept([given])
    claim = await claim_one(world, new)
    (done,) = await world.ledger.finish([result(claim, BOUNCED, **changes)])
    return given, done


async def test_two_reporters_make_one_dsn(world):
    """Exactly once: whoever comes second finds everybody told, over one connection or two."""
    given, done = await bounce(world)
    assert done.report
    asked = []
    ledgers = [world.ledger, await world.another(), world.ledger]
    ids = await asyncio.gather(*(ledger.report(given.message.id, composer(asked)) for ledger in ledgers))
    assert sum(id_ is not None for id_ in ids) == 1
    (dsn,) = [id_ for id_ in ids if id_]
    (view,) = await world.ledger.list(Selection(), limit=10)
    assert (view.message_id, view.domain, view.recipients[0].address) == (
        dsn,
        "example.jp",
        "mari@example.jp",
    )
    (told,) = [r for batch in asked[:1] for r in batch]
    assert (told.code, told.text, told.peer, told.last_attempt) == (
        550,
        "no such user",
        "mx.example.org[192.0.2.1]:25",
        START,
    )


async def test_a_compose_that_fails_leaves_the_report_owed(world):
    """A fault in making the DSN loses nothing: it is due again."""
    given, _ = await bounce(world)

    def compose(told, reportables):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await world.ledger.report(given.message.id, compose)
    assert await world.ledger.reports_due(10) == [given.message.id]


async def test_compose_may_decline(world):
    """None means that nobody is to be told, and settles the matter."""
    given, _ = await bounce(world)
    assert await world.ledger.report(given.message.id, lambda told, reportables: None) is None
    assert await world.ledger.reports_due(10) == []
    assert "reported" not in kinds((await world.ledger.track(given.message.id)).events)


@pytest.mark.parametrize(
    ("notify", "outcome", "peer", "owed"),
    [
        ((), Outcome.BOUNCED, "p", True),
        (("NEVER",), Outcome.BOUNCED, "p", False),
        (("SUCCESS",), Outcome.BOUNCED, "p", False),
        (("FAILURE",), Outcome.BOUNCED, "p", True),
        (("SUCCESS", "DELAY"), Outcome.RELAYED, "p", True),
        ((), Outcome.RELAYED, "p", False),
        (("SUCCESS",), Outcome.DELIVERED, "p", False),
        (("SUCCESS",), Outcome.DELIVERED, "", True),
        (("FAILURE",), Outcome.CANCELLED, "p", False),
        ((), Outcome.QUARANTINED, "p", False),
    ],
)
async def test_who_is_owed_a_report(world, notify, outcome, peer, owed):
    """RFC 3461 4.1, 5.2: NOTIFY decides; success is ours to report only where the next server will not."""
    new = delivery(notify=frozenset(notify))
    given = letter(new)
    await world.ledger.accept([given])
    claim = await claim_one(world, new)
    (done,) = await world.ledger.finish([result(claim, said(outcome=outcome), peer=peer)])
    assert done.report is owed
    assert bool(await world.ledger.reports_due(10)) is owed


async def test_delay_is_reported_once(world):
    """After four hours the sender hears once that we still try, and until when; the letter goes on."""
    new = delivery()
    given = letter(new)
    quiet = letter(delivery(notify=frozenset({"FAILURE"})))
    await world.ledger.accept([given, quiet])
    claim = await claim_one(world, new)
    await world.ledger.finish([result(claim, DEFERRED)])
    await world.sleep(4 * 3600)
    assert await world.ledger.reports_due(10) == [given.message.id]
    asked = []
    assert await world.ledger.report(given.message.id, composer(asked))
    (told,) = asked[0]
    assert (told.kind, told.code, told.will_retry_until) == (ReportKind.DELAYED, 451, START + 5 * 86400)
    assert await world.ledger.reports_due(10) == []
    assert await world.ledger.report(given.message.id, composer(asked)) is None
    (view,) = await world.ledger.list(Selection(message_id=given.message.id), limit=1)
    assert view.state is State.DEFERRED


async def test_cancel_ends_what_waits_and_marks_what_is_sent(world):
    """CASES B15: a waiting row ends at once; one that is being sent ends when its attempt fails."""
    waiting, sending = letter(), letter()
    await world.ledger.accept([waiting, sending])
    claim = await claim_one(world, sending.deliveries[0])
    assert await world.ledger.wish(Selection(tenant="acme"), Wish.CANCEL) == 2
    assert await world.ledger.wish(Selection(tenant="acme"), Wish.CANCEL) == 0
    (view,) = (await world.ledger.track(waiting.message.id)).deliveries
    assert (view.state, view.recipients[0].outcome) == (State.DONE, Outcome.CANCELLED)
    assert await world.ledger.claim([ticket(waiting.deliveries[0])], owner="w", lease=60) == [None]
    await world.ledger.finish([result(claim, DEFERRED)])
    tracking = await world.ledger.track(sending.message.id)
    assert tracking.deliveries[0].recipients[0].outcome is Outcome.CANCELLED
    assert kinds(tracking.events) == ["accepted", "attempt", "deferred", "cancelled"]


async def test_cancel_loses_to_a_success(world):
    """CASES B15: the letter was delivered; that is the one outcome."""
    given = letter()
    await world.ledger.accept([given])
    claim = await claim_one(world, given.deliveries[0])
    await world.ledger.wish(Selection(), Wish.CANCEL)
    await world.ledger.finish([result(claim)])
    tracking = await world.ledger.track(given.message.id)
    assert tracking.deliveries[0].recipients[0].outcome is Outcome.DELIVERED
    assert "cancelled" not in kinds(tracking.events)


async def test_a_wish_is_honoured_when_the_worker_was_lost(world):
    """A cancelled row whose worker died is not sent again."""
    given = letter()
    await world.ledger.accept([given])
    await claim_one(world, given.deliveries[0], lease=10)
    await world.ledger.wish(Selection(), Wish.CANCEL)
    await world.sleep(10)
    await world.ledger.claim_due({"mx.example.org": 1}, owner="w", lease=60)
    await world.ledger.expire(10)
    (view,) = (await world.ledger.track(given.message.id)).deliveries
    assert (view.state, view.recipients[0].outcome) == (State.DONE, Outcome.CANCELLED)


async def test_held_mail_does_not_expire(world):
    """A held row waits as long as it likes; released, it has the time that was left."""
    given = letter()
    await world.ledger.accept([given])
    await world.sleep(86400)
    assert await world.ledger.wish(Selection(sender="mari@example.jp"), Wish.HOLD) == 1
    await world.sleep(30 * 86400)
    assert await world.ledger.expire(10) == []
    assert await world.ledger.due_sites(10) == []
    (view,) = await world.ledger.list(Selection(state=State.HELD), limit=9)
    assert view.recipients[0].outcome is Outcome.PENDING
    assert await world.ledger.flush(Selection(domain="example.org")) == 1
    (claim,) = await world.ledger.claim_due({"~example.org": 1}, owner="w", lease=60)
    assert claim.expires == world.now + 4 * 86400
    assert kinds((await world.ledger.track(given.message.id)).events) == [
        "accepted",
        "held",
        "released",
        "attempt",
    ]


async def test_hold_while_sending_waits_for_the_attempt(world):
    """DESIGN section 3: a wish; it is honoured after the attempt, and flush takes it back before."""
    first, second = letter(), letter()
    await world.ledger.accept([first, second])
    claims = [await claim_one(world, given.deliveries[0]) for given in (first, second)]
    await world.ledger.wish(Selection(), Wish.HOLD)
    (view,) = await world.ledger.list(Selection(message_id=first.message.id), limit=1)
    assert (view.state, view.wish) == (State.SENDING, Wish.HOLD)
    assert await world.ledger.flush(Selection(message_id=second.message.id)) == 1
    await world.ledger.finish([result(claim, DEFERRED) for claim in claims])
    states = {view.message_id: view.state for view in await world.ledger.list(Selection(), limit=5)}
    assert states == {first.message.id: State.HELD, second.message.id: State.DEFERRED}


async def test_release_honours_a_wish_too(world):
    """An attempt that was given back ended without success."""
    given = letter()
    await world.ledger.accept([given])
    claim = await claim_one(world, given.deliveries[0])
    await world.ledger.wish(Selection(), Wish.CANCEL)
    await world.ledger.release([Release(delivery_id=claim.delivery_id, epoch=claim.epoch, site="s", delay=1)])
    (view,) = (await world.ledger.track(given.message.id)).deliveries
    assert view.state is State.DONE


async def test_flush_makes_deferred_rows_due_now(world):
    """``flush`` by site wakes what waits there and nothing else."""
    here, there = delivery(), delivery(domain="other.example")
    await world.ledger.accept([letter(here), letter(there)])
    for new in (here, there):
        (claim,) = await world.ledger.claim([ticket(new, site=new.domain)], owner="w", lease=60)
        await world.ledger.finish([result(claim, DEFERRED)])
    assert await world.ledger.flush(Selection(site="example.org", state=State.DEFERRED)) == 1
    assert await world.ledger.due_sites(10) == ["example.org"]


async def test_list_pages_by_id(world):
    """Pages follow one another without gap or repeat."""
    letters = [letter() for _ in range(7)]
    await world.ledger.accept(letters)
    seen, after = [], None
    while page := await world.ledger.list(Selection(tenant="acme"), limit=3, after=after):
        seen += [view.delivery_id for view in page]
        after = seen[-1]
    assert seen == sorted(given.deliveries[0].id for given in letters)
    assert await world.ledger.list(Selection(tenant="other"), limit=3) == []


async def test_outbox_keeps_events_until_they_are_relayed(world):
    """Events leave in order, once marked they are gone from the outbox and stay in the letter's history."""
    given, _ = await bounce(world)
    events = await world.ledger.unrelayed(10)
    assert kinds(events) == ["accepted", "attempt", "bounced"]
    assert [e.seq for e in events] == sorted(e.seq for e in events)
    assert (events[2].tenant, events[2].recipient, events[2].message_id) == (
        "acme",
        "ken@example.org",
        given.message.id,
    )
    assert (events[0].delivery_id, events[0].n) == (None, -1)
    await world.ledger.relayed([e.seq for e in events[:2]])
    assert kinds(await world.ledger.unrelayed(10)) == ["bounced"]
    assert kinds((await world.ledger.track(given.message.id)).events) == ["accepted", "attempt", "bounced"]


async def test_depth_counts(world):
    """What metrics show: rows by state, the oldest claimable wait, the outbox."""
    rows = [delivery() for _ in range(3)]
    await world.ledger.accept([letter(new) for new in rows])
    await claim_one(world, rows[0])
    await world.ledger.wish(
        Selection(message_id=(await world.ledger.list(Selection(state=State.READY), limit=1))[0].message_id),
        Wish.HOLD,
    )
    await world.sleep(12)
    depth = await world.ledger.depth()
    assert {state: n for state, n in depth.rows.items() if n} == {
        State.READY: 1,
        State.SENDING: 1,
        State.HELD: 1,
    }
    assert (depth.oldest_due, depth.unrelayed_events, depth.in_doubt) == (12.0, 5, 0)


async def test_sweep_drops_bodies_then_letters(world):
    """A body goes soon after its last recipient ended, the letter after seven days; what is not over stays."""
    done, large, waiting = letter(), letter(body=None), letter()
    await world.ledger.accept([done, large, waiting])
    for given in (done, large):
        await world.ledger.finish([result(await claim_one(world, given.deliveries[0]))])
    assert await world.ledger.sweep(10) == []
    assert await world.ledger.body(done.message.id) == b"hello"
    await world.sleep(120)
    assert await world.ledger.sweep(10) == [large.message.id]
    assert await world.ledger.body(done.message.id) is None
    assert await world.ledger.track(done.message.id)
    assert await world.ledger.body(waiting.message.id) == b"hello"
    await world.sleep(TERMS.keep_events)
    await world.ledger.sweep(10)
    assert await world.ledger.known([done.message.id, large.message.id, waiting.message.id]) == {
        waiting.message.id
    }
    assert await world.ledger.track(done.message.id) is None
    assert {e.message_id for e in await world.ledger.unrelayed(50)} == {waiting.message.id}


async def test_sweep_keeps_what_is_owed_a_report_or_still_on_its_way(world):
    """A bounced letter's headers are needed for its DSN; a letter with one recipient left is not over."""
    given, _ = await bounce(world)
    half = letter(delivery(), delivery("x@other.example", domain="other.example"))
    await world.ledger.accept([half])
    await world.ledger.finish([result(await claim_one(world, half.deliveries[0]))])
    await world.sleep(120)
    await world.ledger.sweep(10)
    assert await world.ledger.body(given.message.id) == b"hello"
    assert await world.ledger.body(half.message.id) == b"hello"
    await world.sleep(TERMS.keep_events)
    await world.ledger.sweep(10)
    assert await world.ledger.known([half.message.id]) == {half.message.id}


async def test_fifty_recipients_of_a_domain_and_a_thousand_in_all(world):
    """CASES A14, B19: twenty deliveries of fifty are one letter."""
    rows = tuple(
        NewDelivery(
            id=uuid7(),
            domain="example.org",
            recipients=tuple(NewRecipient(address=f"u{d}-{n}@example.org") for n in range(50)),
        )
        for d in range(20)
    )
    await world.ledger.accept([letter(*rows)])
    claims = await world.ledger.claim_due({"~example.org": 100}, owner="w", lease=60)
    assert sum(len(claim.recipients) for claim in claims) == 1000
    assert [p.n for p in claims[0].recipients] == list(range(50))
    await world.ledger.finish([result(c, *(said(n) for n in range(50))) for c in claims])
    assert await world.ledger.list(Selection(), limit=1) == []


async def test_ping_and_close(world):
    """A closed ledger is unavailable, not broken."""
    await world.ledger.ping()
    await world.ledger.close()
    with pytest.raises(Unavailable):
        await world.ledger.ping()
    with pytest.raises(Unavailable):
        await world.ledger.accept([letter()])
