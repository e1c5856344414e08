"""`convcost init`: a first configuration."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcost as api
from convcost.budget import configuration
from convcost.budget.initial import initial
from convcost.spec.source import Source

MODEL = Path(__file__).parents[1] / "importers" / "data" / "small.onnx"

# net.yaml: 19,200 params, 1,228,800 mults; a tenth more is 21,120 and 1,351,680
CONFIG = """\
# What the networks may cost. `convcost check` holds them to it.
# Each limit is what the network cost when this was written, given behind it, and 10%.
convcost: 2
models:
  - net.yaml

budgets:
  - metric: params
    models: net.yaml
    max: 21_120   # 19_200
  - metric: mults
    models: net.yaml
    max: 1_351_680   # 1_228_800
"""


def test_it_writes_todays_numbers_and_headroom(folder, convcost):
    status, out, err = convcost("init", "net.yaml")
    assert (status, err) == (0, "")
    assert (folder / "convcost.yaml").read_text(encoding="utf-8") == CONFIG
    assert out.startswith("Within budget: 2 limits\n")
    assert out.endswith("Written to convcost.yaml.\n")
    assert convcost("check").status == 0


def test_several_specs_have_budgets_of_their_own(folder, convcost):
    (folder / "nets").mkdir()
    (folder / "nets" / "odd: name #[1].yaml").write_text((folder / "net.yaml").read_text().replace("256", "1"))
    status, out, _ = convcost("init", "net.yaml", "nets/odd: name #[1].yaml", "mobilenet_v1", "--headroom", "0%")
    assert status == 0
    read = configuration.read("convcost.yaml")
    assert [(budget.metric, budget.models, budget.max.value) for budget in read.budgets if budget.max] == [
        ("params", ("net.yaml",), 19_200),
        ("mults", ("net.yaml",), 1_228_800),
        ("params", ("nets/odd: name #[[]1].yaml",), 75),
        ("mults", ("nets/odd: name #[[]1].yaml",), 4_800),  # 75 · 64
        ("params", ("mobilenet_v1",), 4_231_976),
        ("mults", ("mobilenet_v1",), 568_740_352),
    ]
    assert "nets/odd: name #[1].yaml\n" in out
    assert convcost("check").status == 0


def test_a_spec_that_is_named_twice_stands_once(folder, convcost):
    (folder / "nets").mkdir()
    assert convcost("init", "net.yaml", "./net.yaml", str(folder / "nets" / ".." / "net.yaml")).status == 0
    assert (folder / "convcost.yaml").read_text(encoding="utf-8") == CONFIG


def test_values_of_symbols_stand_in_the_budgets(folder, convcost):
    text = "symbols: {n: 1, m: relu}\ninput: [3]\nlayers: [{linear: {out_features: n, bias: false, activation: m}}]\n"
    (folder / "net.yaml").write_text(text)
    (folder / "other.yaml").write_text(text)
    assert convcost("init", "net.yaml", "other.yaml", "--set", "n=7", "--set", "m = none").status == 0
    read = configuration.read("convcost.yaml")
    assert [(budget.set, budget.max.value) for budget in read.budgets if budget.max] == [
        ({"n": (7,), "m": ("none",)}, 24)  # 3 · 7 = 21 and a tenth
    ] * 4
    assert [budget.models for budget in read.budgets] == [("net.yaml",)] * 2 + [("other.yaml",)] * 2
    assert convcost("check", "--strict").status == 0


def test_a_specs_own_budget_is_held_to_at_once(folder, convcost):
    (folder / "net.yaml").write_text((folder / "net.yaml").read_text() + "budget: {params: 1}\n")
    status, out, _ = convcost("init", "net.yaml")
    assert status == 0
    assert out.startswith("Exceeded: 1 of 3 limits\n")


def test_the_faults_of_all_specs_are_told(folder, convcost):
    for name in "a.yaml", "b.yaml":
        (folder / name).write_text("input: [1]\nlayers: [lineal]\n")
    _, _, err = convcost("init", "a.yaml", "net.yaml", "b.yaml", "a.yaml")
    assert [line for line in err.splitlines() if "-->" in line] == [
        " --> a.yaml:2:10, layers[0]",
        " --> b.yaml:2:10, layers[0]",
    ]


def test_a_configuration_that_exists_stays_unless_forced(folder, convcost):
    (folder / "convcost.yaml").write_text("mine")
    status, out, err = convcost("init", "net.yaml")
    assert (status, out) == (2, "")
    assert err == "error: 'convcost.yaml' exists\n = help: --force writes over it\n"
    assert (folder / "convcost.yaml").read_text() == "mine"
    assert convcost("init", "net.yaml", "--force").status == 0
    assert (folder / "convcost.yaml").read_text() == CONFIG


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["net.yaml", "--headroom", "ten"],
            "error: --headroom is a share\n = found: --headroom ten\n = help: such as --headroom 10%\n",
        ),
        (["net.yaml", "--headroom", "10"], "--headroom is a share"),
        (["net.yaml", "--headroom", "-5%"], "--headroom is a share"),
        (["none.yaml"], "there is no file and no shipped spec 'none.yaml'"),
        (["-"], "convcost.yaml cannot name this spec\n = found: standard input\n"),
        (["../out.yaml"], "convcost.yaml cannot name this spec\n = found: '../out.yaml' is outside\n"),
        (["link.yaml"], "convcost.yaml cannot name this spec\n = found: 'link.yaml' is outside\n"),
        (["null"], "models names specs"),
        (["net.yaml", "--headroom", "1 +\n9%"], "--headroom is a share"),
        (["net.yaml", "--set", "alpha=1"], "--set: net.yaml has no symbol 'alpha'"),
    ],
)
def test_wrong_input_writes_nothing(arguments, message, folder, convcost):
    net = (folder / "net.yaml").read_text()
    (folder.parent / "out.yaml").write_text(net)
    (folder / "link.yaml").symlink_to(folder.parent / "out.yaml")
    (folder / "null").write_text(net)
    stdin = (folder / "net.yaml").read_bytes() if "-" in arguments else None
    status, out, err = convcost("init", *arguments, stdin=stdin)
    assert (status, out) == (2, "")
    assert message in err
    assert not (folder / "convcost.yaml").exists()


@given(params=st.integers(0, 10**15), headroom=st.fractions(0, 10))
def test_a_limit_is_the_smallest_whole_number_with_the_headroom(params, headroom):
    spec = {"input": [max(1, params)], "layers": [{"linear": {"out_features": 1, "bias": False}}]}
    text = initial({"mobilenet_v1": api.analyze(spec)}, headroom, "some", {})
    (limit, _) = [budget.max.value for budget in configuration.parse(Source("c", text), Path()).budgets if budget.max]
    assert limit - 1 < max(1, params) * (1 + headroom) <= limit


def test_a_name_that_is_not_unicode_cannot_be_written(folder):
    with pytest.raises(api.OptionError) as caught:
        initial({"\udcff.yaml": api.analyze("net.yaml")}, Fraction(0), "0%", {})
    assert str(caught.value) == (
        "error: convcost.yaml cannot name this spec\n"
        " = found: '\\udcff.yaml' is not Unicode\n"
        " = help: convcost.yaml names files in its folder and below"
    )


# folders


def write(path, channels, folder):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    layers = f"layers:\n  - conv: {{out_channels: {channels}, kernel_size: 5, bias: false}}\n"
    file.write_text(f"input: [3, 12, 12]\n{layers}", encoding="utf-8")  # 75 params a channel, at 8 · 8 places


@pytest.fixture
def nets(folder):
    """Work in a folder that holds the folder `nets` with two specs, of 75 and of 150 params."""
    (folder / "net.yaml").unlink()
    write("nets/one.yaml", 1, folder)
    write("nets/two.yaml", 2, folder)
    return folder


FOLDER = """\
# What the networks may cost. `convcost check` holds them to it.
# Each limit is what the network cost when this was written, given behind it, and 10%.
convcost: 2
models:
  - "nets/*.yaml"

