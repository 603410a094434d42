"""Bytes of a caller and words in them.

Every look at a byte goes through ``byte_at``, which checks its place: nothing here trusts that a
text is as it should be.
"""

cdef extern from "Python.h":
    # What str.split and the pattern \d go by.
    bint Py_UNICODE_ISSPACE(Py_UCS4) noexcept
    bint Py_UNICODE_ISDECIMAL(Py_UCS4) noexcept

cdef struct Span:
    const unsigned char* first
    Py_ssize_t size


cdef Span span_of(bytes whole) noexcept:
    """Return the bytes of an object that outlives what is done with them."""
    return Span(<const unsigned char*>PyBytes_AS_STRING(whole), PyBytes_GET_SIZE(whole))


cdef inline int byte_at(const Span* data, Py_ssize_t place) except -1:
    if <size_t>place >= <size_t>data.size:
        raise IndexError("a look beyond the end of a text")
    return data.first[place]


cdef inline const unsigned char* part(
    const Span* data, Py_ssize_t begin, Py_ssize_t end
) except NULL:
    """Return the first of some bytes, all of which are there."""
    if not 0 <= begin <= end <= data.size:
        raise IndexError("a look beyond the end of a text")
    return data.first + begin


cdef inline uint64_t hash_more(uint64_t so_far, unsigned char byte) noexcept:
    """FNV-1a (Fowler, Noll, Vo), which a longer word's hash goes on from."""
    return (so_far ^ byte) * <uint64_t>1099511628211


cdef int space_at(const Span* data, Py_ssize_t place) except -1:
    """Return the bytes of the white space that begins at a place, 0 if there is none."""
    cdef int lead = byte_at(data, place)
    if lead < 0x80:
        return Py_UNICODE_ISSPACE(<Py_UCS4>lead)
    if lead == 0xC2:  # white space outside ASCII begins with one of four bytes
        return 2 * Py_UNICODE_ISSPACE(<Py_UCS4>(0x80 | (byte_at(data, place + 1) & 0x3F)))
    if 0xE1 <= lead <= 0xE3:
        return 3 * Py_UNICODE_ISSPACE(
            <Py_UCS4>(
                (lead & 0x0F) << 12
                | (byte_at(data, place + 1) & 0x3F) << 6
                | (byte_at(data, place + 2) & 0x3F)
            )
        )
    return 0


cdef int space_before(const Span* data, Py_ssize_t end) except -1:
    """Return the bytes of the white space that ends before a place above 0."""
    cdef int last = byte_at(data, end - 1), lead
    if last < 0x80:
        return Py_UNICODE_ISSPACE(<Py_UCS4>last)
    if end >= 2 and byte_at(data, end - 2) == 0xC2:
        return space_at(data, end - 2)
    if end >= 3:
        lead = byte_at(data, end - 3)
        if 0xE1 <= lead <= 0xE3:
            return space_at(data, end - 3)
    return 0


cdef Py_ssize_t word_after(const Span* data, Py_ssize_t place, Py_ssize_t* begin) except -1:
    """Return where the next word ends, and by ``begin`` where it begins; both the end if none."""
    cdef int byte, step
    while place < data.size:
        step = space_at(data, place)
        if step == 0:
            break
        place += step
    begin[0] = place
    while place < data.size:
        byte = byte_at(data, place)
        # Letters and marks of ASCII lie between; of the rest a look tells.
        if (byte <= 0x20 or byte >= 0x7F) and space_at(data, place):
            break
        place += 1
    return place


cdef Py_ssize_t word_before(const Span* data, Py_ssize_t place, Py_ssize_t* end) except -1:
    """Return where the word before a place begins, and by ``end`` where it ends; both 0 if none."""
    cdef int step
    while place > 0:
        step = space_before(data, place)
        if step == 0:
            break
        place -= step
    end[0] = place
    while place > 0 and space_before(data, place) == 0:
        place -= 1
    return place
