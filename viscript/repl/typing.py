"""What helps while a line is typed: candidates, a grey hint, keys."""

from collections.abc import AsyncGenerator, Callable, Iterable

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import has_completions, is_searching
from prompt_toolkit.formatted_text import fragment_list_width
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.search import accept_search

from viscript.repl.link import NOTHING, Completions
from viscript.repl.link import Completer as Source
from viscript.repl.toolbar import Status


class LiveCompleter(Completer):
    """Verbs and live operands, as the daemon knows them now."""

    def __init__(self, source: Source, own_words: Callable[[], Iterable[str]]) -> None:
        self._source = source
        self._own_words = own_words

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Nothing: the daemon is asked without blocking the keys."""
        return ()

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Candidates for the word before the cursor."""
        text, cursor = document.text, document.cursor_position
        before = document.text_before_cursor
        if " " not in before:
            for word in self._own_words():
                if before and word.startswith(before):
                    yield Completion(word, -len(before), display_meta="alias")
        found = await self._source.ask(text, cursor)
        for item in found.items:
            start = min(item.start, cursor) - cursor
            yield Completion(item.text, start, display=item.display, display_meta=item.meta)


def complete_now(buffer: Buffer, source: Source) -> None:
    """Insert what all candidates have in common, and show them if they are several.

    The keys wait for it: who types `pi`, Tab, ` 7` in one go must not find the Tab lost or late.
    """
    document = buffer.document
    items = source.ask_now(document.text, document.cursor_position).items
    if not items:
        return
    word = document.text_before_cursor[min(item.start for item in items) :]
    common = _common([item.text for item in items])
    if common.startswith(word):
        buffer.insert_text(common[len(word) :])
    if len(items) > 1:
        buffer.start_completion()


def _common(words: list[str]) -> str:
    """What all of them begin with."""
    first, last = min(words), max(words)
    length = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), None)
    return first[: len(first) if length is None else length]


class Hint(Processor):
    """Shows in grey what the verb still expects, behind the end of the line."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = ""
        self._known: Completions = NOTHING

    def changed(self, buffer: Buffer) -> None:
        """Ask for the hint of what stands there now."""
        text = buffer.text
        if text.strip():
            get_app().create_background_task(self._fetch(text))

    async def _fetch(self, text: str) -> None:
        app = get_app()
        if app.current_buffer.text != text:
            return  # typed on meanwhile
        known = await self._source.ask(text, len(text))
        self._text, self._known = text, known
        app.invalidate()

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """The line, with the hint behind it where there is room."""
        document = transformation_input.document
        fragments = transformation_input.fragments
        hint = self._known.hint if document.text == self._text else ""
        buffer = get_app().current_buffer
        last = transformation_input.lineno == document.line_count - 1
        if not hint or not last or buffer.suggestion or not document.is_cursor_at_the_end:
            return Transformation(fragments)
        gap = "" if document.text.endswith(" ") else " "
        room = transformation_input.width - fragment_list_width(fragments) - len(gap) - 2
        if room < len(hint):
            return Transformation(fragments)
        return Transformation([*fragments, ("class:auto-suggestion", gap + hint)])


def keys(status: Status, source: Source) -> KeyBindings:
    """Keys beside the usual ones."""
    bindings = KeyBindings()

    @bindings.add("tab", filter=~has_completions)
    def _complete(event: KeyPressEvent) -> None:
        complete_now(event.current_buffer, source)

    @bindings.add("enter", filter=is_searching)
    def _run_found(event: KeyPressEvent) -> None:
        accept_search()
        event.app.current_buffer.validate_and_handle()

    @bindings.add("f4")
    def _toggle(event: KeyPressEvent) -> None:
        status.vi = not status.vi
        event.app.editing_mode = EditingMode.VI if status.vi else EditingMode.EMACS

    return bindings
