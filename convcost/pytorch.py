"""A module of PyTorch as a `Model`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from convcost import model_options
from convcost.model import Model
from convcost.preconditions import by_name
from convcost.spec import Spec
from convcost.spec.origin import Origin
from convcost.spec.source import of_module


def from_torch(
    module: Any,
    example_inputs: Any,
    *,
    kwargs: Mapping[str, Any] | None = None,
    dynamic_shapes: Any = None,
    set: Mapping[str, Any] | None = None,
    free: Collection[str] | None = None,
    max_layers: int | None = None,
    declare: Mapping[str, Mapping[str, Any]] | None = None,
    allow_unknown: bool = False,
) -> Model:
    """Read a module of PyTorch, which needs torch 2.4 or newer.

    `torch.export` follows what the module does on tensors without numbers: there is no forward pass, and no memory for
    weights. The module is exported as at inference and left as it was.

    Args:
        module: A `torch.nn.Module`, on any device, `meta` too; or an exported program.
        example_inputs: What it is called with, for one input: a tensor, or a tuple of what its `forward` takes; sizes
            such as `(1, 3, 224, 224)` stand for a tensor of them, `((1, 3, 8, 8), (1, 10))` for two.
        kwargs: What it is called with by name.
        dynamic_shapes: The axes that stay open, as `torch.export.export` takes them; they become symbols, whose values
            are the sizes of the example.
        set: Values for these symbols.
        free: Symbols that stay symbols.
        max_layers: How many layers the network may have.
        declare: Costs for operators that have no layer type, for each call, by their names, such as
            `{"aten.fft_rfft": {"macs": 1000}}`.
        allow_unknown: Whether others of these are left out of the count, so that all totals are lower bounds.

    Returns:
        The model; its `text` is the spec.

    Raises:
        OptionError: There is no torch, it is too old, or these are no module and inputs.
        SpecError: The module cannot be exported, or has operators without a layer type.
    """
    with model_options.using(declare=declare, allow_unknown=allow_unknown, inputs=None):
        source, sizes = of_module(module, example_inputs, kwargs, dynamic_shapes)
    origin = Origin(source.file, Spec(source, max_layers), sizes).at(by_name("set", set), free)
    return Model(origin.reader.network(origin.settings, origin.free), origin)
