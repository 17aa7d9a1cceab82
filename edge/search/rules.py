"""Rules of a slate, one sentence each: what goes with what, and what is never made.

    if Horror then not Family
    if Quentin Tarantino and after 2020 then Crime or Drama
    never Uwe Boll
    at most 1 of Horror, Thriller, Crime

"and" joins conditions that must all hold; "or" and commas join names of which one is enough. A name
with one of these words or a comma goes in quotes. Quick to import: rules travel with commands.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from data.domain import FILMS, Domain
from data.films import MAX_YEAR, MIN_YEAR, Combination
from edge.search.names import did_you_mean, known_as

MOST_RULES = 40
MOST_RULE_LETTERS = 500

_TOKEN = re.compile(r'"([^"]*)"|(,)|([^\s,"]+)')
_YEAR = re.compile(r"\d{4}")
_HINT = 'write it like "if Horror then not Family", "never NAME" or "at most 1 of Horror, Crime"'

Span: TypeAlias = tuple[int, int]


class RuleError(ValueError):
    """The rule can't be understood; the message says why."""


class Term(NamedTuple):
    """One condition: any of these names, or any of these spans of years (both ends included)."""

    names: tuple[str, ...]
    years: tuple[Span, ...]


class Rule(NamedTuple):
    """A rule as it was written.

    Attributes:
        premise: must all hold for the rule to say anything.
        conclusion: must then all hold; if `negated`, mustn't all hold.
        most: at most this many of the only conclusion's names; None in other rules.
    """

    text: str
    premise: tuple[Term, ...]
    conclusion: tuple[Term, ...]
    negated: bool
    most: int | None = None


class Clause(NamedTuple):
    """What is true of some combinations: a property of a single choice.

    Attributes:
        about: which choice.
        values: names; it's true of a combination that has one of them.
        years: spans; it's true of a combination in one of them.
        most: it's true of a combination with more than this many of `values`; None for one.
        holds: whether it must be so, rather than not.
    """

    about: Literal["director", "year", "genres"]
    values: frozenset[str]
    years: tuple[Span, ...] = ()
    most: int = 0
    holds: bool = True

    def of_director(self, name: str) -> bool:
        """Return whether this is true of a director."""
        return (name in self.values) is self.holds

    def of_year(self, year: int) -> bool:
        """Return whether this is true of a year."""
        return any(first <= year <= last for first, last in self.years) is self.holds

    def of_genres(self, genres: Collection[str]) -> bool:
        """Return whether this is true of a set of genres."""
        return (len(self.values.intersection(genres)) > self.most) is self.holds


class Ban(NamedTuple):
    """What a rule forbids: combinations for which all these clauses are true."""

    clauses: tuple[Clause, ...]

    def forbids(self, film: Combination) -> bool:
        """Return whether it forbids this combination."""
        return all(
            clause.of_director(film.director)
            if clause.about == "director"
            else clause.of_year(film.year)
            if clause.about == "year"
            else clause.of_genres(film.genres)
            for clause in self.clauses
        )


def parse(text: str) -> Rule:
    """Parse a sentence as a rule.

    Raises:
        RuleError: it isn't one.
    """
    if len(text) > MOST_RULE_LETTERS:
        raise RuleError(f"is longer than {MOST_RULE_LETTERS} letters; split it")
    tokens = _tokens(text)
    match [word for word, quoted in tokens[:2] if not quoted]:
        case ["if", *_]:
            return _implication(text, tokens[1:])
        case ["never", *_]:
            return Rule(text, (), _terms(tokens[1:], "never"), negated=True)
        case ["at", "most"]:
            return _at_most(text, tokens[2:])
    raise RuleError(f"begins with neither “if” nor “never” nor “at most”; {_HINT}")


_Tokens: TypeAlias = list[tuple[str, bool]]


def _tokens(text: str) -> _Tokens:
    """Return words, commas and quoted names, each with whether it was quoted."""
    plain = text.replace("“", '"').replace("”", '"').strip().rstrip(".")
    if plain.count('"') % 2:
        raise RuleError("has a quotation mark without its other half")
    return [
        (found[1], True) if found[1] is not None else (found[0], False)
        for found in _TOKEN.finditer(plain)
    ]


def _implication(text: str, tokens: _Tokens) -> Rule:
    if ("then", False) not in tokens:
        raise RuleError(f"has an “if” without a “then”; {_HINT}")
    middle = tokens.index(("then", False))
    conclusion = tokens[middle + 1 :]
    negated = conclusion[:1] == [("not", False)]
    return Rule(
        text,
        _terms(tokens[:middle], "if"),
        _terms(conclusion[negated:], "then not" if negated else "then"),
        negated,
    )


def _at_most(text: str, tokens: _Tokens) -> Rule:
    if len(tokens) < 2 or not tokens[0][0].isdecimal() or tokens[1] != ("of", False):
        raise RuleError(f"needs a number and “of” after “at most”; {_HINT}")
    terms = _terms(tokens[2:], "of")
    if len(terms) > 1:
        terms = (Term(tuple(name for term in terms for name in term.names), ()),)
    if terms[0].years:
        raise RuleError("counts years; “at most” counts genres")
    return Rule(text, (), terms, negated=True, most=int(tokens[0][0][:3]))


