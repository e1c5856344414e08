"""What other tools count, against what they printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import convcost
from convcost.conventions import CONVENTIONS
from convcost.conventions.expectation import read
from convcost.errors import BaselineError, OptionError
from convcost.spec.source import shipped

DATA = Path(__file__).parent / "data"
TOTALS = json.loads((DATA / "totals.json").read_text())["networks"]
FUNCTIONS = {
    "mobilenet_v2": ["global_avg_pool_1"],
    "densenet121": ["relu_1", "global_avg_pool_1"],
    "deeplabv3_resnet50": ["upsample*", "*upsample*"],
    "convnext_tiny": ["features.0.1", *(f"stage_{number}/layer_norm_1" for number in (1, 2, 3)), "classifier.0"],
}
"""What torchvision calls as functions: F.adaptive_avg_pool2d, F.relu, F.interpolate; the layer norms of maps are of a
class of torchvision's own, which calls F.layer_norm."""
OWN_CLASS = {"convnext_tiny"}
"""Whose modules of an own class torchinfo sees by their parameters, though what they call is a function."""


def model(name):
    if name == "convnext_tiny":  # the spec that is shipped writes linear layers as 1 × 1 convolutions
        return convcost.load(DATA / "convnext_tiny.yaml")
    if name == "vgg16":  # torchvision has a pool behind the last, which changes nothing at this size
        text = shipped()["vgg16"].read_text()
        pool = "  - adaptive_avg_pool: {output_size: 7}\n"
        return convcost.load(_mapping(text.replace("  - flatten\n", f"{pool}  - flatten\n")))
    return convcost.load(name, set={"r": 513} if name.startswith("deeplab") else {})


def _mapping(text):
    import yaml

    return yaml.safe_load(text)


CASES = [pytest.param(name, tool, id=f"{name} {tool}") for name, found in TOTALS.items() for tool in found["tools"]]
_FOUND = {}


def reconciled(name, tool):
    if name not in _FOUND:
        _FOUND[name] = model(name)
    functional = FUNCTIONS.get(name, [])
    if tool == "torchinfo" and name in OWN_CLASS:
        functional = []
    return _FOUND[name].reconcile(tools=[tool], functional=functional).tools[0]


@pytest.mark.parametrize(("name", "tool"), CASES)
def test_a_tools_total_is_what_it_printed(name, tool):
    printed = TOTALS[name]["tools"][tool]
    found = reconciled(name, tool)

    assert found.count == printed["count"]
    assert found.params == printed.get("params", found.params)
    assert sum(cause.amount for cause in found.causes) == found.difference


def test_every_convention_is_described():
    for name in CONVENTIONS:
        convention = CONVENTIONS[name]
        assert convention.name == name
        assert convention.version
        assert convention.source.startswith("https://")


NET = {
    "name": "Net",
    "input": [4, 8, 8],
    "layers": [{"conv": {"out_channels": 8, "kernel_size": 1, "norm": "batch_norm", "activation": "relu"}}, "dropout"],
}


def test_the_causes_are_told_with_their_amounts():
    # 8 · 64 = 512 values: the norm is four operations a value, and two
    (thop, fvcore) = convcost.reconcile(NET, tools=["thop", "fvcore"]).tools

    assert [(cause.cause, cause.amount) for cause in thop.causes] == [("batch norms", 4 * 512)]
    assert [(cause.cause, cause.amount) for cause in fvcore.causes] == [("batch norms", 2 * 512)]
    assert (thop.count, thop.difference) == (4 * 8 * 64 + 2_048 + 0, 2_048)


def test_what_is_called_as_a_function_is_not_seen_by_tools_of_modules():
    (thop,) = convcost.reconcile(NET, tools=["thop"], functional=["*batch_norm"]).tools
    assert thop.causes == ()
    assert thop.params == 4 * 8 + 8  # the bias is there without a norm, too


def test_counts_scale_with_the_batch_and_parameters_do_not():
    one, four = (convcost.reconcile(NET, batch=batch) for batch in (1, 4))
    assert [tool.count * 4 for tool in one.tools] == [tool.count for tool in four.tools]
    assert [tool.params for tool in one.tools] == [tool.params for tool in four.tools]
    assert [tool.difference * 4 for tool in one.tools] == [tool.difference for tool in four.tools]


