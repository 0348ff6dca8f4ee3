"""An account whose pod goes away: what is said again, from where, and what is not."""

import pytest

from services.gateway.imap.patient import Patient
from yubin.errors import Unavailable
from yubin.mailboxes.port import How, Rows, Want


class Shaky:
    """Answers after so many failures; streams break off behind each piece."""

    def __init__(self, failures=0):
        self.failures, self.said = failures, []

    def _fail(self):
        if self.failures:
            self.failures -= 1
            raise Unavailable("away")

    async def _call(self, name):
        self.said.append(name)
        self._fail()
        return name

    async def subscriptions(self):
        return await self._call("subscriptions")

    async def copy(self, *arguments, move):
        return await self._call("copy")

    async def store(self, *arguments, unchanged_since):
        return await self._call("store")

    async def columns(self, mailbox_id, uids, want):
        self.said.append(list(uids))
        for at in range(0, len(uids), 2):
            yield Rows(uids=uids[at : at + 2])
            self._fail()

    async def body(self, mailbox_id, uid, *, offset=0, length=None):
        octets = b"0123456789"[offset:][:length]
        self.said.append((offset, length))
        for at in range(0, len(octets), 3):
            yield octets[at : at + 3]
            self._fail()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    async def slept(_seconds):
        return None

    monkeypatch.setattr("services.gateway.again.asyncio.sleep", slept)


@pytest.mark.parametrize(("offset", "length"), [(0, None), (2, 7), (5, None), (0, 0)])
async def test_a_letter_goes_on_where_it_broke_off(offset, length):
    """Octet for octet, whatever part of it was asked for."""
    account = Shaky(failures=2)
    read = b"".join([p async for p in Patient(account, 30).body(1, 1, offset=offset, length=length)])
    assert read == b"0123456789"[offset:][:length]


async def test_rows_go_on_where_they_broke_off():
    """Each once, in order; what has come is not asked for again."""
    account = Shaky(failures=2)
    found = [rows.uids async for rows in Patient(account, 30).columns(1, [1, 2, 3, 5, 8], Want.SIZE)]
    assert found == [[1, 2], [3, 5], [8]]
    assert account.said == [[1, 2, 3, 5, 8], [3, 5, 8], [8]]
    found = [row.uid async for row in Patient(Shaky(failures=2), 30).rows(1, [1, 2, 3], Want.NOTHING)]
    assert found == [1, 2, 3]


async def test_what_may_be_said_twice():
    """Until it is answered, or it has been long enough."""
    account = Shaky(failures=3)
    assert await Patient(account, 30).subscriptions() == "subscriptions"
    assert len(account.said) == 4
    with pytest.raises(Unavailable):
        await Patient(Shaky(failures=1), 0.1).subscriptions()


async def test_a_copy_is_said_once():
    """It might have been made; the next one knocks first, so that it meets a pod that answers."""
    account = Shaky(failures=2)
    patient = Patient(account, 30)
    with pytest.raises(Unavailable):
        await patient.copy(1, [1], 2, move=False)
    assert await patient.copy(1, [1], 2, move=False) == "copy"
    assert account.said == ["copy", "subscriptions", "subscriptions", "copy"]


async def test_a_store_with_a_condition_is_said_once():
    """RFC 7162 3.1.3: our own change would make the condition fail."""
    with pytest.raises(Unavailable):
        await Patient(Shaky(failures=1), 30).store(1, [1], How.ADD, frozenset(), unchanged_since=5)
    assert await Patient(Shaky(failures=1), 30).store(1, [1], How.ADD, frozenset()) == "store"
