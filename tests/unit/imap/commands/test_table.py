"""The table of verbs."""

from yubin.imap.commands.table import LETTERS, UID_VERBS, VERBS

RFC_3501 = [
    "CAPABILITY",
    "NOOP",
    "LOGOUT",
    "STARTTLS",
    "AUTHENTICATE",
    "LOGIN",
    "SELECT",
    "EXAMINE",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST",
    "LSUB",
    "STATUS",
    "APPEND",
    "CHECK",
    "CLOSE",
    "EXPUNGE",
    "SEARCH",
    "FETCH",
    "STORE",
    "COPY",
]
RFC_9051 = ["ENABLE", "NAMESPACE", "IDLE", "UNSELECT", "MOVE"]
EXTENSIONS = [
    "ID",
    "COMPRESS",
    "UNAUTHENTICATE",
    "NOTIFY",
    "GETQUOTA",
    "GETQUOTAROOT",
    "SETQUOTA",
    "SORT",
    "THREAD",
    "REPLACE",
]


def test_every_verb_is_known():
    """RFC 3501, RFC 9051 and what is announced, and nothing else."""
    assert set(VERBS) == {*RFC_3501, *RFC_9051, *EXTENSIONS}


def test_uid_and_letters():
    """Each is a verb."""
    assert set(VERBS) > UID_VERBS
    assert set(LETTERS) == {"APPEND", "REPLACE"}
