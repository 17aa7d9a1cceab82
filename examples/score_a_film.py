"""What does the model expect of one film? `python examples/score_a_film.py [BUNDLE]`."""

import sys
from pathlib import Path

from data import signing
from data.films import combination
from edge.search.model import Model

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/bundle")

# Nothing of a bundle is read before its signature is checked against keys that you trust.
trusted = signing.read_public_keys(signing.keys_folder())
model = Model.open(folder, trusted)

# A director of the catalogue; one whom the model does not know is scored, too, as a newcomer.
director = max(model.catalogue.directors, key=lambda entry: entry.films)
film = combination(director.name, model.catalogue.training_years.last, [model.catalogue.genres[0]])

prediction = model.predict([film])[0]

print(f"{film.director}, {film.year}, {', '.join(film.genres)}")
print(f"expected stars: {prediction.expected:.3f}")
for stars, probability in enumerate(prediction.probabilities, start=1):
    print(f"{stars:>3} {probability:6.1%} {'#' * round(50 * probability)}")
