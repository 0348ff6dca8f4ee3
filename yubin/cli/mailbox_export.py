"""`yubin mailbox export`: an account's mailboxes into files, each as one stream from the api.

One mailbox becomes the file, or the Maildir, that was named; several become files in that folder, or folders of that
Maildir, named so that importing it makes the same mailboxes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yubin.cli.client import Api, Refused, segment
from yubin.cli.mailbox_progress import Progress
from yubin.cli.mailbox_target import MaildirFolder, file_of, write_maildir, write_mbox
from yubin.cli.output import escaped
from yubin.errors import Failure, Invalid
from yubin.mailboxes.names import canonical

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Written:
    mailbox: str
    path: Path
    letters: int


class Export:
    """``replace``: mbox files that are there may go."""

    def __init__(self, api: Api, address: str, progress: Progress, *, replace: bool = False) -> None:
        self._api, self._base = api, f"/v1/accounts/{segment(address)}/mailboxes"
        self._progress, self._replace = progress, replace
        self.warnings: list[str] = []

    def run(self, path: Path, wanted: tuple[str, ...], kind: str) -> list[Written]:
        """Raises Refused."""
        mailboxes = chosen(self._api.get(self._base)["mailboxes"], wanted)
        alone = len(mailboxes) == 1 and bool(wanted)
        if kind == "maildir":
            return [self._maildir(m, path, "INBOX" if alone else m["name"]) for m in mailboxes]
        files = [path if alone and not path.is_dir() else file_of(path, m["name"]) for m in mailboxes]
        taken = [file for file in files if file.exists()]
        if taken and not self._replace:
            raise Refused(f"{escaped(taken[0])} exists: name another place, or replace it with --replace")
        return [self._mbox(m, file) for m, file in zip(mailboxes, files, strict=True)]

    def _mbox(self, mailbox: dict[str, Any], file: Path) -> Written:
        self._progress.begin(mailbox["name"], mailbox["size"])
        with self._api.download(f"{self._base}/{mailbox['id']}/mbox") as pieces:
            count = write_mbox(file, pieces, self._progress)
        return Written(mailbox=mailbox["name"], path=file, letters=count)

    def _maildir(self, mailbox: dict[str, Any], top: Path, name: str) -> Written:
        self._progress.begin(mailbox["name"], mailbox["size"])
        try:
            folder = MaildirFolder(top, name)
        except Invalid as e:
            raise Refused(f"{escaped(name)}: {e.text}; export it alone, with --mailbox") from e
        with self._api.download(f"{self._base}/{mailbox['id']}/mbox") as pieces:
            count = write_maildir(folder, pieces, self._progress)
        if folder.unnamed:
            lost = escaped(", ".join(sorted(folder.unnamed)))
            self.warnings.append(f"{escaped(name)}: a Maildir has 26 keywords; left out: {lost}")
        return Written(mailbox=mailbox["name"], path=folder.path, letters=count)


def chosen(mailboxes: list[dict[str, Any]], wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    """Those that are named, in that order; all, where none is or "all". Raises Refused."""
    by_name = {m["name"]: m for m in mailboxes}
    if not wanted or (ALL in wanted and ALL not in by_name):
        return mailboxes
    return [named(by_name, name) for name in dict.fromkeys(wanted)]


def named(by_name: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """Raises Refused."""
    try:
        found = by_name.get(canonical(name))
    except Failure as e:
        raise Refused(f"{escaped(name)} is no mailbox' name: {e.text}") from e
    if found is None:
        raise Refused(f"there is no mailbox {escaped(name)}; there are: {escaped(', '.join(by_name))}")
    return found
