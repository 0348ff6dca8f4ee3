"""SEARCH (RFC 9051 6.4.4, RFC 4731, RFC 5182, RFC 9394): what it finds, what it reads for that, and what it may cost."""

import asyncio
import time

import pytest

from tests.integration.imap import ALICE
from tests.integration.imap_letters import index, keep, mail
from yubin.errors import Unavailable
from yubin.mailboxes.port import How


async def set_flags(house, uids, *flags):
    await house.mailboxes.store(ALICE, 1, uids, How.ADD, frozenset(flags))


def read(house):
    """Which calls read something of letters."""
    return [name for name, _ in house.calls if name in {"columns", "letters", "body", "match"}]


async def search(talk, keys):
    (line,) = [line for line in await talk.ok(f"SEARCH {keys}") if line.startswith("* SEARCH")]
    return [int(number) for number in line.split()[2:]]


async def literal(talk, command, text):
    """A command that ends with a literal; its response."""
    talk.send(f"x {command} {{{len(text)}+}}\r\n".encode() + text + b"\r\n")
    return await talk.until("x ")


async def test_flags_and_numbers_need_no_call(house):
    """Flags, keywords, sets, sizes: from the columns alone; UID SEARCH names UIDs."""
    await keep(house, *[mail(f"number {n}", "x" * 100 * n) for n in range(1, 6)])
    await house.mailboxes.expunge(ALICE, 1, [1], only_deleted=False)
    await set_flags(house, [2, 4], "\\Seen", "$Work")
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        house.calls.clear()
        assert await search(talk, "ALL") == [1, 2, 3, 4]
        assert await search(talk, "UNSEEN") == [2, 4]
        assert await search(talk, "OR KEYWORD $WORK 4") == [1, 3, 4]
        assert await search(talk, "NOT UID 2:3") == [3, 4]
        assert await search(talk, f"LARGER {len(mail('number 4', 'x' * 400)) - 1}") == [3, 4]
        assert await search(talk, "9:12 UID 77") == []
        assert await talk.ok("UID SEARCH SEEN 1:*") == ["* SEARCH 2 4"]
        assert await search(talk, "KEYWORD nobody-knows") == []
        assert not read(house)


async def test_dates_and_correspondents_come_from_rows(house):
    """SUBJECT, FROM, SENTON, BEFORE, WITHIN (RFC 5032): what is kept beside letters answers, and no letter is read."""
    await keep(house, mail("Quarterly report", date="Mon, 7 Feb 1994 23:52:25 -0800"), received=760_000_000.0)
    await keep(house, mail("lunch", from_="Bob <bob@c.example>"))
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        assert await search(talk, 'SUBJECT "LY REP"') == [1]
        assert await search(talk, "FROM bob@c") == [2]
        assert await search(talk, "SENTON 7-Feb-1994") == [1]
        assert await search(talk, "BEFORE 1-Jan-2000") == [1]
        assert await search(talk, "YOUNGER 3600") == [2]
        assert await search(talk, "OLDER 3600 NOT FROM bob") == [1]
        assert not {"letters", "body"} & set(read(house))


async def test_texts_are_found_whether_indexed_or_not(house):
    """BODY and TEXT give the same before and behind the index, for small and large letters, also in Japanese."""
    large = mail("large", ("z" * 70 + "\r\n") * 5000 + "the needle 会議")
    await keep(
        house, mail("one", "Die Tagung beginnt morgen."), mail("会議の件", "明日の会議は中止です"), large
    )
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        for _ in range(2):
            assert await search(talk, "BODY tagung") == [1]
            assert await search(talk, "TEXT needle") == [3]
            assert await literal(talk, "SEARCH CHARSET UTF-8 BODY", "会議".encode()) == [
                "* SEARCH 2 3",
                "x OK SEARCH completed",
            ]
            shifted = await literal(talk, "SEARCH CHARSET Shift_JIS SUBJECT", "会議の".encode("cp932"))
            assert shifted[0] == "* SEARCH 2"
            assert await search(talk, "NOT BODY tagung HEADER From a@b") == [2, 3]
            await index(house)


async def test_an_exact_word_reads_no_letter(house):
    """A pair of Japanese characters in TEXT is exact: the index alone answers; two words are looked at."""
    await keep(house, *[mail(f"number {n}", f"本文 {n} " + "会議 " * (n % 2)) for n in range(10)])
    await index(house)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        found = await literal(talk, "SEARCH CHARSET UTF-8 TEXT", "会議".encode())
        assert found[0] == "* SEARCH 2 4 6 8 10"
        assert set(read(house)) == {"match"}
        assert await search(talk, 'BODY "absent words"') == []
        assert "letters" not in read(house)


