"""FETCH (RFC 9051 6.4.5): where its answers come from, how much is held, and what it does to flags."""

import asyncio
import time
import tracemalloc

from tests.integration.imap import ALICE
from tests.integration.imap_letters import fetch, keep, mail
from yubin.errors import Unavailable
from yubin.mailboxes.port import How

LARGE = mail("large", "x" * 70 + "\r\n" + "y" * 300_000)


async def remove(house, *uids):
    await house.mailboxes.expunge(ALICE, 1, list(uids), only_deleted=False)


def names(house):
    return [name for name, _ in house.calls]


async def test_flags_of_many_come_from_the_columns(house):
    """5,000 messages' FLAGS, UID and size: no call at all, and little time."""
    await keep(house, mail())
    for _ in range(13):
        uids = [uid for uid, _ in await house.inbox()]
        await house.mailboxes.copy(ALICE, 1, uids[: 5000 - len(uids)], 1, move=False)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        house.calls.clear()
        began = time.process_time()
        lines = await talk.ok("FETCH 1:* (UID FLAGS)")
        assert time.process_time() - began < 1.0
        sized = await talk.ok("UID FETCH 4000:* (RFC822.SIZE)")
    assert len(lines) == 5000
    assert lines[4999] == "* 5000 FETCH (UID 5000 FLAGS (\\Recent))"
    assert sized[0] == f"* 4000 FETCH (UID 4000 RFC822.SIZE {len(mail())})"
    assert not {"columns", "rows", "letters", "body"} & set(names(house))


async def test_fetch_as_rfc_9051_has_it(house):
    """RFC 9051 6.4.5: FLAGS and BODY[HEADER.FIELDS (DATE FROM)] of 2:4; UID FETCH names the UID unasked."""
    await keep(house, *[mail(f"number {n}", date=f"Mon, {n} Feb 1994 21:52:25 -0800") for n in range(1, 5)])
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        found, last = await fetch(talk, "FETCH 2:4 (FLAGS BODY.PEEK[HEADER.FIELDS (DATE FROM)])")
        assert last == "OK FETCH completed"
        assert [number for number, _ in found] == [2, 3, 4]
        assert found[0][1]["BODY[HEADER.FIELDS (DATE FROM)]"] == (
            b"From: a@b.example\r\nDate: Mon, 2 Feb 1994 21:52:25 -0800\r\n\r\n"
        )
        found, _ = await fetch(talk, "UID FETCH 3 ENVELOPE")
        assert found[0][1]["UID"] == 3
        assert found[0][1]["ENVELOPE"][1] == b"number 3"


async def test_reading_sets_seen_and_tells_it_once(house):
    r"""RFC 9051 6.4.5: BODY[] sets \Seen with one STORE for all, in the same response; PEEK, EXAMINE and a second time do not."""
    await keep(house, mail("one"), mail("two"), LARGE)
    async with house.session() as talk:
        await talk.ok("EXAMINE INBOX")
        await fetch(talk, "FETCH 1:3 BODY[]")
        await talk.ok("SELECT INBOX")
        await fetch(talk, "FETCH 1:3 BODY.PEEK[]")
        assert not house.made("store")
        found, _ = await fetch(talk, "FETCH 1:3 BODY[]")
        assert [items["FLAGS"] for _, items in found] == [{"\\Seen", "\\Recent"}] * 3
        assert [items["BODY[]"] for _, items in found] == [mail("one"), mail("two"), LARGE]
        again, _ = await fetch(talk, "FETCH 1:3 BODY[]")
        assert all("FLAGS" not in items for _, items in again)
    assert len(house.made("store")) == 1
    assert [flags for _, flags in await house.inbox()] == [1, 1, 1]


