"""The standard modules on Python values. SANY exports them with empty bodies, so each operator is written here."""

from __future__ import annotations

from typing import Final

MODULES: Final = {
    "Naturals": {
        "+": "plus",
        "-": "minus",
        "*": "times",
        "^": "power",
        "<": "less",
        ">": "greater",
        "\\leq": "at_most",
        "\\geq": "at_least",
        "%": "modulo",
        "\\div": "quotient",
        "..": "interval",
        "Nat": "NAT",
    },
    "Integers": {"Int": "INT", "-.": "negative"},
    "Sequences": {
        "Seq": "sequences_of",
        "Len": "length",
        "\\o": "concatenated",
        "Append": "appended",
        "Head": "head",
        "Tail": "tail",
        "SubSeq": "subsequence",
        "SelectSeq": "selected",
    },
    "FiniteSets": {"Cardinality": "cardinality", "IsFiniteSet": "is_finite"},
    "TLC": {
        ":>": "pair",
        "@@": "merged",
        "Permutations": "permutations_of",
        "SortSeq": "sorted_sequence",
        "Assert": "assert_that",
        "Print": "second",
        "PrintT": "printed",
        "ToString": "to_string",
        "TLCEval": "freeze",
    },
    "Bags": {
        "EmptyBag": "NO_COPIES",
        "IsABag": "is_bag",
        "BagToSet": "bag_members",
        "SetToBag": "bag_of_set",
        "BagIn": "in_bag",
        "CopiesIn": "copies_in",
        "\\oplus": "bag_sum",
        "\\ominus": "bag_difference",
        "BagUnion": "bag_union",
        "\\sqsubseteq": "is_sub_bag",
        "SubBag": "sub_bags",
        "BagOfAll": "bag_of_all",
        "BagCardinality": "bag_cardinality",
    },
}
"""Module → operator as in TLA+ → function in `arithmetic`, `sequences`, `tlc` or `bags`."""

TRUTHS: Final = frozenset(
    {"less", "greater", "at_most", "at_least", "is_finite", "assert_that", "printed", "is_bag", "in_bag", "is_sub_bag"}
)
"""Those of the functions above that return a Python truth value."""

STANDARD: Final = frozenset({*MODULES, "Reals", "RealTime", "Randomization", "Toolbox", "TLCExt", "Json"})
"""Names of standard modules, supported or not."""
