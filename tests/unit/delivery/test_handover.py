from __future__ import annotations

from dataclasses import replace

import pytest

from services.delivery.inside import SITE, InsideRouter, inside
from tests.unit.delivery.world import BODY, Clock, People, Router, World, person
from yubin.accounts.port import Destination, Kind
from yubin.errors import Unavailable
from yubin.mailboxes.deliveries import object_name
from yubin.mailboxes.port import ROW_LIMIT
from yubin.queue.port import Outcome, Selection, State, body_name


async def attempt(world: World, *addresses: str, **more):
    """One attempt of one letter to local recipients; its id."""
    message = await world.accept(*addresses, publish=False, **more)
    for site in await world.ledger.due_sites(10):
        for claim in await world.ledger.claim_due({site: 10}, owner="pod-1", lease=60.0):
            await world.worker.run(claim, inside(claim.domain), world.leases.take(claim, world.mono()))
    return message


async def view(world: World, message):
    tracking = await world.memory.track(message.id)
    assert tracking is not None
    return tracking.deliveries[0]


async def test_a_local_recipient_gets_the_letter_with_its_return_path_and_nobody_dials():
    """A letter between two local accounts never leaves; RFC 5321 4.4: final delivery writes the Return-Path."""
    world = World()
    world.recipients.found["bob@demo.example"] = person("b-1")
    message = await attempt(world, "bob@demo.example")
    (letter,) = world.mailbox.letters
    assert letter.body == b"Return-Path: <a@demo.example>\r\n" + BODY
    assert [copy.account for copy in letter.copies] == ["b-1"]
    assert await world.outcomes(message) == [Outcome.DELIVERED]
    assert world.attempts.seen == []


async def test_an_attempt_that_is_made_twice_arrives_once():
    """A worker that died behind Deliver: the next one hands over the same delivery id and the same letter id."""
    world = World()
    world.recipients.found["bob@demo.example"] = person("b-1")
    await world.accept("bob@demo.example", publish=False)
    (claim,) = await world.ledger.claim_due({"~demo.example": 1}, owner="pod-1", lease=60.0)
    await world.handover.deliver(claim)
    await world.handover.deliver(claim)
    assert len(world.mailbox.kept) == 1
    assert len({letter.letter_id for letter in world.mailbox.letters}) == 1


@pytest.mark.parametrize(
    ("kind", "code", "enhanced"),
    [(Kind.UNKNOWN, 550, "5.1.1"), (Kind.DISABLED, 550, "5.2.1"), (Kind.MOVED, 551, "5.1.6")],
)
async def test_who_is_not_there_bounces(kind, code, enhanced):
    """An account that went between acceptance and delivery is a bounce with the reason, as if refused at RCPT."""
    world = World()
    world.recipients.found["bob@demo.example"] = Destination(kind=kind, moved_to="bob@new.example")
    message = await attempt(world, "bob@demo.example")
    (recipient,) = (await view(world, message)).recipients
    assert (recipient.outcome, recipient.code, recipient.enhanced) == (Outcome.BOUNCED, code, enhanced)


@pytest.mark.parametrize("what", ["directory", "mailbox", "one copy"])
async def test_trouble_of_our_own_costs_no_attempt(what):
    """Directory or mailbox away, or one account's storage: deferred, not counted, nobody is told."""
    world = World()
    world.recipients.found["bob@demo.example"] = person("b-1", "c-1")
    world.recipients.away, world.mailbox.away = what == "directory", what == "mailbox"
    world.mailbox.failing = {"c-1"} if what == "one copy" else set()
    message = await attempt(world, "bob@demo.example")
    row = await view(world, message)
    assert (row.state, row.attempts) == (State.DEFERRED, 0)


async def test_a_domain_that_is_no_longer_ours_waits_for_its_new_route():
    """Between routing and hand-over the domain was deleted: the next attempt asks DNS."""
    world = World()
    message = await attempt(world, "bob@demo.example")
    row = await view(world, message)
    assert (row.state, row.recipients[0].outcome, world.mailbox.letters) == (
        State.DEFERRED,
        Outcome.PENDING,
        [],
    )


