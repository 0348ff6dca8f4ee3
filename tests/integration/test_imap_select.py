"""SELECT and what is told of the selected mailbox: exact responses, what others change, what a command may not hear."""

import asyncio

import pytest

from tests.integration.imap import ALICE, BOB, letter
from yubin.errors import Unavailable
from yubin.mailboxes.port import How, SystemFlag

SEEN = frozenset({"\\Seen"})
ONE = b"Subject: one\r\n\r\n"


async def set_flags(house, uids, *flags, how=How.ADD):
    await house.mailboxes.store(ALICE, 1, uids, how, frozenset(flags))


async def remove(house, *uids):
    await house.mailboxes.expunge(ALICE, 1, list(uids), only_deleted=False)


def state(lines, code):
    (line,) = [line for line in lines if line.startswith(f"* OK [{code} ")]
    return line.removeprefix(f"* OK [{code} ").split("]")[0]


async def test_select_as_imap4rev1_has_it(house):
    """RFC 3501 6.3.1: FLAGS, PERMANENTFLAGS, EXISTS, RECENT, UNSEEN, UIDVALIDITY, UIDNEXT; RFC 7162: HIGHESTMODSEQ."""
    await house.deliver(ONE, ONE, ONE)
    await set_flags(house, [1], "\\Seen", "$Label1")
    async with house.session() as talk:
        *lines, last = await talk.say("SELECT inbox")
        box = await house.mailboxes.mailbox(ALICE, 1)
        assert lines == [
            "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Label1)",
            "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Label1 \\*)] Flags that are kept",
            "* 3 EXISTS",
            "* 3 RECENT",
            "* OK [UNSEEN 2] First unseen message",
            f"* OK [UIDVALIDITY {box.uidvalidity}] UIDs are valid",
            "* OK [UIDNEXT 4] Next UID",
            f"* OK [HIGHESTMODSEQ {box.modseq}] Highest mod-sequence",
            "* OK [MAILBOXID (F1)] Mailbox identity",
        ]
        assert last == "OK [READ-WRITE] SELECT completed"


async def test_the_first_unseen_message(house, monkeypatch):
    """RFC 3501 7.1: its number, whatever other flags there are, on whichever page of the view; nothing when all are seen."""
    plain = house.mailboxes.view
    monkeypatch.setattr(house.mailboxes, "view", lambda *given, **more: plain(*given, **{**more, "limit": 2}))
    await house.deliver(*[ONE] * 6)
    await set_flags(house, [1, 2, 3, 4, 6], "\\Seen", "word")
    await set_flags(house, [5], "\\Answered", "word")
    await remove(house, 2)
    async with house.session() as talk:
        assert state(await talk.ok("SELECT INBOX"), "UNSEEN") == "4"
        fetched = await talk.ok("FETCH 1:* (UID FLAGS)")
        assert [line.split("UID ")[1].split(" ")[0] for line in fetched] == ["1", "3", "4", "5", "6"]
        await set_flags(house, [5], "\\Seen")
        assert not [line for line in await talk.ok("SELECT INBOX") if "UNSEEN" in line]


async def test_select_as_imap4rev2_has_it(house):
    """RFC 9051 6.3.2: LIST among the responses, neither RECENT nor UNSEEN."""
    await house.deliver(ONE)
    async with house.session() as talk:
        assert await talk.ok("ENABLE IMAP4rev2") == ["* ENABLED IMAP4rev2"]
        lines = await talk.ok("SELECT INBOX")
        assert '* LIST () "/" INBOX' in lines
        assert not [line for line in lines if "RECENT" in line or "UNSEEN" in line]


async def test_examine_changes_nothing(house):
    """RFC 9051 6.3.3: [READ-ONLY], no permanent flags; what is recent stays so, CLOSE expunges nothing."""
    await house.deliver(ONE)
    await set_flags(house, [1], "\\Deleted")
    async with house.imap() as imap, imap.session() as talk:
        for _ in range(2):
            *lines, last = await talk.say("EXAMINE INBOX")
            assert last.startswith("OK [READ-ONLY] ")
            assert "* OK [PERMANENTFLAGS ()] Flags that are kept" in lines
            assert "* 1 RECENT" in lines
        await talk.ok("CLOSE")
        assert len(await house.inbox()) == 1
        assert "* 1 RECENT" in await talk.ok("SELECT INBOX")
        assert "* 0 RECENT" in await talk.ok("SELECT INBOX")