async def test_five_thousand_letters_and_two_characters(house):
    """A Japanese word of two characters among 5,000 indexed letters: its CPU time here, with all that is around it."""
    await keep(house, mail("会議", "会議"), mail("other"))
    await index(house)
    for _ in range(12):
        uids = [uid for uid, _ in await house.inbox()]
        await house.mailboxes.copy(ALICE, 1, uids[: 5000 - len(uids)], 1, move=False)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        command = "SEARCH RETURN (COUNT) CHARSET UTF-8 TEXT"
        spent = []
        for _ in range(5):
            began = time.process_time()
            found = await literal(talk, command, "会議".encode())
            spent.append(time.process_time() - began)
        assert found[0] == '* ESEARCH (TAG "x") COUNT 2500'
        assert min(spent) < 0.1


async def test_return_options(house):
    """RFC 4731 3.1, RFC 9394 3.1: MIN, MAX, COUNT, ALL, PARTIAL; nothing found leaves MIN, MAX and ALL out."""
    await keep(house, *[mail(f"number {n}") for n in range(6)])
    await house.mailboxes.expunge(ALICE, 1, [1], only_deleted=False)
    await set_flags(house, [2, 4, 5], "\\Seen")
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        talk._tags = 0
        assert await talk.ok("SEARCH RETURN (MIN MAX COUNT ALL) SEEN") == [
            '* ESEARCH (TAG "a1") MIN 1 MAX 4 COUNT 3 ALL 1,3:4'
        ]
        assert await talk.ok("UID SEARCH RETURN () SEEN") == ['* ESEARCH (TAG "a2") UID ALL 2,4:5']
        assert await talk.ok("SEARCH RETURN (MIN MAX COUNT) DRAFT") == ['* ESEARCH (TAG "a3") COUNT 0']
        assert await talk.ok("UID SEARCH RETURN (PARTIAL -1:-2 COUNT) ALL") == [
            '* ESEARCH (TAG "a4") UID COUNT 5 PARTIAL (-1:-2 5:6)'
        ]
        assert await talk.ok("SEARCH RETURN (PARTIAL 9:10) ALL") == [
            '* ESEARCH (TAG "a5") PARTIAL (9:10 NIL)'
        ]
        await talk.ok("ENABLE IMAP4rev2")
        assert await talk.ok("SEARCH SEEN") == ['* ESEARCH (TAG "a7") ALL 1,3:4']


async def test_modseq(house):
    """RFC 7162 3.1.5, RFC 4731 3.2: the highest MODSEQ of what was found, or of what the answer names."""
    await keep(house, mail(), mail(), mail())
    await set_flags(house, [1], "\\Seen")
    modseqs = (await house.mailboxes.view(ALICE, 1)).modseqs
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        lines = await talk.ok(f"SEARCH MODSEQ {modseqs[1]}")
        assert lines[0].startswith("* OK [HIGHESTMODSEQ")
        assert lines[1] == f"* SEARCH 1 2 3 (MODSEQ {modseqs[0]})"
        assert (await talk.ok(f"SEARCH RETURN (MAX) MODSEQ {modseqs[1]}"))[0].endswith(
            f"MAX 3 MODSEQ {modseqs[2]}"
        )
        assert await talk.ok("SEARCH MODSEQ 99999") == ["* SEARCH"]


async def test_what_was_found_is_kept(house):
    """RFC 5182: "$" in SEARCH, FETCH, STORE, COPY; MIN keeps one; a search that fails leaves nothing; EXPUNGE takes away."""
    await keep(house, *[mail(f"number {n}") for n in range(5)])
    await set_flags(house, [2, 3, 5], "\\Flagged")
    async with house.imap(patience=0.0) as imap, imap.session() as talk:
        await talk.ok("SELECT INBOX")
        assert await talk.ok("FETCH $ UID") == []
        assert await talk.ok("SEARCH RETURN (SAVE) FLAGGED") == []
        assert await search(talk, "NOT $") == [1, 4]
        assert await talk.ok("UID FETCH $ (UID)") == [
            "* 2 FETCH (UID 2)",
            "* 3 FETCH (UID 3)",
            "* 5 FETCH (UID 5)",
        ]
        await talk.ok("STORE 3 +FLAGS.SILENT (\\Deleted)")
        await talk.ok("EXPUNGE")
        assert await talk.ok("FETCH $ UID") == ["* 2 FETCH (UID 2)", "* 4 FETCH (UID 5)"]
        await talk.ok("SEARCH RETURN (SAVE MIN) $")
        assert await talk.ok("FETCH $ UID") == ["* 2 FETCH (UID 2)"]
        house.trouble["columns"] = [Unavailable("Away")]
        assert (await talk.no("SEARCH RETURN (SAVE) SUBJECT number")).startswith("NO [UNAVAILABLE]")
        assert await talk.ok("FETCH $ UID") == []


