"""`operator/` is only a folder: as a package it would hide the standard library's module of that name."""

import operator
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_operator_has_no_init():
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_operator_is_the_standard_librarys_here():
    assert operator.__file__ is not None
    assert Path(operator.__file__).parent == Path(sys.base_prefix, "lib", f"python3.{sys.version_info.minor}")


def test_operator_is_the_standard_librarys_for_a_python_started_in_the_root():
    program = "import operator, collections; assert operator.add(1, 2) == 3; print(operator.__file__)"
    seen = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert seen.returncode == 0, seen.stderr
    assert str(ROOT) not in seen.stdout
