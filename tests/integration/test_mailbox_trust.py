"""Who may speak to the mailbox pod, about whose mail, and with which tokens."""

import asyncio
import base64
import json
import time

import pytest

from services.mailbox import local
from services.mailbox.talk import SPOKEN
from tests.integration.mailbox import desk, letter, pieces
from yubin.accounts.session import SessionSigner
from yubin.errors import Denied, Failure, Invalid, Unauthenticated, Unavailable
from yubin.mailboxes.remote import WHOLE, RemoteAccount, compare
from yubin.v1 import mailbox_pb2 as pb
from yubin.v1 import mailbox_pb2_grpc as stubs

PODS = ("submission", "mx", "resolver", "delivery", "mailbox", "gateway", "api", "directory")
METHODS = pb.DESCRIPTOR.services_by_name["Mailbox"].methods


async def call(stub, method, request):
    """Any method, whatever its kind."""
    ask = getattr(stub, method.name)
    answer = ask(pieces(request)) if method.client_streaming else ask(request)
    if method.server_streaming:
        return [message async for message in answer]
    return await answer


@pytest.mark.parametrize("caller", PODS)
async def test_each_pod_may_call_what_the_contract_says(tmp_path, caller):
    """CASES F13, L2: every RPC by every identity, streams too; a foreign one is denied before it is looked at."""
    async with desk(tmp_path) as d:
        stub = stubs.MailboxStub(d.channel(caller))
        denied = set()
        for method in METHODS:
            try:
                await call(stub, method, getattr(pb, method.input_type.name)())
            except Denied:
                denied.add(method.name)
            except Failure:
                continue
    names = {method.name for method in METHODS}
    bringers, owners = {"Deliver", "Usage"}, {"Forget"}
    allowed = {
        "mx": bringers,
        "delivery": bringers,
        "gateway": names - bringers - owners,
        "api": names - bringers,
    }
    assert denied == names - allowed.get(caller, set())


def tampered(token):
    """The same claims about another account, under the old signature."""
    head, _, signature = token.split(".")
    claims = {"sub": "bob", "aud": "mailbox", "exp": int(time.time()) + 900, "quota": 0}
    return ".".join((head, _encoded(claims), signature))


def unsigned(token):
    claims = token.split(".")[1]
    return f"{_encoded({'alg': 'none'})}.{claims}."


def _encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


