"""The peer: Debian's Postfix with bench/peers/postfix unchanged, as a relay to a smtp-sink on 12600."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PORT, SINK_PORT = 12525, 12600
HERE = Path(__file__).parent / "peers" / "postfix"


@contextmanager
def postfix(folder: Path) -> Iterator[int]:
    """Yields the pid of master, with spool and data in ``folder``; needs root, as Postfix does."""
    if os.geteuid() != 0 or shutil.which("postfix") is None:
        raise SystemExit("the peer needs root and Debian's package postfix (apt-get install postfix)")
    conf = folder / "conf"
    shutil.copytree(HERE, conf)
    for file in conf.iterdir():
        file.write_text(file.read_text().replace("@PEER@", str(folder)))
    (folder / "spool").mkdir()
    (folder / "data").mkdir()
    shutil.chown(folder / "data", "postfix")
    folder.chmod(0o755)
    subprocess.run(["postfix", "-c", str(conf), "check"], check=False, capture_output=True)
    subprocess.run(["postfix", "-c", str(conf), "start"], check=True, capture_output=True)
    pid = int((folder / "spool" / "pid" / "master.pid").read_text())
    try:
        time.sleep(1)
        yield pid
    finally:
        os.kill(pid, signal.SIGTERM)
        for _ in range(50):
            if not Path(f"/proc/{pid}").exists():
                break
            time.sleep(0.1)


@contextmanager
def sink(port: int, log: Path) -> Iterator[int]:
    """A smtp-sink that says yes to everything; yields its pid."""
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["smtp-sink", *user, "-c", f"127.0.0.1:{port}", "1024"], stdout=out, stderr=out
        )
    try:
        time.sleep(0.5)
        yield process.pid
    finally:
        process.kill()
        process.wait()
