"""The questions as functions, which read a spec first: each is the method of `Model` with the same name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convcost.cost.analysis import Analysis
from convcost.errors import ConvcostError, ErrorDetail, SpecError
from convcost.model import Model, RewrittenModel, load
from convcost.preconditions import by_name, origin_of, positive
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
    from convcost.rewriting.suggest import Suggestion
    from convcost.verification import ProgressCallback, Verification
    from convcost.verification.receptive_fields import FieldVerification


def analyze(
    spec: Model | SpecLike,
    *,
    set: Mapping[str, Any] | None = None,
    free: Collection[str] = (),
    dtype: Dtypes = (),
    batch: int = 1,
    fold: bool = True,
    deployed: bool = False,
    max_layers: int | None = None,
) -> Analysis:
    """Read a spec and return what its network costs: `load(spec, set=set, free=free).analyze(…)`, see `Model.analyze`.

    >>> analyze("mobilenet_v1", free=["alpha", "r"]).total.mults
    10752·alpha²·r² + 1125·alpha·r²/2 + 1024000·alpha
    """
    return load(spec, set=set, free=free, max_layers=max_layers).analyze(
        dtype=dtype, batch=batch, fold=fold, deployed=deployed
    )


def memory(
    spec: Model | SpecLike,
    *,
    set: Mapping[str, Any] | None = None,
    dtype: Dtypes = (),
    batch: int = 1,
    in_place: bool = True,
    align: int = 1,
    keep_inputs: bool = False,
    order: str = "file",
    place: bool = False,
    arena: Any = None,
    max_layers: int | None = None,
) -> Memory:
    """Read a spec and return the memory that an inference takes: `load(spec, set=set).memory(…)`, see `Model.memory`.

    >>> memory("resnet50").weight_bytes
    102121888
    """
    model = load(spec, set=set, max_layers=max_layers)
    return model.memory(
        dtype=dtype,
        batch=batch,
        in_place=in_place,
        align=align,
        keep_inputs=keep_inputs,
        order=order,
        place=place,
        arena=arena,
    )


def peak_formula(
    spec: Model | SpecLike,
    over: str,
    *,
    set: Mapping[str, Any] | None = None,
    dtype: Dtypes = (),
    batch: int = 1,
    in_place: bool = True,
    align: int = 1,
    keep_inputs: bool = False,
    max_layers: int | None = None,
) -> PeakFormula:
    """Read a spec and return its peak over a range: `load(spec, set=set).peak_formula(…)`, see `Model.peak_formula`.

    >>> peak_formula("mobilenet_v1", "alpha=1/4:1")
    <PeakFormula: MobileNetV1: peak 4816896·alpha from alpha = 1/4>
    """
    from convcost import arguments
    from convcost.memory.analysis import MemorySettings

    settings = MemorySettings(positive("batch", batch), in_place, positive("align", align), keep_inputs)
    origin = _asked(spec, max_layers, apart=[over.partition("=")[0].strip()]).at(by_name("set", set)).typed(dtype)
    return arguments.peak_formula(origin, over, settings)


def plot(
    *specs: Model | SpecLike,
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
    max_layers: int | None = None,
) -> Chart:
    """Read specs and return a chart of them: of one what `Model.plot` does, of several their networks.

    Args:
        specs: Paths, names of shipped specs, specs as mappings, or models.
        chart: One of `convcost.plotting.CHARTS`; without, `networks` of several specs,
            `front` where a symbol has several values, else `cost`.
        set: Values for the specs' symbols; for a front lists or ranges of them, or texts such as `0.25,0.5`.
        metrics: What is shown; of `networks` the two axes, `params` and `macs` without.
        pareto: The axes of a front, across and upwards, with `:max` where more is better; `mults` and `params:max`
            without.
        join: For a front a CSV of your own, with a column for each symbol that varies: its other columns can be axes.
        device: The device of a roofline: the name of a shipped one, the path of a YAML file, or one that was read.
        dtype: The types of numbers, for `memory` and `roofline`.
        batch: How many inputs to count the operations for.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.
        layers: Whether each layer is shown, however many there are.
        max_points: How many points a front may be drawn from.
        watch: Progress callback of a front: it receives how many more points are done, and of how many.
        max_layers: How many layers each network may have: 100,000 without, at most 1,000,000.

    Raises:
        ConvcostError: A spec has errors, or the chart cannot be drawn of these.

    >>> plot("resnet18", "vgg16")
    <Chart: networks: 2 networks: macs against params>
    >>> plot("mobilenet_v1", set={"alpha": "1/4:1:1/4", "r": [192, 224]})
    <Chart: front: MobileNetV1: params against mults>
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
        len(specs),
        lambda: [load(spec, set=set, max_layers=max_layers) for spec in specs],
        lambda: _asked(specs[0], max_layers, apart=by_name("set", set)),
    )


