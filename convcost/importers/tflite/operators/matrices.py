"""Matrix products."""

from __future__ import annotations

from math import prod

from convcost.importers.tflite.model import FileOperator
from convcost.importers.tflite.translator import Translator, Untranslatable, translates

_KEEPS_AXES = 2  # the field of options


@translates("FULLY_CONNECTED")
def fully_connected(translator: Translator, operator: FileOperator) -> None:
    """Translate a matrix product with a constant: of one row of features, or of each row."""
    options = operator.options
    source, kernel = operator.inputs[0], translator.tensor(operator.inputs[1])
    if len(kernel.shape) != 2 or (options is not None and options.whole(1, "b")):
        raise Untranslatable("its weights are shuffled")
    out, features = kernel.shape
    shape = translator.graph.tensors[source].sizes
    keeps = options is not None and options.flag(_KEEPS_AXES)
    if not kernel.is_constant:
        _of_values(translator, operator)
        return
    bias = translator.bias(operator, 2)
    rows = _rows(translator, shape, features)
    if rows == 1 and not (keeps and len(shape) > 2):
        value = translator.as_it_is(source)  # the order of features within a row changes no count
        if translator.rank(source) != 2:
            value = translator.add("Reshape", [value, translator.new([translator.batch or 1, features])])
        lead = max(0, 2 - len(translator.graph.tensors[operator.outputs[0]].shape))
        translator.give(operator, "Gemm", [value, translator.constant(kernel.index), *bias], lead=lead, transB=1)
        return
    value = translator.plain(source)
    lead = translator.rank(source) - len(shape)
    if not keeps or len(shape) == 2:
        lead = 0 if rows == 1 else 1
        if translator.rank(source) != 2 + lead:
            value = translator.add("Reshape", [value, translator.new([1] * lead + [-1, features])])
    weights = translator.constant(kernel.index, (features, out))
    if not bias:
        translator.give(operator, "MatMul", [value, weights], first=False, lead=lead)
        return
    product = translator.add("MatMul", [value, weights])
    translator.dtypes[product] = translator.graph.tensors[operator.outputs[0]].dtype
    translator.give(operator, "Add", [product, *bias], first=False, lead=lead)


def _rows(translator: Translator, shape: tuple[int | None, ...], features: int) -> int:
    """Return how many rows of features a value holds for each input of the batch."""
    if shape and shape[0] == translator.batch:
        shape = shape[1:]
    if None in shape[:-1] or (shape and shape[-1] is None):
        raise Untranslatable("sizes of its input are not known")
    count = prod(size for size in shape if size is not None)
    if features < 1 or count % features:
        raise Untranslatable("its weights do not take the features that reach it")
    return count // features


def _of_values(translator: Translator, operator: FileOperator) -> None:
    """Translate a matrix product of two values, of which the second has its rows as columns."""
    first, second, *rest = operator.inputs
    if any(index >= 0 for index in rest) or len(translator.graph.tensors[first].shape) != 2:
        raise Untranslatable("its weights are no constant")
    rank = translator.rank(second)
    turned = translator.add("Transpose", [translator.plain(second)], perm=(*range(rank - 2), rank - 1, rank - 2))
    lead = max(translator.rank(first), rank) - 2
    translator.give(operator, "MatMul", [translator.plain(first), turned], lead=lead)


@translates("BATCH_MATMUL")
def batch_matmul(translator: Translator, operator: FileOperator) -> None:
    """Translate a matrix product of two values; one that is read by columns is transposed first."""
    inputs = []
    rank = 0
    for at, index in enumerate(operator.inputs[:2]):
        tensor = translator.tensor(index)
        adjoint = operator.options is not None and operator.options.flag(at)
        if tensor.is_constant:
            shape = tensor.shape
            if len(shape) < 2:
                raise Untranslatable("its constant is no matrix")
            inputs.append(translator.constant(index, (*shape[:-2], shape[-1], shape[-2]) if adjoint else shape))
            continue
        rank = max(rank, translator.rank(index))
        value = translator.plain(index)
        if adjoint:
            axes = translator.rank(index)
            value = translator.add("Transpose", [value], perm=(*range(axes - 2), axes - 1, axes - 2))
        inputs.append(value)
    lead = rank - len(translator.graph.tensors[operator.outputs[0]].shape)
    if lead not in (0, 1):
        raise Untranslatable("its inputs have different numbers of axes")
    translator.give(operator, "MatMul", inputs, first=False, lead=lead)
