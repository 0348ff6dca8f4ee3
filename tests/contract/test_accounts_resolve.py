"""Where mail goes, as every store of the directory answers it: one body, three adapters."""

import time

import pytest

from tests.contract.test_accounts import account, domain, local, person, secret
from yubin.accounts.open import open_accounts
from yubin.accounts.port import Alias, Destination, Kind, Limits
from yubin.errors import Unavailable

NOT_LOCAL = Destination(kind=Kind.NOT_LOCAL)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def accounts(request, tmp_path):
    url = {"memory": "memory:", "sqlite": f"sqlite://{tmp_path}/directory.db"}.get(request.param)
    store = await open_accounts(url or request.getfixturevalue("postgres_dsn"))
    yield store
    await store.close()


async def alias(store, address, *targets, tenant="acme"):
    await store.put_alias(Alias(address=address, tenant=tenant, targets=targets))


def at(*people, remote=(), tenant="acme"):
    return Destination(
        kind=Kind.LOCAL, tenant=tenant, accounts=tuple(map(local, people)), remote=tuple(remote)
    )


async def unknown(store, address):
    return await store.resolve(address) == Destination(kind=Kind.UNKNOWN, tenant="acme")


async def test_an_account_gets_its_mail(accounts):
    """With what the mailbox must know of it; another domain is none of ours, another name is unknown."""
    await domain(accounts)
    anna = await person(accounts, "anna@a.example", limits=Limits(quota=2**63 - 1, message_size=9))
    assert await accounts.resolve("anna@a.example") == at(anna)
    assert (await accounts.resolve("anna@a.example")).accounts[0].quota == 2**63 - 1
    assert await accounts.resolve("anna@b.example") == NOT_LOCAL
    assert await unknown(accounts, "bert@a.example")


async def test_user_and_tag_is_the_user(accounts):
    """RFC 5233: an account's or an alias', quoted or not; "+tag" alone is nobody's."""
    await domain(accounts)
    anna = await person(accounts, "anna@a.example")
    odd = await person(accounts, '"od d"@a.example')
    await alias(accounts, "info@a.example", "anna@a.example", "x@b.example")
    assert await accounts.resolve("anna+a+b@a.example") == at(anna)
    assert await accounts.resolve('"od d+tag"@a.example') == at(odd)
    assert await accounts.resolve("info+x@a.example") == at(anna, remote=["x@b.example"])
    assert await unknown(accounts, "+anna@a.example")
    assert await unknown(accounts, "ann+a@a.example")


async def test_a_catch_all_gets_what_nobody_else_does(accounts):
    """Behind accounts, aliases and subaddresses, and only within its tenant."""
    await domain(accounts, catch_all="boss@b.example")
    await domain(accounts, "b.example")
    await domain(accounts, "c.example", tenant="other", catch_all="boss@b.example")
    await domain(accounts, "d.example", catch_all="nobody@b.example")
    boss = await person(accounts, "boss@b.example")
    anna = await person(accounts, "anna@a.example")
    await alias(accounts, "info@a.example", "anna@a.example")
    assert await accounts.resolve("what@a.example") == at(boss)
    for name in ("anna", "anna+x", "info", "info+x"):
        assert await accounts.resolve(f"{name}@a.example") == at(anna)
    assert await unknown(accounts, "what@b.example")
    assert await accounts.resolve("what@c.example") == Destination(kind=Kind.UNKNOWN, tenant="other")
    assert await unknown(accounts, "what@d.example")


async def test_aliases_lead_to_aliases(accounts):
    """Ten deep, in the order of their targets, each target once, elsewhere as it was written."""
    await domain(accounts)
    anna, bert = await person(accounts, "anna@a.example"), await person(accounts, "bert@a.example")
    await alias(accounts, "all@a.example", "bert@a.example", "Team@A.example", "X@b.example")
    await alias(
        accounts, "team@a.example", "anna+t@a.example", "bert@a.example", "Y@b.example", "X@b.example"
    )
    assert await accounts.resolve("all@a.example") == at(bert, anna, remote=["X@b.example", "Y@b.example"])
    for n in range(1, 12):
        await alias(accounts, f"n{n}@a.example", f"n{n - 1}@a.example" if n > 1 else "anna@a.example")
    assert await accounts.resolve("n10@a.example") == at(anna)
    with pytest.raises(Unavailable) as failure:
        await accounts.resolve("n11@a.example")
    assert (failure.value.code, failure.value.enhanced) == (451, "4.3.5")


