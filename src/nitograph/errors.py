"""Every error that Nitograph raises on purpose.

    NitographError
    ├── SettingsError      a setting out of its range, or settings that exclude each other
    ├── ThreadError        nails that are not a valid thread on their board
    ├── SourceError        a picture, a data set or a class that cannot be read or found
    ├── FileError          a file that cannot be read, written, or is not what it should be
    ├── WeightsError       weights or a checkpoint that do not fit
    ├── SamplingError      the model's output does not make a thread
    └── ProcessError       a process that shares the work has ended, or cannot be reached

A message is one line: the rule, what came, what to do. The command line prints it and exits with 1.
Try it: python -m nitograph render no-such-file.json
"""


class NitographError(Exception):
    """Base of all the errors above; catching it catches them all."""


class SettingsError(NitographError):
    """A setting out of its range, or settings that exclude each other."""


class ThreadError(NitographError):
    """Nails that are not a valid thread on their board."""


class SourceError(NitographError):
    """A picture, a data set or a class that cannot be read or found."""


class FileError(NitographError):
    """A file that cannot be read or written, or is not what it should be."""


class WeightsError(NitographError):
    """Weights or a checkpoint that cannot be used here."""


class SamplingError(NitographError):
    """The model's output does not make a thread."""


class ProcessError(NitographError):
    """A process that shares the work has ended, or cannot be reached."""
