"""Fill the structures of `convcost.documents` with what bounds a network's speed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from msgspec import UNSET

from convcost.cost.documents import network_document
from convcost.documents import roofline as documents
from convcost.documents.warnings import warning_documents
from convcost.memory.roofline.analysis import LayerRoofline, Roofline
from convcost.memory.roofline.devices import Device


def roofline_document(roofline: Roofline) -> documents.RooflineDocument:
    """Return the document that `--format json` writes."""
    return documents.RooflineDocument(
        network=network_document(roofline.network),
        device=device_document(roofline.device),
        convention=documents.RooflineConvention(batch=roofline.batch),
        layers=[_layer_document(row) for row in roofline.layers],
        total=_total_document(roofline),
        fits=[
            documents.FitDocument(what=fit.what, bytes=fit.needed, memory=fit.memory, room=fit.room, fits=fit.fits)
            for fit in roofline.fits
        ],
        warnings=warning_documents(roofline.warnings),
    )


def device_document(device: Device) -> documents.DeviceDocument:
    """Return a device as JSON has it."""
    return documents.DeviceDocument(
        key=device.key,
        name=device.name,
        peak={width: float(peak) for width, peak in device.peak.items()},
        bandwidth=float(device.bandwidth),
        sram=device.sram,
        flash=device.flash,
        sources=device.sources,
    )


def _layer_document(row: LayerRoofline) -> documents.LayerRooflineDocument:
    layer = row.layer
    return documents.LayerRooflineDocument(
        name=layer.name,
        type=layer.type,
        line=layer.line or None,
        origin=layer.origin or UNSET,
        output_shape=list(layer.output_shape),
        dtype=row.dtype,
        **numbers([row], row.seconds, row.bound),
    )


def _total_document(roofline: Roofline) -> documents.RooflineTotal:
    share = float(roofline.memory_share)
    return documents.RooflineTotal(**numbers(roofline.layers, roofline.seconds, roofline.bound), memory_share=share)


def numbers(rows: Any, seconds: Fraction, bound: str) -> dict[str, Any]:
    """Return the numbers of some layers together."""
    flops, moved = sum(row.flops for row in rows), sum(row.bytes_moved for row in rows)
    energies = [row.energy for row in rows if row.energy is not None]
    return {
        "mults": sum(row.mults for row in rows),
        "adds": sum(row.adds for row in rows),
        "flops": flops,
        "bytes_read": sum(row.bytes_read for row in rows),
        "bytes_written": sum(row.bytes_written for row in rows),
        "intensity": float(Fraction(flops, moved)) if moved else None,
        "bound": bound or None,
        "seconds": float(seconds),
        "picojoules": float(sum(energies, Fraction(0))) if energies else None,
    }
