"""A network and the questions it can be asked, each a method of `Model`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import force_setattr

from convcost import model_options
from convcost.cost import metrics as _cost_metrics  # noqa: F401 -- adds them to the table
from convcost.cost.analysis import Analysis
from convcost.errors import ErrorDetail, OptionError, WarningDetail
from convcost.memory import metrics as _memory_metrics  # noqa: F401
from convcost.network import Network
from convcost.network.builder import checked
from convcost.numbers import plain
from convcost.preconditions import by_name, check_complete, check_valued, origin_of, positive, size
from convcost.receptive_field import metrics as _receptive_field_metrics  # noqa: F401
from convcost.spec.origin import Origin, SpecLike

if TYPE_CHECKING:  # each question is imported where it is asked
    from concurrent.futures import Executor

    from convcost.budget.verdicts import Check
    from convcost.charts.chart import Chart
    from convcost.comparison.compare import Comparison
    from convcost.comparison.diff import Difference
    from convcost.compression.analysis import Compression
    from convcost.conventions.analysis import Reconciliation
    from convcost.conventions.expectation import Expectation
    from convcost.cost.formulas import Formulas
    from convcost.design_space.front import Front
    from convcost.design_space.solve import Solution
    from convcost.design_space.sweep import Sweep
    from convcost.memory.analysis import Memory
    from convcost.memory.peak_formula import PeakFormula
    from convcost.memory.roofline.analysis import Roofline
    from convcost.memory.roofline.devices import Device
    from convcost.network.dtypes import Given as Dtypes
    from convcost.receptive_field.analysis import ReceptiveField
    from convcost.rewriting.analysis import Rewriting
    from convcost.rewriting.base import Rewrite, Site
    from convcost.rewriting.suggest import Suggestion
    from convcost.verification import ProgressCallback, Verification
    from convcost.verification.receptive_fields import FieldVerification


class Model(Struct, frozen=True, eq=False):
    """A network that a spec describes or `NetworkBuilder` made, and the questions it can be asked.

    Attributes:
        network: Its layers, shapes and symbols as plain data.
        origin: The spec that it was read from, with the values of its symbols; None for a network that was built.

    Raises:
        NetworkError: The network was put together by hand, and what a layer reads or gives is not what its type infers.
    """

    network: Network
    origin: Origin | None = None

    def __post_init__(self) -> None:
        if not self.network.built:
            force_setattr(self, "network", checked(self.network))

    def __eq__(self, other: object) -> bool:
        return self.network == other.network if isinstance(other, Model) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.network)

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in its spec and rarely meant, such as a symbol that nothing reads."""
        return self.network.warnings

    @property
    def text(self) -> str:
        """The text of the spec that it was read from; of a model file, that of the spec that was written for it.

        Raises:
            OptionError: It was built and not read.
        """
        if self.origin is None:
            raise OptionError(ErrorDetail("the model was built, not read: it has no text"))
        return self.origin.reader.source.text

    def __repr__(self) -> str:
        from convcost.reports import titles
        from convcost.reports.table import counted

        return f"<{type(self).__name__}: {titles.title(self.network)}: {counted(len(self.network.layers), 'layer')}>"

    def analyze(self, *, dtype: Dtypes = (), batch: int = 1, fold: bool = True, deployed: bool = False) -> Analysis:
        """Return the cost of the network, layer by layer and in all.

        Args:
            dtype: The types of its numbers, as `memory` takes them.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
            deployed: Whether to analyse the network as it runs on a device: see `deployed`.

        Raises:
            OptionError: The batch is not a positive whole number.

        >>> load("mobilenet_v1").analyze().total.macs
        568740352
        """
        network = self.typed(dtype).network
        if deployed:
            from convcost.cost.folding import deployed as as_deployed
            from convcost.cost.folding import folded_norms

            network = as_deployed(network)
            fold = fold and not folded_norms(network, network.readers())  # a norm behind one that has gone stays
        return Analysis.of(network, batch=positive("batch", batch), fold=fold)

    def deployed(self) -> Model:
        """Return the network as it runs on a device: batch norms are folded into the weights of the layers before them.

        These norms are gone, and the layers before them have a bias. The model comes from no spec any more.

        >>> resnet = load("resnet50")
        >>> resnet.deployed().analyze().total.params == resnet.analyze().value("deployed_params")
        True
        """
        from convcost.cost.folding import deployed

        return Model(deployed(self.network))

    def typed(self, dtype: Dtypes) -> Model:
        """Return the network with other types of its numbers; every question asked of it is for these.

        Args:
            dtype: The types, as `memory` takes them.

        Raises:
            OptionError: There is no such type, or no layer matches.

        >>> load("mobilenet_v1").typed("int8").analyze().value("weight_bytes")
        4256864
        """
        if not dtype and dtype != "":
            return self
        from convcost.network.dtypes import with_dtypes

        network = with_dtypes(self.network, dtype)
        return Model(network, None if self.origin is None else self.origin.typed(dtype))

    def memory(
        self,
        *,
        dtype: Dtypes = (),
        batch: int = 1,
        in_place: bool = True,
        align: int = 1,
        keep_inputs: bool = False,
        order: str = "file",
        place: bool = False,
        arena: Any = None,
    ) -> Memory:
        """Return the memory that an inference takes: weights, activations, and the most of these that live at a time.

        Args:
            dtype: The types of its numbers, such as `"int8"`, `{"weights": "int8", "activations": "int16"}`, or a list,
                in which `"head*:float32"` is for some layers; those of the spec without, which are `float32` where it
                says none.
            batch: How many inputs run at once; activations scale with it, weights do not.
            in_place: Whether elementwise layers write over what they read. Without it only those activations do that an
                item writes together with the layer before them.
            align: What the bytes of each piece of memory are rounded up to a multiple of.
            keep_inputs: Whether the network's inputs live to the end.
            order: The order of the layers: `file`, that of the spec, or `best`, the one with the smallest peak.
            place: Whether each piece of memory gets an offset in one arena, as small as the peak where that is found.
            arena: The bytes of the arena, such as 65536 or `64Ki`, in which they are placed.

        Raises:
            OptionError: There is no such type or order, no layer matches, a number is no whole number from 1 on, or the
                arena is smaller than the peak.

        >>> load("mobilenet_v1").memory(dtype="int8").peak_memory
        1204224
        """
        from convcost.memory.analysis import Memory, MemorySettings, order_named

        check_valued(self.network)
        settings = MemorySettings(
            batch=positive("batch", batch),
            in_place=in_place,
            align=positive("align", align),
            keep_inputs=keep_inputs,
            order=order_named(order),
            place=place or arena is not None,
            arena=None if arena is None else size("arena", arena),
        )
        return Memory.of(self.typed(dtype).network, settings)

    def peak_formula(
        self,
        over: str,
        *,
        dtype: Dtypes = (),
        batch: int = 1,
        in_place: bool = True,
        align: int = 1,
        keep_inputs: bool = False,
    ) -> PeakFormula:
        """Return the peak of activations over a range of values of a symbol, as formulas with their conditions.

        Args:
            over: The symbol and its range, such as `alpha=1/4:1` or `alpha=1/4:1:1/32`: all multiples of the step;
                without one, of what the symbol's values are multiples of.
            dtype: The types of its numbers, as `memory` takes them.
            batch: How many inputs run at once.
            in_place: Whether elementwise layers write over what they read.
            align: What the bytes of each piece of memory are rounded up to a multiple of.
            keep_inputs: Whether the network's inputs live to the end.

        Raises:
            OptionError: There is no such symbol, or no such range.
            SpecError: The network is not valid at a value of the range.

        >>> found = load("mobilenet_v1").peak_formula("alpha=1/4:1")
        >>> [(piece.layer, piece.formula) for piece in found.pieces]
        [('separable_conv_1/pointwise', 4816896·alpha)]
        """
        from convcost import arguments
        from convcost.memory.analysis import MemorySettings

        settings = MemorySettings(positive("batch", batch), in_place, positive("align", align), keep_inputs)
        origin = origin_of(self.network, self.origin, apart=[over.partition("=")[0].strip()]).typed(dtype)
        return arguments.peak_formula(origin, over, settings)

    def receptive_field(self, *, at: str | Sequence[str] = ()) -> ReceptiveField:
        """Return what each layer sees of the input: size, stride and padding, and which positions are used at all.

        Args:
            at: The layers that are asked for, by name; all without.

        Raises:
            OptionError: There is no such layer, or nothing of the input reaches it.

        >>> field = load("mobilenet_v1").receptive_field(at="separable_conv_9/pointwise").layers[0].axes[0]
        >>> field.size, field.stride
        (315, Fraction(32, 1))
        """
        from convcost.receptive_field.analysis import ReceptiveField

        check_valued(self.network)
        return ReceptiveField.of(self.network, [at] if isinstance(at, str) else at)

    def roofline(
        self, device: str | Path | Device, *, dtype: Dtypes = (), batch: int = 1, energy: bool = False
    ) -> Roofline:
        """Return what bounds each layer on a device, its arithmetic or its memory, and the least time that it takes.

        Args:
            device: A device: the name of a shipped one, such as `"raspberry-pi-4"`, the path of a YAML file, or one
                that was read.
            dtype: The types of its numbers, as `memory` takes them.
            batch: How many inputs run at once; weights are read once for all.
            energy: Whether to work out the least energy, too.

        Raises:
            OptionError: There is no such device or type, or the device has no peak for the type.
            ConfigError: The device's file has errors.

        >>> load("mobilenet_v1").roofline("raspberry-pi-4").bound
        'compute'
        """
        from convcost.memory.roofline import devices
        from convcost.memory.roofline.analysis import Roofline

        check_valued(self.network)
        check_complete(self.network)
        chosen = device if isinstance(device, devices.Device) else devices.device(device)
        network = self.typed(dtype).network
        return Roofline.of(network, chosen, batch=positive("batch", batch), energy=energy)

    def compress(
        self,
        *,
        density: Any = None,
        weight_bits: Any = None,
        index_bits: Any = None,
        weight_code_bits: Any = None,
        index_code_bits: Any = None,
        layers: Mapping[str, Mapping[str, Any]] | None = None,
        rules: str | Path | None = None,
        weights: str | Path | None = None,
        biases: bool = True,
    ) -> Compression:
        """Return the size of its weights after Deep Compression: pruned, their values shared, coded by Huffman.

        Without `rules` the spec's own `compression` is where it begins. Where nothing says where the kept weights lie,
        sizes are between bounds, with the value of uniformly random positions.

        Args:
            density: The share of all layers' weights that pruning keeps: a number, or a text such as `"8%"`.
            weight_bits: The bits of a weight's code.
            index_bits: The bits of the distance between kept weights.
            weight_code_bits: The bits of a weight's Huffman code on average; bounds without.
            index_code_bits: The bits of a distance's Huffman code on average.
            layers: The same by patterns of names, with `weight_histogram` and `index_histogram` besides.
            rules: A YAML file with `compression`.
            weights: A file of pruned weights, `.npz` or `.safetensors`.
            biases: Whether biases and norms, which stay as they are, are counted.

        Raises:
            OptionError: A rule is for no layer with weights, contradicts itself, or a file does not fit.
            ConfigError: The file of rules has errors.

        >>> load("squeezenet1_1").compress(density="33%", index_bits=5, weight_bits=6)
        <Compression: SqueezeNet 1.1: 4,941,984 → about 470,247 bytes, 10.5 × smaller>
        """
        from convcost.compression.analysis import Compression
        from convcost.compression.rules import given_rules
        from convcost.spec.compression import read_file

        check_valued(self.network)
        check_complete(self.network)
        given = given_rules(
            layers or {},
            density=density,
            weight_bits=weight_bits,
            index_bits=index_bits,
            weight_code_bits=weight_code_bits,
            index_code_bits=index_code_bits,
        )
        first = self.network.compression if rules is None else read_file(rules)
        return Compression.of(self.network, (*first, *given), weights=weights, biases=biases)

    def reconcile(self, *, tools: Sequence[str] = (), functional: Sequence[str] = (), batch: int = 1) -> Reconciliation:
        """Return what other tools count, by how much that differs, and the causes with their exact amounts.

        Args:
            tools: The tools, such as `"thop"`; all without.
            functional: Patterns of the names of layers that are called as functions, which some tools do not see.
            batch: How many inputs are counted.

        Raises:
            OptionError: There is no such tool, or no layer matches a pattern.

        >>> [(tool.convention.name, tool.count) for tool in load("resnet50").reconcile(tools=["fvcore", "thop"]).tools]
        [('fvcore', 4111512576), ('thop', 4133742592)]
        """
        from convcost.conventions.analysis import Reconciliation

        check_valued(self.network)
        check_complete(self.network)
        return Reconciliation.of(self.network, tools, functional=functional, batch=positive("batch", batch))

    def expect(self, number: str | int, *, functional: Sequence[str] = ()) -> Expectation:
        """Return the conventions – tool, unit, resolution, with or without classifier – that give a printed number.

        Args:
            number: The number as it is printed, such as `"4.12G"`.
            functional: Patterns of the names of layers that are called as functions.

        Raises:
            OptionError: It is no number, or no layer matches a pattern.

        >>> load("resnet50").expect("4.09G").matches[0].count
        4089184256
        """
        from convcost.conventions.expectation import Expectation

        check_valued(self.network)
        check_complete(self.network)

        def build(settings: dict[str, Any]) -> Network:
            return load(self, set=settings).network

        return Expectation.of(
            self.network, str(number), functional=functional, build=None if self.origin is None else build
        )

    def formulas(self, *, set: Mapping[str, Any] | None = None) -> Formulas:
        """Return what the layer types of the network cost, as formulas in the papers' symbols.

        Args:
            set: Values for symbols, such as `{"Dk": 3}`.

        Raises:
            OptionError: There is no such symbol, or it cannot have this value.

        >>> load("examples/worked_standard").formulas()
        <Formulas: conv>
        """
        from convcost.cost.formulas import Formulas

        return Formulas.of(dict.fromkeys(layer.type for layer in self.network.layers), set)

    def sweep(
        self,
        *,
        set: Mapping[str, Any],
        where: Iterable[str] = (),
        best: str | None = None,
        join: str | Path | None = None,
        dtype: Dtypes = (),
        batch: int = 1,
        fold: bool = True,
        max_points: int = 100_000,
        pool: Executor | None = None,
        watch: Callable[[int, int], None] | None = None,
    ) -> Sweep:
        """Return what the network costs at every combination of some values.

        Args:
            set: The values of symbols: a list or range of them, or a text such as `0.25,0.5` or `128:224:32`.
            where: What the points that are shown satisfy, such as `mults <= 300M`.
            best: The total to sort by, the least first.
            join: A CSV of your own with a column for each symbol that varies: its other columns of numbers, such as a
                measured accuracy, can be used as metrics. Symbols that are not set have the values that stand there.
            dtype: The types of its numbers, as `memory` takes them.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
            max_points: How many points there may be; each takes memory.
            pool: Any executor of `concurrent.futures`, to work on many points at once.
            watch: Progress callback: it receives how many more points are done, and of how many.

        Raises:
            OptionError: A symbol, a value or a condition cannot be used, or there are too many points.

        >>> found = load("mobilenet_v1").sweep(set={"alpha": "0.5,0.75,1", "r": [192, 224]}, where=["mults <= 300M"])
        >>> [(str(row["alpha"]), row["r"], row["mults"]) for row in found.rows()]
        [('1/2', 192, 109970432), ('1/2', 224, 149497088), ('3/4', 192, 239273472)]
        """
        from convcost import arguments

        batch, max_points = positive("batch", batch), positive("max_points", max_points)
        return arguments.sweep(
            origin_of(self.network, self.origin, apart=by_name("set", set)).typed(dtype),
            set,
            where=where,
            best=best,
            join=None if join is None else str(join),
            batch=batch,
            fold=fold,
            max_points=max_points,
            pool=pool,
            watch=watch,
        )

    def search(
        self,
        *,
        set: Mapping[str, Any],
        pareto: Iterable[str] = (),
        best: str | None = None,
        max: Mapping[str, Any] | None = None,
        min: Mapping[str, Any] | None = None,
        top: int | None = None,
        join: str | Path | None = None,
        dtype: Dtypes = (),
        batch: int = 1,
        fold: bool = True,
        max_points: int = 100_000,
        pool: Executor | None = None,
        watch: Callable[[int, int], None] | None = None,
    ) -> Front:
        """Return the exact Pareto front of all combinations of some values, or the best of them, without listing them.

        Args:
            set: The values of symbols: a list or range of them, or a text such as `0.25,0.5` or `128:224:32`.
            pareto: The metrics of the front; `params:max` where more is better.
            best: Instead, the metric by which points are the best.
            max: What totals may be at most: numbers, or texts such as `300M`.
            min: What totals must be at least.
            top: How many of the best points; 1 without.
            join: A CSV of your own with a column for each symbol that varies: its other columns of numbers, such as a
                measured accuracy, can be used as metrics. Symbols that are not set have the values that stand there.
            dtype: The types of its numbers, as `memory` takes them.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
            max_points: How many points may be analysed one by one, where no formula holds.
            pool: Any executor of `concurrent.futures`, for large sums and points that are analysed one by one.
            watch: Progress callback: it receives how many more points are analysed, and of how many at most.

        Raises:
            OptionError: A symbol, a value or a metric cannot be used, no point is valid, or the search is too large.

        >>> values = {"alpha": "1/32:1:1/32", "r": "32:512:32"}
        >>> (point,) = load("mobilenet_v1").search(set=values, best="params:max", max={"mults": "300M"}).points
        >>> str(point.values["alpha"]), point.totals["params"]
        ('1', 4231976)
        """
        from convcost import arguments

        batch, max_points = positive("batch", batch), positive("max_points", max_points)
        return arguments.search(
            origin_of(self.network, self.origin, apart=by_name("set", set)).typed(dtype),
            set,
            pareto=pareto,
            best=best,
            max=by_name("max", max),
            min=by_name("min", min),
            top=None if top is None else positive("top", top),
            join=None if join is None else str(join),
            batch=batch,
            fold=fold,
            max_points=max_points,
            pool=pool,
            watch=watch,
        )

    def plot(
        self,
        *,
        chart: str | None = None,
        set: Mapping[str, Any] | None = None,
        metrics: str | Iterable[str] = (),
        pareto: str | Iterable[str] = (),
        join: str | Path | None = None,
        device: str | Path | Device | None = None,
        dtype: Dtypes = (),
        batch: int = 1,
        fold: bool = True,
        layers: bool = False,
        max_points: int = 100_000,
        watch: Callable[[int, int], None] | None = None,
    ) -> Chart:
        """Return a chart of the network, which a notebook shows and `save` writes as SVG, PNG or PDF.

        Args:
            chart: One of `convcost.plotting.CHARTS`; without, `front` where a symbol has several values, else `cost`.
            set: Values for the spec's symbols; for a front lists or ranges of them, or texts such as `0.25,0.5`.
            metrics: What is shown; of `networks` the two axes, `params` and `macs` without.
            pareto: The axes of a front, across and upwards, with `:max` where more is better; `mults` and `params:max`
                without.
            join: For a front, a CSV with a column for each symbol that varies: its other columns can be axes.
            device: The device of a roofline: the name of a shipped one, the path of a YAML file, or one that was read.
            dtype: The types of numbers, for `memory` and `roofline`.
            batch: How many inputs to count the operations for.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
            layers: Whether each layer is shown, however many there are.
            max_points: How many points a front may be drawn from.
            watch: Progress callback of a front: it receives how many more points are done, and of how many.

        Raises:
            OptionError: There is no such chart, or it cannot be drawn.

        >>> load("mobilenet_v1").plot(chart="memory")
        <Chart: memory: MobileNetV1: memory of activations over time>
        """
        from convcost.plotting import Plotting, names

        asked = Plotting(
            chart,
            by_name("set", set),
            names(metrics),
            names(pareto),
            None if join is None else str(join),
            device,
            dtype,
            batch=positive("batch", batch),
            fold=fold,
            layers=layers,
            max_points=positive("max_points", max_points),
            watch=watch,
        )
        return asked.draw(
            1, lambda: [load(self, set=set)], lambda: origin_of(self.network, self.origin, apart=set or {})
        )

    def solve(
        self,
        symbol: str,
        *,
        max: Mapping[str, Any],
        set: Mapping[str, Any] | None = None,
        step: Any = None,
        dtype: Dtypes = (),
        batch: int = 1,
        fold: bool = True,
    ) -> Solution:
        """Return the largest value of a symbol at which the network is valid and within limits.

        For several symbols at once, from values that are listed, see `search` with `best`.

        Args:
            symbol: The symbol.
            max: What totals may be: numbers, or texts such as `300M`.
            set: Values for the spec's other symbols.
            step: The values that are tried are its multiples, such as `1/32`. Without, those of the symbol's
                `multiple_of`, of 1 where only whole numbers serve, or of the distance at which the first width changes.
            dtype: The types of its numbers, as `memory` takes them.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.

        Raises:
            OptionError: There is no such symbol or total, or there is no largest value.

        >>> found = load("mobilenet_v1").solve("alpha", max={"mults": "300M"})
        >>> str(found.best.value), found.best.totals["mults"], found.next.totals["mults"]
        ('23/32', 299724592, 325400448)
        """
        from convcost import arguments

        batch, set, max = positive("batch", batch), by_name("set", set), by_name("max", max)
        origin = origin_of(self.network, self.origin, apart=[symbol, *set]).typed(dtype)
        return arguments.solve(origin, symbol, max=max, set=set, batch=batch, fold=fold, step=step)

    def compare(self, *, dtype: Dtypes = (), batch: int = 1, fold: bool = True) -> Comparison:
        """Return the costs of the standard and the separable form of each convolution, and three totals.

        Args:
            dtype: The types of its numbers, as `memory` takes them.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.

        Raises:
            OptionError: The batch is not a positive whole number.

        >>> comparison = load("mobilenet_v1").compare()
        >>> comparison.written.total.macs, comparison.standard.total.macs
        (568740352, 4867293184)
        """
        from convcost.comparison.compare import Comparison

        check_valued(self.network)
        check_complete(self.network)
        return Comparison.of(self.typed(dtype).network, batch=positive("batch", batch), fold=fold)

    def diff(self, other: Model | SpecLike, *, dtype: Dtypes = (), batch: int = 1, fold: bool = True) -> Difference:
        """Return this network beside another: what the other adds, removes and changes, layer by layer and in all.

        Args:
            other: The other model, or a spec to load it from.
            dtype: The types of its numbers, as `memory` takes them.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.

        Raises:
            OptionError: The batch is not a positive whole number.
            SpecError: The other spec cannot be read.

        >>> difference = load("mobilenet_v1").diff(load("mobilenet_v1", set={"alpha": "1/2"}))
        >>> difference.after.total.macs - difference.before.total.macs
        -419243264
        """
        from convcost.comparison.diff import Difference

        other = load(other)
        check_valued(self.network, other.network)
        before, after = self.typed(dtype).network, other.typed(dtype).network
        return Difference.of(before, after, batch=positive("batch", batch), fold=fold)

    def difference(self, other: Model, *, batch: int = 1, fold: bool = True) -> Difference:
        """Return the same as `diff`, the present name."""
        warnings.warn("Model.difference is Model.diff now", DeprecationWarning, stacklevel=2)
        return self.diff(other, batch=batch, fold=fold)

    def rewrite(
        self,
        to: str,
        *,
        layers: Sequence[str] = (),
        dtype: Dtypes = (),
        batch: int = 1,
        fold: bool = True,
        **options: int | bool,
    ) -> RewrittenModel:
        """Return the network with layers in another form: a model, which also shows what the rewrite changed.

        Args:
            to: The rewrite, one of `convcost.rewriting.rewrites.NAMES`.
            layers: Patterns of the names of layers, or of what they are in; every layer without.
            dtype: The types of its numbers, as `memory` takes them.
            batch: How many inputs to count the operations for, in what is shown; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it, in what is shown.
            options: Options of the rewrite, such as `groups=4`.

        Raises:
            OptionError: There is no such rewrite, option or layer, or the rewrite does not apply.

        >>> rewritten = load("examples/one_5x5").rewrite("stacked")
        >>> rewritten.analyze().total.mults
        90
        >>> rewritten.rewriting
        <Rewriting: One 5 × 5 kernel: 1 place rewritten, 25 → 90 mults>
        """
        from convcost.rewriting.application import apply
        from convcost.rewriting.rewrites import named
        from convcost.rewriting.selection import select

        check_valued(self.network)
        check_complete(self.network)
        batch, rewrite = positive("batch", batch), named(to, **options)
        before = self.typed(dtype)
        sites = tuple(select(before.network, rewrite, layers))
        network = apply(before.network, sites).network
        return RewrittenModel(network, before=before, changes=((rewrite, sites),), batch=batch, fold=fold)

    def suggest(
        self,
        *,
        max: Mapping[str, Any],
        allow: Sequence[str] = ("separable",),
        options: Mapping[str, int | bool] | None = None,
        ends: bool = False,
        dtype: Dtypes = (),
        batch: int = 1,
        fold: bool = True,
    ) -> Suggestion:
        """Return which layers to rewrite until the network keeps limits, the biggest saving for each layer first.

        Args:
            max: What totals may be: numbers, or texts such as `300M`.
            allow: The rewrites that may be used.
            options: Options of the rewrites, such as `{"groups": 4}`.
            ends: Whether the first and the last layer with weights may be touched too.
            dtype: The types of its numbers, as `memory` takes them.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.

        Raises:
            OptionError: A limit, rewrite, option or batch cannot be used.

        >>> load("examples/worked_standard").suggest(max={"mults": "100k"}, ends=True)
        <Suggestion: One standard convolution: the limits are kept with 1 step>
        """
        from convcost.rewriting.rewrites import with_options
        from convcost.rewriting.suggest import Suggestion, limits_of
        from convcost.rewriting.text import can_rewrite

        batch, bounds = positive("batch", batch), limits_of(by_name("max", max))
        rewrites = [with_options(name, options or {}, allow) for name in allow]
        check_valued(self.network)
        check_complete(self.network)
        network, origin = self.typed(dtype).network, self.origin

        def can(changes: Sequence[tuple[Rewrite, Sequence[Site]]]) -> bool:
            if origin is None:  # there is no text to rewrite
                return True
            return can_rewrite(origin.reader.source, origin.settings, network, changes)

        return Suggestion.of(network, rewrites, bounds, ends=ends, batch=batch, fold=fold, can=can)

    def verify(
        self,
        *,
        full: bool = False,
        fold: bool = True,
        seed: int = 0,
        engine: str = "auto",
        pool: Executor | None = None,
        watch: ProgressCallback | None = None,
        max_products: int | None = None,
        max_values: int | None = None,
    ) -> Verification:
        """Execute every layer, count its operations and compare them with what `analyze` predicts.

        Args:
            full: Execute the network at its real size, every layer. Otherwise a tiny network is executed that keeps
                every structural choice, and layers that are the same only once.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
            seed: What inputs and weights are drawn from.
            engine: How convolutions multiply: `plain`, every product a Python multiplication; `lanes`, many products in
                one; `auto`, whichever is faster for the layer.
            pool: Any executor of `concurrent.futures`, to execute layers in other processes or on other machines.
            watch: Progress callback.
            max_products: How many products may be performed in all, or of another operation that a layer performs more
                often; 5,000,000,000 without.
            max_values: How many numbers one layer may hold at a time; 100,000,000 without, some 2 GB.

        Raises:
            OptionError: There is no such engine, the seed is not a whole number, or it would take more than is allowed.
            convcost.verification.Interrupted: By the keyboard; it holds what was proved so far.

        >>> verification = load("examples/worked_standard").verify(full=True)
        >>> verification.ok, verification.counted()["mul"]
        (True, 1228800)
        """
        from convcost.verification import Settings
        from convcost.verification import verify as run

        check_valued(self.network)
        check_complete(self.network)
        if engine not in ("auto", "plain", "lanes"):
            raise OptionError(ErrorDetail(f"there is no engine {engine!r}", help="known: auto, plain, lanes"))
        seed = plain(seed)
        if type(seed) is not int:
            raise OptionError(ErrorDetail("a seed is a whole number", found=f"found {seed!r}"))
        bounds = {"max_products": max_products, "max_values": max_values}
        given = {name: plain(bound) for name, bound in bounds.items() if bound is not None}
        settings = Settings(full, fold, seed, engine, **given)  # type: ignore[arg-type]  # the engine is checked
        return run(self.network, settings, pool, watch)

    def verify_receptive_field(
        self, *, seed: int = 0, max_products: int | None = None, watch: Callable[[int, int], None] | None = None
    ) -> FieldVerification:
        """Perturb each position of the input and return whether what changes is what `receptive_field` says.

        Args:
            seed: What values and weights are drawn from.
            max_products: How many products may be needed; some that take minutes without.
            watch: Called with how many positions were perturbed since, and how many there are.

        Raises:
            OptionError: More products would be needed.

        >>> load("examples/one_5x5").verify_receptive_field().ok
        True
        """
        from convcost.verification import receptive_fields

        check_valued(self.network)
        return receptive_fields.verify(self.network, seed=seed, max_products=max_products, watch=watch)

    def check(
        self,
        *,
        max: Mapping[str, Any] | None = None,
        config: str | Path | None = None,
        base: str | None = None,
        baseline: str | Path | None = None,
        strict: bool = False,
        dtype: Dtypes = (),
        batch: int = 1,
        fold: bool = True,
    ) -> Check:
        """Hold the network to its budgets: that in its spec, those of a `convcost.yaml`, and `max`.

        Args:
            max: What totals may be: numbers, or texts such as `300M`.
            config: The configuration; without it and without `max`, the nearest `convcost.yaml`, here or above.
            base: The revision that growth is measured against, from where `HEAD` and it parted.
            baseline: The JSON report that growth is measured against.
            strict: Whether a warning fails, too.
            dtype: The types of its numbers, as `memory` takes them.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.

        Raises:
            ConvcostError: The configuration or the baseline is wrong, or no budget is for the network.

        >>> load("mobilenet_v1").check(max={"mults": "600M", "params": "5M"})
        <Check: Within budget: 2 limits>
        """
        from convcost.budget.checking import ask

        batch, max, specs = positive("batch", batch), by_name("max", max), [self.typed(dtype).held()]
        return ask(specs, max=max, config=config, base=base, baseline=baseline, strict=strict, batch=batch, fold=fold)

    def held(self) -> Origin | Network:
        """Return the subject of a budget: the spec with its values, or the network where there is no spec.

        Raises:
            OptionError: A symbol stayed free.
        """
        check_valued(self.network)
        check_complete(self.network)
        return self.origin or self.network


