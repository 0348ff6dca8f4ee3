"""`yubin mailbox import`: letters from files into an account, one after the other, so that they stay in their order.

Each is brought under a key made of its octets, and of how many like it came before: the same files imported again, as
a whole or after an interruption, add nothing that is there. A letter that is broken, or that the server refuses for
what it is, is said and counted; a server that is away is waited for; only what concerns every letter ends the work.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

from yubin.cli.client import Api, Refused, segment
from yubin.cli.mailbox_progress import Progress
from yubin.cli.mailbox_source import Letter, Skipped, Source, letters
from yubin.cli.output import escaped, size
from yubin.cli.output import letters as letters_
from yubin.errors import Failure
from yubin.mailboxes.names import canonical

PATIENCE = 300.0  # seconds that a server which is away is waited for
LONGEST = 30.0  # seconds between two tries
_ATOM = re.compile(r"\\?[!#$&'+,./0-9:;<=>?@A-Z\[^_`a-z|}~-]+")
LATEST = 253_402_300_799.0


@dataclass
class Outcome:
    """What became of the letters, by mailbox; and those that were passed over."""

    brought: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)


class Import:
    """``again``: also letters that an earlier import brought. ``sleep`` and ``clock`` are given by tests only."""

    def __init__(
        self,
        api: Api,
        address: str,
        progress: Progress,
        *,
        again: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api, self._base, self._progress = api, f"/v1/accounts/{segment(address)}", progress
        self._address = address
        self._salt = f"{uuid4().hex}-" if again else ""
        self._sleep, self._clock = sleep, clock
        self._seen: Counter[tuple[int, bytes]] = Counter()
        self._mailboxes: dict[str, int] = {}
        self._account = ""
        self.outcome = Outcome()

    def run(self, sources: Iterable[Source], into: str) -> None:
        """Raises Refused."""
        planned = [(source, name_of(source, into)) for source in sources]
        self._look()
        for source, name in planned:
            mailbox_id = self._mailbox(name)
            self._progress.begin(f"{source.path.name} into {name}", source.octets)
            for letter in letters(source, self._progress.octets):
                if isinstance(letter, Skipped):
                    self._skip(letter)
                else:
                    self._bring(letter, name, mailbox_id)
                self._progress.letter()

    def _look(self) -> None:
        found = self._api.get(f"{self._base}/mailboxes")
        self._account = found["account"]
        self._mailboxes = {m["name"]: m["id"] for m in found["mailboxes"]}

    def _mailbox(self, name: str) -> int:
        """Its id; it is made where there is none."""
        if name not in self._mailboxes:
            try:
                self._api.post(f"{self._base}/mailboxes", {"name": name})
            except Refused as refused:
                if refused.status != 409:
                    raise
            self._look()
        return self._mailboxes[name]

    def _bring(self, letter: Letter, name: str, mailbox_id: int) -> None:
        digest = sha256(letter.raw).digest()
        self._seen[mailbox_id, digest[:8]] += 1
        key = f"import-{self._salt}{digest.hex()}-{self._seen[mailbox_id, digest[:8]]}"
        query = {"account": self._account, "flags": " ".join(sorted(filter(_ATOM.fullmatch, letter.flags)))}
        if letter.received is not None:
            at = datetime.fromtimestamp(min(max(letter.received, 1.0), LATEST), UTC)
            query["received"] = at.isoformat()
        try:
            made = self._patiently(f"{self._base}/mailboxes/{mailbox_id}/messages", letter.raw, query, key)
        except Refused as refused:
            if refused.status not in {400, 413}:
                raise self._ended(refused) from refused
            self._skip(Skipped(where=letter.where, why=refused.message))
            return
        (self.outcome.brought if made["fresh"] else self.outcome.known)[name] += 1

    def _patiently(self, path: str, raw: bytes, query: dict[str, str], key: str) -> Any:
        """Again and again while the server is away, and without keywords where a mailbox has no room for more."""
        until, pause = self._clock() + PATIENCE, 1.0
        while True:
            try:
                return self._api.upload(
                    path, raw, "message/rfc822", query=query, headers={"idempotency-key": key}
                )
            except Refused as refused:
                system = " ".join(flag for flag in query["flags"].split() if flag.startswith("\\"))
                if refused.status == 429 and refused.enhanced != "4.2.2" and system != query["flags"]:
                    query = query | {"flags": system}
                    continue
                if not _temporary(refused) or self._clock() + pause > until:
                    raise
                self._progress.say(f"{refused.message}; I try again in {pause:.0f} s")
            self._sleep(pause)
            pause = min(2 * pause, LONGEST)

    def _skip(self, skipped: Skipped) -> None:
        self.outcome.skipped.append(skipped)
        self._progress.say(f"Skipped: {escaped(skipped.where)}: {escaped(skipped.why)}")

    def _ended(self, refused: Refused) -> Refused:
        """With what to do about it."""
        done = sum(self.outcome.brought.values()) + sum(self.outcome.known.values())
        after = f"after {letters_(done)}"
        if refused.enhanced == "4.2.2":
            todo = f"raise the quota with `yubin user limits {escaped(self._address)} --quota SIZE`, then run the same command again: it goes on here"
            return Refused(f"the account is full, {after}: {todo}", status=refused.status)
        return Refused(
            f"{refused.message} (ended {after}; run the same command again: it goes on here)",
            status=refused.status,
        )


def name_of(source: Source, into: str) -> str:
    """The mailbox that a source is imported into: below ``into`` where that is given. Raises Refused."""
    wanted = "/".join(part for part in (into, source.mailbox) if part) or "INBOX"
    try:
        return canonical(wanted)
    except Failure as e:
        raise Refused(f"{escaped(source.path)} cannot become the mailbox {escaped(wanted)}: {e.text}") from e


def _temporary(refused: Refused) -> bool:
    """Status 0: nobody answered."""
    return refused.status in {0, 500, 502, 503, 504} or (
        refused.status == 429 and refused.enhanced != "4.2.2"
    )


def told(outcome: Outcome, octets: int) -> list[str]:
    """For people."""
    lines = [
        f"{escaped(name)}: {outcome.brought[name]} imported"
        + (f", {outcome.known[name]} were there already" if outcome.known[name] else "")
        for name in dict.fromkeys([*outcome.brought, *outcome.known])
    ]
    if outcome.skipped:
        lines.append(f"{letters_(len(outcome.skipped))} skipped; look above.")
    return lines or [f"There was no letter in it ({size(octets)})."]
