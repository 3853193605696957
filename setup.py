"""Everything that is declared is in setup.cfg."""

from setuptools import setup

setup()
