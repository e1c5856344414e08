"""A Dask cluster of processes on this machine: equal results, and what happens when parts of it go away."""

from __future__ import annotations

import operator
import os
import re
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
import yaml

import convcost
import convcost.cli.stream
from convcost.errors import ClusterError, OptionError
from convcost.parallel import dask
from convcost.parallel.completion import completed
from convcost.parallel.installed import Installed, installed

ROOT = Path(__file__).parents[2]
NET = {
    "symbols": {"w": 4, "v": 4, "n": 2},
    "input": [3, 16, 16],
    "layers": [
        {"conv": {"out_channels": "w", "kernel_size": 3}},
        {"conv": {"out_channels": "v", "kernel_size": 1}},
        {"relu": None, "repeat": "n"},
        {"conv": {"out_channels": "w + v", "kernel_size": 3}},
    ],
}
VALUES = {"w": range(1, 31), "v": range(1, 31), "n": [1, 2, 3]}  # 2,700 points
ANALYSED = ["peak_memory <= 10M"]  # no sum, so that each point is analysed by itself: more than ten parts
SAME = " = help: install the same convcost[cluster], with the same Python, for the scheduler and every worker"
AGAIN = "then ask again"


class Watch:
    """A progress callback that does something once, when the first part is done."""

    def __init__(self, act):
        self.act = act
        self.done = 0

    def __call__(self, more, of):
        self.done += more
        self._once()

    def planned(self, work):
        pass

    def performed(self, type, work, seconds):
        self._once()

    def _once(self):
        act, self.act = self.act, None
        if act is not None:
            act()


def text(error):
    """Return an error without the address that is new in each test."""
    return re.sub(r"127\.0\.0\.1:\d+", "HOST:PORT", str(error.value))


def test_every_question_has_the_result_of_one_process(cluster):
    assert len(cluster.workers) == 3
    with convcost.cluster(cluster.address) as pool:
        alone = convcost.sweep(NET, set=VALUES, where=ANALYSED)
        watch = Watch(None)
        found = convcost.sweep(NET, set=VALUES, where=ANALYSED, pool=pool, watch=watch)
        assert list(found.rows()) == list(alone.rows())
        assert watch.done == 2_700
        assert list(convcost.sweep(NET, set=VALUES, pool=pool).rows()) == list(convcost.sweep(NET, set=VALUES).rows())
        network = convcost.load("mobilenet_v1", set={"alpha": "1/8", "r": 32})
        assert network.verify(full=True, pool=pool) == network.verify(full=True)
        point_by_point = {"set": {"w": "1:20", "v": "1:9"}, "pareto": ["peak_memory", "params:max"]}
        search = convcost.search(NET, pool=pool, **point_by_point)
        assert search.to_dict() == convcost.search(NET, **point_by_point).to_dict()


@pytest.mark.parametrize("top", [None, 5])
def test_a_search_joins_its_tables_on_the_cluster(cluster, monkeypatch, top):
    monkeypatch.setattr("convcost.design_space.joins._WORTH", 10)
    monkeypatch.setattr("convcost.design_space.joins._PART_SUMS", 50)
    goals = {"best": "params:max", "top": top} if top else {"pareto": ["mults", "params:max", "activations"]}
    asked = {"set": VALUES, "max": {"mults": "100k"}, **goals}
    alone = convcost.search(NET, **asked)
    with convcost.cluster(cluster.address) as pool:
        submitted = []
        submit = pool.submit
        monkeypatch.setattr(pool, "submit", lambda *given: submitted.append(given) or submit(*given))
        found = convcost.search(NET, pool=pool, **asked)
    assert found.to_dict() == alone.to_dict()
    assert len(submitted) > 5


