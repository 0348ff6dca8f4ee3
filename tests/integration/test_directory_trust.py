"""Who may speak to the directory at all, and who may ask it what."""

from pathlib import Path

import grpc
import pytest

from tests.integration.directory import LIGHT, running
from yubin.accounts.remote import DirectoryAdmin, RemoteDirectory, RemoteSessions
from yubin.errors import Denied, Failure, Unavailable
from yubin.runtime.certificates import issue
from yubin.v1 import directory_pb2 as pb
from yubin.v1 import directory_pb2_grpc as stubs

PODS = ("submission", "mx", "resolver", "delivery", "mailbox", "gateway", "api", "directory")
READERS = {"submission", "gateway", "api"}
MAIL = {"submission", "gateway"}
MAY = {
    "Authenticate": READERS,
    "AuthenticateToken": MAIL,
    "ScramFirst": MAIL,
    "ScramFinal": MAIL,
    "SigningKeys": READERS,
    "Lookup": {"mx", "submission", "delivery", "api"},
    "RenewSessions": {"gateway"},
    "SessionKeys": {"mailbox"},
}


@pytest.fixture(scope="module")
def pod(tmp_path_factory):
    with running(tmp_path_factory.mktemp("directory"), **LIGHT) as made:
        yield made


def credentials(of, ca=None, *, own=True):
    root = Path(ca or of.ca).read_bytes()
    return (
        grpc.ssl_channel_credentials(root, of.key.read_bytes(), of.cert.read_bytes())
        if own
        else (grpc.ssl_channel_credentials(root))
    )


async def refused(pod, with_, **more):
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await pod.ask(with_, **more)
    return failure.value.code()


async def test_the_right_certificate(pod):
    """The control: the same call with a caller's certificate is answered."""
    assert await pod.ask(credentials(issue(pod.certificates, "submission"))) is not None


async def test_in_clear(pod):
    """CASES L1: the port speaks TLS only."""
    assert await refused(pod, None) == grpc.StatusCode.UNAVAILABLE


async def test_without_a_client_certificate(pod):
    """CASES L1: a TLS client that shows none is turned away in the handshake."""
    code = await refused(pod, credentials(issue(pod.certificates, "submission"), own=False))
    assert code == grpc.StatusCode.UNAVAILABLE


async def test_with_a_certificate_of_another_ca(pod, tmp_path):
    """CASES L1: the name is right, the signature is not ours."""
    foreign = issue(tmp_path, "submission")
    ours = issue(pod.certificates, "submission")
    assert await refused(pod, credentials(foreign, ours.ca)) == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    "names",
    [["localhost"], ["submission"], ["submission.pod.yubin.evil.example"], ["evil-submission.pod.yubin"]],
)
async def test_with_a_certificate_of_no_pod(pod, names):
    """CASES L1: signed by our CA for another purpose, it is nobody inside."""
    outsider = issue(pod.certificates, f"outsider-{names[0]}", names)
    assert await refused(pod, credentials(outsider)) == grpc.StatusCode.PERMISSION_DENIED


async def test_the_client_checks_the_server_too(pod, tmp_path):
    """CASES L1: a pod that is not the directory, or whose CA is another, is not told any password."""
    ours = issue(pod.certificates, "submission")
    assert await refused(pod, credentials(ours), name="resolver.pod.yubin") == grpc.StatusCode.UNAVAILABLE
    foreign = issue(tmp_path, "submission")
    assert await refused(pod, credentials(ours, foreign.ca)) == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("caller", PODS)
async def test_each_pod_may_call_what_the_contract_says(pod, caller):
    """CASES F13, L2: every RPC by every identity; a foreign one is PERMISSION_DENIED before it is looked at."""
    async with pod.channel(caller) as channel:
        stub = stubs.DirectoryStub(channel)
        for method in pb.DESCRIPTOR.services_by_name["Directory"].methods:
            request = getattr(pb, method.input_type.name)()
            try:
                await getattr(stub, method.name)(request)
                denied = False
            except Failure as failure:
                denied = isinstance(failure, Denied)
            allowed = MAY.get(method.name, {"api"})
            assert denied == (caller not in allowed), f"{caller} called {method.name}"


async def test_the_pods_that_strangers_talk_to_reach_no_more_than_they_need(pod):
    """CASES F13, L2: a mx that was taken over learns addresses, a mailbox public keys, a gateway no address at all."""
    for caller in ("gateway", "mx", "mailbox", "delivery"):
        async with pod.channel(caller) as channel:
            admin, sessions = DirectoryAdmin(channel), RemoteSessions(channel)
            for call in (
                sessions.open("u@a.example"),
                admin.list_accounts(),
                admin.get_account("u@a.example"),
            ):
                with pytest.raises(Denied):
                    await call
    async with pod.channel("gateway") as channel:
        assert await RemoteSessions(channel).renew(["nonsense"]) == ("",)
        with pytest.raises(
            Unavailable
        ):  # the client's word for a refusal that is no verdict about the address
            await RemoteDirectory(channel).lookup(["u@a.example"])
    async with pod.channel("mailbox") as channel:
        (key,) = await RemoteSessions(channel).keys()
        assert len(key) == 32
        with pytest.raises(Denied):
            await RemoteSessions(channel).renew(["nonsense"])