async def test_charsets(house):
    """RFC 9051 6.4.4: one that nobody knows is NO [BADCHARSET]; RFC 6855 3: with UTF8=ACCEPT none may be named."""
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        assert (await talk.no("SEARCH CHARSET X-KLINGON ALL")).startswith("NO [BADCHARSET (US-ASCII UTF-8")
        assert await talk.ok("SEARCH CHARSET US-ASCII ALL") == ["* SEARCH"]
        await talk.ok("ENABLE UTF8=ACCEPT")
        assert (await talk.no("SEARCH CHARSET UTF-8 ALL")).startswith("BAD")


async def test_expunge_is_not_told_behind_search(house):
    """RFC 9051 7.5.1: not behind SEARCH, but behind UID SEARCH."""
    await keep(house, mail(), mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        await house.mailboxes.expunge(ALICE, 1, [1], only_deleted=False)
        house.hints.publish(ALICE, 1, 0, 0)
        assert await talk.ok("SEARCH SUBJECT hello") == ["* SEARCH 2"]
        house.hints.publish(ALICE, 1, 0, 0)
        assert "* 1 EXPUNGE" in await talk.ok("UID SEARCH SUBJECT hello")


async def test_searches_that_ask_for_too_much(house):
    """CASES H6: an OR of 10,000, a set of 100,000 and too many texts are refused; the connection goes on."""
    await keep(house, mail())
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        last = (await talk.say(f"SEARCH {'OR SEEN ' * 7000}SEEN"))[-1]
        assert last.startswith("BAD [LIMIT]")
        last = (await talk.say("UID SEARCH UID " + ",".join(["7"] * 100_000)))[-1]
        assert last.startswith("BAD [LIMIT]")
        assert (await talk.no("SEARCH " + " ".join(f"BODY w{n}" for n in range(200)))).startswith(
            "NO [LIMIT]"
        )
        assert await search(talk, "OR " * 40 + "SEEN " * 41) == []
        assert await search(talk, "ALL") == [1]


async def test_one_user_cannot_search_too_much_at_once(house):
    """CASES H6: a search that reads letters takes a place; with all taken it is NO [LIMIT], and flags are still searched."""
    await keep(house, mail("one", "needle"))
    gate = asyncio.Event()
    match = house.mailboxes.match

    async def slow(*arguments):
        await gate.wait()
        return await match(*arguments)

    house.mailboxes.match = slow
    async with (
        house.imap() as imap,
        imap.session(mailbox="INBOX") as a,
        imap.session(mailbox="INBOX") as b,
        imap.session(mailbox="INBOX") as c,
        imap.session(mailbox="INBOX") as d,
        imap.session(mailbox="INBOX") as e,
    ):
        for talk in (a, b, c, d):
            talk.send("x SEARCH BODY needle")
        while len(house.made("match")) < 4:
            await asyncio.sleep(0.01)
        assert (await e.no("SEARCH BODY needle")).startswith("NO [LIMIT]")
        assert await search(e, "UNSEEN") == [1]
        gate.set()
        for talk in (a, b, c, d):
            assert (await talk.until("x "))[-1] == "x OK SEARCH completed"
        assert await search(e, "BODY needle") == [1]


@pytest.mark.alone
async def test_others_have_their_turn_while_somebody_searches(house):
    """CASES H6: while a search reads 40 large letters, another client's NOOP is answered quickly."""
    large = mail("large", ("some words to look at 会議 " * 4 + "\r\n") * 2500)
    await keep(house, *[large] * 40)
    async with house.imap() as imap, imap.session(mailbox="INBOX") as a, imap.session() as b:
        a.send("x SEARCH BODY absent")
        waits = []
        searching = asyncio.ensure_future(a.until("x "))
        while not searching.done():
            began = time.monotonic()
            await b.ok("NOOP")
            waits.append(time.monotonic() - began)
        assert (await searching)[0] == "* SEARCH"
        assert len(waits) > 5
        assert sorted(waits)[len(waits) * 19 // 20] < 0.3
