"""Where words begin and end in UTF-8, white space being what ``str.split`` splits at."""

cdef extern from "Python.h":
    # What str.split and the pattern \d go by; they need no interpreter, so that nogil is right.
    bint Py_UNICODE_ISSPACE(Py_UCS4) noexcept nogil
    bint Py_UNICODE_ISDECIMAL(Py_UCS4) noexcept nogil

ctypedef const unsigned char[::1] Bytes


cdef inline Py_ssize_t space_at(Bytes data, Py_ssize_t at) except -1 nogil:
    """Return the bytes of the white space that begins at a place, 0 if there is none."""
    cdef unsigned char lead = data[at]
    if lead < 0x80:
        return Py_UNICODE_ISSPACE(<Py_UCS4>lead)
    if lead == 0xC2:  # white space outside ASCII begins with one of four bytes
        return 2 if Py_UNICODE_ISSPACE(<Py_UCS4>(0x80 | data[at + 1] & 0x3F)) else 0
    if 0xE1 <= lead <= 0xE3:
        if Py_UNICODE_ISSPACE(
            <Py_UCS4>((lead & 0x0F) << 12 | (data[at + 1] & 0x3F) << 6 | data[at + 2] & 0x3F)
        ):
            return 3
    return 0


cdef inline Py_ssize_t space_before(Bytes data, Py_ssize_t end) except -1 nogil:
    """Return the bytes of the white space that ends before a place above 0."""
    if data[end - 1] < 0x80:
        return Py_UNICODE_ISSPACE(<Py_UCS4>data[end - 1])
    if end >= 2 and data[end - 2] == 0xC2:
        return space_at(data, end - 2)
    if end >= 3 and 0xE1 <= data[end - 3] <= 0xE3:
        return space_at(data, end - 3)
    return 0


cdef inline Py_ssize_t word_after(Bytes data, Py_ssize_t at, Py_ssize_t* begin) except -1 nogil:
    """Return where the next word ends, and by ``begin`` where it begins; both the end if none."""
    cdef Py_ssize_t size = data.shape[0], step
    while at < size:
        step = space_at(data, at)
        if step == 0:
            break
        at += step
    begin[0] = at
    while at < size and space_at(data, at) == 0:
        at += 1
    return at


cdef inline Py_ssize_t word_before(Bytes data, Py_ssize_t at, Py_ssize_t* end) except -1 nogil:
    """Return where the word before a place begins, and by ``end`` where it ends; both 0 if none."""
    cdef Py_ssize_t step
    while at > 0:
        step = space_before(data, at)
        if step == 0:
            break
        at -= step
    end[0] = at
    while at > 0 and space_before(data, at) == 0:
        at -= 1
    return at
