"""Operators that have no layer type: costs that are declared, and what is left out of the count."""

from __future__ import annotations

import json
import sys
from functools import partial

import onnx_writer as w
import pytest

import convcost
from convcost import cli

CONV = w.node("Conv", "x k", "a", "/c/Conv")
KERNEL = w.tensor("k", [4, 3, 1, 1])
INPUT = {"x": [1, 3, 8, 8]}
MACS = 8 * 8 * 3 * 4  # of the convolution


def magic(inputs, outputs, name="/head/Magic"):
    """Return a node that no layer type stands for."""
    return w.node("Magic", inputs, outputs, name, domain="my.ops")


CHAIN = w.model([CONV, magic("a", "b"), w.node("Relu", "b", "y")], INPUT, "y", [KERNEL], {"b": [1, 4, 2, 2]})
DATA_DEPENDENT = w.model(
    [CONV, w.node("NonZero", "a", "b", "/nz/NonZero"), w.node("Relu", "b", "c"), w.node("Relu", "a", "y")],
    INPUT,
    "y c",
    [KERNEL],
)


def test_a_declared_cost_counts_for_each_call(write):
    model = w.model([CONV, magic("a", "b"), magic("b", "y")], INPUT, {"y": [1, 2, 3]}, [KERNEL], {"b": [1, 4, 2, 2]})
    analysis = convcost.load(write(model), declare={"my.ops.Magic": {"macs": 1000, "params": 20}}).analyze()
    assert (analysis.total.macs, analysis.total.params) == (MACS + 2 * 1000, 4 * 3 + 2 * 20)
    assert not analysis.incomplete
    assert [(layer.type, layer.output_shape) for layer in analysis.layers] == [
        ("conv", (4, 8, 8)),
        ("declared", (4, 2, 2)),
        ("declared", (2, 3)),
    ]
    assert [layer.notes for layer in analysis.layers][1:] == [("declared",), ("declared", "output")]


def test_what_follows_a_recorded_shape_is_counted(write):
    analysis = convcost.load(write(CHAIN), allow_unknown=True).analyze()
    assert analysis.total.ops.cmp == 4 * 2 * 2  # of the relu
    assert [(layer.fields["operator"], layer.name) for layer in analysis.unknown] == [("my.ops.Magic", "head.Magic")]


def test_what_follows_an_unknown_shape_is_unknown(write):
    analysis = convcost.load(write(DATA_DEPENDENT), allow_unknown=True).analyze()
    assert [layer.fields["operator"] for layer in analysis.unknown] == ["NonZero", "Relu"]
    assert (analysis.total.macs, analysis.total.ops.cmp) == (MACS, 4 * 8 * 8)


def test_an_output_shape_can_be_declared(write):
    declare = {"NonZero": {"cmp": 256, "output_shape": [3, 10]}}
    analysis = convcost.load(write(DATA_DEPENDENT), declare=declare).analyze()
    assert not analysis.incomplete
    assert analysis.total.ops.cmp == 256 + 3 * 10 + 4 * 8 * 8


def test_a_shape_whose_first_axis_is_not_the_batch_is_not_taken(write):
    model = w.model([CONV, magic("a", "b"), w.node("Relu", "b", "y")], INPUT, "y", [KERNEL], {"b": [300, 4]})
    analysis = convcost.load(write(model), allow_unknown=True).analyze()
    assert [layer.fields["operator"] for layer in analysis.unknown] == ["my.ops.Magic", "Relu"]


CHOSEN = [  # of 6 rows of 8 numbers 3 are chosen by their first number; nodes, tensors, and the shape behind them
    ([w.node("TopK", "s k", "v i"), w.node("Gather", "x i", "c", axis=1)], [1, 1, 3, 8]),
    ([w.node("TopK", "s k", "v i", axis=-1), w.node("Squeeze", "i a", "j"), w.node("Gather", "x j", "c", axis=1)],
     [1, 3, 8]),
    ([w.node("TopK", "s k", "v i", axis=1), w.node("Unsqueeze", "i u", "j"), w.node("Expand", "j e", "p"),
      w.node("GatherElements", "x p", "c", axis=1)], [1, 3, 8]),
    ([w.node("TopK", "s k", "v i"), w.node("Unsqueeze", "i u", "j"), w.node("GatherND", "x j", "c", batch_dims=1)],
     [1, 3, 8]),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "shape"), CHOSEN)
