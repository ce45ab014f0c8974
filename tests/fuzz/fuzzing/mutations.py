"""What is done to whole files: to values of JSON, to bytes, to headers of safetensors, to pickles, to places."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzzing.draws import Drawn
from fuzzing.seeds import CANARY

DEEP = 10_000
_MARK = "\x00raw:"
_ODD: tuple[Any, ...] = (
    *(0, -1, 1, 2, 3, 255, 10**7, 10**9, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63), 10**400),
    *(0.5, -0.0, 1e-300, 1e308, float("nan"), float("inf"), float("-inf"), True, False, None),
    *("", "a", "\0", "\ud800", "\N{PILE OF POO}", "\u202e", "../..", "/etc/passwd", "a" * 10_000, "1", "{}", "[PAD]"),
    *([], {}, [[]], [None], {"": None}, {"a": {}}, [1, "1", 1.0], [-1], [10**12], {"0": "a", "00": "b"}, [0] * 1_000),
    *({"model_type": "gpt2"}, {"content": "x"}, {"type": "Sequence"}, {"id": 0, "content": ""}),
    *(_MARK + "[" * DEEP + "]" * DEEP, _MARK + '{"a":' * DEEP + "1" + "}" * DEEP, _MARK + "[" * 900 + "]" * 900),
    *(_MARK + "9" * 5_000, _MARK + "1e999", _MARK + "-", _MARK + '"\\ud83d"', _MARK + "/**/1"),
)
_KEYS = (
    *("auto_map", "trust_remote_code", "custom_pipelines", "_name_or_path", "name_or_path", "model_type", "num_labels"),
    *(
        "architectures",
        "dtype",
        "torch_dtype",
        "quantization_config",
        "tokenizer_class",
        "tokenizer_file",
        "vocab_file",
    ),
    *("extras", "__class__", "__init__", "_locked", "self", "id2label", "encoder", "decoder", "connector", ""),
)
_VALUES_OF_KEYS: tuple[Any, ...] = (
    *("evil.Evil", {"AutoModel": "evil.Evil", "AutoTokenizer": ["evil.Evil", None], "AutoConfig": "evil.Evil"}),
    *(True, "Evil", ["Evil"], "/etc/passwd", "../outside/config.json", 10**9, {"a": 1}, 3),
)
EVIL = f"from pathlib import Path\nPath(__file__).with_name({CANARY!r}).write_text('run')\nclass Evil: ...\n"
"""Code that tells when it was run."""


def spoil_json(text: str, draw: Drawn) -> str:
    """An object of JSON with a few of its values, keys or places others."""
    data = json.loads(text)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        data = _edited(data, draw)
    return _written(data, draw)


def ask_for_more(text: str, draw: Drawn) -> str:
    """A config in which one number is far larger, or one list far longer."""
    data = json.loads(text)
    numbers = [(held, key) for held, key in _places(data) if type(held[key]) in (int, list) or key == "id2label"]
    holder, key = draw.choice(numbers)
    large = draw.choice((10**4, 10**5, 10**7, 10**9, 10**12, 2**31, 2**62, 2**63 - 1, 2**64))
    holder[key] = (holder[key] or [1]) * 3_000 if isinstance(holder[key], list) else large
    if isinstance(holder, dict) and draw.once_in(12):
        holder["num_labels"] = holder[key]
        holder.pop("id2label", None)
        holder.pop("label2id", None)
    return json.dumps(data)


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys."""
    found: list[tuple[Any, Any]] = []
    waiting = [data]
    while waiting:
        each = waiting.pop()
        keys = list(each) if isinstance(each, dict) else list(range(len(each))) if isinstance(each, list) else []
        found += [(each, key) for key in keys]
        waiting += [each[key] for key in keys]
    return found


def _other(draw: Drawn, values: tuple[Any, ...] = _ODD) -> Any:
    """One of these values, which may then be changed itself."""
    return copy.deepcopy(draw.choice(values))


def _edited(data: Any, draw: Drawn) -> Any:
    places = _places(data)
    if not places or draw.once_in(60):
        return _other(draw)
    holder, key = draw.choice(places)
    what = draw.randrange(8)
    if what == 0:
        del holder[key]
    elif what == 1:
        other, place = draw.choice(places)
        holder[key] = json.loads(json.dumps(other[place])) if place in _keys(other) else None
    elif what == 2 and isinstance(holder, dict):
        holder[draw.choice(_KEYS)] = _other(draw, _VALUES_OF_KEYS)
    elif what == 3 and isinstance(holder, dict):
        holder[f"{key}{draw.choice(('', ' ', 's', chr(0)))}"[:300]] = holder.pop(key)
    elif what == 4 and isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
        holder[key] = draw.choice((holder[key] * 1000, -holder[key], holder[key] + 1, holder[key] - 1, holder[key] * 2))
    elif what == 5 and isinstance(holder, list):
        holder[key:key] = [holder[key]] * draw.choice((1, 2, 300))
    else:
        holder[key] = _other(draw)
    return data


