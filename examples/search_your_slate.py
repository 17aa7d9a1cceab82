"""The exact best of your own slate: `python examples/search_your_slate.py [SLATE] [BUNDLE]`."""

import sys
from pathlib import Path

from data import signing
from edge.search.model import Model
from edge.search.pick import choose
from edge.search.slate import Slate

slate_file = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("slate.toml")
folder = Path(sys.argv[2]) if sys.argv[2:] else Path("build/bundle")

model = Model.open(folder, signing.read_public_keys(signing.keys_folder()))
slate = Slate.from_toml(slate_file.read_text("utf-8"))

# The seed decides the draws: the same seed, slate and model always give the same answer.
answer = choose(model, slate, k=5, seed=7)

space = answer.space
print(f"the best of {space.size:,} combinations ({space.directors} directors, {space.years} years)")
for place, pick in enumerate(answer.picks, start=1):
    genres = ", ".join(pick.genres)
    print(f"{place}. {pick.expected:.3f} stars: {pick.director}, {pick.year}, {genres}")

best = answer.picks[0]
why = best.why
print(
    f"why: an average film {why.average:.2f}, the director {why.director:+.2f}, "
    f"the year {why.year:+.2f}, the genres {why.genres:+.2f}"
)
