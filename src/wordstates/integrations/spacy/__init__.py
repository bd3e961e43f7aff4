"""For spaCy: a pipeline component, ``nlp.add_pipe("wordstates")``, found by its entry point."""

from __future__ import annotations

from wordstates.integrations.spacy.component import WordstatesPipe, make_component

__all__ = ["WordstatesPipe", "make_component"]
