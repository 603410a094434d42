"""Different words of one text, counted.

Words of a caller are put in here. Whoever makes some whose hashes fall together makes each of them
cost a look at the others, within the few hundred words that are looked at of a text.
"""

cdef enum:
    FEW = 256

cdef struct SeenWord:
    const unsigned char* word
    uint64_t hashed
    Py_ssize_t size

cdef struct Seen:
    SeenWord few[FEW]
    SeenWord* words
    size_t mask
    Py_ssize_t n_looked_at
    Py_ssize_t n_distinct


cdef int seen_begins(Seen* seen, Py_ssize_t most) except -1:
    """Make room for at most so many words."""
    cdef size_t room = 16
    while room < <size_t>(2 * most):
        room *= 2
    seen.mask, seen.n_looked_at, seen.n_distinct = room - 1, 0, 0
    if room <= FEW:
        memset(seen.few, 0, room * sizeof(SeenWord))
        seen.words = seen.few
        return 0
    seen.words = <SeenWord*>calloc(room, sizeof(SeenWord))
    if seen.words == NULL:
        raise MemoryError
    return 0


cdef void seen_ends(Seen* seen) noexcept:
    if seen.words != seen.few:
        free(seen.words)


cdef int seen_again(
    Seen* seen, const unsigned char* word, Py_ssize_t size, uint64_t hashed
) except -1:
    """Count a word that is looked at."""
    cdef size_t place = (hashed ^ hashed >> 32) & seen.mask
    cdef SeenWord* known
    if <size_t>seen.n_looked_at >= seen.mask:
        raise IndexError("more words than there is room for")
    seen.n_looked_at += 1
    while True:
        known = &seen.words[place]
        if known.word == NULL:
            known.word, known.size, known.hashed = word, size, hashed
            seen.n_distinct += 1
            return 0
        if known.hashed == hashed and known.size == size and memcmp(known.word, word, size) == 0:
            return 0
        place = (place + 1) & seen.mask
