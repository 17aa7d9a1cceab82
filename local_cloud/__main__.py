"""`python -m local_cloud`: as `greenlight-cloud`, for processes that start each other."""

from local_cloud.cli import main

if __name__ == "__main__":
    main()
