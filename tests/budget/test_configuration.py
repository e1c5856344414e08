"""`convcost.yaml`: what it may say, what its patterns mean, and what is told of one that is wrong."""

from __future__ import annotations

import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import pytest

import convcost
from convcost.budget import configuration
from convcost.budget.budgets import Bound
from convcost.errors import ConfigError, Place

BROKEN = Path(__file__).parent / "broken"
NAMES = sorted(path.stem for path in BROKEN.glob("*.yaml"))
NET = "input: [3]\nlayers: [{linear: {out_features: 2}}]\n"


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Return a function that reads a configuration in a folder of specs."""
    monkeypatch.chdir(tmp_path)
    for name in "nets/a.yaml", "nets/b.yaml", "nets/deep/c.yaml", "nets/.hidden.yaml", "other.yaml":
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(NET)

    def read(text, file="convcost.yaml"):
        Path(file).write_text(text, encoding="utf-8")
        return configuration.read(file)

    return read


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_configuration_is_told_whole(name, monkeypatch):
    monkeypatch.chdir(BROKEN)  # so that the message shows the file's name alone
    with pytest.raises(convcost.ConvcostError) as caught:
        convcost.check(config=f"{name}.yaml")
    assert caught.value.text() + "\n" == (BROKEN / f"{name}.txt").read_text(encoding="utf-8")


def test_each_broken_configuration_has_its_message_and_each_message_its_configuration():
    assert sorted(path.stem for path in BROKEN.glob("*.txt")) == NAMES
    assert len(NAMES) > 20


def test_a_budget_is_read_with_where_it_stands(read):
    text = """\
models: nets/*.yaml
budgets:
  - metric: mults
    max: 300M
    warn: 95%
    growth: 2 %
    layers: "stage4/**"
    scope: each
    set: {alpha: [0.5, 1], mode: relu}
    models: [nets/a.yaml]
    message: "Phone target"
"""
    (budget,) = read(text).budgets
    assert budget.max == Bound(
        300_000_000, share=False, text="300M", place=Place("convcost.yaml", 4, 10), source="    max: 300M"
    )
    assert budget.warn is not None
    assert (budget.warn.value, budget.warn.share) == (Fraction(95, 100), True)
    assert budget.growth is not None
    assert (budget.growth.value, budget.growth.share, budget.growth.text) == (Fraction(2, 100), True, "2 %")
    assert (budget.metric, budget.layers, budget.scope) == ("mults", "stage4/**", "each")
    assert budget.set == {"alpha": (Fraction(1, 2), 1), "mode": ("relu",)}
    assert (budget.models, budget.message, budget.path) == (("nets/a.yaml",), "Phone target", "budgets[0]")
    assert budget.marks["set.alpha"].place == Place("convcost.yaml", 9, 11)


@pytest.mark.parametrize(
    ("text", "value", "share"),
    [
        ("5M", 5_000_000, False),
        ("2%", Fraction(1, 50), True),
        ("0%", 0, True),
        ("0.125 %", Fraction(1, 800), True),
        ("1/3%", Fraction(1, 300), True),
        ("512Ki", 524_288, False),  # 512 · 1024
        ("1_000", 1_000, False),
        ("1e6", 1_000_000, False),
    ],
)
def test_growth_is_an_amount_or_a_share(text, value, share, read):
    (budget,) = read(f"budgets: [{{metric: params, growth: {text}}}]\n").budgets
    assert budget.growth is not None
    assert (budget.growth.value, budget.growth.share) == (value, share)


@pytest.mark.parametrize(
    ("patterns", "models"),
    [
        ("nets/*.yaml", ["nets/a.yaml", "nets/b.yaml"]),
        ('"nets/**"', ["nets/a.yaml", "nets/b.yaml", "nets/deep/c.yaml"]),
        ('"**/*.yaml"', ["nets/a.yaml", "nets/b.yaml", "nets/deep/c.yaml", "other.yaml"]),  # but itself
        ("[other.yaml, nets/b.yaml, nets/*.yaml]", ["other.yaml", "nets/b.yaml", "nets/a.yaml"]),
        ("./nets/../other.yaml", ["other.yaml"]),
        ("[mobilenet_v1, examples/one_5x5]", ["mobilenet_v1", "examples/one_5x5"]),
        ('"nets/[ab].yaml"', ["nets/a.yaml", "nets/b.yaml"]),
        ("nets/.hidden.yaml", ["nets/.hidden.yaml"]),
    ],
)
def test_models_are_paths_patterns_and_shipped_specs(patterns, models, read):
    found = read(f"models: {patterns}\nbudgets: [{{metric: params, max: 1}}]\n").models
    assert sorted(map(Path, found)) == sorted(map(Path, models))
    assert Path(found[0]) == Path(models[0])


