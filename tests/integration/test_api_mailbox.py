"""Mailboxes over real HTTPS: letters in and out octet by octet, pages, search, the end of an account, who may not."""

from __future__ import annotations

import asyncio
import contextlib
import mailbox as peer
import ssl
import time
import tracemalloc

import httpx
import pytest

from services.api import mailboxes_search
from services.api.mailboxes_access import HOLDS, Access
from services.api.mailboxes_removal import Removal
from tests.contract.mailboxes import letter as arrival
from tests.integration.api import TOKEN, System
from yubin.accounts.port import Limits
from yubin.errors import NotFound, Unauthenticated, Unavailable
from yubin.mail import mbox
from yubin.mailboxes.port import FIRST, Indexed, Usage
from yubin.mailboxes.reading import index_words
from yubin.mailboxes.rules import GONE_FOR

ALICE = "/v1/accounts/alice@example.org"
INBOX = f"{ALICE}/mailboxes/1"
LETTER = b"From: A <a@b.test>\r\nTo: b@c.test\r\nSubject: =?utf-8?b?5pel5pys?=\r\nMessage-ID: <1@b>\r\n\r\nHello\r\n"
TYPE = {"content-type": "message/rfc822"}


@pytest.fixture
async def system(tmp_path):
    async with System(tmp_path).running() as running:
        await running.populate()
        yield running


@pytest.fixture
async def http(system):
    async with system.client() as client:
        yield client


async def put(http, raw=LETTER, where=INBOX, key="", **query):
    headers = TYPE | ({"idempotency-key": key} if key else {})
    return await http.post(f"{where}/messages", content=raw, headers=headers, params=query)


async def raw_of(http, uid, where=INBOX):
    return (await http.get(f"{where}/messages/{uid}")).content


async def test_the_mailboxes_of_an_account(http, system):
    """Those it begins with, what is in them, how full it is, and who it is."""
    await system.directory.update_account("alice@example.org", limits=Limits(quota=10_000))
    await put(http)
    found = (await http.get(f"{ALICE}/mailboxes")).json()
    assert {m["name"]: m["special_use"] for m in found["mailboxes"]} == dict(FIRST)
    inbox = next(m for m in found["mailboxes"] if m["name"] == "INBOX")
    assert (inbox["id"], inbox["messages"], inbox["unseen"], inbox["size"]) == (1, 1, 1, len(LETTER))
    assert (found["used"], found["messages"], found["quota"]) == (len(LETTER), 1, 10_000)
    assert found["account"] == (await system.directory.get_account("alice@example.org")).id


async def test_a_letter_comes_back_as_it_was(http):
    """Octet by octet, bare line ends and NULs and all; flags and date as they were given."""
    odd = b"From \n\r\x00\xff" + LETTER + b"no end"
    made = await put(http, odd, flags="\\Seen $Junk", received="2001-09-09T01:46:40Z")
    assert made.status_code == 201
    assert made.json() == {"mailbox": 1, "uidvalidity": made.json()["uidvalidity"], "uid": 1, "fresh": True}
    answer = await http.get(f"{INBOX}/messages/1")
    assert (answer.content, answer.headers["content-type"]) == (odd, "message/rfc822")
    assert answer.headers["content-length"] == str(len(odd))
    (shown,) = (await http.get(f"{INBOX}/messages")).json()["messages"]
    assert (shown["flags"], shown["received"]) == (["$Junk", "\\Seen"], "2001-09-09T01:46:40Z")


async def test_pages(http):
    """The newest first, or from a UID on; each page tells the next, the last one tells none; text is decoded."""
    for _ in range(5):
        await put(http)
    seen, before = [], None
    while before != 0:
        page = (
            await http.get(f"{INBOX}/messages", params={"limit": 2} | ({"before": before} if before else {}))
        ).json()
        seen += [m["uid"] for m in page["messages"]]
        before = page["next"] or 0
    assert seen == [5, 4, 3, 2, 1]
    page = (await http.get(f"{INBOX}/messages", params={"after": 1, "limit": 2})).json()
    assert ([m["uid"] for m in page["messages"]], page["next"]) == ([2, 3], 3)
    page = (await http.get(f"{INBOX}/messages", params={"after": 3, "limit": 2})).json()
    assert ([m["uid"] for m in page["messages"]], page["next"]) == ([4, 5], None)
    letter = page["messages"][0]
    assert (letter["from"], letter["to"], letter["subject"]) == ("A <a@b.test>", "b@c.test", "日本")
    assert (letter["message_id"], letter["preview"], letter["date"]) == ("1@b", "Hello", None)


