"""APPEND, MULTIAPPEND and REPLACE (RFC 9051 6.3.12, RFC 3502, RFC 3516, RFC 6855, RFC 8508)."""

import asyncio
from dataclasses import replace

from tests.integration.imap import ALICE
from tests.integration.imap_letters import fetch, keep, mail
from yubin.accounts.port import Limits
from yubin.errors import Exhausted, Unavailable

LARGE = mail("large", "x" * 1_500_000)
ARCHIVE = 6


def with_quota(house, octets):
    """The identity of everybody who logs in has one."""
    authenticate = house.doorman.authenticate

    async def limited(*arguments, **options):
        return replace(await authenticate(*arguments, **options), limits=Limits(quota=octets))

    house.doorman.authenticate = limited


async def validity(house, mailbox=1):
    return (await house.mailboxes.mailbox(ALICE, mailbox)).uidvalidity


async def said(talk, octets):
    """What is answered to a command x."""
    talk.send(octets)
    return await talk.until("x ")


def literal(letter, mark=b"+"):
    return b"{%d%b}\r\n" % (len(letter), mark) + letter


async def test_append_as_rfc_9051_has_it(house):
    """RFC 9051 6.3.12: the client waits for "+", flags and date are kept, APPENDUID says where it is (RFC 4315)."""
    letter = mail()
    async with house.session() as talk:
        talk.send(b'x APPEND INBOX (\\Seen $Sent) "17-Jul-1996 02:44:25 -0700" {%d}' % len(letter) + b"\r\n")
        assert (await talk.line()).startswith("+ ")
        assert (await said(talk, letter + b"\r\n")) == [
            f"x OK [APPENDUID {await validity(house)} 1] APPEND completed"
        ]
        await talk.ok("SELECT INBOX")
        found, _ = await fetch(talk, "FETCH 1 (FLAGS INTERNALDATE BODY[])")
    assert found[0][1] == {
        "FLAGS": {"\\Seen", "$Sent", "\\Recent"},
        "INTERNALDATE": b"17-Jul-1996 09:44:25 +0000",
        "BODY[]": letter,
    }


async def test_what_is_appended_to_the_selected_mailbox_is_told(house):
    """EXISTS stands before the tagged OK, for small and for large letters."""
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        assert "* 1 EXISTS" in await said(talk, b"x APPEND INBOX " + literal(mail()) + b"\r\n")
        assert "* 2 EXISTS" in await said(talk, b"x APPEND INBOX " + literal(LARGE) + b"\r\n")
        found, _ = await fetch(talk, "FETCH 2 BODY[]")
    assert found[0][1]["BODY[]"] == LARGE


async def test_several_letters_at_once(house):
    """RFC 3502: UIDs in the order of the letters, small and large; one APPENDUID."""
    async with house.session() as talk:
        command = b"x APPEND INBOX (\\Seen) %b (\\Flagged) %b %b\r\n" % tuple(
            map(literal, (mail("one"), LARGE, mail("three")))
        )
        assert (await said(talk, command))[
            -1
        ] == f"x OK [APPENDUID {await validity(house)} 1:3] APPEND completed"
        await talk.ok("SELECT INBOX")
        found, _ = await fetch(talk, "FETCH 1:3 (FLAGS RFC822.SIZE)")
    assert [items["RFC822.SIZE"] for _, items in found] == [len(mail("one")), len(LARGE), len(mail("three"))]
    assert await house.inbox() == [(1, 1), (2, 4), (3, 0)]


async def test_of_several_letters_all_come_or_none(house):
    """RFC 3502: a flaw behind the second one, a pod that fails at the third, a client that leaves: nothing is there."""
    async with house.imap(patience=0.0) as imap:
        async with imap.session() as talk:
            answer = await said(
                talk, b"x APPEND INBOX " + literal(LARGE) + b" " + literal(mail()) + b" nonsense\r\n"
            )
            assert answer[-1].startswith("x BAD")
            assert await house.inbox() == []
            house.trouble["append"] = [None, None, Exhausted("Full", code=452, enhanced="4.2.2")]
            letters = b" ".join(map(literal, (LARGE, mail(), mail())))
            answer = await said(talk, b"x APPEND INBOX " + letters + b"\r\n")
            assert answer[-1].startswith("x NO [OVERQUOTA]")
            assert await house.inbox() == []
            await talk.ok("NOOP")
        async with imap.session() as talk:
            talk.send(b"x APPEND INBOX " + literal(LARGE) + b" {1000+}\r\nSubject: half a letter")
            await talk.writer.drain()
            await asyncio.sleep(0.2)
        async with asyncio.timeout(5):
            while await house.inbox():
                await asyncio.sleep(0.05)


async def test_a_pod_that_is_away_for_a_moment_costs_neither_a_letter_nor_a_second_one(house):
    """A small letter is said again under the same delivery id."""
    async with house.session() as talk:
        house.trouble["append"] = [Unavailable("Away")]
        assert (await said(talk, b"x APPEND INBOX " + literal(mail()) + b"\r\n"))[-1].startswith("x OK")
    assert len(await house.inbox()) == 1


