"""All that the client in Python does can be done by curl: each public name stands in a table of docs/router.md."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Final, cast

from quorumlog.runtime import router
from quorumlog.runtime.client import Client
from quorumlog.runtime.read_model import ReadModel
from quorumlog.runtime.routes import Routes

DOCS: Final = (Path(__file__).resolve().parents[3] / "docs" / "router.md").read_text(encoding="utf-8")
OF_ITS_CONNECTION: Final = {"Client.opened", "Client.took", "Client.closed"}
"""What the client's own connection calls: nobody asks for anything by these."""
NOTHING: Final = "nothing is open between two requests"

Table = dict[str, str]


def table(text: str) -> Table:
    """What stands beside each name."""
    rows = re.findall(r"^\| (`(?:Client|ReadModel)\.[^|]*) \| ([^|]*) \|$", text, re.MULTILINE)
    return {name: said for names, said in rows for name in re.findall(r"`([\w.]+)`", names)}


def public(*classes: type) -> set[str]:
    """The public names of classes."""
    names = {f"{kind.__name__}.{name}" for kind in classes for name in dir(kind) if not name.startswith("_")}
    return names - OF_ITS_CONNECTION


def routes() -> set[str]:
    """What a router serves."""
    nowhere = cast(Routes, SimpleNamespace(**dict.fromkeys(vars(Routes))))
    return {f"{each.method} {each.path}" for each in router.entrances(nowhere)}


def wrong(rows: Table, names: set[str]) -> set[str]:
    """Names without a row, rows without a name, and rows that name no route that there is."""
    served = routes()
    asked = {name: re.findall(r"`((?:GET|POST) [^`?]*)[^`]*`", said) for name, said in rows.items()}
    lost = {name for name, said in rows.items() if said != NOTHING and not asked[name]}
    return (rows.keys() ^ names) | lost | {name for name, found in asked.items() if not set(found) <= served}


def test_each_method_of_the_client_has_its_route() -> None:
    assert wrong(table(DOCS), public(Client, ReadModel)) == set()


def test_a_method_without_a_route_is_noticed() -> None:
    rows, names = table(DOCS), public(Client, ReadModel)
    assert wrong(rows, names | {"Client.more"}) == {"Client.more"}
    assert wrong({**rows, "ReadModel.current": "`GET /v1/groups/{group}/now`"}, names) == {"ReadModel.current"}
    assert wrong({**rows, "ReadModel.current": "it waits"}, names) == {"ReadModel.current"}
    assert wrong({**rows, "Client.gone": NOTHING}, names) == {"Client.gone"}