def test_an_operation_of_the_authors_own_is_said_to_be_unknown():
    spec = {"input": [4, 8, 8], "layers": [{"declared": {"output_shape": [4, 8, 8], "macs": 100}}]}
    found = convcost.reconcile(spec, tools=["fvcore"]).tools[0]

    assert found.uncovered == ("declared",)
    assert found.count == 0


@pytest.mark.parametrize(
    ("options", "message", "help"),
    [
        ({"tools": ["tho"]}, "there is no tool 'tho'", "did you mean 'thop'?"),
        (
            {"functional": ["pool"]},
            "--functional: no layer matches 'pool'",
            "known: conv_1, conv_1/batch_norm, conv_1/relu, dropout_1",
        ),
        ({"batch": 0}, "batch is a whole number, at least 1", ""),
    ],
)
def test_what_does_not_exist_is_refused(options, message, help):
    with pytest.raises(OptionError) as error:
        convcost.reconcile(NET, **options)

    (detail,) = error.value.details
    assert (detail.message, detail.help) == (message, help)


# printed numbers


@pytest.mark.parametrize(
    ("name", "number", "tool", "settings"),
    [
        ("resnet50", "4.12G", "ptflops-modules", ()),
        ("resnet50", "4.09G", "convcost", ()),
        ("resnet50", "4089184256", "convcost", ()),
        ("resnet50", "8.18G", "convcost", ()),
        ("resnet50", "4.11 GMACs", "fvcore", ()),
        ("mobilenet_v2", "314M", "fvcore", ()),
        ("mobilenet_v2", "300M", "convcost", ()),  # 300.77, cut
        ("mobilenet_v1", "418M", "convcost", ("r = 192",)),  # slim's table
        ("mobilenet_v1", "325.4M", "convcost", ("alpha = 0.75",)),  # where slim's prints 317
        ("mobilenet_v1", "14M", "convcost", ("alpha = 0.25", "r = 128")),
    ],
)
def test_a_printed_number_is_explained(name, number, tool, settings):
    first = convcost.load(name).expect(number).matches[0]
    assert (first.tool, first.settings) == (tool, settings)


HEADS = {
    "input": [4, 8, 8],
    "symbols": {"classes": 1000},
    "outputs": ["main", "aux"],
    "layers": [
        {"conv": {"out_channels": 8, "kernel_size": 1, "bias": False}, "name": "stem"},
        "global_max_pool",
        "flatten",
        {"linear": {"out_features": "classes", "bias": False}, "name": "main"},
        {"conv": {"out_channels": 3, "kernel_size": 1, "bias": False}, "from": "stem", "name": "aux"},
    ],
}


@pytest.mark.parametrize(
    ("number", "settings"),
    [
        (4 * 8 * 64 + 8 * 1000 + 8 * 3 * 64, ()),
        (4 * 8 * 64 + 8 * 1000, ("without the output of aux",)),
        (4 * 8 * 64 + 8 * 3 * 64, ("without the output of main",)),
        (4 * 8 * 64 + 8 * 1001 + 8 * 3 * 64, ("classes = 1001",)),
        (4 * 8 * 64 + 8 * 1001, ("classes = 1001", "without the output of aux")),
    ],
)
def test_outputs_are_left_out_and_classes_are_others(number, settings):
    first = convcost.load(HEADS).expect(number).matches[0]
    assert (first.tool, first.settings, first.how) == ("convcost", settings, "exact")


def test_a_symbol_that_is_no_multiplier_keeps_its_value():
    spec = {
        "input": [4, 8, 8],
        "symbols": {"width": 8},
        "layers": [{"conv": {"out_channels": "width", "kernel_size": 1}}],
    }
    found = convcost.load(spec).expect(4 * 64).nearest  # of one channel
    assert not any("width" in setting for match in found for setting in match.settings)


