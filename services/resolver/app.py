"""What the resolver is made of: real servers behind a cache, and one gRPC service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.resolver.config import Settings
from services.resolver.handlers import CALLERS, SERVICE, Resolver
from yubin.dns.cache import CachedLookup
from yubin.dns.network import NetworkLookup
from yubin.runtime.process import Pod
from yubin.v1.resolver_pb2_grpc import add_ResolverServicer_to_server


@asynccontextmanager
async def build(settings: Settings, pod: Pod) -> AsyncIterator[None]:
    """Ready at once: a resolver without DNS still answers, with what it has or TEMPORARY."""
    lookup = CachedLookup(NetworkLookup(settings.servers, settings.query_terms), settings.cache_terms)
    resolver = Resolver(lookup, settings.rules)
    pod.serve(lambda server: add_ResolverServicer_to_server(resolver, server), SERVICE, CALLERS)
    yield
