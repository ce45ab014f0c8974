"""What pytest finds where this package is installed: an option and a fixture for the compatibility kit.

It imports neither torch nor the kit before a test asks for the fixture.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPTION = "--speechgraft-level"
# The names of `speechgraft.testing.LEVELS`, which needs hypothesis.
_LEVELS = ("quick", "standard", "thorough")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--speechgraft-level`."""
    group = parser.getgroup("speechgraft", "compatibility kit of speechgraft")
    group.addoption(
        OPTION,
        choices=_LEVELS,
        default=_LEVELS[0],
        help="how many cases of each property are drawn: %(choices)s (default: %(default)s)",
    )


@contextmanager
def _untraced() -> Iterator[None]:
    """Keep what torch notes of its tracing, hundreds of lines without a text, out of the log below a failure."""
    notes = logging.getLogger("torch.__trace")
    # It hands nothing on to other loggers, so pytest listens to it itself; who asks torch for a file still gets it.
    listening = [handler for handler in notes.handlers if type(handler).__module__ == "_pytest.logging"]
    for handler in listening:
        notes.removeHandler(handler)
    try:
        yield
    finally:
        for handler in listening:
            notes.addHandler(handler)


@pytest.fixture
def speechgraft_check(request: pytest.FixtureRequest) -> Callable[..., None]:
    """A property of the case of `speechgraft.testing.parametrize_with_checks`: call it to try it.

    It takes `level`, for a test that says its own whatever the command line says. Where the property does not
    hold, the test fails with a message that names it, the simplest case, and what to look at.
    """
    trial = getattr(request, "param", None)
    if trial is None:
        raise pytest.UsageError("speechgraft_check needs @speechgraft.testing.parametrize_with_checks(entries)")
    chosen = request.config.getoption(OPTION)
    # A failure that was expected need not be made simple, which takes a while.
    expected = request.node.get_closest_marker("xfail") is not None

    def check(level: str | None = None) -> None:
        found = None
        try:
            with _untraced():
                trial.run_at(level or chosen, shrink=not expected)
        except AssertionError as error:
            if error.__cause__ is not None:
                raise
            found = str(error)
        # Nothing but the message helps, unless somebody's code raised an error of its own. Out here it is told of once.
        if found is not None:
            pytest.fail(found, pytrace=False)

    return check
