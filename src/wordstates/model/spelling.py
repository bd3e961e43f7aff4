"""How a tokenizer spells its pieces, and which is its unknown one, from its files and not from its name."""

from __future__ import annotations

import json
from typing import Any

from wordstates.text.pieces import SurfaceStyle


def surface_style(tokenizer: Any) -> SurfaceStyle:
    """Tell how a tokenizer spells its pieces, from its decoder or, for slow ones, from its vocabulary."""
    if not tokenizer.is_fast:
        if type(tokenizer).__name__ in ("ByT5Tokenizer", "PerceiverTokenizer"):
            return "bytes"
        return _style_of_pieces(vocabulary(tokenizer))
    parts = json.loads(tokenizer.backend_tokenizer.to_str())
    written = json.dumps([parts.get("decoder"), parts.get("pre_tokenizer")])
    if '"ByteLevel"' in written:
        return "byte_level"
    if '"WordPiece"' in written:
        return "wordpiece"
    return (
        "sentencepiece"
        if "▁" in json.dumps(parts.get("decoder"), ensure_ascii=False)
        or "▁" in json.dumps([parts.get("normalizer"), parts.get("pre_tokenizer")], ensure_ascii=False)
        else "plain"
    )


def _style_of_pieces(pieces: dict[str, int]) -> SurfaceStyle:
    """Take the mark that most pieces have: a vocabulary of tweets has pieces such as ``##`` without meaning it."""
    marked: dict[SurfaceStyle, int] = {
        "plain": sum(piece.endswith("@@") and len(piece) > 2 for piece in pieces),
        "sentencepiece": sum(piece.startswith("▁") and len(piece) > 1 for piece in pieces),
        "wordpiece": sum(piece.startswith("##") and len(piece) > 2 for piece in pieces),
    }
    return max(marked, key=lambda style: marked[style])


def unknown_id_of(tokenizer: Any) -> int | None:
    """Find the id of the unknown piece; where no config names it, as beside a lone `tokenizer.json`, the model does."""
    found: int | None = tokenizer.unk_token_id
    if found is not None or not tokenizer.is_fast:
        return found
    backend = tokenizer.backend_tokenizer
    if hasattr(backend.model, "unk_token"):
        found = backend.token_to_id(backend.model.unk_token or "")
    else:
        found = json.loads(backend.to_str())["model"].get("unk_id")
    return found


def tokens_in_texts(tokenizer: Any, *, splits_special: bool) -> list[str]:
    """Give the added tokens that are one subword where a text writes them.

    Letters and white space alone are left out: they say nothing of where a word begins or ends.

    Args:
        tokenizer: The tokenizer.
        splits_special: Special tokens are read as text; slow tokenizers then split the other added tokens too.
    """
    added = tokenizer.added_tokens_decoder.values()
    whole = [token for token in added if not (splits_special and (token.special or not tokenizer.is_fast))]
    named = [] if splits_special else [str(token) for token in tokenizer.all_special_tokens]
    found = {str(token) for token in whole} | set(named)
    return sorted(token for token in found if not token.isalnum() and not any(char.isspace() for char in token))


def vocabulary(tokenizer: Any) -> dict[str, int]:
    """Give the vocabulary, empty for character tokenizers, which would list all of Unicode."""
    return {} if tokenizer.vocab_size > 1_000_000 else dict(tokenizer.get_vocab())
