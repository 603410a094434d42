"""Where the bundled outcomes come from: facts for the files' metadata and data/README.md.

Only facts are here; reading the collections is ``upstream``.
"""

from eval.outcomes import Origin

_TOKENS = "Tokens counted with tiktoken o200k_base, not with each model's own tokenizer."

ORIGINS: dict[str, Origin] = {
    "zeroeval": Origin(
        origin="https://github.com/WildEval/ZeroEval",
        commit="8c1485edf12c6efb5f69135a562927c5ad484059 "
        "(mmlu-redux and zebra-grid: older blobs of its history, last touched 7cfccf97)",
        licence="Apache-2.0 (repository); upstream sets GSM8K and MATH MIT, MMLU-Redux CC-BY-4.0, "
        "ZebraLogic (licences of the sets not verified)",
        notes="Quality 0/1, greedy decoding, one run. gsm and math-l5: ZeroEval's evaluator "
        "re-implemented; mmlu-redux and zebra-grid: its own lists, no parsable answer = 0. "
        "mmlu-redux holds 976 of 2,778 and zebra-grid 737 of 1,000 prompts, not a random sample. "
        "Where flags say output_tokens_estimated, output tokens are one mean per model and task. "
        f"input_tokens counts the full template. {_TOKENS}",
    ),
    "bfcl": Origin(
        origin="https://github.com/HuanzhiMao/BFCL-Result (folder 2024-08-11); the prompts of "
        "subtask relevance from https://github.com/ShishirPatil/gorilla",
        commit="b4adfc9be5e0c65e8dbb1340c689688eb92a9379; "
        "gorilla 6ea57973c7a6097fd7c5915698c54c17c5b1b6c8",
        licence="BFCL-Result has no licence file, so only numbers made from it are here; "
        "gorilla (BFCL) is Apache-2.0",
        notes="Quality 0/1 by BFCL's own checker, all models in prompt mode, which does not show "
        "gpt-4o at its best. relevance prompts come from a later version of the set "
        f"(flag prompt_from_bfcl_v4). Without java, javascript, rest, executable_*. {_TOKENS}",
    ),
    "routellm": Origin(
        origin="https://github.com/lm-sys/RouteLLM",
        commit="0b64fdafe049e596a3f5657c219329f24af24198",
        licence="Apache-2.0 (repository); upstream sets MMLU, GSM8K, MT-Bench are MIT or Apache "
        "(not verified)",
        notes="Two models. Quality: MMLU and GSM8K published booleans, MT-Bench (score - 1) / 9 "
        "judged by gpt-4, one row per turn (subtask q<question>/t<turn>). RouteLLM drops the rows "
        "flagged contaminated and routes MT-Bench on turn 1 only. No output tokens for MMLU. "
        f"input_tokens counts the published prompt, not the few-shot prefix. {_TOKENS}",
    ),
    "mmlu_pro": Origin(
        origin="https://github.com/TIGER-AI-Lab/MMLU-Pro",
        commit="f418b116db00b065c2aea046518d8fcf74d39872",
        licence="Apache-2.0 (repository); data set MIT (not verified)",
        notes="Quality 0/1: published prediction equals the answer; no extracted answer = 0 "
        "(upstream guesses there), flagged no_answer:<model>. Answered with five examples before "
        f"the question; input_tokens counts question and options only. {_TOKENS}",
    ),
}
