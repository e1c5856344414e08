"""`convcost memory`: the bytes that a network's weights and activations take, and where the most live."""

from typing import Any

import typer

import convcost
from convcost.cli import options, output
from convcost.errors import ErrorDetail, OptionError

_BATCH = typer.Option(1, "--batch", min=1, metavar="N", help="Run N inputs at once.")
_NO_IN_PLACE = typer.Option(
    False, "--no-in-place", help="Give elementwise layers memory of their own, unless fused into the layer before."
)
_ALIGN = typer.Option(1, "--align", min=1, metavar="BYTES", help="Round each tensor up to a multiple, such as 16.")
_KEEP_INPUTS = typer.Option(False, "--keep-inputs", help="Let the network's inputs live to the end.")
_ORDER = typer.Option("file", "--order", metavar="ORDER", help="Run the layers as in the file, or in the best order.")
_PLACE = typer.Option(False, "--place", help="Give each tensor an offset in one arena, as small as can be.")
_OVER = typer.Option(
    None, "--over", metavar="NAME=FROM:TO", help="Give the peak as a formula over a range, such as alpha=1/4:1."
)
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
    arena: str | None = _ARENA,
    over: str | None = _OVER,
    layers: bool = options.Layers,
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Show the memory that an inference takes: weights, activations, and the peak, exactly.

    The exit status is 1 when no placement was found that fits the arena, 2 when the input is wrong or the arena is
    smaller than the peak.
    """
    from convcost.memory.report import MemoryReport
    from convcost.network.dtypes import with_dtypes

    chosen = output.outputs(format, outputs, [spec])
    counted: dict[str, Any] = {
        "dtype": dtype,
        "batch": batch,
        "in_place": not no_in_place,
        "align": align,
        "keep_inputs": keep_inputs,
    }
    if over is not None:
        _write_formula(spec, over, chosen, set, order=order, place=place or arena is not None, **counted)
        return
    model = convcost.load(spec, set=options.settings(set))
    found = model.memory(
        **counted,
        order=order,
        place=place,
        arena=arena,
    )
    source = output.source(spec, model, chosen, lambda network: with_dtypes(network, dtype))
    output.write([MemoryReport(found, layers, source)], chosen, warnings=found.warnings)
    if found.placement is not None and not found.placement.fits:
        raise typer.Exit(DOES_NOT_FIT)


def _write_formula(
    spec: str, over: str, chosen: Any, set: list[str], *, order: str, place: bool, **counted: Any
) -> None:
    """Write the peak over a range of values of a symbol."""
    from convcost.memory.peak_formula_report import PeakFormulaReport

    if order != "file" or place:
        found = "--order" if order != "file" else "--place or --arena"
        help = "give the symbol a value with --set"
        raise OptionError(ErrorDetail("--over gives the peak in the order of the spec alone", found=found, help=help))
    formula = convcost.peak_formula(spec, over, set=options.settings(set), **counted)
    output.write([PeakFormulaReport(formula)], chosen, warnings=formula.warnings)
