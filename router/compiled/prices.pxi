"""Deployments priced for one request, and one of them chosen: as ``router.estimator`` and
``router.policy`` do in Python.

Here is the usual case, which no hard constraint and no prompt cache takes part in; any other is
left to Python.
"""

ESTIMATE_FIELDS = (
    "deployment", "adequacy", "expected_cost_usd", "input_tokens", "output_tokens", "ineligible",
    "cache_use",
)
"""Of an estimate, in the order that is counted on here."""

cdef enum:
    E_DEPLOYMENT, E_ADEQUACY, E_COST, E_INPUT, E_OUTPUT, E_INELIGIBLE, E_CACHE_USE
    N_ESTIMATE

cdef double TOKENS_PER_PRICE_UNIT = 1000000.0

cdef struct BandRates:
    double above
    double input
    double output

cdef struct Priced:
    int tier
    bint is_known
    double input
    double output
    double fee
    BandRates* bands
    Py_ssize_t n_bands
    double longest
    double context_window


cdef class Prices:
    """Prices the deployments of a catalog. Immutable after construction.

    Args:
        rows: Of each deployment: itself; the column of its tier; its input and output rate and its
            fee, or None without a price of its own; its bands, as (above, input rate, output rate);
            its most output tokens; its context window.
        made: From a tuple to an ``Estimate``.
        too_long: Why a deployment may not serve whose context window is too small.
    """

    cdef Priced* _rows
    cdef Py_ssize_t _n
    cdef list _deployments
    cdef object _made
    cdef tuple _too_long

    def __cinit__(self, list rows, made, too_long):
        cdef Priced* row
        cdef Py_ssize_t index, band
        self._n, self._made, self._too_long = len(rows), made, (too_long,)
        self._deployments = [one[0] for one in rows]
        self._rows = <Priced*>calloc(self._n + 1, sizeof(Priced))
        if self._rows == NULL:
            raise MemoryError
        for index in range(self._n):
            _, tier, rates, bands, longest, context_window = rows[index]
            row = &self._rows[index]
            row.tier, row.longest, row.context_window = tier, longest, context_window
            row.is_known = rates is not None
            if row.tier < 0:
                raise ValueError("a tier's column is 0 or more")
            if not row.is_known:
                continue
            row.input, row.output, row.fee = rates
            row.bands = <BandRates*>calloc(len(bands) + 1, sizeof(BandRates))
            if row.bands == NULL:
                raise MemoryError
            row.n_bands = len(bands)
            for band in range(row.n_bands):
                above, input_rate, output_rate = bands[band]
                row.bands[band] = BandRates(above, input_rate, output_rate)

    def __dealloc__(self):
        cdef Py_ssize_t index
        if self._rows != NULL:
            for index in range(self._n):
                free(self._rows[index].bands)
        free(self._rows)

    def estimates(
        self, tuple adequacy not None, tuple lengths not None, double input_tokens, counts
    ):
        """Return an estimate of each deployment.

        Args:
            adequacy: By tier.
            lengths: Expected output tokens by tier.
            input_tokens: Of the request.
            counts: The same by deployment's id; None where they are the same for all.
        """
        cdef Py_ssize_t index
        cdef int tier
        cdef list made = []
        for index in range(self._n):
            tier = self._rows[index].tier
            if counts is not None:
                input_tokens = counts[self._deployments[index].id]
            made.append(self._estimate(index, adequacy[tier], lengths[tier], input_tokens))
        return made

    cdef object _estimate(
        self, Py_ssize_t index, adequacy, double output_tokens, double input_tokens
    ):
        """Return the estimate of one deployment."""
        cdef const Priced* row = &self._rows[index]
        if output_tokens > row.longest:
            output_tokens = row.longest
        fits = input_tokens + output_tokens <= row.context_window
        return self._made((
            self._deployments[index], adequacy, _cost(row, input_tokens, output_tokens),
            input_tokens, output_tokens, () if fits else self._too_long, None,
        ))


cdef const BandRates* _band_at(
    const BandRates* bands, Py_ssize_t n_bands, double input_tokens
) noexcept:
    """Return the last of one or more rising bands that a request reaches."""
    cdef Py_ssize_t reached = 0
    while reached + 1 < n_bands and not input_tokens <= bands[reached + 1].above:
        reached += 1
    return &bands[reached]


