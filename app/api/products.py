"""Products: what can be asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Request

from app.api.problems import LIMITED, UNAVAILABLE
from app.api.schemas import CLEAN, FactorOut, Problem, ProductOut, ProductPage
from app.api.services import Current
from app.reviews.models import Product
from app.reviews.rows import Kind

router = APIRouter(prefix="/api/products", tags=["products"], responses=UNAVAILABLE)


@router.get("")
def products(services: Current) -> list[ProductOut]:
    """Every product in the store."""
    samples = services.repository.samples()
    return [
        _shown(product, samples.get(product.product_id, ())) for product in services.repository.products()
    ]


@router.get("/{product_id}", responses={404: {"model": Problem}, **LIMITED})
def product_page(product_id: Annotated[str, CLEAN], services: Current, request: Request) -> ProductPage:
    """One product with its factors, and the id of this visit."""
    services.starts.admit(request)
    corpus, visit_id = services.engine.visit(product_id)
    return ProductPage(
        **_shown(corpus.product, corpus.samples).model_dump(),
        factors=[FactorOut.model_validate(factor) for factor in corpus.factors],
        visit_id=visit_id,
    )


def _shown(product: Product, samples: Sequence[Kind]) -> ProductOut:
    return ProductOut.model_validate(product).model_copy(update={"samples": list(samples)})
