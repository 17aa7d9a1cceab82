"""The compiled model as ONNX nodes: `tables` defines the sum, `training.model.head` the head.

Nothing in the path to `score` is a float: names become numbers (LabelEncoder), numbers become table
entries (Gather), entries are summed as int32. So `expected` has the same bits for every batch size
and thread count. The head may use floats: probabilities agree to 1e-6.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from onnx import TensorProto

from data.films import MAX_GENRES
from data.genre_sets import overlap_ranks
from training.export.graph_writer import GraphWriter
from training.export.tables import CompiledTables
from training.model.careers import Floats
from training.model.grid import GRID
from training.model.head import CLASSES, FLOOR, MAX_LOG_SCALE, MIDDLE, OrdinalHead


class ModelGraph:
    """Writes the nodes of compiled tables."""

    def __init__(self, graph: GraphWriter, tables: CompiledTables, outputs: dict[str, str]) -> None:
        self.graph = graph
        self.tables = tables
        self.outputs = outputs
        self.genres = len(tables.genre_sets.genres)

    def write(self, inputs: dict[str, str], head: OrdinalHead) -> None:
        """Write all nodes."""
        g, t = self.graph, self.tables
        director = g.encode(inputs["director"], t.names, "director_number")
        year = self._year_column(inputs["year"])
        number = self._set_number([inputs[f"genre{slot}"] for slot in (1, 2, 3)])
        parts = [
            self._gather2(t.director_year, director, year, "table_director_year"),
            self._director_genres(director, number),
            self._gather2(t.year_genres, year, number, "table_year_genres"),
            self._director_level(director, number),
            self._director_genre(director, number),
        ]
        constant = self._output_table("table_constant", np.array([t.constant], np.int32))
        total = constant
        for part in parts:
            total = g.node("Add", [total, part], "sum")
        g.write("Identity", [total], self.outputs["score"])
        expected = self._stars(total, "expected_stars")
        g.write("Identity", [expected], self.outputs["expected"])
        write_head(
            g,
            head,
            t.head_inputs,
            expected=expected,
            error=self._error_size(director, year, number),
            director=director,
            probabilities=self.outputs["probabilities"],
        )

    def _stars(self, steps: str, name: str) -> str:
        """Convert whole parts of a star to stars."""
        g = self.graph
        # A power of two: the product is exact, so rounding happens once, in the cast.
        step = g.constant("star_step", np.float32(1.0 / GRID))
        return g.node("Mul", [g.node("Cast", [steps], "steps", to=TensorProto.FLOAT), step], name)

    def _error_size(self, director: str, year: str, number: str) -> str:
        """Return the usual size of the error in stars, [N, 1]."""
        g, t = self.graph, self.tables
        column = g.constant("director_error", t.director_error)
        of_director = g.node("Gather", [column, director], "director_error_entry", axis=0)
        place = self._flat(year, number, t.year_genres_error.shape[1], "year_genres_error")
        table = g.constant("year_genres_error", t.year_genres_error.ravel())
        of_set = g.node("Gather", [table, place], "year_genres_error_entry", axis=0)
        parts = [self._wide(of_director, "error_d"), self._wide(of_set, "error_s")]
        return self._stars(g.node("Add", parts, "error_steps"), "error_stars")

    def _year_column(self, year: str) -> str:
        """Return the column of each year; years outside count as the nearest one inside."""
        g = self.graph
        since = g.node("Sub", [year, g.integer("first_year", self.tables.first_year)], "since")
        late = g.node("Max", [since, g.integer("zero", 0)], "not_before")
        return g.node("Min", [late, g.integer("last_column", self.tables.years - 1)], "year_column")

    def _set_number(self, slots: list[str]) -> str:
        """Return the genre set of three slots, ignoring order, repeats and unknown genres."""
        g, sets = self.graph, self.tables.genre_sets
        base = self.genres + 1
        cube = [
            sets.number_of(i for i in triple if i < self.genres)
            for triple in itertools.product(range(base), repeat=MAX_GENRES)
        ]
        first, second, third = (
            g.encode(slot, sets.genres, f"genre_number{i}") for i, slot in enumerate(slots, 1)
        )
        by = g.integer("slot_base", base)
        two = g.node("Add", [g.node("Mul", [first, by], "shift1"), second], "two_slots")
        three = g.node("Add", [g.node("Mul", [two, by], "shift2"), third], "three_slots")
        table = g.constant("set_of_slots", np.array(cube, np.int32))
        found = g.node("Gather", [table, three], "set_number32", axis=0)
        return g.node("Cast", [found], "set_number", to=TensorProto.INT64)

    def _output_table(self, name: str, values: Any) -> str:
        """Write a table once, and as an output of the graph; return its name as a flat constant."""
        g = self.graph
        flat = g.constant(f"{name}_values", values.ravel())
        if values.ndim == 1:
            g.write("Identity", [flat], self.outputs[name])
        else:
            shape = g.integer(f"{name}_shape", list(values.shape))
            g.write("Reshape", [flat, shape], self.outputs[name])
        return flat

    def _gather2(self, table: Any, row: str, column: str, name: str) -> str:
        """Return table[row, column] as int32, and make the table an output."""
        g = self.graph
        return self._wide(g.node("Gather", [
            self._output_table(name, table), self._flat(row, column, table.shape[1], name)
        ], f"{name}_entry", axis=0), name)  # fmt: skip

    def _flat(self, row: str, column: str, width: int, name: str) -> str:
        g = self.graph
        start = g.node("Mul", [row, g.integer(f"{name}_width", width)], f"{name}_row")
        return g.node("Add", [start, column], f"{name}_place")

    def _wide(self, value: str, name: str) -> str:
        return self.graph.node("Cast", [value], f"{name}_wide", to=TensorProto.INT32)

    def _members(self, number: str) -> str:
        """Return the genres of each set, [N, 3]; an empty slot is genre number G."""
        g = self.graph
        rows = g.node("Squeeze", [number, g.integer("axis1", [1])], "set_rows")
        members = g.constant("set_members", self.tables.genre_sets.members)
        return g.node("Gather", [members, rows], "members", axis=0)

    def _of_members(self, director: str, number: str, table: Any, name: str) -> str:
        """Return table[director, each member], [N, 3], and make the table an output."""
        g = self.graph
        place = self._flat(director, self._members(number), self.genres + 1, name)
        return g.node("Gather", [self._output_table(name, table), place], f"{name}_entry", axis=0)

    def _director_genres(self, director: str, number: str) -> str:
        """Return B: with own genres a >= b >= c of the set, entry 3 rank(a, b, c) + size - 1."""
        g, t = self.graph, self.tables
        own = g.node("Cast", [
            self._of_members(director, number, t.own_genre, "table_own_genre")
        ], "own", to=TensorProto.INT64)  # fmt: skip
        axis = g.integer("axis1", [1])
        most = g.node("ReduceMax", [own, axis], "own_most", keepdims=1)
        least = g.node("ReduceMin", [own, axis], "own_least", keepdims=1)
        both = g.node("Add", [most, least], "own_outer")
        all_three = g.node("ReduceSum", [own, axis], "own_sum", keepdims=1)
        middle = g.node("Sub", [all_three, both], "own_middle")
        base3, base2 = overlap_ranks(self.genres)
        high = g.node("Gather", [g.constant("base3", base3), most], "rank_most", axis=0)
        mid = g.node("Gather", [g.constant("base2", base2), middle], "rank_middle", axis=0)
        rank = g.node("Add", [g.node("Add", [high, mid], "rank_two"), least], "rank")
        tripled = g.node("Mul", [rank, g.integer("sizes", MAX_GENRES)], "rank_start")
        size = g.constant("size_less_one", t.genre_sets.sizes - 1)
        within = g.node("Add", [
            tripled, g.node("Gather", [size, number], "set_size", axis=0)
        ], "place_within")  # fmt: skip
        start = g.node(
            "Gather", [self._output_table("table_offset", t.offset), director], "start", axis=0
        )
        place = g.node("Add", [start, within], "director_genres_place")
        flat = self._output_table("table_director_genres", t.director_genres)
        return self._wide(g.node("Gather", [flat, place], "b_entry", axis=0), "b")

    def _director_level(self, director: str, number: str) -> str:
        g, t = self.graph, self.tables
        levels = self._output_table("table_set_level", t.set_level)
        level = g.node("Gather", [levels, number], "set_level", axis=0)
        return self._gather2(t.director_level, director, level, "table_director_level")

    def _director_genre(self, director: str, number: str) -> str:
        g = self.graph
        entries = self._of_members(
            director, number, self.tables.director_genre, "table_director_genre"
        )
        axis = g.integer("axis1", [1])
        return g.node("ReduceSum", [self._wide(entries, "f"), axis], "f_sum", keepdims=1)


def write_head(
    g: GraphWriter,
    head: OrdinalHead,
    director_inputs: Floats,
    *,
    expected: str,
    error: str,
    director: str,
    probabilities: str,
) -> None:
    """Write the head's nodes.

    Args:
        g: the writer.
        head: a fitted head.
        director_inputs: its inputs for each director, [D + 1, 2].
        expected: name of the expected stars, [N, 1].
        error: name of the usual size of the error, [N, 1].
        director: name of the directors' numbers, [N, 1].
        probabilities: name of the output, [N, 10].
    """

    def const(name: str, values: Any) -> str:
        return g.constant(name, np.asarray(values, np.float32))

    rows = g.node("Squeeze", [director, g.integer("axis1", [1])], "director_rows")
    of_director = g.node("Gather", [
        const("head_director", director_inputs), rows
    ], "head_director_inputs", axis=0)  # fmt: skip
    squared = g.node("Mul", [expected, expected], "expected_squared")
    above = g.node("Sub", [expected, const("head_middle", MIDDLE)], "head_above_middle")
    product = g.node("Mul", [above, error], "head_product")
    x = g.node("Concat", [expected, squared, of_director, error, product], "head_x", axis=1)
    centred = g.node("Sub", [x, const("head_mean", head.mean)], "head_centred")
    z = g.node("Div", [centred, const("head_scale", head.scale)], "head_z")
    location = g.node("MatMul", [z, const("head_b", head.location[:, None])], "head_location")
    log_scale = g.node("MatMul", [z, const("head_c", head.log_scale[:, None])], "head_s")
    low, high = const("head_low", -MAX_LOG_SCALE), const("head_high", MAX_LOG_SCALE)
    narrow = g.node("Neg", [g.node("Clip", [log_scale, low, high], "head_clipped")], "head_neg")
    apart = g.node("Sub", [const("head_cuts", head.cuts[None]), location], "head_apart")
    logit = g.node("Mul", [apart, g.node("Exp", [narrow], "head_exp")], "head_logit")
    below = g.node("Sigmoid", [logit], "head_below")
    # P(stars <= 0) = 0 and P(stars <= 10) = 1, made from a column so that they have N rows.
    zero = g.node("Mul", [expected, const("head_zero", 0.0)], "head_zeros")
    one = g.node("Add", [zero, const("head_one", 1.0)], "head_ones")
    upper = g.node("Concat", [below, one], "head_upper", axis=1)
    lower = g.node("Concat", [zero, below], "head_lower", axis=1)
    plain = g.node("Sub", [upper, lower], "head_plain")
    kept = g.node("Mul", [plain, const("head_kept", 1.0 - CLASSES * FLOOR)], "head_kept_part")
    g.write("Add", [kept, const("head_floor", FLOOR)], probabilities)