def test_paths_are_from_the_folder_of_the_configuration(read, tmp_path, monkeypatch):
    read("models: nets/*.yaml\nbudgets: [{metric: params, max: 1}]\n")
    monkeypatch.chdir(tmp_path / "nets" / "deep")
    path = configuration.find()
    assert path is not None
    assert Path(path) == Path("../../convcost.yaml")
    assert sorted(configuration.read(path).models) == ["../../nets/a.yaml", "../../nets/b.yaml"]


def test_the_nearest_configuration_is_found(read, tmp_path, monkeypatch):
    read("budgets: [{metric: params, max: 1}]\n")
    read("budgets: [{metric: params, max: 2}]\n", "nets/convcost.yaml")
    monkeypatch.chdir(tmp_path / "nets" / "deep")
    assert configuration.find() == "../convcost.yaml"
    (tmp_path / "nets" / "convcost.yaml").unlink()
    assert configuration.find() == "../../convcost.yaml"


def test_patterns_of_a_configuration_elsewhere_mean_what_is_beside_it(read, tmp_path, monkeypatch):
    read("models: [a.yaml, mobilenet_v1]\nbudgets: [{metric: params, max: 1, models: a.yaml}]\n", "nets/convcost.yaml")
    (tmp_path / "link").symlink_to(tmp_path / "nets")
    monkeypatch.chdir(tmp_path / "nets" / "deep")
    for path, model in ("../convcost.yaml", "../a.yaml"), ("../../link/convcost.yaml", "../../link/a.yaml"):
        found = configuration.read(path)
        assert found.models == (model, "mobilenet_v1")
        held = {
            spec: len(found.budgets_for(spec))
            for spec in ("../a.yaml", "../../link/a.yaml", "../b.yaml", "mobilenet_v1")
        }
        assert held == {"../a.yaml": 1, "../../link/a.yaml": 1, "../b.yaml": 0, "mobilenet_v1": 0}


def test_a_budget_is_for_the_models_that_it_names(read):
    found = read(
        "models: [nets/*.yaml, nets/deep/*]\nbudgets:\n"
        "  - {metric: params, max: 1}\n"
        "  - {metric: mults, max: 1, models: nets/a.yaml}\n"
        "  - {metric: adds, max: 1, models: [nets/a.yaml, 'nets/deep/*']}\n"
    )
    held = {spec: [budget.metric for budget in found.budgets_for(spec)] for spec in found.models}
    assert held == {
        "nets/a.yaml": ["params", "mults", "adds"],
        "nets/b.yaml": ["params"],
        "nets/deep/c.yaml": ["params", "adds"],
    }
    assert len(found.budgets_for(str(Path("nets/a.yaml").absolute()))) == 3


@pytest.mark.parametrize(
    "pattern",
    [
        "**/*.yaml",
        "*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*.yaml",
        "**/*/**/*.yaml",
        "/**",
        "/*/*/*/*/*",
        "**/" * 500,
    ],
)
def test_no_pattern_takes_long(pattern, read, tmp_path):
    """Two links to the folder itself lead to each file by 2ⁿ paths of n links."""
    for name in "one", "other":
        (tmp_path / name).symlink_to(".")
        (tmp_path / "nets" / name).symlink_to("..")
    start = time.monotonic()
    with suppress(ConfigError):
        assert read(f"models: {pattern}\nbudgets: [{{metric: params, max: 1}}]\n").models
    assert time.monotonic() - start < 1


def test_a_link_that_leads_outside_is_refused(read, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}.yaml"
    outside.write_text(NET)
    (tmp_path / "nets" / "link.yaml").symlink_to(outside)
    with pytest.raises(convcost.ConfigError) as caught:
        read("models: nets/*.yaml\nbudgets: [{metric: params, max: 1}]\n")
    assert caught.value.details[0].message == "'nets/link.yaml' is outside the configuration's folder"


