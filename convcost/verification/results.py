"""The result of a verification: for each layer the counts, the predictions, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, ClassVar

from msgspec import Struct

from convcost.documents import verification as documents
from convcost.errors import WarningDetail
from convcost.network import Network
from convcost.ops import KINDS
from convcost.reports.result import Result

Shape = tuple[int, ...]


LAYERWISE = "the layers shrink one by one, each with its own sizes"
"""What `kept` has for a network that does not shrink as a whole."""


class Counts(Struct, frozen=True):
    """The numbers of one layer, as the executor counts or the formulas predict them, for one input.

    Attributes:
        output_shape: Its output shape, channels first.
        ops: Scalar operations by kind, those that occur.
        macs: Multiply–accumulates.
        useful_mults: Multiplications less those by the layer's own zero padding, or that land in a cropped margin.
        params: Trainable numbers.
        buffers: Running statistics.
        more_shapes: What it gives besides, where it has several outputs.
    """

    output_shape: Shape
    ops: Mapping[str, int]
    macs: int
    useful_mults: int
    params: int
    buffers: int
    more_shapes: tuple[Shape, ...] = ()

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of each output."""
        return (self.output_shape, *self.more_shapes)

    @property
    def mults(self) -> int:
        """Scalar multiplications."""
        return self.ops.get("mul", 0)

    def numbers(self) -> Iterator[tuple[str, int]]:
        """Yield each count with its name; every kind of operation is one."""
        for kind in KINDS:
            yield kind, self.ops.get(kind, 0)
        yield "macs", self.macs
        yield "useful_mults", self.useful_mults
        yield "params", self.params
        yield "buffers", self.buffers

    def document(self) -> documents.CountsDocument:
        """Return the counts as a document has them."""
        return documents.CountsDocument(
            output_shape=list(self.output_shape),
            mults=self.mults,
            ops={kind: self.ops[kind] for kind in KINDS if kind in self.ops},
            macs=self.macs,
            useful_mults=self.useful_mults,
            params=self.params,
            buffers=self.buffers,
        )


class CountDifference(Struct, frozen=True):
    """A count that is not what the formula predicts; `kind` names it as `Counts` does."""

    kind: str
    counted: Any
    predicted: Any

    def document(self) -> documents.CountDifferenceDocument:
        """Return the difference as a document has it."""
        return documents.CountDifferenceDocument(kind=self.kind, counted=self.counted, predicted=self.predicted)


class LayerProof(Struct, frozen=True):
    """One layer, executed.

    Attributes:
        path: Its name in parts, outermost first.
        name: Its name, unique within the network.
        type: The layer type.
        input_shapes: The shapes that it was executed on: those that its input layers gave when executed.
        counted: The counts of the executor; None where the layer cannot be executed.
        predicted: The formulas' predictions for the same input; None where they refuse it.
        same_as: The equal layer that was executed instead; empty for a layer that was executed itself.
        error: The reason why the layer cannot be executed or predicted.
        declared: Whether its costs are the author's, so that there is nothing to verify.
        times: How often it runs in the network, once for each slice of an `each`; it was executed once.
    """

    path: tuple[str, ...]
    name: str
    type: str
    input_shapes: tuple[Shape, ...]
    counted: Counts | None
    predicted: Counts | None
    same_as: str = ""
    error: str = ""
    declared: bool = False
    times: int = 1

    @property
    def agrees(self) -> bool:
        """Whether everything counted is what the formulas predict."""
        return self.counted is not None and self.counted == self.predicted

    @property
    def disagrees(self) -> bool:
        """Whether something is to be verified and is not what the formulas predict."""
        return not self.agrees and not self.declared

    def differences(self) -> tuple[CountDifference, ...]:
        """Return the counts that differ from the prediction."""
        return differences(self.counted, self.predicted)

    def document(self) -> documents.ExecutedLayer:
        """Return the proof as a document has it."""
        output = list(self.counted.output_shape) if self.counted else None
        return documents.ExecutedLayer(
            name=self.name,
            type=self.type,
            executed=documents.Executed(input_shapes=list(map(list, self.input_shapes)), output_shape=output),
            counted=self.counted.document() if self.counted else None,
            predicted=self.predicted.document() if self.predicted else None,
            agrees=None if self.declared else self.agrees,
            declared=self.declared,
            same_as=self.same_as or None,
            differences=[difference.document() for difference in self.differences()],
            error=self.error or None,
        )


