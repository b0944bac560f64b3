"""Where imported data stand in the store."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE IF NOT EXISTS products (
    category TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    category_name TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS factors (
    category TEXT NOT NULL REFERENCES products,
    factor_key TEXT NOT NULL,
    content TEXT NOT NULL,
    sample INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (category, factor_key)
);
CREATE TABLE IF NOT EXISTS questions (
    category TEXT NOT NULL REFERENCES products,
    question_id TEXT NOT NULL,
    content TEXT NOT NULL,
    sample INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (category, question_id)
);
CREATE TABLE IF NOT EXISTS reviews (
    category TEXT NOT NULL REFERENCES products,
    review_id TEXT NOT NULL,
    source TEXT NOT NULL,
    rating INTEGER NOT NULL,
    text TEXT NOT NULL,
    created_at TEXT NOT NULL,
    sample INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (category, review_id)
);
CREATE TABLE IF NOT EXISTS mentions (
    category TEXT NOT NULL,
    review_id TEXT NOT NULL,
    factor_key TEXT NOT NULL,
    label TEXT NOT NULL,
    strength REAL NOT NULL,
    excerpt TEXT NOT NULL,
    PRIMARY KEY (category, review_id, factor_key),
    FOREIGN KEY (category, review_id) REFERENCES reviews ON DELETE CASCADE
);
CREATE TABLE IF NOT EXISTS catalogue (
    place INTEGER PRIMARY KEY CHECK (place = 1),
    generation INTEGER NOT NULL
);
INSERT OR IGNORE INTO catalogue SELECT 1, coalesce(max(generation), 0) FROM products
"""
"""`sample` is 1 for a shipped row, 0 for the user's own. The catalogue's generation counts the changes of the
store, and never falls; a product's is the catalogue's at its last change, 0 until its first import ends."""
