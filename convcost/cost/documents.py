"""Fill the structures of `convcost.documents` with what networks cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Struct, UnsetType

from convcost import metrics
from convcost.documents import analysis as documents
from convcost.documents import numbers
from convcost.documents.numbers import kinds
from convcost.documents.warnings import warning_documents
from convcost.layers import LayerType
from convcost.layers.declared import NOT_COUNTED, NOT_KNOWN
from convcost.layers.fields import BOUNDS, FACTOR, NUMBER
from convcost.network import Free, Network
from convcost.network.dtypes import is_float32, types_of
from convcost.ops import Cost, is_symbolic
from convcost.reports.table import counted

if TYPE_CHECKING:
    from convcost.cost.analysis import Analysis, LayerCost
    from convcost.cost.separable import SeparableRatio

Values = Callable[[str], Sequence[Any]]
"""Gives a metric's value of each row."""


def analysis_document(
    analysis: Analysis,
    rows: Sequence[LayerCost],
    values: Values,
    more: Sequence[str] = (),
    left_out: int | None = None,
) -> Struct:
    """Return the document of an analysis.

    Args:
        analysis: The analysis.
        rows: Its layers, or what is shown in their place.
        values: Gives each row's value of a metric.
        more: The metrics to report beside the standard ones.
        left_out: How many rows are not shown; None where the rows are the layers.
    """
    names = tuple(dict.fromkeys([*standard_names(), *more]))
    free = analysis.network.free
    if free is not None:
        return _free_document(analysis, free, rows, values, names, left_out)
    formulas = analysis.formulas(rows)
    layer = kinds(names).layer
    return documents.AnalysisDocument(
        network=network_document(analysis.network),
        convention=convention_document(analysis),
        layers=[
            layer(
                **head,
                ratio=ratio_document(row.ratio),
                notes=list(row.notes),
                formula=formulas[row.name],
                fields=fields_document(row),
                origin=row.origin or UNSET,
            )
            for row, head in zip(rows, heads(analysis, rows, values, names), strict=True)
        ],
        total=total_document(analysis, names),
        left_out=UNSET if left_out is None else left_out,
        warnings=warning_documents(analysis.warnings),
        incomplete=True if analysis.incomplete else UNSET,
        unknown=unknown_documents(analysis) or UNSET,
    )


def unknown_documents(*analyses: Analysis) -> list[documents.UnknownDocument]:
    """Return the operations whose costs nobody knows."""
    return [
        documents.UnknownDocument(
            operator=layer.fields["operator"],
            name=layer.name,
            shapes=[None if shape == NOT_KNOWN else list(shape) for shape in layer.input_shapes],
        )
        for analysis in analyses
        for layer in analysis.unknown
    ]


def entry_document(analysis: Analysis, names: Sequence[str]) -> Any:
    """Return a network's entry in a document of several networks."""
    row = kinds(tuple(names)).row
    return documents.Entry(
        network=network_document(analysis.network),
        convention=convention_document(analysis),
        layers=[row(**head) for head in heads(analysis, analysis.layers, analysis.values, names)],
        total=total_document(analysis, names),
    )


def side_documents(analysis: Analysis, names: Sequence[str]) -> dict[str, Any]:
    """Return each layer of a network as it stands beside another, by its name."""
    side = kinds(tuple(names)).side
    kept = [key for key in side.__struct_fields__ if key != "origin"]
    found = zip(heads(analysis, analysis.layers, analysis.values, names), analysis.layers, strict=True)
    return {
        head["name"]: side(**{key: head[key] for key in kept}, origin=layer.origin or UNSET) for head, layer in found
    }


def total_document(analysis: Analysis, names: Sequence[str]) -> Any:
    """Return the totals of a network."""
    total = kinds(tuple(names)).total
    return total(**{name: plain(analysis.value(name)) for name in names}, ops=analysis.total.ops.to_dict())


def cost_document(cost: Cost) -> Any:
    """Return a cost."""
    return numbers.cost()(**metrics.counts(cost), ops=cost.ops.to_dict())


def standard_names() -> list[str]:
    """Return the names of the metrics that are reported without being asked for."""
    return [metric.name for metric in metrics.standard()]


def network_document(network: Network) -> documents.NetworkDocument:
    """Return the description of a network."""
    return documents.NetworkDocument(
        name=network.name or None,
        file=network.file or None,
        source=network.source or None,
        symbols={name: plain(value) for name, value in network.symbols.items()},
        input_shape=list(network.input_shape),
        dtype=types_document(types_of(network)),
    )


def types_document(types: Mapping[str, Sequence[str]]) -> dict[str, list[str]] | UnsetType:
    """Return types of numbers by what has them; nothing where all are `float32`."""
    return UNSET if is_float32(types) else {what: [*found] for what, found in types.items()}


def convention_document(analysis: Analysis) -> Any:
    """Return the description of the counting convention."""
    texts = {metric.name: metric.about for metric in metrics.standard()}
    return documents.Told(batch=analysis.batch, fold=analysis.fold, **texts)


def ratio_document(ratio: SeparableRatio | None) -> numbers.RatioDocument | None:
    """Return a ratio."""
    if ratio is None:
        return None
    exact = ratio.exact
    symbolic = is_symbolic(exact)
    return numbers.RatioDocument(
        kind=ratio.kind,
        formula=ratio.formula,
        numbers=ratio.numbers,
        exact=exact.text("plain") if symbolic else str(exact),  # type: ignore[attr-defined]  # a formula
        value=None if symbolic else float(exact),
        term=ratio.term,
    )