async def test_a_large_letter_is_streamed_and_a_part_of_it_is_all_that_is_read(house):
    """BODY[]<offset.length> of a letter above the window reads that range; the whole one comes in pieces; both are exact."""
    await keep(house, LARGE)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        house.calls.clear()
        found, _ = await fetch(talk, "FETCH 1 BODY.PEEK[]<100.50>")
        assert found[0][1]["BODY[]<100>"] == LARGE[100:150]
        found, _ = await fetch(talk, "FETCH 1 (BODY.PEEK[] BODY.PEEK[HEADER] BINARY.PEEK[1])")
        assert found[0][1]["BODY[]"] == LARGE
        assert found[0][1]["BODY[HEADER]"] == LARGE[: LARGE.index(b"\r\n\r\n") + 4]
        assert found[0][1]["BINARY[1]"] == LARGE[LARGE.index(b"\r\n\r\n") + 4 :]
    assert "letters" not in names(house)


async def test_fifty_mebibytes_never_lie_in_memory(house):
    """A letter of 50 MB that a slow client reads: the gateway holds a few pieces of it."""
    letter = mail("huge", ("x" * 998 + "\r\n") * 50_000)
    await keep(house, letter)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        tracemalloc.start()
        try:
            talk.send("f FETCH 1 BODY.PEEK[]")
            left = int((await talk.reader.readline()).split(b"{")[1].split(b"}")[0])
            assert left == len(letter)
            while left:
                left -= len(await talk.reader.read(min(left, 65536)))
            assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
        finally:
            tracemalloc.stop()
        assert (await talk.until("f "))[-1] == "f OK FETCH completed"


async def test_envelopes_of_megabytes_wait_in_the_pod_for_a_slow_client(house):
    """CASES H6: rows come in pieces that are bounded; while the client reads nothing, the gateway holds two of them."""
    wide = ", ".join(f"{'x' * 40}{n}@{'y' * 20}.example" for n in range(600))
    uids = await keep(house, mail("wide", to=wide))
    while len(uids) < 256:
        uids += (await house.mailboxes.copy(ALICE, 1, uids, 1, move=False)).targets
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        tracemalloc.start()
        try:
            talk.send("f FETCH 1:* ENVELOPE")
            first = await talk.octets()
            await asyncio.sleep(0.3)
            assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
        finally:
            tracemalloc.stop()
        rest = [await talk.octets() for _ in range(255)]
        assert len(first) > 45_000
        assert [line.replace(b" %d " % n, b" 1 ", 1) for n, line in enumerate(rest, 2)] == [first] * 255
        assert await talk.line() == "f OK FETCH completed"


async def test_messages_that_are_gone_are_left_out(house):
    """RFC 2180 4.1, RFC 5530 3: OK [EXPUNGEISSUED], EXPUNGE only when it may be told; flags of them are still known."""
    await keep(house, mail("one"), mail("two"), LARGE)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        await remove(house, 2, 3)
        found, last = await fetch(talk, "FETCH 1:3 (ENVELOPE)")
        assert last.startswith("OK [EXPUNGEISSUED]")
        assert [number for number, _ in found] == [1]
        found, last = await fetch(talk, "FETCH 1:3 BODY.PEEK[]")
        assert last.startswith("OK [EXPUNGEISSUED]")
        assert [number for number, _ in found] == [1]
        assert len(await talk.ok("FETCH 1:3 FLAGS")) == 3
        assert "* 3 EXPUNGE" in await talk.ok("NOOP")


async def test_a_letter_that_storage_loses_in_its_middle_ends_the_connection(house):
    """A literal that was announced is never filled with something else; another connection gets all of it."""
    await keep(house, LARGE)
    async with house.imap(patience=0.0) as imap:
        async with imap.session(mailbox="INBOX") as talk:
            house.trouble["body"] = [Unavailable("Away")]
            talk.send("f FETCH 1 BODY.PEEK[]")
            rest = await talk.ended()
            assert b"f OK" not in rest
            assert len(rest) < len(LARGE)
        async with imap.session(mailbox="INBOX") as talk:
            found, _ = await fetch(talk, "FETCH 1 BODY.PEEK[]")
            assert found[0][1]["BODY[]"] == LARGE


