"""`convcost receptive-field`: what each layer sees of the input."""

import typer

import convcost
from convcost.cli import options, output

_AT = typer.Option([], "--at", metavar="LAYER", help="Show this layer only; repeatable.")
_DRAW = typer.Option(False, "--draw", help="Draw which positions the outputs read, or the layers of --at.")


def receptive_field(
    spec: str = options.Spec,
    set: list[str] = options.Set,
    at: list[str] = _AT,
    draw: bool = _DRAW,
    layers: bool = options.Layers,
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Show what each layer sees of the input: size, stride, padding, and the holes in it, exactly."""
    from convcost.receptive_field.report import ReceptiveFieldReport

    chosen = output.outputs(format, outputs, [spec])
    found = convcost.load(spec, set=options.settings(set)).receptive_field(at=at)
    output.write([ReceptiveFieldReport(found, layers, draw)], chosen, warnings=found.warnings)
