"""What the standard and the separable form of each convolution cost, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar, Self

from msgspec import Struct

from convcost.cost.analysis import Analysis, total
from convcost.cost.separable import SeparableRatio, ratios
from convcost.errors import WarningDetail
from convcost.layers import REGISTRY
from convcost.network import Layer, Network
from convcost.network.patterns import is_pointwise, separable_pairs
from convcost.ops import Cost
from convcost.reports.result import Result
from convcost.rewriting.application import Rewritten, Survey, apply, survey
from convcost.rewriting.rewrites import named

STANDARD, SEPARABLE, NEITHER = "standard", "separable", "neither"
MIXED = "standard and separable"
"""The form of several layers together of which some are standard and some separable."""
OTHERS = "other layers"


_LONGEST_REASON = 20  # characters beside the ratios


class Compared(Struct, frozen=True):
    """A convolution or linear layer in both forms.

    Attributes:
        path: The layer's name in parts, outermost first.
        name: The layer's name.
        line: The line of the file where it is written; 0 where there is none.
        written: The form in which it is written: `standard`, `separable`, or `neither`.
        kernel: The kernel size of its window; empty for a linear layer.
        input_shape: What it reads, channels first.
        output_shape: What it gives, channels first.
        standard: What the standard form costs, without norm and activation, over the whole batch.
        separable: What the separable form costs.
        ratio: The separable form's share of the multiplications, where there are two forms.
        reason: Why there is no other form.
        origin: The path of its module in the model file that it is of; empty where there is none.
    """

    path: tuple[str, ...]
    name: str
    line: int
    written: str
    kernel: tuple[int, ...]
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    standard: Cost
    separable: Cost
    ratio: SeparableRatio | None
    reason: str
    origin: str = ""

    @property
    def saved(self) -> int:
        """Multiplications that the separable form saves."""
        return self.standard.mults - self.separable.mults

    @property
    def reason_texts(self) -> tuple[str, str]:
        """Its reason for the column of ratios; where it is too long for that, a hint, and the reason beside."""
        return (self.reason, "") if len(self.reason) <= _LONGEST_REASON else ("see right", self.reason)

    @property
    def share(self) -> Fraction:
        """The separable form's multiplications as a share of the standard one's."""
        return Fraction(self.separable.mults, self.standard.mults)


class Comparison(Result, frozen=True):
    """A network as it is written, with every convolution standard, and with every one separable.

    Attributes:
        written: The network as it is.
        standard: The network with its separable convolutions rewritten.
        separable: The network with its standard convolutions rewritten.
        layers: Its convolutions and linear layers, in order.
        others: What all other layers cost: in the standard, and in the separable network.
        other_layers: How many other layers the network has as it is.
    """

    shown_by: ClassVar[str] = "convcost.comparison.compare_report:ComparisonReport"
    charts: ClassVar[Mapping[str, str]] = {"separable": "convcost.comparison.chart:separable_chart"}

    written: Analysis
    standard: Analysis
    separable: Analysis
    layers: tuple[Compared, ...]
    others: tuple[Cost, Cost]
    other_layers: int

    @classmethod
    def of(cls, network: Network, *, batch: int = 1, fold: bool = True) -> Self:
        """Compare the forms of a network's convolutions.

        Args:
            network: The network.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
        """
        readers = network.readers()
        pairs = separable_pairs(network, readers)
        surveys = survey(network, named("standard")), survey(network, named("separable"))
        sides = [_side(network, found, pairs, batch=batch, fold=fold) for found in surveys]
        (standard, by_layer), (separable, by_layer_separable) = sides
        found = ratios(network, readers)
        reasons = {**surveys[1].refusals, **surveys[0].refusals}
        depthwise = set(pairs.values())
        layers = []
        others = 0
        for index, layer in enumerate(network.layers):
            if not REGISTRY[layer.type].weights:
                others += 1
            elif index not in depthwise:
                window = network.layers[pairs[index]] if index in pairs else layer
                ratio = found.get(index) if any(index in each.sites for each in surveys) else None
                together = _together(window, layer)
                layers.append(
                    Compared(
                        path=together,
                        name="/".join(together),
                        line=layer.line,
                        origin=layer.origin,
                        written=ratio.kind if ratio else NEITHER,
                        kernel=_kernel(window),
                        input_shape=window.input_shapes[0],
                        output_shape=layer.output_shape,
                        standard=by_layer[index],
                        separable=by_layer_separable[index],
                        ratio=ratio,
                        reason="" if ratio else _reason(layer, reasons.get(index, "")),
                    )
                )
        return cls(
            written=Analysis.of(network, batch=batch, fold=fold),
            standard=standard,
            separable=separable,
            layers=tuple(layers),
            others=(by_layer[_REST], by_layer_separable[_REST]),
            other_layers=others,
        )

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles

        mults = [f"{analysis.total.mults:,} mults {name}" for name, analysis in self.totals().items()]
        return f"{titles.title(self.written.network)}: {', '.join(mults)}"

    def totals(self) -> dict[str, Analysis]:
        """Return the three networks by name."""
        return {"as written": self.written, "all standard": self.standard, "all separable": self.separable}

    @property
    def declared_layers(self) -> int:
        """How many layers are at declared costs."""
        return sum(layer.definition.declared for layer in self.written.network.layers)

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec and rarely meant."""
        return self.written.warnings

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.cost.documents import convention_document, cost_document, network_document
        from convcost.cost.footprint import footprint
        from convcost.documents import comparison as documents
        from convcost.documents.footprint import FootprintForms
        from convcost.documents.warnings import warning_documents

        standard, separable = self.others
        others = cost_document(standard), cost_document(separable)
        return documents.ComparisonDocument(
            network=network_document(self.written.network),
            convention=convention_document(self.written),
            layers=[_layer(layer) for layer in self.layers],
            others=documents.Others(
                layers=self.other_layers, standard=others[0], separable=others[1], declared=self.declared_layers
            ),
            totals=documents.Forms(
                as_written=cost_document(self.written.total),
                all_standard=cost_document(self.standard.total),
                all_separable=cost_document(self.separable.total),
            ),
            memory=FootprintForms(
                as_written=footprint(self.written),
                all_standard=footprint(self.standard),
                all_separable=footprint(self.separable),
            ),
            warnings=warning_documents(self.warnings),
        )


