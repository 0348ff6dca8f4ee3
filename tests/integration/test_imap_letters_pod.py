"""Letters between an IMAP client and a mailbox pod, over gRPC: large ones in and out, and what goes wrong half way."""

import asyncio

from tests.integration.imap_letters import fetch, mail
from tests.integration.test_imap_pod import session, town

__all__ = ["town"]
LARGE = mail("large", ("x" * 998 + "\r\n") * 5000)


def literal(letter):
    return b"{%d+}\r\n" % len(letter) + letter


async def said(talk, octets):
    talk.send(octets)
    return (await talk.until("x "))[-1]


async def count(talk):
    (line,) = await talk.ok("STATUS INBOX (MESSAGES)")
    return int(line.split()[-1].rstrip(")"))


async def test_large_letters_in_and_out(town):
    """CASES G12: 5 MB go in and come out byte for byte; a part of them too; flags, search, sort and move over the wire."""
    async with session(town.gateway()) as talk:
        assert (await said(talk, b"x APPEND INBOX " + literal(LARGE) + b"\r\n")).startswith("x OK [APPENDUID")
        both = literal(mail("small")) + b" " + literal(LARGE)
        assert (await said(talk, b"x APPEND INBOX " + both + b"\r\n")).startswith("x OK [APPENDUID")
        await talk.ok("NOOP")
        found, last = await fetch(talk, "FETCH 1:* (BODY.PEEK[] BODY.PEEK[TEXT]<1000.50>)")
        assert last == "OK FETCH completed"
        assert [items["BODY[]"] for _, items in found] == [LARGE, mail("small"), LARGE]
        assert found[0][1]["BODY[TEXT]<1000>"] == (("x" * 998 + "\r\n") * 2)[1000:1050].encode()
        assert await talk.ok("SEARCH SUBJECT small") == ["* SEARCH 2"]
        assert await talk.ok("SEARCH BODY xxxx") == ["* SEARCH 1 3"]
        assert await talk.ok("SORT (SIZE) UTF-8 ALL") == ["* SORT 2 1 3"]
        await talk.ok("MOVE 1:3 Archive")
        assert await count(talk) == 0


async def test_a_flaw_behind_a_letter_that_was_streamed(town):
    """RFC 9051 6.3.12: nothing is appended, and the connection goes on; nor is it when the client leaves."""
    pod = town.gateway()
    async with session(pod) as talk:
        assert (await said(talk, b"x APPEND INBOX " + literal(LARGE) + b" nonsense\r\n")).startswith("x BAD")
        assert await count(talk) == 0
        async with session(pod) as leaver:
            leaver.send(b"x APPEND INBOX " + literal(LARGE)[: len(LARGE) // 2])
            await leaver.writer.drain()
        await asyncio.sleep(0.3)
        assert await count(talk) == 0
    assert "was never retrieved" not in pod.log
    assert "was destroyed" not in pod.log


async def test_the_mailbox_pod_dies_in_the_middle_of_a_letter(town):
    """CASES H10: the rest is read and thrown away, NO [UNAVAILABLE], and the next APPEND finds the new pod."""
    pod = town.gateway()
    async with session(pod) as talk:
        octets = b"x APPEND INBOX " + literal(LARGE) + b"\r\n"
        talk.send(octets[: len(octets) // 2])
        await talk.writer.drain()
        await asyncio.sleep(0.5)  # the call is under way
        town.house.mailbox.kill()
        talk.send(octets[len(octets) // 2 :])
        starting = asyncio.create_task(asyncio.to_thread(town.house.mailbox.start))
        assert (await talk.until("x "))[-1].startswith("x NO [UNAVAILABLE]")
        await starting
        assert (await said(talk, octets)).startswith("x OK [APPENDUID")
        assert await count(talk) == 1
    assert "was never retrieved" not in pod.log
    assert "was destroyed" not in pod.log
