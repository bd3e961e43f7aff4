"""Texts that break tokenizers, as a hypothesis strategy: what people paste, scrape and generate."""

# ruff: noqa: E501 (a table)

from __future__ import annotations

from hypothesis import strategies as st

# Pieces that are troublesome together more than alone.
FRAGMENTS = [
    "fox", "The", "unbelievable", "don't", "well-known", "3.14", "e.g.", "U.S.", "snake_case", "C++",
    " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u2009", "\u3000", "\x00", "\x07", "\x1b[0m", "\ufeff", "\u200b", "\u200d",
    "é", "e\u0301", "ñ", "n\u0303", "\u0301", "a\u0323\u0307", "Å", "ﬁn", "½", "①", "ＡＢＣ", "ß", "İ", "ǅ", "ſ", "…", "“", "—", "´",
    "👩‍👧", "🏳️‍🌈", "🇩🇪", "👍🏽", "1️⃣", "❤️", "😀", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "שָׁלוֹם", "עברית", "العربية", "مُحَمَّد", "\u202bאב\u202c", "你好", "東京大学", "カタカナ", "ひらがな", "ｶﾞ", "한국어", "가", "สวัสดี", "नमस्ते", "क्ष",
    "Привет", "Ελλάδα", "▁", "##ing", "Ġ", "</w>", "<unk>", "[SEP]", "</s>", "<0xE4>", "@@", "𝒳", "𠮷", "\u00ad", "\u2028", "\x85",
]  # fmt: skip

characters = st.characters(codec="utf-8")  # any code point but half a surrogate pair
fragments = st.one_of(st.sampled_from(FRAGMENTS), characters)
texts = st.lists(fragments, max_size=12).map("".join)
