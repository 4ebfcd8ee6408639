"""A code as a picture for a camera, two rows of squares in each line of text. Pure.

Light squares are drawn and dark ones left out, which is right on a dark screen; cameras read it on a
light one too.
"""

from typing import Final

import segno

QUIET: Final = 2  # light squares around it
_HALVES: Final = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}  # dark is 1: (upper, lower)


def picture(text: str, columns: int) -> str:
    """The lines of the picture; empty where the screen is too narrow for it."""
    code = segno.make_qr(text.upper(), error="l")
    rows = [[int(bool(square)) for square in row] for row in code.matrix_iter(border=QUIET)]
    if len(rows[0]) > columns:
        return ""
    below = [*rows[1::2], [0] * len(rows[0])]
    pairs = zip(rows[::2], below, strict=False)
    return "\n".join("".join(_HALVES[each] for each in zip(*pair, strict=True)) for pair in pairs)
