"""`make test`: every test in one of two passes, with pytest's exit status.

First the tests marked ``alone``, one after the other: they look how soon something comes, or what comes about in some seconds of
chaos, and neighbours would be heard in it. Then all others, on WORKERS processes (pytest-xdist), each file on one of them,
so that what a module sets up is set up once.

What stands behind the command goes to both: ``-k name``, ``--last-failed``, a path; ``-n0 --pdb`` too. A pass to which it leaves
nothing counts only where the other has nothing either. Failures of one pass are still known after the other, since
pytest keeps those that it did not select; with none left, --last-failed selects nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

WORKERS = 3  # on two cores: a test waits about as long as it computes
ALONE = ("-m", "alone")
TOGETHER = ("-m", "not alone", "-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder")
PASSED, INTERRUPTED, NOTHING = 0, 2, 5


def status(passes: Sequence[int]) -> int:
    """Of the whole run: what failed first, else whether there was anything."""
    failed = [one for one in passes if one not in {PASSED, NOTHING}]
    return failed[0] if failed else min(passes)


def main(arguments: Sequence[str]) -> int:
    passes = []
    for options in (ALONE, TOGETHER):
        command = [sys.executable, "-m", "pytest", "--last-failed-no-failures", "none", *options, *arguments]
        passes.append(subprocess.run(command, check=False).returncode)
        if passes[-1] == INTERRUPTED:
            break
    return status(passes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
