"""The slowest tests, which `make test-fast` leaves out: slow.txt names them, made from measured times.

Anew: python -m pytest --junitxml times.xml; python tests/slow.py times.xml. It lists the functions, their
cases together, without which the rest takes LEFT seconds. A test marked slow is slow anyway.
"""

import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

LIST = Path(__file__).with_name("slow.txt")
LEFT = 55.0  # s of all tests that stay, one after another
FOLLOWING = ("test_cli_pipeline.py",)  # whose tests use what those before them made: all stay, or none


def listed() -> list[str]:
    """The names of slow tests, as test_x.py::test_y."""
    return LIST.read_text(encoding="utf-8").split()


def name_of(nodeid: str) -> str:
    """test_x.py::test_y of a test's id, without its parameters."""
    path, _, rest = nodeid.partition("::")
    return f"{Path(path).name}::{rest.partition('[')[0]}"


def slowest(times: Path) -> list[str]:
    """The functions to leave out, by a run's JUnit file."""
    spent: dict[str, float] = defaultdict(float)
    names: dict[str, set[str]] = defaultdict(set)
    for case in ElementTree.parse(times).getroot().iter("testcase"):
        module = str(case.get("classname")).split(".")[1] + ".py"
        name = name_of(f"{module}::{case.get('name')}")
        unit = module if module in FOLLOWING else name
        spent[unit] += float(case.get("time") or 0)
        names[unit].add(name)
    left, found = sum(spent.values()), set[str]()
    for unit in sorted(spent, key=lambda each: -spent[each]):
        if left < LEFT:
            break
        left -= spent[unit]
        found |= names[unit]
    return sorted(found)


if __name__ == "__main__":
    names = slowest(Path(sys.argv[1]))
    LIST.write_text("\n".join(names) + "\n", encoding="utf-8")
    print(f"{LIST.name}: {len(names)} functions")
