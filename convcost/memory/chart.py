"""The chart of the memory that activations take while the layers run."""

from __future__ import annotations

from convcost.charts.chart import Chart
from convcost.charts.quantities import bytes_tick, bytes_unit
from convcost.charts.steps import ChartStep, step_chart
from convcost.memory.analysis import Memory
from convcost.memory.report import facts
from convcost.reports import titles
from convcost.reports.table import AT_LEAST, bytes_text, counted, safe


def memory_chart(memory: Memory) -> Chart:
    """Return the chart of what lives while each layer runs, with the peak.

    Args:
        memory: The memory that the network takes.
    """
    least = AT_LEAST if memory.network.unknown else ""
    steps = [ChartStep(row.layer.name, row.alive, f"{least}{row.alive:,} bytes") for row in memory.layers]
    peak = ""
    if memory.layers:
        peak = f"peak {least}{bytes_text(memory.peak_memory)} at {safe(memory.layers[memory.peak_index].layer.name)}"
    sizes = {"of weights": memory.weight_bytes, "of activations": memory.activation_bytes}
    beside = " · ".join(f"{least}{bytes_text(size)} {what}" for what, size in sizes.items())
    return step_chart(
        "memory",
        f"{titles.title(memory.network)}: memory of activations over time",
        (f"{peak} · {beside}" if peak else beside, titles.facts(memory.network, *facts(memory))),
        f"Steps: the bytes of activations that live while each of {counted(len(steps), 'layer')} runs, in order. "
        f"The {peak or 'peak is 0'}: {least}{memory.peak_memory:,} bytes.",
        steps,
        tick=bytes_tick,
        unit=bytes_unit(memory.peak_memory),
        peak=peak,
        notes=["Layers from the left as they run; weights are not in it."],
    )
