"""The peer: Debian's Dovecot with bench/peers/dovecot-md.conf unchanged (Maildir; LMTP, POP3 and IMAP on fixed ports)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMAP, POP3, LMTP = 12143, 12144, 12145
PASSWORD = "pw"  # noqa: S105 - of a server that lives for a minute on loopback
OWNER = 5999  # of the mail, as the configuration says
CONFIGURATION = Path(__file__).parent / "peers" / "dovecot-md.conf"


@contextmanager
def dovecot(folder: Path) -> Iterator[int]:
    """Yields the pid of the master process, with all mail in ``folder``; needs root, as Dovecot does."""
    program = shutil.which("dovecot", path=os.environ["PATH"] + ":/usr/sbin")
    if os.geteuid() != 0 or program is None:
        raise SystemExit(
            "the peer needs root and Debian's packages dovecot-imapd, dovecot-pop3d and dovecot-lmtpd"
        )
    configuration = folder / "dovecot.conf"
    configuration.write_text(CONFIGURATION.read_text().replace("@PEER@", str(folder)))
    for name in ("run-md", "state-md", "mail/md"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    os.chown(folder / "mail" / "md", OWNER, 65534)
    process = subprocess.Popen([program, "-F", "-c", str(configuration)])
    try:
        _listening(POP3, process)
        _listening(LMTP, process)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _listening(port: int, process: subprocess.Popen[bytes]) -> None:
    import socket

    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("Dovecot did not start")
