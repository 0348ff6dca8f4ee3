"""THREAD=REFERENCES (RFC 5256 3, the six steps), over indexes and without recursion.

A node is a message id: a letter's own, or one that is only referred to (a dummy). Step 1 links ids in a forest of parents;
steps 2 and 3 prune the dummies; 4 and 6 sort by sent date; 5 gathers threads of one subject.

A link must not close a circle. Most cannot: a child without children, or one of another tree (as far as trees were ever
joined). For the others the parents are walked up, ``STEPS`` for each letter in all; when a mailbox was made to need more,
links are left out.
"""

from __future__ import annotations

from yubin.imap.collation import collate
from yubin.imap.threads import Forest
from yubin.mail.summary import Summary

STEPS = 200
_NONE = -1


class References:
    def __init__(self) -> None:
        self._nodes: dict[str, int] = {}
        self._parent: list[int] = []
        self._below: list[int] = []  # how many children
        self._tree: list[int] = []  # union-find: two that never met are in different trees
        self._number: list[int] = []
        self._sent: list[float] = []
        self._subject: list[tuple[str, bool]] = []
        self._steps = 0

    def add(self, number: int, *, received: float, summary: Summary) -> None:
        """Step 1."""
        self._steps += STEPS
        mine = self._own(summary.message_id)
        self._number[mine] = number
        self._sent[mine] = received if summary.date is None else summary.date
        self._subject[mine] = (collate(summary.base), summary.reply)
        last = _NONE
        for reference in _referred(summary):
            node = self._node(reference)
            if last != _NONE and self._parent[node] == _NONE:  # 1.A: a link that exists stays
                self._link(last, node)
            last = node
        self._adopt(last, mine)

    def forest(self) -> Forest:
        """Steps 2 to 6; afterwards nothing can be added."""
        children: list[list[int]] = [[] for _ in self._parent]
        roots: list[int] = []
        for node, parent in enumerate(self._parent):
            (roots if parent == _NONE else children[parent]).append(node)
        roots = self._pruned(roots, children)
        gathered = _Gathering(roots, children, self._number, self._sent, self._subject).roots()
        order = _order(gathered, children)
        for node in reversed(order):  # step 6: the youngest siblings first
            self._sort(children[node], children)
        self._sort(gathered, children)
        return Forest(roots=gathered, children=children, numbers=self._number)

    # ── step 1 ──

    def _own(self, message_id: str) -> int:
        """A letter without an id, or with one that another letter has, gets one that nobody has."""
        node = self._node(message_id) if message_id else self._new()
        return self._new() if self._number[node] else node

    def _node(self, message_id: str) -> int:
        node = self._nodes.get(message_id)
        if node is None:
            node = self._nodes[message_id] = self._new()
        return node

    def _new(self) -> int:
        node = len(self._parent)
        self._parent.append(_NONE)
        self._below.append(0)
        self._tree.append(node)
        self._number.append(0)
        self._sent.append(0.0)
        self._subject.append(("", False))
        return node

    def _adopt(self, parent: int, node: int) -> None:
        """1.B: the last reference is the parent, whatever somebody else's truncated references said."""
        known = self._parent[node]
        if known == parent:
            return
        if known != _NONE:
            self._parent[node] = _NONE
            self._below[known] -= 1
        if parent != _NONE:
            self._link(parent, node)

    def _link(self, parent: int, node: int) -> None:
        if parent == node or self._circular(parent, node):
            return
        self._parent[node] = parent
        self._below[parent] += 1
        self._tree[self._find(node)] = self._find(parent)

    def _circular(self, parent: int, node: int) -> bool:
        if not self._below[node] or self._find(parent) != self._find(node):
            return False
        here = parent
        while here not in {_NONE, node}:
            here = self._parent[here]
            self._steps -= 1
            if self._steps < 0:
                return True
        return here == node

    def _find(self, node: int) -> int:
        tree = self._tree
        while tree[node] != node:
            tree[node] = tree[tree[node]]
            node = tree[node]
        return node

    # ── steps 2 to 4 ──

    def _pruned(self, roots: list[int], children: list[list[int]]) -> list[int]:
        """Step 3: dummies without children go; the children of others take their place, at the root an only one does."""
        for node in reversed(_order(roots, children)):
            children[node] = self._spliced(children[node], children)
        kept: list[int] = []
        for root in roots:
            below = children[root]
            if self._number[root] or len(below) > 1:
                kept.append(root)
            else:
                kept.extend(below)
        return kept

    def _spliced(self, siblings: list[int], children: list[list[int]]) -> list[int]:
        """The longest of the lists is taken over, so that a deep row of dummies is not copied at each level."""
        dummies = [node for node in siblings if not self._number[node]]
        if not dummies:
            return siblings
        longest = max(dummies, key=lambda node: len(children[node]))
        found, children[longest] = children[longest], []
        found.extend(node for node in siblings if self._number[node])
        for dummy in dummies:
            found.extend(children[dummy])
            children[dummy] = []
        return found

    def _sort(self, siblings: list[int], children: list[list[int]]) -> None:
        """By sent date, then by the order of the mailbox; a dummy is as old as its first child."""
        if len(siblings) > 1:
            siblings.sort(key=lambda node: _age(node, children, self._number, self._sent))