def test_a_link_to_what_is_inside_is_a_name_of_it(read, tmp_path):
    (tmp_path / "link.yaml").symlink_to("nets/a.yaml")
    found = read("models: link.yaml\nbudgets: [{metric: params, max: 1, models: nets/a.yaml}]\n")
    assert found.models == ("link.yaml",)
    assert len(found.budgets_for("link.yaml")) == 1


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("../{name}.yaml", "'../{name}.yaml' is outside the configuration's folder"),
        ("nets/../../*", "'nets/../../*' is outside the configuration's folder"),
        ("{root}/other.yaml", "'{root}/other.yaml' is outside the configuration's folder"),
        ("nets", "there is no spec 'nets'"),
        ("none.yaml", "there is no spec 'none.yaml'"),
        ("none/*.yaml", "no spec matches 'none/*.yaml'"),
        ("none/?.yaml", "no spec matches 'none/?.yaml'"),
        ("n[x]", "no spec matches 'n[x]'"),
        ("a" * 300, f"there is no spec '{'a' * 300}'"),
        ("a" * 300 + "/b.yaml", f"there is no spec '{'a' * 300}/b.yaml'"),
        (r"a\0/*", r"no spec matches 'a\x00/*'"),
        (r"a\0/b", r"there is no spec 'a\x00/b'"),
    ],
)
@pytest.mark.parametrize("of", ["", "budgets[0]"])
def test_a_pattern_that_means_nothing_here(pattern, message, of, read, tmp_path):
    names = {"name": tmp_path.name, "root": tmp_path.as_posix()}
    (tmp_path.parent / f"{tmp_path.name}.yaml").write_text(NET)
    models = f'models: ["{pattern.format(**names)}"]'
    with pytest.raises(convcost.ConfigError) as caught:
        read(
            f"budgets: [{{metric: params, max: 1, {models}}}]"
            if of
            else f"{models}\nbudgets: [{{metric: params, max: 1}}]"
        )
    (detail,) = caught.value.details
    assert (detail.message, detail.path) == (message.format(**names), of or "models")


def test_the_spec_that_was_meant_is_suggested(read):
    for name, meant in ("nets/aa.yaml", "nets/a.yaml"), ("mobilnet_v1", "mobilenet_v1"), ("othr.yaml", "other.yaml"):
        with pytest.raises(convcost.ConfigError, match=f"did you mean '{meant}'"):
            read(f"models: {name}\nbudgets: [{{metric: params, max: 1}}]\n")


def errors(read, text):
    """Return what is told of a configuration: the message, what is found and the help of each error."""
    with pytest.raises(convcost.ConfigError) as caught:
        read(text)
    return [(detail.message, detail.found, detail.help) for detail in caught.value.details]


EMPTY = ("the configuration is empty", "", "it needs at least `budgets`; `convcost init SPEC` writes one")
NO_MAPPING = "a configuration is a mapping"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", EMPTY),
        ("# nothing\n", EMPTY),
        ("~\n", EMPTY),
        ("null\n", EMPTY),
        ("text\n", (NO_MAPPING, "the text 'text'", "it starts with keys: models: …, budgets: …")),
        ("[]\n", (NO_MAPPING, "a list", "it starts with keys: models: …, budgets: …")),
    ],
)
def test_a_configuration_that_is_no_mapping(text, detail, read):
    assert errors(read, text) == [detail]


