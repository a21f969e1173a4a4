"""What the fuzzer starts from, for each reader: small good files, and how mutated parts become files.

Try it: PYTHONPATH=src:tests python -m fuzz --reader picture --inputs 1000
"""

import gzip
import io
import json
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFont

from bombs import chunk, pictures_start
from fuzz.engine import Shape
from nitograph.corpus.rows import ARRAYS
from nitograph.evaluation.cache import _write
from nitograph.exporting import FORMATS, Workpiece
from nitograph.io import png
from nitograph.io.lists import parse
from nitograph.shapes.board import ShapedBoard
from nitograph.thread import Thread
from nitograph.training.resume import capture
from readers import shards, trainer
from tiny import random_weights, small_corpus

FORMS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM")
THREAD = Thread([0, 9, 20, 3, 11], label="7", provenance={"seed": 3, "sampling": {"top_k": 2}}).to_json()
CLASSIC = (
    '{"digit": 3, "num_nails": 32, "line_count": 2, "seed": 1, "temperature": 0.8, "nails": [0, 9, 3]}'
)
WORD = f'{{"format": "nitograph-threads/1", "label": "70", "threads": [{THREAD}, {CLASSIC}]}}'
COLOURED = json.dumps(
    {
        "format": "nitograph-colours/1",
        "label": "a cat",
        "threads": [
            json.loads(
                Thread(
                    nails,
                    label="a cat",
                    provenance={
                        "colour": {"name": "DMC 310", "hex": value, "chart": "DMC"},
                        "layer": [at, 2],
                        "board": {"thread_width": 0.2, "diameter": 600.0, "darkness": 0.9},
                        "photo": {"invert": True},
                    },
                ).to_json()
            )
            for at, nails, value in ((1, [0, 100, 9], "#000000"), (2, [4, 200], "#c72b3b"))
        ],
    }
)
SQUARE = ShapedBoard(16, "rect", 300.0, 200.0)
CORNERS = ShapedBoard.of_points(np.array([[0, 0], [90, 0], [120, 50.5], [90, 110], [0, 100], [40, 50]]))
SHAPED = [Thread([0, 3, 5, 1, 4], board, "7").to_json() for board in (SQUARE, CORNERS)]
LIST = "# nitograph-list/1 num_nails=256 zero=192 sense=+1 label=7\nstep,nail\n1,0\n2,100\n3,7\n"
PALETTE = np.arange(768, dtype=np.uint8).reshape(256, 3)


def _bytes(*texts: str) -> list[bytes]:
    return [text.encode() for text in texts]


def _carrier(text: bytes) -> bytes:
    """A PNG with this text in its place."""
    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = b"nitograph\0\1\0\0\0" + zlib.compress(text)
    return pictures_start() + chunk(b"IHDR", head) + chunk(b"iTXt", body) + chunk(b"IEND", b"")


def _pictures() -> list[bytes]:
    """A small picture in each form, and in odd modes."""
    noise = np.random.default_rng(5).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    made = [(form, Image.fromarray(noise)) for form in FORMS]
    made += [("PNG", Image.fromarray(noise).convert(mode)) for mode in ("LA", "P", "1", "RGBA")]
    made += [("TIFF", Image.fromarray(noise).convert(mode)) for mode in ("CMYK", "F", "I;16", "L")]
    found = []
    for form, image in made:
        buffer = io.BytesIO()
        tag = Image.Exif()
        tag[0x0112] = 6
        image.save(buffer, form, **({"exif": tag} if form in ("PNG", "JPEG", "WEBP", "TIFF") else {}))
        found.append(buffer.getvalue())
    return found


def _checked_png(body: bytes) -> bytes:
    """A PNG of chunks (kind, body, separated by a mark) with the right lengths and checksums."""
    parts = [chunk(part[:4], part[4:]) for part in body.split(b"<|>") if len(part) >= 4]
    return pictures_start() + b"".join(parts)


def _png_chunks() -> bytes:
    """The chunks of a small PNG for `_checked_png`."""
    data = png.encode(np.zeros((4, 4), np.uint8), PALETTE, text={"Comment": "a"}, dpi=72)
    return b"<|>".join(kind + body for kind, body in png._chunks(data, "a")) + b"<|>IEND"


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def _zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _with(members: dict[str, bytes], name: str) -> Callable[[bytes], bytes]:
    """A zip in which one member is another."""
    return lambda data: _zipped(members | {name: data})


def _array(value: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value, allow_pickle=False)
    return buffer.getvalue()


@cache
def _corpus() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        small_corpus(samples=4).save(Path(folder) / "c.npz")
        return (Path(folder) / "c.npz").read_bytes()


