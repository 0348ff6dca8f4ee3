"""COPY, MOVE, EXPUNGE and UID EXPUNGE (RFC 9051 6.4.3, 6.4.7, 6.4.8; RFC 4315; RFC 6851)."""

from tests.integration.imap import ALICE
from tests.integration.imap_letters import keep, mail
from yubin.errors import Unavailable
from yubin.mailboxes.port import How

ARCHIVE = 6


async def uids(house, mailbox):
    return list((await house.mailboxes.view(ALICE, mailbox)).uids)


async def validity(house, mailbox):
    return (await house.mailboxes.mailbox(ALICE, mailbox)).uidvalidity


async def others_remove(house, *uids):
    await house.mailboxes.expunge(ALICE, 1, list(uids), only_deleted=False)


async def test_copy(house):
    """RFC 4315 3: COPYUID; flags and keywords go along; nothing to copy is no error for UIDs."""
    await keep(house, mail(), mail(), mail(), flags=["\\Flagged", "$Junk"])
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        copyuid = f"OK [COPYUID {await validity(house, ARCHIVE)}"
        assert (await talk.say("COPY 2:3 Archive"))[-1] == f"{copyuid} 2:3 1:2] COPY completed"
        assert (await talk.say("UID COPY 1 archive"))[-1].startswith("NO [TRYCREATE]")
        assert (await talk.say("UID COPY 99 Archive"))[-1] == "OK No messages to copy"
        assert (await talk.no("COPY 4 Archive")).startswith("BAD")
        await talk.ok("SELECT Archive")
        assert await talk.ok("FETCH 1 FLAGS") == ["* 1 FETCH (FLAGS (\\Recent \\Flagged $Junk))"]


async def test_copy_into_the_same_mailbox_is_told(house):
    """EXISTS comes before the tagged reply."""
    await keep(house, mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        assert "* 2 EXISTS" in await talk.ok("COPY 1 INBOX")


async def test_move(house):
    """RFC 6851 4.3: COPYUID in an untagged OK, then EXPUNGE from the highest number down, then the tagged OK."""
    await keep(house, mail(), mail(), mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        lines = await talk.ok("MOVE 1,3 Archive")
        assert lines == [
            f"* OK [COPYUID {await validity(house, ARCHIVE)} 1,3 1:2] Moved",
            "* 3 EXPUNGE",
            "* 1 EXPUNGE",
        ]
        assert await talk.ok("FETCH 1 UID") == ["* 1 FETCH (UID 2)"]
    assert (await uids(house, 1), await uids(house, ARCHIVE)) == ([2], [1, 2])


async def test_move_with_qresync(house):
    """RFC 7162 3.2.9, 3.2.10: VANISHED, and HIGHESTMODSEQ in the tagged OK, behind whatever others did meanwhile."""
    await keep(house, mail(), mail(), mail())
    async with house.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        await talk.ok("SELECT INBOX")
        await house.mailboxes.store(ALICE, 1, [3], How.ADD, frozenset({"\\Flagged"}))
        *lines, last = await talk.say("UID MOVE 1:2 Archive")
        now = (await house.mailboxes.mailbox(ALICE, 1)).modseq
        assert lines[1] == "* VANISHED 1:2"
        assert any(line.startswith("* 1 FETCH (UID 3 FLAGS (\\Recent \\Flagged)") for line in lines)
        assert last == f"OK [HIGHESTMODSEQ {now}] MOVE completed"


async def test_what_cannot_be_moved(house):
    """CASES H10: a mailbox that is not there, EXAMINE, a pod that is away, messages that are gone: nothing moves."""
    await keep(house, mail(), mail())
    async with house.imap(patience=0.0) as imap, imap.session() as talk:
        await talk.ok("EXAMINE INBOX")
        assert (await talk.no("MOVE 1 Archive")).startswith("NO [READ-ONLY]")
        await talk.ok("SELECT INBOX")
        assert (await talk.no("MOVE 1 Nowhere")).startswith("NO [TRYCREATE]")
        house.trouble["copy"] = [Unavailable("Away")]
        assert (await talk.no("MOVE 1 Archive")).startswith("NO [UNAVAILABLE]")
        assert len(house.made("copy")) == 1  # what may not be said twice is not
        await others_remove(house, 1)
        assert (await talk.no("MOVE 1 Archive")).startswith("NO [EXPUNGEISSUED]")
    assert (await uids(house, 1), await uids(house, ARCHIVE)) == ([2], [])


async def test_expunge(house):
    """RFC 9051 6.4.3: what is marked as deleted goes and is told from the highest number down."""
    await keep(house, mail(), mail(), mail(), mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        assert await talk.ok("EXPUNGE") == []
        await talk.ok("STORE 1,3:4 +FLAGS.SILENT (\\Deleted)")
        assert await talk.ok("EXPUNGE") == ["* 4 EXPUNGE", "* 3 EXPUNGE", "* 1 EXPUNGE"]
    assert await uids(house, 1) == [2]


async def test_uid_expunge(house):
    r"""RFC 4315 2.1: of the set only, and only what is marked as deleted."""
    await keep(house, mail(), mail(), mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        await talk.ok("STORE 1:2 +FLAGS.SILENT (\\Deleted)")
        assert await talk.ok("UID EXPUNGE 2:3") == ["* 2 EXPUNGE"]
        assert await talk.ok("UID EXPUNGE 99") == []
        await talk.ok("EXAMINE INBOX")
        assert (await talk.no("EXPUNGE")).startswith("NO")
    assert await uids(house, 1) == [1, 3]


async def test_expunge_with_qresync_names_the_highest_modseq(house):
    """RFC 7162 3.2.7: VANISHED, and HIGHESTMODSEQ in the tagged OK when something was expunged."""
    await keep(house, mail(), mail(), flags=["\\Deleted"])
    async with house.session() as talk:
        await talk.ok("ENABLE QRESYNC")
        await talk.ok("SELECT INBOX")
        *lines, last = await talk.say("EXPUNGE")
        now = (await house.mailboxes.mailbox(ALICE, 1)).modseq
        assert (lines, last) == (["* VANISHED 1:2"], f"OK [HIGHESTMODSEQ {now}] EXPUNGE completed")
        assert (await talk.say("EXPUNGE"))[-1] == "OK EXPUNGE completed"
