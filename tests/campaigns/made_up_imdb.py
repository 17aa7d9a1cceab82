"""Writes made-up tables in the form of IMDb's own four files, of any size."""

import gzip
from pathlib import Path

TYPES = ("movie", "tvEpisode", "short", "tvSeries", "video", "tvMovie", "tvMiniSeries", "videoGame")
GENRES = ("Action", "Comedy", "Crime", "Drama", "Horror", "Romance", "Sci-Fi", "Western")
HEADERS = {
    "title.basics": "tconst titleType primaryTitle originalTitle isAdult startYear endYear "
    "runtimeMinutes genres",
    "title.crew": "tconst directors writers",
    "title.ratings": "tconst averageRating numVotes",
    "name.basics": "nconst primaryName birthYear deathYear primaryProfession knownForTitles",
}
ROWS_AT_ONCE = 50_000


def write(folder: Path, titles: int, packed: tuple[str, ...] = ("title.ratings",)) -> None:
    """Write the files; those named in `packed` as .tsv.gz. All titles are rated, unlike IMDb's."""
    folder.mkdir(parents=True, exist_ok=True)
    names = max(10, titles // 4)
    rows = {
        "title.basics": (titles, _basics),
        "title.crew": (titles, lambda n: _crew(n, names)),
        "title.ratings": (titles, _rating),
        "name.basics": (names, _name),
    }
    for name, (count, row) in rows.items():
        suffix = ".tsv.gz" if name in packed else ".tsv"
        path = folder / f"{name}{suffix}"
        with gzip.open(path, "wb", 1) if name in packed else path.open("wb") as file:
            file.write(("\t".join(HEADERS[name].split()) + "\n").encode())
            for first in range(1, count + 1, ROWS_AT_ONCE):
                last = min(first + ROWS_AT_ONCE, count + 1)
                file.write("".join(row(n) for n in range(first, last)).encode())


def votes_of(number: int) -> int:
    """One title in a hundred has many votes; one has exactly the threshold."""
    if number == 200:
        return 1_500
    return 1_501 + number % 9_000 if number % 100 == 0 else number % 1_500


def type_of(number: int) -> str:
    return TYPES[number // 100 % len(TYPES)]


def _basics(number: int) -> str:
    genres = ",".join(sorted({GENRES[number % 8], GENRES[number // 8 % 8]}))
    year = 1920 + number // 100 % 100
    return (
        f'tt{number:07d}\t{type_of(number)}\tTitle "{number}\tTitle {number}\t0\t{year}\t\\N\t90'
        f"\t{genres}\n"
    )


def _crew(number: int, names: int) -> str:
    first, second = number * 7919 % names + 1, number % names + 1
    return f"tt{number:07d}\tnm{first:07d},nm{second:07d}\tnm{second:07d}\n"


def _rating(number: int) -> str:
    return f"tt{number:07d}\t{1 + number % 90 / 10:.1f}\t{votes_of(number)}\n"


def _name(number: int) -> str:
    return f"nm{number:07d}\tDirector {number}\t\\N\t\\N\tdirector\ttt{number:07d}\n"
