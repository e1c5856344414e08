"""Every published number is reproduced to its last printed digit, or differs by a cause that is checked too."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import Counter
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from convcost import cli
from convcost.published import sources
from convcost.published.analysis import PublishedNumber, PublishedNumbers, analyses
from convcost.published.quantities import DIFFERENCES, QUANTITIES
from convcost.published.sources import PublishedNote, PublishedRow, PublishedTable, published_specs

HERE = Path(__file__).parent
TABLES = [(name, sources.table(name)) for name in sources.TABLES]
OTHERS = {path.stem: sources.read(path.read_bytes()) for path in sorted((HERE / "data").glob("*.json"))}
TABLES += OTHERS.items()
NUMBERS = [
    pytest.param(table, row, quantity, id=f"{name}-{row.name}-{quantity}")
    for name, table in TABLES
    for row in table.rows
    for quantity in row.printed
]
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, " MB": 2**20, " GB": 2**30}


@pytest.fixture
def convcost(monkeypatch, capsys):
    """Return a function that runs a command in this process: its status, output and errors."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["convcost", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return SimpleNamespace(status=ended.value.code or 0, out=captured.out, err=captured.err)

    return run


@cache
def analyse_of(spec: str):
    return analyses(HERE / spec if spec.startswith("specs/") else spec)


def number_of(table: PublishedTable, row: PublishedRow, quantity: str) -> PublishedNumber:
    return PublishedNumber.of(table, row, quantity, analyse_of(row.spec)(row.set))


def written(number: int, like: str, rounding: str = ROUND_HALF_UP, *, digits: int = 0) -> str:
    """Return a number as it is written with a text's unit and its decimals, and so many more."""
    found = re.fullmatch(r"([\d,]+)(?:\.(\d+))?( ?[A-Z]*)", like)
    decimals = len(found[2] or "") + digits
    scaled = Decimal(number) / UNITS[found[3]]
    return f"{scaled.quantize(Decimal(1).scaleb(-decimals), rounding):,}{found[3]}"


def commas(text: str) -> str:
    """Return a number's text with commas between thousands."""
    whole, point, rest = text.partition(".")
    return re.sub(r"^\d{4,}", lambda found: f"{int(found[0]):,}", whole) + point + rest


@pytest.mark.parametrize(("table", "row", "quantity"), NUMBERS)
def test_a_published_number_is_reproduced_or_explained(table: PublishedTable, row: PublishedRow, quantity: str) -> None:
    number = number_of(table, row, quantity)
    text, counted = commas(number.printed), number.counted
    rounded = {written(counted, text), written(counted, text, ROUND_HALF_DOWN)}  # a half is rounded either way
    cut = written(counted, text, ROUND_DOWN)
    if number.digits == "exact":
        assert counted == Decimal(re.sub(r"[^\d.]", "", text)) * UNITS[re.sub(r"[\d.,]", "", text)]
    elif number.digits == "rounded":
        assert text in rounded
    elif number.digits == "cut":
        assert text == cut
        assert text not in rounded
    elif number.digits == "rounded twice":
        assert text not in rounded
        once = written(counted, text, digits=1)
        assert text == written(int(Decimal(re.sub(r"[^\d.]", "", once)) * UNITS[re.sub(r"[\d.,]", "", text)]), text)
    else:
        assert number.digits == "misprint"
        assert text not in {*rounded, cut}
        assert commas(number.right) in rounded


def test_three_hundred_rows_and_more():
    """Each row is one of the source's; what is not here is a network that no spec describes."""
    rows = Counter(name for name, table in TABLES for _ in table.rows)
    assert {name: rows[name] for name in ("slim_mobilenet_v1", "slim_mobilenet", "keras", "keras_rounded")} == {
        "slim_mobilenet_v1": 32,
        "slim_mobilenet": 31,
        "keras": 26,
        "keras_rounded": 33,
    }
    assert rows["pycls"] == 65
    assert rows["torchvision"] == 139
    assert rows["convnet_burden"] == 33
    assert rows.total() >= 500


@pytest.mark.parametrize(("name", "table"), TABLES)
def test_a_table_names_its_source_and_version(name: str, table: PublishedTable) -> None:
    assert table.url.startswith("https://")
    assert table.version
    assert table.about
    assert all(row.printed and {*row.notes, *row.columns} <= {*row.printed} <= {*table.columns} for row in table.rows)


