"""The words of a delivery status notification: what happened, what to do, and the tracking number to quote.

Written for whoever wrote the letter, who seldom knows what an MX is. The advice goes by the enhanced status code
(RFC 3463); the peer's own words stand below it, as one printable line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yubin.mail.date import rfc5322
from yubin.mail.report import Report, Reported, one_line, status_code

SHOWN = 50  # recipients that are spoken of one by one

_TITLES = {
    "failed": ("Your letter could not be delivered", "could not be delivered to"),
    "delayed": ("Your letter has not been delivered yet", "has not been delivered yet to"),
    "delivered": ("Your letter has been delivered", "has been delivered to"),
    "relayed": (
        "Your letter has been handed over",
        "was handed to a server that does not report further deliveries, for",
    ),
}

_ADVICE = (  # the first that the status begins with
    ("5.1.10", "This domain takes no mail at all. Ask for another address."),
    ("5.1.2", "The part behind the @ does not exist. Look for a spelling error."),
    ("5.1.1", "This mailbox does not exist. Look for a spelling error, or ask for the new address."),
    ("5.1", "Check the address for spelling errors."),
    ("5.2.2", "The recipient's mailbox is full. Tell them another way, and send again later."),
    ("5.2.1", "The recipient's mailbox is switched off. Ask for another address."),
    ("5.2.3", "The letter is too large for the recipient. Send a smaller one, or a link."),
    ("5.3.4", "The letter is too large for the recipient's server. Send a smaller one, or a link."),
    (
        "5.4.7",
        "The recipient's server could not be reached in time. Send again, or ask the recipient's postmaster.",
    ),
    ("5.6.7", "The recipient's server does not know addresses in this script. Ask for one in Latin letters."),
    (
        "5.6",
        "The recipient's server cannot take a letter of this form. Send it as plain text or as an attachment.",
    ),
    ("5.7", "The recipient's server refuses the letter by its rules. Show this report to your postmaster."),
    ("5", "Send again if you think that the trouble is over, or show this report to your postmaster."),
    ("4", "You need not do anything."),
    ("", ""),
)


def subject(reports: Sequence[Report]) -> str:
    """Of the worst that happened; names the recipient where it is one in ASCII."""
    kind = next(kind for kind in _TITLES if any(r.kind == kind for r in reports))
    if len(reports) > 1:
        return f"{_TITLES[kind][0]} ({len(reports)} recipients)"
    address = one_line(reports[0].address, 254)
    return f"{_TITLES[kind][0]}: {address}" if address.isascii() else _TITLES[kind][0]


def words(about: Reported, reports: Sequence[Report], *, host: str) -> str:
    return "\r\n".join(_lines(about, reports, host)) + "\r\n"


def _lines(about: Reported, reports: Sequence[Report], host: str) -> Iterator[str]:
    yield f"This is the mail system at {host}."
    left = SHOWN
    for kind, (_, said) in _TITLES.items():
        chosen = [r for r in reports if r.kind == kind]
        if not chosen:
            continue
        yield from ("", f"Your letter of {rfc5322(about.created)}", f"{said}:")
        for report in chosen[:left]:
            yield from _recipient(report)
        if len(chosen) > left:
            yield from (
                "",
                f"  and {len(chosen) - left} more, who are listed in the second part of this report.",
            )
        left = max(left - len(chosen), 0)
    yield from (
        "",
        f"The letter's tracking number is {about.number}.",
        "Quote it when you ask your postmaster.",
    )


def _recipient(report: Report) -> Iterator[str]:
    yield from ("", f"  {one_line(report.address, 254)}")
    if report.text or report.code:
        who = f"The server {one_line(report.peer, 300)} said" if report.peer else "The reason"
        yield f"    {who}:"
        yield from _wrapped(f"{report.code or ''} {report.enhanced} {report.text}", "      ")
    if report.kind in {"failed", "delayed"}:
        status = status_code(report)
        yield f"    {next(advice for prefix, advice in _ADVICE if status.startswith(prefix))}"
    if report.kind == "delayed" and report.will_retry_until is not None:
        yield f"    We keep trying until {rfc5322(report.will_retry_until)}."


def _wrapped(text: str, indent: str) -> Iterator[str]:
    line = indent.rstrip(" ")
    for word in one_line(text).split():
        if line.strip() and len(line) + 1 + len(word) > 76:
            yield line
            line = ""
        line = f"{line or indent[:-1]} {word[:240]}"
    yield line
