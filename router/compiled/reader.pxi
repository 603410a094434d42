"""One pass over a text: what ``router.predict.reading`` gives, and the text features.

What is counted, and which feature follows from which counts, is said by tables that Python hands
over. Here are the loops. The bytes are a caller's, so every look at one is checked.
"""

STATISTICS = (
    "inked", "words", "looked_at", "distinct", "non_ascii", "numbers", "option_lines",
    "negations", "fence", "json_marks",
)
"""What features follow from, after the counts of bytes."""

cdef enum:
    INKED, WORDS, LOOKED_AT, DISTINCT, NON_ASCII, NUMBERS, OPTION_LINES, NEGATIONS, FENCE, JSON
    N_STATISTICS
    MOST_COLUMNS = 64

cdef struct Word:
    uint64_t hashed
    Py_ssize_t begin
    Py_ssize_t end


cdef class Reader:
    """Reads texts. Immutable after construction.

    Args:
        tables: See ``router.predict.reading_tables``.
        made: From a tuple to a ``Reading``.

    Raises:
        ValueError: the tables are of another release.
    """

    cdef int _starts[257]
    cdef int[::1] _columns, _above, _below
    cdef double[::1] _adds
    cdef Py_ssize_t _n_columns, _n_counts, _n_scripts, _long_bytes, _end_words
    cdef Py_ssize_t _space, _newline, _digit, _quote
    cdef double _most, _latin_units, _weight_units
    cdef Words _negations
    cdef object _made

    def __init__(self, tables, made):
        cdef Py_ssize_t byte
        self._made = made
        self._columns, self._adds = tables.columns, tables.adds
        for byte in range(257):
            self._starts[byte] = tables.starts[byte]
        self._above, self._below, self._most = tables.above, tables.below, tables.most_ratio
        self._n_columns, self._n_counts = tables.n_columns, tables.n_counts
        self._n_scripts = tables.n_scripts
        self._space, self._newline, self._digit = tables.space, tables.newline, tables.digit
        self._quote = tables.quote
        self._latin_units, self._weight_units = tables.units
        self._long_bytes, self._end_words = tables.long_bytes, tables.end_words
        self._negations = Words({word: 1 for word in tables.negations})
        highest = self._n_counts + N_STATISTICS
        fits = (
            tables.statistics == STATISTICS
            and self._n_counts + self._n_scripts + 3 == self._n_columns <= MOST_COLUMNS
            and len(tables.columns) == len(tables.adds) == tables.starts[256]
            and 0 <= min(tables.columns) <= max(tables.columns) < self._n_columns
            and len(tables.above) == len(tables.below)
            and 0 <= min(tables.above) <= max(tables.above) < highest
            and -1 <= min(tables.below) <= max(tables.below) < highest
            and sorted(tables.starts) == tables.starts
            and self._end_words > 0
        )
        if not fits:
            raise ValueError("tables of another release")

    def read(self, str text not None):
        """Return a text as read.

        Raises:
            UnicodeEncodeError: it holds a lone surrogate.
        """
        cdef bytes encoded = text.encode()
        cdef Bytes data = encoded
        cdef double sums[MOST_COLUMNS + N_STATISTICS]
        cdef double* stats = sums + self._n_counts  # once the columns behind them are taken out
        cdef Py_ssize_t n_chars = len(text), column, feature, n_words, n_numbers
        cdef Py_ssize_t n_counts = self._n_counts
        cdef double rare, latin, weight, below
        cdef bint is_ascii = n_chars == data.shape[0]

        self._count(data, sums)
        counts = [sums[column] for column in range(n_counts)]
        scripts = [sums[column] for column in range(n_counts, n_counts + self._n_scripts)]
        column = n_counts + self._n_scripts
        rare, latin, weight = sums[column], sums[column + 1], sums[column + 2]
        latin, weight = latin / self._latin_units, weight / self._weight_units
        for column in range(N_STATISTICS):
            stats[column] = 0.0

        n_numbers = _ascii_numbers(data) if sums[self._digit] else 0
        n_words = self._look_at_words(data, stats)
        stats[INKED] = n_chars - sums[self._space] - sums[self._newline]
        stats[WORDS] = n_words
        stats[NON_ASCII] = 0 if is_ascii else _characters_outside_ascii(data)
        stats[NUMBERS] = n_numbers if is_ascii else _numbers(data)
        if sums[self._newline]:
            stats[OPTION_LINES] = _option_lines(data)
        if sums[self._quote]:
            _quotes(data, stats)
        features = []
        for feature in range(self._above.shape[0]):
            if self._below[feature] < 0:
                features.append(log1p(sums[self._above[feature]]))
                continue
            below = sums[self._below[feature]]
            below = sums[self._above[feature]] / (below if below > 1.0 else 1.0)
            features.append(below if below < self._most else self._most)
        return self._made(
            (text, None, n_words, n_numbers, counts, scripts, rare, latin, weight, encoded, features)
        )

    cdef int _count(self, Bytes data, double* sums) except -1 nogil:
        """Add up what every byte adds to its columns."""
        cdef Py_ssize_t histogram[256]
        cdef Py_ssize_t at
        cdef int byte, entry
        for byte in range(256):
            histogram[byte] = 0
        for at in range(data.shape[0]):
            histogram[data[at]] += 1
        for at in range(self._n_columns):
            sums[at] = 0.0
        for byte in range(256):
            if histogram[byte]:
                for entry in range(self._starts[byte], self._starts[byte + 1]):
                    sums[self._columns[entry]] += self._adds[entry] * histogram[byte]
        return 0

    cdef Py_ssize_t _look_at_words(self, Bytes data, double* stats) except -1:
        """Look at all words, or those at both ends of a long text; return how many there are."""
        cdef Py_ssize_t n_words = 0, most = data.shape[0] // 2 + 1, begin = 0, end = 0, found = 0
        cdef bint is_long = False
        if data.shape[0] > self._long_bytes:
            n_words = _ascii_words(data)
            is_long = n_words > 2 * self._end_words
            if is_long:
                most = 2 * self._end_words
        cdef Word* words = <Word*>calloc(most, sizeof(Word))
        if words == NULL:
            raise MemoryError
        try:
            while not is_long or found < self._end_words:
                end = word_after(data, end, &begin)
                if begin == end:
                    break
                self._look_at(data, begin, end, &words[found], stats)
                found += 1
            stats[LOOKED_AT] = found
            begin = data.shape[0]
            while is_long and found < stats[LOOKED_AT] + self._end_words:
                begin = word_before(data, begin, &end)
                if begin == end:
                    break
                self._look_at(data, begin, end, &words[found], stats)
                found += 1
            stats[LOOKED_AT] = found
            stats[DISTINCT] = _distinct(data, words, found)
        finally:
            free(words)
        return n_words if is_long else found

    cdef int _look_at(
        self, Bytes data, Py_ssize_t begin, Py_ssize_t end, Word* word, double* stats
    ) except -1:
        cdef uint64_t hashed = self._negations.seed
        cdef Py_ssize_t at
        for at in range(begin, end):
            hashed = hash_more(hashed, data[at])
        word.hashed, word.begin, word.end = hashed, begin, end
        if end - begin <= self._negations.longest:
            stats[NEGATIONS] += self._negations.find(&data[begin], end - begin, hashed) >= 0
        return 0


