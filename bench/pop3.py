"""One POP3 session as FIGURES.md asks: USER, PASS, RETR of so many letters one after the other, QUIT; no DELE."""

from __future__ import annotations

import socket


def session(port: int, user: str, password: str, letters: int) -> int:
    """Octets that came; raises RuntimeError when something is refused."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line, line.makefile("rb") as answers:

        def say(command: bytes) -> bytes:
            line.sendall(command + b"\r\n")
            return status()

        def status() -> bytes:
            said = answers.readline()
            if not said.startswith(b"+OK"):
                raise RuntimeError(f"refused: {said!r}")
            return said

        status()
        say(b"USER " + user.encode())
        say(b"PASS " + password.encode())
        octets = 0
        for number in range(1, letters + 1):
            say(b"RETR %d" % number)
            while (text := answers.readline()) != b".\r\n":
                octets += len(text)
        say(b"QUIT")
    return octets
