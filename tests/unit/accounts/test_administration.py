"""What an operator may do, and what is refused before it reaches the store."""

import asyncio

import pytest

from tests.unit.accounts.directory import NOVEMBER, World
from yubin.accounts.port import Limits
from yubin.errors import Exists, Invalid, NotFound


@pytest.fixture
async def world():
    made = World()
    await made.people("anna@a.example")
    yield made
    made.close()


async def test_names_become_canonical(world):
    """U-labels become A-labels, cases and last dots go; local parts of ours are lower-case."""
    domain = await world.admin.create_domain("acme", "日本語.Example.")
    assert domain.name == "xn--wgv71a119e.example"
    assert domain.created == NOVEMBER
    account = await world.admin.create_account("Anna.Smith@日本語.example", "correct horse")
    assert account.address == "anna.smith@xn--wgv71a119e.example"
    assert await world.admin.get_account("ANNA.smith@XN--WGV71A119E.example") == account
    assert await world.admin.get_domain("日本語.example") == domain
    assert [a.address for a in await world.admin.list_accounts("日本語.EXAMPLE")] == [account.address]


INJECTIONS = ["\r\n", "\n", "\r", "\0", "\x1b[2J", "\x7f", "\u2028", "\u0085"]


@pytest.mark.parametrize("evil", INJECTIONS)
async def test_no_control_character_in_any_field(world, evil):
    """CASES E16: each text field of each call refuses it, at its end and in its middle."""
    admin = world.admin
    for text in (f"x{evil}y", f"x{evil}"):
        calls = [
            admin.create_tenant(text),
            admin.create_domain(text, "b.example"),
            admin.create_domain("acme", f"{text}.example"),
            admin.create_domain("acme", f"b.example{evil}"),
            admin.create_domain("acme", "b.example", f"{text}@b.example"),
            admin.list_tenants(after=text),
            admin.list_domains(text),
            admin.list_domains(after=text),
            admin.get_domain(text),
            admin.delete_domain(text),
            admin.create_account(f"{text}@a.example", "correct horse"),
            admin.create_account(f"u@a.example{evil}", "correct horse"),
            admin.list_accounts(text),
            admin.list_accounts(after=text),
            admin.get_account(f"{text}@a.example"),
            admin.update_account(f"{text}@a.example", enabled=True),
            admin.set_password(f"{text}@a.example", "correct horse"),
            admin.delete_account(f"{text}@a.example"),
            admin.put_alias(f"{text}@a.example", ("anna@a.example",)),
            admin.put_alias("info@a.example", ("anna@a.example", f"{text}@b.example")),
            admin.put_alias("info@a.example", (f"u@b.example{evil}",)),
            admin.list_aliases(text),
            admin.list_aliases(after=text),
            admin.delete_alias(f"{text}@a.example"),
            admin.rotate_key(f"{text}.example"),
            admin.rotate_key("a.example", text),
            admin.rotate_key("a.example", "", text),
        ]
        results = await asyncio.gather(*calls, return_exceptions=True)
        taken = [n for n, result in enumerate(results) if not isinstance(result, Invalid)]
        assert taken == [], f"calls by their place in the list that took {text!r}"


@pytest.mark.parametrize("evil", ["\r\n", "\0", "\x1b", "\x7f"])
async def test_no_control_character_in_a_password(world, evil):
    """CASES E16, F9."""
    with pytest.raises(Invalid):
        await world.admin.set_password("anna@a.example", f"correct{evil}horse")
    assert (await world.check("anna@a.example")).login == "anna@a.example"


@pytest.mark.parametrize("name", ["", "Acme", "a b", "x" * 64, "ａ", "a.b", "a_b"])
async def test_a_tenants_name(world, name):
    """1 to 63 of a-z, 0-9 and hyphen."""
    with pytest.raises(Invalid):
        await world.admin.create_tenant(name)


@pytest.mark.parametrize(
    "name", ["", "[192.0.2.1]", "192.0.2.1", "a..b", "-a.example", "x" * 64 + ".example", "xn--zzz\xff"]
)
async def test_a_domain_that_cannot_be_hosted(world, name):
    """553 5.1.2, as the submission pod would say it."""
    with pytest.raises(Invalid) as refused:
        await world.admin.create_domain("acme", name)
    assert (refused.value.code, refused.value.enhanced) == (553, "5.1.2")


@pytest.mark.parametrize(
    "address", ["anna+x@a.example", '"anna+x"@a.example', "u@[192.0.2.1]", "u", "@a.example", "u@"]
)
async def test_an_address_that_nobody_may_have(world, address):
    """CASES F5: user+tag is user's own, so it is nobody else's account or alias."""
    with pytest.raises(Invalid):
        await world.admin.create_account(address, "correct horse")
    with pytest.raises(Invalid):
        await world.admin.put_alias(address, ("anna@a.example",))


