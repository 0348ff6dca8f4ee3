"""RETR (RFC 1939 5) and TOP (RFC 1939 7): a message in pieces, never whole in memory.

One that is gone by now is -ERR, and all others keep their numbers (CASES H13). When a piece fails to come behind the
+OK there is no reply for it: the connection ends without the final dot, and the client knows that it has a part only.
"""

from __future__ import annotations

from yubin.errors import Failure
from yubin.pop3.command import message_and_lines, message_number
from yubin.pop3.dialogue import Dialogue
from yubin.pop3.multiline import END, Stuffing, Top
from yubin.pop3.needs import Letter, Open, Steps


def retr(d: Dialogue, argument: str) -> Steps:
    number = d.maildrop.message(message_number(argument))
    piece = yield Open(number=number, verb="RETR")
    d.ok(f"{d.maildrop.size(number)} octets")
    stuffing = Stuffing()
    try:
        while piece is not None:
            d.write(stuffing.feed(piece))
            piece = yield Letter.MORE
    except Failure:
        d.cut = d.closing = True
        return
    d.write(stuffing.end())
    d.maildrop.retrieved.add(number)


def top(d: Dialogue, argument: str) -> Steps:
    message, lines = message_and_lines(argument)
    number = d.maildrop.message(message)
    piece = yield Open(number=number, verb="TOP")
    d.ok("The top follows")
    stuffing, cut = Stuffing(), Top(lines)
    try:
        while piece is not None:
            d.write(cut.feed(stuffing.feed(piece)))
            if cut.done:
                yield Letter.ENOUGH
                d.write(END)
                return
            piece = yield Letter.MORE
    except Failure:
        d.cut = d.closing = True
        return
    d.write(stuffing.end())
