"""What a process says: bounded on disk, short and harmless on the terminal."""

import json

from yubin.up.logfile import BURST, LogFile, Speaker, foreign_sentence, sentence


def line(**fields) -> bytes:
    return json.dumps({"event": "A sentence.", "level": "info", "action": "attempt"} | fields).encode()


def test_file_is_turned_over(tmp_path):
    """Two files at most, each within the limit, the newest lines kept."""
    log = LogFile(tmp_path / "pod.log", limit=100)
    for number in range(50):
        log.write(b"line %02d ..........\n" % number)
    log.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pod.log", "pod.log.1"]
    assert all(p.stat().st_size <= 100 for p in tmp_path.iterdir())
    assert (tmp_path / "pod.log").read_text().splitlines()[-1].startswith("line 49")


def test_full_disk_costs_lines_and_not_the_pod(tmp_path):
    """A log that cannot be written must not block or end the process that speaks."""
    log = LogFile(tmp_path / "pod.log")
    log.close()
    with open("/dev/full", "ab", buffering=0) as full:
        log._file = full
        log.write(b"lost\n")


def test_terminal_shows_what_matters():
    """Warnings and the life of a pod; not each letter."""
    assert sentence(line()) is None
    assert sentence(line(action="ready", event="This pod is ready.")) == "This pod is ready."
    assert sentence(line(level="error", why="disk full")) == "A sentence. [disk full]"
    assert sentence(b"Traceback (most recent call last):") == "Traceback (most recent call last):"
    assert sentence(b"") is None
    assert sentence(b"{broken") == "{broken"


def test_strangers_text_cannot_drive_the_terminal():
    """CASES L9: escapes in a logged field arrive as blanks, and a line is short."""
    shown = sentence(line(level="warning", text="\x1b[2J\r\nevil" + "x" * 5000))
    assert shown.isprintable()
    assert len(shown) <= 300


def test_storm_goes_to_the_file_only():
    """A burst is shown, then a few lines a second, and how many were kept back."""
    now, shown = [0.0], []
    speaker = Speaker("delivery", shown.append, clock=lambda: now[0])
    for _ in range(1000):
        speaker.line(line(level="warning"))
    assert len(shown) == BURST
    now[0] = 1.0
    speaker.line(line(level="warning"))
    assert "980 more lines" in shown[-1]


def test_brokers_chatter_is_kept_to_its_log():
    """nats-server marks what is harmless."""
    assert foreign_sentence(b"[1] 2026/01/01 00:00:00.0 [INF] Server is ready") is None
    assert "no space" in foreign_sentence(b"[1] 2026/01/01 00:00:00.0 [ERR] no space left")