def test_a_worker_that_is_killed_loses_nothing(own_cluster):
    cluster = own_cluster(3)
    alone = convcost.sweep(NET, set=VALUES, where=ANALYSED)
    watch = Watch(lambda: [worker.kill() for worker in cluster.workers[:2]])
    with convcost.cluster(cluster.address) as pool:
        found = convcost.sweep(NET, set=VALUES, where=ANALYSED, pool=pool, watch=watch)
    assert list(found.rows()) == list(alone.rows())
    assert watch.done == 2_700
    assert [worker.poll() is None for worker in cluster.workers] == [False, False, True]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_a_scheduler_that_goes_away_leaves_what_is_done(own_cluster, end):
    cluster = own_cluster(3)
    alone = convcost.sweep(NET, set=VALUES, where=ANALYSED)
    watch = Watch(lambda: cluster.scheduler.send_signal(end))
    with pytest.raises(ClusterError) as caught, convcost.cluster(cluster.address, seconds=3) as pool:
        convcost.sweep(NET, set=VALUES, where=ANALYSED, pool=pool, watch=watch)
    gone = (
        "error: the scheduler of the cluster tcp://HOST:PORT went away, and with it the parts that it had\n"
        " = help: is it running, and can this machine reach it? then ask again"
    )
    silent = (
        "error: the cluster tcp://HOST:PORT has not answered for 3 seconds\n"
        " = help: is its scheduler busy or stopped? then ask again"
    )
    assert text(caught) == (silent if end == signal.SIGSTOP else gone)
    rows = list(caught.value.done.rows())
    assert len(rows) == 2_700
    done = [row for row in rows if row["error"] is None]
    assert 0 < len(done) == watch.done < 2_700
    if rows[0]["error"] is not None:  # nobody knows whether that would have been the first to have a cost
        assert {row.pop("ratio") for row in done} == {None}
    pairs = zip(alone.rows(), rows, strict=True)
    assert done == [{name: row[name] for name in done[0]} for row, one in pairs if one["error"] is None]
    (error,) = {row["error"] for row in rows if row["error"] is not None}
    assert error in str(caught.value)


