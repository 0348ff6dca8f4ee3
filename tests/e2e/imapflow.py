"""imapflow, an IMAP client of Node: what it sees and does is what our own client sees afterwards.

    npm install --prefix .cache/imapflow --no-save imapflow@2.1.2
    python -m tests.e2e.imapflow .cache/imapflow         # `make test-imapflow`

A program and no test: npm's packages are in no lock of ours.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e.conftest import QUICK
from tests.e2e.test_imap_clients import second, there, where
from tests.e2e.town import Town, town

SCRIPT = Path(__file__).with_suffix(".mjs")


def letter(number: int) -> bytes:
    return (
        f"Subject: letter {number}\r\nMessage-ID: <{number}@imapflow>\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n本文 {number}\r\n"
    ).encode()


async def check(house: Town, modules: Path) -> None:
    """Raises AssertionError with what it said."""
    place = where(house, "imapflow")
    done = await asyncio.to_thread(
        subprocess.run,
        ["node", str(SCRIPT), str(modules.resolve()), str(place.port), place.user, place.password],
        env=os.environ | {"NODE_EXTRA_CA_CERTS": place.ca}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    print(", ".join(said["capabilities"]))
    assert ["仕事/会議", ""] in said["mailboxes"]
    assert ["Sent", "\\Sent"] in said["mailboxes"]
    assert said["exists"] == 3
    assert said["found"] == [2]
    assert said["text"] == "本文 2\r\n"
    assert said["status"]["messages"] == 1
    for number, (uid, flags, subject, kind, source) in enumerate(said["fetched"], 1):
        assert (uid, subject, kind, source.encode()) == (
            number,
            f"letter {number}",
            "text/plain",
            letter(number),
        )
        assert ("\\Flagged" in flags) is (number == 1)
    async with second(place) as client:
        assert await there(client) == {letter(2): {b"\\Seen", b"$Done"}}
        assert await there(client, "&TtVOiw-/&TxqLcA-") == {letter(1): {b"\\Flagged"}}
    print("imapflow: all is as it said")


def main(modules: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="yubin-imapflow-") as folder,
        town(Path(folder) / "state", QUICK) as house,
    ):
        asyncio.run(check(house, modules))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
