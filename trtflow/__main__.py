"""``python -m trtflow``."""

from trtflow.cli import main

main()
