"""Guards of the compiled cache: an edit anywhere takes effect, and a bad cache only costs time."""

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import nitograph
from nitograph.compute import jit
from nitograph.compute.jit import stamp

CALL = """
import sys
from nitograph.entry import call
print(call(1.0), sum(call.stats.cache_hits.values()), sum(call.stats.cache_misses.values()))
"""
WITH_BLAS = """
import sys
from nitograph.entry import call
value, loaded = call(1.0), "scipy.linalg" in sys.modules
from numba.np.linalg import ensure_blas
ensure_blas()
print(value, int(loaded), int("scipy.linalg" in sys.modules))
"""
ENTRY = """
from nitograph.{m} import jit
from nitograph.part import part

@jit
def call(x):
    return part(x)
"""
PART = """
from nitograph.{m} import inner
from nitograph.facts import ADDED

@inner
def part(x):
    return x + ADDED
"""


STOPPED = """
import signal
from numba.core import codegen

def interrupted(name):
    hook = getattr(codegen.CPUCodeLibrary, name).__func__
    def method(cls, *args):
        global left
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGINT)
        return hook(cls, *args)
    setattr(codegen.CPUCodeLibrary, name, classmethod(method))

interrupted("_object_compiled_hook")
interrupted("_object_getbuffer_hook")
from nitograph.entry import call
stopped, value = 0, None
while value is None:
    left = stopped + 1
    try:
        value = call(1.0)
    except KeyboardInterrupt:
        stopped += 1
assert stopped
print(value, sum(call.stats.cache_hits.values()), sum(call.stats.cache_misses.values()))
"""

# What is linked into a caller is told apart from what was compiled alone: by a constant.
MARKED = """
from llvmlite import binding
from numba.core import codegen

def linked(library):
    module = made(library)
    if "part" not in library.name or "4.812500e+00" in str(module):
        return module
    library._shared_module = binding.parse_assembly(str(module).replace("2.406250e+00", "4.812500e+00"))
    return library._shared_module

made = codegen.CPUCodeLibrary._get_module_for_linking
codegen.CPUCodeLibrary._get_module_for_linking = linked
from nitograph.entry import call
print(call(0.0), sum(call.stats.cache_hits.values()), sum(call.stats.cache_misses.values()))
"""
LONG = """
import math
from nitograph.{m} import inner

@inner
def part(x):
    return 2.40625 + x * ({terms})
"""
LOGITS = """
import sys
sys.path.insert(0, {tests!r})
import hashlib
from nitograph.model.batch.decoder import BatchDecoder
from test_sight_model import SIGHTED, some, stepped
from tiny import MODEL, random_weights
for model in (SIGHTED, MODEL):
    logits = stepped(BatchDecoder(random_weights(model)), *some(37, 60))
    print(hashlib.sha256(logits.tobytes()).hexdigest())
"""


@pytest.fixture
def package(tmp_path):
    """A package of this name with the real compilers, an entry, its part in another file, a constant."""
    module = jit.__name__.removeprefix("nitograph.")
    folder = tmp_path / "src" / "nitograph"
    place = folder.joinpath(*module.split(".")).with_suffix(".py")
    place.parent.mkdir(parents=True)
    for path in (folder, *place.relative_to(folder).parents):
        (folder / path / "__init__.py").touch()
    shutil.copy(jit.__file__, place)
    (folder / "entry.py").write_text(ENTRY.format(m=module))
    (folder / "part.py").write_text(PART.format(m=module))
    (folder / "facts.py").write_text("ADDED = 1.0\n")
    return folder


def call(package, script=CALL, **more):
    """What the entry gives in a process of its own, then how often the cache had it and had it not."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    environment = clean | {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"} | more
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    value, hits, misses = done.stdout.split()
    return float(value), int(hits), int(misses)


def kept(package, ending):
    """Files of the cache."""
    return list(package.rglob(f"*.{ending}"))


def test_an_edit_of_a_part_takes_effect(package):
    """A part in another file, and a constant that it imports, are in the stamp; no old code piles up."""
    assert call(package) == (2.0, 0, 1)
    assert call(package) == (2.0, 1, 0)
    part = package / "part.py"
    part.write_text(part.read_text().replace("x + ADDED", "x - ADDED"))
    assert call(package) == (0.0, 0, 1)
    (package / "facts.py").write_text("ADDED = 5.0\n")
    assert call(package) == (-4.0, 0, 1)
    assert call(package) == (-4.0, 1, 0)
    assert len(kept(package, "nbi")) == len(kept(package, "nbc")) == 1


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_cut_file_is_made_again(package, ending, share):
    """An empty or truncated index or code file is compiled and cached again."""
    call(package)
    for path in kept(package, ending):
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert call(package) == (2.0, 0, 1)
    assert call(package) == (2.0, 1, 0)


@pytest.mark.parametrize(
    "change",
    [
        "del caching.FunctionCache",
        "caching.FunctionCache = type('Other', (), {'__init__': lambda self: None})",
        "caching.FunctionCache = type('Other', (), {'__init__': lambda self, function: None})",
        "del codegen.CPUCodeLibrary",
        "codegen.CPUCodeLibrary = type('Other', (), {})",
        "del cpu.CPUContext",
        "cpu.CPUContext = type('Other', (), {})",
    ],
)
def test_with_other_inner_parts_of_numba(package, change):
    """With a Numba whose inner parts are missing or others, loops are compiled and cached its own way."""
    entry = package / "entry.py"
    ours = "import jit\n"  # after which Numba gets its own again
    parts = "caching.FunctionCache, codegen.CPUCodeLibrary, cpu.CPUContext"
    text = entry.read_text().replace(ours, f"{ours}{parts} = kept\n")
    entry.write_text(f"from numba.core import caching, codegen, cpu\nkept = {parts}\n{change}\n{text}")
    assert call(package) == (2.0, 0, 1)
    assert call(package) == (2.0, 1, 0)


def test_loading_needs_no_linear_algebra(package):
    """SciPy's is imported when Numba asks for it, as for a function that calls it, and not before."""
    assert call(package, WITH_BLAS) == (2.0, 0, 1)


