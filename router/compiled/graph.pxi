"""The steps of a plain graph (``router.predict.plain``) for one prompt, on float32 rows.

Which steps there are is read from an artifact in Python, where lengths are tried, too; here they
are run. Every length is checked again when a graph is made, and every token id when it is used.
"""

cdef extern from "vectors.h":
    void times_matrix(
        float*, const float*, const float*, const float*, int, int
    ) noexcept nogil
    void add_row(float*, const signed char*, float, int) noexcept nogil

cdef enum Code:
    POOL, COPY, GEMM, DOT, NORMALISE, SIGMOID, EXP, ADD, DIV, MAX, MIN, MUL, SUB

CODES = {
    "pool": POOL, "copy": COPY, "gemm": GEMM, "dot": DOT, "normalise": NORMALISE,
    "sigmoid": SIGMOID, "exp": EXP, "add": ADD, "div": DIV, "max": MAX, "min": MIN, "mul": MUL,
    "sub": SUB,
}
"""Steps by name: from one row, or from two of equal length, to one; a copy goes into a part of one."""

cdef enum Tail:
    TAIL_SIGMOID, TAIL_EXP, TAIL_SUB, TAIL_MAX

TAILS = {"sigmoid": TAIL_SIGMOID, "exp": TAIL_EXP, "sub": TAIL_SUB, "max": TAIL_MAX}
"""What is done to each number of an output by itself."""

cdef struct Step:
    int code
    int length  # of the result
    int other_length  # of the first argument
    float* result
    const float* first
    const float* second
    const float* matrix
    const float* row


