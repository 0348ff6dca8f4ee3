"""Issue 4: IMAP clients that others wrote, over TLS against a whole town; what each does, another client sees.

Every test has an account of its own; the second client is ours (tests/imap_client), which forgives nothing.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import imapclient
import pytest

from tests.e2e.town import Town
from tests.imap_client import Client, Literal
from tests.imap_client.client import quoted
from tests.servers import imap_clients
from tests.servers.imap_clients import Where, crlf, mark, marks

pytestmark = pytest.mark.timeout(300)


def letter(number: int, text: str = "plain") -> bytes:
    """With what clients stumble over: 8-bit, dots, long lines, no text at all."""
    body = {
        "plain": b"one\r\ntwo\r\n",
        "dots": b".\r\n..\r\n.x\r\n",
        "utf8": "件名と本文\r\nにほんご\r\n".encode(),
        "long": b"x" * 990 + b"\r\n" + b"y" * 3000 + b"\r\n",
        "empty": b"",
    }[text]
    return (
        b"From: Somebody <somebody@accepts.example>\r\nTo: me@demo.example\r\nSubject: letter %d\r\n"
        b"Date: Mon, 3 Mar 2025 10:00:0%d +0900\r\nMessage-ID: <%d.%b@accepts.example>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%b"
    ) % (number, number % 10, number, text.encode(), body)


def where(town: Town, name: str) -> Where:
    """A new account."""
    user = town.account(name)
    return Where(
        host="localhost", port=town.ports["imaps"], ca=town.ca, user=user, password=town.password(name)
    )


@asynccontextmanager
async def second(place: Where) -> AsyncIterator[Client]:
    """Our own client, logged in; over STARTTLS it would be another port."""
    context = ssl.create_default_context(cafile=place.ca)
    client = await Client.connect(place.host, place.port, context)
    try:
        await client.login(place.user, place.password)
        yield client
        await client.logout()
    finally:
        client.close()


async def put(client: Client, octets: bytes, mailbox: str = "INBOX", flags: bytes = b"") -> None:
    await client.command("APPEND ", quoted(mailbox), b" (%b) " % flags, Literal(octets))


async def there(client: Client, mailbox: str = "INBOX") -> dict[bytes, set[bytes]]:
    """Flags by letter, less Recent; fails when a letter is there twice."""
    await client.command("EXAMINE ", quoted(mailbox))
    found = (await client.command("UID FETCH 1:* (FLAGS BODY.PEEK[])")).of("FETCH")
    items = [one.fetched() for one in found]
    shown = {plain(one["BODY[]"]): set(one["FLAGS"]) - {b"\\Recent"} for one in items}
    assert len(shown) == len(found)
    return shown


def plain(octets: bytes) -> bytes:
    """Less the fields by which mbsync and getmail know their copies."""
    return re.sub(rb"(?:X-TUID|X-getmail-retrieved-from-mailbox|Return-Path): .*\r\n", b"", octets)


async def test_mbsync_goes_both_ways(town, tmp_path):
    """Letters, flags, deletions and mailboxes come down and go up; a third run finds nothing to do."""
    place = where(town, "mbsync")
    down = [letter(n, text) for n, text in enumerate(("plain", "dots", "utf8", "long", "empty"))]
    async with second(place) as client:
        for octets in down:
            await put(client, octets)
        await client.command("CREATE Work/&TxqLcA-")  # 会議
        await put(client, letter(10), "Work/&TxqLcA-", b"\\Seen")

    near = await asyncio.to_thread(imap_clients.mbsync, place, tmp_path)
    inbox = local(near["INBOX"])
    assert set(inbox) == set(down)
    assert [marks(file) for file in near["Work/&TxqLcA-"]] == ["S"]

    mark(inbox[down[0]], "FS")
    mark(inbox[down[1]], "ST")
    up = letter(20, "utf8")
    (tmp_path / "near/INBOX/new/1.up").write_bytes(up.replace(b"\r\n", b"\n"))
    for name in ("cur", "new", "tmp"):
        (tmp_path / "near/Own" / name).mkdir(parents=True)
    (tmp_path / "near/Own/cur/2.own:2,RS").write_bytes(letter(21).replace(b"\r\n", b"\n"))
    async with second(place) as client:
        await client.command("SELECT INBOX")
        await client.command("STORE 3 +FLAGS (\\Answered)")
        await put(client, letter(30))

    near = await asyncio.to_thread(imap_clients.mbsync, place, tmp_path)
    async with second(place) as client:
        assert await there(client) == {
            down[0]: {b"\\Seen", b"\\Flagged"},
            down[2]: {b"\\Answered"},
            down[3]: set(),
            down[4]: set(),
            up: set(),
            letter(30): set(),
        }
        assert await there(client, "Own") == {letter(21): {b"\\Seen", b"\\Answered"}}
    inbox = local(near["INBOX"])
    assert set(inbox) == {down[0], down[2], down[3], down[4], up, letter(30)}
    assert marks(inbox[down[2]]) == "R"

    before = {name: [file.name for file in files] for name, files in near.items()}
    near = await asyncio.to_thread(imap_clients.mbsync, place, tmp_path)
    assert {name: [file.name for file in files] for name, files in near.items()} == before


def local(files: list[Path]) -> dict[bytes, Path]:
    return {plain(crlf(file.read_bytes())): file for file in files}


async def test_mbsync_removes_a_mailbox(town, tmp_path):
    """A mailbox that was emptied and deleted on the server goes here too, and nothing else does."""
    place = where(town, "mbsync2")
    async with second(place) as client:
        await client.command("CREATE Gone")
        await put(client, letter(1))
    assert "Gone" in await asyncio.to_thread(imap_clients.mbsync, place, tmp_path)
    async with second(place) as client:
        await client.command("DELETE Gone")
    near = await asyncio.to_thread(imap_clients.mbsync, place, tmp_path)
    assert "Gone" not in near
    assert set(local(near["INBOX"])) == {letter(1)}


async def test_offlineimap_goes_both_ways(town, tmp_path):
    """offlineimap3: letters, flags, deletions and mailboxes come down and go up; a third run finds nothing to do."""
    place = where(town, "offlineimap")
    down = [letter(n, text) for n, text in enumerate(("plain", "dots", "utf8", "long"))]
    async with second(place) as client:
        for octets in down:
            await put(client, octets)
        await client.command("CREATE Work/2026")
        await put(client, letter(10), "Work/2026", b"\\Seen")

    near = await asyncio.to_thread(imap_clients.offlineimap, place, tmp_path)
    inbox = local(near["INBOX"])
    assert set(inbox) == set(down)
    assert [marks(file) for file in near["Work/2026"]] == ["S"]

    mark(inbox[down[0]], "FS")
    inbox[down[1]].unlink()
    up = letter(20, "utf8")
    (tmp_path / "near/INBOX/new/1.up").write_bytes(up.replace(b"\r\n", b"\n"))
    for name in ("cur", "new", "tmp"):
        (tmp_path / "near/Own" / name).mkdir(parents=True)
    (tmp_path / "near/Own/cur/2.own:2,RS").write_bytes(letter(21).replace(b"\r\n", b"\n"))
    async with second(place) as client:
        await client.command("SELECT INBOX")
        await client.command("STORE 3 +FLAGS (\\Answered)")
        await client.command("STORE 4 +FLAGS (\\Deleted)")
        await client.command("EXPUNGE")
        await put(client, letter(30))

    near = await asyncio.to_thread(imap_clients.offlineimap, place, tmp_path)
    async with second(place) as client:
        assert await there(client) == {
            down[0]: {b"\\Seen", b"\\Flagged"},
            down[2]: {b"\\Answered"},
            up: set(),
            letter(30): set(),
        }
        assert await there(client, "Own") == {letter(21): {b"\\Seen", b"\\Answered"}}
    inbox = local(near["INBOX"])
    assert set(inbox) == {down[0], down[2], up, letter(30)}
    assert marks(inbox[down[2]]) == "R"

    before = {name: [file.name for file in files] for name, files in near.items()}
    near = await asyncio.to_thread(imap_clients.offlineimap, place, tmp_path)
    assert {name: [file.name for file in files] for name, files in near.items()} == before


async def test_getmail_by_imap(town, tmp_path):
    """Every octet of what is in two mailboxes; with ``delete`` they are empty afterwards."""
    place = where(town, "getmail")
    inbox, other = [letter(n, text) for n, text in enumerate(("plain", "dots", "utf8", "long"))], letter(9)
    async with second(place) as client:
        for octets in inbox:
            await put(client, octets)
        await client.command("CREATE Other")
        await put(client, other, "Other")
    found = await asyncio.to_thread(
        imap_clients.getmail, place, tmp_path, mailboxes=("INBOX", "Other"), delete=True
    )
    assert {plain(octets) for octets in found} == {*inbox, other}
    async with second(place) as client:
        assert await there(client) == {}
        assert await there(client, "Other") == {}


async def test_curl(town, tmp_path):
    """LIST, FETCH by UID, one part of a letter, SEARCH, APPEND and STORE, as URLs."""
    place = where(town, "curl")
    async with second(place) as client:
        for n in range(3):
            await put(client, letter(n, "utf8"))
    said = await asyncio.to_thread(imap_clients.curl, place)
    assert b'"/" INBOX\r\n' in said or b'"/" "INBOX"\r\n' in said
    assert await asyncio.to_thread(imap_clients.curl, place, "INBOX;UID=2") == letter(1, "utf8")
    header = await asyncio.to_thread(
        imap_clients.curl, place, "INBOX;UID=2;SECTION=HEADER.FIELDS%20(SUBJECT)"
    )
    assert header == b"Subject: letter 1\r\n\r\n"
    assert (
        await asyncio.to_thread(imap_clients.curl, place, "INBOX?SUBJECT%20%22letter%202%22")
        == b"* SEARCH 3\r\n"
    )
    (tmp_path / "up").write_bytes(letter(7, "long"))
    await asyncio.to_thread(imap_clients.curl, place, "INBOX", "-T", str(tmp_path / "up"))
    said = await asyncio.to_thread(
        imap_clients.curl, place, "INBOX", "-X", "STORE 1 +FLAGS (\\Flagged $Label1)"
    )
    assert b"\\Flagged" in said
    async with second(place) as client:
        shown = await there(client)
    assert shown[letter(0, "utf8")] == {b"\\Flagged", b"$Label1"}
    assert set(shown) == {*(letter(n, "utf8") for n in range(3)), letter(7, "long")}


async def test_neomutt_reads_marks_saves_and_deletes(town, tmp_path):
    """What somebody presses: one letter is flagged, one saved elsewhere, one deleted, one read."""
    place = where(town, "neomutt")
    async with second(place) as client:
        for n in range(4):
            await put(client, letter(n))
    shown = await asyncio.to_thread(
        imap_clients.neomutt, place, tmp_path,
        "<search>~s 'letter 0'<enter><flag-message>"
        "<search>~s 'letter 1'<enter><save-message>=Kept<enter>"
        "<search>~s 'letter 2'<enter><delete-message>"
        "<search>~s 'letter 3'<enter><display-message><exit><sync-mailbox><quit>",
    )  # fmt: skip
    async with second(place) as client:
        assert await there(client) == {letter(0): {b"\\Flagged"}, letter(3): {b"\\Seen"}}, shown[-2000:]
        assert set(await there(client, "Kept")) == {letter(1)}


async def test_neomutt_keeps_what_it_sends(town, tmp_path):
    """A copy in Sent, by APPEND, seen; an answer marks the letter that it answers."""
    place = where(town, "neomutt2")
    async with second(place) as client:
        await put(client, letter(1))
    shown = await asyncio.to_thread(
        imap_clients.neomutt, place, tmp_path, "<reply><enter><enter>y<send-message><sync-mailbox><quit>"
    )
    async with second(place) as client:
        ((octets, flags),) = (await there(client, "Sent")).items()
        assert b"To: Somebody <somebody@accepts.example>" in octets
        assert "本文です".encode() in octets, shown[-2000:]
        assert flags == {b"\\Seen"}
        assert (await there(client))[letter(1)] >= {b"\\Answered"}


async def test_imaplib(town):
    """The standard library's client: mailboxes, APPEND, flags, COPY, SEARCH, EXPUNGE; a second client sees each step."""
    place = where(town, "imaplib")
    mine = await asyncio.to_thread(imap_clients.python, place)
    async with second(place) as client:
        await client.command("SELECT INBOX")
        assert mine.create("Boxes/one")[0] == "OK"
        assert mine.append("INBOX", "(\\Flagged)", None, letter(1, "utf8"))[0] == "OK"
        assert mine.select("INBOX") == ("OK", [b"1"])
        assert mine.fetch("1", "(BODY.PEEK[])")[1][0][1] == letter(1, "utf8")
        assert mine.search("UTF-8", "TEXT", "本文".encode())[1] == [b"1"]
        assert (await client.command("NOOP")).of("EXISTS")[-1].number == 1
        assert mine.store("1", "+FLAGS", "(\\Deleted)")[0] == "OK"
        flags = (await client.command("NOOP")).of("FETCH")[-1].fetched()["FLAGS"]
        assert set(flags) - {b"\\Recent"} == {b"\\Flagged", b"\\Deleted"}
        assert mine.copy("1", "Boxes/one")[0] == "OK"
        assert mine.expunge() == ("OK", [b"1"])
        assert (await client.command("NOOP")).of("EXPUNGE")[-1].number == 1
        assert await there(client, "Boxes/one") == {letter(1, "utf8"): {b"\\Flagged", b"\\Deleted"}}
        assert mine.logout()[0] == "BYE"


