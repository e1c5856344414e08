"""What bounds layers on a device: times, intensities and energies worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

import convcost
from convcost.errors import ConfigError, ConvcostError, OptionError
from convcost.memory.roofline.devices import FOLDER, SHIPPED, Device, device, measure
from convcost.memory.roofline.energy import ENERGY, PER_BYTE

TOY = Device(
    "toy",
    "Toy",
    {},
    {"float32": Fraction(1000), "int8": Fraction(4000)},
    Fraction(100),
    sram=1000,
    flash=100,
)
CONV = {
    "name": "One",
    "input": [4, 8, 8],
    "layers": [{"conv": {"out_channels": 8, "kernel_size": 1, "bias": False}}, "relu", "flatten"],
}


def layers(spec, device=TOY, **options):
    return convcost.roofline(spec, device, **options).layers


def test_a_convolution_by_hand():
    # 4 · 8 · 64 products, each added to an accumulator that starts at zero
    conv, relu, flatten = layers(CONV)

    assert (conv.mults, conv.adds) == (2_048, 2_048)
    assert conv.bytes_read == 4 * (4 * 64 + 4 * 8) == 1_152
    assert conv.bytes_written == 4 * 8 * 64 == 2_048
    assert conv.intensity == Fraction(4_096, 3_200)
    assert conv.compute_seconds == Fraction(4_096, 1_000)
    assert conv.memory_seconds == Fraction(3_200, 100) == 32
    assert (conv.seconds, conv.bound) == (32, "memory")
    assert [(row.seconds, row.bound, row.intensity) for row in (relu, flatten)] == [(0, "", None)] * 2


def test_a_type_has_its_own_peak_and_its_own_bytes():
    conv = layers(CONV, dtype="int8")[0]

    assert (conv.dtype, conv.compute_seconds) == ("int8", Fraction(4_096, 4_000))
    assert conv.memory_seconds == Fraction(256 + 32 + 512, 100)


def test_weights_of_integers_beside_floats_are_computed_with_as_floats():
    assert layers(CONV, dtype="weights=int8,activations=float32")[0].dtype == "float32"


def test_the_times_of_layers_add_up_and_the_total_says_what_bounds_most():
    slow = Device("slow", "Slow", {}, {"float32": Fraction(1)}, Fraction(10**9))
    found = convcost.roofline(CONV, slow)

    assert (found.seconds, found.memory_share, found.bound) == (4_096, 0, "compute")
    assert convcost.roofline(CONV, TOY).bound == "memory"


def test_weights_are_read_once_for_a_batch():
    conv = layers(CONV, batch=3)[0]

    assert conv.bytes_read == 4 * (3 * 256 + 32)
    assert conv.mults == 3 * 2_048


def test_at_equal_times_arithmetic_bounds():
    even = Device("even", "Even", {}, {"float32": Fraction(4_096)}, Fraction(3_200))
    assert layers(CONV, even)[0].bound == "compute"


def test_weights_are_held_against_flash_and_the_peak_against_sram():
    # 32 weights of 4 bytes; the input of 1,024 bytes lives beside the output of 2,048
    weights, peak = convcost.roofline(CONV, TOY).fits

    assert (weights.needed, weights.room, weights.fits) == (128, 100, False)
    assert (peak.needed, peak.room, peak.fits) == (3_072, 1_000, False)
    assert all(fit.fits for fit in convcost.roofline(CONV, TOY, dtype="int8").fits)  # 32 and 768 bytes


def test_energy_by_hand():
    # 45 nm: 3.7 pJ a product, 0.9 a sum; 1.3 nJ for 64 bits of DRAM
    conv = layers(CONV, energy=True)[0]
    assert conv.energy == 2_048 * Fraction("4.6") + 3_200 * Fraction(1_300, 8)

    # int8: 0.2 and, in 32 bits, 0.1
    conv = layers(CONV, energy=True, dtype="int8")[0]
    assert conv.energy == 2_048 * Fraction("0.3") + 800 * Fraction(1_300, 8)
    assert layers(CONV)[0].energy is None


def test_the_table_of_energies_is_the_papers():
    """Horowitz 2014, figure 1.1.9, as two transcriptions have it."""
    assert {width: (float(each.multiplication), float(each.addition)) for width, each in ENERGY.items()} == {
        "float32": (3.7, 0.9),
        "float16": (1.1, 0.4),
        "int32": (3.1, 0.1),
        "int8": (0.2, 0.1),
    }
    assert PER_BYTE * 8 == 1_300


def test_depthwise_layers_of_mobilenet_are_bound_by_memory_where_pointwise_ones_are_not():
    found = convcost.roofline("mobilenet_v1", "raspberry-pi-4")
    bounds = {
        kind: {row.bound for row in found.layers if row.layer.type == kind}
        for kind in ("depthwise_conv", "pointwise_conv")
    }

    assert bounds == {"depthwise_conv": {"memory"}, "pointwise_conv": {"compute"}}


# devices


def test_the_shipped_devices_are_the_files_and_have_a_source_for_each_figure():
    assert sorted(SHIPPED) == sorted(path.stem for path in FOLDER.glob("*.yaml"))
    for name in SHIPPED:
        found = device(name)
        figures = ["peak", "bandwidth", *(["sram"] if found.sram else []), *(["flash"] if found.flash else [])]
        assert list(found.sources) == figures, name
        assert all(found.sources.values()), name


def test_the_figures_of_the_shipped_devices_follow_from_their_sources():
    f746, l4r5, pi, core = map(device, ("stm32f746", "stm32l4r5", "raspberry-pi-4", "cortex-a76"))

    # two products of 8 or 16 bits a cycle, each with its sum
    assert f746.peak["int8"] == 216_000_000 * 2 * 2
    assert l4r5.peak["int16"] == 120_000_000 * 2 * 2
    assert (f746.bandwidth, l4r5.bandwidth) == (216_000_000 * 8, 120_000_000 * 4)  # 64 and 32 bits a cycle
    assert (f746.sram, f746.flash, l4r5.sram, l4r5.flash) == (320 * 1024, 1024**2, 640 * 1024, 2 * 1024**2)
    assert pi.peak["float32"] == 4 * 1_500_000_000 * 4 * 2  # cores, cycles, numbers of 32 bits in 128, two operations
    assert core.peak["float32"] == 2_840_000_000 * 2 * 4 * 2  # two pipes
    assert core.peak["int8"] == 2_840_000_000 * 2 * 16 * 2


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("432M", 432_000_000),
        ("432M ops/s", 432_000_000),
        ("432M macs/s", 864_000_000),
        ("432Mmacs/s", 864_000_000),
        ("1e6", 1_000_000),
        ("0.5k", 500),
        ("1_000", 1_000),
        ("5 MHz", None),
        ("five", None),
        ("", None),
        ("-1M", None),
        ("1M ops", None),
    ],
)
def test_a_measure_is_a_number_with_a_scale_and_a_unit(text, number):
    assert measure(text, {"ops/s": 1, "macs/s": 2}) == number


BAD = """nme: x
source: {peak: a}
peak: {int9: 4M, int8: 0, float32: 12}
bandwidth: 5 MHz
sram: 320
flash: 0.5B
"""


def test_all_errors_of_a_file_are_reported_with_their_places(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)

    with pytest.raises(ConfigError) as error:
        device(path)

    assert [(each.place.line, each.message, each.found, each.help) for each in error.value.details] == [
        (1, "a device has no key 'nme'", "", "did you mean 'name'?"),
        (1, "a device needs name", "", "name: What people call it."),
        (
            2,
            "there is no source for bandwidth and sram and flash",
            "",
            "bandwidth: a datasheet, a page or a measurement",
        ),
        (3, "there is no type 'int9'", "", "did you mean 'int8'?"),
        (3, "peak.int8 is more than 0", "0", ""),
        (3, "peak.float32 has no unit", "12", "write it such as 864M, 864M ops/s or 432M macs/s"),
        (4, "bandwidth is bytes per second", "5 MHz", "such as 5.56G or 5.56 GB/s"),
        (5, "sram has no unit", "320", "write it such as 320Ki or 320 KiB"),
        (6, "flash is a whole number of bytes", "1/2", ""),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a device is a mapping"),
        ("- 1\n", "a device is a mapping"),
        ("name: x\nsource: s\npeak: 3M\nbandwidth: 1G\n", "peak is a mapping of types to operations per second"),
        ("name: x\nsource: s\npeak: {}\nbandwidth: 1G\n", "peak is a mapping of types to operations per second"),
        ("name: [x]\nsource: s\npeak: {int8: 1M}\nbandwidth: 1G\n", "name is a text"),
        ("name: x\npeak: {int8: 1M}\nbandwidth: 1G\n", "a device needs source"),
        ("name: x\nsource: s\npeak: {int8: [1]}\nbandwidth: 1G\n", "peak.int8 is operations per second"),
    ],
)
def test_a_file_that_is_no_device(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError) as error:
        device(str(path))

    assert [each.message for each in error.value.details] == [message]


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: Mine\nsource: measured\npeak: {int8: 432M}\nbandwidth: 100M\nsram: 64Ki\n")
    found = device(path)

    assert (found.key, found.name, found.peak, found.bandwidth) == ("mine", "Mine", {"int8": 432_000_000}, 10**8)
    assert (found.sram, found.flash) == (65_536, None)
    assert found.sources == dict.fromkeys(("peak", "bandwidth", "sram"), "measured")


@pytest.mark.parametrize(
    ("options", "message", "found", "help"),
    [
        ({"device": "stm32f74"}, "there is no device 'stm32f74'", "", "did you mean 'stm32f746'?"),
        (
            {"device": "missing.yaml"},
            "there is no device 'missing.yaml'",
            "",
            "known: a100, cortex-a76, jetson-nano, raspberry-pi-4, stm32f746, stm32l4r5",
        ),
        (
            {"device": "raspberry-pi-4", "dtype": "int8"},
            "Raspberry Pi 4, four Cortex-A72 at 1.5 GHz has no peak for int8",
            "layer 'conv_1' and others compute with int8",
            "raspberry-pi-4 has float32: --dtype float32",
        ),
        (
            {"device": "a100", "dtype": "bfloat16", "energy": True},
            "the table of energies has no bfloat16",
            "layer 'conv_1' and others compute with bfloat16",
            "it has float32, float16, int32, int8: --dtype float32",
        ),
        ({"device": "a100", "batch": 0}, "batch is a whole number, at least 1", "0", ""),
    ],
)
def test_what_cannot_be_asked_is_refused(options, message, found, help):
    with pytest.raises(OptionError) as error:
        convcost.roofline(CONV, **options)

    (detail,) = error.value.details
    assert (detail.message, detail.found, detail.help) == (message, found, help)


def test_a_device_that_is_missing_is_an_error_of_the_file():
    with pytest.raises(ConvcostError) as error:
        device("nowhere/mine.yaml")

    assert "nowhere/mine.yaml" in error.value.details[0].message


# reports


def test_json_has_the_numbers():
    found = convcost.roofline(CONV, TOY, energy=True).to_dict()

    assert found["device"]["peak"] == {"float32": 1000.0, "int8": 4000.0}
    conv = found["layers"][0]
    assert {name: conv[name] for name in ("bytes_read", "bytes_written", "intensity", "bound", "seconds")} == {
        "bytes_read": 1_152,
        "bytes_written": 2_048,
        "intensity": 4_096 / 3_200,
        "bound": "memory",
        "seconds": 32.0,
    }
    assert found["layers"][1]["bound"] is None
    assert found["layers"][1]["intensity"] is None
    assert (found["total"]["seconds"], found["total"]["memory_share"]) == (32.0, 1.0)
    assert [fit["fits"] for fit in found["fits"]] == [False, False]


def test_the_summary_says_how_long_it_takes_at_least():
    found = convcost.roofline(CONV, TOY)
    assert repr(found) == "<Roofline: One on Toy: at least 32.0 s, 100 % of it bound by memory>"
