"""A fixed set of words with a number for each, looked up by their bytes.

It is filled once, from what an artifact or the package holds, and never changes: no text of a
caller ever gets into it, so nobody can make its look-ups slow.
"""

cdef enum:
    SHORT = 11  # bytes of a word that stand in its slot, so that most look-ups touch nothing else

cdef struct Slot:
    unsigned char word[SHORT]
    unsigned char size  # SHORT + 1: longer, and word holds the hash and where it is
    int value  # -1: empty

cdef struct Long:
    uint32_t hashed
    uint32_t entry

cdef uint64_t HASH_START = 14695981039346656037


cdef class Words:
    """Words and their numbers.

    Args:
        numbers: Number >= 0 of each word; words of at least one byte.

    Raises:
        ValueError: an empty word, or a number below 0.
    """

    cdef list _long
    cdef Slot* _slots
    cdef unsigned char* _maybe
    cdef uint64_t _mask
    cdef Py_ssize_t longest

    def __cinit__(self, dict numbers):
        cdef uint64_t room = 64, place, hashed
        cdef Py_ssize_t index
        cdef bytes word
        cdef Slot* slot
        cdef Long where
        while room < <uint64_t>(2 * len(numbers)):
            room *= 2
        self._long, self.longest, self._mask = [], 0, room - 1
        self._slots = <Slot*>room_in_large_pages(room * sizeof(Slot))
        # A bit for a word that may be here: eight to a slot, so that most looks end there.
        self._maybe = <unsigned char*>calloc(room, 1)
        if self._slots == NULL or self._maybe == NULL:
            raise MemoryError
        for place in range(room):
            self._slots[place].value = -1
        for word, number in numbers.items():
            if not word or number < 0:
                raise ValueError("a word has a byte at least, and a number from 0")
            hashed = HASH_START
            for index in range(len(word)):
                hashed = hash_more(hashed, word[index])
            hashed ^= hashed >> 32
            place = hashed & self._mask
            while self._slots[place].value >= 0:
                place = (place + 1) & self._mask
            slot = &self._slots[place]
            slot.value, slot.size = number, min(len(word), SHORT + 1)
            if slot.size <= SHORT:
                memcpy(slot.word, PyBytes_AS_STRING(word), slot.size)
            else:
                where.hashed, where.entry = <uint32_t>(hashed >> 8), len(self._long)
                memcpy(slot.word, &where, sizeof(where))
                self._long.append(word)
            self._maybe[(hashed & (8 * room - 1)) >> 3] |= 1 << (hashed & 7)
            self.longest = max(self.longest, len(word))

    def __dealloc__(self):
        free(self._slots)
        free(self._maybe)

    cdef int find(self, const unsigned char* word, Py_ssize_t size, uint64_t hashed) noexcept:
        """Return a word's number, -1 if it is not here.

        Args:
            word: Its first byte.
            size: Its number of bytes, all of which may be read.
            hashed: Of these bytes by ``hash_more``, begun with ``HASH_START``.
        """
        cdef uint64_t place
        cdef const Slot* slot
        hashed ^= hashed >> 32
        place = hashed & self._mask
        if not self._maybe[(hashed & (8 * self._mask + 7)) >> 3] & (1 << (hashed & 7)):
            return -1
        while True:
            slot = &self._slots[place]
            if slot.value < 0:
                return -1
            if slot.size == size <= SHORT:
                if memcmp(slot.word, word, size) == 0:
                    return slot.value
            elif slot.size > SHORT and size > SHORT and self._is(slot, word, size, hashed):
                return slot.value
            place = (place + 1) & self._mask

    cdef bint _is(
        self, const Slot* slot, const unsigned char* word, Py_ssize_t size, uint64_t hashed
    ) noexcept:
        """Tell whether a slot of a longer word is that of this one."""
        cdef Long where
        cdef bytes known
        memcpy(&where, slot.word, sizeof(where))
        if where.hashed != <uint32_t>(hashed >> 8):
            return False
        known = self._long[where.entry]
        return PyBytes_GET_SIZE(known) == size and (
            memcmp(PyBytes_AS_STRING(known), word, size) == 0
        )
