"""From the peer's replies to the outcome of each recipient; no I/O.

    2xx to RCPT and to the dot      delivered, or relayed where DSN was asked for and the peer lacks it (RFC 3461 5.2.2)
    5xx to MAIL, RCPT, DATA, dot    bounced
    4xx                             pending: deferred with this reply
    452 to RCPT beside a 2xx        the rest goes in another transaction at once (RFC 5321 4.5.3.1.10)
    421, lost, timed out            before DATA: the next host; from DATA on: deferred
    the dot's reply never came      deferred and in doubt, for at least five minutes

A recipient leaves ``todo`` when this attempt is through with it. What remains there ends with the last failure that
was noted, so that "no host answered" is reported as the last host put it.
"""

from __future__ import annotations

from services.delivery.terms import SessionFailed
from yubin.queue.port import Claim, Outcome, Pending, RecipientResult, Result
from yubin.smtp.reply import Reply
from yubin.smtp.stage import Stage, Transaction

IN_DOUBT_WAIT = 300.0
TEXT = 500
_TOO_MANY = ("4.5.3", "5.5.3")  # RFC 3463: too many recipients


class Tally:
    """The recipients of one claim while it is attempted."""

    def __init__(self, claim: Claim) -> None:
        self.todo: list[Pending] = list(claim.recipients)
        self.in_doubt = False
        self.counted = True
        self.retry_after: float | None = None
        self.peer = ""
        self.sessions = 0  # that greeted us
        self._claim = claim
        self._batch: tuple[Pending, ...] = ()
        self._ended: dict[int, RecipientResult] = {}
        self._last = (Outcome.PENDING, 451, "4.4.1", "no mail server of the domain could be reached")

    def end(self, recipient: Pending, outcome: Outcome, code: int, enhanced: str, text: str) -> None:
        self._ended[recipient.n] = _result(recipient, outcome, code, enhanced, text)
        self.todo.remove(recipient)

    def begin(self, most: int) -> tuple[Pending, ...]:
        """The recipients of the next transaction, at most ``most`` (0: all)."""
        self._batch = tuple(self.todo[:most] if most else self.todo)
        return self._batch

    def settle(self, transaction: Transaction, *, dsn: bool) -> bool:
        """A transaction that ran to its end; True when others are worth another one at once."""
        before = len(self.todo)
        delivered = transaction.accepted and transaction.final is not None and transaction.final.positive
        for index, recipient in enumerate(self._batch):
            reply = _answer(transaction, index)
            if reply is None or (delivered and _overflow(reply)):
                continue
            self.end(recipient, *_meaning(reply, relayed=not dsn and "SUCCESS" in recipient.notify))
        return 0 < len(self.todo) < before

    def broken(self, failed: SessionFailed) -> None:
        """A session that failed in, or before, its transaction."""
        failure = _failure(failed)
        partial = failed.partial
        if partial is not None:
            self._keep_refusals(partial)
        if failed.stage in {Stage.DATA, Stage.BODY, Stage.DOT}:  # RFC 5321 5.1: no other host from here on
            if partial is not None and partial.dot_sent and failed.reply is None:
                self._doubt()
            for recipient in [r for r in self._batch if r in self.todo]:
                self.end(recipient, *failure)
        self._last = failure

    def _doubt(self) -> None:
        self.in_doubt = True
        self.retry_after = IN_DOUBT_WAIT

    def note(self, outcome: Outcome, code: int, enhanced: str, text: str) -> None:
        """What becomes of those that are still to do if no other host takes them."""
        self._last = (outcome, code, enhanced, text)

    def ours(self, text: str, retry_after: float) -> None:
        """Trouble of our own: whoever is still to do is deferred, and no attempt is counted unless others ended."""
        self.counted = bool(self._ended)
        self.retry_after = retry_after
        self.note(Outcome.PENDING, 451, "4.3.0", text)

    def result(self, site: str) -> Result:
        for recipient in list(self.todo):
            self.end(recipient, *self._last)
        return Result(
            delivery_id=self._claim.delivery_id,
            epoch=self._claim.epoch,
            site=site,
            recipients=tuple(self._ended[r.n] for r in self._claim.recipients),
            peer=self.peer,
            counted=self.counted,
            retry_after=self.retry_after,
            in_doubt=self.in_doubt,
        )

    def _keep_refusals(self, partial: Transaction) -> None:
        """What a peer refused before it went is refused; a yes without a dot is worth nothing."""
        for index, recipient in enumerate(self._batch):
            reply = _answer(partial, index)
            if reply is not None:
                self.end(recipient, *_meaning(reply))


def _answer(transaction: Transaction, index: int) -> Reply | None:
    """What the peer said about one recipient: a refused MAIL is about all, an accepted RCPT waits for the end."""
    if transaction.mail is not None and not transaction.mail.positive:
        return transaction.mail
    reply = transaction.recipients[index] if index < len(transaction.recipients) else None
    return transaction.final if reply is not None and reply.positive else reply


def _overflow(reply: Reply) -> bool:
    """452, and the 552 of old servers (RFC 5321 4.5.3.1.10) where it does not say something else."""
    return reply.code == 452 or (reply.code == 552 and reply.enhanced in _TOO_MANY)


def _meaning(reply: Reply, *, relayed: bool = False) -> tuple[Outcome, int, str, str]:
    if reply.positive:
        outcome = Outcome.RELAYED if relayed else Outcome.DELIVERED
    else:
        outcome = Outcome.BOUNCED if reply.permanent else Outcome.PENDING
    return outcome, reply.code, reply.enhanced, reply.text


def _failure(failed: SessionFailed) -> tuple[Outcome, int, str, str]:
    reply = failed.reply
    if reply is None:
        return Outcome.PENDING, 451, _enhanced(failed), failed.text
    if not reply.permanent:
        return Outcome.PENDING, reply.code, reply.enhanced, failed.text
    if failed.stage is Stage.BODY:  # refused while it was still being sent
        return Outcome.BOUNCED, reply.code, reply.enhanced, failed.text
    # the host will not talk to us; another host, or another day, may
    return Outcome.PENDING, 450, "4.3.2", failed.text


def _enhanced(failed: SessionFailed) -> str:
    """RFC 3463 3.5: no answer from host, bad connection; 4.5.0 for a peer that does not speak SMTP."""
    if failed.violation:
        return "4.5.0"
    return {Stage.CONNECT: "4.4.1", Stage.TLS: "4.7.5"}.get(failed.stage, "4.4.2")


def _result(recipient: Pending, outcome: Outcome, code: int, enhanced: str, text: str) -> RecipientResult:
    line = " ".join(text.split())[:TEXT]
    return RecipientResult(n=recipient.n, outcome=outcome, code=code, enhanced=enhanced, text=line)
