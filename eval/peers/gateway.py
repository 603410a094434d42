"""LiteLLM's ``Router`` whole: an auto-router among its models, every reply made up beforehand.

What is asked here goes the way of a request through the package, but for the model itself: its
reply is ``mock_response``, so nothing leaves the process.
"""

from collections.abc import Mapping
from typing import Any

from eval.peers.rules import TIERS, stay_offline

CLASSIFIERS: Mapping[str, Mapping[str, str]] = {
    "rules": {},
    "heuristic_v2": {"classifier_type": "heuristic_v2"},
}
"""The classifiers that call no model, with what selects them."""


class Gateway:
    """LiteLLM's ``Router`` with a model per tier, and one auto-router per classifier."""

    def __init__(self) -> None:
        stay_offline()
        from litellm import Router

        names = {tier: tier.lower() for tier in TIERS}
        models: list[dict[str, Any]] = [
            _deployment(name, model=f"openai/{name}", api_key="none", mock_response="A reply.")
            for name in names.values()
        ]
        models += [
            _deployment(
                name,
                model="auto_router/complexity_router",
                complexity_router_config={"tiers": names, **config},
            )
            for name, config in CLASSIFIERS.items()
        ]
        self._router: Any = Router(model_list=models)

    async def decide(self, classifier: str, prompt: str) -> str:
        """Return the model that the router's hook chooses; nothing is asked of it."""
        answer = await self._router.async_pre_routing_hook(
            model=classifier, request_kwargs={}, messages=_messages(prompt)
        )
        return str(answer.model)

    async def complete(self, model: str, prompt: str) -> str:
        """Return the made-up reply of a model, or of the one that an auto-router chooses."""
        answer = await self._router.acompletion(model=model, messages=_messages(prompt))
        return str(answer.choices[0].message.content)

    async def settle(self) -> None:
        """Wait until the bookkeeping that calls left behind is done."""
        from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

        await GLOBAL_LOGGING_WORKER.flush()


def _deployment(name: str, **parameters: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": parameters}


def _messages(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]
