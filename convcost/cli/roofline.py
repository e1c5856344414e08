"""`convcost roofline`: what bounds the speed of each layer on a device."""

import typer

import convcost
from convcost.cli import options, output
from convcost.errors import ErrorDetail, OptionError

_DEVICE = typer.Option(
    None, "--device", metavar="NAME|FILE", help="A shipped device (`convcost devices`), or a YAML file of your own."
)
_ENERGY = typer.Option(False, "--energy", help="Show the least energy, too: operations and bytes at 45 nm.")


def roofline(
    spec: str = options.Spec,
    device: str | None = _DEVICE,
    set: list[str] = options.Set,
    dtype: list[str] = options.Dtype,
    batch: int = typer.Option(1, "--batch", min=1, metavar="N", help="Run N inputs at once."),
    energy: bool = _ENERGY,
    layers: bool = options.Layers,
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Show what bounds each layer on a device, its arithmetic or its memory, and the least time that it takes."""
    from convcost.memory.roofline.devices import SHIPPED
    from convcost.memory.roofline.report import RooflineReport
    from convcost.network.dtypes import with_dtypes

    if device is None:
        help = f"--device NAME, of {', '.join(SHIPPED)}, or the path of a YAML file; `convcost devices` lists them"
        raise OptionError(ErrorDetail("a roofline is for a device", help=help))

    chosen = output.outputs(format, outputs, [spec])
    model = convcost.load(spec, set=options.settings(set))
    found = model.roofline(device, dtype=dtype, batch=batch, energy=energy)
    source = output.source(spec, model, chosen, lambda network: with_dtypes(network, dtype))
    output.write([RooflineReport(found, layers, source)], chosen, warnings=found.warnings)
