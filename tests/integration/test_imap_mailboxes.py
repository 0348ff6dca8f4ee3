"""IMAP's commands about mailboxes: names, LIST in all its shapes, subscriptions, STATUS, quota."""

import pytest

from tests.integration.imap import ALICE
from yubin.mailboxes.port import How

FIRST = ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]
ONE = b"Subject: one\r\n\r\n"


async def names(talk, command):
    return [
        line.split('"/" ')[1].strip('"')
        for line in await talk.ok(command)
        if "LIST" in line or "LSUB" in line
    ]


async def test_list_of_a_new_account(house):
    """RFC 9051 6.3.9, RFC 6154 2, RFC 3348: attributes, special uses, children."""
    async with house.session() as talk:
        assert await talk.ok('LIST "" *') == [
            '* LIST (\\HasNoChildren \\Archive) "/" Archive',
            '* LIST (\\HasNoChildren \\Drafts) "/" Drafts',
            '* LIST (\\HasNoChildren) "/" INBOX',
            '* LIST (\\HasNoChildren \\Junk) "/" Junk',
            '* LIST (\\HasNoChildren \\Sent) "/" Sent',
            '* LIST (\\HasNoChildren \\Trash) "/" Trash',
        ]
        assert await talk.ok('LIST "" ""') == ['* LIST (\\Noselect) "/" ""']
        assert await talk.ok("NAMESPACE") == ['* NAMESPACE (("" "/")) NIL NIL']


async def test_patterns(house):
    """RFC 9051 6.3.9: "%" stays in a level and shows levels that are no mailbox, "*" does not; a reference goes before."""
    async with house.session() as talk:
        for name in ("a/b/c", "a/x", "ab"):
            await talk.ok(f"CREATE {name}")
        assert await talk.ok('LIST "" a%') == [
            '* LIST (\\Noselect \\HasChildren) "/" a',
            '* LIST (\\HasNoChildren) "/" ab',
        ]
        assert await names(talk, 'LIST "" a/%') == ["a/b", "a/x"]
        assert await names(talk, 'LIST "a/" %') == ["a/b", "a/x"]
        assert await names(talk, 'LIST "" a*c') == ["a/b/c"]
        assert await names(talk, 'LIST "" %/%/%') == ["a/b/c"]
        assert await names(talk, 'LIST "" inBOX') == ["INBOX"]
        assert await names(talk, 'LIST "" (ab Sent)') == ["Sent", "ab"]
        assert await names(talk, 'LIST "" *%**%x') == ["INBOX", "a/x"]


async def test_extended_list(house):
    """RFC 5258: subscribed names, also such as do not exist; what lies below with CHILDINFO; special uses."""
    async with house.session() as talk:
        for name in ("fruit", "fruit/apple", "tool"):
            await talk.ok(f"CREATE {name}")
        for name in FIRST:
            await talk.ok(f"UNSUBSCRIBE {name}")
        for name in ("fruit/apple", "gone/deep", "tool"):
            await talk.ok(f"SUBSCRIBE {name}")
        assert await talk.ok('LIST (SUBSCRIBED) "" *') == [
            '* LIST (\\HasNoChildren \\Subscribed) "/" fruit/apple',
            '* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" gone/deep',
            '* LIST (\\HasNoChildren \\Subscribed) "/" tool',
        ]
        assert await talk.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" %') == [
            '* LIST (\\HasChildren) "/" fruit ("CHILDINFO" ("SUBSCRIBED"))',
            '* LIST (\\NonExistent \\HasNoChildren) "/" gone ("CHILDINFO" ("SUBSCRIBED"))',
            '* LIST (\\HasNoChildren \\Subscribed) "/" tool',
        ]
        assert await names(talk, 'LIST (SPECIAL-USE) "" *') == ["Archive", "Drafts", "Junk", "Sent", "Trash"]
        assert '* LIST (\\HasNoChildren \\Subscribed) "/" tool' in await talk.ok(
            'LIST "" % RETURN (SUBSCRIBED CHILDREN)'
        )


