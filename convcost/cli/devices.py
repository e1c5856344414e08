"""`convcost devices`: the devices that `convcost roofline` knows."""

from __future__ import annotations

from typing import Optional

from convcost.cli import options, output


def devices(
    format: Optional[str] = options.Format,  # noqa: UP045 -- typer reads the annotation while running
    outputs: list[str] = options.Outputs,
) -> None:
    """List the devices that `convcost roofline` knows, with their figures and where these come from."""
    from convcost.memory.roofline.devices import device, shipped
    from convcost.memory.roofline.report import DevicesReport

    chosen = output.outputs(format, outputs)
    output.write([DevicesReport(tuple([device(name) for name in shipped()]))], chosen)
