"""What a session hears of its own changes: nothing twice, no call more; and nothing of others' is lost behind them."""

import asyncio

from services.gateway.imap.conversation import FRESH
from tests.integration.imap import ALICE
from tests.integration.imap_letters import keep, mail
from tests.integration.test_imap_append import literal, said
from yubin.mailboxes.port import How

SENT = 3


class Clock:
    """By which the gateway measures how old its last comparison is."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def calls(house):
    """Their names; from here on they are counted anew."""
    made = [name for name, _ in house.calls]
    house.calls.clear()
    return made


async def others(house, uids, *flags):
    """A change whose hint was lost."""
    return await house.mailboxes.store(ALICE, 1, uids, How.ADD, frozenset(flags))


async def modseq(house):
    return (await house.mailboxes.mailbox(ALICE, 1)).modseq


async def append(talk, letter, more=b""):
    return await said(talk, b"x APPEND INBOX " + more + literal(letter) + b"\r\n")


async def test_a_change_is_one_call(house):
    """STORE, FETCH that sets a flag, MOVE and EXPUNGE: its own hint makes no session look, early or late."""
    await keep(house, *[mail()] * 5)
    async with house.imap(clock=Clock()) as imap, imap.session(mailbox="INBOX") as talk:
        calls(house)
        await talk.ok("STORE 1 +FLAGS (\\Flagged)")
        house.hints.publish(ALICE, 1, await modseq(house), 0)  # as it comes behind the answer
        await talk.ok("STORE 2 +FLAGS (\\Deleted)")
        assert calls(house) == ["store", "store"]
        talk.send("x FETCH 3 BODY[]")
        await talk.until("x OK")
        assert calls(house) == ["letters", "store"]
        assert await talk.ok("EXPUNGE") == ["* 2 EXPUNGE"]
        assert calls(house) == ["expunge"]
        assert "* 4 EXPUNGE" in await talk.ok("MOVE 4 Archive")
        assert [name for name in calls(house) if name != "mailboxes"] == ["copy"]
        assert await talk.ok("NOOP") == []
        assert calls(house) == ["view"]


async def test_a_change_of_another_is_seen_at_once(house):
    """Its hint is news, before or behind ours, also when there are both at once."""
    await keep(house, mail(), mail())
    async with house.imap(clock=Clock()) as imap, imap.session(mailbox="INBOX") as talk:
        await talk.ok("STORE 1 +FLAGS (\\Flagged)")
        stored = await others(house, [2], "\\Seen")
        house.hints.publish(ALICE, 1, stored.modseq, 0)
        assert await talk.ok("STORE 1 -FLAGS (\\Flagged)") == [
            "* 1 FETCH (FLAGS (\\Recent))",
            "* 2 FETCH (FLAGS (\\Recent \\Seen))",
        ]
        stored = await others(house, [2], "\\Answered")
        await talk.ok("STORE 1 +FLAGS (\\Flagged)")
        house.hints.publish(ALICE, 1, stored.modseq, 0)
        assert await talk.ok("SEARCH 1") == ["* SEARCH 1", "* 2 FETCH (FLAGS (\\Recent \\Seen \\Answered))"]


async def test_a_change_that_is_hidden_behind_ours(house):
    """Hints are the latest of a mailbox: the next command a second later finds it, and NOOP at once."""
    await keep(house, mail(), mail())
    clock = Clock()
    async with house.imap(clock=clock) as imap, imap.session(mailbox="INBOX") as talk:
        await others(house, [2], "\\Seen")
        assert len(await talk.ok("STORE 1 +FLAGS (\\Flagged)")) == 1
        assert await talk.ok("CAPABILITY")
        clock.now += FRESH
        assert "* 2 FETCH (FLAGS (\\Recent \\Seen))" in await talk.ok("CAPABILITY")
        await others(house, [2], "\\Answered")
        await talk.ok("STORE 1 -FLAGS (\\Flagged)")
        assert await talk.ok("NOOP") == ["* 2 FETCH (FLAGS (\\Recent \\Seen \\Answered))"]


async def test_idle_finds_what_is_hidden_behind_ours(house):
    """CASES H11: it begins with a comparison; our own hint that comes late wakes nobody."""
    await keep(house, mail(), mail())
    async with house.imap(clock=Clock()) as imap, imap.session(mailbox="INBOX") as talk:
        await others(house, [2], "\\Seen")
        await talk.ok("STORE 1 +FLAGS (\\Flagged)")
        await talk.idle()
        assert await talk.line() == "* 2 FETCH (FLAGS (\\Recent \\Seen))"
        await asyncio.sleep(0.05)
        calls(house)
        house.hints.publish(ALICE, 1, await modseq(house), 0)
        assert await talk.silent()
        assert calls(house) == []


async def test_notify_finds_what_is_hidden_behind_ours(house):
    """CASES H11: a session that begins to listen looks, where it has passed over a hint; so does one that listens already."""
    await keep(house, mail(), mail())
    async with house.imap(clock=Clock()) as imap, imap.session(mailbox="INBOX") as talk:
        await others(house, [2], "\\Seen")
        await talk.ok("STORE 1 +FLAGS (\\Flagged)")
        await talk.ok("NOTIFY SET (SELECTED (MessageNew MessageExpunge FlagChange))")
        assert await talk.line() == "* 2 FETCH (FLAGS (\\Recent \\Seen))"
        await others(house, [2], "\\Answered")
        await talk.ok("STORE 1 -FLAGS (\\Flagged)")
        assert await talk.line() == "* 2 FETCH (FLAGS (\\Recent \\Seen \\Answered))"


async def test_who_knows_mod_sequences_is_told_what_lies_before_ours(house):
    """RFC 7162 3.2: the MODSEQ of a STORE is taken for all up to it, so that what others did is told before its OK."""
    await keep(house, mail(), mail())
    async with house.imap(clock=Clock()) as imap, imap.session() as talk:
        await talk.ok("ENABLE CONDSTORE")
        await talk.ok("SELECT INBOX")
        other = await others(house, [2], "\\Seen")
        lines = await talk.ok("STORE 1 +FLAGS (\\Flagged)")
        assert lines[1:] == [f"* 2 FETCH (UID 2 FLAGS (\\Recent \\Seen) MODSEQ ({other.modseq}))"]
        calls(house)
        await talk.ok("CAPABILITY")
        assert calls(house) == []


async def test_mod_sequences_that_are_asked_for_later(house):
    """RFC 7162 3.1: who asks for the MODSEQ of an own change hears of the others before it."""
    await keep(house, mail(), mail())
    async with house.imap(clock=Clock()) as imap, imap.session(mailbox="INBOX") as talk:
        other = await others(house, [2], "\\Seen")
        await talk.ok("STORE 1 +FLAGS (\\Flagged)")
        lines = await talk.ok("FETCH 1 MODSEQ")
        assert f"* 2 FETCH (UID 2 FLAGS (\\Recent \\Seen) MODSEQ ({other.modseq}))" in lines


async def test_a_store_that_changes_nothing(house):
    """Its MODSEQ is another's: what else that one did is not taken for known."""
    await keep(house, mail(), mail())
    async with house.imap(clock=Clock()) as imap, imap.session() as talk:
        await talk.ok("ENABLE CONDSTORE")
        await talk.ok("SELECT INBOX")
        other = await others(house, [1, 2], "\\Seen")
        lines = await talk.ok("STORE 1 +FLAGS (\\Seen)")
        assert f"* 2 FETCH (UID 2 FLAGS (\\Recent \\Seen) MODSEQ ({other.modseq}))" in lines


