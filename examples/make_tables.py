"""Writes the made-up tables of lunches/ and plumbers/: `examples/make_tables.py [FOLDER]`."""

import csv
import random
import sys
from pathlib import Path

INGREDIENTS = (
    "aubergine", "avocado", "basil", "beans", "beetroot", "cabbage", "carrot", "chickpeas", "chili",
    "coconut", "couscous", "cucumber", "feta", "fennel", "ginger", "halloumi", "kale", "leek",
    "lemon", "lentils", "lime", "mint", "mushroom", "noodles", "olives", "parsley", "peanut",
    "pepper", "potato", "pumpkin", "rice", "spinach", "tahini", "tofu", "tomato", "yoghurt",
)  # fmt: skip
STARCHES = ("couscous", "noodles", "rice", "potato")
COOKS = (
    "Amina", "Bruno", "Chiara", "Dario", "Edda", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaya",
    "Lior",
)  # fmt: skip
FIRMS = ("Pipe", "Drain", "Valve", "Boiler", "Copper", "Flow", "Gasket", "Joint", "Leak", "Tap")
ENDINGS = ("& Sons", "Brothers", "Express", "Partners", "Works", "Service")
TOWNS = ("Ashby", "Birch", "Cole", "Dunmore", "Elm", "Fenwick", "Garth", "Holm")


def lunches(draw: random.Random) -> list[list[object]]:
    """Twelve cooks, 36 ingredients, two years of weeks: what guests gave, in half stars."""
    liking = {name: draw.gauss(0, 0.5) for name in INGREDIENTS}
    skill = {name: draw.gauss(3.2, 0.5) for name in COOKS}
    own = {name: draw.sample(INGREDIENTS, 9) for name in COOKS}
    rows: list[list[object]] = [["week", "cook", "ingredients", "guests"]]
    for week in range(1, 105):
        for cook in draw.sample(COOKS, 5):
            used = draw.sample(own[cook], draw.choice((1, 2, 2, 3, 3, 3)))
            used = used[:1] + [name for name in used[1:] if name not in STARCHES]
            stars = skill[cook] + sum(map(liking.__getitem__, used)) + draw.gauss(0, 0.35)
            shown = min(max(round(stars * 2) / 2, 0.5), 5.0)
            rows.append([week, cook, "; ".join(sorted(used)), shown])
    return rows


def plumbers(draw: random.Random) -> list[list[object]]:
    """A hundred and twenty firms and nothing else: how content their customers were, in percent."""
    names = [f"{town} {firm} {draw.choice(ENDINGS)}" for town in TOWNS for firm in FIRMS]
    names += [f"{firm} {draw.choice(ENDINGS)} of {town}" for town in TOWNS[:4] for firm in FIRMS]
    rows: list[list[object]] = [["firm", "content"]]
    for name in names:
        usual = draw.gauss(70, 13)
        for _ in range(draw.randint(1, 12)):
            content = round(min(max(draw.gauss(usual, 9), 0), 100))
            rows.append([name, f"{content}%"])
    draw.shuffle(body := rows[1:])
    return [rows[0], *body]


def write(path: Path, rows: list[list[object]]) -> None:
    """Write a table as a spreadsheet would in Europe: semicolons, and a decimal comma."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerows([str(c).replace(".", ",") for c in row] for row in rows)


def main(folder: Path) -> None:
    """Write both tables."""
    write(folder / "lunches" / "lunches.csv", lunches(random.Random(1)))
    write(folder / "plumbers" / "plumbers.csv", plumbers(random.Random(2)))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent)
