"""Recurrent layers: a state that each step of a sequence changes.

A layer reads I numbers a step and holds H; what it passes on has R numbers, H unless an `lstm` projects its state. Each
direction has weights of its own, and a layer above the first reads all directions of the one below. The first state is
zeros, or what `initial_state` names; zeros are multiplied as any state is, so that the cost is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, LayerType, Trials
from convcost.layers.fields import field, flag, flag_or, value_names, whole, word
from convcost.layers.inputs import SEQUENCE, LayerError, shown
from convcost.layers.layout import TOKENS, VECTOR, Input, Shape
from convcost.layers.reading import AFTER, BEFORE, Axes, AxisWindow, Reading, Readings, along, axes
from convcost.ops import Cost, Ledger, accumulate, product

_SINGLE = "single"
_SIGMOID = Ledger(exp=1, add=1, div=1)
_HIDDEN_SIZES = (1, 2, 3, 4)  # counts are of degree 2 in it: three would determine them


class _Recurrent(LayerType):
    """What the recurrent types share: layers, directions and sequences; `_step` says what one step costs."""

    takes = SEQUENCE
    macs = True
    channels = FIXED
    checked = ("input_size",)
    workspace = True
    gates: ClassVar[int]
    """How many rows of weights there are for each number of the state."""
    states: ClassVar[tuple[str, ...]] = ("the state",)
    """What the values of `initial_state` are, in their order."""

    hidden_size: int = field(whole(1), about="The numbers in the state.", letter="H")
    num_layers: int = field(whole(1), 1, "How many layers there are, each reading the one below.")
    bidirectional: bool = field(flag, False, "Whether a second direction reads the sequence from its end.")
    bias: Any = field(
        flag_or(_SINGLE), True, "Whether there are biases: one for the input and one for the state, or a single one."
    )
    vars()["return"] = field(
        word("sequence", "last"), "sequence", "What is given: all steps, or the last state of each direction."
    )
    initial_state: int = field(
        value_names,
        None,
        "The state before the first step, then the memory of an lstm: [num_layers · directions, numbers] each.",
    )

    @classmethod
    def complete(cls, fields: dict[str, Any], shape: Shape) -> None:
        if fields["initial_state"] is None:
            fields["initial_state"] = 0

    @classmethod
    def check_inputs(cls, inputs: Sequence[Input]) -> None:
        """Refuse a sequence that is none; `output_shape` checks the states."""
        super().check_inputs(inputs[:1])

    @classmethod
    def refusal(cls, value: Input, number: int = 0) -> LayerError | None:
        return super().refusal(value) if number == 0 else None

    @property
    def passed(self) -> Any:
        """How many numbers one direction passes on."""
        return self.hidden_size

    def output_shape(self, *inputs: Shape) -> Shape:
        x, *states = inputs
        if states or self.initial_state:
            self._check_states(x, states)
        passed = self._directions * self.passed
        return (*x[:-2], passed) if self._gives_last else (*x[:-1], passed)

    def _check_states(self, x: Shape, states: Sequence[Shape]) -> None:
        """Refuse states that are not those of the layer.

        Raises:
            LayerError: There are too few or too many, or one has another shape.
        """
        if len(states) != self.initial_state:
            raise LayerError(f"{self.type} takes 1 input", f"{1 + len(states) - self.initial_state} given")
        if len(states) > len(self.states):
            message = f"initial_state of {self.type} names {', then '.join(self.states)}"
            raise LayerError(message, f"{len(states)} values", field="initial_state")
        rows = self._directions * self.num_layers
        for name, state, size in zip(self.states, states, (self.passed, self.hidden_size), strict=False):
            wanted = (*x[:-2], rows, size)
            if state != wanted and not (rows == 1 and state == (*x[:-2], size)):
                message = f"{name} before the first step has the shape {shown(wanted)}"
                raise LayerError(message, shown(state), field="initial_state")

    def layouts(self, inputs: Sequence[Input], outputs: tuple[Shape, ...]) -> tuple[str, ...]:
        return (VECTOR if len(outputs[0]) == 1 else TOKENS,)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        x, *states = inputs
        return (self._reading_of_sequence(x, outputs[0]), *(self._reading_of_state(x, each) for each in states))

    def _reading_of_sequence(self, x: Shape, output: Shape) -> tuple[Reading, ...]:
        own = axes(x)
        if self._gives_last:
            return (Reading(own, (*own[:-2], (("new", output[-1]),))),)
        here = along(x, output, every=(len(x) - 1,))
        if self._directions == 1:
            return (here, along(x, output, {len(x) - 2: BEFORE}, every=(len(x) - 1,)))
        if self.num_layers != 1:
            return (here, along(x, output, every=(len(x) - 2, len(x) - 1)))
        passed, each = self.passed, (*x[:-1], self.passed)
        ways = [
            along(x, each, {len(x) - 2: window}, every=(len(x) - 1,), start=(len(x) - 1, begin, 2 * passed))
            for window, begin in ((BEFORE, 0), (AFTER, passed))
        ]
        return (here, *ways)

    def _reading_of_state(self, x: Shape, state: Shape) -> tuple[Reading, ...]:
        """Return how an output reads a state: of the last layer that of its direction, of those below all of it."""
        lead = axes(x[:-2])
        step: Axes = () if self._gives_last else ((("step", x[-2]),),)
        after = (*lead, *step, (("direction", self._directions), ("new", self.passed)))
        if len(state) < len(x):
            return (Reading((*lead, (("size", state[-1]),)), after),)
        rows, last = state[-2], self._directions
        before = (*lead, (("row", rows),), (("size", state[-1]),))
        made = {"row": ("direction",)}
        ways = [Reading(before, after, {"row": AxisWindow(1, ((rows - last, 1, 1),))}, made_of=made)]
        if self.num_layers != 1:
            ways.append(Reading(before, after, {"row": AxisWindow(0, ((0, 1, rows - last),))}, made_of=made))
        return tuple(ways)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        x = inputs[0]
        steps, directions = product(x[:-1]), self._directions
        first, above = self._layer(x[-1], steps), self._layer(directions * self.passed, steps)
        more = self.num_layers - 1
        return Cost(
            params=directions * (first.params + more * above.params),
            ops=(first.ops + above.ops * more) * directions,
            macs=directions * (first.macs + more * above.macs),
            useful_mults=directions * (first.useful_mults + more * above.useful_mults),
        )

    def _layer(self, features: int, steps: int) -> Cost:
        """Return the cost of one direction of one layer that reads so many numbers at each of so many steps."""
        rows = self.gates * self.hidden_size
        weights = rows * (features + self.passed) + self._projection()
        biases = 0 if self.bias is False else rows if self.bias == _SINGLE else 2 * rows
        ops = accumulate(weights) + self._step(self.hidden_size)
        if self.bias is True:
            ops += Ledger(add=self._joined() * self.hidden_size)
        return Cost(params=weights + biases, ops=ops * steps, macs=weights * steps, useful_mults=ops.mul * steps)

    def _joined(self) -> int:
        """Return how many of the state's biases, for each of its numbers, are added by themselves."""
        return self.gates

    def _projection(self) -> Any:
        """Return the weights of the projection of the state."""
        return 0

    def _step(self, hidden: int) -> Ledger:
        """Return what a step does besides its products and the second bias."""
        raise NotImplementedError

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _gives_last(self) -> bool:
        return bool(getattr(self, "return") == "last")

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        fields = {name: each.default for name, each in cls.fields.items()}
        fields |= {"hidden_size": letter("H"), "bias": False, "initial_state": 0}
        return fields, ((letter("L"), letter("M")),)

    @classmethod
    def own_values(cls, hidden: int) -> Sequence[Mapping[str, Any]]:
        """Return the values of the type's own fields that are tried with a hidden size."""
        return ({},)

    @classmethod
    def trials(cls) -> Trials:
        """Return where it is executed: all sizes with each other, and the other fields with fewer sizes."""
        points: list[tuple[dict[str, Any], tuple[Shape, ...]]] = []
        for hidden, layers, two, bias in combinations(_HIDDEN_SIZES, (1, 2, 3), (False, True), (False, _SINGLE, True)):
            given = {"hidden_size": hidden, "num_layers": layers, "bidirectional": two, "bias": bias}
            for own in cls.own_values(hidden):
                points += [
                    (
                        {**given, **own, "return": "last" if (length + features) % 2 else "sequence"},
                        ((length, features),),
                    )
                    for length, features in combinations((1, 2), (1, 4))
                ]
        points += [
            ({"hidden_size": 2, "bidirectional": two, "return": given}, (shape,))
            for two, given in combinations((False, True), ("sequence", "last"))
            for shape in ((2, 3, 4), (3, 1, 2), (1, 2, 3, 2))
        ]
        count = len(cls.states)
        points += [
            (
                {"hidden_size": 3, "num_layers": layers, "bidirectional": two, "initial_state": count},
                ((*batch, 2, 4), *(((*batch, layers * (1 + two), 3),) * count)),
            )
            for layers, two, batch in combinations((1, 2), (False, True), ((), (2,)))
        ]
        return Trials(
            "length, features, layers, hidden size (degree 2, at 1–4)",
            ", ".join(
                [
                    *cls.tried,
                    "± bidirectional, bias false, single and true, all steps and the last, ± initial state",
                    "0–2 axes of a batch",
                ]
            ),
            points,
        )

    tried: ClassVar[tuple[str, ...]] = ()
    """The description of the values of its own fields that are tried."""


