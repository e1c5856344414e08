"""Recurrent layers."""

from __future__ import annotations

from typing import Any

from convcost.importers.tflite.model import FileOperator
from convcost.importers.tflite.translator import Translator, Untranslatable, translates

_TANH, _RELU = "TANH", "RELU"
_LSTM_WEIGHTS = range(1, 9)  # four of the input, then four of the state
_LSTM_OTHERS = (9, 10, 11, 17, 20, 21, 22, 23)  # peepholes, the projection's bias, norms
_LSTM_BIASES = range(12, 16)
_LSTM_PROJECTION = 16


@translates("UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM")
def lstm(translator: Translator, operator: FileOperator) -> None:
    """Translate an LSTM without peepholes and norms whose four gates have weights of their own."""
    options = operator.options
    single = operator.name == "LSTM"
    given = {at: index for at, index in enumerate(operator.inputs) if index >= 0}
    if options is None or any(at in given for at in _LSTM_OTHERS) or any(at not in given for at in _LSTM_WEIGHTS):
        raise Untranslatable("it has peepholes, norms, coupled gates, or a bias behind its projection")
    if translator.activation_of(options, 0) != _TANH or (single and options.whole(3, "b")):
        raise Untranslatable("its activation is not tanh")
    biases = [translator.constant(given[at]) for at in _LSTM_BIASES if at in given]
    matrices = [translator.constant(given[at]) for at in _LSTM_WEIGHTS]
    if _LSTM_PROJECTION in given:
        matrices.append(translator.constant(given[_LSTM_PROJECTION]))
    hidden = translator.tensor(given[5 if 5 in given else 6]).shape[-1]
    projected = translator.tensor(given[_LSTM_PROJECTION]).shape[0] if _LSTM_PROJECTION in given else 0
    hidden = translator.tensor(given[1]).shape[0] if projected else hidden
    time_major = not single and options.flag(3)
    _recurrent(
        translator,
        operator,
        "tflite.Lstm",
        [matrices[0], *biases, *matrices[1:]],
        time_major=time_major,
        hidden_size=hidden,
        proj_size=projected,
        biases=len(biases),
        clips=options.number(1) > 0 or options.number(2) > 0,
    )


@translates("UNIDIRECTIONAL_SEQUENCE_RNN", "RNN")
def rnn(translator: Translator, operator: FileOperator) -> None:
    """Translate an Elman network."""
    options = operator.options
    if options is None:
        raise Untranslatable("it has no options")
    sequence = operator.name == "UNIDIRECTIONAL_SEQUENCE_RNN"
    activation = translator.activation_of(options, 1 if sequence else 0)
    if activation not in (_TANH, _RELU):
        raise Untranslatable("its activation is neither tanh nor relu")
    weights = [translator.constant(operator.inputs[at]) for at in (1, 3, 2)]
    _recurrent(
        translator,
        operator,
        "tflite.Rnn",
        weights,
        time_major=sequence and options.flag(0),
        hidden_size=translator.tensor(operator.inputs[2]).shape[0],
        nonlinearity=activation.lower(),
    )


@translates("loop.LSTM", "loop.GRU", "loop.SimpleRNN", "loop.SimpleRNN.relu")
def loop(translator: Translator, operator: FileOperator) -> None:
    """Translate a recurrent layer that is a loop over the steps of a sequence in the file."""
    source, kernel, bias, recurrent, other_bias, third, *begin = operator.inputs
    translator.scope = translator.scope.partition(".while")[0]
    steps, _, features = translator.graph.tensors[source].shape
    hidden = translator.tensor(recurrent).shape[-1]
    rows = translator.graph.tensors[operator.outputs[0]].shape[0]
    held = [each for each in (kernel, bias, recurrent, other_bias, third) if each >= 0]
    value = translator.add("Reshape", [translator.plain(source), translator.new([1, steps, features])])
    last = rows != steps or steps == 1
    outputs = [f"{translator.graph.tensors[operator.outputs[0]].name}:{at}" for at in range(len(operator.outputs))]
    translator.add_several(
        f"keras.{operator.name.split('.')[1]}",
        [value, *[translator.constant(each) for each in held], *[translator.plain(each) for each in begin]],
        outputs,
        hidden_size=hidden,
        bidirectional=False,
        biases=(bias >= 0) + (other_bias >= 0),
        last=last,
        activation="relu" if operator.name.endswith("relu") else "tanh",
        states=len(begin),
    )
    for at, index in enumerate(operator.outputs):
        tensor = translator.claim(index)
        translator.dtypes[outputs[at]] = tensor.dtype
        target = translator.new(list(translator.written(index, tensor.shape)))
        translator.give(operator, "Reshape", [outputs[0 if last and at < 2 else at], target], at=at)


