"""The contract of the directory's store: one body, three adapters."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from yubin.accounts import schema
from yubin.accounts.open import open_accounts
from yubin.accounts.port import (
    APP,
    ARGON2ID,
    KEYS_PER_DOMAIN,
    SCRAM,
    Account,
    Alias,
    Credential,
    DkimKey,
    DkimRecord,
    Domain,
    Holder,
    Limits,
    LocalAccount,
    Tenant,
)
from yubin.errors import Exists, Invalid, NotFound


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def accounts(request, tmp_path):
    url = {"memory": "memory:", "sqlite": f"sqlite://{tmp_path}/directory.db"}.get(request.param)
    store = await open_accounts(url or request.getfixturevalue("postgres_dsn"))
    yield store
    await store.close()


def key(domain="a.example", selector="y1", algorithm="rsa-sha256", sealed=b"secret"):
    record = DkimRecord(
        selector=selector,
        algorithm=algorithm,
        name=f"{selector}._domainkey.{domain}",
        text="v=DKIM1; p=AAAA",
        signing=True,
    )
    return DkimKey(domain=domain, record=record, created=12.5, sealed=sealed)


def account(address, *, tenant="acme", **more):
    values = {"id": f"id-{address}", "enabled": True, "limits": Limits(), "created": 3.25} | more
    return Account(address=address, tenant=tenant, **values)


def secret(made, value="hash"):
    return Credential(account=made.id, kind=ARGON2ID, value=value)


async def domain(store, name="a.example", *, tenant="acme", catch_all=""):
    with contextlib.suppress(Exists):
        await store.add_tenant(Tenant(name=tenant, created=1.5))
    new = Domain(name=name, tenant=tenant, created=2.5, catch_all=catch_all)
    return await store.add_domain(new, key(name))


async def person(store, address, *, tenant="acme", **more):
    made = account(address, tenant=tenant, **more)
    await store.add_account(made, secret(made))
    return made


def local(made):
    return LocalAccount(
        id=made.id, address=made.address, quota=made.limits.quota, message_size=made.limits.message_size
    )


async def test_tenants_come_in_pages_in_the_order_of_their_names(accounts):
    """A page begins behind ``after``, ends at ``limit``, and follows code points, not a locale."""
    for name in ("b", "a-b", "ab", "a"):
        await accounts.add_tenant(Tenant(name=name, created=1.5))
    assert [t.name for t in await accounts.tenants("", 100)] == ["a", "a-b", "ab", "b"]
    assert await accounts.tenants("a-b", 1) == (Tenant(name="ab", created=1.5),)
    with pytest.raises(Exists):
        await accounts.add_tenant(Tenant(name="ab", created=9.0))


async def test_a_domain_is_made_with_its_first_key(accounts):
    """What was put in comes out, and the private half only by ``keys``."""
    made = await domain(accounts, catch_all="boss@a.example")
    assert made == Domain(
        name="a.example", tenant="acme", created=2.5, catch_all="boss@a.example", dkim=(key().record,)
    )
    assert await accounts.domain("a.example") == made
    assert await accounts.keys("a.example") == (key(),)
    assert await accounts.keys("unknown.example") == ()


async def test_a_domain_belongs_to_one_tenant(accounts):
    """The second who asks is refused, and a tenant must exist."""
    await domain(accounts)
    with pytest.raises(Exists):
        await domain(accounts, tenant="other")
    with pytest.raises(NotFound):
        await accounts.add_domain(Domain(name="b.example", tenant="nobody", created=0.0), key("b.example"))
    assert (await accounts.domain("a.example")).tenant == "acme"
    with pytest.raises(NotFound):
        await accounts.domain("b.example")


async def test_domains_are_listed_by_tenant_or_all(accounts):
    """Pages carry each domain's own keys."""
    for name in ("c.example", "a.example", "b.example"):
        await domain(accounts, name)
    await domain(accounts, "d.example", tenant="other")
    found = await accounts.domains("acme", "a.example", 2)
    assert [(d.name, d.dkim[0].name) for d in found] == [
        ("b.example", "y1._domainkey.b.example"),
        ("c.example", "y1._domainkey.c.example"),
    ]
    assert [d.name for d in await accounts.domains("", "b.example", 10)] == ["c.example", "d.example"]


