"""Models that come with the project, as files; `demo` is the small CLIP that `make run` uses."""
