"""Recurrent layers, step by step: each step's sums, its gates, and the state that the next step reads."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import Any, Literal, TypeAlias

import msgspec

from convcost.executor.arithmetic import Values
from convcost.executor.array import Array, Number
from convcost.executor.plain import Plain
from convcost.executor.registry import Job, executes

Bias: TypeAlias = Literal["single"] | bool
Vector: TypeAlias = list[Number]


class _Weights(msgspec.Struct, frozen=True):
    """The weights of one direction of a layer, of `gates` rows for each number of the state.

    Args:
        job: Performs the arithmetic.
        from_input: For each number of the input the weights with which it reaches the rows.
        from_state: The same for each number that the last step passed on.
        starts: Where the rows' accumulators start.
        second: The biases of the state's products; None where the bias is single, or there is none.
        projection: For each number of the state the weights of its projection; empty where there is none.
    """

    job: Job
    from_input: list[Vector]
    from_state: list[Vector]
    starts: Vector
    second: Vector | None
    projection: list[Vector]

    def sums(self, columns: list[Vector], values: Values, starts: Values) -> Vector:
        """Add the products of values with the weights of each to accumulators."""
        return Plain(self.job.arithmetic, columns).dots(values, starts)


_Step: TypeAlias = Callable[[_Weights, Vector, Vector, Vector], tuple[Vector, Vector]]
"""From the weights, the input, and what the last step passed on and remembered, to what this step does."""


@executes("lstm")
def lstm(
    job: Job,
    x: Array,
    *states: Array,
    hidden_size: int,
    num_layers: int,
    bidirectional: bool,
    bias: Bias,
    proj_size: int,
    **more: Any,
) -> Array:
    """Execute a long short-term memory: input, forget and output gates around the memory of a cell.

    Args:
        job: `weight_ih_l0` (4 · hidden_size, features), `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0` and, projected,
            `weight_hr_l0` (proj_size, hidden_size); those of further layers and of the other direction as PyTorch
            calls them.
        x: (…, length, features).
        states: The state and the memory before the first step, (…, layers · directions, numbers); zeros without them.
        hidden_size: Numbers in the state.
        num_layers: Layers above each other.
        bidirectional: Whether a second direction starts at the end.
        bias: Two biases a row, "single" for one, or none.
        proj_size: Numbers that the state is projected to; 0 for no projection.
        more: `return`, "sequence" or "last".

    Raises:
        ValueError: `proj_size` is not below hidden_size.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html
    """
    if proj_size >= hidden_size:
        raise ValueError(f"a state of {hidden_size} cannot be projected to {proj_size}")
    stack = _Stack(job, 4, hidden_size, proj_size, bias, num_layers, bidirectional, _lstm_step)
    return stack.run(x, states, more["return"] == "last")


@executes("gru")
def gru(
    job: Job, x: Array, *states: Array, hidden_size: int, num_layers: int, bidirectional: bool, bias: Bias, **more: Any
) -> Array:
    """Execute a gated recurrent unit; weights and fields as those of `lstm`, three rows for each number of the state.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.GRU.html
    """
    stack = _Stack(job, 3, hidden_size, 0, bias, num_layers, bidirectional, _gru_step)
    return stack.run(x, states, more["return"] == "last")


@executes("rnn")
def rnn(
    job: Job,
    x: Array,
    *states: Array,
    hidden_size: int,
    num_layers: int,
    bidirectional: bool,
    bias: Bias,
    nonlinearity: str,
    **more: Any,
) -> Array:
    """Execute an Elman network; weights and fields as those of `lstm`, with one row for each number of the state.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.RNN.html
    """
    step = _tanh_step if nonlinearity == "tanh" else _relu_step
    stack = _Stack(job, 1, hidden_size, 0, bias, num_layers, bidirectional, step)
    return stack.run(x, states, more["return"] == "last")


def _lstm_step(weights: _Weights, x: Vector, passed: Vector, memory: Vector) -> tuple[Vector, Vector]:
    arithmetic, size = weights.job.arithmetic, len(memory)
    sums = weights.sums(weights.from_state, passed, weights.sums(weights.from_input, x, weights.starts))
    if weights.second is not None:
        sums = arithmetic.add(sums, weights.second)
    taken, kept = _sigmoid(weights.job, sums[:size]), _sigmoid(weights.job, sums[size : 2 * size])
    new = arithmetic.tanh(sums[2 * size : 3 * size])
    given = _sigmoid(weights.job, sums[3 * size :])
    memory = arithmetic.add(arithmetic.mul(kept, memory), arithmetic.mul(taken, new))
    state = arithmetic.mul(given, arithmetic.tanh(memory))
    if weights.projection:
        state = weights.sums(weights.projection, state, [0] * len(passed))
    return state, memory


def _gru_step(weights: _Weights, x: Vector, passed: Vector, memory: Vector) -> tuple[Vector, Vector]:
    arithmetic, size, second = weights.job.arithmetic, len(memory), weights.second
    inputs = weights.sums(weights.from_input, x, weights.starts)
    nothing: Vector = [0] * size
    starts = [*inputs[: 2 * size], *(nothing if second is None else second[2 * size :])]
    sums = weights.sums(weights.from_state, passed, starts)
    gates = sums[: 2 * size]
    if second is not None:
        gates = arithmetic.add(gates, second[: 2 * size])
    reset, update = _sigmoid(weights.job, gates[:size]), _sigmoid(weights.job, gates[size:])
    new = arithmetic.tanh(arithmetic.add(inputs[2 * size :], arithmetic.mul(reset, sums[2 * size :])))
    fresh = arithmetic.sub([1] * size, update)
    state = arithmetic.add(arithmetic.mul(fresh, new), arithmetic.mul(update, passed))
    return state, state


def _tanh_step(weights: _Weights, x: Vector, passed: Vector, memory: Vector) -> tuple[Vector, Vector]:
    state = weights.job.arithmetic.tanh(_plain_sums(weights, x, passed))
    return state, state


def _relu_step(weights: _Weights, x: Vector, passed: Vector, memory: Vector) -> tuple[Vector, Vector]:
    state = weights.job.arithmetic.maximum(_plain_sums(weights, x, passed), 0)
    return state, state


def _plain_sums(weights: _Weights, x: Vector, passed: Vector) -> Vector:
    sums = weights.sums(weights.from_state, passed, weights.sums(weights.from_input, x, weights.starts))
    return sums if weights.second is None else weights.job.arithmetic.add(sums, weights.second)


def _sigmoid(job: Job, values: Vector) -> Vector:
    """Return the logistic function as 1 / (1 + exp(-x)), without a limit of size: 1 exp, 1 add and 1 div per value."""
    exponentials = job.arithmetic.exp([-value for value in values])
    return job.arithmetic.div([1] * len(values), job.arithmetic.add(exponentials, 1))


class _Stack(msgspec.Struct, frozen=True):
    """Layers above each other, each of one or two directions."""

    job: Job
    gates: int
    hidden_size: int
    proj_size: int
    bias: Bias
    num_layers: int
    bidirectional: bool
    step: _Step

    def run(self, x: Array, states: tuple[Array, ...], last: bool) -> Array:
        """Return what the last layer passes on at each step, or each of its directions at its last step."""
        *leading, length, features = x.shape
        rows = [x.values[start : start + features] for start in range(0, len(x.values), features)]
        sequences = [rows[start : start + length] for start in range(0, len(rows), length)]
        ends: list[Vector] = []
        for layer in range(self.num_layers):
            directions = [self._weights(layer, len(sequences[0][0]), suffix) for suffix in self._suffixes]
            ends, above = [], []
            for number, sequence in enumerate(sequences):
                passed = [
                    self._pass(weights, sequence, bool(at), self._start(states, number, layer * len(directions) + at))
                    for at, weights in enumerate(directions)
                ]
                ends.append([value for at, steps in enumerate(passed) for value in steps[0 if at else -1]])
                above.append([[value for part in step for value in part] for step in zip(*passed, strict=True)])
            sequences = above
        if last:
            return Array((*leading, len(ends[0])), [value for end in ends for value in end])
        values = [value for sequence in sequences for step in sequence for value in step]
        return Array((*leading, length, len(ends[0])), values)

    def _start(self, states: tuple[Array, ...], sequence: int, row: int) -> tuple[Vector, Vector]:
        """Return the initial hidden state and the initial memory of one direction of a layer."""
        rows = self.num_layers * len(self._suffixes)
        found: list[Vector] = []
        for size, state in zip_longest((self.proj_size or self.hidden_size, self.hidden_size), states):
            start = (sequence * rows + row) * size
            found.append([0] * size if state is None else list(state.values[start : start + size]))
        return found[0], found[1]

    def _pass(
        self, weights: _Weights, sequence: list[Vector], backwards: bool, start: tuple[Vector, Vector]
    ) -> list[Vector]:
        """Return the hidden states of one direction, in the order of the sequence."""
        passed, memory = start
        steps = []
        for x in reversed(sequence) if backwards else sequence:
            passed, memory = self.step(weights, x, passed, memory)
            steps.append(passed)
        return steps[::-1] if backwards else steps

    @property
    def _suffixes(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def _weights(self, layer: int, features: int, suffix: str) -> _Weights:
        given, end = self.job.weights, f"_l{layer}{suffix}"
        rows, passed = self.gates * self.hidden_size, self.proj_size or self.hidden_size
        projection = given.rows(f"weight_hr{end}", (passed, self.hidden_size)) if self.proj_size else ()
        return _Weights(
            self.job,
            _columns(given.rows(f"weight_ih{end}", (rows, features))),
            _columns(given.rows(f"weight_hh{end}", (rows, passed))),
            given.vector(f"bias_ih{end}", rows) if self.bias else [0] * rows,
            given.vector(f"bias_hh{end}", rows) if self.bias is True else None,
            _columns(projection),
        )


def _columns(rows: Any) -> list[Vector]:
    return list(map(list, zip(*rows, strict=True)))