_REST = -2  # stands for all layers that are no convolution and not linear


def _side(
    network: Network, found: Survey, pairs: dict[int, int], *, batch: int, fold: bool
) -> tuple[Analysis, dict[int, Cost]]:
    """Return a rewritten network's cost, in all and by the old layer that each layer stands for.

    Both stages of a separable convolution stand for its pointwise stage.
    """
    rewritten: Rewritten = apply(network, list(found.sites.values()))
    analysis = Analysis.of(rewritten.network, batch=batch, fold=fold)
    pointwise = {depthwise: index for index, depthwise in pairs.items()}
    parts: dict[int, list[Cost]] = {_REST: []}
    for layer, origin in zip(analysis.layers, rewritten.origins, strict=True):
        key = pointwise.get(origin, origin) if REGISTRY[layer.type].weights else _REST
        parts.setdefault(key, []).append(layer.cost)
    return analysis, {key: total(each) for key, each in parts.items()}


def _together(depthwise: Layer, pointwise: Layer) -> tuple[str, ...]:
    """Return the path of a convolution: of the item where both stages are one item's, else of the last layer."""
    one_item = depthwise.item == pointwise.item
    if depthwise is not pointwise and one_item and depthwise.path[:-1] == pointwise.path[:-1]:
        return pointwise.path[:-1]
    return pointwise.path


def _kernel(layer: Layer) -> tuple[int, ...]:
    if layer.type == "linear":
        return ()
    kernel: tuple[int, ...] = layer.fields.get("kernel_size", (1,) * (len(layer.input_shapes[0]) - 1))
    return kernel


def _reason(layer: Layer, refusal: str) -> str:
    """Return why a convolution or linear layer has no counterpart."""
    if layer.type == "linear":
        return "linear: no window"
    if layer.type == "transposed_conv":
        return "transposed"
    if is_pointwise(layer) or (layer.type in ("conv", "pointwise_conv") and max(_kernel(layer)) == 1):
        return "1×1: no window" if layer.fields["groups"] == 1 else "grouped 1×1"
    if layer.type == "depthwise_conv" or layer.fields["groups"] == layer.input_shapes[0][0]:
        return "depthwise alone"
    return "grouped" if layer.fields["groups"] > 1 else refusal


def _layer(layer: Compared) -> Any:
    from msgspec import UNSET

    from convcost.cost.documents import cost_document, ratio_document
    from convcost.documents.comparison import Convolution

    return Convolution(
        name=layer.name,
        line=layer.line or None,
        origin=layer.origin or UNSET,
        written=layer.written,
        kernel_size=list(layer.kernel),
        input_shape=list(layer.input_shape),
        output_shape=list(layer.output_shape),
        standard=cost_document(layer.standard),
        separable=cost_document(layer.separable),
        saved_mults=layer.saved,
        saved_params=layer.standard.params - layer.separable.params,
        ratio=ratio_document(layer.ratio),
        reason=layer.reason or None,
    )
