"""The directory's client: what it remembers, for how long, and for whom."""

import asyncio

import pytest

from tests.unit.accounts.directory import Clock
from yubin.accounts.port import Destination, Kind, LocalAccount
from yubin.accounts.remote import DirectoryAdmin, RemoteDirectory, RemoteSessions
from yubin.errors import Denied, Exhausted, Internal, Unauthenticated, Unavailable
from yubin.v1 import directory_pb2 as pb


class Channel:
    """A directory at the other end: it knows one password, and may be away."""

    def __init__(self):
        self.calls = []
        self.failure = None
        self.valid_for_ms = 60_000
        self.session_for_ms = 0
        self.passwords = {"anna@a.example": "correct horse", "bert@a.example": "battery staple"}
        self.domains = {"a.example"}
        self.gate = None

    def unary_unary(self, method, **_codecs):
        async def call(request, timeout=None):
            self.calls.append(request)
            if self.gate:
                await self.gate.wait()
            if self.failure:
                raise self.failure
            return getattr(self, method.rpartition("/")[2])(request)

        return call

    def Authenticate(self, request):  # noqa: N802
        if self.passwords.get(request.login) != request.password:
            raise Unauthenticated("no")
        return pb.AuthenticateResponse(
            tenant="acme",
            account=request.login,
            login=request.login,
            senders=[request.login],
            limits=pb.Limits(per_hour=7),
            valid_for_ms=self.valid_for_ms,
            session=f"token-{len(self.calls)}" if self.session_for_ms else "",
            session_for_ms=self.session_for_ms,
        )

    def AuthenticateToken(self, request):  # noqa: N802
        if request.token != "right":
            raise Unauthenticated("no")
        return pb.AuthenticateResponse(
            account="anna@a.example", login="anna@a.example", valid_for_ms=self.valid_for_ms
        )

    def Lookup(self, request):  # noqa: N802
        account = pb.LocalAccount(id="1", address="anna@a.example", quota_bytes=2**40, message_bytes=9)
        kinds = {
            "anna@a.example": pb.Destination(
                kind=pb.Destination.LOCAL, tenant="acme", accounts=[account], remote=["x@b.example"]
            ),
            "gone@a.example": pb.Destination(
                kind=pb.Destination.MOVED, tenant="acme", moved_to="x@b.example"
            ),
            "off@a.example": pb.Destination(kind=pb.Destination.DISABLED, tenant="acme"),
        }
        unknown = pb.Destination(kind=pb.Destination.UNKNOWN)
        found = [
            kinds.get(a, unknown) if a.endswith("@a.example") else pb.Destination() for a in request.addresses
        ]
        return pb.LookupResponse(destinations=found, valid_for_ms=self.valid_for_ms)

    def RenewSessions(self, request):  # noqa: N802
        return pb.RenewSessionsResponse(sessions=[f"new-{token}" for token in request.sessions])

    def SigningKeys(self, request):  # noqa: N802
        keys = [
            pb.SigningKey(domain=request.domain, selector="y1", algorithm="rsa-sha256", private_pem=b"pem")
        ]
        return pb.SigningKeysResponse(
            keys=keys if request.domain in self.domains else [], valid_for_ms=self.valid_for_ms
        )


@pytest.fixture
def channel():
    return Channel()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def directory(channel, clock):
    return RemoteDirectory(channel, entries=100, clock=clock)


def ask(directory, login="anna@a.example", password="correct horse", peer="192.0.2.1", service="imap"):
    return directory.authenticate(login, password, peer=peer, service=service)


async def test_a_password_that_held_is_asked_once_a_minute(directory, channel, clock):
    """And from anywhere: who knows the password is the user."""
    first = await ask(directory)
    assert first.limits.per_hour == 7
    clock.now += 59
    assert await ask(directory, peer="192.0.2.9") == first
    assert len(channel.calls) == 1
    clock.now += 2
    await ask(directory)
    assert len(channel.calls) == 2


async def test_no_answer_is_kept_longer_than_a_minute(directory, channel, clock):
    """Whatever the directory says; and not at all when it says so."""
    channel.valid_for_ms = 3_600_000
    await ask(directory)
    clock.now += 61
    channel.valid_for_ms = 0
    await ask(directory)
    await ask(directory)
    assert len(channel.calls) == 3


async def test_a_failure_is_never_remembered(directory, channel):
    """A password that was set a moment ago holds at once."""
    with pytest.raises(Unauthenticated):
        await ask(directory, password="new password")
    channel.passwords["anna@a.example"] = "new password"
    assert await ask(directory, password="new password")


