"""Guards of the house: who may import whom, who may touch the disk, and what stays unimported."""

import ast
import contextlib
import inspect
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nitograph
from nitograph import errors
from tiny import WEAVING, random_weights

ROOT = Path(nitograph.__file__).parent

# A module's wing is the first part of its name. A wing may use itself and what is named behind it here.
WINGS = {
    "errors": "",
    "lazy": "",
    "untrusted": "errors",
    "settings": "errors",
    "board": "errors settings",
    "shapes": "errors settings board",
    "thread": "errors untrusted settings board shapes",
    "compute": "errors settings board",
    "colours": "errors settings board thread compute",
    "io": "lazy errors untrusted settings board shapes thread colours",
    "light": "lazy errors settings board thread compute",
    "weaving": "lazy errors settings board thread compute colours light",
    "calibration": "lazy errors settings board thread compute light weaving",
    "model": "lazy errors untrusted settings board thread compute io light",
    "sampling": "lazy errors settings board thread compute io light model",
    "corpus": "lazy errors untrusted settings board thread compute io light weaving model",
    "training": "lazy errors untrusted settings board thread compute io light weaving model corpus",
    "drawing": "lazy errors untrusted settings board shapes thread compute colours io",
    "exporting": "lazy errors untrusted settings board shapes thread colours io",
    "evaluation": "lazy errors untrusted settings board thread compute io light weaving model sampling "
    "corpus training drawing",
    "learning": "lazy errors untrusted settings board thread compute io light weaving model sampling "
    "corpus training drawing evaluation",
    "api": "errors untrusted settings board shapes thread compute colours io light weaving model sampling "
    "corpus training drawing exporting",
    "studio": "errors untrusted settings board thread compute colours io light weaving model sampling "
    "drawing exporting api",
    "cli": "errors untrusted settings board shapes thread compute colours io light weaving model sampling "
    "corpus training drawing exporting evaluation learning api studio calibration",
    "__main__": "cli",
}
# What a wing uses of another only: these modules, and nothing else of it.
ONLY = {
    (
        "model",
        "light",
    ): "light.zernike light.frame light.fans light.starts light.bands light.cells light.chords light.simd",
    ("corpus", "model"): "model.vocab model.sharpen",
    ("training", "weaving"): "weaving.settings",
    ("api", "training"): "training.checkpoints training.processes",
    ("sampling", "io"): "io.npz",
    ("sampling", "light"): "light.bands light.fans light.frame",
}
NEVER = [  # said apart from the table above, so that widening it by oversight is seen
    ("weaving", "model"), ("model", "weaving"), ("drawing", "weaving"), ("drawing", "model"),
    ("exporting", "drawing"), ("evaluation", "exporting"), ("io", "drawing"), ("io", "exporting"),
]  # fmt: skip
HEAVY = {  # who may import what is slow to load or not always installed
    "torch": "model.network model.network_decoder training evaluation.critics evaluation.judges.likelihood "
    "evaluation.judges.discriminators cli.evaluate",
    "numba": "compute.jit light.simd model.batch.simd weaving.loops.simd cli.compiling",
    "matplotlib": "drawing.figures drawing.classic drawing.charts",
    "PIL": "io.pictures corpus.sources drawing.contact_sheet drawing.film api.weaving api.faces "
    "api.colours cli.generate",
    "scipy": "",
    "safetensors": "model.weights",
    "threadpoolctl": "compute.parallel",
    "multiprocessing": "compute.workers corpus.cluster studio.pool",
    "starlette": "studio.routes studio.share",
    "uvicorn": "studio.listening",
    "segno": "studio.share",
    "distributed": "corpus.cluster",
    "dask": "",
    "pyarrow": "io.parquet",
    "rich": "cli.progress",
    "av": "drawing.film",
    "skimage": "api.faces",
    "ezdxf": "exporting.dxf",
    "fpdf": "exporting.pdf",
    "fontTools": "exporting.pdf",
    "argparse": "cli",
}
# Who may read and write files, and how that would be done.
DISK = (
    "io.files io.folders io.lists io.locks io.nails io.outputs io.pictures io.streams io.svg "
    "corpus.sources corpus.rows corpus.prepare corpus.shards model.weights "
    "training.checkpoints training.runs exporting.formats drawing.look evaluation.cache "
    "evaluation.page.report api cli"
)
DISK_CALLS = {
    "write_text",
    "write_bytes",
    "unlink",
    "mkdir",
    "rmtree",
    "mkstemp",
    "savez",
    "savez_compressed",
}


