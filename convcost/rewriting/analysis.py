"""The result of a rewrite: what each rewritten place and the network cost before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from msgspec import Struct

from convcost.cost.analysis import Analysis, total
from convcost.errors import WarningDetail
from convcost.layers import REGISTRY
from convcost.network import Network
from convcost.ops import Cost
from convcost.reports.result import Result
from convcost.rewriting.application import Rewritten, apply
from convcost.rewriting.base import Part, Rewrite, Site
from convcost.rewriting.selection import site_path


class RewrittenPlace(Struct, frozen=True):
    """A place that was rewritten.

    Attributes:
        path: The parts of its name: of the layer, or of the item where that wrote several layers.
        rewrite: The rewrite's name.
        becomes: The types of the new layers, as text.
        before: The cost of its old layers, with their own norms and activations.
        after: The cost of the layers that replaced them.
    """

    path: tuple[str, ...]
    rewrite: str
    becomes: str
    before: Cost
    after: Cost

    @property
    def name(self) -> str:
        """The name."""
        return "/".join(self.path)


class Rewriting(Result, frozen=True):
    """A network before and after a rewrite.

    Attributes:
        before: The cost of the old network.
        after: The cost of the new network.
        places: The places that were rewritten.
        others: The cost of all other layers, before and after.
    """

    shown_by: ClassVar[str] = "convcost.rewriting.report:RewritingReport"

    before: Analysis
    after: Analysis
    places: tuple[RewrittenPlace, ...]
    others: tuple[Cost, Cost]

    @classmethod
    def of(
        cls, network: Network, changes: Sequence[tuple[Rewrite, Sequence[Site]]], *, batch: int = 1, fold: bool = True
    ) -> Self:
        """Rewrite the sites and analyse both networks."""
        chosen = [(rewrite, site) for rewrite, sites in changes for site in sites]
        rewritten: Rewritten = apply(network, [site for _, site in chosen])
        before = Analysis.of(network, batch=batch, fold=fold)
        after = Analysis.of(rewritten.network, batch=batch, fold=fold)
        new: dict[int, list[Cost]] = {}
        for layer, origin in zip(after.layers, rewritten.origins, strict=True):
            new.setdefault(origin, []).append(layer.cost)
        places = []
        taken: set[int] = set()
        for rewrite, site in chosen:
            taken |= site.becomes.keys()
            places.append(
                RewrittenPlace(
                    path=site_path(network, site),
                    rewrite=rewrite.name,
                    becomes=_becomes(site),
                    before=total([before.layers[index].cost for index in site.becomes]),
                    after=total([cost for index in site.becomes for cost in new.get(index, ())]),
                )
            )
        rest = [index for index in range(len(network.layers)) if index not in taken]
        others = (
            total([before.layers[index].cost for index in rest]),
            total([cost for index in rest for cost in new[index]]),
        )
        return cls(before, after, tuple(places), others)

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles
        from convcost.reports.table import counted

        mults = f"{self.before.total.mults:,} → {self.after.total.mults:,} mults"
        return f"{titles.title(self.before.network)}: {counted(len(self.places), 'place')} rewritten, {mults}"

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec as it was and rarely meant."""
        return self.before.warnings

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.cost.documents import convention_document, cost_document, network_document
        from convcost.cost.footprint import footprint_change
        from convcost.documents import rewriting as documents
        from convcost.documents.warnings import warning_documents

        return documents.RewritingDocument(
            network=network_document(self.before.network),
            convention=convention_document(self.before),
            places=[
                documents.PlaceDocument(
                    name=place.name,
                    rewrite=place.rewrite,
                    becomes=place.becomes,
                    before=cost_document(place.before),
                    after=cost_document(place.after),
                )
                for place in self.places
            ],
            others=before_after(*self.others),
            totals=before_after(self.before.total, self.after.total),
            memory=footprint_change(self.before, self.after),
            warnings=warning_documents(self.warnings),
        )


def before_after(before: Cost, after: Cost) -> Any:
    """Return the document of a cost before and after."""
    from convcost.cost.documents import cost_document
    from convcost.documents.rewriting import BeforeAfter

    return BeforeAfter(before=cost_document(before), after=cost_document(after))


def _becomes(site: Site) -> str:
    """Return the types of a site's new layers as text; equal neighbours are counted.

    >>> _becomes(Site({0: (Part("a", "conv", {}), Part("b", "conv", {}), Part("c", "flatten", {}))}))
    'conv × 2, flatten'
    """
    types: list[list[Any]] = []
    for parts in site.becomes.values():
        for part in parts:
            type = _type_of(part)
            if types and types[-1][1] == type:
                types[-1][0] += 1
            else:
                types.append([1, type])
    return ", ".join(f"{type} × {count}" if count > 1 else type for count, type in types)


def _type_of(part: Part) -> str:
    """Return a part's type as text; a merge with its branches."""
    if part.branches:
        return f"{part.type} of " + " and ".join(", ".join(map(_type_of, branch)) for branch in part.branches)
    if "groups" in part.fields and part.fields["groups"] != 1 and REGISTRY[part.type].weights:
        return f"{part.type} in {part.fields['groups']} groups"
    if max(part.fields.get("kernel_size", (0,))) > 0 and part.type == "conv":
        return f"{'×'.join(map(str, part.fields['kernel_size']))} conv"
    return part.type