async def test_no_room_is_said_before_the_letter_comes(house):
    """CASES H9: 1 GB, or more than the quota has left, is refused without "+"; the next command is understood."""
    with_quota(house, 10_000)
    async with house.session(limits={"append": 2**31}) as talk:
        assert (await said(talk, b"x APPEND INBOX {1000000000}\r\n"))[-1].startswith("x NO [OVERQUOTA]")
        await talk.ok("NOOP")
        assert (await said(talk, b"x APPEND INBOX " + literal(b"x" * 10_001) + b"\r\n"))[-1].startswith(
            "x NO [OVERQUOTA]"
        )
        await talk.ok("NOOP")
        half = mail("half", "x" * 5500)
        two = b"x APPEND INBOX " + literal(half) + b" " + literal(half) + b"\r\n"
        assert (await said(talk, two))[-1].startswith("x NO [OVERQUOTA]")
        assert not house.made("append")
        assert (await said(talk, b"x APPEND INBOX " + literal(half) + b"\r\n"))[-1].startswith("x OK")


async def test_a_pod_that_stops_listening_in_the_middle(house):
    """The rest of a large letter is read as a letter, never as commands; the answer is the pod's."""
    async with house.session() as talk:
        house.trouble["append"] = [Exhausted("The mailbox is full", code=452, enhanced="4.2.2")]
        poison = LARGE + b"\r\na1 LOGOUT\r\n" * 50_000
        assert (await said(talk, b"x APPEND INBOX " + literal(poison) + b"\r\n"))[-1].startswith(
            "x NO [OVERQUOTA]"
        )
        await talk.ok("NOOP")


async def test_what_is_refused_before_the_letter(house):
    """TRYCREATE, TOOBIG, flags that nobody can set, nothing at all (RFC 3502: a client that gives up)."""
    async with house.session(limits={"append": 1000}) as talk:
        assert (await said(talk, b"x APPEND Nowhere {10}\r\n"))[-1].startswith("x NO [TRYCREATE]")
        assert (await said(talk, b"x APPEND INBOX {1001}\r\n"))[-1].startswith("x NO [TOOBIG]")
        assert (await said(talk, b"x APPEND INBOX (\\Strange) {10}\r\n"))[-1].startswith(("x NO", "x BAD"))
        assert (await said(talk, b"x APPEND INBOX {0}\r\n"))[-1].startswith("x NO")
        assert (await said(talk, b"x APPEND INBOX\r\n"))[-1].startswith("x BAD")
        await talk.ok("NOOP")
    assert not house.made("append")


async def test_binary_and_utf8(house):
    """RFC 3516 4.4: a literal8 may hold NUL and BINARY gives it back; RFC 6855 4: UTF8 (…) needs UTF8=ACCEPT."""
    letter = mail("binary", "a\0b", content_transfer_encoding="binary")
    async with house.session() as talk:
        command = b"x APPEND INBOX ~" + literal(letter) + b"\r\n"
        assert (await said(talk, command))[-1].startswith("x OK")
        utf8 = b"x APPEND INBOX UTF8 (~" + literal(mail("件名")) + b")\r\n"
        assert (await said(talk, utf8))[-1].startswith("x BAD")
        await talk.ok("ENABLE UTF8=ACCEPT")
        assert (await said(talk, utf8))[-1].startswith("x OK")
        await talk.ok("SELECT INBOX")
        talk.send("f FETCH 1 BINARY.PEEK[1]")
        assert await talk.reader.readline() == b"* 1 FETCH (BINARY[1] ~{5}\r\n"
        assert await talk.reader.readexactly(5) == b"a\0b\r\n"


async def test_replace(house):
    """RFC 8508 3.4: APPENDUID in an untagged OK, EXISTS and EXPUNGE, the tagged OK; the old letter is gone."""
    await keep(house, mail("draft"), mail("other"))
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        lines = await said(talk, b"x REPLACE 1 INBOX (\\Draft) " + literal(mail("better")) + b"\r\n")
        assert lines[0] == f"* OK [APPENDUID {await validity(house)} 3] Replaced"
        assert lines[1] == "* 1 EXPUNGE"
        assert "* 2 EXISTS" in lines
        assert lines[-1] == "x OK REPLACE completed"
        lines = await said(talk, b"x UID REPLACE 3 Archive " + literal(mail("sent")) + b"\r\n")
        assert lines[0].startswith(f"* OK [APPENDUID {await validity(house, ARCHIVE)} 1]")
    assert [uid for uid, _ in await house.inbox()] == [2]


async def test_replace_of_what_is_not_there(house):
    """RFC 8508 3.3: refused before the letter; when the old one cannot go, the new one does not stay."""
    await keep(house, mail("draft"))
    async with house.imap(patience=0.0) as imap, imap.session() as talk:
        await talk.ok("EXAMINE INBOX")
        assert (await said(talk, b"x REPLACE 1 INBOX {10}\r\n"))[-1].startswith("x NO")
        await talk.ok("SELECT INBOX")
        assert (await said(talk, b"x REPLACE 2 INBOX {10}\r\n"))[-1].startswith("x BAD")
        assert (await said(talk, b"x UID REPLACE 2 INBOX {10}\r\n"))[-1].startswith("x NO")
        house.trouble["expunge"] = [Unavailable("Away")]
        assert (await said(talk, b"x REPLACE 1 INBOX " + literal(mail()) + b"\r\n"))[-1].startswith(
            "x NO [UNAVAILABLE]"
        )
    assert [uid for uid, _ in await house.inbox()] == [1]
