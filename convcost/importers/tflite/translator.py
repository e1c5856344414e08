"""A TensorFlow Lite graph to operators of ONNX: channels first, a batch axis first.

A value is a picture, whose channels come first in what is written, or it is written as it is. Where an operator reads
a value the other way a `Transpose` stands between. A value whose first axis is not the batch, as a matrix has that a
reshape made, gets one of size 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.graph import Constant, ModelGraph, Node, Shape
from convcost.importers.tflite import schema
from convcost.importers.tflite.flatbuffer import FlatTable
from convcost.importers.tflite.layouts import pictures
from convcost.importers.tflite.model import FileGraph, FileOperator, FileTensor
from convcost.importers.tflite.names import ModulePaths
from convcost.registry import Registry

OPSET = 13

Translation = Callable[["Translator", FileOperator], None]

TRANSLATIONS: Registry[Translation] = Registry("TensorFlow Lite operator", "")
"""The functions that translate operators, by name."""

_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "RELU": ("Relu", {}),
    "RELU_N1_TO_1": ("Clip", {"min": -1.0, "max": 1.0}),
    "RELU6": ("Clip", {"min": 0.0, "max": 6.0}),
    "TANH": ("Tanh", {}),
}
_SAME = frozenset(("DEQUANTIZE", "QUANTIZE", "CAST", "DENSIFY"))
"""What makes of a constant one with other types of numbers."""


def translates(*names: str) -> Callable[[Translation], Translation]:
    """Return a decorator that adds a function to `TRANSLATIONS` under some names."""

    def add(translation: Translation) -> Translation:
        for name in names:
            TRANSLATIONS.add(name, translation)
        return translation

    return add


class Untranslatable(Exception):
    """An operator has inputs or attributes that no operator of ONNX has.

    Args:
        reason: What that is, in a few words.
    """


class Translator:
    """Translates one graph.

    Args:
        graph: The graph.
        file: The file's name, for messages.
    """

    def __init__(self, graph: FileGraph, file: str) -> None:
        self.graph = graph
        self.file = file
        self.pictures = pictures(graph)
        self.names = ModulePaths(graph)
        self.nodes: list[Node] = []
        self.constants: dict[str, Constant] = {}
        self.shapes: dict[str, Shape] = {}
        self.dtypes: dict[str, str] = {}
        self._leads: dict[int, int] = {}  # the axes of size 1 that stand before those of a value
        self._same: dict[int, int] = {}  # constants that are others with other types of numbers
        self._turned: dict[tuple[int, bool], str] = {}  # values written the other way
        self._owners: dict[int, str] = {}  # the names of what buffers hold
        self._taken: set[str] = set()
        self._biases: dict[int, int] = {}  # the kernel that each bias belongs to
        self._alone: set[str] = set()
        self._shared = 0  # biases that are another layer's
        self._count = 0
        self._reading: dict[int, list[FileOperator]] | None = None
        self.done: set[int] = set()  # operators, by their numbers, that others are translated with
        self._giving = {index: each for each in graph.operators for index in each.outputs}
        self.notes: dict[str, None] = {}
        self.scope = ""
        sizes = [graph.tensors[index].sizes for index in graph.inputs]
        self.batch = next((each[0] for each in sizes if len(each) > 1), 1)
        """The size of the batch: the first axis of the first input that is no vector; None where it is open."""

    def translate(self) -> ModelGraph:
        """Return the graph in operators of ONNX.

        Raises:
            SpecError: An input has a shape that no input has.
        """
        graph = self.graph
        inputs: dict[str, Shape] = {}
        tokens: list[str] = []
        turned: list[str] = []
        for index in dict.fromkeys(graph.inputs):
            tensor = graph.tensors[index]
            if tensor.is_constant:
                continue
            self._leads[index] = 0 if len(tensor.shape) > 1 else 2 - len(tensor.shape)
            inputs[tensor.name] = self._opened(tensor)
            self.dtypes[tensor.name] = tensor.dtype
            if len(tensor.shape) > 2:
                (turned if index in self.pictures else tokens).append(tensor.name)
        for operator in graph.operators:
            self._operator(operator)
        outputs = tuple([graph.tensors[at].name for at in graph.outputs if not self.tensor(at).is_constant])
        return ModelGraph(
            graph.about,
            inputs,
            outputs,
            tuple(self.nodes),
            self.constants,
            {name: shape for name, shape in self.shapes.items() if name not in inputs},
            OPSET,
            tokens=tuple(tokens),
            turned=tuple(turned),
            notes=self._notes(),
            dtypes=self.dtypes,
            alone=frozenset(self._alone),
        )

    # what translations use

    def tensor(self, index: int) -> FileTensor:
        """Return a tensor; a constant whose numbers were made to be of another type is the one that is stored.

        Raises:
            Untranslatable: It is left out.
        """
        if index < 0:
            raise Untranslatable("an input is left out")
        return self.graph.tensors[self._same.get(index, index)]

    def giving(self, index: int, name: str, source: int | None = None) -> FileOperator | None:
        """Return the operator that gives a value, if it has a name and reads a value first; None otherwise."""
        found = self._giving.get(index)
        if found is None or found.name != name or not found.inputs:
            return None
        return found if source is None or self._unconverted(found.inputs[0]) == self._unconverted(source) else None

    def reading(self, index: int) -> FileOperator | None:
        """Return the only operator that reads a value; None where several do, or the model gives it."""
        if self._reading is None:
            self._reading = {}
            for operator in self.graph.operators:
                for each in operator.inputs:
                    self._reading.setdefault(each, []).append(operator)
        found = self._reading.get(index, [])
        return found[0] if len(found) == 1 and index not in self.graph.outputs else None

    def _unconverted(self, index: int) -> int:
        """Return the value that is converted to other types of numbers, for one that is."""
        found = self._giving.get(index)
        return found.inputs[0] if found is not None and found.name in _SAME and found.inputs else index

    def rank(self, index: int) -> int:
        """Return how many axes a value has, with those that are put before it."""
        return self._leads[index] + len(self.graph.tensors[index].shape)

    def lead_before(self, index: int) -> int:
        """Return how many axes are put before those of a value.

        Raises:
            Untranslatable: It is a constant, or nothing gives it.
        """
        self.as_it_is(index)
        return self._leads[index]

    def is_picture(self, index: int) -> bool:
        """Return whether a value is written with its channels first."""
        return index in self.pictures

    def numbers(self, index: int) -> tuple[int, ...]:
        """Return the whole numbers of a constant.

        Raises:
            Untranslatable: It is none, or has many.
        """
        tensor = self.tensor(index)
        values = self.graph.values(tensor)
        if values is None:
            raise Untranslatable("numbers that it needs are not known")
        return tuple(map(int, values))

    def as_it_is(self, index: int) -> str:
        """Return the name of a value in the order of axes in which it is written.

        Raises:
            Untranslatable: It is a constant, or nothing gives it.
        """
        if index not in self._leads:
            self._take_numbers(index)
        return self.graph.tensors[index].name

    def _take_numbers(self, index: int) -> None:
        """Take numbers of the program, such as a state of zeros, for a value."""
        tensor = self.tensor(index)
        if tensor.numbers is None or index in self.pictures:
            raise Untranslatable("it reads a constant where it should read a value")
        self._leads[index] = self.lead_of(tensor)
        shape = (1,) * self._leads[index] + tensor.shape
        self.constants[tensor.name] = Constant(tensor.name, shape, tensor.dtype, tensor.numbers, stored=False)

    def plain(self, index: int) -> str:
        """Return the name of a value with its axes in the order of the file."""
        return self._turn(index, False)

    def picture(self, index: int) -> str:
        """Return the name of a value with its channels first."""
        return self._turn(index, True)

    def _turn(self, index: int, first: bool) -> str:
        name = self.as_it_is(index)
        rank = self.rank(index)
        if self.is_picture(index) == first or rank < 3:
            return name
        if (index, first) not in self._turned:
            order = channels_first(rank) if first else channels_last(rank)
            self._turned[index, first] = self.add("Transpose", [name], perm=order)
        return self._turned[index, first]

    def constant(self, index: int, shape: Sequence[int] | None = None) -> str:
        """Return the name of a constant.

        Args:
            index: Its tensor.
            shape: Its sizes in the order of axes that the operator of ONNX has; those of the file without it. Its
                numbers are left out where there are several and some have other places.

        Raises:
            Untranslatable: It is none.
        """
        tensor = self.tensor(index)
        if not tensor.is_constant:
            raise Untranslatable("its weights are no constant")
        owner = self._owner(tensor) if tensor.numbers is None else tensor.name
        sizes = tuple(tensor.shape if shape is None else shape)
        moved = [size for size in sizes if size != 1] != [size for size in tensor.shape if size != 1]
        values = None if moved else self.graph.values(tensor)
        name = f"{tensor.name}:{'×'.join(map(str, sizes))}" if sizes != tensor.shape else tensor.name
        is_number = tensor.numbers is not None or (values is not None and len(values) == 1)
        self.constants[name] = Constant(owner, sizes, tensor.dtype, values, stored=not is_number)
        return name

    def bias(self, operator: FileOperator, at: int) -> list[str]:
        """Return the name of the bias that an operator with a kernel reads; none where it has none.

        Converters keep equal biases once. One that belongs to an operator with another kernel is left out, as its
        numbers are counted there: products are summed up from a bias or from zero, which takes as many additions.
        """
        if len(operator.inputs) <= at or operator.inputs[at] < 0:
            return []
        kernel, bias = self.tensor(operator.inputs[1]), self.tensor(operator.inputs[at])
        if bias.is_constant and self._biases.setdefault(bias.buffer, kernel.buffer) != kernel.buffer:
            self._shared += 1
            return []
        return [self.constant(bias.index)]

    def _notes(self) -> tuple[str, ...]:
        one = self._shared == 1
        text = f"{self._shared} bias{'' if one else 'es'} {'is' if one else 'are'} kept once with another layer's:"
        return (*self.notes, *([f"{text} counted there"] if self._shared else ()))

    def _owner(self, tensor: FileTensor) -> str:
        """Return the name of the numbers that a constant holds: tensors of one buffer hold the same."""
        if tensor.buffer not in self._owners:
            name = self.names.of_constant(tensor.name)
            self._owners[tensor.buffer] = f"{name}#{tensor.buffer}" if name in self._taken else name
            self._taken.add(name)
        return self._owners[tensor.buffer]

    def new(
        self,
        values: Sequence[int] | Sequence[float],
        dtype: str = "int64",
        *,
        shape: tuple[int, ...] | None = None,
    ) -> str:
        """Return the name of a constant that the file does not hold: a list, or numbers of another shape."""
        self._count += 1
        name = f":{self._count}"
        sizes = (len(values),) if shape is None else shape
        self.constants[name] = Constant(name, sizes, dtype, tuple(values), stored=False)
        return name

    def add(self, operator: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Add a node, and return the name of what it gives."""
        if not output:
            self._count += 1
            output = f":{self._count}"
        self.nodes.append(Node(operator, tuple(inputs), (output,), attributes, self.names.title, self.scope))
        return output

    def add_several(self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
        """Add a node that gives several values."""
        self.nodes.append(Node(operator, tuple(inputs), tuple(outputs), attributes, self.names.title, self.scope))

    def give(
        self,
        operator: FileOperator,
        to: str,
        inputs: Sequence[str],
        *,
        first: bool | None = None,
        lead: int | None = None,
        at: int = 0,
        **attributes: Any,
    ) -> None:
        """Add the node that gives an operator's value, and the activation that is fused with it.

        Args:
            operator: The operator.
            to: The operator of ONNX.
            inputs: The names of what it reads.
            first: Whether it gives the channels first; as the value is written without it.
            lead: How many axes of size 1 stand before those of the value; none, or one where its first axis is no
                batch, without it.
            at: Which of the operator's values it is.
            attributes: The attributes of the operator of ONNX.
        """
        index = operator.outputs[at]
        tensor = self.claim(index, lead)
        turn = first is not None and first != self.is_picture(index) and self.rank(index) > 2
        activation = self.activation(operator)
        steps: list[tuple[str, dict[str, Any]]] = [(to, attributes)]
        if activation:
            steps.append(_ACTIVATIONS[activation])
        else:
            self._alone.add(tensor.name)
        if turn:
            order = channels_first(self.rank(index)) if self.is_picture(index) else channels_last(self.rank(index))
            steps.append(("Transpose", {"perm": order}))
        for number, (name, given) in enumerate(steps, 1):
            output = tensor.name if number == len(steps) else ""
            inputs = [self.add(name, inputs, output, **given)]
            self.dtypes[inputs[0]] = tensor.dtype

    def activated(self, operator: FileOperator, value: str) -> str:
        """Return a value behind the activation that is fused with an operator."""
        activation = self.activation(operator)
        if not activation:
            return value
        to, attributes = _ACTIVATIONS[activation]
        return self.add(to, [value], **attributes)

    def claim(self, index: int, lead: int | None = None) -> FileTensor:
        """Return the tensor that an operator gives, and remember how it is written."""
        tensor = self.graph.tensors[index]
        self._leads[index] = self.lead_of(tensor) if lead is None else lead
        self.shapes[tensor.name] = self.written(index, tensor.sizes)
        self.dtypes[tensor.name] = tensor.dtype
        return tensor

    def lead_of(self, tensor: FileTensor) -> int:
        """Return how many axes of size 1 are put before those of a value: one where its first axis is no batch."""
        if len(tensor.shape) < 2:
            return 2 - len(tensor.shape)
        return int(tensor.sizes[0] != self.batch)

    def written(self, index: int, sizes: Sequence[Any]) -> tuple[Any, ...]:
        """Return sizes of a value in the order of axes in which it is written."""
        found = (1,) * self._leads[index] + tuple(sizes)
        return tuple([found[axis] for axis in channels_first(len(found))]) if self.is_picture(index) else found

    def axis(self, index: int, axis: int, of: int | None = None) -> int:
        """Return the number of an axis of a value in the order in which it is written.

        Args:
            index: The value.
            axis: The axis in the file; from the end where it is negative.
            of: How many axes count, of them; as many as the value has without it.

        Raises:
            Untranslatable: There is no such axis.
        """
        rank = len(self.graph.tensors[index].shape) if of is None else of
        if not -rank <= axis < rank:
            raise Untranslatable("there is no such axis")
        place = axis % rank + self._leads[index]
        return channels_first(self.rank(index)).index(place) if self.is_picture(index) else place

    def activation(self, operator: FileOperator) -> str:
        """Return the activation that is fused with an operator; nothing where there is none.

        Raises:
            Untranslatable: There is no such activation.
        """
        field = _FUSED.get(operator.name)
        if field is None or operator.options is None:
            return ""
        name = self.activation_of(operator.options, field)
        if name and name not in _ACTIVATIONS:
            raise Untranslatable("its activation is unknown")
        return name

    def activation_of(self, options: FlatTable, field: int) -> str:
        """Return the activation that a field of options says; nothing where it says none."""
        number = options.whole(field, "b")
        if not 0 <= number < len(schema.ACTIVATIONS):
            raise Untranslatable("its activation is unknown")
        return schema.ACTIVATIONS[number] if number else ""

    # the steps

    def _operator(self, operator: FileOperator) -> None:
        if operator.at in self.done:
            return
        tensors = [self.tensor(index) for index in operator.inputs if index >= 0]
        if operator.name in _SAME and tensors and tensors[0].is_constant and operator.outputs:
            self._same[operator.outputs[0]] = tensors[0].index
            return
        self.scope = self.names.scope(operator)
        self.names.title = self.names.title_of(operator)
        nodes, turned = len(self.nodes), len(self._turned)
        reason = ""
        try:
            if operator.name in TRANSLATIONS:
                TRANSLATIONS[operator.name](self, operator)
                return
        except Untranslatable as error:
            reason = str(error)
        except (IndexError, KeyError, ValueError, ArithmeticError):
            reason = "its inputs or attributes are not those of the operator"
        del self.nodes[nodes:]
        while len(self._turned) > turned:
            self._turned.popitem()
        self._unknown(operator, reason)

    def _unknown(self, operator: FileOperator, reason: str) -> None:
        """Add an operator that ONNX has not, by its own name, and why it was not translated."""
        inputs = []
        for index in operator.inputs:
            if index in self._leads:
                inputs.append(self.as_it_is(index))
            elif index >= 0 and self.tensor(index).is_constant:
                inputs.append(self.constant(index))
        outputs = [self.claim(index).name for index in operator.outputs if index >= 0]
        name = operator.name if "." in operator.name else f"tflite.{operator.name}"
        attributes = {"reason": reason} if reason else {}
        self.nodes.append(Node(name, tuple(inputs), tuple(outputs), attributes, self.names.title, self.scope))

    def _opened(self, tensor: FileTensor) -> Shape:
        """Return the shape of an input; an axis that the file leaves open has a name."""
        sizes: list[int | str | None] = list(tensor.sizes)
        words = {1: "height", 2: "width"} if tensor.index in self.pictures and len(sizes) == 4 else {}
        for axis, size in enumerate(sizes):
            if size is None and axis:
                sizes[axis] = words.get(axis, f"size_{axis}")
        if any(size == 0 for size in sizes):
            message = f"the input {tensor.name!r} has an axis of size 0"
            found = "×".join("?" if size is None else str(size) for size in sizes)
            raise SpecError(ErrorDetail(message, Place(self.file), found=found, help="convert the model with sizes"))
        return self.written(tensor.index, sizes)


def channels_first(rank: int) -> tuple[int, ...]:
    """Return the order of axes that puts the last one behind the batch.

    >>> channels_first(4)
    (0, 3, 1, 2)
    """
    return (0, rank - 1, *range(1, rank - 1))


def channels_last(rank: int) -> tuple[int, ...]:
    """Return the order of axes that puts the second one last.

    >>> channels_last(4)
    (0, 2, 3, 1)
    """
    return (0, *range(2, rank), 1)


_FUSED = {
    "ADD": 0,
    "SUB": 0,
    "MUL": 0,
    "DIV": 0,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 4,
    "TRANSPOSE_CONV": 3,
    "CONV_3D": 4,
    "CONV_3D_TRANSPOSE": 4,
    "AVERAGE_POOL_2D": 5,
    "MAX_POOL_2D": 5,
    "L2_POOL_2D": 5,
    "L2_NORMALIZATION": 0,
    "CONCATENATION": 1,
    "FULLY_CONNECTED": 0,
    "SVDF": 1,
}
"""The fields of options that say which activation is fused with an operator."""
