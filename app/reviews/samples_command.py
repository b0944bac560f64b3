"""The command `reviewlens samples`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import typer

from app.database import Database
from app.faults import explained
from app.reviews.importing import alone
from app.reviews.removal import Removed, remove
from app.reviews.repository import Repository
from app.reviews.rows import KINDS
from app.settings import AppSettings
from app.variables import warn_unknown

samples = typer.Typer(name="samples", add_completion=False, no_args_is_help=True)


@samples.callback()
def _samples() -> None:
    """The shipped sample reviews, factors and questions."""


@samples.command("remove")
def _remove() -> None:
    """Remove every sample from the store, for good; imported rows stay.

    A running API stops serving them at once. Dialogues about a removed product end.
    """
    warn_unknown()
    repository = Repository(Database(AppSettings.from_env().database))
    for line in _lines(repository, take_out(repository)):
        typer.echo(line)


def take_out(repository: Repository) -> Removed:
    """Take every sample out of the store; no later start brings them back."""
    path = repository.database.path
    with explained(path), alone(path), repository.database.transaction() as connection:
        # An earlier release may have put own rows beside samples: each category may have some of any kind.
        return remove(connection, [(category, kind) for category in repository.samples() for kind in KINDS])


def _lines(repository: Repository, removed: Removed) -> Iterator[str]:
    counts: dict[str, list[str]] = defaultdict(list)
    for (category, kind), number in removed.items():
        counts[category].append(f"{number} {kind}")
    for category, words in counts.items():
        product = repository.product(category)
        yield f"{category}: {', '.join(words)} removed" + ("" if product else "; the product is gone")
        if product and not repository.factors(category):
            yield f"{category}: {product.review_count} own reviews have no factors now; import a factors file"
    if not removed:
        yield "there are no samples in the store"