async def test_a_domain_with_accounts_is_not_removed(accounts):
    """Its aliases and keys go with it, its accounts must go before."""
    await domain(accounts)
    await person(accounts, "u@a.example")
    await accounts.put_alias(Alias(address="info@a.example", tenant="acme", targets=("u@a.example",)))
    with pytest.raises(Exists):
        await accounts.remove_domain("a.example")
    await accounts.remove_account("u@a.example")
    await accounts.remove_domain("a.example")
    assert await accounts.keys("a.example") == ()
    assert await accounts.aliases("", "", 10) == ()
    with pytest.raises(NotFound):
        await accounts.remove_domain("a.example")
    await domain(accounts, tenant="other")
    assert await accounts.aliases("a.example", "", 10) == ()


async def test_a_rotation_retires_the_key_of_its_algorithm(accounts):
    """The new one signs, the old record stays without its private half; the other algorithm's goes on signing."""
    await domain(accounts)
    await accounts.add_key(key(selector="e1", algorithm="ed25519-sha256"))
    changed = await accounts.add_key(key(selector="y2", sealed=b"new"))
    assert [(r.selector, r.signing) for r in changed.dkim] == [("y2", True), ("e1", True), ("y1", False)]
    assert [k.record.selector for k in await accounts.keys("a.example")] == ["y2", "e1"]
    with pytest.raises(Exists):
        await accounts.add_key(key(selector="y1"))
    assert await accounts.domain("a.example") == changed, "a refused key changes nothing"
    with pytest.raises(NotFound):
        await accounts.add_key(key("unknown.example"))


async def test_old_records_are_bounded(accounts):
    """However often a key is rotated, the newest records stay, and every one that signs."""
    await domain(accounts)
    await accounts.add_key(key(selector="e1", algorithm="ed25519-sha256"))
    for n in range(2, 30):
        changed = await accounts.add_key(key(selector=f"y{n}"))
    assert len(changed.dkim) == KEYS_PER_DOMAIN
    assert [r.selector for r in changed.dkim if r.signing] == ["y29", "e1"]
    assert [r.selector for r in changed.dkim if not r.signing] == [f"y{n}" for n in range(28, 22, -1)]


async def test_an_account_comes_back_as_it_was_made(accounts):
    """All of it, to the last bit of its limits."""
    await domain(accounts)
    limits = Limits(quota=2**63 - 1, message_size=50_000_000, recipients=100, per_hour=2**31 - 1)
    made = await person(accounts, "u@a.example", limits=limits, enabled=False, moved_to="new@b.example")
    assert await accounts.account("u@a.example") == made
    with pytest.raises(NotFound):
        await accounts.account("v@a.example")
    with pytest.raises(NotFound):
        await person(accounts, "u@unknown.example")


async def test_an_address_is_an_account_or_an_alias_and_never_both(accounts):
    """Whoever comes second is refused."""
    await domain(accounts)
    await person(accounts, "u@a.example")
    await accounts.put_alias(Alias(address="info@a.example", tenant="acme", targets=("u@a.example",)))
    for taken in ("u@a.example", "info@a.example"):
        with pytest.raises(Exists):
            await person(accounts, taken, id="another")
    with pytest.raises(Exists):
        await accounts.put_alias(Alias(address="u@a.example", tenant="acme", targets=("x@b.example",)))
    assert await accounts.credential("info@a.example", ARGON2ID) is None


async def test_of_many_who_want_one_address_one_gets_it(accounts):
    """Accounts and aliases race for an address: exactly one wins."""
    await domain(accounts)
    alias = Alias(address="u@a.example", tenant="acme", targets=("x@b.example",))
    race = [person(accounts, "u@a.example", id=f"id-{n}") for n in range(5)]
    results = await asyncio.gather(*race, accounts.put_alias(alias), return_exceptions=True)
    assert all(isinstance(r, Account | Exists | None) for r in results)
    made = len(await accounts.accounts("", "", 10)) + len(await accounts.aliases("", "", 10))
    assert made == sum(not isinstance(r, Exists) for r in results) == 1


