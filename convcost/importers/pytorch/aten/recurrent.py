"""Recurrent layers."""

from __future__ import annotations

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
