"""The lines of a recording: decoded when they are asked for, a piece of the file at a time.

A recording of half an hour has a million lines, and as objects they take fifty times the memory that the next thousand
of them need. So the file is read once to see that every line is one, and read again while its lines are judged; of a
piece that is behind nothing is kept. Files do not change meanwhile: whoever records goes on at the end.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar, overload

from tlastep.errors import UnusableInput
from tlastep.recorded import Survey

L = TypeVar("L")

PIECE: Final = 1 << 17  # bytes of a file that are read, and decoded, at a time


class Piece(NamedTuple):
    """Whole lines of a file: where they stand, and the number of the first.

    Where they are `plain`, each is a line of the recording, and all can be decoded at once.
    """

    start: int
    end: int
    number: int
    plain: bool


def pieces(path: Path) -> Iterator[tuple[int, bytes]]:
    """The file in pieces of whole lines, each with the place where it begins; the last may end within a line.

    Raises `UnusableInput` if the file can't be read.
    """
    try:
        with path.open("rb") as file:
            at, rest = 0, b""
            while read := file.read(PIECE):
                cut = read.rfind(b"\n") + 1
                if cut:
                    yield at, rest + read[:cut]
                    at, rest = at + len(rest) + cut, read[cut:]
                else:
                    rest += read
            if rest:
                yield at, rest
    except OSError as error:
        raise UnusableInput(f"can't be read: {error.strerror}", str(path)) from error


class Lines(Sequence[L], Generic[L]):
    """The lines of one recording. One piece is there as objects; or all of them, if there is no survey.

    `survey` is what was gathered of all lines when the file was read first.
    """

    def __init__(
        self,
        path: Path,
        decode: Callable[[bytes], L],
        decode_all: Callable[[bytes], list[L]] | None,
        survey: Survey[L] | None = None,
    ) -> None:
        self.survey = survey
        self._path = path
        self._decode = decode
        self._decode_all = decode_all
        self._kept: list[L] | None = [] if survey is None else None
        self._pieces: list[Piece] = []
        self._before: list[int] = []
        """How many lines are before each piece."""
        self._count = 0
        self._left_out: list[int] = []
        """The numbers of the file's lines that are none of the recording: torn or empty."""
        self._here: list[L] = []
        self._first = 0
        """The lines that are there as objects, and how many are before them."""

    # -- while the file is read first ------------------------------------------------------------------------------

    def add(self, piece: Piece, lines: list[L]) -> None:
        """A piece of the file, and the lines in it."""
        if self.survey is not None:
            self.survey.take(lines)
        if self._kept is not None:
            self._kept += lines
        elif lines:
            self._pieces.append(piece)
            self._before.append(self._count)
        self._count += len(lines)

    def leave_out(self, number: int) -> None:
        """A line of the file is none of the recording."""
        self._left_out.append(number)

    # -- afterwards --------------------------------------------------------------------------------------------------

    def place(self, index: int) -> int:
        """The number in the file of a line; counted from the end, where `index` is negative."""
        number = index + 1 if index >= 0 else self._count + index + 1
        for left_out in self._left_out:
            number += left_out <= number
        return number

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> L: ...

    @overload
    def __getitem__(self, index: slice) -> list[L]: ...

    def __getitem__(self, index: int | slice) -> L | list[L]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._count))]
        if index < 0:
            index += self._count
        if not 0 <= index < self._count:
            raise IndexError(index)
        found, first = self.around(index)
        return found[index - first]

    def around(self, index: int) -> tuple[list[L], int]:
        """The lines of the piece in which a line is, and how many are before them."""
        if self._kept is not None:
            return self._kept, 0
        if not self._first <= index < self._first + len(self._here):
            which = bisect_right(self._before, index) - 1
            self._here, self._first = self._decoded(self._pieces[which]), self._before[which]
        return self._here, self._first

    def __iter__(self) -> Iterator[L]:
        if self._kept is not None:
            yield from self._kept
            return
        for piece in self._pieces:
            yield from self._decoded(piece)

    def _decoded(self, piece: Piece) -> list[L]:
        try:
            with self._path.open("rb") as file:
                file.seek(piece.start)
                data = file.read(piece.end - piece.start)
        except OSError as error:
            raise UnusableInput(f"can't be read: {error.strerror}", str(self._path)) from error
        try:
            if piece.plain and self._decode_all is not None:
                return self._decode_all(data)
            return [
                self._decode(text)
                for number, text in enumerate(data.split(b"\n"), start=piece.number)
                if text and not self._is_left_out(number)
            ]
        except ValueError as error:
            raise UnusableInput(f"was changed while it was read: {error}", str(self._path)) from error

    def _is_left_out(self, number: int) -> bool:
        place = bisect_left(self._left_out, number)
        return place < len(self._left_out) and self._left_out[place] == number
