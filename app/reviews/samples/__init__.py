"""Sample data, and the function that imports them into an empty store."""

from app.reviews.bootstrap import load_samples

__all__ = ["load_samples"]
