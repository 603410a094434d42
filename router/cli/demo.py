"""``demo``: the real server in a child process, sample prompts through a real client, a table."""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from textwrap import fill

from router.cli.child import ServerProcess
from router.cli.explain import SHORT_WHY, goal_in_words, lines_of_candidates, usd
from router.cli.table import columns_of, lines_of_table, painted, shortened, terminal_width
from router.client import CallError, RouterClient
from router.defaults import sample_prompts_path
from router.errors import DataError
from router.v1 import router_pb2 as pb

_TIER_COLOURS = ("green", "yellow", "magenta")
OTHER_GOALS = (
    pb.Goal(willingness_to_pay_usd=0.03),
    pb.Goal(willingness_to_pay_usd=0.01),
    pb.Goal(willingness_to_pay_usd=0.003),
    pb.Goal(quality_target=0.8),
    pb.Goal(quality_target=0.6),
)
_KIND_WIDTH = 15
_GAP = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """A prompt written for this project, and what kind of task it is."""

    kind: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Routed:
    """A sample, the answer to it, and the milliseconds the client waited."""

    sample: Sample
    answer: pb.RouteResponse
    waited_ms: float

    @property
    def cost_usd(self) -> float:
        """Expected cost of the chosen deployment."""
        chosen = (c for c in self.answer.candidates if c.deployment == self.answer.deployment)
        return next(chosen).expected_cost_usd

    @property
    def spread(self) -> tuple[float, float]:
        """Least and greatest adequacy of its candidates."""
        adequacies = [candidate.adequacy for candidate in self.answer.candidates]
        return min(adequacies), max(adequacies)