async def test_the_same_key_is_the_same_letter(http, system):
    """Said again it changes nothing; in another mailbox, or of another account, the key is another."""
    first, again = (await put(http, key="k")).json(), (await put(http, key="k")).json()
    assert (first["fresh"], again["fresh"], again["uid"]) == (True, False, first["uid"])
    assert (await put(http, key="k", where=f"{ALICE}/mailboxes/2")).json()["fresh"]
    await system.directory.create_account("bob@example.org", "correct horse")
    assert (await put(http, key="k", where="/v1/accounts/bob@example.org/mailboxes/1")).json()["fresh"]
    assert (await put(http, key="x" * 201)).status_code == 400


async def test_a_full_mailbox(http, system):
    """429 and 4.2.2 also for a letter that is still being sent; nothing was stored; a raised quota counts at once."""
    await system.directory.update_account("alice@example.org", limits=Limits(quota=1_000_000))
    account = (await http.get(f"{ALICE}/mailboxes")).json()["account"]
    refused = await put(http, b"x" * 5_000_000, account=account)
    assert (refused.status_code, refused.json()["enhanced"]) == (429, "4.2.2")
    assert (await http.get(f"{INBOX}/messages")).json()["messages"] == []
    await system.directory.update_account("alice@example.org", limits=Limits(quota=9_000_000))
    assert (await put(http, b"x" * 5_000_000, account=account)).status_code == 201


async def test_a_mailbox_is_made(http):
    """Names are canonical; one that is there is 409, one that cannot be 400."""
    made = await http.post(f"{ALICE}/mailboxes", json={"name": "inbox/Cafe\u0301"})
    assert (made.status_code, made.json()["name"]) == (201, "INBOX/Café")
    assert (await http.post(f"{ALICE}/mailboxes", json={"name": "INBOX/Café"})).status_code == 409
    assert (await http.post(f"{ALICE}/mailboxes", json={"name": "a//b"})).status_code == 400
    assert (await put(http, where=f"{ALICE}/mailboxes/{made.json()['id']}")).status_code == 201


async def test_a_mailbox_as_mbox(http, tmp_path):
    """Python's mailbox module and our own reader find every letter, with its flags and its date; large ones too."""
    large = b"Return-Path: <a@b.test>\r\nSubject: large\r\n\r\n" + b"From here\r\n>From there\r\n" * 100_000
    letters = [LETTER, large, b"", b"odd\rend", large[:-1]]
    for n, raw in enumerate(letters):
        await put(http, raw, flags="\\Flagged $Label" if n else "", received=f"2001-09-09T01:46:4{n}Z")
    answer = await http.get(f"{INBOX}/mbox")
    assert answer.headers["content-type"] == "application/mbox"
    found = list(mbox.letters([answer.content], limit=10_000_000))
    assert [letter.raw for letter in found] == letters
    assert [letter.received for letter in found] == [1e9 + n for n in range(5)]
    assert [sorted(letter.flags) for letter in found] == [[]] + [["$Label", "\\Flagged"]] * 4
    (tmp_path / "inbox").write_bytes(answer.content)
    with contextlib.closing(peer.mbox(tmp_path / "inbox")) as read:
        assert [m["subject"] for m in read] == ["=?utf-8?b?5pel5pys?=", "large", None, None, "large"]
        assert read[1].get_from() == "a@b.test Sun Sep  9 01:46:41 2001"
        assert read[1].get_flags() == "OF"


