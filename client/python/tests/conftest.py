"""A real coordinator for each test: `node dist/server/main.js --dev`, from the repository."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MAIN = Path(__file__).resolve().parents[3] / "dist/server/main.js"


class Coordinator:
    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            ["node", str(MAIN), "--dev", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout
        ready = self._process.stdout.readline()
        assert ready, "the coordinator did not start; is the repository built (make build)?"
        self.endpoint: str = json.loads(ready)["endpoint"]

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> None:
        """As an operator does: it drains its nodes first."""
        self._process.terminate()


@pytest.fixture
def start() -> Iterator[Callable[..., Coordinator]]:
    """Starts coordinators, which end with the test."""
    started: list[Coordinator] = []

    def start_one(*arguments: str) -> Coordinator:
        started.append(Coordinator(*arguments))
        return started[-1]

    yield start_one
    for one in started:
        one.kill()


@pytest.fixture
def coordinator(start: Callable[..., Coordinator]) -> Coordinator:
    return start()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in os.environ if one.startswith("KELPIE_")]:
        monkeypatch.delenv(name)
