"""What comes before the greeting: who the client is, where a proxy stands before us, and whether it can wait.

A PROXY header is read from the networks of ``Terms.proxies``, where nothing else may come first, and from nobody else:
there it is a command like any unknown one (CASES F3). A client that talks before it is greeted (RFC 5321 4.3.1: "the
sender should wait") does not listen to replies, as junk senders do not, and hears 554 (CASES E7).
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import TYPE_CHECKING

import structlog

from yubin.errors import Invalid
from yubin.reception.ends import Expired, Gone, Leaving
from yubin.smtp import proxy

if TYPE_CHECKING:
    from yubin.reception.conversation import Conversation

log = structlog.get_logger()
TURNS = 3  # of the event loop, in which octets that are there already come up


async def introduced(c: Conversation) -> None:
    """The session has the address of who is behind a proxy that we trust. Raises Gone when it does not say."""
    if not c.terms.proxies or not _proxied(c):
        return
    c.within(c.terms.proxy_timeout)
    try:
        while (header := proxy.read(c.incoming.peek(proxy.LIMIT + 16))) is None:
            await c.more()
    except (Invalid, Expired) as error:
        log.warning("A proxy did not say for whom it speaks.", action="proxy", peer=c.session.peer)
        raise Gone from error
    c.incoming.take(header.length)
    if header.peer:
        c.session.peer, c.session.port = header.peer, header.port


def _proxied(c: Conversation) -> bool:
    try:
        peer = ip_address(c.session.peer)
    except ValueError:
        return False
    return any(peer in network for network in c.terms.proxies)


async def hush(c: Conversation) -> None:
    """For ``Terms.banner_delay`` seconds the client is silent; 0: it has not said anything yet."""
    if c.terms.banner_delay:
        c.within(c.terms.banner_delay)
        try:
            while not len(c.incoming):
                if c.reception.stopping:
                    raise Leaving
                await c.more()
        except Expired:
            return
    for _ in range(TURNS):
        await asyncio.sleep(0)
    if len(c.incoming):
        raise Invalid("You talk before you are greeted", code=554, enhanced="5.5.0")