async def test_list_with_status(house):
    """RFC 5819: STATUS behind each name that can be selected, and behind no other."""
    await house.deliver(ONE, ONE)
    async with house.session() as talk:
        await talk.ok("CREATE a/b")
        lines = await talk.ok('LIST "" (INBOX a a/b) RETURN (STATUS (MESSAGES UNSEEN))')
        assert lines == [
            '* LIST (\\HasNoChildren) "/" INBOX',
            "* STATUS INBOX (MESSAGES 2 UNSEEN 2)",
            '* LIST (\\NonExistent \\HasChildren) "/" a',
            '* LIST (\\HasNoChildren) "/" a/b',
            "* STATUS a/b (MESSAGES 0 UNSEEN 0)",
        ]


async def test_lsub(house):
    r"""RFC 3501 6.3.9: subscribed names only; a level above one as \Noselect where "%" asks for levels."""
    async with house.session() as talk:
        assert await names(talk, 'LSUB "" *') == FIRST
        for name in FIRST:
            await talk.ok(f"UNSUBSCRIBE {name}")
        await talk.ok("SUBSCRIBE foo/bar")
        assert await talk.ok('LSUB "" %') == ['* LSUB (\\Noselect) "/" foo']
        assert await talk.ok('LSUB "" *') == ['* LSUB () "/" foo/bar']


async def test_names_of_other_scripts(house):
    """RFC 3501 5.1.3, RFC 6855, RFC 9051 5.1: modified UTF-7 for old clients, UTF-8 for who enabled it."""
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok("CREATE &kE2P,w-")
        assert (await talk.no("CREATE &kE2P,w")).startswith("NO [CANNOT] ")
        (line,) = [x for x in await talk.ok('LIST "" *') if "&" in x]
        assert line.endswith('"/" &kE2P,w-')
        await talk.ok("ENABLE UTF8=ACCEPT")
        (name,) = [n for n in await names(talk, 'LIST "" *') if not n.isascii()]
        assert name.encode("utf-16-be").hex() == "904d8fff"
        await talk.ok(f'SELECT "{name}"')


@pytest.mark.parametrize(
    "name",
    [
        '"a//b"', '"/a"', '"a*b"', '"a%b"', '" "', '""', "{3+}\r\na\0b", "a" * 10_000,
        "/".join("a" * 1000), '"a\tb"',
    ],
)  # fmt: skip
async def test_names_that_confuse(house, name):
    """CASES H7: empty levels, wildcards, controls, 10 KB, 1,000 levels: NO [CANNOT] or BAD, nothing is made."""
    async with house.session() as talk:
        before = await talk.ok('LIST "" *')
        assert (await talk.no(f"CREATE {name}")).startswith(("NO [CANNOT] ", "BAD "))
        assert await talk.ok('LIST "" *') == before


async def test_names_that_only_look_dangerous(house):
    r"""CASES H7: ``../x``, ``..``, ``~``, ``\``: names as any other, since no name becomes a path."""
    async with house.session() as talk:
        for name in ("../x", "..", "~", '"\\\\"', "~root"):
            await talk.ok(f"CREATE {name}")
        assert {"..", "../x", "~", "\\\\", "~root"} <= set(await names(talk, 'LIST "" *'))


async def test_inbox_in_any_case(house):
    """CASES H7: RFC 9051 5.1: there is one INBOX, however it is written; it is not made and not deleted."""
    async with house.session() as talk:
        await talk.ok("SELECT inBoX")
        assert (await talk.no("CREATE inbox")).startswith("NO [ALREADYEXISTS] ")
        assert (await talk.no("DELETE Inbox")).startswith("NO [CANNOT] ")
        await talk.ok("CREATE inbox/below")
        assert "INBOX/below" in await names(talk, 'LIST "" inbox/*')


async def test_create_delete_rename(house):
    """RFC 9051 6.3.4-6.3.6: MAILBOXID of the new one, what lies below goes along or stays, names are free again."""
    async with house.session() as talk:
        assert (await talk.say("CREATE box/"))[-1] == "OK [MAILBOXID (F7)] CREATE completed"
        await talk.ok("CREATE box/inner")
        assert (await talk.no("CREATE box")).startswith("NO [ALREADYEXISTS] ")
        await talk.ok("RENAME box chest")
        assert await names(talk, 'LIST "" (box* chest*)') == ["chest", "chest/inner"]
        assert (await talk.no("RENAME box other")).startswith("NO [NONEXISTENT] ")
        assert (await talk.no("RENAME chest Sent")).startswith("NO [ALREADYEXISTS] ")
        assert (await talk.no("RENAME chest chest/inner/deep")).startswith("NO [CANNOT] ")
        await talk.ok("DELETE chest")
        assert await talk.ok('LIST "" chest') == ['* LIST (\\Noselect \\HasChildren) "/" chest']
        assert (await talk.no("DELETE chest")).startswith("NO [NONEXISTENT] ")