class _Gathering:
    """Steps 4 and 5: threads of one base subject are put together."""

    def __init__(
        self,
        roots: list[int],
        children: list[list[int]],
        number: list[int],
        sent: list[float],
        subject: list[tuple[str, bool]],
    ) -> None:
        self._children, self._number, self._sent, self._subject = children, number, sent, subject
        for root in roots:
            if not number[root]:
                children[root].sort(key=self._age)
        self._roots = sorted(roots, key=self._age)
        self._table: dict[str, int] = {}

    def roots(self) -> list[int]:
        for node in self._roots:
            self._note(node)
        merged: set[int] = set()
        for place, node in enumerate(self._roots):
            if node not in merged and (known := self._table.get(self._base(node), node)) != node:
                self._merge(place, node, known, merged)
        return [node for node in self._roots if node not in merged]

    def _note(self, node: int) -> None:
        """5.B: the table prefers a dummy, and a letter that is no reply."""
        base = self._base(node)
        if not base:
            return
        known = self._table.get(base)
        if known is None or (self._number[known] and self._better(node, known)):
            self._table[base] = node

    def _better(self, node: int, known: int) -> bool:
        return not self._number[node] or (self._reply(known) and not self._reply(node))

    def _merge(self, place: int, node: int, known: int, merged: set[int]) -> None:
        """5.C."""
        if not self._number[node] and not self._number[known]:
            self._children[known].extend(self._children[node])
            self._children[node] = []
            merged.add(node)
        elif not self._number[known] or (self._reply(node) and not self._reply(known)):
            self._children[known].append(node)
            merged.add(node)
        else:
            dummy = self._dummy([known, node])
            self._table[self._base(node)] = dummy
            merged |= {known, node}
            self._roots[place] = dummy

    def _dummy(self, below: list[int]) -> int:
        self._children.append(below)
        self._number.append(0)
        self._sent.append(0.0)
        self._subject.append(("", False))
        return len(self._number) - 1

    def _base(self, node: int) -> str:
        """Of a dummy, that of its first child."""
        return self._subject[node if self._number[node] else self._children[node][0]][0]

    def _reply(self, node: int) -> bool:
        return self._number[node] != 0 and self._subject[node][1]

    def _age(self, node: int) -> tuple[float, int]:
        return _age(node, self._children, self._number, self._sent)


def _age(node: int, children: list[list[int]], number: list[int], sent: list[float]) -> tuple[float, int]:
    while not number[node] and children[node]:
        node = children[node][0]
    return sent[node], number[node]


def _order(roots: list[int], children: list[list[int]]) -> list[int]:
    """Parents before children."""
    order = list(roots)
    for node in order:
        order.extend(children[node])
    return order


def _referred(summary: Summary) -> tuple[str, ...]:
    """Step 1: References, or, where there are none, the first id of In-Reply-To."""
    if summary.references:
        return summary.references
    return (summary.in_reply_to,) if "@" in summary.in_reply_to else ()
