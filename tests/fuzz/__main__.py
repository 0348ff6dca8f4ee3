"""`make fuzz`: every target, or those that are named, for some seconds each. What fails is kept below .cache/fuzz."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from tests.fuzz import mutator
from tests.fuzz.targets import TARGETS, Target


def main() -> int:
    options = argparse.ArgumentParser(prog="make fuzz ARGS=…", description=__doc__)
    options.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)} (all)")
    options.add_argument("--seconds", type=float, default=60.0, help="for each (60)")
    options.add_argument("--seed", type=int, default=None, help="of the plain mutator")
    options.add_argument("--plain", action="store_true", help="without atheris")
    asked = options.parse_args()
    if unknown := set(asked.targets) - set(TARGETS):
        options.error(f"no such target: {', '.join(sorted(unknown))}")
    covered = not asked.plain and importlib.util.find_spec("atheris") is not None
    failed = False
    for name in asked.targets or TARGETS:
        place = Path(".cache/fuzz") / name
        place.mkdir(parents=True, exist_ok=True)
        if covered:
            failed |= _covered(name, place, asked.seconds)
        else:
            failed |= _plain(name, TARGETS[name], place, asked.seconds, asked.seed)
    return int(failed)


def _covered(name: str, place: Path, seconds: float) -> bool:
    corpus = place / "corpus"
    corpus.mkdir(exist_ok=True)
    for seed in TARGETS[name].seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    flags = [
        f"-max_total_time={int(seconds)}",
        f"-artifact_prefix={place}/",
        "-timeout=5",
        "-print_final_stats=1",
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.covered", name, str(corpus), *flags], check=False
    )
    return ended.returncode != 0


def _plain(name: str, target: Target, place: Path, seconds: float, seed: int | None) -> bool:
    seed = Random().randrange(2**32) if seed is None else seed
    until, count = time.monotonic() + seconds, 0
    for case in mutator.cases(target.seeds, Random(seed)):
        if time.monotonic() > until:
            break
        count += 1
        try:
            target.run(case)
        except Exception:
            kept = place / f"crash-{hashlib.sha256(case).hexdigest()[:16]}"
            kept.write_bytes(case)
            print(f"{name}: case {count} of seed {seed} fails, kept as {kept}")
            raise
    print(f"{name}: {count} cases, seed {seed}")
    return False


if __name__ == "__main__":
    sys.exit(main())
