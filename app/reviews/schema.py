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
    PRIMARY KEY (category, factor_key)
);
CREATE TABLE IF NOT EXISTS questions (
    category TEXT NOT NULL REFERENCES products,
    question_id TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (category, question_id)
);
CREATE TABLE IF NOT EXISTS reviews (
    category TEXT NOT NULL REFERENCES products,
    review_id TEXT NOT NULL,
    source TEXT NOT NULL,
    rating INTEGER NOT NULL,
    text TEXT NOT NULL,
    created_at TEXT NOT NULL,
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
)
"""
