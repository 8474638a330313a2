"""Tests of the whole project, against real processes on free ports."""