async def test_a_mailbox_that_is_not_there(house):
    """RFC 5530: [NONEXISTENT], and the mailbox that was selected is not any longer; RFC 7162 3.2.11: [CLOSED] before."""
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        *lines, last = await talk.say("SELECT Nowhere")
        assert lines == ["* OK [CLOSED] The previous mailbox is closed"]
        assert last.startswith("NO [NONEXISTENT] ")
        assert (await talk.no("CHECK")).startswith("BAD ")
        assert "CLOSED" not in "".join(await talk.ok("SELECT INBOX"))


async def test_guessed_mailboxes_of_others(house):
    """CASES H14: another account's mailbox, by its name, its id or a URL: the same words as for what never was."""
    await house.mailboxes.create(BOB, "Secret")
    async with house.session() as talk:
        refusals = {await talk.no(f"SELECT {name}") for name in ("Secret", "F7", "Never", f"{BOB}/Secret")}
        refusals |= {await talk.no(f'STATUS "imap:/{BOB}@mail/Secret;UIDVALIDITY=1" (MESSAGES)')}
        assert len(refusals) == 1


async def fill(house, count):
    """That many letters, all the same one."""
    await house.deliver(ONE)
    box = house.mailboxes._account(ALICE).box(1)
    box.entries.update(dict.fromkeys(range(2, count + 1), box.entries[1]))
    box.uidnext = count + 1


@pytest.mark.alone
async def test_one_hundred_thousand_letters(house):
    """SELECT streams pages into columns, and answers with a few lines; a session keeps 28 octets for each letter."""
    await fill(house, 100_000)
    async with house.imap() as imap, imap.session() as talk:
        assert "* 100000 EXISTS" in await talk.ok("SELECT INBOX")
        assert len(house.made("view")) == 1
        assert await talk.ok("NOOP") == []


async def test_what_others_deliver(house):
    """RFC 9051 7.4.1: EXISTS and RECENT with the next command."""
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await house.deliver(ONE, ONE)
        assert await talk.ok("NOOP") == ["* 2 EXISTS", "* 2 RECENT"]
        assert await talk.ok("NOOP") == []


async def test_what_others_change(house):
    """RFC 9051 7.5.2: FETCH with FLAGS for the client that knows the message, once."""
    await house.deliver(ONE, ONE)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await set_flags(house, [2], "\\Seen")
        assert await talk.ok("NOOP") == ["* 2 FETCH (FLAGS (\\Recent \\Seen))"]
        assert await talk.ok("NOOP") == []


async def test_a_flag_that_was_changed_back(house):
    """Nothing to tell, but to who keeps mod-sequences."""
    await house.deliver(ONE)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk, imap.session() as other:
        await other.ok("SELECT INBOX (CONDSTORE)")
        await set_flags(house, [1], "\\Seen")
        await set_flags(house, [1], "\\Seen", how=How.REMOVE)
        assert await talk.ok("NOOP") == []
        modseq = (await house.mailboxes.mailbox(ALICE, 1)).modseq
        assert await other.ok("NOOP") == [f"* 1 FETCH (UID 1 FLAGS () MODSEQ ({modseq}))"]


async def test_a_keyword_that_is_new(house):
    """RFC 9051 7.3.5: FLAGS and PERMANENTFLAGS before the first message that has it."""
    await house.deliver(ONE)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await set_flags(house, [1], "Later")
        lines = await talk.ok("NOOP")
        assert lines[0] == "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft Later)"
        assert lines[1].startswith(
            "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft Later \\*)]"
        )
        assert lines[2:] == ["* 1 FETCH (FLAGS (\\Recent Later))"]


