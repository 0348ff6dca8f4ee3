"""SEARCH, SORT and ESEARCH responses, as the RFCs print them."""

from __future__ import annotations

import pytest

from yubin.imap.results import Partial, esearch, search, sort


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
                partial=Partial(asked="-1:-100", numbers=range(900, 1000)),
            ),
            b'* ESEARCH (TAG "A01") UID COUNT 999 PARTIAL (-1:-100 900:999)',
        ),
        (
            esearch(b"A02", [1], frozenset(), uid=True, partial=Partial(asked="501:600", numbers=[])),
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