BAD = {
    "none": lambda _: "",
    "tampered": tampered,
    "unsigned": unsigned,
    "cut": lambda token: token[:-4],
    "expired": lambda _: SessionSigner(b"0123456789abcdef", clock=lambda: time.time() - 3600).issue(
        "anna", 0
    ),
    "of another directory": lambda _: SessionSigner(b"another secret 16").issue("anna", 0),
    "long": lambda token: token + "x" * 10_000,
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_token_that_does_not_hold_opens_nothing(tmp_path, kind):
    """CASES F10: every call with it is UNAUTHENTICATED, streams too, and nothing changes."""
    async with desk(tmp_path) as d:
        await d.intake.deliver(letter())
        bad = BAD[kind](d.session("anna"))
        stub = stubs.MailboxStub(d.channel("api"))
        for method in METHODS:
            request = getattr(pb, method.input_type.name)()
            if method.name in {"Deliver", "Usage", "Compare", "Talk"}:
                continue
            if method.name == "Append":
                request.start.session = bad
            else:
                request.session = bad
            with pytest.raises(Unauthenticated):
                await call(stub, method, request)
        assert await compare(d.channel("gateway"), [(bad, 1)]) == [None]
        assert (await d.mailboxes.usage(["anna"]))["anna"].messages == 1


@pytest.mark.parametrize("kind", BAD)
async def test_a_token_that_does_not_hold_opens_nothing_that_is_spoken(tmp_path, kind):
    """CASES F10: over Talk each method is UNAUTHENTICATED as well, beside others that are answered."""
    async with desk(tmp_path) as d:
        await d.intake.deliver(letter())
        bad, talk = BAD[kind](d.session("anna")), d.talk("api")
        for method, request_type in SPOKEN.items():
            if method == "Compare":
                continue
            request = request_type(start={"session": bad}) if method == "AppendWhole" else request_type()
            if method != "AppendWhole":
                request.session = bad
            with pytest.raises(Unauthenticated):
                await talk.call(method, request, pb.Place)
        assert (await d.mailboxes.usage(["anna"]))["anna"].messages == 1


async def test_the_same_token_may_be_shown_again_until_it_ends(tmp_path):
    """The control: a good one opens its account, and no other."""
    async with desk(tmp_path) as d:
        await d.intake.deliver(letter("x", "anna"))
        for _ in range(2):
            assert (await d.account("anna").usage()).messages == 1
        assert (await d.account("bob").usage()).messages == 0


async def test_what_changed_in_many_mailboxes(tmp_path):
    """One call for all: those that are gone, foreign, or whose session ended are told apart from those that are not."""
    async with desk(tmp_path) as d:
        (place,) = await d.intake.deliver(letter("x", "anna"))
        anna, bob = d.session("anna"), d.session("bob")
        made = await d.account("anna").create("Secret")
        items = [(anna, 1), (bob, 1), (anna, 99), (bob, made.id), ("x", 1)]
        found = await compare(d.channel("gateway"), items)
        assert found[0] == (place.modseq, 2)
        assert found[2:] == [None, None, None]


async def test_too_much_at_once(tmp_path):
    """DESIGN I7: lists that are longer than the contract says are refused."""
    async with desk(tmp_path) as d:
        with pytest.raises(Invalid):
            await stubs.MailboxStub(d.channel("mx")).Usage(pb.UsageRequest(accounts=["x"] * 1001))
        items = [pb.CompareItem(session="x", mailbox_id=1)] * 10_001
        with pytest.raises(Invalid):
            await stubs.MailboxStub(d.channel("gateway")).Compare(pb.CompareRequest(items=items))


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Store", pb.StoreRequest(mailbox_id=1, uids=[1], how="burn")),
        ("Match", pb.MatchRequest(mailbox_id=1, words=[pb.MatchWord(text="x", where="elsewhere")])),
        ("CreateMailbox", pb.CreateMailboxRequest(name="a\r\nb")),
        ("CreateMailbox", pb.CreateMailboxRequest(name="x" * 1001)),
        ("RenameMailbox", pb.RenameMailboxRequest(mailbox_id=3, name="")),
        ("Subscribe", pb.SubscribeRequest(name="a\0b", on=True)),
    ],
)
async def test_a_request_that_means_nothing(tmp_path, method, request_):
    """CASES E16, H7: INVALID_ARGUMENT, and not a fault of ours."""
    async with desk(tmp_path) as d:
        await d.intake.deliver(letter())
        request_.session = d.session()
        with pytest.raises(Invalid):
            await getattr(stubs.MailboxStub(d.channel("api")), method)(request_)


async def test_an_append_without_a_beginning(tmp_path):
    """A stream whose first message does not say what comes is Invalid; so is an empty one."""
    async with desk(tmp_path) as d:
        stub = stubs.MailboxStub(d.channel("gateway"))
        for requests in ((pb.AppendRequest(data=b"x"),), ()):
            with pytest.raises(Invalid):
                await stub.Append(pieces(*requests))


async def test_a_letter_that_comes_too_slowly(tmp_path, monkeypatch):
    """DESIGN I7: who announces a letter and does not bring it is sent away, and his room is free again."""
    monkeypatch.setattr(local, "GRACE", 0.2)
    monkeypatch.setattr(local, "LEAST_RATE", 10**9)
    async with desk(tmp_path) as d:
        never = asyncio.Event()

        async def body():
            yield b"x"
            await never.wait()

        with pytest.raises(Unavailable):
            await d.account().append(1, body(), WHOLE + 1)
        assert d.storage.appended._free == d.storage.appended._all
        assert (await d.account().usage()).messages == 0


async def test_a_client_that_leaves_in_the_middle_of_an_append(tmp_path):
    """CASES A11: nothing is stored, and the room that its letter had is free again."""
    async with desk(tmp_path) as d:
        size = WHOLE + 1  # a smaller one would be gathered before it goes
        d.storage.appended._all = d.storage.appended._free = size
        token = d.session()

        async def body():
            yield b"x" * 500
            raise ConnectionResetError

        for _ in range(3):
            with pytest.raises(ConnectionResetError):
                await RemoteAccount(d.talk(), lambda: token).append(1, body(), size)
        await d.account().append(1, pieces(b"y" * size), size)
        assert (await d.account().usage()).messages == 1
