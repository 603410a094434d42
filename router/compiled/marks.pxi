"""What is counted of a text beside single bytes and words: runs, lines and pairs of marks."""


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
