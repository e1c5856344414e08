"""`convcost verify`: its screens, formats, exit status and interruption."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from convcost.cli import progress
from convcost.cli.app import app, main
from convcost.errors import OptionError
from convcost.layers import REGISTRY
from convcost.ops import Cost
from convcost.verification import formulas

COMMAND = [sys.executable, "-m", "convcost", "verify"]


def run(*arguments):
    return CliRunner().invoke(app, ["verify", *arguments], env={"COLUMNS": "1000"})


def test_the_table_shows_what_was_executed_counted_and_predicted():
    result = run("examples/worked_separable", "--full")
    assert result.exit_code == 0
    assert result.stdout == (
        "One separable convolution\n"
        "input 3×12×12, executed at full size\n"
        "\n"
        "Layer             Type            Executed         Mults counted  Predicted  Agrees  Also counted\n"
        "─────────────────────────────────────────────────────────────────────────────────────────────────\n"
        "separable_conv_1\n"
        "  depthwise       depthwise_conv  3×12×12 → 3×8×8          4,800      4,800  ✓       75 params\n"
        "  pointwise       pointwise_conv  3×8×8 → 256×8×8         49,152     49,152  ✓       768 params\n"
        "─────────────────────────────────────────────────────────────────────────────────────────────────\n"
        "Total             2 layers                                53,952     53,952  ✓\n"
        "\n"
        "2 layers, 53,952 multiplications performed: all counts agree.\n"
        "Each layer ran on fresh whole numbers (seed 0) in the shapes that the layers before it gave; compared are its "
        "output shape, every kind of operation, macs, useful mults, params and buffers.\n"
    )


def test_a_shrunk_network_says_so_and_names_what_is_the_same():
    out = run("mobilenet_v1").stdout
    assert "input 3×224×224, executed as a tiny network with input 3×64×96\n" in out
    assert "same as separable_conv_" in out
    assert "84 layers, 43 of them different, " in out
    assert "--full executes that" in out


def test_json_holds_what_was_executed_counted_and_predicted_of_each_layer():
    data = json.loads(run("examples/worked_standard", "--full", "--format", "json").stdout)
    (layer,) = data["layers"]
    assert layer["executed"] == {"input_shapes": [[3, 12, 12]], "output_shape": [256, 8, 8]}
    assert layer["counted"]["mults"] == layer["predicted"]["mults"] == 1_228_800
    assert layer["agrees"] is True
    assert data["agrees"] is True


def test_csv_and_markdown_hold_a_row_a_layer():
    rows = list(csv.DictReader(io.StringIO(run("examples/worked_separable", "--full", "-f", "csv").stdout)))
    assert [row["counted_mul"] for row in rows] == [row["predicted_mul"] for row in rows] == ["4800", "49152"]
    assert [row["agrees"] for row in rows] == ["yes", "yes"]
    assert "| ✓ |" in run("examples/worked_separable", "-f", "markdown").stdout


def test_several_specs_are_verified_one_after_the_other(tmp_path):
    path = tmp_path / "out.json"
    result = run("examples/one_5x5", "examples/two_3x3", "-o", f"json:{path}")
    assert result.exit_code == 0
    assert [each["network"]["name"] for each in json.loads(path.read_text())] == [
        "One 5 × 5 kernel",
        "Two 3 × 3 kernels",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("no_such_spec",),
        ("examples/one_5x5", "--engine", "fast"),
        ("examples/one_5x5", "--formulas"),
        ("--full",),
        ("examples/one_5x5", "--format", "xml"),
        ("examples/one_5x5", "--set", "alpha=1"),
    ],
)
def test_bad_input_ends_with_2_and_prints_nothing(arguments, tmp_path):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")


def test_processes_give_the_same_result():
    alone, several = run("mobilenet_v2", "-f", "json"), run("mobilenet_v2", "-f", "json", "--jobs", "2")
    assert alone.stdout == several.stdout


def test_formulas_are_proved_as_a_table(monkeypatch):
    monkeypatch.setattr(formulas, "types", lambda: ["linear", "relu"])
    result = run("--formulas")
    assert result.exit_code == 0
    # 3 · 3 · 2 points of (1 + 2 + 3)² · 2 products, on 1, 3, 9 and 8 sizes before them of 1, 6, 36 and 27 vectors
    rows = [" ".join(line.split()) for line in result.stdout.splitlines()]
    points, mults = 18 * (1 + 3 + 9 + 8), 72 * (1 + 6 + 36 + 27)
    held = "features in and out, sizes before them ± bias; a vector, 1–3 axes before the features"
    assert f"linear ✓ {points} {mults:,} {held}" in rows
    assert f"relu ✓ {3 + 9 + 27 + 81} 0 channels, sizes vectors, 1–3 axes" in rows
    assert f"2 of 2 layer types proved at {points + 120} points." in rows


def test_a_wrong_formula_is_told_with_its_counterexample(monkeypatch):
    definition = REGISTRY["linear"]
    monkeypatch.setattr(definition, "cost", lambda self, inputs, output: Cost(params=inputs[0][0] * output[0]))
    monkeypatch.setattr(formulas, "types", lambda: ["linear"])
    result = run("--formulas")
    assert result.exit_code == 1
    assert "0 of 1 layer type proved" in result.stdout
    assert "✗ linear: on 1 with out_features 1, bias False: mul: counted 1, predicted 0; " in result.stdout
    assert run("--formulas", "-f", "csv").exit_code == 1
    assert json.loads(run("--formulas", "-f", "json").stdout)["formulas"][0]["counterexample"]["input_shapes"] == [[1]]


def test_the_start_of_other_commands_does_not_import_the_executor():
    program = "import convcost.cli, sys; sys.exit('convcost.executor' in sys.modules or 'random' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


# --- interruption


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_control_c_leaves_what_was_proved_so_far(jobs, started):
    bound = ["--max-products", "16G"]
    arguments = ["vgg16", "--full", "--engine", "plain", *bound, "--jobs", jobs, "-f", "json"]  # minutes of work
    pipe = subprocess.PIPE
    with started([*COMMAND, *arguments], stdout=pipe, stderr=pipe, text=True) as process:
        time.sleep(1.5)
        start = time.perf_counter()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, err = process.communicate(timeout=20)
        assert time.perf_counter() - start < 5
    assert process.returncode == 130
    assert err == ""
    data = json.loads(out)
    assert data["complete"] is False
    assert data["agrees"] is False
    assert all(layer["agrees"] for layer in data["layers"])
    assert len(data["layers"]) < 39


# --- bounds


def _spec(folder, text):
    path = folder / "net.yaml"
    path.write_text(text)
    return str(path)


def test_a_layer_that_holds_too_much_is_refused(tmp_path):
    """The kernel covers the picture but for one row and two columns: 2 · 3 windows of 12,345² taps, 8 · each."""
    spec = _spec(tmp_path, "input: [3, 99999, 99999]\nlayers: [{conv: {out_channels: 9, kernel_size: 12345}}]\n")
    done = subprocess.run([*COMMAND, spec], capture_output=True, text=True, check=False, timeout=60)
    taps = 12_345**2
    held = 3 * 12_346 * 12_347 + 4 * 2 * 3 + 8 * 6 * taps + 4 * (3 * taps + 1)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the layer 'conv_1' is too large to execute\n"
        f" = found: about {held:,} values at a time, at most 100,000,000\n"
        f" = help: the network cannot be executed any smaller; --max-values {held} allows more\n"
    )


def test_too_many_products_are_refused_unless_they_are_allowed(tmp_path):
    spec = _spec(tmp_path, "input: [3, 4, 4]\nlayers: [{conv: {out_channels: 2, kernel_size: 1}}, relu6]\n")
    products = 4 * 4 * 2 * 3 + 4 * 4 * 2 * 2  # and two comparisons for each value
    assert run(spec, "--full", "--max-products", str(products)).exit_code == 0
    done = subprocess.run(
        [*COMMAND, spec, "--full", "--max-products", str(products - 1)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the network is too large to execute\n"
        f" = found: {products} products to perform, at most {products - 1}\n"
        " = help: at full size only smaller networks are executed; without --full a tiny one stands for it; or "
        f"--max-products {products} allows more\n"
    )


def test_layers_that_are_the_same_are_performed_once(tmp_path):
    conv = "{conv: {out_channels: 3, kernel_size: 1}, repeat: 50}"
    spec = _spec(tmp_path, f"input: [3, 2, 2]\nlayers: [{conv}]\n")
    assert run(spec, "--max-products", "36").exit_code == 0  # 2 · 2 · 3 · 3
    assert isinstance(run(spec, "--full", "--max-products", "1799").exception, OptionError)  # 50 of them


@pytest.mark.parametrize("amount", ["0", "-1", "2.5", "lots", "1e400"])
def test_a_bound_is_a_whole_number(amount):
    done = subprocess.run(
        [*COMMAND, "examples/one_5x5", f"--max-values={amount}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: --max-values takes a whole number\n = found: --max-values {amount}\n = help: such as 4.3M or 20G\n"
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            MemoryError(),
            "error: there is not enough memory for this\n = help: a smaller network, or fewer layers or points\n",
        ),
        (
            RecursionError(),
            "error: the input nests too deep\n = help: expressions, blocks and branches that nest less\n",
        ),
    ],
)
def test_what_is_too_much_for_the_machine_is_a_plain_error(error, told, monkeypatch, capsys):
    def fail(*_):
        raise error

    monkeypatch.setattr("convcost.verification.proof.perform", fail)
    monkeypatch.setattr("sys.argv", ["convcost", "verify", "examples/one_5x5"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", told)


# --- what is shown of long work


class Terminal(io.StringIO):
    """Takes what is written, as a terminal does."""

    def isatty(self):
        return True


def test_layers_are_told_while_many_are_unrolled(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    clock = iter([10.0, 10.5, 11.5, 11.55, 11.7, 11.75, 12.0, 12.1])
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))
    for count in (0, 2_000, 4_000, 6_000, 8_000):  # nothing in the first second, then ten lines a second at most
        progress._layers(count, False)
    progress._layers(9_000, True)
    progress.clear()
    assert sys.stderr.getvalue() == (
        "\r4,000 layers so far\x1b[K\r8,000 layers so far\x1b[K\rcounting 9,000 layers …\x1b[K\r\x1b[K"
    )
    progress._layers(0, False)  # a small network behind it
    progress._layers(100, True)
    assert sys.stderr.getvalue().count("layers") == 3


def test_the_line_of_layers_is_gone_when_the_table_comes(tmp_path, started):
    spec = _spec(tmp_path, "input: [1, 2, 2]\nlayers: [{relu: , repeat: 20000}]\n")
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "convcost", "analyze", spec, "--top", "1"]
    with started(command, stdout=subprocess.PIPE, stderr=slave, text=True) as process:
        os.close(slave)
        process.communicate()
    seen = os.read(master, 4096).decode()
    os.close(master)
    assert seen.endswith("counting 20,000 layers …\x1b[K\r\x1b[K")
