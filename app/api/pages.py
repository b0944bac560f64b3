"""Where a browser lands."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

router = APIRouter()


@router.get("/", status_code=307, include_in_schema=False)
async def home() -> RedirectResponse:
    """The pages of the API; relative, to work behind a proxy's prefix too."""
    return RedirectResponse("docs")
