"""Recurrent layers of TensorFlow Lite files that are loops over the steps of a sequence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tflite_writer as w
from tflite_models import RELU, TANH, counted, imported, items, refusal

import convcost

DATA = Path(__file__).parent / "data"
STEPS, FEATURES, HIDDEN = 7, 5, 4


def test_layers_of_keras_as_tensorflow_converts_them():
    total = convcost.load(DATA / "loops.tflite").analyze().total
    recorded = json.loads((DATA / "loops_tflite.json").read_text(encoding="utf-8"))
    assert total.params == recorded["params"]
    # an LSTM of 4, two GRUs of 3 side by side, a GRU of 6, an Elman network of 5, and a dense layer
    steps = 4 * 4 * (5 + 4) + 2 * 3 * 3 * (4 + 3) + 3 * 6 * (6 + 6) + 5 * (6 + 5)
    assert total.macs == 7 * steps + 5 * 2


class Body(w.File):
    """A graph of a file: it has the buffers and the codes of another one."""

    def __init__(self, file):
        super().__init__()
        self.buffers, self.codes = file.buffers, file.codes

    def apply(self, operator, inputs, shape, dtype=None, **options):
        """Add an operator that gives one value, and return its number."""
        index = self.value(f"v{len(self.tensors)}", shape, dtype)
        self.add(operator, inputs, [index], **options)
        return index

    def table(self, outputs):
        """Return the graph with what it gives."""
        return {0: self.tensors, 1: ("i", self.inputs), 2: ("i", self._numbers(outputs)), 3: self.operators}


def made_single(file, name, shape, values, half):
    """Return a constant; with `half` one that the file holds in half precision."""
    if not half:
        return file.constant(name, shape, values)
    single = file.value(f"{name} made single", shape)
    file.add("DEQUANTIZE", [file.constant(name, shape, values, w.FLOAT16)], [single])
    return single


def looped(
    cell,
    states,
    *,
    rows=STEPS,
    limit=(STEPS, STEPS),
    start=0,
    more=1,
    first=0.0,
    gives=("list",),
    order=None,
    cut="SLICE",
    half=False,
    read="number",
):
    """Return a model of a loop.

    Args:
        cell: Adds what a step works out to a body, and returns it: the state that is put out, then all states.
        states: How many states there are.
        rows: How many steps are kept.
        limit: How many steps there are, as each of two counters says.
        start: The number of the first step.
        more: What is added to the number of a step.
        first: The numbers of the states before the first step; a name where they are the model's inputs.
        gives: What the model gives: `list`, `h`, `c`, `step`.
        order: The states in another order.
        half: Whether constants have half precision, and a vector of the body is one of the graph around it.
        read: Which step is read, that of the `number`, or always the first one.
        cut: What gives the steps before and behind the one that is put among them.
    """
    file = w.File()
    file.input("x", [1, STEPS, FEATURES])
    file.value("steps first", [STEPS, 1, FEATURES])
    file.add("RESHAPE", ["x", file.numbers(STEPS, 1, FEATURES)], ["steps first"])
    zero = file.constant("zero", [], [start], w.INT32)
    begin = [
        file.input(f"{first}{at}", [1, HIDDEN])
        if isinstance(first, str)
        else made_single(file, f"begin {at}", [1, HIDDEN], [first] * HIDDEN, half)
        for at in range(states)
    ]
    operands = [zero, zero, file.constant("rows", [rows, 1, HIDDEN]), *begin, "steps first"]
    shapes = [[], [], [rows, 1, HIDDEN], *[[1, HIDDEN]] * states, [STEPS, 1, FEATURES]]
    last = len(shapes) - 1
    if half:
        operands.append(made_single(file, "vector", [4 * HIDDEN], None, half))
        shapes.append([4 * HIDDEN])
    kinds = [w.INT32, w.INT32, *[w.FLOAT32] * (len(shapes) - 2)]
    outputs = [file.value(f"net/loop/while/{at}", *each) for at, each in enumerate(zip(shapes, kinds, strict=True))]
    file.add("WHILE", operands, outputs, f0=w.i32(1), f1=w.i32(2))
    names = {"step": 0, "list": 2, "h": 3, "c": 4, "x": last}
    main = {
        0: file.tensors,
        1: ("i", file.inputs),
        2: ("i", [outputs[names[each]] for each in gives]),
        3: file.operators,
    }
    cond, body = Body(file), Body(file)
    for graph in (cond, body):
        for at, each in enumerate(zip(shapes, kinds, strict=True)):
            graph.input(f"in {at}", *each)
    ends = [cond.constant(f"end {at}", [], [limit[at]], w.INT32) for at in (0, 1)]
    tests = [cond.apply("LESS", [at, ends[at]], [], w.BOOL) for at in (0, 1)]
    done = cond.apply("LOGICAL_AND", tests, [], w.BOOL)
    one = body.constant("one", [], [more], w.INT32)
    counts = [body.apply("ADD", [at, one], [], w.INT32) for at in (0, 1)]
    step = body.apply("GATHER", [last, {"number": 1, "first": one}[read]], [1, FEATURES])
    kept, *after = cell(body, step)
    kept = body.apply("RESHAPE", [kept, body.numbers(1, 1, HIDDEN)], [1, 1, HIDDEN])
    if rows > 1:  # it is put into its place among the others
        before = body.apply(cut, [2, body.numbers(0, 0, 0), body.numbers(3, 1, HIDDEN)], [3, 1, HIDDEN])
        behind = body.apply("SLICE", [2, body.numbers(4, 0, 0), body.numbers(-1, -1, -1)], [3, 1, HIDDEN])
        kept = body.apply("CONCATENATION", [before, kept, behind], [rows, 1, HIDDEN], f0=w.i32(0))
    graphs = [
        main,
        cond.table([done]),
        body.table([*counts, kept, *(order(after) if order else after), *range(last, len(shapes))]),
    ]
    return file.bytes([], f2=graphs)


def lstm(
    *, bias=True, half=False, gates=(0, 1, 2, 3), candidate="TANH", forget=None, between=(), fused=None, put="out"
):
    """Return a function that adds an LSTM's cell: its gates are those of input, forgetting, candidate and output."""

    def cell(body, step):
        wide = [1, 4 * HIDDEN]
        kernel = made_single(body, "kernel", [4 * HIDDEN, FEATURES], None, half)
        recurrent = made_single(body, "recurrent", [4 * HIDDEN, HIDDEN], None, half)
        vector = body.inputs[-1] if half else body.constant("bias", [4 * HIDDEN]) if bias else -1
        inputs = [step, kernel, vector]
        options = {"f0": fused} if fused else {}
        given = body.apply("FULLY_CONNECTED", inputs, wide)
        state = body.apply("FULLY_CONNECTED", [3, recurrent, -1], wide)
        total = body.apply("ADD", [given, state], wide, **options)
        for operator in between:
            total = body.apply(operator, [total], wide)
        parts = [body.value(f"part {at}", [1, HIDDEN]) for at in range(4)]
        body.add("SPLIT", [body.constant("axis", [], [1], w.INT32), total], parts)
        i, f, g, o = (parts[at] for at in gates)
        i, f, o = (body.apply("LOGISTIC", [each], [1, HIDDEN]) for each in (i, f, o))
        g = body.apply(candidate, [g], [1, HIDDEN])
        kept = body.apply("MUL", [f, 4 if forget is None else forget], [1, HIDDEN])
        memory = body.apply("ADD", [kept, body.apply("MUL", [i, g], [1, HIDDEN])], [1, HIDDEN])
        out = body.apply("MUL", [o, body.apply("TANH", [memory], [1, HIDDEN])], [1, HIDDEN])
        return {"out": out, "memory": memory, "gate": g}[put], out, memory

    return cell


