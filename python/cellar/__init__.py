"""Cellar in Python.

``import cellar.papermill as pm`` has the functions of Papermill; they drive the ``cellar`` program, which has to be on the PATH, or named by
the environment variable ``CELLAR``.
"""