def test_a_verification_keeps_the_layers_that_were_executed(own_cluster, monkeypatch, capsys):
    from convcost import cli

    cluster = own_cluster(1)
    work = convcost.verification.proof._PART_OPERATIONS
    monkeypatch.setattr("convcost.verification.proof._PART_OPERATIONS", 1)
    monkeypatch.setattr("convcost.cli.progress.Operations", lambda shown: Watch(cluster.scheduler.kill))
    assert work > 1
    arguments = ["verify", "mobilenet_v1", "--full", "--set", "r=32", "--cluster", cluster.address, "-f", "json"]
    monkeypatch.setattr(sys, "argv", ["convcost", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert '"complete": false' in out
    assert '"performed_mults": 0' not in out
    assert err.startswith("error: the scheduler of the cluster tcp://127.0.0.1:")


def test_a_stream_goes_on_where_the_scheduler_went_away(own_cluster, tmp_path, monkeypatch, capsys):
    from convcost import cli

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["convcost", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, capsys.readouterr().err

    (tmp_path / "net.yaml").write_text(yaml.safe_dump(NET), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    asked = ["sweep", "net.yaml", "--set", "w=1:100", "--set", "v=1:100", "--set", "n=1,2,3"]
    assert run(*asked, "--stream", "alone.csv") == (0, "")
    monkeypatch.setattr("convcost.cli.stream.PART_SIZE", 1_000)
    monkeypatch.setitem(convcost.cli.stream.stream.__kwdefaults__, "part_size", 1_000)
    cluster = own_cluster(2)
    kill = Watch(cluster.scheduler.kill)
    add = convcost.cli.stream.PartFiles.add
    monkeypatch.setattr(convcost.cli.stream.PartFiles, "add", lambda self, *part: add(self, *part) or kill(1, 1))
    status, err = run(*asked, "--stream", "points.csv", "--cluster", cluster.address)
    assert status == 2
    found = re.search(r"found: ([0-9,]+) of 30,000 points are in points.csv.parts\n = help: (.*)\n", err)
    assert re.match(r"error: the scheduler of the cluster tcp://127.0.0.1:\d+ went away, and with it the parts", err)
    assert found[2] == "the same command with --resume goes on"
    assert 0 < int(found[1].replace(",", "")) == 1_000 * kill.done < 30_000
    assert not Path("points.csv").exists()
    assert run(*asked, "--stream", "points.csv", "--resume") == (0, "")
    assert 1_000 * kill.done == 30_000
    assert Path("points.csv").read_bytes() == Path("alone.csv").read_bytes()


def test_workers_that_are_all_gone_are_an_error_in_time(own_cluster, monkeypatch):
    monkeypatch.setattr(dask, "_WITHOUT_WORKERS", 0.5)
    cluster = own_cluster(1)
    watch = Watch(cluster.workers[0].kill)
    with pytest.raises(ClusterError) as caught, convcost.cluster(cluster.address) as pool:
        convcost.sweep(NET, set=VALUES, where=ANALYSED, pool=pool, watch=watch)
    assert text(caught) == (
        "error: the cluster tcp://HOST:PORT has had no workers for 0.5 seconds\n"
        " = help: start some: dask worker tcp://HOST:PORT --nworkers 4 --nthreads 1; then ask again"
    )


def test_a_part_that_kills_its_workers_is_given_up(own_cluster):
    cluster = own_cluster(2, "fragile")
    with pytest.raises(ClusterError) as caught, convcost.cluster(cluster.address) as pool:
        list(completed(operator.call, os._exit, [1], pool))
    assert str(caught.value) == (
        "error: a part was given up: each worker that began it has ended, as where memory is short\n"
        " = help: workers with more memory, and with one thread each (--nthreads 1)"
    )


def test_an_error_of_a_part_is_that_of_one_process(cluster):
    with convcost.cluster(cluster.address) as pool:
        with pytest.raises(ZeroDivisionError):
            list(completed(operator.floordiv, 1, [2, 1, 0], pool))
        assert list(completed(operator.add, 1, [2, 1, 0], pool)) == [(2, 3), (1, 2), (0, 1)]  # it goes on


def test_a_large_result_comes_back_whole_and_compressed(cluster, monkeypatch):
    packed = []
    unpack = dask._restored
    monkeypatch.setattr(dask, "_restored", lambda data: packed.append(len(data)) or unpack(data))
    with convcost.cluster(cluster.address) as pool:
        assert pool.submit(operator.mul, b"a", 1_000_000).result(30) == b"a" * 1_000_000
        assert pool.submit(operator.mul, b"a", 10).result(30) == b"a" * 10
    (size,) = packed
    assert size < 10_000


def test_a_cluster_of_another_version_is_refused(own_cluster, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "convcost", tmp_path / "other" / "convcost", ignore=shutil.ignore_patterns("__pycache__"))
    init = tmp_path / "other" / "convcost" / "__init__.py"
    source = init.read_text(encoding="utf-8")
    init.write_text(re.sub(r'__version__ = ".*"', '__version__ = "0.0.1"', source), encoding="utf-8")
    (tmp_path / "older.py").write_text("import platform\nplatform.python_version_tuple = lambda: ('3', '9', '1')\n")
    for name, text_of in {"old": "", "none": """raise ModuleNotFoundError("No module named 'convcost'")"""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "convcost.py").write_text(text_of, encoding="utf-8")
    monkeypatch.setattr(dask, "_SHOWN", 4)
    cluster = own_cluster(1)
    for name in ("other", "old", "none"):
        cluster.add(1, env={"PYTHONPATH": str(tmp_path / name)})
    cluster.add(1, "--preload", str(tmp_path / "older.py"))
    with pytest.raises(ClusterError) as caught, convcost.cluster(cluster.address):
        pass
    first, _, help = text(caught).splitlines()
    found = re.sub(r"127\.0\.0\.1:\d+", "HOST:PORT", caught.value.details[0].found)
    assert first == "error: 4 of 5 workers of the cluster have other versions than this process"
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert sorted(found.split("; ")) == [
        f"tcp://HOST:PORT has Python 3.9, here {here}",
        "tcp://HOST:PORT has another convcost, without convcost.parallel",
        f"tcp://HOST:PORT has convcost 0.0.1, here {convcost.__version__}",
        "tcp://HOST:PORT has no convcost",
    ]
    assert help == SAME


def test_a_worker_that_comes_later_is_asked_with_each_part(cluster, monkeypatch):
    with convcost.cluster(cluster.address) as pool:
        other = installed()
        monkeypatch.setattr(pool, "_installed", Installed(other.convcost, other.python, "edited", other.plugins))
        with pytest.raises(ClusterError) as caught:
            list(completed(operator.add, 1, [2], pool))
    assert str(caught.value) == (
        "error: a worker of the cluster has other versions than the process that uses it\n"
        f" = found: another source of convcost {convcost.__version__}\n" + SAME
    )


def test_what_differs_is_said():
    here = Installed("1.0", "3.11", "a", ())
    assert here.differences(Installed("1.0", "3.11", "a", ())) == ""
    assert here.differences(Installed("1.1", "3.12", "b", ())) == "convcost 1.1, here 1.0"
    assert here.differences(Installed("1.0", "3.12", "b", ())) == "Python 3.12, here 3.11"
    assert here.differences(Installed("1.0", "3.11", "b", ())) == "another source of convcost 1.0"
    other = here.differences(Installed("1.0", "3.11", "a", ("extra 2", "more 3")))
    assert other == "extra 2 and more 3, here no package that adds to convcost"


def test_a_cluster_without_workers_is_an_error(own_cluster):
    cluster = own_cluster(0)
    with pytest.raises(ClusterError) as caught, convcost.cluster(cluster.address, seconds=1):
        pass
    assert text(caught) == (
        "error: the cluster tcp://HOST:PORT has no workers\n"
        " = help: start some: dask worker tcp://HOST:PORT --nworkers 4 --nthreads 1"
    )


def test_what_does_not_answer_is_an_error_in_time(cluster):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(ClusterError) as caught, convcost.cluster(address, seconds=1):
            pass
    assert time.monotonic() - begun < 20  # on a busy machine
    refused = "error: the cluster tcp://HOST:PORT does not answer within 1 seconds\n = found: {}\n = help: {}"
    help = "is that the address that its scheduler writes, and can this machine reach it?"
    assert text(caught) == refused.format("the connection is accepted, and nothing is said", help)
    with pytest.raises(ClusterError) as caught, convcost.cluster(address, seconds=1):  # nothing listens there now
        pass
    assert text(caught) == refused.format("Timed out trying to connect to tcp://HOST:PORT after 1 s", help)


@pytest.mark.parametrize(
    "address", ["", "localhost", "localhost:8786", "http://a:1", "tcp://a", "tcp://a:1/b", "a b:1"]
)
def test_an_address_names_a_host_and_a_port(address):
    with pytest.raises(OptionError) as caught, convcost.cluster(address):
        pass
    found = f" = found: {address}\n" if address else ""
    assert str(caught.value) == (
        f"error: the address of a cluster is tcp://HOST:PORT\n{found} = help: the scheduler writes it when it starts"
    )


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(OptionError) as caught, convcost.cluster("tcp://127.0.0.1:1"):
        pass
    assert str(caught.value).startswith("error: a cluster needs the package distributed\n = found: ")
    assert str(caught.value).endswith("\n = help: pip install 'convcost[cluster]'")


def test_encryption_needs_certificates(distributed):
    pytest.importorskip("distributed")
    with pytest.raises(OptionError) as caught, convcost.cluster("tls://127.0.0.1:1", seconds=1):
        pass
    first, _, last = str(caught.value).splitlines()
    assert first == "error: tls://127.0.0.1:1 needs certificates"
    assert last == " = help: DASK_DISTRIBUTED__COMM__TLS__CA_FILE and others of Dask's configuration name them"


def test_jobs_and_a_cluster_exclude_each_other(monkeypatch, capsys):
    from convcost import cli

    arguments = ["search", "mobilenet_v1", "--set", "alpha=1,2", "--best", "mults", "-j", "2", "--cluster", "tcp://a:1"]
    monkeypatch.setattr(sys, "argv", ["convcost", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "error: --jobs and --cluster exclude each other\n = help: a cluster has as many processes as it has workers\n"
    )