async def test_what_others_expunge(house):
    """RFC 9051 7.5.1: from the highest number down; then what is new counts from there."""
    await house.deliver(*[ONE] * 5)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await remove(house, 2, 4)
        await set_flags(house, [5], "\\Seen")
        await house.deliver(ONE)
        assert await talk.ok("NOOP") == [
            "* 4 EXPUNGE",
            "* 2 EXPUNGE",
            "* 3 FETCH (FLAGS (\\Recent \\Seen))",
            "* 4 EXISTS",
            "* 4 RECENT",
        ]


async def test_many_that_are_expunged(house):
    """Every number is right, also where columns are made anew."""
    await house.deliver(*[ONE] * 60)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        gone = list(range(1, 60, 2))
        await remove(house, *gone)
        assert await talk.ok("NOOP") == [f"* {uid} EXPUNGE" for uid in reversed(gone)]
        await set_flags(house, [60], "\\Seen")
        assert await talk.ok("NOOP") == ["* 30 FETCH (FLAGS (\\Recent \\Seen))"]


async def test_fetch_by_number_hears_of_no_expunge(house):
    """RFC 9051 7.5.1: neither FETCH, STORE nor SEARCH by numbers; EXISTS counts what is gone; then NOOP tells."""
    await house.deliver(*[ONE] * 3)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await remove(house, 1)
        await house.deliver(ONE)
        lines = await talk.ok("FETCH 3 (FLAGS)")
        assert not [line for line in lines if "EXPUNGE" in line]
        assert "* 4 EXISTS" in lines
        assert await talk.ok("NOOP") == ["* 1 EXPUNGE"]


async def test_uid_fetch_may_hear_of_it(house):
    """RFC 9051 7.5.1: with UIDs no number is meant."""
    await house.deliver(*[ONE] * 3)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await remove(house, 1)
        house.hints.publish(ALICE, 1, 0, 0)
        assert "* 1 EXPUNGE" in await talk.ok("UID FETCH 3 (FLAGS)")


async def test_a_mailbox_pod_that_forgot_what_was_expunged(house):
    """Entries are compared as a whole then; the answer is the same."""
    await house.deliver(*[ONE] * 4)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await remove(house, 2, 3)
        await set_flags(house, [4], "\\Seen")
        box = house.mailboxes._account(ALICE).box(1)
        box.expunged, box.floor = [], box.modseq
        await house.deliver(ONE)
        assert sorted(await talk.ok("NOOP")) == sorted(
            ["* 4 FETCH (FLAGS (\\Recent \\Seen))", "* 3 EXPUNGE", "* 2 EXPUNGE", "* 3 EXISTS", "* 3 RECENT"]
        )


async def test_what_is_recent(house):
    """RFC 3501 2.3.2: for the first session that has it selected, and for none after it."""
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await house.deliver(ONE)
        assert await talk.ok("NOOP") == ["* 1 EXISTS", "* 1 RECENT"]
        await talk.ok("UNSELECT")
        async with imap.session() as other:
            assert "* 0 RECENT" in await other.ok("SELECT INBOX")


async def test_close_and_unselect(house):
    """RFC 9051 6.4.1, 6.4.2: CLOSE removes what is marked, without a word; UNSELECT removes nothing."""
    await house.deliver(ONE, ONE)
    await set_flags(house, [2], "\\Deleted")
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        assert await talk.ok("UNSELECT") == []
        assert len(await house.inbox()) == 2
        await talk.ok("SELECT INBOX")
        assert await talk.ok("CLOSE") == []
        assert [uid for uid, _ in await house.inbox()] == [1]
        assert (await talk.no("CLOSE")).startswith("BAD ")


async def test_a_mailbox_that_is_deleted_under_us(house):
    """BYE, when it is next looked at: what the client has selected is no more."""
    async with house.imap() as imap, imap.session() as talk, imap.session() as other:
        await talk.ok("CREATE Short")
        await talk.ok("SELECT Short")
        await other.ok("DELETE Short")
        assert (await talk.say("NOOP"))[0].startswith("* BYE ")
        assert await talk.ended() == b""


async def test_our_own_delete_of_the_selected_mailbox(house):
    """The session goes on with nothing selected."""
    async with house.session() as talk:
        await talk.ok("CREATE Short")
        await talk.ok("SELECT Short")
        assert await talk.ok("DELETE Short") == ["* OK [CLOSED] The previous mailbox is closed"]
        assert (await talk.no("CHECK")).startswith("BAD ")


