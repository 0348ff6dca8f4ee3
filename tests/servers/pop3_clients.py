"""Other people's POP3 clients, as a person would run them: each fetches a maildrop over TLS and gives the letters.

    letters = mpop("127.0.0.1", port, ca, "alice@a.example", "secret", folder)

``ca`` is the PEM file that the server's certificate is checked against, ``folder`` an existing one of the caller's; the
letters stay on the server. They come back with CRLF line ends, whatever the client writes. A program that is missing or
fails is an AssertionError with what it said. They block: use ``asyncio.to_thread``.
"""

from __future__ import annotations

import os
import poplib
import pwd
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

UNPRIVILEGED = "nobody"


def curl(host, port, ca, user, password, folder, *, stls=False):
    """All messages over one connection."""
    listing = curl_says(host, port, ca, user, password, stls=stls).split()[::2]
    if not listing:
        return []
    where = _url(host, port, stls, f"[1-{listing[-1].decode()}]")
    _run(_curl(ca, user, password, stls), "-o", str(folder / "curl-#1"), where)
    return [crlf((folder / f"curl-{number.decode()}").read_bytes()) for number in listing]


def curl_says(host, port, ca, user, password, *request, stls=False):
    """What curl prints: the listing, or with ``-X``, ``UIDL`` and the like what it is asked for."""
    return _run(_curl(ca, user, password, stls), *request, _url(host, port, stls, ""))


def _curl(ca, user, password, stls):
    secure = ["--ssl-reqd"] if stls else []
    return [
        tool("curl", "curl"),
        "-sS",
        "--fail",
        "--cacert",
        str(ca),
        "--user",
        f"{user}:{password}",
        *secure,
    ]


def _url(host, port, stls, message):
    return f"{'pop3' if stls else 'pop3s'}://{host}:{port}/{message}"


def mpop(host, port, ca, user, password, folder, *, stls=False, keep=True, only_new=False):
    """Into a Maildir. ``only_new`` leaves out what an earlier call with the same folder has fetched."""
    box = _maildir(folder / "mpop")
    secret = folder / "mpop-password"
    secret.write_text(password)
    _run(
        [tool("mpop", "mpop"), f"--host={host}", f"--port={port}", "--tls=on", f"--tls-trust-file={ca}"],
        f"--tls-starttls={'on' if stls else 'off'}",
        "--auth=user",
        f"--user={user}",
        f"--passwordeval=cat {secret}",
        f"--delivery=maildir,{box}",
        f"--keep={'on' if keep else 'off'}",
        f"--only-new={'on' if only_new else 'off'}",
        f"--uidls-file={folder / 'mpop-uidls'}",
        "--received-header=off",
        ok=(0, 1),  # 1: there is no new mail
    )
    return _delivered(box)


def getmail(host, port, ca, user, password, folder):
    """getmail6; under an unprivileged account, for it refuses root. It gives a letter without Return-Path one."""
    home = Path(tempfile.mkdtemp(prefix="getmail-"))
    try:
        box = _maildir(home / "box")
        shutil.copy(ca, home / "ca.pem")
        (home / "getmailrc").write_text(
            f"[retriever]\ntype = SimplePOP3SSLRetriever\nserver = {host}\nport = {port}\nusername = {user}\n"
            f"password = {password}\nca_certs = {home}/ca.pem\n"
            f"[destination]\ntype = Maildir\npath = {box}/\n"
            "[options]\ndelete = false\nread_all = true\ndelivered_to = false\nreceived = false\n"
        )
        _own(home)
        command = [tool("getmail", "getmail6"), f"--getmaildir={home}", "--rcfile=getmailrc"]
        if os.geteuid() == 0:
            command = [tool("runuser", "util-linux"), "-u", UNPRIVILEGED, "--", *command]
        _run(command, env={"HOME": str(home)})
        shutil.copytree(box, folder / "getmail", dirs_exist_ok=True)
        return _delivered(folder / "getmail")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def fetchmail(host, port, ca, user, password, folder):
    """Each letter through a delivery agent into a file of its own."""
    box = folder / "fetchmail"
    box.mkdir(exist_ok=True)
    agent = folder / "fetchmail-agent"
    agent.write_text(f'#!/bin/sh\nexec cat > "$(mktemp {box}/XXXXXXXX)"\n')
    agent.chmod(0o700)
    rules = folder / "fetchmailrc"
    rules.write_text(
        "set invisible\n"  # no Received of its own
        f'poll {host} protocol pop3 port {port} auth password username "{user}" password "{password}"\n'
        f'  ssl sslproto "TLS1.2+" sslcertck sslcertfile "{ca}" sslcommonname "localhost"\n'
        f'  fetchall keep no rewrite mda "{agent}"\n'
    )
    rules.chmod(0o600)
    _run(
        [
            tool("fetchmail", "fetchmail"),
            "--nosyslog",
            "-f",
            str(rules),
            "--pidfile",
            str(folder / "fetchmail.pid"),
        ],
        env={"FETCHMAILHOME": str(folder), "HOME": str(folder)},
        ok=(0, 1),  # 1: there is no mail
    )
    return [
        crlf(path.read_bytes()) for path in sorted(box.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    ]


def python(host, port, ca, user, password, folder=None):
    """The poplib of the standard library."""
    client = poplib.POP3_SSL(host, port, context=ssl.create_default_context(cafile=str(ca)), timeout=30)
    try:
        client.user(user)
        client.pass_(password)
        count, _ = client.stat()
        return [b"".join(line + b"\r\n" for line in client.retr(n)[1]) for n in range(1, count + 1)]
    finally:
        client.quit()


def crlf(octets):
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def tool(name, package):
    """A missing binary is a failure that says what to install."""
    found = shutil.which(name)
    assert found, f"{name} is not installed; on Debian: apt-get install {package}"
    return found


def _run(command, *arguments, env=None, ok=(0,)):
    """What it prints."""
    done = subprocess.run(
        [*command, *arguments],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"} | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in ok, f"{command[0]}: {done.returncode}\n{done.stdout!r}\n{done.stderr!r}"
    return done.stdout


def _maildir(path):
    for name in ("cur", "new", "tmp"):
        (path / name).mkdir(parents=True, exist_ok=True)
    return path


def _delivered(box):
    letters = sorted((box / "new").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return [crlf(path.read_bytes()) for path in letters]


def _own(home):
    """The unprivileged account's, where we are root."""
    if os.geteuid() != 0:
        return
    account = pwd.getpwnam(UNPRIVILEGED)
    for path in (home, *home.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid)
