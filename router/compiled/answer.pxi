"""A decision as bytes of the wire: what ``router.server.answer`` writes, field by field.

Fields that are the same in every answer come as bytes from there. The format is that of protobuf
(protobuf.dev/programming-guides/encoding): a key, then a varint, eight bytes, or a length and as
many bytes.
"""

DECISION_FIELDS = (
    "decision_id", "chosen", "reason", "goal", "estimates", "dearest", "artifact_version",
    "catalog_version", "contract_terms", "novelty", "input_tokens", "text_kind", "schedule",
)
"""Of a decision, in the order that is counted on here."""

cdef enum:
    D_ID, D_CHOSEN, D_REASON, D_GOAL, D_ESTIMATES, D_DEAREST, D_ARTIFACT, D_CATALOG, D_TERMS
    D_NOVELTY, D_INPUT, D_KIND, D_SCHEDULE
    N_DECISION

cdef enum:  # numbers of fields in router.proto
    ANSWER_DECISION_ID = 1
    ANSWER_REASON = 5
    ANSWER_CANDIDATE = 6
    ANSWER_SAVING = 7
    ANSWER_SAVING_FRACTION = 8
    ANSWER_BASELINE_TIER = 9
    ANSWER_REQUEST_ID = 13
    ANSWER_NOVELTY = 21
    ANSWER_SUGGESTED = 22
    ANSWER_INPUT = 30

    CANDIDATE_ADEQUACY = 3
    CANDIDATE_COST = 4
    CANDIDATE_INPUT = 5
    CANDIDATE_OUTPUT = 6
    CANDIDATE_INELIGIBLE = 7
    CANDIDATE_UPPER = 8
    CANDIDATE_UPPER_COST = 9
    CANDIDATE_AVERAGE_COST = 40

    INPUT_COUNT = 1
    INPUT_KIND = 2
    INPUT_DEPLOYMENT = 3
    INPUT_WARM = 4

cdef enum:
    VARINT = 0
    EIGHT_BYTES = 1
    SIZED = 2
    LONGEST_VARINT = 10
    MOST_COUNT = 2147483647  # of an int32

cdef struct Wire:
    unsigned char* bytes
    Py_ssize_t size
    Py_ssize_t room

cdef struct Told:
    bint has_bounds
    bint has_price
    double limit
    double output  # rate
    BandRates* bands
    Py_ssize_t n_bands
    double* edges
    Py_ssize_t n_edges
    double* factors  # one more than edges


cdef int _more(Wire* wire, Py_ssize_t more) except -1:
    """Make room for so many bytes."""
    cdef unsigned char* bytes
    cdef Py_ssize_t room = wire.room
    if wire.size + more > room:
        room = 2 * (wire.size + more)
        bytes = <unsigned char*>realloc(wire.bytes, room)
        if bytes == NULL:
            raise MemoryError
        wire.bytes, wire.room = bytes, room
    return 0


cdef int _put_varint(Wire* wire, uint64_t number) except -1:
    _more(wire, LONGEST_VARINT)
    while number >= 0x80:
        wire.bytes[wire.size] = <unsigned char>(number & 0x7F | 0x80)
        wire.size += 1
        number >>= 7
    wire.bytes[wire.size] = <unsigned char>number
    wire.size += 1
    return 0


cdef int _put_number(Wire* wire, int field, uint64_t number) except -1:
    _put_varint(wire, field << 3 | VARINT)
    return _put_varint(wire, number)


cdef int _put_double(Wire* wire, int field, double number) except -1:
    cdef uint64_t bits
    cdef int index
    _put_varint(wire, field << 3 | EIGHT_BYTES)
    _more(wire, 8)
    memcpy(&bits, &number, 8)
    for index in range(8):
        wire.bytes[wire.size + index] = <unsigned char>(bits >> 8 * index)
    wire.size += 8
    return 0


cdef int _put_raw(Wire* wire, const void* content, Py_ssize_t size) except -1:
    _more(wire, size)
    memcpy(wire.bytes + wire.size, content, size)
    wire.size += size
    return 0


