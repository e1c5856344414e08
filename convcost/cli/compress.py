"""`convcost compress`: the size of a network after pruning, weight sharing and Huffman coding."""

import typer

import convcost
from convcost.cli import options, output

_DENSITY = typer.Option(None, "--density", metavar="SHARE", help="Prune all layers to a share of their weights: 10%.")
_WEIGHT_BITS = typer.Option(None, "--weight-bits", metavar="N", help="Share the values of weights: 2**N of a layer.")
_INDEX_BITS = typer.Option(None, "--index-bits", metavar="N", help="Bits of the distance between kept weights.")
_WEIGHT_CODES = typer.Option(None, "--weight-code-bits", metavar="X", help="Mean bits of a weight's Huffman code.")
_INDEX_CODES = typer.Option(None, "--index-code-bits", metavar="X", help="Mean bits of a distance's Huffman code.")
_LAYER = typer.Option(
    [],
    "--layer",
    metavar="PATTERN:KEY=VALUE,…",
    help="For some layers: 'fc*:density=9%,weight_bits=5'; repeatable.",
)
_RULES = typer.Option(None, "--rules", metavar="FILE", help="A YAML file with `compression`, not the spec's own.")
_WEIGHTS = typer.Option(
    None,
    "--weights",
    metavar="FILE",
    help="Pruned weights: .npz or .safetensors.",
)
_NO_BIASES = typer.Option(False, "--no-biases", help="Leave out biases and norms, as the papers do.")


def compress(
    spec: str = options.Spec,
    set: list[str] = options.Set,
    density: str | None = _DENSITY,
    weight_bits: str | None = _WEIGHT_BITS,
    index_bits: str | None = _INDEX_BITS,
    weight_code_bits: str | None = _WEIGHT_CODES,
    index_code_bits: str | None = _INDEX_CODES,
    layer: list[str] = _LAYER,
    rules: str | None = _RULES,
    weights: str | None = _WEIGHTS,
    no_biases: bool = _NO_BIASES,
    layers: bool = options.Layers,
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Show a network's size after Deep Compression: pruned, its values shared, coded by Huffman."""
    from convcost.compression.report import CompressionReport
    from convcost.compression.rules import layer_options

    chosen = output.outputs(format, outputs, [spec])
    found = convcost.load(spec, set=options.settings(set)).compress(
        density=density,
        weight_bits=weight_bits,
        index_bits=index_bits,
        weight_code_bits=weight_code_bits,
        index_code_bits=index_code_bits,
        layers=layer_options(layer),
        rules=rules,
        weights=weights,
        biases=not no_biases,
    )
    output.write([CompressionReport(found, layers)], chosen, warnings=found.warnings)
