"""The documents of rewrites: a network before and after, suggestions, and the list of rewrites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Struct, UnsetType

from convcost.documents import VERSION
from convcost.documents.analysis import NetworkDocument, Told
from convcost.documents.footprint import FootprintChange
from convcost.documents.numbers import Count, cost
from convcost.documents.warnings import Warning

if TYPE_CHECKING:
    Cost = Any
else:
    Cost = cost()


class BeforeAfter(Struct, frozen=True, kw_only=True):
    """What some layers cost before and after a rewrite."""

    before: Cost
    after: Cost


class PlaceDocument(Struct, frozen=True, kw_only=True):
    """A place that was rewritten.

    Attributes:
        name: The name of the layer, or of the item where it wrote several.
        rewrite: The rewrite.
        becomes: What stands there now.
        before: What its layers cost.
        after: What those cost that took their place.
    """

    name: str
    rewrite: str
    becomes: str
    before: Cost
    after: Cost


class RewritingDocument(Struct, frozen=True, kw_only=True):
    """A network before and after a rewrite, as `convcost rewrite` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network as it was.
        convention: What the numbers count.
        places: What was rewritten.
        others: What all other layers cost.
        totals: What the network costs in all.
        memory: What it takes.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: NetworkDocument
    convention: Told
    places: list[PlaceDocument]
    others: BeforeAfter
    totals: BeforeAfter
    memory: FootprintChange
    warnings: list[Warning] = []


class StepDocument(Struct, frozen=True, kw_only=True):
    """A rewrite that is suggested.

    Attributes:
        layers: The layers that it touches.
        rewrite: The rewrite.
        before: What they cost.
        after: What takes their place.
        total: What the network costs with this step and those before it.
    """

    layers: list[str]
    rewrite: str
    before: Cost
    after: Cost
    total: Cost


class SuggestionDocument(Struct, frozen=True, kw_only=True):
    """Rewrites that bring a network within its limits, as `convcost suggest` shows them.

    Attributes:
        schema_version: The version of this structure.
        network: The network as it is.
        convention: What the numbers count.
        limits: The largest value allowed of each metric.
        reached: Whether all limits are kept.
        spared: Layers that a rewrite could take, but that are written with the first or the last layer with weights.
        reached_by: The options by which the limits are kept where they are not yet; null where nothing more helps.
        steps: The rewrites, in the order in which they were chosen.
        totals: What the network costs in all.
        memory: What it takes.
        command: The command line that does them.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: NetworkDocument
    convention: Told
    limits: dict[str, Count]
    reached: bool
    spared: list[str]
    reached_by: str | None
    steps: list[StepDocument]
    totals: BeforeAfter
    memory: FootprintChange
    command: str | UnsetType | None = UNSET
    warnings: list[Warning] = []


class RewriteDocument(Struct, frozen=True, kw_only=True):
    """A rewrite of the list.

    Attributes:
        name: Its name.
        summary: What becomes what.
        mults_left: What is left of the multiplications, as a formula.
        params_left: What is left of the parameters.
        options: Its options with their defaults.
        loses: What it cannot keep.
        source: Where it comes from.
    """

    name: str
    summary: str
    mults_left: str
    params_left: str
    options: str
    loses: str
    source: str


class Catalogue(Struct, frozen=True, kw_only=True):
    """The list of all rewrites, as `convcost rewrite --list` shows it.

    Attributes:
        schema_version: The version of this structure.
        letters: What the letters of the formulas mean.
        rewrites: The rewrites.
    """

    schema_version: int = VERSION
    letters: str
    rewrites: list[RewriteDocument]
