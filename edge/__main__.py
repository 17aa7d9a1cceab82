"""`greenlight`: the appliance's command line."""

from __future__ import annotations


def main() -> None:
    """Run the command that was asked for."""
    import typer

    from edge.commands import pick, score

    app = typer.Typer(name="greenlight", no_args_is_help=True, add_completion=False)
    pick.register(app)
    score.register(app)
    app()


if __name__ == "__main__":
    main()
