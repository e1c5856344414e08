"""What all tests share."""

from __future__ import annotations

import re

import pytest
from hypothesis import settings
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

settings.register_profile("no clock", deadline=None, derandomize=True)  # what fails here fails everywhere
settings.load_profile("no clock")


@pytest.fixture(scope="session")
def as_an_editor():
    """Return a function that reads YAML 1.2 as an editor does that has a schema."""

    def read(text):
        """Return numbers, truth values, texts, null, lists, and mappings whose keys are texts."""
        return _plain(YAML(typ="safe", pure=True).load(text))

    return read


def _plain(value):
    if isinstance(value, dict):
        return {str(key).lower() if isinstance(key, bool) else str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


@pytest.fixture(scope="session")
def check_schema():
    """Return a function that holds a schema to what an editor needs of it."""

    def check(schema):
        Draft7Validator.check_schema(schema)
        definitions = schema["definitions"]
        assert {text.removeprefix("#/definitions/") for text in _under("$ref", schema)} == definitions.keys()
        for pattern in _under("pattern", schema):
            assert not re.search(r"\(\?[^:=!]|\\[AZ]|[*+?}][+]", pattern)  # what only Python has
        for name, definition in definitions.items():
            _check_end(definition, {name}, definitions)

    return check


def _under(key, schema):
    """Yield what stands under a key of a schema, wherever it is no name of a property."""
    if isinstance(schema, list):
        for inner in schema:
            yield from _under(key, inner)
    elif isinstance(schema, dict):
        for name, inner in schema.items():
            if name == key:
                yield inner
            elif name in ("properties", "definitions"):
                yield from _under(key, list(inner.values()))
            elif name not in ("enum", "default", "required"):
                yield from _under(key, inner)


def _check_end(schema, seen, definitions):
    """Refuse lists of the very same lists: the language server for YAML would look for a default without end."""
    items = schema.get("items", {})
    if "$ref" in items:
        name = items["$ref"].removeprefix("#/definitions/")
        assert name not in seen
        _check_end(definitions[name], {*seen, name}, definitions)
    elif items:
        _check_end(items, seen, definitions)