def receptive_field(
    spec: Model | SpecLike,
    *,
    at: str | Sequence[str] = (),
    set: Mapping[str, Any] | None = None,
    max_layers: int | None = None,
) -> ReceptiveField:
    """Read a spec and return what each layer sees of the input: `load(spec, set=set).receptive_field(at=at)`.

    >>> receptive_field("vgg16", at="stage_5/max_pool_1").layers[0].axes[0].size
    212
    """
    return load(spec, set=set, max_layers=max_layers).receptive_field(at=at)


def roofline(
    spec: Model | SpecLike,
    device: str | Path | Device,
    *,
    set: Mapping[str, Any] | None = None,
    dtype: Dtypes = (),
    batch: int = 1,
    energy: bool = False,
    max_layers: int | None = None,
) -> Roofline:
    """Read a spec and return what bounds its layers on a device: `load(spec).roofline(…)`, see `Model.roofline`.

    >>> roofline("mobilenet_v1", "raspberry-pi-4").layers[3].bound
    'memory'
    """
    return load(spec, set=set, max_layers=max_layers).roofline(device, dtype=dtype, batch=batch, energy=energy)


def compress(
    spec: Model | SpecLike,
    *,
    set: Mapping[str, Any] | None = None,
    density: Any = None,
    weight_bits: Any = None,
    index_bits: Any = None,
    weight_code_bits: Any = None,
    index_code_bits: Any = None,
    layers: Mapping[str, Mapping[str, Any]] | None = None,
    rules: str | Path | None = None,
    weights: str | Path | None = None,
    biases: bool = True,
    max_layers: int | None = None,
) -> Compression:
    """Read a spec and return its size after Deep Compression: `load(spec, set=set).compress(…)`, see `Model.compress`.

    >>> compress("vgg16", density="7.5%", index_bits=5, weight_bits=5).kept
    10375818
    """
    return load(spec, set=set, max_layers=max_layers).compress(
        density=density,
        weight_bits=weight_bits,
        index_bits=index_bits,
        weight_code_bits=weight_code_bits,
        index_code_bits=index_code_bits,
        layers=layers,
        rules=rules,
        weights=weights,
        biases=biases,
    )


def verify_receptive_field(
    spec: Model | SpecLike,
    *,
    set: Mapping[str, Any] | None = None,
    seed: int = 0,
    max_products: int | None = None,
    watch: Callable[[int, int], None] | None = None,
    max_layers: int | None = None,
) -> FieldVerification:
    """Read a spec and perturb its input: `load(spec, set=set).verify_receptive_field(…)`, see the method of `Model`.

    >>> verify_receptive_field("examples/worked_separable").ok
    True
    """
    model = load(spec, set=set, max_layers=max_layers)
    return model.verify_receptive_field(seed=seed, max_products=max_products, watch=watch)


def reconcile(
    spec: Model | SpecLike,
    *,
    tools: Sequence[str] = (),
    functional: Sequence[str] = (),
    batch: int = 1,
    set: Mapping[str, Any] | None = None,
    max_layers: int | None = None,
) -> Reconciliation:
    """Read a spec and return what other tools count: `load(spec, set=set).reconcile(…)`, see `Model.reconcile`.

    >>> reconcile("resnet50", tools=["flopcounter"]).tools[0].count
    8178368512
    """
    return load(spec, set=set, max_layers=max_layers).reconcile(tools=tools, functional=functional, batch=batch)


def expect(
    spec: Model | SpecLike,
    number: str | int,
    *,
    functional: Sequence[str] = (),
    set: Mapping[str, Any] | None = None,
    max_layers: int | None = None,
) -> Expectation:
    """Read a spec and return the conventions that give a printed number: `load(spec, set=set).expect(number)`.

    >>> expect("resnet50", "4.12G").matches[0].tool
    'ptflops-modules'
    """
    return load(spec, set=set, max_layers=max_layers).expect(number, functional=functional)


def formulas(*types: str | Model, set: Mapping[str, Any] | None = None) -> Formulas:
    """Return what layer types cost, as formulas in the papers' symbols; of all types without arguments.

    Args:
        types: Layer types; or models, for the types of their layers.
        set: Values for symbols, such as `{"Dk": 3}`.

    Raises:
        OptionError: There is no such type or symbol, or it cannot have this value.

    >>> formulas("conv").sheets[0].cost.mults
    Dk²·Dp²·M·N/g
    """
    from convcost.cost.formulas import Formulas

    names: list[str] = []
    for each in types:
        names += [layer.type for layer in each.network.layers] if isinstance(each, Model) else [each]
    return Formulas.of(dict.fromkeys(names), set)