async def test_the_cache_never_gives_another_user(directory, channel):
    """CASES F11: login, password and service must all be the same, and no framing makes two questions one."""
    channel.passwords |= {"a": "b\0c", "a\0b": "other"}
    assert (await ask(directory)).login == "anna@a.example"
    assert (await ask(directory, "a", "b\0c")).login == "a"
    for login, password in (
        ("bert@a.example", "correct horse"),
        ("anna@a.example", "battery staple"),
        ("anna@a.example", "correct hors"),
        ("anna@a.examplec", "orrect horse"),
        ("a\0b", "c"),
        ("", "a\0b\0c"),
    ):
        with pytest.raises(Unauthenticated):
            await ask(directory, login, password)
    logins = ["anna@a.example", "bert@a.example"] * 100
    found = await asyncio.gather(*(ask(directory, x, channel.passwords[x]) for x in logins))
    assert [identity.login for identity in found] == logins
    before = len(channel.calls)
    await ask(directory, service="submission")
    assert len(channel.calls) == before + 1


async def test_equal_checks_at_once_are_one_call(directory, channel):
    """A program that opens ten connections costs one hash; one that leaves takes nobody with it."""
    channel.gate = asyncio.Event()
    asking = [asyncio.ensure_future(ask(directory)) for _ in range(10)]
    await asyncio.sleep(0)
    asking[0].cancel()
    channel.gate.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert {r.login for r in results[1:]} == {"anna@a.example"}
    assert len(channel.calls) == 1


async def test_addresses_are_throttled_apart(directory, channel):
    """Equal guesses from two addresses are two calls, so that one's throttle is not the other's."""
    channel.gate = asyncio.Event()
    asking = [asyncio.ensure_future(ask(directory, peer=f"192.0.2.{n}")) for n in range(2)]
    await asyncio.sleep(0)
    channel.gate.set()
    await asyncio.gather(*asking)
    assert {call.peer for call in channel.calls} == {"192.0.2.0", "192.0.2.1"}


@pytest.mark.parametrize(
    ("login", "password"),
    [("anna@a.example", "x" * 12_500), ("x" * 12_500, "y"), ("anna@a.example", "\udcff"), ("\ud800", "x")],
)
async def test_what_cannot_be_a_password_is_not_sent(directory, channel, login, password):
    """CASES F9: 12 KB and bytes that are no UTF-8 are refused here, with 535 5.7.8."""
    with pytest.raises(Unauthenticated) as refused:
        await ask(directory, login, password)
    assert (refused.value.code, refused.value.enhanced) == (535, "5.7.8")
    assert channel.calls == []


@pytest.mark.parametrize("failure", [Unavailable("away"), Internal("a fault of ours")])
async def test_a_directory_that_is_away_is_a_temporary_failure(directory, channel, failure):
    """RFC 4954 6: 454 4.7.0, and a mail program asks for no new password."""
    channel.failure = failure
    with pytest.raises(Unavailable) as refused:
        await ask(directory)
    assert (refused.value.code, refused.value.enhanced) == (454, "4.7.0")
    channel.failure = Exhausted("busy", code=454, enhanced="4.7.0")
    with pytest.raises(Exhausted):
        await ask(directory)


async def test_passwords_are_not_kept(directory):
    """CASES L8: the table holds digests under a key of this process, and another process has others."""
    other = RemoteDirectory(Channel())
    await ask(directory)
    await ask(other)
    assert [len(key) for key in directory._logins._known] == [32]
    assert "correct horse" not in repr(vars(directory))
    assert directory._logins._known.keys() != other._logins._known.keys()


async def test_tables_are_bounded(directory, channel):
    """The least recently used is forgotten."""
    channel.passwords |= {f"u{n}": "password" for n in range(1000)}
    for n in range(1000):
        await ask(directory, f"u{n}", "password")
        await directory.signing_keys(f"d{n}.example")
        await directory.signing_keys("a.example")
    assert len(directory._logins._known) == len(directory._keys) == 100
    assert sum(getattr(call, "domain", "") == "a.example" for call in channel.calls) == 1
    assert directory._logins._checks._under_way == directory._fetches._under_way == {}


async def test_a_remembered_identity_hands_out_a_session_that_is_still_good(directory, channel, clock):
    """A log-in every minute is one check; the session that it gets has half its life left at least, and says how much."""
    channel.session_for_ms = 60_000
    first = await ask(directory)
    assert (first.session, first.session_for) == ("token-1", 60.0)
    clock.now += 29
    again = await ask(directory)
    assert (again.session, again.session_for) == ("token-1", 31.0)
    clock.now += 2
    fresh = await ask(directory)
    assert (fresh.session, fresh.session_for) == ("token-2", 60.0)
    assert "token-2" not in repr(fresh)


