"""The resolver as a pod: real process, real DNS server, mutual TLS; and the router that the other pods use."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time

import pytest

from tests.integration.resolver import ResolverPod
from yubin.dns.message import VERDICTS
from yubin.dns.port import Verdict
from yubin.dns.remote import RemoteRouter, Terms
from yubin.errors import Denied, Failure, Invalid, Unavailable
from yubin.v1 import resolver_pb2 as pb
from yubin.v1.resolver_pb2_grpc import ResolverStub

ZONE = """
$ORIGIN example.
@ 60 SOA ns h 1 3600 600 86400 30
good 60 MX 10 mx.good
good 60 TXT "v=spf1 -all"
mx.good 60 A 8.8.8.8
equal 60 MX 10 one.equal
equal 60 MX 10 two.equal
one.equal 60 A 8.8.8.1
two.equal 60 A 8.8.8.2
null 60 MX 0 .
inside 60 A 10.0.0.1
$ORIGIN .
8.8.8.8.in-addr.arpa. PTR mx.good.example.
2.0.0.127.bl.example. A 127.0.0.2
"""
PATIENT = Terms(deadline=0.6, patience=0.3, recheck=5)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pod(tmp_path, dns_server):
    dns_server.load(ZONE)
    made = ResolverPod(tmp_path, dns_server.setting)
    made.start()
    yield made
    made.thaw()
    made.kill()


@pytest.mark.parametrize(
    ("domain", "verdict"),
    [
        ("GOOD.example.", Verdict.OK),
        ("null.example", Verdict.NULL_MX),
        ("missing.example", Verdict.NO_DOMAIN),
        ("inside.example", Verdict.INWARD),
        ("[127.0.0.1]", Verdict.INWARD),
        ("a..b", Verdict.INVALID),
        ("down.example", Verdict.TEMPORARY),
    ],
)
async def test_every_verdict_crosses_the_wire(pod, dns_server, domain, verdict):
    """CASES D1 D5 D11: what DNS says is an answer and never a gRPC error."""
    dns_server.failures["down.example"] = "servfail"
    async with pod.channel() as channel:
        found = await RemoteRouter(channel).route(domain)
    assert found.verdict is verdict
    assert bool(found.hosts) == (verdict is Verdict.OK) == (found.reason == "")


async def test_a_route_has_all_its_parts(pod):
    """Canonical domain, site, provider, hosts with addresses, and how long it holds."""
    async with pod.channel("mx") as channel:
        found = await RemoteRouter(channel).route("Good.Example")
    assert (found.domain, found.site, found.provider, found.stale) == (
        "good.example",
        "good.example",
        "other",
        False,
    )
    assert [(h.name, h.preference, h.addresses) for h in found.hosts] == [
        ("mx.good.example", 10, ("8.8.8.8",))
    ]
    assert 0 < found.valid_for <= 60


async def test_text_reverse_and_blocklist_answer(pod, dns_server):
    """The other RPCs: found, absent, and temporary where the server is silent."""
    dns_server.failures["2.0.0.127.slow.example"] = "drop"
    async with pod.channel("mx") as channel:
        stub = ResolverStub(channel)
        text = await stub.Text(pb.TextRequest(name="good.example"))
        none = await stub.Text(pb.TextRequest(name="_dmarc.good.example"))
        back = await stub.Reverse(pb.ReverseRequest(address="8.8.8.8"))
        listed = await stub.Blocklist(
            pb.BlocklistRequest(subject="127.0.0.2", zones=["bl.example", "slow.example", "none.example"])
        )
    assert (text.answer, list(text.texts)) == (pb.ANSWER_FOUND, ["v=spf1 -all"])
    assert none.answer == pb.ANSWER_NONE
    assert (back.answer, list(back.confirmed)) == (pb.ANSWER_FOUND, ["mx.good.example"])
    assert [x.answer for x in listed.listings] == [pb.ANSWER_FOUND, pb.ANSWER_TEMPORARY, pb.ANSWER_NONE]


async def test_a_wrong_request_is_invalid_and_a_stranger_is_denied(pod):
    """A bad name is the caller's mistake; only the named pods may ask."""
    async with pod.channel("api") as channel:
        with pytest.raises(Invalid):
            await ResolverStub(channel).Text(pb.TextRequest(name="a b"))
        with pytest.raises(Invalid):
            await ResolverStub(channel).Blocklist(
                pb.BlocklistRequest(subject="8.8.8.8", zones=["z.example"] * 21)
            )
    async with pod.channel("gateway") as channel:
        with pytest.raises(Denied):
            await ResolverStub(channel).Route(pb.RouteRequest(domain="good.example"))