async def test_the_highest_mod_sequence_of_a_move(house):
    """RFC 7162 3.2.9: without a look where nothing came between; else what others did is told before."""
    await keep(house, *[mail()] * 3)
    async with house.imap(clock=Clock()) as imap, imap.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        await talk.ok("SELECT INBOX")
        calls(house)
        assert f"[HIGHESTMODSEQ {await modseq(house) + 1}]" in (await talk.say("MOVE 1 Archive"))[-1]
        assert "view" not in calls(house)
        await others(house, [3], "\\Seen")
        lines = await talk.say("MOVE 1 Archive")
        assert f"[HIGHESTMODSEQ {await modseq(house)}]" in lines[-1]
        assert any(line.startswith("* 1 FETCH (UID 3 ") for line in lines)


async def test_what_is_held_back_is_told_before_the_highest_mod_sequence(house):
    """RFC 7162 3.2.9: who takes it for all up to it has heard of what no FETCH could tell."""
    await keep(house, *[mail()] * 3)
    async with house.imap(clock=Clock()) as imap, imap.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        await talk.ok("SELECT INBOX")
        await house.mailboxes.expunge(ALICE, 1, [2], only_deleted=False)
        house.hints.publish(ALICE, 1, 0, 0)
        assert not any("VANISHED" in line for line in await talk.ok("FETCH 1 FLAGS"))
        lines = await talk.say("UID MOVE 1 Archive")
        assert "* VANISHED 2" in lines
        assert f"[HIGHESTMODSEQ {await modseq(house)}]" in lines[-1]


