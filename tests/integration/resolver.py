"""A resolver pod as its own process, which asks a scripted DNS server; with certificates of a CA made for the test."""

import signal
from contextlib import asynccontextmanager
from pathlib import Path

from tests.integration.pod import Pod
from yubin.runtime import rpc
from yubin.runtime.certificates import issue


class ResolverPod(Pod):
    """``freeze`` and ``thaw`` may be repeated, too."""

    name = "resolver"

    def __init__(self, folder: Path, dns: str, **settings: str) -> None:
        given = {
            "YUBIN_DNS_SERVERS": dns,
            "YUBIN_DNS_TIMEOUT": "0.3",
            "YUBIN_DNS_ATTEMPTS": "1",
            **settings,
        }
        super().__init__(folder, folder / "ca", "log", given)
        self.port = self.grpc

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    @asynccontextmanager
    async def channel(self, caller: str = "delivery"):
        own = issue(self.certificates, caller)
        made = rpc.channel(f"127.0.0.1:{self.port}", "resolver", ca=own.ca, cert=own.cert, key=own.key)
        try:
            yield made
        finally:
            await made.close(None)
