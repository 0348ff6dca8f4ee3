"""The allocator keeps what is freed: less work for the kernel, and an operator's own choice stays."""

import subprocess
import sys

import pytest

# A buffer of 1 MiB, used and freed a hundred times: how many pages the kernel gave.
FAULTS = """
import resource, sys
from yubin.runtime import allocator
print(allocator.keep_freed() if sys.argv[1] == "keep" else None)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    held = [bytearray(b"x") * 100_000 for _ in range(10)]
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(how, **environment):
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how], env=environment, capture_output=True, text=True, check=True
    )
    said, faults = done.stdout.split()
    return said, int(faults)


def test_freed_memory_is_used_again():
    """Buffers that are made and freed over and over cost the kernel their pages once, not each time."""
    said, kept = run("keep")
    _, usual = run("leave")
    assert said == "True"
    assert kept < 2_000 < usual


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"])
def test_an_operator_may_choose(name):
    """What is set in the environment stays as it is."""
    assert run("keep", **{name: "131072"})[0] == "False"