# ── letters ──


async def test_an_append_is_one_call(house):
    """To INBOX, which is selected: EXISTS and RECENT, the letter with its flags, and nothing told again."""
    await keep(house, mail())
    async with house.imap(clock=Clock()) as imap, imap.session(mailbox="INBOX") as talk:
        calls(house)
        lines = await append(talk, mail("new"), b"(\\Seen \\Flagged) ")
        assert lines[:-1] == ["* 2 EXISTS", "* 2 RECENT"]
        assert calls(house) == ["append"]
        assert await talk.ok("FETCH 2 (UID FLAGS RFC822.SIZE)") == [
            f"* 2 FETCH (UID 2 FLAGS (\\Recent \\Seen \\Flagged) RFC822.SIZE {len(mail('new'))})"
        ]
        assert await talk.ok("NOOP") == []
        await append(talk, mail())
        assert calls(house) == ["view", "append"]


async def test_several_letters_are_one_call_each(house):
    """RFC 3502: one EXISTS for all; a keyword that the mailbox has already is known, in any case."""
    await keep(house, mail(), flags=("$Sent",))
    async with house.imap(clock=Clock()) as imap, imap.session(mailbox="INBOX") as talk:
        calls(house)
        lines = await append(talk, mail(), b"($SENT) " + literal(mail()) + b" (\\Seen) ")
        assert lines[:-1] == ["* 3 EXISTS", "* 3 RECENT"]
        assert calls(house) == ["append", "append"]
        assert await talk.ok("FETCH 2:3 FLAGS") == [
            "* 2 FETCH (FLAGS (\\Recent $Sent))",
            "* 3 FETCH (FLAGS (\\Recent \\Seen))",
        ]
        assert await talk.ok("NOOP") == []


async def test_an_append_with_a_new_keyword(house):
    """The mailbox is looked at: FLAGS comes before EXISTS."""
    async with house.imap(clock=Clock()) as imap, imap.session(mailbox="INBOX") as talk:
        lines = await append(talk, mail(), b"($New) ")
        assert lines[0] == "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $New)"
        assert lines[-3:-1] == ["* 1 EXISTS", "* 1 RECENT"]


async def test_an_append_behind_a_letter_that_nobody_was_told_of(house):
    """Numbers and UIDs stay right: the other one comes first."""
    async with house.imap(clock=Clock()) as imap, imap.session(mailbox="INBOX") as talk:
        await house.deliver(mail("other"), hint=False)
        assert "* 2 EXISTS" in await append(talk, mail("mine"))
        assert await talk.ok("FETCH 1:2 UID") == ["* 1 FETCH (UID 1)", "* 2 FETCH (UID 2)"]