def modules() -> dict[str, Path]:
    """Every module of the package by its name within it."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    found.pop("__init__")
    return found


MODULES = modules()
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}

FACES = {
    name: tree
    for name, tree in TREES.items()
    if any(isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_FACE" for node in tree.body)
}


def among(name: str, listed: str) -> bool:
    """Whether a module, or a package it is in, stands in a list of names."""
    parts = name.split(".")
    return any(".".join(parts[: i + 1]) in listed.split() for i in range(len(parts)))


def wing_of(name: str) -> str:
    """The wing in which a module stands."""
    return name.split(".")[0]


def imports(tree: ast.AST) -> set[str]:
    """Modules that a tree imports: our own by their name within the package, others by their first name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            inner = [f"{base}.{alias.name}" for alias in node.names]
            names = [n if n.removeprefix("nitograph.") in MODULES else base for n in inner]
        else:
            continue
        for name in names:
            own = name.startswith("nitograph.")
            found.add(name.removeprefix("nitograph.") if own else name.split(".")[0])
    return found - {"nitograph"}


def at_load(tree: ast.Module) -> set[str]:
    """What a module imports while it is loaded itself: not in functions, not for type checkers only."""
    left = [
        node
        for node in tree.body
        if not isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    ]
    return imports(ast.Module(left, []))


def test_every_wing_is_in_the_table():
    """The table names what there is, and nothing else."""
    assert {wing_of(name) for name in MODULES} == set(WINGS)
    assert all(used in WINGS for allowed in WINGS.values() for used in allowed.split())
    assert not [(wing, used) for wing, used in NEVER if used in WINGS[wing].split()]
    assert not [wing for wing, allowed in WINGS.items() if "cli" in allowed.split() and wing != "__main__"]


@pytest.mark.parametrize("name", MODULES)
def test_imports_keep_to_the_table(name):
    """A module uses only its own wing and those it rests on, and heavy packages where they belong."""
    wing = wing_of(name)
    for used in imports(TREES[name]):
        if used in MODULES and wing_of(used) != wing:
            assert wing_of(used) in WINGS[wing].split(), f"{name} may not import {used}"
            only = ONLY.get((wing, wing_of(used)))
            assert only is None or among(used, only), f"{name} may use {only} only, not {used}"
        if used in HEAVY:
            assert among(name, HEAVY[used]), f"{name} may not import {used}"


def test_the_page_of_the_wings_is_this_table():
    """docs/house.md names every wing and what it may use, as the table here does."""
    page = (Path(__file__).parents[1] / "docs" / "house.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \|([^|]*)\|$", page, re.M)
    assert {wing: set(used.split()) for wing, used in rows} == {
        wing: {"everything"} if wing == "cli" else set(used.split())
        for wing, used in WINGS.items()
        if wing != "__main__"
    }


def test_the_table_can_fail():
    """An import against the table is seen, within functions too, where it is not loaded with the module."""
    tree = ast.parse("def f():\n    from nitograph.training import trainer\n    import torch.nn as nn\n")
    assert imports(tree) == {"training.trainer", "torch"}
    assert at_load(tree) == set()
    assert "training" not in WINGS["model"].split()


def test_no_cycles():
    """No two modules need each other while they are loaded."""
    needs = {name: at_load(tree) & MODULES.keys() - {name} for name, tree in TREES.items()}
    left = dict(needs)
    while ready := [name for name, used in left.items() if not used & left.keys()]:
        for name in ready:
            del left[name]
    assert not left, f"these modules need each other: {sorted(left)}"


