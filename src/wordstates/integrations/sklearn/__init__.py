"""For scikit-learn: texts, or words in texts, to features."""

from __future__ import annotations

from wordstates.integrations.sklearn.vectorizer import WordVectorizer, clear_caches

__all__ = ["WordVectorizer", "clear_caches"]