@pytest.mark.parametrize("bias", [True, False])
def test_an_lstm(bias):
    model = looped(lstm(bias=bias), 2)
    assert items(model) == [{"lstm": {"hidden_size": HIDDEN, "bias": "single" if bias else False}}, *_first(STEPS)]
    kernels = 4 * HIDDEN * (FEATURES + HIDDEN)
    assert (counted(model).macs, counted(model).params) == (STEPS * kernels, kernels + 4 * HIDDEN * bias)
    assert "name: loop}" in imported(model).text


def test_an_lstm_of_half_precision():
    model = looped(lstm(half=True), 2, half=True)
    kernels = 4 * HIDDEN * (FEATURES + HIDDEN)
    assert (counted(model).macs, counted(model).params) == (STEPS * kernels, kernels + 4 * HIDDEN)
    assert "dtype: {weights: float16, biases: float16}" in imported(model).text


def test_the_first_counter_to_end_ends_the_loop():
    assert items(looped(lstm(), 2, limit=(STEPS + 1, STEPS)))[0] == {"lstm": {"hidden_size": HIDDEN, "bias": "single"}}


def _first(steps):
    """Return the layer that puts the steps before the batch, as the file's list has them."""
    return [{"reshape": {"shape": [steps, 1, HIDDEN], "layout": "tokens"}}]


