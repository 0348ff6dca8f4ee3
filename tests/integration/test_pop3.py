"""POP3 from the socket to the store, in one process: what a client sees and what becomes of the mailbox."""

import asyncio
import contextlib
import gc
import weakref

import pytest
import pytest_asyncio

from tests.integration.gateway import ALICE, BOB, PASSWORD, House, Talk, letter
from tests.waiting import until
from yubin.errors import Exhausted, Unauthenticated, Unavailable
from yubin.mailboxes.port import How, SystemFlag

SEEN = SystemFlag.SEEN
LARGE = letter(9, 700_000)


@pytest_asyncio.fixture
async def house(tmp_path):
    return House(tmp_path)


async def test_a_maildrop_is_read_over_tls(house):
    """Listing, identities, sizes, and letters octet for octet, small and large, by one client."""
    letters = [letter(n) for n in range(1, 6)] + [LARGE, b"no line end", b"bare\nlines\rhere\r\n\r\n."]
    await house.deliver(*letters)
    async with house.gateway() as pop, pop.session() as talk:
        assert await talk.listing("LIST") == [f"{n} {len(octets)}" for n, octets in enumerate(letters, 1)]
        for n, octets in enumerate(letters[:6], 1):
            assert await talk.letter(f"RETR {n}") == octets
        assert await talk.letter("RETR 7") == b"no line end\r\n"
        assert await talk.letter("RETR 8") == b"bare\r\nlines\r\nhere\r\n\r\n.\r\n"
        assert await talk.say("QUIT") == "+OK Goodbye"
        assert await talk.ended() == b""


async def test_stls_and_then_the_login(house):
    """RFC 2595 4 on the clear port: nothing is announced before it that needs it, nobody logs in before it."""
    await house.deliver(letter(1))
    async with house.gateway() as pop, Talk(pop.clear) as talk:
        assert {"STLS"} == {"STLS", "USER", "SASL PLAIN LOGIN"} & set(await talk.listing("CAPA"))
        assert (await talk.login(ALICE)).startswith("-ERR")
        assert house.doorman.asked == []
        await talk.stls(house.trust)
        assert "STLS" not in await talk.listing("CAPA")
        assert await talk.login(ALICE) == f"+OK 1 messages ({len(letter(1))} octets)"
        assert await talk.letter("RETR 1") == letter(1)


async def test_octets_behind_stls_end_the_connection(house):
    """CASES E2's neighbour: what somebody put into the clear stream is never obeyed behind TLS."""
    async with house.gateway() as pop, Talk(pop.clear) as talk:
        talk.send("STLS", f"USER {ALICE}")
        assert (await talk.line()).startswith("-ERR")
        assert await talk.ended() == b""


async def test_two_gateways_and_one_maildrop(house):
    """RFC 1939 4: it is locked; the lock lies in the mailbox pod, so it holds for every gateway, and ends with the session."""
    await house.deliver(letter(1))
    async with house.gateway() as one, house.gateway() as other, one.session() as talk:
        async with other.client() as late:
            assert (await late.login(ALICE)).startswith("-ERR [IN-USE] ")
            assert (await late.login(BOB)).startswith("+OK 0 messages")
        assert await talk.say("QUIT") == "+OK Goodbye"
        async with other.session() as again:
            assert await again.say("STAT") == f"+OK 1 {len(letter(1))}"


async def test_the_lock_of_a_gateway_that_died(house):
    """It was taken for a minute at a time, and then nobody is locked out any longer."""
    async with house.gateway() as pop, pop.session():
        ((_, owner, seconds),) = house.made("lease")
        assert seconds == 60
        house.later = 59
        async with pop.client() as late:
            assert (await late.login(ALICE)).startswith("-ERR [IN-USE] ")
        house.later = 61
        async with pop.session():
            assert len({arguments[1] for arguments in house.made("lease")} - {owner}) == 2


async def test_a_dropped_connection_lets_the_maildrop_go(house):
    """The next login need not wait for the lease's end."""
    async with house.gateway() as pop:
        async with pop.session() as talk:
            talk.writer.transport.abort()
        await until(lambda: house.made("release"))
        async with pop.session():
            pass