def add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``demo``."""
    parser = commands.add_parser(
        "demo", help="start a server, route sample prompts through a client, print a table, stop"
    )
    parser.add_argument("--artifact", metavar="DIR", help="artifact directory")
    parser.add_argument("--catalog", metavar="FILE", help="catalog file")
    parser.set_defaults(run=demo)


def demo(arguments: argparse.Namespace) -> int:
    """Run the demonstration; return 0."""
    samples = read_samples(sample_prompts_path())
    with tempfile.TemporaryDirectory() as directory:
        flags = ["--address", "127.0.0.1:0", "--store", str(Path(directory, "outcomes.sqlite3"))]
        for name in ("artifact", "catalog"):
            if getattr(arguments, name):
                flags += [f"--{name}", getattr(arguments, name)]
        began = time.perf_counter()
        with ServerProcess(flags) as server, RouterClient(server.address) as client:
            print(f"Server ready on {server.address} after {time.perf_counter() - began:.1f} s.\n")
            show(client, samples)
            status = server.stop()
    print(f"Server stopped with exit status {status}.")
    return status


def read_samples(path: Path) -> list[Sample]:
    """Read sample prompts, one JSON object with "kind" and "prompt" a line.

    Raises:
        DataError: a line is something else.
    """
    samples = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            content = json.loads(line)
            samples.append(Sample(str(content["kind"]), str(content["prompt"])))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f'{path}:{number}: expected {{"kind": ..., "prompt": ...}} ({error!r})'
            ) from error
    return samples


def show(client: RouterClient, samples: Sequence[Sample]) -> None:
    """Route the samples and print everything."""
    tiers = client.list_tiers()
    names = [tier.name for tier in tiers.tiers]
    client.route(pb.RouteRequest(prompt="The first call opens the connection; it is not timed."))
    routed = [_timed(client, sample) for sample in samples]
    print(f"Goal of every request: {goal_in_words(tiers.default_goal)}.\n")
    print("\n".join(lines_of_routed(routed, names, terminal_width())))
    print()
    print("\n".join(lines_of_summary(routed, names)))
    print()
    _show_goals(client, samples, names)
    _show_target(client, routed)
    _show_error(client, names)
    _show_outcome(client, routed[0])


def _timed(client: RouterClient, sample: Sample) -> Routed:
    began = time.perf_counter()
    answer = client.route(pb.RouteRequest(prompt=sample.prompt))
    return Routed(sample, answer, (time.perf_counter() - began) * 1e3)


def lines_of_routed(routed: Sequence[Routed], names: Sequence[str], width: int) -> list[str]:
    """Return the table of decisions, at most ``width`` columns wide.

    Args:
        routed: At least one.
        names: Tier names, lowest first; adequacy of each is its own column.
        width: Columns of the terminal.
    """
    header = ["kind", "prompt", "tier", *names, "USD", "saved", "why"]
    rows = []
    for item in routed:
        best = dict.fromkeys(names, 0.0)
        for candidate in item.answer.candidates:
            best[candidate.tier] = max(best[candidate.tier], candidate.adequacy)
        rows.append(
            [
                shortened(item.sample.kind, _KIND_WIDTH),
                item.sample.prompt,
                item.answer.tier,
                *(f"{best[name]:.0%}" for name in names),
                usd(item.cost_usd),
                f"{item.answer.saving_fraction:.0%}",
                SHORT_WHY[item.answer.reason],
            ]
        )
    others = [column for column in range(len(header)) if column != 1]
    taken = sum(_GAP + max(columns_of(row[c]) for row in (header, *rows)) for c in others)
    for row in rows:
        row[1] = shortened(row[1], max(width - taken, len(header[1])))
    right = range(3, len(header) - 1)
    lines = lines_of_table(header, rows, right=right)
    return lines[:2] + [
        _tier_painted(line, row[2], names) for line, row in zip(lines[2:], rows, strict=True)
    ]


def _tier_painted(line: str, tier: str, names: Sequence[str]) -> str:
    """Paint the last " tier " of a line; the columns behind it hold only numbers and the reason."""
    before, found, after = line.rpartition(f"  {tier} ")
    colour = _TIER_COLOURS[min(names.index(tier), len(_TIER_COLOURS) - 1)]
    return f"{before}  {painted(tier, colour)} {after}" if found else line


def lines_of_summary(routed: Sequence[Routed], names: Sequence[str]) -> list[str]:
    """Return tier mix, expected cost against always the highest tier, and the time waited."""
    mix = Counter(item.answer.tier for item in routed)
    highest = names[-1]
    total = sum(item.cost_usd for item in routed)
    always = sum(
        min(c.expected_cost_usd for c in item.answer.candidates if c.tier == highest)
        for item in routed
    )
    share = f", {1 - total / always:.0%} less" if always else ""
    shares = ", ".join(f"{name} {mix[name]}" for name in names)
    waited = median(item.waited_ms for item in routed)
    return [
        painted(f"{len(routed)} prompts: {shares}.", "bold"),
        f"Expected cost {usd(total)} USD; always {highest} {usd(always)} USD{share}.",
        f"Median time of a decision, seen by the client: {waited:.2f} ms.",
        "Under the tiers stands predicted adequacy. Costs and savings are expected, not measured.",
    ]


def _show_goals(client: RouterClient, samples: Sequence[Sample], names: Sequence[str]) -> None:
    """Route the samples once more at other goals, each in one RouteBatch."""
    rows = []
    for goal in OTHER_GOALS:
        requests = [pb.RouteRequest(prompt=sample.prompt, goal=goal) for sample in samples]
        answers = client.route_batch(pb.RouteBatchRequest(requests=requests)).results
        routed = [Routed(s, a.response, 0.0) for s, a in zip(samples, answers, strict=True)]
        mix = Counter(item.answer.tier for item in routed)
        total = sum(item.cost_usd for item in routed)
        rows.append([goal_in_words(goal), *(str(mix[name]) for name in names), usd(total)])
    print(painted("The same prompts at other goals", "bold"))
    header = ["goal", *names, "USD"]
    print("\n".join(lines_of_table(header, rows, right=range(1, len(header)))), end="\n\n")


def _show_target(client: RouterClient, routed: Sequence[Routed]) -> None:
    """Ask for a target that the tiers disagree about: half way between the extremes of a prompt."""
    item = max(routed, key=lambda one: one.spread[1] - one.spread[0])
    target = round(sum(item.spread) / 2, 2)
    answer = client.route(
        pb.RouteRequest(prompt=item.sample.prompt, goal=pb.Goal(quality_target=target))
    )
    print(painted(f"With a quality target of {target:g}", "bold"), end=": ")
    print(f"“{shortened(item.sample.prompt, 45)}” → {answer.tier}, {SHORT_WHY[answer.reason]}")
    print("\n".join(lines_of_candidates(answer.candidates, answer.deployment)), end="\n\n")


def _show_error(client: RouterClient, names: Sequence[str]) -> None:
    print(painted("When nobody may serve", "bold"), end=f": every tier denied ({len(names)})\n")
    try:
        client.route(pb.RouteRequest(prompt="Who may answer this?", denied_tiers=names))
    except CallError as error:
        text = f"{error.code} {error.reason}: {error.message}"
        print(fill(text, terminal_width(), initial_indent="  ", subsequent_indent="  "), end="\n\n")


def _show_outcome(client: RouterClient, item: Routed) -> None:
    request = pb.RecordOutcomeRequest(
        decision_id=item.answer.decision_id,
        request_id="demo-1",
        quality=1.0,
        output_token_count=12,
        latency_ms=350.0,
    )
    print(painted("What came of a decision", "bold"), end=" is reported and kept durably: ")
    first, again = client.record_outcome(request), client.record_outcome(request)
    print(f"recorded (duplicate {first.duplicate}), sent again (duplicate {again.duplicate}).\n")
