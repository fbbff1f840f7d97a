"""Tokens, their files, join tokens and TLS, with a real coordinator."""

from __future__ import annotations

import asyncio
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import MAIN, Coordinator
from test_session import Seen, cut, run

import kelpie

async def _administrator(endpoint: str) -> kelpie.Api:
    """The first credential may do everything; from then on the coordinator asks for one."""
    async with kelpie.reach_api(endpoint) as api:
        made = await api.access.create_credential(name="root", preset="CREDENTIAL_PRESET_OPERATOR")
    return kelpie.reach_api(endpoint, token=made.token)


def test_a_token_file_is_read_for_each_stream(coordinator: Coordinator, tmp_path: Path) -> None:
    async def work() -> None:
        file, status = tmp_path / "token", Seen()
        async with await _administrator(coordinator.endpoint) as admin:
            with pytest.raises(kelpie.KelpieError) as required:
                await kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=coordinator.endpoint).ready()
            assert required.value.reason == "CREDENTIAL_REQUIRED"
            first = await admin.access.create_credential(name="lobby-1", preset="CREDENTIAL_PRESET_SERVER")
            second = await admin.access.create_credential(name="lobby-1", preset="CREDENTIAL_PRESET_SERVER")
            file.write_text(first.token + "\n")
            options = {"endpoints": coordinator.endpoint, "token_file": str(file), "on_status": status}
            async with kelpie.connect("lobby-1", "DOWNSTREAM", **options) as client:
                await client.ready()
                file.write_text(second.token + "\n")
                cut(client)
                await status.until(lambda all: status.types().count("connected") == 2)
                # It would end a stream that shows the first token.
                await admin.access.revoke_credential(id=first.credential.id)
                await client.publish("chat.global", "hello")
                assert status.types()[-1] == "connected"

    run(work())


def test_a_node_joins_and_keeps_its_token(coordinator: Coordinator, tmp_path: Path) -> None:
    async def work() -> None:
        file = tmp_path / "new" / "token"
        async with await _administrator(coordinator.endpoint) as admin:
            terms = {"preset": "CREDENTIAL_PRESET_SERVER", "ttl": {"seconds": 60}, "join": {"uses": 1}}
            made = await admin.access.create_credential(name="lobby-1", **terms)
            options = {"endpoints": coordinator.endpoint, "token_file": str(file), "join_token": made.token}
            for _ in range(2):
                async with kelpie.connect("lobby-1", "DOWNSTREAM", **options) as client:
                    await client.ready()
            assert file.read_text().startswith("klp_")
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert [one.name for one in file.parent.iterdir()] == ["token"]
            other = {**options, "token_file": str(tmp_path / "other")}
            with pytest.raises(kelpie.KelpieError) as used:
                await kelpie.connect("lobby-1", "DOWNSTREAM", **other).ready()
            assert used.value.reason == "JOIN_TOKEN_USED"
            assert not (tmp_path / "other.joining").exists()

    run(work())


def test_a_token_is_of_another_network(coordinator: Coordinator) -> None:
    async def work() -> None:
        client = kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=coordinator.endpoint, network="test")
        with pytest.raises(kelpie.KelpieError) as mismatch:
            await client.ready()
        assert mismatch.value.reason == "NETWORK_MISMATCH"

    run(work())


def test_tls_with_the_own_ca(start: Callable[..., Coordinator], tmp_path: Path) -> None:
    subprocess.run(["node", MAIN, "certs", "--out", tmp_path, "127.0.0.1"], check=True, capture_output=True, timeout=20)
    coordinator = start("--tls-cert", str(tmp_path / "server.pem"), "--tls-key", str(tmp_path / "server-key.pem"))
    ca = tmp_path / "ca.pem"

    async def work() -> None:
        async with kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=coordinator.endpoint, ca=str(ca)) as client:
            await client.ready()
            assert (await client.api.nodes.list_nodes()).nodes[0].name == "lobby-1"
        status = Seen()
        other = kelpie.connect("lobby-2", "DOWNSTREAM", endpoints=coordinator.endpoint, tls=True, on_status=status)
        await status.until(lambda all: "disconnected" in status.types())
        assert status.all[-1].error.reason == "CERTIFICATE_UNTRUSTED"
        await other.close()
        with pytest.raises(kelpie.KelpieError) as missing:
            kelpie.connect("lobby-3", "DOWNSTREAM", ca="/nowhere")
        assert missing.value.reason == "FILE_INVALID"

    run(work())


@pytest.mark.parametrize(
    ("reason", "flags", "options"),
    [
        ("TLS_REQUIRED", ["cert", "key"], {}),
        ("TLS_UNSUPPORTED", [], {"tls": True}),
        ("CERTIFICATE_WRONG_HOST", ["cert", "key"], {"ca": "ca.pem", "host": "127.0.0.2"}),
        ("CLIENT_CERTIFICATE_REQUIRED", ["cert", "key", "client-ca"], {"ca": "ca.pem"}),
        ("CLIENT_CERTIFICATE_REFUSED", ["cert", "key", "client-ca"], {"ca": "ca.pem", "cert": "other"}),
    ],
)
def test_a_fault_of_tls_has_a_reason_and_advice(
    start: Callable[..., Coordinator], tmp_path: Path, reason: str, flags: list[str], options: dict[str, Any]
) -> None:
    for folder in (tmp_path, tmp_path / "other"):
        command = ["node", MAIN, "certs", "--out", folder, "127.0.0.1"]
        subprocess.run(command, check=True, capture_output=True, timeout=20)
    files = {"cert": "server.pem", "key": "server-key.pem", "client-ca": "ca.pem"}
    given = [[f"--tls-{one}", str(tmp_path / files[one])] for one in flags]
    host = options.pop("host", "127.0.0.1")
    coordinator = start("--host", host, *(text for pair in given for text in pair))
    if "ca" in options:
        options["ca"] = str(tmp_path / "ca.pem")
    if options.get("cert") == "other":
        options |= {"cert": str(tmp_path / "other/server.pem"), "key": str(tmp_path / "other/server-key.pem")}

    async def work() -> None:
        status = Seen()
        client = kelpie.connect("lobby-1", "DOWNSTREAM", endpoints=coordinator.endpoint, on_status=status, **options)
        await status.until(lambda all: "disconnected" in status.types())
        await client.close()
        assert status.all[1].error.reason == reason
        assert status.all[1].error.message.find("; ") > 0
        async with kelpie.reach_api(coordinator.endpoint, **options) as api:
            with pytest.raises(kelpie.KelpieError) as failed:
                await api.nodes.list_nodes()
        assert failed.value.reason == reason

    run(work())


def test_plain_text_only_on_this_machine() -> None:
    from kelpie.transport import Protection

    plain = Protection()
    assert not plain.uses_tls("127.0.0.1:1") and not plain.uses_tls("[::1]:1") and not plain.uses_tls("localhost:1")
    assert plain.uses_tls("10.0.0.1:1") and plain.uses_tls("kelpie.example:1")
    assert not Protection(insecure=True).uses_tls("10.0.0.1:1")


def test_an_empty_file_of_a_token(coordinator: Coordinator, tmp_path: Path) -> None:
    async def work() -> None:
        file, status = tmp_path / "token", Seen()
        file.write_text("")
        options = {"endpoints": coordinator.endpoint, "token_file": str(file), "on_status": status}
        client = kelpie.connect("lobby-1", "DOWNSTREAM", **options)
        await status.until(lambda all: "disconnected" in status.types())
        assert status.all[-1].error.reason == "FILE_INVALID"
        await client.close()
        assert await asyncio.wait_for(client.closed(), 1) is None

    run(work())
