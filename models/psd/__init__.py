"""Particle size distributions from stacks of microscope images: renderer, readers, learners, baselines and their study."""