async def test_dele_and_quit_remove(house):
    """RFC 1939 6: what was marked, and nothing else; the next session counts anew."""
    await house.deliver(*[letter(n) for n in range(1, 5)])
    async with house.gateway() as pop:
        async with pop.session() as talk:
            await talk.say("DELE 2", "DELE 3", "RSET", "DELE 1", "DELE 4")
            assert await talk.say("STAT") == f"+OK 2 {2 * len(letter(1))}"
            assert await talk.say("QUIT") == "+OK Goodbye"
        assert [uid for uid, _ in await house.inbox()] == [2, 3]
        async with pop.session() as talk:
            assert await talk.letter("RETR 1") == letter(2)


async def test_dele_without_quit_is_kept(house):
    """CASES H13: whatever was marked, a connection that breaks, or is too slow, removes nothing."""
    await house.deliver(letter(1), letter(2))
    async with house.gateway() as pop:
        async with pop.session() as talk:
            assert await talk.say("DELE 1", "DELE 2") == "+OK Marked"
        await until(lambda: house.made("release"))
    assert len(await house.inbox()) == 2
    assert not house.made("expunge")


async def test_identities_are_the_same_after_a_restart(house):
    """CASES H13: UIDL over sessions, removals, new letters, and another gateway; none is ever used twice."""
    await house.deliver(letter(1), letter(2), letter(3))
    async with house.gateway() as pop, pop.session() as talk:
        before = dict(line.split() for line in await talk.listing("UIDL"))
        await talk.say("DELE 3", "QUIT")
    await house.deliver(letter(4))
    async with house.gateway() as pop, pop.session() as talk:
        after = dict(line.split() for line in await talk.listing("UIDL"))
    assert after["1"] == before["1"]
    assert after["2"] == before["2"]
    assert after["3"] not in before.values()


async def test_letters_that_are_expunged_meanwhile(house):
    """CASES H13: RETR and TOP of them are -ERR, also when QUIT has to remove them; all others keep their numbers."""
    await house.deliver(*[letter(n) for n in range(1, 6)], LARGE)
    async with house.gateway() as pop, pop.session() as talk:
        await house.mailboxes.expunge(ALICE, 1, [2, 4, 6], only_deleted=False)
        for gone in (2, 4, 6):
            assert await talk.letter(f"RETR {gone}") == "-ERR This message is gone" or gone == 6
            assert (await talk.say(f"TOP {gone} 0")).startswith("-ERR")
        for here in (1, 3, 5):
            assert await talk.letter(f"RETR {here}") == letter(here)
        assert await talk.say("DELE 4", "DELE 5", "QUIT") == "+OK Goodbye"
    assert [uid for uid, _ in await house.inbox()] == [1, 3]


async def test_letters_that_arrive_meanwhile_wait_for_the_next_session(house):
    """RFC 1939 4: the maildrop is what was there at login."""
    await house.deliver(letter(1))
    async with house.gateway() as pop, pop.session() as talk:
        await house.deliver(letter(2))
        assert (await talk.say("STAT")).startswith("+OK 1 ")
        await talk.say("QUIT")
        async with pop.session() as later:
            assert (await later.say("STAT")).startswith("+OK 2 ")


@pytest.mark.parametrize("how", ["quit", "break"])
async def test_what_was_retrieved_is_seen(house, how):
    """As in Dovecot: RETR marks, TOP does not; in one call, at whatever end, and not again in the next session."""
    await house.deliver(*[letter(n) for n in range(1, 5)])
    async with house.gateway() as pop:
        async with pop.session() as talk:
            for n in (1, 2, 4):
                await talk.letter(f"RETR {n}")
            await talk.letter("TOP 3 0")
            await talk.say("DELE 4")
            if how == "quit":
                await talk.say("QUIT")
        await until(lambda: house.made("release"))
        kept = {1: SEEN, 2: SEEN, 3: 0} if how == "quit" else {1: SEEN, 2: SEEN, 3: 0, 4: SEEN}
        assert dict(await house.inbox()) == kept
        async with pop.session() as talk:
            await talk.letter("RETR 1")
            await talk.say("QUIT")
    assert len(house.made("store")) == 1


