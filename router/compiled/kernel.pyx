# cython: language_level=3, cdivision=True
"""The compiled kernel: reading, taking apart, predicting, pricing and answering one prompt.

One module, which compiles in seconds; what belongs together stands in a file of its own. Everything here is also there in Python, and gives the same.
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_Check, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.math cimport NAN, ceil, exp, expf, log1p, rint, sqrtf
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memchr, memcmp, memcpy, memset, strchr

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(str text, Py_ssize_t* size) except NULL

VERSION = 2
"""What Python asks for (``router.compiled``); raised when what is handed over changes."""

cdef extern from "pages.h":
    void* room_in_large_pages(size_t size) noexcept

include "bytes.pxi"
include "words.pxi"
include "seen.pxi"
include "marks.pxi"
include "reader.pxi"
include "pieces.pxi"
include "held.pxi"
include "graph.pxi"
include "prices.pxi"
include "answer.pxi"
include "line.pxi"
