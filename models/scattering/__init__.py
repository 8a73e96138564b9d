"""Size and shape of metal nanoparticles from X-ray scattering: shapes, their curves, tables of them, and learners."""
