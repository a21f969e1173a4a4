"""Guards of the wings' faces: every name is there, is the wing's own, costs nothing until it is used."""

import importlib
import json
import subprocess
import sys

import pytest

from test_house import MODULES

FACES = [name for name in MODULES if hasattr(importlib.import_module(f"nitograph.{name}"), "_FACE")]
PROBE = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted({"numpy", "torch", "numba", "matplotlib", "PIL"} & sys.modules.keys())))
"""


@pytest.mark.parametrize("name", FACES)
def test_every_name_is_there(name):
    """Listed, seen by dir(), and the same as in its own module; anything else is an AttributeError."""
    face = importlib.import_module(f"nitograph.{name}")
    assert face.__all__ == sorted(face._FACE)
    for given, home in face._FACE.items():
        value = getattr(importlib.import_module(f"nitograph.{name}.{home}"), given)
        assert getattr(face, given) is value
        assert getattr(value, "__module__", "").startswith(f"nitograph.{name}.")
    assert set(face.__all__) <= set(dir(face))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = face.nonsense


@pytest.mark.parametrize("name", FACES)
def test_the_face_alone_loads_nothing_heavy(name):
    """Importing the wing loads no package but Python's own."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, f"nitograph.{name}"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


def test_there_are_faces():
    """The search above finds some."""
    assert {"corpus", "training"} <= {*FACES}
