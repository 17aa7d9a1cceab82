"""Templates that are written about films, in another domain's words."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from data.domain import Domain


class Reworded(Extension):
    """Puts a domain's words into the template's own text; what is filled in stays as it is.

    The environment is extended by `domain`.
    """

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Yield the template's tokens, its own text reworded."""
        # `Environment.extend` added it, which jinja2's types can't know.
        domain: Domain = self.environment.domain  # type: ignore[attr-defined]
        for token in stream:
            text = domain.reword(token.value) if token.type == "data" else token.value
            yield Token(token.lineno, token.type, text)
