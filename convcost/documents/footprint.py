"""The documents of what forms of a network take in memory."""

from __future__ import annotations

from msgspec import Struct

from convcost.documents.numbers import Count


class Footprint(Struct, frozen=True, kw_only=True):
    """What a network takes, at the types of its spec.

    Attributes:
        peak_memory: The most bytes of activations that live while a layer runs, in the order of the spec.
        weight_bytes: What its deployed parameters, and the statistics of norms that stay, take.
    """

    peak_memory: Count
    weight_bytes: Count


class FootprintChange(Struct, frozen=True, kw_only=True):
    """What a network, or two, take in memory.

    Attributes:
        before: As it was, or the first.
        after: As it is now, or the second.
    """

    before: Footprint
    after: Footprint


class FootprintForms(Struct, frozen=True, kw_only=True):
    """What a network takes in its three forms.

    Attributes:
        as_written: As it is.
        all_standard: With every convolution standard.
        all_separable: With every one separable.
    """

    as_written: Footprint
    all_standard: Footprint
    all_separable: Footprint