WORD = ("a key is a word", "a list or mapping", "quote {…} and […] that are meant as text")
AMOUNTS = "such as 300M, 4.3M, 512Ki, 1e6 or 1_000 (k, M, G, T; Ki, Mi, Gi)"
SHARES = "such as 2% or 5M"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # of a mapping with a key that is none nothing more is asked
        ("[a]: 1\n", [WORD]),
        ("budgets: [{[a]: 1, max: 3}]\n", [WORD]),
        ("budgets: [{[a]: 1, metric: params}]\n", [WORD]),
        ("budgets: [{metric: params, max: 3, set: {[a]: 1}}]\n", [WORD]),
        # errors of YAML and of what it says, at once
        (
            "budgets: [{metric: params, max: 3, max: 4, maxx: 5}]\n",
            [
                ("the key 'max' stands twice", "first in line 1", "keep one"),
                ("a budget has no key 'maxx'", "", "did you mean 'max'?"),
            ],
        ),
        ("budgets: [{metric: params, max: ~}]\n", [("max is an amount", "no value", AMOUNTS)]),
        ("budgets: [{metric: params, max: 95%}]\n", [("max is an amount", "found 95%", AMOUNTS)]),
        ("budgets: [{metric: params, max: [3]}]\n", [("max is an amount", "a list", AMOUNTS)]),
        ("budgets: [{metric: params, max: a lot, warn: 95%}]\n", [("max is an amount", "found a lot", AMOUNTS)]),
        ("budgets: [{metric: params, growth: }]\n", [("growth is an amount or a share", "no value", SHARES)]),
        (
            "budgets: [{metric: params, max: 300, warn: 301}]\n",
            [("warn is at most max", "301 is above max 300", "")],
        ),
        (
            "budgets: [{metric: params, max: 300, warn: 100.1%}]\n",
            [("warn is at most max", "found 100.1%, of max 300", "")],
        ),
        (
            "budgets: [{metric: params, max: 3, set: {n: [[1]]}}]\n",
            [("a symbol's value is a number or a word", "a list", "")],
        ),
        (
            "budgets: [{metric: params, max: 3, set: {n: b + a}}]\n",
            [("a symbol's value cannot depend on a and b", "", "")],
        ),
        (
            "budgets: [{metric: params, max: 3, set: {n: 1 / 0}}]\n",
            [("a division by zero", "1 / 0", "")],
        ),
        (
            "budgets: [{metric: params, max: 3, models: zq}]\n",
            [("there is no spec 'zq'", "", "paths are from the configuration's folder")],
        ),
        (
            "budgets: [{metric: params, max: 3, models: concost.yaml}]\n",  # which is not this file
            [("there is no spec 'concost.yaml'", "", "did you mean 'other.yaml'?")],
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_is_found_and_the_remedy(text, told, read):
    assert errors(read, text) == told


@pytest.mark.parametrize("warn", ["300", "100%", "0", "0%"])
def test_a_warning_may_be_anywhere_up_to_max(warn, read):
    (budget,) = read(f"budgets: [{{metric: params, max: 300, warn: {warn}}}]\n").budgets
    assert budget.warn.text == warn


@pytest.mark.parametrize("text", ["%", "k%", "-1%", "1/0%", "1/2/3%", "1 + 1%", "5", "", "50%%"])
def test_what_is_no_share(text):
    assert configuration.share(text) is None


@pytest.mark.parametrize(
    ("value", "number"), [(5, 5), ("5k", 5_000), (3e8, 300_000_000), (Fraction(6, 2), 3), ("2 ** 8", 256)]
)
def test_a_limit_that_a_program_gives(value, number):
    budget = configuration.given("mults", value)
    assert (budget.metric, budget.max) == ("mults", Bound(number, share=False, text=str(value)))


@pytest.mark.parametrize(
    ("metric", "value", "message"),
    [
        ("mult", 5, "error: there is no total 'mult'\n = help: did you mean 'mults'?"),
        ("mults", 0.5, f"error: the limit of mults is a whole number\n = found: 0.5\n = help: {AMOUNTS}"),
        pytest.param(
            "mults",
            10**5000,
            "error: the limit of mults is a whole number\n"
            f" = found: an astronomically large number\n = help: {AMOUNTS}",
            id="huge",
        ),
    ],
)
def test_a_limit_that_a_program_cannot_give(metric, value, message):
    with pytest.raises(convcost.OptionError) as caught:
        configuration.given(metric, value)
    assert str(caught.value) == message


def test_a_configuration_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(convcost.ConfigError) as caught:
        configuration.read("convcost.yaml")
    assert str(caught.value) == (
        "error: there is no configuration 'convcost.yaml'\n = help: `convcost init SPEC` writes a convcost.yaml"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"budgets: \xff\n", "the file is not UTF-8"),
        (b"budgets: [\x07]\n", "this is not YAML"),
        (b"a: " + b"[" * 200, "the file nests deeper than 100 levels"),
        (b"a: 1\n---\nb: 1\n", "a configuration is one document"),
        (b"budgets: !!python/object {}\n", "a configuration has no tags"),
    ],
)
def test_a_file_that_is_no_configuration(data, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("convcost.yaml").write_bytes(data)
    with pytest.raises(convcost.ConfigError) as caught:
        configuration.read("convcost.yaml")
    assert message in [detail.message for detail in caught.value.details]


def test_a_folder_is_no_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("convcost.yaml").mkdir()
    assert configuration.find() is None
    with pytest.raises(convcost.ConfigError, match="it is a directory"):
        configuration.read("convcost.yaml")


def test_a_budget_for_what_is_none_of_the_models_is_refused(read):
    """Else it would never be applied, and nobody would know."""
    with pytest.raises(convcost.ConfigError) as caught:
        read("models: nets/a.yaml\nbudgets: [{metric: params, max: 1, models: nets/b.yaml}]\n")
    assert str(caught.value) == (
        "error: 'nets/b.yaml' is none of the models\n"
        " --> convcost.yaml:2:44, budgets[0]\n"
        "  |\n"
        "2 | budgets: [{metric: params, max: 1, models: nets/b.yaml}]\n"
        "  |                                            ^\n"
        "  = help: name it under `models` at the top, too, or leave that out"
    )


def test_no_configuration_is_a_model(read):
    read("budgets: [{metric: params, max: 1}]\n", "nets/convcost.yaml")
    found = read("models: '**/*.yaml'\nbudgets: [{metric: params, max: 1}]\n").models
    assert sorted(found) == ["nets/a.yaml", "nets/b.yaml", "nets/deep/c.yaml", "other.yaml"]


def test_a_link_to_itself_is_no_spec(read, tmp_path):
    (tmp_path / "nets/round.yaml").symlink_to("round.yaml")
    assert read("models: nets/*.yaml\nbudgets: [{metric: params, max: 1}]\n").models == ("nets/a.yaml", "nets/b.yaml")
    with pytest.raises(ConfigError, match=r"there is no spec 'nets/round\.yaml'"):
        read("models: nets/round.yaml\nbudgets: [{metric: params, max: 1}]\n")