async def test_only_what_was_not_seen_at_login_is_marked(house, monkeypatch):
    """Whatever other flags a letter has, and on whichever page of the view it comes."""
    plain = house.mailboxes.view
    monkeypatch.setattr(house.mailboxes, "view", lambda *given, **more: plain(*given, **{**more, "limit": 2}))
    letters = [letter(n) for n in range(1, 6)]
    await house.deliver(*letters)
    for uid, flags in ((1, {"\\Flagged", "word"}), (2, {"\\Seen"}), (3, {"\\Seen", "word"}), (5, {"word"})):
        await house.mailboxes.store(ALICE, 1, [uid], How.REPLACE, frozenset(flags))
    async with house.gateway() as pop, pop.session() as talk:
        assert await talk.listing("LIST") == [f"{n} {len(octets)}" for n, octets in enumerate(letters, 1)]
        for n in range(1, 6):
            await talk.letter(f"RETR {n}")
        await talk.say("QUIT")
    assert [list(uids) for _, uids, *_ in house.made("store")] == [[1, 4, 5]]


async def test_one_after_another_is_read_ahead(house):
    """500 letters cost a few calls, and pipelining changes neither the order nor the octets."""
    letters = [letter(n, 10_000) for n in range(1, 501)]
    await house.deliver(*letters)
    async with house.gateway() as pop, pop.session() as talk:
        for n in range(1, 101):
            assert await talk.letter(f"RETR {n}") == letters[n - 1]
        talk.send(*[f"RETR {n}" for n in range(101, 501)])
        for n in range(101, 501):
            assert (await talk.line()).startswith("+OK")
            assert await talk.body() == letters[n - 1]
        await talk.say("QUIT")
        assert pop.pop3.shelf.held == 0
    assert len(house.made("letters")) <= 10


async def test_reading_here_and_there_reads_nothing_ahead(house):
    """A client that wants one letter gets one."""
    await house.deliver(*[letter(n) for n in range(1, 101)])
    async with house.gateway() as pop, pop.session() as talk:
        for n in (50, 7, 93):
            assert await talk.letter(f"RETR {n}") == letter(n)
    assert [len(uids) for _, uids in house.made("letters")] == [1, 1, 1]


async def test_what_is_read_ahead_is_bounded(house):
    """Above the limit of the pod each letter is fetched alone; what a client leaves unread is forgotten with it."""
    await house.deliver(*[letter(n, 50_000) for n in range(1, 41)])
    async with house.gateway(read_ahead=200_000) as pop:
        async with pop.session() as talk:
            for n in range(1, 21):
                assert await talk.letter(f"RETR {n}") == letter(n, 50_000)
                assert pop.pop3.shelf.held <= 200_000
        await until(lambda: house.made("release"))
        assert pop.pop3.shelf.held == 0


async def test_a_client_that_does_not_read_stops_the_reading(house):
    """A large letter goes no further than the client does: about a MiB is under way, not all of it."""
    big = letter(1, 30_000_000)
    await house.deliver(big)
    pieces = []
    whole = house.storage.pieces

    async def counted(*arguments):
        async for piece in whole(*arguments):
            pieces.append(len(piece))
            yield piece

    house.storage.pieces = counted
    async with house.gateway() as pop, pop.session() as talk:
        talk.writer.transport.pause_reading()
        talk.send("RETR 1")
        await asyncio.sleep(0.5)
        held = sum(pieces)
        assert 0 < held < 8_000_000  # most of it in the buffers of two sockets
        await asyncio.sleep(0.2)
        assert sum(pieces) == held
        talk.writer.transport.resume_reading()
        assert (await talk.line()).startswith("+OK")
        assert await talk.body() == big


async def test_a_client_that_sends_and_does_not_read(house):
    """Its time to read is not prolonged by what it sends; then it is gone, and the maildrop is free."""
    await house.deliver(letter(1, 30_000_000))
    async with house.gateway(idle=0.6) as pop, pop.session() as talk:
        talk.writer.transport.pause_reading()
        talk.send("RETR 1")
        async with asyncio.timeout(5):
            while not house.made("release"):
                talk.send("NOOP")
                await asyncio.sleep(0.1)


