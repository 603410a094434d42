"""The steps of a plain graph (``router.predict.plain``) for one prompt, on float32 rows.

Which steps there are is read from an artifact in Python, where lengths are tried, too; here they
are run. Every length is checked again when a graph is made, and every token id when it is used.
"""

cdef extern from "vectors.h":
    void times_matrix(
        float* out, const float* x, const float* w, const float* bias, int n_in, int width
    ) noexcept
    void add_row(float* out, const signed char* row, float weight, int n) noexcept
    void add_rows(float* out, const float* a, const float* b, int n) noexcept
    void subtract_rows(float* out, const float* a, const float* b, int n) noexcept
    void multiply_rows(float* out, const float* a, const float* b, int n) noexcept
    void divide_rows(float* out, const float* a, const float* b, int n) noexcept
    void larger_of_rows(float* out, const float* a, const float* b, int n) noexcept
    void smaller_of_rows(float* out, const float* a, const float* b, int n) noexcept

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

cdef enum:
    MOST_TAILS = 8
    LANES = 16  # rows of matrices are as long as a multiple of this, filled up with zeros

cdef struct Step:
    int code
    int length  # of the result
    int n_in  # of the first argument
    float* result
    const float* first
    const float* second
    float* matrix  # of n_in rows
    float* bias  # or NULL


