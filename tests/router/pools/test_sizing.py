"""GPUs for weights and KV cache, against cases that can be worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.cli.main import main
from router.cost.pools.size import (
    GB,
    Gpu,
    Model,
    Size,
    Variant,
    kv_bytes_per_token,
    kv_tokens,
    size,
    weights_bytes,
)
from router.errors import ConfigError

LLAMA_70B = Model(parameters=70e9, layers=80, kv_heads=8, head_dim=128)
LLAMA_8B = Model(parameters=8e9, layers=32, kv_heads=8, head_dim=128)
BF16, FP8 = Variant(2.0, 2.0), Variant(1.0, 1.0)
BARE_80 = Gpu(80 * GB, usable=1.0, reserved_bytes=0.0)
SHAPE = ["--layers", "80", "--kv-heads", "8", "--head-dim", "128"]
ASKED = ["--context", "8192", "--concurrency", "64", "--gpu-memory-gb", "80"]


def test_a_token_of_a_70b_model_takes_320_kib_in_16_bit_and_half_in_8() -> None:
    assert kv_bytes_per_token(LLAMA_70B, BF16) == 320 * 1024
    assert kv_bytes_per_token(LLAMA_70B, FP8) == 160 * 1024
    assert kv_bytes_per_token(LLAMA_8B, BF16) == 128 * 1024


def test_weights_are_parameters_times_bytes() -> None:
    assert weights_bytes(LLAMA_70B, BF16) == 140 * GB
    assert weights_bytes(LLAMA_70B, Variant(0.5, 2.0)) == 35 * GB


def test_what_weights_leave_holds_tokens_exactly() -> None:
    # 2 x 80 GB less 70 GB of weights, over 163,840 bytes a token.
    assert kv_tokens(LLAMA_70B, FP8, BARE_80, 2) == int(90e9 // 163_840)
    assert kv_tokens(LLAMA_70B, BF16, BARE_80, 1) == 0
    # 0.9 of 80 GB less 2 GB, twice, less 70 GB: the defaults.
    assert kv_tokens(LLAMA_70B, FP8, Gpu(80 * GB), 2) == int(70e9 // 163_840)


def test_more_gpus_than_heads_hold_each_head_several_times() -> None:
    assert kv_bytes_per_token(LLAMA_70B, BF16, 16) == 2 * kv_bytes_per_token(LLAMA_70B, BF16, 8)


def test_small_replicas_are_taken_where_they_need_no_more_gpus() -> None:
    # One GPU holds 64 GB of cache: 59 requests of 8,192 tokens at 1 GiB each; two hold 134 GB.
    assert size(LLAMA_8B, BF16, BARE_80, context_tokens=8192, concurrency=59) == Size(1, 1, 59)
    assert size(LLAMA_8B, BF16, BARE_80, context_tokens=8192, concurrency=118) == Size(1, 2, 59)
    # Weights stand once in a wider replica, so there it holds more.
    assert size(LLAMA_8B, BF16, BARE_80, context_tokens=8192, concurrency=130) == Size(2, 1, 134)


def test_what_fits_nowhere_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"weights of 140.0 GB .* do not fit 1 GPUs .*quantise"):
        size(LLAMA_70B, BF16, BARE_80, context_tokens=10, concurrency=1, most_per_replica=1)


@given(
    parameters=st.floats(1e8, 5e11),
    kv_heads=st.sampled_from([1, 2, 4, 8]),
    context=st.integers(1, 131_072),
    concurrency=st.integers(1, 500),
)
def test_a_size_holds_what_is_asked_and_quantising_never_needs_more(
    parameters: float, kv_heads: int, context: int, concurrency: int
) -> None:
    model = Model(parameters, 60, kv_heads, 128)

    def needed(variant: Variant) -> Size | None:
        try:
            return size(model, variant, BARE_80, context_tokens=context, concurrency=concurrency)
        except ConfigError:
            return None

    wide, narrow = needed(BF16), needed(FP8)
    if wide is None:
        return
    assert narrow is not None
    assert narrow.gpus <= wide.gpus
    for one in (wide, narrow):
        assert one.replicas * one.concurrency >= concurrency
    used = weights_bytes(model, BF16) + (
        wide.concurrency * context * kv_bytes_per_token(model, BF16, wide.gpus_per_replica)
    )
    assert used <= wide.gpus_per_replica * 80 * GB


def test_the_command_shows_every_quantisation_and_which_does_not_fit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["pools", "size", "--parameters", "70e9", *SHAPE, *ASKED, "--most-per-replica", "2"]
    assert main([*given, "--usd-per-gpu-hour", "2.95"]) == 0
    rows = [text.split() for text in capsys.readouterr().out.splitlines()[2:8]]
    assert [row[:2] for row in rows] == [
        [w, k] for w in ("bf16", "fp8", "int4") for k in ("bf16", "fp8")
    ]
    assert rows[0][2:] == ["140.0", "2.68", "does", "not", "fit"]
    # 2 x 70 GB less 70 GB over 1.34 GB a request: 52 at once, so two replicas for 64.
    assert rows[3][2:8] == ["70.0", "1.34", "2", "x", "2", "52"]
    assert rows[3][-1] == f"{4 * 2.95 * 730:,.0f}"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--usable", "1.5"], "--usable 1.5: must be above 0 and at most 1"),
        (["--reserved-gb", "79"], "nothing is left of 0.9 of 80 GB"),
        (["--parameters", "7e12"], "do not fit 8 GPUs of 80 GB each"),
    ],
)
def test_what_cannot_be_is_refused(
    changed: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["pools", "size", "--parameters", "70e9", *SHAPE, *ASKED, *changed]
    assert main(given) == 1
    assert said in capsys.readouterr().err


OPTIONS = (
    "parameters", "layers", "kv-heads", "head-dim", "context", "concurrency", "gpu-memory-gb",
    "reserved-gb", "most-per-replica", "usd-per-gpu-hour",
)  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        ["--layers", "0"],
        ["--context", "-1"],
        *([f"--{option}={value}"] for option in OPTIONS[:1] for value in ("nan", "inf", "-1", "0")),
        *([f"--{option}={'9' * 400}"] for option in OPTIONS),
        *([f"--{option}=1e308"] for option in ("parameters", "gpu-memory-gb", "usd-per-gpu-hour")),
    ],
    ids=lambda value: value[0][:30],
)
def test_numbers_that_are_none_are_refused_by_the_command_line(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["pools", "size", "--parameters", "70e9", *SHAPE, *ASKED, *wrong])
    assert "must be" in capsys.readouterr().err


def test_the_greatest_numbers_that_are_taken_end_in_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    greatest = [f"--{one}={10**9}" for one in OPTIONS]
    assert main(["pools", "size", *greatest]) == 1
    assert "nothing is left" in capsys.readouterr().err
    assert main(["pools", "size", *greatest, "--gpu-memory-gb=1e18", "--reserved-gb=0"]) in {0, 1}
