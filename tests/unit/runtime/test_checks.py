"""Whatever is no JSON is told so, wherever in it that is."""

from __future__ import annotations

import pytest

from quorumlog.runtime import api
from quorumlog.runtime.checks import decoded
from quorumlog.runtime.trouble import Trouble


@pytest.mark.parametrize(
    "inner", [b'{"account": "a\xff"}', b'{"amount": 1e400}', b'{"amount": ' + b"9" * 5000 + b"}", b"NaN", b'"\\ud800"']
)
def test_what_is_looked_at_later_is_looked_at_now(inner: bytes) -> None:
    """A command is left as it is until its type is known, and may hold what nobody can read."""
    with pytest.raises(Trouble) as told:
        decoded(b'{"command": ' + inner + b"}", api.Submission, "body")
    assert told.value.status == 400