@pytest.mark.parametrize("password", ["", "short", "郵便", "x" * 1025])
async def test_a_password_that_may_not_be_set(world, password):
    """8 to 1024 bytes; the refusal does not repeat it."""
    for call in (
        world.admin.create_account("bert@a.example", password),
        world.admin.set_password("anna@a.example", password),
    ):
        with pytest.raises(Invalid) as refused:
            await call
        assert not password or password not in str(refused.value)
    with pytest.raises(NotFound):
        await world.admin.get_account("bert@a.example")


async def test_a_new_password_holds_and_the_old_one_does_not(world):
    """For an account that exists."""
    await world.admin.set_password("Anna@a.example", "battery staple")
    assert await world.check("anna@a.example", "battery staple")
    with pytest.raises(Exception, match="invalid"):
        await world.check("anna@a.example", "correct horse")
    with pytest.raises(NotFound):
        await world.admin.set_password("bert@a.example", "battery staple")


async def test_limits_fit_their_columns(world):
    """Nothing that a database would refuse or wrap around."""
    most = Limits(quota=2**63 - 1, message_size=2**63 - 1, recipients=2**31 - 1, per_hour=2**31 - 1)
    assert (await world.admin.update_account("anna@a.example", limits=most)).limits == most
    for bad in (Limits(quota=2**63), Limits(recipients=2**31), Limits(per_hour=-1)):
        with pytest.raises(Invalid):
            await world.admin.update_account("anna@a.example", limits=bad)
        with pytest.raises(Invalid):
            await world.admin.create_account("bert@a.example", "correct horse", bad)


async def test_a_catch_all_is_owned_within_the_tenant(world):
    """CASES F5: its owner may be yet to come, and never belongs to another tenant."""
    await world.admin.create_tenant("other")
    await world.admin.create_domain("acme", "own.example", "Boss@own.example")
    await world.admin.create_domain("acme", "near.example", "anna@a.example")
    for owner in ("anna@a.example", "x@nowhere.example"):
        with pytest.raises(Invalid):
            await world.admin.create_domain("other", "far.example", owner)
    boss = await world.admin.create_account("boss@own.example", "correct horse")
    assert (await world.store.identity(boss.id)).sender_domains == {"own.example"}
    assert (await world.check("anna@a.example")).owns("anybody@near.example")


async def test_targets_keep_their_case_where_it_is_not_ours(world):
    """RFC 5321 2.4; in our domains they become canonical, and each counts once."""
    alias = await world.admin.put_alias(
        "Info@A.example", ("Anna@A.EXAMPLE", "John.Smith@Elsewhere.example", "anna@a.example")
    )
    assert alias.address == "info@a.example"
    assert alias.targets == ("anna@a.example", "John.Smith@elsewhere.example")
    assert (await world.check("anna@a.example")).senders == {"anna@a.example", "info@a.example"}
    assert await world.admin.list_aliases("a.example") == (alias,)
    await world.admin.delete_alias("INFO@a.example")
    assert (await world.check("anna@a.example")).senders == {"anna@a.example"}


async def test_an_alias_has_one_to_a_hundred_targets_and_not_itself(world):
    """Bounded, and no loop of one."""
    for targets in ((), ("info@a.example",), tuple(f"u{n}@b.example" for n in range(101))):
        with pytest.raises(Invalid):
            await world.admin.put_alias("info@a.example", targets)
    with pytest.raises(NotFound):
        await world.admin.put_alias("info@unknown.example", ("anna@a.example",))


async def test_lists_come_in_pages(world):
    """0 is a hundred, a thousand is the most, and pages join without a gap."""
    for n in range(5):
        await world.admin.create_account(f"u{n}@a.example", "correct horse")
    first = await world.admin.list_accounts("a.example", limit=4)
    rest = await world.admin.list_accounts("a.example", after=first[-1].address)
    assert [a.address for a in first + rest] == ["anna@a.example", *(f"u{n}@a.example" for n in range(5))]
    for limit in (-1, 1001):
        with pytest.raises(Invalid):
            await world.admin.list_accounts(limit=limit)
    with pytest.raises(Invalid):
        await world.admin.list_domains(after="x" * 321)


async def test_a_deleted_account_is_gone(world):
    """It logs in no more, its address is free, and its domain can go once it is empty."""
    with pytest.raises(Exists):
        await world.admin.delete_domain("a.example")
    await world.admin.delete_account("anna@a.example")
    with pytest.raises(Exception, match="invalid"):
        await world.check("anna@a.example")
    await world.admin.delete_domain("A.example")
    with pytest.raises(NotFound):
        await world.admin.get_domain("a.example")
