"""A package installed beside convcost adds layer types, and convcost runs from a zip file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LAYERS = '''
from convcost.layers import FIXED, LayerError, LayerType
from convcost.layers.fields import TIMES, field, flag, whole
from convcost.ops import Cost, Ledger, product


class Shrinkage(LayerType, type="shrinkage"):
    """x less a learned threshold, several times, then doubled or not: add q, mul 1 or 0 per value; params = C."""

    times: int = field(whole(1), 1, "How often the threshold is taken off.", letter="q", role=TIMES)
    double: bool = field(flag, False, "Whether what is left is doubled.")

    def cost(self, inputs, output):
        values = product(output)
        ops = Ledger(add=self.times * values, mul=values if self.double else 0)
        return Cost(params=output[0], ops=ops, useful_mults=ops.mul)


class Outer(LayerType, type="outer"):
    """The products of each two channels at each position, some rounds: [C, H, W] and [D, H, W] to [H, W, C·D]."""

    arity = (2, 2)
    takes = "spatial"
    macs = True
    channels = FIXED

    rounds: int = field(whole(1), about="How often each pair is multiplied.", letter="r", role=TIMES)

    def output_shape(self, *inputs):
        first, second = inputs
        if len(first) != 3 or first[1:] != second[1:]:
            raise LayerError("outer takes two pictures of one size", f"{first} and {second}")
        return (*first[1:], first[0] * second[0])

    def step(self, axis):
        return None

    def cost(self, inputs, output):
        products = self.rounds * product(output)
        return Cost(ops=Ledger(mul=products), macs=products, useful_mults=products)


class Turn(LayerType, type="turn"):
    """[C, H, W] to [H, W, C]; it says nothing of that."""

    takes = "spatial"

    def output_shape(self, *inputs):
        (x,) = inputs
        return (*x[1:], x[0])
'''

EXECUTORS = """
from convcost.executor import Array


def shrinkage(job, x, *, times, double):
    values = []
    for channel, threshold in zip(x.channels(), job.weights.vector("threshold", x.shape[0]), strict=True):
        for _ in range(times):
            channel = job.arithmetic.sub(channel, threshold)
        values += job.arithmetic.mul(channel, 2) if double else channel
    return Array(x.shape, values)


def outer(job, x, y, *, rounds):
    if len(x.sizes) != 2 or x.sizes != y.sizes:
        raise ValueError("the pictures are no two of one size")
    planes = []
    for one in x.channels():
        for other in y.channels():
            plane = one
            for _ in range(rounds):
                plane = job.arithmetic.mul(plane, other)
            planes.append(plane)
    return _turned(x.sizes, planes)


def turn(job, x):
    return _turned(x.sizes, x.channels())


def _turned(sizes, channels):
    return Array((*sizes, len(channels)), [value for position in zip(*channels, strict=True) for value in position])
"""

POINTS = """
[convcost.layers]
shrinkage = outside.layers:Shrinkage
outer = outside.layers:Outer
turn = outside.layers:Turn

[convcost.executors]
shrinkage = outside.executors:shrinkage
outer = outside.executors:outer
turn = outside.executors:turn
"""

SPEC = """
input: [4, 12, 10]
symbols: {w: 8}
layers:
  - conv: {out_channels: w, kernel_size: 3, padding: 1, bias: false}
    name: a
  - shrinkage: {times: 3}
    name: b
  - outer: {rounds: 2}
    from: [a, b]
  - conv: {out_channels: 6, kernel_size: 1}
