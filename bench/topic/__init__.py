"""The topics: each module has `measure`, which takes a `Bench` and gives a `Topic`."""
