"""Routes and answers as messages of yubin.v1.Resolver, and back; whatever this side does not know reads as TEMPORARY."""

from __future__ import annotations

from yubin.dns.port import Host, Outcome, Route, Verdict
from yubin.v1 import resolver_pb2 as pb

VERDICTS = {
    Verdict.OK: pb.VERDICT_OK,
    Verdict.NULL_MX: pb.VERDICT_NULL_MX,
    Verdict.NO_DOMAIN: pb.VERDICT_NO_DOMAIN,
    Verdict.INWARD: pb.VERDICT_INWARD,
    Verdict.INVALID: pb.VERDICT_INVALID,
    Verdict.TEMPORARY: pb.VERDICT_TEMPORARY,
}
ANSWERS = {
    Outcome.FOUND: pb.ANSWER_FOUND,
    Outcome.NODATA: pb.ANSWER_NONE,
    Outcome.NXDOMAIN: pb.ANSWER_NONE,
    Outcome.TEMPORARY: pb.ANSWER_TEMPORARY,
}
_FROM = {number: verdict for verdict, number in VERDICTS.items()}


def millis(seconds: float) -> int:
    return min(int(seconds * 1000), 2**32 - 1)


def route_to(route: Route) -> pb.RouteResponse:
    hosts = [pb.MailHost(name=h.name, preference=h.preference, addresses=h.addresses) for h in route.hosts]
    return pb.RouteResponse(
        domain=route.domain,
        verdict=VERDICTS[route.verdict],
        site=route.site,
        provider=route.provider,
        hosts=hosts,
        reason=route.reason,
        valid_for_ms=millis(route.valid_for),
        stale=route.stale,
    )


def route_from(message: pb.RouteResponse) -> Route:
    """A verdict of a newer resolver is TEMPORARY: never a reason to refuse mail (DESIGN I8)."""
    hosts = tuple(
        Host(name=h.name, preference=h.preference, addresses=tuple(h.addresses)) for h in message.hosts
    )
    return Route(
        domain=message.domain,
        verdict=_FROM.get(message.verdict, Verdict.TEMPORARY),
        site=message.site,
        provider=message.provider,
        hosts=hosts,
        reason=message.reason,
        valid_for=message.valid_for_ms / 1000,
        stale=message.stale,
    )
