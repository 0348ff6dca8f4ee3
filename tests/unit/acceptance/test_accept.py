"""The gate: what is written when, and what a failure leaves behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from hashlib import sha256

import pytest

from yubin.acceptance import accept as gate
from yubin.acceptance.accept import Acceptance, Draft
from yubin.acceptance.head_start import BUCKETS, HeadStart
from yubin.errors import NotFound, Unavailable
from yubin.ids import number, uuid7
from yubin.mail.message import complete
from yubin.objects.memory import MemoryObjects
from yubin.queue.group import Grouped
from yubin.queue.memory import MemoryLedger
from yubin.queue.port import NewRecipient, Origin, body_name


class Diary:
    """Ledger, objects and dispatch that write down in which order they were asked."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.ledger, self.objects = MemoryLedger(), MemoryObjects()
        self.jobs = []
        self.failing: dict[str, Exception] = {}

    def _note(self, page: str) -> None:
        self.pages.append(page)
        if page in self.failing:
            raise self.failing[page]

    async def put(self, name, data):
        self._note("put")
        await self.objects.put(name, data)

    async def accept(self, letter):
        self._note("commit")
        await Grouped(self.ledger).accept(letter)

    def publish(self, jobs):
        self._note("publish")
        self.jobs += jobs

    async def signing_keys(self, domain):
        self._note("keys")
        return ()


@pytest.fixture
def diary():
    return Diary()


def _acceptance(diary, burst=1000.0, recipients=None):
    start = HeadStart(rate=0, burst=burst)
    return Acceptance(
        ledger=diary,
        objects=diary,
        dispatch=diary,
        keys=diary,
        head_start=start,
        recipients=recipients,
    )


def _draft(*addresses, body=b"body\r\n"):
    raw = b"From: a@example.org\r\n\r\n" + body
    message_id = uuid7()
    return Draft(
        id=message_id,
        tenant="t",
        account=None,
        origin=Origin.API,
        sender="a@example.org",
        recipients=tuple(NewRecipient(address=a) for a in addresses or ("b@dest.test",)),
        letter=complete(raw, now=0.0, number=number(message_id), domain="example.org"),
        trace=b"Received: x\r\n",
        signed_for="example.org",
    )


async def test_a_small_letter_is_one_commit_then_a_hint(diary):
    """CASES A2: signing keys, commit, publish, in this order; the body lies in the row."""
    draft = _draft()
    assert await _acceptance(diary).accept(draft) == draft.id
    assert diary.pages == ["keys", "commit", "publish"]
    body = await diary.ledger.body(draft.id)
    assert body == draft.letter.join(b"Received: x\r\n")
    message = await diary.ledger.message(draft.id)
    assert (message.size, message.sha256) == (len(body), sha256(body).digest())


async def test_a_large_letter_is_stored_before_it_is_named(diary):
    """CASES A2: above 64 KiB the object is durable before the row that names it is committed."""
    draft = _draft(body=b"x" * 70_000)
    await _acceptance(diary).accept(draft)
    assert diary.pages == ["keys", "put", "commit", "publish"]
    assert await diary.ledger.body(draft.id) is None
    assert (await diary.objects.get(body_name(draft.id))).endswith(b"x" * 70_000)


@pytest.mark.parametrize("size", [65_536, 65_537])
async def test_the_row_limit_counts_the_finished_letter(diary, size):
    """64 KiB with trace and header lies in the row, one byte more does not."""
    bare = len(_draft(body=b"").letter.join(b"Received: x\r\n"))
    draft = _draft(body=b"x" * (size - bare))
    await _acceptance(diary).accept(draft)
    assert ((await diary.ledger.body(draft.id)) is not None) == (size == 65_536)


@pytest.mark.parametrize(
    ("place", "size"), [("keys", 10), ("commit", 10), ("keys", 70_000), ("put", 70_000), ("commit", 70_000)]
)
async def test_what_fails_before_the_commit_leaves_no_row(diary, place, size):
    """CASES A5, A6: whatever fails, the failure comes out, no row is there, nobody is told to send."""
    diary.failing[place] = Unavailable("away")
    draft = _draft(body=b"x" * size)
    with pytest.raises(Unavailable):
        await _acceptance(diary).accept(draft)
    assert await diary.ledger.message(draft.id) is None
    assert diary.jobs == []