async def test_starttls_on_the_other_port(town):
    """Nobody logs in without TLS; behind STARTTLS all is the same."""
    place = where(town, "starttls")
    client = await Client.connect("localhost", town.ports["imap"])
    try:
        before = [str(word) for word in client.greeting.code]
        assert "b'LOGINDISABLED'" in before
        assert "b'STARTTLS'" in before
        assert (await client.command("LOGIN x y", ok=False)).status.name in {"BAD", "NO"}
        await client.starttls(ssl.create_default_context(cafile=town.ca))
        await client.login(place.user, place.password)
        await put(client, letter(1))
        assert set(await there(client)) == {letter(1)}
        await client.logout()
    finally:
        client.close()


async def test_imapclient(town):
    """IMAPClient of PyPI: Japanese mailbox names, flags, MOVE, IDLE that hears of another's letter, SORT and THREAD."""
    place = where(town, "imapclient")
    trust = ssl.create_default_context(cafile=place.ca)
    mine = imapclient.IMAPClient(place.host, place.port, ssl_context=trust, timeout=30)
    async with second(place) as client:
        mine.login(place.user, place.password)
        mine.create_folder("仕事/会議")
        assert "仕事/会議" in {name for _, _, name in mine.list_folders()}
        for n in (2, 1):
            mine.append("INBOX", letter(n, "utf8"), [imapclient.FLAGGED])
        assert mine.select_folder("INBOX")[b"EXISTS"] == 2
        assert mine.sort("SUBJECT") == [2, 1]
        assert mine.thread("REFERENCES") == ((2,), (1,))  # RFC 5256 3: by date
        assert mine.search(["TEXT", "本文"], "UTF-8") == [1, 2]
        mine.idle()
        await put(client, letter(3))
        heard = await asyncio.to_thread(mine.idle_check, 10)
        assert (3, b"EXISTS") in heard
        mine.idle_done()
        assert mine.fetch([1], ["ENVELOPE"])[1][b"ENVELOPE"].subject == b"letter 2"
        mine.move([1], "仕事/会議")
        assert set(await there(client)) == {letter(1, "utf8"), letter(3)}
        assert await there(client, "&TtVOiw-/&TxqLcA-") == {letter(2, "utf8"): {b"\\Flagged"}}
        mine.logout()