async def test_accounts_come_in_pages(accounts):
    """Of one domain or of all, behind an address."""
    await domain(accounts)
    await domain(accounts, "b.example")
    for address in ("c@a.example", "a@a.example", "b@b.example", "Ä@a.example"):
        await person(accounts, address)
    assert [a.address for a in await accounts.accounts("a.example", "a@a.example", 10)] == [
        "c@a.example",
        "Ä@a.example",
    ]
    assert [a.address for a in await accounts.accounts("", "", 2)] == ["a@a.example", "b@b.example"]


async def test_changes_touch_only_what_is_given(accounts):
    """None leaves a value alone, False and 0 do not."""
    await domain(accounts)
    made = await person(accounts, "u@a.example", limits=Limits(quota=5, per_hour=7))
    off = await accounts.change_account("u@a.example", False, None)
    assert off == replace(made, enabled=False) == await accounts.account("u@a.example")
    changed = await accounts.change_account("u@a.example", None, Limits(recipients=3))
    assert changed == replace(off, limits=Limits(recipients=3))
    moved = await accounts.change_account("u@a.example", None, None, "new@b.example")
    assert moved == replace(changed, moved_to="new@b.example") == await accounts.account("u@a.example")
    assert await accounts.change_account("u@a.example", None, Limits()) == replace(moved, limits=Limits())
    assert (await accounts.change_account("u@a.example", None, None, "")).moved_to == ""
    with pytest.raises(NotFound):
        await accounts.change_account("v@a.example", True, None)


async def test_a_credential_is_for_enabled_accounts(accounts):
    """A disabled or deleted account has none, and a deleted one's is not found again by its successor."""
    await domain(accounts)
    made = await person(accounts, "u@a.example")
    assert await accounts.credential("u@a.example", ARGON2ID) == secret(made)
    assert await accounts.credential("u@a.example", "other") is None
    await accounts.change_account("u@a.example", False, None)
    assert await accounts.credential("u@a.example", ARGON2ID) is None
    await accounts.remove_account("u@a.example")
    with pytest.raises(NotFound):
        await accounts.put_credentials("u@a.example", {ARGON2ID: "x"})
    with pytest.raises(NotFound):
        await accounts.remove_account("u@a.example")
    again = account("u@a.example", id="second")
    await accounts.add_account(again, secret(again, "second hash"))
    assert await accounts.credential("u@a.example", ARGON2ID) == secret(again, "second hash")


async def test_a_renewed_hash_never_undoes_a_new_password(accounts):
    """Renewal succeeds only while the value is the one that was read."""
    await domain(accounts)
    read = secret(await person(accounts, "u@a.example"))
    await accounts.put_credentials("u@a.example", {ARGON2ID: "new password"})
    assert not await accounts.renew_credential(read, "old password, stronger")
    now = await accounts.credential("u@a.example", ARGON2ID)
    assert now.value == "new password"
    assert await accounts.renew_credential(now, "stronger")
    assert (await accounts.credential("u@a.example", ARGON2ID)).value == "stronger"


async def test_a_verifier_joins_only_the_hash_that_was_read(accounts):
    """A password that changes meanwhile is not accompanied by the verifier of the one before."""
    await domain(accounts)
    read = secret(await person(accounts, "u@a.example"))
    verifier = replace(read, kind=SCRAM, value="verifier")
    assert await accounts.join_credential(read, verifier)
    assert (await accounts.credential("u@a.example", SCRAM)).value == "verifier"
    assert await accounts.join_credential(read, replace(verifier, value="newer"))
    await accounts.put_credentials("u@a.example", {ARGON2ID: "new password", SCRAM: None})
    assert not await accounts.join_credential(read, verifier)
    assert await accounts.credential("u@a.example", SCRAM) is None


