"""What is imported uncollected is never searched again; Python's collector itself tells."""

import subprocess
import sys

BEGIN = "import gc\nfrom cnnlab.common.garbage import import_uncollected\ncounts = []\n"
COUNT = "gc.callbacks.append(lambda phase, info: counts.append(phase))\n"


def _said(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", BEGIN + COUNT + code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_nothing_is_collected_while_it_imports_and_its_objects_are_kept_out_of_later_searches():
    code = (
        "gc.collect(); counts.clear(); import_uncollected('sqlite3', 'email.message')\n"
        "import email.message\n"
        "print(len(counts), gc.isenabled(), any(o is email.message.Message for o in gc.get_objects()))"
    )
    assert _said(code) == "0 True False"


def test_what_was_imported_already_freezes_nothing():
    code = "import email.message\nbefore = gc.get_freeze_count()\nimport_uncollected('email.message', 'gc')\n"
    assert _said(code + "print(gc.get_freeze_count() - before)") == "0"


def test_a_collector_that_was_off_stays_off():
    assert _said("gc.disable(); import_uncollected('sqlite3'); import sys; print('sqlite3' in sys.modules)") == "True"
    assert _said("gc.disable(); import_uncollected('sqlite3'); print(gc.isenabled())") == "False"


def test_garbage_is_found_again_afterwards_even_if_an_import_failed():
    code = (
        "import weakref\nclass A: pass\n"
        "try: import_uncollected('no_such_module')\n"
        "except ImportError: pass\n"
        "a = A(); a.itself = a; w = weakref.ref(a); del a; gc.collect(); print(w() is None, gc.isenabled())"
    )
    assert _said(code) == "True True"


def test_what_is_frozen_is_let_go_in_the_end():
    code = (
        "import atexit\natexit.register(lambda: print(gc.get_freeze_count()))\n"
        "import_uncollected('sqlite3')\nprint(gc.get_freeze_count() > 0)"
    )
    assert _said(code) == "True\n0"


def _ended(code: str) -> tuple[int, str, str]:
    begin = "import gc, sys\nfrom cnnlab.common.garbage import leave_to_the_system\nleave_to_the_system()\n"
    done = subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def test_a_command_frees_nothing_in_the_end():
    code = "class A:\n    def __del__(self): print('freed')\na = A(); a.itself = a; del a; gc.disable()\nprint('end')"
    assert _ended(code) == (0, "end\n", "")


def test_what_it_had_to_say_and_its_exit_code_stay():
    code = "import atexit\natexit.register(sys.stderr.write, 'last')\nprint('out')\nsys.exit(3)"
    assert _ended(code) == (3, "out\n", "last")
    code, out, err = _ended("print('out'); raise ValueError('why')")
    assert (code, out, err.splitlines()[-1]) == (1, "out\n", "ValueError: why")


def test_torch_goes_without_a_word():
    assert _ended("import torch, torch._dynamo") == (0, "", "")
