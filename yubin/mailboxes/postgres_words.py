"""Words as lexemes of a tsvector: ``mark + place + word``, where the mark stands for the account and the place is h or b.

The index is led by the account because every lexeme begins with the account's mark, four characters of a hash. So a word's
list of letters is the account's own: a search costs what its own mail costs, a letter's lexemes lie side by side in the
index, and no extension is needed. Two accounts with the same mark cost each other a little and see nothing: the rows say
whose they are. The alternative, btree_gin with (account_id, words), keeps 1 KB in the index for a letter of 200 words
instead of 4 KB; but a prefix gathers the words of everybody before it looks whose they are (among 8,000 letters 0.9 ms
instead of 0.1, and it grows with everybody's mail), and a letter's words land on 200 pages of the whole index.

Index entries are gathered in a list of at most 1 MB before they are put in their places (``fastupdate``): 0.42 ms of the
server's CPU for a letter of 200 words instead of 0.63, and a search looks through the list in 0.1 ms.

A letter whose words do not fit into a tsvector (1 MiB) is never said to be indexed; whoever searches looks into it.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence

from yubin.mailboxes.port import Indexed, Where, Word

LIMIT = 1_000_000  # bytes of lexemes; PostgreSQL's own limit is 2^20 - 1
LONGEST = 64  # characters of a word
_PLACES = {Where.HEADER: "h", Where.BODY: "b", Where.ANY: "hb"}


def mark(account: str) -> str:
    digest = hashlib.sha256(account.encode("utf-8", "surrogatepass")).digest()
    return urlsafe_b64encode(digest[:3]).decode()


def lexemes(letter: Indexed) -> str | None:
    """Divided by spaces; None when there are too many."""
    whose = mark(letter.account)
    every = [f"{whose}h{word}" for word in letter.header] + [f"{whose}b{word}" for word in letter.body]
    text = " ".join(every)
    return text if len(text.encode()) <= LIMIT else None


def columns(letters: Iterable[Indexed]) -> list[Sequence[object]]:
    """For INDEX; of a letter that is given twice the last words count."""
    last = {(letter.account, letter.letter_id): letter for letter in letters}
    each = [last[key] for key in sorted(last)]  # rows are locked in this order
    return [[x.account for x in each], [x.letter_id for x in each], [lexemes(x) for x in each]]


def query(account: str, words: Sequence[Word]) -> str | None:
    """A tsquery that needs all of ``words``; None when a word cannot occur at all."""
    whose = mark(account)
    if not all(_possible(word.text) for word in words):
        return None
    return " & ".join(dict.fromkeys(_term(whose, word) for word in words))


def _possible(text: str) -> bool:
    """No letter has a longer word, or one with a space; PostgreSQL takes neither NUL nor half a surrogate pair."""
    return len(text) <= LONGEST and not any(c in " \0" or "\ud800" <= c <= "\udfff" for c in text)


def _term(whose: str, word: Word) -> str:
    places = (_quoted(whose + place + word.text) for place in _PLACES[word.where])
    return f"({' | '.join(f'{term}:*' if word.prefix else term for term in places)})"


def _quoted(text: str) -> str:
    doubled = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"
