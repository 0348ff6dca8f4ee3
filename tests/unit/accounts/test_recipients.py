"""Where mail goes, as the directory pod says it: addresses as typed, and the roles of RFC 5321 and RFC 2142."""

import pytest

from services.directory.recipients import DirectoryRecipients
from tests.unit.accounts.directory import World
from yubin.accounts.port import Destination, Kind
from yubin.errors import Invalid, Unavailable


@pytest.fixture
async def world():
    made = World()
    await made.people("anna@a.example")
    yield made
    made.close()


async def one(world, address, postmaster=""):
    (found,) = await DirectoryRecipients(world.store, postmaster=postmaster).lookup([address])
    return found


async def test_addresses_are_taken_as_typed(world):
    """Case, dots and quotes mean nothing in our domains; what is no address is nobody; the order is the question's."""
    asked = ["Anna@A.Example.", "x@b.example", '"ANNA"@a.example', "no address", "who@a.example"]
    found = await DirectoryRecipients(world.store).lookup(asked)
    assert [d.kind.name for d in found] == ["LOCAL", "NOT_LOCAL", "LOCAL", "UNKNOWN", "UNKNOWN"]
    assert found[0].accounts[0].address == "anna@a.example"
    with pytest.raises(Invalid):
        await DirectoryRecipients(world.store).lookup(["x@b.example"] * 1001)


async def test_every_domain_has_a_postmaster(world):
    """RFC 5321 4.5.1, RFC 2142 2: without one of its own it is the setting's, here or elsewhere; so is the bare one."""
    for address in ("Postmaster@a.example", "abuse@a.example", "Postmaster"):
        assert (await one(world, address)).kind is Kind.UNKNOWN
        here = await one(world, address, "Anna@a.example")
        assert [a.address for a in here.accounts] == ["anna@a.example"]
        there = await one(world, address, "Root@b.example")
        assert (there.kind, there.remote) == (Kind.LOCAL, ("Root@b.example",))
    assert there.tenant == ""
    assert (await one(world, "abuse@a.example", "Root@b.example")).tenant == "acme"
    assert await one(world, "postmaster@b.example", "anna@a.example") == Destination(kind=Kind.NOT_LOCAL)
    assert (await one(world, "sales@a.example", "anna@a.example")).kind is Kind.UNKNOWN


async def test_a_postmaster_of_its_own_comes_first(world):
    """An account, an alias, or the catch-all's owner."""
    await world.admin.put_alias("postmaster@a.example", ("bert@b.example",))
    assert (await one(world, "postmaster@a.example", "anna@a.example")).remote == ("bert@b.example",)
    await world.admin.create_domain("acme", "c.example", "anna@a.example")
    found = await one(world, "abuse@c.example", "root@b.example")
    assert [a.address for a in found.accounts] == ["anna@a.example"]


async def test_an_alias_that_cannot_be_resolved_is_logged(world, capsys):
    """451 4.3.5 for the sender, and an operator finds out which alias it is."""
    for n in range(12):
        await world.admin.put_alias(f"n{n}@a.example", (f"n{n + 1}@a.example",))
    with pytest.raises(Unavailable) as failure:
        await one(world, "n0@a.example")
    assert failure.value.enhanced == "4.3.5"
    assert "n0@a.example" in capsys.readouterr().out
