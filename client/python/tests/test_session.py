"""A node and a real coordinator: events, commands, breaks, drains and their ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from conftest import Coordinator

import kelpie

_DEADLINE = 15.0


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, _DEADLINE))


def cut(client: kelpie.Client) -> None:
    """Breaks the stream of a client."""
    stream = client._session.stream
    assert stream
    stream.fail(kelpie.KelpieError("UNAVAILABLE", "cut by the test"))


class Seen:
    """Collects what handlers get, and waits for it."""

    def __init__(self) -> None:
        self.all: list[Any] = []
        self._more = asyncio.Event()

    def __call__(self, one: Any) -> None:
        self.all.append(one)
        self._more.set()

    async def until(self, enough: Callable[[list[Any]], bool]) -> None:
        while not enough(self.all):
            self._more.clear()
            await self._more.wait()

    def types(self) -> list[str]:
        return [one.type for one in self.all]


def test_events_of_others_and_of_the_coordinator(coordinator: Coordinator) -> None:
    async def work() -> None:
        seen = Seen()
        async with kelpie.connect("reader", "SERVICE", endpoints=coordinator.endpoint) as reader:
            reader.subscribe("nodes.*", seen)
            reader.subscribe("chat.>", seen)
            await reader.ready()
            async with kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=coordinator.endpoint) as lobby:
                await lobby.ready()
                await lobby.publish("chat.global", ["a", 1, 2.5, None, {"b": "c"}], type="line", origin="NODE")
            await seen.until(lambda all: any(one.kind == "node_left" for one in all))
        joined, message, left = seen.all[-3:]
        assert (joined.kind, joined.body.node.name) == ("node_joined", "lobby-1")
        assert (message.source, message.type, message.origin) == ("lobby-1", "line", "NODE")
        assert message.content == ["a", 1, 2.5, None, {"b": "c"}]
        assert (left.kind, left.body.node.name) == ("node_left", "lobby-1")

    run(work())


def test_each_event_once_over_a_new_stream(coordinator: Coordinator) -> None:
    """A second stream of the same process takes over, in the middle of a slow handler."""

    async def work() -> None:
        handled: list[str] = []
        status = Seen()
        hold = asyncio.Event()

        async def handler(event: kelpie.Event) -> None:
            if event.content == "2":
                await hold.wait()
            handled.append(str(event.content))

        endpoint = coordinator.endpoint
        async with kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=endpoint, on_status=status) as client:
            client.subscribe("chat.global", handler)
            await client.ready()
            for text in ("1", "2", "3", "4"):
                await client.publish("chat.global", text)
            while handled != ["1"]:
                await asyncio.sleep(0.01)
            cut(client)
            await status.until(lambda all: status.types().count("connected") == 2)
            await client.publish("chat.global", "5")
            hold.set()
            while len(handled) < 5:
                await asyncio.sleep(0.01)
            assert handled == ["1", "2", "3", "4", "5"]
            outcome = status.all[-1].welcome.outcome
            assert outcome == 2, "the session goes on: RESUMED"

    run(work())


def test_publishes_of_the_time_without_a_coordinator(start: Callable[..., Coordinator]) -> None:
    async def work() -> None:
        first = start()
        status, seen = Seen(), Seen()
        async with kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=first.endpoint, on_status=status) as client:
            client.subscribe("chat.global", seen)
            await client.ready()
            # These go out, and get no acknowledgement.
            first.pause()
            waiting = [client.publish("chat.global", str(number)) for number in range(300)]
            await asyncio.sleep(0.1)
            first.kill()
            await status.until(lambda all: "disconnected" in status.types())
            waiting += [client.publish("chat.global", str(number)) for number in range(300, 600)]
            port = first.endpoint.rpartition(":")[2]
            start("--port", port)
            await asyncio.gather(*waiting)
            await seen.until(lambda all: len(all) == 600)
            assert [one.content for one in seen.all] == [str(number) for number in range(600)]
            assert "gap" in status.types(), "the new coordinator has another history"

    run(work())


def test_a_drain_moves_to_another_coordinator(start: Callable[..., Coordinator]) -> None:
    async def work() -> None:
        first, second = start(), start()
        status = Seen()
        endpoints = [first.endpoint, second.endpoint]
        async with kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=endpoints, on_status=status) as client:
            await client.ready()
            first.stop()
            await status.until(lambda all: status.types().count("connected") == 2)
            assert "disconnected" not in status.types()
            assert status.all[-1].endpoint == second.endpoint
            await client.publish("chat.global", "here")

    run(work())


def test_commands_both_ways(coordinator: Coordinator) -> None:
    async def work() -> None:
        begun, cancelled = asyncio.Event(), asyncio.Event()

        async def slow(command: kelpie.Command) -> None:
            begun.set()
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                cancelled.set()
                raise

        def broken(command: kelpie.Command) -> None:
            raise ValueError("the arena is closed")

        async with kelpie.connect("arena", "DOWNSTREAM", endpoints=coordinator.endpoint) as arena:
            arena.handle("add", lambda command: {"sum": sum(command.content["of"])})
            arena.handle("run_console_command", lambda command: f"ran {command.form.line}")
            arena.handle("slow", slow)
            arena.handle("broken", broken)
            await arena.ready()
            assert await arena.call("arena", "add", {"of": [1, 2]}) == {"sum": 3}
            issued = arena.issue({"every": {"states": ["READY"]}}, {"run_console_command": {"line": "list"}})
            assert [(one.node, one.lines) async for one in issued] == [("arena", ["ran list"])]
            with pytest.raises(kelpie.KelpieError, match="the arena is closed") as failed:
                await arena.call("arena", "broken")
            assert failed.value.reason == "COMMAND_FAILED"
            withdrawn = arena.issue("arena", "slow", timeout=60)
            await begun.wait()
            withdrawn.cancel()
            results = [one.error.reason async for one in withdrawn if one.error]
            assert results == ["CANCELLED"]
            await cancelled.wait()
            with pytest.raises(kelpie.KelpieError) as nobody:
                await arena.call("nobody", "add")
            assert nobody.value.reason == "NO_TARGET"

    run(work())


def test_a_name_in_use_ends_the_client(coordinator: Coordinator) -> None:
    async def work() -> None:
        async with kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=coordinator.endpoint) as first:
            await first.ready()
            second = kelpie.connect("Lobby-1", "DOWNSTREAM", endpoints=coordinator.endpoint)
            with pytest.raises(kelpie.KelpieError) as refused:
                await second.ready()
            assert refused.value.reason == "NODE_NAME_IN_USE"
            ended = await second.closed()
            assert ended and ended.reason == "NODE_NAME_IN_USE"
            with pytest.raises(kelpie.KelpieError):
                second.publish("chat.global", "x")

    run(work())


def test_values_that_cannot_be_sent(coordinator: Coordinator) -> None:
    async def work() -> None:
        endless: list[Any] = []
        endless.append(endless)
        async with kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=coordinator.endpoint) as client:
            refused = {
                "TOPIC_INVALID": lambda: client.publish("chat..global", "x"),
                "TOPIC_RESERVED": lambda: client.publish("nodes.lobby-1", "x"),
                "VALUE_INVALID": lambda: client.publish("chat.global", {"a": float("nan")}),
                "CONTENT_TOO_DEEP": lambda: client.publish("chat.global", endless),
                "DEADLINE_INVALID": lambda: client.issue("lobby-1", "x", timeout=301),
                "COMMAND_INVALID": lambda: client.handle("Not A Name", print),
                "OUT_OF_RANGE": lambda: kelpie.connect("a", "SERVICE", endpoints="nowhere"),
            }
            await client.ready()
            refused["PAYLOAD_TOO_LARGE"] = lambda: client.publish("chat.global", "x" * 300_000)
            for reason, call in refused.items():
                with pytest.raises(kelpie.KelpieError) as error:
                    call()
                assert error.value.reason == reason
            with pytest.raises(kelpie.KelpieError) as error:
                for _ in range(20_000):
                    client.publish("chat.global", "x")
            assert error.value.reason == "PUBLISH_QUEUE_FULL"

    run(work())


def test_a_silent_coordinator_is_left(coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        status = Seen()
        client = kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=coordinator.endpoint, on_status=status)
        await client.ready()
        welcome = client.welcome
        assert welcome
        welcome.max_silence.FromSeconds(1)
        coordinator.pause()
        await status.until(lambda all: "disconnected" in status.types())
        assert "sent nothing for 1 s" in str(status.all[-1].error)
        coordinator.resume()
        await status.until(lambda all: status.types().count("connected") == 2)
        await client.close()

    run(work())


def test_the_state_of_a_node(coordinator: Coordinator) -> None:
    async def work() -> None:
        facts = {"labels": {"mode": "lobby", "old": "1"}, "max_players": 10, "load": lambda: {"tps": 19.5}}
        async with kelpie.connect("Lobby-1", "DOWNSTREAM", endpoints=coordinator.endpoint, **facts) as client:
            await client.ready()
            await client.update(labels={"mode": "arena"}, removed_labels=["old"], state="DRAINING", max_players=20)
            node = (await client.api.nodes.get_node(name="lobby-1")).node
            assert dict(node.labels) == {"mode": "arena"}
            assert (node.display_name, node.state, node.max_players, node.load.tps) == ("Lobby-1", 3, 20, 19.5)
            assert os.environ.get("KELPIE_TOKEN") is None

    run(work())