cdef int _put_text(Wire* wire, int field, str text) except -1:
    cdef Py_ssize_t size
    cdef const char* encoded = PyUnicode_AsUTF8AndSize(text, &size)
    _put_varint(wire, field << 3 | SIZED)
    _put_varint(wire, size)
    return _put_raw(wire, encoded, size)


cdef int64_t _count(double number) except -1:
    """Return a count of tokens, rounded as Python rounds."""
    number = rint(number)
    if not 0.0 <= number <= MOST_COUNT:
        raise OverflowError("a count that the wire cannot hold")
    return <int64_t>number


cdef class Writer:
    """Writes decisions of one catalog. Immutable after construction.

    Args:
        rows: Of each deployment: bytes of its candidate that are always the same; its most output
            tokens; its output rate, None without a price for output; its bands, as
            (above, output rate); edges and factors of its upper output lengths, or None.
    """

    cdef Told* _rows
    cdef Py_ssize_t _n
    cdef list _same

    def __cinit__(self, list rows):
        cdef Told* row
        cdef Py_ssize_t index, place
        self._n = len(rows)
        self._same = [one[0] for one in rows]
        self._rows = <Told*>calloc(self._n + 1, sizeof(Told))
        if self._rows == NULL:
            raise MemoryError
        for index in range(self._n):
            same, limit, output, bands, bounds = rows[index]
            row = &self._rows[index]
            row.limit, row.has_price = limit, output is not None
            if row.has_price:
                row.output = output
                row.bands = <BandRates*>calloc(len(bands) + 1, sizeof(BandRates))
                if row.bands == NULL:
                    raise MemoryError
                row.n_bands = len(bands)
                for place in range(row.n_bands):
                    row.bands[place].above, row.bands[place].output = bands[place]
            if bounds is not None:
                row.has_bounds = True
                edges, factors = bounds
                if len(factors) != len(edges) + 1:
                    raise ValueError("a factor for every band is wanted")
                row.n_edges = len(edges)
                row.edges = _copied(edges)
                row.factors = _copied(factors)

    def __dealloc__(self):
        cdef Py_ssize_t index
        if self._rows != NULL:
            for index in range(self._n):
                free(self._rows[index].bands)
                free(self._rows[index].edges)
                free(self._rows[index].factors)
        free(self._rows)

    def write(
        self, bytes same not None, decision, str request_id not None,
        Py_ssize_t most, averages,
    ):
        """Return an answer.

        Args:
            same: Bytes of it that are written already.
            decision: With an estimate of every deployment.
            request_id: Empty for none.
            most: Output tokens asked for, 0 for no limit.
            averages: Average cost in USD of each deployment, None for those without; None where
                all are without.

        Raises:
            OverflowError: a count of tokens that the wire cannot hold.
            ValueError: estimates of other deployments.
        """
        cdef Wire wire = Wire(NULL, 0, 0)
        cdef Wire part = Wire(NULL, 0, 0)
        cdef Py_ssize_t index
        cdef int64_t upper
        cdef double saving, known
        cdef tuple estimates = _of_decision(decision, D_ESTIMATES)
        chosen, baseline = _of_decision(decision, D_CHOSEN), _of_decision(decision, D_DEAREST)
        deployment = _of_estimate(chosen, E_DEPLOYMENT)
        novelty = _of_decision(decision, D_NOVELTY)
        if len(estimates) != self._n or (averages is not None and len(averages) != self._n):
            raise ValueError("estimates of other deployments")
        try:
            _put_raw(&wire, PyBytes_AS_STRING(same), PyBytes_GET_SIZE(same))
            _put_text(&wire, ANSWER_DECISION_ID, _of_decision(decision, D_ID))
            _put_number(&wire, ANSWER_REASON, _of_decision(decision, D_REASON))
            for index in range(self._n):
                estimate = estimates[index]
                part.size = 0
                upper = self._candidate(&part, index, estimate, most, averages)
                _put_varint(&wire, ANSWER_CANDIDATE << 3 | SIZED)
                _put_varint(&wire, part.size)
                _put_raw(&wire, part.bytes, part.size)
                if upper >= 0 and _of_estimate(estimate, E_DEPLOYMENT) is deployment:
                    _put_number(&wire, ANSWER_SUGGESTED, upper)
            known = _number(baseline, E_COST)
            saving = known - _number(chosen, E_COST)
            if saving != 0.0:
                _put_double(&wire, ANSWER_SAVING, saving)
                if known > 0.0:
                    _put_double(&wire, ANSWER_SAVING_FRACTION, saving / known)
            _put_text(&wire, ANSWER_BASELINE_TIER, _of_estimate(baseline, E_DEPLOYMENT).tier)
            if request_id:
                _put_text(&wire, ANSWER_REQUEST_ID, request_id)
            if novelty is not None:
                _put_double(&wire, ANSWER_NOVELTY, novelty)
            kind = _of_decision(decision, D_KIND)
            if kind is not None:
                part.size = 0
                _put_input(&part, decision, kind, chosen)
                _put_varint(&wire, ANSWER_INPUT << 3 | SIZED)
                _put_varint(&wire, part.size)
                _put_raw(&wire, part.bytes, part.size)
            return PyBytes_FromStringAndSize(<const char*>wire.bytes, wire.size)
        finally:
            free(wire.bytes)
            free(part.bytes)

    cdef int64_t _candidate(
        self, Wire* wire, Py_ssize_t index, estimate, Py_ssize_t most, averages
    ) except -2:
        """Write a candidate; return its upper output length, -1 without."""
        cdef const Told* row = &self._rows[index]
        cdef bytes same = self._same[index]
        cdef double cost = _number(estimate, E_COST), output_tokens = _number(estimate, E_OUTPUT)
        cdef double input_tokens = _number(estimate, E_INPUT), upper, rate
        cdef Py_ssize_t band
        cdef int64_t told
        _put_raw(wire, PyBytes_AS_STRING(same), PyBytes_GET_SIZE(same))
        _put_double(wire, CANDIDATE_ADEQUACY, _number(estimate, E_ADEQUACY))
        if cost == cost:  # not NaN: the price is known
            _put_double(wire, CANDIDATE_COST, cost)
        _put_number(wire, CANDIDATE_INPUT, _count(input_tokens))
        _put_number(wire, CANDIDATE_OUTPUT, _count(output_tokens))
        for reason in _of_estimate(estimate, E_INELIGIBLE):
            _put_number(wire, CANDIDATE_INELIGIBLE, reason)
        if averages is not None and averages[index] is not None:
            _put_double(wire, CANDIDATE_AVERAGE_COST, averages[index])
        if not row.has_bounds:
            return -1
        band = 0
        while band < row.n_edges and row.edges[band] <= output_tokens:
            band += 1
        upper = ceil((1.0 + output_tokens) * row.factors[band] - 1.0)
        if upper == 0.0:
            upper = 1.0
        if upper > row.limit:
            upper = row.limit
        if most and upper > most:
            upper = most
        told = _count(upper)
        _put_number(wire, CANDIDATE_UPPER, told)
        if row.has_price:
            rate = row.output
            if row.n_bands:
                rate = _band_at(row.bands, row.n_bands, input_tokens).output
            _put_double(
                wire, CANDIDATE_UPPER_COST,
                cost + (upper - output_tokens) * rate / TOKENS_PER_PRICE_UNIT,
            )
        return told


cdef object _of_decision(decision, Py_ssize_t place):
    return _field(decision, N_DECISION, place)


cdef int _put_input(Wire* wire, decision, kind, chosen) except -1:
    """Write what the candidates' input tokens rest on."""
    use = _of_estimate(chosen, E_CACHE_USE)
    _put_number(wire, INPUT_COUNT, max(_count(_of_decision(decision, D_INPUT)), 1))
    _put_number(wire, INPUT_KIND, kind)
    _put_text(wire, INPUT_DEPLOYMENT, _of_estimate(chosen, E_DEPLOYMENT).id)
    if use is not None:
        _put_number(wire, INPUT_WARM, _count(use[0]))
    return 0


cdef double* _copied(numbers) except NULL:
    """Return a copy of some numbers; the caller frees it."""
    cdef Py_ssize_t index
    cdef double* copied = <double*>calloc(len(numbers) + 1, sizeof(double))
    if copied == NULL:
        raise MemoryError
    for index in range(len(numbers)):
        copied[index] = numbers[index]
    return copied
