"""Recurrent layers that a converter wrote as a loop over the steps of a sequence, with the layer's cell in its body.

What a body works out is written as a term, in which sums and products have no order; a loop whose terms are those of
a cell is that layer. Keras 3 is converted so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.importers.tflite import schema
from convcost.importers.tflite.model import FileGraph, FileOperator, FileTensor

LSTM, GRU, RNN = "loop.LSTM", "loop.GRU", "loop.SimpleRNN"
RELU_RNN = "loop.SimpleRNN.relu"

Term = tuple[Any, ...]
"""What a value is: the name of what is done, and what it is done to."""

MOST_LOOPS = 1000
MOST_IN_BODY = 200
"""How many loops of a file, and operators of a body, are looked at; a cell has up to 50."""
_MOST_OPERANDS = 4
_COND, _BODY = 0, 1  # the fields of options
_VIEWS = frozenset(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"))
_ACTIVATIONS = frozenset(("LOGISTIC", "TANH", "RELU"))
_STEP = ("step",)
_OUTER = -2  # less the number of a constant that the body does not hold itself
_MOST_TERMS = 500


def with_recurrent_layers(graph: FileGraph) -> FileGraph:
    """Return a graph in which loops that are recurrent layers are operators of their own: `loop.LSTM` and the like.

    They read the sequence, a matrix, a bias or −1, the matrix of the state, the state's bias or −1, then for a gate
    whose reset stands before the product its matrix or −1, and the states before the first step where these are no
    zeros. They give the sequence, or its last step, then the states.
    """
    tensors = list(graph.tensors)
    operators = list(graph.operators)
    loops = [at for at, operator in enumerate(operators) if operator.name == "WHILE"]
    for at in loops[:MOST_LOOPS]:
        operator = operators[at]
        if operator.options is None or graph.other is None:
            continue
        cond = graph.other(operator.options.whole(_COND))
        body = graph.other(operator.options.whole(_BODY))
        if len(body.operators) > MOST_IN_BODY:
            continue
        try:
            operators[at] = _Loop(graph, operator, cond, body, tensors).layer() or operator
        except (IndexError, ValueError):
            continue  # operators with other inputs than they have
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


class _Cell(Struct, frozen=True):
    """A layer by its cell.

    Attributes:
        name: What it is.
        weights: The constants of the body that it learns; −1 where there is none.
    """

    name: str
    weights: tuple[int, ...]


class _Loop:
    """One loop.

    Args:
        graph: The graph in which it runs.
        operator: It.
        cond: The graph that says whether it goes on.
        body: The graph that it runs.
        tensors: The tensors of the graph, to which those of the body are added.
    """

    def __init__(
        self, graph: FileGraph, operator: FileOperator, cond: FileGraph, body: FileGraph, tensors: list[FileTensor]
    ) -> None:
        self._graph, self._operator, self._cond, self._body = graph, operator, cond, body
        self._tensors = tensors
        constant = [each for each in graph.operators if each.name == "DEQUANTIZE" and len(each.inputs) == 1]
        self._stored = {each.outputs[0]: each.inputs[0] for each in constant if each.outputs and each.inputs[0] >= 0}
        self._terms = _Terms(body, self._constants())

    def layer(self) -> FileOperator | None:
        """Return the layer that the loop is; None where it is none that is known."""
        body, count = self._body, len(self._operator.inputs)
        if not count == len(self._operator.outputs) == len(body.inputs) == len(body.outputs) == len(self._cond.inputs):
            return None
        if min(*self._operator.inputs, *self._operator.outputs) < 0:
            return None
        places = range(count)
        counters = [at for at in places if self._terms.is_counter(at) and self._number(at) == 0]
        passed = [at for at in places if body.outputs[at] == body.inputs[at]]
        states = [at for at in places if ("state", at) in self._read(at, counters, passed)]
        others = [at for at in places if at not in {*counters, *passed, *states}]
        sequence = self._sequence(passed, counters)
        if len(others) != 1 or sequence is None or not states:
            return None
        (kept,) = others
        cell = _cell(self._terms, body, states)
        steps = self._steps(counters)
        shape = self._graph.tensors[self._operator.inputs[sequence]].sizes
        rows = self._graph.tensors[self._operator.outputs[kept]].sizes
        if cell is None or steps is None or len(shape) != 3 or shape[:2] != (steps, 1) or None in shape:
            return None
        if len(rows) != 3 or rows[0] not in (1, steps) or self._reads_others({kept, *states}):
            return None
        order = self._in_order(cell, states)
        if self._terms.kept(body.outputs[kept], body.inputs[kept]) != self._terms.of(body.outputs[order[0]]):
            return None
        begin = [self._operator.inputs[at] for at in order]
        if all([self._is_zero(index) for index in begin]):  # noqa: C419
            begin = []
        if any([self._tensor(index).is_constant for index in begin]):  # noqa: C419
            return None
        inputs = (self._operator.inputs[sequence], *[self._taken(index) for index in cell.weights], *begin)
        outputs = (self._operator.outputs[kept], *[self._operator.outputs[at] for at in order])
        return FileOperator(cell.name, inputs, outputs, None, self._operator.at)

    def _read(self, at: int, counters: list[int], passed: list[int]) -> Iterator[Term]:
        """Yield the state that an input of the body is, if it is one: what is neither a counter nor kept."""
        tensor = self._body.tensors[self._body.inputs[at]]
        if at not in counters and at not in passed and len(tensor.shape) == 2:
            yield ("state", at)

    def _sequence(self, passed: list[int], counters: list[int]) -> int | None:
        """Return the place of the sequence of which each run of the body reads one step."""
        read = self._terms.steps()
        found = [at for at in passed if self._body.inputs[at] in read]
        is_known = len(found) == len(read) == 1
        counted = {self._body.inputs[at] for at in counters}
        return found[0] if is_known and set(read.values()) <= counted else None

    def _steps(self, counters: list[int]) -> int | None:
        """Return the number of iterations: the least limit of the counters, which start at 0; None where unknown."""
        limits = []
        for operator in self._cond.operators:
            if operator.name == "LESS" and len(operator.inputs) == 2:
                place, limit = operator.inputs
                values = self._cond.values(self._cond.tensors[limit]) if limit >= 0 else None
                if place not in [self._cond.inputs[at] for at in counters] or values is None or len(values) != 1:
                    return None
                limits.append(int(values[0]))
            elif operator.name != "LOGICAL_AND":
                return None
        return min(limits) if limits else None

    def _reads_others(self, given: set[int]) -> bool:
        """Return whether anything reads what the loop gives beside what the layer does."""
        hidden = {index for at, index in enumerate(self._operator.outputs) if at not in given}
        read = {index for each in self._graph.operators for index in each.inputs} | set(self._graph.outputs)
        return not hidden.isdisjoint(read)

    def _in_order(self, cell: _Cell, states: list[int]) -> list[int]:
        """Return the places of the states: that which is put out first."""
        if cell.name != LSTM:
            return states
        return sorted(states, key=lambda at: self._terms.of(self._body.outputs[at])[0] != "product")

    def _constants(self) -> dict[int, int]:
        """Return the inputs of the body that are constants of the graph, each with its number as terms have it."""
        operands, body = self._operator.inputs, self._body
        triples = zip(operands, body.inputs, body.outputs, strict=False)
        return {
            given: _OUTER - self._tensor(index).index
            for index, given, kept in triples
            if given == kept and index >= 0 and self._tensor(index).is_constant
        }

    def _tensor(self, index: int) -> FileTensor:
        """Return a tensor; a constant of another type is the one that is stored."""
        return self._graph.tensors[self._stored.get(index, index)]

    def _number(self, at: int) -> Any:
        values = self._graph.values(self._tensor(self._operator.inputs[at]))
        return values[0] if values is not None and len(values) == 1 else None

    def _is_zero(self, index: int) -> bool:
        values = self._graph.values(self._tensor(index))
        return values is not None and not any(values)

    def _taken(self, index: int) -> int:
        """Return the number that a constant of the body has in the graph; −1 for none."""
        if index < 0:
            return _OUTER - index if index <= _OUTER else -1
        number = len(self._tensors)
        tensor = self._body.tensors[index]
        self._tensors.append(replace(tensor, index=number, name=f"{tensor.name}#loop{number}"))
        return number


class _Terms:
    """The terms of the values of a body.

    Args:
        body: The body.
        constants: Its inputs that are constants, each with what its term has for a number.
    """

    def __init__(self, body: FileGraph, constants: Mapping[int, int]) -> None:
        self._body = body
        self._constants = constants
        self._giving = {index: (each, at) for each in body.operators for at, index in enumerate(each.outputs)}
        self._found: dict[int, Term] = {}

    def of(self, index: int) -> Term:
        """Return the term of a value; one that is equal to no other where it is unknown."""
        if index not in self._found:
            self._found[index] = ("unknown", index)  # what reads itself
            term = self._term(index)
            if sum(1 for _ in islice(_all(term), _MOST_TERMS)) < _MOST_TERMS:
                self._found[index] = term
        return self._found[index]

    def is_counter(self, at: int) -> bool:
        """Return whether a run of the body adds 1 to a whole number."""
        operator, _ = self._giving.get(self._body.outputs[at], (None, 0))
        if operator is None or operator.name != "ADD" or len(operator.inputs) != 2:
            return False
        given, one = operator.inputs
        tensor = self._body.tensors[given]
        values = self._body.values(self._body.tensors[one])
        return given == self._body.inputs[at] and tensor.dtype in ("int32", "int64") and values == (1,)

    def steps(self) -> Mapping[int, int]:
        """Return the values of which a step is read, each with the number of the step."""
        reads = [each for each in self._body.operators if each.name == "GATHER" and len(each.inputs) == 2]
        return {each.inputs[0]: each.inputs[1] for each in reads}

    def kept(self, index: int, before: int) -> Term | None:
        """Return the term of a step that replaces one in a list of steps, or of the whole list; None for others."""
        operator, _ = self._giving.get(index, (None, 0))
        if operator is None or operator.name in _VIEWS:
            return self.of(index)
        if operator.name == "CONCATENATION" and len(operator.inputs) == 3:
            first, new, last = operator.inputs
            cuts = [self._giving.get(each, (None, 0))[0] for each in (first, last)]
            is_cut = all(cut is not None and cut.name == "SLICE" and cut.inputs[0] == before for cut in cuts)
            return self.of(new) if is_cut else None
        return None

    def _term(self, index: int) -> Term:
        tensor = self._body.tensors[index]
        if tensor.is_constant:
            return ("constant", index)
        if index in self._constants:
            return ("constant", self._constants[index])
        if index in self._body.inputs:
            return ("state", self._body.inputs.index(index))
        operator, at = self._giving.get(index, (None, 0))
        if operator is None or not operator.inputs or min(operator.inputs[:2]) < 0:
            return ("unknown", index)
        if len(operator.inputs) > _MOST_OPERANDS:
            return ("unknown", index)
        rule = _RULES.get(operator.name)
        found = rule(self, operator, at) if rule is not None else None
        return found or ("unknown", index)

    # rules

    def same(self, operator: FileOperator, at: int) -> Term | None:
        """Return the term of a value in other axes; that of a constant of another type is that of what is stored."""
        return self.of(operator.inputs[0])

    def step(self, operator: FileOperator, at: int) -> Term | None:
        return _STEP

    def active(self, operator: FileOperator, at: int) -> Term | None:
        return (operator.name, self.of(operator.inputs[0]))

    def sum(self, operator: FileOperator, at: int) -> Term | None:
        terms: list[Term] = []
        for index in operator.inputs:
            term = self.of(index)
            terms += term[1] if term[0] == "sum" else [term]
        return self._fused(operator, _sum(*terms))

    def product(self, operator: FileOperator, at: int) -> Term | None:
        return self._fused(operator, _product(*[self.of(index) for index in operator.inputs]))

    def rest(self, operator: FileOperator, at: int) -> Term | None:
        """Return the term of 1 less a value."""
        one = self.of(operator.inputs[0])
        values = self._body.values(self._body.tensors[one[1]]) if one[0] == "constant" and one[1] >= 0 else None
        return self._fused(operator, ("rest", self.of(operator.inputs[1]))) if values == (1.0,) else None

    def matrix(self, operator: FileOperator, at: int) -> Term | None:
        source, kernel, *bias = operator.inputs
        held = self.of(kernel)
        if held[0] != "constant":
            return None
        found: Term = ("matrix", self.of(source), held[1])
        if bias and bias[0] >= 0:
            found = _sum(found, self.of(bias[0]))
        return self._fused(operator, found)

    def part(self, operator: FileOperator, at: int) -> Term | None:
        """Return the term of one of some equal parts."""
        if operator.name == "SPLIT":
            return ("part", at, len(operator.outputs), self.of(operator.inputs[1]))
        source, starts, _, _ = operator.inputs
        before, after = self._body.tensors[source].shape, self._body.tensors[operator.outputs[0]].shape
        begin = self._body.values(self._body.tensors[starts])
        if len(before) != 2 or len(after) != 2 or after[1] < 1 or before[1] % after[1] or begin is None:
            return None
        return ("part", int(begin[-1]) // after[1], before[1] // after[1], self.of(source))

    def _fused(self, operator: FileOperator, term: Term) -> Term | None:
        number = operator.options.whole(0, "b") if operator.options is not None else 0
        name = schema.ACTIVATIONS[number] if 0 <= number < len(schema.ACTIVATIONS) else "unknown"
        return term if name == "NONE" else (name, term)


_RULES: Mapping[str, Callable[[_Terms, FileOperator, int], Term | None]] = {
    **dict.fromkeys((*_VIEWS, "DEQUANTIZE"), _Terms.same),
    **dict.fromkeys(_ACTIVATIONS, _Terms.active),
    "GATHER": _Terms.step,
    "ADD": _Terms.sum,
    "MUL": _Terms.product,
    "SUB": _Terms.rest,
    "FULLY_CONNECTED": _Terms.matrix,
    "SPLIT": _Terms.part,
    "STRIDED_SLICE": _Terms.part,
}


def _sum(*terms: Term) -> Term:
    return ("sum", sorted(terms, key=repr))


def _product(*terms: Term) -> Term:
    return ("product", sorted(terms, key=repr))


# cells


def _cell(terms: _Terms, body: FileGraph, states: list[int]) -> _Cell | None:
    """Return the cell whose states are so many values of a body."""
    found = [terms.of(body.outputs[at]) for at in states]
    known = [("state", at) for at in states]
    if len(states) == 2:
        return _lstm(found, known) or _lstm(found[::-1], known[::-1])
    return (_gru(found[0], known[0]) or _rnn(found[0], known[0])) if len(states) == 1 else None


def _lstm(found: list[Term], known: list[Term]) -> _Cell | None:
    """Return an LSTM whose state and memory are these terms; Hochreiter & Schmidhuber 1997, with a forget gate."""
    state, memory = known
    parts = [part for part in _parts(found[0]) if part[2] == 4]
    if not parts:
        return None
    gates = parts[0][3]

    def gate(at: int) -> Term:
        return ("part", at, 4, gates)

    new = _product(("LOGISTIC", gate(0)), ("TANH", gate(2)))
    after = _sum(_product(("LOGISTIC", gate(1)), memory), new)
    given = _product(("LOGISTIC", gate(3)), ("TANH", after))
    matrices = _matrices(gates, _STEP, state)
    return _Cell(LSTM, (*matrices, -1, -1)) if matrices and found == [given, after] else None


def _gru(found: Term, state: Term) -> _Cell | None:
    """Return a GRU whose state is a term; Cho et al. 2014, with the reset gate before the product or behind it."""
    parts = list(_parts(found))
    inputs = next((part[3] for part in parts if part[2] == 3 and _has(part[3], _STEP)), None)
    others = [part[3] for part in parts if not _has(part[3], _STEP)]
    read = _biased(inputs, _STEP) if inputs is not None else None
    if inputs is None or read is None or not others:
        return None
    of_state, count = others[0], next(part[2] for part in parts if part[3] == others[0])
    held = _biased(of_state, state)
    if held is None:
        return None

    def gate(at: int) -> Term:
        return ("LOGISTIC", _sum(("part", at, 3, inputs), ("part", at, count, of_state)))

    kept, reset = gate(0), gate(1)
    last = -1
    if count == 3:
        behind = _product(reset, ("part", 2, 3, of_state))
    else:
        wanted = _product(reset, state)
        last = next((term[2] for term in _all(found) if term[0] == "matrix" and term[1] == wanted), -1)
        behind = ("matrix", wanted, last)
    new = ("TANH", _sum(("part", 2, 3, inputs), behind))
    if found != _sum(_product(kept, state), _product(("rest", kept), new)):
        return None
    return _Cell(GRU, (*read, *held, last))


def _rnn(found: Term, state: Term) -> _Cell | None:
    """Return an Elman network whose state is a term."""
    if found[0] not in ("TANH", "RELU"):
        return None
    matrices = _matrices(found[1], _STEP, state)
    return _Cell(RNN if found[0] == "TANH" else RELU_RNN, (*matrices, -1, -1)) if matrices else None


def _matrices(term: Term, step: Term, state: Term) -> tuple[int, int, int] | None:
    """Return the matrices and the bias of a sum of two products, of a step and of a state: kernel, bias, kernel."""
    terms = term[1] if term[0] == "sum" else []
    kernels = {each[1]: each[2] for each in terms if each[0] == "matrix"}
    biases = [each[1] for each in terms if each[0] == "constant"]
    if len(kernels) + len(biases) != len(terms) or set(kernels) != {step, state} or len(biases) > 1:
        return None
    return kernels[step], biases[0] if biases else -1, kernels[state]


def _biased(term: Term, source: Term) -> tuple[int, int] | None:
    """Return the matrix and the bias of a product with a value."""
    terms = term[1] if term[0] == "sum" else [term]
    kernels = [each[2] for each in terms if each[0] == "matrix" and each[1] == source]
    biases = [each[1] for each in terms if each[0] == "constant"]
    if len(kernels) != 1 or len(biases) > 1 or len(terms) != len(biases) + 1:
        return None
    return kernels[0], biases[0] if biases else -1


def _all(term: Any) -> Iterator[Term]:
    """Yield a term and those within it."""
    if isinstance(term, tuple):
        yield term
    if isinstance(term, (tuple, list)):
        for each in term:
            yield from _all(each)


def _parts(term: Term) -> Iterator[Term]:
    return (each for each in _all(term) if each[:1] == ("part",))


def _has(term: Term, wanted: Term) -> bool:
    return any(each == wanted for each in _all(term))
