"""What the resolver counts. Labels: record types of RDTYPES, outcomes, verdicts, the provider table; never a name."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

QUERIES = Counter("yubin_dns_queries", "queries that were sent to DNS servers", ["type", "outcome"])
QUERY_SECONDS = Histogram(
    "yubin_dns_query_seconds", "until a query has its answer, with every attempt", ["type"], buckets=SECONDS
)
IGNORED = Counter("yubin_dns_replies_ignored", "datagrams with the wrong id or question")
TCP = Counter("yubin_dns_tcp_retries", "truncated replies that were asked for again over TCP")
REFUSED = Counter("yubin_dns_queries_refused", "look-ups that found no room under the query limits")
CACHE = Counter("yubin_dns_cache_lookups", "look-ups: hit, joined, stale or miss", ["result"])
CACHE_ENTRIES = Gauge("yubin_dns_cache_entries", "answers in the cache", ["kind"])
ROUTES = Counter("yubin_dns_routes", "routes that were found", ["verdict", "provider"])
REMOTE = Counter(
    "yubin_dns_remote_routes", "routes asked of the resolver: hit, joined, stale, miss or away", ["result"]
)
