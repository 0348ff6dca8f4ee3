"""Rows over the wire between pods of neighbouring versions (DESIGN I8): columns where both know them, rows where one does not."""

from __future__ import annotations

import pytest

from tests.integration.mailbox import desk, letter
from yubin.mailboxes.port import Want
from yubin.v1 import mailbox_pb2 as pb
from yubin.v1.mailbox_pb2_grpc import MailboxStub

OLDER = Want.ENVELOPE | Want.STRUCTURE | Want.SUMMARY  # what the version before could ask for


@pytest.fixture
async def world(tmp_path):
    async with desk(tmp_path) as made:
        for text in ("Subject: one\r\n\r\n", "Subject: two\r\n\r\nx"):
            await made.intake.deliver(letter(text))
        yield made


async def fetched(world, **given):
    request = pb.FetchRequest(session=world.session(), mailbox_id=1, uids=[1, 2, 9], **given)
    return [piece async for piece in MailboxStub(world.channel("gateway")).Fetch(request)]


async def test_a_gateway_that_asks_for_no_columns_gets_rows(world):
    """With their ids, sizes, dates and threads, which it does not name."""
    (piece,) = await fetched(world, want=OLDER.value)
    rows = await world.mailboxes.rows("anna", 1, [1, 2], OLDER)
    assert not piece.uids
    assert [(row.uid, row.letter_id, row.size) for row in piece.rows] == [
        (row.uid, row.letter_id.bytes, row.size) for row in rows
    ]
    assert [(row.received, row.saved, row.thread) for row in piece.rows] == [
        (row.received, row.saved, row.thread) for row in rows
    ]
    assert [(row.envelope, row.structure, row.summary) for row in piece.rows] == [
        (row.envelope, row.structure, row.summary) for row in rows
    ]


async def test_what_a_later_version_asks_for_is_passed_over(world):
    """A part that is not known here is no failure."""
    (piece,) = await fetched(world, want=1 << 30 | Want.SIZE.value, columns=True)
    assert (list(piece.uids), list(piece.sizes), piece.rows) == ([1, 2], [16, 17], [])


async def test_a_pod_that_knows_no_columns_answers_with_rows(world, monkeypatch):
    """Its answers become the columns that were asked for."""
    account, wants = world.account(), [Want.NOTHING, Want.ENVELOPE, Want.ROW | OLDER]
    here = [[rows async for rows in account.columns(1, [1, 2, 9], want)] for want in wants]
    now = world.handlers.Fetch

    def before(request, context):
        request.ClearField("columns")
        request.want &= (OLDER | Want.BODY).value
        return now(request, context)

    monkeypatch.setattr(world.handlers, "Fetch", before)
    await world.stop()
    await world.start()
    account = world.account()
    assert [[rows async for rows in account.columns(1, [1, 2, 9], want)] for want in wants] == here
    assert [row.uid async for row in account.rows(1, [9, 2, 1], Want.SUMMARY)] == [1, 2]
    letters = [some async for some in account.letters(1, [1, 2, 9], Want.SIZE)]
    assert [(*some.rows.uids, *some.rows.sizes, *some.bodies) for some in letters] == [
        (1, 16, b"Subject: one\r\n\r\n"),
        (2, 17, b"Subject: two\r\n\r\nx"),
    ]


async def test_a_gateway_that_asks_for_no_columns_gets_letters_in_rows(world):
    """Whole, with their ids, sizes and dates."""
    pieces = await fetched(world, want=Want.BODY.value)
    rows = await world.mailboxes.rows("anna", 1, [1, 2], Want.BODY)
    assert [(row.uid, row.letter_id, row.size, row.body) for piece in pieces for row in piece.rows] == [
        (row.uid, row.letter_id.bytes, row.size, row.body) for row in rows
    ]
    assert not any(row.body_continues for piece in pieces for row in piece.rows)
