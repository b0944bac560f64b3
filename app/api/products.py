"""Products: what can be asked about."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request

from app.api.problems import LIMITED, UNAVAILABLE
from app.api.schemas import CLEAN, FactorOut, Problem, ProductOut, ProductPage
from app.api.services import Current

router = APIRouter(prefix="/api/products", tags=["products"], responses=UNAVAILABLE)


@router.get("")
def products(services: Current) -> list[ProductOut]:
    """Every product in the store."""
    return [ProductOut.model_validate(product) for product in services.repository.products()]


@router.get("/{product_id}", responses={404: {"model": Problem}, **LIMITED})
def product_page(product_id: Annotated[str, CLEAN], services: Current, request: Request) -> ProductPage:
    """One product with its factors, and the id of this visit."""
    services.starts.admit(request)
    corpus, visit_id = services.engine.visit(product_id)
    return ProductPage(
        **ProductOut.model_validate(corpus.product).model_dump(),
        factors=[FactorOut.model_validate(factor) for factor in corpus.factors],
        visit_id=visit_id,
    )