"""

BROKEN = """
[convcost.layers]
relu = outside.layers:Turn
lost = outside.missing:Lost
misnamed = outside.layers:Turn
"""

TAKEN = (
    "warning: layer type 'relu' is defined twice: in convcost.layers.activations:Relu, and in the package outside, "
    "outside.layers:Turn; the first is used\n"
)


@pytest.fixture
def run(tmp_path):
    """Return a function that runs the command line beside the package, and returns status, output and errors."""

    def run(*arguments, points=POINTS, path=(tmp_path,)):
        package = tmp_path / "outside"
        information = tmp_path / "outside-1.0.dist-info"
        package.mkdir(exist_ok=True)
        information.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        (package / "layers.py").write_text(LAYERS)
        (package / "executors.py").write_text(EXECUTORS)
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(points)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [ROOT, *path]))}
        command = [sys.executable, "-m", "convcost", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout, done.stderr

    (tmp_path / "net.yaml").write_text(SPEC)
    return run


def test_a_package_outside_adds_layer_types_that_are_analysed(run):
    status, out, errors = run("analyze", "net.yaml", "-f", "json", "--formulas")
    assert (status, errors) == (0, "")
    _, b, outer, conv = json.loads(out)["layers"]
    assert (b["params"], b["adds"], b["macs"]) == (8, 3 * 8 * 12 * 10, 0)
    assert outer["output_shape"] == [12, 10, 64]
    assert outer["mults"] == outer["macs"] == 2 * 12 * 10 * 64
    assert conv["mults"] == 10 * 64 * 12 * 6
    assert b["formula"]["adds"] == "Dph·Dpw·M·q"
    assert outer["formula"]["mults"] == "Dih·Diw·M·M2·r"


def test_their_costs_are_formulas_of_free_symbols(run):
    status, out, errors = run("analyze", "net.yaml", "--free", "w", "-f", "json")
    assert (status, errors) == (0, "")
    data = json.loads(out)
    _, b, outer, _ = data["layers"]
    assert (b["params"], b["adds"]) == ("w", "360*w")
    assert (outer["output_shape"], outer["mults"]) == ([12, 10, "w**2"], "240*w**2")


@pytest.mark.parametrize("options", [(), ("--jobs", "2"), ("--full", "--jobs", "2")])
def test_they_are_verified(run, options):
    status, out, errors = run("verify", "net.yaml", "-f", "json", *options)
    assert (status, errors) == (0, "")
    data = json.loads(out)
    assert data["agrees"] is True
    assert data["executed"]["kept"] == []
    outer = data["layers"][2]
    first, second = outer["executed"]["input_shapes"]
    height, width, channels = outer["executed"]["output_shape"]
    assert (height, width, channels) == (*first[1:], first[0] * second[0])
    assert outer["counted"]["macs"] == 2 * height * width * channels
    assert ("--full" in options) == (first == [8, 12, 10])


def test_their_formulas_are_proved(run):
    status, out, errors = run("verify", "--formulas", "-f", "json")
    assert (status, errors) == (0, "")
    proofs = {proof["type"]: proof for proof in json.loads(out)["formulas"]}
    shrinkage, outer = proofs["shrinkage"], proofs["outer"]
    assert (shrinkage["proved"], outer["proved"]) == (True, True)
    assert shrinkage["variables"] == "times, channels, sizes"
    assert shrinkage["covered"] == "vectors, 1–3 axes, ± double"
    assert shrinkage["points"] == 3 * (3 + 9 + 27 + 81) * 2
    assert outer["variables"] == "channels of each input, sizes"
    assert outer["covered"] == "2 inputs, rounds 1–3; 1–3 axes"
    assert outer["points"] == 3 * 3**4  # rounds; the channels of both, and the height and width that they share
    assert outer["mults"] == (1 + 2 + 3) ** 5


def test_a_wrong_formula_of_theirs_is_found(run, tmp_path):
    run("specs")  # writes the package
    program = (
        "import sys, outside.layers as mine, convcost.cli as cli\n"
        "right = mine.Outer.output_shape\n"
        "mine.Outer.output_shape = lambda self, *inputs: right(self, *inputs)[::-1]\n"
        "import convcost.verification.formulas as formulas\n"
        "every = formulas.types()\n"
        "formulas.types = lambda: [type for type in every if type in ('relu', 'outer')]\n"  # the others take long
        "sys.argv[0] = 'convcost'\ncli.main()"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    for arguments in (["verify", "net.yaml"], ["verify", "--formulas"]):
        command = [sys.executable, "-c", program, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (1, "")
        assert "output shape: counted " in done.stdout


def test_formulas_show_their_symbols(run):
    status, out, errors = run("formulas", "outer", "shrinkage")
    assert (status, errors) == (0, "")
    assert "  output axis 3    M·M2\n  mul              Di²·M·M2·r\n" in out
    assert "r how often each pair is multiplied; M2 channels of input 2" in out
    assert "  params           M\n  add              Dp²·M·q\n" in out
    data = json.loads(run("formulas", "outer", "--set", "r=3", "-f", "json")[1])
    assert data["letters"]["r"] == "how often each pair is multiplied"
    (formula,) = data["formulas"]
    assert (formula["output_axis_1"], formula["output_axis_3"]) == ("Di", "M*M2")
    assert formula["mul"] == "3*Di**2*M*M2"


def test_other_commands_take_them(run, tmp_path):
    (tmp_path / "more.yaml").write_text(SPEC.replace("rounds: 2", "rounds: 5"))
    mults = 120 * 9 * 4 * 8 + 2 * 120 * 64 + 6 * 64 * 10 * 12
    status, out, errors = run("compare", "net.yaml")
    assert (status, errors) == (0, "")
    (written,) = [line.split() for line in out.splitlines() if line.startswith("As written")]
    assert f"{mults:,}" in written
    status, out, errors = run("diff", "net.yaml", "more.yaml")
    assert (status, errors) == (0, "")
    (changed,) = [line.split() for line in out.splitlines() if line.startswith("mults ")]
    assert changed[1:4] == [f"{mults:,}", f"{mults + 3 * 120 * 64:,}", f"+{3 * 120 * 64:,}"]
    (tmp_path / "held.yaml").write_text(SPEC + f"budget: {{mults: {mults - 1}}}\n")
    status, out, _ = run("check", "held.yaml")
    assert status == 1
    status, out, errors = run("schema")
    assert (status, errors) == (0, "")
    definitions = json.loads(out)["definitions"]
    assert list(definitions["shrinkage"]["properties"])[:2] == ["times", "double"]
    _, mapping = definitions["item"]["anyOf"]
    assert mapping["properties"]["outer"]


def test_a_type_that_says_nothing_of_itself_keeps_its_size(run, tmp_path):
    conv = "  - conv: {out_channels: 8, kernel_size: 3, padding: 1}\n"
    (tmp_path / "turn.yaml").write_text(f"input: [16, 12, 10]\nlayers:\n{conv}  - turn\n{conv}")
    status, out, errors = run("verify", "turn.yaml", "-f", "json")
    assert (status, errors) == (0, "")
    data = json.loads(out)
    assert data["executed"]["kept"] == [
        "the channels around turn_1 keep their number: its channels do not follow those that it reads"
    ]
    assert data["layers"][1]["executed"] == {"input_shapes": [[8, 12, 10]], "output_shape": [12, 10, 8]}
    assert data["agrees"] is True


def test_what_only_lies_in_the_working_directory_adds_nothing(run, tmp_path):
    """As a pull request may commit it; what is installed under the same name is used."""
    (tmp_path / "turn.yaml").write_text("input: [1, 2, 3]\nlayers: [turn]\n")
    status, out, errors = run("analyze", "turn.yaml", path=())
    assert (status, out) == (2, "")
    assert errors.startswith("error: there is no layer type or block 'turn'\n")
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "outside-1.0.dist-info").mkdir()
    (installed / "outside-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (installed / "outside-1.0.dist-info/entry_points.txt").write_text("[convcost.layers]\nturn = inside:Turn\n")
    (installed / "inside.py").write_text(LAYERS)
    assert run("analyze", "turn.yaml", path=(installed,))[0] == 0


# what other packages get wrong


def test_nothing_is_looked_for_where_every_name_is_known(run, tmp_path):
    (tmp_path / "plain.yaml").write_text("input: [1, 2, 2]\nlayers: [relu]\n")
    for arguments in (["analyze", "plain.yaml"], ["check", "plain.yaml"], ["verify", "plain.yaml"]):
        assert "warning" not in run(*arguments, points=BROKEN)[2]


def test_a_built_in_name_wins_and_the_other_is_reported(run, tmp_path):
    (tmp_path / "two.yaml").write_text("input: [1, 2, 3]\nlayers: [relu, turn]\n")
    status, out, errors = run(
        "analyze",
        "two.yaml",
        "-f",
        "json",
        points=POINTS.replace("[convcost.ex", "relu = outside.layers:Turn\n[convcost.ex"),
    )
    assert (status, errors) == (0, TAKEN)
    assert [layer["output_shape"] for layer in json.loads(out)["layers"]] == [[1, 2, 3], [2, 3, 1]]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lost", "ModuleNotFoundError: No module named 'outside.missing'"),
        ("misnamed", "its type is 'turn', not 'misnamed'"),
    ],
)
def test_a_type_that_cannot_be_loaded_is_an_error_where_it_is_used(run, tmp_path, name, reason):
    (tmp_path / "bad.yaml").write_text(f"input: [1, 2, 2]\nlayers:\n  - {name}\n")
    status, out, errors = run("analyze", "bad.yaml", points=BROKEN)
    assert (status, out) == (2, "")
    assert errors == (
        f"{TAKEN}error: the layer type {name!r} of the package outside cannot be loaded\n"
        " --> bad.yaml:3:5, layers[0]\n"
        "  |\n"
        f"3 |   - {name}\n"
        f"  |     ^ {reason}\n"
        "  = help: repair outside, install what it needs, or uninstall it\n"
    )


def test_a_list_leaves_out_what_cannot_be_loaded_and_says_so(run):
    status, out, errors = run("formulas", "-f", "json", points=BROKEN)
    assert status == 0
    assert {"lost", "misnamed"}.isdisjoint(sheet["type"] for sheet in json.loads(out)["formulas"])
    assert errors == (
        f"{TAKEN}warning: the layer type 'lost' of the package outside cannot be loaded: "
        "ModuleNotFoundError: No module named 'outside.missing'\n"
        "warning: the layer type 'misnamed' of the package outside cannot be loaded: "
        "its type is 'turn', not 'misnamed'\n"
    )


def test_an_executor_that_cannot_be_loaded_is_an_error(run, tmp_path):
    (tmp_path / "turn.yaml").write_text("input: [1, 2, 3]\nlayers: [turn]\n")
    points = POINTS.replace("turn = outside.executors:turn", "turn = outside.executors:spin")
    status, out, errors = run("verify", "turn.yaml", points=points)
    assert (status, out) == (2, "")
    assert errors == (
        "error: the executor 'turn' of the package outside cannot be loaded\n"
        " = found: AttributeError: module 'outside.executors' has no attribute 'spin'\n"
        " = help: repair outside, install what it needs, or uninstall it\n"
    )


def test_rewrites_formats_and_commands_can_be_added(run, tmp_path):
    run("specs")
    (tmp_path / "outside" / "more.py").write_text(
        "from convcost.rewriting.rewrites.separable import REWRITE\n"
        "def shout(reports, page):\n    return 'LOUD\\n'\n"
        "def greet(name: str) -> None:\n    '''Greet somebody.'''\n    print('hello', name)\n"
    )
    points = (
        "[convcost.rewriting.rewrites]\nagain = outside.more:REWRITE\n"
        "[convcost.formats]\nshout = outside.more:shout\n"
        "[convcost.commands]\ngreet = outside.more:greet\n"
    )
    assert run("analyze", "mobilenet_v1", "-f", "shout", points=points) == (0, "LOUD\n", "")
    assert run("greet", "you", points=points) == (0, "hello you\n", "")
    assert "Greet somebody." in run("--help", points=points)[1]
    rows = json.loads(run("rewrite", "--list", "-f", "json", points=points)[1])["rewrites"]
    assert "again" in [row["name"] for row in rows]
    assert run("rewrite", "vgg16", "--to", "again", points=points)[0] == 0


# from a zip file


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Return a zip file that holds the package and the shipped specs, as a wheel does."""
    path = tmp_path_factory.mktemp("packed") / "convcost.zip"
    with zipfile.ZipFile(path, "w") as file:
        for module in sorted((ROOT / "convcost").rglob("*.py")):
            file.write(module, module.relative_to(ROOT))
        for spec in sorted((ROOT / "specs").rglob("*.yaml")):
            file.write(spec, Path("convcost") / spec.relative_to(ROOT))
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        *(("analyze", "mobilenet_v1", "-f", format) for format in ("table", "json", "csv", "markdown", "text")),
        *(("check", "held.yaml", "-f", format) for format in ("text", "json", "github", "gitlab", "junit", "sarif")),
        ("specs", "-f", "csv"),
        ("specs", "mobilenet_v1"),
        ("verify", "examples/one_5x5"),
        ("schema",),
        ("--help",),
        ("analyze", "mobilenet"),
    ],
    ids=" ".join,
)
def test_everything_runs_from_a_zip_file(packed, arguments, tmp_path):
    (tmp_path / "held.yaml").write_text("input: [1, 2, 2]\nlayers: [relu]\nbudget: {mults: 1}\n")
    program = "import sys; {}from convcost.cli import main; sys.argv[0] = 'convcost'; main()"
    inside = program.format(f"sys.path.insert(0, {str(packed)!r}); ")
    done = [
        subprocess.run(
            [sys.executable, "-c", text, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        for text, path in ((program.format(""), str(ROOT)), (inside, ""))
    ]
    outside, zipped = done
    assert zipped.stdout.replace(f"{packed}/convcost/specs/", f"{ROOT}/specs/") == outside.stdout
    assert (zipped.stderr, zipped.returncode) == (outside.stderr, outside.returncode)
    assert outside.returncode == (2 if arguments == ("analyze", "mobilenet") else 0)
