"""The benchmarks' own arithmetic: turns, pairs, rounds, goals, and the charts' shape."""

import importlib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def load():
    """Return what imports a module of the benchmarks, which no package holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield lambda name: importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def row(load):
    measure = load("measure")

    def make(ours, peer, **named):
        named = {"bench": "B9", "what": "it", "peer": "the other"} | named
        return measure.Pairs(ours, peer).row(**named)

    return make


def test_actions_take_turns_and_the_order_changes(load):
    done = []
    actions = [lambda: done.append("A"), lambda: done.append("B")]
    times = load("measure").in_turn(actions, turns=3)
    assert "".join(done) == "AB" + "AB" + "BA" + "AB"
    assert [len(one) for one in times] == [3, 3]


def test_what_is_quick_is_repeated_within_its_turn(load):
    done = []
    load("measure").in_turn([lambda: done.append(1)], turns=2, least=0.01)
    assert len(done) > 20


def test_a_ratio_is_taken_pair_by_pair(row):
    # The machine became ten times slower at the second pair; the ratio did not.
    found = row([1.0, 10.0, 1.0], [2.0, 20.0, 2.0], goal=0.5)
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    assert found.met
    assert (found.ours_is, found.peer_is) == (1000.0, 2000.0)


def test_what_both_cost_alike_is_taken_off(load):
    pairs = load("measure").Pairs([3.0, 13.0], [5.0, 15.0]).less([1.0, 11.0])
    assert (pairs.ours, pairs.peer) == ([2.0, 2.0], [4.0, 4.0])


@pytest.mark.parametrize(("goal", "met"), [(0.4, False), (0.6, True), (None, None)])
def test_a_goal_is_met_or_not(row, goal, met):
    assert row([1.0], [2.0], goal=goal).met is met


def test_rounds_are_merged_into_medians_and_extremes(load, row):
    rounds = [[row([part], [10.0])] for part in (2.0, 9.0, 3.0)]
    (merged,) = load("report").merged(rounds)
    assert (merged.value, merged.low, merged.high) == (0.3, 0.2, 0.9)


def test_the_table_says_which_goal_is_missed(load, row):
    text = load("report").markdown([row([3.0], [2.0], goal=1.0), row([1.0], [2.0], goal=1.0)])
    assert [line.split(" | ")[-1] for line in text.splitlines()[2:]] == ["NO |", "yes |"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.00052, "0.000520"), (0.5, "0.500"), (12.34, "12.3"), (98765.4, "98,765")],
)
def test_figures_have_three_digits(load, value, text):
    assert load("report")._short(value) == text


@pytest.mark.parametrize("logarithmic", [True, False])
def test_a_chart_names_its_lines_and_is_the_same_each_time(load, tmp_path, logarithmic):
    charts = load("charts")
    across = charts.Axis("accounts", logarithmic=logarithmic)
    lines = {"ours & theirs": [(10, 0.2), (1_000, 0.3)], "the other": [(10, 0.1), (1_000, 90)]}
    files = [tmp_path / "one.svg", tmp_path / "two.svg"]
    for file in files:
        charts.draw(file, "Growth", across, across, lines)
    one, two = (file.read_text("utf-8") for file in files)
    assert one == two
    name = "{http://www.w3.org/2000/svg}"
    words = {text.text for text in ET.fromstring(one).iter(f"{name}text")}
    assert {"Growth", "accounts", "ours & theirs", "the other"} <= words
    # A marker for each point, and one for each line in the legend.
    assert one.count("<use ") >= 6


def test_only_rows_with_a_size_are_drawn(load, row, tmp_path):
    assert load("plots").write(tmp_path, [row([1.0], [2.0])]) == []


def test_the_documented_figures_come_from_these_benchmarks():
    page = (ROOT / "docs/performance.md").read_text("utf-8")
    rows = {line.split(" | ")[0].strip("| ") for line in page.splitlines() if " | " in line}
    assert {f"B{number}" for number in range(1, 8)} <= rows


def test_the_simulators_rate_counts_what_was_taken_and_arrived(load):
    rate = load("simulator_rate")
    seen = rate.measure(mailboxes=20, connections=3, messages=9)
    assert (seen["taken"], seen["arrived"]) == (9, 9)
    assert "messages a second" in rate.report(seen)
