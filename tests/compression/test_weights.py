"""Files of weights: every type of number, and each way in which a file cannot be read."""

from __future__ import annotations

import json
import struct
import zipfile

import pytest

from convcost.compression import weights
from convcost.errors import OptionError

VALUES = [1, 0, -2, 0]
WANTED = {"a": 4}


def npy(kind="<f4", shape=(4,), data=None, order=False, version=1):
    """Return an array as NumPy writes it: magic, version, the length of the header, the header, the numbers."""
    header = repr({"descr": kind, "fortran_order": order, "shape": shape}).encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return (
        b"\x93NUMPY" + bytes((version, 0)) + length + header + (struct.pack("<4f", *VALUES) if data is None else data)
    )


def safe(kind="F32", shape=(4,), data=None, **more):
    """Return a file of safetensors: the length of the header, the header, the numbers."""
    data = struct.pack("<4f", *VALUES) if data is None else data
    entry = {"dtype": kind, "shape": shape, "data_offsets": [0, len(data)]} | more
    header = json.dumps({"a": entry}).encode()
    return struct.pack("<Q", len(header)) + header + data


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a file of these bytes, or an archive of these files."""

    def read(content):
        path = tmp_path / "w"
        if isinstance(content, dict):
            with zipfile.ZipFile(path, "w") as archive:
                for name, data in content.items():
                    archive.writestr(name, data)
        else:
            path.write_bytes(content)
        return list(weights.read(path, WANTED))

    return read


UPPER = b"".join(struct.pack("<f", value)[2:] for value in VALUES)  # the upper halves of float32


@pytest.mark.parametrize(
    "content",
    [
        *[
            {"a.npy": npy(f"<{kind}", data=struct.pack(f"<4{code}", *VALUES))}
            for kind, code in zip(("f2", "f4", "f8", "i2", "i4", "i8"), "efdhiq", strict=True)
        ],
        {"a.npy": npy("|i1", data=struct.pack("<4b", *VALUES))},
        {"a.npy": npy(version=2)},
        {"a.npy": npy(shape=(2, 2))},
        *[
            safe(kind, data=struct.pack(f"<4{code}", *VALUES))
            for kind, code in zip(("F64", "F32", "F16", "I64", "I32", "I16", "I8"), "dfeqihb", strict=True)
        ],
        safe("BF16", data=UPPER),
    ],
)
def test_numbers_of_every_type(content, read):
    (tensor,) = read(content)
    assert (tensor.name, list(tensor.values)) == ("a", VALUES)


def test_numbers_without_a_sign(read):
    for content in {"a.npy": npy("|u1", data=bytes((1, 0, 255, 7)))}, safe("U8", data=bytes((1, 0, 255, 7))):
        assert list(read(content)[0].values) == [1, 0, 255, 7]


def test_what_is_not_wanted_is_not_read(read):
    other = {"b.npy": npy(data=b""), "a.npy": npy(shape=(5,), data=b"")}  # of another name, and of another size
    assert [(each.name, each.shape, each.values) for each in read(other)] == [("b", (4,), ()), ("a", (5,), ())]
    assert [each.values for each in read(safe(shape=[2], data=bytes(8)))] == [()]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"notes.txt": b""}, "'notes.txt' is no array\n = help: numpy.savez writes such a file"),
        ({"a.npy": b"\x93NUMP"}, "'a' is no array of NumPy"),
        ({"a.npy": b"none of NumPy's"}, "'a' is no array of NumPy"),
        ({"a.npy": npy()[:20]}, "the header of 'a' is damaged"),
        ({"a.npy": npy(shape=(-4,))}, "the header of 'a' is damaged"),
        ({"a.npy": npy(shape=(4.0,))}, "the header of 'a' is damaged"),
        ({"a.npy": npy(">f4")}, "'a' has numbers of the type '>f4'\n = help: save it as float32"),
        ({"a.npy": npy([("x", "<f4")])}, "'a' has numbers of the type [('x', '<f4')]\n = help: save it as float32"),
        (
            {"a.npy": npy(shape=(2, 2), order=True)},
            "'a' is in Fortran's order\n = help: numpy.ascontiguousarray before it is saved",
        ),
        ({"a.npy": npy(data=bytes(15))}, "'a' ends too early"),
        ({"a.npy": npy(data=bytes(17))}, "'a' is too long"),
        (b"short", "it is neither .npz nor .safetensors"),
        (struct.pack("<Q", 1) + b"{}", "it is neither .npz nor .safetensors"),
        (struct.pack("<Q", 17 << 20) + b"{}", "it is neither .npz nor .safetensors"),
        (struct.pack("<Q", 2) + b"[]", "it is neither .npz nor .safetensors"),
        (safe(shape=4), "the header of 'a' is damaged"),
        (safe(shape=["4"]), "the header of 'a' is damaged"),
        (safe(data_offsets=[-16, 0]), "the header of 'a' is damaged"),
        (safe(data_offsets=[0]), "the header of 'a' is damaged"),
        (safe(data_offsets=[0, 15]), "the header of 'a' is damaged"),
        (safe("C64"), "'a' has numbers of the type 'C64'\n = help: save it as float32"),
        (safe()[:-1], "'a' ends too early"),
    ],
)
def test_a_file_that_cannot_be_read(content, reason, read, tmp_path):
    with pytest.raises(OptionError) as caught:
        read(content)
    assert str(caught.value) == f"error: cannot read the weights of {str(tmp_path / 'w')!r}: {reason}"


@pytest.mark.parametrize("content", [{"a.npy": npy()}, safe()])
def test_a_tensor_of_too_many_numbers(content, read, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "MOST_VALUES", 3)
    with pytest.raises(OptionError) as caught:
        read(content)
    reason = "'a' has more than 3 numbers"
    assert str(caught.value) == f"error: cannot read the weights of {str(tmp_path / 'w')!r}: {reason}"


def test_an_archive_that_is_damaged(read, tmp_path):
    read({"a.npy": npy()})
    path = tmp_path / "w"
    path.write_bytes(path.read_bytes().replace(struct.pack("<4f", *VALUES), bytes(16)))
    with pytest.raises(OptionError) as caught:
        list(weights.read(path, WANTED))
    assert str(caught.value) == (
        f"error: cannot read the weights of {str(path)!r}: its archive is damaged: Bad CRC-32 for file 'a.npy'"
    )


def test_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "none.npz"
    with pytest.raises(OptionError) as caught:
        list(weights.read(path, WANTED))
    assert str(caught.value) == f"error: cannot read the weights of {str(path)!r}: No such file or directory"