class Lstm(_Recurrent, type="lstm"):
    """A long short-term memory: [L, I] to [L, R], the state of each step, or to [R], that of the last.

    A step of one direction: macs 4H·(I + R) + P·H, R being P, the `proj_size`, or H; the second bias add 4H; three
    sigmoids (exp 3H, add 3H, div 3H), tanh of a gate and of the new state (2H); mul 3H and add H.
    params = 4H·(I + R) + P·H + 8H, or 4H with a `single` bias. Axes before the length are a batch.

    Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000; projection: Sak et al. 2014,
        arXiv:1402.1128, section 2; https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html
    """

    words: ClassVar[Mapping[str, str]] = {"LSTM": "PyTorch and Keras", "blstm": "many papers", "bilstm": "many papers"}

    gates = 4
    states = ("the state", "the memory")
    tried = ("proj size 0–2",)

    proj_size: int = field(whole(0), 0, "The numbers to which the state is projected; 0 for no projection.", letter="P")

    @property
    def passed(self) -> Any:
        return self.proj_size if self._projects else self.hidden_size

    @property
    def _projects(self) -> bool:
        return self.proj_size.__class__ is not int or self.proj_size > 0

    def output_shape(self, *inputs: Shape) -> Shape:
        if self._projects and self.proj_size >= self.hidden_size:
            raise LayerError(
                "proj_size must be smaller than hidden_size",
                f"proj_size {self.proj_size}, hidden_size {self.hidden_size}",
                field="proj_size",
            )
        return super().output_shape(*inputs)

    def _projection(self) -> Any:
        return self.proj_size * self.hidden_size

    def _step(self, hidden: int) -> Ledger:
        return _SIGMOID * (3 * hidden) + Ledger(tanh=2 * hidden, mul=3 * hidden, add=hidden)

    @classmethod
    def own_values(cls, hidden: int) -> Sequence[Mapping[str, Any]]:
        return [{"proj_size": size} for size in range(min(hidden, 3))]


