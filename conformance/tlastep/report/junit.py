"""Results as JUnit XML, which CI systems show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Case:
    """One check. It failed if `failure`, a line, is not empty; `details` may have many lines."""

    name: str
    group: str
    seconds: float
    failure: str = ""
    details: str = ""


def report(suite: str, cases: Sequence[Case]) -> str:
    """The XML text of a suite."""
    failures = sum(bool(case.failure) for case in cases)
    root = ElementTree.Element("testsuites")
    attributes = {
        "name": suite,
        "tests": str(len(cases)),
        "failures": str(failures),
        "errors": "0",
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }
    parent = ElementTree.SubElement(root, "testsuite", attributes)
    for case in cases:
        each = ElementTree.SubElement(
            parent, "testcase", {"name": case.name, "classname": case.group, "time": f"{case.seconds:.3f}"}
        )
        if case.failure:
            failure = ElementTree.SubElement(each, "failure", {"message": _NOT_XML.sub("?", case.failure)})
            failure.text = _NOT_XML.sub("?", case.details)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
