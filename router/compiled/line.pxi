"""From the text of a prompt to its decision, with nothing of Python in between.

Each stage by itself is fast; what costs is that a server comes back to each of them with cold
caches. So this is one way through all of them, for the usual request: ``router.line`` says which.
"""

REQUEST_FIELDS = (
    "messages", "goal", "needs", "allowed_tiers", "denied_tiers", "max_output_tokens", "tags",
    "session_id", "request_id", "deadline",
)
"""Of a request, in the order that is counted on here."""

cdef enum:
    R_MESSAGES, R_GOAL, R_NEEDS, R_ALLOWED, R_DENIED, R_MOST_OUTPUT, R_TAGS, R_SESSION, R_ID
    R_DEADLINE
    N_REQUEST

cdef enum:
    M_ROLE, M_CONTENT
    N_MESSAGE

cdef enum:
    MOST_TIERS = 32


cdef class Line:
    """Decides prompts. Immutable, but for the rows of its graph.

    Args:
        plain: Of requests for ``decide_plain``: the marks whose runs are cut out of a prompt; its
            most characters; the characters of ASCII that may frame it; the goal, or None to decide
            none; no needs; whether sessions have prompt caches.
        reader, pieces, graph, prices: The stages; the graph gives adequacy, output tokens and
            perhaps novelty.
        others: As ``Pieces.ids`` takes it.
        tokens: Weights of words, numbers and the four places of a shape, then tokens of a message.
        kinds: See ``router.cost.tokens.KINDS``.
        made: From a tuple to a ``Decision``.
        draw: Gives a decision's id.
        reasons: Of a target that is met, one that is not, and a trade-off.
        versions: Of artifact and catalog.
        ratios: Whose ``by_deployment`` are learnt ratios of tokens, by id and kind of text.
        pools: Prices deployments on pools, and is told what is chosen; None if there are none.

    Raises:
        ValueError: the stages do not fit each other.
    """

    cdef Runs _runs
    cdef Py_ssize_t _window
    cdef bytes _frames
    cdef object _goal, _target, _pay, _no_needs, _ratios, _pools
    cdef bint _has_caches
    cdef Reader _reader
    cdef Pieces _pieces
    cdef Graph _graph
    cdef Prices _prices
    cdef object _others, _made, _draw
    cdef object _met, _unreachable, _trade_off, _artifact, _catalog
    cdef double _of_word, _of_number, _of_group, _of_mark, _of_line, _of_indent, _of_message
    cdef Py_ssize_t _digit, _math, _bracket, _quote, _other
    cdef double _most_letters, _many_digits, _many_marks, _many_quotes
    cdef list _kind_of_script
    cdef object _digits, _quoted, _marked, _latin, _plain

    def __init__(
        self, plain, Reader reader not None, Pieces pieces not None, Graph graph not None,
        Prices prices not None, others, tokens, kinds, made, draw, reasons, versions, ratios,
        pools,
    ):
        cdef Py_ssize_t index, n_tiers
        (
            self._runs, self._window, self._frames, self._goal, self._no_needs, self._has_caches
        ) = plain
        self._ratios, self._pools = ratios, pools
        self._target = None if self._goal is None else self._goal.quality_target
        self._pay = None if self._goal is None else self._goal.willingness_to_pay_usd
        self._reader, self._pieces, self._graph, self._prices = reader, pieces, graph, prices
        self._others, self._made, self._draw = others, made, draw
        (
            self._of_word, self._of_number, self._of_group, self._of_mark, self._of_line,
            self._of_indent, self._of_message,
        ) = tokens
        classes, shares, self._kind_of_script, rest = kinds
        self._digit, self._math, self._bracket, self._quote, self._other = classes
        self._most_letters, self._many_digits, self._many_marks, self._many_quotes = shares
        self._digits, self._quoted, self._marked, self._latin, self._plain = rest
        self._met, self._unreachable, self._trade_off = reasons
        self._artifact, self._catalog = versions
        fits = graph._n_outputs in (2, 3) and graph._n_features == reader._n_features
        fits = fits and len(self._kind_of_script) == reader._n_scripts
        fits = fits and 0 <= min(classes) and max(classes) < reader._n_counts
        if fits:
            n_tiers = graph._outputs[0].end - graph._outputs[0].begin
            fits = 0 < n_tiers <= MOST_TIERS
            fits = fits and n_tiers == graph._outputs[1].end - graph._outputs[1].begin
            for index in range(prices._n):
                fits = fits and prices._rows[index].tier < n_tiers
        if not fits:
            raise ValueError("stages that do not fit each other")

    def decide_plain(self, request, lap):
        """Return the decision on one prompt that stands for itself, under the catalog's goal.

        None for a request that asks for more, and where something may be cut off the prompt or out
        of it before it is read.

        Args:
            request: Checked.
            lap: As for ``decide``.
        """
        cdef Span data
        cdef int first
        messages = _field(request, N_REQUEST, R_MESSAGES)
        if (
            self._goal is None
            or not PyTuple_Check(messages) or PyTuple_GET_SIZE(messages) != 1
            or _field(request, N_REQUEST, R_GOAL) is not None
            or _field(request, N_REQUEST, R_NEEDS) is not self._no_needs
            or _field(request, N_REQUEST, R_MOST_OUTPUT) is not None
            or _field(request, N_REQUEST, R_DEADLINE) is not None
            or _field(request, N_REQUEST, R_ALLOWED) or _field(request, N_REQUEST, R_DENIED)
            or (self._has_caches and _field(request, N_REQUEST, R_SESSION))
        ):
            return None
        text = _field(<object>PyTuple_GET_ITEM(messages, 0), N_MESSAGE, M_CONTENT)
        if not 0 < len(text) <= self._window or self._runs.found(text):
            return None
        try:
            data.first = <const unsigned char*>PyUnicode_AsUTF8AndSize(text, &data.size)
        except UnicodeEncodeError:  # a lone surrogate
            return None
        first = byte_at(&data, 0)
        if (
            first >= 0x80  # marks that frame a text may begin so
            or memchr(PyBytes_AS_STRING(self._frames), first, PyBytes_GET_SIZE(self._frames)) != NULL
            or space_at(&data, 0) or space_before(&data, data.size)
        ):
            return None
        return self.decide(text, None, self._goal, self._target, self._pay, lap)

    cpdef object decide(self, str text, known_tokens, goal, target, pay, lap):
        """Return the decision on a prompt, or None where Python is to decide.

        Args:
            text: Of the window.
            known_tokens: Of the whole conversation, by the estimate; None if the text is all of it.
            goal: That applies.
            target: Its quality target, or None for a trade-off.
            pay: Its willingness to pay.
            lap: Told as each stage ends; None tells nobody.

        Raises:
            UnicodeEncodeError: the text holds a lone surrogate.
        """
        cdef Found found
        cdef Ids ids = Ids(NULL, 0, 0)
        cdef Span data
        cdef double adequacy[MOST_TIERS]
        cdef double lengths[MOST_TIERS]
        cdef double tokens, counted
        cdef Py_ssize_t tier, index, n_tiers
        cdef list estimates = [], eligible = []
        if text is None:
            raise TypeError("a text is wanted")
        data.first = <const unsigned char*>PyUnicode_AsUTF8AndSize(text, &data.size)
        self._reader._read(&data, len(text), True, &found)
        if found.rare or not data.size:
            return None
        if lap is not None:
            lap("read")
        try:
            self._pieces._find(&data, &ids, self._others)
            if lap is not None:
                lap("tokenize")
            # Nothing of Python runs until the numbers are taken: the graph has one room for them.
            self._graph._compute(ids.items, ids.size, found.features)
        finally:
            free(ids.items)
        n_tiers = self._graph._outputs[0].end - self._graph._outputs[0].begin
        for tier in range(n_tiers):
            adequacy[tier] = self._graph._number(&self._graph._outputs[0], tier)
            lengths[tier] = self._graph._number(&self._graph._outputs[1], tier)
        novelty = None
        if self._graph._n_outputs == 3:
            novelty = self._graph._number(&self._graph._outputs[2], 0)
        if lap is not None:
            lap("predict")
        tokens = self._tokens(&found) if known_tokens is None else <double>known_tokens
        kind, ratios = self._kind(&found, len(text)), self._ratios.by_deployment
        for index in range(self._prices._n):
            tier, counted = self._prices._rows[index].tier, tokens
            if ratios:
                learnt = ratios.get(self._prices._deployments[index].id)
                counted = tokens if learnt is None else tokens * <double>learnt[kind]
            estimates.append(
                self._prices._estimate(index, adequacy[tier], lengths[tier], counted)
            )
        priced = tuple(estimates)
        if self._pools is not None:
            priced = self._pools.priced(priced, None)
        for estimate in priced:
            if not _of_estimate(estimate, E_INELIGIBLE):
                eligible.append(estimate)
        if not eligible:
            return None
        if lap is not None:
            lap("price")
        if target is None:
            chosen, reason = best_trade_off(eligible, pay), self._trade_off
        else:
            chosen, is_met = cheapest_enough(eligible, target)
            reason = self._met if is_met else self._unreachable
        if self._pools is not None:
            self._pools.took(chosen, priced)
        return self._made((
            self._draw(), chosen, reason, goal, priced, savings_baseline(eligible),
            self._artifact, self._catalog, None, novelty, tokens, kind, None,
        ))

    cdef double _tokens(self, const Found* found) noexcept:
        """Return what ``router.cost.tokens`` estimates for a conversation of one message."""
        cdef double tokens = (
            found.weight
            + self._of_word * found.n_words
            + self._of_number * found.places.digits
            + self._of_group * found.places.digit_groups
            + self._of_mark * found.places.marked_ends
            + self._of_line * found.places.line_ends
            + self._of_indent * found.places.indents
        )
        return (tokens if tokens > 1.0 else 1.0) + self._of_message

    cdef object _kind(self, const Found* found, Py_ssize_t n_chars):
        """Return what a text is mostly written in, as ``router.cost.tokens`` does."""
        cdef const double* counts = &found.sums[0]
        cdef Py_ssize_t script, most = 0
        for script in range(1, self._reader._n_scripts):
            if found.scripts[script] > found.scripts[most]:
                most = script
        if found.scripts[most] > self._most_letters * n_chars:
            return self._kind_of_script[most]
        if counts[self._digit] > self._many_digits * n_chars:
            return self._digits
        if (
            counts[self._math] + counts[self._bracket] + counts[self._quote] + counts[self._other]
            > self._many_marks * n_chars
        ):
            return (
                self._quoted if counts[self._quote] > self._many_quotes * n_chars else self._marked
            )
        return self._latin if found.latin > 0.0 else self._plain
