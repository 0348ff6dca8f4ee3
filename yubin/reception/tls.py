"""The certificate that clients see: TLS 1.2 or newer (RFC 8996), read again when its files change."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import structlog

log = structlog.get_logger()


class ServerTls:
    """``context`` stays the same object: what is loaded into it later serves every new handshake."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self.context = self._fresh()
        self._seen = self._stamp()

    def _fresh(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.load_cert_chain(self._cert, self._key)
        return context

    def _stamp(self) -> tuple[tuple[int, int, int], ...]:
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in (self._cert.stat(), self._key.stat()))

    def reload(self) -> bool:
        """True when the files had changed and hold together; a half-written pair changes nothing."""
        try:
            stamp = self._stamp()
            if stamp == self._seen:
                return False
            self._fresh()
            self.context.load_cert_chain(self._cert, self._key)
        except (OSError, ssl.SSLError) as error:
            log.warning("The certificate cannot be read; the old one stays.", action="tls", why=str(error))
            return False
        self._seen = stamp
        log.info("The certificate was renewed.", action="tls")
        return True

    async def watch(self, interval: float = 10.0) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(interval)
            self.reload()
