"""The spec of which recordings are a behaviour: with the constants that they tell, and no bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlastep.binding import Binding
from tlastep.check.models import Project
from tlastep.compile.compiled import CompiledSpec, compile_spec
from tlastep.compile.long_runtime import long_helpers
from tlastep.errors import Place
from tlastep.language.config import Config, Name
from tlastep.language.xml_reader import read_spec
from tlastep.long_sequences import LongSequences
from tlastep.recorded import Recording
from tlastep.toolchain import sany
from tlastep.values import Value


def spec_of(
    project: Project,
    binding: Binding[Any],
    recording: Recording[Any],
    constants: Mapping[str, Value],
    long: LongSequences,
) -> CompiledSpec:
    """The spec without a bound, in which everything that the binding calls a property must hold."""
    judged = recording.properties
    path = project.specs / f"{binding.module}.tla"
    place = Place(str(path))
    config = Config(
        path,
        {Name(name, place): value for name, value in constants.items()},
        init=Name("Init", place),
        next=Name(recording.relation, place),
        invariants=[Name(name, place) for name in binding.invariants if judged is None or name in judged],
        properties=[Name(name, place) for name in binding.step_properties if judged is None or name in judged],
    )
    return compile_spec(read_spec(sany.parse(path)), config, long_helpers(long))
