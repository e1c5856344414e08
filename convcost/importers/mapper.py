"""A graph to items of a spec: operators to layer types, each by a small function.

The functions stand in `convcost.importers.operators`, by the name of the operator. No rule names a model. What has no
rule, or is not what a layer type does, is collected, so that one error lists all of it.

Every layer is built as it is mapped, so its shape is what its type infers; it is compared with the shape that the file
records, and its parameters with the tensors of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from convcost.errors import ErrorDetail, NetworkError, Place, SpecError
from convcost.importers.constants import Unfoldable, is_learned, kernels_of_other_biases
from convcost.importers.families import places
from convcost.importers.flow import AS_IT_IS, ValueTable
from convcost.importers.graph import Constant, ModelGraph, Node, Shape, shape_text, title
from convcost.importers.inputs import batch_axis, is_picture, is_regions
from convcost.importers.items import Mapped, MappedItem, is_sized
from convcost.importers.sharing import WeightSharing
from convcost.importers.values import BEHIND, Moved, Unmapped, Unsupported, Value, width_of, widths_of
from convcost.layers.base import REGISTRY, LayerType
from convcost.layers.inputs import LayerError, shown
from convcost.layers.layout import FEATURE_MAP, TOKENS, layout_of
from convcost.model_options import current
from convcost.network.graph import INPUT, Tensor
from convcost.network.inference import Inference
from convcost.registry import Registry

if TYPE_CHECKING:
    from convcost.importers.unknown import UnknownOperators

Rule = Callable[["Mapper", Node], None]

OPERATORS: Registry[Rule] = Registry("operator", "convcost.operators", places())
"""The functions that map operators, by name."""

_MOST_FOLDED = 2_000_000  # numbers that are worked with in arithmetic on constants
_FLOWING = (Tensor, Moved)
_SPATIAL = frozenset(("Conv", "BatchNormalization", "MaxPool", "AveragePool", "GlobalAveragePool", "ConvTranspose"))


def operator(*names: str) -> Callable[[Rule], Rule]:
    """Return a decorator that adds a function to `OPERATORS` under some names."""

    def add(rule: Rule) -> Rule:
        for name in names:
            OPERATORS.add(name, rule)
        return rule

    return add


class Mapper(ValueTable):
    """Maps one graph.

    Args:
        graph: The graph, normalised.
        file: The file's name, for messages.
        sizes: The sizes of open axes, by their names.
    """

    def __init__(self, graph: ModelGraph, file: str, sizes: Mapping[str, int]) -> None:
        super().__init__(graph)
        self.file = file
        self.sizes = sizes
        self.inference = Inference()
        self.items: list[MappedItem] = []
        self.notes: dict[str, None] = {}
        self.opset = graph.opset
        self.batch = 1  # the file's; here it is 1
        self._unknown: UnknownOperators | None = None
        self._sharing = WeightSharing()
        self.of_other_biases = kernels_of_other_biases(graph)
        self.filled = {name for node in graph.nodes if node.operator == "ConstantOfShape" for name in node.outputs}
        self.plain_norms: set[int] = set()  # batch norms that learn nothing, by their ids
        self._stores_weights = any(is_learned(each) and len(each.shape) > 1 for each in graph.constants.values())
        self._lacks: dict[
            tuple[int, int], int | None
        ] = {}  # by tensors: the axis of the graph that they lack, if not 0
        self._read_by: dict[str, set[str]] = {name: set() for name in graph.inputs}
        names = self._read_by.keys()
        for node in graph.nodes:
            if not names.isdisjoint(node.inputs):
                for name in names & set(node.inputs):
                    self._read_by[name].add(node.operator)
        self._may_be_frozen = any([each.trainable is False for each in graph.constants.values()])  # noqa: C419
        self._left = _MOST_FOLDED
        self._needed: dict[tuple[Any, ...], int] = {}  # numbers that layers have, by their definitions and shapes
        self._definitions: dict[tuple[Any, ...], LayerType] = {}

    def map(self) -> Mapped:
        """Return the items.

        Raises:
            SpecError: Operators have no layer type, or the file contradicts itself.
        """
        inputs = self._inputs()
        for node in self.graph.nodes:
            self._node(node)
        tensors = self._outputs()
        is_asked = self._unknown is not None or bool(current().declare)
        self.notes |= dict.fromkeys(self.unknown.check()) if is_asked else {}
        if not self.items:
            raise SpecError(ErrorDetail("the model has no operator that is a layer", Place(self.file)))
        if again := self._sharing.counted_again:
            self.notes[f"{again} biases and norms share a tensor with others: counted for each"] = None
        if self.worked_out:
            many = f"{self.worked_out:,} numbers of tensors that the exporter worked out"
            self.notes[f"{many} count as parameters, as the file holds them; how it did so is not counted"] = None
        if self.masked:
            self.notes[
                f"{self.masked:,} numbers of masks count as parameters: the file does not say what is learned"
            ] = None
        items = self._simplified(tensors)
        warnings = self.unknown.unused() if is_asked else ()
        return Mapped(tuple(items), inputs, tuple(tensors), tuple(self.notes), warnings)

    @property
    def unknown(self) -> UnknownOperators:
        """The operators that cannot be mapped."""
        if self._unknown is None:
            from convcost.importers.unknown import UnknownOperators  # where there are any only

            self._unknown = UnknownOperators(self)
        return self._unknown

    def _outputs(self) -> list[Tensor]:
        """Return what the model gives, apart from constants that it has, and inputs as they are."""
        found = []
        for name in self.graph.outputs:
            value = self.values.get(name)
            if isinstance(value, Constant):
                continue
            if isinstance(value, Moved) and value.batch is None and len(value.full) > 1 and value.full[0] == 1:
                self.values[name] = replace(value, batch=0)  # it was joined with others, and stands apart again
            if isinstance(value, Tensor):
                found.append(self.tensor(name))
            elif value is not None:
                tensor = value.tensor if isinstance(value, Unmapped) else self.unknown.tensor(name)
                found += [tensor] if tensor is not None else []
        return [tensor for tensor in found if tensor.producer != INPUT] or found

    def _simplified(self, outputs: Sequence[Tensor]) -> list[MappedItem]:
        """Return the items, those that are one layer together joined."""
        items, types = self.items, {item.type for item in self.items}  # each import where there are such items only
        if self.plain_norms and {"scale", "shift"} <= types:
            from convcost.importers.chains import with_whole_norms

            items = with_whole_norms(items, outputs, self.plain_norms)
            if len(items) < len(self.items):
                self.notes["a batch norm with a factor and a summand behind it counts as one norm"] = None
        if {"slice", "concat"} <= types:
            from convcost.importers.slices import with_depth, with_rolls

            items = with_depth(with_rolls(items, outputs), outputs)
        if {"softmax", "matmul"} <= types:
            from convcost.importers.attention import with_attention

            items, notes = with_attention(items, outputs, self.inference)
            self.notes |= dict.fromkeys(notes)
        return items

    # what rules use

    def weight(self, node: Node, at: int) -> Constant:
        """Return the constant that a node reads as a weight.

        Raises:
            Unsupported: It is no constant.
        """
        name = node.inputs[at] if len(node.inputs) > at else ""
        value = self.values.get(name)
        if not isinstance(value, Constant):
            raise Unsupported("its weight is no constant" if name else "it has no weight")
        return value

    def optional(self, node: Node, at: int) -> Constant | None:
        """Return an optional constant that a node reads."""
        return self.weight(node, at) if len(node.inputs) > at and node.inputs[at] else None

    def numbers(self, node: Node, at: int, attribute: str = "") -> tuple[Any, ...] | None:
        """Return the numbers that a node has as an attribute or reads as a constant; None where it has none.

        Raises:
            Unsupported: They are not known.
        """
        if attribute and attribute in node.attributes:
            found = node.attributes[attribute]
            return found if isinstance(found, tuple) else (found,)
        constant = self.optional(node, at)
        if constant is None or constant.shape == (0,):
            return None
        if constant.values is None:
            raise Unsupported("its shape depends on values that are not known")
        return constant.values

    def emit(
        self,
        node: Node,
        type: str,
        fields: Mapping[str, Any],
        inputs: Sequence[Tensor],
        weights: Sequence[Constant | None] = (),
        *,
        name: str | None = None,
        gives: Sequence[str] | None = None,
        comment: str = "",
        batch: int | None = AS_IT_IS,
        learned: bool = True,
    ) -> tuple[Tensor, ...]:
        """Add a layer.

        Args:
            node: The node that it stands for.
            type: The layer type.
            fields: Its fields; those with their default may be left out.
            inputs: What it reads.
            weights: The tensors that it learns: first the kernel, which other layers may share, then vectors.
            name: Its name; that of the node's module without it.
            gives: The names of the values that it gives; those of the node without it.
            comment: What is approximated.
            batch: The axis of the graph's shape that the outputs lack; that of the first input without it.
            learned: Whether its numbers are learned.

        Raises:
            Unsupported: The layer type cannot work on what it reads.
            SpecError: The file says another shape or another number of parameters.
        """
        held = [each for each in weights if each is not None]
        if self._may_be_frozen:
            learned = learned and self._is_learned(type, held)
        given = node.outputs if gives is None else gives
        widths = widths_of(self.graph.dtypes, given, inputs, weights)
        try:
            definition = self._definition(type, fields, inputs)
            learned = learned and not self._is_made_up(held)
            outputs = self.inference.infer(definition, tuple(inputs), widths.activations)
        except (LayerError, NetworkError) as error:
            reason = error.message if isinstance(error, LayerError) else error.details[0].message
            found = error.found if isinstance(error, LayerError) else ""
            raise Unsupported(f"{type}: {reason}" + (f" ({found})" if found else "")) from None
        axis = (self.lacks(inputs[0]) if inputs else 0) if batch == AS_IT_IS else batch
        for tensor in outputs:
            self._lacks[tensor.producer, tensor.output] = axis
        item = MappedItem(
            type,
            dict(fields),
            tuple(inputs),
            outputs,
            comment=comment,
            widths=widths,
            has_weights=bool(held),
            trainable=learned,
            alone=not self.graph.alone.isdisjoint(given),
            read=definition,
        )
        if held or definition.__class__.cost is not LayerType.cost:
            self._check_weights(node, definition, item, held)
        item.name = self._name(node, held) if name is None else name
        self._sharing.add(item, weights)
        self.items.append(item)
        for output, tensor in zip(given, outputs, strict=False):
            if output:
                self.give(node, output, tensor)
        return outputs

    def _definition(self, type: str, fields: Mapping[str, Any], inputs: Sequence[Tensor]) -> LayerType:
        """Return the layer type's object of these fields; most layers of a model are like others.

        Raises:
            LayerError: It cannot have them, or cannot work on what it reads.
        """
        if is_sized(type) or not inputs:
            return REGISTRY[type].read(fields, inputs)
        first, others = inputs[0], inputs if len(inputs) > 1 else ()
        kinds = frozenset([(len(each.shape), each.layout) for each in others])
        key = (type, len(first.shape), first.layout, kinds, repr(fields))
        found = self._definitions.get(key)
        if found is None:
            found = self._definitions[key] = REGISTRY[type].read(fields, inputs)
        return found

    def give(self, node: Node, name: str, value: Tensor | Moved | Constant) -> None:
        """Set a value that a node gives.

        Raises:
            SpecError: The file records another shape.
        """
        if isinstance(value, Tensor):
            value = self.held(value, self.lacks(value))
        recorded = self.graph.shapes.get(name)
        if recorded and isinstance(value, Tensor) and recorded[1:] == value.shape:
            recorded = None if recorded[0] in (1, None, self.batch) else recorded  # as it should be
        if recorded and not isinstance(value, Constant):
            full = value.full if isinstance(value, Moved) else (1, *value.shape)
            known = [self.size(size) for size in recorded]
            if len(known) != len(full) or any(map(self._differs, full, known)):
                own = shape_text(recorded[1:] if full[:1] == (1,) else recorded)
                if len(known) != len(full) and name in self.graph.outputs and None in known:
                    declared = f"the file declares {shape_text(recorded)} for the output {name!r}"
                    self.notes[f"{declared}, which has {shape_text(full)}"] = None
                    self.values[name] = value
                    return
                message = f"{title(node)} gives {shown(value.shape)}"
                found = f"the file records {own} for {name!r}"
                raise SpecError(ErrorDetail(message, Place(self.file), found=found, help="export the model again"))
        self.values[name] = value

    def _differs(self, size: int, recorded: int | None) -> bool:
        """Return whether a size is another one than the file records, which has a batch of its own."""
        return recorded is not None and recorded not in (size, size * self.batch)

    # the steps

    def _inputs(self) -> dict[str, Tensor]:
        """Add the inputs; one that nothing reads, or that is left out of the count, need not be one picture.

        Raises:
            SpecError: Another has no batch axis, or no size, or there is none.
        """
        found = {}
        refused: SpecError | None = None
        for name, shape in self.graph.inputs.items():
            try:
                found[name] = self._input(name, shape)
            except SpecError as error:
                if self.is_read(name) and not current().allow_unknown:
                    raise
                refused = error
                self.values[name] = Unmapped()
        if not found:
            raise refused or SpecError(ErrorDetail("the model has no input", Place(self.file)))
        return found

    def _input(self, name: str, shape: Shape) -> Tensor:
        if not shape or (len(shape) == 1 and self._is_batch(shape[0])):
            tensor = self.inference.add_input((1,), layout_of((1,)), width_of(self.graph.dtypes.get(name, "float32")))
            self._lacks[tensor.producer, tensor.output] = None
            steps, full = ((), (1,)) if shape else ((("reshape", ()),), ())
            self.values[name] = Moved(tensor, None, steps, full, 0 if shape else None)
            return tensor
        if len(shape) < 2 or len(shape) > 5:
            message = f"the input {name!r} has {len(shape)} axes"
            help = "an input has a batch axis and up to four others"
            raise SpecError(ErrorDetail(message, Place(self.file), found=shape_text(shape), help=help))
        batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else 1
        axis = None if is_regions(self.graph, shape) else batch_axis(self.graph, shape)
        if batch != 1 and self.inference.inputs and axis != 0:
            return self._turned_input(name, shape, axis)
        if batch not in (None, 1) and (not self._read_by[name] <= _SPATIAL or len(shape) < 3):
            if is_picture(self.graph, shape):
                self.notes[f"the input {name!r} has no batch axis: it is one picture"] = None
                return self._turned_input(name, shape, None)
            message = f"the first axis of the input {name!r} is no batch axis of 1"
            help = f"export the model for one input, or: --input {name}={'x'.join(map(str, (1, *shape[1:])))}"
            raise SpecError(ErrorDetail(message, Place(self.file), found=shape_text(shape), help=help))
        if self.inference.inputs and batch != self.batch:
            found = f"{name!r}: {shape_text(shape)}"
            raise SpecError(ErrorDetail("the inputs have different batches", Place(self.file), found=found))
        self.batch = batch
        sizes = []
        for size in shape[1:]:
            known = self.size(size)
            if known is None or known < 1 or known > 10**15:
                message = f"the input {name!r} has an axis without a size"
                help = f"give it: --input {name}={'x'.join('…' if size is None else str(size) for size in shape)}"
                raise SpecError(ErrorDetail(message, Place(self.file), found=shape_text(shape), help=help))
            sizes.append(known)
        layout = TOKENS if name in self.graph.tokens else layout_of(tuple(sizes))
        tensor = self.inference.add_input(tuple(sizes), layout, width_of(self.graph.dtypes.get(name, "float32")))
        self.values[name] = tensor
        return tensor

    def _is_batch(self, size: int | str | None) -> bool:
        """Return whether an input's only axis is the batch: it has one number for each picture, such as its step."""
        return not isinstance(size, int) or size == 1 or (bool(self.inference.inputs) and size == self.batch)

    def _turned_input(self, name: str, shape: Shape, axis: int | None) -> Tensor:
        """Add an input whose batch axis is not the first, or that has none.

        Raises:
            SpecError: Another axis has no size.
        """
        sizes = [self.size(size) for at, size in enumerate(shape) if at != axis]
        if not all(size and 0 < size <= 10**15 for size in sizes):
            message = f"the input {name!r} has an axis without a size"
            raise SpecError(ErrorDetail(message, Place(self.file), found=shape_text(shape), help="--input gives it"))
        known = tuple([size for size in sizes if size])
        tensor = self.inference.add_input(known, layout_of(known))
        self._lacks[tensor.producer, tensor.output] = axis
        self.values[name] = self.held(tensor, axis)
        return tensor

    def size(self, size: int | str | None) -> int | None:
        """Return a size of the file; None where it is open."""
        return self.sizes.get(size) if isinstance(size, str) else size

    def _node(self, node: Node) -> None:
        """Map one node, or take what is wrong with it."""
        read = [self.values.get(name) for name in node.inputs]
        reason: str | None = None
        kinds = {value.__class__ for value in read}
        if Unmapped in kinds:
            reason = BEHIND if node.operator in OPERATORS else _reason(node)
        elif Constant not in kinds or not kinds.isdisjoint(_FLOWING) or not self._is_folded(node, read):
            reason = self._refusal(node)
        if reason is not None:
            self.unknown.take(node, reason)
        for name in node.outputs:
            if name and name not in self.values:  # an output that its layer type has not
                self.values[name] = Unmapped()

    def inside(self, node: Node) -> None:
        """Map a node of a graph in a node."""
        self._reads.update(node.inputs)
        self._node(node)

    def _is_folded(self, node: Node, read: Sequence[Value | None]) -> bool:
        """Return whether what a node makes of constants is worked out, and set it."""
        self._left -= sum([len(value.values or ()) for value in read if isinstance(value, Constant)])
        if self._left < 0:
            return False
        from convcost.importers.folding import fold  # where there is arithmetic on constants only

        try:
            found = fold(node, [value if isinstance(value, Constant) else None for value in read])
        except Unfoldable:
            return False
        self.values[node.outputs[0]] = found
        return True

    def _refusal(self, node: Node) -> str | None:
        """Map a node, or return why that cannot be; nothing where its operator is not known."""
        try:
            rule = OPERATORS[node.operator]
        except KeyError:
            return _reason(node)
        try:
            rule(self, node)
        except Unsupported as error:
            return str(error)
        except Unfoldable:
            return "its shape depends on values that are not known"
        except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError):
            return "its inputs or attributes are not those of the operator"
        return None

    # names, weights and widths

    def _name(self, node: Node, weights: Sequence[Constant]) -> str:
        """Return the module path that the file gives: of the node's weights, else of the node.

        Where the node has a path, the original of a weight that it reads as a copy does not count: exporters merge
        equal weights of different modules, as the biases of a network that is not trained.
        """
        for each in weights:
            read = self._name_of_weight(node, each)
            for name in (read,) if node.scope else (read, each.name):
                path, _, leaf = name.rpartition(".")
                if path and leaf in ("weight", "bias", "kernel", "gamma") and "::" not in path and "/" not in path:
                    return path
        return node.scope

    def _name_of_weight(self, node: Node, weight: Constant) -> str:
        """Return the name by which a node reads a weight, which may be that of a copy."""
        for name in node.inputs:
            value = self.values.get(name)
            if isinstance(value, Constant) and value.name == weight.name:
                return name
        return weight.name

    def _is_made_up(self, weights: Sequence[Constant]) -> bool:
        """Return whether weights are numbers of the program, as a filter that blurs is, where a file stores others."""
        for each in weights:
            if each.stored or each.name in self.filled:
                return False
        if not weights:
            return False
        return self._stores_weights or all(each.name not in self.graph.constants for each in weights)

    def _check_weights(self, node: Node, definition: Any, item: MappedItem, weights: Sequence[Constant]) -> None:
        if definition.declared:
            return
        shapes = tuple([tensor.shape for tensor in item.inputs]) if weights else ()  # without any it needs none at all
        key = (id(definition), shapes, item.outputs[0].shape if weights else ())
        needed = self._needed.get(key)
        if needed is None:
            shapes = tuple([tensor.shape for tensor in item.inputs])
            cost = definition.cost(shapes, item.outputs[0].shape)
            needed = self._needed[key] = cost.params + cost.buffers
        held = sum([prod(each.shape) for each in weights])
        if held != needed:
            message = f"{title(node)} as {item.type} has {needed:,} parameters and buffers"
            found = f"its tensors in the file hold {held:,}: " + ", ".join(f"{each.name!r}" for each in weights)
            raise SpecError(ErrorDetail(message, Place(self.file), found=found, help="export the model again"))

    def _is_learned(self, type: str, weights: Sequence[Constant]) -> bool:
        """Return whether the numbers of a layer are learned, as far as the file says; one of them is enough."""
        counted = weights[:-2] if type == "batch_norm" else weights  # statistics are never learned
        frozen = [each.trainable is False for each in counted]
        if any(frozen) and not all(frozen):
            self.notes["layers of which only a part is trainable count as trainable"] = None
        return not frozen or not all(frozen)


def _reason(node: Node) -> str:
    """Return why an operator has no rule, where its format says so."""
    return str(node.attributes.get("reason", ""))


def is_map(tensor: Tensor) -> bool:
    """Return whether a tensor is a feature map."""
    return tensor.layout == FEATURE_MAP