class RewrittenModel(Model, frozen=True, eq=False, kw_only=True):
    """A model that `Model.rewrite` made of another, and what it changed: `str` and a notebook show the table of that.

    Attributes:
        before: The model that was rewritten.
        changes: The rewrite, and where it was applied.
        batch: How many inputs the operations are counted for in the table.
        fold: Whether a batch norm costs nothing in the table where it can fold into the layer before it.
    """

    before: Model
    changes: tuple[tuple[Rewrite, tuple[Site, ...]], ...]
    batch: int = 1
    fold: bool = True

    @property
    def rewriting(self) -> Rewriting:
        """The costs before and after, place by place."""
        from convcost.rewriting.analysis import Rewriting

        return Rewriting.of(self.before.network, self.changes, batch=self.batch, fold=self.fold)

    @property
    def text(self) -> str:
        """The text of the spec with its items rewritten in place; everything else stays byte for byte.

        Raises:
            OptionError: The model before was not read from a spec, or its text cannot be edited so.
        """
        from convcost.rewriting.text import Note, rewrite_text

        origin = self.before.origin
        if origin is None:
            found = "a network that was built or rewritten, not read"
            raise OptionError(ErrorDetail("only the text of a spec can be rewritten", found=found))
        notes = [(Note(rewrite.name, rewrite.source), sites) for rewrite, sites in self.changes]
        return rewrite_text(origin.reader.source, origin.settings, self.before.network, notes, self.network)

    def to_dict(self) -> dict[str, Any]:
        """Return the changes as plain data, as `convcost rewrite --format json` writes them."""
        return self.rewriting.to_dict()

    def to_dataframe(self) -> Any:
        """Return the places that were rewritten as a data frame of pandas, which must be installed."""
        return self.rewriting.to_dataframe()

    def __str__(self) -> str:
        return str(self.rewriting)

    def _repr_html_(self) -> str | None:
        return self.rewriting._repr_html_()


