"""What the sink received: ``000001.eml`` with the letter as it came, ``000001.json`` with its envelope."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from pathlib import Path

HEADER_LIMIT = 64 * 1024
SUBJECT_LIMIT = 1000


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """``at`` is an RFC 3339 time; ``parameters`` are MAIL's, ``recipient_parameters`` each recipient's, as sent."""

    number: int
    at: str
    peer: str
    helo: str
    sender: str
    recipients: tuple[str, ...]
    tls: str
    subject: str
    size: int
    parameters: str = ""
    recipient_parameters: tuple[str, ...] = ()


class Letters:
    """A folder. One process writes, any number read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last: int | None = None

    def add(self, data: bytes, envelope: dict[str, object]) -> Envelope:
        """``envelope`` lacks number, time, subject and size; the JSON file comes last, so that no half letter is seen."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._last = self._newest() + 1 if self._last is None else self._last + 1
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        facts = {"number": self._last, "at": now, "subject": subject(data), "size": len(data), **envelope}
        made = _envelope(facts)
        self._path(made.number, "eml").write_bytes(data)
        half = self._path(made.number, "part")
        half.write_text(json.dumps(asdict(made), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        half.replace(self._path(made.number, "json"))
        return made

    def all(self) -> Iterator[Envelope]:
        """In the order of arrival."""
        for path in sorted(self.folder.glob("[0-9]*.json"), key=lambda p: int(p.stem)):
            yield _envelope(json.loads(path.read_text(encoding="utf-8")))

    def envelope(self, number: int) -> Envelope:
        """Raises FileNotFoundError."""
        return _envelope(json.loads(self._path(number, "json").read_text(encoding="utf-8")))

    def data(self, number: int) -> bytes:
        """Raises FileNotFoundError."""
        return self._path(number, "eml").read_bytes()

    def _newest(self) -> int:
        return max((int(p.stem) for p in self.folder.glob("[0-9]*.json")), default=0)

    def _path(self, number: int, kind: str) -> Path:
        return self.folder / f"{number:06d}.{kind}"


def _envelope(facts: dict[str, object]) -> Envelope:
    known = {name: facts[name] for name in Envelope.__dataclass_fields__ if name in facts}
    lists = {name: tuple(value) for name, value in known.items() if isinstance(value, list | tuple)}
    return Envelope(**{**known, **lists})  # type: ignore[arg-type]  # JSON of our own


def subject(data: bytes) -> str:
    """Unfolded and decoded (RFC 2047) as far as it can be; "" without one."""
    head = data[:HEADER_LIMIT].partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    for line in head.split(b"\r\n"):
        if line[:8].lower() == b"subject:":
            text = line[8:].strip()[:SUBJECT_LIMIT].decode("utf-8", "replace")
            try:
                return str(make_header(decode_header(text)))
            except (MessageError, ValueError, LookupError):
                return text
    return ""
