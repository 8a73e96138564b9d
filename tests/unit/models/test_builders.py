"""Simulators: what they tell of a recipe is what their builder writes into its table."""

import numpy as np

from models.builders import BUILDERS, SIMULATORS

ARGUMENTS = {"nanoparticle": {"rows": 6, "seed": 2}, "polymer": {"rows": 6, "seed": 2, "design": "latin_hypercube"}}


def test_a_simulator_tells_what_the_table_of_its_builder_holds():
    for name, simulator in SIMULATORS.items():
        table = BUILDERS[name](**ARGUMENTS[name])
        X = np.column_stack([table[field].values for field in simulator.inputs])
        assert np.allclose(simulator.simulate(X), table[simulator.outcome].values, atol=1e-9)
        for coefficients, bound in simulator.limits:
            assert (sum(value * table[field].values for field, value in coefficients.items()) <= bound).all()


def test_a_recipe_that_cannot_be_run_is_told_as_not_a_number():
    told = SIMULATORS["nanoparticle"].simulate(np.array([[12.0, 20, 10, 15, 600], [0.0, 20, 10, 15, 600]]))
    assert np.isfinite(told[0]).all()
    assert np.isnan(told[1]).all()
