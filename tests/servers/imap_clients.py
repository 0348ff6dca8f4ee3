"""Other people's IMAP clients, as a person would run them, over TLS; each checks the certificate.

    where = Where(host="localhost", port=port, ca=ca, user="alice@a.example", password="secret")
    mbsync(where, folder)

``folder`` is an existing one of the caller's; what a client keeps is in it, so that a second call goes on from there.
A program that is missing or fails is an AssertionError with what it said. They block: use ``asyncio.to_thread``.
"""

from __future__ import annotations

import imaplib
import os
import pty
import select
import shutil
import ssl
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.servers.pop3_clients import UNPRIVILEGED, _delivered, _maildir, _own, _run, crlf, tool

DEADLINE = 30.0


@dataclass(frozen=True, kw_only=True)
class Where:
    host: str
    port: int
    ca: str
    user: str
    password: str


# ── mbsync ──


def mbsync(where: Where, folder: Path, *, patterns: str = "*") -> dict[str, list[Path]]:
    """Both ways, with flags, deletions and new mailboxes; the files of each mailbox. A Maildir file is as ``name:2,FS``."""
    near = folder / "near"
    near.mkdir(exist_ok=True)
    secret, rules = folder / "mbsync-password", folder / "mbsyncrc"
    secret.write_text(where.password)
    rules.write_text(
        f'IMAPAccount far\nHost {where.host}\nPort {where.port}\nUser {where.user}\nPassCmd "cat {secret}"\n'
        f"SSLType IMAPS\nCertificateFile {where.ca}\nSystemCertificates no\n\n"
        "IMAPStore far\nAccount far\n\n"
        f"MaildirStore near\nPath {near}/\nInbox {near}/INBOX\nSubFolders Verbatim\n\n"
        f"Channel both\nFar :far:\nNear :near:\nPatterns {patterns}\nCreate Both\nRemove Both\nExpunge Both\nSync All\n"
        f"CopyArrivalDate yes\nSyncState {folder}/mbsync-state/\n"
    )
    (folder / "mbsync-state").mkdir(exist_ok=True)
    _run([tool("mbsync", "isync"), "-c", str(rules), "both"], env={"HOME": str(folder)})
    return maildirs(near)


# ── offlineimap ──


def offlineimap(where: Where, folder: Path) -> dict[str, list[Path]]:
    """offlineimap3, both ways, with flags, deletions and new mailboxes; the files of each mailbox, as mbsync's."""
    near, state = folder / "near", folder / "offlineimap"
    for one in (near, state):
        one.mkdir(exist_ok=True)
    secret, rules = folder / "offlineimap-password", folder / "offlineimaprc"
    secret.write_text(where.password)
    rules.write_text(
        f"[general]\naccounts = both\nmetadata = {state}\nmaxsyncaccounts = 1\nui = basic\n\n"
        "[Account both]\nlocalrepository = near\nremoterepository = far\n\n"
        f"[Repository near]\ntype = Maildir\nlocalfolders = {near}\nsep = /\nsync_deletes = yes\n\n"
        f"[Repository far]\ntype = IMAP\nremotehost = {where.host}\nremoteport = {where.port}\nssl = yes\n"
        f"sslcacertfile = {where.ca}\nremoteuser = {where.user}\nremotepassfile = {secret}\n"
        "auth_mechanisms = PLAIN\nexpunge = yes\nsync_deletes = yes\nstarttls = no\n"
    )
    _run([tool("offlineimap", "offlineimap3"), "-o", "-c", str(rules)], env={"HOME": str(folder)})
    return maildirs(near)


def maildirs(root: Path) -> dict[str, list[Path]]:
    """The letters' files, by the mailbox' name with ``/``."""
    return {
        str(cur.parent.relative_to(root)): sorted([*cur.iterdir(), *(cur.parent / "new").iterdir()])
        for cur in sorted(root.rglob("cur"))
    }


def marks(file: Path) -> str:
    """``FS`` of ``name:2,FS``."""
    return file.name.partition(":2,")[2]


def mark(file: Path, flags: str) -> Path:
    """As a mail program marks a letter of a Maildir: F flagged, R replied, S seen, T trashed; in this order."""
    name = file.name.partition(":2,")[0]
    return file.rename(file.parent.parent / "cur" / f"{name}:2,{flags}")


# ── getmail ──


