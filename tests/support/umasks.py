"""The process's umask, for a block.

with umask(0):
    path.write_text("anybody may write here")
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Until the block ends."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
