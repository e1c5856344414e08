"""Fill the structures of `convcost.documents` with what the layers of a network see of its input."""

from __future__ import annotations

from msgspec import UNSET

from convcost.cost.documents import network_document
from convcost.documents import receptive_field as documents
from convcost.documents.warnings import warning_documents
from convcost.receptive_field.analysis import LayerField, ReceptiveField
from convcost.receptive_field.texts import as_number


def receptive_field_document(found: ReceptiveField) -> documents.ReceptiveFieldDocument:
    """Return the document that `--format json` writes."""
    return documents.ReceptiveFieldDocument(
        network=network_document(found.network),
        axes=[
            documents.InputAxisDocument(input=axis.input, axis=axis.axis, name=axis.name or None, size=axis.size)
            for axis in found.axes
        ],
        layers=[layer_document(row) for row in found.layers],
        unread=[[list(pair) for pair in found.unread.get(number, ())] for number in range(len(found.axes))],
        warnings=warning_documents(found.warnings),
    )


def layer_document(row: LayerField) -> documents.LayerFieldDocument:
    """Return a layer as JSON has it."""
    return documents.LayerFieldDocument(
        name=row.layer.name,
        type=row.layer.type,
        line=row.layer.line or None,
        origin=row.layer.origin or UNSET,
        output_shape=list(row.layer.output_shape),
        receptive_field=_field_document(row),
        aligned=row.aligned,
        misaligned_by=[as_number(offset) for offset in row.offsets] if any(row.offsets) and not row.drifts else None,
    )


def _field_document(row: LayerField) -> documents.FieldDocument:
    fields = row.axes
    return documents.FieldDocument(
        size=[field.size if field else None for field in fields],
        stride=[as_number(field.stride) if field else None for field in fields],
        padding=[as_number(field.padding) if field else None for field in fields],
        used=[None if field is None or field.used is None else str(field.used) for field in fields],
        local=[field.local if field else None for field in fields],
        strict_reason=[(field.strict_reason or None) if field else None for field in fields],
        phases=[
            [
                documents.PhaseDocument(size=phase.size, padding=as_number(phase.padding) or 0, used=str(phase.used))
                for phase in field.phases
            ]
            if field
            else []
            for field in fields
        ],
        smallest_input=[field.smallest_input if field else None for field in fields],
        unknown=[(field.unknown or None) if field else None for field in fields],
        share=None if row.share is None else str(row.share),
    )
