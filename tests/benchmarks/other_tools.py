"""Measure what it takes to count MobileNetV2 with other tools, for the table of the README.

    python tests/benchmarks/other_tools.py --torch PYTHON --onnx PYTHON
    python tests/documentation/write.py

Run it with the Python of an environment in which convcost is installed, its byte code compiled. `--torch` is a Python
with torch, torchvision, onnx, fvcore, thop, ptflops, torchinfo and torchscan, `--onnx` one with onnx, onnx-tool and
onnxsim. Each tool counts one picture of 224×224 as its own page shows it, in a process of its own; the processes take
turns. Recorded in other_tools.json are the medians of the seconds that the whole process takes of the processors,
which others' work disturbs less than a clock, and of its peak memory, the count, the versions, and the bytes that the
tool and all that it requires take when installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROUNDS = 5
RESULTS = Path(__file__).with_suffix(".json")
MODULE = """import torch
library = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):  # where torchvision's own operators were not built
    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import torchvision
torch.manual_seed(0)
network, x = torchvision.models.mobilenet_v2(weights=None).eval(), torch.zeros(1, 3, 224, 224)
"""
TOOLS = {
    "fvcore": "from fvcore.nn import FlopCountAnalysis; print(FlopCountAnalysis(network, x).total())",
    "thop": "from thop import profile; print(int(profile(network, (x,), verbose=False)[0]))",
    "ptflops": "from ptflops import get_model_complexity_info as info\n"
    "print(info(network, (3, 224, 224), as_strings=False, print_per_layer_stat=False)[0])",
    "torchinfo": "import torchinfo; print(torchinfo.summary(network, input_data=x, verbose=0).total_mult_adds)",
    "torchscan": "from torchscan import crawl_module\n"
    "print(crawl_module(network, args=(x,))['totals']['macs']['known_value'])",
}
FILE_TOOLS = {
    "onnx-tool": "import sys, onnx_tool\nmodel = onnx_tool.Model(sys.argv[1])\nmodel.graph.shape_infer(None)\n"
    "model.graph.profile()\nprint(int(model.graph.macs[0]))",
    "onnxsim": "import sys, onnx; from onnxsim.model_info import ModelInfo\n"
    "print(int(ModelInfo(onnx.load(sys.argv[1])).macs))",
}
EXPORT = "torch.onnx.export(network, x, {path!r}, dynamo=False, opset_version=17)"
REQUIRED = """import json, re, sys
from importlib.metadata import PackageNotFoundError, distribution
found, waiting = {}, sys.argv[1:]
while waiting:
    name = re.match(r"[\\w.-]+", waiting.pop())[0].lower().replace("_", "-")
    if name in found:
        continue
    try:
        each = distribution(name)
    except PackageNotFoundError:
        continue
    found[name] = [each.version, sum(f.locate().stat().st_size for f in each.files or () if f.locate().is_file())]
    waiting += [word for word in each.requires or () if "extra ==" not in word]
print(json.dumps(found))"""
"""Prints each distribution that some need, with its version and bytes."""


def measured(command: list[str]) -> dict[str, Any]:
    """Return the seconds of a command on processors, its peak memory in MB and its last printed line."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stderr=-3, check=True); "
    code += "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_maxrss, used.ru_utime + used.ru_stime)"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    words = [sys.executable, "-S", "-c", code, *command]
    done = subprocess.run(words, env=plain, capture_output=True, text=True, check=True)
    *lines, used = done.stdout.splitlines()
    memory, processors = used.split()
    return {"processor_seconds": float(processors), "megabytes": int(memory) / 1024, "line": lines[-1]}


def required(python: str, *names: str) -> dict[str, Any]:
    """Return the versions and the bytes of some distributions and of all that they require."""
    done = subprocess.run([python, "-c", REQUIRED, *names], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    return {
        "versions": {name: version for name, (version, _) in sorted(found.items())},
        "installed_megabytes": round(sum(size for _, size in found.values()) / 1e6, 1),
    }


def main(torch: str, onnx: str) -> None:
    """Measure all tools and record the results."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "mobilenet_v2.onnx"))
        subprocess.run([torch, "-c", MODULE + EXPORT.format(path=file)], check=True, capture_output=True)
        ours = [sys.executable, "-m", "convcost", "analyze"]
        commands = {
            "convcost": [*ours, "mobilenet_v2", "-f", "csv", "--summary"],
            "convcost FILE": [*ours, file, "-f", "csv", "--summary"],
            "torch alone": [torch, "-c", f"{MODULE}print(network(x).shape[1])"],
            **{name: [torch, "-c", MODULE + code] for name, code in TOOLS.items()},
            **{name: [onnx, "-c", code, file] for name, code in FILE_TOOLS.items()},
        }
        for command in commands.values():
            measured(command)  # the files are in memory then
        rounds = [{name: measured(command) for name, command in commands.items()} for _ in range(ROUNDS)]
    results = {
        name: {
            "processor_seconds": round(statistics.median(each[name]["processor_seconds"] for each in rounds), 3),
            "megabytes": round(statistics.median(each[name]["megabytes"] for each in rounds)),
            "printed": rounds[0][name]["line"].split(",")[11 if name.startswith("convcost") else 0],
        }
        for name in commands
    }
    for name in TOOLS:
        results[name] |= required(torch, name, "torch")
    for name in FILE_TOOLS:
        results[name] |= required(onnx, name, "onnx")
    results["convcost"] |= required(sys.executable, "convcost")
    machine = {"python": platform.python_version(), "machine": platform.machine(), "rounds": ROUNDS}
    RESULTS.write_text(json.dumps({"machine": machine, "tools": results}, indent=1) + "\n", encoding="utf-8")
    for name, each in results.items():
        print(f"{name:20} {each['processor_seconds']:8.3f} s {each['megabytes']:6} MB  {each['printed']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", required=True, help="a Python with torch and the tools on it")
    parser.add_argument("--onnx", required=True, help="a Python with onnx and the tools on it")
    given = parser.parse_args()
    main(given.torch, given.onnx)
