"""Numbers of an array of NumPy, held for as long as they are used."""


cdef class Held:
    """The numbers of a contiguous array.

    Args:
        array: To be held.
        kinds: Letters of the types it may have, as in ``struct``.
        item_size: Bytes of a number.
        shape: It must have; -1 for any length.

    Raises:
        ValueError: it is of another type or shape, or not contiguous.
    """

    cdef Py_buffer _buffer
    cdef Py_ssize_t n_rows

    def __cinit__(self, array, const char* kinds, Py_ssize_t item_size, tuple shape):
        cdef Py_ssize_t axis, wanted
        PyObject_GetBuffer(array, &self._buffer, PyBUF_ND | PyBUF_FORMAT)
        fits = (
            self._buffer.itemsize == item_size
            and self._buffer.ndim == len(shape)
            and strchr(kinds, self._buffer.format[0]) != NULL
        )
        for axis in range(self._buffer.ndim if fits else 0):
            wanted = shape[axis]
            fits = fits and wanted in (-1, self._buffer.shape[axis])
        if not fits:
            raise ValueError(f"an array of {shape}, of type {kinds.decode()}, is wanted")
        self.n_rows = self._buffer.shape[0]

    def __dealloc__(self):
        if self._buffer.buf != NULL:
            PyBuffer_Release(&self._buffer)


cdef Held floats(array, tuple shape):
    return Held(array, b"f", sizeof(float), shape)
