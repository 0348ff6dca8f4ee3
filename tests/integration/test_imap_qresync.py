"""CONDSTORE and QRESYNC in the session (RFC 7162): what a client that comes back is told."""

from tests.integration.imap import ALICE
from yubin.mailboxes.port import How

ONE = b"Subject: one\r\n\r\n"


async def remove(house, *uids):
    await house.mailboxes.expunge(ALICE, 1, list(uids), only_deleted=False)


async def box(house):
    return await house.mailboxes.mailbox(ALICE, 1)


def of(lines, *words):
    return [line for line in lines if any(word in line for word in words)]


async def test_what_was_missed(house):
    """RFC 7162 3.2.5.1: VANISHED (EARLIER) and then FETCH for what changed, both after the client's mod-sequence."""
    await house.deliver(*[ONE] * 6)
    known = await box(house)
    await remove(house, 2, 3, 5)
    await house.mailboxes.store(ALICE, 1, [4], How.ADD, frozenset({"\\Seen"}))
    await house.deliver(ONE)
    now = await box(house)
    async with house.session() as talk:
        assert await talk.ok("ENABLE QRESYNC") == ["* ENABLED QRESYNC"]
        lines = await talk.ok(f"SELECT INBOX (QRESYNC ({known.uidvalidity} {known.modseq}))")
        assert of(lines, "VANISHED", "FETCH") == [
            "* VANISHED (EARLIER) 2:3,5",
            f"* 2 FETCH (UID 4 FLAGS (\\Recent \\Seen) MODSEQ ({now.modseq - 1}))",
            f"* 4 FETCH (UID 7 FLAGS (\\Recent) MODSEQ ({now.modseq}))",
        ]
        assert f"* OK [HIGHESTMODSEQ {now.modseq}] Highest mod-sequence" in lines


async def test_another_uidvalidity(house):
    """RFC 7162 3.2.5.1: the client's UIDs mean nothing: as SELECT without it."""
    await house.deliver(ONE)
    async with house.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        assert not of(await talk.ok("SELECT INBOX (QRESYNC (4711 1))"), "VANISHED", "FETCH")


async def test_known_uids(house):
    """RFC 7162 3.2.5.1: neither of what the client does not know."""
    await house.deliver(*[ONE] * 6)
    known = await box(house)
    await remove(house, 2, 5)
    await house.mailboxes.store(ALICE, 1, [3, 6], How.ADD, frozenset({"\\Seen"}))
    async with house.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        lines = await talk.ok(f"SELECT INBOX (QRESYNC ({known.uidvalidity} {known.modseq} 1:4))")
        assert of(lines, "VANISHED") == ["* VANISHED (EARLIER) 2"]
        assert [line.split("UID ")[1].split()[0] for line in of(lines, "FETCH")] == ["3"]


async def test_expunges_that_nobody_remembers(house):
    """RFC 7162 3.2.5.1: every UID that is not there, also such as the client never knew; bounded by its known UIDs."""
    await house.deliver(*[ONE] * 8)
    known = await box(house)
    await remove(house, 2, 3, 7)
    state = house.mailboxes._account(ALICE).box(1)
    state.expunged, state.floor = [], state.modseq
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        select = f"SELECT INBOX (QRESYNC ({known.uidvalidity} {known.modseq}"
        assert of(await talk.ok(f"{select}))"), "VANISHED") == ["* VANISHED (EARLIER) 2:3,7"]
        assert of(await talk.ok(f"{select} 3:4294967295))"), "VANISHED") == ["* VANISHED (EARLIER) 3,7"]
        # RFC 7162 3.2.5.2: numbers 1 and 4 are UIDs 1 and 6 still, so that nothing below 6 is missing
        assert of(await talk.ok(f"{select} 1:8 (1,4 1,6)))"), "VANISHED") == ["* VANISHED (EARLIER) 7"]
        assert of(await talk.ok(f"{select} 1:8 (1,4 1,4)))"), "VANISHED") == ["* VANISHED (EARLIER) 2:3,7"]


