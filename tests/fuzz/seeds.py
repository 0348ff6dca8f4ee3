"""What the mutations begin with: well-formed examples of everything, so that chance soon reaches every rule."""

COMMANDS = [
    b"CAPABILITY", b"NOOP", b"LOGOUT", b"STARTTLS", b"IDLE", b"CLOSE", b"UNSELECT", b"EXPUNGE", b"NAMESPACE",
    b'LOGIN "a\\"b" {3+}\r\nabc', b"AUTHENTICATE SCRAM-SHA-256 biws", b"ENABLE CONDSTORE UTF8=ACCEPT",
    b'ID ("name" "x" "os" NIL)', b"COMPRESS DEFLATE", b"SELECT INBOX (CONDSTORE QRESYNC (1 20 41,43:211 (1:2 5,7)))",
    b"CREATE &ZeVnLIqe- (USE (\\Sent \\Drafts))", b"DELETE x", b"RENAME a b", b"SUBSCRIBE a", b'LSUB "" %',
    b'LIST (SUBSCRIBED RECURSIVEMATCH) "" ("a/%" {2+}\r\nb*) RETURN (CHILDREN STATUS (MESSAGES UNSEEN))',
    b"STATUS x (MESSAGES UIDNEXT HIGHESTMODSEQ SIZE MAILBOXID)", b'GETQUOTA ""', b"GETQUOTAROOT INBOX",
    b'SETQUOTA "" (STORAGE 512)', b"COPY 1:*,5 x", b"UID MOVE $ x", b"UID EXPUNGE 3000:3002",
    b"STORE 1 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Seen $x)", b"UID STORE 1 -FLAGS \\Deleted a",
    b"FETCH 1:5 FULL", b"UID FETCH 1 FLAGS (CHANGEDSINCE 5 VANISHED PARTIAL -1:-30)",
    b"FETCH 1 (UID BODY.PEEK[1.2.HEADER.FIELDS.NOT (To {1+}\r\nx)]<0.5> BINARY[1]<1.2> PREVIEW (LAZY) SAVEDATE)",
    b"SEARCH RETURN (MIN COUNT PARTIAL 1:5) CHARSET iso-2022-jp OR FROM x NOT (SEEN 1:*) SENTSINCE 1-Feb-1994 HEADER a {1+}\r\nb",
    b'UID SEARCH UID $ MODSEQ "/flags/x" all 5 YOUNGER 5 EMAILID M1 LARGER 5 KEYWORD a SAVEDON "1-Feb-2020" $',
    b"UID SORT RETURN (ALL) (REVERSE DATE SUBJECT) UTF-8 ALL", b'THREAD REFERENCES UTF-8 TEXT "a"',
    b"NOTIFY SET STATUS (SELECTED (MessageNew (UID) MessageExpunge)) (SUBTREE (a b) NONE)", b"NOTIFY NONE",
    b'APPEND x (\\Seen) "17-Jul-1996 02:44:25 -0700" {3+}\r\nabc UTF8 (~{3+}\r\nabc) {3}\r\nabc', b"APPEND {1+}\r\nx {1}\r\ny",
    b"UID REPLACE 4 Drafts ~{4+}\r\n\0\r\n\r", b"NOPE {9+}\r\nx LOGOUT\n",
]  # fmt: skip
SESSIONS = [b"a " + command + b"\r\nb NOOP\r\n" for command in COMMANDS]
SETS = [b"1:*,5,7:3,*", b"4294967295", b"1,2,3,4:9"]
NAMES = [b"~peter/mail/&U,BTFw-/&ZeVnLIqe-", b"R&-D", b"&2D3eAA-", "日本語".encode()]
DATES = [b"17-Jul-1996 02:44:25 -0700", b"1-Feb-1994"]
LETTERS = [
    b"""From: "a" <a@b>, =?utf-8?b?5pel?= <c@d>
To: g: x@y, <@r:z@w>;
Subject: =?iso-2022-jp?B?GyRCRnwbKEI=?=
Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)
References: <a@b> <c@d>
Message-ID: <e@f>

hello
""".replace(b"\n", b"\r\n"),
    b"""Content-Type: multipart/mixed; boundary="b c"

--b c
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

=E6=97=A5=

--b c
Content-Type: message/rfc822

Subject: x
Content-Type: multipart/alternative; boundary=d

--d

a
--d--
--b c
Content-Type: image/png; name*0*=utf-8''a; name*1=b
Content-Disposition: attachment; filename=x
Content-Transfer-Encoding: base64

AAAA
--b c--
""".replace(b"\n", b"\r\n"),
]
