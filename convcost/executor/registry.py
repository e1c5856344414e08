"""The executors by layer type, each named at the one place where it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from convcost.executor.arithmetic import Arithmetic
from convcost.executor.array import Array
from convcost.executor.weights import Weights
from convcost.registry import Registry

Engine: TypeAlias = Literal["auto", "plain", "lanes"]


class Job(msgspec.Struct, frozen=True):
    """What an executor works with besides its inputs and fields.

    Args:
        arithmetic: Performs the operations and counts them.
        weights: Where the layer's weights come from.
        engine: How convolutions multiply.
        folded: Whether a batch_norm went into the weights of the layer before it.
    """

    arithmetic: Arithmetic
    weights: Weights
    engine: Engine
    folded: bool


# Takes the job, the inputs in order and the layer's fields by name; several outputs are a tuple.
Executor: TypeAlias = Callable[..., Array | tuple[Array, ...]]
_Decorated = TypeVar("_Decorated", bound=Executor)

REGISTRY: Registry[Executor] = Registry("executor", "convcost.executors", check=lambda name, entry: _check(entry))


def executes(type: str) -> Callable[[_Decorated], _Decorated]:
    """Register the decorated function as the executor of a layer type.

    Raises:
        DuplicateError: The type has an executor already; both places are named.
    """

    def register(executor: _Decorated) -> _Decorated:
        REGISTRY.add(type, executor)
        return executor

    return register


def executor_of(type: str) -> Executor:
    """Return the executor of a layer type.

    Raises:
        ValueError: The type has none.
        PluginError: It is another package's, and cannot be loaded.
    """
    try:
        return REGISTRY[type]
    except KeyError:
        raise ValueError(f"no executor for {type!r}") from None


def types() -> tuple[str, ...]:
    """Return the layer types that have an executor, sorted."""
    return tuple(sorted(REGISTRY))


def _check(executor: Any) -> str:
    return "" if callable(executor) else f"it is no function but {executor!r}"
