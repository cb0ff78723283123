"""SANY, the parser of TLA+: from a spec to its syntax tree as XML, cached by content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlastep.errors import ToolFailure, UnusableInput
from tlastep.toolchain import cache, java, sany_errors, sany_server

_TIMEOUT = 300.0


def parse(spec: Path, library: Sequence[Path] = ()) -> bytes:
    """The XML of the spec and of all modules that it extends, searched beside it, then in the library folders.

    Errors in the spec are `UnusableInput`, one line that names the file and the place.
    """
    spec = spec.resolve()
    if not spec.is_file():
        raise UnusableInput("no such spec", str(spec))
    folders = [spec.parent, *(folder.resolve() for folder in library)]
    for folder in folders:
        if not folder.is_dir():
            raise UnusableInput("no such folder of modules", str(folder))
    name = f"xml/{_key(spec, folders)}.xml"
    found = cache.read(name)
    if found is None:
        found = _export(spec, folders)
        cache.write(name, found)
    return found


def _key(spec: Path, folders: list[Path]) -> str:
    """Every module in sight is hashed: which of them SANY reads is known only afterwards, and a new file may hide
    an old one. That a change of an unrelated module beside the spec costs a run is a fair price for being right."""
    parts: list[str | bytes] = [cache.identity(java.jar()), spec.name]
    for folder in folders:
        parts.append("folder")
        for file in sorted(folder.glob("*.tla")):
            parts += [file.name, file.read_bytes()]
    return cache.key(*parts)


def _export(spec: Path, folders: list[Path]) -> bytes:
    return sany_server.parse(spec, folders) or _export_alone(spec, folders)


def _export_alone(spec: Path, folders: list[Path]) -> bytes:
    """The same by a Java of its own, which says what is wrong with the spec."""
    includes = [word for folder in folders for word in ("-I", str(folder))]
    arguments = ["tla2sany.xml.XMLExporter", "-o", *includes, str(spec)]
    run = java.run(arguments, folder=spec.parent, timeout=_TIMEOUT)
    # The status alone is not reliable: SANY gives 0 and a tree for a symbol that is defined twice.
    if run.status == 0 and run.output.strip() and not sany_errors.has_errors(run.errors):
        return run.output
    said = run.errors if run.output.lstrip().startswith(b"<") else f"{run.text}\n{run.errors}"
    if sany_errors.needs_detail(said):
        # The exporter doesn't say where; SANY itself does.
        said += _syntax_check(spec, folders)
    raise sany_errors.explain(said, spec, folders)


def _syntax_check(spec: Path, folders: list[Path]) -> str:
    library = [f"-DTLA-Library={java.path_list(folders[1:])}"] if folders[1:] else []
    try:
        run = java.run(["tla2sany.SANY", str(spec)], folder=spec.parent, timeout=_TIMEOUT, properties=library)
    except ToolFailure:
        return ""
    return f"\n{run.text}\n{run.errors}"
