"""The version of Papermill whose functions these are."""

version = "2.7.0"