class Verification(Result, frozen=True):
    """The executed layers of a network, and whether they agree with the formulas.

    Attributes:
        network: The network.
        executed: The network that was executed: itself, or its tiny form.
        full: Whether it was asked to be executed at its real size.
        kept: The parts of the network that could not shrink, each with the reason.
        fold: Whether batch norms fold into the convolution or linear layer before them.
        seed: The seed of the inputs and weights.
        engine: How convolutions multiplied.
        layers: The layers that were executed, in order; fewer than the network has only if it was interrupted.
    """

    shown_by: ClassVar[str] = "convcost.verification.report:VerificationReport"

    network: Network
    executed: Network
    full: bool
    kept: tuple[str, ...]
    fold: bool
    seed: int
    engine: str
    layers: tuple[LayerProof, ...]

    @property
    def layerwise(self) -> bool:
        """Whether each layer was executed on small inputs of its own, the network not shrinking as a whole."""
        return not self.full and self.executed is self.network and LAYERWISE in self.kept

    @property
    def complete(self) -> bool:
        """Whether every layer was executed."""
        return len(self.layers) == len(self.executed.layers)

    @property
    def ok(self) -> bool:
        """Whether every layer was executed and all of its counts agree; those whose costs are declared apart."""
        return self.complete and all(layer.agrees or layer.declared for layer in self.layers)

    @property
    def performed(self) -> int:
        """Multiplications that were performed, each layer that was executed itself counting once."""
        return sum(layer.counted.mults for layer in self.layers if layer.counted and not layer.same_as)

    def counted(self) -> dict[str, int]:
        """Return the sum of all counts; a layer that equals an executed one counts the same."""
        return _totals([layer.counted for layer in self.layers])

    def predicted(self) -> dict[str, int]:
        """Return the sum of all predictions."""
        return _totals([layer.predicted for layer in self.layers])

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles
        from convcost.reports.table import counted

        agree = sum(layer.agrees for layer in self.layers)
        return f"{titles.title(self.network)}: {agree:,} of {counted(len(self.executed.layers), 'layer')} agree"

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec and rarely meant."""
        return self.network.warnings

    def document(self) -> documents.VerificationDocument:
        """Return the document that `--format json` writes."""
        from convcost.documents.warnings import warning_documents

        network, executed = self.network, self.executed
        return documents.VerificationDocument(
            network=documents.VerifiedNetwork(
                name=network.name or None, file=network.file or None, input_shape=list(network.input_shape)
            ),
            executed=documents.Run(
                input_shape=list(executed.input_shape),
                full=self.full,
                kept=list(self.kept),
                fold=self.fold,
                seed=self.seed,
                engine=self.engine,
            ),
            agrees=self.ok,
            complete=self.complete,
            performed_mults=self.performed,
            layers=[layer.document() for layer in self.layers],
            total=documents.Counted(counted=self.counted(), predicted=self.predicted()),
            warnings=warning_documents(self.warnings),
        )


class Interrupted(KeyboardInterrupt):
    """A verification was interrupted.

    Args:
        verification: The result so far.
    """

    def __init__(self, verification: Verification) -> None:
        super().__init__()
        self.verification = verification


def differences(counted: Counts | None, predicted: Counts | None) -> tuple[CountDifference, ...]:
    """Return the counts that differ from their predictions; none where one of them is missing."""
    if counted is None or predicted is None or counted == predicted:
        return ()
    found = []
    for mine, theirs in zip_longest(counted.shapes, predicted.shapes):
        if mine != theirs:
            found.append(CountDifference("output_shape", mine, theirs))
    pairs = zip(counted.numbers(), predicted.numbers(), strict=True)
    return (*found, *(CountDifference(kind, ours, said) for (kind, ours), (_, said) in pairs if ours != said))


def _totals(counts: Sequence[Counts | None]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for each in counts:
        for kind, number in each.numbers() if each else ():
            totals[kind] = totals.get(kind, 0) + number
    return totals
