"""Outcomes that need no connection: what DNS alone decides (RFC 5321 5.1, RFC 7505), expiry, and trouble of our own."""

from __future__ import annotations

from yubin.dns.port import Route, Verdict
from yubin.queue.port import Claim, Outcome, RecipientResult, Result

VERDICTS: dict[Verdict, tuple[Outcome, int, str]] = {
    Verdict.NULL_MX: (Outcome.BOUNCED, 556, "5.1.10"),  # RFC 7505 4.1
    Verdict.NO_DOMAIN: (Outcome.BOUNCED, 550, "5.1.2"),
    Verdict.INWARD: (Outcome.BOUNCED, 550, "5.1.2"),
    Verdict.INVALID: (Outcome.BOUNCED, 553, "5.1.2"),
    Verdict.TEMPORARY: (Outcome.PENDING, 451, "4.4.3"),
}


def routed(claim: Claim, route: Route) -> Result | None:
    """The result where the route leads nowhere; None when there are hosts to try."""
    if route.verdict is Verdict.OK:
        return None
    outcome, code, enhanced = VERDICTS[route.verdict]
    return whole(claim, route.site, outcome, code, enhanced, route.reason or f"{claim.domain} takes no mail")


def expired(claim: Claim) -> Result | None:
    """5.4.7 when the letter's time ran out (RFC 3463); None otherwise."""
    if claim.now < claim.expires:
        return None
    text = "the letter could not be delivered in time and was given up"
    return whole(claim, claim.site, Outcome.EXPIRED, 554, "5.4.7", text)


def ours(claim: Claim, site: str, text: str, *, retry_after: float) -> Result:
    """Trouble of our own: deferred, and no attempt is counted."""
    recipients = _each(claim, Outcome.PENDING, 451, "4.3.0", text)
    return Result(
        delivery_id=claim.delivery_id,
        epoch=claim.epoch,
        site=site,
        recipients=recipients,
        counted=False,
        retry_after=retry_after,
    )


def whole(claim: Claim, site: str, outcome: Outcome, code: int, enhanced: str, text: str) -> Result:
    """The same outcome for every pending recipient."""
    recipients = _each(claim, outcome, code, enhanced, text)
    return Result(delivery_id=claim.delivery_id, epoch=claim.epoch, site=site, recipients=recipients)


def _each(claim: Claim, outcome: Outcome, code: int, enhanced: str, text: str) -> tuple[RecipientResult, ...]:
    return tuple(
        RecipientResult(n=r.n, outcome=outcome, code=code, enhanced=enhanced, text=text)
        for r in claim.recipients
    )