def load(
    spec: Model | SpecLike,
    *,
    set: Mapping[str, Any] | None = None,
    free: Collection[str] | None = None,
    max_layers: int | None = None,
    declare: Mapping[str, Mapping[str, Any]] | None = None,
    allow_unknown: bool = False,
    inputs: Mapping[str, Sequence[int]] | Sequence[int] | None = None,
    signature: str = "",
) -> Model:
    """Read a spec, or a model file.

    Args:
        spec: A path, the name of a shipped spec, `-` for standard input, or the spec itself as a mapping; or a model,
            to give symbols of its spec other values.
        set: Values for the spec's symbols: numbers, or expressions as text.
        free: Symbols that stay symbols, so that `analyze` gives formulas; all without a value do too. Without it every
            symbol needs a value.
        max_layers: How many layers the network may have: 100,000 without, at most 1,000,000.
        declare: Costs for a model file's operators that have no layer type, for each call, by their names, such as
            `{"NonMaxSuppression": {"macs": 1000, "params": 20}}`.
        allow_unknown: Whether others of these are left out of the count, so that all totals are lower bounds.
        inputs: Shapes for a model file's inputs by their names, with the batch axis, such as `{"x": (1, 3, 224, 224)}`;
            of the only one without a name.
        signature: Which signature of a TensorFlow Lite file is read; the first without one.

    Raises:
        SpecError: There is no such spec, or it has errors; all of them are reported, each with its place.
        OptionError: `set` or `free` names an unknown symbol, or gives one a value it cannot have.

    >>> load("mobilenet_v1", set={"alpha": "1/2"}).analyze().total.params
    1331592
    """
    if isinstance(spec, Model):
        if declare or allow_unknown or inputs or signature:
            help = "give declare, allow_unknown, inputs and signature to the first load"
            raise OptionError(ErrorDetail("a model is read already", help=help))
        free = free or None  # what is free already stays so
        if not set and not free and max_layers is None:
            return spec
        origin = origin_of(spec.network, spec.origin)
    else:
        with model_options.using(declare=declare, allow_unknown=allow_unknown, inputs=inputs, signature=signature):
            origin = Origin.of(spec, max_layers)
    origin = origin.at(by_name("set", set), free, max_layers)
    return Model(origin.reader.network(origin.settings, origin.free), origin)
