"""TLS of mail programs: the certificate is yubin.reception.tls.ServerTls; here, what an idle connection costs.

asyncio keeps two buffers of ``SSLProtocol.max_size`` for each connection: 256 KiB is its choice, 44 KiB in all are ours.
uvloop has buffers of its own, of which only the pages that were used are ever in memory.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio import sslproto

from yubin.errors import Internal
from yubin.reception.tls import ServerTls

__all__ = ["ServerTls", "encrypted", "upgrade"]

sslproto.SSLProtocol.max_size = 16 * 1024


def encrypted(transport: asyncio.BaseTransport) -> bool:
    return transport.get_extra_info("ssl_object") is not None


async def upgrade(
    transport: asyncio.Transport, protocol: asyncio.Protocol, context: ssl.SSLContext | None, seconds: float
) -> asyncio.Transport:
    """The transport behind the handshake; raises OSError when there is none (ssl.SSLError and TimeoutError are such)."""
    if context is None:
        raise Internal("there is no certificate")
    made = await asyncio.get_running_loop().start_tls(
        transport, protocol, context, server_side=True, ssl_handshake_timeout=seconds
    )
    if made is None:
        raise ConnectionResetError
    return made
