"""The schema of `convcost.yaml`: it takes what convcost takes, and refuses what is built wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAMLError

from convcost.budget import configuration
from convcost.budget.budgets import SCOPES
from convcost.budget.schema import config_schema
from convcost.metrics import METRICS
from convcost.spec.source import Source

SCHEMA = json.loads(json.dumps(config_schema()))
VALIDATOR = Draft7Validator(SCHEMA)

BROKEN = Path(__file__).parent / "broken"
BEYOND = {
    "which files, layers and symbols there are": "layers_unmatched models_missing symbol_unknown",
    "the value of an expression": "spec_faults symbol_value",
    "how it is used": "growth_without_baseline",
    "what the parser of an editor has resolved": "yaml_anchor",
}
"""What a schema cannot know, and the broken configurations with no error but such."""
ACCEPTED = {name for names in BEYOND.values() for name in names.split()}


def read(text):
    """Return the budgets of a configuration that names no specs."""
    return configuration.parse(Source("convcost.yaml", text), Path()).budgets


def test_it_is_a_schema(check_schema):
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    check_schema(SCHEMA)


def test_it_has_the_keys_that_validation_knows_each_with_a_description():
    budget = SCHEMA["definitions"]["budget"]
    for schema, keys in (SCHEMA, configuration.KEYS), (budget, configuration.BUDGET_KEYS):
        assert {name: told["description"] for name, told in schema["properties"].items()} == {
            name: key.about for name, key in keys.items()
        }
        assert schema["additionalProperties"] is False


def test_metrics_and_scopes_can_be_completed():
    metric = SCHEMA["definitions"]["metric"]
    assert dict(zip(metric["enum"], metric["enumDescriptions"], strict=True)) == {
        name: each.about for name, each in METRICS.items()
    }
    assert SCHEMA["definitions"]["scope"] == {"enum": list(SCOPES)}


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_broken_configuration_is_refused_but_for_what_a_schema_cannot_know(path, as_an_editor):
    try:
        value = as_an_editor(path.read_bytes())
    except YAMLError:
        assert path.stem not in ACCEPTED
        return
    assert VALIDATOR.is_valid(value) == (path.stem in ACCEPTED)


@pytest.mark.parametrize(
    "budget",
    [
        "mults <= 300M",
        "[mults, 300M]",
        "{}",
        "{max: 300M}",
        "{metric: mults}",
        "{metric: , max: 300M}",
        "{metric: multz, max: 300M}",
        "{metric: [mults], max: 300M}",
        "{metric: mults, maximum: 300M}",
        "{metric: mults, max: }",
        "{metric: mults, max: -1}",
        "{metric: mults, max: true}",
        "{metric: mults, max: [300M]}",
        "{metric: mults, growth: 2%, warn: 95%}",
        "{metric: mults, max: 1M, layers: }",
        "{metric: mults, max: 1M, layers: [first]}",
        "{metric: mults, max: 1M, scope: }",
        "{metric: mults, max: 1M, scope: eahc}",
        "{metric: mults, max: 1M, message: {a: b}}",
        "{metric: mults, max: 1M, models: []}",
        "{metric: mults, max: 1M, models: [a, [b]]}",
        "{metric: mults, max: 1M, set: alpha}",
        "{metric: mults, max: 1M, set: {}}",
        "{metric: mults, max: 1M, set: {alpha: }}",
        "{metric: mults, max: 1M, set: {alpha: []}}",
        "{metric: mults, max: 1M, set: {alpha: [[1]]}}",
    ],
)
def test_a_budget_that_is_built_wrong_is_refused(budget, as_an_editor):
    assert not VALIDATOR.is_valid(as_an_editor(f"budgets:\n  - {budget}\n"))


@pytest.mark.parametrize("text", ["", "budgets:", "budgets: []", "budgets: {mults: 300M}", "models: a", "[budgets]"])
def test_a_file_that_is_built_wrong_is_refused(text, as_an_editor):
    assert not VALIDATOR.is_valid(as_an_editor(text))


@pytest.mark.parametrize(
    "budget",
    [
        "{metric: mults, max: 4.3M, warn: 95%}",
        "{metric: params, max: 2 * 3, growth: 1/3 %, warn: 5}",
        "{metric: flops, growth: 0, scope: each, layers: 12, message: true}",
        "{metric: macs, max: 1e6, set: {alpha: 1/2, größe: [1, (same), true]}}",
        "{metric: adds, max: 512Ki, set: ~, layers: 'stage4/**', message: 'a, b'}",
    ],
)
def test_what_convcost_takes_the_schema_takes(budget, as_an_editor):
    text = f"budgets:\n  - {budget}\n"
    assert len(read(text)) == 1
    VALIDATOR.validate(as_an_editor(text))


@pytest.mark.parametrize("models", ["nets/*.yaml", "[a.yaml]", "['b/**', 3]", "true"])
def test_models_are_one_pattern_or_several(models, as_an_editor):
    text = f"models: {models}\nbudgets:\n  - {{metric: mults, max: 1M, models: {models}}}\n"
    VALIDATOR.validate(as_an_editor(text))
