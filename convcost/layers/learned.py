"""Learned numbers that are values of their own: parameters, and the rows of an embedding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, MIXES, MOVES, LayerType, Trials
from convcost.layers.fields import CHANNELS, TIMES, field, flag, layout_field, whole, wholes
from convcost.layers.layout import TOKENS, UNKNOWN, VECTOR, Input, Shape
from convcost.layers.reading import Reading, Readings, axes
from convcost.ops import Cost, product


class Parameter(LayerType, type="parameter"):
    """A learned tensor, which reads nothing: a class token, the embeddings of positions, queries.

    params = its values; none where it is not `learned`, but numbers of the program.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "Parameter": "PyTorch",
        "cls_token": "timm",
        "class_token": "torchvision",
        "pos_embed": "timm",
        "position_embedding": "many papers",
        "add_weight": "Keras",
    }
    arity = (0, 0)
    channels = FIXED
    note = "a learned tensor"

    shape: tuple[int, ...] = field(wholes(1), about="The shape of the tensor.")
    learned: bool = field(flag, True, "Whether the numbers are learned; else they are constants.")
    layout: str | None = layout_field("What the axes are; one axis is a vector.")

    def output_shape(self, *inputs: Shape) -> Shape:
        return self.shape

    def layouts(self, inputs: Sequence[Input], outputs: tuple[Shape, ...]) -> tuple[str, ...]:
        if vars(self).get("layout"):
            return super().layouts(inputs, outputs)
        return (VECTOR if len(outputs[0]) == 1 else UNKNOWN,)

    def step(self, axis: int) -> Fraction | None:
        return None

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(params=product(self.shape) if self.learned else 0)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        return ()

    @classmethod
    def trials(cls) -> Trials:
        shapes = [shape for rank in (1, 2, 3) for shape in combinations((1, 2, 3), repeat=rank)]
        points: list[tuple[dict[str, Any], tuple[Shape, ...]]] = [
            ({"shape": shape, "learned": learned}, ()) for shape in shapes for learned in (False, True)
        ]
        return Trials("sizes", "1–3 axes, ± learned", points)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        return {"shape": (letter("Di"), letter("N")), "learned": True, "layout": None}, ()


class Embedding(LayerType, type="embedding"):
    """A row of a learned table for each of L indices: [L] to the tokens [L, C].

    params = num_embeddings · embedding_dim.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html
    """

    words: ClassVar[Mapping[str, str]] = {"Embedding": "PyTorch and Keras", "lookup_table": "many people"}

    takes = VECTOR
    channels = MIXES
    gives = TOKENS
    note = MOVES

    num_embeddings: int = field(whole(1), about="The rows of the table.", letter="V", role=TIMES)
    embedding_dim: int = field(whole(1), about="The numbers of a row.", letter="N", role=CHANNELS)

    def output_shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0], self.embedding_dim)

    def step(self, axis: int) -> Fraction | None:
        return None

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(params=self.num_embeddings * self.embedding_dim)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        if self.num_embeddings.__class__ is int and self.num_embeddings == 1:
            return ((),)  # one row, whatever the index
        own = axes(inputs[0])
        return ((Reading(own, (*own, (("new", self.embedding_dim),))),),)

    @classmethod
    def formula_case(cls, letter: Any) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        return {"num_embeddings": letter("V"), "embedding_dim": letter("N")}, ((letter("Di"),),)