async def test_a_store_that_hangs_is_given_up(diary, monkeypatch):
    """CASES A5: 451 4.3.0 within the time limit, no row; the letter may be sent again."""
    monkeypatch.setattr(gate, "BLOB_TIMEOUT", 0.01)

    async def hang(name, data):
        await asyncio.Event().wait()

    diary.put = hang
    draft = _draft(body=b"x" * 70_000)
    with pytest.raises(Unavailable) as refused:
        await _acceptance(diary).accept(draft)
    assert (refused.value.code, refused.value.enhanced) == (451, "4.3.0")
    assert await diary.ledger.message(draft.id) is None
    with pytest.raises(NotFound):
        await diary.objects.get(body_name(draft.id))


async def test_a_commit_that_hangs_is_given_up(diary, monkeypatch):
    """CASES A12: 451 4.4.5."""
    monkeypatch.setattr(gate, "DEADLINE", 0.01)

    async def hang(letter):
        await asyncio.Event().wait()

    diary.accept = hang
    with pytest.raises(Unavailable) as refused:
        await _acceptance(diary).accept(_draft())
    assert (refused.value.code, refused.value.enhanced) == (451, "4.4.5")


async def test_recipients_are_split_by_domain_and_by_fifty(diary):
    """CASES B19: 10,000 recipients make rows and jobs of at most 50 each; every recipient is in exactly one."""
    addresses = [f"u{i}@d{i % 3}.test" for i in range(10_000)]
    draft = _draft(*addresses)
    await _acceptance(diary).accept(draft)
    tracking = await diary.ledger.track(draft.id)
    rows = [[r.address for r in d.recipients] for d in tracking.deliveries]
    assert max(map(len, rows)) == 50
    assert sorted(a for row in rows for a in row) == sorted(addresses)
    assert all(len({a.split("@")[1] for a in row}) == 1 for row in rows)
    assert len(diary.jobs) == len(rows)


async def test_domains_are_canonical_and_doubles_are_one(diary):
    """CASES D11: case, trailing dot and IDN lead to one row; a recipient named twice gets one letter."""
    draft = _draft("a@Dest.test", "a@dest.test.", "b@DEST.TEST", "c@例え.jp", "c@xn--r8jz45g.jp")
    await _acceptance(diary).accept(draft)
    tracking = await diary.ledger.track(draft.id)
    assert {d.domain: len(d.recipients) for d in tracking.deliveries} == {"dest.test": 2, "xn--r8jz45g.jp": 1}


async def test_only_what_has_a_head_start_is_published(diary):
    """DESIGN 3: beyond the bucket rows stay with the ledger, and no job names them."""
    acceptance = _acceptance(diary, burst=2)
    drafts = [_draft() for _ in range(5)]
    for draft in drafts:
        await acceptance.accept(draft)
    assert [job.message_id for job in diary.jobs] == [draft.id for draft in drafts[:2]]


async def test_the_null_sender_expires_sooner(diary):
    """DESIGN 3: 2 days for the null reverse-path, 5 otherwise."""
    for sender, days in (("a@example.org", 5), ("", 2)):
        draft = replace(_draft(), sender=sender)
        await _acceptance(diary).accept(draft)
        assert (await diary.ledger.message(draft.id)).expires_in == days * 86400


def test_tokens_come_back():
    """A burst, then the rate, never more than the burst; each tenant and domain for itself."""
    now = [0.0]
    start = HeadStart(rate=2, burst=3, clock=lambda: now[0])
    assert [start.draw("t", "d") for _ in range(5)] == [True, True, True, False, False]
    assert start.draw("t", "other")
    assert start.draw("u", "d")
    now[0] = 1.0
    assert [start.draw("t", "d") for _ in range(3)] == [True, True, False]
    now[0] = 1000.0
    assert [start.draw("t", "d") for _ in range(4)] == [True, True, True, False]


def test_buckets_are_bounded():
    """CASES L11: a hundred thousand domains keep no more buckets than the limit."""
    start = HeadStart(clock=lambda: 0.0)
    for n in range(2 * BUCKETS):
        start.draw("t", f"d{n}.test")
    assert len(start._buckets) == BUCKETS