def fields_document(row: LayerCost) -> dict[str, Any] | None:
    """Return the fields of a layer; None for several in one row."""
    definition = row.definition
    if definition is None:
        return None
    fields = dict(vars(definition))
    for name in _inexact_fields(definition.__class__):  # type: ignore[arg-type]  # a class can be hashed
        fields[name] = _listed(fields[name])
    return fields


def fields_text(row: LayerCost, *, symbolic: bool) -> str:
    """Return the fields of a layer as the text of a JSON object; nothing for several in one row.

    Args:
        row: The layer.
        symbolic: Whether they may be formulas.
    """
    from convcost.documents import as_text

    fields = fields_document(row)
    if fields is None:
        return ""
    if symbolic:
        from convcost.cost.free import with_texts

        fields = with_texts(fields)
    return as_text(fields)


@cache
def _inexact_fields(type: type[LayerType]) -> tuple[str, ...]:
    """Return the fields of a type that may hold fractions."""
    return tuple([name for name, field in type.fields.items() if field.read.form.kind in (BOUNDS, FACTOR, NUMBER)])


def _listed(value: Any) -> Any:
    """Return a field's value as documents have it, with texts for fractions."""
    return [*map(_listed, value)] if value.__class__ is tuple else plain(value)


def total_head(analysis: Analysis, names: Sequence[str]) -> dict[str, Any]:
    """Return the totals of a network as a row of them would have them."""
    network = analysis.network
    inputs = [list(tensor.shape) for tensor in network.inputs]
    numbers = {name: plain(analysis.value(name)) for name in names}
    head = {
        "name": "Total",
        "type": counted(len(network.layers), "layer"),
        "file": network.file or None,
        "line": None,
        "input_shape": inputs[0] if len(inputs) == 1 else inputs,
        "output_shape": [],
        **numbers,
        "ops": analysis.total.ops.to_dict(),
    }
    if network.free is None:
        return head
    from convcost.cost.free import with_texts

    return {key: with_texts(value) for key, value in head.items()}


def plain(value: Any) -> Any:
    """Return a value as documents have it: a fraction as text, since no number of JSON would be exact."""
    return str(value) if value.__class__ is Fraction else value


def heads(
    analysis: Analysis, rows: Sequence[LayerCost], values: Values, names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield each row's layer and costs, formulas as their texts."""
    found = numbers_of_rows(analysis, rows, values, names)
    if analysis.network.free is None:
        return found
    from convcost.cost.free import with_texts

    return map(with_texts, found)


def numbers_of_rows(
    analysis: Analysis, rows: Sequence[LayerCost], values: Values, names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield each row's layer and costs, formulas as they are."""
    file = analysis.network.file or None
    keys = ("name", "type", "file", "line", "input_shape", "output_shape", *names, "ops")
    columns = [map(plain, values(name)) if metrics.METRICS[name].is_ratio else values(name) for name in names]
    for row, *counts in zip(rows, *columns, strict=True):
        inputs = row.input_shapes
        shape = _shape(inputs[0]) if len(inputs) == 1 else list(map(_shape, inputs))
        head = (row.name, row.type, file, row.line or None, shape, _shape(row.output_shape))
        known = [*counts, row.cost.ops.to_dict()] if row.type != NOT_COUNTED else [None] * (len(counts) + 1)
        yield dict(zip(keys, (*head, *known), strict=True))


def _shape(shape: Sequence[Any]) -> list[Any]:
    """Return a shape as documents have it: nothing of one that is not known."""
    return [] if shape is NOT_KNOWN else list(shape)


def _free_document(
    analysis: Analysis,
    free: Free,
    rows: Sequence[LayerCost],
    values: Values,
    names: tuple[str, ...],
    left_out: int | None,
) -> Struct:
    """Return the document of an analysis whose numbers are formulas: their texts, and their structures beside them."""
    from convcost.cost.free import conditions, structures, symbols, with_texts

    formulas = analysis.formulas(rows)
    known = kinds(names, free=True)
    network = network_document(analysis.network)
    sums = {name: plain(analysis.value(name)) for name in names}
    return documents.FreeAnalysis(
        network=documents.NetworkDocument(
            **with_texts({name: getattr(network, name) for name in network.__struct_fields__})
        ),
        free={name: documents.FreeSymbol(**known_of) for name, known_of in symbols(free).items()},
        conditions=[documents.ConditionDocument(**condition) for condition in conditions(free)],
        convention=convention_document(analysis),
        layers=[
            known.layer(
                **with_texts(head),
                ratio=ratio_document(row.ratio),
                notes=list(row.notes),
                formula=formulas[row.name],
                fields=with_texts(fields_document(row)),
                origin=row.origin or UNSET,
                structures=structures(head),
            )
            for row, head in zip(rows, numbers_of_rows(analysis, rows, values, names), strict=True)
        ],
        total=known.total(
            **with_texts(sums), ops=with_texts(analysis.total.ops.to_dict()), structures=structures(sums)
        ),
        left_out=UNSET if left_out is None else left_out,
        warnings=warning_documents(analysis.warnings),
    )