async def test_top_of_a_large_letter_stops_early(house):
    """The rest is not read."""
    await house.deliver(LARGE)
    async with house.gateway() as pop, pop.session() as talk:
        assert await talk.letter("TOP 1 2") == b"".join(LARGE.splitlines(keepends=True)[:5])
        assert await talk.letter("TOP 1 0") == b"".join(LARGE.splitlines(keepends=True)[:3])
        assert await talk.letter("RETR 1") == LARGE


@pytest.mark.parametrize("call", ["lease", "view", "letters", "body", "expunge", "store"])
async def test_a_mailbox_pod_that_is_away_for_a_moment(house, call):
    """What may be said twice is: the client notices nothing, and gets nothing twice."""
    await house.deliver(letter(1), LARGE)
    house.trouble[call] = [Unavailable("Away")]
    async with house.gateway() as pop, pop.session() as talk:
        assert await talk.letter("RETR 1") == letter(1)
        assert await talk.letter("RETR 2") == LARGE
        assert await talk.say("DELE 2", "QUIT") == "+OK Goodbye"
    assert await house.inbox() == [(1, SEEN)]


async def test_a_mailbox_pod_that_is_away_for_longer(house):
    """[SYS/TEMP], and the session goes on when it is back."""
    await house.deliver(letter(1))
    house.trouble["letters"] = [Unavailable("Away")] * 2
    async with house.gateway() as pop, pop.session() as talk:
        assert await talk.letter("RETR 1") == "-ERR [SYS/TEMP] Away"
        assert await talk.letter("RETR 1") == letter(1)
        assert await talk.say("QUIT") == "+OK Goodbye"


async def test_an_update_that_failed_is_told(house):
    """RFC 1939 6: -ERR; the lock is given back all the same."""
    await house.deliver(letter(1))
    house.trouble["expunge"] = [Unavailable("Away")] * 2
    async with house.gateway() as pop:
        async with pop.session() as talk:
            assert (
                await talk.say("DELE 1", "QUIT") == "-ERR [SYS/TEMP] Some deleted messages were not removed"
            )
            assert await talk.ended() == b""
        async with pop.session() as talk:
            assert (await talk.say("STAT")).startswith("+OK 1 ")


async def test_a_letter_that_breaks_off(house):
    """No final dot: the client knows that it has a part only, and nothing is removed."""
    await house.deliver(LARGE)
    house.trouble["body"] = [Unavailable("Away")] * 2
    async with house.gateway() as pop, pop.session() as talk:
        talk.send("DELE 1", "RSET", "RETR 1", "QUIT")
        rest = await talk.ended()
        assert not rest.endswith(b"\r\n.\r\n")
        assert b"Goodbye" not in rest
    assert len(await house.inbox()) == 1


async def test_a_login_while_mailbox_or_directory_are_away(house):
    """[SYS/TEMP]: programs try again later instead of asking for another password."""
    house.trouble["view"] = [Unavailable("Away")] * 2
    async with house.gateway() as pop, pop.client() as talk:
        assert await talk.login(ALICE) == "-ERR [SYS/TEMP] Away"
        house.doorman.away = True
        assert (await talk.login(ALICE)).startswith("-ERR [SYS/TEMP] ")
        house.doorman.away = False
        assert (await talk.login(ALICE)).startswith("+OK")


async def test_wrong_passwords(house):
    """Three, then the connection is closed; the directory is told who asks, and throttles (CASES F7)."""
    async with house.gateway() as pop, pop.client() as talk:
        for _ in range(3):
            assert (await talk.login(ALICE, "wrong")).startswith("-ERR [AUTH] ")
        assert await talk.ended() == b""
    assert house.doorman.asked == [(ALICE, "127.0.0.1", "pop3")] * 3


async def test_tokens_of_live_connections_are_renewed(house):
    """At half of their life, all in one call; calls go on with the new one."""
    await house.deliver(letter(1))
    async with house.gateway() as pop, pop.session() as talk, pop.session(BOB):
        began = pop.now()
        await pop.passes.renew()
        assert house.renewals.asked == []
        pop.now = lambda: began + 301
        house.renewals.away = True
        await pop.passes.renew()
        house.renewals.away = False
        await pop.passes.renew()
        assert sorted(house.renewals.asked[-1]) == [f"token-1 {ALICE}", f"token-1 {BOB}"]
        assert await talk.letter("RETR 1") == letter(1)
        assert f"token-2 {ALICE}" in house.tokens
        await pop.passes.renew()
        assert len(house.renewals.asked) == 2