def test_six_rows_of_slims_mobilenet_table_differ():
    """Five misprints, and 149,497,600 (with 1,001 classes) that became 149.5 and then 150."""
    table = sources.table("slim_mobilenet_v1")
    odd = {}
    for row in table.rows[:16]:
        number = number_of(table, row, "macs")
        if number.digits != "rounded":
            odd[row.name] = (number.digits, number.printed, number.right, number.counted)
    # the exact ones: those of tests/networks/data/families.json and the 1,001st class, 1024 · alpha more
    assert odd == {
        "MobileNet_v1_0.75_224": ("misprint", "317M", "325M", 325_400_448 + 768),
        "MobileNet_v1_0.75_192": ("misprint", "233M", "239M", 239_273_472 + 768),
        "MobileNet_v1_0.75_160": ("misprint", "162M", "166M", 166_396_800 + 768),
        "MobileNet_v1_0.75_128": ("misprint", "104M", "107M", 106_770_432 + 768),
        "MobileNet_v1_0.50_224": ("rounded twice", "150M", "", 149_497_088 + 512),
        "MobileNet_v1_0.25_192": ("misprint", "34M", "30M", 30_212_608 + 256),
    }


def test_slims_parameters_have_three_numbers_for_each_channel_of_a_norm():
    """Each of the 10,944 channels has an offset, a mean and a variance there, in the spec a scale and an offset."""
    channels = 32 + sum(a + b for a, b in pairwise([32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]))
    assert channels == 10_944
    table = sources.table("slim_mobilenet_v1")
    number = number_of(table, table.rows[0], "params")
    assert [(cause.cause, cause.amount) for cause in number.causes] == [("batch norms", channels)]


def test_keras_resnet_has_biases_and_statistics():
    """ResNet-50 has 26,560 channels with norms: two statistics for each, and a bias that torchvision's has not."""
    table = sources.table("keras")
    row = next(row for row in table.rows if row.name == "ResNet50")
    number = number_of(table, row, "params")
    # conv1 64; three blocks of 64, 64, 256 and a projection of 256; four, six and three twice as wide each time
    channels = 64 + sum(n * 6 * w + 4 * w for n, w in ((3, 64), (4, 128), (6, 256), (3, 512)))
    assert channels == 26_560
    assert [cause.amount for cause in number.causes] == [2 * channels, channels]
    assert number.counted == 25_636_712 == 25_557_032 + 3 * channels


# What a source counts and a spec does not have, in arithmetic.
PARTS = {
    # 768 → 128 by 1 × 1, 128 → 768 by 5 × 5, with norms, and a classifier of 1,000
    "auxiliary classifier of training": {768 * 128 + 2 * 128 + 128 * 768 * 25 + 2 * 768 + 769 * 1000},
    # 1024 → 256 by 3 × 3, a norm, 256 → 21 by 1 × 1 with biases; on 65 × 65 positions
    "auxiliary head of training": {
        1024 * 256 * 9 + 2 * 256 + 256 * 21 + 21,
        (1024 * 256 * 9 + 256 * 21) * 65 * 65,
        40 * 10 * 9 + 2 * 10 + 10 * 21 + 21,  # of MobileNetV3: 40 → 10 → 21
        (40 * 10 * 9 + 10 * 21) * 65 * 65,
    },
    # 3 × 3 to 256, on 13 × 13 positions of level 6
    "level 6 reads 2,048 channels": {(2048 - 256) * 256 * 9, (2048 - 256) * 256 * 9 * 13 * 13},
    "batch norms are trained": {2 * 26_560},
    "group norms in the heads, no biases": {2 * 4 * (2 * 256 - 256)},
    # for T, S and B: linear layers 2 → 512 → heads on 15 × 15 offsets, and a scale for each head, in each block
    "offsets from a network of 512 features, not a table": {
        amount
        for heads in ([3] * 2 + [6] * 2 + [12] * 6 + [24] * 2, [3] * 2 + [6] * 2 + [12] * 18 + [24] * 2)
        for amount in (
            sum(2 * 512 + 512 + 512 * head + head - 15**2 * head for head in heads),
            sum(15**2 * (2 * 512 + 512 * head) for head in heads),
        )
    }
    | {
        sum(2 * 512 + 512 + 512 * head + head - 15**2 * head for head in [4] * 2 + [8] * 2 + [16] * 18 + [32] * 2),
        sum(15**2 * (2 * 512 + 512 * head) for head in [4] * 2 + [8] * 2 + [16] * 18 + [32] * 2),
    },
    # a norm of 2 · channels where it was of 4 · channels, at three merges: 2 · 2 · (1 + 2 + 4) · channels less
    "merges are normed when they are narrow": {-2 * 2 * 7 * 96, -2 * 2 * 7 * 128},
    # three 1 × 1 convolutions: 64 → 128 on 28 × 28 positions, and twice as wide on half of them each way
    "without projections: shortcuts pad with zeros": {-3 * 64 * 128 * 28 * 28},
    # on 512 and 528 channels: 1 × 1 to 128 on 4 × 4 positions, linear to 1,024 and 1,000, of 4 bytes
    "two auxiliary classifiers": {
        4 * sum(c * 128 + 128 + 16 * 128 * 1024 + 1024 + 1024 * 1000 + 1000 for c in (512, 528))
    },
    # 256 more features of 576, or of 432 at width 0.75, before the 1,000 classes: weights and biases, or products
    "1,280 instead of 1,024 features before the classifier, as in the paper's first version": {
        256 * (576 + 1 + 1000),
        256 * (432 + 1 + 1000),
        256 * (432 + 1000),
    },
    "the layer that normalizes the input": {1},
}


