"""Random networks, and a simulation of their memory that knows no storages."""

from __future__ import annotations

from hypothesis import strategies as st

from convcost.network import INPUT, NetworkBuilder
from convcost.ops import product

_TYPES = ("pointwise_conv", "relu", "max_pool", "dropout", "flatten", "add", "split", "layer_norm")


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
        elif type == "max_pool" and len(x.shape) == 3:
            values.append(builder.add(type, x, kernel_size=1))
        elif type in ("relu", "dropout", "flatten", "layer_norm"):
            values.append(builder.add(type, x))
        else:
            values.append(builder.add("relu", draw(st.sampled_from(maps))))
    given_ = [value for value in values if value.producer != INPUT]
    named = draw(st.lists(st.sampled_from(given_), unique_by=id, max_size=2))
    return builder.build(named_outputs=tuple(named))


def simulated(network, *, in_place=True):
    """Return what lives during each layer, found by running: buffers are freed once nothing needs them."""
    layers, outputs = network.layers, {(tensor.producer, tensor.output) for tensor in network.outputs}
    buffer, sizes, living = {}, [], set()

    def new(key, size):
        buffer[key] = len(sizes)
        living.add(len(sizes))
        sizes.append(size)

    def needed_from(index, number):
        """Whether a later layer reads a buffer, or the network gives it."""
        keys = {key for key, held in buffer.items() if held == number}
        reads = {(tensor.producer, tensor.output) for layer in layers[index:] for tensor in layer.inputs}
        return bool(keys & (reads | outputs))

    def aliases(key):
        """All tensors that are the same values as one: it, what it is a view of, and the views of these."""
        while key[0] != INPUT and layers[key[0]].type in ("dropout", "flatten"):
            (x,) = layers[key[0]].inputs
            key = x.producer, x.output
        found, grows = {key}, True
        while grows:
            more = {
                (index, 0)
                for index, layer in enumerate(layers)
                if layer.type in ("dropout", "flatten") and (layer.inputs[0].producer, layer.inputs[0].output) in found
            }
            grows = not more <= found
            found |= more
        return found

    for number, tensor in enumerate(network.inputs):
        new((INPUT, number), product(tensor.shape))
    alive = []
    for index, layer in enumerate(layers):
        source = layer.inputs[0].producer, layer.inputs[0].output
        same = aliases(source)
        readers = {
            at
            for at, other in enumerate(layers)
            if other.type not in ("dropout", "flatten")
            and any((each.producer, each.output) in same for each in other.inputs)
        }
        if layer.type in ("dropout", "flatten"):
            buffer[index, 0] = buffer[source]
            living.add(buffer[source])
        elif (
            in_place
            and layer.type == "relu"
            and readers == {index}
            and not same & outputs
            and all(key[0] != INPUT for key in same)
        ):
            buffer[index, 0] = buffer[source]
        else:
            for tensor in layer.outputs:
                new((index, tensor.output), product(tensor.shape))
        alive.append(sum(sizes[number] for number in living))
        living = {number for number in living if needed_from(index + 1, number)}
    return alive
