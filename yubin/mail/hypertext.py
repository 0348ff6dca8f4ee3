"""The text of an HTML part, for searching and previews, in a few linear passes. Nobody should show it as HTML.

Each pattern consumes what it has looked at: a comment, a script or a style without an end goes to the end of the text, a
tag ends at the next ``<`` at the latest. Tags that break a line become line ends, others vanish, so that a word with a
bold letter in it stays one word. The alternative text of pictures is kept.
"""

from __future__ import annotations

import re
from html.entities import html5

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HIDDEN = re.compile(r"<(script|style|title)\b[^<>]*+>?.*?(?:</\1\b[^<>]*+>?|\Z)", re.DOTALL | re.IGNORECASE)
_ALT = re.compile(
    r"""<img\b[^<>]*?\salt\s*+=\s*+(?:"([^"<>]*+)"|'([^'<>]*+)'|([^\s"'<>]++))[^<>]*+>?""", re.IGNORECASE
)
_BREAK = re.compile(
    r"</?(?:address|article|blockquote|body|br|center|dd|div|dl|dt|fieldset|footer|form|h[1-6]|head|header|hr|html|img|li|main"
    r"|nav|ol|option|p|pre|section|select|table|tbody|td|tfoot|th|thead|tr|ul)\b[^<>]*+>?",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[A-Za-z/!?][^<>]*+>?")
_ENTITY = re.compile(
    r"&(?:#([0-9]{1,7})(?![0-9]);?|#[xX]([0-9A-Fa-f]{1,6})(?![0-9A-Fa-f]);?|([A-Za-z][A-Za-z0-9]{1,31};)|(amp|lt|gt|quot|nbsp)\b)"
)


def plain(html: str) -> str:
    if "<" in html:
        html = _COMMENT.sub("", html)
        html = _HIDDEN.sub("\n", html)
        html = _ALT.sub(r" \1\2\3 ", html)
        html = _BREAK.sub("\n", html)
        html = _TAG.sub("", html)
    return _ENTITY.sub(_character, html) if "&" in html else html


def _character(m: re.Match[str]) -> str:
    decimal, hexadecimal, name, bare = m.groups()
    if name is not None or bare is not None:
        return html5.get(name or f"{bare};", m[0])
    code = int(decimal) if decimal is not None else int(hexadecimal, 16)
    return "\ufffd" if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or code == 0 else chr(code)
