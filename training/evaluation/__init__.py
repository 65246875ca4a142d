"""How good a model is: what it is asked, what is measured, how it is reported."""
