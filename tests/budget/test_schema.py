"""The schema of `convcost.yaml`: it takes what convcost takes, and refuses what is built wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
"""What a schema cannot know, and the broken configurations with no fault but such."""
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
        "{metric: mults, max: -4.3M}",
        "{metric: mults, max: 0.5}",
        "{metric: mults, max: 4.3MB}",
        "{metric: mults, max: 95%}",
        "{metric: mults, max: alpha}",
        "{metric: mults, max: '012M' , layer: x}",
        "{metric: mults, max: true}",
        "{metric: mults, max: [300M]}",
        "{metric: mults, growth: -2%}",
        "{metric: mults, growth: two}",
        "{metric: mults, growth: '%'}",
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
        "{metric: mults, max: 1M, set: {alpha: 2 * beta}}",
        "{metric: mults, max: 1M, set: {alpha: 1:30}}",
    ],
)
def test_a_budget_that_is_built_wrong_is_refused(budget, as_an_editor):
    assert not VALIDATOR.is_valid(as_an_editor(f"budgets:\n  - {budget}\n"))


@pytest.mark.parametrize("text", ["", "budgets:", "budgets: []", "budgets: {mults: 300M}", "models: a", "[budgets]"])
def test_a_file_that_is_built_wrong_is_refused(text, as_an_editor):
    assert not VALIDATOR.is_valid(as_an_editor(text))


AMOUNTS = ["300M", "4.3M", "512Ki", "1e6", "1_000", "0", "2 * 3", "(1 + 1)", "max(1, 2)", "-0", "3 G"]
BOUNDS = [*AMOUNTS, "2%", "2 %", "1/3 %", "0.5%"]
VALUES = ["1", "0.5", "1/2", "-1", "true", "relu", "(same)", "max(1, 2)", "1e3", "not 1 > 2"]


def texts(*words):
    return st.sampled_from(words).map(lambda word: json.dumps(word) if "," in word else word)


values = texts(*VALUES)
a_set = st.dictionaries(
    st.sampled_from(["alpha", "r", "größe"]),
    values | st.lists(values, min_size=1, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
    min_size=1,
).map(lambda symbols: "{" + ", ".join(f"{name}: {value}" for name, value in symbols.items()) + "}")
limits = st.fixed_dictionaries({"max": texts(*AMOUNTS[:4])}, optional={"warn": texts("95%", "0", "1_000")})
grown = st.fixed_dictionaries({"growth": texts(*BOUNDS)}, optional={"max": texts(*AMOUNTS)})
others = st.fixed_dictionaries(
    {"metric": texts(*METRICS)},
    optional={
        "scope": texts("sum", "each"),
        "set": a_set | texts("~", "null", "''"),
        "layers": texts("'**'", "stage4", "12"),
        "message": texts("true", "3", '"a, b"'),
    },
)
budgets = st.builds(
    lambda one, two: "{" + ", ".join(f"{key}: {value}" for key, value in (one | two).items()) + "}",
    limits | grown,
    others,
)


@given(st.lists(budgets, min_size=1, max_size=3))
def test_what_convcost_takes_the_schema_takes(as_an_editor, drawn):
    text = "budgets:\n" + "".join(f"  - {budget}\n" for budget in drawn)
    assert len(read(text)) == len(drawn)
    VALIDATOR.validate(as_an_editor(text))


@pytest.mark.parametrize("models", ["nets/*.yaml", "[a.yaml]", "['b/**', 3]", "true"])
def test_models_are_one_pattern_or_several(models, as_an_editor):
    text = f"models: {models}\nbudgets:\n  - {{metric: mults, max: 1M, models: {models}}}\n"
    VALIDATOR.validate(as_an_editor(text))