def test_a_number_that_nothing_gives_has_the_nearest():
    found = convcost.load("resnet50").expect("5.55G")
    assert found.matches == ()
    assert len(found.nearest) == 5
    differences = [abs(match.count - 5_550_000_000) for match in found.nearest]
    assert differences == sorted(differences)


@pytest.mark.parametrize(
    ("text", "value", "step"),
    [
        ("4.12G", 4_120_000_000, 10_000_000),
        ("569M", 569_000_000, 1_000_000),
        ("4,089,184,256", 4_089_184_256, 1),
        ("0.5 GFLOPs", 500_000_000, 100_000_000),
        ("12_345", 12_345, 1),
    ],
)
def test_a_printed_number_has_as_many_digits_as_are_printed(text, value, step):
    printed = read(text)
    assert (printed.value, printed.step) == (value, step)


@pytest.mark.parametrize("text", ["", "many", "-4G", "4.G", "1e9", "4,12G", "569m", "4 million"])
def test_what_is_no_printed_number_is_refused(text):
    with pytest.raises(OptionError) as error:
        read(text)
    assert error.value.details[0].message == "--expect takes a number as it is printed"


@pytest.mark.parametrize(
    ("value", "text", "how"),
    [
        (4_121_925_096, "4.12G", "rounded"),
        (4_129_000_000, "4.12G", "cut"),
        (4_111_512_576, "4.12G", ""),
        (120, "120", "exact"),
    ],
)
def test_digits_are_rounded_or_cut(value, text, how):
    assert read(text).fits(value) == how


# the command


def test_a_report_under_a_convention_names_it_and_is_no_baseline(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from convcost.cli.app import app

    monkeypatch.chdir(tmp_path)
    words = ["analyze", "mobilenet_v2", "--convention", "thop"]
    shown = CliRunner().invoke(app, words).stdout
    assert "thop, profile 0.1.1.post2209072238" in shown
    csv = CliRunner().invoke(app, [*words, "-f", "csv"]).stdout
    assert csv.splitlines()[1].startswith("MobileNetV2,thop,0.1.1.post2209072238,macs,conv_1,")
    report = CliRunner().invoke(app, [*words, "-f", "json"]).stdout
    tool = json.loads(report)["tool"]
    assert (tool["tool"], tool["version"], tool["unit"]) == ("thop", "0.1.1.post2209072238", "macs")

    (tmp_path / "old.json").write_text(report)
    (tmp_path / "convcost.yaml").write_text("budgets:\n  - {metric: mults, growth: 1%}\n")
    with pytest.raises(BaselineError) as error:
        convcost.check("mobilenet_v2", baseline="old.json")
    assert error.value.details[0].message == "a report under another tool's convention is no baseline"


def test_a_number_that_nothing_gives_exits_with_1():
    from typer.testing import CliRunner

    from convcost.cli.app import app

    assert CliRunner().invoke(app, ["reconcile", "resnet50", "--expect", "5.55G"]).exit_code == 1
    assert CliRunner().invoke(app, ["reconcile", "resnet50", "--expect", "4.12G"]).exit_code == 0


def test_what_comes_near_is_off_by_all_of_its_decimals():
    spec = {"input": [1, 4, 4], "layers": [{"conv": {"out_channels": 1, "kernel_size": 1}}]}  # 4 · 4 = 16 macs
    near = str(convcost.load(spec).expect("12.5"))
    assert "off by +3.5\n" in near  # 16 − 12.5


# what a program of PyTorch says


def test_what_a_program_calls_as_a_function_is_known():
    programs = Path(__file__).parents[1] / "importers" / "data" / "pytorch"
    resnet = convcost.load(programs / "resnet18.pt2").network
    assert {layer.type for layer in resnet.layers if layer.functional} == {"flatten"}  # torch.flatten; sums always are

    # the norms of timm's BatchNormAct2d are of its own class, which calls F.batch_norm
    mobilevit = convcost.load(programs / "mobilevit_xxs.pt2")
    norms = [layer for layer in mobilevit.network.layers if layer.type == "batch_norm"]
    assert all(layer.functional for layer in norms)
    (thop,) = mobilevit.reconcile(tools=["thop"]).tools
    assert not any(row.count for row in thop.layers if row.layer.type == "batch_norm")