def sweep(
    spec: Model | SpecLike,
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
    max_layers: int | None = None,
) -> Sweep:
    """Return the cost of a spec at every combination of some values: see `Model.sweep`.

    >>> len(sweep("mobilenet_v1", set={"alpha": "0.5,0.75,1", "r": [192, 224]}).shown)
    6
    """
    from convcost import arguments

    batch, max_points = positive("batch", batch), positive("max_points", max_points)
    origin = _asked(spec, max_layers, apart=by_name("set", set)).typed(dtype)
    return arguments.sweep(
        origin,
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
    spec: Model | SpecLike,
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
    max_layers: int | None = None,
) -> Front:
    """Return the exact Pareto front of a spec's design space, or its best points: see `Model.search`.

    >>> search("mobilenet_v1", set={"alpha": "1/32:1:1/32", "r": "32:512:32"}, pareto=["mults", "params:max"])
    <Front: MobileNetV1: 32 points on the front of 512 by mults and params, the largest>
    """
    from convcost import arguments

    batch, max_points = positive("batch", batch), positive("max_points", max_points)
    return arguments.search(
        _asked(spec, max_layers, apart=by_name("set", set)).typed(dtype),
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


def solve(
    spec: Model | SpecLike,
    symbol: str,
    *,
    max: Mapping[str, Any],
    set: Mapping[str, Any] | None = None,
    step: Any = None,
    dtype: Dtypes = (),
    batch: int = 1,
    fold: bool = True,
    max_layers: int | None = None,
) -> Solution:
    """Read a spec and return the largest value of a symbol at which it is within limits: see `Model.solve`.

    >>> solve("mobilenet_v1", "alpha", max={"mults": "300M"})
    <Solution: MobileNetV1: alpha = 23/32 with mults ≤ 300,000,000>
    """
    from convcost import arguments

    batch, set, max = positive("batch", batch), by_name("set", set), by_name("max", max)
    origin = _asked(spec, max_layers, apart=[symbol, *set]).typed(dtype)
    return arguments.solve(origin, symbol, max=max, set=set, batch=batch, fold=fold, step=step)


def compare(
    spec: Model | SpecLike,
    *,
    set: Mapping[str, Any] | None = None,
    dtype: Dtypes = (),
    batch: int = 1,
    fold: bool = True,
    max_layers: int | None = None,
) -> Comparison:
    """Read a spec and compare its convolutions' forms: `load(spec, set=set).compare(batch=batch, fold=fold)`.

    >>> compare("examples/worked_standard").layers[0].saved
    1174848
    """
    return load(spec, set=set, max_layers=max_layers).compare(dtype=dtype, batch=batch, fold=fold)


def diff(
    spec: Model | SpecLike,
    other: Model | SpecLike,
    *,
    set: Mapping[str, Any] | None = None,
    set_other: Mapping[str, Any] | None = None,
    dtype: Dtypes = (),
    batch: int = 1,
    fold: bool = True,
    max_layers: int | None = None,
) -> Difference:
    """Read two specs and return what changed from one to the other: `load(spec).diff(load(other))`.

    Args:
        spec: The one spec.
        other: The other.
        set: Values for the symbols of both.
        set_other: Values for the symbols of the other, instead of `set`.
        dtype: The types of both networks' numbers, as `memory` takes them.
        batch: How many inputs to count the operations for; parameters do not scale.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.
        max_layers: How many layers each network may have: 100,000 without, at most 1,000,000.

    Raises:
        ConvcostError: A spec is wrong; the errors of both are reported.

    >>> found = diff("mobilenet_v1", "mobilenet_v1", set_other={"alpha": "1/2"})
    >>> found.after.total.macs - found.before.total.macs
    -419243264
    """
    models: list[Model] = []
    errors: list[ErrorDetail] = []
    more = False
    for each, values in ((spec, set), (other, set_other or set)):
        try:
            models.append(load(each, set=values, max_layers=max_layers))
        except ConvcostError as error:
            errors += error.details
            more = more or error.more
    if errors:
        raise SpecError(errors, more=more)
    return models[0].diff(models[1], dtype=dtype, batch=batch, fold=fold)


def rewrite(
    spec: Model | SpecLike,
    to: str,
    *,
    layers: Sequence[str] = (),
    set: Mapping[str, Any] | None = None,
    dtype: Dtypes = (),
    batch: int = 1,
    fold: bool = True,
    max_layers: int | None = None,
    **options: int | bool,
) -> RewrittenModel:
    """Read a spec and return its network with layers in another form: `load(spec, set=set).rewrite(to, …)`.

    >>> rewritten = rewrite("examples/one_5x5", "stacked")
    >>> rewritten.analyze().total.mults
    90
    >>> print(rewritten.text.splitlines()[0])
    # rewritten: stacked (Simonyan and Zisserman 2014, arXiv:1409.1556, section 2.3)
    """
    model = load(spec, set=set, max_layers=max_layers)
    return model.rewrite(to, layers=layers, dtype=dtype, batch=batch, fold=fold, **options)


def suggest(
    spec: Model | SpecLike,
    *,
    max: Mapping[str, Any],
    allow: Sequence[str] = ("separable",),
    options: Mapping[str, int | bool] | None = None,
    ends: bool = False,
    set: Mapping[str, Any] | None = None,
    dtype: Dtypes = (),
    batch: int = 1,
    fold: bool = True,
    max_layers: int | None = None,
) -> Suggestion:
    """Read a spec and return which layers to rewrite: `load(spec, set=set).suggest(max=max, …)`.

    >>> suggest("examples/worked_standard", max={"mults": "100k"}, ends=True).after.total.mults
    53952
    """
    from convcost.rewriting.suggest import limits_of

    batch, bounds = positive("batch", batch), limits_of(max)  # errors of the arguments come before those of the spec
    model = load(spec, set=set, max_layers=max_layers)
    return model.suggest(max=bounds, allow=allow, options=options, ends=ends, dtype=dtype, batch=batch, fold=fold)


def verify(
    spec: Model | SpecLike,
    *,
    set: Mapping[str, Any] | None = None,
    full: bool = False,
    fold: bool = True,
    seed: int = 0,
    engine: str = "auto",
    pool: Executor | None = None,
    watch: ProgressCallback | None = None,
    max_products: int | None = None,
    max_values: int | None = None,
    max_layers: int | None = None,
) -> Verification:
    """Read a spec, execute its network and compare: `load(spec, set=set).verify(…)`.

    >>> verify("mobilenet_v1").ok
    True
    """
    model = load(spec, set=set, max_layers=max_layers)
    return model.verify(
        full=full,
        fold=fold,
        seed=seed,
        engine=engine,
        pool=pool,
        watch=watch,
        max_products=max_products,
        max_values=max_values,
    )


def check(
    *specs: Model | SpecLike,
    max: Mapping[str, Any] | None = None,
    config: str | Path | None = None,
    set: Mapping[str, Any] | None = None,
    base: str | None = None,
    baseline: str | Path | None = None,
    strict: bool = False,
    dtype: Dtypes = (),
    batch: int = 1,
    fold: bool = True,
    max_layers: int | None = None,
) -> Check:
    """Hold networks to their budgets: those in their specs, those of a `convcost.yaml`, and `max`.

    Args:
        specs: Paths, names of shipped specs, specs as mappings, or models; those that the configuration names without.
        max: What totals may be: numbers, or texts such as `300M`.
        config: The configuration; without it and without `max`, the nearest `convcost.yaml`, here or above.
        set: Values for the specs' symbols.
        base: The revision that growth is measured against, from where `HEAD` and it parted.
        baseline: The JSON report that growth is measured against.
        strict: Whether a warning fails, too.
        dtype: The types of the networks' numbers, as `memory` takes them, where a budget says none.
        batch: How many inputs to count the operations for; parameters do not scale.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.
        max_layers: How many layers each network may have: 100,000 without, at most 1,000,000.

    Raises:
        ConvcostError: A spec, the configuration or the baseline is wrong; all errors are reported.

    >>> check("mobilenet_v1", max={"mults": "600M", "params": "5M"})
    <Check: Within budget: 2 limits>
    >>> check("examples/worked_standard", max={"mults": "1M"}).ok
    False
    """
    from convcost.budget.checking import ask

    batch = positive("batch", batch)
    return ask(
        [spec.held() if isinstance(spec, Model) else spec for spec in specs],
        max=by_name("max", max),
        config=config,
        set=by_name("set", set),
        base=base,
        baseline=baseline,
        strict=strict,
        dtype=dtype,
        batch=batch,
        fold=fold,
        max_layers=max_layers,
    )


def _asked(spec: Model | SpecLike, max_layers: int | None, *, apart: Collection[str]) -> Origin:
    """Return a spec, or that of a model of which no symbol but some stayed free."""
    if not isinstance(spec, Model):
        return Origin.of(spec, max_layers)
    return origin_of(spec.network, spec.origin, apart=apart).at({}, None, max_layers)
