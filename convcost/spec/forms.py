r"""Values as JSON Schema: what an editor may find where a number, a word, an expression, a text or an amount belongs.

An editor reads YAML 1.2: `3` is a number, `true` a truth value, `3 * n` a text, and nothing is null. convcost types all
scalars itself, so the text "3" is a number too, and "", "~" and "null" are no value. The patterns say of a text what
holds whatever names a file declares; they refuse nothing that validation takes. `Null` and `NULL`, which YAML 1.2 takes
for no value and convcost for words, are the only exception.

Source: https://yaml.org/spec/1.2.2/#103-core-schema; https://json-schema.org/draft-07/json-schema-validation
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from convcost.layers.fields import FACTOR, FLAG, NUMBER, WHOLE, WORD, Form
from convcost.spec import expressions
from convcost.spec.arithmetic import FUNCTIONS
from convcost.spec.expressions import CONSTANTS, KEYWORDS, OPERATORS, RESERVED
from convcost.spec.reading import UNITS
from convcost.spec.values import NO_BOOLEANS

Schema = dict[str, Any]

_NULL = "~|null"
_LETTER = r"[^\x00-/:-@\[-^`{-\x7f\s]"  # what a name is made of: letters of all alphabets, digits and _
_FIRST = r"[^\x00-@\[-^`{-\x7f\s]"  # the same without digits
_NO_LETTER = r"[\x00-/:-@\[-^`{-\x7f\s]"
_NUMBER = f"(?:{expressions.NUMBER.pattern})(?![.]|{_LETTER})"
_FUNCTION = "|".join(FUNCTIONS)
_SIGN = f"(?:[*][*]|//|[=!<>]=|[-+*/%<>,]|(?:and|or)(?!{_LETTER}))"
_BALANCED = r"(?![^(]*\))(?![\s\S]*\([^)]*$)"  # no ) before the first (, no ( behind the last )


def _name(unknown: Iterable[str] = ()) -> str:
    """Return the pattern of a name that is no function, no operator and none of those that are not known."""
    words = "|".join([*FUNCTIONS, *sorted(OPERATORS), *unknown])
    return f"(?!(?:{words})(?!{_LETTER})){_FIRST}{_LETTER}*(?!{_LETTER})"


def _expression(unknown: Iterable[str] = ()) -> Schema:
    """Return the schema of values with signs between them; parentheses may stand wherever one may open or close."""
    before = rf"(?:(?:(?:{_FUNCTION})\s*)?\(|[-+]|not(?!{_LETTER}))\s*"
    operand = rf"(?:{before})*(?:{_NUMBER}|{_name(unknown)})\s*(?:(?:,\s*)?\)\s*)*"
    text = rf"{_BALANCED}\s*{operand}(?:{_SIGN}\s*{operand})*"
    return {"pattern": f"^(?:~?$|{text}$)", "patternErrorMessage": "this is not an expression"}


def none_of(words: Iterable[str], message: str) -> Schema:
    """Return the schema of texts that are none of some words."""
    return {"pattern": f"^(?!(?:{'|'.join(sorted(words))})$)", "patternErrorMessage": message}


NOTHING: Schema = {"type": ["null", "string"], "pattern": f"^(?:{_NULL})?$"}
"""No value: empty, `~` or `null`."""
GIVEN: Schema = {
    "type": ["string", "number", "boolean", "array", "object"],
    "pattern": f"^(?!(?:{_NULL})?$)",
    "patternErrorMessage": "a value is expected",
}
"""Anything else."""
TEXT: Schema = {"type": ["string", "number", "boolean", "null"]}
"""A text or no value; what looks like a number is a text too."""
NAME: Schema = {**GIVEN, "type": ["string", "number", "boolean"]}
"""A text that names something."""
NEW_NAME: Schema = {
    "pattern": f"^(?!(?:{'|'.join(sorted(RESERVED))})$){_FIRST}{_LETTER}*$",
    "patternErrorMessage": "a name is letters, digits and _, not a digit first, and no word of the language",
}
"""A name that a file may give to a value."""
EXPRESSION = _expression()
"""Of the texts only expressions, names and words, and no value."""
EXPRESSION_OUTSIDE = _expression(["in_channels"])
"""The same where no channels are known."""
ONE_NAME: Schema = {"pattern": rf"^(?:~?$|[\s(]*{_name()}[\s)]*$)", "patternErrorMessage": "a word is expected"}
"""Of the texts only a name or a word alone, which may stand in parentheses, and no value."""
NO_WORD = none_of(KEYWORDS | CONSTANTS.keys(), "a number or an expression is expected")
"""None of the language's own words."""
NO_KEYWORD = none_of(KEYWORDS, "this word has no place here")
"""The same, but for `true` and `false`."""
NO_BOOLEAN = none_of(NO_BOOLEANS, "booleans are true and false only; no value is empty, ~ or null")
"""None of the words that look like truth values or no value, and are not."""


def mapping(**schema: Any) -> Schema:
    """Return the schema of a mapping, or of no value."""
    kind = {"type": ["object", *NOTHING["type"]], "pattern": NOTHING["pattern"]}
    return {**kind, "patternErrorMessage": "a mapping is expected", **schema}


def version(versions: Iterable[int]) -> Schema:
    """Return the schema of the version of the language that a file is written in."""
    numbers = [*versions]
    text = {"type": "string", "pattern": f"^(?:{'|'.join(map(str, numbers))})$"}
    return {"anyOf": [{"enum": numbers}, text, NOTHING]}


def amount(*, share: bool = False, whole: bool = True) -> Schema:
    """Return the schema of an amount such as `4.3M`; with `share` also of `95%`, without `whole` also of `0.5`."""
    number = f"(?:{expressions.NUMBER.pattern})"
    with_unit = rf"{number}\s*(?:{'|'.join(UNITS)})"
    percent = rf"|{number}(?:\s*/\s*{number})?\s*%" if share else ""
    below_0 = r"\s*-[\s0-9_.]*[1-9][\s0-9_.]*$"
    return {
        "type": ["integer" if whole else "number", "string"],
        "minimum": 0,
        "pattern": rf"^(?!{below_0})(?:(?:{_FUNCTION}|[\s0-9_.+*/%(),eE-])*[0-9)]\s*|{with_unit}{percent})$",
        "patternErrorMessage": f"an amount such as 4_300_000, 4.3M or 512Ki{', or 95%' if share else ''} is expected",
    }


def known(names: Iterable[str]) -> str:
    """Return the pattern of texts all of whose names are among these."""
    return rf"^(?:{_NUMBER}|(?:{'|'.join(sorted(names))})(?!{_LETTER})|(?![.][0-9]){_NO_LETTER})*$"


def described(form: Form) -> str:
    """Return what a field takes, in words.

    >>> described(Form(WHOLE, 1, depth=1)), described(Form(WORD, words=("none", "tanh")))
    ('a whole number, at least 1, or a list of one per axis', 'none or tanh')
    """
    one = {
        WHOLE: f"a whole number, at least {form.minimum}",
        FACTOR: "a number above 0",
        NUMBER: "a number",
        FLAG: "true or false",
        WORD: " or ".join(form.words),
    }[form.kind]
    words = "" if form.kind == WORD else "".join(f", {word}" for word in form.words)
    lists = ("", ", or a list of one per axis", ", or a list of one or of a [before, after] pair per axis")
    return f"{one}{words}{lists[form.depth]}"