def test_what_follows_so_many_chosen_values_is_counted(nodes, shape, write):
    from test_operators import ints

    first = [w.node("ReduceMax", "x", "s", axes=[2], keepdims=0)]
    last = [w.node("MatMul", "c m", "y")]
    tensors = [ints("k", 3), ints("a", 0), ints("u", 2), ints("e", 1, 3, 8), w.tensor("m", [8, 4])]
    model = w.model([*first, *nodes, *last], {"x": [1, 6, 8]}, {"y": [*shape[:-1], 4]}, tensors)
    analysis = convcost.load(write(model), allow_unknown=True).analyze()
    assert analysis.total.macs == 3 * 8 * 4
    assert "MatMul" not in {layer.fields["operator"] for layer in analysis.unknown}
    assert analysis.incomplete


def test_several_outputs_and_one_that_nothing_reads(write):
    nodes = [CONV, magic("a", "b unread c"), w.node("Concat", "b c", "y", axis=1)]
    model = w.model(nodes, INPUT, "y", [KERNEL], {"b": [1, 4, 2, 2], "c": [1, 5, 2, 2]})
    (layer,) = convcost.load(write(model), allow_unknown=True).analyze().unknown
    assert layer.fields["output_shape"] == ((4, 2, 2), (5, 2, 2))


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        ({"Conv": {"macs": 1}}, "the operator Conv has a layer type, so that its cost is not declared"),
        ({"NonZero": {"mac": 1}}, "'NonZero' has no cost 'mac'"),
        ({"NonZero": {"macs": -1}}, "the macs of 'NonZero' are a whole number from 0 to 10**15"),
        ({"NonZero": {"output_shape": [0]}}, "the output shape of 'NonZero' is 1 to 8 whole numbers from 1 to 10**15"),
        ({"NonZero": {}}, "declare needs the costs of 'NonZero'"),
        (
            {"NonZero": {"macs": 2, "mul": 1, "output_shape": [1]}},
            "--declare NonZero: declared: macs are multiplications too: mul must be at least macs (mul 1, macs 2)",
        ),
    ],
)
def test_costs_that_cannot_be_declared(declare, message, write):
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(write(DATA_DEPENDENT), declare=declare)
    assert caught.value.details[0].message == message


def test_a_declared_operator_needs_a_shape(write):
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(write(DATA_DEPENDENT), declare={"NonZero": {"macs": 1}})
    first = caught.value.details[0]
    assert first.message == (
        "the operator NonZero cannot be mapped: it is declared, and the file does not record the shape of what it gives"
    )
    assert ",output_shape:64x7x7'" in first.help


def test_a_spec_that_is_imported_says_the_same(write, tmp_path):
    from convcost.model_options import using
    from convcost.spec.source import Source, read, read_model

    path = write(DATA_DEPENDENT)
    with using(allow_unknown=True):
        imported = read_model(path)
        assert isinstance(read(path), Source)
    assert "# not counted, as no layer type is known for them or for what they read: NonZero, Relu\n" in imported.text
    written = tmp_path / "net.yaml"
    written.write_text(imported.text, encoding="utf-8")
    mine, other = convcost.load(written).analyze(), convcost.load(path, allow_unknown=True).analyze()
    assert (mine.total, mine.incomplete) == (other.total, True)


def test_a_cost_of_an_operator_that_the_file_does_not_have_is_a_warning(write):
    declare = {"NonZero": {"cmp": 1, "output_shape": [3, 10]}, "NonZeros": {"macs": 1}}
    model = convcost.load(write(DATA_DEPENDENT), declare=declare)
    (warning,) = model.warnings
    assert str(warning) == (
        "warning: a cost is declared of the operator 'NonZeros', which the file does not have\n"
        f" --> {model.network.file}\n  = help: did you mean 'NonZero'?"
    )
    assert model.analyze().total.ops.cmp == 1 + 3 * 10 + 4 * 8 * 8


@pytest.mark.parametrize("absent", [False, True])
@pytest.mark.parametrize(("kinds", "more"), [(21, "1 more kind"), (22, "2 more kinds")])
def test_of_many_kinds_of_operators_twenty_are_listed(kinds, more, absent, refused):
    nodes = [w.node(f"Magic{at}", "x", f"y{at}") for at in range(kinds)]
    tensors = [w.external("shape", [2], "net.data", 0, 16, w.INT64)] if absent else []
    model = w.model(nodes, {"x": [1, 4]}, " ".join(f"y{at}" for at in range(kinds)), tensors)
    errors = refused(model).split("\n\n")
    found = ", ".join(f"Magic{at}" for at in range(20, kinds))
    assert errors[-1] == f"error: {more} of operators cannot be mapped\n --> net.onnx\n  = found: {found}"
    assert len(errors) == 21 + absent


