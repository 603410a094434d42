"""Texts that readers and tokenizers disagree about, and what makes more of them."""

from hypothesis import strategies as st

TRICKY = [
    "", " ", "\n", "a", "\x00", "a\x00b", "\x7f", "\x0b", "a\x1cb \x7f", "\x85x\xa0y", "\ud800",
    "x\udfff?", "don't NOT Never CAN'T shouldn't", "1 22 333 4444 55555a6", "٣٤ 12 ९९ 1٣",
    "x\n(A) y\nB. z\n(J: q\n", "\n(A", "\n", "\nA", "a\n", "a\r\n\tb\n b", 'x": y", "', '"',
    '":', "```", "``", "` ``", "'``", "'```'", "[SEP] [CLS]", "z" * 99, "z" * 100, "z" * 101,
    "Z" * 300, "é" * 120, "-" * 8, "-" * 7, "=" * 4096, "a" + "=" * 8,
    "\u3000中文字\u2028テスト 한국어\u1680x", "\u2009a\u200ab\u200bc\u202fd\u205fe", "🙂👩‍👩‍👧 🇩🇪",
    "ⓐ ½ № ﬁ İı ẞß", "e\u0301 \u0301e", "\U0010ffff", "\ufffd?\ufffd", "a " * 600,
    "ab\u00a0" * 700, "one two\u00a0 \u00a0 " * 130, "word " * 128 + "x" * 400,
    "word " * 129 + "x" * 400, "é " * 2000,
]  # fmt: skip

_LETTERS = st.sampled_from(
    [
        [chr(code) for code in range(128)],
        list(" \n\t\"':,`.()[]AJ09-=_*#~+$^/;don'tNOT"),
        list("aé\u00a0\u2003\u3000\u0085\u2028٣9中🙂\ud800 \x1c\x0b\u0301-=\n"),
    ]
)
TEXTS = st.builds(
    lambda piece, times: piece * times,
    st.text(max_size=40) | _LETTERS.flatmap(lambda letters: st.text(letters, max_size=60)),
    st.sampled_from([1, 1, 1, 9, 70, 300]),
)
"""Any Unicode with lone surrogates, of up to some ten thousand characters."""
