"""ReviewLens: a dialogue that keeps a shopper from regret."""

__version__ = "0.1.0"
