"""To which category a row belongs: by its own word, by its factor, or by the name of its file."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from app.reviews.files import BadFileError
from app.reviews.ledger import Ledger
from app.reviews.models import Factor, Question
from app.reviews.rows import BadRowError, Fault

_WHEN = re.compile(r"(_\d{4,14}){1,2}$")


def source(path: Path) -> str:
    """The file's name without the date at its end: a later export of the source has the same."""
    return _WHEN.sub("", path.stem)


def by_name(path: Path, known: Collection[str]) -> str:
    """The longest known key in the file's name. BadFileError names the known keys."""
    name = path.stem.casefold()
    fitting = [key for key in known if key.casefold() in name]
    if not fitting:
        raise BadFileError(
            f"no known category in the file name; {_known(known)}. "
            "Name it reviews_<source>_<brand>_<category>_<date>_<time>, or say --category"
        )
    return max(fitting, key=lambda key: (len(key), name.rfind(key.casefold()), key))


def given(category: str, known: Collection[str]) -> str:
    """The category that was asked for. BadFileError names the known keys."""
    if category not in known:
        raise BadFileError(f"category {category!r} is not known; {_known(known)}")
    return category


def of_question(question: Question, ledger: Ledger, wanted: str | None) -> str:
    """The category of the question's factor. BadRowError where there is none, or more than one."""
    fitting = [factor.category for factor in ledger.factors() if _asks_about(question, factor)]
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