budgets:
  - metric: params
    models: nets/one.yaml
    max: 83   # 75
  - metric: mults
    models: nets/one.yaml
    max: 5_280   # 4_800
  - metric: params
    models: nets/two.yaml
    max: 165   # 150
  - metric: mults
    models: nets/two.yaml
    max: 10_560   # 9_600
  # every model, also one that is put there later: as much as the largest
  - metric: params
    max: 165   # 150
  - metric: mults
    max: 10_560   # 9_600
"""


@pytest.mark.parametrize("arguments", [[], ["."], ["nets"], ["./nets/"]])
def test_the_specs_of_a_folder_are_found_and_a_new_one_is_guarded(arguments, nets, convcost):
    (nets / ".hidden").mkdir()
    write(".hidden/no.yaml", 1, nets)
    (nets / "notes.yaml").write_text("input: none\n")
    status, _, err = convcost("init", *arguments)
    assert (status, err) == (0, "")
    assert (nets / "convcost.yaml").read_text() == FOLDER
    assert convcost("check").status == 0
    write("nets/new.yaml", 2, nets)
    assert convcost("check").status == 0
    write("nets/new.yaml", 3, nets)  # 225 params
    assert convcost("check").status == 1


def test_a_folder_with_other_files_has_its_specs_listed(nets, convcost):
    (nets / "nets" / "notes.yaml").write_text("input: none\n")
    assert convcost("init").status == 0
    assert "models:\n  - nets/one.yaml\n  - nets/two.yaml\n\n" in (nets / "convcost.yaml").read_text()
    assert convcost("check").status == 0
    write("nets/new.yaml", 3, nets)
    status, out, err = convcost("check")
    assert status == 0
    assert err == (
        "warning: no budget is for nets/new.yaml\n = found: it is none of the models of convcost.yaml\n"
        " = help: convcost init --add nets/new.yaml\n"
    )
    assert "nets/new.yaml" not in out
    assert convcost("check", "--strict").status == 2
    assert convcost("check", "nets/one.yaml").err == ""  # nobody asked for all


def test_a_spec_in_a_folder_below_the_models_is_reported_too(nets, convcost):
    """Folders below the configuration's own hold anything; what is hidden is not searched."""
    assert convcost("init", "nets").status == 0
    for folder in ("nets/deep/er", "nets/.hidden", "other"):
        (nets / folder).mkdir(parents=True)
        write(f"{folder}/new.yaml", 3, nets)
    warning = (
        "warning: no budget is for nets/deep/er/new.yaml\n = found: it is none of the models of convcost.yaml\n"
        " = help: convcost init --add nets/deep/er/new.yaml\n"
    )
    assert convcost("check").err == warning
    write("top.yaml", 1, nets)
    assert convcost("init", "--add", "top.yaml").status == 0
    assert convcost("check").err == warning