async def test_inbox_that_is_renamed_while_it_is_selected(house):
    """RFC 9051 6.3.6: its messages go elsewhere, INBOX stays, empty."""
    await house.deliver(ONE, ONE)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        assert await talk.ok("RENAME INBOX Old") == ["* 2 EXPUNGE", "* 1 EXPUNGE"]
        assert "* 2 EXISTS" in await talk.ok("EXAMINE Old")


async def test_a_mailbox_pod_that_is_away_for_a_moment(house):
    """A pause: SELECT waits for the next pod and goes on where the stream broke off."""
    await fill(house, 12_000)
    house.trouble["view"] = [Unavailable("away"), Unavailable("away")]
    house.trouble["mailbox"] = [Unavailable("away")]
    async with house.session() as talk:
        assert "* 12000 EXISTS" in await talk.ok("SELECT INBOX")
        assert len(house.made("view")) == 3


async def test_a_mailbox_pod_that_stays_away(house):
    """NO [UNAVAILABLE] after a while; the client is still logged in, and its mailbox selected."""
    async with house.imap(patience=0.1) as imap, imap.session(mailbox="INBOX") as talk:
        house.trouble["mailboxes"] = [Unavailable("away")] * 500
        assert (await talk.no("STATUS Sent (MESSAGES)")).startswith("NO [UNAVAILABLE] ")
        house.trouble["view"] = [Unavailable("away")] * 500
        assert await talk.ok("NOOP") == []
        house.trouble.clear()
        await house.deliver(ONE)
        assert "* 1 EXISTS" in await talk.ok("NOOP")
        await talk.ok("STATUS Sent (MESSAGES)")


async def test_ten_thousand_commands_at_once(house):
    """CASES H4: obeyed one after another; while nobody reads the answers, the rest waits outside."""
    async with house.session() as talk:
        talk.send(b"".join(b"n%d NOOP\r\n" % n for n in range(10_000)))
        for n in range(10_000):
            assert (await talk.line()).startswith(f"n{n} OK ")


async def test_who_does_not_read(house):
    """CASES H4: the sender stops; others go on meanwhile, and everything comes in the end."""
    async with house.imap() as imap, imap.session() as slow, imap.session() as other:
        slow.writer.transport.pause_reading()
        for _ in range(200):
            slow.send(b'x LIST "" *\r\n' * 500)
        async with asyncio.timeout(20):
            while not (crowded := [c for c in imap.gateway._here if c._crowded]):
                await asyncio.sleep(0.05)
        (connection,) = crowded
        assert connection._transport.get_write_buffer_size() < 512 * 1024
        async with asyncio.timeout(5):
            await other.ok("NOOP")
        slow.writer.transport.resume_reading()
        assert await slow.line() != ""


async def test_a_line_of_64_kib(house):
    """CASES H4: more than that is refused, and what it was is forgotten."""
    async with house.session() as talk:
        talk.send(b"a NOOP " + b"x" * 200_000 + b"\r\n")
        assert (await talk.line()).startswith(("a BAD ", "* BAD ", "* BYE "))


async def test_a_mod_sequence_that_is_none(house):
    """CASES H16: 2^63+1 is BAD, as 2^63; 2^63-1 is a number."""
    async with house.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        for modseq in (2**63 + 1, 2**63, 10**30):
            assert (await talk.no(f"SELECT INBOX (QRESYNC (1 {modseq}))")).startswith("BAD ")
        await talk.ok(f"SELECT INBOX (QRESYNC (1 {2**63 - 1}))")


async def test_letters_keep_their_flags(house):
    """A keyword, a system flag, and none, in one mailbox."""
    await house.deliver(letter(1), letter(2))
    await set_flags(house, [1], "$Forwarded", "\\Answered")
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        assert [flags for _, flags in await house.inbox()] == [SystemFlag.ANSWERED | 32, 0]
        await set_flags(house, [1], "$Forwarded", how=How.REMOVE)
        assert await talk.ok("NOOP") == ["* 1 FETCH (FLAGS (\\Recent \\Answered))"]