async def test_aliases_that_lead_to_each_other(accounts):
    """A loop ends where it closes, and what else hangs on it gets its mail."""
    await domain(accounts)
    anna = await person(accounts, "anna@a.example")
    await alias(accounts, "a@a.example", "b@a.example")
    await alias(accounts, "b@a.example", "a@a.example", "A+x@a.example", "c@a.example")
    await alias(accounts, "c@a.example", "b@a.example")
    assert await unknown(accounts, "a@a.example")
    await alias(accounts, "c@a.example", "b@a.example", "anna@a.example")
    for name in ("a", "b", "c", "c+x"):
        assert await accounts.resolve(f"{name}@a.example") == at(anna)


async def test_who_has_moved_or_is_disabled(accounts):
    """Is said of the address itself, and of an alias of nobody else; beside others it is left out."""
    await domain(accounts)
    anna = await person(accounts, "anna@a.example")
    gone = await person(accounts, "gone@a.example", moved_to="gone@new.example", enabled=False)
    await person(accounts, "off@a.example", enabled=False)
    moved = Destination(kind=Kind.MOVED, tenant="acme", moved_to="gone@new.example")
    disabled = Destination(kind=Kind.DISABLED, tenant="acme")
    for address, answer in {"gone@": moved, "gone+x@": moved, "off@": disabled}.items():
        assert await accounts.resolve(f"{address}a.example") == answer
    await alias(accounts, "one@a.example", "nobody@a.example", "gone@a.example")
    await alias(accounts, "two@a.example", "off@a.example", "gone@a.example")
    await alias(accounts, "three@a.example", "off@a.example", "gone@a.example", "anna@a.example")
    await alias(accounts, "four@a.example", "off@a.example", "x@b.example")
    await alias(accounts, "five@a.example", "nobody@a.example")
    assert await accounts.resolve("one@a.example") == moved
    assert await accounts.resolve("two@a.example") == disabled
    assert await accounts.resolve("three@a.example") == at(anna)
    assert await accounts.resolve("four@a.example") == at(remote=["x@b.example"])
    assert await unknown(accounts, "five@a.example")
    back = await accounts.change_account("gone@a.example", True, None, "")
    assert await accounts.resolve("gone@a.example") == at(back)
    assert back.id == gone.id


async def test_an_alias_without_measure(accounts):
    """A thousand targets are delivered to, more are a mistake that waits for its correction; and soon told."""
    await domain(accounts)
    for n in range(10):
        await alias(accounts, f"l{n}@a.example", *(f"u{n}-{m}@b.example" for m in range(99)))
    await alias(accounts, "all@a.example", *(f"l{n}@a.example" for n in range(10)))
    began = time.process_time()
    assert len((await accounts.resolve("all@a.example")).remote) == 990
    await alias(accounts, "l9@a.example", *(f"u9-{m}@b.example" for m in range(110)))
    with pytest.raises(Unavailable):
        await accounts.resolve("all@a.example")
    assert time.process_time() - began < 2


async def test_sql_in_an_address_is_an_address(accounts):
    """CASES L9: quotes, comments and parameters of SQL lead where they are written to."""
    await domain(accounts)
    for n, local_part in enumerate(('"\'; drop table directory_account; --"', "$1", "?1", "%_")):
        made = await person(accounts, f"{local_part}@a.example")
        await alias(accounts, f"alias{n}@a.example", made.address)
        assert (
            await accounts.resolve(made.address) == await accounts.resolve(f"alias{n}@a.example") == at(made)
        )
    assert await unknown(accounts, "\"' or '1'='1\"@a.example")


async def test_which_of_many_accounts_are_enabled(accounts):
    """By id; who is gone or disabled is not among them, and a successor of the same address is somebody else."""
    await domain(accounts)
    anna, bert = await person(accounts, "anna@a.example"), await person(accounts, "bert@a.example")
    moved = await person(accounts, "carl@a.example", moved_to="c@b.example")
    await accounts.change_account("bert@a.example", False, None)
    await person(accounts, "dora@a.example", id="first")
    await accounts.remove_account("dora@a.example")
    again = account("dora@a.example", id="second")
    await accounts.add_account(again, secret(again))
    found = await accounts.enabled([anna.id, bert.id, moved.id, "first", "unknown", anna.id])
    assert found == {anna.id: anna, moved.id: moved}
    assert await accounts.enabled([]) == {}
    assert await accounts.enabled([f"id-{n}" for n in range(1000)]) == {}
