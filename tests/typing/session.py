"""A session as a user writes it, read by the type checker alone (tests/test_api.py)."""

from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import nitograph
from nitograph import Board, NitographError, Picture, Thread, Threads

seven = nitograph.generate("7", seed=42)
assert_type(seven, Thread)
assert_type(seven.nails, NDArray[np.int32])
assert_type(seven.points(), NDArray[np.float64])
assert_type(seven.length(), float)
assert_type(seven.label, str | None)
assert_type(seven.board, Board)

word = nitograph.generate("2026", temperature=0.7, top_k=0)
assert_type(word, Thread | Threads)
print(word.nails, word.points(), word.length(), word.label)
many = nitograph.generate(["7"] * 100, seed=1, checkpoint=Path("string_ai.safetensors"))
assert_type(many, Threads)
assert_type(many[0], Thread)
assert_type(many[1:], Threads)
assert_type(many.lengths(), tuple[float, ...])
assert_type(nitograph.generate(picture="photo.jpg"), Thread)
assert_type(nitograph.generate("7", beam=8, penalty={"short": 1}, best_of=4, repair=True), Thread)
assert_type(nitograph.generate("7", penalty="short=1", continue_from=seven), Thread)

picture = nitograph.draw(seven, palette="fire", size=1024)
assert_type(picture, Picture)
assert_type(picture.rgb(), NDArray[np.uint8])
assert_type(picture.save("a.png"), Path)
nitograph.draw(word)
nitograph.draw([seven, *many], layout="ring")

assert_type(nitograph.weave("photo.jpg", preset="photo", nails=200, invert=True), Thread)
nitograph.weave(np.zeros((28, 28), dtype=np.uint8))
nitograph.weave(Image.new("RGB", (28, 28)), importance=Path("mask.png"))

nitograph.save(seven, "seven.json")
nitograph.save(word, "word.jsonl")
nitograph.save(picture, "seven.png")
assert_type(nitograph.load("seven.png"), Thread | Threads)
assert_type(nitograph.export(seven, "board.svg", diameter=600), tuple[Path, ...])
nitograph.export(word, "board.pdf", yarn="tex:30", paper="a3")

try:
    nitograph.load("nothing.json")
except NitographError as error:
    print(error)

# What a type checker must refuse: a suppression that nothing needs is an error of its own.
nitograph.generate("7", temprature=0.7)  # type: ignore[call-overload]
nitograph.generate(7)  # type: ignore[call-overload]
nitograph.generate("7", penalty=2)  # type: ignore[call-overload]
nitograph.generate("7", continue_from="seven.json")  # type: ignore[call-overload]
nitograph.draw(seven, palete="fire")  # type: ignore[call-arg]
nitograph.draw(seven, size="large")  # type: ignore[arg-type]
nitograph.weave("photo.jpg", nails="many")  # type: ignore[arg-type]
nitograph.genrate("7")  # type: ignore[attr-defined]
seven.nails = many[0].nails  # type: ignore[misc]
