"""The RPCs of yubin.v1.Resolver: requests to look-ups, answers to messages. What DNS says is never a gRPC error."""

# ruff: noqa: N802, ARG002 - gRPC gives its methods their names and a context

from __future__ import annotations

import random
import secrets
from typing import Any

import grpc
from opentelemetry import trace

from yubin.dns import blocklist, metrics, reverse, route
from yubin.dns.alias import follow
from yubin.dns.message import ANSWERS, millis, route_to
from yubin.dns.names import service_name
from yubin.dns.port import Lookup
from yubin.v1 import resolver_pb2 as pb
from yubin.v1 import resolver_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]
tracer = trace.get_tracer("yubin.resolver")
CALLERS = {"*": frozenset({"delivery", "mx", "submission", "api"})}
SERVICE = "yubin.v1.Resolver"


class Resolver(resolver_pb2_grpc.ResolverServicer):
    def __init__(self, lookup: Lookup, rules: route.Rules, entropy: random.Random | None = None) -> None:
        self._lookup = lookup
        self._rules = rules
        self._random = entropy or secrets.SystemRandom()

    async def Route(self, request: pb.RouteRequest, context: Context) -> pb.RouteResponse:
        with tracer.start_as_current_span(
            "resolver.route", attributes={"yubin.domain": request.domain[:253]}
        ) as span:
            found = await route.find(request.domain, self._lookup, self._rules, self._random)
            span.set_attributes({"yubin.verdict": found.verdict.value, "yubin.site": found.site})
        metrics.ROUTES.labels(found.verdict.value, found.provider).inc()
        return route_to(found)

    async def Text(self, request: pb.TextRequest, context: Context) -> pb.TextResponse:
        answer = await follow(self._lookup, service_name(request.name), "TXT")
        return pb.TextResponse(
            answer=ANSWERS[answer.outcome],
            texts=[record.value for record in answer.records],
            valid_for_ms=millis(answer.ttl),
        )

    async def Reverse(self, request: pb.ReverseRequest, context: Context) -> pb.ReverseResponse:
        found = await reverse.find(request.address, self._lookup)
        return pb.ReverseResponse(
            answer=ANSWERS[found.outcome],
            names=found.names,
            confirmed=found.confirmed,
            valid_for_ms=millis(found.valid_for),
        )

    async def Blocklist(self, request: pb.BlocklistRequest, context: Context) -> pb.BlocklistResponse:
        listings = await blocklist.find(request.subject, request.zones, self._lookup)
        return pb.BlocklistResponse(
            listings=[
                pb.Listing(zone=x.zone, answer=ANSWERS[x.outcome], codes=x.codes, text=x.text)
                for x in listings
            ],
            valid_for_ms=millis(min((x.ttl for x in listings), default=0.0)),
        )
