"""One pass over a text: what ``router.predict.reading`` gives, and the text features.

What is counted, and which feature follows from which counts, is said by tables that Python hands
over. Here are the loops.
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
    MOST_ENTRIES = 2048
    MOST_FEATURES = 128

    MOST_CLASSES = 8  # of bytes of the same kinds
    BEFORE = MOST_CLASSES - 1  # class of what stands before a text

    # Kinds of bytes, of which one may have several.
    IS_SPACE = 1  # where ASCII texts are split
    IS_DIGIT = 2
    IS_LETTER = 4
    IS_MARK = 8
    IS_LINE_END = 16
    IS_BLANK = 32

cdef struct Places:
    Py_ssize_t words  # white space being ASCII's
    Py_ssize_t digits  # runs of them
    Py_ssize_t digit_groups
    Py_ssize_t marked_ends
    Py_ssize_t line_ends
    Py_ssize_t indents

cdef struct Found:
    double sums[MOST_COLUMNS + N_STATISTICS]  # counts of bytes, then statistics
    double scripts[MOST_COLUMNS]
    double rare
    double latin
    double weight
    double features[MOST_FEATURES]
    Places places
    Py_ssize_t n_words

cdef struct Entry:
    int column
    double adds

cdef struct Feature:
    int above
    int below


_KIND_OF_CLASS = {
    "a": IS_LETTER, "0": IS_DIGIT, ".": IS_MARK, "\n": IS_LINE_END, " ": IS_BLANK, "x": 0,
}
"""Of the classes of ``router.cost.shape``."""


cdef class Reader:
    """Reads texts. Immutable after construction.

    Args:
        tables: See ``router.predict.reading_tables``.
        made: From a tuple to a ``Reading``.

    Raises:
        ValueError: the tables are of another release.
    """

    cdef unsigned char _classes[256]
    cdef unsigned char _kinds[MOST_CLASSES]
    cdef int _starts[257]
    cdef Entry _entries[MOST_ENTRIES]
    cdef Feature _features[MOST_FEATURES]
    cdef Py_ssize_t _n_features, _n_columns, _n_counts, _n_scripts, _long_bytes, _end_words
    cdef Py_ssize_t _space, _newline, _quote, _double_quotes, _apostrophes
    cdef double _most, _latin_units, _weight_units
    cdef Words _negations
    cdef object _made

    def __init__(self, tables, made):
        cdef Py_ssize_t index
        starts, highest = list(tables.starts), tables.n_counts + N_STATISTICS
        fits = (
            tables.statistics == STATISTICS
            and tables.n_counts + tables.n_scripts + 3 == tables.n_columns <= MOST_COLUMNS
            and len(starts) == 257 and starts[0] == 0 and sorted(starts) == starts
            and len(tables.columns) == len(tables.adds) == starts[256] <= MOST_ENTRIES
            and 0 <= min(tables.columns) <= max(tables.columns) < tables.n_columns
            and len(tables.above) == len(tables.below) <= MOST_FEATURES
            and 0 <= min(tables.above) <= max(tables.above) < highest
            and -1 <= min(tables.below) <= max(tables.below) < highest
            and 0 <= min(tables.classes) <= max(tables.classes) < tables.n_counts
            and tables.end_words > 0
        )
        if not fits:
            raise ValueError("tables of another release")
        kinds = []
        for index in range(256):
            kind = 0
            if index < 128:
                kind = _KIND_OF_CLASS[chr(tables.shape_classes[index])]
                kind += IS_SPACE * Py_UNICODE_ISSPACE(<Py_UCS4>index)
            if kind not in kinds:
                kinds.append(kind)
            if len(kinds) > BEFORE:
                raise ValueError("more kinds of bytes than there is room for")
            self._classes[index] = kinds.index(kind)
            self._kinds[self._classes[index]] = kind
        self._kinds[BEFORE] = IS_SPACE
        for index in range(257):
            self._starts[index] = starts[index]
        for index in range(starts[256]):
            self._entries[index] = Entry(tables.columns[index], tables.adds[index])
        self._n_features = len(tables.above)
        for index in range(self._n_features):
            self._features[index] = Feature(tables.above[index], tables.below[index])
        self._n_columns, self._n_counts = tables.n_columns, tables.n_counts
        self._n_scripts = tables.n_scripts
        (
            self._space, self._newline, self._quote, self._double_quotes, self._apostrophes
        ) = tables.classes
        self._latin_units, self._weight_units = tables.units
        self._most = tables.most_ratio
        self._long_bytes, self._end_words = tables.long_bytes, tables.end_words
        self._negations = Words({word: 1 for word in tables.negations})
        self._made = made

    def read(self, str text not None, bint wants_features):
        """Return a text as read, with its features or without.

        Raises:
            UnicodeEncodeError: it holds a lone surrogate.
        """
        cdef bytes encoded = text.encode()
        cdef Span data = span_of(encoded)
        cdef Found found
        cdef Places* places = &found.places
        self._read(&data, len(text), wants_features, &found)
        shape = places.digit_groups, places.marked_ends, places.line_ends, places.indents
        return self._made((
            text, None, found.n_words, places.digits, _numbers(found.sums, self._n_counts),
            _numbers(found.scripts, self._n_scripts), found.rare, found.latin, found.weight,
            encoded, shape,
            _numbers(found.features, self._n_features) if wants_features else None,
        ))

    cdef int _read(
        self, const Span* data, Py_ssize_t n_chars, bint wants_features, Found* found
    ) except -1:
        """Read a text of so many characters, with its features or without."""
        cdef double* after_counts = found.sums + self._n_counts
        found.places = self._count(data, found.sums)
        memcpy(found.scripts, after_counts, self._n_scripts * sizeof(double))
        found.rare = after_counts[self._n_scripts]
        found.latin = after_counts[self._n_scripts + 1] / self._latin_units
        found.weight = after_counts[self._n_scripts + 2] / self._weight_units
        # Statistics follow the counts, where the other columns were.
        found.n_words = self._look_at_words(
            data, found.places.words, n_chars != data.size, after_counts, wants_features
        )
        if found.places.digits:
            found.places.digit_groups = _digit_groups(data)
        if wants_features:
            self._find_features(data, n_chars, found)
        return 0

    cdef Places _count(self, const Span* data, double* sums) except *:
        """Add up what every byte adds to its columns, and count runs of ASCII on the way."""
        # Two in turns: equal bytes one after the other would wait for each other.
        cdef unsigned int histograms[2][256]
        cdef unsigned int pairs[2][MOST_CLASSES * MOST_CLASSES]
        cdef Py_ssize_t place
        cdef int byte, entry, count, kind, before = BEFORE, after
        cdef Places found = Places(0, 0, 0, 0, 0, 0)
        memset(histograms, 0, sizeof(histograms))
        memset(pairs, 0, sizeof(pairs))
        for place in range(data.size):
            byte = byte_at(data, place)
            after = self._classes[byte]
            histograms[place & 1][byte] += 1
            pairs[place & 1][before * MOST_CLASSES + after] += 1
            before = after
        for place in range(MOST_CLASSES * MOST_CLASSES):
            count = pairs[0][place] + pairs[1][place]
            if count == 0:
                continue
            before, kind = self._kinds[place // MOST_CLASSES], self._kinds[place % MOST_CLASSES]
            if before & IS_SPACE and not kind & IS_SPACE:
                found.words += count
            if kind & IS_DIGIT and not before & IS_DIGIT:
                found.digits += count
            if before & IS_LETTER and kind & IS_MARK:
                found.marked_ends += count
            if before & IS_LETTER and kind & IS_LINE_END:
                found.line_ends += count
            if before & IS_LINE_END and kind & IS_BLANK:
                found.indents += count
        memset(sums, 0, self._n_columns * sizeof(double))
        for byte in range(256):
            count = histograms[0][byte] + histograms[1][byte]
            if count:
                for entry in range(self._starts[byte], self._starts[byte + 1]):
                    sums[self._entries[entry].column] += self._entries[entry].adds * count
        return found

    cdef int _find_features(self, const Span* data, Py_ssize_t n_chars, Found* found) except -1:
        """Find the features, of which words were looked at before."""
        cdef double* sums = found.sums
        cdef double* stats = sums + self._n_counts
        cdef double* features = found.features
        cdef bint is_ascii = n_chars == data.size
        cdef double below, ratio
        cdef Py_ssize_t index
        stats[INKED] = n_chars - sums[self._space] - sums[self._newline]
        stats[WORDS] = found.n_words
        if not is_ascii:
            stats[NON_ASCII] = _characters_outside_ascii(data)
        stats[NUMBERS] = found.places.digits if is_ascii else _digit_runs(data)
        if sums[self._newline]:
            stats[OPTION_LINES] = _option_lines(data)
        if sums[self._double_quotes]:
            stats[JSON] = _json_marks(data)
        if sums[self._quote] - sums[self._double_quotes] - sums[self._apostrophes] >= 3:
            stats[FENCE] = _has_fence(data)
        for index in range(self._n_features):
            ratio = sums[self._features[index].above]
            if self._features[index].below < 0:
                features[index] = log1p(ratio) if ratio else 0.0
                continue
            below = sums[self._features[index].below]
            ratio /= below if below > 1.0 else 1.0
            features[index] = ratio if ratio < self._most else self._most
        return 0

    cdef Py_ssize_t _look_at_words(
        self, const Span* data, Py_ssize_t n_words, bint has_others, double* stats,
        bint wants_features,
    ) except -1:
        """Look at all words, or those at both ends of a long text; return how many there are.

        Args:
            data: The text.
            n_words: In it, white space being ASCII's.
            has_others: Whether there are characters outside ASCII.
            stats: Is emptied, and filled with what is found, if features are wanted.
            wants_features: Else words are only counted.
        """
        cdef Py_ssize_t begin = 0, end = 0, last, found = 0, most = 2 * self._end_words
        cdef bint is_long = data.size > self._long_bytes and n_words > 2 * self._end_words
        cdef Seen seen
        memset(stats, 0, N_STATISTICS * sizeof(double))
        if not wants_features:
            while not is_long:
                end = word_after(data, end, &begin)
                if begin == end:
                    return found
                found += 1
            return n_words
        if not is_long:
            # Only white space outside ASCII parts more words than were counted.
            most = data.size // 2 + 1 if has_others else n_words
        seen_begins(&seen, most)
        try:
            while not is_long or seen.n_looked_at < self._end_words:
                end = word_after(data, end, &begin)
                if begin == end:
                    break
                self._look_at(data, begin, end, &seen, stats)
            last = seen.n_looked_at + self._end_words
            begin = data.size
            while is_long and seen.n_looked_at < last:
                begin = word_before(data, begin, &end)
                if begin == end:
                    break
                self._look_at(data, begin, end, &seen, stats)
            stats[LOOKED_AT], stats[DISTINCT] = seen.n_looked_at, seen.n_distinct
            return n_words if is_long else seen.n_looked_at
        finally:
            seen_ends(&seen)

    cdef int _look_at(
        self, const Span* data, Py_ssize_t begin, Py_ssize_t end, Seen* seen, double* stats
    ) except -1:
        cdef uint64_t hashed = HASH_START
        cdef const unsigned char* word = part(data, begin, end)
        cdef Py_ssize_t index, size = end - begin
        for index in range(size):
            hashed = hash_more(hashed, word[index])
        seen_again(seen, word, size, hashed)
        if size <= self._negations.longest and self._negations.find(word, size, hashed) >= 0:
            stats[NEGATIONS] += 1.0
        return 0


cdef list _numbers(const double* numbers, Py_ssize_t size):
    return [numbers[index] for index in range(size)]
