"""Whether a sender's domain can be written to: mail that nobody could answer is refused (RFC 7505 4.2, CASES D1).

Only what DNS says for certain counts: when it does not answer, or the resolver is away, the letter is taken. A domain
of ours is known to the directory, whatever DNS says of it here.
"""

from __future__ import annotations

from collections.abc import Mapping

from yubin.accounts.port import Kind, Recipients
from yubin.dns.port import Router, Verdict
from yubin.errors import Denied, Failure
from yubin.mail.address import Address

_REFUSED: Mapping[Verdict, tuple[str, str]] = {
    Verdict.NULL_MX: ("5.7.27", "The sender's domain takes no mail (null MX)"),
    Verdict.NO_DOMAIN: ("5.1.8", "The sender's domain does not exist, or takes no mail"),
    Verdict.INVALID: ("5.1.8", "The sender's domain is no domain"),
}


class Senders:
    """``recipients`` tells our own domains."""

    def __init__(self, router: Router, recipients: Recipients) -> None:
        self._router, self._recipients = router, recipients

    async def check(self, sender: Address) -> None:
        """Raises Denied 550."""
        if sender.domain.startswith("["):
            return
        try:
            route = await self._router.route(sender.domain)
            refused = _REFUSED.get(route.verdict)
            if refused is None or await self._ours(sender):
                return
        except Failure:
            return
        enhanced, text = refused
        raise Denied(text, enhanced=enhanced)

    async def _ours(self, sender: Address) -> bool:
        (found,) = await self._recipients.lookup([str(sender)])
        return found.kind is not Kind.NOT_LOCAL
