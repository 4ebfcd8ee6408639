from tests.support.verbs import Sink
from viscript.render.writer import PIECE, FormatWriter
from viscript.verbs.table import Terminal, Verb

VERB = Verb(name="x", summary="x", line_of=lambda row: f"<{row}>")


async def test_long_text_goes_out_in_pieces() -> None:
    sink = Sink()
    await FormatWriter(sink, VERB, "table", Terminal(ascii=False)).out("x" * (2 * PIECE + 1))
    assert [len(text) for text in sink.outs] == [PIECE, PIECE, 1]


async def test_rows_are_written_in_the_callers_format() -> None:
    sink = Sink()
    await FormatWriter(sink, VERB, "table", Terminal()).row("é")
    await FormatWriter(sink, VERB, "jsonl", Terminal()).row("é")
    assert sink.outs == ["<\\xe9>\n", '"\\u00e9"\n']


async def test_errors_go_to_the_other_stream() -> None:
    sink = Sink()
    await FormatWriter(sink, VERB, "table", Terminal()).err("é")
    assert (sink.outs, sink.errs) == ([], ["\\xe9"])
