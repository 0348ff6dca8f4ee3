"""CNAMEs to their end (RFC 1034 3.6.2), whether the server follows them (a recursive one) or leaves it to us.

At most ten hops, as resolvers do; a longer chain or a loop is TEMPORARY with its aliases, for its owner may mend it.
"""

from __future__ import annotations

from dataclasses import replace

from yubin.dns.port import Answer, Lookup, Outcome

MAX_HOPS = 10


async def follow(lookup: Lookup, name: str, rdtype: str) -> Answer:
    """The answer of the last name; ``aliases`` are all on the way, ``ttl`` the least of them."""
    answer = await lookup.query(name, rdtype)
    whole = answer
    while answer.outcome is Outcome.NODATA and answer.aliases and not _endless(name, whole):
        answer = await lookup.query(answer.aliases[-1], rdtype)
        whole = replace(
            answer,
            name=name,
            ttl=min(whole.ttl, answer.ttl) if whole.ttl else answer.ttl,
            aliases=whole.aliases + answer.aliases,
            stale=whole.stale or answer.stale,
        )
    return replace(whole, outcome=Outcome.TEMPORARY, records=()) if _endless(name, whole) else whole


def _endless(name: str, answer: Answer) -> bool:
    chain = (name.lower().removesuffix("."), *answer.aliases)
    return len(answer.aliases) > MAX_HOPS or len(set(chain)) < len(chain)
