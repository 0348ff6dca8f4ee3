"""Addresses of mailboxes, and their schema's ways forward and back."""

from __future__ import annotations

import pytest

from tests.contract.mailboxes import letter
from yubin.database.sqlite import SqliteFile
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.mailboxes.open import open_mailboxes
from yubin.mailboxes.sqlite_schema import SQLITE


async def test_an_address_names_a_store(tmp_path):
    """What sqlite:///path keeps is there when the file is opened again."""
    assert isinstance(await open_mailboxes("memory:"), MemoryMailboxes)
    for uid in (1, 2):
        store = await open_mailboxes(f"sqlite://{tmp_path}/mailboxes.db")
        (place,) = await store.deliver([letter()])
        assert place.uid == uid
        await store.close()


async def test_an_address_of_another_kind_is_refused():
    """The error names the scheme and nothing else: an address may hold a password."""
    with pytest.raises(ValueError, match=r"not mysql:$") as caught:
        await open_mailboxes("mysql://mari:secret@db/mail")
    assert "secret" not in str(caught.value)


async def test_the_schema_goes_back_and_leaves_nothing(tmp_path):
    """DESIGN I8: one step back, and forward again."""
    path = tmp_path / "mailboxes.db"
    await (await open_mailboxes(f"sqlite://{path}")).close()
    file = await SqliteFile.open(path, SQLITE, target=0)
    tables = await file.read(
        lambda conn: {name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    )
    assert tables <= {"migration", "sqlite_sequence"}
    await file.close()
    store = await open_mailboxes(f"sqlite://{path}")
    assert (await store.deliver([letter()]))[0].uid == 1
    await store.close()