async def test_a_holder_has_everything_that_a_password_is_checked_against(accounts):
    """But app passwords; and nobody who is disabled or unknown is one."""
    await domain(accounts)
    made = account("u@a.example")
    verifier = Credential(account=made.id, kind=SCRAM, value="verifier")
    await accounts.add_account(made, secret(made), verifier)
    await accounts.put_credentials("u@a.example", {f"{APP}x": "json"})
    held = await accounts.holder("u@a.example")
    assert held == Holder(
        account=made.id,
        scram=False,
        app_only=False,
        credentials={ARGON2ID: secret(made), SCRAM: verifier},
    )
    assert (await accounts.change_domain("a.example", scram=True)).scram
    assert (await accounts.change_account("u@a.example", None, None, app_only=True)).app_only
    held = await accounts.holder("u@a.example")
    assert (held.scram, held.app_only) == (True, True)
    assert (await accounts.account("u@a.example")).app_only
    assert (await accounts.accounts("", "", 9))[0].app_only
    assert (await accounts.domains("", "", 9))[0].scram
    assert await accounts.holder("v@a.example") is None
    await accounts.change_account("u@a.example", False, None)
    assert await accounts.holder("u@a.example") is None


async def test_a_domain_without_scram_has_no_verifiers(accounts):
    """Those of other domains, hashes and app passwords stay."""
    for name in ("a.example", "b.example"):
        await domain(accounts, name)
        await accounts.change_domain(name, scram=True)
        await person(accounts, f"u@{name}")
        await accounts.put_credentials(f"u@{name}", {SCRAM: "verifier", f"{APP}x": "json"})
    assert not (await accounts.change_domain("a.example", scram=False)).scram
    assert list((await accounts.holder("u@a.example")).credentials) == [ARGON2ID]
    assert len((await accounts.holder("u@b.example")).credentials) == 2
    assert [c.kind for c in await accounts.app_passwords("u@a.example")] == [f"{APP}x"]
    with pytest.raises(NotFound):
        await accounts.change_domain("c.example", scram=True)


async def test_app_passwords_are_listed_and_go_with_the_account(accounts):
    """Of a disabled account too: an operator looks at them."""
    await domain(accounts)
    made = await person(accounts, "u@a.example")
    assert await accounts.app_passwords("u@a.example") == ()
    await accounts.put_credentials("u@a.example", {f"{APP}x": "1", f"{APP}y": "2"})
    await accounts.put_credentials("u@a.example", {f"{APP}x": None})
    await accounts.change_account("u@a.example", False, None)
    assert await accounts.app_passwords("u@a.example") == (
        Credential(account=made.id, kind=f"{APP}y", value="2"),
    )
    await accounts.remove_account("u@a.example")
    with pytest.raises(NotFound):
        await accounts.app_passwords("u@a.example")


async def test_an_identity_owns_its_address_and_the_aliases_that_target_it(accounts):
    """CASES F5: not another's alias, not an alias of another tenant, even one that targets it."""
    await domain(accounts)
    await domain(accounts, "other.example", tenant="other")
    made = await person(accounts, "u@a.example", limits=Limits(quota=9))
    for address, tenant, targets in (
        ("info@a.example", "acme", ("v@a.example", "u@a.example")),
        ("sales@a.example", "acme", ("v@a.example",)),
        ("ceo@other.example", "other", ("u@a.example",)),
    ):
        await accounts.put_alias(Alias(address=address, tenant=tenant, targets=targets))
    identity = await accounts.identity(made.id)
    assert identity.senders == {"u@a.example", "info@a.example"}
    assert identity.sender_domains == frozenset()
    assert (identity.tenant, identity.login, identity.limits) == ("acme", "u@a.example", Limits(quota=9))
    await accounts.change_account("u@a.example", False, None)
    assert await accounts.identity(made.id) is None
    assert await accounts.identity("unknown") is None


async def test_the_owner_of_a_catch_all_owns_the_domain(accounts):
    """Within its tenant; a catch-all that names another tenant's account gives it nothing."""
    await domain(accounts, catch_all="boss@a.example")
    await domain(accounts, "b.example", catch_all="boss@a.example")
    await domain(accounts, "other.example", tenant="other", catch_all="boss@a.example")
    made = await person(accounts, "boss@a.example")
    assert (await accounts.identity(made.id)).sender_domains == {"a.example", "b.example"}