def test_the_parts_that_no_spec_has_are_worked_out():
    found: dict[str, set[int]] = {}
    for _, table in TABLES:
        for row in table.rows:
            for column in row.columns.values():
                for part in column.parts:
                    found.setdefault(part.text, set()).add(part.amount)
    assert found == {text: PARTS[text] for text in found}


def test_a_network_analyses_each_setting_once(monkeypatch):
    made = Counter()
    original = sources.table  # the tables are read before
    assert original is sources.table
    from convcost.published import analysis

    class Counting:
        @classmethod
        def of(cls, network):
            made[repr(network.symbols)] += 1
            return analysis_of(network)

    analysis_of = analysis.Analysis.of
    monkeypatch.setattr(analysis, "Analysis", Counting)
    found = PublishedNumbers.of("mobilenet_v2")
    assert len(found.numbers) > 40
    assert set(made.values()) == {1}


def test_the_command_in_every_format(convcost):
    data = json.loads(convcost("specs", "mobilenet_v1", "--published", "-f", "json").out)
    assert data["network"] == "MobileNetV1"
    keras = next(number for number in data["numbers"] if number["name"] == "MobileNet")
    assert keras == {
        "source": "Keras Applications, exact",
        "name": "MobileNet",
        "place": None,
        "set": {},
        "quantity": "params",
        "printed": "4,253,864",
        "exact": 4_231_976,
        "causes": [{"cause": "norm statistics", "amount": 2 * 10_944}],
        "counted": 4_253_864,
        "digits": "exact",
        "right": None,
        "why": None,
        "agrees": False,
    }
    source = next(source for source in data["sources"] if source["title"] == keras["source"])
    assert source["licence"] == "Apache-2.0"
    assert source["version"] in source["url"]
    rows = list(csv.DictReader(io.StringIO(convcost("specs", "mobilenet_v1", "--published", "-f", "csv").out)))
    assert len(rows) == len(data["numbers"])
    row = next(row for row in rows if row["name"] == "MobileNet_v1_0.75_224" and row["quantity"] == "macs")
    assert (row["because_of"], row["set"]) == ("misprint of 325M", "alpha=0.75, classes=1001")
    assert (row["printed"], row["exact"], row["counted"]) == ("317M", "325401216", "325401216")


@pytest.mark.parametrize(
    ("words", "message", "help"),
    [
        (["specs", "--published"], "--published takes the NAME of a shipped spec", "one of alexnet, "),
        (
            ["specs", "ResNet-101", "--published"],
            "there is no shipped spec 'ResNet-101'",
            "it is resnet50 with n4=23: convcost specs resnet50 --published",
        ),
        (["specs", "resnet51", "--published"], "there is no shipped spec 'resnet51'", "did you mean 'resnet50'?"),
        (
            ["specs", "examples/one_5x5", "--published"],
            "there are no published numbers of examples/one_5x5 here",
            "those with published numbers: alexnet, ",
        ),
    ],
)
def test_bad_input(words, message, help, convcost):
    done = convcost(*words)
    assert (done.status, done.out) == (2, "")
    first, second = done.err.splitlines()
    assert first == f"error: {message}"
    assert second.startswith(f" = help: {help}")


PARAMS_OF_MOBILENET = [
    # 4,231,976 parameters and 21,888 statistics are 4,253,864
    ("4,253,864", None, "exact"),
    ("4,253,865", None, ""),
    ("4.25M", None, "rounded"),
    ("4.253M", None, ""),  # that is cut, which must be said
    ("4.253M", ("cut", ""), "cut"),
    ("4.25M", ("cut", ""), ""),  # that is rounded
    ("4.26M", ("misprint", "4.25M"), "misprint"),
    ("4.26M", ("misprint", "4.24M"), ""),  # the right one is wrong
    ("4.25M", ("misprint", "4.25M"), ""),  # it is none
    ("4.253M", ("misprint", "4.254M"), ""),  # nor is a number that was cut
    ("4.26M", ("rounded twice", ""), ""),
    ("4.3M", ("rounded twice", ""), ""),  # once gives the same
]


