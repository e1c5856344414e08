"""`convcost schema`: what an editor needs, on standard output."""

from __future__ import annotations

import json

import pytest

from convcost.budget.schema import config_schema
from convcost.spec.schema import spec_schema


@pytest.mark.parametrize(
    ("arguments", "build"), [([], spec_schema), (["spec"], spec_schema), (["config"], config_schema)]
)
def test_a_schema_is_printed_as_json(arguments, build, convcost):
    status, out, err = convcost("schema", *arguments)
    assert (status, err) == (0, "")
    assert json.loads(out) == json.loads(json.dumps(build()))
    assert out.startswith('{\n  "$schema": "http://json-schema.org/draft-07/schema#",\n  "title": "convcost')
    assert out.endswith("\n}\n")
    assert "Dk²" in out or arguments == ["config"]


def test_an_unknown_file(convcost):
    assert convcost("schema", "confg") == (
        2,
        "",
        "error: there is no schema of 'confg'\n = help: did you mean 'config'?\n",
    )


def test_the_schema_is_the_same_in_every_process(process):
    """The order of a set, which differs from process to process, is nowhere in it."""
    first, second = (process("schema", env={"PYTHONHASHSEED": seed}).out for seed in "12")
    assert first == second


def test_no_other_command_imports_the_schemas(process, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    status, _, err = process("analyze", "net.yaml")
    assert status == 0
    assert "convcost.spec.reading" in err
    for module in "convcost.spec.schema", "convcost.budget.schema":
        assert module not in err
