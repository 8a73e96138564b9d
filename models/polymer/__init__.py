"""Butyl acrylate polymerized by radicals: kinetics, data sets, molar mass targets, and recipes that give them."""
