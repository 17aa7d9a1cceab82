"""Made-up models: random tables as an ONNX graph, written here independently of training."""

import random

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from data.catalogue import Background, Catalogue, DirectorEntry, Titles, YearRange
from data.genre_sets import GenreSets, overlap_count

WORDS = ("Ashes", "Bridge", "Candle", "Dust", "Echo", "Fire", "Ghost", "Harbour", "Island", "Jewel")


def catalogue(rng, directors, genres, years, training_years, kinds=("film",)):
    """Return a catalogue of this many directors and genres; years are (first, last)."""
    names = sorted(
        rng.sample(
            [
                f"{a}{b} {c}"
                for a in "ABCDEF"
                for b in "aeiouáß"
                for c in ("Ng", "Öz", "Quay", "Rossi", "de Witt", "'Ala", "李")
            ]
            + [f"Director {n}" for n in range(max(0, directors - 200))],
            directors,
        )
    )
    genre_names = tuple(sorted(f"G{chr(65 + n)}" for n in range(genres)))
    first, last = training_years
    entries = []
    for name in names:
        begin = rng.randint(first, last)
        end = rng.randint(begin, min(begin + 12, last))
        own = tuple(sorted(rng.sample(range(genres), rng.randint(0, min(genres, 5)))))
        made = tuple(k for k in kinds if rng.random() < 0.7) or (rng.choice(kinds),)
        entries.append(DirectorEntry(name, rng.randint(1, 9), begin, end, own, made))
    background = tuple(
        Background(
            rng.choice(names),
            rng.randint(first, last),
            tuple(sorted(rng.sample(range(genres), rng.randint(1, min(3, genres))))),
        )
        for _ in range(32)
    )
    return Catalogue(
        genres=genre_names,
        directors=tuple(entries),
        years=YearRange(*years),
        training_years=YearRange(first, last),
        titles=Titles(WORDS, ("ashes", "bridge of dust", "the ghost")),
        background=background,
    )


def tables(rng, names, spread=3000, levels=3):
    """Return random tables that fit a catalogue; a small `spread` makes many ties."""
    sets = GenreSets(names.genres)
    d, g, s = len(names.directors), len(names.genres), sets.count
    y = names.years.last - names.years.first + 1
    numbers = np.random.default_rng(rng.getrandbits(32))

    def draw(*shape):
        return numbers.integers(-spread, spread + 1, shape).astype(np.int16)

    own = np.zeros((d + 1, g + 1), np.uint8)
    for row, entry in enumerate(names.directors):
        for number, genre in enumerate(entry.genres, 1):
            own[row, genre] = number
    stretch = 3 * np.array([overlap_count(int(n)) for n in own.max(axis=1)], np.int64)
    single = draw(d + 1, g + 1)
    single[:, -1] = 0
    return {
        "director_year": draw(d + 1, y),
        "director_genres": draw(int(stretch.sum())),
        "year_genres": draw(y, s + 1),
        "director_genre": single,
        "director_level": draw(d + 1, levels),
        "own_genre": own,
        "offset": np.cumsum(stretch) - stretch,
        "set_level": numbers.integers(0, levels, s + 1),
        "constant": np.array([6 * 4096], np.int32),
    }


