"""The document of the shipped specs."""

from __future__ import annotations

from msgspec import Struct

from convcost.documents import VERSION
from convcost.documents.numbers import Count


class SpecDocument(Struct, frozen=True, kw_only=True):
    """A shipped spec.

    Attributes:
        name: Its name.
        network: What the network is called.
        year: When it was published.
        input_shape: What it takes, channels first.
        params: Trainable numbers.
        macs: Multiply–accumulates.
        mults: Scalar multiplications.
        source: Where the architecture comes from.
    """

    name: str
    network: str | None
    year: int | None
    input_shape: list[Count]
    params: Count
    macs: Count
    mults: Count
    source: str | None


class Specs(Struct, frozen=True, kw_only=True):
    """The shipped specs, as `convcost specs` lists them.

    Attributes:
        schema_version: The version of this structure.
        specs: The specs.
    """

    schema_version: int = VERSION
    specs: list[SpecDocument]