@pytest.mark.parametrize(
    "caller", ["submission", "mx", "resolver", "delivery", "mailbox", "gateway", "api", "directory"]
)
async def test_each_pod_may_ask_what_the_contract_says(pod, caller):
    """CASES L2: every RPC by every identity; a foreign one is PERMISSION_DENIED before it is looked at."""
    async with pod.channel(caller) as channel:
        stub = ResolverStub(channel)
        for method in pb.DESCRIPTOR.services_by_name["Resolver"].methods:
            request = getattr(pb, method.input_type.name)()
            try:
                await getattr(stub, method.name)(request)
                denied = False
            except Failure as failure:
                denied = isinstance(failure, Denied)
            assert denied == (caller not in {"submission", "mx", "delivery", "api"}), method.name


async def test_killed_resolvers_leave_the_cache_and_then_defer(pod):
    """CASES D6: resolver pods killed → fresh, then stale routes from the cache; without one Unavailable (451 4.4.3)."""
    clock = Clock()
    async with pod.channel() as channel:
        router = RemoteRouter(channel, PATIENT, clock)
        await router.route("good.example")
        await router.route("null.example")
        pod.kill()
        assert (await router.route("good.example")).stale is False
        clock.now += 100
        old = await router.route("good.example")
        assert (old.verdict, old.stale, old.hosts[0].addresses) == (Verdict.OK, True, ("8.8.8.8",))
        for domain in ("other.example", "null.example"):  # an expired refusal never stands in
            with pytest.raises(Unavailable) as raised:
                await router.route(domain)
            assert (raised.value.code, raised.value.enhanced) == (451, "4.4.3")
        pod.start()
        clock.now += 10
        async with asyncio.timeout(20):
            while (await router.route("good.example")).stale:
                clock.now += 10
                await asyncio.sleep(0.1)


async def test_a_stale_route_ends(pod):
    """CASES D6: after `stale_for` an old route stands in no more."""
    clock = Clock()
    async with pod.channel() as channel:
        router = RemoteRouter(channel, Terms(deadline=0.5, stale_for=1000), clock)
        await router.route("good.example")
        pod.kill()
        clock.now += 2000
        with pytest.raises(Unavailable):
            await router.route("good.example")


async def test_a_slow_resolver_costs_little_where_a_route_is_held(pod):
    """CASES D6: +5 s → the held route after the patience, Unavailable after the deadline, and never a bounce."""
    clock = Clock()
    async with pod.channel() as channel:
        router = RemoteRouter(channel, PATIENT, clock)
        await router.route("good.example")
        pod.freeze()
        clock.now += 100
        began = time.monotonic()
        assert (await router.route("good.example")).stale
        assert time.monotonic() - began < PATIENT.deadline
        with pytest.raises(Unavailable):
            await router.route("other.example")
        assert time.monotonic() - began < 4


async def test_dns_that_fails_leaves_the_held_route(pod, dns_server):
    """CASES D6: a resolver that has just started, without DNS, says TEMPORARY; the caller's own old route is better."""
    clock = Clock()
    async with pod.channel() as channel:
        router = RemoteRouter(channel, Terms(), clock)
        await router.route("good.example")
        pod.kill()
        dns_server.failures["*"] = "servfail"
        pod.start()
        clock.now += 100
        async with asyncio.timeout(20):
            while not (found := await router.route("good.example")).stale:
                await asyncio.sleep(0.1)
    assert found.verdict is Verdict.OK


