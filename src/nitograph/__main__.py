"""`python -m nitograph` is the `nitograph` command."""

from nitograph.cli import entry

if __name__ == "__main__":
    entry()
