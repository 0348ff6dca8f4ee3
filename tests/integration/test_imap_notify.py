"""NOTIFY (RFC 5465): what is told without being asked for, in the selected mailbox and in others."""

from tests.integration.imap import ALICE
from yubin.mailboxes.port import How

ONE = b"Subject: one\r\n\r\n"
ALL = "MessageNew MessageExpunge FlagChange"


async def put(house, mailbox_id):
    """A letter into another mailbox than INBOX."""
    await house.deliver(ONE, hint=False)
    uid = (await house.inbox())[-1][0]
    await house.mailboxes.copy(ALICE, 1, [uid], mailbox_id, move=True)
    house.hints.publish(ALICE, mailbox_id, 0, 0)


async def test_another_mailbox_gets_a_letter(house):
    """RFC 5465 5.3: STATUS, between two commands, of a mailbox that is not selected."""
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await talk.ok(f"NOTIFY SET (PERSONAL ({ALL}))")
        await put(house, 3)
        line = await talk.line()
        assert line.startswith("* STATUS Sent (MESSAGES 1 UIDNEXT 2 UIDVALIDITY ")
        assert line.endswith(" UNSEEN 1)")
        await talk.ok("NOOP")


async def test_flags_and_expunges_in_another_mailbox(house):
    """RFC 5465 5.3: STATUS for each, with HIGHESTMODSEQ for who keeps mod-sequences."""
    async with house.imap() as imap, imap.session() as talk:
        await put(house, 3)
        await talk.ok("ENABLE CONDSTORE")
        await talk.ok(f"NOTIFY SET (MAILBOXES (Sent Drafts) ({ALL}))")
        stored = await house.mailboxes.store(ALICE, 3, [1], How.ADD, frozenset({"\\Seen"}))
        house.hints.publish(ALICE, 3, 0, 0)
        line = await talk.line()
        assert line.endswith(f" UNSEEN 0 HIGHESTMODSEQ {stored.modseq})")
        await house.mailboxes.expunge(ALICE, 3, None, only_deleted=False)
        house.hints.publish(ALICE, 3, 0, 0)
        assert (await talk.line()).startswith("* STATUS Sent (MESSAGES 0 ")


async def test_only_what_was_asked_for(house):
    """RFC 5465 6: the first filter that names a mailbox decides; one that none names is silent."""
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok(f"NOTIFY SET (MAILBOXES Sent NONE) (SUBTREE (Sent Trash) ({ALL}))")
        await put(house, 3)
        await put(house, 2)
        await put(house, 5)
        assert (await talk.line()).startswith("* STATUS Trash ")
        assert await talk.silent()


async def test_the_present_state_first(house):
    """RFC 5465 3: STATUS says how it is now, before the tagged OK."""
    async with house.imap() as imap, imap.session() as talk:
        lines = await talk.ok(f"NOTIFY SET STATUS (INBOXES ({ALL})) (SUBSCRIBED NONE)")
        assert [line.split()[2] for line in lines] == ["INBOX", "Junk"]


async def test_the_selected_mailbox(house):
    """RFC 5465 6.1: as in IDLE, without it: EXISTS, FETCH, EXPUNGE at once; what is new with what was asked for."""
    await house.deliver(ONE, ONE)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await talk.ok("NOTIFY SET (SELECTED (MessageNew (UID RFC822.SIZE) MessageExpunge FlagChange))")
        await house.deliver(ONE)
        assert await talk.until("* 3 FETCH") == [
            "* 3 EXISTS",
            "* 3 RECENT",
            f"* 3 FETCH (UID 3 RFC822.SIZE {len(ONE)})",
        ]
        await house.mailboxes.expunge(ALICE, 1, [1], only_deleted=False)
        house.hints.publish(ALICE, 1, 0, 0)
        assert await talk.line() == "* 1 EXPUNGE"


async def test_selected_delayed(house):
    """RFC 5465 6.1: nothing is expunged until a command allows it; new letters are told."""
    await house.deliver(ONE, ONE)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await talk.ok(f"NOTIFY SET (SELECTED-DELAYED ({ALL}))")
        await house.mailboxes.expunge(ALICE, 1, [1], only_deleted=False)
        await house.deliver(ONE)
        assert await talk.until("* 3 RECENT") == ["* 3 EXISTS", "* 3 RECENT"]
        assert await talk.silent()
        assert await talk.ok("NOOP") == ["* 1 EXPUNGE"]