def test_a_larger_model_that_is_added_is_within_budget(folder, convcost):
    """The limits of the first model are its own: mobilenet_v1 costs 568,740,352 mults, net.yaml 1,228,800."""
    assert convcost("init", "net.yaml").status == 0
    assert convcost("init", "--add", "mobilenet_v1").status == 0
    assert convcost("check").out.endswith("\nWithin budget: 4 limits\n")


def test_both_endings_and_folders_in_folders(nets, convcost):
    write("nets/deep/three.yml", 3, nets)
    write("four.yaml", 4, nets)
    assert convcost("init").status == 0
    text = (nets / "convcost.yaml").read_text()
    assert 'models:\n  - "*.yaml"\n  - "nets/deep/*.yml"\n  - "nets/*.yaml"\n\n' in text
    assert convcost("check").status == 0


def test_a_spec_with_an_error_in_a_folder_is_reported(nets, convcost):
    (nets / "nets" / "bad.yaml").write_text("input: [1]\nlayers: [lineal]\n")
    status, out, err = convcost("init")
    assert (status, out) == (2, "")
    assert " --> nets/bad.yaml:2:10, layers[0]\n" in err
    assert not (nets / "convcost.yaml").exists()


def test_a_folder_without_specs(nets, convcost):
    (nets / "empty").mkdir()
    status, out, err = convcost("init", "empty")
    assert (status, out) == (2, "")
    assert err == (
        "error: there is no spec to write budgets for\n = found: the folder empty\n"
        " = help: a spec is a YAML file with `input` and `layers`, or a model file such as net.onnx\n"
    )


def test_a_folder_with_model_files_only(nets, convcost):
    folder = nets / "models"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.onnx", "deep/b.ONNX"):
        (folder / name).write_bytes(MODEL.read_bytes())
    (folder / "weights.h5").write_bytes(b"none")
    (folder / ".hidden.onnx").write_bytes(MODEL.read_bytes())
    assert convcost("init", "models").status == 0
    text = (nets / "convcost.yaml").read_text()
    assert 'models:\n  - "models/*.onnx"\n  - "models/deep/*.ONNX"\n\n' in text
    assert convcost("check").status == 0
    (folder / "net.yaml").write_text("input: [1]\nlayers: [relu]\n")
    assert convcost("init", "models", "--force").status == 0
    assert 'models:\n  - "models/*.yaml"\n\n' in (nets / "convcost.yaml").read_text()


# one more model


def two(indent):
    """Return the budgets of `nets/two.yaml` as lines."""
    rest = f"\n{indent}  models: nets/two.yaml\n{indent}  max: "
    return f"{indent}- metric: params{rest}165   # 150\n{indent}- metric: mults{rest}10_560   # 9_600\n"


