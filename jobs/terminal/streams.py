"""Where output goes: what stands behind stdout and stderr may be closed, full, gone, or know few characters.

A verb that works ends with the code of its work, whoever listens. For a verb whose product is what it prints, output
that is not taken is a failure.
"""

from __future__ import annotations

import errno
import io
import sys

from jobs.terminal.exit_codes import FAILED
from jobs.terminal.output import say


class OutputLostError(Exception):
    """What a verb was called for cannot be printed."""


class StandardStream(io.FileIO):
    """A standard stream. It remembers the first error, and takes what comes after it without a word."""

    is_product = False
    """Whether the verb is called for what it prints here."""

    def __init__(self, descriptor: int) -> None:
        """Take stdout's or stderr's number."""
        super().__init__(descriptor, "w", closefd=False)
        self.error: OSError | None = None

    def write(self, data: object, /) -> int:
        """Write, or pretend to.

        Raises:
            OutputLostError: the product cannot be written.
        """
        if self.error is None:
            try:
                return super().write(data) or 0  # type: ignore[arg-type]
            except OSError as error:
                self.error = error
        if self.is_product:
            raise OutputLostError
        return memoryview(data).nbytes  # type: ignore[arg-type]

    def as_text(self, encoding: str) -> io.TextIOWrapper:
        """The stream for text; characters that its encoding lacks are written as escapes."""
        by_line = self.isatty() or self.fileno() == 2
        return io.TextIOWrapper(io.BufferedWriter(self), encoding, "backslashreplace", line_buffering=by_line)


def product_is_printed() -> None:
    """Say that the verb at work is called for what it prints."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, StandardStream):
        raw.is_product = True


def take_standard_streams() -> StandardStream:
    """Let all that this process prints go through streams of this kind; returns stdout's."""
    out, err = StandardStream(1), StandardStream(2)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout, sys.stderr = out.as_text(encoding), err.as_text(encoding)
    return out


def code_after_output(code: int, stdout: StandardStream) -> int:
    """The exit code of a verb that ended with `code`, when all that it printed has been written or not."""
    is_product, stdout.is_product = stdout.is_product, False
    sys.stdout.flush()
    write_error = stdout.error
    if write_error is None or write_error.errno == errno.EPIPE:  # `tenfold ls | head`: nothing is wrong
        return code
    if is_product:
        say(
            f"Expected to write to stdout, got: {write_error.strerror}. What was printed is not whole.",
            level="error",
        )
        return code or FAILED
    if write_error.errno != errno.EBADF:  # `>&-` is what somebody wanted
        say(
            f"Expected to write to stdout, got: {write_error.strerror}. What was printed is not whole; the work is."
        )
    return code
