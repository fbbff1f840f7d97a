"""The types of the package hold for mypy, as a program that uses it sees them."""

import subprocess
import sys


def test_mypy_finds_nothing() -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "-p", "kelpie", "--exclude", r"v1/"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stdout
