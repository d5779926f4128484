"""`hyper-1`: one variable-rate model, its entropy coded by tables that integers alone pick."""
