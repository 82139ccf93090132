#!/usr/bin/env python3
"""The demo's five questions, answered by a second tool: Python's standard library and nothing of Cohortium.

Reads rotterdam.csv and gbsg.csv, makes up the same consents from the demo's seed, counts, applies the
demo's policy, and prints tallies.json: for each question and site the exact numbers of each group and
what may be released of them. A test holds Cohortium's own numbers against that file.

    python3 examples/breast-cancer/tallies.py > examples/breast-cancer/tallies.json
"""

import csv
import hashlib
import json
import math
import pathlib
from fractions import Fraction
from itertools import product

HERE = pathlib.Path(__file__).parent
SEED = 2013
PURPOSE = "DUO:0000042/academic"
SMALLEST, ROUNDING = 8, 5
MOST_NODES = 60  # by schema.json
YEAR = Fraction(1461, 4)


def consents(site, patient):
    """As docs/src/formats/conventions.md describes digests: each item behind its length."""
    items = [b"cohortium/synthetic/1", b"consent", SEED.to_bytes(8, "big")]
    items += [text.encode() for text in (site, patient, PURPOSE)]
    stream = b"".join(len(item).to_bytes(8, "big") + item for item in items)
    word = int.from_bytes(hashlib.sha256(stream).digest()[:8], "big")
    return word >= (2**64 - 1) // 6


def patients(site):
    with open(HERE / f"{site}.csv", newline="") as file:
        for row in csv.DictReader(file):
            if not consents(site, row["pid"]):
                continue
            if site == "rotterdam":
                row["class"] = row["size"]
                row["event"] = "1" in (row["recur"], row["death"])
                row["days"] = int(row["rtime"] if row["recur"] == "1" else row["dtime"])
            else:
                row["class"] = "<=20" if int(row["size"]) <= 20 else "20-50" if int(row["size"]) <= 50 else ">50"
                row["event"] = row["status"] == "1"
                row["days"] = int(row["rfstime"])
            yield row


def yes(condition):
    return "yes" if condition else "no"


def decade(row):
    age = int(row["age"])
    return None if age < 20 else "at least 90" if age >= 90 else f"{age // 10 * 10} to {age // 10 * 10 + 9}"


def year_label(year):
    first, following = math.ceil(year * YEAR), math.ceil((year + 1) * YEAR)
    return f"{first} to {following - 1}" if year < 10 else f"at least {first}"


def year(row):
    return year_label(min(10, math.floor(row["days"] / YEAR)))


FLAG = ["no", "yes"]
DECADES = [f"{age} to {age + 9}" for age in range(20, 90, 10)] + ["at least 90"]
HORMON = (FLAG, lambda row: yes(row["hormon"] == "1"))

# Name: who is counted; groupings, each with all its labels; which sums, and to what they are rounded.
QUESTIONS = {
    "grade-3-by-treatment": (lambda row: int(row["age"]) > 50 and row["grade"] == "3", [HORMON], [], 1),
    "nodes-by-size": (lambda row: True, [(["<=20", "20-50", ">50"], lambda row: row["class"])], [1, 2], 1),
    "age-by-decade": (lambda row: True, [(DECADES, decade)], [], 1),
    "recurrence-free-survival": (
        lambda row: True,
        [([year_label(y) for y in range(11)], year), (FLAG, lambda row: yes(row["event"])), HORMON],
        [],
        1,
    ),
    "nodes-by-grade": (
        lambda row: True,
        [(["1", "2", "3"], lambda row: row["grade"])],
        [1],
        2 * SMALLEST * MOST_NODES,
    ),
}


def nearest(number, base):
    below = number - number % base
    return below + base if 2 * (number - below) >= base else below


def shown(number):
    return {"state": "value", "value": number}


def released(nodes, powers, base):
    """The count's cell, and the sums'."""
    if len(nodes) < SMALLEST:
        cell = {"state": "suppressed" if nodes else "zero"}
        return cell, [cell] * len(powers)
    sums = [sum(n**power for n in nodes) for power in powers]
    cell = lambda total: shown(nearest(total, base)) if base == 1 or nearest(total, base) else {"state": "suppressed"}
    return shown(nearest(len(nodes), ROUNDING)), [cell(total) for total in sums]


def answer(site, counted, groupings, powers, base):
    groups = {labels[::-1]: [] for labels in product(*[labels for labels, _ in reversed(groupings)])}
    for row in filter(counted, patients(site)):
        labels = tuple(label(row) for _, label in groupings)
        if labels in groups:
            groups[labels].append(int(row["nodes"]))
    for labels, nodes in groups.items():
        count, sums = released(nodes, powers, base)
        yield {
            "labels": labels,
            "n": len(nodes),
            "sum": sum(nodes),
            "sum_of_squares": sum(n * n for n in nodes),
            "released": {"count": count, "sums": sums},
        }


def main():
    lines = []
    for name, question in QUESTIONS.items():
        for site in ("rotterdam", "gbsg"):
            groups = ",\n      ".join(json.dumps(group) for group in answer(site, *question))
            lines.append(f'    {{ "question": "{name}", "site": "{site}", "groups": [\n      {groups}\n    ] }}')
    print(f'{{\n  "seed": {SEED},\n  "answers": [\n' + ",\n".join(lines) + "\n  ]\n}")


if __name__ == "__main__":
    main()
