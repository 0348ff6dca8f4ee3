"""The processes of the mailbox chaos: ``python -m tests.e2e.mailbox_crowd FOLDER`` forks clients and watchers.

They are forked before gRPC has begun anything, so that twenty of them cost one start. FOLDER has ``scene.json`` and the
session token in ``session``, which is read at each call since it is renewed. When ``over`` is there the clients end, and
when they have, the watchers look once more. The exit code is the worst of theirs; who fails says why on standard error.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.e2e.mailbox_client import Client, Scene
from tests.e2e.mailbox_journal import journal
from tests.e2e.mailbox_watcher import Watcher
from yubin.mailboxes.remote import RemoteAccount, RemoteDeliveries, Talk
from yubin.objects.open import open_objects
from yubin.runtime import rpc
from yubin.runtime.certificates import issue

PAUSES = (0.05, 1.5)  # of the watchers: one sees almost each change, one many at once


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """``port`` of the mailbox pod, ``certificates`` the folder of the pods' CA; ``commons`` are two mailboxes."""

    port: int
    certificates: str
    account_id: str
    objects: str
    mailboxes: tuple[int, ...]
    commons: tuple[int, ...]
    clients: int
    seed: int

    def write(self, folder: Path) -> None:
        (folder / "scene.json").write_text(json.dumps(asdict(self)))


def read(folder: Path) -> Crowd:
    return Crowd(**json.loads((folder / "scene.json").read_text()))


async def client(crowd: Crowd, folder: Path, number: int) -> None:
    deliveries = RemoteDeliveries(_channel(crowd, "mx"))
    scene = Scene(
        account_id=crowd.account_id, account=_account(crowd, folder), deliveries=deliveries,
        objects=await open_objects(crowd.objects), mailboxes=tuple(crowd.mailboxes),
        commons=tuple(crowd.commons), over=folder / "over",
    )  # fmt: skip
    with journal(folder, number) as book:
        await Client(number, scene, book, random.Random(crowd.seed + number)).run()
    await deliveries.close()


async def watcher(crowd: Crowd, folder: Path, number: int) -> None:
    every = [*crowd.mailboxes, *crowd.commons]
    report = folder / f"watcher-{number}"
    await Watcher(
        _account(crowd, folder), every, PAUSES[number], folder / "last", report, random.Random(number)
    ).run()


def _account(crowd: Crowd, folder: Path) -> RemoteAccount:
    return RemoteAccount(Talk(_channel(crowd, "gateway")), (folder / "session").read_text)


def _channel(crowd: Crowd, pod: str):
    own = issue(Path(crowd.certificates), pod)
    return rpc.channel(f"127.0.0.1:{crowd.port}", "mailbox", ca=own.ca, cert=own.cert, key=own.key)


def fork(life: Callable[[], Awaitable[None]]) -> int:
    """The child's process id."""
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(life())
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a child never goes on as its parent
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def main(folder: Path) -> int:
    crowd = read(folder)
    watchers = [fork(lambda n=n: watcher(crowd, folder, n)) for n in range(len(PAUSES))]
    clients = [fork(lambda n=n: client(crowd, folder, n)) for n in range(crowd.clients)]
    worst = _worst(clients)
    (folder / "last").touch()
    return max(worst, _worst(watchers))


def _worst(children: Sequence[int]) -> int:
    return max(abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) for child in children)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
