"""A progress bar with the time left, on stderr; silent if stderr is not a terminal.

Try it: python -m nitograph prepare --samples 2000 --output a.npz
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nitograph.cli.streams import on_terminal

Advance = Callable[[int], None]


@contextmanager
def progress(title: str, total: int, *, done: int = 0) -> Iterator[Advance]:
    """Yield a function to be called with how many of `total` are done so far.

    done: how many were before, so that the time left is that of the others.
    """
    if not on_terminal():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total, completed=done)
        yield lambda count: bar.update(task, completed=count)
