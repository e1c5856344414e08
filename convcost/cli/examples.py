"""Examples that the help of each command ends with; tests run every one of them."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("convcost analyze mobilenet_v1", "one of those in convcost specs"),
        ("convcost analyze net.yaml", "one of your own"),
        ("convcost analyze model.onnx", "a file of ONNX, PyTorch, Keras or TFLite"),
    ),
    "analyze": (
        ("convcost analyze mobilenet_v1 --set alpha=1/2", "at half the width"),
        ("convcost analyze model.onnx --sort mults --top 5", "its largest layers"),
        ("convcost analyze net.yaml -o cost.json", "everything, for a program"),
    ),
    "plot": (
        ("convcost plot mobilenet_v1 -o cost.svg", "its layers"),
        ("convcost plot resnet18 vgg16 mobilenet_v1 -o networks.svg", "side by side"),
        ("convcost plot mobilenet_v1 --set alpha=0.25,0.5,1 -o front.svg", "a curve"),
    ),
    "memory": (
        ("convcost memory net.yaml --dtype int8", "quantised"),
        ("convcost memory xception --order best --place", "as small as can be"),
        ("convcost memory net.yaml -o memory.json", "each tensor, for a program"),
    ),
    "receptive-field": (
        ("convcost receptive-field mobilenet_v1", "of every layer"),
        ("convcost receptive-field net.yaml --at conv_1 --draw", "what one layer reads"),
        ("convcost receptive-field net.yaml -o fields.json", "for a program"),
    ),
    "roofline": (
        ("convcost roofline mobilenet_v1 --device raspberry-pi-4", "its layers"),
        ("convcost roofline net.yaml --device stm32f746 --dtype int8", "quantised"),
        ("convcost roofline net.yaml --device a100 --batch 8 --energy", "picojoules"),
    ),
    "compress": (
        ("convcost compress net.yaml --weight-bits 5", "shared values"),
        ("convcost compress vgg16 --density 8% --index-bits 5", "pruned"),
        ("convcost compress net.yaml --layer '*:weight_bits=4'", "by layers"),
    ),
    "reconcile": (
        ("convcost reconcile resnet50", "every tool"),
        ("convcost reconcile resnet50 --expect 4.12G", "who prints it"),
        ("convcost reconcile --layers", "of layers"),
    ),
    "devices": (
        ("convcost devices", "the devices that are shipped"),
        ("convcost devices -o devices.json", "with the source of each figure"),
    ),
    "verify": (
        ("convcost verify net.yaml", "execute it, shrunk, and count"),
        ("convcost verify net.yaml --full --jobs 2", "at its real size"),
        ("convcost verify --formulas", "prove the formulas of all types"),
    ),
    "compare": (
        ("convcost compare net.yaml", "its two forms"),
        ("convcost compare mobilenet_v1 mobilenet_v2", "two networks"),
        ("convcost compare vgg16 vgg16 --set-other classes=10", "two values"),
    ),
    "diff": (
        ("convcost diff net.yaml", "since the last commit"),
        ("convcost diff --base origin/main net.yaml -f md", "for a pull request"),
        ("convcost diff old.yaml net.yaml", "between two files"),
    ),
    "rewrite": (
        ("convcost rewrite net.yaml --to separable", "what it would save"),
        ("convcost rewrite net.yaml --to separable -o new.yaml", "write it"),
        ("convcost rewrite --list", "all rewrites"),
    ),
    "suggest": (
        ("convcost suggest net.yaml --max mults=200k --ends", "what to rewrite"),
        ("convcost suggest resnet18 --max params=8M", "of a larger network"),
    ),
    "import": (
        ("convcost import model.onnx -o model.yaml", "a spec to read and to change"),
        ("convcost import model.onnx --flat", "each layer by itself"),
    ),
    "check": (
        ("convcost check net.yaml --max mults=2M", "without a configuration"),
        ("convcost check --base origin/main -f github", "in a pull request"),
        ("convcost check --accept", "raise exceeded limits"),
    ),
    "init": (
        ("convcost init", "all specs here, 10% above today"),
        ("convcost init net.yaml --headroom 5% --force", "one, and less"),
    ),
    "formulas": (
        ("convcost formulas conv", "in the papers' symbols"),
        ("convcost formulas conv --set Dk=3 --latex", "for a paper"),
    ),
    "sweep": (
        ("convcost sweep mobilenet_v1", "its symbols"),
        ("convcost sweep mobilenet_v1 --set alpha=0.5,0.75,1", "some widths"),
        ("convcost sweep mobilenet_v1 --set r=128:224:32", "some sizes"),
    ),
    "search": (
        ("convcost search mobilenet_v1 --set r=192,224 --pareto mults", "the front"),
        ("convcost search mobilenet_v1 --set alpha=0.5,1 --best params:max", "the most"),
    ),
    "solve": (
        ("convcost solve mobilenet_v1 --for alpha --max mults=300M", "the largest width"),
        ("convcost solve mobilenet_v1 --for r --max macs=300M", "the largest size"),
    ),
    "specs": (
        ("convcost specs", "all, with their totals"),
        ("convcost specs mobilenet_v1 > net.yaml", "a file to begin with"),
        ("convcost specs mobilenet_v1 --published", "what others print of it"),
    ),
    "schema": (
        ("convcost schema > spec.schema.json", "for an editor"),
        ("convcost schema report > report.schema.json", "for a program"),
    ),
    "version": (("convcost version", ""),),
}
"""For each command, and for the program itself, command lines and what each is for."""


def text(command: str) -> str:
    """Return the lines that a command's help ends with; nothing for a command without examples."""
    examples = EXAMPLES.get(command, ())
    width = max((len(line) for line, about in examples if about), default=0)
    lines = [f"   {line:<{width}}  {about}".rstrip() for line, about in examples]
    return "\n".join([" Examples:", *lines, ""]) if lines else ""