cdef double _cost(const Priced* row, double input_tokens, double output_tokens) noexcept:
    """Return the expected cost in USD, NaN without a price."""
    cdef const BandRates* rates
    if not row.is_known:
        return NAN
    if not row.n_bands:
        return (input_tokens * row.input + output_tokens * row.output) / TOKENS_PER_PRICE_UNIT
    rates = _band_at(row.bands, row.n_bands, input_tokens)
    return row.fee + (
        (input_tokens * rates.input + output_tokens * rates.output) / TOKENS_PER_PRICE_UNIT
    )


cdef object _field(record, Py_ssize_t size, Py_ssize_t place):
    """Return a field of a record, which is a tuple of a class of its own, of so many fields."""
    if not PyTuple_Check(record) or PyTuple_GET_SIZE(record) != size:
        raise ValueError(f"a record of {size} fields is wanted")
    return <object>PyTuple_GET_ITEM(record, place)


cdef object _of_estimate(estimate, Py_ssize_t place):
    return _field(estimate, N_ESTIMATE, place)


cdef double _number(estimate, Py_ssize_t place) except? -1.0:
    return _of_estimate(estimate, place)


def cheapest_enough(eligible, double target):
    """Return the cheapest candidate that reaches a target and True, or the most adequate and False.

    Raises:
        ValueError: there is no candidate.
    """
    cdef double cost, adequacy, best_cost = 0.0, best_adequacy = 0.0
    cdef bint is_met = False
    cdef object best = None
    for one in eligible:
        cost, adequacy = _number(one, E_COST), _number(one, E_ADEQUACY)
        if adequacy >= target:
            if not is_met or cost < best_cost or (cost == best_cost and adequacy > best_adequacy):
                best, best_cost, best_adequacy, is_met = one, cost, adequacy, True
        elif not is_met and (
            best is None
            or adequacy > best_adequacy
            or (adequacy == best_adequacy and cost < best_cost)
        ):
            best, best_cost, best_adequacy = one, cost, adequacy
    if best is None:
        raise ValueError("no candidate to choose from")
    return best, is_met


def best_trade_off(eligible, double pay):
    """Return the candidate with the greatest adequacy less cost divided by a willingness to pay.

    Raises:
        ValueError: there is no candidate.
    """
    cdef double cost, adequacy, worth, best_cost = 0.0, best_adequacy = 0.0, best_worth = 0.0
    cdef object best = None
    for one in eligible:
        cost, adequacy = _number(one, E_COST), _number(one, E_ADEQUACY)
        worth = adequacy - cost / pay
        if (
            best is None
            or worth > best_worth
            or (worth == best_worth and cost < best_cost)
            or (worth == best_worth and cost == best_cost and adequacy > best_adequacy)
        ):
            best, best_worth, best_cost, best_adequacy = one, worth, cost, adequacy
    if best is None:
        raise ValueError("no candidate to choose from")
    return best


def savings_baseline(eligible):
    """Return the cheapest candidate of the dearest tier.

    Raises:
        ValueError: there is no candidate.
    """
    cdef double cost, adequacy, known_cost
    cdef Py_ssize_t index, n_tiers = 0
    cdef list tiers = [], cheapest = []
    for one in eligible:
        tier = _of_estimate(one, E_DEPLOYMENT).tier
        for index in range(n_tiers):
            if tiers[index] is tier or tiers[index] == tier:
                break
        else:
            tiers.append(tier)
            cheapest.append(one)
            n_tiers += 1
            continue
        known = cheapest[index]
        cost, known_cost = _number(one, E_COST), _number(known, E_COST)
        if cost < known_cost or (
            cost == known_cost and _number(one, E_ADEQUACY) > _number(known, E_ADEQUACY)
        ):
            cheapest[index] = one
    best, known_cost = None, 0.0
    for one in cheapest:
        cost = _number(one, E_COST)
        if best is None or cost > known_cost:
            best, known_cost = one, cost
    if best is None:
        raise ValueError("no candidate to compare with")
    return best
