"""STORE (RFC 9051 6.4.6) and conditional STORE (RFC 7162 3.1.3)."""

from tests.integration.imap import ALICE
from tests.integration.imap_letters import keep, mail
from yubin.mailboxes.port import How


async def others(house, uids, *flags):
    await house.mailboxes.store(ALICE, 1, uids, How.ADD, frozenset(flags))


async def modseq(house):
    return (await house.mailboxes.mailbox(ALICE, 1)).modseq


async def test_add_remove_replace(house):
    r"""RFC 9051 6.4.6: +FLAGS, -FLAGS and FLAGS each tell the flags as they are then, once; \Recent is not theirs to change."""
    await keep(house, mail(), mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        assert await talk.ok("STORE 2 +FLAGS (\\deleted \\SEEN)") == [
            "* 2 FETCH (FLAGS (\\Recent \\Seen \\Deleted))"
        ]
        assert await talk.ok("UID STORE 2 -FLAGS \\Seen") == ["* 2 FETCH (UID 2 FLAGS (\\Recent \\Deleted))"]
        assert await talk.ok("STORE 1:2 FLAGS (\\Answered)") == [
            "* 1 FETCH (FLAGS (\\Recent \\Answered))",
            "* 2 FETCH (FLAGS (\\Recent \\Answered))",
        ]
        assert await talk.ok("NOOP") == []
    assert await house.inbox() == [(1, 2), (2, 2)]


async def test_a_new_keyword_is_announced_before_it_is_shown(house):
    """RFC 9051 7.2.6, 7.1: FLAGS and PERMANENTFLAGS, then FETCH; a known one in another case is the same."""
    await keep(house, mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        lines = await talk.ok("STORE 1 +FLAGS ($Forwarded)")
        assert lines[0] == "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Forwarded)"
        assert lines[1].startswith(
            "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Forwarded \\*)]"
        )
        assert lines[2:] == ["* 1 FETCH (FLAGS (\\Recent $Forwarded))"]
        assert await talk.ok("STORE 1 +FLAGS ($FORWARDED)") == lines[2:]


async def test_silent_tells_only_what_could_not_be_expected(house):
    """RFC 9051 6.4.6: .SILENT says nothing, but for what somebody else has changed meanwhile."""
    await keep(house, mail(), mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        await others(house, [2], "\\Flagged")
        assert await talk.ok("STORE 1:2 +FLAGS.SILENT (\\Seen)") == [
            "* 2 FETCH (FLAGS (\\Recent \\Seen \\Flagged))"
        ]


async def test_modseq_is_told_behind_silent_too(house):
    """RFC 7162 3.1.3: who knows of MODSEQ gets the new one; HIGHESTMODSEQ when STORE switches it on."""
    await keep(house, mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        now = await modseq(house)
        lines = await talk.ok(f"STORE 1 (UNCHANGEDSINCE {now}) +FLAGS.SILENT (\\Seen)")
        assert lines == [
            f"* OK [HIGHESTMODSEQ {now}] Highest mod-sequence",
            f"* 1 FETCH (MODSEQ ({now + 1}))",
        ]
        assert await talk.ok("STORE 1 +FLAGS (\\Draft)") == [
            f"* 1 FETCH (FLAGS (\\Recent \\Seen \\Draft) MODSEQ ({now + 2}))"
        ]
        assert await talk.ok("STORE 1 +FLAGS.SILENT (\\Draft)") == []


async def test_what_changed_since_is_left_alone_and_named(house):
    """RFC 7162 3.1.3: MODIFIED with message numbers, with UIDs for UID STORE; what others made of them is told."""
    await keep(house, mail(), mail(), mail())
    await house.mailboxes.expunge(ALICE, 1, [1], only_deleted=False)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX (CONDSTORE)")
        now = await modseq(house)
        await others(house, [3], "\\Flagged")
        *lines, last = await talk.say(f"STORE 1:2 (UNCHANGEDSINCE {now}) +FLAGS (\\Deleted)")
        assert last.startswith("OK [MODIFIED 2]")
        assert f"* 1 FETCH (FLAGS (\\Recent \\Deleted) MODSEQ ({now + 2}))" in lines
        assert f"* 2 FETCH (UID 3 FLAGS (\\Recent \\Flagged) MODSEQ ({now + 1}))" in lines
        last = (await talk.say(f"UID STORE 3 (UNCHANGEDSINCE {now}) +FLAGS (\\Deleted)"))[-1]
        assert last.startswith("OK [MODIFIED 3]")
    assert dict(await house.inbox()) == {2: 8, 3: 4}


async def test_what_is_gone_has_changed_since(house):
    """RFC 7162 3.1.3: MODIFIED names messages that others have expunged too: no client takes them for done."""
    await keep(house, mail(), mail(), mail(), mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX (CONDSTORE)")
        now = await modseq(house)
        await others(house, [2], "\\Flagged")
        await house.mailboxes.expunge(ALICE, 1, [3], only_deleted=False)
        last = (await talk.say(f"STORE 1:4 (UNCHANGEDSINCE {now}) +FLAGS.SILENT (\\Seen)"))[-1]
        assert last.startswith("OK [MODIFIED 2:3]")
        await house.mailboxes.expunge(ALICE, 1, [4], only_deleted=False)
        *lines, last = await talk.say(f"UID STORE 4 (UNCHANGEDSINCE {now + 9}) +FLAGS.SILENT (\\Seen)")
        assert last.startswith("OK [MODIFIED 4]")
        assert "* 3 EXPUNGE" in lines
    assert dict(await house.inbox()) == {1: 1, 2: 4}


async def test_what_cannot_be_stored(house):
    """EXAMINE: NO [READ-ONLY]; flags that nobody can set: an error; a message that is gone: OK [EXPUNGEISSUED]."""
    await keep(house, mail(), mail())
    async with house.session() as talk:
        await talk.ok("EXAMINE INBOX")
        assert (await talk.no("STORE 1 +FLAGS (\\Seen)")).startswith("NO [READ-ONLY]")
        await talk.ok("SELECT INBOX")
        assert (await talk.no("STORE 1 +FLAGS (\\Strange)")).startswith(("NO", "BAD"))
        assert (await talk.no("STORE 3 +FLAGS (\\Seen)")).startswith("BAD")
        await house.mailboxes.expunge(ALICE, 1, [2], only_deleted=False)
        *lines, last = await talk.say("STORE 1:2 +FLAGS (\\Seen)")
        assert last.startswith("OK [EXPUNGEISSUED]")
        assert lines == ["* 1 FETCH (FLAGS (\\Recent \\Seen))"]


async def test_too_many_keywords(house):
    """A mailbox holds 58 keywords; the 59th is NO [LIMIT], and changes nothing."""
    await keep(house, mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        await talk.ok(f"STORE 1 +FLAGS.SILENT ({' '.join(f'k{n}' for n in range(58))})")
        assert (await talk.no("STORE 1 +FLAGS.SILENT (one-more \\Seen)")).startswith("NO [LIMIT]")
    assert not (await house.inbox())[0][1] & 1
