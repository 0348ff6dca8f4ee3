"""The hosts of an address: which are named, which is asked first, and what an answer means. The driver is a fake."""

import asyncpg
import pytest

from yubin.database import hosts
from yubin.database.hosts import ALONE, EACH, Hosts, each_host


class Driver:
    """``answers`` by port: an exception, or nothing, for a connection that takes writes."""

    def __init__(self, monkeypatch, **answers):
        self.answers, self.asked, self.given = answers, [], {}
        monkeypatch.setattr(hosts.asyncpg, "connect", self.connect)

    async def connect(self, dsn, **given):
        self.asked.append(dsn)
        self.given = given
        name = dsn.split("@")[1].split(":")[0]
        if self.answers.get(name):
            raise self.answers[name]
        return name


@pytest.mark.parametrize(
    ("dsn", "found"),
    [
        ("postgresql://u:p%2C@a/n", ["postgresql://u:p%2C@a/n"]),
        (
            "postgresql://u@a:5432,b:5433/n?sslmode=require",
            ["postgresql://u@a:5432/n?sslmode=require", "postgresql://u@b:5433/n?sslmode=require"],
        ),
        ("postgresql://[::1]:1,[::2]:2/n", ["postgresql://[::1]:1/n", "postgresql://[::2]:2/n"]),
        ("postgresql:///n?host=/run/postgresql", ["postgresql:///n?host=/run/postgresql"]),
    ],
)
def test_the_hosts_of_an_address(dsn, found):
    """Each host has the address' user, database and settings, and its own port."""
    assert each_host(dsn) == found


async def test_who_answered_last_is_asked_first(monkeypatch):
    """A host that is gone costs its seconds once, and not for every connection; when it is lost too the others follow."""
    driver = Driver(monkeypatch, a=OSError("gone"))
    house = Hosts("postgresql://u@a:1,b:1/n")
    assert [await house.connect("") for _ in range(2)] == ["b", "b"]
    assert [dsn[15:16] for dsn in driver.asked] == ["a", "b", "b"]
    driver.answers = {"b": TimeoutError()}
    assert await house.connect("") == "a"


async def test_a_standby_and_a_server_that_starts_are_passed_over(monkeypatch):
    """Only who takes writes is wanted; when nobody does, the last one's answer is raised."""
    standby = asyncpg.TargetServerAttributeNotMatched("standby")
    driver = Driver(monkeypatch, a=asyncpg.CannotConnectNowError("starting up"), b=standby)
    assert await Hosts("postgresql://u@a:1,b:1,c:1/n").connect("") == "c"
    driver.answers["c"] = standby
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        await Hosts("postgresql://u@a:1,b:1,c:1/n").connect("")


async def test_a_wrong_password_is_told_at_once(monkeypatch):
    """It is no outage, and the next host would not tell the operator more."""
    driver = Driver(monkeypatch, a=asyncpg.InvalidPasswordError("no"))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await Hosts("postgresql://u@a:1,b:1/n").connect("")
    assert len(driver.asked) == 1


async def test_what_each_connection_is_asked_for(monkeypatch):
    """Writes, unless the address says otherwise; a host among several has less time than one alone."""
    driver = Driver(monkeypatch)
    await Hosts("postgresql://u@a:1,b:1/n").connect("", command_timeout=5)
    assert driver.given == {"command_timeout": 5, "timeout": EACH, "target_session_attrs": "read-write"}
    await Hosts("postgresql://u@a:1/n?target_session_attrs=primary").connect("")
    assert driver.given == {"timeout": ALONE}
