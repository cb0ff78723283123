"""One line for one thing: what others have written may hold ends of lines, and has to stand in a sentence of ours."""

from __future__ import annotations


def one_line(text: str) -> str:
    """The text, with each character that cannot be seen as Python writes it."""
    return "".join([each if each.isprintable() else ascii(each)[1:-1] for each in text])