def _corpus_shapes() -> list[Shape]:
    members = _members(_corpus())

    def described(text: bytes) -> bytes:
        words = np.array(text.decode("utf-8", "replace").rstrip("\0") or "?")
        return _zipped(members | {"metadata.npy": _array(words)})

    metadata = json.dumps(dict(small_corpus(samples=4).metadata)).encode()
    inside = [Shape([members[f"{name}.npy"]], _with(members, f"{name}.npy")) for name in ARRAYS]
    return [Shape([_corpus()]), Shape([metadata], described, is_json=True), *inside]


def _weights_shapes() -> list[Shape]:
    with tempfile.TemporaryDirectory() as folder:
        random_weights().save(Path(folder) / "w.safetensors")
        data = (Path(folder) / "w.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    inner = header["__metadata__"]["nitograph"].encode()

    def headed(text: bytes) -> bytes:
        return struct.pack("<Q", len(text)) + text + data[8 + length :]

    def described(text: bytes) -> bytes:
        header["__metadata__"]["nitograph"] = text.decode("utf-8", "replace")
        return headed(json.dumps(header).encode())

    return [
        Shape([data]),
        Shape([data[8 : 8 + length]], headed, is_json=True),
        Shape([inner], described, is_json=True),
    ]


def _checkpoint_shapes() -> list[Shape]:
    run = trainer()
    for _ in run.run(report_every=0.0):
        pass
    state = {"format": "nitograph-checkpoint/1", **capture(run)}
    plain = {name: value for name, value in state.items() if _is_json(value)}
    groups = {name: state[name]["param_groups"] for name in ("optimizer", "plan_optimizer")}

    def saved(whole: dict[str, object]) -> bytes:
        buffer = io.BytesIO()
        torch.save(whole, buffer)
        return buffer.getvalue()

    def described(text: bytes) -> bytes:
        try:
            changed = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if not isinstance(changed, dict):
            return saved({"format": state["format"], "any": str(changed)})
        whole = {name: value for name, value in state.items() if name not in plain} | changed
        for name, value in (
            changed.get("groups", {}).items() if isinstance(changed.get("groups"), dict) else ()
        ):
            if name in groups:
                whole[name] = {**state[name], "param_groups": value}
        return saved(whole)

    data = saved(state)
    members = _members(data)
    name = next(name for name in members if name.endswith("data.pkl"))
    text = json.dumps({**plain, "groups": groups}).encode()
    return [
        Shape([data]),
        Shape([text], described, is_json=True),
        Shape([members[name]], _with(members, name)),
    ]


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _cache_shapes() -> list[Shape]:
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder) / "a.npz", {"upper": np.arange(5.0)})
        data = (Path(folder) / "a.npz").read_bytes()
    members = _members(data)
    return [Shape([data]), *(Shape([members[name]], _with(members, name)) for name in members)]


def _part_shapes() -> list[Shape]:
    arrays = {"nails": np.zeros((3, 5), np.int16), "explained": np.zeros(3, np.float32)}
    members = {f"{name}.npy": _array(value) for name, value in arrays.items()}
    members["light.npy"] = _array(np.zeros((3, 2), np.float16))
    return [Shape([_zipped(members)]), *(Shape([members[name]], _with(members, name)) for name in members)]


SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
 viewBox="0 0 24 24" width="24mm"><style>.a{fill:none;stroke:#123}</style>
<defs><g id="b"><circle cx="4" cy="5" r="3"/></g></defs>
<path class="a" d="M2 3l4-1h3v2H2c1 2 3 4 5 6s2 2 4 1q1 2 3 4t2 1a3 2 30 1 0 4 4z" stroke-width="2"/>
<g transform="translate(3 4) rotate(30) scale(2,.5)"><rect x="1" y="2" width="9" height="4" rx="1"/>
<polygon points="1,2 3,4 5,1"/><use xlink:href="#b" x="2"/></g>
<ellipse cx="9" cy="9" rx="2" ry="3" fill="red"/><polyline points="1 2 3 4" opacity=".5"/>
<line x1="1" y1="1" x2="9" y2="8" stroke="rgb(10%,20%,30%)"/></svg>"""
DRAWING = (
    '{"word": "cat", "countrycode": "DE", "timestamp": "2017-03-01 10:00:00.1 UTC", "recognized": true, '
    '"key_id": "5", "drawing": [[[0, 30, 255], [3, 80, 9]], [[7, 7], [1, 200], [0, 31]]]}'
)
NAILS = "# a board\nname,x mm,y mm\na,0,0\nb,90,0\nc,120,50.5\nd,90,110\ne,0,100\nf,-20,40\n"
HOLES = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 90"><circle cx="4" cy="5" r="1"/>
<circle cx="84" cy="5" r="1"/><ellipse cx="84" cy="85" rx="1" ry="2"/>
<g transform="rotate(5)"><circle cx="4" cy="85" r="1"/><circle cx="4" cy="85" r="2"/></g></svg>"""
LINE = """<svg xmlns="http://www.w3.org/2000/svg" width="120mm" height="90mm" viewBox="0 0 120 90">
<path d="M10 10h90c20 30 20 40 0 60h-90z"/><path d="M1 1l9 9"/></svg>"""
FOREIGN = (
    '{"nails": 256, "pinSequence": [1, 9, 4, 77]}',
    '{"num_pins": 40, "sequence": [[0, 9], [9, 20], [20, 3]], "board": {"d": 300}}',
    '{"path": [{"from": 3, "to": 9}, {"from": 9, "to": 1}], "pins": 99}',
    "String #1 -> next pin: 84\nString #2 -> next pin: 3\nString #3 -> next pin: 20\n",
    "Nagel von,Nagel bis\n0,9\n9,20\n20,3\n",
    "step from to\n1 0 9\n2 9 20\n",
)


def _written_lists() -> list[bytes]:
    """Winding lists of ours: of a ring, and of boards that are none."""
    threads = [parse(text.encode(), "a thread") for text in (THREAD, *SHAPED)]
    return [FORMATS[name].render(Workpiece(thread)) for thread in threads for name in ("csv", "txt")]


MAPPING = "0 48\n1 65 97\n10 1078\n"


def _font_shapes() -> list[Shape]:
    font = ImageFont.load_default(16)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return [Shape([font.font_bytes])]


def _bitmap_shapes() -> list[Shape]:
    images = np.arange(2 * 784, dtype=np.uint8).reshape(2, 784)
    return [Shape([_array(images), _array(images.reshape(2, 28, 28))])]


LOG = (
    b'{"kind": "run", "run": "0a-1b", "step": 0}\n{"kind": "step", "step": 3, "nail_loss": 2.5, '
    b'"learning_rate": 0.01}\n{"kind": "valid", "step": 9, "nail_loss": 1.5, "plan_loss": 0.5}\n'
)
IDX = b"\0\0\x08\3" + struct.pack(">III", 2, 3, 4) + bytes(24)


@cache
def shapes_of(reader: str) -> list[Shape]:
    """The shapes of the files that a reader reads."""
    if reader in ("checkpoint", "resume"):
        return _checkpoint_shapes()
    made: dict[str, Callable[[], list[Shape]]] = {
        "thread": lambda: [
            Shape(_bytes(THREAD, CLASSIC, WORD), is_json=True),
            Shape(_bytes(LIST, f"{THREAD}\n{CLASSIC}\n")),
        ],
        "list": lambda: [
            Shape(_bytes(LIST, "0 9 20 3", "step;pin\n1;4\n2;8\n", "[1, 9, 4]", "nail\n3\n5\n")),
            Shape(_bytes(*FOREIGN)),
            Shape(_bytes(*FOREIGN[:3]), is_json=True),
            Shape(_written_lists()),
        ],
        "boards": lambda: [Shape(_bytes(COLOURED, *SHAPED), is_json=True), Shape(_written_lists())],
        "nails": lambda: [Shape(_bytes(NAILS, "0;0\n90;0\n45;80\n")), Shape(_bytes(HOLES, LINE))],
        "lines": lambda: [Shape(_bytes(f"{THREAD}\n{CLASSIC}\n", WORD), is_json=True)],
        "carrier": lambda: [
            Shape(_bytes(THREAD, WORD), _carrier, is_json=True),
            Shape([_png_chunks()], _checked_png),
            Shape([_carrier(THREAD.encode())]),
        ],
        "picture": lambda: [Shape(_pictures()), Shape([_png_chunks()], _checked_png)],
        "idx": lambda: [
            Shape([IDX, IDX[:12] + b"\0" * 12]),
            Shape([IDX], gzip.compress),
            Shape([gzip.compress(IDX)]),
        ],
        "mapping": lambda: [Shape(_bytes(MAPPING))],
        "svg": lambda: [Shape(_bytes(SVG))],
        "drawings": lambda: [
            Shape(_bytes(DRAWING), is_json=True),
            Shape(_bytes(f"{DRAWING}\n\n{DRAWING}")),
        ],
        "bitmaps": _bitmap_shapes,
        "font": _font_shapes,
        "corpus": _corpus_shapes,
        "manifest": lambda: [Shape([(shards("good") / "manifest.json").read_bytes()], is_json=True)],
        "tokens": lambda: [Shape([(shards("good") / "00000.tokens.npy").read_bytes()])],
        "part": _part_shapes,
        "weights": _weights_shapes,
        "log": lambda: [Shape([LOG]), Shape(LOG.splitlines(), is_json=True)],
        "cache": _cache_shapes,
    }
    return made[reader]()