async def test_changed_since(house):
    """RFC 7162 3.1.4.1: only what changed, MODSEQ unasked, and HIGHESTMODSEQ when that switches CONDSTORE on."""
    await keep(house, mail("one"), mail("two"), mail("three"))
    modseq = (await house.mailboxes.mailbox(ALICE, 1)).modseq
    await house.mailboxes.store(ALICE, 1, [2], How.ADD, frozenset({"\\Flagged"}))
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        lines = await talk.ok(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})")
    assert lines == [
        f"* OK [HIGHESTMODSEQ {modseq + 1}] Highest mod-sequence",
        f"* 2 FETCH (FLAGS (\\Recent \\Flagged) MODSEQ ({modseq + 1}))",
    ]


async def test_vanished(house):
    """RFC 7162 3.2.6: UID FETCH tells what of the set is gone since; without QRESYNC it is BAD."""
    await keep(house, *[mail(f"number {n}") for n in range(5)])
    modseq = (await house.mailboxes.mailbox(ALICE, 1)).modseq
    await remove(house, 2, 3, 5)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        command = f"UID FETCH 1:4 (FLAGS) (CHANGEDSINCE {modseq} VANISHED)"
        assert (await talk.no(command)).startswith("BAD")
        await talk.ok("ENABLE QRESYNC")
        assert await talk.ok(command) == ["* VANISHED (EARLIER) 2:3"]


async def test_partial(house):
    """RFC 9394 3.3: a page of the set from its beginning or its end."""
    await keep(house, *[mail(f"number {n}") for n in range(6)])
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        first = await talk.ok("UID FETCH 2:* (UID) (PARTIAL 1:2)")
        last = await talk.ok("UID FETCH 1:* (UID) (PARTIAL -1:-2)")
        beyond = await talk.ok("UID FETCH 1:* (UID) (PARTIAL 7:9)")
    assert first == ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)"]
    assert last == ["* 5 FETCH (UID 5)", "* 6 FETCH (UID 6)"]
    assert beyond == []


async def test_sets_that_mean_more_than_there_is(house):
    """CASES H6: UID FETCH 1:4294967295 costs what is there; a message number that is not there is BAD."""
    await keep(house, mail("one"))
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        assert await talk.ok("UID FETCH 1:4294967295 (UID)") == ["* 1 FETCH (UID 1)"]
        assert await talk.ok("UID FETCH 4294967295 (UID)") == []
        assert (await talk.no("FETCH 1:4294967295 (UID)")).startswith("BAD")
        path = ".".join(["1"] * 100)
        assert await talk.ok(f"FETCH 1 BODY.PEEK[{path}]") == [f"* 1 FETCH (BODY[{path}] NIL)"]
        assert (await talk.no(f"FETCH 1 BODY[{path}.1]")).startswith("BAD")
        assert await talk.ok("FETCH 1 BODY.PEEK[]<4294967295.4294967295>") == [
            '* 1 FETCH (BODY[]<4294967295> "")'
        ]


async def test_an_unknown_encoding(house):
    """RFC 3516 4.3: BINARY of what cannot be decoded is NO [UNKNOWN-CTE]."""
    await keep(house, mail("odd", content_transfer_encoding="x-own"))
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        assert (await talk.no("FETCH 1 BINARY.PEEK[1]")).startswith("NO [UNKNOWN-CTE]")


async def test_identities_and_dates(house):
    """RFC 8474, RFC 8514, RFC 8970: EMAILID, THREADID, SAVEDATE, PREVIEW, and INTERNALDATE as it was given."""
    await keep(house, mail("one", "It was a dark night."), received=1_000_000_000.0)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        found, _ = await fetch(talk, "FETCH 1 (EMAILID THREADID SAVEDATE PREVIEW INTERNALDATE)")
    items = found[0][1]
    assert items["PREVIEW"] == b"It was a dark night."
    assert items["INTERNALDATE"] == b" 9-Sep-2001 01:46:40 +0000"
    assert set(items) == {"EMAILID", "THREADID", "SAVEDATE", "PREVIEW", "INTERNALDATE"}