def test_where_every_operator_is_known_a_name_may_be_meant_for_any(write):
    model = convcost.load(
        write(w.model([w.node("Relu", "x", "y")], {"x": [1, 4, 8, 8]}, "y")), declare={"Rela": {"cmp": 1}}
    )
    assert str(model.warnings[-1]).endswith("  = help: did you mean 'Relu'?")


@pytest.fixture
def run(write, monkeypatch, capsys, tmp_path):
    """Return a function that runs a command beside `net.onnx`."""
    write(DATA_DEPENDENT)
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["convcost", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return ended.value.code or 0, shown.out, shown.err

    return run


def test_the_command_line_takes_the_same(run):
    status, out, _ = run("analyze", "net.onnx", "--allow-unknown", "-f", "json")
    document = json.loads(out)
    assert (status, document["incomplete"]) == (0, True)
    assert document["unknown"][0] == {"operator": "NonZero", "name": "nz.NonZero", "shapes": [[4, 8, 8]]}
    known, unknown, *_ = document["layers"]
    assert (known["macs"], known["output_values"], known["ops"]["mul"]) == (MACS, 4 * 8 * 8, MACS)
    assert {unknown[name] for name in ("params", "macs", "flops", "output_values", "ops")} == {None}
    status, out, _ = run("analyze", "net.onnx", "--declare", "NonZero=cmp:1k,params:20,output_shape:3x10", "-f", "json")
    total = json.loads(out)["total"]
    assert (status, total["params"], total["ops"]["cmp"]) == (0, 4 * 3 + 20, 1000 + 3 * 10 + 4 * 8 * 8)
    assert run("check", "net.onnx", "--max", "params=1G", "--declare", "NonZero=cmp:1,output_shape:3x10")[0] == 0
    assert run("check", "net.onnx", "--max", "params=1G", "--allow-unknown")[0] == 2
    assert run("analyze", "net.onnx", "--allow-unknown", "--strict")[0] == 2


def test_a_declared_cost_that_nothing_uses_is_refused_on_demand(run):
    words = ("net.onnx", "--allow-unknown", "--declare", "Magik=macs:1")
    message = "{}: a cost is declared of the operator 'Magik', which the file does not have\n --> net.onnx\n"
    for command in ("analyze", "import"):
        status, _, error = run(command, *words)
        assert (status, message.format("warning") in error) == (0, True)
        status, out, error = run(command, *words, "--strict")
        assert (status, out, message.format("error") in error) == (2, "", True)


@pytest.mark.parametrize("text", ["NonZero", "A=", "=macs:1", "A=macs", "A=macs:x", "A=macs:1,macs:2"])
def test_what_declares_nothing(text, run):
    message = (
        f"error: --declare takes OP=macs:N,params:N\n = found: --declare {text}\n"
        " = help: such as --declare 'NonMaxSuppression=macs:1000,params:20'\n"
    )
    assert run("analyze", "net.onnx", "--declare", text) == (2, "", message)


def test_a_model_that_is_read_takes_no_more(write):
    model = convcost.load(write(CHAIN), allow_unknown=True)
    with pytest.raises(convcost.OptionError, match="a model is read already"):
        convcost.load(model, allow_unknown=True)


def test_help_has_a_group_of_its_own(run):
    assert "Model files" in run("analyze", "--help")[1]
    assert "Model files" not in run("specs", "--help")[1]


@pytest.mark.parametrize("operator", ["null", "a, b: {c", "7", "- x", "\u2028\x00'\"", "true", "a: b"])
def test_an_operator_may_have_any_name(operator, write):
    node = w.node(operator, "x", "y", operator, domain="own")
    model = convcost.load(write(w.model([node], INPUT, "y")), allow_unknown=True)
    (layer,) = model.network.layers
    assert layer.fields["operator"].split() == f"own.{operator}".split()


def test_what_works_value_by_value_gives_the_shape_that_it_reads(write):
    nodes = [
        CONV,
        w.node("GlobalAveragePool", "a", "b"),
        w.node("Greater", "a b", "c"),
        w.node("Where", "c a b", "d"),
        w.node("Not", "c", "e"),
        w.node("Relu", "d", "y"),
        w.node("Relu", "e", "z"),
    ]
    analysis = convcost.load(write(w.model(nodes, INPUT, "y z", [KERNEL])), allow_unknown=True).analyze()
    assert [layer.fields["operator"] for layer in analysis.unknown] == ["Greater", "Where", "Not"]
    assert {layer.output_shape for layer in analysis.unknown} == {(4, 8, 8)}
    assert analysis.total.ops.cmp == 2 * 4 * 8 * 8  # of the two that follow


def test_memory_says_what_it_does_not_know(write):
    memory = convcost.load(write(DATA_DEPENDENT), allow_unknown=True).memory()
    assert repr(memory) == "<Memory: net: peak ≥ 2,048 bytes at relu_1, ≥ 48 bytes of weights>"  # 4 · 64 values twice
    rows = {row["type"]: row for row in memory.to_dict()["layers"] if row["type"] in ("conv", "unknown")}
    names = ("weight_bytes", "activation_bytes", "peak_memory")
    # 12 weights and 3 · 64 + 4 · 64 values of 4 bytes
    assert [rows["conv"][name] for name in names] == [48, 1792, 1792]
    assert [rows["unknown"][name] for name in names] == [None, None, None]
    cells = [line.split() for line in str(memory).splitlines() if "NonZero " in line or "Relu " in line]
    assert [row[1:6] for row in cells[:2]] == [["?", "?", "?", "≥", "1,024"]] * 2  # what the last relu reads lives


def test_a_search_says_what_is_not_known_as_a_sweep_does(write):
    model = convcost.load(write(CHAIN), allow_unknown=True)
    errors = []
    for ask in (model.sweep, partial(model.search, pareto=["mults"])):
        with pytest.raises(convcost.OptionError) as caught:
            ask(set={"r": [8, 16]})
        errors.append(str(caught.value))
    assert errors[0] == errors[1]
    assert errors[1].startswith("error: this needs the costs of all operations\n")


@pytest.mark.parametrize(
    ("model", "help"),
    [
        (CHAIN, "'my.ops.Magic=macs:1000,params:20'"),
        (DATA_DEPENDENT, "'NonZero=macs:1000,params:20,output_shape:64x7x7'"),
    ],
)
def test_the_remedy_has_a_shape_where_the_file_has_none(model, help, write):
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(write(model), allow_unknown=True).compare()
    assert help in caught.value.details[0].help


def test_what_lives_at_the_peak_may_have_no_known_size(write):
    nodes = [magic("x", "a"), w.node("Relu", "a", "b"), w.node("Relu", "x", "y")]
    memory = convcost.load(write(w.model(nodes, INPUT, "y b", [])), allow_unknown=True).memory()
    sizes = {each["name"]: each["bytes"] for each in memory.to_dict()["peak"]["tensors"]}
    # the relu that is known reads the input and gives as much, while the output of the other lives
    assert sizes == {"input": 3 * 8 * 8 * 4, "relu_1": 3 * 8 * 8 * 4, "Relu": None}
    cells = [line.split() for line in str(memory).splitlines() if line.startswith("Relu")]
    assert cells[-1][:4] == ["Relu", "float32", "?", "from"]
    assert [each["bytes"] for each in memory.to_dict()["tensors"]].count(None) == 2  # of magic and the relu behind it


@pytest.mark.parametrize("options", [{"place": True}, {"arena": "64Ki"}, {"order": "best"}])
def test_nothing_is_placed_whose_size_is_not_known(options, write):
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(write(DATA_DEPENDENT), allow_unknown=True).memory(**options)
    assert caught.value.details[0].message == "a placement and the best order need the sizes of all tensors"
    assert convcost.load(write(CHAIN), allow_unknown=True).memory(**options).peak_memory == 1792  # there it is known


def test_a_cost_that_is_declared_beside_a_spec_is_a_warning(run, tmp_path):
    (tmp_path / "net.yaml").write_text("input: [3, 8, 8]\nlayers: [{conv: {out_channels: 4, kernel_size: 1}}]\n")
    warning = (
        "warning: a cost is declared of the operator 'NonZero', and a spec has none\n"
        " --> net.yaml\n"
        "  = help: in a spec, an item of the type `declared` has costs of its own\n"
    )
    declare = ("--declare", "NonZero=macs:1")
    assert run("analyze", "net.yaml", *declare, "-f", "csv")[::2] == (0, warning)
    assert run("analyze", "net.yaml", *declare, "--strict")[::2] == (2, warning.replace("warning", "error"))
    assert run("analyze", "net.onnx", "--declare", "NonZero=cmp:1,output_shape:3x10", "-f", "csv")[::2] == (0, "")
