"""Recurrent layers."""

from __future__ import annotations

from typing import Any

from convcost.importers.pytorch.program import OperatorCall
from convcost.importers.pytorch.writer import Untranslated, Writer, aten


@aten("lstm", "gru", "rnn_tanh", "rnn_relu")
def recurrent(writer: Writer, call: OperatorCall) -> None:
    """Translate all layers of a recurrent network, as one operator with its sizes."""
    arguments = call.arguments
    kind = call.operator.split(".")[1]
    if "batch_sizes" in arguments:
        raise Untranslated
    weights = arguments["params"]
    rows, state = writer.shape(weights[1])  # of the matrix that reads the state
    gates = {"lstm": 4, "gru": 3}.get(kind, 1)
    if not isinstance(state, int) or not isinstance(rows, int):
        raise Untranslated
    given = arguments["hx"] if kind == "lstm" else [arguments["hx"]]
    states = [writer.name(each) for each in given]
    writer.give(
        f"convcost.{kind}",
        [writer.name(arguments["input"]), *states, *(writer.name(each) for each in weights)],
        states=len(states),
        hidden_size=rows // gates,
        proj_size=state if rows != gates * state else 0,
        num_layers=arguments["num_layers"],
        bidirectional=int(arguments["bidirectional"]),
        batch_first=int(arguments["batch_first"]),
        bias=int(arguments["has_biases"]),
    )


@aten("lstm_cell")
def lstm_cell(writer: Writer, call: OperatorCall) -> None:
    """Translate one step of a long short-term memory: what it puts out, and its memory."""
    memory = writer.name(call.arguments["hx"][1])
    gates = writer.add("Add", _products(writer, call, call.arguments["hx"][0]))
    taken, kept, new, given = writer.add("Split", gates, 4, axis=1)
    (kept,) = writer.add("Sigmoid", [kept])
    (taken,) = writer.add("Sigmoid", [taken])
    (new,) = writer.add("Tanh", [new])
    old = writer.add("Mul", [kept, memory])
    more = writer.add("Mul", [taken, new])
    writer.into(call.outputs[1:], "Add", [*old, *more])
    (given,) = writer.add("Sigmoid", [given])
    shown = writer.add("Tanh", [writer.own(call.outputs[1])])
    writer.into(call.outputs[:1], "Mul", [given, *shown])


@aten("gru_cell")
def gru_cell(writer: Writer, call: OperatorCall) -> None:
    """Translate one step of a gated recurrent unit."""
    state = writer.name(call.arguments["hx"])
    parts = [writer.add("Split", [each], 3, axis=1) for each in _products(writer, call, call.arguments["hx"])]
    (read_reset, read_update, read_new), (held_reset, held_update, held_new) = parts
    reset = writer.add("Sigmoid", writer.add("Add", [read_reset, held_reset]))
    update = writer.add("Sigmoid", writer.add("Add", [read_update, held_update]))
    held = writer.add("Mul", [*reset, held_new])
    (new,) = writer.add("Tanh", writer.add("Add", [read_new, *held]))
    (less,) = writer.add("Sub", [state, new])
    kept = writer.add("Mul", [*update, less])
    writer.give("Add", [new, *kept])


@aten("rnn_tanh_cell", "rnn_relu_cell")
def rnn_cell(writer: Writer, call: OperatorCall) -> None:
    """Translate one step of a plain recurrent layer."""
    total = writer.add("Add", _products(writer, call, call.arguments["hx"]))
    writer.give("Relu" if "relu" in call.operator else "Tanh", total)


def _products(writer: Writer, call: OperatorCall, state: Any) -> list[str]:
    """Return the products of what a step reads, and of its state, with their weights."""
    arguments = call.arguments
    found: list[str] = []
    for value, end in ((arguments["input"], "ih"), (state, "hh")):
        bias = arguments.get(f"b_{end}")
        inputs = [writer.name(value), writer.name(arguments[f"w_{end}"])]
        found += writer.add("Gemm", inputs + ([writer.name(bias)] if bias is not None else []), transB=1)
    return found
