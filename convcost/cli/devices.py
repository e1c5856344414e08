"""`convcost devices`: the devices that `convcost roofline` knows."""

from convcost.cli import options, output


def devices(
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """List the devices that `convcost roofline` knows, with their figures and where these come from."""
    from convcost.memory.roofline.devices import device, shipped
    from convcost.memory.roofline.report import DevicesReport

    chosen = output.outputs(format, outputs)
    output.write([DevicesReport(tuple([device(name) for name in shipped()]))], chosen)
