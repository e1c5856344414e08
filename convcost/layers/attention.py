"""Attention: the composite type, and the inner products that it is written for.

Heads lie beside each other in the channels of queries, keys and values: head i of h takes the channels from i · d up to
(i + 1) · d. With fewer heads of keys and values, neighbouring heads of the queries share one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import FIXED, Add, LayerType, Trials
from convcost.layers.fields import field, flag, value_names, whole, whole_or
from convcost.layers.inputs import ANY, SEQUENCE, LayerError, shown
from convcost.layers.layout import TOKENS, UNKNOWN, Input, Shape
from convcost.layers.reading import SAME, Reading, Readings, axes, stretched
from convcost.ops import Cost, Ledger, accumulate, product

_MOST = 3  # query, key and value
_NO_PROJECTION = "none"
_BATCH_HELP = "leading axes are a batch: `expand` one of them"
_NUM_HEADS = field(whole(1), about="How many heads there are.", letter="h")
_NUM_KV_HEADS = field(whole(1), None, "How many heads keys and values have; as many as the queries without it.")


class Attention(LayerType, type="attention"):
    """Scaled dot-product attention of several heads, with its linear projections, on tokens.

    One input is query, key and value; of two the second, the memory, is key and value. Axes before the length are a
    batch. It is written for these layers:

    - `query`, `key`, `value`: `linear`, to num_heads · head_dim, num_kv_heads · head_dim and num_kv_heads · value_dim;
    - `scores`: mul = add = macs = heads · Lq · Lk · head_dim;
    - `scale`: one `mul` per score, a convention: frameworks scale the queries, queries and keys, or the scores;
    - `score_bias`: one `add` per score for each value added to the scores: a relative position bias, a mask;
    - `softmax` over each row of Lk: cmp Lk − 1, add 2·Lk, exp Lk, div Lk;
    - `context`: mul = add = macs = heads · Lq · Lk · value_dim;
    - `projection`: `linear` to `out_features`.

    Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1 and section 3.2.2; grouped heads: Ainslie et al. 2023,
        arXiv:2305.13245, section 2.2; https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html
    """

    words: ClassVar[Mapping[str, str]] = {
        "MultiheadAttention": "PyTorch",
        "self_attention": "many papers",
        "cross_attention": "many papers",
        "mha": "many papers",
        "GroupQueryAttention": "Keras",
    }

    takes = SEQUENCE
    arity = (1, _MOST)
    macs = True
    channels = FIXED
    composite = True
    gives = TOKENS
    checked = ("embed_dim",)

    num_heads: int = _NUM_HEADS
    head_dim: int = field(
        whole(1), None, "The channels of a query's head; channels / num_heads without it.", letter="dk"
    )
    value_dim: int = field(whole(1), None, "The channels of a value's head; head_dim without it.", letter="dv")
    num_kv_heads: int = _NUM_KV_HEADS
    qkv_bias: bool = field(flag, True, "Whether queries, keys and values have biases.")
    out_bias: bool = field(flag, True, "Whether the projection has a bias.")
    scale: bool = field(flag, True, "Whether scores are divided by the root of head_dim.")
    out_features: Any = field(
        whole_or(1, _NO_PROJECTION), None, "The channels of the output, the query's without it; none: no projection."
    )
    score_bias: int = field(value_names, None, "Values that are added to the scores: [heads, Lq, Lk], or stretched.")

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        cls.check_inputs(inputs)  # what its last axis is says nothing of heads where the query is none
        super().prepare(fields, inputs)

    @classmethod
    def complete(cls, fields: dict[str, Any], shape: Shape) -> None:
        heads, channels = fields["num_heads"], shape[-1]
        if fields["head_dim"] is None:
            if channels % heads:
                raise LayerError(
                    "num_heads must divide the channels",
                    f"{heads} does not divide {channels}",
                    field="num_heads",
                    help="or give head_dim",
                )
            fields["head_dim"] = channels // heads
        if fields["value_dim"] is None:
            fields["value_dim"] = fields["head_dim"]
        if fields["num_kv_heads"] is None:
            fields["num_kv_heads"] = heads
        if fields["out_features"] is None:
            fields["out_features"] = channels
        if fields["score_bias"] is None:
            fields["score_bias"] = 0

    @classmethod
    def check_inputs(cls, inputs: Sequence[Input]) -> None:
        """Refuse a query that is none; `unroll`, which knows how many inputs are score biases, checks the others."""
        for value in inputs[:1]:
            if error := cls.refusal(value):
                raise error

    def unroll(self, inputs: tuple[Any, ...], add: Add) -> tuple[Any, ...]:
        query, key, value, biases = self._separated(inputs)
        heads, kv_heads = self.num_heads, self.num_kv_heads
        queries = add("query", "linear", self._linear(heads * self.head_dim), query)
        keys = add("key", "linear", self._linear(kv_heads * self.head_dim), key)
        values = add("value", "linear", self._linear(kv_heads * self.value_dim), value)
        scores = add("scores", "attention_scores", {"num_heads": heads, "num_kv_heads": kv_heads}, *queries, *keys)
        self._check_biases(scores[0].shape, biases)
        if self.scale:
            scores = add("scale", "attention_scale", {"head_dim": self.head_dim}, *scores)
        if biases:
            scores = add("score_bias", "attention_bias", {}, *scores, *biases)
        weights = add("softmax", "softmax", {"axis": -1}, *scores)
        context = add("context", "attention_context", {"num_kv_heads": kv_heads}, *weights, *values)
        if self.out_features.__class__ is str:
            return context
        return add("projection", "linear", {"out_features": self.out_features, "bias": self.out_bias}, *context)

    def _linear(self, features: int) -> dict[str, Any]:
        return {"out_features": features, "bias": self.qkv_bias}

    def _separated(self, inputs: tuple[Any, ...]) -> tuple[Any, Any, Any, tuple[Any, ...]]:
        """Return query, key, value and the score biases.

        Raises:
            LayerError: There are too few or too many, or they do not belong together.
        """
        given = inputs[: len(inputs) - self.score_bias]
        if not 1 <= len(given) <= _MOST:
            raise LayerError(
                "attention reads a query, a query and a memory, or query, key and value", f"{len(given)} given"
            )
        for value in given:
            if error := self.refusal(value):
                raise error
        query, key, value = given[0], given[1 if len(given) > 1 else 0], given[-1]
        _check_batch(query.shape[:-2], key.shape[:-2], (query.shape, key.shape))
        if key.shape[:-1] != value.shape[:-1]:
            raise LayerError(
                "attention's keys and values must be equally many", f"{shown(key.shape)} and {shown(value.shape)}"
            )
        return query, key, value, inputs[len(given) :]

    def _check_biases(self, scores: Shape, biases: tuple[Any, ...]) -> None:
        for bias in biases:
            if not _stretches(bias.shape, scores):
                raise LayerError(
                    "score_bias must have the shape of the scores, up to missing leading axes and axes of size 1",
                    f"{shown(bias.shape)}, the scores {shown(scores)}",
                    field="score_bias",
                    help="the axes of the scores are heads, queries and keys, behind those of a batch",
                )

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        heads, channels = letter("h"), letter("M")
        fields = {
            "num_heads": heads,
            "head_dim": letter("dk"),
            "value_dim": letter("dv"),
            "num_kv_heads": heads,
            "qkv_bias": False,
            "out_bias": False,
            "scale": True,
            "out_features": letter("N"),
            "score_bias": 0,
        }
        return fields, ((letter("L"), channels), (letter("S"), channels))


class AttentionScores(LayerType, type="attention_scores"):
    """Inside `attention`: the inner product of each query with each key, by head.

    Queries [Lq, num_heads · d] and keys [Lk, num_kv_heads · d] give [num_heads, Lq, Lk]; axes before these are a batch.
    mul = add = macs = num_heads · Lq · Lk · d.

    Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1.
    """

    internal = True
    takes = SEQUENCE
    arity = (2, 2)
    macs = True
    channels = FIXED
    gives = UNKNOWN

    num_heads: int = _NUM_HEADS
    num_kv_heads: int = _NUM_KV_HEADS

    @classmethod
    def complete(cls, fields: dict[str, Any], shape: Shape) -> None:
        if fields["num_kv_heads"] is None:
            fields["num_kv_heads"] = fields["num_heads"]

    def output_shape(self, *inputs: Shape) -> Shape:
        queries, keys = inputs
        _check_batch(queries[:-2], keys[:-2], inputs)
        if self.num_heads % self.num_kv_heads:
            raise _shared_heads(self.num_heads, self.num_kv_heads)
        if queries[-1] % self.num_heads:
            found = f"{self.num_heads} does not divide {queries[-1]}"
            raise LayerError("num_heads must divide the channels", found, field="num_heads")
        wanted = queries[-1] // self.num_heads * self.num_kv_heads
        if keys[-1] != wanted:
            raise LayerError(f"the keys must have {wanted} channels", f"{shown(keys)} reaches attention_scores")
        return (*queries[:-2], self.num_heads, queries[-2], keys[-2])

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        queries, keys = inputs
        products = product(queries) * keys[-2]
        return Cost(ops=accumulate(products), macs=products, useful_mults=products)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        queries = inputs[0]
        *batch, heads, lq, lk = outputs[0]
        lead = axes(tuple(batch))
        kv, share = ("kv", self.num_kv_heads), ("share", heads // self.num_kv_heads)
        query, key, depth = ("q", lq), ("k", lk), ("d", queries[-1] // heads)
        after = (*lead, (kv, share), (query,), (key,))
        first = Reading((*lead, (query,), (kv, share, depth)), after)
        return ((first,), (Reading((*lead, (key,), (kv, depth)), after),))

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        heads = letter("h")
        channels = heads * letter("dk")
        return {"num_heads": heads, "num_kv_heads": heads}, ((letter("L"), channels), (letter("S"), channels))

    @classmethod
    def trials(cls) -> Trials:
        points = [
            (
                {"num_heads": shared * kv_heads, "num_kv_heads": kv_heads},
                ((*batch, queries, shared * kv_heads * size), (*batch, keys, kv_heads * size)),
            )
            for batch in _BATCHES
            for queries, keys, size, shared, kv_heads in combinations((1, 2, 3), repeat=5)
        ]
        return Trials("queries, keys, channels of a head, heads of keys, heads that share one, batch", _COVERED, points)


class AttentionScale(LayerType, type="attention_scale"):
    """Inside `attention`: the scores times 1 / √head_dim, a constant: one `mul` per score.

    Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1.
    """

    internal = True
    in_place = True

    head_dim: int = field(whole(1), about="The channels of a head, whose root divides; no count changes.", letter="dk")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        values = product(output)
        return Cost(ops=Ledger(mul=values), useful_mults=values)


class AttentionBias(LayerType, type="attention_bias"):
    """Inside `attention`: values added to the scores, one `add` per score for each of them.

    Their missing leading axes count as 1, and sizes of 1 stretch to those of the scores, the first input.

    Source: Liu et al. 2021, arXiv:2103.14030, equation 4.
    """

    internal = True
    in_place = True
    arity = (2, None)
    channels = FIXED
    gives = UNKNOWN

    def output_shape(self, *inputs: Shape) -> Shape:
        scores, *biases = inputs
        for bias in biases:
            if not _stretches(bias, scores):
                found = f"{shown(bias)}, the scores {shown(scores)}"
                raise LayerError("what is added to scores must stretch to their shape", found)
        return scores

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(ops=Ledger(add=len(inputs) - 1) * product(output))

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        scores, *biases = inputs
        own = [(stretched(bias, scores, len(scores) - len(bias)),) for bias in biases]
        return ((SAME,), *own)

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        scores = letter("h"), letter("L"), letter("S")
        return {}, (scores, scores)

    @classmethod
    def trials(cls) -> Trials:
        points: list[tuple[dict[str, Any], tuple[Shape, ...]]] = [
            ({}, (scores, *biases))
            for rank in (1, 3, 4)
            for scores in combinations((1, 2, 3) if rank < 4 else (1, 2), repeat=rank)
            for forms in [(scores, (1, *scores[1:]), scores[1:] or scores, (*scores[:-1], 1))]
            for biases in [*((form,) for form in dict.fromkeys(forms)), forms[:2], forms[1:]]
        ]
        return Trials("heads, queries, keys, batch", "1–3 values added, whole and stretched", points)


class AttentionContext(LayerType, type="attention_context"):
    """Inside `attention`: the values weighted by the softmax of the scores, head beside head.

    Weights [heads, Lq, Lk] and values [Lk, num_kv_heads · d] give [Lq, heads · d]; axes before these are a batch.
    mul = add = macs = heads · Lq · Lk · d.

    Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1 and section 3.2.2.
    """

    internal = True
    takes = ANY
    arity = (2, 2)
    macs = True
    channels = FIXED
    gives = TOKENS

    num_kv_heads: int = field(whole(1), None, "How many heads the values have; as many as the weights without it.")

    @classmethod
    def complete(cls, fields: dict[str, Any], shape: Shape) -> None:
        if fields["num_kv_heads"] is None:
            fields["num_kv_heads"] = shape[-3] if len(shape) > 2 else 1

    def output_shape(self, *inputs: Shape) -> Shape:
        weights, values = inputs
        if len(weights) < 3 or len(values) != len(weights) - 1 or weights[-1] != values[-2]:
            found = f"{shown(weights)} and {shown(values)}"
            raise LayerError("attention_context reads [heads, Lq, Lk] and [Lk, channels]", found)
        _check_batch(weights[:-3], values[:-2], inputs)
        if weights[-3] % self.num_kv_heads:
            raise _shared_heads(weights[-3], self.num_kv_heads)
        if values[-1] % self.num_kv_heads:
            found = f"{self.num_kv_heads} does not divide {values[-1]}"
            raise LayerError("num_kv_heads must divide the channels of the values", found, field="num_kv_heads")
        return (*values[:-2], weights[-2], values[-1] // self.num_kv_heads * weights[-3])

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        products = product(output) * inputs[0][-1]
        return Cost(ops=accumulate(products), macs=products, useful_mults=products)

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings:
        weights, values = inputs
        *batch, heads, lq, lk = weights
        lead = axes(tuple(batch))
        kv, share = ("kv", self.num_kv_heads), ("share", heads // self.num_kv_heads)
        query, key, depth = ("q", lq), ("k", lk), ("d", values[-1] // self.num_kv_heads)
        after = (*lead, (query,), (kv, share, depth))
        first = Reading((*lead, (kv, share), (query,), (key,)), after)
        return ((first,), (Reading((*lead, (key,), (kv, depth)), after),))

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        heads, length = letter("h"), letter("S")
        return {"num_kv_heads": heads}, ((heads, letter("L"), length), (length, heads * letter("dv")))

    @classmethod
    def trials(cls) -> Trials:
        points = [
            (
                {"num_kv_heads": kv_heads},
                ((*batch, shared * kv_heads, queries, keys), (*batch, keys, kv_heads * size)),
            )
            for batch in _BATCHES
            for queries, keys, size, shared, kv_heads in combinations((1, 2, 3), repeat=5)
        ]
        return Trials(
            "queries, keys, channels of a head, heads of values, heads that share one, batch", _COVERED, points
        )


_BATCHES: tuple[Shape, ...] = ((), (2,), (3, 1))
_COVERED = "0–2 axes of a batch"


def _check_batch(queries: Shape, keys: Shape, shapes: tuple[Shape, ...]) -> None:
    """Refuse queries and keys, or values, of different batches.

    Raises:
        LayerError: The axes before the length differ.
    """
    if queries != keys:
        found = " and ".join(map(shown, shapes))
        raise LayerError("the inputs of attention must have equal leading axes", found, help=_BATCH_HELP)


def _shared_heads(heads: int, kv_heads: int) -> LayerError:
    found = f"{kv_heads} does not divide {heads}"
    return LayerError("num_kv_heads must divide num_heads", found, field="num_kv_heads")


def _stretches(bias: Shape, scores: Shape) -> bool:
    """Return whether a shape stretches to that of scores."""
    if len(bias) > len(scores):
        return False
    return all(size == wanted or size == 1 for size, wanted in zip(bias[::-1], scores[::-1], strict=False))
