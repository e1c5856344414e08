"""The JSON Schema of `convcost.yaml`, for completion and checks in editors, from the keys that validation goes by.

Source: https://json-schema.org/draft-07/json-schema-core; https://json-schema.org/draft-07/json-schema-validation
"""

from __future__ import annotations

from collections.abc import Mapping

from convcost.budget.budgets import SCOPES
from convcost.budget.configuration import BUDGET_KEYS, FILE, KEYS, Key
from convcost.metrics import METRICS
from convcost.spec import forms
from convcost.spec.arithmetic import FUNCTIONS
from convcost.spec.expressions import CONSTANTS, KEYWORDS, OPERATORS
from convcost.spec.forms import Schema
from convcost.spec.reading import VERSIONS
from convcost.spec.schema import DRAFT


def config_schema() -> Schema:
    """Return the JSON Schema of `convcost.yaml`."""
    limits = {"anyOf": [{"required": ["max"]}, {"required": ["growth"]}], "dependencies": {"warn": ["max"]}}
    return {
        "$schema": DRAFT,
        "title": FILE,
        "description": "Which networks there are and what they may cost, as `convcost check` reads it.",
        **_mapping(KEYS, ["budgets"]),
        "definitions": {"budget": {**_mapping(BUDGET_KEYS, ["metric"]), **limits}, **_kinds(), **_parts()},
    }


def _mapping(keys: Mapping[str, Key], required: list[str]) -> Schema:
    properties = {name: {"description": key.about, **_refer(key.kind)} for name, key in keys.items()}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _kinds() -> dict[str, Schema]:
    """Return what each kind of value is."""
    whole = not any(metric.is_ratio for metric in METRICS.values())  # else a metric decides, which stands beside
    return {
        "version": forms.version(VERSIONS),
        "budgets": {"type": "array", "items": _refer("budget"), "minItems": 1},
        "metric": {"enum": list(METRICS), "enumDescriptions": [metric.about for metric in METRICS.values()]},
        "amount": {"anyOf": [forms.amount(whole=whole)]},
        "bound": {"anyOf": [forms.amount(share=True, whole=whole)]},
        "pattern": forms.NAME,
        "patterns": _one_or_more(_refer("pattern")),
        "scope": {"enum": list(SCOPES)},
        "set": forms.mapping(additionalProperties=_one_or_more(_refer("symbol_value")), minProperties=1),
        "text": forms.NAME,
    }


def _parts() -> dict[str, Schema]:
    """Return what a symbol may be set to: a number, a truth value, a word of the language, or what needs no names."""
    words = forms.known({*KEYWORDS, *CONSTANTS, *FUNCTIONS, *OPERATORS})
    known = {"pattern": words, "patternErrorMessage": "a symbol's value depends on no other"}
    value = {"type": ["number", "boolean", "string"], "allOf": [forms.EXPRESSION, forms.GIVEN, known]}
    return {"symbol_value": value}


def _one_or_more(one: Schema) -> Schema:
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _refer(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}