@pytest.mark.parametrize(("text", "note", "digits"), PARAMS_OF_MOBILENET)
def test_digits_are_what_their_note_says(text, note, digits):
    notes = {"params": PublishedNote(*note)} if note else {}
    row = PublishedRow("MobileNet", "mobilenet_v1", {"params": text}, notes=notes)
    assert number_of(sources.table("keras"), row, "params").digits == digits


def test_googlenet_of_matconvnet_has_biases_where_the_spec_has_norms():
    """A bias for each channel of a norm, which has two parameters: 4 bytes less for each of 7,280 channels."""
    table = sources.table("convnet_burden")
    row = next(row for row in table.rows if row.name == "googlenet")
    number = number_of(table, row, "params")
    # what each module puts out, and its reductions before the 3 × 3 and 5 × 5 kernels, Table 1 of the paper
    outputs = 64 + 64 + 192 + 256 + 480 + 512 + 512 + 512 + 528 + 832 + 832 + 1024
    reductions = (96 + 16) + (128 + 32) + (96 + 16) + (112 + 24) + (128 + 24) + (144 + 32) + (160 + 32) * 2 + (192 + 48)
    assert number.causes[0].amount == -4 * (outputs + reductions)


def test_a_local_norm_costs_two_operations_a_channel_two_more_and_one_a_value():
    """VGG-F: 64 channels on 54 × 54 positions, 256 on 27 × 27; with them 727 M as printed, without 726 M."""
    table = OTHERS["convnet_burden"]
    row = next(row for row in table.rows if row.name == "vgg-f")
    norms = (64 + 2 + 2 * 64) * 54**2 + (256 + 2 + 2 * 256) * 27**2
    assert number_of(table, row, "flops").causes[-1].amount == norms


def test_every_difference_is_used_by_a_table():
    columns = [column for _, table in TABLES for column in table.columns.values()]
    columns += [column for _, table in TABLES for row in table.rows for column in row.columns.values()]
    assert {name for column in columns for name in column.adds} == {*DIFFERENCES}
    assert {column.counts for column in columns} == {*QUANTITIES}


def test_a_screen_shows_repeated_numbers_once_under_the_shortest_name():
    report = PublishedNumbers.of("resnet18").report()

    def names(table):
        return [row.cells[0] for row in table.more[0].rows if row.cells[0]]

    assert names(report.table()) == ["quantized_resnet18, IMAGENET1K_FBGEMM_V1", "resnet18", "resnet34"]
    assert names(report.screen()) == ["resnet18", "resnet34"]
    assert report.screen().more[0].rows[0].cells[0] == "resnet18"  # where it is first said
    assert report.screen().more[0].footer[0].startswith("2 numbers that repeat these")


def test_a_number_that_nothing_explains_is_said():
    table = sources.table("keras")
    row = PublishedRow("MobileNet", "mobilenet_v1", {"params": "4,253,865"})
    number = number_of(table, row, "params")
    assert (number.digits, number.counted, number.agrees) == ("", 4_253_864, False)
    shown = str(PublishedNumbers("mobilenet_v1", "MobileNetV1", (table,), (number,)))
    assert "1 published number: 1 is not explained" in shown
    assert "+21,888 norm statistics" in shown.splitlines()[-3]
    assert "not explained" in shown.splitlines()[-2]


def test_convnext_v2_counts_as_fvcore_does_and_cuts():
    """Layer norms 5 operations a value, pools 1: 7,185,617,920 + 29,494,400 + 92,160, printed as 7.21G."""
    table = sources.table("convnextv2")
    row = next(row for row in table.rows if row.name == "ConvNeXt V2-N, 384, 22K")
    number = number_of(table, row, "macs")
    # stem and first stage 96² positions of 80 channels: the stem's norm, two blocks' and that before the next stage
    norms = 4 * 80 * 96**2 + 3 * 160 * 48**2 + 9 * 320 * 24**2 + 2 * 640 * 12**2 + 640
    pool = 640 * 12**2
    assert number.causes[0].amount == 5 * norms + pool
    assert (number.exact, number.counted, number.digits) == (7_185_617_920, 7_215_204_480, "cut")


@pytest.mark.parametrize("name", [*published_specs()])
def test_a_shipped_network_has_no_unexplained_number(name):
    found = PublishedNumbers.of(name)
    assert all(number.digits for number in found.numbers)
    assert str(found).count("not explained") == 0
