"""TLS handshakes with a pod's gRPC port: many at once, from whoever connects, and while its certificate is renewed."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.pod import ROOT
from tests.servers.ports import free_ports
from yubin.runtime.certificates import issue

AT_ONCE, TIMES = 20, 150
SERVER = """
import asyncio, sys, grpc
from pathlib import Path
from yubin.runtime import rpc
async def serve(port, *files):
    server = grpc.aio.server()
    server.add_secure_port(f"127.0.0.1:{port}", rpc.server_credentials(*map(Path, files)))
    await server.start()
    await server.wait_for_termination()
asyncio.run(serve(*sys.argv[1:]))
"""


class Port:
    """A gRPC port in a process of its own, which may die. ``mine`` is another pod's certificate."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.own, self.mine = issue(folder, "mailbox"), issue(folder, "gateway")
        self.port = free_ports(1)[0]

    def start(self) -> None:
        files = (self.own.ca, self.own.cert, self.own.key)
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self.port), *map(str, files)], cwd=ROOT
        )
        until = time.monotonic() + 30
        while not self.shakes():
            assert time.monotonic() < until
            time.sleep(0.05)

    def shakes(self) -> bytes:
        """The server's certificate; none when the handshake fails. It speaks first, as HTTP/2 does."""
        trust = ssl.create_default_context(cafile=str(self.mine.ca))
        trust.load_cert_chain(self.mine.cert, self.mine.key)
        trust.set_alpn_protocols(["h2"])
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), timeout=10) as raw,
            trust.wrap_socket(raw, server_hostname="mailbox.pod.yubin") as tls,
        ):
            return tls.getpeercert(binary_form=True) if tls.recv(1) else b""
        return b""

    def stranger(self) -> None:
        """Who connects, says nothing and goes."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            pass


@pytest.fixture
def port(tmp_path):
    made = Port(tmp_path)
    made.start()
    yield made
    made.process.kill()
    made.process.wait(10)


def test_many_handshakes_at_once(port):
    """Twenty at a time, strangers among them: none fails, the server lives (grpc/grpc#36693 killed it within seconds)."""

    def client(_: int) -> int:
        good = 0
        for _ in range(TIMES):
            port.stranger()
            good += bool(port.shakes())
        return good

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert sum(threads.map(client, range(AT_ONCE))) == AT_ONCE * TIMES
    assert port.process.poll() is None


def test_a_renewed_certificate_is_shown_to_the_next(port):
    """New files in place of the old ones: the next handshake has them, and so has each after it."""
    before = port.shakes()
    folder = port.folder / "new"
    folder.mkdir()
    for name in ("ca.pem", "ca.key"):
        shutil.copy(port.folder / name, folder)
    other = issue(folder, "mailbox")
    for old, new in ((port.own.key, other.key), (port.own.cert, other.cert)):
        new.replace(old)
    wanted = ssl.PEM_cert_to_DER_cert(port.own.cert.read_text())
    assert before not in {wanted, b""}
    assert [port.shakes() for _ in range(3)] == [wanted] * 3
