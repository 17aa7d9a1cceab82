"""`python -m training`, for the image of training jobs, where no package is installed."""

from training.cli import app, main

__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
