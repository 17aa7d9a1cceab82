"""Another domain: which coffee to buy next? `python examples/another_domain/best_coffee.py`."""

import csv
import dataclasses
import sys
from pathlib import Path

import msgspec

from data import signing
from data.films import Film, sorted_genres, stars_of
from edge.search.model import Model
from edge.search.pick import choose
from edge.search.slate import Slate, Years
from training.dataset import FilmTable
from training.export.bundle import prepare, write
from training.model.estimator import FilmModel

CATALOGUE = Path(__file__).with_name("coffees.csv")


def read_coffees(path: Path) -> list[Film]:
    """Return the cuppings as what the model learns from: only the names of the columns change."""
    coffees = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rating = float(row["cup_score"]) / 10
            coffee = Film(
                title=row["lot"],
                director=row["farm"],
                year=int(row["harvest"]),
                genres=sorted_genres(row["notes"].split(";")),
                kind="film",
                stars=stars_of(rating),
                rating=rating,
            )
            coffee.check()
            coffees.append(coffee)
    return coffees


def main(folder: Path) -> None:
    """Train, export and search."""
    coffees = read_coffees(CATALOGUE)

    # Train and export: the gate compares the exported graph with scikit-learn before it is signed.
    table = FilmTable("coffees", str(CATALOGUE), coffees, [])
    small = FilmModel(trees=40, learning_rate=0.15, leaves=6, min_films=10, folds=3)
    exported = prepare(table, small, version=1, combinations=2_000)
    named = msgspec.structs.replace(exported.manifest, name="coffees")
    write(dataclasses.replace(exported, manifest=named), folder, signing.development_key())
    print(f"learnt from {len(coffees)} cuppings; signed bundle in {folder}")

    # Search: the next two harvests, from farms we know and notes they have had.
    model = Model.open(folder, signing.read_public_keys(signing.keys_folder()))
    last = model.catalogue.training_years.last
    answer = choose(model, Slate(years=Years(first=last + 1, last=last + 2)), k=3)
    print(f"the best of {answer.space.size:,} combinations:")
    for pick in answer.picks:
        notes = ", ".join(pick.genres)
        print(f"{10 * pick.expected:5.1f} points: {pick.director}, harvest {pick.year}: {notes}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "build/coffee"))