cdef struct Output:
    Py_ssize_t begin
    Py_ssize_t end
    int n_done
    int done[MOST_TAILS]
    double numbers[MOST_TAILS]


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

    Raises:
        KeyError: a step or a tail that is not known.
        ValueError: lengths or types that do not fit each other.
    """

    cdef Step* _steps
    cdef float* _room  # of all rows, and then of matrices and biases
    cdef Py_ssize_t _used, _size  # of it, in numbers
    cdef Py_ssize_t _n_steps, _n_features, _n_rows
    cdef signed char* _table  # rows of the pool
    cdef float* _scales  # a weight for each
    cdef Output* _outputs
    cdef Py_ssize_t _n_outputs

    def __cinit__(self, lengths, values, steps, outputs, Py_ssize_t n_features):
        cdef Py_ssize_t index, length, place = 0
        cdef Held row
        if len(lengths) != len(values) or lengths[0] != 0 or lengths[1] != n_features:
            raise ValueError("lengths of another graph")
        self._n_outputs, self._n_features = len(outputs), n_features
        # What is written behind a row goes to the lanes that fill it up.
        widths = [_in_lanes(one) for one in lengths]
        self._used = sum(widths) + LANES
        self._size = self._used + sum(
            (lengths[places[0]] + 1) * widths[result]
            for name, result, places, _ in steps if places and CODES[name] in (GEMM, DOT)
        )
        self._room = <float*>room_in_large_pages(self._size * sizeof(float))
        self._steps = <Step*>calloc(len(steps) + 1, sizeof(Step))
        self._outputs = <Output*>calloc(len(outputs) + 1, sizeof(Output))
        if self._room == NULL or self._steps == NULL or self._outputs == NULL:
            raise MemoryError
        starts = []
        for index in range(len(lengths)):
            length = lengths[index]
            starts.append(place)
            if values[index] is not None:
                row = floats(values[index], (length,))
                memcpy(self._room + place, row._buffer.buf, length * sizeof(float))
            place += widths[index]
        self._n_steps = len(steps)
        for index in range(self._n_steps):
            name, result, places, constants = steps[index]
            self._add(&self._steps[index], CODES[name], result, places, constants, lengths, starts)
        for index in range(self._n_outputs):
            output, tail = outputs[index]
            if len(tail) > MOST_TAILS:
                raise ValueError("more is done to an output than there is room for")
            self._outputs[index].begin = starts[output]
            self._outputs[index].end = starts[output] + lengths[output]
            self._outputs[index].n_done = len(tail)
            for place in range(len(tail)):
                name, number = tail[place]
                self._outputs[index].done[place] = TAILS[name]
                self._outputs[index].numbers[place] = number

    def __dealloc__(self):
        free(self._room)
        free(self._table)
        free(self._steps)
        free(self._outputs)

    cdef int _add(
        self, Step* step, int code, result, places, constants, lengths, starts
    ) except -1:
        """Write a step down, once its lengths fit each other."""
        cdef Held rows, weights
        cdef Py_ssize_t n = lengths[result], n_in = lengths[places[0]] if places else 0
        fits = len(places) == (0 if code == POOL else 2 if code >= ADD else 1)
        if fits and places:
            step.first = self._room + <Py_ssize_t>starts[places[0]]
        if code == POOL:
            table, scales = constants
            rows, weights = Held(table, b"b", 1, (-1, n)), floats(scales, (-1,))
            fits = fits and self._table == NULL and rows.n_rows == weights.n_rows
            if fits:
                self._n_rows = rows.n_rows
                self._table = <signed char*>room_in_large_pages(
                    self._n_rows * (n + sizeof(float)) + sizeof(float)
                )
                if self._table == NULL:
                    raise MemoryError
                # Weights begin where a number of their size may stand.
                self._scales = <float*>(
                    self._table + (self._n_rows * n + 3) // 4 * 4
                )
                memcpy(self._table, rows._buffer.buf, self._n_rows * n)
                memcpy(self._scales, weights._buffer.buf, self._n_rows * sizeof(float))
        elif code == GEMM or code == DOT:
            step.matrix = self._rows_in_lanes(constants[0], n_in, n)
            if code == GEMM:
                step.bias = self._rows_in_lanes(constants[1].reshape(1, -1), 1, n)
        elif code == COPY:
            (offset,) = constants
            fits = fits and 0 <= offset <= n - n_in
        else:
            fits = fits and all(lengths[place] == n for place in places)
        if not fits:
            raise ValueError("lengths that do not fit each other")
        step.code, step.length, step.n_in = code, n, n_in
        step.result = self._room + <Py_ssize_t>starts[result]
        if code == COPY:
            step.result += <Py_ssize_t>offset
            step.length = n_in
        if code >= ADD:
            step.second = self._room + <Py_ssize_t>starts[places[1]]
        return 0

    cdef float* _rows_in_lanes(self, matrix, Py_ssize_t n_rows, Py_ssize_t length) except NULL:
        """Return a copy of a matrix in the room, its rows filled up with zeros."""
        cdef Held held = floats(matrix, (n_rows, length))
        cdef const float* given = <const float*>held._buffer.buf
        cdef Py_ssize_t width = _in_lanes(length), row
        cdef float* copied = self._room + self._used
        if n_rows * width > self._size - self._used:
            raise ValueError("lengths of another graph")
        self._used += n_rows * width
        for row in range(n_rows):
            memcpy(copied + row * width, given + row * length, length * sizeof(float))
        return copied

    def run(self, ids, list features not None):
        """Return a list of numbers for each output.

        Args:
            ids: Token ids, an array of int64, shape (n,); none stand for a row of zeros.
            features: Numbers at place 1.

        Raises:
            IndexError: an id that the table does not have.
            ValueError: other ids, or another number of features.
        """
        cdef Py_ssize_t index
        cdef double feature
        cdef Held held = Held(ids, b"lq", sizeof(int64_t), (-1,))
        cdef double row[MOST_FEATURES]
        if len(features) != self._n_features:
            raise ValueError(f"{len(features)} features given, {self._n_features} are read")
        if self._n_features > MOST_FEATURES:
            raise ValueError("more features than there is room for")
        for index in range(self._n_features):
            feature = features[index]
            row[index] = feature
        self._compute(<const int64_t*>held._buffer.buf, held.n_rows, row)
        return [self._output(index) for index in range(self._n_outputs)]

    cdef int _compute(self, const int64_t* ids, Py_ssize_t n_ids, const double* features) except -1:
        """Run all steps on so many ids and the features."""
        cdef Py_ssize_t index
        for index in range(self._n_features):
            self._room[index] = <float>features[index]
        for index in range(self._n_steps):
            self._run(&self._steps[index], ids, n_ids)
        return 0

    cdef double _number(self, const Output* output, Py_ssize_t place) noexcept:
        """Return a number of an output, once all steps have run."""
        cdef double number = self._room[output.begin + place]
        cdef int index
        for index in range(output.n_done):
            number = _tail(output.done[index], number, output.numbers[index])
        return number

    cdef list _output(self, Py_ssize_t which):
        cdef const Output* output = &self._outputs[which]
        cdef Py_ssize_t place
        return [self._number(output, place) for place in range(output.end - output.begin)]

    cdef int _run(self, const Step* step, const int64_t* ids, Py_ssize_t n_ids) except -1:
        cdef Py_ssize_t index
        cdef int code = step.code, n = step.length
        cdef float* out = step.result
        cdef const float* first = step.first
        cdef const signed char* table
        cdef const float* scales
        cdef float sum = 0.0
        if code == POOL:
            memset(out, 0, n * sizeof(float))
            table, scales = self._table, self._scales
            for index in range(n_ids):
                if not 0 <= ids[index] < self._n_rows:
                    raise IndexError(f"token id {ids[index]} is not in the table")
                add_row(out, table + ids[index] * n, scales[ids[index]], n)
        elif code == GEMM or code == DOT:
            times_matrix(out, first, step.matrix, step.bias, step.n_in, _in_lanes(n))
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
            larger_of_rows(out, first, step.second, n)
        elif code == MIN:
            smaller_of_rows(out, first, step.second, n)
        elif code == ADD:
            add_rows(out, first, step.second, n)
        elif code == SUB:
            subtract_rows(out, first, step.second, n)
        elif code == MUL:
            multiply_rows(out, first, step.second, n)
        elif code == DIV:
            divide_rows(out, first, step.second, n)
        return 0


cdef double _tail(int code, double number, double one) noexcept:
    """Do to one number what the graph does to it by itself."""
    if code == TAIL_SIGMOID:
        return 1.0 / (1.0 + exp(-number))
    if code == TAIL_EXP:
        return exp(number)
    if code == TAIL_SUB:
        return number - one
    return max(number, one)


cdef Py_ssize_t _in_lanes(Py_ssize_t length) noexcept:
    return (length + LANES - 1) // LANES * LANES
