"""The driver of the Python client: see README.md of the suite. It uses the public API alone."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import kelpie
from kelpie.v1 import event_pb2, player_pb2, session_service_pb2, stream_pb2

Json = dict[str, Any]


class Unsupported(Exception):
    """What the library does not have."""


def show(line: Json) -> None:
    sys.stdout.write(json.dumps({name: value for name, value in line.items() if value is not None}) + "\n")
    sys.stdout.flush()


def content_as(content: Any) -> Json:
    if content is None:
        return {}
    if isinstance(content, bytes):
        return {"base64": base64.b64encode(content).decode()}
    return {"text": content} if isinstance(content, str) else {"json": content}


def content_of(given: Json) -> Any:
    if "text" in given or "json" in given:
        return given.get("text", given.get("json"))
    return base64.b64decode(given.get("base64", ""))


def error_as(error: BaseException) -> Json:
    if isinstance(error, kelpie.KelpieError):
        return {"reason": error.reason, "message": error.message}
    return {"reason": "NOT_SUPPORTED" if isinstance(error, Unsupported) else "UNKNOWN", "message": repr(error)}


def name_of(enum: Any, number: int, prefix: str) -> str:
    return enum.Name(number).removeprefix(prefix) if number in enum.values() else "UNKNOWN"


def body_as(event: kelpie.Event) -> Json | None:
    if event.body is None:
        return None
    first, *rest = event.kind.split("_")
    body: Json = {"kind": first + "".join(one.title() for one in rest)}
    for field, fact in (("node", "name"), ("player", "id"), ("value", "key")):
        if field in event.body.DESCRIPTOR.fields_by_name:
            body["name" if field == "node" else fact] = getattr(getattr(event.body, field), fact)
    if event.kind == "node_left":
        body["reason"] = name_of(event_pb2.NodeLeaveReason, event.body.reason, "NODE_LEAVE_REASON_")
    if event.kind == "player_left":
        body["reason"] = name_of(player_pb2.PlayerLeaveReason, event.body.reason, "PLAYER_LEAVE_REASON_")
    return body


def outcome_of(welcome: session_service_pb2.Welcome) -> str:
    return name_of(session_service_pb2.WelcomeOutcome, welcome.outcome, "WELCOME_OUTCOME_")


class Scenario:
    """A client, and what its handlers wait for."""

    def __init__(self, request: Json) -> None:
        self.is_over = False
        self.subscriptions: dict[str, kelpie.Subscription] = {}
        self.held: dict[str, list[asyncio.Future[None]]] = {}
        self.commands: dict[int, asyncio.Future[Json]] = {}
        self.issued: dict[int, Any] = {}
        self.count = 0
        self.client = kelpie.connect(**self.options(dict(request["options"])), on_status=self.status)
        for one in request.get("subscribe", ()):
            self.subscribe(one)
        for one in request.get("handle", ()):
            self.handle(one)

    def options(self, given: Json) -> Json:
        if given.keys() & {"roster", "players", "cursorFile", "rosterFile"}:
            raise Unsupported("the roster, players and files")
        start = given.pop("start", "LATEST")
        if start == "SNAPSHOT":
            raise Unsupported("snapshots")
        load = given.pop("load", None)
        snake = {
            "publicAddress": "public_address",
            "maxPlayers": "max_players",
            "excludeOwn": "exclude_own",
            "tokenFile": "token_file",
            "joinToken": "join_token",
        }
        options = {snake.get(name, name): value for name, value in given.items() if name != "handlerTimeoutMs"}
        for name in ("address", "public_address"):
            if name in options:
                options[name] = (options[name].get("host", ""), options[name]["port"])
        options["start"] = timedelta(milliseconds=start["sinceMs"]) if isinstance(start, dict) else start
        options["handler_timeout"] = given.get("handlerTimeoutMs", 10_000) / 1000
        if load:
            named = {"memoryUsedBytes": "memory_used_bytes", "memoryMaxBytes": "memory_max_bytes"}
            options["load"] = lambda: {named.get(name, name): value for name, value in load.items()}
        return options

    def see(self, observation: Json) -> None:
        if not self.is_over:
            show(observation)

    def status(self, status: kelpie.Status) -> None:
        names = {"handler_failed": "handlerFailed", "credential_expiring": "credentialExpiring"}
        seen: Json = {"saw": "status", "type": names.get(status.type, status.type)}
        seen["endpoint"] = status.endpoint or None
        seen["pattern"] = status.pattern or None
        seen["reason"] = status.error.reason if status.error else None
        if status.welcome:
            seen["outcome"] = outcome_of(status.welcome)
        if status.gap:
            seen["reason"] = name_of(stream_pb2.GapReason, status.gap.reason, "GAP_REASON_")
            seen["topics"] = list(status.gap.topics)
        self.see(seen)

    def subscribe(self, given: Json) -> None:
        name, behaviour = given["subscription"], given.get("behaviour", "return")

        def handler(event: kelpie.Event) -> Awaitable[None] | None:
            self.see(
                {
                    "saw": "event",
                    "subscription": name,
                    "topic": event.topic,
                    "sequence": event.sequence,
                    "source": event.source,
                    "type": event.type,
                    **content_as(event.content),
                    "attributes": dict(event.attributes),
                    "origin": event.origin,
                    "body": body_as(event),
                }
            )
            if behaviour == "throw":
                raise ValueError("the handler raises")
            if behaviour != "hold":
                return None
            held: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.held.setdefault(name, []).append(held)
            return held

        self.subscriptions[name] = self.client.subscribe(given["topic"], handler)

    def release(self, given: Json) -> None:
        held = self.held.get(given["subscription"], [])
        if held:
            one = held.pop(0)
            one.cancelled() or one.set_result(None)

    def handle(self, given: Json) -> None:
        behaviour = given.get("behaviour", "reply")

        async def handler(command: kelpie.Command) -> Any:
            self.count += 1
            number = self.count
            asked = {"text": command.form.line} if hasattr(command.form, "line") else content_as(command.content)
            facts = {"command": command.name, "source": command.source, "timeLeftMs": round(command.time_left * 1000)}
            self.see({"saw": "command", "number": number, **facts, **asked})
            answer = given
            if behaviour == "fail":
                answer = {"fail": given.get("message", "")}
            elif behaviour == "hold":
                self.commands[number] = asyncio.get_running_loop().create_future()
                try:
                    answer = await self.commands[number]
                except asyncio.CancelledError:
                    self.see({"saw": "commandCancelled", "number": number})
                    raise
            if "fail" in answer:
                raise ValueError(answer["fail"])
            return content_of(answer)

        self.client.handle(given["command"], handler)

    async def issue(self, request: Json) -> Json:
        target = dict(request["target"])
        for theirs, ours in (("playerProxy", "player_proxy"), ("playerServer", "player_server")):
            if theirs in target:
                target = {ours: target[theirs]["id"]}
        timeout = request.get("timeoutMs", 10_000) / 1000
        if "custom" in request:
            custom = request["custom"]
            issued = self.client.issue(target, custom["name"], content_of(custom["content"]), timeout=timeout)
        else:
            line = request.get("runConsoleCommand", {}).get("line", "")
            issued = self.client.issue(target, {"run_console_command": {"line": line}}, timeout=timeout)
        self.issued[request["id"]] = issued
        found = []
        async for one in issued:
            if one.error:
                found.append({"node": one.node, "error": error_as(one.error)})
            else:
                reply = {"lines": one.lines} if one.output.HasField("console") else content_as(one.content)
                found.append({"node": one.node, **reply})
        return {"results": found}

    async def publish(self, given: Json) -> None:
        facts = {name: given[name] for name in ("type", "attributes", "origin") if name in given}
        await self.client.publish(given["topic"], content_of(given), **facts)

    async def publish_many(self, given: Json) -> Json:
        texts = [str(number + 1).ljust(given.get("bytes", 0)) for number in range(given["count"])]
        await asyncio.gather(*[self.client.publish(given["topic"], text) for text in texts])
        return {"stored": given["count"]}

    async def ready(self, _: Json) -> Json:
        await self.client.ready()
        welcome = self.client.welcome
        assert welcome
        return {"outcome": outcome_of(welcome), "sessionId": welcome.session_id, "generation": welcome.generation}

    async def update(self, given: Json) -> None:
        names = {"removeLabels": "removed_labels", "maxPlayers": "max_players", "labels": "labels", "state": "state"}
        await self.client.update(**{names[name]: value for name, value in given.items() if name in names})

    def cancel(self, given: Json) -> None:
        if given["request"] in self.issued:
            self.issued[given["request"]].cancel()

    def answer(self, given: Json) -> None:
        waiting = self.commands.get(given["number"])
        if waiting and not waiting.done():
            waiting.set_result(given)

    def unsubscribe(self, given: Json) -> None:
        self.subscriptions[given["subscription"]].close()

    def pending(self, _: Json) -> Json:
        return {"pending": self.client.pending}

    async def close(self) -> None:
        await self.client.close()
        self.is_over = True


class Driver:
    def __init__(self) -> None:
        self.scenario: Scenario | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    async def do(self, request: Json) -> Any:
        name, scenario = request["do"], self.scenario
        if name == "connect":
            self.scenario = Scenario(request)
            return None
        if name == "close":
            if scenario:
                await scenario.close()
            return None
        actions: dict[str, Callable[[Scenario, Json], Any]] = {
            "ready": Scenario.ready,
            "subscribe": Scenario.subscribe,
            "unsubscribe": Scenario.unsubscribe,
            "release": Scenario.release,
            "publish": Scenario.publish,
            "publishMany": Scenario.publish_many,
            "handle": Scenario.handle,
            "answer": Scenario.answer,
            "issue": Scenario.issue,
            "cancel": Scenario.cancel,
            "update": Scenario.update,
            "pending": Scenario.pending,
        }
        if name not in actions or not scenario:
            raise Unsupported(name)
        done = actions[name](scenario, request)
        return await done if asyncio.iscoroutine(done) else done

    async def answer(self, request: Json) -> None:
        try:
            show({"id": request["id"], "ok": await self.do(request) or {}})
        except Exception as error:
            show({"id": request["id"], "error": error_as(error)})

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader(limit=64 * 1024 * 1024)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            task = loop.create_task(self.answer(json.loads(line)))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            # An action begins before the next line is read.
            await asyncio.sleep(0)


asyncio.run(Driver().run())
