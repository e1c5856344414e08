"""A stand-in for torch, as far as `from_torch` uses it: exported programs are put together by the tests.

`record_pytorch.py` compares the real one with the files that it writes.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

SEEN = []
"""How modules were exported."""


class Dtype:
    """A type of numbers."""

    def __init__(self, name):
        self.name = name

    def __str__(self):
        return f"torch.{self.name}"


class Device:
    """A device."""

    def __init__(self, type):
        self.type = type

    def __eq__(self, other):
        return self.type == other.type

    __hash__ = None


class Tensor:
    """A tensor without numbers."""

    def __init__(self, *shape, dtype="float32", device="cpu", requires_grad=False):
        self.shape = shape
        self.dtype = dtype if isinstance(dtype, Dtype) else Dtype(dtype)
        self.device = Device(device)
        self.requires_grad = requires_grad

    def is_floating_point(self):
        """Return whether its numbers are of a floating-point type."""
        return "float" in self.dtype.name

    def stride(self):
        """Return how far the values of each axis are apart; no one looks."""
        return ()

    def __repr__(self):
        return f"tensor({'0., ' * 40})"


class Parameter(Tensor):
    """A tensor of a module; one of a tensor made without numbers takes its place in a copy."""

    def __init__(self, *given, requires_grad=True, device="cpu", dtype="float32"):
        if isinstance(given[0], Tensor):
            (made,) = given
            given, device, dtype = made.shape, made.device.type, made.dtype
        super().__init__(*given, dtype=dtype, device=device, requires_grad=requires_grad)


class Symbol:
    """A size that is open."""

    def __init__(self, name, hint):
        self.node = SimpleNamespace(expr=name, hint=hint)


class Module:
    """A module; `make` gives its exported program."""

    def __init__(self, make=None, tensors=(), children=()):
        self.training = True
        self.make = make
        self.tensors = list(tensors)
        self.children = list(children)

    def modules(self):
        """Return the module and those in it."""
        return [self, *(inner for child in self.children for inner in child.modules())]

    def named_modules(self):
        """Return the module and those in it with their paths."""
        parts = [(name, inner) for name, child in self.named_children() for inner in child.named_modules()]
        return [("", self), *((f"{name}.{path}".rstrip("."), inner) for name, (path, inner) in parts)]

    def named_children(self):
        """Return its parts with their names."""
        return [(f"part_{at}", child) for at, child in enumerate(self.children)]

    def parameters(self):
        """Return its tensors, and those of its parts."""
        return [tensor for each in self.modules() for tensor in each.tensors]

    def buffers(self):
        """Return nothing."""
        return []


class Wrapper(Module):
    """What torch puts around a module to run it on several devices."""

    def __init__(self, module):
        super().__init__()
        self.module = module


class ScriptModule(Module):
    """A TorchScript module."""


class Node:
    """A node of a graph."""

    def __init__(self, op, name, target=None, args=(), kwargs=None, val=None, stack=()):
        self.op = op
        self.name = name
        self.target = target
        self.args = args
        self.kwargs = kwargs or {}
        self.meta = {"val": val, "nn_module_stack": {path: (path, "Module") for path in stack}}


class Operator:
    """An operator with the names of its arguments."""

    def __init__(self, name, *arguments):
        self.name = name
        self._schema = SimpleNamespace(arguments=[SimpleNamespace(name=each) for each in arguments])

    def __str__(self):
        return self.name


class ExportedProgram:
    """An exported program.

    Args:
        nodes: The nodes of its graph.
        parameters: Its parameters: a placeholder's name to a path and a tensor.
        buffers: The same of its buffers.
        submodules: The graphs that nodes run, by name.
    """

    def __init__(self, nodes, parameters=None, buffers=None, submodules=None):
        held = {**(parameters or {}), **(buffers or {})}
        inputs = [node.name for node in nodes if node.op == "placeholder" and node.name not in held]
        given = next(node for node in nodes if node.op == "output").args[0]
        flat = list(given.values()) if isinstance(given, dict) else given
        kind = SimpleNamespace(name="USER_OUTPUT")
        self.graph_signature = SimpleNamespace(
            inputs_to_parameters={name: path for name, (path, _) in (parameters or {}).items()},
            inputs_to_buffers={name: path for name, (path, _) in (buffers or {}).items()},
            inputs_to_lifted_tensor_constants={},
            user_inputs=inputs,
            output_specs=[SimpleNamespace(kind=kind, arg=SimpleNamespace(name=node.name)) for node in flat],
        )
        self.state_dict = dict(held.values())
        self.constants = {}
        self.graph_module = SimpleNamespace(graph=SimpleNamespace(nodes=nodes), **(submodules or {}))


class Fast:
    """The switch of the fast path of attention."""

    def __init__(self):
        self.on = True

    def get_fastpath_enabled(self):
        """Return whether it is on."""
        return self.on

    def set_fastpath_enabled(self, on):
        """Set whether it is on."""
        self.on = on


def torch(version="2.13.0+cpu"):
    """Return the package."""
    fast = Fast()

    def export(module, args, kwargs, *, dynamic_shapes=None, strict=True):
        modes = [each.training for each in module.modules()]
        SEEN.append(SimpleNamespace(module=module, args=args, kwargs=kwargs, modes=modes, strict=strict, fast=fast.on))
        return module.make()

    @contextmanager
    def enable_grad():
        yield

    @contextmanager
    def fake_tensor_mode(*, allow_non_fake_inputs):
        yield

    def made(shape, dtype="float32", device="cpu"):
        return Tensor(*shape, dtype=dtype or "float32", device=getattr(device, "type", device))

    nn = SimpleNamespace(
        Module=Module,
        Parameter=Parameter,
        DataParallel=Wrapper,
        parallel=SimpleNamespace(DistributedDataParallel=Wrapper),
    )
    return SimpleNamespace(
        __version__=version,
        Tensor=Tensor,
        dtype=Dtype,
        device=Device,
        nn=nn,
        jit=SimpleNamespace(ScriptModule=ScriptModule),
        fx=SimpleNamespace(Node=Node),
        export=SimpleNamespace(export=export, ExportedProgram=ExportedProgram),
        backends=SimpleNamespace(mha=fast),
        enable_grad=enable_grad,
        empty=made,
        empty_strided=lambda shape, strides, dtype, device: made(shape, dtype, device),
        empty_like=lambda given, device: made(given.shape, given.dtype, device),
        _subclasses=SimpleNamespace(FakeTensorMode=fake_tensor_mode),
    )
