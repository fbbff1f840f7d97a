"""What a developer sees of a client that gives no ``on_status``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest
from conftest import Coordinator
from test_session import run

import kelpie
from kelpie.status import Status
from kelpie.warnings import Warnings


async def _attempts(client: kelpie.Client, count: int) -> None:
    while client._session.connection._turn < count:
        await asyncio.sleep(0.01)


def test_failed_attempts_are_one_warning_with_advice(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        async with kelpie.connect("lobby-1", "DOWNSTREAM", endpoints="127.0.0.1:1") as client:
            await _attempts(client, 4)

    run(work())
    (line,) = [one.getMessage() for one in caplog.records]
    assert line.startswith('node "lobby-1": no coordinator accepts the node at 127.0.0.1:1: failed to connect')
    assert "Is kelpied running there?" in line


def test_a_session_that_breaks_and_goes_on_is_no_warning(
    start: Callable[..., Coordinator], caplog: pytest.LogCaptureFixture
) -> None:
    coordinator = start()

    async def work() -> None:
        async with kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=coordinator.endpoint) as client:
            await client.ready()
            coordinator.kill()
            await _attempts(client, 2)

    run(work())
    assert all("no coordinator accepts" in one.getMessage() for one in caplog.records)


def test_a_kind_is_reported_again_after_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    warnings = Warnings("lobby-1")
    for now in (0.0, 1.0, 59.0, 60.0):
        warnings.take(Status("disconnected", error=kelpie.KelpieError("UNAVAILABLE", "away\nnow")))
    warnings.take(Status("disconnected", error=kelpie.KelpieError("TLS_REQUIRED", "give the CA")))
    lines = [one.getMessage() for one in caplog.records]
    assert len(lines) == 3 and caplog.records[0].levelno == logging.WARNING
    assert "away\\u{a}now (UNAVAILABLE)" in lines[0]
    assert "(2 more like it since the last warning)" in lines[1]
    assert "Is kelpied running" not in lines[2]


def test_a_wrong_role_names_the_right_ones() -> None:
    async def work() -> None:
        with pytest.raises(kelpie.KelpieError) as wrong:
            kelpie.connect("lobby-1", "SERVER")  # type: ignore[arg-type]
        assert wrong.value.reason == "VALUE_INVALID"
        assert wrong.value.message == "role is 'SERVER'; it must be one of PROXY, DOWNSTREAM, SERVICE"
        with pytest.raises(kelpie.KelpieError, match="STARTING, READY, DRAINING, MAINTENANCE"):
            kelpie.connect("lobby-1", "DOWNSTREAM", state="OPEN")  # type: ignore[arg-type]

    run(work())