async def test_an_account_that_is_disabled_meanwhile(house):
    """Its connection ends with [AUTH] when its token cannot be renewed; those of others go on."""
    async with house.gateway() as pop, pop.session() as talk, pop.session(BOB) as other:
        began = pop.now()
        pop.now = lambda: began + 301
        house.renewals.ended.add(ALICE)
        await pop.passes.renew()
        assert (await talk.ended()).startswith(b"-ERR [AUTH] ")
        assert await other.say("NOOP") == "+OK Done"


async def test_a_token_that_has_ended(house):
    """The mailbox pod no longer takes it: [AUTH], and the connection ends."""
    await house.deliver(letter(1))
    house.trouble["letters"] = [Unauthenticated("The session has ended")]
    async with house.gateway() as pop, pop.session() as talk:
        assert await talk.say("RETR 1") == "-ERR [AUTH] The session has ended"
        assert (await talk.ended()).startswith(b"-ERR [AUTH] ")


async def test_the_lock_is_renewed_and_may_be_lost(house):
    """Three times in its life; when another session got it, this one ends."""
    async with house.gateway() as pop, pop.session() as talk:
        await pop.leases.renew()
        house.trouble["lease"] = [Unavailable("Away")]
        await pop.leases.renew()
        assert await talk.say("NOOP") == "+OK Done"
        ((_, owner, *_), *_) = house.made("lease")
        await house.mailboxes.release(ALICE, "pop3", owner)
        assert await house.mailboxes.lease(ALICE, "pop3", "another", 60)
        await pop.leases.renew()
        assert (await talk.ended()).startswith(b"-ERR [SYS/TEMP] Another session")
    assert len({arguments[1] for arguments in house.made("lease")}) == 1


async def test_too_many_connections(house):
    """[SYS/TEMP] for the pod's limit and for one address; there is room again when somebody has left."""
    async with house.gateway(limits={"connections": 3}) as pop, contextlib.AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(pop.client()) for _ in range(3)]
        async with pop.client() as late:
            assert late.greeting == "-ERR [SYS/TEMP] Too many connections"
            assert await late.ended() == b""
        assert await talks[0].say("QUIT") == "+OK Goodbye"
        await talks[0].ended()
        async with pop.client() as late:
            assert late.greeting.startswith("+OK")
    async with house.gateway(limits={"per_address": 1}) as pop, Talk(pop.clear), Talk(pop.clear) as late:
        assert late.greeting == "-ERR [SYS/TEMP] Too many connections"


async def test_who_says_nothing_is_left_without_a_word(house):
    """RFC 1939 3: the autologout timer closes the connection, removes nothing and sends nothing."""
    await house.deliver(letter(1))
    async with house.gateway(idle=0.3, login_timeout=0.1) as pop:
        async with pop.client() as talk:
            await talk.say("CAPA")
            assert (await talk.ended()).endswith(b"\r\n.\r\n")
        async with pop.session() as talk:
            await talk.say("DELE 1")
            assert await talk.ended() == b""
        await until(lambda: house.made("release"))
    assert len(await house.inbox()) == 1


async def test_who_is_busy_is_not_left(house):
    """What is answered at once counts as well: only behind the last command the time begins."""
    await house.deliver(letter(1))
    async with house.gateway(idle=0.5) as pop, pop.session() as talk:
        for _ in range(8):
            assert await talk.letter("RETR 1") == letter(1)
            await asyncio.sleep(0.15)
        assert await talk.ended() == b""


async def test_the_last_word_to_who_talks_nonsense(house):
    """Ten bad commands, one after the other or all at once: each is answered before the connection is closed."""
    async with house.gateway() as pop:
        for together in (False, True):
            async with pop.session() as talk:
                for _ in range(1 if together else 9):
                    talk.send(*["NONSENSE"] * (9 if together else 1))
                    for _ in range(9 if together else 1):
                        assert (await talk.line()).startswith("-ERR")
                talk.send("NONSENSE")
                assert (await talk.ended()).startswith(b"-ERR")


