"""Who gets a letter in the end: aliases, accounts of many names, and what the sender asked for (RFC 3461 5.2.7)."""

import pytest

from tests.unit.acceptance.test_accept import _acceptance, _draft, diary  # noqa: F401 - diary is a fixture
from yubin.acceptance import expand as module
from yubin.acceptance.expand import expand
from yubin.acceptance.refusal import refusal
from yubin.accounts.memory import MemoryRecipients
from yubin.accounts.port import Destination, Kind, LocalAccount
from yubin.errors import Exhausted, Unavailable
from yubin.queue.port import NewRecipient


def at(*addresses, remote=()):
    accounts = tuple(LocalAccount(id=f"id-{a}", address=a) for a in addresses)
    return Destination(kind=Kind.LOCAL, tenant="acme", accounts=accounts, remote=tuple(remote))


DIRECTORY = {
    "anna@a.test": at("anna@a.test"),
    "anna+x@a.test": at("anna@a.test"),
    "boss@a.test": at("anna@a.test"),
    "list@a.test": at("anna@a.test", "bert@a.test", remote=["Carl@c.test"]),
    "花@a.test": at("hana@a.test"),
    "gone@a.test": Destination(kind=Kind.MOVED, tenant="acme", moved_to="g@c.test"),
    "off@a.test": Destination(kind=Kind.DISABLED, tenant="acme"),
}


async def expanded(*given):
    recipients = [one if isinstance(one, NewRecipient) else NewRecipient(address=one) for one in given]
    return await expand(recipients, MemoryRecipients(DIRECTORY))


async def test_an_alias_becomes_its_targets():
    """Accounts by their primary address, others as the alias names them; what was written to is the ORCPT."""
    found = await expanded("list@a.test", "x@b.test")
    assert [(r.address, r.orcpt) for r in found] == [
        ("anna@a.test", "rfc822;list@a.test"),
        ("bert@a.test", "rfc822;list@a.test"),
        ("Carl@c.test", "rfc822;list@a.test"),
        ("x@b.test", None),
    ]


async def test_everybody_gets_one_letter():
    """However many names lead to him; who is written to directly comes before a list that stands behind."""
    found = await expanded("Anna@A.test", "boss@a.test", "anna+x@a.test", "list@a.test", "carl@C.test")
    assert [(r.address, r.orcpt) for r in found] == [
        ("anna@a.test", None),
        ("bert@a.test", "rfc822;list@a.test"),
        ("Carl@c.test", "rfc822;list@a.test"),
    ]


async def test_what_the_sender_asked_for_goes_along():
    """RFC 3461 5.2.7.2: NOTIFY as it is, an ORCPT that was given is kept; RFC 6533 3 for an address in UTF-8."""
    wish = NewRecipient(address="list@a.test", orcpt="rfc822;old@x.test", notify=frozenset({"SUCCESS"}))
    assert {(r.orcpt, r.notify) for r in await expanded(wish)} == {
        ("rfc822;old@x.test", frozenset({"SUCCESS"}))
    }
    assert [r.orcpt for r in await expanded("花@a.test")] == ["utf-8;花@a.test"]


async def test_who_takes_no_mail_any_more_is_left_to_delivery():
    """Refused at RCPT as a rule; in the second after it the letter bounces rather than vanish."""
    given = [NewRecipient(address=f"{who}@a.test") for who in ("gone", "off", "who")]
    assert await expanded(*given) == tuple(given)


async def test_aliases_do_not_multiply_without_end(monkeypatch):
    """452 4.5.3 before the letter is stored for more than the limit."""
    monkeypatch.setattr(module, "MOST", 3)
    assert len(await expanded("list@a.test")) == 3
    with pytest.raises(Exhausted) as refused:
        await expanded("list@a.test", "x@b.test")
    assert (refused.value.code, refused.value.enhanced) == (452, "4.5.3")


async def test_rows_are_made_of_who_stands_behind(diary):  # noqa: F811
    """Each domain of the targets has its row; without a directory every address is as it was."""
    acceptance = _acceptance(diary, recipients=MemoryRecipients(DIRECTORY))
    draft = _draft("list@a.test", "bert@a.test")
    await acceptance.accept(draft)
    tracking = await diary.ledger.track(draft.id)
    rows = {d.domain: [r.address for r in d.recipients] for d in tracking.deliveries}
    assert rows == {"a.test": ["anna@a.test", "bert@a.test"], "c.test": ["Carl@c.test"]}
    plain = _draft("list@a.test")
    await _acceptance(diary).accept(plain)
    (row,) = (await diary.ledger.track(plain.id)).deliveries
    assert [r.address for r in row.recipients] == ["list@a.test"]


async def test_a_directory_that_is_away_leaves_no_row(diary):  # noqa: F811
    """CASES A6: 451, nothing stored, nobody told to send."""
    directory = MemoryRecipients(DIRECTORY)
    directory.away = True
    draft = _draft("list@a.test", body=b"x" * 70_000)
    with pytest.raises(Unavailable):
        await _acceptance(diary, recipients=directory).accept(draft)
    assert await diary.ledger.message(draft.id) is None
    assert diary.jobs == []
    assert "put" not in diary.pages


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Kind.UNKNOWN, "550 5.1.1"),
        (Kind.DISABLED, "550 5.2.1"),
        (Kind.MOVED, "551 5.1.6"),
        (Kind.LOCAL, ""),
        (Kind.NOT_LOCAL, ""),
    ],
)
def test_each_kind_has_its_code(kind, said):
    """RFC 3463 3.2 and 3.3."""
    failure = refusal(Destination(kind=kind, moved_to="x@b.test"))
    assert (f"{failure.code} {failure.enhanced}" if failure else "") == said