async def test_an_append_behind_a_change_that_nobody_was_told_of(house):
    """What is known does not grow beyond it: the next look tells the change, and nothing of the letter."""
    await keep(house, mail())
    async with house.imap(clock=Clock()) as imap, imap.session(mailbox="INBOX") as talk:
        await others(house, [1], "\\Seen")
        assert (await append(talk, mail("mine")))[:-1] == ["* 2 EXISTS", "* 2 RECENT"]
        assert await talk.ok("NOOP") == ["* 1 FETCH (FLAGS (\\Recent \\Seen))"]


async def test_an_append_is_recent_for_nobody_else(house):
    """RFC 3501 2.3.2: taken in without a look it counts as seen here."""
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        assert "* 1 RECENT" in await append(talk, mail())
        await talk.ok("UNSELECT")
        assert "* 0 RECENT" in await talk.ok("SELECT INBOX")


async def test_replace_in_the_selected_mailbox(house):
    """RFC 8508 3.4: two changes, two calls, and the highest MODSEQ for who keeps it."""
    await keep(house, mail("draft"))
    async with house.imap(clock=Clock()) as imap, imap.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        await talk.ok("SELECT INBOX")
        calls(house)
        lines = await said(talk, b"x REPLACE 1 INBOX " + literal(mail("better")) + b"\r\n")
        assert lines[1:-1] == ["* VANISHED 1", "* 1 EXISTS", "* 1 RECENT"]
        assert f"[HIGHESTMODSEQ {await modseq(house)}]" in lines[-1]
        assert calls(house) == ["append", "expunge"]


async def test_select_is_one_call(house):
    """A second one where something is recent; INBOX and names that were looked up before are not asked for by name."""
    async with house.imap() as imap, imap.session() as talk:
        calls(house)
        await talk.ok("SELECT inbox")
        await talk.ok("EXAMINE INBOX")
        assert calls(house) == ["view", "view"]
        await keep(house, mail(), mail(), mailbox=SENT)
        assert "* 2 RECENT" in await talk.ok("SELECT Sent")
        assert calls(house) == ["mailboxes", "view", "select"]
        assert "* 0 RECENT" in await talk.ok("SELECT Sent")
        assert calls(house) == ["view"]


async def test_what_is_recent_belongs_to_who_comes_first(house, monkeypatch):
    """RFC 3501 2.3.2: of two that select at once one has it, also when both have read the mailbox before."""
    await keep(house, mail())
    view = house.mailboxes.view

    async def beaten(*arguments, **options):
        page = await view(*arguments, **options)
        await house.mailboxes.select(ALICE, 1)
        return page

    monkeypatch.setattr(house.mailboxes, "view", beaten)
    async with house.session() as talk:
        assert "* 0 RECENT" in await talk.ok("SELECT INBOX")


async def test_a_name_that_means_another_mailbox_by_now(house):
    """It is looked up again, and of the mailbox that has its old id nothing recent is taken."""
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok("SELECT Sent")
        await talk.ok("CLOSE")
        await house.mailboxes.rename(ALICE, SENT, "Elsewhere")
        made = await house.mailboxes.create(ALICE, "Sent")
        await keep(house, mail(), mailbox=SENT)
        await keep(house, mail(), mail(), mailbox=made.id)
        assert "* 2 EXISTS" in await talk.ok("SELECT Sent")
        assert "* 1 RECENT" in await talk.ok("SELECT Elsewhere")
        await said(talk, b"x APPEND Sent " + literal(mail()) + b"\r\n")
        await house.mailboxes.rename(ALICE, made.id, "Gone")
        assert (await said(talk, b"x APPEND Sent " + literal(mail()) + b"\r\n"))[-1].startswith(
            "x NO [TRYCREATE]"
        )
        assert (await talk.no("SELECT Sent")).startswith("NO [NONEXISTENT]")