def _keys(holder: Any) -> Any:
    return holder if isinstance(holder, dict) else range(len(holder))


def _written(data: Any, draw: Drawn) -> str:
    text = json.dumps(data, ensure_ascii=draw.once_in(2))
    for odd in _ODD:
        if isinstance(odd, str) and odd.startswith(_MARK):
            for spelt in (json.dumps(odd), json.dumps(odd, ensure_ascii=False)):
                text = text.replace(spelt, odd.removeprefix(_MARK))
    if draw.once_in(12) and text.startswith("{"):  # a key twice
        text = "{" + text[1:-1] + (", " if len(text) > 2 else "") + text[1:]
    return text


def spoil_bytes(data: bytes, draw: Drawn) -> bytes:
    """Bytes with a few of them others, gone, repeated, or more."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 5, 30))):
        # The beginning is where formats say what they are.
        end = max(1, min(len(changed), draw.choice((16, 64, 512, len(changed) or 1))))
        at = draw.randrange(end)
        match draw.randrange(7):
            case 0 if at < len(changed):
                changed[at] ^= 1 << draw.randrange(8)
            case 1 if at < len(changed):
                changed[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                del changed[at : at + draw.choice((1, 2, 4, 100))]
            case 3:
                changed[at:at] = draw.randbytes(draw.choice((1, 4, 100)))
            case 4:
                number = draw.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1))
                width = draw.choice(("<I", ">I", "<Q", ">Q", "<H"))
                changed[at : at + struct.calcsize(width)] = struct.pack(
                    width, number % 2 ** (8 * struct.calcsize(width))
                )
            case 5:
                changed[at:at] = changed[at : at + draw.choice((4, 64, 1000))]
            case _ if draw.once_in(4):
                del changed[at:]
    return bytes(changed)


def spoil_header(data: bytes, draw: Drawn) -> bytes:
    """A safetensors file whose header says something else of the same tensors."""
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    for _ in range(draw.choice((1, 1, 2, 4))):
        name = draw.choice([each for each in header if each != "__metadata__"] or ["x"])
        entry = header.setdefault(name, {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]})
        if not isinstance(entry, dict):
            continue
        match draw.randrange(9):
            case 0:
                entry["data_offsets"] = [draw.choice((0, -4, 2**63, 4, len(body), 10**30)) for _ in range(2)]
            case 1:
                entry["dtype"] = draw.choice(("F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "F4", "C64", "", 3))
            case 2:
                entry["shape"] = draw.choice(([2**32, 2**32], [2**62, 4], [0, 2**63], [-1, -1], [], [1] * 100, [1.0]))
            case 3:
                header[draw.choice(("__metadata__", "new", "", "a" * 1000, "../x"))] = draw.choice(
                    (entry, {}, {"format": "tf"}, {"a": 1}, None)
                )
            case 4:
                header[name + draw.choice(("x", ".weight", " "))] = header.pop(name)
            case 5:
                del header[name]
            case 6:
                entry[draw.choice(("shape", "data_offsets", "dtype", "other"))] = _other(draw, _ODD[:-8])
            case 7:
                entry["shape"] = list(reversed(entry["shape"])) if isinstance(entry.get("shape"), list) else []
            case _:
                begin = draw.choice((0, 4, 8))
                entry["data_offsets"] = [begin, begin + 4]
    text = json.dumps(header).encode() + b" " * draw.choice((0, 0, 7, 100))
    told = draw.choice((len(text),) * 6 + (len(text) - 1, len(text) + 1, 0, 2**63, 2**64 - 1, 100_000_001))
    return told.to_bytes(8, "little") + text + body[: len(body) - draw.choice((0, 0, 0, 1, 1000))]


def _calls(name: str, *arguments: Any) -> bytes:
    """A pickle that calls a function by its name."""
    module, _, function = name.rpartition(".")
    packed = pickle.dumps(tuple(arguments), protocol=2)[2:-1]
    return b"\x80\x02}U\x01ac" + f"{module}\n{function}\n".encode() + packed + b"Rs."


def _storage(kind: str, key: str, count: int, size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> bytes:
    """A pickle of one tensor as torch writes it, of these sizes."""
    persistent = b"(U\x07storagectorch\n" + kind.encode() + b"\nU\x01" + key.encode()[:1] + b"U\x03cpu" + _number(count)
    rest = _number(offset) + _tuple(size) + _tuple(stride) + b"\x89ccollections\nOrderedDict\n)Rt"
    return b"\x80\x02}U\x01actorch._utils\n_rebuild_tensor_v2\n(" + persistent + b"tQ" + rest + b"Rs."


def _number(value: int) -> bytes:
    return pickle.dumps(value, protocol=2)[2:-1]


def _tuple(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_number, values)) + b"t"


def _payload(draw: Drawn) -> bytes:
    big = draw.choice((2**31, 2**33, 2**34, 2**40, 2**62, 2**63, -1))
    return draw.choice(
        (
            lambda: _calls("os.system", f"touch {CANARY}"),
            lambda: _calls("posix.system", f"touch {CANARY}"),
            lambda: _calls("builtins.eval", f"open({CANARY!r}, 'w')"),
            lambda: _calls("builtins.exec", f"open({CANARY!r}, 'w')"),
            lambda: _calls("subprocess.Popen", ["touch", CANARY]),
            lambda: _calls("builtins.open", CANARY, "w"),
            lambda: _calls("pathlib.Path.touch", CANARY),
            lambda: _calls("torch.load", CANARY),
            lambda: _calls("torch.hub.load", CANARY),
            lambda: _calls("builtins.bytearray", big),
            lambda: _calls("torch.FloatTensor", big),
            lambda: _calls("torch.Tensor", big),
            lambda: _calls("torch.Size", [big]),
            lambda: _calls("collections.Counter", "a" * 1000),
            lambda: _calls("torch._utils._rebuild_meta_tensor_no_storage", None, [big], [1], False),
            lambda: _calls("_codecs.encode", "a" * 100, "utf-8"),
            lambda: _storage("FloatStorage", "0", big, (4,), (1,), 0),
            lambda: _storage("FloatStorage", "0", 4, (big,), (1,), 0),
            lambda: _storage("FloatStorage", "0", 4, (2, 2), (big, 0), 0),
            lambda: _storage("FloatStorage", "0", 4, (4,), (1,), big),
            lambda: _storage("DoubleStorage", "0", 2, (1000, 1000), (0, 0), 0),
            lambda: _storage("FloatStorage", "9", 4, (4,), (1,), 0),
            lambda: b"\x80\x02" + b"]" * DEEP + b"a" * (DEEP - 1) + b".",
            lambda: b"\x80\x02" + b"}q\x00" + b"h\x00" * 3 + b"0.",
        )
    )()


def _zipped(pickled: bytes, draw: Drawn) -> bytes:
    held = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if draw.once_in(8) else zipfile.ZIP_STORED
    with zipfile.ZipFile(held, "w", kind) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", draw.choice(("little", "big", "")))
        archive.writestr(draw.choice(("archive/data/0", "archive/data/../../0", "/0")), bytes(16))
        archive.writestr("archive/version", "3\n")
    return held.getvalue()


def spoil_pickle(data: bytes, draw: Drawn) -> bytes:
    """`pytorch_model.bin` with other bytes, or one that asks for what it must not get."""
    if draw.once_in(2):
        return spoil_bytes(data, draw)
    payload = _payload(draw)
    if draw.once_in(4):
        payload = spoil_bytes(payload, draw)
    return _zipped(payload, draw) if draw.once_in(2) else payload


def misplace(folder: Path, name: str, draw: Drawn) -> None:
    """Put a link, a pipe, a folder or a device where a file was."""
    path = folder / name
    outside = folder.parent / "outside"
    outside.mkdir(exist_ok=True)
    shutil.move(path, outside / name)
    target = os.path.relpath(outside / name, folder)
    choices: tuple[Callable[[], object], ...] = (
        lambda: path.symlink_to(target),
        lambda: path.symlink_to(outside / name),
        lambda: path.symlink_to("/etc/passwd"),
        lambda: path.symlink_to("/dev/zero"),
        lambda: path.symlink_to("/dev/stdin"),
        lambda: path.symlink_to("/proc/self/environ"),
        lambda: path.symlink_to(name),
        lambda: path.symlink_to(folder),
        lambda: _twice(folder, path, outside / name),
        lambda: os.mkfifo(path),
        path.mkdir,
        lambda: path.write_bytes(b""),
    )
    draw.choice(choices)()


def _twice(folder: Path, path: Path, target: Path) -> None:
    """A link within the folder to a link out of it."""
    (folder / "second").symlink_to(target)
    path.symlink_to("second")


def spoil_index(text: str, draw: Drawn) -> str:
    """An index whose tensors lie elsewhere."""
    data = json.loads(text)
    places = data["weight_map"]
    names = (
        "../outside/model.safetensors",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/../b.safetensors",
        "\0.safetensors",
        "x" * 5000,
    )
    for _ in range(draw.choice((1, 2, 5))):
        key = draw.choice(list(places))
        places[key] = draw.choice(
            (*names, *places.values(), "config.json", "model-00009-of-00004.safetensors", 3, None)
        )
    return spoil_json(json.dumps(data), draw) if draw.once_in(2) else json.dumps(data)
