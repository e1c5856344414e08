"""Fill the structures of `convcost.documents` with the memory that a network takes."""

from __future__ import annotations

from msgspec import UNSET, structs

from convcost.cost.documents import network_document
from convcost.documents import memory as documents
from convcost.documents.warnings import warning_documents
from convcost.memory.analysis import LayerMemory, Memory


def memory_document(memory: Memory) -> documents.MemoryDocument:
    """Return the document that `--format json` writes."""
    return documents.MemoryDocument(
        network=network_document(memory.network),
        convention=_convention(memory),
        layers=[layer_document(layer) for layer in memory.layers],
        total=documents.MemoryTotal(
            peak_memory=memory.peak_memory,
            weight_bytes=memory.weight_bytes,
            activation_bytes=memory.activation_bytes,
        ),
        peak=documents.PeakDocument(
            layer=memory.layers[memory.peak_index].layer.name if memory.layers else None,
            tensors=[
                documents.PeakTensor(name=piece.name, bytes=piece.bytes if piece.known else None)
                for piece in memory.at_peak
            ],
        ),
        order=documents.OrderDocument(**structs.asdict(memory.order)),
        placement=_placement_document(memory),
        tensors=[_tensor_document(memory, number) for number in range(len(memory.pieces))],
        not_counted=list(memory.not_counted),
        warnings=warning_documents(memory.warnings),
        incomplete=True if memory.network.unknown else UNSET,
    )


def layer_document(row: LayerMemory) -> documents.LayerMemoryDocument:
    """Return a layer as JSON has it."""
    layer = row.layer
    return documents.LayerMemoryDocument(
        name=layer.name,
        type=layer.type,
        line=layer.line or None,
        origin=layer.origin or UNSET,
        output_shape=list(layer.output_shape),
        dtype=documents.DtypeDocument(**structs.asdict(layer.widths)),
        weight_bytes=row.weight_bytes if row.weighed else None,
        activation_bytes=row.activation_bytes if row.sized else None,
        peak_memory=row.alive if row.sized else None,
        memory=row.how or None,
    )


def _convention(memory: Memory) -> documents.MemoryConvention:
    settings = memory.settings
    return documents.MemoryConvention(
        batch=settings.batch, in_place=settings.in_place, align=settings.align, keep_inputs=settings.keep_inputs
    )


def _placement_document(memory: Memory) -> documents.PlacementDocument | None:
    placement = memory.placement
    if placement is None:
        return None
    return documents.PlacementDocument(
        size=placement.size,
        lower_bound=placement.lower_bound,
        proved=placement.is_exact,
        arena=placement.arena,
        fits=None if placement.arena is None else placement.fits,
    )


def _tensor_document(memory: Memory, number: int) -> documents.TensorDocument:
    piece = memory.pieces[number]
    storage = piece.storage
    return documents.TensorDocument(
        name=piece.name,
        bytes=piece.bytes if piece.known else None,
        first=storage.first,
        last=storage.last,
        offset=None if memory.placement is None else memory.placement.offsets[number],
        layers=[memory.network.layers[index].name for index in storage.layers],
    )
