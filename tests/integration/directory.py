"""A directory pod as its own process, with certificates of a CA made for the test."""

from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import grpc

from tests.integration.pod import Pod
from yubin.accounts.remote import DirectoryAdmin, RemoteDirectory
from yubin.runtime import rpc
from yubin.runtime.certificates import issue

LIGHT = {"YUBIN_ARGON2_MEMORY_KIB": "8", "YUBIN_ARGON2_PASSES": "1", "YUBIN_ARGON2_LANES": "1"}


class DirectoryPod(Pod):
    name = "directory"

    def __init__(self, folder: Path, url=None, **settings):
        given = {
            "YUBIN_ACCOUNTS_URL": url or f"sqlite://{folder}/directory.db",
            "YUBIN_LOG_LEVEL": "debug",
            "YUBIN_GRACE": "2",
            **settings,
        }
        super().__init__(folder, folder / "ca", "log", given)
        self.port = self.grpc

    @asynccontextmanager
    async def channel(self, caller, *, target="directory"):
        """As the pod ``caller``."""
        own = issue(self.certificates, caller)
        made = rpc.channel(f"127.0.0.1:{self.port}", target, ca=own.ca, cert=own.cert, key=own.key)
        try:
            yield made
        finally:
            await made.close(None)

    @asynccontextmanager
    async def admin(self):
        async with self.channel("api") as channel:
            yield DirectoryAdmin(channel)

    @asynccontextmanager
    async def remote(self, caller="submission"):
        async with self.channel(caller) as channel:
            yield RemoteDirectory(channel)

    async def ask(self, credentials, *, name="directory.pod.yubin"):
        """One call over a channel of one's own making: ``credentials`` None is in clear. Raises AioRpcError."""
        where = f"127.0.0.1:{self.port}"
        options = (("grpc.ssl_target_name_override", name), ("grpc.enable_retries", 0))
        made = (
            grpc.aio.insecure_channel(where)
            if credentials is None
            else grpc.aio.secure_channel(where, credentials, options=options)
        )
        async with made:
            call = made.unary_unary("/yubin.v1.Directory/SigningKeys")
            return await call(b"", timeout=5)


@contextmanager
def running(folder: Path, url=None, **settings):
    pod = DirectoryPod(folder, url, **settings)
    pod.start()
    try:
        yield pod
    finally:
        pod.kill()
