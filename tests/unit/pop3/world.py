"""A session with a world around it that answers its needs from a list of letters. No event loop."""

from __future__ import annotations

from base64 import b64encode

from yubin.errors import Failure, NotFound, Unauthenticated
from yubin.pop3.dialogue import Terms
from yubin.pop3.maildrop import Maildrop
from yubin.pop3.needs import Letter, Login, Open, Prove, Update, Wait
from yubin.pop3.session import Session
from yubin.sasl.mechanism import Bearer, Offer, Proven, ScramFinal, ScramFirst

TERMS = Terms(hostname="mail.a.example")
ALICE, PASSWORD = "alice@a.example", "correct horse"
LETTERS = (
    b"Subject: one\r\n\r\nhello\r\n",
    b"Subject: two\r\n\r\n.dot\r\nlast\r\n",
    b"Subject: three\r\n\r\n",
)


class World:
    """``pieces`` is the length in which letters come; ``failures`` are raised for a need of that type, once each."""

    def __init__(self, *, terms=TERMS, tls=True, letters=LETTERS, pieces=7):
        self.now = 1000.0
        self.letters = dict(enumerate(letters, 1))
        self.pieces = pieces
        self.failures = {}
        self.logins, self.updates, self.notes, self.rooms, self.handshakes = [], [], [], 0, 0
        self._open = iter(())
        self.session = Session(
            terms,
            tls=tls,
            clock=lambda: self.now,
            note=lambda verb, outcome: self.notes.append((verb, outcome)),
        )
        self.greeting = self.session.take()

    def say(self, *octets):
        """Feeds each and gives all that is answered."""
        said = bytearray()
        for part in octets:
            self.session.feed(part)
            need = self.session.advance()
            while need is not None:
                said += self.session.take()
                try:
                    answer = self._satisfy(need)
                except Failure as failure:
                    need = self.session.fail(failure)
                else:
                    need = self.session.answer(answer)
            said += self.session.take()
        return bytes(said)

    def lines(self, *commands):
        """The replies to commands, line by line."""
        return self.say("".join(f"{c}\r\n" for c in commands).encode()).decode().split("\r\n")[:-1]

    def _satisfy(self, need):
        if type(need) in self.failures:
            raise self.failures.pop(type(need))
        if need in self.failures:
            raise self.failures.pop(need)
        match need:
            case Login():
                self.logins.append((need.login, need.password))
                if (need.login, need.password) != (ALICE, PASSWORD):
                    raise Unauthenticated("Authentication credentials invalid")
                return Maildrop(0x65, [n * 3 for n in self.letters], [len(x) for x in self.letters.values()])
            case Prove():
                return self._proven(need.claim)
            case Open():
                if need.number not in self.letters:
                    raise NotFound("It is gone")
                whole = self.letters[need.number]
                self._open = (whole[i : i + self.pieces] for i in range(0, len(whole), self.pieces))
                return next(self._open, None)
            case Letter.MORE:
                return next(self._open, None)
            case Letter.ENOUGH:
                self._open = None
            case Update():
                self.updates.append(need.deleted)
            case Wait.ROOM:
                self.rooms += 1
            case Wait.START_TLS:
                self.handshakes += 1
        return None

    def _proven(self, claim):
        """One token holds; a proof is the state with a mark."""
        match claim:
            case Bearer(token="right"):
                return Maildrop(0x65, [3], [7])
            case ScramFirst():
                return Offer(message=b"r=ours", state=b"state")
            case ScramFinal(message=b"proof", state=b"state"):
                return Proven(message=b"v=x", who=Maildrop(0x65, [3], [7]))
        raise Unauthenticated("Authentication credentials invalid")


def plain(name=ALICE, password=PASSWORD):
    return b64encode(f"\0{name}\0{password}".encode()).decode()


def inside(**options):
    """Behind the login."""
    world = World(**options)
    assert world.lines(f"USER {ALICE}", f"PASS {PASSWORD}")[1].startswith("+OK")
    world.notes.clear()
    return world
