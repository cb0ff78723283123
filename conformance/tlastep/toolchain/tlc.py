"""TLC, the model checker: checks a model, dumps its graph, simulates; its verdict as a value."""

from __future__ import annotations

import functools
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tlastep.behaviour import Behaviour
from tlastep.errors import ToolFailure, UnusableInput
from tlastep.toolchain import java, tlc_config, tlc_output, tlc_verdict
from tlastep.toolchain.tlc_values import Reader

Progress = Callable[[int, int, int], None]
"""Is told states generated, distinct states, and states that wait, while TLC runs."""


@dataclass(frozen=True)
class TlcResult:
    """What TLC says of a model; `result` is ok, invariant NAME, property NAME, deadlock, assumption or error."""

    result: str
    message: str = ""
    distinct: int = 0
    generated: int = 0
    depth: int = 0
    seconds: float = 0.0
    counterexample: Behaviour | None = None
    coverage: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True)
class _Model:
    """What every run of TLC on a model needs to know."""

    spec: Path
    config: Path
    library: tuple[Path, ...]
    timeout: float | None
    quick: bool


def check(
    spec: Path,
    config: Path | None = None,
    *,
    deadlock: bool,
    workers: int = 1,
    coverage: bool = False,
    dump: Path | None = None,
    library: Sequence[Path] = (),
    on_progress: Progress | None = None,
    timeout: float | None = None,
    fingerprint: int | None = None,
    quick: bool = True,
) -> TlcResult:
    """Check the model. Errors in spec or configuration are `UnusableInput`, TLC's own failures `ToolFailure`.

    `dump` receives the state graph for `state_graph.read`. `fingerprint` (a number from 0) fixes TLC's choice of
    polynomial, and so the numbers of states in dumps. `quick` suits small models; leave it off for long runs.
    """
    model = _model(spec, config, library, timeout, quick)
    arguments = ["-workers", str(workers)]
    arguments += [] if deadlock else ["-deadlock"]
    arguments += ["-fp", str(fingerprint)] if fingerprint is not None else []
    with tempfile.TemporaryDirectory(prefix="tlastep-", ignore_cleanup_errors=True) as own:
        graph = Path(own) / "graph.dot"
        more = ["-coverage", "1"] if coverage else []
        more += ["-dump", "dot,actionlabels", str(graph)] if dump else []
        run = _run(model, [*arguments, *more], on_progress)
        result = _judged(model, run)
        if result.result == "ok" and not tlc_output.completed(run.text):
            raise ToolFailure("TLC ended with status 0 without saying that it has checked all states", str(model.spec))
        if dump and graph.exists():
            dump.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(graph, dump)
    if result.result == "property":
        return _with_property_name(model, result, arguments)
    return result


def simulate(
    spec: Path,
    config: Path | None = None,
    *,
    count: int,
    depth: int,
    seed: int,
    bounded: bool = True,
    library: Sequence[Path] = (),
    timeout: float | None = None,
    quick: bool = True,
) -> list[Behaviour]:
    """Random behaviours of the spec, of at most `depth` states: the same ones for the same seed. Nothing is checked.

    At a state outside the constraints TLC gives a behaviour up, so tight bounds make for short ones; with `bounded` off
    the constraints are left out.
    """
    model = _model(spec, config, library, timeout, quick)
    with tempfile.TemporaryDirectory(prefix="tlastep-", ignore_cleanup_errors=True) as own:
        free = Path(own) / "simulate.cfg"
        text = tlc_config.checking_only(model.config.read_text(encoding="utf-8"))
        free.write_text(text if bounded else tlc_config.without_bounds(text), encoding="utf-8")
        files = Path(own) / "behaviour"
        arguments = ["-simulate", f"file={files},num={count}", "-depth", str(depth), "-seed", str(seed)]
        result = _judged(model, _run(replace(model, config=free), [*arguments, "-deadlock"]))
        if result.result != "ok":
            raise UnusableInput(f"simulation stopped: {result.message}", str(model.spec))
        reader = Reader()
        found = sorted(Path(own).glob("behaviour*"), key=lambda file: [int(n) for n in re.findall(r"\d+", file.name)])
        return [tlc_output.simulated(file.read_text(encoding="utf-8"), reader) for file in found]


def _model(spec: Path, config: Path | None, library: Sequence[Path], timeout: float | None, quick: bool) -> _Model:
    spec = spec.resolve()
    config = (config or spec.with_suffix(".cfg")).resolve()
    if not spec.is_file():
        raise UnusableInput("no such spec", str(spec))
    if not config.is_file():
        raise UnusableInput("no such configuration", str(config))
    return _Model(spec, config, tuple(folder.resolve() for folder in library), timeout, quick)


def _run(model: _Model, arguments: Sequence[str], on_progress: Progress | None = None) -> java.Finished:
    def on_line(line: str) -> None:
        if on_progress and (counts := tlc_output.progress(line)):
            on_progress(counts.generated, counts.distinct, counts.queue)

    command = ["tlc2.TLC", "-tool", "-metadir", "{own}/states", *arguments, "-config", str(model.config)]
    if _writes_trace_specs(java.jar()):
        command.append("-noGenerateSpecTE")
    return java.run(
        # The bare name: given a path, an old TLC looks for an absolute configuration below the spec's folder.
        [*command, model.spec.name],
        folder=model.spec.parent,
        quick=model.quick,
        timeout=model.timeout,
        on_line=on_line if on_progress else None,
        properties=[f"-DTLA-Library={java.path_list(model.library)}"] if model.library else [],
    )


@functools.cache
def _writes_trace_specs(jar: Path) -> bool:
    """Whether this TLC, when a check fails, writes a spec of the trace beside ours, and knows the option not to."""
    try:
        with zipfile.ZipFile(jar) as archive:
            archive.getinfo("tlc2/TLC.class")
            classes = [name for name in archive.namelist() if name.startswith("tlc2/TLC")]
            return any(b"-nogeneratespecte" in archive.read(name).lower() for name in classes)
    except (OSError, KeyError, zipfile.BadZipFile) as problem:
        raise ToolFailure("not a jar with TLC in it", str(jar)) from problem


def _judged(model: _Model, run: java.Finished) -> TlcResult:
    found = tlc_output.messages(run.text)
    folders = [model.spec.parent, *model.library]
    result, message = tlc_verdict.judge(run, found, model.spec, model.config, folders)
    counts = tlc_output.counts(found)
    return TlcResult(
        result,
        message,
        counts.distinct,
        counts.generated,
        counts.depth,
        run.seconds,
        tlc_output.counterexample(found),
        tlc_output.coverage(found),
        tlc_output.version(found),
    )


def _with_property_name(model: _Model, result: TlcResult, arguments: Sequence[str]) -> TlcResult:
    """The result with the name that TLC left out: of the only property, else of the first that is violated alone."""
    text = model.config.read_text(encoding="utf-8")
    names = tlc_config.properties(text)
    if len(names) == 1:
        return replace(result, result=f"property {names[0]}")
    with tempfile.TemporaryDirectory(prefix="tlastep-", ignore_cleanup_errors=True) as own:
        alone = replace(model, config=Path(own) / "alone.cfg")
        for name in names:
            alone.config.write_text(tlc_config.checking_only(text, name), encoding="utf-8")
            again = _judged(model, _run(alone, arguments))
            if again.result.startswith("property"):
                return replace(
                    result, result=f"property {name}", message=again.message, counterexample=again.counterexample
                )
    raise ToolFailure(f"TLC says {result.message!r}, but no property is violated alone", str(model.config))
