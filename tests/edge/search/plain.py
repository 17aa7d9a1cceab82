"""The simplest search: list every combination by name, score each, sort."""

import itertools

from data.films import KINDS, Combination


def years_of(slate, catalogue, today=None):
    """Return a slate's calendar years, grouped where the tables can't distinguish them."""
    training, tables = catalogue.training_years, catalogue.years
    years = slate.years
    if years.only:
        asked = sorted(set(years.only))
    elif years.first is None and years.last is None and not years.every:
        first = training.last + 1 if today is None else today
        asked = [first, first + 1, first + 2]
    else:
        first = training.first if years.first is None else years.first
        last = training.last if years.last is None else years.last
        asked = list(range(first, last + 1))
    first_of = {}
    for year in asked:
        first_of.setdefault(min(max(year, tables.first), tables.last), []).append(year)
    return sorted(first_of.values())


def active_lately(slate, catalogue):
    """Return the names of directors who might make the next film."""
    regular = sorted(entry.last_year for entry in catalogue.directors if entry.films > 3)
    least = catalogue.training_years.last - slate.directors.active_within
    if regular:
        least = min(least, regular[int(0.9 * (len(regular) - 1))])
    return {e.name for e in catalogue.directors if e.last_year >= least} | {*slate.directors.names}


def combinations_of(slate, catalogue, leave_out=(), today=None, forbids=lambda film: False):
    """Return every combination of a slate without draws, straight from the catalogue's words.

    `forbids` says what the slate's rules forbid; of years that are one to the tables, the first
    that is allowed stands for all.
    """
    made = {Combination(f.director, f.year, tuple(sorted(f.genres))) for f in slate.leave_out}
    made |= set(leave_out)

    def column(film):
        tables = catalogue.years
        year = min(max(film.year, tables.first), tables.last)
        return Combination(film.director, year, film.genres)

    made = {column(film) for film in made}
    years, active = years_of(slate, catalogue, today), active_lately(slate, catalogue)
    is_next = slate.years == type(slate.years)(draw=slate.years.draw)
    found = []
    for entry in catalogue.directors:
        if slate.directors.names and entry.name not in slate.directors.names:
            continue
        if is_next and entry.name not in active:
            continue
        if entry.films < slate.directors.at_least_films:
            continue
        if set(slate.kinds) != set(KINDS) and not set(slate.kinds) & set(entry.kinds):
            continue
        own = {catalogue.genres[index] for index in entry.genres}
        for alike in years:
            year = alike[0]
            career_end = 9999 if entry.name in active else entry.last_year + 3
            if slate.plausible and not entry.first_year - 3 <= year <= career_end:
                continue
            for size in range(1, slate.genres.at_most + 1):
                for genres in itertools.combinations(catalogue.genres, size):
                    if slate.genres.allowed and not set(genres) <= set(slate.genres.allowed):
                        continue
                    if not set(slate.genres.required) <= set(genres):
                        continue
                    if slate.plausible and not set(genres) <= own:
                        continue
                    chosen = [Combination(entry.name, year, genres) for year in alike]
                    allowed = [film for film in chosen if not forbids(film)]
                    if allowed and column(allowed[0]) not in made:
                        found.append(allowed[0])
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


def different_of(model, combinations, k, differ, *, alike=False):
    """Return (combination, prediction) of the best k, each sharing nothing with those before.

    With `alike`, years that are one to the tables are one here, too: a search of many combinations
    looks at one of them. The rows of a file are looked at as they are.
    """
    tables = model.catalogue.years

    def value(film, choice):
        own = getattr(film, choice)
        return min(max(own, tables.first), tables.last) if alike and choice == "year" else own

    ranked, kept = best_of(model, combinations, len(combinations), True), []
    for film, said in ranked:
        mine = [value(film, choice) for choice in differ]
        if len(kept) < k and not any(
            one == other
            for before, _ in kept
            for one, other in zip(mine, [value(before, c) for c in differ], strict=True)
        ):
            kept.append((film, said))
    return kept
