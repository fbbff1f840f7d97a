"""The programs of README.md print what it says, in an empty folder, with the installed package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from conftest import Coordinator

_README = Path(__file__).resolve().parents[1] / "README.md"
_PROGRAM = re.compile(r"```python\n(.*?)```(?:(?!```).)*?```text\n(.*?)```", re.DOTALL)


def test_the_programs_print_what_the_manual_says(coordinator: Coordinator, tmp_path: Path) -> None:
    programs = _PROGRAM.findall(_README.read_text())
    assert len(programs) == _README.read_text().count("```python\n")
    for program, printed in programs:
        environment = {**os.environ, "KELPIE_ENDPOINTS": coordinator.endpoint}
        ran = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=20
        )
        assert (ran.stdout, ran.returncode) == (printed, 0), ran.stderr