async def test_a_large_mailbox_passes_through(http, system):
    """96 MiB leave as fast as the client takes them, and the pod holds a few MiB."""
    raw = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * (4 * 1024 * 1024 // 18)
    await put(http, raw)
    account = (await system.access.open("alice@example.org", None)).mailboxes
    for _ in range(23):
        await account.copy(1, [1], 1, move=False)
    windows, part = [], system.storage.objects.part

    async def counted(*args):
        windows.append(args)
        return await part(*args)

    system.storage.objects.part = counted
    tracemalloc.start()
    async with http.stream("GET", f"{INBOX}/mbox") as answer:
        pieces = answer.aiter_raw(64 * 1024)
        size = len(await anext(pieces))
        await asyncio.sleep(0.5)
        assert len(windows) < 30, "the pod reads ahead of a client that does not take"
        async for piece in pieces:
            size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 24 * len(raw) * 0.9 < size < 24 * len(raw)
    assert peak < 32 * 1024 * 1024


async def test_an_export_that_fails_is_cut_short(http, system):
    """A client does not take half a mailbox for a whole one."""
    await put(http)
    await put(http, b"x" * 3_000_000 + b"\r\n")
    part = system.storage.objects.part

    async def failing(name, offset, length):
        if len(seen) > 3:
            raise Unavailable("the disk is away")
        seen.append(offset)
        return await part(name, offset, length)

    seen: list[int] = []
    system.storage.objects.part = failing
    with pytest.raises(httpx.RemoteProtocolError):
        await http.get(f"{INBOX}/mbox")
    assert (await http.get(f"{INBOX}/messages/2")).status_code == 503  # before its first octet it can be told


async def test_search(http, system):
    """What the index knows, and what it does not know yet; the last word may go on; INBOX comes first."""
    for text in (
        b"Subject: dinner\r\n\r\nsushi tonight\r\n",
        b"Subject: lunch\r\n\r\nsoup\r\n",
        b"Subject: dinner\r\n\r\nno\r\n",
    ):
        await put(http, text)
    await put(http, b"Subject: dinner\r\n\r\nin the archive\r\n", where=f"{ALICE}/mailboxes/6")

    async def search(words, **more):
        found = (await http.get(f"{ALICE}/search", params={"words": words} | more)).json()
        return [(hit["mailbox"], hit["uid"]) for hit in found["found"]], found["more"], found["unknown"]

    for _ in range(2):  # before it is indexed, and after
        assert await search("dinner") == ([("INBOX", 3), ("INBOX", 1), ("Archive", 1)], False, 0)
        assert await search("dinner sush") == ([("INBOX", 1)], False, 0)
        assert await search("dinner", mailbox=6) == ([("Archive", 1)], False, 0)
        assert await search("dinner", limit=2) == ([("INBOX", 3), ("INBOX", 1)], True, 0)
        assert await search("dinners") == ([], False, 0)
        store = system.storage.mailboxes
        for letter in await store.to_index(100, 60):
            header, body = index_words(letter.body)
            await store.index(
                [Indexed(account=letter.account, letter_id=letter.letter_id, header=header, body=body)]
            )
    assert (await http.get(f"{ALICE}/search", params={"words": "..."})).status_code == 400


async def test_a_search_through_what_is_not_indexed_is_bounded(http, monkeypatch):
    """The newest are looked at, and how many were not is said."""
    monkeypatch.setattr(mailboxes_search, "LOOKED_AT", 3)
    for _ in range(5):
        await put(http, b"Subject: dinner\r\n\r\nx\r\n")
    found = (await http.get(f"{ALICE}/search", params={"words": "dinner"})).json()
    assert ([hit["uid"] for hit in found["found"]], found["more"], found["unknown"]) == ([5, 4, 3], False, 2)


async def test_what_is_wrong_is_said(http):
    """Each with its status; nothing is a 500."""
    cases = [
        (await http.get("/v1/accounts/nobody@example.org/mailboxes"), 404),
        (await http.get(f"{ALICE}/mailboxes/99/messages"), 404),
        (await http.get(f"{ALICE}/mailboxes/99/mbox"), 404),
        (await http.get(f"{ALICE}/mailboxes/99/messages/1"), 404),
        (await http.get(f"{INBOX}/messages/1"), 404),
        (await http.get(f"{ALICE}/mailboxes/INBOX/messages"), 400),
        (await http.get(f"{INBOX}/messages", params={"limit": 0}), 400),
        (await http.get(f"{INBOX}/messages", params={"after": "-1"}), 400),
        (await put(http, where=f"{ALICE}/mailboxes/99"), 404),
        (await put(http, flags="\\Recent"), 400),
        (await put(http, flags="a(b"), 400),
        (await put(http, received="yesterday"), 400),
        (await http.post(f"{INBOX}/messages", json={}), 400),
        (await http.post(f"{INBOX}/messages", content=chunks(LETTER), headers=TYPE), 400),
        (await put(http, account="somebody else's"), 404),
    ]
    assert [answer.status_code for answer, _ in cases] == [wanted for _, wanted in cases]
    assert all(answer.json()["detail"] for answer, _ in cases)
    assert (await http.get(f"{INBOX}/messages")).json()["messages"] == []


async def chunks(raw):
    yield raw


async def test_a_client_that_leaves(system, http):
    """Half a letter is no letter."""
    own, slow = system.client(), asyncio.Event()

    async def half():
        yield LETTER[:50]
        await slow.wait()

    headers = TYPE | {"content-length": str(len(LETTER))}
    posting = asyncio.create_task(own.post(f"{INBOX}/messages", content=half(), headers=headers))
    await asyncio.sleep(0.3)
    posting.cancel()
    await asyncio.gather(posting, return_exceptions=True)
    await own.aclose()
    await put(http)
    assert [m["uid"] for m in (await http.get(f"{INBOX}/messages")).json()["messages"]] == [1]


async def test_a_letter_that_does_not_come_in_time(tmp_path):
    """A client that stops is told so."""
    async with System(tmp_path, timeout=0.3).running() as running:
        await running.populate()
        trust = ssl.create_default_context(cafile=str(running.own.ca))
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port, ssl=trust)
        head = f"POST {INBOX}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nExpect: 100-continue\r\n"
        writer.write(f"{head}Content-Type: message/rfc822\r\nContent-Length: 100\r\n\r\n".encode())
        assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
        assert b" 400 " in await reader.readuntil(b"\r\n\r\n")
        writer.close()