def symbols(code: bytes) -> list[tuple[str, bool]]:
    """Functions that an object file of ELF defines: their names, and whether others may replace them."""
    assert code[:6] == b"\x7fELF\x02\x01"
    at, size, count = *struct.unpack_from("<Q", code, 40), *struct.unpack_from("<HH", code, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", code, at + number * size) for number in range(count)]
    found = []
    for _, kind, _, _, first, length, link, *_ in sections:
        for place in range(first, first + length, 24) if kind == 2 else ():
            name, info, _, section, _, _ = struct.unpack_from("<IBBHQQ", code, place)
            if info & 15 == 2 and section:
                start = sections[link][4] + name
                found.append((code[start : code.index(0, start)].decode(), info >> 4 == 2))
    return found


def objects(folder: Path) -> list[bytes]:
    """The machine code of all functions in a cache."""
    kept = [path.read_bytes() for path in sorted(folder.rglob("*.nbc"))]
    return [data[data.index(b"\x7fELF") :] for data in kept]


def test_code_calls_its_own_parts(package):
    """Compiled here or loaded, a function calls the copy of a part that was optimized with it."""
    terms = " + ".join(f"math.sin(x + {number})" for number in range(80))
    module = jit.__name__.removeprefix("nitograph.")
    (package / "part.py").write_text(LONG.format(m=module, terms=terms))
    (package / "entry.py").write_text(
        ENTRY.format(m=module).replace("part(x)", "part(x) + part(2 * x) + part(3 * x)")
    )
    assert call(package, MARKED) == (3 * 4.8125, 0, 1)
    assert call(package, MARKED) == (3 * 4.8125, 1, 0)
    if sys.platform == "linux":
        (code,) = objects(package)
        defined = symbols(code)
        assert sum("part" in name for name, _ in defined) == 1  # not inlined, or this would show nothing
        assert not [name for name, weak in defined if weak]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="object files of ELF")
def test_compiled_and_loaded_code_are_the_same(tmp_path):
    """The batch decoder's logits to the last bit; no function in its code can be taken for another's."""
    pieces = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    script = LOGITS.format(tests=str(Path(__file__).parent))
    first, second = (
        subprocess.run([sys.executable, "-c", script], env=pieces, capture_output=True, check=True).stdout
        for _ in range(2)
    )
    assert first == second
    defined = [symbol for code in objects(tmp_path) for symbol in symbols(code)]
    assert len(defined) > 20
    assert not [name for name, weak in defined if weak]


def test_an_interrupt_inside_llvm(package):
    """Ctrl-C whenever LLVM calls back, while it makes code and while it loads some, is raised after it.

    Raised inside, it would be dropped, and the function would be called at address 0.
    """
    assert call(package, STOPPED)[0] == 2.0
    assert call(package, STOPPED)[0] == 2.0
    assert call(package) == (2.0, 1, 0)


def test_no_folder_for_the_cache(package, tmp_path):
    """Where no folder can be written, each process compiles for itself."""
    blocked = tmp_path / "file"
    blocked.touch()
    (package / "__pycache__").touch()  # a file in the folder's place stops root as well
    home = {"HOME": str(blocked), "XDG_CACHE_HOME": str(blocked), "LOCALAPPDATA": str(blocked)}
    for _ in range(2):
        assert call(package, **home)[0] == 2.0
    assert not kept(tmp_path, "nbc")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_full_disk(package):
    """What cannot be written is not cached, and the work continues."""
    hook = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    (package / "entry.py").write_text(hook + (package / "entry.py").read_text())
    assert call(package)[0] == 2.0
    assert not kept(package, "nbc")


def test_the_stamp_is_of_what_is_compiled(tmp_path):
    """Kernels are in this package's stamp; a module that nothing compiled imports is not."""
    folder = tmp_path / "nitograph"
    shutil.copytree(
        Path(nitograph.__file__).parent, folder, ignore=shutil.ignore_patterns("data", "__pycache__")
    )
    before = stamp(folder)
    with (folder / "cli" / "__init__.py").open("a") as file:
        file.write("# another line\n")
    stamp.cache_clear()
    assert stamp(folder) == before
    kernels = [path for path in folder.rglob("*.py") if "\n@inner\n" in path.read_text()]
    assert len(kernels) > 3
    for path in kernels:
        path.write_text(path.read_text() + "# another line\n")
        stamp.cache_clear()
        assert stamp(folder) != before
        before = stamp(folder)
    stamp.cache_clear()
