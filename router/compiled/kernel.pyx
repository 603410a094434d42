# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False
"""The compiled kernel: reading, taking apart and predicting one prompt.

One module, so that what Cython needs for checked views of bytes is built once; what belongs
together stands in a file of its own. Everything here is also there in NumPy, and gives the same.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.math cimport exp, expf, log1p, sqrtf
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memset

VERSION = 1
"""What Python asks for (``router.compiled``); raised when what is handed over changes."""

include "words.pxi"
include "splitting.pxi"
include "reader.pxi"
include "pieces.pxi"
include "graph.pxi"