async def test_many_letters_for_a_domain_make_one_call(pod):
    """No unary call for each letter: a hundred at a time join one, and later ones take what is held."""
    async with pod.channel() as channel:
        router = RemoteRouter(channel)
        await asyncio.gather(*(router.route("good.example") for _ in range(100)))
        for _ in range(100):
            await router.route("GOOD.example")
    assert pod.metric('yubin_rpc_server_seconds_count{method="Resolver.Route"') == 1


async def test_equal_hosts_are_shuffled_each_time(pod):
    """RFC 5321 5.1: also when the route comes from the cache."""
    async with pod.channel() as channel:
        router = RemoteRouter(channel)
        firsts = {(await router.route("equal.example")).hosts[0].name for _ in range(50)}
    assert firsts == {"one.equal.example", "two.equal.example"}


async def test_a_callers_cache_is_bounded(pod):
    """CASES D12: a caller holds so many routes and no more."""
    async with pod.channel() as channel:
        router = RemoteRouter(channel, Terms(entries=50))
        for n in range(200):
            await router.route(f"n{n}.example")
        assert len(router) == 50


async def test_a_flood_of_missing_domains_is_bounded(tmp_path, dns_server):
    """CASES D12: many NXDOMAIN domains, twice: one query each, a bounded cache, no name among the metrics' labels."""
    dns_server.load(ZONE)
    pod = ResolverPod(tmp_path, dns_server.setting, YUBIN_CACHE_NEGATIVES="2000", YUBIN_NEGATIVE_MAX="900")
    pod.start()
    try:
        async with pod.channel() as channel:
            stub = ResolverStub(channel)
            for _ in range(2):
                for start in range(0, 1000, 50):
                    names = [f"flood{n}.example" for n in range(start, start + 50)]
                    found = await asyncio.gather(*(stub.Route(pb.RouteRequest(domain=x)) for x in names))
                    assert {r.verdict for r in found} == {VERDICTS[Verdict.NO_DOMAIN]}
        metrics = pod.metrics()
        assert dns_server.asked == 1000
        assert pod.metric('yubin_dns_queries_total{outcome="nxdomain",type="MX"}') == 1000
        assert pod.metric('yubin_dns_cache_entries{kind="none"}') == 1000
        assert pod.metric('yubin_dns_cache_lookups_total{result="hit"}') == 1000
        assert "flood" not in metrics
        check = subprocess.run(
            ["promtool", "check", "metrics"], input=metrics, text=True, capture_output=True, check=False
        )
        ours = [line for line in check.stdout.splitlines() + check.stderr.splitlines() if "yubin_dns" in line]
        assert ours == []
    finally:
        pod.kill()


async def test_a_route_leaves_spans(tmp_path, dns_server, otlp):
    """One span for each route and each DNS query, under the caller's call."""
    dns_server.load(ZONE)
    pod = ResolverPod(tmp_path, dns_server.setting, YUBIN_OTLP_ENDPOINT=otlp.endpoint, YUBIN_TRACE_RATIO="1")
    pod.start()
    try:
        async with pod.channel() as channel:
            await RemoteRouter(channel).route("good.example")
        spans = await asyncio.to_thread(
            otlp.wait_for, lambda seen: sum(s.name == "dns.query" for s in seen) >= 3
        )
    finally:
        pod.kill()
    (found,) = [s for s in spans if s.name == "resolver.route"]
    queries = [s for s in spans if s.name == "dns.query"]
    assert found.attributes["yubin.verdict"] == "ok"
    assert {s.trace_id for s in queries} == {found.trace_id}
    assert {s.attributes["dns.question.type"] for s in queries} == {"MX", "A", "AAAA"}


def test_a_wrong_setting_ends_the_start_and_names_the_variable(tmp_path):
    """A resolver with a DNS server that cannot be read does not start."""
    pod = ResolverPod(tmp_path, "not a server")
    with pytest.raises(AssertionError):
        pod.start()
    assert "YUBIN_DNS_SERVERS" in pod.log


async def test_it_stops_in_order(pod):
    """SIGTERM: exit code 0, and logs in JSON with an action."""
    assert pod.stop() == 0
    lines = [json.loads(line) for line in pod.log.splitlines()]
    assert {"ready", "stop", "stopped"} <= {line["action"] for line in lines}
