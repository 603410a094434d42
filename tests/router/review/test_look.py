"""The rule of a second look: the best branch, more money buys no less, bad answers never pass."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_answers import made_up_review

from router.engine import Engine
from router.errors import ArtifactError, DataError
from router.review.candidates import Candidates, candidates_of
from router.review.digest import digest_of
from router.review.heads import ReviewModel
from router.review.look import Finish, GivenAnswer, Why, look
from router.review.plan import foresee, plan
from router.review.rule import Action, Branch, choose_branch
from router.review.saved import review_from_json, review_to_json
from router.types import Goal, Message, Prediction, Request

SMALL, MEDIUM, LARGE = range(3)
ASKED = Request((Message("user", "How many eggs are left?"),))
DEAR, CHEAP = Goal(willingness_to_pay_usd=1.0), Goal(willingness_to_pay_usd=1e-5)


@pytest.fixture(scope="module")
def model() -> ReviewModel:
    return made_up_review()


@pytest.fixture
def candidates(engine: Engine) -> Candidates:
    return decided(engine, (0.7, 0.8, 0.95))


def decided(engine: Engine, adequacy: tuple[float, ...], **limits: object) -> Candidates:
    prediction = Prediction(adequacy, (90.0, 90.0, 90.0))
    request = ASKED._replace(**limits)
    goal = Goal(willingness_to_pay_usd=0.03)
    estimates = engine.estimator.estimates(request, goal, prediction, 50.0)
    return candidates_of(estimates, engine.artifact.tier_names)


def answer(tier: int, text: str = "The answer is 12.", finish: Finish = Finish.STOP) -> GivenAnswer:
    return GivenAnswer(tier, finish, digest_of(text, 80))


branches = st.lists(
    st.builds(
        Branch,
        action=st.just(Action.ESCALATE),
        tier=st.integers(0, 2),
        quality=st.floats(0, 1),
        cost_usd=st.floats(0, 1),
        answers=st.floats(0, 2),
    ),
    min_size=1,
    max_size=5,
)


@given(branches, st.floats(1e-4, 10), st.floats(1.0, 100))
def test_more_willingness_to_pay_never_buys_less_quality(
    given_branches: list[Branch], pay: float, times: float
) -> None:
    low = choose_branch(given_branches, Goal(willingness_to_pay_usd=pay))
    high = choose_branch(given_branches, Goal(willingness_to_pay_usd=pay * times))
    assert high.quality >= low.quality - 1e-9
    assert high.cost_usd >= low.cost_usd - 1e-9 * pay


@given(branches, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_target_never_chooses_less_quality_or_less_cost(
    given_branches: list[Branch], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    before = choose_branch(given_branches, Goal(quality_target=low))
    after = choose_branch(given_branches, Goal(quality_target=high))
    if any(branch.quality >= high for branch in given_branches):
        assert after.quality >= high
        assert after.cost_usd >= before.cost_usd


@given(branches, st.floats(0, 0.1))
def test_dearer_waiting_never_asks_for_more_answers(
    given_branches: list[Branch], wait: float
) -> None:
    goal = Goal(willingness_to_pay_usd=0.5)
    patient = choose_branch(given_branches, goal)
    hurried = choose_branch(given_branches, goal, wait)
    assert hurried.answers <= patient.answers + 1e-9


def test_agreement_raises_what_is_believed_and_disagreement_lowers_it(
    model: ReviewModel, candidates: Candidates
) -> None:
    alone = look(model, candidates, [answer(SMALL)], CHEAP).branch
    agreed = look(model, candidates, [answer(SMALL), answer(MEDIUM, "12.0")], CHEAP)
    differed = look(model, candidates, [answer(SMALL), answer(MEDIUM, "13")], CHEAP)
    assert (agreed.why, differed.why) == (Why.ANSWERS_AGREE, Why.ANSWERS_DIFFER)
    assert agreed.branches[0].quality > alone.quality > differed.branches[0].quality


def test_a_caller_who_pays_well_compares_or_escalates_and_one_who_does_not_accepts(
    model: ReviewModel, engine: Engine
) -> None:
    doubtful = decided(engine, (0.4, 0.5, 0.97))
    assert look(model, doubtful, [answer(SMALL)], DEAR).branch.action is not Action.ACCEPT
    assert look(model, doubtful, [answer(SMALL)], CHEAP).branch.action is Action.ACCEPT
    differed = look(model, doubtful, [answer(SMALL), answer(MEDIUM, "99")], DEAR).branch
    assert (differed.action, differed.tier) == (Action.ESCALATE, LARGE)


@pytest.mark.parametrize(
    ("given_answer", "why"),
    [
        (answer(SMALL, finish=Finish.LENGTH), Why.TRUNCATED),
        (answer(SMALL, ""), Why.EMPTY),
        (answer(SMALL, "I'm sorry, but I cannot help with that."), Why.REFUSED),
        (answer(SMALL, finish=Finish.REFUSAL), Why.REFUSED),
        (answer(SMALL, finish=Finish.ERROR), Why.FAILED),
    ],
)
@pytest.mark.parametrize("goal", [DEAR, CHEAP, Goal(quality_target=0.0)])
def test_a_bad_answer_is_never_accepted_at_any_price(
    model: ReviewModel, candidates: Candidates, given_answer: GivenAnswer, why: Why, goal: Goal
) -> None:
    outcome = look(model, candidates, [given_answer], goal)
    assert outcome.why is why
    assert outcome.branch.action is Action.ESCALATE
    assert outcome.branch.tier != SMALL


def test_when_nobody_is_left_to_ask_it_says_so(model: ReviewModel, engine: Engine) -> None:
    only_small = decided(engine, (0.7, 0.8, 0.95), allowed_tiers=frozenset({"small"}))
    outcome = look(model, only_small, [answer(SMALL, "")], DEAR)
    assert (outcome.branch.action, outcome.why) == (Action.GIVE_UP, Why.EMPTY)


def test_a_kind_nothing_was_learnt_about_is_judged_by_the_prompt_alone(
    model: ReviewModel, candidates: Candidates
) -> None:
    essay = "Rivers run to the sea, and the sea is not full. " * 5
    outcome = look(model, candidates, [answer(SMALL, essay)], CHEAP)
    assert (outcome.why, outcome.branch.action) == (Why.NOT_LEARNT, Action.ACCEPT)
    assert outcome.branch.quality == candidates.adequacy[SMALL]


def test_without_a_review_in_the_artifact_the_prompt_alone_decides(candidates: Candidates) -> None:
    outcome = look(None, candidates, [answer(SMALL)], CHEAP)
    assert (outcome.why, outcome.branch.quality) == (Why.NOT_LEARNT, candidates.adequacy[SMALL])
    assert not plan(foresee(None, candidates), candidates, SMALL, CHEAP).review


def test_the_top_tiers_answer_is_accepted(model: ReviewModel, candidates: Candidates) -> None:
    outcome = look(model, candidates, [answer(SMALL), answer(LARGE, "13")], DEAR)
    assert (outcome.branch.action, outcome.branch.tier) == (Action.ACCEPT, LARGE)


def test_a_plan_reviews_where_it_saves_and_not_where_waiting_is_dear(
    model: ReviewModel, candidates: Candidates
) -> None:
    goal = Goal(willingness_to_pay_usd=0.05)
    beliefs = foresee(model, candidates)
    patient = plan(beliefs, candidates, LARGE, goal)
    assert patient.review
    assert patient.first in (SMALL, MEDIUM)
    assert patient.cost_usd < patient.plain_cost_usd
    assert 1.0 <= patient.answers <= 3.0
    hurried = plan(beliefs, candidates, LARGE, goal, wait_usd=1.0)
    assert (hurried.review, hurried.first) == (False, LARGE)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(1e-4, 1.0))
def test_every_branch_has_a_quality_a_probability_can_have_and_a_cost(
    small: float, large: float, pay: float
) -> None:
    branches_of = look(
        _MODEL, _candidates(small, large), [answer(SMALL)], Goal(willingness_to_pay_usd=pay)
    ).branches
    for branch in branches_of:
        assert 0.0 <= branch.quality <= 1.0
        assert branch.cost_usd >= 0.0


_MODEL = made_up_review()


def _candidates(small: float, large: float) -> Candidates:
    from router.catalog import load_catalog
    from router.review.heads import prompt_rows
    from router.types import Estimate

    catalog = load_catalog(Path(__file__).parents[1] / "catalog.toml")
    adequacy = (small, (small + large) / 2, large)
    cheapest = {
        tier: Estimate(catalog.deployments[tier], adequacy[tier], 0.001 * 4**tier, 50.0, 90.0)
        for tier in range(3)
    }
    row = prompt_rows(np.array([adequacy]), np.full((1, 3), 90.0))[0]
    return Candidates(row, adequacy, cheapest)


def test_a_saved_review_says_the_same(model: ReviewModel, candidates: Candidates) -> None:
    again = review_from_json(review_to_json(model))
    before = look(model, candidates, [answer(SMALL)], DEAR)
    after = look(again, candidates, [answer(SMALL)], DEAR)
    for one, other in zip(before.branches, after.branches, strict=True):
        assert other.quality == pytest.approx(one.quality, abs=1e-4)
        assert other.cost_usd == pytest.approx(one.cost_usd, rel=1e-3)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "no json",
        lambda text: text.replace('"format":1', '"format":9'),
        lambda text: text.replace('"tiers":3', '"tiers":2'),
        lambda text: text.replace('"NUMBER"', '"NUMERAL"'),
        lambda text: text.replace('"top_tokens_seen"', '"top_token_seen"'),
    ],
)
def test_a_spoilt_review_is_refused(model: ReviewModel, spoil: object) -> None:
    with pytest.raises(DataError, match="fit"):
        review_from_json(spoil(review_to_json(model)))


def test_a_review_for_other_tiers_is_refused_with_the_artifact(
    model: ReviewModel, tiny_artifact: Path, tmp_path: Path
) -> None:
    import shutil

    from router.predict.artifact import load_artifact
    from router.predict.files import read_json
    from training.export import write_manifest

    place = tmp_path / "artifact"
    shutil.copytree(tiny_artifact, place)
    spoilt = review_to_json(model).replace('"tiers":3', '"tiers":4')
    (place / "review.json").write_text(spoilt)
    write_manifest(place, read_json(place / "manifest.json"))
    with pytest.raises(ArtifactError, match="make review"):
        load_artifact(place)
