"""IDLE and the watch behind it: news by hint, news without, who is woken, what an idle session costs."""

import asyncio
import contextlib
import time

import pytest

from tests.integration.imap import ALICE, BOB
from yubin.errors import Unavailable
from yubin.mailboxes.hints import Hint
from yubin.mailboxes.port import How

ONE = b"Subject: one\r\n\r\n"


async def test_a_new_letter_is_told_at_once(house):
    """CASES H11: RFC 2177: EXISTS within two seconds by a hint; DONE ends it, and the next command works."""
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        assert await talk.idle() == ["+ idling"]
        began = time.monotonic()
        await house.deliver(ONE)
        assert [await talk.line(), await talk.line()] == ["* 1 EXISTS", "* 1 RECENT"]
        assert time.monotonic() - began < 2
        assert await talk.done() == ["idle OK IDLE completed"]
        assert await talk.ok("NOOP") == []


async def test_flags_and_expunges_are_told(house):
    """In the order in which they may be: EXPUNGE is allowed while nobody counts."""
    await house.deliver(ONE, ONE, ONE)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await talk.idle()
        await house.mailboxes.store(ALICE, 1, [3], How.ADD, frozenset({"\\Seen"}))
        await house.mailboxes.expunge(ALICE, 1, [1], only_deleted=False)
        house.hints.publish(ALICE, 1, 0, 0)
        assert [await talk.line(), await talk.line()] == [
            "* 1 EXPUNGE",
            "* 2 FETCH (FLAGS (\\Recent \\Seen))",
        ]


async def test_what_came_before_idle_is_told_first(house):
    """A letter between the last command and IDLE is not missed."""
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await house.deliver(ONE, hint=False)
        assert await talk.idle() == ["+ idling"]
        assert await talk.line() == "* 1 EXISTS"


async def test_without_hints(house):
    """CASES H11: the comparison finds what no hint told, each mailbox asked for once, however many wait for it."""
    async with house.imap() as imap, contextlib.AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(imap.session(mailbox="INBOX")) for _ in range(3)]
        bob = await stack.enter_async_context(imap.session(BOB, mailbox="INBOX"))
        for talk in (*talks, bob):
            await talk.idle()
        await house.deliver(ONE, hint=False)
        await imap.watch.round()
        for talk in talks:
            assert await talk.line() == "* 1 EXISTS"
        assert await bob.silent()
        ((first, second),) = imap.compared
        assert {first[0].split()[1], second[0].split()[1]} == {ALICE, BOB}


async def test_after_nats_was_away(house):
    """A hint about everything makes the comparison come at once."""
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        watching = asyncio.create_task(imap.watch.run(interval=60))
        await talk.idle()
        await house.deliver(ONE, hint=False)
        house.hints._watchers.tell(Hint(account=ALICE, mailbox_id=0))
        assert await talk.line() == "* 1 EXISTS"
        watching.cancel()


async def test_a_hint_wakes_its_own_account_only(house):
    """CASES H11: neither others, nor who has another mailbox selected, ask the mailbox pod."""
    async with house.imap() as imap, contextlib.AsyncExitStack() as stack:
        for login, mailbox in ((BOB, "INBOX"), (ALICE, "Sent")):
            talk = await stack.enter_async_context(imap.session(login, mailbox=mailbox))
            await talk.idle()
        await asyncio.sleep(0.1)
        before = len(house.calls)
        await house.deliver(ONE)
        await asyncio.sleep(0.1)
        assert len(house.calls) == before


async def test_the_same_news_twice(house):
    """I3: a hint that is repeated, or late, says nothing."""
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await talk.idle()
        await house.deliver(ONE)
        assert [await talk.line(), await talk.line()] == ["* 1 EXISTS", "* 1 RECENT"]
        modseq = (await house.mailboxes.mailbox(ALICE, 1)).modseq
        before = len(house.made("view"))
        for _ in range(5):
            house.hints.publish(ALICE, 1, modseq, 2)
        assert await talk.silent()
        assert len(house.made("view")) == before


async def test_idle_without_a_mailbox(house):
    """RFC 2177: allowed; nothing is told."""
    async with house.session() as talk:
        await talk.idle()
        await house.deliver(ONE)
        assert await talk.silent()
        assert await talk.done() == ["idle OK IDLE completed"]


async def test_something_else_than_done(house):
    """RFC 2177: BAD, and what it was is not obeyed."""
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await talk.idle()
        talk.send("b NOOP")
        assert (await talk.line()).startswith("idle BAD ")
        await talk.ok("NOOP")


async def test_done_with_the_command(house):
    """A client that sends IDLE and DONE and more in one go."""
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        talk.send(b"idle IDLE\r\nDONE\r\nb NOOP\r\n")
        assert await talk.until("b ") == ["+ idling", "idle OK IDLE completed", "b OK NOOP completed"]


async def test_the_mailbox_is_deleted_meanwhile(house):
    """BYE, at once."""
    async with house.imap() as imap, imap.session() as talk, imap.session() as other:
        await talk.ok("CREATE Short")
        await talk.ok("SELECT Short")
        await talk.idle()
        await other.ok("DELETE Short")
        assert (await talk.ended()).startswith(b"* BYE ")


async def test_a_mailbox_pod_that_is_lost_while_many_idle(house):
    """CASES H11: nobody is logged out; what came meanwhile is told when the next pod answers."""
    async with house.imap(patience=0.1) as imap, imap.session(mailbox="INBOX") as talk:
        await talk.idle()
        house.trouble["view"] = [Unavailable("away")] * 100
        await house.deliver(ONE)
        await asyncio.sleep(0.3)
        house.trouble.clear()
        await imap.watch.round()
        assert await talk.line() == "* 1 EXISTS"


@pytest.mark.alone
async def test_half_an_hour_of_silence(house):
    """RFC 9051 5.4: BYE, in IDLE too; news are no sign of life of the client."""
    async with house.imap(idle=0.6) as imap, imap.session(mailbox="INBOX") as talk:
        await talk.idle()
        await asyncio.sleep(0.4)
        await house.deliver(ONE)
        began = time.monotonic()
        assert b"* BYE Autologout" in await talk.ended()
        assert time.monotonic() - began < 0.5


async def test_two_gateways(house):
    """What one session does is told to another on another gateway: new letters, flags, what goes."""
    await house.deliver(ONE)
    async with (
        house.imap() as one,
        house.imap() as other,
        one.session(mailbox="INBOX") as first,
        other.session(mailbox="INBOX") as second,
    ):
        await second.idle()
        await first.ok("STORE 1 +FLAGS (\\Deleted)")
        assert await second.line() == "* 1 FETCH (FLAGS (\\Deleted))"
        await first.ok("EXPUNGE")
        assert await second.line() == "* 1 EXPUNGE"
