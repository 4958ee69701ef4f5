import os
import platform
import subprocess
import sys

import pytest

from cnnlab.common import cpu_settings

SETTINGS = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
APPLY = "from cnnlab.common.cpu_settings import apply_cpu_settings; apply_cpu_settings(); "
FAULTS = """
import resource
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(2**23); before = faults()
for _ in range(50): bytearray(2**23)
print(faults() - before)
"""


def _python(code: str, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return subprocess.run(
        [sys.executable, "-c", code], env=kept | variables, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_command_sets_them_for_itself_and_its_children():
    shown = _python(APPLY + f"import os; print({{n: os.environ[n] for n in {SETTINGS} if n in os.environ}})")
    kept = str(cpu_settings.KEPT)
    expected = {"GOMP_SPINCOUNT": cpu_settings.SPINS}
    if platform.libc_ver()[0] == "glibc":
        expected |= {"MALLOC_TRIM_THRESHOLD_": kept, "MALLOC_MMAP_THRESHOLD_": kept}
    assert shown == str(expected)


@pytest.mark.parametrize("name", SETTINGS)
def test_what_the_environment_says_is_left(name):
    shown = _python(APPLY + f"import os; print(os.environ['{name}'], 'GOMP_SPINCOUNT' in os.environ)", **{name: "7"})
    assert shown == f"7 {name != 'OMP_WAIT_POLICY'}"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_freed_memory_is_used_again_without_a_page_fault():
    pages = 2**23 // os.sysconf("SC_PAGE_SIZE")
    assert int(_python(APPLY + FAULTS)) < pages < 25 * pages < int(_python(FAULTS, MALLOC_MMAP_THRESHOLD_="131072"))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is freed")
def test_what_was_needed_once_is_given_back():
    """128 arrays of 1 MiB, of which none is left."""
    code = """
import resource
from cnnlab.common.cpu_settings import release_freed_memory
def resident(): return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() // 2**20
before = resident()
arrays = [b"1" * 2**20 for _ in range(128)]
del arrays
kept = resident() - before
release_freed_memory()
print(kept, resident() - before)
"""
    kept, left = map(int, _python(APPLY + code).split())
    assert kept > 100 and left < 20