async def test_an_alias_is_replaced_as_a_whole(accounts):
    """Targets keep their order and their case; the tenant is the domain's."""
    await domain(accounts)
    first = Alias(address="info@a.example", tenant="acme", targets=("z@b.example", "A@b.example"))
    await accounts.put_alias(first)
    await accounts.put_alias(Alias(address="x@a.example", tenant="acme", targets=("u@a.example",)))
    assert (await accounts.aliases("a.example", "", 1)) == (first,)
    second = replace(first, targets=("q@b.example",))
    await accounts.put_alias(second)
    assert (await accounts.aliases("", "", 10))[0] == second
    await accounts.remove_alias("info@a.example")
    assert [a.address for a in await accounts.aliases("", "", 10)] == ["x@a.example"]
    with pytest.raises(NotFound):
        await accounts.remove_alias("info@a.example")
    with pytest.raises(NotFound):
        await accounts.put_alias(Alias(address="x@unknown.example", tenant="acme", targets=("u@a.example",)))


async def test_sql_in_a_name_is_a_name(accounts):
    """CASES L9: quotes, comments and parameters of SQL are letters like any other."""
    await domain(accounts)
    for local in ("'; DROP TABLE directory_account; --", "$1", "?1", '" OR 1=1', "%_"):
        made = await person(accounts, f"{local}@a.example")
        assert await accounts.account(made.address) == made
    assert len(await accounts.accounts("a.example", "", 100)) == 5
    with pytest.raises(NotFound):
        await accounts.account("' OR '1'='1")


async def test_an_open_store_answers_the_probe(accounts):
    """The readiness probe passes."""
    await accounts.check()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_what_was_written_is_there_after_a_restart(kind, tmp_path, request):
    """Closing and opening again migrates nothing twice and loses nothing."""
    url = f"sqlite://{tmp_path}/d.db" if kind == "sqlite" else request.getfixturevalue("postgres_dsn")
    first = await open_accounts(url)
    made = await domain(first)
    await first.close()
    second = await open_accounts(url)
    assert await second.domain("a.example") == made
    await second.close()


async def step_back(kind, url, path):
    """The schema of the version before, under whoever has the store open."""
    if kind == "sqlite":
        from yubin.database.sqlite import SqliteFile

        await (await SqliteFile.open(path, schema.SQLITE, target=schema.SQLITE[-1].version - 1)).close()
    else:
        from yubin.database.postgres import open_pool

        await (await open_pool(url, schema.POSTGRES, target=schema.POSTGRES[-1].version - 1)).close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_schema_goes_forward_and_one_step_back(kind, tmp_path, request):
    """DESIGN I8: this program runs with the schema before its own; forward again, all is there but what was new."""
    path = tmp_path / "d.db"
    url = f"sqlite://{path}" if kind == "sqlite" else request.getfixturevalue("postgres_dsn")
    store = await open_accounts(url)
    await domain(store, catch_all="u@a.example")
    made = await person(store, "u@a.example")
    await store.change_account("u@a.example", None, None, app_only=True)
    await store.change_domain("a.example", scram=True)
    await store.put_alias(Alias(address="info@a.example", tenant="acme", targets=("u@a.example",)))
    await step_back(kind, url, path)
    assert not (await store.domain("a.example")).scram
    assert not (await store.domains("", "", 10))[0].scram
    held = await store.holder("u@a.example")
    assert (held.scram, held.app_only, list(held.credentials)) == (False, False, [ARGON2ID])
    assert await store.account("u@a.example") == made
    assert await store.accounts("", "", 10) == (made,)
    assert (await store.identity(made.id)).account == made.id
    assert (await store.resolve("info@a.example")).accounts == (local(made),)
    assert (await store.resolve("x@a.example")).accounts == (local(made),)
    assert await store.enabled([made.id]) == {made.id: made}
    other = await person(store, "v@a.example")
    assert not (await store.change_account("v@a.example", False, None)).enabled
    await store.close()
    store = await open_accounts(url)
    assert await store.accounts("", "", 10) == (made, replace(other, enabled=False))
    assert (await store.change_account("u@a.example", None, None, app_only=True)).app_only
    await store.close()


async def test_an_unknown_store_is_refused():
    """The setting is named by its forms."""
    with pytest.raises(Invalid, match="sqlite"):
        await open_accounts("mysql://x")