async def test_a_fault_in_what_is_answered_at_once(house, monkeypatch):
    """It ends the connection with a temporary error, as any fault of ours, and lets the maildrop go."""
    await house.deliver(letter(1))

    def fault(*_):
        raise RuntimeError("ours")

    async with house.gateway() as pop:
        async with pop.session() as talk:
            monkeypatch.setattr("yubin.pop3.session.Session.advance", fault)
            talk.send("NOOP")
            assert await talk.ended() == b"-ERR [SYS/TEMP] Internal error\r\n"
            monkeypatch.undo()
        async with pop.session() as talk:
            assert await talk.letter("RETR 1") == letter(1)


async def test_one_octet_at_a_time_is_not_a_command(house):
    """A stranger who drips octets is gone when the time for the login is over."""
    async with house.gateway(login_timeout=0.3) as pop, Talk(pop.clear) as talk:
        async with asyncio.timeout(5):
            while not talk.reader.at_eof() and talk.reader.exception() is None:
                talk.writer.write(b"x")
                await asyncio.sleep(0.02)


async def test_a_gateway_that_stops(house):
    """The command under way is finished, then everybody is told; nothing is removed that was not asked for with QUIT."""
    big = letter(1, 30_000_000)
    await house.deliver(big)
    async with house.gateway() as pop, pop.session() as busy, pop.session(BOB) as idle:
        busy.writer.transport.pause_reading()
        busy.send("DELE 1", "RSET", "RETR 1")
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(pop.stop())
        assert await idle.ended() == b"-ERR [SYS/TEMP] This server stops\r\n"
        async with pop.client() as late:
            assert late.greeting == "-ERR [SYS/TEMP] This server stops"
        busy.writer.transport.resume_reading()
        assert [(await busy.line())[:3] for _ in range(3)] == ["+OK"] * 3
        assert await busy.body() == big
        assert await busy.ended() == b"-ERR [SYS/TEMP] This server stops\r\n"
        await stopping
    assert len(house.made("release")) == 2


async def test_a_gateway_that_may_not_wait(house):
    """When the time is over a client that does not read is left; the lock is given back."""
    await house.deliver(letter(1, 30_000_000))
    async with house.gateway(limits={"linger": 0.2}) as pop, pop.session() as talk:
        talk.writer.transport.pause_reading()
        talk.send("RETR 1")
        await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            await pop.stop(grace=0.2)
        assert len(house.made("release")) == 1


async def test_internal_errors_are_temporary(house):
    """A fault of our own is [SYS/TEMP], and the session goes on."""
    await house.deliver(letter(1))
    house.trouble["letters"] = [ZeroDivisionError("ours")]
    async with house.gateway() as pop, pop.session() as talk:
        assert await talk.say("RETR 1") == "-ERR [SYS/TEMP] Internal error"
        assert await talk.letter("RETR 1") == letter(1)


async def test_a_full_room_is_temporary(house):
    """Exhausted is told like any other trouble that passes."""
    house.trouble["lease"] = [Exhausted("Busy")]
    async with house.gateway() as pop, pop.client() as talk:
        assert await talk.login(ALICE) == "-ERR [SYS/TEMP] Busy"
        assert (await talk.login(ALICE, PASSWORD)).startswith("+OK")


async def test_a_connection_leaves_nothing_behind(house):
    """No cycles: however it ends, its buffers are free at once and do not wait for the collector, which comes seldom."""
    await house.deliver(letter(1), letter(2))
    left = []
    gc.collect()
    gc.disable()
    try:
        async with house.gateway() as pop:
            async with pop.session() as talk:
                left += map(weakref.ref, pop.gateway._here)
                await talk.letter("RETR 1")
                await talk.say("QUIT")
                await talk.ended()
            async with pop.session() as talk:
                left += map(weakref.ref, pop.gateway._here)
                await talk.letter("RETR 1")
                talk.writer.transport.abort()
            async with Talk(pop.clear) as talk:
                left += map(weakref.ref, pop.gateway._here)
                await talk.stls(house.trust)
                await talk.say("CAPA")
            await until(lambda: not any(one() for one in left))
    finally:
        gc.enable()
    assert len(left) >= 3