def test_the_last_step_and_the_states():
    model = looped(lstm(), 2, rows=1, gives=("list", "h", "c"))
    layer, *_ = items(model)
    assert layer == {"lstm": {"hidden_size": HIDDEN, "bias": "single", "return": "last"}}
    assert counted(model).macs == STEPS * 4 * HIDDEN * (FEATURES + HIDDEN)


def test_states_in_another_order():
    body = lstm()

    def cell(file, step):  # the first state is the memory
        swapped = dict(zip((3, 4), (4, 3), strict=True))
        out, _, memory = body(file, step)
        for operator in file.operators:
            operator[1] = ("i", [swapped.get(index, index) for index in operator[1][1]])
        return out, memory, out

    assert items(looped(cell, 2))[0] == {"lstm": {"hidden_size": HIDDEN, "bias": "single"}}


def test_states_that_the_model_is_given():
    model = looped(lstm(), 2, first="state ")
    (layer,) = [each["lstm"] for each in items(model) if "lstm" in each]
    assert layer["initial_state"] == ["initial_state"] * 2
    assert counted(model).macs == STEPS * 4 * HIDDEN * (FEATURES + HIDDEN)


@pytest.mark.parametrize(
    "model",
    [
        looped(lstm(gates=(1, 0, 2, 3)), 2),
        looped(lstm(gates=(0, 1, 3, 2)), 2),
        looped(lstm(candidate="RELU"), 2),
        looped(lstm(forget=3), 2),  # the state, not the memory
        looped(lstm(between=["TANH"]), 2),
        looped(lstm(fused=RELU), 2),
        looped(lstm(), 2, limit=(STEPS - 1, STEPS)),
        looped(lstm(), 2, limit=(STEPS - 1, STEPS), rows=1),
        looped(lstm(), 2, rows=STEPS - 1),
        looped(lstm(put="memory"), 2),
        looped(lstm(put="gate"), 2, rows=1),
        looped(lstm(), 2, cut="ABS"),
        looped(lstm(), 2, read="first"),
        looped(lstm(), 2, start=1),
        looped(lstm(), 2, more=2),
        looped(lstm(), 2, first=0.5),
        looped(lstm(), 2, gives=("list", "step")),
        looped(lstm(), 2, gives=("list", "x")),
        looped(lstm(), 2, order=lambda states: states[::-1]),
    ],
)
def test_other_loops_are_unknown(model):
    message = refusal(model)
    assert message.startswith("error: the operator tflite.WHILE has no layer type\n --> net.tflite, loop.while\n")


def gru(*, after=True, bias=True, rest=1.0, kept="LOGISTIC", swapped=False, candidate="TANH"):
    """Return a function that adds a GRU's cell, whose reset gate stands behind the product or before it."""

    def cell(body, step):
        def one(operator, *inputs):
            return body.apply(operator, list(inputs), [1, HIDDEN])

        def cut(source, at, count):
            starts, ends = (
                body.constant(f"s{at}{source}", [2], [0, at * HIDDEN], w.INT32),
                body.numbers(0, (at + 1) * HIDDEN),
            )
            return body.apply("STRIDED_SLICE", [source, starts, ends, body.numbers(1, 1)], [1, HIDDEN])

        def product(name, source, features, count, biased):
            inputs = [source, body.constant(name, [count * HIDDEN, features])]
            inputs += [body.constant(f"{name} bias", [count * HIDDEN]) if biased else -1]
            return body.apply("FULLY_CONNECTED", inputs, [1, count * HIDDEN])

        given = product("kernel", step, FEATURES, 3, bias)
        parts = [body.value(f"part {at}", [1, HIDDEN]) for at in range(3)]
        body.add("SPLIT", [body.constant("axis", [], [-1], w.INT32), given], parts)
        count = 3 if after else 2
        state = product("recurrent", 3, HIDDEN, count, bias and after)
        z = one(kept, one("ADD", parts[0], cut(state, 0, count)))
        r = one("LOGISTIC", one("ADD", parts[1], cut(state, 1, count)))
        if after:
            behind = one("MUL", r, cut(state, 2, count))
        else:
            behind = product("candidate", one("MUL", r, 3), HIDDEN, 1, False)
        new = one(candidate, one("ADD", parts[2], behind))
        less = one(
            "SUB", *((z, body.constant("one", [], [rest])) if swapped else (body.constant("one", [], [rest]), z))
        )
        out = one("ADD", one("MUL", z, 3), one("MUL", less, new))
        return out, out

    return cell


