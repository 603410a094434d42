"""A fixed set of words with a number for each, looked up by their bytes.

It is filled once, from what an artifact or the package holds, and never changes: no text of a
caller ever gets into it, so nobody can make its look-ups slow.
"""


cdef struct Slot:
    uint32_t hashed
    int value
    uint32_t offset
    uint32_t size

cdef inline uint64_t hash_more(uint64_t so_far, unsigned char byte) noexcept nogil:
    """FNV-1a (Fowler, Noll, Vo), which a prefix's hash goes on with."""
    return (so_far ^ byte) * <uint64_t>1099511628211

cdef uint64_t _FNV_START = 14695981039346656037


cdef class Words:
    """Words and their numbers.

    Args:
        numbers: Number >= 0 of each word; words of at least one byte.
    """

    cdef bytes _text
    cdef const unsigned char* _start
    cdef Slot* _slots
    cdef unsigned char* _maybe
    cdef uint64_t _mask
    cdef uint64_t seed
    cdef Py_ssize_t longest

    def __cinit__(self, dict numbers):
        cdef uint64_t room = 64, at, hashed
        cdef Py_ssize_t offset = 0
        cdef bytes word
        cdef Slot* slot
        while room < <uint64_t>(2 * len(numbers)):
            room *= 2
        self.seed, self.longest, self._mask = _FNV_START, 0, room - 1
        self._text = b"".join(numbers)
        self._start = <const unsigned char*>PyBytes_AS_STRING(self._text)
        self._slots = <Slot*>calloc(room, sizeof(Slot))
        # A bit for a word that may be here: eight places to a slot, so that most looks end there.
        self._maybe = <unsigned char*>calloc(room, 1)
        if self._slots == NULL or self._maybe == NULL:
            raise MemoryError
        for word, number in numbers.items():
            if not word or number < 0:
                raise ValueError("a word has a byte at least and a number from 0")
            hashed = self.seed
            for byte in word:
                hashed = hash_more(hashed, byte)
            hashed ^= hashed >> 32
            at = hashed & self._mask
            while self._slots[at].size:
                at = (at + 1) & self._mask
            slot = &self._slots[at]
            slot.hashed, slot.value = <uint32_t>(hashed >> 8), number
            slot.offset, slot.size = offset, len(word)
            self._maybe[(hashed & (8 * room - 1)) >> 3] |= 1 << (hashed & 7)
            self.longest = max(self.longest, len(word))
            offset += len(word)

    def __dealloc__(self):
        free(self._slots)
        free(self._maybe)

    cdef int find(self, const unsigned char* word, Py_ssize_t size, uint64_t hashed) noexcept nogil:
        """Return a word's number, -1 if it is not here.

        Args:
            word: Its first byte.
            size: Its number of bytes, all of which may be read.
            hashed: Of these bytes by ``hash_more``, begun with ``seed``.
        """
        cdef Slot* slot
        cdef uint64_t at
        hashed ^= hashed >> 32
        if not self._maybe[(hashed & (8 * self._mask + 7)) >> 3] & (1 << (hashed & 7)):
            return -1
        at = hashed & self._mask
        while True:
            slot = &self._slots[at]
            if slot.size == 0:
                return -1
            if (
                slot.hashed == <uint32_t>(hashed >> 8)
                and slot.size == size
                and memcmp(self._start + slot.offset, word, size) == 0
            ):
                return slot.value
            at = (at + 1) & self._mask
