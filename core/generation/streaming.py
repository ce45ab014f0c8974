"""Text as it appears: from settled tokens to what can be shown of them, and from a search to an iterator."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from torch import Tensor

from speechgraft.errors import InputError

if TYPE_CHECKING:
    from speechgraft.text import TextTokenizer

Item = TypeVar("Item")

Say = Callable[[int, str], None]
"""Called with a row and the text that is new in it."""


def said(tokens: Sequence[int], ends: Iterable[int]) -> tuple[int, ...]:
    """What stands before the first token that ends a text."""
    final = set(ends)
    return tuple(tokens[: next((place for place, token in enumerate(tokens) if token in final), len(tokens))])


class TextDeltas:
    """Turns the settled tokens of a batch into text: a `watch` of `generate`.

    A row's new text is told as soon as no further token can change it (see `TextTokenizer.settled`), so that what
    was told is never taken back. `finish` tells what was held back at the end.

    Args:
        tokenizer: Writes the tokens.
        say: Told of each row's new text.
        ends: Tokens that end a text, as `model.ends()` gives them.
        prompt: Tokens at the beginning of each row that belong to no text.
    """

    def __init__(self, tokenizer: TextTokenizer, say: Say, *, ends: Iterable[int] = (), prompt: int = 1) -> None:
        self._tokenizer = tokenizer
        self._say = say
        self._ends = frozenset(ends)
        self._prompt = prompt
        self._told: dict[int, str] = {}

    def __call__(self, row: int, ids: Tensor) -> None:
        """Tell what is new of a row. *Shapes:* `ids` (settled tokens,), the prompt included."""
        told = self._told.get(row, "")
        text = self._tokenizer.settled(self._tokens(ids))
        if not told.startswith(text):  # what was settled before can be more, at the end of a word
            self._tell(row, text)

    def finish(self, row: int, ids: Tensor) -> None:
        """Tell the rest of a row that is complete. *Shapes:* (tokens,), the prompt and filling included.

        Raises:
            InputError: The tokenizer wrote the end otherwise than it had settled.
        """
        self._tell(row, self._tokenizer.text(self._tokens(ids)))

    def _tokens(self, ids: Tensor) -> tuple[int, ...]:
        return said(ids.tolist()[self._prompt :], self._ends)

    def _tell(self, row: int, text: str) -> None:
        told = self._told.get(row, "")
        if not text.startswith(told):
            raise InputError(
                f"{type(self._tokenizer).__name__}.settled gave {told!r} for row {row}, but its tokens are written "
                f"{text!r}: it may give only what no further token changes"
            )
        self._told[row] = text
        if len(text) > len(told):
            self._say(row, text[len(told) :])


class Closed(BaseException):
    """Raised in the work behind `in_background` when nobody reads on; it is no error, and no `except` is to hold it."""


class Outlet(Generic[Item]):
    """Where work puts its items for a reader in another thread."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        self._closed = Event()

    def put(self, item: Item) -> None:
        """Hand an item over.

        Raises:
            Closed: Nobody reads on.
        """
        self.check()
        self._queue.put((True, item))

    def check(self) -> None:
        """Go on only if somebody reads.

        Raises:
            Closed: Nobody does.
        """
        if self._closed.is_set():
            raise Closed

    def rule(self, ids: Tensor, scores: Tensor) -> Tensor:
        """A logits processor that changes nothing and ends the search when nobody reads on.

        A beam search may take many steps until more tokens are settled; this is called on each.
        *Shapes:* (rows, tokens), (rows, vocabulary) to (rows, vocabulary).
        """
        self.check()
        return scores

    def _run(self, work: Callable[[Outlet[Item]], None]) -> None:
        try:
            work(self)
        except Closed:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised again where the items are read
            self._queue.put((False, error))
        else:
            self._queue.put((False, None))

    def _items(self, worker: Thread) -> Generator[Item, None, None]:
        worker.start()
        try:
            while True:
                is_item, value = self._queue.get()
                if is_item:
                    yield value
                elif value is None:
                    return
                else:
                    raise value
        finally:
            self._closed.set()
            worker.join()


def in_background(work: Callable[[Outlet[Item]], None]) -> Generator[Item, None, None]:
    """What `work` puts into its outlet, as it comes; it runs in a thread of its own from the first item asked for.

    What it raises is raised here. When the iterator is closed, the next `put`, `check` or `rule` of the outlet ends the
    work, and closing waits for that.
    """
    outlet: Outlet[Item] = Outlet()
    return outlet._items(Thread(target=outlet._run, args=(work,), name="speechgraft-stream"))
