"""The JSON Schema of `convcost.yaml`, for completion and checks in editors, from the keys that validation goes by.

Source: https://json-schema.org/draft-07/json-schema-core; https://json-schema.org/draft-07/json-schema-validation
"""

from __future__ import annotations

from collections.abc import Mapping

from convcost.budget.budgets import SCOPES
from convcost.budget.configuration import ACCEPTED_KEYS, BUDGET_KEYS, FILE, KEYS, Key
from convcost.metrics import METRICS
from convcost.spec.schema import AMOUNT, AMOUNT_OF_RATIO, DRAFT, NAME, VERSION, Schema, mapping


def config_schema() -> Schema:
    """Return the JSON Schema of `convcost.yaml`."""
    limits = {
        "anyOf": [{"required": [name]} for name in ("max", "min", "growth")],
        "dependencies": {"warn": ["max"], "accepted": ["growth"]},
    }
    return {
        "$schema": DRAFT,
        "title": FILE,
        "description": "Which networks there are and what they may cost, as `convcost check` reads it.",
        **_mapping(KEYS, ["budgets"]),
        "definitions": {"budget": {**_mapping(BUDGET_KEYS, ["metric"]), **limits}, **_kinds()},
    }


def _mapping(keys: Mapping[str, Key], required: list[str]) -> Schema:
    properties = {name: {"description": key.about, **_refer(key.kind)} for name, key in keys.items()}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _kinds() -> dict[str, Schema]:
    """Return the schema of each kind of value; an amount need not be whole where a metric is a ratio."""
    whole = AMOUNT_OF_RATIO if any(metric.is_ratio for metric in METRICS.values()) else AMOUNT
    return {
        "version": VERSION,
        "budgets": {"type": "array", "items": _refer("budget"), "minItems": 1},
        "accepted": {"type": "array", "items": _mapping(ACCEPTED_KEYS, ["model", "from", "to"]), "minItems": 1},
        "metric": {"enum": list(METRICS), "enumDescriptions": [metric.about for metric in METRICS.values()]},
        "amount": whole,
        "bound": whole,
        "pattern": NAME,
        "patterns": _one_or_more(NAME),
        "scope": {"enum": list(SCOPES)},
        "set": mapping(additionalProperties=_one_or_more(NAME), minProperties=1),
        "values": mapping(additionalProperties=NAME, minProperties=1),
        "text": NAME,
        "dtype": {"anyOf": [_one_or_more(NAME), mapping(additionalProperties=NAME, minProperties=1)]},
    }


def _one_or_more(one: Schema) -> Schema:
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _refer(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}
