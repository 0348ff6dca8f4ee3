"""App passwords: random, for some services, cheap to check, and nobody is told one twice."""

import re

import pytest
from structlog.testing import capture_logs

from tests.unit.accounts.directory import NOVEMBER, World
from yubin.errors import Exhausted, Invalid, NotFound, Unauthenticated

ANNA = "anna@a.example"


@pytest.fixture
async def world():
    made = World()
    await made.people(ANNA, "bert@a.example")
    yield made
    made.close()


async def test_it_opens_what_it_is_for(world):
    """However it is typed; and beside the password of the account."""
    made, password = await world.admin.add_app_password(ANNA, "phone", ["imap", "submission"])
    assert re.fullmatch(r"app-[a-z2-7]{8}(-[a-z2-7]{5}){4}", password)
    for typed in (password, password.upper(), f" {password}\n"):
        assert (await world.check(ANNA, typed, service="imap")).login == ANNA
    assert (await world.check(ANNA)).login == ANNA
    with pytest.raises(Unauthenticated):
        await world.check(ANNA, password, service="pop3")
    assert made.id in password


@pytest.mark.parametrize("login", ["bert@a.example", "nobody@a.example", "no address"])
async def test_it_is_of_one_account(world, login):
    """CASES F11: never another's, and the same refusal for whoever does not exist."""
    _, password = await world.admin.add_app_password(ANNA, "phone")
    with pytest.raises(Unauthenticated, match="Authentication credentials invalid"):
        await world.check(login, password)
    with pytest.raises(Unauthenticated):
        await world.check(ANNA, password[:-1] + ("a" if password[-1] != "a" else "b"))


async def test_checking_one_costs_no_argon2id(world):
    """Neither for a right one nor for a wrong one, whether the login exists or not."""
    _, password = await world.admin.add_app_password(ANNA, "phone")

    async def never(encoded, plain):
        raise AssertionError("a hash was made")

    world.hasher.verify = never
    await world.check(ANNA, password)
    for login in (ANNA, "nobody@a.example"):
        with pytest.raises(Unauthenticated):
            await world.check(login, "app-aaaaaaaa-bbbbb-ccccc-ddddd-eeeee")


async def test_what_is_kept_opens_nothing(world):
    """CASES L8: neither the store nor the log holds what would let anybody in."""
    with capture_logs() as logs:
        _, password = await world.admin.add_app_password(ANNA, "phone")
        await world.check(ANNA, password)
    (kept,) = await world.store.app_passwords(ANNA)
    for part in password.split("-")[2:]:
        assert part not in kept.value
        assert part not in str(logs)
    assert "value" not in repr(kept)


async def test_they_are_listed_and_removed(world):
    """With when each was last used, to the hour; and what was removed is another's no more."""
    first, password = await world.admin.add_app_password(ANNA, "phone")
    await world.admin.add_app_password(ANNA, "printer", ["submission"])
    world.clock.now = 2 * 3600.0
    await world.check(ANNA, password)
    found = {one.name: one for one in await world.admin.list_app_passwords(ANNA)}
    assert found["phone"].used == (NOVEMBER + 7200) // 3600 * 3600
    assert found["printer"].used is None
    assert found["phone"].services == {"imap", "pop3", "submission"}
    assert found["printer"].services == {"submission"}
    await world.admin.remove_app_password(ANNA, first.id)
    with pytest.raises(Unauthenticated):
        await world.check(ANNA, password)
    for address, id_ in ((ANNA, first.id), ("bert@a.example", found["printer"].id), (ANNA, "x' OR 1=1")):
        with pytest.raises(NotFound):
            await world.admin.remove_app_password(address, id_)


async def test_a_new_password_leaves_them_and_a_removed_account_does_not(world):
    """An account made again at the address has none of them."""
    _, password = await world.admin.add_app_password(ANNA, "phone")
    await world.admin.set_password(ANNA, "another horse")
    assert (await world.check(ANNA, password)).login == ANNA
    await world.admin.update_account(ANNA, enabled=False)
    with pytest.raises(Unauthenticated):
        await world.check(ANNA, password)
    await world.admin.delete_account(ANNA)
    await world.admin.create_account(ANNA, "correct horse")
    assert await world.admin.list_app_passwords(ANNA) == ()
    with pytest.raises(Unauthenticated):
        await world.check(ANNA, password)


async def test_app_passwords_only(world):
    """The account's own password opens no mail service then, still costs a hash, and opens the api."""
    _, password = await world.admin.add_app_password(ANNA, "phone")
    assert (await world.admin.update_account(ANNA, app_only=True)).app_only
    for service in ("submission", "imap", "pop3"):
        with pytest.raises(Unauthenticated):
            await world.check(ANNA, service=service)
        assert (await world.check(ANNA, password, service=service)).login == ANNA
    assert (await world.check(ANNA, service="api")).login == ANNA
    with pytest.raises(Unauthenticated):
        await world.check(ANNA, password, service="api")


@pytest.mark.parametrize(
    ("name", "services"),
    [("", []), ("x" * 65, []), ("a\r\nb", []), ("\x1b[31m", []), ("phone", ["ftp"]), ("phone", ["api"])],
)
async def test_names_and_services_are_checked(world, name, services):
    """CASES E16: a name goes to terminals later."""
    with pytest.raises(Invalid):
        await world.admin.add_app_password(ANNA, name, services)


async def test_there_is_a_most(world):
    """Fifty of an account; of an unknown one none."""
    for n in range(50):
        await world.admin.add_app_password(ANNA, f"n {n}")
    with pytest.raises(Exhausted):
        await world.admin.add_app_password(ANNA, "one more")
    with pytest.raises(NotFound):
        await world.admin.add_app_password("nobody@a.example", "phone")


async def test_a_persons_password_has_not_their_form(world):
    """It would never be checked as what it is."""
    for call in (world.admin.set_password, world.admin.create_account):
        with pytest.raises(Invalid):
            await call(ANNA, "APP-aaaaaaaa-bbbbb-ccccc-ddddd-eeeee")


async def test_guessing_is_throttled(world):
    """CASES F7: as with any password."""
    outcomes = {Unauthenticated: 0, Exhausted: 0}
    for _ in range(50):
        with pytest.raises((Unauthenticated, Exhausted)) as failure:
            await world.check(ANNA, "app-aaaaaaaa-bbbbb-ccccc-ddddd-eeeee")
        outcomes[type(failure.value)] += 1
    assert outcomes == {Unauthenticated: 20, Exhausted: 30}
