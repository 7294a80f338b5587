"""The command line as `python -m fervideo`."""

from fervideo.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