async def test_a_giant_is_refused_before_it_is_sent(http, system):
    """A client that asks first (RFC 9110 10.1.1) is refused without sending a letter that cannot fit."""
    await system.directory.update_account("alice@example.org", limits=Limits(quota=10))
    trust = ssl.create_default_context(cafile=str(system.own.ca))
    reader, writer = await asyncio.open_connection("127.0.0.1", system.port, ssl=trust)
    head = f"POST {INBOX}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nExpect: 100-continue\r\n"
    writer.write(f"{head}Content-Type: message/rfc822\r\nContent-Length: 100\r\n\r\n".encode())
    assert b" 429 " in await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def test_the_document_tells_what_is_octets(http):
    """OpenAPI: media types of letters and of a mailbox, and the key that makes a repetition harmless."""
    paths = (await http.get("/v1/openapi.json")).json()["paths"]
    one = "/v1/accounts/{address}/mailboxes/{mailbox}"
    assert list(paths[f"{one}/mbox"]["get"]["responses"]["200"]["content"]) == ["application/mbox"]
    assert list(paths[f"{one}/messages/{{uid}}"]["get"]["responses"]["200"]["content"]) == ["message/rfc822"]
    post = paths[f"{one}/messages"]["post"]
    assert list(post["requestBody"]["content"]) == ["message/rfc822"]
    assert ("Idempotency-Key", "header") in {(p["name"], p["in"]) for p in post["parameters"]}
    assert post["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("/Appended")


@pytest.mark.parametrize("token", [b"", b"Bearer wrong-token-of-somebody-else"])
async def test_without_the_token_nothing(system, http, token):
    """401 for every route, and nothing was put or read."""
    await put(http)
    async with system.client(token) as stranger:
        answers = [
            await stranger.get(f"{ALICE}/mailboxes"),
            await stranger.post(f"{ALICE}/mailboxes", json={"name": "x"}),
            await stranger.get(f"{INBOX}/messages"),
            await put(stranger),
            await stranger.get(f"{INBOX}/messages/1"),
            await stranger.get(f"{INBOX}/mbox"),
            await stranger.get(f"{ALICE}/search", params={"words": "hello"}),
        ]
    assert [answer.status_code for answer in answers] == [401] * 7
    assert (await http.get(f"{ALICE}/mailboxes")).json()["messages"] == 1


async def test_another_tenants_account_is_not_there(system):
    """Who is of one tenant does not learn that another one has the address."""
    access = system.access
    mine = await access.open("alice@example.org", "default")
    assert (await access.same("alice@example.org", "default", mine.owner.id)).owner == mine.owner
    for opening in (
        access.open("alice@example.org", "other"),
        access.open("nobody@example.org", "other"),
        access.same("alice@example.org", "other", mine.owner.id),
        Removal(access, system.directory).remove("alice@example.org", "other"),
    ):
        with pytest.raises(NotFound):
            await opening
    assert (await system.directory.get_account("alice@example.org")).enabled


async def test_a_session_is_opened_again_in_time(system):
    """A long work opens another one after half a minute; who brings many letters shares one until then."""
    now, asked = [0.0], []

    class Sessions:
        async def open(self, address):
            asked.append(now[0])
            return await system.sessions.open(address)

    access = Access(Sessions(), system.mailboxes, clock=lambda: now[0])
    opened = await access.open("alice@example.org", None)
    first, id_ = opened.token, opened.owner.id
    now[0] = HOLDS - 1
    await access.renew(opened)
    assert (asked, opened.token) == ([0.0], first)
    now[0] = HOLDS
    await access.renew(opened)
    assert asked == [0.0, HOLDS]
    shared = await access.same("alice@example.org", None, id_)
    assert await access.same("alice@example.org", None, id_) is shared
    access.drop(shared)
    assert await access.same("alice@example.org", None, id_) is not shared
    await system.directory.delete_account("alice@example.org")
    await system.directory.create_account("alice@example.org", "correct horse")
    now[0] = 3 * HOLDS
    for work in (access.renew(opened), access.same("alice@example.org", None, id_)):
        with pytest.raises(NotFound):
            await work


async def test_a_session_that_ended_is_not_the_operators_fault(system, http):
    """503, and not the 401 that would send him to look at his token."""

    async def ended(*_):
        raise Unauthenticated("the session has ended")

    system.storage.mailboxes.mailboxes = ended
    assert (await http.get(f"{ALICE}/mailboxes")).status_code == 503


async def test_an_account_goes_with_its_letters(system, http):
    """A later account of the same address finds nothing of the first one."""
    await put(http)
    before = (await http.get(f"{ALICE}/mailboxes")).json()["account"]
    assert (await http.delete(ALICE)).status_code == 204
    assert (await system.storage.mailboxes.usage([before])) in ({}, {before: Usage()})
    assert (await http.get(f"{ALICE}/mailboxes")).status_code == 404
    await system.directory.create_account("alice@example.org", "correct horse")
    after = (await http.get(f"{ALICE}/mailboxes")).json()
    assert (after["messages"], after["account"] != before) == (0, True)
    assert (await put(http, account=before)).status_code == 404


async def test_what_comes_for_an_account_that_was_deleted_is_swept(system, http, monkeypatch):
    """A letter that was under way lies there for a week, and is gone then, with all that was made for it."""
    store = system.storage.mailboxes
    before = (await http.get(f"{ALICE}/mailboxes")).json()["account"]
    assert (await http.delete(ALICE)).status_code == 204
    await store.deliver([arrival(account=before)])
    await store.sweep(100)
    assert (await store.usage([before]))[before].messages == 1
    monkeypatch.setattr(store, "_clock", lambda: time.time() + GONE_FOR + 1)
    await store.sweep(100)
    assert await store.usage([before]) == {before: Usage()}


async def test_an_account_is_deleted_though_what_comes_later_cannot_be_swept(system, http, monkeypatch):
    """The directory has deleted it by then: the answer is that it is gone."""

    async def away(*_, **__):
        raise Unavailable("the mailboxes are away")

    monkeypatch.setattr(system.storage.mailboxes, "lease", away)
    assert (await http.delete(ALICE)).status_code == 204
    assert (await http.get(ALICE)).status_code == 404


@pytest.mark.parametrize(("away", "enabled"), [("usage", True), ("forget", False)])
async def test_an_account_whose_letters_cannot_go(system, http, monkeypatch, away, enabled):
    """Nothing is changed, or it is disabled; said again, all of it goes."""
    await put(http)

    async def gone(*_):
        raise Unavailable("the mailboxes are away")

    with monkeypatch.context() as patched:
        patched.setattr(system.storage.mailboxes, away, gone)
        refused = await http.delete(ALICE)
        assert (refused.status_code, "try again" in refused.json()["detail"]) == (503, True)
    assert (await system.directory.get_account("alice@example.org")).enabled is enabled
    assert (await http.get(f"{ALICE}/mailboxes")).json()["messages"] == 1
    assert (await http.delete(ALICE)).status_code == 204
    assert (await http.delete(ALICE)).status_code == 404
