"""Who lives in the pretend world (names of RFC 2606 and RFC 6761): its zone, and what its SMTP server says to whom.

Every host is 127.0.0.1, where the sink listens; mail to any domain that is not in RULES is accepted.
"""

from __future__ import annotations

from yubin.dns.zone import Zone

ZONE = """\
$TTL 300
$ORIGIN example.
@                    SOA   ns.example. hostmaster.example. 1 3600 600 86400 30
ns.example.          A     127.0.0.1

; accepts everything
accepts.example.     MX    10 mx1.accepts.example.
accepts.example.     MX    20 mx2.accepts.example.
accepts.example.     TXT   "v=spf1 mx -all"
mx1.accepts.example. A     127.0.0.1
mx2.accepts.example. A     127.0.0.1

; 550 5.1.1 to every recipient
refuses.example.     MX    10 mx.refuses.example.
mx.refuses.example.  A     127.0.0.1

; 451 4.7.1 to every recipient
later.example.       MX    10 mx.later.example.
mx.later.example.    A     127.0.0.1

; takes no mail, and says so (RFC 7505)
nomail.example.      MX    0 .
nomail.example.      A     127.0.0.1

; no MX record: the domain is its own host (RFC 5321 5.1)
direct.example.      A     127.0.0.1

; an alias for a domain that accepts
alias.example.       CNAME accepts.example.

; a mail house and its customers, who share its hosts and so one site
mx1.house.example.   A     127.0.0.1
mx2.house.example.   A     127.0.0.1
one.example.         MX    10 mx1.house.example.
one.example.         MX    10 mx2.house.example.
two.example.         MX    10 mx1.house.example.
two.example.         MX    10 mx2.house.example.
three.example.       MX    10 mx1.house.example.
three.example.       MX    10 mx2.house.example.

; 日本語.example
xn--wgv71a119e.example. MX 10 mx1.accepts.example.

; the first host is never there: nothing listens on 127.0.0.2
backup.example.      MX    10 mx1.backup.example.
backup.example.      MX    20 mx2.backup.example.
mx1.backup.example.  A     127.0.0.2
mx2.backup.example.  A     127.0.0.1

; missing.example does not exist
"""

RULES: dict[str, str] = {  # domain: the reply to RCPT TO
    "refuses.example": "550 5.1.1 No such user here",
    "later.example": "451 4.7.1 Try again later",
}

ABOUT: dict[str, str] = {
    "accepts.example": "accepts every letter (so do direct, alias, one, two, three, backup and 日本語.example)",
    "refuses.example": "550 5.1.1 to every recipient",
    "later.example": "451 4.7.1 to every recipient, for ever",
    "nomail.example": "takes no mail, and says so with a null MX",
    "missing.example": "does not exist",
}


def zone(extra: str = "") -> Zone:
    """With the records of ``extra``, a master file; raises ValueError."""
    return Zone.parse(ZONE) + Zone.parse(extra) if extra.strip() else Zone.parse(ZONE)


def rule(domain: str) -> str | None:
    """The refusal that RCPT TO gets for a domain, None where it is accepted."""
    return RULES.get(domain.lower().rstrip("."))