TWO = "{metric: params, models: nets/two.yaml, max: 165}, {metric: mults, models: nets/two.yaml, max: 10_560}"
LINES = "budgets:\n  - metric: params\n    max: 1k # ok\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            f"# mine\nmodels:\n  - nets/one.yaml  # 1\n\n# the limits\n{LINES}\n# end\n",
            f"# mine\nmodels:\n  - nets/one.yaml  # 1\n  - nets/two.yaml\n\n# the limits\n{LINES}{two('  ')}\n# end\n",
        ),
        (
            "budgets: [{metric: params, max: 1k}]\nmodels: [nets/one.yaml]\n",
            f"budgets: [{TWO}, {{metric: params, max: 1k}}]\nmodels: [nets/two.yaml, nets/one.yaml]\n",
        ),
        (
            "models: nets/one.yaml   # one\nbudgets:\n- {metric: params, max: 1k}\n",
            f"models: [nets/one.yaml, nets/two.yaml]   # one\nbudgets:\n- {{metric: params, max: 1k}}\n{two('')}",
        ),
        (f"models: 'nets/*.yaml'\n{LINES}", f"models: 'nets/*.yaml'\n{LINES}{two('  ')}"),
        (f"models: 'nets/*.yaml'\n{LINES}"[:-1], f"models: 'nets/*.yaml'\n{LINES}{two('  ')}"[:-1]),
        (
            "budgets:\n  - {metric: params, growth: 2%}\n",
            f"models:\n  - nets/two.yaml\nbudgets:\n  - {{metric: params, growth: 2%}}\n{two('  ')}",
        ),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_model_is_added_and_the_rest_stays(before, after, end, nets, convcost):
    (nets / "convcost.yaml").write_bytes(before.replace("\n", end).encode())
    status, out, err = convcost("init", "--add", "nets/two.yaml")
    assert (status, err) == (0, "")
    assert (nets / "convcost.yaml").read_bytes().decode().replace("\r\n", "\n") == after
    assert out.endswith("Added to convcost.yaml: nets/two.yaml.\n")


def test_a_model_is_added_from_a_folder_below(nets, convcost, monkeypatch):
    (nets / "convcost.yaml").write_text("models: nets/one.yaml\nbudgets:\n  - {metric: params, max: 1k}\n")
    monkeypatch.chdir(nets / "nets")
    assert convcost("init", "--add", "two.yaml", "--headroom", "0%", "--set", "x=1").status == 2
    assert convcost("init", "--add", "two.yaml", "--headroom", "0%").status == 0
    text = (nets / "convcost.yaml").read_text()
    assert text.startswith("models: [nets/one.yaml, nets/two.yaml]\n")
    assert "    models: nets/two.yaml\n    max: 150   # 150\n" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--add"], "--add takes specs\n = help: such as convcost init --add models/new.yaml\n"),
        (["--add", "nets/one.yaml", "--force"], "--add keeps the file and --force writes over it"),
        (["--add", "nets/one.yaml"], "convcost.yaml has budgets for this model\n = found: nets/one.yaml\n"),
        (["--add", "nets/none.yaml"], "there is no file and no shipped spec 'nets/none.yaml'"),
        (["--add", "nets/two.yaml"], "nothing can be added to budgets as it is written"),
    ],
)
def test_what_cannot_be_added_changes_nothing(arguments, message, nets, convcost):
    text = "models: nets/one.yaml\nbudgets: [\n  {metric: params, max: 1k, models: nets/one.yaml}]\n"
    (nets / "convcost.yaml").write_text(text)
    status, out, err = convcost("init", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert (nets / "convcost.yaml").read_text() == text


def test_there_is_nothing_to_add_to(nets, convcost):
    status, out, err = convcost("init", "--add", "nets/one.yaml")
    assert (status, out) == (2, "")
    assert err == (
        "error: there is no convcost.yaml here or above\n = help: `convcost init` without --add writes a first one\n"
    )


def test_many_models_are_added_at_once_and_none_is_lost(nets, command, started):
    for number in range(3, 9):
        write(f"nets/net{number}.yaml", number, nets)
    (nets / "convcost.yaml").write_text("models:\n  - nets/one.yaml\nbudgets:\n  - {metric: params, max: 1k}\n")
    with ExitStack() as stack:
        runs = [
            stack.enter_context(started([*command, "init", "--add", f"nets/net{number}.yaml"]))
            for number in range(3, 9)
        ]
    assert [run.returncode for run in runs] == [0] * 6
    read = configuration.read("convcost.yaml")
    assert {*read.models} == {"nets/one.yaml", *(f"nets/net{number}.yaml" for number in range(3, 9))}
    assert len(read.budgets) == 1 + 2 * 6


def test_a_name_too_long_for_a_file_is_no_bug(convcost):
    status, out, err = convcost("init", "a" * 5000)
    assert (status, out) == (2, "")
    assert err.startswith("error: 'aaa")