async def test_names(house):
    """RFC 5465 5.4, 5.5: mailboxes that are made, renamed, deleted; subscriptions."""
    async with house.imap() as imap, imap.session() as talk, imap.session() as other:
        await talk.ok("NOTIFY SET (PERSONAL (MailboxName SubscriptionChange))")
        await other.ok("CREATE New")
        await imap.watch.round()
        assert await talk.line() == '* LIST () "/" New'
        await other.ok("RENAME New Newer")
        assert await talk.line() == '* LIST () "/" Newer ("OLDNAME" (New))'
        await other.ok("SUBSCRIBE Newer")
        await imap.watch.round()
        assert await talk.line() == '* LIST (\\Subscribed) "/" Newer'
        await other.ok("DELETE Newer")
        assert await talk.line() == '* LIST (\\NonExistent) "/" Newer'


async def test_without_hints(house):
    """The comparison finds it too."""
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok(f"NOTIFY SET (INBOXES ({ALL}))")
        await house.deliver(ONE, hint=False)
        await imap.watch.round()
        assert (await talk.line()).startswith("* STATUS INBOX (MESSAGES 1 ")


async def test_notify_none(house):
    """RFC 5465 3: from then on nothing but what commands bring."""
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await talk.ok(f"NOTIFY SET (SELECTED ({ALL})) (PERSONAL ({ALL}))")
        await talk.ok("NOTIFY NONE")
        await house.deliver(ONE)
        await put(house, 3)
        assert await talk.silent()
        assert "* 1 EXISTS" in await talk.ok("NOOP")


async def test_with_idle(house):
    """RFC 5465 4: both together; in IDLE EXPUNGE may always be told."""
    await house.deliver(ONE, ONE)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as talk:
        await talk.ok(f"NOTIFY SET (SELECTED-DELAYED ({ALL})) (PERSONAL ({ALL}))")
        await talk.idle()
        await house.mailboxes.expunge(ALICE, 1, [2], only_deleted=False)
        house.hints.publish(ALICE, 1, 0, 0)
        assert await talk.line() == "* 2 EXPUNGE"
        await put(house, 3)
        assert (await talk.until("* STATUS Sent"))[-1].startswith("* STATUS Sent (MESSAGES 1 ")


async def test_an_event_that_is_not_offered(house):
    """RFC 5465 5, 8: NO [BADEVENT (…)] with those that are, also for METADATA's and ANNOTATE's, which are not announced; what
    was asked for before stays.
    """
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok(f"NOTIFY SET (INBOXES ({ALL}))")
        offered = "FlagChange MailboxName MessageExpunge MessageNew SubscriptionChange"
        for event in ("MailboxMetadataChange", "ServerMetadataChange", "Nonsense"):
            last = await talk.no(f"NOTIFY SET (PERSONAL ({event}))")
            assert last.startswith(f"NO [BADEVENT ({offered})] ")
        last = await talk.no("NOTIFY SET (SELECTED (MessageNew MessageExpunge AnnotationChange))")
        assert last.startswith(f"NO [BADEVENT ({offered})] ")
        await house.deliver(ONE)
        assert (await talk.line()).startswith("* STATUS INBOX ")


async def test_more_than_anybody_would_read(house, monkeypatch):
    """RFC 5465 5.8: [NOTIFICATIONOVERFLOW] and no more notifications."""
    monkeypatch.setattr("services.gateway.imap.notify.MANY", 2)
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok(f"NOTIFY SET (PERSONAL ({ALL}))")
        for n in range(3):
            await house.mailboxes.create(ALICE, f"box{n}")
        await imap.watch.round()
        assert (await talk.line()).startswith("* OK [NOTIFICATIONOVERFLOW] ")
        await house.deliver(ONE)
        assert await talk.silent()


async def test_a_hint_of_somebody_else(house):
    """H11: a session that is told everything of its own account hears nothing of others."""
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok(f"NOTIFY SET (PERSONAL ({ALL}))")
        before = len(house.calls)
        await house.deliver(ONE, account="bob@a.example")
        assert await talk.silent()
        assert len(house.calls) == before
