"""What the mailbox pod counts: letters in, bytes, the index' backlog, what is swept. Bounded labels only."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from yubin.runtime.metrics import ERRORS, SECONDS

LETTERS = Counter("yubin_mailbox_letters", "copies of letters, by what became of them", ["outcome"])
STORED, REPEATED, FAILED = (LETTERS.labels(o) for o in ("stored", "repeated", "failed"))
BYTES = Counter("yubin_mailbox_bytes", "octets of the letters that were delivered, each copy")
READ = Counter("yubin_mailbox_read_letters", "letters that were read whole, by where they lay", ["place"])
FROM_MEMORY, FROM_STORE = READ.labels("memory"), READ.labels("store")
RECENT = Gauge("yubin_mailbox_recent_bytes", "octets of letters that are kept since they were used lately")
VIEWS = Counter(
    "yubin_mailbox_views",
    "mailboxes that were looked at from their first message, by where they lay",
    ["place"],
)
VIEWS_FROM_MEMORY, VIEWS_FROM_STORE = VIEWS.labels("memory"), VIEWS.labels("store")
DELIVER = Histogram(
    "yubin_mailbox_deliver_seconds", "from a letter's frame to its durable copies", buckets=SECONDS
)
BACKLOG = Gauge("yubin_mailbox_index_backlog", "letters whose words are not in the index yet")
INDEXED = Counter("yubin_mailbox_indexed_letters", "letters whose words were written to the index")
INDEXING = Histogram(
    "yubin_mailbox_index_seconds", "reading, splitting and writing one batch", buckets=SECONDS
)
UNREADABLE = Counter("yubin_mailbox_index_failures", "letters that were indexed without words")
SWEPT = Counter("yubin_mailbox_swept_objects", "bodies that no letter had any more")
for _place in ("deliver", "index", "sweep"):
    ERRORS.labels(_place)