async def test_create_with_a_special_use(house):
    """RFC 6154 3: one that is free; [USEATTR] for one that another mailbox has, or that none can have."""
    async with house.session() as talk:
        await talk.ok("DELETE Archive")
        await talk.ok("CREATE Old (USE (\\archive))")
        assert '* LIST (\\HasNoChildren \\Archive) "/" Old' in await talk.ok('LIST "" Old')
        for use in ("\\Sent", "\\All", "\\Strange", "\\Drafts \\Junk"):
            assert (await talk.no(f"CREATE New (USE ({use}))")).startswith("NO [USEATTR] ")
        assert (await talk.no("CREATE Sent (USE (\\Sent))")).startswith("NO [ALREADYEXISTS] ")


async def test_every_item_of_status(house):
    """RFC 9051 6.3.11, RFC 8438, RFC 7889, RFC 8474, RFC 7162, RFC 9208: in the order in which they were asked for."""
    await house.deliver(ONE, ONE, b"Subject: large\r\n\r\n" + b"x" * 3000)
    await house.mailboxes.store(ALICE, 1, [1], How.ADD, frozenset({"\\Seen"}))
    await house.mailboxes.store(ALICE, 1, [3], How.ADD, frozenset({"\\Deleted"}))
    box = await house.mailboxes.mailbox(ALICE, 1)
    async with house.session() as talk:
        items = "UNSEEN MESSAGES RECENT UIDNEXT UIDVALIDITY DELETED SIZE HIGHESTMODSEQ APPENDLIMIT MAILBOXID DELETED-STORAGE"
        (line,) = await talk.ok(f"STATUS INBOX ({items})")
        assert line == (
            f"* STATUS INBOX (UNSEEN 2 MESSAGES 3 RECENT 3 UIDNEXT 4 UIDVALIDITY {box.uidvalidity} DELETED 1 "
            f"SIZE {box.size} HIGHESTMODSEQ {box.modseq} APPENDLIMIT 52428800 MAILBOXID (F1) DELETED-STORAGE 3)"
        )
        assert (await talk.no("STATUS Nowhere (MESSAGES)")).startswith("NO [NONEXISTENT] ")
        await talk.ok("SELECT INBOX")
        assert await talk.ok("STATUS INBOX (RECENT)") == ["* STATUS INBOX (RECENT 0)"]


async def test_quota(house):
    """RFC 9208: one root; used and limit in units of 1024 octets, rounded up; nobody changes it here."""
    await house.deliver(b"x" * 1500)
    async with house.imap(quota=10 * 1024) as imap, imap.session() as talk:
        assert await talk.ok("GETQUOTAROOT INBOX") == ['* QUOTAROOT INBOX ""', '* QUOTA "" (STORAGE 2 10)']
        assert await talk.ok('GETQUOTA ""') == ['* QUOTA "" (STORAGE 2 10)']
        assert (await talk.no("GETQUOTA other")).startswith("NO [NONEXISTENT] ")
        assert (await talk.no('SETQUOTA "" (STORAGE 5)')).startswith("NO [NOPERM] ")


async def test_no_quota(house):
    """Without a limit there is no root."""
    async with house.session() as talk:
        assert await talk.ok("GETQUOTAROOT INBOX") == ["* QUOTAROOT INBOX"]
        assert await talk.ok('GETQUOTA ""') == ['* QUOTA "" ()']


async def test_enable(house):
    """RFC 5161 3.2: what is known and was asked for; CONDSTORE in the selected state says HIGHESTMODSEQ (RFC 7162 3.1)."""
    async with house.session() as talk:
        assert await talk.ok("ENABLE X-NEVER") == ["* ENABLED"]
        await talk.ok("SELECT INBOX")
        lines = await talk.ok("ENABLE CONDSTORE utf8=accept")
        assert lines[0] == "* ENABLED CONDSTORE UTF8=ACCEPT"
        assert lines[1].startswith("* OK [HIGHESTMODSEQ ")