def _terms(tokens: _Tokens, after: str) -> tuple[Term, ...]:
    """Return conditions joined by "and"."""
    return tuple(_term(part, after) for part in _split(tokens, ("and",)))


def _term(tokens: _Tokens, after: str) -> Term:
    """Return alternatives joined by "or" or commas."""
    names: list[str] = []
    years: list[Span] = []
    for part in _split(tokens, ("or", ",")):
        words = [word for word, _ in part]
        if not words:
            raise RuleError(f"lacks a name after “{after}”; {_HINT}")
        quoted = any(quotes for _, quotes in part)
        if not quoted and (span := _span(words)) is not None:
            years.append(span)
        elif not quoted and (stray := next((w for w in words if w in _KEYWORDS), None)):
            raise RuleError(f"has “{stray}” where a name belongs; put a name with it in quotes")
        else:
            names.append(" ".join(words))
    if names and years:
        raise RuleError("has names and years joined by “or”; make two rules of it")
    return Term(tuple(names), tuple(years))


_KEYWORDS = frozenset({"if", "then", "not", "never"})


def _span(words: Sequence[str]) -> Span | None:
    match words:
        case [year] if _YEAR.fullmatch(year):
            return int(year), int(year)
        case ["before", year] if _YEAR.fullmatch(year):
            return MIN_YEAR, int(year) - 1
        case ["after", year] if _YEAR.fullmatch(year):
            return int(year) + 1, MAX_YEAR
    return None


def _split(tokens: _Tokens, separators: Sequence[str]) -> Iterator[_Tokens]:
    part: _Tokens = []
    for word, quoted in tokens:
        if not quoted and word in separators:
            yield part
            part = []
        else:
            part.append((word, quoted))
    yield part


# From what was written to what it means for one model.


def bans_of(
    texts: Sequence[str],
    genres: Collection[str],
    directors: Collection[str],
    domain: Domain = FILMS,
) -> tuple[list[Ban], list[str]]:
    """Return what rules forbid, and what is wrong with them, one sentence each.

    Args:
        texts: the rules; case, accents and punctuation of their names don't matter.
        genres: names that the model knows.
        directors: names that the model knows.
        domain: in whose words it's said what is wrong.
    """
    bans: list[Ban] = []
    problems: list[str] = []
    if len(texts) > MOST_RULES:
        problems.append(f"There are {len(texts)} rules; {MOST_RULES} at most can be kept")
    for text in texts[:MOST_RULES]:
        shown = text if len(text) <= 80 else f"{text[:79]}…"
        try:
            rule = _with_known_names(parse(text), genres, directors)
        except RuleError as error:
            problems.append(f"The rule “{shown}” {domain.reword(str(error))}")
            continue
        wrong = list(_unknown(rule, genres, directors, domain))
        problems += [f"The rule “{shown}” {problem}" for problem in wrong]
        if not wrong:
            bans += _bans(rule, genres)
    return bans, problems


def allows(bans: Sequence[Ban], film: Combination) -> bool:
    """Return whether no ban forbids a combination."""
    return not any(ban.forbids(film) for ban in bans)


def _with_known_names(rule: Rule, genres: Collection[str], directors: Collection[str]) -> Rule:
    """Return a rule with its names spelt as the model spells them; a genre comes first."""

    def known(name: str) -> str:
        genre = known_as(name, genres)
        return genre if genre in genres else known_as(name, directors)

    premise, conclusion = (
        tuple(term._replace(names=tuple(map(known, term.names))) for term in terms)
        for terms in (rule.premise, rule.conclusion)
    )
    return rule._replace(premise=premise, conclusion=conclusion)


def _unknown(
    rule: Rule, genres: Collection[str], directors: Collection[str], domain: Domain
) -> Iterator[str]:
    say = domain.say
    for term in (*rule.premise, *rule.conclusion):
        kinds = set()
        for name in term.names:
            if name in genres:
                kinds.add("genres")
            elif name in directors:
                kinds.add("directors")
            else:
                near = did_you_mean(name, [*genres, *directors])
                hint = f"; {near}" if near else ""
                neither = say("which is neither a genre nor a director of the model")
                yield f"names {name!r}, {neither}{hint}"
        if len(kinds) > 1:
            yield say("has genres and directors joined by “or”; make two rules of it")
        if rule.most is not None and "directors" in kinds:
            yield say("counts directors; “at most” counts genres")


def _bans(rule: Rule, genres: Collection[str]) -> Iterator[Ban]:
    premise = tuple(_clause(term, genres) for term in rule.premise)
    conclusion = tuple(_clause(term, genres) for term in rule.conclusion)
    if rule.most is not None:
        yield Ban(tuple(clause._replace(most=rule.most) for clause in conclusion))
    elif rule.negated:
        yield Ban((*premise, *conclusion))
    else:
        for clause in conclusion:
            yield Ban((*premise, clause._replace(holds=False)))


def _clause(term: Term, genres: Collection[str]) -> Clause:
    if term.years:
        return Clause("year", frozenset(), term.years)
    about: Literal["director", "genres"] = "genres" if term.names[0] in genres else "director"
    return Clause(about, frozenset(term.names))
