"""Python's own imaplib, which knows nothing of us, reads, writes, searches and moves."""

import asyncio
import imaplib

from tests.integration.imap import ALICE, PASSWORD
from tests.integration.imap_letters import mail


def dialogue(port, trust):
    """Its own checks are those of the reading side: it parses what we send, or raises."""
    with imaplib.IMAP4_SSL("localhost", port, ssl_context=trust, timeout=20) as client:
        assert client.login(ALICE, PASSWORD)[0] == "OK"
        assert client.select("INBOX")[0] == "OK"
        letter = mail("by a stranger", "body\r\n.\r\nend")
        assert client.append("INBOX", "(\\Flagged)", None, letter)[0] == "OK"
        assert client.append("INBOX", None, '"17-Jul-1996 02:44:25 -0700"', mail("second"))[0] == "OK"
        assert client.noop()[0] == "OK"
        _, data = client.fetch("1:*", "(UID FLAGS RFC822)")
        _, [found] = client.search(None, "FLAGGED", "SUBJECT", '"stranger"')
        _, stored = client.store("2", "+FLAGS", "\\Deleted")
        _, [order] = client.sort("REVERSE SUBJECT", "UTF-8", "ALL")
        assert client.copy("1", "Archive")[0] == "OK"
        _, gone = client.expunge()
        assert client.uid("MOVE", "1", "Trash")[0] == "OK"
        assert client.select("Trash")[1] == [b"1"]
        _, moved = client.fetch("1", "(BODY.PEEK[])")
        return letter, data, found, stored, order, gone, moved


async def test_imaplib(house):
    """CASES G12: APPEND, FETCH, SEARCH, STORE, SORT, COPY, EXPUNGE, UID MOVE; the octets come back as they went."""
    async with house.imap() as imap:
        letter, data, found, stored, order, gone, moved = await asyncio.to_thread(
            dialogue, imap.tls, house.trust
        )
    assert data[0][1] == letter
    assert moved[0][1] == letter
    assert b"\\Seen" in data[0][0]
    assert (found, order, gone) == (b"1", b"2 1", [b"2"])
    assert b"\\Deleted" in stored[0]
