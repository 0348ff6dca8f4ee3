"""A thousand different letters of 10 KB: real text, a third of them Japanese (ISO-2022-JP and UTF-8 by turns)."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator

SIZE = 10_240
ENGLISH = (
    "the quarterly report shows that storage costs fell again while the number of messages rose by a third",
    "please find attached the minutes of our meeting and the list of open questions for next week",
    "the train to the airport leaves at seven, so we should meet in front of the station a little earlier",
    "your order has been shipped and will arrive within three working days at the address given below",
    "we have moved the review to thursday afternoon because two of the engineers are on call tomorrow",
    "could you look at the failing build, it seems that the cache key does not include the compiler flags",
    "thank you for the kind words about the garden, the tomatoes did well in spite of all the rain",
    "the committee accepted the proposal with minor changes to the second and the fourth paragraph",
)
JAPANESE = (
    "いつもお世話になっております。先日の打ち合わせの議事録をお送りいたします。",
    "来週の会議の日程についてご相談させてください。水曜日の午後はいかがでしょうか。",
    "ご注文の商品は本日発送いたしました。到着まで二、三日お待ちください。",
    "東京から京都までの新幹線の切符を予約しましたので、改札の前で待ち合わせましょう。",
    "添付の資料をご確認のうえ、ご意見をいただけますと幸いです。よろしくお願いいたします。",
    "検索の索引を作り直したところ、応答時間がおよそ半分になりました。",
)


def letters(count: int, sender: str, recipient: str, seed: int = 1) -> list[bytes]:
    """CRLF lines, no dot at the beginning of one, each with a Message-ID of its own."""
    rnd = random.Random(seed)
    return [_letter(i, sender, recipient, rnd) for i in range(count)]


def _letter(i: int, sender: str, recipient: str, rnd: random.Random) -> bytes:
    japanese = i % 3 == 0
    charset = ("iso-2022-jp" if i % 2 else "utf-8") if japanese else "us-ascii"
    subject = rnd.choice(JAPANESE)[:20] if japanese else rnd.choice(ENGLISH)[:50]
    if japanese:
        packed = base64.b64encode(subject.encode(charset)).decode()
        subject = f"=?{charset}?B?{packed}?="
    transfer = "base64" if charset == "utf-8" else "7bit"
    head = (
        f"From: Sender {i % 97} <{sender}>\r\nTo: Somebody Else <{recipient}>\r\nSubject: {subject}\r\n"
        f"Date: Mon, 3 Mar 2025 10:{i // 60 % 60:02d}:{i % 60:02d} +0900\r\n"
        f"Message-ID: <{i}.{rnd.getrandbits(64):x}@{sender.rpartition('@')[2]}>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n"
    ).encode()
    body = b"".join(_lines(charset, SIZE - len(head), rnd))
    return head + body


def _lines(charset: str, room: int, rnd: random.Random) -> Iterator[bytes]:
    while room > 0:
        text = rnd.choice(ENGLISH if charset == "us-ascii" else JAPANESE)
        line = text.encode(charset)
        if charset == "utf-8":
            line = base64.b64encode(line)
        line += b"\r\n"
        room -= len(line)
        yield line