cdef class Graph:
    """Runs a graph. It has one room for its rows, so one call at a time: under the interpreter's
    lock, which it does not give up.

    Args:
        lengths: Of the rows at each place; place 0 is that of the ids and has none.
        values: Row at each place that holds a constant, else None.
        steps: Name, place of the result, places of the arguments, constants, for each step; a pool
            has the table (int8) and the weights (float32) of its rows, a copy where it begins.
        outputs: Place, and pairs of name and number of its tail, for each output.
        n_features: Length of the row at place 1.
    """

    cdef Step* _steps
    cdef float* _room
    cdef int _n_steps, _n_features
    cdef const signed char[:, ::1] _table
    cdef const float[::1] _scales
    cdef list _kept, _outputs

    def __init__(self, lengths, values, steps, outputs, int n_features):
        cdef Py_ssize_t total = sum(lengths), at = 0
        cdef Py_ssize_t index
        cdef const float[::1] row
        self._kept, self._outputs, self._n_features = [], [], n_features
        self._room = <float*>calloc(total + 1, sizeof(float))
        self._steps = <Step*>calloc(len(steps) + 1, sizeof(Step))
        if self._room == NULL or self._steps == NULL:
            raise MemoryError
        starts = []
        for length, value in zip(lengths, values, strict=True):
            starts.append(at)
            if value is not None:
                row = value
                if row.shape[0] != length:
                    raise ValueError("a constant of another length")
                for index in range(length):
                    self._room[at + index] = row[index]
            at += length
        if lengths[1] != n_features:
            raise ValueError("features of another number")
        for index, (name, result, places, constants) in enumerate(steps):
            self._add(&self._steps[index], CODES[name], result, places, constants, lengths, starts)
        self._n_steps = len(steps)
        for place, tail in outputs:
            self._outputs.append(
                (starts[place], lengths[place], [(TAILS[name], one) for name, one in tail])
            )

    def __dealloc__(self):
        free(self._room)
        free(self._steps)

    cdef int _add(
        self, Step* step, int code, result, places, constants, lengths, starts
    ) except -1:
        cdef const float[:, ::1] matrix
        cdef const float[::1] row
        cdef int n = lengths[result]
        step.code, step.length = code, n
        step.result = self._room + <Py_ssize_t>starts[result]
        if code == POOL:
            self._table, self._scales = constants
            fits = n == self._table.shape[1] and self._table.shape[0] == self._scales.shape[0]
        else:
            step.first = self._room + <Py_ssize_t>starts[places[0]]
            step.other_length = lengths[places[0]]
            fits = True
        if code in (GEMM, DOT):
            matrix = constants[0]
            self._kept.append(constants)
            step.matrix = &matrix[0, 0]
            fits = matrix.shape[0] == step.other_length and matrix.shape[1] == n
            if code == GEMM:
                row = constants[1]
                step.row = &row[0]
                fits = fits and row.shape[0] == n
        elif code == COPY:
            (offset,) = constants
            fits = 0 <= offset <= n - step.other_length
            step.result += <Py_ssize_t>offset
            step.length = step.other_length
        elif code >= ADD:
            step.second = self._room + <Py_ssize_t>starts[places[1]]
            fits = step.other_length == n and lengths[places[1]] == n
        elif code != POOL:
            fits = step.other_length == n
        if not fits:
            raise ValueError("lengths that do not fit each other")
        return 0

    def run(self, const int64_t[::1] ids, list features not None):
        """Return a list of numbers for each output.

        Args:
            ids: Token ids; none stand for a row of zeros.
            features: Numbers at place 1.

        Raises:
            IndexError: an id that the table does not have.
        """
        cdef Py_ssize_t index
        if len(features) != self._n_features:
            raise ValueError(f"{len(features)} features, {self._n_features} are read")
        for index in range(self._n_features):
            self._room[index] = <float>(<double>features[index])
        for index in range(self._n_steps):
            self._run(&self._steps[index], ids)
        outputs = []
        for start, length, tail in self._outputs:
            numbers = [<double>self._room[index] for index in range(start, start + length)]
            for code, one in tail:
                numbers = [_tail(code, number, one) for number in numbers]
            outputs.append(numbers)
        return outputs

    cdef int _run(self, const Step* step, const int64_t[::1] ids) except -1:
        cdef Py_ssize_t index
        cdef int code = step.code, n = step.length
        cdef float* out = step.result
        cdef const float* first = step.first
        cdef const float* second = step.second
        cdef float sum = 0.0
        if code == POOL:
            memset(out, 0, n * sizeof(float))
            for index in range(ids.shape[0]):
                if not 0 <= ids[index] < self._table.shape[0]:
                    raise IndexError(f"token id {ids[index]} is not in the table")
                add_row(out, &self._table[ids[index], 0], self._scales[ids[index]], n)
        elif code == GEMM or code == DOT:
            times_matrix(out, first, step.matrix, step.row, step.other_length, n)
        elif code == COPY:
            memcpy(out, first, n * sizeof(float))
        elif code == NORMALISE:
            for index in range(n):
                sum += first[index] * first[index]
            sum = 1.0 if sum == 0.0 else 1.0 / sqrtf(sum)
            for index in range(n):
                out[index] = first[index] * sum
        elif code == SIGMOID:
            for index in range(n):
                out[index] = 1.0 / (1.0 + expf(-first[index]))
        elif code == EXP:
            for index in range(n):
                out[index] = expf(first[index])
        elif code == MAX:
            for index in range(n):
                out[index] = first[index] if first[index] > second[index] else second[index]
        elif code == MIN:
            for index in range(n):
                out[index] = first[index] if first[index] < second[index] else second[index]
        elif code == ADD:
            for index in range(n):
                out[index] = first[index] + second[index]
        elif code == SUB:
            for index in range(n):
                out[index] = first[index] - second[index]
        elif code == MUL:
            for index in range(n):
                out[index] = first[index] * second[index]
        elif code == DIV:
            for index in range(n):
                out[index] = first[index] / second[index]
        return 0


cdef double _tail(int code, double number, double one):
    """Do to one number what the graph does to it by itself."""
    if code == TAIL_SIGMOID:
        return 1.0 / (1.0 + exp(-number))
    if code == TAIL_EXP:
        return exp(number)
    if code == TAIL_SUB:
        return number - one
    return max(number, one)
