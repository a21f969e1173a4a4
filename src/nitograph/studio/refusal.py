"""What the studio answers when it will not do something: a status, a code for programs, a line for people.

This module knows nothing of HTTP beyond the number.

Try it: python -c "from nitograph.studio.refusal import *; print(RefusedError(404, 'no', 'none').body())"
"""

import json

MAX_MESSAGE = 500  # characters


class RefusedError(Exception):
    """An answer that is an error: HTTP status, code and a message in one line."""

    def __init__(self, status: int, code: str, message: str) -> None:
        line = " ".join(message.split())
        super().__init__(line)
        self.status, self.code = status, code
        self.message = line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 1]}…"

    def __reduce__(self) -> tuple[type["RefusedError"], tuple[int, str, str]]:
        """For the way between processes."""
        return RefusedError, (self.status, self.code, self.message)

    def record(self) -> dict[str, object]:
        """As JSON values."""
        return {"error": {"code": self.code, "message": self.message}}

    def body(self) -> bytes:
        """As JSON text."""
        return json.dumps(self.record(), ensure_ascii=False).encode("utf-8", "replace")
