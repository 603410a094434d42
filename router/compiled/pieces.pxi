"""Token ids of a text's both ends: WordPiece as in ``router.predict.tokenize``.

Words of ASCII are taken apart here; what stands between white space and holds another character is
asked of Python.
"""

cdef enum:
    MOST_LETTERS = 256

LONGEST_WORD = MOST_LETTERS - 1
"""Most characters of a word that may be taken apart."""

cdef struct Ids:
    int64_t* items
    Py_ssize_t size
    Py_ssize_t room


cdef int _make_room(Ids* ids, Py_ssize_t more) except -1:
    cdef Py_ssize_t room = ids.room
    cdef int64_t* items
    if ids.size + more > room:
        room = 2 * (ids.size + more)
        items = <int64_t*>realloc(ids.items, room * sizeof(int64_t))
        if items == NULL:
            raise MemoryError
        ids.items, ids.room = items, room
    return 0


cdef class Pieces:
    """Takes texts apart. Immutable after construction.

    Args:
        whole: Ids of what a word may begin with, as bytes.
        continuing: Ids of what may follow in it.
        unknown: Id of a word that is not made of these.
        longest_word: Longer words are unknown; at most ``LONGEST_WORD``.
        normal: 256 bytes: what each byte becomes; those that become 0 are left out.
        inside: 256 bytes: whether a byte, as it became, is part of a word; others stand alone.
        most_ids: Ids kept of a text, half from its start and the rest from its end.
    """

    cdef Words _whole, _continuing
    cdef int _unknown
    cdef Py_ssize_t _longest_word, _most, _start, _end
    cdef unsigned char _normal[256]
    cdef bint _inside[256]

    def __init__(
        self, dict whole, dict continuing, int unknown, Py_ssize_t longest_word, bytes normal,
        bytes inside, Py_ssize_t most_ids
    ):
        if not 0 < longest_word < MOST_LETTERS or most_ids < 1:
            raise ValueError("longer words, or no ids")
        if len(normal) != 256 or len(inside) != 256:
            raise ValueError("tables of another size")
        self._whole, self._continuing = Words(whole), Words(continuing)
        self._unknown, self._longest_word = unknown, longest_word
        self._most, self._start = most_ids, most_ids // 2
        self._end = self._most - self._start
        for byte in range(256):
            self._normal[byte], self._inside[byte] = normal[byte], inside[byte] != 0

    def ids(self, bytes encoded not None, others):
        """Return the ids of a text as int64 in bytes.

        Args:
            encoded: The text in UTF-8.
            others: From text with other characters than ASCII to its ids, likewise.
        """
        cdef Span data = span_of(encoded)
        cdef Ids found = Ids(NULL, 0, 0)
        try:
            self._find(&data, &found, others)
            return _as_bytes(found.items, found.size)
        finally:
            free(found.items)

    cdef int _find(self, const Span* data, Ids* found, others) except -1:
        """Find the ids of a text, into what the caller frees."""
        cdef Ids some = Ids(NULL, 0, 0)
        cdef Py_ssize_t begin = 0, end = 0, missing, taken
        while found.size <= self._most:
            end = word_after(data, end, &begin)
            if begin == end:
                return 0
            self._chunk(data, begin, end, found, others)
        # Of a longer text those behind the start make room for those of its end.
        found.size = self._most
        begin, missing = data.size, self._end
        try:
            while missing > 0:
                begin = word_before(data, begin, &end)
                if begin == end:
                    raise ValueError("a text has fewer ids backwards")
                some.size = 0
                self._chunk(data, begin, end, &some, others)
                taken = min(some.size, missing)
                missing -= taken
                if taken:
                    memcpy(
                        found.items + self._start + missing,
                        some.items + some.size - taken,
                        taken * sizeof(int64_t),
                    )
        finally:
            free(some.items)
        return 0

    cdef int _chunk(
        self, const Span* data, Py_ssize_t begin, Py_ssize_t end, Ids* into, others
    ) except -1:
        """Add the ids of what stands between white space."""
        cdef unsigned char word[MOST_LETTERS]
        cdef unsigned char byte
        cdef int code
        cdef Py_ssize_t at, size = 0, before = into.size
        _make_room(into, end - begin)  # each id takes a byte at least
        for at in range(begin, end):
            code = byte_at(data, at)
            if code >= 0x80:
                into.size = before
                return self._others(part(data, begin, end), end - begin, into, others)
            byte = self._normal[code]
            if byte == 0:
                continue
            if self._inside[byte]:
                if size < MOST_LETTERS:
                    word[size] = byte
                    size += 1
                continue
            if size:
                self._word(word, size, into)
                size = 0
            self._word(&byte, 1, into)
        if size:
            self._word(word, size, into)
        return 0

    cdef int _others(
        self, const unsigned char* chunk, Py_ssize_t n_bytes, Ids* into, others
    ) except -1:
        """Add the ids of what is not all of ASCII."""
        cdef bytes given = others((<const char*>chunk)[:n_bytes].decode("utf-8"))
        cdef Py_ssize_t size = PyBytes_GET_SIZE(given) // <Py_ssize_t>sizeof(int64_t)
        _make_room(into, size + 1)
        memcpy(into.items + into.size, PyBytes_AS_STRING(given), size * sizeof(int64_t))
        into.size += size
        return 0

    cdef void _word(self, const unsigned char* word, Py_ssize_t size, Ids* into) noexcept:
        """Add the ids of a word, each of the longest piece that begins there."""
        cdef uint64_t hashes[MOST_LETTERS + 1]
        cdef Py_ssize_t at = 0, length, letter, before = into.size
        cdef Words pieces = self._whole
        cdef int found
        if size > self._longest_word:
            at, size = 0, 0
            into.items[into.size] = self._unknown
            into.size += 1
        while at < size:
            length = min(size - at, pieces.longest)
            hashes[0] = HASH_START
            for letter in range(length):
                hashes[letter + 1] = hash_more(hashes[letter], word[at + letter])
            found = -1
            while length > 0:
                found = pieces.find(word + at, length, hashes[length])
                if found >= 0:
                    break
                length -= 1
            if found < 0:
                into.size = before
                found, length = self._unknown, size - at
            into.items[into.size] = found
            into.size += 1
            at += length
            pieces = self._continuing


cdef bytes _as_bytes(const int64_t* items, Py_ssize_t size):
    if size == 0:
        return b""
    return PyBytes_FromStringAndSize(<const char*>items, size * sizeof(int64_t))
