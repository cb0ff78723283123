"""What appends do to a text, as the answers show it: a text is put together of pieces, and mostly in one way only.

Where every answer can have come about in one way only, it says of each piece in it after which text it was appended.
An append that an answer shows is then a compare-and-set, from the text before it to the one with it. An append that no
answer shows leaves a text that nobody will ever see, as a write does that nobody reads. So the key is a register, and
`lazily.py` searches its histories. Answers that contradict each other, as two that have the same pieces in another
order, have no order together, and the later one is taken to be impossible.

What answers show holds for histories in which they have been given. Of the beginning of a history only its own answers
may speak, or it would seem to have no order where a later answer is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import pairwise
from typing import Final

from tlastep.history.cell import UNHEARD_OF, Effect, Felt
from tlastep.history.format import Operation
from tlastep.history.found import Patience, returned
from tlastep.history.models import Model

UNSEEN: Final = 0  # instead of the number of a text: of any that no answer shows
NONE: Final = -1  # of an answer that can't have come about: as `UNHEARD_OF`, no operation leaves it


class _Ambiguous(Exception):
    """An answer may have come about in more than one way."""


class Pieces:
    """The operations on a text. Texts are numbered; `initial` is the number of the one that is there at first."""

    def __init__(self, model: Model, initial: str, operations: Sequence[Operation], patience: Patience) -> None:
        self._operations = operations
        self._patience = patience
        self._added = [model.joins(each) for each in operations]
        effects = [Effect() if added is not None else model.effect(each) for each, added in self._parts()]
        self._effects = [each or Effect() for each in effects]
        self.is_clear = None not in effects
        self._number = {added: index for index, added in enumerate(self._added) if added}
        self._times = Counter(added for added in self._added if added)
        self._lengths = sorted({len(added) for added in self._number})
        self._texts: dict[str, int] = {}  # the numbers of texts that are put
        self._longer: dict[tuple[int, int], int] = {}  # text and appended operation → text
        self._made: list[tuple[int, int]] = [(NONE, NONE)]  # of each text the one before, and what was appended
        self.initial = self._put(initial)
        for each in self._effects:
            if isinstance(each.leaves, str):
                self._put(each.leaves)
        self._answered: dict[str, int] = {}
        try:
            self._read()
        except _Ambiguous:
            self.is_clear = False
        asked = [index for index, each in enumerate(self._effects) if each.needs is not None]
        self._asked = sorted(asked, key=lambda index: returned(operations[index]))

    def _parts(self) -> list[tuple[Operation, str | None]]:
        return list(zip(self._operations, self._added, strict=True))

    def _put(self, text: str) -> int:
        found = self._texts.setdefault(text, len(self._made))
        if found == len(self._made):
            self._made.append((NONE, NONE))
        return found

    def _appended(self, text: int, index: int) -> int:
        found = self._longer.setdefault((text, index), len(self._made))
        if found == len(self._made):
            self._made.append((text, index))
        return found

    def _read(self) -> None:
        """Numbers the texts of all answers. Most are the beginning of another one, which then says how it was made."""
        answers = sorted({each.needs for each in self._effects if isinstance(each.needs, str)}, reverse=True)
        whole, parts = "", dict[int, int]()
        for answer in answers:
            if len(answer) in parts and whole.startswith(answer):
                self._answered[answer] = parts[len(answer)]
                continue
            ends = self._ends(answer)
            appended = [self._number[answer[one:two]] for one, two in pairwise(ends)]
            if not ends or len(set(appended)) < len(appended):
                self._answered[answer] = NONE
                continue
            text = self._put(answer[: ends[0]])
            whole, parts = answer, {ends[0]: text}
            for end, index in zip(ends[1:], appended, strict=True):
                text = parts[end] = self._appended(text, index)
            self._answered[answer] = text

    def _ends(self, answer: str) -> list[int]:
        """Where what was put ends in an answer, and each piece after it; nothing if it is not made of these."""
        ways = bytearray(len(answer) + 1)  # how many lead to each place, 2 for more
        before: dict[int, int] = {}
        todo = [len(text) for text in self._texts if answer.startswith(text)]
        for end in todo:
            ways[end] = 1
        todo.sort()
        while todo:
            self._patience.step()
            place = heappop(todo)
            for length in self._lengths:
                end = place + length
                times = self._times.get(answer[place:end], 0) if end <= len(answer) else 0
                if times:
                    if not ways[end]:
                        heappush(todo, end)
                    ways[end] = min(2, ways[end] + ways[place] * times)
                    before[end] = place
        if ways[-1] > 1:
            raise _Ambiguous
        if not ways[-1]:
            return []
        ends = [len(answer)]
        while ends[-1] in before:
            ends.append(before[ends[-1]])
        return ends[::-1]

    def felt(self, last: int) -> list[Felt]:
        """What the operations do to the number of the text, as the answers show it that are given up to a line."""
        shown = self._shown(last)
        found = []
        for index, (operation, added) in enumerate(self._parts()):
            effect = self._effects[index]
            if added is not None:
                if index in shown:
                    text, _ = shown[index]
                    effect = Effect(needs=self._made[text][0], leaves=text)
                else:
                    effect = Effect(leaves=UNSEEN) if added else Effect(refuses=UNHEARD_OF)
            elif isinstance(effect.needs, str):
                effect = Effect(needs=self._answered[effect.needs])
            elif isinstance(effect.leaves, str):
                effect = Effect(leaves=self._texts[effect.leaves])
            found.append((operation, effect))
        return found

    def shown(self, last: int, line: int) -> int:
        """Of two lines the one by which it is known what `felt` says, for the first, of what begins before the second.

        Where that has no order up to the second line, there is none up to the line that this gives.
        """
        return max([line, *(by for index, (_, by) in self._shown(last).items() if self._operations[index].line < line)])

    def _shown(self, last: int) -> dict[int, tuple[int, int]]:
        """Of each append that an answer shows which text it makes, and the line of that answer.

        An answer that contradicts one before it has no order with that, and so nothing after it is asked.
        """
        shown: dict[int, tuple[int, int]] = {}
        for asked in self._asked:
            line, answer = returned(self._operations[asked]), self._effects[asked].needs
            if line > last:
                break
            text = self._answered[answer] if isinstance(answer, str) else NONE
            while text != NONE and (index := self._made[text][1]) != NONE:
                before = shown.setdefault(index, (text, line))
                if before[0] != text:
                    return shown
                if before[1] != line:
                    break  # the rest of it was shown by then
                text = self._made[text][0]
        return shown