cdef Py_ssize_t _distinct(Bytes data, const Word* words, Py_ssize_t n_words) except -1:
    """Count different words.

    Words that are told apart by their hashes only at the end, as an ill-meant text may hold, cost
    a look at each other; texts are too short for that to matter.
    """
    cdef Py_ssize_t room = 16, found = 0, one, at, size
    while room < 2 * n_words:
        room *= 2
    cdef const Word** seen = <const Word**>calloc(room, sizeof(Word*))
    if seen == NULL:
        raise MemoryError
    for one in range(n_words):
        at = (words[one].hashed ^ words[one].hashed >> 32) & (room - 1)
        size = words[one].end - words[one].begin
        while seen[at] != NULL:
            if (
                seen[at].hashed == words[one].hashed
                and seen[at].end - seen[at].begin == size
                and memcmp(&data[seen[at].begin], &data[words[one].begin], size) == 0
            ):
                break
            at = (at + 1) & (room - 1)
        else:
            seen[at] = &words[one]
            found += 1
    free(seen)
    return found


cdef Py_ssize_t _ascii_words(Bytes data) except -1 nogil:
    """Count the places where a word begins, white space being ASCII's."""
    cdef Py_ssize_t at, found = 0
    cdef bint was_space = True, is_space
    for at in range(data.shape[0]):
        is_space = data[at] < 0x80 and Py_UNICODE_ISSPACE(<Py_UCS4>data[at])
        found += was_space and not is_space
        was_space = is_space
    return found


cdef Py_ssize_t _ascii_numbers(Bytes data) except -1 nogil:
    """Count runs of ASCII digits."""
    cdef Py_ssize_t at, found = 0
    cdef bint was_digit = False, is_digit
    for at in range(data.shape[0]):
        is_digit = 48 <= data[at] <= 57
        found += is_digit and not was_digit
        was_digit = is_digit
    return found


cdef Py_ssize_t _numbers(Bytes data) except -1 nogil:
    """Count runs of decimal digits of any script."""
    cdef Py_ssize_t at = 0, found = 0, size, byte
    cdef bint was_digit = False, is_digit
    cdef uint32_t character
    while at < data.shape[0]:
        character = data[at]
        size = 1
        if character >= 0xC0:
            size = 2 if character < 0xE0 else 3 if character < 0xF0 else 4
            character &= 0x3F >> (size - 1)
            for byte in range(at + 1, at + size):
                character = (character << 6) | (data[byte] & 0x3F)
        is_digit = Py_UNICODE_ISDECIMAL(<Py_UCS4>character)
        found += is_digit and not was_digit
        was_digit = is_digit
        at += size
    return found


cdef Py_ssize_t _characters_outside_ascii(Bytes data) except -1 nogil:
    cdef Py_ssize_t at, found = 0
    for at in range(data.shape[0]):
        found += data[at] >= 0xC0
    return found


cdef Py_ssize_t _option_lines(Bytes data) except -1 nogil:
    r"""Count what the pattern ``\n\(?[A-J][.):]`` finds."""
    cdef Py_ssize_t at, letter, found = 0, size = data.shape[0]
    for at in range(size - 2):
        if data[at] != 10:
            continue
        letter = at + 1 + (data[at + 1] == 40)
        if letter + 1 < size and 65 <= data[letter] <= 74:
            found += data[letter + 1] in (46, 41, 58)
    return found


cdef int _quotes(Bytes data, double* stats) except -1 nogil:
    """Look for three backticks, and count double quotes before a colon or a comma."""
    cdef Py_ssize_t at, ticks = 0
    for at in range(data.shape[0]):
        if data[at] == 96:
            ticks += 1
            if ticks == 3:
                stats[FENCE] = 1.0
        else:
            ticks = 0
            if data[at] == 34 and at + 1 < data.shape[0] and data[at + 1] in (58, 44):
                stats[JSON] += 1.0
    return 0