def getmail(
    where: Where, folder: Path, *, mailboxes: tuple[str, ...] = ("INBOX",), delete: bool = False
) -> list[bytes]:
    """getmail6 into a Maildir; under an unprivileged account, for it refuses root. Without Return-Path it gives one."""
    home = Path(tempfile.mkdtemp(prefix="getmail-"))
    try:
        box = _maildir(home / "box")
        shutil.copy(where.ca, home / "ca.pem")
        (home / "getmailrc").write_text(
            f"[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = {where.host}\nport = {where.port}\n"
            f"username = {where.user}\npassword = {where.password}\nca_certs = {home}/ca.pem\n"
            f"mailboxes = ({''.join(f'{name!r},' for name in mailboxes)})\n"
            f"[destination]\ntype = Maildir\npath = {box}/\n"
            f"[options]\ndelete = {str(delete).lower()}\nread_all = true\ndelivered_to = false\nreceived = false\n"
        )
        _own(home)
        command = [tool("getmail", "getmail6"), f"--getmaildir={home}", "--rcfile=getmailrc"]
        if os.geteuid() == 0:
            command = [tool("runuser", "util-linux"), "-u", UNPRIVILEGED, "--", *command]
        _run(command, env={"HOME": str(home)})
        shutil.copytree(box, folder / "getmail-imap", dirs_exist_ok=True)
        return _delivered(folder / "getmail-imap")
    finally:
        shutil.rmtree(home, ignore_errors=True)


# ── curl ──


def curl(where: Where, path: str = "", *request: str) -> bytes:
    """What curl prints; ``path`` as ``INBOX;UID=3`` or ``INBOX?ALL``, ``request`` as ``("-X", "NOOP")``."""
    return _run(
        [
            tool("curl", "curl"), "-sS", "--fail", "--max-time", "60", "--cacert", where.ca,
            "--user", f"{where.user}:{where.password}", *request,
        ],
        f"imaps://{where.host}:{where.port}/{path}",
    )  # fmt: skip


# ── neomutt ──


def neomutt(where: Where, folder: Path, keys: str, *, mailbox: str = "INBOX") -> str:
    """Somebody presses ``keys`` (neomutt's ``push``) in ``mailbox``; what the terminal showed. They have to quit.

    What is written is one line of Japanese; what is sent goes nowhere, and is kept in Sent.
    """
    _neomuttrc(where, folder)
    keys = keys.replace("\\", "\\\\").replace('"', '\\"')
    return _terminal(
        [
            tool("neomutt", "neomutt"), "-n", "-F", str(folder / "neomuttrc"), "-e", f'push "{keys}"',
            "-f", _folder_url(where, mailbox),
        ],
        folder,
    )  # fmt: skip


def _neomuttrc(where: Where, folder: Path) -> None:
    editor = folder / "editor"
    editor.write_text('#!/bin/sh\necho 本文です >> "$1"\n')
    editor.chmod(0o700)
    (folder / "neomuttrc").write_text(
        f'set imap_user="{where.user}"\nset imap_pass="{where.password}"\nset folder="{_folder_url(where, "")}"\n'
        f'set ssl_force_tls=yes\nset certificate_file="{where.ca}"\nset ssl_ca_certificates_file="{where.ca}"\n'
        f'set from="{where.user}"\nset realname="A Person"\nset sendmail="/bin/true"\n'
        'set record="=Sent"\nset copy=yes\nset confirmappend=no\nset confirmcreate=no\nset delete=yes\nset quit=yes\n'
        f'set header_cache=""\nset message_cachedir=""\nset mark_old=no\nset charset="utf-8"\nset tmpdir="{folder}"\n'
        f'set editor="{folder}/editor"\nset abort_unmodified=no\nset edit_headers=no\n'
        "set wait_key=no\nset mail_check=1\nset imap_idle=yes\nset auto_tag=no\n"
    )


def _folder_url(where: Where, mailbox: str) -> str:
    return f"imaps://{quote(where.user)}@{where.host}:{where.port}/{mailbox}"


def _mutt_env(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "TERM": "vt100"}


def _terminal(command: list[str], folder: Path) -> str:
    """Runs a program of the screen; fails when it does not end by itself."""
    pid, line = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, _mutt_env(folder))  # noqa: S606 - the child
    shown, until = bytearray(), time.monotonic() + DEADLINE
    while time.monotonic() < until:
        if select.select([line], [], [], 0.2)[0]:
            try:
                shown += os.read(line, 65536)
            except OSError:  # it has closed the terminal
                break
    else:
        os.kill(pid, 9)
    _, status = os.waitpid(pid, 0)
    os.close(line)
    text = shown.decode(errors="replace")
    assert status == 0, f"{command[0]}: status {status}: {text[-3000:]!r}"
    return text


# ── imaplib ──


def python(where: Where) -> imaplib.IMAP4_SSL:
    """The standard library's, logged in."""
    trust = ssl.create_default_context(cafile=where.ca)
    client = imaplib.IMAP4_SSL(where.host, where.port, ssl_context=trust, timeout=DEADLINE)
    client.login(where.user, where.password)
    return client


__all__ = [
    "Where",
    "crlf",
    "curl",
    "getmail",
    "maildirs",
    "mark",
    "marks",
    "mbsync",
    "neomutt",
    "python",
]
