"""Letters that others wrote, through the whole system: in by SMTP on port 25, out by POP3, byte for byte (CASES G12).

    python -m tests.conformance.roundtrip FOLDER        # part of `make vectors`

Starts `yubin up --demo`, sends every letter of the folder to one account, fetches them with RETR, and compares: what
comes out is what went in behind our own trace fields (Return-Path and one Received). A letter's own Return-Path fields
go, since the last server writes the true one (RFC 5321 4.4). A letter that SMTP cannot carry is sent as a mail program
would have sent it: line ends become CRLF; what reception then refuses is named with its reply and counts apart.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.letters import letters
from tests.e2e.town import Town, town
from yubin.mail.header import scan

_TRACE = re.compile(
    rb"Return-Path: <[^\r\n]*>\r\nReceived: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*(?:\r\n)?"
)  # an empty line where the letter begins with no field


@dataclass
class Score:
    same: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    differ: list[str] = field(default_factory=list)


def wire(raw: bytes) -> bytes:
    """As a mail program hands it over: CRLF line ends, one at the end."""
    lines = re.split(rb"\r\n|\r|\n", raw)
    text = b"\r\n".join(lines)
    return text if text.endswith(b"\r\n") else text + b"\r\n"


def without_return_path(raw: bytes) -> bytes:
    for found in reversed(scan(raw, limit=len(raw), fields=100_000).all("return-path")):
        raw = raw[: found.start] + raw[found.end :]
    return raw


def send(client: smtplib.SMTP, raw: bytes, to: str) -> str:
    """The reply, or nothing when it was accepted."""
    client.ehlo_or_helo_if_needed()
    client.mail("friend@accepts.example")
    client.rcpt(to)
    code, said = client.docmd("DATA")
    if code == 354:
        client.send(re.sub(rb"(?m)^\.", b"..", raw) + b".\r\n")
        code, said = client.getreply()
    if code != 250:
        client.rset()
        return f"{code} {said.decode(errors='replace')}"
    return ""


def compare(sent: dict[str, bytes], got: list[bytes], score: Score) -> None:
    """``got`` in the order of ``sent``."""
    for (name, raw), letter in zip(sent.items(), got, strict=True):
        wanted = without_return_path(raw)
        if letter.endswith(wanted) and _TRACE.fullmatch(letter[: len(letter) - len(wanted)]):
            score.same += 1
        else:
            score.differ.append(name)


def run(folder: Path, here: Town, user: str = "bob") -> Score:
    """``user`` has no letters yet."""
    score, sent = Score(), {}
    with smtplib.SMTP("localhost", here.ports["mx"], timeout=60) as client:
        client.starttls(context=ssl.create_default_context(cafile=here.ca))
        for name, raw in letters(folder):
            ready = wire(raw)
            if refusal := send(client, ready, f"{user}@demo.example"):
                score.refused[name] = refusal
            else:
                sent[name] = ready
    compare(sent, here.inbox(user), score)
    return score


def main(folder: Path) -> int:
    with tempfile.TemporaryDirectory() as where, town(Path(where) / "state") as here:
        score = run(folder, here)
    total = score.same + len(score.refused) + len(score.differ)
    print(f"{'SMTP in = POP3 out':<24} {score.same}/{total}")
    for name, why in score.refused.items():
        print(f"    refused     {name}: {why}")
    for name in score.differ:
        print(f"    FAILED      {name}")
    return 1 if score.differ or not score.same else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