async def test_vanished_in_place_of_expunge(house):
    """RFC 7162 3.2.10: UIDs, once QRESYNC is enabled; FETCH with UID and MODSEQ."""
    await house.deliver(*[ONE] * 4)
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        await talk.ok("SELECT INBOX")
        await remove(house, 2, 3)
        await house.mailboxes.store(ALICE, 1, [4], How.ADD, frozenset({"\\Seen"}))
        modseq = (await box(house)).modseq
        assert await talk.ok("NOOP") == [
            "* VANISHED 2:3",
            f"* 2 FETCH (UID 4 FLAGS (\\Recent \\Seen) MODSEQ ({modseq}))",
        ]


async def test_it_must_be_enabled(house):
    """RFC 7162 3.2.5: QRESYNC without ENABLE is BAD; CONDSTORE needs none, and the mailbox stays selected."""
    await house.deliver(ONE)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        assert (await talk.no("SELECT INBOX (QRESYNC (1 1))")).startswith("BAD ")
        await talk.ok("CHECK")
        await talk.ok("SELECT INBOX (CONDSTORE)")
        await house.mailboxes.store(ALICE, 1, [1], How.ADD, frozenset({"\\Seen"}))
        assert "MODSEQ" in (await talk.ok("NOOP"))[0]


async def test_status_with_highestmodseq_enables(house):
    """RFC 7162 3.1: whoever asks for it hears MODSEQ from then on."""
    await house.deliver(ONE)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await talk.ok("STATUS Sent (HIGHESTMODSEQ)")
        await house.mailboxes.store(ALICE, 1, [1], How.ADD, frozenset({"\\Seen"}))
        assert "MODSEQ" in (await talk.ok("NOOP"))[0]


async def test_a_claim_of_four_thousand_million(house):
    """I7: UIDs and numbers that no mailbox has cost nothing."""
    await house.deliver(ONE)
    state = await box(house)
    async with house.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        most = "1:4294967295"
        await talk.ok(f"SELECT INBOX (QRESYNC ({state.uidvalidity} 1 {most} ({most} {most})))")


async def test_what_is_held_back_is_not_taken_for_known(house):
    """RFC 7162 3.2: behind FETCH no VANISHED may be said; so HIGHESTMODSEQ stays below it, and who comes back hears of it."""
    await house.deliver(*[ONE] * 3)
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        await talk.ok("SELECT INBOX")
        before = await box(house)
        await remove(house, 2)
        await house.mailboxes.store(ALICE, 1, [3], How.ADD, frozenset({"\\Seen"}))
        lines = await talk.ok("STORE 1 +FLAGS (\\Seen)")
        assert not of(lines, "VANISHED")
        assert of(lines, "HIGHESTMODSEQ")[-1].startswith(f"* OK [HIGHESTMODSEQ {before.modseq}]")
        assert of(await talk.ok("FETCH 1 (MODSEQ)"), f"HIGHESTMODSEQ {before.modseq}]")
        assert of(await talk.ok("NOOP"), "VANISHED", "HIGHESTMODSEQ") == ["* VANISHED 2"]


async def test_nothing_is_told_before_the_mailbox_is_selected(house):
    """RFC 9051 6.3.2: an EXPUNGE before SELECT's OK would be of nobody knows which mailbox; it comes behind it."""
    await house.deliver(*[ONE] * 3)
    state = await box(house)
    async with house.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        view = house.mailboxes.view

        async def meanwhile(*arguments, since=0, **more):
            page = await view(*arguments, since=since, **more)
            if since:  # SELECT has loaded the columns
                house.mailboxes.view = view
                await remove(house, 2)
                house.hints.publish(ALICE, 1, 0, 0)
            return page

        house.mailboxes.view = meanwhile
        lines = await talk.ok(f"SELECT INBOX (QRESYNC ({state.uidvalidity} {state.modseq}))")
        assert not of(lines, "VANISHED")
        assert of(await talk.ok("NOOP"), "VANISHED") == ["* VANISHED 2"]