async def test_a_large_letter_goes_through_the_object_store():
    """Above the row limit the bytes travel by name; the queue's own object is not the mailbox's."""
    world = World()
    world.recipients.found["bob@demo.example"] = person("b-1")
    await world.accept("bob@demo.example", publish=False)
    (claim,) = await world.ledger.claim_due({"~demo.example": 1}, owner="pod-1", lease=60.0)
    large = BODY + b"x" * ROW_LIMIT
    await world.objects.put(body_name(claim.message.id), large)
    await world.handover.deliver(replace(claim, body=None))
    (letter,) = world.mailbox.letters
    assert letter.body is None
    assert letter.object == object_name(letter.letter_id)
    assert (await world.objects.get(letter.object)).endswith(large)


async def test_what_mx_accepted_keeps_its_bytes_and_its_junk_mark():
    """The ledger's fallback: class inbound has its Return-Path already, and inbound-junk is filed as junk."""
    world = World()
    world.recipients.found["bob@demo.example"] = person("b-1")
    await attempt(world, "bob@demo.example", klass="inbound-junk")
    (letter,) = world.mailbox.letters
    assert (letter.body, letter.copies[0].junk) == (BODY, True)


async def test_what_mx_accepted_is_quarantined_when_nobody_has_the_address_any_more():
    """DESIGN 4: never a bounce to a sender who may be forged, never a silent loss: it waits for the operator."""
    world = World()
    world.recipients.found["bob@demo.example"] = Destination(kind=Kind.UNKNOWN)
    message = await attempt(world, "bob@demo.example", klass="inbound")
    row = await view(world, message)
    assert (row.state, row.recipients[0].outcome) == (State.QUARANTINED, Outcome.PENDING)
    assert await world.reports.report(message.id) is None


async def test_what_mx_accepted_never_leaves_by_smtp():
    """Its domain is gone and its MX leads elsewhere: quarantined, whatever the router says."""
    world = World()
    await world.accept("bob@gone.example", publish=False, klass="inbound")
    (claim,) = await world.ledger.claim_due({"~gone.example": 1}, owner="pod-1", lease=60.0)
    route = await world.router.route("gone.example")
    await world.worker.run(claim, route, world.leases.take(claim, world.mono()))
    row = await view(world, claim.message)
    assert (row.state, world.attempts.seen) == (State.QUARANTINED, [])


async def test_an_alias_that_leads_elsewhere_now_becomes_one_letter_in_the_queue():
    """However often the attempt is made, the forwarded letter is accepted once."""
    world = World()
    world.recipients.found["team@demo.example"] = person("b-1", remote=("t@else.example",))
    await world.accept("team@demo.example", publish=False)
    (claim,) = await world.ledger.claim_due({"~demo.example": 1}, owner="pod-1", lease=60.0)
    await world.handover.deliver(claim)
    await world.handover.deliver(claim)
    rows = await world.memory.list(Selection(domain="else.example"), limit=10)
    assert [r.address for row in rows for r in row.recipients] == ["t@else.example"]


async def test_a_domain_of_ours_is_never_looked_up_in_dns():
    """Its MX record points to our own door; the directory is asked first, and its answer is kept for a minute."""
    people, clock = People({"postmaster@demo.example": Destination(kind=Kind.UNKNOWN)}), Clock()
    router = InsideRouter(Router(), people, clock=clock)
    assert [(await router.route("demo.example")).site for _ in range(3)] == [SITE] * 3
    assert (await router.route("x.example")).site == "site"
    assert people.asked == ["postmaster@demo.example", "postmaster@x.example"]


async def test_while_the_directory_is_away_its_last_word_holds_and_strangers_wait():
    """No letter for one of ours takes the road of its MX record because the directory was being upgraded."""
    people, clock = People({"postmaster@demo.example": Destination(kind=Kind.UNKNOWN)}), Clock()
    router = InsideRouter(Router(), people, clock=clock)
    await router.route("demo.example")
    people.away = True
    clock.now += 3000
    assert (await router.route("demo.example")).site == SITE
    with pytest.raises(Unavailable):
        await router.route("new.example")
    clock.now += 3600
    with pytest.raises(Unavailable):
        await router.route("demo.example")
