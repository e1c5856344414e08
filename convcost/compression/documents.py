"""Fill the structures of `convcost.documents` with the size of a compressed network."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from msgspec import UNSET

from convcost.compression.analysis import Compression, LayerCompression, Stage
from convcost.cost.documents import network_document
from convcost.documents import compression as documents
from convcost.documents.warnings import warning_documents


def compression_document(compression: Compression) -> documents.CompressionDocument:
    """Return the document that `--format json` writes."""
    return documents.CompressionDocument(
        network=network_document(compression.network),
        layers=[_layer(row) for row in compression.layers],
        kept=compression.kept,
        other_bytes=compression.other,
        stages=_stages(compression.stages),
        warnings=warning_documents(compression.warnings),
    )


def _layer(row: LayerCompression) -> documents.LayerCompressionDocument:
    rule = row.rule
    return documents.LayerCompressionDocument(
        name=row.layer.name,
        type=row.layer.type,
        line=row.layer.line or None,
        origin=row.layer.origin or UNSET,
        weights=row.sizes.weights,
        kept=row.sizes.kept,
        fillers=row.sizes.fillers.value,
        observed=row.observed,
        rule=documents.RuleDocument(
            density=_text(rule.density),
            weight_bits=rule.weight_bits,
            index_bits=rule.index_bits,
            weight_code_bits=_text(rule.weight_code_bits),
            index_code_bits=_text(rule.index_code_bits),
        ),
        stages=_stages(row.stages),
        other_bytes=row.other,
    )


def _text(value: Fraction | None) -> str | None:
    return None if value is None else str(value)


def _stages(stages: Sequence[Stage]) -> list[documents.StageDocument]:
    return [
        documents.StageDocument(
            name=stage.name,
            bytes=stage.bytes,
            lower=stage.lower,
            upper=stage.upper,
            rate=None if stage.rate is None else float(stage.rate),
        )
        for stage in stages
    ]
