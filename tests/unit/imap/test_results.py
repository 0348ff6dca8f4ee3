"""SEARCH, SORT and ESEARCH responses, as the RFCs print them."""

from __future__ import annotations

import pytest

from yubin.imap.results import esearch, partial, search, sort


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        (search([2, 84, 882]), b"* SEARCH 2 84 882"),
        (search([]), b"* SEARCH"),
        (search([2, 5, 6], 917162500), b"* SEARCH 2 5 6 (MODSEQ 917162500)"),
        (search([], 917162500), b"* SEARCH"),
        (sort([5, 3, 4, 1, 2]), b"* SORT 5 3 4 1 2"),
        (
            esearch(b"A282", [2, 10, 11, 14], frozenset({"MIN", "COUNT"}), uid=False),
            b'* ESEARCH (TAG "A282") MIN 2 COUNT 4',
        ),
        (
            esearch(b"A283", [2, 10, 11], frozenset({"ALL"}), uid=False),
            b'* ESEARCH (TAG "A283") ALL 2,10:11',
        ),
        (
            esearch(b"a", [4, 5, 9], frozenset({"MIN", "MAX"}), uid=True, modseq=12),
            b'* ESEARCH (TAG "a") UID MIN 4 MAX 9 MODSEQ 12',
        ),
        (
            esearch(b"A284", [], frozenset({"MIN", "MAX", "ALL", "COUNT"}), uid=True, modseq=12),
            b'* ESEARCH (TAG "A284") UID COUNT 0',
        ),
        (esearch(b"A284", [], frozenset({"MIN"}), uid=False), b'* ESEARCH (TAG "A284")'),
        (
            esearch(
                b"A01",
                range(1, 1000),
                frozenset({"COUNT", "PARTIAL"}),
                uid=True,
                part=partial(range(1, 1000), (-1, -100)),
            ),
            b'* ESEARCH (TAG "A01") UID COUNT 999 PARTIAL (-1:-100 900:999)',
        ),
        (
            esearch(b"A02", [1], frozenset(), uid=True, part=partial([1], (501, 600))),
            b'* ESEARCH (TAG "A02") UID PARTIAL (501:600 NIL)',
        ),
        (
            esearch(b'a"b', [1], frozenset({"ALL"}), uid=False),
            b'* ESEARCH (TAG "a\\"b") ALL 1',
        ),
    ],
)
def test_a_result_is_as_the_rfc_prints_it(line, printed):
    """RFC 3501 7.2.5, RFC 7162 3.1.5, RFC 5256 5, RFC 4731 3.1, RFC 9394 3.1."""
    assert line == printed + b"\r\n"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((1, 2), [9, 7]),
        ((2, 1), [9, 7]),
        ((3, 100), [5, 3, 1]),
        ((6, 100), []),
        ((-1, -2), [3, 1]),
        ((-2, -1), [3, 1]),
        ((-3, -3), [5]),
        ((-4, -100), [9, 7]),
        ((-6, -9), []),
    ],
)
def test_a_part_of_a_result_is_counted_from_either_end(asked, found):
    """RFC 9394 3.1: in the order of the result, from its first or its last."""
    assert list(partial([9, 7, 5, 3, 1], asked).numbers) == found
