"""The programs of README.md print what it says, in an empty folder, with the installed package."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

from conftest import Coordinator

import kelpie

_README = Path(__file__).resolve().parents[1] / "README.md"
_MAIN = "    asyncio.run(main())\n"
_PROGRAM = re.compile(r"```python\n(.*?)```(?:(?!```).)*?```text\n(.*?)```", re.DOTALL)


def _run(program: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=20)


def test_the_programs_print_what_the_manual_says(coordinator: Coordinator, tmp_path: Path) -> None:
    programs = _PROGRAM.findall(_README.read_text())
    assert len(programs) == _README.read_text().count("```python\n")
    for program, printed in programs:
        ran = _run(program, tmp_path, KELPIE_ENDPOINTS=coordinator.endpoint)
        assert (ran.stdout, ran.returncode) == (printed, 0), ran.stderr


def test_a_fatal_error_ends_the_programs_without_a_traceback(coordinator: Coordinator, tmp_path: Path) -> None:
    async def close() -> None:
        async with kelpie.reach_api(coordinator.endpoint) as api:
            await api.access.create_credential(name="root", preset="CREDENTIAL_PRESET_OPERATOR")

    asyncio.run(close())
    programs = [one for one, _ in _PROGRAM.findall(_README.read_text()) if _MAIN in one]
    assert len(programs) >= 4
    for program in programs:
        ran = _run(program, tmp_path, KELPIE_ENDPOINTS=coordinator.endpoint, KELPIE_TOKEN="klp_" + 43 * "a")
        assert ran.returncode == 1
        *warnings, last = ran.stderr.splitlines()
        assert last.endswith("(CREDENTIAL_INVALID)")
        assert all("the client ended and does not connect again" in one for one in warnings), ran.stderr
