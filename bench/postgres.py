"""A PostgreSQL for the benchmark: durable (fsync on, synchronous_commit on), otherwise as it is shipped."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PORT = 13_999


def _binary(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if not path:
        raise SystemExit("PostgreSQL is missing: apt-get install postgresql")
    return path


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[str, int]]:
    """Yields its URL and the postmaster's pid."""
    folder.mkdir()
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    who: dict[str, object] = {}
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
        who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    data = str(folder / "data")
    init = [_binary("initdb"), "-D", data, "-U", "yubin", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(init, check=True, capture_output=True, cwd=folder, **who)  # type: ignore[call-overload]
    command = [
        _binary("postgres"),
        "-D",
        data,
        "-p",
        str(PORT),
        "-k",
        str(folder),
        "-c",
        "listen_addresses=127.0.0.1",
    ]
    with (folder / "log").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, **who)  # type: ignore[call-overload]
    try:
        url = f"postgresql://yubin@127.0.0.1:{PORT}/yubin"
        create = [_binary("createdb"), "-h", "127.0.0.1", "-p", str(PORT), "-U", "yubin", "yubin"]
        for _ in range(100):
            if subprocess.run(create, capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)
        yield url, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