@pytest.mark.parametrize(
    ("after", "bias", "said"),
    [(True, True, None), (True, False, False), (False, True, "single"), (False, False, False)],
)
def test_a_gru(after, bias, said):
    model = looped(gru(after=after, bias=bias), 1)
    fields = {"hidden_size": HIDDEN} | ({} if said is None else {"bias": said})
    assert items(model) == [{"gru": fields}, *_first(STEPS)]
    kernels = 3 * HIDDEN * (FEATURES + HIDDEN)
    assert (counted(model).macs, counted(model).params) == (
        STEPS * kernels,
        kernels + 3 * HIDDEN * (0 if not bias else 2 if after else 1),
    )


@pytest.mark.parametrize("other", [{"rest": 2.0}, {"kept": "TANH"}, {"swapped": True}, {"candidate": "LOGISTIC"}])
def test_other_cells_with_gates_are_unknown(other):
    assert "the operator tflite.WHILE has no layer type" in refusal(looped(gru(**other), 1))


def elman(activation="TANH", *, bias=True, fused=None, products=2):
    """Return a function that adds the cell of an Elman network."""

    def cell(body, step):
        kernel, recurrent = body.constant("kernel", [HIDDEN, FEATURES]), body.constant("recurrent", [HIDDEN, HIDDEN])
        inputs = [step, kernel, body.constant("bias", [HIDDEN]) if bias else -1]
        total = body.apply("FULLY_CONNECTED", inputs, [1, HIDDEN])
        for _ in range(products - 1):
            state = body.apply("FULLY_CONNECTED", [3, recurrent, -1], [1, HIDDEN])
            total = body.apply("ADD", [total, state], [1, HIDDEN], **({"f0": fused} if fused else {}))
        out = total if fused else body.apply(activation, [total], [1, HIDDEN])
        return out, out

    return cell


@pytest.mark.parametrize(
    ("cell", "fields"),
    [
        (elman(), {"bias": "single"}),
        (elman(bias=False), {"bias": False}),
        (elman("RELU"), {"bias": "single", "nonlinearity": "relu"}),
        (elman(fused=RELU), {"bias": "single", "nonlinearity": "relu"}),
        (elman(fused=TANH), {"bias": "single"}),
    ],
)
def test_an_elman_network(cell, fields):
    model = looped(cell, 1)
    assert items(model) == [{"rnn": {"hidden_size": HIDDEN} | fields}, *_first(STEPS)]
    kernels = HIDDEN * (FEATURES + HIDDEN)
    assert (counted(model).macs, counted(model).params) == (
        STEPS * kernels,
        kernels + (HIDDEN if fields["bias"] else 0),
    )


@pytest.mark.parametrize("cell", [elman("LOGISTIC"), elman(products=1), elman(products=3)])
def test_other_sums_are_unknown(cell):
    assert "the operator tflite.WHILE has no layer type" in refusal(looped(cell, 1))


def doubling(body, step):
    """Add sums of a value and itself: a term of 2⁹⁹ summands, were it written out."""
    total = body.apply("FULLY_CONNECTED", [step, body.constant("kernel", [HIDDEN, FEATURES]), -1], [1, HIDDEN])
    for _ in range(99):
        total = body.apply("ADD", [total, total], [1, HIDDEN])
    return total, total


def test_terms_are_bounded():
    assert "the operator tflite.WHILE has no layer type" in refusal(looped(doubling, 1))


def test_a_loop_over_a_graph_that_is_not_there():
    file = w.File()
    file.input("x", [1, 4])
    file.value("y", [1, 4])
    file.add("WHILE", ["x"], ["y"], f0=w.i32(1), f1=w.i32(2))
    message = refusal(file.bytes(["y"]))
    assert message.startswith("error: the TensorFlow Lite file is damaged: an operator has subgraph 1 of 1\n")
