"""Lessons gathered ahead: while a GPU works at one step, the processor looks at the threads of the next.

What is gathered is the same as if it were gathered in its turn. Lessons of the network's own walks wait for
their turn, since they need the weights of the step before. This module computes no losses.

Try it: python -c "from nitograph.training.ahead import Ahead; help(Ahead)"
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from nitograph.training.objective import Lesson, Objective
from nitograph.training.steps import Task, gather


class Ahead:
    """The tasks of steps with their lessons. early: gather the next step's while this one is worked at."""

    def __init__(self, task_of: Callable[[int], Task], objective: Objective, *, early: bool) -> None:
        self.task_of, self.objective, self.early = task_of, objective, early
        self._pool: ThreadPoolExecutor | None = None
        self._next: tuple[int, Task, Future[Lesson] | None] | None = None

    def take(self, step: int) -> tuple[Task, Lesson]:
        """The task of a step and its lesson."""
        if self._next and self._next[0] == step:
            _, task, future = self._next
            lesson = future.result() if future else gather(self.objective, task)
        else:
            task = self.task_of(step)
            lesson = gather(self.objective, task)
        if self.early:
            self._begin(step + 1)
        return task, lesson

    def _begin(self, step: int) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1)
        task = self.task_of(step)
        future = None if task.own_walk else self._pool.submit(gather, self.objective, task)
        self._next = step, task, future
