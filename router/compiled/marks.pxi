"""What is counted of a text beside single bytes and words: runs, lines and pairs of marks."""


cdef Py_ssize_t _digit_groups(const Span* data) except -1:
    """Count the pieces of at most three that runs of ASCII digits are cut into."""
    cdef Py_ssize_t place, found = 0
    cdef int in_group = 0
    for place in range(data.size):
        if 48 <= byte_at(data, place) <= 57:
            found += in_group == 0
            in_group = in_group + 1 if in_group < 2 else 0
        else:
            in_group = 0
    return found


cdef Py_ssize_t _digit_runs(const Span* data) except -1:
    """Count runs of decimal digits of any script."""
    cdef Py_ssize_t place = 0, found = 0, size, byte
    cdef bint was_digit = False, is_digit
    cdef int character
    while place < data.size:
        character = byte_at(data, place)
        size = 1
        if character >= 0xC0:
            size = 2 if character < 0xE0 else 3 if character < 0xF0 else 4
            character &= 0x3F >> (size - 1)
            for byte in range(place + 1, place + size):
                character = (character << 6) | (byte_at(data, byte) & 0x3F)
        is_digit = Py_UNICODE_ISDECIMAL(<Py_UCS4>character)
        found += is_digit and not was_digit
        was_digit = is_digit
        place += size
    return found


cdef Py_ssize_t _characters_outside_ascii(const Span* data) except -1:
    cdef Py_ssize_t place, found = 0
    for place in range(data.size):
        found += byte_at(data, place) >= 0xC0
    return found


cdef inline Py_ssize_t next_byte(const Span* data, Py_ssize_t place, int byte) except -1:
    """Return where a byte stands at a place or behind it; the end if nowhere."""
    cdef const unsigned char* rest = part(data, place, data.size)
    cdef const unsigned char* found = <const unsigned char*>memchr(rest, byte, data.size - place)
    return data.size if found == NULL else found - data.first


cdef Py_ssize_t _option_lines(const Span* data) except -1:
    r"""Count what the pattern ``\n\(?[A-J][.):]`` finds."""
    cdef Py_ssize_t place = next_byte(data, 0, 10), letter, found = 0
    while place + 2 < data.size:
        letter = place + 1 + (byte_at(data, place + 1) == 40)
        if letter + 1 < data.size and 65 <= byte_at(data, letter) <= 74:
            found += byte_at(data, letter + 1) in (46, 41, 58)
        place = next_byte(data, place + 1, 10)
    return found


cdef Py_ssize_t _json_marks(const Span* data) except -1:
    """Count double quotes before a colon or a comma."""
    cdef Py_ssize_t place = next_byte(data, 0, 34), found = 0
    while place + 1 < data.size:
        found += byte_at(data, place + 1) in (58, 44)
        place = next_byte(data, place + 1, 34)
    return found


cdef bint _has_fence(const Span* data) except -1:
    """Tell whether there are three backticks in a row."""
    cdef Py_ssize_t place = next_byte(data, 0, 96)
    while place + 2 < data.size:
        if byte_at(data, place + 1) == 96 and byte_at(data, place + 2) == 96:
            return True
        place = next_byte(data, place + 1, 96)
    return False


cdef class Runs:
    """Tells whether a text has a run of equal marks.

    Args:
        marks: Characters of ASCII.
        least: Length of a run, from 1.
    """

    cdef bint _is_mark[128]
    cdef Py_ssize_t _least

    def __init__(self, bytes marks, Py_ssize_t least):
        cdef int mark
        if least < 1 or max(marks, default=0) >= 128:
            raise ValueError("a run has a character at least, and marks are of ASCII")
        for mark in range(128):
            self._is_mark[mark] = mark in marks
        self._least = least

    cpdef bint found(self, str text) except -1:
        """Tell whether there is one; a look at every so many characters shows where to look."""
        cdef Py_ssize_t size, place = self._least - 1, begin, end
        cdef Py_UCS4 mark
        if text is None:
            raise TypeError("a text is wanted")
        size = len(text)
        while place < size:
            mark = text[place]
            if mark < 128 and self._is_mark[mark]:
                begin, end = place, place + 1
                while begin > 0 and text[begin - 1] == mark:
                    begin -= 1
                while end < size and text[end] == mark:
                    end += 1
                if end - begin >= self._least:
                    return True
            place += self._least
        return False