class Gru(_Recurrent, type="gru"):
    """A gated recurrent unit: [L, I] to [L, H], the state of each step, or to [H], that of the last.

    As PyTorch documents it, with the reset gate behind the product: a step of one direction takes macs 3H·(I + H); the
    second bias of two gates add 2H; r ⊙ (…) mul H and its sum with the input's part add H; two sigmoids (exp 2H, add
    2H, div 2H) and tanh H; 1 − z add H, and (1 − z) ⊙ n + z ⊙ h mul 2H, add H. params = 3H·(I + H) + 6H, or 3H with a
    `single` bias. Axes before the length are a batch.

    Source: Cho et al. 2014, arXiv:1406.1078, section 2.3;
        https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html
    """

    words: ClassVar[Mapping[str, str]] = {"GRU": "PyTorch and Keras", "bigru": "many papers"}

    gates = 3

    def _joined(self) -> int:
        return 2  # the third starts the accumulator that the reset gate multiplies

    def _step(self, hidden: int) -> Ledger:
        return _SIGMOID * (2 * hidden) + Ledger(tanh=hidden, mul=3 * hidden, add=3 * hidden)


class Rnn(_Recurrent, type="rnn"):
    """An Elman network: [L, I] to [L, H], the state of each step, or to [H], that of the last.

    A step of one direction: macs H·(I + H), the second bias add H, and tanh H or, with `relu`, cmp H.
    params = H·(I + H) + 2H, or H with a `single` bias. Axes before the length are a batch.

    Source: Elman 1990; https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html
    """

    words: ClassVar[Mapping[str, str]] = {"RNN": "PyTorch", "SimpleRNN": "Keras"}

    gates = 1
    tried = ("nonlinearity tanh and relu",)

    nonlinearity: str = field(word("tanh", "relu"), "tanh", "What the sum of a step passes through.")

    def _step(self, hidden: int) -> Ledger:
        return Ledger(tanh=hidden) if self.nonlinearity == "tanh" else Ledger(cmp=hidden)

    @classmethod
    def own_values(cls, hidden: int) -> Sequence[Mapping[str, Any]]:
        return [{"nonlinearity": each} for each in cls.fields["nonlinearity"].words]
