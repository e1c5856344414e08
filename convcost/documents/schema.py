"""The JSON Schema of all reports, from the structures that write them.

Source: https://json-schema.org/draft/2020-12/json-schema-core
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import cleandoc
from typing import Any

from msgspec.json import schema_components

from convcost.documents import (
    VERSION,
    analysis,
    check,
    comparison,
    compression,
    conventions,
    design_space,
    difference,
    formulas,
    memory,
    published,
    receptive_field,
    rewriting,
    roofline,
    specs,
)
from convcost.documents import verification as verified
from convcost.documents.numbers import kinds
from convcost.metrics import METRICS, standard

_ATTRIBUTE = re.compile(r"^    (\w+): ", re.MULTILINE)


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `--format json` writes, of any command: one document, or a list of them."""
    _, definitions = schema_components(_reports(), ref_template="{name}")
    names = {name: _name(definition) for name, definition in definitions.items()}
    for definition in definitions.values():
        _describe(definition)
    definitions = {names[name]: _renamed(definition, names) for name, definition in definitions.items()}
    reports = [{"$ref": f"#/$defs/{name}"} for name, each in definitions.items() if _is_report(each)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "convcost report",
        "description": "What convcost writes with --format json: a report, or a list of them for several specs.",
        "anyOf": [*reports, {"type": "array", "items": {"anyOf": reports}}],
        "$defs": dict(sorted(definitions.items())),
    }


def _is_report(definition: dict[str, Any]) -> bool:
    return "schema_version" in definition["required"]


def _reports() -> list[Any]:
    """Return the structure of each report."""
    usual = [metric.name for metric in standard()]
    names = tuple(dict.fromkeys([*usual, *(name for name in METRICS if not name.startswith("ops_"))]))
    numeric, free = kinds(names), kinds(names, free=True)
    return [
        analysis.AnalysisDocument[numeric.layer, numeric.total],  # type: ignore[name-defined]  # made while running
        analysis.FreeAnalysis[free.layer, free.total],  # type: ignore[name-defined]
        check.CheckDocument[analysis.Entry[numeric.row, numeric.total]],  # type: ignore[name-defined]
        comparison.ComparisonDocument,
        compression.CompressionDocument,
        conventions.ReconciliationDocument,
        conventions.ExpectationDocument,
        conventions.ToolAnalysisDocument,
        conventions.LayerComparisonDocument,
        difference.DifferenceDocument[numeric.side, numeric.total],  # type: ignore[name-defined]
        formulas.FormulasDocument,
        formulas.FormulaProofs,
        memory.MemoryDocument,
        memory.PeakFormulaDocument,
        receptive_field.ReceptiveFieldDocument,
        rewriting.RewritingDocument,
        rewriting.SuggestionDocument,
        rewriting.Catalogue,
        roofline.RooflineDocument,
        roofline.DevicesDocument,
        design_space.SweepDocument,
        design_space.FrontDocument,
        design_space.SolutionDocument,
        design_space.SymbolsDocument,
        specs.Specs,
        published.PublishedDocument,
        verified.VerificationDocument,
        verified.FieldVerificationDocument,
    ]


def _name(definition: Mapping[str, Any]) -> str:
    """Return the name of a structure in the schema: its class without `Document` and without parameters."""
    return str(definition["title"].partition("[")[0].removesuffix("Document"))


def _describe(definition: dict[str, Any]) -> None:
    """Give a structure the description of its docstring, and its properties those that this has for them, in place."""
    text, _, attributes = cleandoc(definition.get("description", "")).partition("\n\nAttributes:\n")
    definition["description"] = text
    parts = _ATTRIBUTE.split(attributes)[1:]
    for name, about in zip(parts[::2], parts[1::2], strict=True):
        if name in definition["properties"]:
            described = definition["properties"][name]
            definition["properties"][name] = {"description": " ".join(about.split()), **described}
    definition["title"] = _name(definition)
    version = definition["properties"].get("schema_version", {})
    if version.get("default") == VERSION:
        definition["properties"]["schema_version"] = {"description": version["description"], "const": VERSION}
        definition["required"] = ["schema_version", *definition["required"]]


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    """Return a schema whose references have other names."""
    if isinstance(schema, dict):
        return {
            key: f"#/$defs/{names[value]}" if key == "$ref" else _renamed(value, names) for key, value in schema.items()
        }
    return [_renamed(each, names) for each in schema] if isinstance(schema, list) else schema
