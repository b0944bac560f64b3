"""The category of a row: from its own column, its factor, or its file's name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from app.reviews.files import Contents, ImportProblem
from app.reviews.ledger import ImportLedger, Key, Record, Value
from app.reviews.models import Factor, Question
from app.reviews.rows import BadFileError, BadRowError, Fault
from app.reviews.spelling import clean

# A date as exports write it, perhaps with a time: 20260131_093000, 2026-01-31T09.30, 31.1.2026, 26-01-31.
_GAP = r"[\s_.([-]+"
_DATE = r"(?:\d{1,2}([-_.])\d{1,2}\1\d{2,4}|\d{4})"
_REST = r"(?:[\d\s_.:+,TZh)\]-]|[AP]M|at|오전|오후|[년월일시분초])*"
_WHOLE_DATE = r"(?:19|20)\d\d([-_.]?)[01]\d\2[0-3]\d(?:[T_-]\d{4,6}Z?)?"
# What an export, a browser or a file manager adds to a name.
_ADDED = re.compile(
    rf"{_GAP}{_DATE}{_REST}$|{_GAP}{_WHOLE_DATE}(?=[\s_.)\]-])|^{_DATE}[\d\s_.:T-]*{_GAP}(?=\D)"
    rf"|\s*\(\d+\)$|{_GAP}(?:copy|복사본|사본)(?: \d+)?$",
    re.IGNORECASE,
)


@lru_cache
def source(name: str) -> str:
    """A file's name without its date or a copy's number: a later export of the source has the same."""
    name = clean(name)
    while (bare := _ADDED.sub("", name, count=1)) != name:
        name = bare
    return name


def by_name(path: Path, known: Collection[str]) -> str:
    """The longest known key in the file's name. BadFileError names the known keys."""
    name = clean(path.stem).casefold()
    fitting = [key for key in known if key.casefold() in name]
    if not fitting:
        raise BadFileError(
            f"no known category in the file name; {_known(known)}. "
            "Name it reviews_<source>_<brand>_<category>_<date>_<time>, or say --category"
        )
    return max(fitting, key=lambda key: (len(key), name.rfind(key.casefold()), key))


def given(category: str, known: Collection[str]) -> str:
    """The requested category. BadFileError names the known keys."""
    if (key := clean(category)) not in known:
        raise BadFileError(f"category {category!r} is not known; {_known(known)}")
    return key


def of_reviews(path: Path, ledger: ImportLedger, wanted: str | None) -> str:
    """The category of a reviews file: the requested one, or the one in its name. Raises BadFileError."""
    known = ledger.categories
    return by_name(path, known) if wanted is None else given(wanted, known)


def keyed(
    value: Value, ledger: ImportLedger, category: str | None, origin: str, sample: bool
) -> tuple[Key, Record]:
    """A row as the ledger takes it.

    `category`: a review's, or the one requested for a question. BadRowError: a question's category is
    unclear.
    """
    if isinstance(value, Factor):
        return Key("factors", value.category, value.factor_key), Record(value, sample=sample)
    if isinstance(value, Question):
        found = of_question(value, ledger, category, sample)
        return Key("questions", found, value.question_id), Record(value, sample=sample)
    return Key("reviews", str(category), value.review_id), Record(value, origin, sample)


class Keyed(NamedTuple):
    """A row of a file as the ledger takes it."""

    line: int
    key: Key
    record: Record


def keyed_rows(
    contents: Contents, ledger: ImportLedger, wanted: str | None = None
) -> Iterator[Keyed | ImportProblem]:
    """A file's rows, and the reasons for refused ones."""
    try:
        category = of_reviews(contents.path, ledger, wanted) if contents.kind == "reviews" else wanted
    except BadFileError as error:
        yield ImportProblem.of_file(contents.path, error)
        return
    origin = source(contents.path.stem)
    for row in contents.rows():
        if isinstance(row, ImportProblem):
            yield row
            continue
        try:
            yield Keyed(row.line, *keyed(row.value, ledger, category, origin, contents.sample))
        except BadRowError as error:
            yield ImportProblem.of_row(contents.path, row.line, error)


def of_question(question: Question, ledger: ImportLedger, wanted: str | None, sample: bool = False) -> str:
    """The category of the question's factor. A factor of the question's own origin (own or sample) comes
    first.

    BadRowError: no category has the factor, or more than one has.
    """
    marked = [(factor, mark) for factor, mark in ledger.marked_factors() if _asks_about(question, factor)]
    fitting = [factor.category for factor, mark in marked if mark == sample]
    fitting = fitting or [factor.category for factor, _ in marked]
    if wanted in fitting:
        return str(wanted)
    if not fitting:
        named = f"{question.factor_id!r} with factor_key {question.factor_key!r} is of no factor"
        raise BadRowError(Fault(named, "factor_id", "one from a factors file imported before or together"))
    if len(fitting) > 1:
        named = f"is in several categories: {', '.join(sorted(fitting))}"
        raise BadRowError(Fault(named, "factor_id", "the option --category, to choose one"))
    return fitting[0]


def _asks_about(question: Question, factor: Factor) -> bool:
    return (question.factor_id, question.factor_key) == (factor.factor_id, factor.factor_key)


def _known(known: Collection[str]) -> str:
    if not known:
        return "no category is known yet: import a factors file first"
    return f"known keys: {', '.join(sorted(known))}"
