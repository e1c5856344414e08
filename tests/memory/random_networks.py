"""Random networks, and a simulation of their memory that knows no storages."""

from __future__ import annotations

from hypothesis import strategies as st

from convcost.network import INPUT, NetworkBuilder
from convcost.ops import product

_TYPES = (
    "pointwise_conv",
    "relu",
    "max_pool",
    "dropout",
    "flatten",
    "add",
    "split",
    "layer_norm",
    "batch_norm",
    "concat",
)
_VIEWS = ("dropout", "flatten")
_OVER = ("relu", "batch_norm")  # computed value by value
BITS = {"float32": 32, "int16": 16, "int8": 8, "int4": 4}


@st.composite
def networks(draw, most=12):
    """Build a random network in which layers read anything before them."""
    builder = NetworkBuilder()
    values = [builder.input([4, 2, 2]) for _ in range(draw(st.integers(1, 2)))]
    for _ in range(draw(st.integers(1, most))):
        type = draw(st.sampled_from(_TYPES))
        x = values[draw(st.integers(0, len(values) - 1))]
        maps = [value for value in values if len(value.shape) == 3]
        if type == "pointwise_conv" and len(x.shape) == 3:
            values.append(builder.add(type, x, out_channels=draw(st.integers(1, 6))))
        elif type == "add":
            same = [value for value in values if value.shape == x.shape]
            values.append(builder.add(type, x, same[draw(st.integers(0, len(same) - 1))]))
        elif type == "split" and len(x.shape) == 3 and x.shape[0] % 2 == 0:
            values += builder.add(type, x, chunks=2)
        elif type == "concat":
            same = [value for value in values if value.shape[1:] == x.shape[1:]]
            values.append(builder.add(type, x, same[draw(st.integers(0, len(same) - 1))]))
        elif type == "batch_norm" and len(x.shape) == 3:
            values.append(builder.add(type, x))
        elif type == "max_pool" and len(x.shape) == 3:
            values.append(builder.add(type, x, kernel_size=1))
        elif type in ("relu", "dropout", "flatten", "layer_norm"):
            values.append(builder.add(type, x))
        else:
            values.append(builder.add("relu", draw(st.sampled_from(maps))))
    given_ = [value for value in values if value.producer != INPUT]
    named = draw(st.lists(st.sampled_from(given_), unique_by=id, max_size=2))
    return builder.build(named_outputs=tuple(named))


@st.composite
def typed(draw, network):
    """Give random layers of a network other types of numbers, and the network's inputs one."""
    types = st.sampled_from(sorted(BITS))
    names = [layer.name for layer in network.layers]
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=4))
    return [draw(types), *(f"{name}:activations={draw(types)}" for name in chosen)]


def simulated(network, *, in_place=True, batch=1, align=1, keep_inputs=False):
    """Return what lives during each layer, found by running: buffers are freed once nothing needs them."""
    layers, outputs = network.layers, {(tensor.producer, tensor.output) for tensor in network.outputs}
    buffer, sizes, living, types = {}, [], set(), []

    def new(key, tensor):
        buffer[key] = len(sizes)
        living.add(len(sizes))
        whole = -(-product(tensor.shape) * batch * BITS[tensor.width] // 8)
        sizes.append(-(-whole // align) * align)
        types.append((product(tensor.shape), tensor.width))

    def readers_of(keys):
        return [
            at for at, other in enumerate(layers) if any((each.producer, each.output) in keys for each in other.inputs)
        ]

    def is_view(layer):
        return layer.type in _VIEWS and layer.inputs[0].width == layer.outputs[0].width

    def is_folded(layer):
        """Whether a norm stands behind a convolution that nothing else reads; an output that is named is read."""
        key = layer.inputs[0].producer, layer.inputs[0].output
        named = {(tensor.producer, tensor.output) for tensor in network.named_outputs}
        return (
            layer.type == "batch_norm"
            and key[0] != INPUT
            and layers[key[0]].type == "pointwise_conv"
            and len(readers_of({key})) == 1
            and key not in named
        )

    def needed_from(index, number):
        """Whether a later layer reads a buffer, or the network gives it."""
        keys = {key for key, held in buffer.items() if held == number}
        if keep_inputs and any(key[0] == INPUT for key in keys):
            return True
        return bool(keys & outputs) or any(at >= index for at in readers_of(keys))

    def aliases(key):
        """All tensors that are the same values as one: it, what it is a view of, and the views of these."""
        while key[0] != INPUT and is_view(layers[key[0]]):
            (x,) = layers[key[0]].inputs
            key = x.producer, x.output
        found, grows = {key}, True
        while grows:
            more = {
                (index, 0)
                for index, layer in enumerate(layers)
                if is_view(layer) and (layer.inputs[0].producer, layer.inputs[0].output) in found
            }
            grows = not more <= found
            found |= more
        return found

    for number, tensor in enumerate(network.inputs):
        new((INPUT, number), tensor)
    alive = []
    for index, layer in enumerate(layers):
        source = layer.inputs[0].producer, layer.inputs[0].output
        same = aliases(source)
        readers = {at for at in readers_of(same) if not is_view(layers[at])}
        held = buffer.get(source)
        if is_view(layer) or is_folded(layer):
            buffer[index, 0] = held
            living.add(held)
        elif (
            in_place
            and layer.type in _OVER
            and readers == {index}
            and not same & outputs
            and all(key[0] != INPUT for key in same)
            and types[held] == (product(layer.output_shape), layer.outputs[0].width)
        ):
            buffer[index, 0] = held
        else:
            for tensor in layer.outputs:
                new((index, tensor.output), tensor)
        alive.append(sum(sizes[number] for number in living))
        living = {number for number in living if needed_from(index + 1, number)}
    return alive
