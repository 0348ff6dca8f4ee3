"""Many IMAP clients on one account, each of which believes only what it was told, and checks it: in the manner of imaptest.

    python -m tests.imaptest --clients 50 --seconds 60 --kill            # `make imaptest`: a town of its own
    python -m tests.imaptest HOST PORT --user U --password P --ca FILE   # any server

A player (player.py) does random commands (verbs.py) and keeps a picture of its mailbox (picture.py), made of responses
alone. All players write into one journal (journal.py): what a UID was seen to be must be the same for everybody, for
ever. In the end (ending.py) all pictures equal a fresh one, and each letter is where it may be.
"""