def graph(names, parts, with_tables=True, lie=0, given=None):
    """Return the bytes of a graph over these tables; `lie` is added to its scores.

    `given` are the tables it gives out, if they are not those it uses.

    With `lie`, the graph's own sums and the tables it gives differ: search must notice.
    """
    sets = GenreSets(names.genres)
    d, g, s = len(names.directors), len(names.genres), sets.count
    y = names.years.last - names.years.first + 1
    v = parts["director_level"].shape[1]
    nodes, constants = [], []

    def const(name, value):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def whole(name, value):
        return const(name, np.array(value, np.int64))

    def at(output, table, *index):
        """Look `table` up at (row, width, column)."""
        row, width, column = index
        scaled = op("Mul", [row, whole(f"{output}_width", width)], f"{output}_row")
        place = op("Add", [scaled, column], f"{output}_place")
        return op(
            "Gather", [const(f"{output}_table", parts[table].ravel()), place], f"{output}_raw"
        )

    def encode(source, output, keys, default):
        nodes.append(
            helper.make_node(
                "LabelEncoder",
                [source],
                [output],
                domain="ai.onnx.ml",
                keys_strings=list(keys),
                values_int64s=list(range(len(keys))),
                default_int64=default,
            )
        )

    encode("director", "d", [entry.name for entry in names.directors], d)
    numbers = np.full((g + 1,) * 3, s, np.int64)
    for place in np.ndindex(numbers.shape):
        numbers[place] = sets.number_of([i for i in place if i < g])
    for slot in "123":
        encode(f"genre{slot}", f"g{slot}", names.genres, g)
    op("Concat", ["g1", "g2", "g3"], "slots", axis=1)
    weights = whole("weights", [[(g + 1) ** 2, g + 1, 1]])
    axis = whole("axis", [1])
    op("ReduceSum", [op("Mul", ["slots", weights], "weighted"), axis], "triple", keepdims=1)
    op("Gather", [const("numbers", numbers.ravel()), "triple"], "s")
    op("Sub", ["year", whole("first", names.years.first)], "past")
    op("Clip", ["past", whole("zero", 0), whole("most", y - 1)], "y")
    op("Squeeze", ["s", axis], "s_flat")
    op("Gather", [const("members", sets.members), "s_flat"], "members_of", axis=0)
    op("Gather", [const("sizes", sets.sizes - 1), "s"], "size")
    own = at("own", "own_genre", "d", g + 1, "members_of")
    op("Cast", [own], "own64", to=T.INT64)
    op("ReduceMax", ["own64", axis], "a", keepdims=1)
    op("ReduceMin", ["own64", axis], "c", keepdims=1)
    op("ReduceSum", ["own64", axis], "total", keepdims=1)
    op("Sub", [op("Sub", ["total", "a"], "b_and_c"), "c"], "b")
    p = np.arange(g + 2) - 1
    base3 = np.where(p < 0, 0, 1 + p + p * (p - 1) // 2 + p * (p - 1) * (p - 2) // 6)
    base2 = np.where(p < 0, 0, 1 + p + p * (p - 1) // 2)
    op(
        "Add",
        [
            op("Gather", [whole("base3", base3), "a"], "from_a"),
            op("Gather", [whole("base2", base2), "b"], "from_b"),
        ],
        "from_ab",
    )
    op("Mul", [op("Add", ["from_ab", "c"], "rank"), whole("three", 3)], "rank3")
    op("Gather", [const("offset_table", parts["offset"].astype(np.int64)), "d"], "begin")
    op("Add", [op("Add", ["begin", "rank3"], "begin_rank"), "size"], "place")
    op("Gather", [const("b_table", parts["director_genres"]), "place"], "b_raw")
    at("a", "director_year", "d", y, "y")
    at("c", "year_genres", "y", s + 1, "s")
    at("f", "director_genre", "d", g + 1, "members_of")
    op("Gather", [whole("level_table", parts["set_level"]), "s"], "level")
    at("e", "director_level", "d", v, "level")
    for part in "abcef":
        op("Cast", [f"{part}_raw"], f"{part}_part", to=T.INT32)
    op("ReduceSum", ["f_part", axis], "f_sum", keepdims=1)
    total = "a_part"
    for number, part in enumerate(("b_part", "c_part", "e_part", "f_sum")):
        total = op("Add", [total, part], f"sum{number}")
    constant = const("constant_and_lie", (parts["constant"] + lie).astype(np.int32))
    op("Add", [total, constant], "score")
    op(
        "Mul",
        [op("Cast", ["score"], "score_float", to=T.FLOAT), const("grid", np.float32(2**-12))],
        "expected",
    )
    op(
        "Mul",
        ["expected", const("spread", np.linspace(-1, 1, 10, dtype=np.float32)[None])],
        "logits",
    )
    op("Softmax", ["logits"], "probabilities", axis=1)
    outputs = [
        ("expected", T.FLOAT, [None, 1]),
        ("score", T.INT32, [None, 1]),
        ("probabilities", T.FLOAT, [None, 10]),
    ]
    if with_tables:
        kinds = {"own_genre": T.UINT8, "offset": T.INT64, "set_level": T.INT64, "constant": T.INT32}
        for name, value in (given or parts).items():
            kind = kinds.get(name, T.INT16)
            value = value.astype(helper.tensor_dtype_to_np_dtype(kind))
            op("Identity", [const(f"given_{name}", value)], f"table_{name}")
            outputs.append((f"table_{name}", kind, list(value.shape)))
    inputs = [("year", T.INT64)] + [
        (n, T.STRING) for n in ("director", "genre1", "genre2", "genre3")
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "made_up",
            [helper.make_tensor_value_info(n, t, [None, 1]) for n, t in inputs],
            [helper.make_tensor_value_info(*output) for output in outputs],
            constants,
        ),
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def model(
    seed=0, directors=12, genres=5, years=12, spread=3000, with_tables=True, lie=0, kinds=("film",)
):
    """Return a loaded model of random tables; its last quarter of years is extrapolation."""
    from edge.search.model import Model

    rng = random.Random(seed)
    last = 2000 + years - 1
    names = catalogue(rng, directors, genres, (2000, last), (2000, last - years // 4), kinds)
    content = graph(names, tables(rng, names, spread), with_tables, lie)
    return Model(content, names, name="made-up", version=1, hash="0" * 64)