@translates("SVDF")
def svdf(translator: Translator, operator: FileOperator) -> None:
    """Translate a layer of filters of features and of time, whose memory holds zeros at first.

    A matrix product filters the features, a convolution along the steps filters what it gave at each of them: the last
    one is at hand, those before are the padding. The filters of a unit are added up.

    Source: Nakkiran et al. 2015, Compressing deep neural networks using a rank-constrained topology, section 2
    """
    options = operator.options
    source = operator.inputs[0]
    filters, features = translator.tensor(operator.inputs[1]).shape
    steps = translator.tensor(operator.inputs[2]).shape[1]
    rank = options.whole(0) if options is not None else 0
    if options is None or rank < 1 or filters % rank or translator.rank(source) != 2:
        raise Untranslatable("its filters are not those of its rank")
    batch = translator.batch or 1
    output = translator.graph.tensors[operator.outputs[0]]
    kernel = translator.constant(operator.inputs[1], (filters, features))
    steps_kernel = translator.constant(operator.inputs[2], (filters, 1, steps))
    value = translator.add("Gemm", [translator.plain(source), kernel], transB=1)
    translator.dtypes[value] = output.dtype
    value = translator.add("Reshape", [value, translator.new([batch, filters, 1])])
    value = translator.add("Conv", [value, steps_kernel], group=filters, pads=(steps - 1, 0))
    if rank > 1:
        value = translator.add("Reshape", [value, translator.new([batch, filters // rank, rank])])
        value = translator.add("ReduceSum", [value], axes=(2,), keepdims=0)
    elif operator.inputs[3] < 0:
        translator.give(operator, "Reshape", [value, translator.new([batch, filters])], lead=0)
        return
    else:
        value = translator.add("Reshape", [value, translator.new([batch, filters])])
    if operator.inputs[3] >= 0:
        translator.give(operator, "Add", [value, translator.constant(operator.inputs[3])], lead=0)
    else:
        translator.give(operator, "Reshape", [value, translator.new([batch, filters // rank])], lead=0)


def _recurrent(
    translator: Translator, operator: FileOperator, to: str, weights: list[str], *, time_major: bool, **attributes: Any
) -> None:
    """Add a recurrent layer between reshapes to what it reads and gives: a batch, steps, and features."""
    source, index = operator.inputs[0], operator.outputs[-1]
    shape, after = translator.graph.tensors[source].sizes, translator.graph.tensors[index].sizes
    batch = translator.batch or 1
    if len(shape) == 2:  # one step
        shape, after, time_major = (shape[0], 1, shape[1]), (after[0], 1, *after[1:]), False
    elif time_major:
        if batch != 1:
            raise Untranslatable("its batch is not 1")
        shape, after = (shape[1], shape[0], shape[2]), (after[1], after[0], *after[2:])
    if shape[0] not in (batch, None) or None in shape[1:]:
        raise Untranslatable("sizes of its input are not known")
    value = translator.plain(source)
    sequence = [batch, *(size or 1 for size in shape[1:])]
    if translator.written(source, translator.graph.tensors[source].sizes)[1:] != tuple(sequence[1:]):
        value = translator.add("Reshape", [value, translator.new(sequence)])
    last = translator.claim(index)
    written = translator.written(index, last.sizes)
    outputs = len(operator.outputs) - 1
    if written[1:] == after[1:] and len(written) == len(after):
        translator.give(operator, to, [value, *weights], at=outputs, **attributes)
        return
    found = translator.add(to, [value, *weights], **attributes)
    translator.dtypes[found] = last.dtype
    target = translator.new([batch, *(-1 if size is None else size for size in written[1:])])
    translator.give(operator, "Reshape", [found, target], at=outputs)
