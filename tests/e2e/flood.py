"""A flood of connections against a real mx pod (CASES E13): ``python -m tests.e2e.flood [connections] [networks]``.

A process of its own opens connections as fast as it can, from addresses of many loopback /24s, and holds on to all that
are not closed. Meanwhile somebody who has a letter sends one after the other, and after a 421 tries again in half a second,
as no real server would so soon. Printed: what became of the flood, and how long the letters took, tries included.
"""

import asyncio
import contextlib
import itertools
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.integration.directory import LIGHT, DirectoryPod
from tests.integration.mx import MxPod
from tests.servers.dialogue import Dialogue

LETTER = b"From: s@s.example\r\nTo: anna@a.example\r\nSubject: x\r\n\r\nhello\r\n"
AT_ONCE = 500  # connects under way
HELD = 15_000  # open at a time: the flooder's own files
PAUSE = 0.5
LETTERS_LEAST = 30


async def flood(port: int, connections: int, networks: int) -> Counter[str]:
    """Connects ``connections`` times; what each heard first. Holds those that were greeted until the end."""
    heard: Counter[str] = Counter()
    held: list[asyncio.StreamWriter] = []
    room = asyncio.Semaphore(AT_ONCE)
    hosts = itertools.cycle(range(1, 251))

    async def one(n: int) -> None:
        source = f"127.{1 + n % networks // 250}.{n % networks % 250}.{next(hosts)}"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        except OSError as error:
            heard[f"connect: {type(error).__name__}"] += 1
            return
        try:
            async with asyncio.timeout(60):
                line = await reader.readline()
        except (OSError, TimeoutError) as error:
            line = type(error).__name__.encode()
        heard[line.decode()[:55].strip() or "closed"] += 1
        if line.startswith(b"220") and len(held) < HELD:
            held.append(writer)
        else:
            writer.close()

    async def bounded(n: int) -> None:
        async with room:
            await one(n)

    await asyncio.gather(*(bounded(n) for n in range(connections)))
    return heard


async def letter(port: int) -> tuple[float, int]:
    """Seconds from the first connect to the 250, and how often 421 was heard before."""
    began, refused = time.monotonic(), 0
    while True:
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            async with Dialogue(port, source="127.255.0.1") as talk:
                if talk.greeting.code == 220:
                    await talk.say("EHLO c.test")
                    await talk.say("MAIL FROM:<s@s.example>", "RCPT TO:<anna@a.example>")
                    if (await talk.letter(LETTER)).code == 250:
                        return time.monotonic() - began, refused
        refused += 1
        await asyncio.sleep(PAUSE)


async def measure(pod: MxPod, connections: int, networks: int) -> list[float]:
    """Letters while the flood goes on; prints what happened, and gives the seconds of each."""
    flooder = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.e2e.flood", "--flooder", str(pod.port), str(connections), str(networks),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told = asyncio.create_task(flooder.communicate())
    took, tries = [], 0
    while not told.done() or len(took) < LETTERS_LEAST:
        seconds, refused = await letter(pod.port)
        took.append(seconds)
        tries += refused
        await asyncio.sleep(0.05)
    ordered = sorted(took)
    print((await told)[0].decode(), end="")
    print(
        f"letters {len(took)}, refused tries {tries}, median {statistics.median(ordered):.2f} s,"
        f" p95 {ordered[int(len(ordered) * 0.95)]:.2f} s, longest {ordered[-1]:.2f} s,"
        f" pod {pod.metric('process_resident_memory_bytes') / 2**20:.0f} MiB"
    )
    return took


async def main(connections: int, networks: int) -> list[float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        directory = DirectoryPod(folder, **LIGHT)
        directory.start()
        pod = MxPod(
            folder,
            directory.certificates,
            YUBIN_DIRECTORY=f"127.0.0.1:{directory.port}",
            YUBIN_SENDER_DOMAIN_CHECK="false",
        )
        try:
            async with directory.admin() as admin:
                await admin.create_tenant("acme")
                await admin.create_domain("acme", "a.example")
                await admin.create_account("anna@a.example", "correct horse")
            pod.start()
            return await measure(pod, connections, networks)
        finally:
            pod.kill()
            directory.process.kill()
            directory.process.wait(10)


def as_flooder(port: int, connections: int, networks: int) -> None:
    began = time.monotonic()
    heard = asyncio.run(flood(port, connections, networks))
    seconds = time.monotonic() - began
    print(f"flood: {connections} connections from {networks} networks in {seconds:.1f} s")
    for what, count in heard.most_common(6):
        print(f"  {count:6}  {what}")


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    if "--flooder" in sys.argv:
        as_flooder(*numbers)
    else:
        asyncio.run(main(*(numbers + [20_000, 8][len(numbers) :])))
