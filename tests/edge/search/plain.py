"""The plainest search: list every combination by name, ask the model of each, sort."""

import itertools

from data.films import KINDS, Combination


def combinations_of(slate, catalogue, leave_out=()):
    """Return every combination of a slate without draws, straight from the catalogue's words."""
    made = {Combination(f.director, f.year, tuple(sorted(f.genres))) for f in slate.leave_out}
    made |= set(leave_out)
    training = catalogue.training_years
    years = slate.years.only or range(
        training.first if slate.years.first is None else slate.years.first,
        (training.last if slate.years.last is None else slate.years.last) + 1,
    )
    found = []
    for entry in catalogue.directors:
        if slate.directors.names and entry.name not in slate.directors.names:
            continue
        if entry.films < slate.directors.at_least_films:
            continue
        if set(slate.kinds) != set(KINDS) and not set(slate.kinds) & set(entry.kinds):
            continue
        own = {catalogue.genres[index] for index in entry.genres}
        for year in sorted(set(years)):
            if slate.plausible and not entry.first_year - 3 <= year <= entry.last_year + 3:
                continue
            for size in range(1, slate.genres.at_most + 1):
                for genres in itertools.combinations(catalogue.genres, size):
                    if slate.genres.allowed and not set(genres) <= set(slate.genres.allowed):
                        continue
                    if not set(slate.genres.required) <= set(genres):
                        continue
                    if slate.plausible and not set(genres) <= own:
                        continue
                    chosen = Combination(entry.name, year, genres)
                    if chosen not in made:
                        found.append(chosen)
    return found


def best_of(model, combinations, k, repeat_directors):
    """Return (combination, prediction) of the best k, as ONNX Runtime scores every one of them."""
    scored = zip(combinations, model.predict(combinations), strict=True)
    ranked = sorted(scored, key=lambda pair: (-pair[1].expected, pair[0]))
    if not repeat_directors:
        first = {}
        for pair in ranked:
            first.setdefault(pair[0].director, pair)
        ranked = list(first.values())
    return ranked[:k]
