"""`from_torch`, with a stand-in for torch."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch_stand_in as t
from torch_stand_in import ExportedProgram, Module, Node, Operator, Parameter, ScriptModule, Symbol, Tensor, Wrapper

import convcost

ROOT = Path(__file__).parents[2]
CONV = Operator("aten.conv2d.default", "input", "weight", "bias", "stride", "padding")
RELU = Operator("aten.relu.default", "self")
SPLIT = Operator("aten.split_with_sizes.default", "self", "split_sizes", "dim")
ADD = Operator("aten.add.Tensor", "self", "other")


@pytest.fixture
def torch(monkeypatch):
    """Put the stand-in where torch would be."""
    found = t.torch()
    monkeypatch.setitem(sys.modules, "torch", found)
    monkeypatch.setitem(sys.modules, "torch.export", found.export)
    return found


def message(*given, **more):
    """Return why something is refused."""
    with pytest.raises(convcost.ConvcostError) as caught:
        convcost.from_torch(*given, **more)
    return str(caught.value)


def convolution(shape=(1, 3, 8, 8), *, frozen=False):
    """Return the program of a convolution to 4 channels and a relu."""
    x = Node("placeholder", "x", val=Tensor(*shape))
    weight = Node("placeholder", "p_c_weight", val=Tensor(4, 3, 3, 3))
    after = Tensor(1, 4, *shape[2:])
    y = Node("call_function", "conv2d", CONV, (x, weight, None, [1, 1], [1, 1]), val=after, stack=("", "c"))
    z = Node("call_function", "relu", RELU, (y,), val=after)
    parameters = {"p_c_weight": ("c.weight", Tensor(4, 3, 3, 3, requires_grad=not frozen))}
    return ExportedProgram([weight, x, y, z, Node("output", "output", args=((z,),))], parameters)


def test_a_module_is_a_model(torch):
    model = convcost.from_torch(Module(convolution), Tensor(1, 3, 8, 8))
    assert model.text.startswith("# Imported from Module (PyTorch program, by torch 2.13.0).\n")
    assert model.text.partition("layers:\n")[2] == (
        "  - {conv: {out_channels: 4, kernel_size: 3, padding: 1, bias: false, activation: relu}, name: c}\n"
    )
    total = model.analyze().total
    assert (total.params, total.macs) == (4 * 27, 64 * 4 * 27)


def test_it_is_exported_as_at_inference_and_left_as_it_was(torch):
    inner = Module()
    module = Module(convolution, children=[inner])
    inner.training = False
    convcost.from_torch(module, Tensor(1, 3, 8, 8))
    seen = t.SEEN[-1]
    assert (seen.modes, seen.strict, seen.fast) == ([False, False], False, False)
    assert (module.training, inner.training, torch.backends.mha.on) == (True, False, True)


def test_what_cannot_be_exported_is_left_as_it_was_too(torch):
    def fail():
        raise RuntimeError("\n  no tracing here\nat line 3")

    module = Module(fail)
    assert message(module, Tensor(1, 3, 8, 8)) == (
        "error: torch.export cannot export the Module: RuntimeError: no tracing here\n"
        " = help: torch.export.export(module, inputs, strict=False) shows where; a program of it is taken too"
    )
    assert (module.training, torch.backends.mha.on) == (True, True)


class GuardOnDataDependentSymNode(RuntimeError):
    """What torch raises where a choice depends on numbers; it prints the graph so far."""

    partial_fx_graph = "def forward(self, x):\n    y = x + 1"


def test_a_choice_in_the_users_file_is_found(torch, tmp_path, monkeypatch):
    """Where torch names a file of its own, it is the last line outside of torch."""
    (tmp_path / "_export.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(torch, "__file__", str(tmp_path / "__init__.py"), raising=False)

    def fail():
        raise GuardOnDataDependentSymNode("Could not guard on data-dependent\nCaused by: (_export.py:3 in guard)")

    line = fail.__code__.co_firstlineno + 1
    found = message(Module(fail), Tensor(1, 3, 8, 8)).splitlines()[1]
    assert found == f" = found: test_from_torch.py:{line} in fail decides by values"


@pytest.mark.parametrize("where", [" (torchvision/ops/boxes.py:86 in batched_nms)", ""])
def test_a_choice_that_depends_on_values_is_left_out_of_the_export(where, torch, capsys):
    reason = "Could not guard on data-dependent expression Eq(u0, 0)"

    def fail():
        sys.stderr.write(f"{GuardOnDataDependentSymNode.partial_fx_graph}\nof the model itself\n")
        raise GuardOnDataDependentSymNode(f"{reason}\n\nCaused by:{where}\nmore" if where else reason)

    module = Module(fail, children=[Module(tensors=[Tensor(1)]), Module(), Module(tensors=[Tensor(1)])])
    found = "torchvision/ops/boxes.py:86 in batched_nms decides by values"
    assert message(module, Tensor(1, 3, 8, 8)) == (
        "error: torch.export cannot export the Module: which of its operators run depends on values\n"
        f" = found: {found if where else f'GuardOnDataDependentSymNode: {reason}'}\n"
        " = help: export what stands before that: a module whose forward returns it, or a part of the Module, "
        "such as from_torch(module.part_0, …): part_0, part_2"
    )
    assert capsys.readouterr().err == "of the model itself\n"


class Kept(Module):
    """A module that cannot be copied."""

    def __deepcopy__(self, memo):
        raise TypeError("it holds a lock")


def test_a_module_that_cannot_be_copied_is_left_as_it_was(torch):
    module = Kept(convolution)
    convcost.from_torch(module, Tensor(1, 3, 8, 8))
    assert (t.SEEN[-1].module is module, t.SEEN[-1].modes, module.training) == (True, [False], True)


def test_what_forward_keeps_does_not_stay_in_the_module(torch):
    weight = Tensor(4, 3, 3, 3)
    module = Module(convolution, tensors=[weight])
    convcost.from_torch(module, Tensor(1, 3, 8, 8))
    exported = t.SEEN[-1].module
    assert exported is not module
    assert exported.tensors[0] is weight  # no memory for weights


def test_sizes_stand_for_a_tensor_on_the_device_of_the_module(torch):
    module = Module(convolution, tensors=[Tensor(4, 3, 3, 3)])
    convcost.from_torch(module, (1, 3, 8, 8))
    (given,) = t.SEEN[-1].args
    assert (given.shape, given.device.type) == ((1, 3, 8, 8), "cpu")


def test_tensors_without_numbers_are_where_the_others_are(torch):
    real, empty = Parameter(4, 3, 3, 3), Parameter(4, device="meta", requires_grad=False, dtype="float16")
    module = Module(convolution, tensors=[real], children=[Module(tensors=[empty, empty])])
    module.held = Tensor(2, device="meta")
    given = {"a": (Tensor(1, 3, 8, 8), [Tensor(1, 2, device="meta")], 3)}
    convcost.from_torch(module, ({"x": Tensor(1, 5, device="meta")},), kwargs=given)
    seen = t.SEEN[-1]
    copied, again = seen.module.children[0].tensors
    assert copied is again
    assert seen.module.tensors[0] is real
    assert (copied.shape, copied.device.type, copied.requires_grad, str(copied.dtype)) == (
        (4,), "cpu", False, "torch.float16"
    )  # fmt: skip
    assert (seen.module.held.device.type, empty.device.type) == ("cpu", "meta")
    first, (second,), third = seen.kwargs["a"]
    assert (first.device.type, second.device.type, third) == ("cpu", "cpu", 3)
    assert seen.args[0]["x"].device.type == "cpu"


def test_inputs_go_to_the_device_meta_with_a_module_that_cannot_be_copied(torch):
    module = Kept(convolution, tensors=[Tensor(4, 3, 3, 3, device="meta")])
    convcost.from_torch(module, (Tensor(1, 3, 8, 8), [Tensor(1, 2)], 3), kwargs={"flag": True})
    first, (second,), third = t.SEEN[-1].args
    assert (first.device.type, second.device.type, third, t.SEEN[-1].kwargs) == ("meta", "meta", 3, {"flag": True})


def test_sizes_stand_for_a_tensor_of_the_modules_type(torch):
    module = Module(convolution, tensors=[Tensor(4, dtype="int64"), Tensor(4, 3, 3, 3, dtype="float16")])
    convcost.from_torch(module, (1, 3, 8, 8))
    assert str(t.SEEN[-1].args[0].dtype) == "torch.float16"


def test_inputs_by_name_are_enough(torch):
    x = Tensor(1, 3, 8, 8)
    for nothing in (None, ()):
        convcost.from_torch(Module(convolution), nothing, kwargs={"x": x})
        assert (t.SEEN[-1].args, t.SEEN[-1].kwargs) == ((), {"x": x})


class Lazy(Module):
    """A layer whose sizes are those of its first input."""

    def has_uninitialized_params(self):
        """Return whether it has had none."""
        return True


def test_layers_that_wait_for_their_sizes_are_refused(torch):
    assert message(Module(children=[Lazy(), Module(children=[Lazy()]), Lazy(), Lazy()]), (1, 3, 8, 8)) == (
        "error: layers have no sizes before they have run\n"
        " = found: part_0 (Lazy), part_1.part_0 (Lazy), part_2 (Lazy), 1 more\n"
        " = help: call the module once with its inputs before"
    )
    assert " = found: Lazy\n" in message(Lazy(), (1, 3, 8, 8))


def refused_parts(part):
    """Return why a module with a part cannot be exported."""

    def fail():
        raise RuntimeError("__obj_flatten__")

    return message(Module(fail, children=[Module(), part]), (1, 3, 8, 8))


def test_packed_weights_are_refused_by_their_layers(torch):
    kind = type("ConvReLU2d", (Module,), {"__module__": "torch.ao.nn.intrinsic.quantized.modules.conv_relu"})
    assert refused_parts(kind()) == (
        "error: torch.export cannot export the Module: its layers are quantised, their weights packed\n"
        " = found: part_1 (ConvReLU2d)\n"
        " = help: pass it as it was before it was quantised; a program that PT2E quantised is read with its widths"
    )
    another = type("Own", (Module,), {"__module__": "quantized.layers"})
    assert "RuntimeError: __obj_flatten__" in refused_parts(another())


def test_torchscript_within_a_module_is_refused_by_its_place(torch):
    assert refused_parts(ScriptModule()) == (
        "error: torch.export cannot export the Module: parts of it are TorchScript modules\n"
        " = found: part_1\n"
        " = help: pass the module with the nn.Modules that these were made from"
    )


@pytest.mark.parametrize("wrap", [Wrapper, lambda module: type("Compiled", (Module,), {"_orig_mod": module})()])
def test_what_torch_wraps_around_a_module_is_taken_off(wrap, torch):
    module = Module(convolution)
    assert repr(convcost.from_torch(wrap(module), Tensor(1, 3, 8, 8))) == "<Model: Module: 2 layers>"


def test_an_exported_program_needs_no_inputs(torch):
    assert convcost.from_torch(convolution(), None).analyze().total.params == 4 * 27


def test_frozen_parameters_are_buffers(torch):
    total = convcost.from_torch(convolution(frozen=True), None).analyze().total
    assert (total.params, total.buffers) == (0, 4 * 27)


class Dim:
    """An axis that is open, as torch names it."""

    def __init__(self, name):
        self.__name__ = name


@pytest.mark.parametrize(
    ("dynamic", "names"),
    [({"x": {2: Dim("height"), 3: Dim("width")}}, ("height", "width")), ([{2: "auto", 3: "auto"}], ("h", "w"))],
)
def test_open_axes_are_symbols_with_the_sizes_of_the_example(dynamic, names, torch):
    sizes = (Symbol("s0", 8), Symbol("s1", 10))
    module = Module(lambda: convolution((1, 3, *sizes)))
    model = convcost.from_torch(module, Tensor(1, 3, 8, 10), dynamic_shapes=dynamic)
    assert f"input: [3, {names[0]}, {names[1]}]" in model.text
    assert model.analyze().total.macs == 80 * 4 * 27
    model = convcost.from_torch(module, Tensor(1, 3, 8, 10), dynamic_shapes=dynamic, set={names[0]: 20})
    assert model.analyze().total.macs == 200 * 4 * 27


def test_an_axis_that_is_an_expression_has_the_size_of_the_example(torch):
    program = convolution((1, 3, Symbol("2*s6", 10), 8))
    total = convcost.from_torch(program, None).analyze().total
    assert total.macs == 10 * 8 * 4 * 27
    assert convcost.from_torch(program, None, set={"h": 6}).analyze().total.macs == 6 * 8 * 4 * 27


def test_parts_subgraphs_and_outputs_by_name_are_followed(torch):
    x = Node("placeholder", "x", val=Tensor(1, 4, 2, 2))
    half = Tensor(1, 2, 2, 2)
    parts = Node("call_function", "parts", SPLIT, (x, [2, 2], 1), val=(half, half))
    get = type("getitem", (), {"__name__": "getitem", "__module__": "_operator"})()
    first, second = (Node("call_function", f"get{at}", get, (parts, at), val=half) for at in (0, 1))
    inside = Node("placeholder", "inside", val=half)
    inner_relu = Node("call_function", "relu", RELU, (inside,), val=half)
    inner = type("Graph", (), {})()
    inner.graph = type("Graph", (), {"nodes": [inside, inner_relu, Node("output", "output", args=((inner_relu,),))]})
    run = Operator("higher_order.wrap_with_set_grad_enabled")
    wrapped = Node("call_function", "run", run, (False, Node("get_attr", "g", "submodule"), first))
    got = Node("call_function", "got", get, (wrapped, 0), val=half)
    y = Node("call_function", "y", ADD, (), {"self": got, "other": second}, val=half)
    nodes = [x, parts, first, second, wrapped, got, y, Node("output", "output", args=({"out": y},))]
    model = convcost.from_torch(ExportedProgram(nodes, submodules={"submodule": inner}), None)
    assert [layer.type for layer in model.network.layers] == ["split", "relu", "add"]


def test_a_part_of_what_an_operator_gives_may_be_an_output(torch):
    x, half = Node("placeholder", "x", val=Tensor(1, 4, 2, 2)), Tensor(1, 2, 2, 2)
    parts = Node("call_function", "parts", SPLIT, (x, [2, 2], 1), val=(half, half))
    get = type("getitem", (), {"__name__": "getitem", "__module__": "_operator"})()
    second = Node("call_function", "second", get, (parts, 1), val=half)
    y = Node("call_function", "y", RELU, (x,), val=Tensor(1, 4, 2, 2))
    nodes = [x, parts, second, y, Node("output", "output", args=((second, y),))]
    model = convcost.from_torch(ExportedProgram(nodes), None)
    assert [layer.type for layer in model.network.layers] == ["split", "relu"]


def test_one_tensor_at_two_paths_counts_once(torch):
    shared = Tensor(3, 3, 1, 1, requires_grad=True)
    x = Node("placeholder", "x", val=Tensor(1, 3, 2, 2))
    holders = [Node("placeholder", name, val=shared) for name in ("p_a", "p_b")]
    y = Node("call_function", "y", CONV, (x, holders[0]), val=Tensor(1, 3, 2, 2), stack=("", "a"))
    z = Node("call_function", "z", CONV, (y, holders[1]), val=Tensor(1, 3, 2, 2), stack=("", "b"))
    parameters = {"p_a": ("a.weight", shared), "p_b": ("b.weight", shared)}
    nodes = [*holders, x, y, z, Node("output", "output", args=((z,),))]
    model = convcost.from_torch(ExportedProgram(nodes, parameters), None)
    assert model.analyze().total.params == 9
    assert ", weights: a, name: b}\n" in model.text


def spectral():
    """Return the program of an operator that has no layer type, and a relu."""
    x = Node("placeholder", "x", val=Tensor(1, 3, 4, 4))
    y = Node("call_function", "y", Operator("aten.fft_fft2.default", "self"), (x,), val=Tensor(1, 3, 4, 4))
    z = Node("call_function", "z", RELU, (y,), val=Tensor(1, 3, 4, 4))
    return ExportedProgram([x, y, z, Node("output", "output", args=((z,),))])


def test_operators_without_a_layer_type_are_declared_or_left_out(torch):
    assert "the operator aten.fft_fft2 has no layer type" in message(spectral(), None)
    total = convcost.from_torch(spectral(), None, declare={"aten.fft_fft2": {"macs": 70}}).analyze().total
    assert (total.macs, total.ops.cmp) == (70, 48)
    assert convcost.from_torch(spectral(), None, allow_unknown=True).analyze().total.ops.cmp == 48


def test_without_torch_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert message(object(), (1, 3, 8, 8)) == (
        "error: from_torch needs torch, which is not installed here\n"
        " = help: pip install torch; a .pt2 file is read without it"
    )


def test_an_old_torch_is_too_old(torch):
    torch.__version__ = "2.3.1"
    assert message(Module(), (1, 3, 8, 8)) == (
        "error: from_torch needs torch 2.4 or newer\n = found: torch 2.3.1\n = help: pip install torch --upgrade"
    )


def test_what_is_no_module_is_refused(torch):
    assert message(ScriptModule(), (1, 3, 8, 8)) == (
        "error: a TorchScript module has no operators that can be exported\n"
        " = help: pass the nn.Module that it was made from"
    )
    assert message(len, (1, 3, 8, 8)) == (
        "error: from_torch takes a torch.nn.Module\n = found: builtin_function_or_method\n"
        " = help: for a function, an nn.Module whose forward calls it"
    )


INPUTS = "a tensor, a tuple of them, or sizes such as (1, 3, 224, 224)"
NO_INPUTS = [
    ("x", "these are no example inputs", "found 'x'", INPUTS),
    ((), "these are no example inputs", "found ()", INPUTS),
    (None, "these are no example inputs", "found None", INPUTS),
    ({"x": Tensor(1, 3)}, "these are no example inputs", "found a dict",
     "(inputs,) where forward takes a dict, kwargs=inputs where it takes what is in it by name"),
    ((1, -3, 8), "the sizes of an example input are at least 1", "found (1, -3, 8)", INPUTS),
    ((0, 3), "the sizes of an example input are at least 1", "found (0, 3)", INPUTS),
    (((1, 3, 8, 8), (1, 0)), "the sizes of an example input are at least 1", "found (1, 0)", INPUTS),
    (Tensor(0, 3, 8, 8), "an example input has a batch of 0", "found the sizes (0, 3, 8, 8)", "a batch of 1"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "error", "found", "help"), NO_INPUTS)
def test_what_are_no_inputs_is_refused(given, error, found, help, torch):
    found = found.removeprefix("found ")
    assert message(Module(), given) == f"error: {error}\n = found: {found}\n = help: {help}"


def test_sizes_of_several_tensors(torch):
    convcost.from_torch(Module(convolution), ((1, 3, 8, 8), [1, 10]))
    assert [(each.shape, each.device.type) for each in t.SEEN[-1].args] == [((1, 3, 8, 8), "cpu"), ((1, 10), "cpu")]


@pytest.mark.parametrize("path", ["README.md", "convcost/importers/pytorch/README.md"])
def test_the_three_lines_of_the_readme_work(path, torch, monkeypatch, capsys):
    models = type("Models", (), {"resnet18": lambda self: Module(convolution)})()
    monkeypatch.setitem(sys.modules, "torchvision", type("Torchvision", (), {"models": models})())
    text = (ROOT / path).read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(import convcost, torchvision\n.*?)```", text, re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 3
    exec(code, {})  # noqa: S102 -- what the README shows
    assert "Module" in capsys.readouterr().out


def test_a_built_model_has_no_text():
    model = convcost.load("examples/worked_standard").deployed()
    with pytest.raises(convcost.OptionError, match="the model was built, not read: it has no text"):
        model.text  # noqa: B018 -- a property


def test_remedies_are_those_of_python(torch):
    declare = "declare={'aten.fft_fft2': {'macs': 1000, 'params': 20}}"
    assert message(spectral(), None).endswith(
        f"help: {declare} gives it your cost, allow_unknown=True counts the rest only"
    )
    with pytest.raises(convcost.OptionError) as caught:
        convcost.from_torch(spectral(), None, allow_unknown=True).compare()
    assert caught.value.details[0].help == (
        f"{declare} gives a model file's operator your cost, `declared` an item of a spec"
    )


@pytest.mark.parametrize(
    ("given", "found", "help"),
    [
        ({"conv.weight": 1}, "dict", "the module itself: a state_dict holds its weights and no network"),
        (Module, "type", "an instance, such as Module(…)"),
        ("net.pt2", "str", "convcost.load reads files"),
        (Path("net.pt2"), "PosixPath", "convcost.load reads files"),
        (len, "builtin_function_or_method", "for a function, an nn.Module whose forward calls it"),
    ],
)
def test_what_is_no_module_says_what_to_give(given, found, help, torch):
    assert message(given, (1, 3, 8, 8)) == (
        f"error: from_torch takes a torch.nn.Module\n = found: {found}\n = help: {help}"
    )
