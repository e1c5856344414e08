"""`convcost memory`: the bytes that a network's weights and activations take, and where the most live."""

from __future__ import annotations

from typing import Optional

import typer

import convcost
from convcost.cli import options, output

_BATCH = typer.Option(1, "--batch", min=1, metavar="N", help="Run N inputs at once.")
_NO_IN_PLACE = typer.Option(
    False, "--no-in-place", help="Give elementwise layers memory of their own, unless fused into the layer before."
)
_ALIGN = typer.Option(1, "--align", min=1, metavar="BYTES", help="Round each tensor up to a multiple, such as 16.")
_KEEP_INPUTS = typer.Option(False, "--keep-inputs", help="Let the network's inputs live to the end.")
_ORDER = typer.Option("file", "--order", metavar="ORDER", help="Run the layers as in the file, or in the best order.")
_PLACE = typer.Option(False, "--place", help="Give each tensor an offset in one arena, as small as can be.")
DOES_NOT_FIT = 1
"""The exit status where no placement was found that fits the arena."""
_ARENA = typer.Option(
    None, "--arena", metavar="BYTES", help="Place the tensors in an arena of this size, such as 64Ki."
)


def memory(
    spec: str = options.Spec,
    set: list[str] = options.Set,
    dtype: list[str] = options.Dtype,
    batch: int = _BATCH,
    no_in_place: bool = _NO_IN_PLACE,
    align: int = _ALIGN,
    keep_inputs: bool = _KEEP_INPUTS,
    order: str = _ORDER,
    place: bool = _PLACE,
    arena: Optional[str] = _ARENA,  # noqa: UP045 -- typer reads the annotation while running
    layers: bool = options.Layers,
    format: Optional[str] = options.Format,  # noqa: UP045 -- typer reads the annotation while running
    outputs: list[str] = options.Outputs,
) -> None:
    """Show the memory that an inference takes: weights, activations, and the peak, exactly.

    The exit status is 1 when no placement was found that fits the arena, 2 when the input is wrong or the arena is
    smaller than the peak.
    """
    from convcost.memory.report import MemoryReport

    chosen = output.outputs(format, outputs, [spec])
    found = convcost.load(spec, set=options.settings(set)).memory(
        dtype=dtype,
        batch=batch,
        in_place=not no_in_place,
        align=align,
        keep_inputs=keep_inputs,
        order=order,
        place=place,
        arena=arena,
    )
    output.write([MemoryReport(found, layers)], chosen, warnings=found.warnings)
    if found.placement is not None and not found.placement.fits:
        raise typer.Exit(DOES_NOT_FIT)