async def test_a_session_in_the_cache_never_outlives_the_password(directory, channel, clock):
    """However long sessions last, the password is checked again after a minute."""
    channel.session_for_ms = 900_000
    await ask(directory)
    clock.now += 59
    assert (await ask(directory)).session_for == 841.0
    clock.now += 2
    channel.passwords["anna@a.example"] = "changed"
    with pytest.raises(Unauthenticated):
        await ask(directory)


async def test_where_mail_goes_crosses_the_wire(directory, channel):
    """Every kind of answer arrives as it was given, and is remembered."""
    account = LocalAccount(id="1", address="anna@a.example", quota=2**40, message_size=9)
    wanted = {
        "anna@a.example": Destination(
            kind=Kind.LOCAL, tenant="acme", accounts=(account,), remote=("x@b.example",)
        ),
        "gone@a.example": Destination(kind=Kind.MOVED, tenant="acme", moved_to="x@b.example"),
        "off@a.example": Destination(kind=Kind.DISABLED, tenant="acme"),
        "who@a.example": Destination(kind=Kind.UNKNOWN),
        "x@b.example": Destination(kind=Kind.NOT_LOCAL),
    }
    for _ in range(2):
        assert await directory.lookup(list(wanted)) == tuple(wanted.values())
    assert len(channel.calls) == 1


async def test_sessions_are_renewed_in_batches(channel):
    """At most a thousand a call; the order is that of the question."""
    tokens = [f"t{n}" for n in range(2001)]
    assert await RemoteSessions(channel).renew(tokens) == tuple(f"new-{token}" for token in tokens)
    assert [len(call.sessions) for call in channel.calls] == [1000, 1000, 1]


async def test_keys_hold_as_long_as_the_directory_says(directory, channel, clock):
    """Asked once for many letters, and again afterwards."""
    channel.valid_for_ms = 30_000
    found = await asyncio.gather(*(directory.signing_keys("a.example") for _ in range(50)))
    assert {keys[0].selector for keys in found} == {"y1"}
    clock.now += 29
    await directory.signing_keys("a.example")
    assert len(channel.calls) == 1
    clock.now += 2
    await directory.signing_keys("a.example")
    assert len(channel.calls) == 2


async def test_letters_are_signed_while_the_directory_is_away(directory, channel, clock):
    """For an hour beyond the keys' time, and it is asked every five seconds, not for each letter."""
    keys = await directory.signing_keys("a.example")
    channel.failure = Unavailable("away")
    clock.now += 61
    for _ in range(100):
        assert await directory.signing_keys("a.example") == keys
    assert len(channel.calls) == 2
    clock.now += 6
    assert await directory.signing_keys("a.example") == keys
    assert len(channel.calls) == 3
    clock.now += 3600
    with pytest.raises(Unavailable):
        await directory.signing_keys("a.example")


async def test_that_there_is_no_key_is_not_held_on_to(directory, channel, clock):
    """While the directory is away a letter waits rather than leave unsigned; a refusal is a refusal."""
    assert await directory.signing_keys("b.example") == ()
    clock.now += 61
    channel.failure = Unavailable("away")
    with pytest.raises(Unavailable):
        await directory.signing_keys("b.example")
    channel.failure = Denied("this pod may not call that")
    with pytest.raises(Denied):
        await directory.signing_keys("a.example")


async def test_update_sends_only_what_is_given(channel):
    """None is not False and not 0."""
    channel.UpdateAccount = lambda request: pb.Account(address=request.address)
    admin = DirectoryAdmin(channel)
    await admin.update_account("u@a.example")
    await admin.update_account("u@a.example", enabled=False)
    await admin.update_account("u@a.example", moved_to="")
    bare, off, back = channel.calls
    assert not bare.HasField("enabled")
    assert not bare.HasField("limits")
    assert off.HasField("enabled")
    assert not off.enabled
    assert not off.HasField("moved_to")
    assert back.HasField("moved_to")
    assert not back.HasField("enabled")


async def test_a_token_is_remembered_for_what_is_left_of_it(directory, channel, clock):
    """CASES F10, F11: as long as the directory says, for the same login and service; never as a password, never a wrong one."""
    where = {"peer": "192.0.2.1", "service": "imap"}
    channel.valid_for_ms = 5000
    for _ in range(2):
        assert (await directory.token("", "right", **where)).login == "anna@a.example"
    assert len(channel.calls) == 1
    with pytest.raises(Unauthenticated):
        await directory.authenticate("", "right", **where)
    await directory.token("anna@a.example", "right", **where)
    await directory.token("", "right", peer="192.0.2.1", service="pop3")
    clock.now += 5
    await directory.token("", "right", **where)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await directory.token("", "wrong", **where)
    assert len(channel.calls) == 7
    with pytest.raises(Unauthenticated):
        await directory.token("", "x" * 32769, **where)
    assert len(channel.calls) == 7
