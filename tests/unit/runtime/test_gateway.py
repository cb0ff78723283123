"""What a router asks of a group for its clients."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest

from quorumlog.core.leader_output import Answered
from quorumlog.ledger.commands import Deposit
from quorumlog.runtime import config
from quorumlog.runtime.gateway import Gateway, Group, Wanted
from quorumlog.runtime.supervisor import configuration

HOSTED: Final = {"a": "shard", "b": "shard", "c": "coordinator"}


def test_what_meets_a_transfer_in_doubt_is_the_next_command_of_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same one again would be answered as before, for ever: nothing has happened."""
    numbers: list[int] = []

    async def command(self: Gateway, group: Group, wanted: Wanted, key: str | None, number: int) -> Answered[Any]:
        numbers.append(number)
        assert key == wanted.key == "once"
        return Answered(7, None if len(numbers) < 3 else True)

    async def asked() -> Any:
        file = tmp_path / "cluster.toml"
        file.write_text(configuration(dict.fromkeys(HOSTED, 1), HOSTED), encoding="utf-8")
        gateway = Gateway(config.read(file))
        until = asyncio.get_running_loop().time() + 10
        try:
            return (await gateway.submit(Wanted(Deposit("ann", 1), until, "once"), None)).answer
        finally:
            await gateway.close()

    monkeypatch.setattr(Gateway, "_command", command)
    assert asyncio.run(asked()) is True
    assert numbers == [1, 2, 3]