@pytest.mark.parametrize("name", [name for name in MODULES if not among(name, DISK) and name not in FACES])
def test_only_some_touch_the_disk(name):
    """Everything but readers and writers takes and gives values or text."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ImportFrom) and node.module == "nitograph.io.files":
            assert all(alias.name.isupper() for alias in node.names), f"{name} uses files"
        if isinstance(node, ast.Call):
            called = (
                node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            )
            assert called not in DISK_CALLS, f"{name} calls {called}"
            assert not (isinstance(node.func, ast.Name) and called == "open"), f"{name} opens a file"


@pytest.mark.parametrize("name", MODULES)
def test_habits(name):
    """A docstring with a line that can be run; printing only on the command line; no global randomness."""
    tree = TREES[name]
    doc = ast.get_docstring(tree) or ""
    assert doc, f"{name} has no docstring"
    if name != "__main__":
        assert "Try it:" in doc, f"{name} gives no line that can be run"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called != "print" or among(name, "cli"), f"{name} prints"
            assert not re.fullmatch(
                r"(np|numpy)\.random\.(seed|rand\w*|normal|choice|shuffle|permutation)", called
            )
        if isinstance(node, ast.Import):
            assert "random" not in [alias.name for alias in node.names], f"{name} uses global randomness"
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"{name} has a bare except"


RUNNABLE = [
    (name, found)
    for name, tree in TREES.items()
    for found in re.findall(r'python -c\s+"(.*?)"$', ast.get_docstring(tree) or "", re.S | re.M)
]


@pytest.mark.parametrize(("name", "code"), RUNNABLE, ids=[name for name, _ in RUNNABLE])
def test_the_line_that_can_be_run(name, code, tmp_path, monkeypatch):
    """The line in a module's docstring runs as it stands."""
    monkeypatch.chdir(tmp_path)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code.replace("\n", " "), name, "exec"), {})


def test_the_error_tree_is_what_its_docstring_draws():
    """Every error is in the drawing and under NitographError; nothing else is exported."""
    drawn = set(re.findall(r"(?:├──|└──) (\w+)", errors.__doc__ or ""))
    classes = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind)}
    assert set(classes) == drawn | {"NitographError"}
    assert all(issubclass(kind, errors.NitographError) for kind in classes.values())
    assert all(kind.__doc__ for kind in classes.values())


PROBE = """
import json, sys
from nitograph.cli import main
code = main(sys.argv[2:])
print(json.dumps([code, [name for name in sys.argv[1].split(",") if name in sys.modules]]))
"""
LIGHT = "torch,matplotlib,scipy,numba,pandas,starlette,uvicorn,segno"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A folder with weights, a thread and a picture."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("bench")
    random_weights().save(folder / "w.safetensors")
    (folder / "t.json").write_text('{"num_nails": 32, "nails": [0, 9, 20, 3]}')
    Image.linear_gradient("L").save(folder / "p.png")
    return folder


@pytest.mark.parametrize(
    ("command", "banned"),
    [
        ("generate 7 --checkpoint w.safetensors --size 128 -o a.png", LIGHT),
        ("sample 7 --checkpoint w.safetensors -o a.jsonl", LIGHT),
        ("render t.json -o b.png --size 128", LIGHT),
        ("export t.json -o c.svg -o c.csv", LIGHT),
        ("check t.json", LIGHT),
        (f"weave p.png --nails 32 --canvas-size {WEAVING.canvas_size} -o d.json", "torch,matplotlib"),
        ("preview --dataset none.npz", "torch"),
    ],
)
def test_light_commands_load_no_heavy_package(bench, command, banned):
    """What a maker uses starts fast: heavy packages stay unimported where they are not needed."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, banned, *command.split()], cwd=bench, capture_output=True, text=True
    )
    assert done.stdout, done.stderr
    code, loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded == []
    assert code == (1 if "none.npz" in command else 0), done.stderr


LAZY = "numpy,numba,torch,matplotlib,PIL,safetensors,rich"


@pytest.mark.parametrize("name", FACES)
def test_a_face_is_lazy_and_whole(name):
    """A wing alone loads nothing heavy; each name of `__all__` is there, typed, and no module's name."""
    wing = f"nitograph.{name}"
    code = (
        f"import sys, {wing} as wing; loaded = [m for m in {LAZY.split(',')} if m in sys.modules]; "
        "missing = [n for n in wing.__all__ if not hasattr(wing, n)]; "
        "print([loaded, missing, wing.__all__, dir(wing)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded, missing, offered, listed = ast.literal_eval(done.stdout)
    assert (loaded, missing) == ([], [])
    assert offered == sorted(offered)
    assert set(offered) <= set(listed)
    typed = [node for node in FACES[name].body if isinstance(node, ast.If)]
    assert offered == sorted(alias.asname for found in typed[0].body for alias in found.names)
    beside = {
        other.removeprefix(f"{name}.").split(".")[0] for other in MODULES if other.startswith(f"{name}.")
    }
    assert not beside & set(offered), "a module of that name would take its place"


def test_importing_the_package_loads_next_to_nothing():
    """`import nitograph` alone loads not even NumPy."""
    code = (
        "import sys, nitograph; print([m for m in ('numpy', 'PIL', 'torch', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert nitograph.__version__.count(".") == 2
