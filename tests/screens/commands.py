"""The commands whose screens are kept as golden files, and how a screen is made.

    python tests/screens/commands.py

writes all files anew, to be read as a difference before they are committed.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from typer.testing import CliRunner

from convcost.cli.app import app

GOLDEN = Path(__file__).parent / "golden"
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
WIDTHS = (80, 140)

COMMANDS = {
    "analyze": "analyze resnet50",
    "analyze-separable": "analyze mobilenet_v1",
    "analyze-mults": "analyze efficientnet_b0",
    "analyze-abridged": "analyze wide.yaml",
    "analyze-layers": "analyze tiny.yaml --layers",
    "analyze-summary": "analyze mobilenet_v3_small --summary",
    "analyze-by-type": "analyze mobilenet_v3_small --by type",
    "analyze-columns": "analyze vgg16 --columns type,output,macs,output_values,ops_cmp",
    "analyze-sort": "analyze resnet18 --sort params",
    "analyze-free": "analyze mobilenet_v1 --free alpha",
    "analyze-free-broken": "analyze mobilenet_v2 --free alpha --free r --depth 1",
    "analyze-free-summary": "analyze efficientnet_b0 --free width --summary",
    "analyze-several": "analyze alexnet vgg16 resnet50 mobilenet_v1 mobilenet_v2",
    "memory": "memory mobilenet_v1 --dtype int8",
    "memory-place": "memory ghostnet --order best --place",
    "reconcile": "reconcile tiny.yaml --with fvcore --with thop --with pycls",
    "reconcile-expect": "reconcile mobilenet_v1 --expect 325.4M",
    "reconcile-layers": "reconcile --layers --with fvcore --with ptflops --with keras",
    "reconcile-convention": "analyze tiny.yaml --convention ptflops",
    "compare": "compare tiny.yaml",
    "compare-folded": "compare resnet50",
    "compare-two": "compare examples/worked_standard examples/worked_separable",
    "compare-several": "compare resnet18 resnet50 vgg16 --sort macs",
    "diff": "diff mobilenet_v1 mobilenet_v2",
    "diff-top": "diff mobilenet_v1 mobilenet_v1 --set-other alpha=1/2 --top 5",
    "diff-depth": "diff mobilenet_v1 mobilenet_v2 --depth 1",
    "verify": "verify examples/worked_separable --full",
    "formulas": "formulas conv depthwise_conv",
    "sweep": "sweep mobilenet_v1 --set alpha=0.25,0.5,0.75,1",
    "search": "search mobilenet_v1 --set alpha=1/4:1:1/4 --set r=128:224:32 --pareto mults,params:max --min mults=50M",
    "solve": "solve mobilenet_v1 --for alpha --max mults=300M",
    "rewrite": "rewrite examples/one_5x5 --to stacked",
    "rewrite-list": "rewrite --list",
    "suggest": "suggest resnet18 --max mults=900M",
    "check": "check --exit-zero",
    "receptive-field": "receptive-field resnet50",
    "receptive-field-strict": "receptive-field mobilenet_v3_small",
    "receptive-field-draw": "receptive-field more/holes.yaml --draw",
    "verify-receptive-field": "verify --receptive-field more/holes.yaml",
    "roofline": "roofline mobilenet_v1 --device raspberry-pi-4",
    "roofline-energy": "roofline tiny.yaml --device stm32f746 --dtype int8 --energy",
    "devices": "devices",
    "compress": "compress squeezenet1_1 --density 33% --index-bits 5 --weight-bits 6",
    "specs": "specs",
    "specs-published": "specs mobilenet_v1 --published",
    "specs-published-settings": "specs squeezenet1_1 --published",
}

WIDE = "name: Wide\ninput: [4]\nlayers:\n" + "".join(
    f"  - linear: {{out_features: {60 if number in (9, 20) else 4}}}\n" for number in range(40)
)
"""Forty layers in one list; the tenth and the twenty-first are fifteen times as wide as the others."""


HOLES = """\
name: Holes
input: [1, 16, 16]
layers:
  - conv: {out_channels: 2, kernel_size: 3, dilation: 2}
    repeat: 2
  - transposed_conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: 1, output_padding: 1}
  - concat: [[], [{max_pool: {kernel_size: 3, padding: 1, stride: 1}}, instance_norm]]
"""
"""What is seen has holes, phases, and a norm that sees everything."""

CONFIG = """\
# convcost.yaml
models: "*.yaml"                # paths from this file's folder; * and ** as in a shell, names of shipped specs too
budgets:
  - metric: mults               # any of the names under "What is counted"
    max: 1.4M                   # k, M, G, T are powers of 1000, Ki, Mi, Gi of 1024; 1e6 and 1_000 too
    warn: 95%                   # of max, or an amount
    message: "What the camera has time for"
  - metric: params
    layers: "down_*"            # by name, or by the name of the block that they are in; `stage4/**`
    scope: each                 # or sum, the default
    max: 2_048
  - metric: params
    models: tiny.yaml           # some of the models; all of them without
    set: {alpha: [1/2, 1]}      # at these values of the spec's symbols
    max: 8k
"""
"""Limits of every kind."""


def prepare(folder: Path) -> None:
    """Write the files that the commands read."""
    spec = re.search(r"```yaml\n# tiny\.yaml\n(.*?)```", README, re.DOTALL)
    assert spec is not None
    (folder / "tiny.yaml").write_text(spec[1], encoding="utf-8")
    (folder / "convcost.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "wide.yaml").write_text(WIDE, encoding="utf-8")
    (folder / "more").mkdir(exist_ok=True)  # apart from those that `check` holds to its budgets
    (folder / "more" / "holes.yaml").write_text(HOLES, encoding="utf-8")


def screen(command: str, width: int) -> str:
    """Return what a command shows in so many columns, without colour."""
    result = CliRunner().invoke(app, shlex.split(command), env={"COLUMNS": str(width)})
    assert result.exit_code == 0, result.output
    return result.stdout


def main() -> None:
    """Write all golden files anew."""
    from tempfile import TemporaryDirectory

    for file in GOLDEN.glob("*.txt"):
        file.unlink()
    with TemporaryDirectory() as folder:
        prepare(Path(folder))
        os.chdir(folder)
        for name, command in COMMANDS.items():
            for width in WIDTHS:
                (GOLDEN / f"{name}-{width}.txt").write_text(screen(command, width), encoding="utf-8")
        os.chdir(Path(__file__).parent)


if __name__ == "__main__":
    sys.exit(main())
